// Operations that show the elements of one tensor in another order or under another shape. Those that keep the order
// hand the argument on under its new shape; no element moves.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "mil/extents.h"
#include "mil/shape_arguments.h"
#include "reference/arguments.h"
#include "reference/kernels.h"
#include "reference/view.h"

namespace openane::reference {
namespace {

Result<void> give_reshaped(Call& call, Shape shape) {
  call.give(0, call.array("x").reshaped(std::move(shape)));
  return {};
}

Result<void> identity(Call& call) {
  call.give(0, call.array("x"));
  return {};
}

Result<void> reshape(Call& call) {
  OPENANE_TRY(const auto wanted, integers_argument(call, "shape"));
  const bool align_right = call.signature().since != "ios15";
  OPENANE_TRY(Shape shape, mil::resolve_shape(call.array("x").shape(), wanted, align_right));
  return give_reshaped(call, std::move(shape));
}

/// The axes begin..end of each reference tensor, one after the other.
Result<Shape> referenced_shape(Call& call) {
  const std::span<const Array> references = call.arrays("ref_tensors");
  OPENANE_TRY(const auto begins, integers_argument(call, "begins", references.size(), 0));
  OPENANE_TRY(const auto ends, integers_argument(call, "ends", references.size(), 0));
  OPENANE_TRY(const auto masks, mask_argument(call, "end_masks", references.size()));
  Shape shape;
  for (std::size_t i = 0; i < references.size(); ++i) {
    const Shape& reference = references[i].shape();
    const auto rank = static_cast<std::int64_t>(reference.size());
    const mil::AxisSlice axes = mil::slice_axis(rank, begins[i], masks[i] ? std::nullopt : std::optional(ends[i]), 1);
    shape.insert(shape.end(), reference.begin() + axes.first, reference.begin() + axes.first + axes.count);
  }
  return shape;
}

Result<void> reshape_like(Call& call) {
  OPENANE_TRY(Shape shape, referenced_shape(call));
  const Shape& x = call.array("x").shape();
  if (mil::product(x, 0, x.size()) != mil::product(shape, 0, shape.size())) {
    return refuse(fmt::format("{} cannot be reshaped to {}", mil::describe(x), mil::describe(shape)));
  }
  return give_reshaped(call, std::move(shape));
}

Result<void> expand_dims(Call& call) {
  Shape shape = call.array("x").shape();
  OPENANE_TRY(const auto axes, integers_argument(call, "axes"));
  std::vector<std::size_t> positions;
  positions.reserve(axes.size());
  for (const std::int64_t axis : axes) {
    OPENANE_TRY(const std::size_t at, mil::normalise_axis(axis, shape.size() + axes.size()));
    positions.push_back(at);
  }
  std::ranges::sort(positions);
  for (const std::size_t at : positions) {
    shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(std::min(at, shape.size())), 1);
  }
  return give_reshaped(call, std::move(shape));
}

/// The axes an optional argument names; all of them when it is absent.
Result<std::vector<bool>> named_axes(const Call& call, std::size_t rank) {
  if (!call.has("axes")) {
    return std::vector<bool>(rank, true);
  }
  OPENANE_TRY(const auto axes, integers_argument(call, "axes"));
  std::vector<bool> named(rank, false);
  for (const std::int64_t axis : axes) {
    OPENANE_TRY(const std::size_t at, mil::normalise_axis(axis, rank));
    named[at] = true;
  }
  return named;
}

/// A named axis longer than 1 stays, as in PyTorch.
Result<void> squeeze(Call& call) {
  const Shape& x = call.array("x").shape();
  OPENANE_TRY(const std::vector<bool> named, named_axes(call, x.size()));
  Shape shape;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!named[i] || x[i] != 1) {
      shape.push_back(x[i]);
    }
  }
  return give_reshaped(call, std::move(shape));
}

Result<void> flatten2d(Call& call) {
  OPENANE_TRY(const std::int64_t axis, integer_argument(call, "axis"));
  OPENANE_TRY(Shape shape, mil::flattened_shape(call.array("x").shape(), axis));
  return give_reshaped(call, std::move(shape));
}

