// Which element types the string inputs of the catalogue may name (`dtype` of cast, `output_dtype`, ...).
#pragma once

#include <span>
#include <string_view>

#include "openane/mil_ops.h"

namespace openane::mil {

/// One row per such input of a signature.
struct NameableTypes {
  std::string_view operation;
  std::string_view since;  ///< Of the signature.
  std::string_view input;
  DataTypeSet types;
};

[[nodiscard]] std::span<const NameableTypes> nameable_types();

}  // namespace openane::mil
