#include "reference/kernels.h"

namespace openane::reference {

std::span<const NamedKernel> random_kernels() { return {}; }

}  // namespace openane::reference
