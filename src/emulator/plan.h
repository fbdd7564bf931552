// From ops to tasks that are ready to run: every check that needs no data is made here, before anything runs.
#pragma once

#include <vector>

#include "emulator/task.h"

namespace openane::emulator {

/// `ops` and `memories` must outlive the tasks and not move. Errors begin with "task N: ".
[[nodiscard]] Result<std::vector<ReadyTask>> plan_tasks(const std::vector<EngineOp>& ops, MemoryMap& memories);

}  // namespace openane::emulator
