#include "reference/prepared.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/saturating.h"
#include "mil/lifetimes.h"
#include "reference/conversion.h"
#include "reference/execution.h"
#include "reference/kernels.h"
#include "reference/merging.h"

namespace openane::reference {
namespace {

using mil::BlockId;
using mil::Function;
using mil::Operation;
using mil::OperationId;
using mil::VariableId;

constexpr std::uint32_t kNowhere = UINT32_MAX;

/// Kernels that hand on the elements of their first argument.
constexpr std::array<std::string_view, 7> kViews = {"cast",    "expand_dims",  "flatten2d", "identity",
                                                    "reshape", "reshape_like", "squeeze"};

std::unexpected<Error> cannot_run(const Operation& operation) {
  if (operation.type == "custom_layer") {
    const mil::Value* name = operation.find_attribute("class_name");
    const std::string* text = name != nullptr ? name->as_string() : nullptr;
    return fail(ErrorCategory::unsupported,
                fmt::format("the layer '{}' is code of the application that uses the model; it is not in the model",
                            text != nullptr ? *text : "without class_name"));
  }
  if (mil::find_private_op(operation.type) != nullptr) {
    return fail(ErrorCategory::missing_specification, "nobody has published what this operation computes");
  }
  return fail(ErrorCategory::not_implemented, "there is no kernel for this operation");
}

/// Attributes that stand for arguments: the older op sets write those of compressed constants so.
void bind_attributes(const Operation& operation, Step& step) {
  for (const mil::Parameter& parameter : step.signature->parameters) {
    const mil::Value* value = operation.find_attribute(parameter.name);
    if (value != nullptr && operation.find_argument(parameter.name) == nullptr) {
      step.arguments.push_back({parameter.name, {{VariableId{}, {.constant = *value}}}});
    }
  }
}

void bind_arguments(const Operation& operation, Step& step) {
  for (const mil::Argument& argument : operation.arguments) {
    BoundArgument& bound = step.arguments.emplace_back();
    bound.name = argument.name;
    for (const mil::Binding& binding : argument.bindings) {
      bound.operands.push_back(binding.is_variable() ? Operand{binding.variable(), {}}
                                                     : Operand{VariableId{}, {.constant = binding.value()}});
    }
  }
}

Result<void> decode_operands(Step& step, Environment& environment) {
  for (BoundArgument& argument : step.arguments) {
    for (Operand& operand : argument.operands) {
      if (operand.value.constant.type().is_tensor()) {
        OPENANE_TRY(operand.value.array, decode(operand.value.constant, environment.weights,
                                                environment.options.precision, environment.meter));
      }
    }
  }
  return {};
}

/// Makes the steps of all blocks, and tells where their variables live.
class StepMaker {
 public:
  StepMaker(Prepared& prepared, Environment& environment)
      : prepared_(prepared),
        function_(prepared.function),
        environment_(environment),
        merger_(function_, environment),
        is_constant_(environment.is_constant),
        lifetimes_(function_) {}

  Result<void> run() {
    OPENANE_CHECK(visit_block(function_.body_id()));
    for (std::uint32_t i = 0; i < function_.variable_count(); ++i) {
      settle(VariableId{i});
    }
    return {};
  }

  [[nodiscard]] const mil::Lifetimes& lifetimes() const { return lifetimes_; }

 private:
  [[nodiscard]] bool is_computed(const Operation& operation) const {
    return operation.outputs.empty() ||
           std::ranges::any_of(operation.outputs, [&](VariableId output) { return !is_constant_[output.index]; });
  }

  Result<void> visit_block(BlockId id) {
    lifetimes_.begin(id);
    std::vector<Step>& steps = prepared_.blocks[id.index].steps;
    for (const OperationId operation_id : function_[id].operations) {
      const Operation& operation = function_[operation_id];
      if (!is_computed(operation)) {
        continue;
      }
      OPENANE_TRY(Step step, make_step(function_, operation, environment_));
      if (Step* const producer = merger_.producer(step, steps)) {
        merge(*producer, std::move(step), static_cast<std::size_t>(producer - steps.data()));
        continue;
      }
      steps.push_back(std::move(step));
      OPENANE_CHECK(visit_operation(operation, id, steps.size() - 1));
    }
    lifetimes_.end(id, steps.size());
    return {};
  }

  /// What was between the two is never there.
  void merge(Step& producer, Step activation, std::size_t at) {
    const VariableId between = producer.results.front();
    lifetimes_.define(activation.results.front(), lifetimes_.of(between).block, at);
    lifetimes_.forget(between);
    producer.results = activation.results;
    producer.activation = std::make_unique<const Step>(std::move(activation));
  }

  Result<void> visit_operation(const Operation& operation, BlockId id, std::size_t at) {
    lifetimes_.read_arguments(operation, id, at);
    for (const BlockId nested : operation.blocks) {
      lifetimes_.enter(nested, id, at);
      OPENANE_CHECK(visit_block(nested));
    }
    for (const VariableId output : operation.outputs) {
      lifetimes_.define(output, id, at);
    }
    return {};
  }

