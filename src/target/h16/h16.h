// H16: lift and encode, over the mapping that packet generations share.
#pragma once

#include "openane/engine_op.h"

namespace openane::h16 {

[[nodiscard]] EngineOp lift(const Task& task);
[[nodiscard]] Result<Task> encode(const EngineOp& op);

}  // namespace openane::h16
