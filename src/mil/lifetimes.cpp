#include "mil/lifetimes.h"

namespace openane::mil {

void Lifetimes::define(VariableId variable, BlockId block, std::size_t step, bool is_input) {
  Place& place = places_[variable.index];
  place.block = block;
  place.definition = step;
  place.is_input = is_input;
}

void Lifetimes::read(VariableId variable, BlockId block, std::size_t step) {
  Place& place = places_[variable.index];
  while (block && block != place.block) {
    step = parents_[block.index].step;
    block = parents_[block.index].block;
  }
  if (block) {
    place.is_used = true;
    place.last_use = std::max(place.last_use, step);
  }
}

void Lifetimes::read_arguments(const Operation& operation, BlockId block, std::size_t step) {
  for (const Argument& argument : operation.arguments) {
    for (const Binding& binding : argument.bindings) {
      if (binding.is_variable()) {
        read(binding.variable(), block, step);
      }
    }
  }
}

void Lifetimes::begin(BlockId block) {
  for (const VariableId input : function_[block].inputs) {
    define(input, block, 0, true);
  }
}

void Lifetimes::end(BlockId block, std::size_t steps) {
  for (const VariableId output : function_[block].outputs) {
    read(output, block, steps == 0 ? 0 : steps - 1);
    Place& place = places_[output.index];
    place.is_output = place.is_output || place.block == block;
  }
}

}  // namespace openane::mil