Result<void> transpose(Call& call) {
  const Array& x = call.array("x");
  OPENANE_TRY(const auto perm, integers_argument(call, "perm"));
  std::vector<std::size_t> order;
  std::vector<bool> used(x.rank(), false);
  order.reserve(perm.size());
  for (const std::int64_t axis : perm) {
    OPENANE_TRY(const std::size_t at, mil::normalise_axis(axis, x.rank()));
    if (used[at]) {
      return refuse(fmt::format("axis {} stands twice in perm", at));
    }
    used[at] = true;
    order.push_back(at);
  }
  if (order.size() != x.rank()) {
    return refuse(fmt::format("perm has {} axes, x has {}", order.size(), x.rank()));
  }
  return give_view(call, x, View::of(x.shape()).permuted(order));
}

Result<void> reverse(Call& call) {
  const Array& x = call.array("x");
  OPENANE_TRY(const std::vector<bool> named, named_axes(call, x.rank()));
  View view = View::of(x.shape());
  for (std::size_t i = 0; i < x.rank(); ++i) {
    if (named[i]) {
      view = view.sliced(i, x.shape()[i] - 1, x.shape()[i], -1);
    }
  }
  return give_view(call, x, view);
}

Result<void> reverse_sequence(Call& call) {
  const Array& x = call.array("x");
  OPENANE_TRY(const std::size_t sequence, axis_argument(call, "seq_axis", x.rank()));
  OPENANE_TRY(const std::size_t batch, axis_argument(call, "batch_axis", x.rank()));
  if (sequence == batch) {
    return refuse(fmt::format("seq_axis and batch_axis are both {}", batch));
  }
  OPENANE_TRY(const auto lengths, integers_argument(call, "lengths"));
  if (static_cast<std::int64_t>(lengths.size()) != x.shape()[batch]) {
    return refuse(fmt::format("{} lengths for a batch axis of {}", lengths.size(), x.shape()[batch]));
  }
  OPENANE_TRY(Array out, call.allocate(0, x.shape()));
  const View whole = View::of(x.shape());
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    const std::int64_t length = lengths[i];
    if (length < 0 || length > x.shape()[sequence]) {
      return refuse(fmt::format("length {} at position {} of a sequence axis of {}", length, i, x.shape()[sequence]));
    }
    const View item = whole.sliced(batch, static_cast<std::int64_t>(i), 1);
    const std::int64_t rest = x.shape()[sequence] - length;
    copy_view(x, item.sliced(sequence, length - 1, length, -1), out, item.sliced(sequence, 0, length), call.threads());
    copy_view(x, item.sliced(sequence, length, rest), out, item.sliced(sequence, length, rest), call.threads());
  }
  call.give(0, std::move(out));
  return {};
}

Result<void> sliding_windows(Call& call) {
  const Array& x = call.array("x");
  OPENANE_TRY(const std::size_t axis, axis_argument(call, "axis", x.rank()));
  OPENANE_TRY(const std::int64_t size, integer_argument(call, "size"));
  OPENANE_TRY(const std::int64_t stride, integer_argument(call, "stride"));
  if (size < 1 || stride < 1 || x.shape()[axis] < size) {
    return refuse(fmt::format("windows of {} every {} along an axis of {}", size, stride, x.shape()[axis]));
  }
  const View whole = View::of(x.shape());
  const std::int64_t count = (x.shape()[axis] - size) / stride + 1;
  const View starts = whole.sliced(axis, 0, count, stride);
  return give_view(call, x, starts.with_axis(axis + 1, {size, whole.axes[axis].stride}));
}

// Space and depth. With the channels cut into C' groups of b*b and each b x b block of the image into its rows and
// columns, the four operations are transpositions: TensorFlow's order (depth_to_space, space_to_depth) has the block
// before the channel, PyTorch's (pixel_shuffle, pixel_unshuffle) behind it.

Result<Shape> image_shape(const Array& x) {
  if (x.rank() != 4) {
    return refuse(fmt::format("x must have rank 4, found {}", mil::describe(x.shape())));
  }
  return x.shape();
}

Result<std::int64_t> divided(std::int64_t extent, std::int64_t by, std::string_view what) {
  if (by < 1 || extent % by != 0) {
    return refuse(fmt::format("{} of {} cannot be divided by {}", what, extent, by));
  }
  return extent / by;
}

enum class BlockOrder : std::uint8_t { before_channel, behind_channel };

