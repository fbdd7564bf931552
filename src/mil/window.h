// The arithmetic of a window that slides over axes: extents and padding of convolutions and pooling. One rule for
// whoever infers shapes and whoever computes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "openane/error.h"
#include "openane/mil_type.h"

namespace openane::mil {

/// What decides the extents of a window operation. Nothing where an argument is not known.
struct Window {
  using Integers = std::optional<std::vector<std::int64_t>>;

  Shape kernel;
  Integers strides;
  Integers dilations;
  Integers pad;  ///< Before and after each axis, as given: it counts for `custom` alone, and `valid` makes it zeros.
  std::optional<std::string> pad_type;

  /// Extent along an axis, dilation included.
  [[nodiscard]] std::int64_t span(std::size_t axis) const;
  /// Windows along an axis of that extent. Fails when the window is larger than the padded axis.
  [[nodiscard]] Result<std::int64_t> windows(std::size_t axis, std::int64_t extent, bool ceil_mode) const;
  /// Extent a transposed convolution makes of an axis.
  [[nodiscard]] std::int64_t transposed(std::size_t axis, std::int64_t extent) const;
  /// Padding before an axis of that extent when it has so many windows. Everything must be known.
  [[nodiscard]] std::int64_t padding_before(std::size_t axis, std::int64_t extent, std::int64_t windows) const;
};

/// Sets the padding of `valid`; fails for numbers and words that mean nothing.
[[nodiscard]] Result<Window> checked(Window window);

}  // namespace openane::mil
