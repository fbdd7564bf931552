// NumPy broadcasting of several operands over one result, without index arithmetic for each element: axes that run
// alike in all operands are merged, and what is left is walked in pieces along the innermost one, where each operand
// either advances by one or stands still.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "openane/error.h"
#include "openane/tensor.h"
#include "reference/parallel.h"

namespace openane::reference {

/// Elements below which another thread costs more than it brings.
inline constexpr std::int64_t kElementGrain = 1 << 15;

template <std::size_t N>
struct Broadcast {
  using Offsets = std::array<std::int64_t, N>;

  Shape shape;                              ///< Of the result.
  std::int64_t count = 1;                   ///< Elements of the result.
  std::int64_t inner = 1;                   ///< Elements of one piece.
  Offsets inner_steps{};                    ///< 0 or 1 for each operand.
  std::vector<std::int64_t> outer_extents;  ///< From the outermost; without the innermost axis.
  std::vector<Offsets> outer_strides;

  /// Calls `body(begin, offsets, length)` for pieces of the elements `begin`..`end` of the result: `offsets` say where
  /// each operand's piece begins.
  template <typename Body>
  void walk(std::int64_t begin, std::int64_t end, const Body& body) const;
  /// `walk` over the whole result, on several threads when there is enough of it.
  template <typename Body>
  void walk_all(unsigned threads, const Body& body) const {
    parallel_for(count, kElementGrain, threads, [&](std::int64_t begin, std::int64_t end) { walk(begin, end, body); });
  }
};

/// Fails when the shapes do not fit each other.
template <std::size_t N>
[[nodiscard]] Result<Broadcast<N>> broadcast_shapes(const std::array<Shape, N>& operands);

extern template Result<Broadcast<2>> broadcast_shapes(const std::array<Shape, 2>& operands);
extern template Result<Broadcast<3>> broadcast_shapes(const std::array<Shape, 3>& operands);

template <std::size_t N>
template <typename Body>
void Broadcast<N>::walk(std::int64_t begin, std::int64_t end, const Body& body) const {
  if (begin >= end) {
    return;
  }
  std::vector<std::int64_t> index(outer_extents.size());
  Offsets offsets{};
  std::int64_t row = begin / inner;
  for (std::size_t axis = index.size(); axis-- > 0;) {
    index[axis] = row % outer_extents[axis];
    row /= outer_extents[axis];
    for (std::size_t operand = 0; operand < N; ++operand) {
      offsets[operand] += index[axis] * outer_strides[axis][operand];
    }
  }
  const auto next_row = [&] {
    for (std::size_t axis = index.size(); axis-- > 0;) {
      const bool wraps = ++index[axis] == outer_extents[axis];
      for (std::size_t operand = 0; operand < N; ++operand) {
        offsets[operand] += outer_strides[axis][operand] * (wraps ? 1 - outer_extents[axis] : 1);
      }
      if (!wraps) {
        return;
      }
      index[axis] = 0;
    }
  };
  for (std::int64_t at = begin; at < end;) {
    const std::int64_t skipped = at % inner;
    const std::int64_t length = std::min(inner - skipped, end - at);
    Offsets piece = offsets;
    for (std::size_t operand = 0; operand < N; ++operand) {
      piece[operand] += skipped * inner_steps[operand];
    }
    body(at, piece, length);
    at += length;
    next_row();
  }
}

}  // namespace openane::reference
