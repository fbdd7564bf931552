#include "reference/kernels.h"

namespace openane::reference {

std::span<const NamedKernel> matrix_kernels() { return {}; }

}  // namespace openane::reference
