// Operands that a target's encoding is not known to have, put where it can have them.
//
// H13 hands a tensor from one task to the next (chained) and keeps surfaces on chip while it reads or writes them
// (surface_kept). For later generations only plain surfaces and plain on-chip memory are known. A chained tensor
// becomes one in on-chip memory that nothing else uses; a kept surface is copied by a task of its own.
#pragma once

#include <string>
#include <vector>

#include "openane/engine_op.h"

namespace openane::migration {

struct SettledOp {
  EngineOp op;
  std::size_t task = 0;  ///< The task it comes from.
  std::string change;    ///< What was made of it; empty for ops that stay as they were.
};

/// A place in memory that chained tensors may take, behind what the program itself uses.
struct Scratch {
  std::uint8_t slot = 0;
  std::uint64_t bytes = 0;  ///< In use; grows.
};

/// Fails with `unsupported` when a chained tensor cannot be settled, naming the task.
[[nodiscard]] Result<std::vector<SettledOp>> settle_on_chip(std::vector<EngineOp> ops, Scratch& scratch);

}  // namespace openane::migration
