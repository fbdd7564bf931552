#include "reference/gemm.h"

#include <dnnl.h>

#include <algorithm>
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
  const auto [rows, columns, depth] = extents;
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
  parallel_for(rows, grain, threads, [&, columns = columns, depth = depth](std::int64_t begin, std::int64_t end) {
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

}  // namespace

template <typename T>
void multiply(const ProductExtents& extents, const Matrix<T>& a, const Matrix<T>& b, T* out, std::int64_t out_stride,
              bool accumulates, unsigned threads) {
  const auto [rows, columns, depth] = extents;
  if (rows == 0 || columns == 0) {
    return;
  }
  if constexpr (std::is_same_v<T, float>) {
    if (depth > 0) {
      omp_set_num_threads(static_cast<int>(threads));
      // Strides of single rows may be anything; the library wants them no shorter than a row.
      const auto stride = [](const Matrix<T>& m, std::int64_t shortest) { return std::max(m.stride, shortest); };
      const dnnl_status_t status =
          dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', rows, columns, depth, 1.0F, a.elements,
                     stride(a, a.transposed ? rows : depth), b.elements, stride(b, b.transposed ? depth : columns),
                     accumulates ? 1.0F : 0.0F, out, std::max(out_stride, columns));
      if (status == dnnl_success) {
        return;
      }
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
