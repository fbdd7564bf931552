// What a trace shows of a task: its tensors, and figures about them.
#pragma once

#include <string>

#include "emulator/view.h"
#include "openane/emulator.h"

namespace openane::emulator {

/// The view's elements, groups x channels x rows x columns.
[[nodiscard]] TracedTensor trace_tensor(std::string label, const View& view);

}  // namespace openane::emulator
