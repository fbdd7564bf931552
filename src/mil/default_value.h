// The defaults of optional arguments, as a signature writes them: a number, true, false, or a quoted text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "openane/mil_value.h"

namespace openane::mil {

[[nodiscard]] std::optional<double> default_number(std::string_view text);
[[nodiscard]] std::optional<bool> default_boolean(std::string_view text);
[[nodiscard]] std::optional<std::string> default_text(std::string_view text);

/// Appends all integers (or booleans) of a constant, of a tuple or list those of its parts; `out` becomes nothing when
/// the value holds something else, or a number beyond kLargestInteger.
void append_integers(const Value& value, std::optional<std::vector<std::int64_t>>& out);

}  // namespace openane::mil
