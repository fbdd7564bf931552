// The multiply-accumulate models, one dot product at a time: their definition, slow and readable.
#pragma once

#include <span>

#include "openane/emulator.h"

namespace openane {

/// The sum of x[k]*w[k] as `numerics` computes it, before bias and scale. Elements are fp16-representable, int8 or
/// +-65536; the spans are equally long. Infinity stands for the h13 clamp.
[[nodiscard]] float mac_reference(Numerics numerics, std::span<const float> x, std::span<const float> w);

}  // namespace openane
