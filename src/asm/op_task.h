// Tasks written as operations: `task neural { source1 = x ... }`. Names of tensors, buffers and kernels stand for all
// that they imply, and what the text leaves out follows from them.
#pragma once

#include <map>
#include <string>

#include "asm/data_text.h"
#include "asm/source.h"
#include "asm/task_text.h"
#include "engine/op_text.h"
#include "openane/surface.h"

namespace openane {

/// Something an operand may name.
struct Storage {
  enum class Kind : std::uint8_t { surface, on_chip };
  Kind kind = Kind::surface;
  std::uint32_t slot = 0;
  std::uint32_t offset = 0;  ///< In the slot, or the place on chip.
  SurfaceLayout layout;      ///< For on-chip storage `c` is the channel stride.
};
using Storages = std::map<std::string, Storage, std::less<>>;

/// The statements inside `task neural ... {` or `task planar ... {`. `words` is the whole heading without the brace;
/// `previous` is the operation before it, or null. `op` receives the operation for the next one's sake.
[[nodiscard]] Result<TaskText> parse_op_task(Source& source, const Generation& generation, std::span<const Word> words,
                                             const Word& opening, const Storages& storages, const DataLabels& labels,
                                             const std::optional<EngineOp>& previous, EngineOp& op);

}  // namespace openane
