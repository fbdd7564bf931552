// Names that people type: only letters and digits count, and case does not. "M1 Pro", "m1-pro" and "m1pro" are one
// name.
#pragma once

#include <string>
#include <string_view>

namespace openane {

[[nodiscard]] std::string plain_name(std::string_view name);

}  // namespace openane
