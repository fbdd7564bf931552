// The expensive functions of activations over many fp32 numbers at once. Every one is computed in double-precision
// vectors and rounded to fp32 once, so each result is within 0.51 ulp of the function's value.
#pragma once

#include <cstdint>
#include <span>

namespace openane::reference {

enum class VectorFunction : std::uint8_t {
  exp,
  tanh,
  sigmoid,
  erf,
  silu,          ///< x sigmoid(x)
  gelu,          ///< x/2 (1 + erf(x / sqrt 2))
  gelu_tanh,     ///< x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
  gelu_sigmoid,  ///< x sigmoid(1.702 x)
  softplus,      ///< ln(1 + e^x)
};

/// `out` may be `x` itself.
void evaluate(VectorFunction function, std::span<const float> x, std::span<float> out);

/// out[i] = e^(x[i] - shift); returns their sum. `out` may be `x` itself.
double exp_and_sum(std::span<const float> x, float shift, std::span<float> out);

}  // namespace openane::reference
