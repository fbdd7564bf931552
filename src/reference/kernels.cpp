#include "reference/kernels.h"

#include <algorithm>
#include <vector>

namespace openane::reference {
namespace {

using Table = std::span<const NamedKernel> (*)();
constexpr Table kTables[] = {unary_kernels,     binary_kernels,        selection_kernels,   activation_kernels,
                             reduction_kernels, normalization_kernels, convolution_kernels, pooling_kernels,
                             matrix_kernels,    einsum_kernels,        recurrent_kernels,   quantization_kernels,
                             layout_kernels,    slicing_kernels,       joining_kernels,     filling_kernels,
                             indexing_kernels,  scatter_kernels,       sorting_kernels,     suppression_kernels,
                             image_kernels,     sampling_kernels,      crop_resize_kernels, random_kernels};

std::vector<NamedKernel> sorted_kernels() {
  std::vector<NamedKernel> all;
  for (const Table table : kTables) {
    const std::span<const NamedKernel> rows = table();
    all.insert(all.end(), rows.begin(), rows.end());
  }
  std::ranges::sort(all, {}, &NamedKernel::name);
  return all;
}

}  // namespace

std::span<const NamedKernel> all_kernels() {
  static const std::vector<NamedKernel> kKernels = sorted_kernels();
  return kKernels;
}

Kernel find_kernel(std::string_view operation) {
  const std::span<const NamedKernel> kernels = all_kernels();
  const auto at = std::ranges::lower_bound(kernels, operation, {}, &NamedKernel::name);
  return at != kernels.end() && at->name == operation ? at->kernel : nullptr;
}

}  // namespace openane::reference
