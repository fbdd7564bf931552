// Resizing. Every axis is resized by itself, outermost first: sampling is separable. A sampling point takes one pixel
// (nearest neighbour) or a blend of two.
//
// Nearest neighbour: upsample_nearest_neighbor takes pixel floor(i*in/out), resize_nearest_neighbor and resize take the
// pixel floor((i + 0.5)*in/out). coremltools converts TensorFlow's two ResizeNearestNeighbor grids to these two
// (apple/coremltools:converters/mil/frontend/tensorflow/ops.py@e0e2f42b).
#include <fmt/format.h>

#include <algorithm>

#include "mil/extents.h"
#include "mil/shape_arguments.h"
#include "reference/arguments.h"
#include "reference/grid.h"
#include "reference/kernels.h"
#include "reference/parallel.h"
#include "reference/runs.h"

namespace openane::reference {
namespace {

/// One axis to resize, and what its points are made of.
struct Pass {
  std::size_t axis;
  std::vector<Blend> points;
};

bool changes_nothing(const Pass& pass, std::int64_t extent) {
  bool same = static_cast<std::int64_t>(pass.points.size()) == extent;
  for (std::size_t i = 0; same && i < pass.points.size(); ++i) {
    same = pass.points[i].weight == 0 && pass.points[i].low == static_cast<std::int64_t>(i);
  }
  return same;
}

template <typename T>
void blend_run(const T* low, const T* high, T weight, T* to, std::int64_t count) {
  const T rest = static_cast<T>(1) - weight;
  for (std::int64_t i = 0; i < count; ++i) {
    to[i] = rest * low[i] + weight * high[i];
  }
}

template <typename T>
void resize_axis(const T* from, T* to, const AxisSplit& split, std::span<const Blend> points, unsigned threads) {
  const auto count = static_cast<std::int64_t>(points.size());
  const std::int64_t grain = 1 + (1 << 15) / std::max<std::int64_t>(count * split.inner, 1);
  parallel_for(split.outer, grain, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t outer = begin; outer < end; ++outer) {
      const T* source = from + outer * split.extent * split.inner;
      T* target = to + outer * count * split.inner;
      for (const Blend& point : points) {
        const T* low = source + point.low * split.inner;
        if (point.weight == 0) {
          std::copy_n(low, split.inner, target);
        } else {
          blend_run(low, source + point.high * split.inner, static_cast<T>(point.weight), target, split.inner);
        }
        target += split.inner;
      }
    }
  });
}

template <typename T>
Result<void> run_passes(Call& call, const Array& x, const Array& out, std::span<const Pass> passes) {
  Shape shape = x.shape();
  std::vector<T> held;
  const T* from = x.elements<T>().data();
  for (std::size_t i = 0; i < passes.size(); ++i) {
    const AxisSplit split = split_at(shape, passes[i].axis);
    shape[passes[i].axis] = static_cast<std::int64_t>(passes[i].points.size());
    const std::optional<std::uint64_t> count = mil::count_elements(shape);
    if (!count || *count > UINT32_MAX) {
      return refuse(fmt::format("{} elements on the way from {}", mil::describe(shape), mil::describe(x.shape())));
    }
    const bool is_last = i + 1 == passes.size();
    std::vector<T> next(is_last ? 0 : *count);
    T* to = is_last ? out.writable<T>().data() : next.data();
    resize_axis(from, to, split, passes[i].points, call.threads());
    held = std::move(next);
    from = held.data();
  }
  return {};
}

/// Extents beyond this are no image; products of two of them fit 64 bits.
constexpr std::int64_t kLongestAxis = std::int64_t{1} << 30;

Result<void> check_extents(const Shape& x, const Shape& shape) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (std::max(x[i], shape[i]) > kLongestAxis || (x[i] == 0 && shape[i] != 0)) {
      return refuse(fmt::format("{} cannot be resized to {}", mil::describe(x), mil::describe(shape)));
    }
  }
  return {};
}

/// Resizes the axes from `first` on: `points(extent, count)` says what `count` points on an axis are made of.
template <typename Points>
Result<void> give_resized(Call& call, const Shape& shape, std::size_t first, const Points& points) {
  const Array& x = call.array("x");
  OPENANE_CHECK(check_extents(x.shape(), shape));
  OPENANE_TRY(Array out, call.allocate(0, shape));
  std::vector<Pass> passes;
  for (std::size_t i = first; out.count() > 0 && i < x.rank(); ++i) {
    passes.push_back({i, points(x.shape()[i], shape[i])});
    if (changes_nothing(passes.back(), x.shape()[i])) {
      passes.pop_back();
    }
  }
  if (passes.empty()) {
    call.give(0, out.count() > 0 ? x : out);
    return {};
  }
  switch (x.holding()) {
    case Holding::fp32:
      OPENANE_CHECK(run_passes<float>(call, x, out, passes));
      break;
    case Holding::fp64:
      OPENANE_CHECK(run_passes<double>(call, x, out, passes));
      break;
    case Holding::int32:
      OPENANE_CHECK(run_passes<std::int32_t>(call, x, out, passes));
      break;
    default:
      return fail(ErrorCategory::internal, "only numbers are resized");
  }
  call.give(0, std::move(out));
  return {};
}

