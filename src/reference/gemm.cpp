#include "reference/gemm.h"

#include <dnnl.h>

#include <algorithm>
#include <atomic>
#include <type_traits>
#include <vector>

#include "reference/onednn_engine.h"
#include "reference/parallel.h"

namespace openane::reference {
namespace {

/// Integers are multiplied as unsigned ones, where wrapping around is defined.
template <typename T>
struct Arithmetic {
  using Type = T;
};
template <>
struct Arithmetic<std::int32_t> {
  using Type = std::uint32_t;
};

/// Multiplications that are worth a thread.
constexpr std::int64_t kProductGrain = 1 << 15;

template <typename T>
void multiply_plain(const ProductExtents& extents, const Matrix<T>& a, const Matrix<T>& b, T* out,
                    std::int64_t out_stride, bool accumulates, unsigned threads) {
  using Number = typename Arithmetic<T>::Type;
  const std::int64_t columns = extents.columns;
  const std::int64_t depth = extents.depth;
  // Rows of b are walked: a transposed one is written out once.
  std::vector<T> turned;
  Matrix<T> right = b;
  if (b.transposed) {
    turned.resize(static_cast<std::size_t>(depth * columns));
    for (std::int64_t j = 0; j < columns; ++j) {
      for (std::int64_t k = 0; k < depth; ++k) {
        turned[static_cast<std::size_t>(k * columns + j)] = b.elements[j * b.stride + k];
      }
    }
    right = {turned.data(), columns};
  }
  const std::int64_t grain = kProductGrain / std::max<std::int64_t>(columns * depth, 1) + 1;
  parallel_for(extents.rows, grain, threads, [&](std::int64_t begin, std::int64_t end) {
    std::vector<Number> sums(static_cast<std::size_t>(columns));
    for (std::int64_t i = begin; i < end; ++i) {
      T* const to = out + i * out_stride;
      std::ranges::fill(sums, Number{0});
      for (std::int64_t k = 0; k < depth; ++k) {
        const auto factor = static_cast<Number>(a.elements[a.transposed ? k * a.stride + i : i * a.stride + k]);
        const T* const row = right.elements + k * right.stride;
        for (std::size_t j = 0; j < sums.size(); ++j) {
          sums[j] += factor * static_cast<Number>(row[j]);
        }
      }
      for (std::size_t j = 0; j < sums.size(); ++j) {
        to[j] = static_cast<T>(accumulates ? sums[j] + static_cast<Number>(to[j]) : sums[j]);
      }
    }
  });
}

bool multiply_onednn(const ProductExtents& extents, const Matrix<float>& a, const Matrix<float>& b, float* out,
                     std::int64_t out_stride, bool accumulates) {
  const auto [rows, columns, depth] = extents;
  omp_set_num_threads(1);
  // The stride of a single row may be anything; the library wants it no shorter than a row.
  const std::int64_t a_stride = std::max(a.stride, a.transposed ? rows : depth);
  const std::int64_t b_stride = std::max(b.stride, b.transposed ? depth : columns);
  return dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', rows, columns, depth, 1.0F, a.elements,
                    a_stride, b.elements, b_stride, accumulates ? 1.0F : 0.0F, out,
                    std::max(out_stride, columns)) == dnnl_success;
}

/// What each piece of a product has at least, along the axis that is cut.
constexpr std::int64_t kPiece = 48;
constexpr std::int64_t kWorthThreads = 1 << 17;

/// The pieces an axis is cut into.
std::int64_t pieces_of(std::int64_t extent, unsigned threads) {
  return std::clamp<std::int64_t>(extent / kPiece, 1, 2 * static_cast<std::int64_t>(threads));
}

/// Cut along the longer axis of the result, so that the least is packed more than once.
bool multiply_pieces(const ProductExtents& extents, const Matrix<float>& a, const Matrix<float>& b, float* out,
                     std::int64_t out_stride, bool accumulates, unsigned threads) {
  const bool by_columns = extents.columns >= extents.rows;
  const std::int64_t length = by_columns ? extents.columns : extents.rows;
  const bool is_small = extents.rows * extents.columns * extents.depth < kWorthThreads;
  const std::int64_t pieces = threads <= 1 || is_small ? 1 : pieces_of(length, threads);
  std::atomic<bool> done = true;
  parallel_indices(pieces, threads, [&](std::int64_t piece) {
    const std::int64_t begin = piece * length / pieces / 16 * 16;
    const std::int64_t end = piece + 1 == pieces ? length : (piece + 1) * length / pieces / 16 * 16;
    ProductExtents own = extents;
    (by_columns ? own.columns : own.rows) = end - begin;
    Matrix<float> left = a;
    Matrix<float> right = b;
    float* to = out;
    if (by_columns) {
      right.elements += b.transposed ? begin * b.stride : begin;
      to += begin;
    } else {
      left.elements += a.transposed ? begin : begin * a.stride;
      to += begin * out_stride;
    }
    if (!multiply_onednn(own, left, right, to, out_stride, accumulates)) {
      done = false;
    }
  });
  return done;
}

}  // namespace

