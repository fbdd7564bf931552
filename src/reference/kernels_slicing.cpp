// Operations that take a part of a tensor, replace one, or cut a tensor into parts.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "mil/extents.h"
#include "mil/shape_arguments.h"
#include "reference/arguments.h"
#include "reference/kernels.h"
#include "reference/view.h"

namespace openane::reference {
namespace {

/// What begin, end, stride and the masks select, and its shape without the axes that one index was taken of.
struct Selection {
  View view;
  Shape shape;
};

/// The element a squeezed axis is reduced to.
Result<std::int64_t> single_index(std::size_t axis, std::int64_t index, std::int64_t extent) {
  if (index < -extent || index >= extent) {
    return refuse(fmt::format("index {} of axis {}, which has {} elements", index, axis, extent));
  }
  return index < 0 ? index + extent : index;
}

Result<Selection> selection(const Call& call, const Shape& x) {
  OPENANE_TRY(const auto begin, integers_argument(call, "begin", x.size(), 0));
  OPENANE_TRY(const auto end, integers_argument(call, "end", x.size(), 0));
  OPENANE_TRY(const auto stride, integers_argument(call, "stride", x.size(), 1));
  OPENANE_TRY(const auto open_begin, mask_argument(call, "begin_mask", x.size()));
  OPENANE_TRY(const auto open_end, mask_argument(call, "end_mask", x.size()));
  OPENANE_TRY(const auto squeezed, mask_argument(call, "squeeze_mask", x.size()));
  Selection out{View::of(x), {}};
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (squeezed[i]) {
      OPENANE_TRY(const std::int64_t index, single_index(i, open_begin[i] ? 0 : begin[i], x[i]));
      out.view = out.view.sliced(i, index, 1);
      continue;
    }
    if (stride[i] == 0) {
      return refuse(fmt::format("a stride of 0 along axis {}", i));
    }
    const mil::AxisSlice slice = mil::slice_axis(x[i], open_begin[i] ? std::nullopt : std::optional(begin[i]),
                                                 open_end[i] ? std::nullopt : std::optional(end[i]), stride[i]);
    out.view = out.view.sliced(i, slice.first, slice.count, slice.step);
    out.shape.push_back(slice.count);
  }
  return out;
}

Result<void> slice_by_index(Call& call) {
  const Array& x = call.array("x");
  OPENANE_TRY(const Selection selected, selection(call, x.shape()));
  return give_view(call, x, selected.view, selected.shape);
}

Result<void> slice_update(Call& call) {
  const Array& x = call.array("x");
  const Array& update = call.array("update");
  OPENANE_TRY(const Selection selected, selection(call, x.shape()));
  if (update.shape() != selected.shape) {
    return refuse(fmt::format("update is {}, the slice it replaces {}", mil::describe(update.shape()),
                              mil::describe(selected.shape)));
  }
  OPENANE_TRY(Array out, call.allocate(0, x.shape()));
  const View whole = View::of(x.shape());
  copy_view(x, whole, out, whole, call.threads());
  copy_view(update, View::of(selected.view.shape()), out, selected.view, call.threads());
  call.give(0, std::move(out));
  return {};
}

Result<void> slice_by_size(Call& call) {
  const Array& x = call.array("x");
  OPENANE_TRY(const auto begin, integers_argument(call, "begin", x.rank(), 0));
  OPENANE_TRY(const auto size, integers_argument(call, "size", x.rank(), 0));
  View view = View::of(x.shape());
  for (std::size_t i = 0; i < x.rank(); ++i) {
    const std::int64_t extent = x.shape()[i];
    const std::int64_t first = begin[i] < 0 ? begin[i] + extent : begin[i];
    const std::int64_t count = size[i] == -1 ? extent - first : size[i];
    if (first < 0 || count < 0 || count > extent || first > extent - count) {
      return refuse(fmt::format("{} elements from {} of axis {}, which has {}", size[i], begin[i], i, extent));
    }
    view = view.sliced(i, first, count);
  }
  return give_view(call, x, view);
}

Result<void> crop(Call& call) {
  const Array& x = call.array("x");
  if (x.rank() < 3) {
    return refuse(fmt::format("x must have at least rank 3, found {}", mil::describe(x.shape())));
  }
  View view = View::of(x.shape());
  for (const auto& [name, axis] : {std::pair("crop_height", x.rank() - 2), std::pair("crop_width", x.rank() - 1)}) {
    OPENANE_TRY(const auto amounts, integers_argument(call, name, 2, 0));
    const std::int64_t left = x.shape()[axis] - amounts[0] - amounts[1];
    if (amounts[0] < 0 || amounts[1] < 0 || left < 0) {
      return refuse(fmt::format("{} {} and {} from an axis of {}", name, amounts[0], amounts[1], x.shape()[axis]));
    }
    view = view.sliced(axis, amounts[0], left);
  }
  return give_view(call, x, view);
}

/// Sizes of the parts; an even cut when only their number is given.
Result<std::vector<std::int64_t>> part_sizes(const Call& call, std::int64_t extent) {
  if (call.has("split_sizes")) {
    OPENANE_TRY(auto sizes, integers_argument(call, "split_sizes"));
    const std::int64_t sum = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0}, mil::add);
    if (sum != extent) {
      return refuse(fmt::format("parts of {} in all, but the axis has {}", fmt::join(sizes, " + "), extent));
    }
    return sizes;
  }
  OPENANE_TRY(const std::int64_t count, integer_argument(call, "num_splits"));
  if (count < 1 || extent % count != 0) {
    return refuse(fmt::format("an axis of {} cannot be cut into {} equal parts", extent, count));
  }
  return std::vector<std::int64_t>(static_cast<std::size_t>(count), extent / count);
}

Result<void> split(Call& call) {
  const Array& x = call.array("x");
  OPENANE_TRY(const std::size_t axis, axis_argument(call, "axis", x.rank()));
  OPENANE_TRY(const auto sizes, part_sizes(call, x.shape()[axis]));
  if (sizes.size() != call.output_count()) {
    return refuse(fmt::format("{} parts for {} results", sizes.size(), call.output_count()));
  }
  const View whole = View::of(x.shape());
  std::int64_t first = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const View part = whole.sliced(axis, first, sizes[i]);
    OPENANE_TRY(Array out, call.allocate(i, part.shape()));
    copy_view(x, part, out, View::of(out.shape()), call.threads());
    call.give(i, std::move(out));
    first += sizes[i];
  }
  return {};
}

constexpr NamedKernel kKernels[] = {
    {"slice_by_index", slice_by_index},
    {"slice_update", slice_update},
    {"slice_by_size", slice_by_size},
    {"crop", crop},
    {"split", split},
};

}  // namespace

std::span<const NamedKernel> slicing_kernels() { return kKernels; }

}  // namespace openane::reference