/// Point i of `count` on pixel floor((i + shift)*extent/count), `shift` in halves.
std::vector<Blend> nearest_points(std::int64_t extent, std::int64_t count, std::int64_t halves) {
  std::vector<Blend> points;
  points.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t pixel = std::min((2 * i + halves) * extent / (2 * count), extent - 1);
    points.push_back({pixel, pixel, 0});
  }
  return points;
}

std::vector<Blend> linear_points(Sampling sampling, std::int64_t extent, std::int64_t count) {
  return blends(sampling_points(sampling, static_cast<double>(extent), count), extent);
}

Result<Shape> image_of(const Call& call) {
  const Shape& x = call.array("x").shape();
  if (x.size() < 3) {
    return refuse(fmt::format("x must have at least rank 3, found {}", mil::describe(x)));
  }
  return x;
}

Result<Shape> target_shape(const Call& call) {
  OPENANE_TRY(Shape shape, image_of(call));
  OPENANE_TRY(shape[shape.size() - 2], integer_argument(call, "target_size_height"));
  OPENANE_TRY(shape[shape.size() - 1], integer_argument(call, "target_size_width"));
  if (shape[shape.size() - 2] < 0 || shape.back() < 0) {
    return refuse(fmt::format("a target of {} x {}", shape[shape.size() - 2], shape.back()));
  }
  return shape;
}

Result<Shape> upsampled_shape(const Call& call) {
  OPENANE_TRY(Shape shape, image_of(call));
  for (const auto& [name, axis] :
       {std::pair("scale_factor_height", shape.size() - 2), std::pair("scale_factor_width", shape.size() - 1)}) {
    OPENANE_TRY(const double factor, number_argument(call, name));
    const std::optional<std::int64_t> extent = mil::upsampled_extent(shape[axis], factor);
    if (!extent) {
      return refuse(fmt::format("{} of {}", name, factor));
    }
    shape[axis] = *extent;
  }
  return shape;
}

Result<Sampling> sampling_of(const Call& call) {
  OPENANE_TRY(const std::string mode, text_argument(call, "sampling_mode"));
  return sampling_from_string(mode);
}

Result<void> resize_bilinear(Call& call) {
  OPENANE_TRY(const Shape shape, target_shape(call));
  OPENANE_TRY(const Sampling sampling, sampling_of(call));
  return give_resized(call, shape, shape.size() - 2,
                      [&](auto extent, auto count) { return linear_points(sampling, extent, count); });
}

Result<void> resize_nearest_neighbor(Call& call) {
  OPENANE_TRY(const Shape shape, target_shape(call));
  return give_resized(call, shape, shape.size() - 2,
                      [](auto extent, auto count) { return nearest_points(extent, count, 1); });
}

Result<void> upsample_nearest_neighbor(Call& call) {
  OPENANE_TRY(const Shape shape, upsampled_shape(call));
  return give_resized(call, shape, shape.size() - 2,
                      [](auto extent, auto count) { return nearest_points(extent, count, 0); });
}

/// The grid is that of the extents, not of the factors: in/out, whatever was rounded away.
Result<Sampling> upsampling_of(const Call& call) {
  const bool align_corners = call.boolean("align_corners").value_or(true);
  const bool half_pixels = call.boolean("half_pixel_centers").value_or(!align_corners);
  if (align_corners && half_pixels) {
    return unpublished("align_corners true with half_pixel_centers true");
  }
  if (align_corners) {
    return Sampling::strict_align_corners;
  }
  return half_pixels ? Sampling::unalign_corners : Sampling::upsample;
}

Result<void> upsample_bilinear(Call& call) {
  OPENANE_TRY(const Shape shape, upsampled_shape(call));
  OPENANE_TRY(const Sampling sampling, upsampling_of(call));
  return give_resized(call, shape, shape.size() - 2,
                      [&](auto extent, auto count) { return linear_points(sampling, extent, count); });
}

Result<void> resize(Call& call) {
  const Array& x = call.array("x");
  OPENANE_TRY(const Shape wanted, integers_argument(call, "shape"));
  OPENANE_TRY(const std::int64_t resized, integer_argument(call, "resized_dims"));
  OPENANE_TRY(const Shape shape, mil::resized_shape(x.shape(), wanted, resized));
  OPENANE_TRY(const std::string interpolation, text_argument(call, "interpolation_mode"));
  OPENANE_TRY(const Sampling sampling, sampling_of(call));
  const std::size_t first = x.rank() - static_cast<std::size_t>(resized);
  if (interpolation == "NEAREST_NEIGHBOR" && sampling == Sampling::upsample) {
    return give_resized(call, shape, first, [](auto extent, auto count) { return nearest_points(extent, count, 1); });
  }
  if (interpolation == "LINEAR" && x.holding() != Holding::int32) {
    return give_resized(call, shape, first,
                        [&](auto extent, auto count) { return linear_points(sampling, extent, count); });
  }
  return unpublished(fmt::format("interpolation_mode '{}' with sampling_mode '{}' for {}", interpolation,
                                 call.text("sampling_mode").value_or(""), mil::to_string(x.type())));
}

constexpr NamedKernel kKernels[] = {
    {"resize", resize},
    {"resize_bilinear", resize_bilinear},
    {"resize_nearest_neighbor", resize_nearest_neighbor},
    {"upsample_bilinear", upsample_bilinear},
    {"upsample_nearest_neighbor", upsample_nearest_neighbor},
};

}  // namespace

std::span<const NamedKernel> image_kernels() { return kKernels; }

}  // namespace openane::reference
