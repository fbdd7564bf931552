// How much memory the tensors of a function take while it runs, by the lifetimes of its variables.
#pragma once

#include <cstdint>

#include "openane/mil_program.h"

namespace openane {

struct ActivationMemory {
  std::uint64_t peak_bytes = 0;
  mil::OperationId peak_at;
  bool has_open_tensors = false;
};

/// A tensor lives from the operation that makes it (an input from the start) to the last one that reads it; results of
/// a block to its end. Nested blocks add their own peak to what lives around them. Constants, what is decoded from
/// them, and states count nothing.
[[nodiscard]] ActivationMemory measure_activations(const mil::Function& function);

}  // namespace openane
