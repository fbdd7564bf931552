// How numbers become elements of another type.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "openane/half.h"
#include "openane/mil_type.h"

namespace openane::reference {

/// False for every integer. A comparison, so that loops over it are vectorised.
template <typename T>
[[nodiscard]] constexpr bool is_nan(T value) {
  return value != value;  // NOLINT(misc-redundant-expression)
}

/// The low 32 bits: integer arithmetic wraps around, as NumPy's does.
[[nodiscard]] constexpr std::int32_t wrapped(std::int64_t value) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(value));
}

/// Truncates towards zero. What lies outside int32 becomes the nearest end of it, and NaN 0, as on Arm; NumPy leaves
/// both to the host.
[[nodiscard]] inline std::int32_t to_integer(double value, std::int32_t low = std::numeric_limits<std::int32_t>::min(),
                                             std::int32_t high = std::numeric_limits<std::int32_t>::max()) {
  if (!(value > low)) {
    return std::isnan(value) ? 0 : low;
  }
  return value < high ? static_cast<std::int32_t>(value) : high;
}

/// The nearest number of a floating type; other types leave it as it is.
[[nodiscard]] inline double round_to(mil::DataType type, double value) {
  switch (type) {
    case mil::DataType::fp16:
      return static_cast<double>(to_float(to_half(static_cast<float>(value))));
    case mil::DataType::fp32:
      return static_cast<double>(static_cast<float>(value));
    default:
      return value;
  }
}

}  // namespace openane::reference
