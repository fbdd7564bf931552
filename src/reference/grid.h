// Where a resized axis samples the axis it comes from.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "openane/error.h"

namespace openane::reference {

/// The rules that place sampling points (apple/coremltools: mil/ops/defs/iOS15/image_resizing.py@e0e2f42b,
/// resize_bilinear).
enum class Sampling : std::uint8_t {
  strict_align_corners,  ///< First and last point on the first and last pixel; a single point on the first.
  align_corners,         ///< The same; a single point in the middle.
  upsample,              ///< DEFAULT: point i at i*in/out.
  offset_corners,        ///< out equal cells over the distance of the outer pixels, points in their middle.
  unalign_corners,       ///< Half-pixel centres: (i + 0.5)*in/out - 0.5.
};

/// Fails for a name nobody has published.
[[nodiscard]] Result<Sampling> sampling_from_string(std::string_view name);

/// Positions of `count` sampling points on an axis of `extent` pixels (which need not be whole), clamped to it:
/// 0 is the middle of the first pixel, extent - 1 of the last.
[[nodiscard]] std::vector<double> sampling_points(Sampling sampling, double extent, std::int64_t count);

/// A point between two pixels: its value is (1 - weight)*[low] + weight*[high].
struct Blend {
  std::int64_t low = 0;
  std::int64_t high = 0;
  double weight = 0;
};
/// The pixels around points that lie on an axis of `extent` pixels.
[[nodiscard]] std::vector<Blend> blends(const std::vector<double>& points, std::int64_t extent);

}  // namespace openane::reference
