// Where the variables of a function are made and last read, in steps of the block each belongs to.
//
// What a step is, the caller says: an operation of the program, or what an executor makes of some. A variable lives
// from the step that makes it (an input of a block from the start) to the last step that reads it. A read inside a
// nested block counts at the step that holds the block; results of a block live to its end.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "openane/mil_program.h"

namespace openane::mil {

class Lifetimes {
 public:
  struct Place {
    BlockId block;  ///< None: nobody makes it.
    std::size_t definition = 0;
    std::size_t last_use = 0;
    bool is_input = false;
    bool is_used = false;
    bool is_output = false;  ///< Of its block: it outlives the last step.
    [[nodiscard]] std::size_t end() const { return std::max(definition, last_use); }
  };

  explicit Lifetimes(const Function& function)
      : function_(function), places_(function.variable_count()), parents_(function.block_count()) {}

  void define(VariableId variable, BlockId block, std::size_t step, bool is_input = false);
  /// The variable is never there.
  void forget(VariableId variable) { places_[variable.index].block = BlockId{}; }
  void read(VariableId variable, BlockId block, std::size_t step);
  /// What an operation reads by its arguments.
  void read_arguments(const Operation& operation, BlockId block, std::size_t step);
  /// `nested` runs in a step of `around`.
  void enter(BlockId nested, BlockId around, std::size_t step) { parents_[nested.index] = {around, step}; }
  /// The inputs of a block, before its first step.
  void begin(BlockId block);
  /// The results of a block of so many steps.
  void end(BlockId block, std::size_t steps);

  [[nodiscard]] const Place& of(VariableId variable) const { return places_[variable.index]; }

 private:
  struct Parent {
    BlockId block;
    std::size_t step = 0;
  };

  const Function& function_;
  std::vector<Place> places_;    ///< By variable id.
  std::vector<Parent> parents_;  ///< By block id.
};

}  // namespace openane::mil