  void settle(VariableId variable) {
    const mil::Lifetimes::Place& place = lifetimes_.of(variable);
    if (!place.block || is_constant_[variable.index]) {
      return;
    }
    PreparedBlock& block = prepared_.blocks[place.block.index];
    if (place.is_output || (place.is_input && !place.is_used)) {
      block.last_owned.push_back(variable);
    } else {
      block.steps[place.end()].last_uses.push_back(variable);
    }
  }

  Prepared& prepared_;
  const Function& function_;
  Environment& environment_;
  Merger merger_;
  const std::vector<bool>& is_constant_;
  mil::Lifetimes lifetimes_;
};

std::uint64_t bytes_held(const mil::Type& type, Precision precision) {
  const Holding holding = holding_of(type.data_type(), precision);
  const std::optional<std::uint64_t> count = type.is_concrete() ? type.element_count() : std::nullopt;
  return count && holding != Holding::text ? saturating_multiply(*count, bytes_of(holding)) : 0;
}

/// Collects what takes part in the plan: results of kernels in the outermost block, each standing for its views.
class Planner {
 public:
  Planner(const Prepared& prepared, const mil::Lifetimes& lifetimes, Precision precision)
      : function_(prepared.function),
        steps_(prepared.blocks.front().steps),
        lifetimes_(lifetimes),
        precision_(precision),
        place_of_(prepared.function.variable_count(), kNowhere) {}

  void run(Prepared& prepared) {
    for (const Step& step : steps_) {
      visit(step);
    }
    std::vector<Lifetime> planned;
    for (const Candidate& candidate : candidates_) {
      if (candidate.is_shared && candidate.lifetime.bytes > 0) {
        prepared.planned.emplace(candidate.variable.index, planned.size());
        planned.push_back(candidate.lifetime);
      }
    }
    prepared.plan = plan_memory(planned);
  }

 private:
  struct Candidate {
    VariableId variable;
    Lifetime lifetime;
    bool is_shared = true;  ///< False when a result of the function looks at it: that one leaves with the caller.
  };

  [[nodiscard]] std::uint32_t viewed(const Step& step) const {
    if (std::ranges::find(kViews, step.operation->type) == kViews.end()) {
      return kNowhere;
    }
    const BoundArgument* x = step.find("x");
    return x != nullptr && x->operands.size() == 1 && x->operands[0].variable ? place_of_[x->operands[0].variable.index]
                                                                              : kNowhere;
  }

  void visit(const Step& step) {
    if (step.kernel == nullptr) {
      return;
    }
    const std::uint32_t root = viewed(step);
    for (const VariableId output : step.results) {
      const mil::Lifetimes::Place& life = lifetimes_.of(output);
      const auto bytes = bytes_held(function_[output].type, precision_);
      std::uint32_t& place = place_of_[output.index];
      place = root;
      if (root == kNowhere) {
        place = static_cast<std::uint32_t>(candidates_.size());
        candidates_.push_back({output, {bytes, life.definition, life.end()}});
      }
      Candidate& candidate = candidates_[place];
      candidate.lifetime.end = std::max(candidate.lifetime.end, life.end());
      candidate.is_shared = candidate.is_shared && !life.is_output;
    }
  }

  const Function& function_;
  const std::vector<Step>& steps_;
  const mil::Lifetimes& lifetimes_;
  Precision precision_;
  std::vector<std::uint32_t> place_of_;  ///< By variable id: the candidate whose memory it looks at.
  std::vector<Candidate> candidates_;
};

}  // namespace

const BoundArgument* Step::find(std::string_view name) const {
  const auto at = std::ranges::find(arguments, name, &BoundArgument::name);
  return at != arguments.end() ? &*at : nullptr;
}

Error at_operation(const Operation& operation, Error error) {
  const std::string_view label = operation.label();
  error.message = label.empty() ? fmt::format("{}: {}", operation.type, error.message)
                                : fmt::format("{} '{}': {}", operation.type, label, error.message);
  if (error.location.line == 0) {
    error.location.line = operation.location.line;
    error.location.column = operation.location.column;
  }
  return error;
}

Result<Step> make_step(const Function& function, const Operation& operation, Environment& environment) {
  Step step;
  step.operation = &operation;
  step.results = operation.outputs;
  step.info = mil::find_op(operation.type);
  step.signature = step.info != nullptr ? step.info->signature(function.opset) : nullptr;
  step.kernel = find_kernel(operation.type);
  step.executor_operation = step.kernel == nullptr ? find_executor_operation(operation.type) : nullptr;
  if (step.signature == nullptr || (step.kernel == nullptr && step.executor_operation == nullptr)) {
    return std::unexpected(at_operation(operation, cannot_run(operation).error()));
  }
  bind_arguments(operation, step);
  bind_attributes(operation, step);
  if (Result<void> decoded = decode_operands(step, environment); !decoded) {
    return std::unexpected(at_operation(operation, std::move(decoded).error()));
  }
  return step;
}

Result<std::unique_ptr<const Prepared>> prepare(Function function, Environment& environment) {
  auto prepared = std::make_unique<Prepared>();
  prepared->function = std::move(function);
  prepared->blocks.resize(prepared->function.block_count());
  StepMaker maker(*prepared, environment);
  OPENANE_CHECK(maker.run());
  prepared->is_channels_last = choose_channels_last(*prepared, environment);
  Planner(*prepared, maker.lifetimes(), environment.options.precision).run(*prepared);
  return prepared;
}

}  // namespace openane::reference