template <typename T>
void multiply(const ProductExtents& extents, const Matrix<T>& a, const Matrix<T>& b, T* out, std::int64_t out_stride,
              bool accumulates, unsigned threads) {
  if (extents.rows == 0 || extents.columns == 0) {
    return;
  }
  if constexpr (std::is_same_v<T, float>) {
    if (extents.depth > 0 && multiply_pieces(extents, a, b, out, out_stride, accumulates, threads)) {
      return;
    }
  }
  multiply_plain(extents, a, b, out, out_stride, accumulates, threads);
}

template <typename T>
void multiply_all(const ProductExtents& extents, const Matrix<T>& a, const Matrix<T>& b, T* out,
                  std::span<const std::array<std::int64_t, 2>> offsets, unsigned threads) {
  const auto product = [&](std::size_t index, unsigned own_threads) {
    const auto [a_offset, b_offset] = offsets[index];
    multiply<T>(
        extents, {a.elements + a_offset, a.stride, a.transposed}, {b.elements + b_offset, b.stride, b.transposed},
        out + static_cast<std::int64_t>(index) * extents.rows * extents.columns, extents.columns, false, own_threads);
  };
  constexpr std::int64_t kLarge = 1 << 24;
  const std::int64_t work = extents.rows * extents.columns * extents.depth;
  if (std::ssize(offsets) < static_cast<std::int64_t>(threads) || work > kLarge) {
    for (std::size_t index = 0; index < offsets.size(); ++index) {
      product(index, threads);
    }
    return;
  }
  parallel_for(std::ssize(offsets), kProductGrain / std::max<std::int64_t>(work, 1) + 1, threads,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t index = begin; index < end; ++index) {
                   product(static_cast<std::size_t>(index), 1);
                 }
               });
}

template void multiply(const ProductExtents&, const Matrix<float>&, const Matrix<float>&, float*, std::int64_t, bool,
                       unsigned);
template void multiply(const ProductExtents&, const Matrix<double>&, const Matrix<double>&, double*, std::int64_t, bool,
                       unsigned);
template void multiply(const ProductExtents&, const Matrix<std::int32_t>&, const Matrix<std::int32_t>&, std::int32_t*,
                       std::int64_t, bool, unsigned);
template void multiply_all(const ProductExtents&, const Matrix<float>&, const Matrix<float>&, float*,
                           std::span<const std::array<std::int64_t, 2>>, unsigned);
template void multiply_all(const ProductExtents&, const Matrix<double>&, const Matrix<double>&, double*,
                           std::span<const std::array<std::int64_t, 2>>, unsigned);
template void multiply_all(const ProductExtents&, const Matrix<std::int32_t>&, const Matrix<std::int32_t>&,
                           std::int32_t*, std::span<const std::array<std::int64_t, 2>>, unsigned);

}  // namespace openane::reference
