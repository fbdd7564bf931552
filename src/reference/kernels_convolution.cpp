#include "reference/kernels.h"

namespace openane::reference {

std::span<const NamedKernel> convolution_kernels() { return {}; }

}  // namespace openane::reference
