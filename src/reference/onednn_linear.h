// x W^T + b in fp32 with constant weights through oneDNN.
#pragma once

#include <cstdint>

#include "openane/error.h"
#include "reference/gemm.h"
#include "reference/onednn_engine.h"

namespace openane::reference {

/// out [rows, columns] = x [rows, depth] W^T + bias, with W [columns, depth]; `bias` may be null. False when oneDNN
/// does not take these extents. `weight` must have an owner: what is not constant goes to `multiply`, which copies
/// nothing.
[[nodiscard]] Result<bool> onednn_linear(const ProductExtents& extents, const float* x, const Operand& weight,
                                         const float* bias, float* out, unsigned threads);

}  // namespace openane::reference
