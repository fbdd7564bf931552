#include "reference/kernels.h"

namespace openane::reference {

std::span<const NamedKernel> recurrent_kernels() { return {}; }

}  // namespace openane::reference
