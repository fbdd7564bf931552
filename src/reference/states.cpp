// read_state and write_state. Nobody writes into an array after it was made, so that a state can hand out and keep
// handles.
#include "reference/execution.h"

namespace openane::reference {
namespace {

Result<Array*> held_state(Execution& execution, const Step& step) {
  const RuntimeValue& state = execution.operand(step.find("input")->operands.front());
  if (!state.state) {
    return fail(ErrorCategory::malformed_input, "input is not a state");
  }
  return &execution.states()[*state.state];
}

Result<void> read_state(Execution& execution, const Step& step) {
  OPENANE_TRY(const Array* const held, held_state(execution, step));
  return execution.set(step.operation->outputs.front(), {.array = *held});
}

Result<void> write_state(Execution& execution, const Step& step) {
  OPENANE_TRY(Array* const held, held_state(execution, step));
  const Array& data = execution.operand(step.find("data")->operands.front()).array;
  if (data.type() != held->type() || data.shape() != held->shape()) {
    return fail(ErrorCategory::malformed_input, "data has another type or shape than the state");
  }
  *held = data;
  return {};
}

constexpr NamedExecutorOperation kOperations[] = {{"read_state", read_state}, {"write_state", write_state}};

}  // namespace

std::span<const NamedExecutorOperation> state_operations() { return kOperations; }

}  // namespace openane::reference
