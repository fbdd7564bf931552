// Rules for convolutions, pooling, and everything that resizes or rearranges images.
#include <fmt/format.h>

#include <algorithm>

#include "mil/extents.h"
#include "mil/shape_arguments.h"
#include "mil/shape_rules.h"
#include "mil/window.h"

namespace openane::mil {
namespace {

using Shapes = Result<std::vector<Shape>>;
using Integers = std::optional<std::vector<std::int64_t>>;

Shapes only(Shape shape) { return std::vector<Shape>{std::move(shape)}; }

Result<Window> window_of(const OpView& op, Shape kernel) {
  const std::size_t axes = kernel.size();
  Window window{std::move(kernel), {}, {}, {}, op.text("pad_type")};
  OPENANE_TRY(window.strides, op.integers_of("strides", axes, 1));
  OPENANE_TRY(window.dilations, op.integers_of("dilations", axes, 1));
  OPENANE_TRY(window.pad, op.integers_of("pad", 2 * axes, 0));
  return checked(std::move(window));
}

Result<Shape> windowed(const OpView& op, const Window& window, std::int64_t channels, bool ceil_mode) {
  const Shape& x = op.shape("x");
  Shape out{x[0], channels};
  for (std::size_t i = 0; i < window.kernel.size(); ++i) {
    OPENANE_TRY(const std::int64_t extent, window.windows(i, x[i + 2], ceil_mode));
    out.push_back(extent);
  }
  return out;
}

Result<void> check_conv_ranks(const Shape& x, const Shape& weight) {
  if (x.size() < 3 || x.size() > 5 || weight.size() != x.size()) {
    return mismatch(
        fmt::format("x and weight must have one rank from 3 to 5, found {} and {}", describe(x), describe(weight)));
  }
  return {};
}

Result<void> check_bias(const OpView& op, std::int64_t channels) {
  if (op.has("bias") && (op.shape("bias").size() != 1 || !may_be_equal(op.shape("bias")[0], channels))) {
    return mismatch(fmt::format("bias must have {} elements, found {}", channels, describe(op.shape("bias"))));
  }
  return {};
}

Shapes conv(const OpView& op) {
  const Shape& x = op.shape("x");
  const Shape& weight = op.shape("weight");
  OPENANE_CHECK(check_conv_ranks(x, weight));
  const std::int64_t groups = op.integer("groups").value_or(kUnknownExtent);
  if (groups == 0 || groups < kUnknownExtent || !may_be_equal(multiply(weight[1], groups), x[1])) {
    return mismatch(fmt::format("x {} has {} channels, weight {} with {} groups takes {}", describe(x), x[1],
                                describe(weight), groups, multiply(weight[1], groups)));
  }
  if (is_known(groups) && is_known(weight[0]) && weight[0] % groups != 0) {
    return mismatch(fmt::format("{} output channels in {} groups", weight[0], groups));
  }
  OPENANE_CHECK(check_bias(op, weight[0]));
  OPENANE_TRY(const Window window, window_of(op, Shape(weight.begin() + 2, weight.end())));
  OPENANE_TRY(Shape out, windowed(op, window, weight[0], false));
  return only(std::move(out));
}

Shapes conv_transpose(const OpView& op) {
  const Shape& x = op.shape("x");
  const Shape& weight = op.shape("weight");
  OPENANE_CHECK(check_conv_ranks(x, weight));
  if (!may_be_equal(x[1], weight[0])) {
    return mismatch(
        fmt::format("x {} has {} channels, weight {} takes {}", describe(x), x[1], describe(weight), weight[0]));
  }
  const std::int64_t channels = multiply(weight[1], op.integer("groups").value_or(kUnknownExtent));
  OPENANE_CHECK(check_bias(op, channels));
  if (const Integers given = op.integers("output_shape"); given && op.has("output_shape")) {
    if (given->size() != x.size() || std::ranges::any_of(*given, [](std::int64_t extent) { return extent < 0; })) {
      return mismatch(fmt::format("output_shape must have {} extents, found {}", x.size(), fmt::join(*given, "x")));
    }
    return only(*given);
  }
  OPENANE_TRY(const Window window, window_of(op, Shape(weight.begin() + 2, weight.end())));
  Shape out{x[0], channels};
  for (std::size_t i = 2; i < x.size(); ++i) {
    out.push_back(window.transposed(i - 2, x[i]));
    if (out.back() < kUnknownExtent) {
      return mismatch(fmt::format("padding leaves {} of axis {}", out.back(), i));
    }
  }
  return only(std::move(out));
}

Shapes pool(const OpView& op) {
  const Shape& x = op.shape("x");
  const Integers kernel = op.integers("kernel_sizes");
  if (!kernel) {
    return only(x.size() < 3 ? x : Shape(x.size(), kUnknownExtent));
  }
  if (x.size() < 3 || kernel->size() + 2 != x.size() ||
      std::ranges::any_of(*kernel, [](std::int64_t k) { return k < 1; })) {
    return mismatch(fmt::format("kernel_sizes must be {} positive numbers, found {}", x.size() < 2 ? 0 : x.size() - 2,
                                fmt::join(*kernel, ", ")));
  }
  OPENANE_TRY(const Window window, window_of(op, *kernel));
  OPENANE_TRY(Shape out, windowed(op, window, x[1], op.boolean("ceil_mode").value_or(false)));
  return only(std::move(out));
}

/// The shape of x when it has `rank` axes.
Result<Shape> ranked(const OpView& op, std::size_t rank) {
  const Shape& x = op.shape("x");
  if (x.size() != rank) {
    return mismatch(fmt::format("x must have rank {}, found {}", rank, describe(x)));
  }
  return x;
}

Result<Shape> at_least_rank(const OpView& op, std::size_t rank) {
  const Shape& x = op.shape("x");
  if (x.size() < rank) {
    return mismatch(fmt::format("x must have at least rank {}, found {}", rank, describe(x)));
  }
  return x;
}

Shapes crop(const OpView& op) {
  OPENANE_TRY(Shape out, at_least_rank(op, 3));
  for (const auto& [name, behind] : {std::pair("crop_height", 2), std::pair("crop_width", 1)}) {
    OPENANE_TRY(const Integers amounts, op.integers_of(name, 2, 0));
    std::int64_t& extent = out[out.size() - static_cast<std::size_t>(behind)];
    const bool known = amounts && is_known(extent);
    if (known && ((*amounts)[0] < 0 || (*amounts)[1] < 0 || (*amounts)[0] + (*amounts)[1] > extent)) {
      return mismatch(fmt::format("{} {} and {} from an axis of {}", name, (*amounts)[0], (*amounts)[1], extent));
    }
    extent = known ? extent - (*amounts)[0] - (*amounts)[1] : kUnknownExtent;
  }
  return only(std::move(out));
}

Shapes crop_resize(const OpView& op) {
  OPENANE_TRY(const Shape x, ranked(op, 4));
  const std::int64_t height = op.integer("target_height").value_or(kUnknownExtent);
  const std::int64_t width = op.integer("target_width").value_or(kUnknownExtent);
  if (op.signature().find("roi") != nullptr) {
    const Shape& roi = op.shape("roi");
    if (roi.empty()) {
      return mismatch("roi must be [N, 1, 4 or 5, 1, 1]");
    }
    return only({roi[0], x[0], x[1], height, width});
  }
  const Shape& boxes = op.shape("boxes");
  if (boxes.size() != 2) {
    return mismatch(fmt::format("boxes must be [N, 4], found {}", describe(boxes)));
  }
  return only({boxes[0], x[1], height, width});
}

/// Block size of the depth and space operations, under the name the operation gives it.
std::int64_t block_of(const OpView& op) {
  for (const std::string_view name : {"block_size", "upscale_factor", "downscale_factor"}) {
    if (op.has(name)) {
      return op.integer(name).value_or(kUnknownExtent);
    }
  }
  return kUnknownExtent;
}

Result<std::int64_t> divided(std::int64_t extent, std::int64_t by, std::string_view what) {
  if (is_known(extent) && is_known(by) && (by == 0 || extent % by != 0)) {
    return mismatch(fmt::format("{} of {} cannot be divided by {}", what, extent, by));
  }
  return when_known([](std::int64_t a, std::int64_t b) { return a / b; }, extent, by);
}

Shapes depth_to_space(const OpView& op) {
  OPENANE_TRY(const Shape x, ranked(op, 4));
  const std::int64_t block = block_of(op);
  OPENANE_TRY(const std::int64_t channels, divided(x[1], multiply(block, block), "a channel count"));
  return only({x[0], channels, multiply(x[2], block), multiply(x[3], block)});
}

Shapes space_to_depth(const OpView& op) {
  OPENANE_TRY(const Shape x, ranked(op, 4));
  const std::int64_t block = block_of(op);
  OPENANE_TRY(const std::int64_t height, divided(x[2], block, "a height"));
  OPENANE_TRY(const std::int64_t width, divided(x[3], block, "a width"));
  return only({x[0], multiply(x[1], multiply(block, block)), height, width});
}

Shapes space_to_batch(const OpView& op) {
  OPENANE_TRY(const Shape x, ranked(op, 4));
  OPENANE_TRY(const Integers block, op.integers_of("block_shape", 2, 1));
  OPENANE_TRY(const Integers paddings, op.integers_of("paddings", 4, 0));
  if (!block || !paddings) {
    return only({kUnknownExtent, x[1], kUnknownExtent, kUnknownExtent});
  }
  OPENANE_TRY(const std::int64_t height,
              divided(shift(x[2], (*paddings)[0] + (*paddings)[1]), (*block)[0], "a padded height"));
  OPENANE_TRY(const std::int64_t width,
              divided(shift(x[3], (*paddings)[2] + (*paddings)[3]), (*block)[1], "a padded width"));
  return only({multiply(x[0], multiply((*block)[0], (*block)[1])), x[1], height, width});
}

Shapes batch_to_space(const OpView& op) {
  OPENANE_TRY(const Shape x, ranked(op, 4));
  OPENANE_TRY(const Integers block, op.integers_of("block_shape", 2, 1));
  OPENANE_TRY(const Integers crops, op.integers_of("crops", 4, 0));
  if (!block || !crops) {
    return only({kUnknownExtent, x[1], kUnknownExtent, kUnknownExtent});
  }
  OPENANE_TRY(const std::int64_t batch, divided(x[0], multiply((*block)[0], (*block)[1]), "a batch"));
  const std::int64_t height = shift(multiply(x[2], (*block)[0]), -(*crops)[0] - (*crops)[1]);
  const std::int64_t width = shift(multiply(x[3], (*block)[1]), -(*crops)[2] - (*crops)[3]);
  if (height < kUnknownExtent || width < kUnknownExtent) {
    return mismatch("crops take more than there is");
  }
  return only({batch, x[1], height, width});
}

Shapes resize(const OpView& op) {
  OPENANE_TRY(Shape out, at_least_rank(op, 3));
  out[out.size() - 2] = op.integer("target_size_height").value_or(kUnknownExtent);
  out[out.size() - 1] = op.integer("target_size_width").value_or(kUnknownExtent);
  return only(std::move(out));
}

Shapes resize_nd(const OpView& op) {
  Shape out = op.shape("x");
  const Integers wanted = op.integers("shape");
  const std::optional<std::int64_t> resized = op.integer("resized_dims");
  if (!wanted || !resized) {
    const auto behind = static_cast<std::ptrdiff_t>(out.size());
    std::fill(out.end() - std::clamp<std::ptrdiff_t>(resized.value_or(behind), 0, behind), out.end(), kUnknownExtent);
    return only(std::move(out));
  }
  OPENANE_TRY(out, resized_shape(out, *wanted, *resized));
  return only(std::move(out));
}

Shapes upsample(const OpView& op) {
  OPENANE_TRY(Shape out, at_least_rank(op, 3));
  for (const auto& [name, from_end] : {std::pair("scale_factor_height", 2), std::pair("scale_factor_width", 1)}) {
    const std::optional<double> factor = op.number(name);
    std::int64_t& extent = out[out.size() - static_cast<std::size_t>(from_end)];
    const auto grown = factor && is_known(extent) ? upsampled_extent(extent, *factor) : std::nullopt;
    if (factor && (!(*factor > 0) || (is_known(extent) && !grown))) {
      return mismatch(fmt::format("{} of {}", name, *factor));
    }
    extent = grown.value_or(kUnknownExtent);
  }
  return only(std::move(out));
}

Shapes resample(const OpView& op) {
  OPENANE_TRY(const Shape x, ranked(op, 4));
  const Shape& coordinates = op.shape("coordinates");
  if (coordinates.size() != 4 || !may_be_equal(coordinates[3], 2)) {
    return mismatch(fmt::format("coordinates must be [B, H, W, 2], found {}", describe(coordinates)));
  }
  return only({x[0], x[1], coordinates[1], coordinates[2]});
}

Shapes affine(const OpView& op) {
  OPENANE_TRY(const Shape x, ranked(op, 4));
  return only({x[0], x[1], op.integer("output_height").value_or(kUnknownExtent),
               op.integer("output_width").value_or(kUnknownExtent)});
}

constexpr NamedRule kRules[] = {
    {"conv", conv},
    {"conv_transpose", conv_transpose},
    {"pool", pool},
    {"crop", crop},
    {"crop_resize", crop_resize},
    {"d2s", depth_to_space},
    {"s2d", space_to_depth},
    {"s2b", space_to_batch},
    {"b2s", batch_to_space},
    {"resize", resize},
    {"resize_nd", resize_nd},
    {"upsample", upsample},
    {"resample", resample},
    {"affine", affine},
};

}  // namespace

std::span<const NamedRule> spatial_rules() { return kRules; }

}  // namespace openane::mil
