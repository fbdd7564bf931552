// Activations that keep their argument between two numbers: clip, relu, relu6.
#pragma once

#include <cstddef>
#include <span>

namespace openane::reference {

/// NaN stays NaN.
template <typename Real>
struct Bounds {
  Real low, high;
  Real operator()(Real x) const {
    const Real above = x < low ? low : x;
    return high < above ? high : above;
  }
  void apply(std::span<Real> elements) const {
    const Bounds bounds = *this;  // one that no element can be
    for (Real& element : elements) {
      element = bounds(element);
    }
  }
};

}  // namespace openane::reference
