// From ops to tasks that are ready to run: every check that needs no data is made here, before anything runs.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "emulator/task.h"

namespace openane::emulator {

struct Plan {
  std::vector<ReadyTask> tasks;
  /// By slot, the first byte of an output's elements that no task writes.
  std::map<std::uint32_t, std::uint64_t> unwritten;
};

/// `ops` and `memories` must outlive the tasks and not move. Errors begin with "task N: ".
[[nodiscard]] Result<Plan> plan_tasks(const std::vector<EngineOp>& ops, MemoryMap& memories,
                                      std::span<const TensorBinding> tensors, const Generation& generation);

}  // namespace openane::emulator
