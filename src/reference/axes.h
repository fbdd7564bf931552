// How a tensor falls apart when an operation works along some of its axes.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "openane/error.h"
#include "openane/tensor.h"
#include "reference/call.h"

namespace openane::reference {

/// A dense tensor as [outer, extent, inner] around one axis, or around axes that are neighbours.
struct AxisView {
  std::int64_t outer = 1;
  std::int64_t extent = 1;
  std::int64_t inner = 1;
};

[[nodiscard]] Result<AxisView> view_along(const Shape& shape, std::int64_t axis);

/// Which axes an argument names, counted from either end; all when the argument is absent.
[[nodiscard]] Result<std::vector<bool>> named_axes(const Call& call, std::string_view argument, std::size_t rank);

/// A tensor split into axes that stay and axes that go.
struct AxisSplit {
  std::int64_t kept_count = 1;
  std::int64_t reduced_count = 1;
  /// Set when what goes is neighbours: [outer, reduced, inner].
  std::optional<AxisView> view;
  /// Offset of each combination of the axes of a kind, in order. Element (k, r) is at kept[k] + reduced[r].
  [[nodiscard]] std::vector<std::int64_t> kept_offsets() const;
  [[nodiscard]] std::vector<std::int64_t> reduced_offsets() const;

  Shape shape;
  std::vector<bool> reduced;
};

[[nodiscard]] AxisSplit split_axes(const Shape& shape, std::vector<bool> reduced);

/// The shape without the axes that go, or with extent 1 there.
[[nodiscard]] Shape reduced_shape(const AxisSplit& split, bool keep_dims);

}  // namespace openane::reference
