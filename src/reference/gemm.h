// Products of dense matrices: fp32 through oneDNN, fp64 and integers (which wrap around) by plain loops.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace openane::reference {

/// A row-major matrix of which the transpose may be meant.
template <typename T>
struct Matrix {
  const T* elements;
  std::int64_t stride;  ///< From one stored row to the next.
  bool transposed = false;
};

struct ProductExtents {
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t depth;
};

/// out = a b, with a [rows, depth] and b [depth, columns]; added to what is in `out` when `accumulates`.
template <typename T>
void multiply(const ProductExtents& extents, const Matrix<T>& a, const Matrix<T>& b, T* out, std::int64_t out_stride,
              bool accumulates, unsigned threads);

/// Products of one form, their operands `offsets` elements behind those of `a`, `b`; results are dense and follow each
/// other. Small products are shared out among the threads, each of the large ones takes all.
template <typename T>
void multiply_all(const ProductExtents& extents, const Matrix<T>& a, const Matrix<T>& b, T* out,
                  std::span<const std::array<std::int64_t, 2>> offsets, unsigned threads);

}  // namespace openane::reference
