// Runs: blocks of neighbouring elements that an index array sends from one place to another. What gathers read and
// scatters write differs only in how a run finds its place.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "openane/error.h"
#include "reference/array.h"
#include "reference/call.h"

namespace openane::reference {

/// Whether a call's op set lets indices count from the end. From ios17 on (the signature has `validate_indices`) a
/// negative index is out of range.
[[nodiscard]] bool takes_negative_indices(const Call& call);

/// Indices into an axis of `extent` elements, each checked and counted from the front. The message names the position
/// of the first bad one.
[[nodiscard]] Result<std::vector<std::int64_t>> checked_indices(const Array& indices, std::int64_t extent,
                                                                bool takes_negative);

/// Rows of indices (the last axis of `indices`), each a position in the axes of `shape` from `first_axis` on, as the
/// number of the run it addresses, counted within those axes.
[[nodiscard]] Result<std::vector<std::int64_t>> checked_tuples(const Array& indices, const Shape& shape,
                                                               std::size_t first_axis, bool takes_negative);

/// An axis with everything before and behind it: the three extents that matter to an operation along one axis.
struct AxisSplit {
  std::int64_t outer = 1;
  std::int64_t extent = 1;
  std::int64_t inner = 1;
};
[[nodiscard]] AxisSplit split_at(const Shape& shape, std::size_t axis);

}  // namespace openane::reference
