// What arguments that name extents and positions mean: shape inference asks when they are constant, kernels when they
// have been computed.
#pragma once

#include <cstdint>
#include <optional>

#include "openane/error.h"
#include "openane/tensor.h"

namespace openane::mil {

/// Replaces 0 (copy) and -1 (infer) in a requested shape; extents of x may be unknown. From ios17 on (`align_right`)
/// zeros are aligned from the right, and one that has no axis of x opposite becomes 1.
[[nodiscard]] Result<Shape> resolve_shape(const Shape& x, Shape wanted, bool align_right);

/// The two extents `flatten2d` makes of x: before and from `axis` on. A negative axis names one of x's own.
[[nodiscard]] Result<Shape> flattened_shape(const Shape& x, std::int64_t axis);

/// The extent of an axis upsampled by `factor`; nothing for a factor that is not positive, or far too large.
[[nodiscard]] std::optional<std::int64_t> upsampled_extent(std::int64_t extent, double factor);

/// The shape of x with its last `resized` extents replaced by the last of `wanted`, where those are not 0.
[[nodiscard]] Result<Shape> resized_shape(const Shape& x, const Shape& wanted, std::int64_t resized);

/// The elements `first`, `first + step`, ... of an axis, `count` of them.
struct AxisSlice {
  std::int64_t first = 0;
  std::int64_t count = 0;
  std::int64_t step = 1;
};

/// `begin:end:stride` along an axis of `extent` elements as NumPy reads it; a bound that is not given reaches to the
/// end of the axis. `stride` must not be 0.
[[nodiscard]] AxisSlice slice_axis(std::int64_t extent, std::optional<std::int64_t> begin,
                                   std::optional<std::int64_t> end, std::int64_t stride);

/// Elements of start, start+step, ... before `end`. Fails for a step of 0 and when there is no end to it.
[[nodiscard]] Result<std::int64_t> range_length(double start, double end, double step);

}  // namespace openane::mil
