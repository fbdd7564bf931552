// Coefficients of a migrated task: decoded to plain weights and packed by the target's rules.
#pragma once

#include "analysis/migrate_memory.h"
#include "emulator/memory.h"
#include "openane/engine_op.h"

namespace openane::migration {

/// Makes the kernel of a neural op the target's. Fails when nobody knows how the target lays it out.
[[nodiscard]] Result<void> move_kernel(EngineOp& op, const emulator::MemoryMap& memories, const Generation& to,
                                       const Places& places, Constants& constants);

}  // namespace openane::migration
