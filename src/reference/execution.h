// One run of a prepared function: what every variable holds, and the loop over the steps.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "openane/mil_weights.h"
#include "openane/reference.h"
#include "reference/memory_meter.h"
#include "reference/prepared.h"
#include "reference/runtime_value.h"

namespace openane::reference {

/// What outlives a run.
struct Environment {
  Options options;
  unsigned threads = 1;
  mil::Weights weights;
  MemoryMeter meter;
  std::vector<RuntimeValue> constants;  ///< By variable id; empty where it is computed by the run.
  std::vector<bool> is_constant;
};

/// The planned memory of one prepared function.
class Arena {
 public:
  Arena(const Prepared& prepared, MemoryMeter& meter) : prepared_(prepared), meter_(meter) {}
  /// Memory for a variable; null when it has no place in the plan, or somebody still looks at what lay there.
  [[nodiscard]] std::shared_ptr<void> place(mil::VariableId variable, std::uint64_t bytes);

 private:
  struct Tenant {
    std::uint64_t end;
    std::weak_ptr<void> memory;
  };
  const Prepared& prepared_;
  MemoryMeter& meter_;
  std::shared_ptr<void> memory_;
  bool is_refused_ = false;
  std::map<std::uint64_t, Tenant> tenants_;  ///< By offset.
};

class Execution {
 public:
  Execution(const Prepared& prepared, Environment& environment, Arena& arena, std::vector<Array>& states)
      : prepared_(prepared),
        environment_(environment),
        arena_(arena),
        states_(states),
        values_(prepared.function.variable_count()) {}

  /// Runs the steps of a block, whose inputs are set.
  [[nodiscard]] Result<void> run_block(mil::BlockId block);
  /// Runs one step; its results are set afterwards.
  [[nodiscard]] Result<void> run_step(const Step& step);

  [[nodiscard]] const RuntimeValue& value(mil::VariableId variable) const;
  /// Fails when the value does not have the type of the variable.
  [[nodiscard]] Result<void> set(mil::VariableId variable, RuntimeValue value);
  /// The value of a variable, which then holds nothing.
  [[nodiscard]] RuntimeValue take(mil::VariableId variable) { return std::exchange(values_[variable.index], {}); }
  /// The values of a block's outputs, after its run; the block holds nothing any more.
  [[nodiscard]] std::vector<RuntimeValue> take_outputs(mil::BlockId block);
  [[nodiscard]] const RuntimeValue& operand(const Operand& operand) const {
    return operand.variable ? value(operand.variable) : operand.value;
  }

  [[nodiscard]] const mil::Function& function() const { return prepared_.function; }
  /// How a variable is held: as [N, H, W, C].
  [[nodiscard]] bool is_channels_last(mil::VariableId variable) const {
    return variable && variable.index < prepared_.is_channels_last.size() && prepared_.is_channels_last[variable.index];
  }
  [[nodiscard]] Environment& environment() { return environment_; }
  [[nodiscard]] Arena& arena() { return arena_; }
  [[nodiscard]] std::vector<Array>& states() { return states_; }
  [[nodiscard]] std::uint64_t next_seed() { return environment_.options.seed + counter_++; }

 private:
  void observe(const Step& step, double seconds) const;

  const Prepared& prepared_;
  Environment& environment_;
  Arena& arena_;
  std::vector<Array>& states_;
  std::vector<RuntimeValue> values_;
  std::uint64_t counter_ = 0;
};

/// Operations in executor files, sorted by nothing: control flow, lists, states, classifiers.
struct NamedExecutorOperation {
  std::string_view name;
  ExecutorOperation run;
};
[[nodiscard]] std::span<const NamedExecutorOperation> control_flow_operations();
[[nodiscard]] std::span<const NamedExecutorOperation> list_operations();
[[nodiscard]] std::span<const NamedExecutorOperation> state_operations();
[[nodiscard]] std::span<const NamedExecutorOperation> classifier_operations();
/// Null when no table has it.
[[nodiscard]] ExecutorOperation find_executor_operation(std::string_view operation);

/// What a value looks like from outside.
[[nodiscard]] Result<Output> make_output(std::string name, const RuntimeValue& value, Precision precision);

}  // namespace openane::reference
