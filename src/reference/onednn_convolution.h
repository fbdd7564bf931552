// Convolutions in fp32 through oneDNN.
#pragma once

#include "reference/convolution.h"
#include "reference/onednn_engine.h"

namespace openane::reference {

enum class Direction : std::uint8_t { forward, transposed };

/// `convolve` or, transposed, `convolve_transposed`: `source` and `result` are what those read and write. False when
/// oneDNN does not take these extents.
[[nodiscard]] Result<bool> onednn_convolve(Direction direction, const Convolution& conv, const float* source,
                                           const Operand& weight, const float* bias, float* result, unsigned threads);

}  // namespace openane::reference
