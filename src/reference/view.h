// Views: how the elements of an array look from another side.
//
// Most layout operations pick elements by a rule that is linear in every index: element (i, j, ...) of the result lies
// at offset + i*stride_i + j*stride_j + ... of the argument. A view is that rule. `copy_view` is the one place that
// moves the elements: it joins axes that lie behind one another, copies whole runs where both sides are contiguous, and
// goes by square tiles where the two sides disagree about the innermost axis, so that every cache line is fetched once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "openane/tensor.h"
#include "reference/array.h"
#include "reference/call.h"

namespace openane::reference {

struct View {
  struct Axis {
    std::int64_t extent = 1;
    std::int64_t stride = 0;  ///< In elements; 0 repeats, a negative one walks backwards.
  };
  std::vector<Axis> axes;
  std::int64_t offset = 0;

  /// All elements of a dense, row-major array.
  [[nodiscard]] static View of(const Shape& shape);
  [[nodiscard]] Shape shape() const;

  // Each gives another view of the same array; the caller has checked axes and positions.
  [[nodiscard]] View permuted(std::span<const std::size_t> order) const;
  /// `count` elements of an axis, from `first`, every `step`.
  [[nodiscard]] View sliced(std::size_t axis, std::int64_t first, std::int64_t count, std::int64_t step = 1) const;
  /// Replaces an axis by several, slowest first; their product is its extent.
  [[nodiscard]] View split(std::size_t axis, std::span<const std::int64_t> extents) const;
  /// A new axis before `position`.
  [[nodiscard]] View with_axis(std::size_t position, Axis axis) const;
};

/// Copies element for element between two views of one shape. The arrays have the same holding.
void copy_view(const Array& from, const View& source, const Array& to, const View& target, unsigned threads);

/// Gives result 0 of a call: the elements that a view of `x` shows, dense, under the shape `out` (of as many elements).
[[nodiscard]] Result<void> give_view(Call& call, const Array& x, const View& view, const Shape& out);
/// The same, under the view's own shape.
[[nodiscard]] Result<void> give_view(Call& call, const Array& x, const View& view);

/// Sets every element of an array of numbers; integers and booleans take `value` rounded toward zero.
void fill(const Array& array, double value);

}  // namespace openane::reference