Result<void> to_space(Call& call, std::string_view block_name, BlockOrder order) {
  const Array& x = call.array("x");
  OPENANE_TRY(const Shape in, image_shape(x));
  OPENANE_TRY(const std::int64_t block, integer_argument(call, block_name));
  OPENANE_TRY(const std::int64_t channels, divided(in[1], mil::multiply(block, block), "a channel count"));
  const bool before = order == BlockOrder::before_channel;
  const std::array<std::int64_t, 3> parts =
      before ? std::array{block, block, channels} : std::array{channels, block, block};
  constexpr std::array<std::size_t, 6> kBefore{0, 3, 4, 1, 5, 2};  // n c h rows w columns
  constexpr std::array<std::size_t, 6> kBehind{0, 1, 4, 2, 5, 3};
  const View view = View::of(in).split(1, parts).permuted(before ? kBefore : kBehind);
  return give_view(call, x, view, {in[0], channels, mil::multiply(in[2], block), mil::multiply(in[3], block)});
}

Result<void> to_depth(Call& call, std::string_view block_name, BlockOrder order) {
  const Array& x = call.array("x");
  OPENANE_TRY(const Shape in, image_shape(x));
  OPENANE_TRY(const std::int64_t block, integer_argument(call, block_name));
  OPENANE_TRY(const std::int64_t height, divided(in[2], block, "a height"));
  OPENANE_TRY(const std::int64_t width, divided(in[3], block, "a width"));
  constexpr std::array<std::size_t, 6> kBefore{0, 3, 5, 1, 2, 4};  // n rows columns c h w
  constexpr std::array<std::size_t, 6> kBehind{0, 1, 3, 5, 2, 4};
  const View blocks = View::of(in).split(3, std::array{width, block}).split(2, std::array{height, block});
  const View view = blocks.permuted(order == BlockOrder::before_channel ? kBefore : kBehind);
  return give_view(call, x, view, {in[0], mil::multiply(in[1], mil::multiply(block, block)), height, width});
}

Result<void> depth_to_space(Call& call) { return to_space(call, "block_size", BlockOrder::before_channel); }
Result<void> pixel_shuffle(Call& call) { return to_space(call, "upscale_factor", BlockOrder::behind_channel); }
Result<void> space_to_depth(Call& call) { return to_depth(call, "block_size", BlockOrder::before_channel); }
Result<void> pixel_unshuffle(Call& call) { return to_depth(call, "downscale_factor", BlockOrder::behind_channel); }

// Space and batch. Image rows i, i + b, i + 2b, ... of the padded image form the rows of batch entry i of b; columns
// likewise. One sub-grid is one strided copy; padding and cropping only shift where it starts.

/// Along one axis: which of `count` sub-grid positions k, at image position `phase + k*block - before`, lie inside.
mil::AxisSlice inside(std::int64_t phase, std::int64_t block, std::int64_t before, std::int64_t extent,
                      std::int64_t count) {
  const std::int64_t short_of = before - phase;
  const std::int64_t first = short_of > 0 ? (short_of + block - 1) / block : 0;
  const std::int64_t room = extent + short_of - first * block;
  return {first, std::clamp<std::int64_t>((room + block - 1) / block, 0, std::max<std::int64_t>(count - first, 0)), 1};
}

/// What both directions copy for the sub-grid (row, column): `grids` is the tensor with the larger batch.
struct SubGrid {
  View grids;
  View image;
};

struct Blocks {
  std::array<std::int64_t, 2> block;
  std::array<std::int64_t, 2> before;  ///< Rows and columns of the image that are padding, or cropped away.
};

SubGrid sub_grid(const Shape& grids, const Shape& image, const Blocks& blocks, std::array<std::int64_t, 2> phase) {
  const std::int64_t batch = (phase[0] * blocks.block[1] + phase[1]) * image[0];
  SubGrid out{View::of(grids).sliced(0, batch, image[0]), View::of(image)};
  for (std::size_t i = 0; i < 2; ++i) {
    const mil::AxisSlice part = inside(phase[i], blocks.block[i], blocks.before[i], image[i + 2], grids[i + 2]);
    const std::int64_t start = phase[i] + part.first * blocks.block[i] - blocks.before[i];
    out.grids = out.grids.sliced(i + 2, part.first, part.count);
    out.image = out.image.sliced(i + 2, start, part.count, blocks.block[i]);
  }
  return out;
}

