// The kernel tables, one per file kernels_*.cpp, and the index over all of them. Operations that need the executor
// itself (control flow, lists, states) are in executor files and stand in `executor_operations`.
#pragma once

#include <span>
#include <string_view>

#include "reference/call.h"

namespace openane::reference {

[[nodiscard]] std::span<const NamedKernel> unary_kernels();          // elementwise_unary but for cast
[[nodiscard]] std::span<const NamedKernel> binary_kernels();         // elementwise_binary
[[nodiscard]] std::span<const NamedKernel> selection_kernels();      // cast, select
[[nodiscard]] std::span<const NamedKernel> activation_kernels();     // activation but for softmax
[[nodiscard]] std::span<const NamedKernel> reduction_kernels();      // reduction
[[nodiscard]] std::span<const NamedKernel> normalization_kernels();  // normalization, softmax, cumsum
[[nodiscard]] std::span<const NamedKernel> convolution_kernels();    // conv
[[nodiscard]] std::span<const NamedKernel> pooling_kernels();        // pool
[[nodiscard]] std::span<const NamedKernel> matrix_kernels();         // linear, matmul, attention
[[nodiscard]] std::span<const NamedKernel> einsum_kernels();
[[nodiscard]] std::span<const NamedKernel> recurrent_kernels();     // gru, lstm, rnn
[[nodiscard]] std::span<const NamedKernel> quantization_kernels();  // quantize, dequantize, constexpr_*
[[nodiscard]] std::span<const NamedKernel> layout_kernels();        // reshape, transpose, space and depth ...
[[nodiscard]] std::span<const NamedKernel> slicing_kernels();       // slice_*, crop, split
[[nodiscard]] std::span<const NamedKernel> joining_kernels();       // concat, stack, tile, pad
[[nodiscard]] std::span<const NamedKernel> filling_kernels();       // fill, range_1d, shape, band_part, one_hot
[[nodiscard]] std::span<const NamedKernel> indexing_kernels();      // gather*
[[nodiscard]] std::span<const NamedKernel> scatter_kernels();       // scatter*
[[nodiscard]] std::span<const NamedKernel> sorting_kernels();       // argsort, topk, non_zero
[[nodiscard]] std::span<const NamedKernel> suppression_kernels();   // non_maximum_suppression
[[nodiscard]] std::span<const NamedKernel> image_kernels();         // resize*, upsample*
[[nodiscard]] std::span<const NamedKernel> sampling_kernels();      // resample, affine
[[nodiscard]] std::span<const NamedKernel> crop_resize_kernels();
[[nodiscard]] std::span<const NamedKernel> random_kernels();

/// The rows of all tables, sorted by name.
[[nodiscard]] std::span<const NamedKernel> all_kernels();
/// Null when no table has it.
[[nodiscard]] Kernel find_kernel(std::string_view operation);

}  // namespace openane::reference
