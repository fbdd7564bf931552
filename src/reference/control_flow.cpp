// cond and while_loop.
#include <fmt/format.h>

#include "reference/execution.h"

namespace openane::reference {
namespace {

/// The one boolean that decides: of any rank, real programs have 0 and 1.
Result<bool> decision(const RuntimeValue& value) {
  if (value.array.holding() != Holding::boolean || value.array.count() != 1) {
    return fail(ErrorCategory::malformed_input, "the condition must be a single boolean");
  }
  return value.array.elements<std::uint8_t>()[0] != 0;
}

Result<void> set_all(Execution& execution, const std::vector<mil::VariableId>& variables,
                     std::vector<RuntimeValue> values) {
  for (std::size_t i = 0; i < variables.size(); ++i) {
    OPENANE_CHECK(execution.set(variables[i], std::move(values[i])));
  }
  return {};
}

Result<void> cond(Execution& execution, const Step& step) {
  OPENANE_TRY(const bool is_true, decision(execution.operand(step.find("pred")->operands.front())));
  const mil::BlockId block = step.operation->blocks[is_true ? 0 : 1];
  OPENANE_CHECK(execution.run_block(block));
  return set_all(execution, step.operation->outputs, execution.take_outputs(block));
}

Result<void> while_loop(Execution& execution, const Step& step) {
  const mil::BlockId condition = step.operation->blocks[0];
  const mil::BlockId body = step.operation->blocks[1];
  std::vector<RuntimeValue> variables;
  variables.reserve(step.find("loop_vars")->operands.size());
  for (const Operand& operand : step.find("loop_vars")->operands) {
    variables.push_back(execution.operand(operand));
  }
  const std::uint64_t limit = execution.environment().options.loop_limit;
  for (std::uint64_t iteration = 0;; ++iteration) {
    OPENANE_CHECK(set_all(execution, execution.function()[condition].inputs, variables));
    OPENANE_CHECK(execution.run_block(condition));
    OPENANE_TRY(const bool goes_on, decision(execution.take_outputs(condition).front()));
    if (!goes_on) {
      return set_all(execution, step.operation->outputs, std::move(variables));
    }
    if (iteration == limit) {
      return fail(ErrorCategory::unsupported, fmt::format("no end after {} iterations (a limit of the run)", limit));
    }
    OPENANE_CHECK(set_all(execution, execution.function()[body].inputs, std::move(variables)));
    OPENANE_CHECK(execution.run_block(body));
    variables = execution.take_outputs(body);
  }
}

constexpr NamedExecutorOperation kOperations[] = {{"cond", cond}, {"while_loop", while_loop}};

}  // namespace

std::span<const NamedExecutorOperation> control_flow_operations() { return kOperations; }

}  // namespace openane::reference
