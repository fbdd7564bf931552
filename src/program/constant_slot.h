// Where a generation's programs keep their coefficients.
#pragma once

#include "openane/register_table.h"

namespace openane {

/// From H16 on in a section of their own, in the slot after the tensors; before that in slot 1.
[[nodiscard]] inline bool constants_follow_tensors(const Generation& generation) {
  return generation.kernel_location.starts_with("__KERN");
}

}  // namespace openane
