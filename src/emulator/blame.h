// Which registers a refusal is about: those that, with another value, would make it go away.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "openane/engine_op.h"

namespace openane::emulator {

/// Why an op is refused; nothing when it is not.
using Complaint = std::function<std::optional<std::string>(const EngineOp&)>;

/// "Header8.RBase1 = 0x6, TileDMASrc.Src2GroupStride.Stride = 0xc00" of a refused op's task. `complaint` is asked for
/// variants of `op` in which one value is changed. Empty when no single value decides, or when the op has no encoding.
[[nodiscard]] std::string registers_behind(const EngineOp& op, const Generation& generation,
                                           const Complaint& complaint);

}  // namespace openane::emulator
