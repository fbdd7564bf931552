#include "reference/kernels.h"

namespace openane::reference {

std::span<const NamedKernel> image_kernels() { return {}; }

}  // namespace openane::reference
