// Softmax of one row, for the operation of that name and for attention.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <type_traits>

#include "reference/rounding.h"
#include "reference/vector_math.h"

namespace openane::reference {

/// out = e^(x - max) / sum. A row of nothing but -infinity has no softmax: it gives NaN, as NumPy does. `out` may be
/// `x`.
template <typename Real>
void softmax_row(std::span<const Real> x, std::span<Real> out) {
  if (x.empty()) {
    return;
  }
  Real highest = x[0];
  for (const Real value : x) {
    highest = value > highest || is_nan(value) ? value : highest;
  }
  double sum = 0;
  if constexpr (std::is_same_v<Real, float>) {
    sum = exp_and_sum(x, highest, out);
  } else {
    for (std::size_t i = 0; i < x.size(); ++i) {
      out[i] = std::exp(x[i] - highest);
      sum += out[i];
    }
  }
  const Real factor = static_cast<Real>(1 / sum);
  for (Real& value : out) {
    value *= factor;
  }
}

}  // namespace openane::reference
