#include "reference/constants.h"

#include <algorithm>
#include <array>

#include "reference/conversion.h"

namespace openane::reference {
namespace {

using mil::Function;
using mil::Operation;
using mil::VariableId;

/// Results that are this much larger than their arguments are left to the run: memory for them may never be needed.
constexpr std::uint64_t kFreeElements = 1U << 20;
constexpr std::uint64_t kGrowth = 4;

/// Operations whose result does not follow from their arguments.
bool is_random(const mil::OpInfo& info) { return info.category == "random"; }

bool is_compressed(const Operation& operation) { return operation.type.starts_with("constexpr_"); }

std::uint64_t elements_of(const mil::Type& type) {
  return type.is_concrete() ? type.element_count().value_or(UINT64_MAX) : 0;
}

class Folder {
 public:
  Folder(const Function& function, Environment& environment)
      : function_(function),
        environment_(environment),
        prepared_{.function = function, .blocks = {}, .plan = {}, .planned = {}},
        arena_(prepared_, environment.meter),
        execution_(prepared_, environment, arena_, states_) {
    environment.constants.assign(function.variable_count(), {});
    environment.is_constant.assign(function.variable_count(), false);
  }

  void mark() {
    std::vector<mil::OperationId> order;
    visit_block(function_.body_id(), order);
    for (const mil::OperationId id : order) {
      const Operation& operation = function_[id];
      if (operation.type == "const" || is_foldable(operation)) {
        for (const VariableId output : operation.outputs) {
          environment_.is_constant[output.index] = true;
        }
      }
    }
  }

  Result<void> run() {
    std::vector<mil::OperationId> order;
    visit_block(function_.body_id(), order);
    for (const mil::OperationId id : order) {
      OPENANE_CHECK(fold(function_[id]));
    }
    if (!environment_.options.keep_all_constants) {
      drop_unneeded(order);
    }
    return decode_rest();
  }

 private:
  void visit_block(mil::BlockId block, std::vector<mil::OperationId>& order) {
    for (const mil::OperationId id : function_[block].operations) {
      order.push_back(id);
      for (const mil::BlockId nested : function_[id].blocks) {
        visit_block(nested, order);
      }
    }
  }

  [[nodiscard]] bool is_constant(const mil::Binding& binding) const {
    return !binding.is_variable() || environment_.is_constant[binding.variable().index];
  }

  [[nodiscard]] bool has_constant_arguments(const Operation& operation) const {
    return std::ranges::all_of(operation.arguments, [&](const mil::Argument& argument) {
      return std::ranges::all_of(argument.bindings, [&](const mil::Binding& binding) { return is_constant(binding); });
    });
  }

  [[nodiscard]] bool is_foldable(const Operation& operation) const {
    const mil::OpInfo* info = mil::find_op(operation.type);
    if (info == nullptr || is_random(*info) || !operation.blocks.empty() || !has_constant_arguments(operation)) {
      return false;
    }
    if (is_compressed(operation)) {
      return true;
    }
    std::uint64_t arguments = kFreeElements;
    for (const mil::Argument& argument : operation.arguments) {
      for (const mil::Binding& binding : argument.bindings) {
        arguments += std::min<std::uint64_t>(
            elements_of(binding.is_variable() ? function_[binding.variable()].type : binding.value().type()),
            UINT32_MAX);
      }
    }
    return std::ranges::all_of(operation.outputs, [&](VariableId output) {
      return elements_of(function_[output].type) / kGrowth <= arguments;
    });
  }

  void keep(VariableId variable, RuntimeValue value) {
    environment_.constants[variable.index] = std::move(value);
    environment_.is_constant[variable.index] = true;
  }

  Result<void> fold(const Operation& operation) {
    if (operation.type == "const") {
      const mil::Value* value = operation.find_attribute("val");
      if (value != nullptr && operation.outputs.size() == 1) {
        keep(operation.outputs[0], {.constant = *value});
      }
      return {};
    }
    if (!is_foldable(operation)) {
      return {};
    }
    Result<void> done = compute(operation);
    // What is wrong with other operations is told when a run comes to them: some it never does.
    return done || is_compressed(operation) ? std::move(done) : Result<void>{};
  }

  Result<void> compute(const Operation& operation) {
    for (const mil::Argument& argument : operation.arguments) {
      for (const mil::Binding& binding : argument.bindings) {
        if (binding.is_variable()) {
          OPENANE_CHECK(decode_constant(environment_.constants[binding.variable().index]));
        }
      }
    }
    OPENANE_TRY(const Step step, make_step(function_, operation, environment_));
    if (step.kernel == nullptr) {
      return {};
    }
    OPENANE_CHECK(execution_.run_step(step));
    for (const VariableId output : operation.outputs) {
      keep(output, execution_.take(output));
    }
    return {};
  }

  Result<void> decode_constant(RuntimeValue& value) {
    if (value.constant.type().is_tensor() && !value.has_array()) {
      OPENANE_TRY(value.array,
                  decode(value.constant, environment_.weights, environment_.options.precision, environment_.meter));
    }
    return {};
  }

  void drop_unneeded(const std::vector<mil::OperationId>& order) {
    std::vector<bool> is_needed(function_.variable_count(), false);
    const auto need = [&](const std::vector<VariableId>& variables) {
      for (const VariableId variable : variables) {
        is_needed[variable.index] = true;
      }
    };
    need(function_.body().outputs);
    for (const mil::OperationId id : order) {
      const Operation& operation = function_[id];
      for (const mil::BlockId nested : operation.blocks) {
        need(function_[nested].outputs);
      }
      const bool is_folded = !operation.outputs.empty() && environment_.is_constant[operation.outputs[0].index];
      for (const mil::Argument& argument : operation.arguments) {
        for (const mil::Binding& binding : argument.bindings) {
          if (!is_folded && binding.is_variable()) {
            is_needed[binding.variable().index] = true;
          }
        }
      }
    }
    for (std::size_t i = 0; i < is_needed.size(); ++i) {
      if (!is_needed[i]) {
        environment_.constants[i] = {};
      }
    }
  }

  Result<void> decode_rest() {
    for (std::uint32_t i = 0; i < environment_.constants.size(); ++i) {
      if (Result<void> decoded = decode_constant(environment_.constants[i]); !decoded) {
        return std::unexpected(
            at_operation(function_[function_[VariableId{i}].definition], std::move(decoded).error()));
      }
    }
    return {};
  }

  const Function& function_;
  Environment& environment_;
  Prepared prepared_;  ///< Without steps or plan: an execution needs no more to hold values.
  Arena arena_;
  std::vector<Array> states_;
  Execution execution_;
};

}  // namespace

Result<void> fold_constants(const Function& function, Environment& environment) {
  return Folder(function, environment).run();
}

void mark_constants(const Function& function, Environment& environment) { Folder(function, environment).mark(); }

}  // namespace openane::reference
