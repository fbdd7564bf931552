#include "reference/axes.h"

#include <algorithm>
#include <utility>

#include "mil/extents.h"

namespace openane::reference {
namespace {

std::vector<std::int64_t> offsets_of(const AxisSplit& split, bool reduced) {
  std::vector<std::int64_t> strides(split.shape.size(), 1);
  for (std::size_t i = split.shape.size(); i-- > 1;) {
    strides[i - 1] = strides[i] * split.shape[i];
  }
  std::vector<std::int64_t> offsets{0};
  for (std::size_t axis = 0; axis < split.shape.size(); ++axis) {
    if (split.reduced[axis] != reduced) {
      continue;
    }
    std::vector<std::int64_t> next;
    next.reserve(offsets.size() * static_cast<std::size_t>(split.shape[axis]));
    for (const std::int64_t offset : offsets) {
      for (std::int64_t i = 0; i < split.shape[axis]; ++i) {
        next.push_back(offset + i * strides[axis]);
      }
    }
    offsets = std::move(next);
  }
  return offsets;
}

}  // namespace

Result<AxisView> view_along(const Shape& shape, std::int64_t axis) {
  OPENANE_TRY(const std::size_t at, mil::normalise_axis(axis, shape.size()));
  return AxisView{mil::product(shape, 0, at), shape[at], mil::product(shape, at + 1, shape.size())};
}

Result<std::vector<bool>> named_axes(const Call& call, std::string_view argument, std::size_t rank) {
  if (!call.has(argument)) {
    return std::vector<bool>(rank, true);
  }
  std::vector<bool> named(rank, false);
  for (const std::int64_t axis : call.integers(argument).value_or(std::vector<std::int64_t>())) {
    OPENANE_TRY(const std::size_t at, mil::normalise_axis(axis, rank));
    named[at] = true;
  }
  return named;
}

std::vector<std::int64_t> AxisSplit::kept_offsets() const { return offsets_of(*this, false); }
std::vector<std::int64_t> AxisSplit::reduced_offsets() const { return offsets_of(*this, true); }

AxisSplit split_axes(const Shape& shape, std::vector<bool> reduced) {
  AxisSplit split;
  split.shape = shape;
  split.reduced = std::move(reduced);
  AxisView view;
  bool is_neighbours = true;
  bool has_begun = false;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    const std::int64_t extent = shape[axis];
    (split.reduced[axis] ? split.reduced_count : split.kept_count) *= extent;
    if (extent == 1) {
      continue;
    }
    if (split.reduced[axis]) {
      is_neighbours = is_neighbours && view.inner == 1;
      view.extent *= extent;
      has_begun = true;
    } else {
      (has_begun ? view.inner : view.outer) *= extent;
    }
  }
  if (is_neighbours) {
    split.view = view;
  }
  return split;
}

Shape reduced_shape(const AxisSplit& split, bool keep_dims) {
  Shape out;
  for (std::size_t axis = 0; axis < split.shape.size(); ++axis) {
    if (!split.reduced[axis]) {
      out.push_back(split.shape[axis]);
    } else if (keep_dims) {
      out.push_back(1);
    }
  }
  return out;
}

}  // namespace openane::reference
