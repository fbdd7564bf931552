// A function made ready to run: the operations of each block with their kernels and arguments, what dies after which,
// and the memory plan.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "openane/error.h"
#include "openane/mil_ops.h"
#include "openane/mil_program.h"
#include "reference/call.h"
#include "reference/memory_plan.h"
#include "reference/runtime_value.h"

namespace openane::reference {

class Execution;
struct Environment;
struct Step;

/// An operation that needs the executor itself.
using ExecutorOperation = Result<void> (*)(Execution&, const Step&);

struct Operand {
  mil::VariableId variable;  ///< None when the operand is the value.
  RuntimeValue value;
};

struct BoundArgument {
  std::string_view name;
  std::vector<Operand> operands;
};

struct Step {
  const mil::Operation* operation = nullptr;
  const mil::OpInfo* info = nullptr;
  const mil::Signature* signature = nullptr;
  Kernel kernel = nullptr;
  ExecutorOperation executor_operation = nullptr;
  std::vector<BoundArgument> arguments;
  std::vector<mil::VariableId> results;  ///< Those of the operation, or of the activation it computes along.
  std::unique_ptr<const Step> activation;
  std::vector<mil::VariableId> last_uses;  ///< Variables nobody looks at after this step.

  [[nodiscard]] const BoundArgument* find(std::string_view name) const;
};

struct PreparedBlock {
  std::vector<Step> steps;
  std::vector<mil::VariableId> last_owned;  ///< Variables of the block that outlive its steps: its outputs, and inputs
                                            ///< nobody uses.
};

struct Prepared {
  mil::Function function;
  std::vector<PreparedBlock> blocks;  ///< By block id.
  MemoryPlan plan;
  std::unordered_map<std::uint32_t, std::size_t> planned;  ///< Variable id to its place in `plan`.
  std::vector<bool> is_channels_last;                      ///< By variable id: [N, C, H, W] held as [N, H, W, C].
};

/// Kernel, signature and arguments of an operation; constants given in place are decoded. Fails, naming the operation,
/// when nothing can run it.
[[nodiscard]] Result<Step> make_step(const mil::Function& function, const mil::Operation& operation,
                                     Environment& environment);

/// An error of an operation: "TYPE 'NAME': MESSAGE", at the operation's place when the error has none.
[[nodiscard]] Error at_operation(const mil::Operation& operation, Error error);

/// The steps of all blocks but those whose results are constants of the environment, with lifetimes and the plan. The
/// steps point into the function of the result.
[[nodiscard]] Result<std::unique_ptr<const Prepared>> prepare(mil::Function function, Environment& environment);

}  // namespace openane::reference
