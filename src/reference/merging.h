// What the executor decides about neighbouring steps when it prepares a function, where nobody looks at the values
// between them: which activations the convolution before them computes along, and which tensors between convolutions
// are held channels last, the layout in which oneDNN computes.
//
// An activation does to an element what it does alone. A layout can make oneDNN add in another order: results agree
// within rounding.
#pragma once

#include <cstdint>
#include <vector>

#include "reference/prepared.h"

namespace openane::reference {

/// Finds the step that can do the work of an activation along with its own.
class Merger {
 public:
  Merger(const mil::Function& function, const Environment& environment);
  /// The step of `steps`, those of one block so far, that gives the argument of `activation` to nobody else, and can
  /// keep it in bounds. Null when there is none.
  [[nodiscard]] Step* producer(const Step& activation, std::vector<Step>& steps) const;

 private:
  [[nodiscard]] bool is_fixed(const Operand& operand) const;

  const Environment& environment_;
  std::vector<std::uint32_t> uses_;  ///< By variable id. An output of a block is a use.
};

/// Those of a call of an activation that a producer computes along.
[[nodiscard]] Bounds<double> bounds_of(const Call& activation);

/// By variable id: whether a tensor [N, C, H, W] is held as [N, H, W, C]. It is when all that give it and use it can do
/// so: convolutions, and functions of single elements between them.
[[nodiscard]] std::vector<bool> choose_channels_last(const Prepared& prepared, const Environment& environment);

}  // namespace openane::reference
