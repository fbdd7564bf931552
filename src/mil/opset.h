// Names of op sets in both forms.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace openane::mil {

struct OpsetInfo {
  std::string_view text;      ///< "ios16"
  std::string_view protobuf;  ///< "CoreML6"
  std::uint32_t specification_version;
};

/// Null when neither form has that name.
[[nodiscard]] const OpsetInfo* find_opset(std::string_view text_or_protobuf);
/// Position of an op set in time, from 0; -1 for unknown names.
[[nodiscard]] int opset_age(std::string_view text_or_protobuf);

}  // namespace openane::mil