/// There are no more sub-grids than elements, unless there are no elements.
template <typename Copy>
void for_each_sub_grid(const Shape& grids, const Shape& image, const Blocks& blocks, const Copy& copy) {
  if (mil::product(grids, 0, grids.size()) == 0) {
    return;
  }
  for (std::int64_t row = 0; row < blocks.block[0]; ++row) {
    for (std::int64_t column = 0; column < blocks.block[1]; ++column) {
      copy(sub_grid(grids, image, blocks, {row, column}));
    }
  }
}

struct BatchArguments {
  Blocks blocks;
  std::array<std::int64_t, 2> around;  ///< Before and after together, of rows and columns.
};

Result<BatchArguments> batch_arguments(const Call& call, std::string_view amounts_name) {
  OPENANE_TRY(const auto block, integers_argument(call, "block_shape", 2, 1));
  OPENANE_TRY(const auto amounts, integers_argument(call, amounts_name, 4, 0));
  if (block[0] < 1 || block[1] < 1 || std::ranges::any_of(amounts, [](std::int64_t amount) { return amount < 0; })) {
    return refuse(
        fmt::format("blocks of {} x {} with {} {}", block[0], block[1], amounts_name, fmt::join(amounts, ", ")));
  }
  return BatchArguments{{{block[0], block[1]}, {amounts[0], amounts[2]}},
                        {mil::add(amounts[0], amounts[1]), mil::add(amounts[2], amounts[3])}};
}

Result<void> space_to_batch(Call& call) {
  const Array& x = call.array("x");
  OPENANE_TRY(const Shape in, image_shape(x));
  OPENANE_TRY(const BatchArguments arguments, batch_arguments(call, "paddings"));
  const auto& [blocks, around] = arguments;
  OPENANE_TRY(const std::int64_t height, divided(mil::add(in[2], around[0]), blocks.block[0], "a padded height"));
  OPENANE_TRY(const std::int64_t width, divided(mil::add(in[3], around[1]), blocks.block[1], "a padded width"));
  OPENANE_TRY(Array out, call.allocate(0, {mil::multiply(in[0], mil::multiply(blocks.block[0], blocks.block[1])), in[1],
                                           height, width}));
  if (around[0] + around[1] > 0) {
    fill(out, 0);
  }
  for_each_sub_grid(out.shape(), in, blocks,
                    [&](const SubGrid& part) { copy_view(x, part.image, out, part.grids, call.threads()); });
  call.give(0, std::move(out));
  return {};
}

Result<void> batch_to_space(Call& call) {
  const Array& x = call.array("x");
  OPENANE_TRY(const Shape in, image_shape(x));
  OPENANE_TRY(const BatchArguments arguments, batch_arguments(call, "crops"));
  const auto& [blocks, around] = arguments;
  OPENANE_TRY(const std::int64_t batch, divided(in[0], mil::multiply(blocks.block[0], blocks.block[1]), "a batch"));
  const std::int64_t height = mil::multiply(in[2], blocks.block[0]) - around[0];
  const std::int64_t width = mil::multiply(in[3], blocks.block[1]) - around[1];
  if (height < 0 || width < 0) {
    return refuse("crops take more than there is");
  }
  OPENANE_TRY(Array out, call.allocate(0, {batch, in[1], height, width}));
  for_each_sub_grid(in, out.shape(), blocks,
                    [&](const SubGrid& part) { copy_view(x, part.grids, out, part.image, call.threads()); });
  call.give(0, std::move(out));
  return {};
}

constexpr NamedKernel kKernels[] = {
    {"identity", identity},
    {"reshape", reshape},
    {"reshape_like", reshape_like},
    {"expand_dims", expand_dims},
    {"squeeze", squeeze},
    {"flatten2d", flatten2d},
    {"transpose", transpose},
    {"reverse", reverse},
    {"reverse_sequence", reverse_sequence},
    {"sliding_windows", sliding_windows},
    {"depth_to_space", depth_to_space},
    {"pixel_shuffle", pixel_shuffle},
    {"space_to_depth", space_to_depth},
    {"pixel_unshuffle", pixel_unshuffle},
    {"space_to_batch", space_to_batch},
    {"batch_to_space", batch_to_space},
};

}  // namespace

std::span<const NamedKernel> layout_kernels() { return kKernels; }

}  // namespace openane::reference
