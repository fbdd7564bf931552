// Conversion between element types, for whole tensors and for the rows of a surface.
#pragma once

#include <cstddef>
#include <cstdint>

#include "openane/element_type.h"
#include "openane/error.h"

namespace openane {

/// Converts `count` elements at any addresses that do not overlap.
using ElementCast = void (*)(const std::uint8_t* from, std::uint8_t* to, std::size_t count);

/// The conversion between two types: to floating point rounds half to even; to integers rounds half to even and
/// saturates, a NaN becomes 0; to boolean, everything but zero is true. `missing_specification` for types whose
/// encoding nobody has published.
[[nodiscard]] Result<ElementCast> find_element_cast(ElementType from, ElementType to);

/// `element_bytes`, or an error that names the type.
[[nodiscard]] Result<std::uint32_t> required_element_bytes(ElementType type);

}  // namespace openane
