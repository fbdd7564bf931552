// Arithmetic on extents of which some are only known when the program runs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "openane/error.h"
#include "openane/mil_type.h"

namespace openane::mil {

[[nodiscard]] constexpr bool is_known(std::int64_t extent) { return extent >= 0; }

/// Applies `f` to extents that are all known.
template <typename F, typename... Extents>
[[nodiscard]] std::int64_t when_known(F f, Extents... extents) {
  return (is_known(extents) && ...) ? f(extents...) : kUnknownExtent;
}

/// Products of real extents stay far below this; hostile ones must not overflow.
[[nodiscard]] inline std::int64_t multiply(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  return !is_known(a) || !is_known(b) || __builtin_mul_overflow(a, b, &product) ? kUnknownExtent : product;
}
[[nodiscard]] inline std::int64_t add(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  return !is_known(a) || !is_known(b) || __builtin_add_overflow(a, b, &sum) ? kUnknownExtent : sum;
}
/// `extent + delta`, delta of either sign. The caller checks that a known result is not negative.
[[nodiscard]] inline std::int64_t shift(std::int64_t extent, std::int64_t delta) {
  std::int64_t sum = 0;
  return !is_known(extent) || __builtin_add_overflow(extent, delta, &sum) ? kUnknownExtent : sum;
}
[[nodiscard]] inline std::int64_t product(const Shape& shape, std::size_t begin, std::size_t end) {
  std::int64_t out = 1;
  for (std::size_t i = begin; i < end; ++i) {
    out = multiply(out, shape[i]);
  }
  return out;
}
[[nodiscard]] inline bool may_be_equal(std::int64_t a, std::int64_t b) {
  return !is_known(a) || !is_known(b) || a == b;
}

/// "1x?x16"; "scalar" for rank 0.
[[nodiscard]] std::string describe(const Shape& shape);
/// NumPy broadcasting, aligned from the right.
[[nodiscard]] Result<Shape> broadcast(const Shape& a, const Shape& b);
/// An axis of a tensor of that rank, counted from the front.
[[nodiscard]] Result<std::size_t> normalise_axis(std::int64_t axis, std::size_t rank);

}  // namespace openane::mil
