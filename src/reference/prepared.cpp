#include "reference/prepared.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/saturating.h"
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

/// Where each variable is defined and last used.
class Lifetimes {
 public:
  Lifetimes(Prepared& prepared, Environment& environment)
      : prepared_(prepared),
        function_(prepared.function),
        environment_(environment),
        merger_(function_, environment),
        is_constant_(environment.is_constant),
        places_(function_.variable_count()),
        parents_(function_.block_count()) {}

  Result<void> run() {
    OPENANE_CHECK(visit_block(function_.body_id()));
    for (std::uint32_t i = 0; i < places_.size(); ++i) {
      settle(VariableId{i});
    }
    return {};
  }

  /// First and last step of a variable in its block.
  [[nodiscard]] std::pair<std::size_t, std::size_t> steps_of(VariableId variable) const {
    const Place& place = places_[variable.index];
    return {place.definition, std::max(place.definition, place.last_use)};
  }
  [[nodiscard]] bool is_block_output(VariableId variable) const { return places_[variable.index].is_output; }

 private:
  struct Place {
    std::uint32_t block = kNowhere;
    std::size_t definition = 0;
    std::size_t last_use = 0;
    bool is_input = false;
    bool is_used = false;
    bool is_output = false;
  };
  struct Parent {
    std::uint32_t block = kNowhere;
    std::size_t step = 0;
  };

  void define(VariableId variable, BlockId block, std::size_t step, bool is_input) {
    Place& place = places_[variable.index];
    place.block = block.index;
    place.definition = step;
    place.is_input = is_input;
  }

  /// A use counts at the step of the variable's own block that contains it.
  void use(VariableId variable, BlockId block, std::size_t step) {
    Place& place = places_[variable.index];
    std::uint32_t at = block.index;
    while (at != place.block && at != kNowhere) {
      step = parents_[at].step;
      at = parents_[at].block;
    }
    if (at != kNowhere) {
      place.is_used = true;
      place.last_use = std::max(place.last_use, step);
    }
  }

  [[nodiscard]] bool is_computed(const Operation& operation) const {
    return operation.outputs.empty() ||
           std::ranges::any_of(operation.outputs, [&](VariableId output) { return !is_constant_[output.index]; });
  }

  Result<void> visit_block(BlockId id) {
    for (const VariableId input : function_[id].inputs) {
      define(input, id, 0, true);
    }
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
    for (const VariableId output : function_[id].outputs) {
      use(output, id, steps.empty() ? 0 : steps.size() - 1);
      Place& place = places_[output.index];
      place.is_output = place.is_output || place.block == id.index;
    }
    return {};
  }

  /// What was between the two is never there.
  void merge(Step& producer, Step activation, std::size_t at) {
    Place& between = places_[producer.results.front().index];
    define(activation.results.front(), BlockId{between.block}, at, false);
    between.block = kNowhere;
    producer.results = activation.results;
    producer.activation = std::make_unique<const Step>(std::move(activation));
  }

  Result<void> visit_operation(const Operation& operation, BlockId id, std::size_t at) {
    for (const mil::Argument& argument : operation.arguments) {
      for (const mil::Binding& binding : argument.bindings) {
        if (binding.is_variable()) {
          use(binding.variable(), id, at);
        }
      }
    }
    for (const BlockId nested : operation.blocks) {
      parents_[nested.index] = {id.index, at};
      OPENANE_CHECK(visit_block(nested));
    }
    for (const VariableId output : operation.outputs) {
      define(output, id, at, false);
    }
    return {};
  }

  void settle(VariableId variable) {
    const Place& place = places_[variable.index];
    if (place.block == kNowhere || is_constant_[variable.index]) {
      return;
    }
    PreparedBlock& block = prepared_.blocks[place.block];
    if (place.is_output || (place.is_input && !place.is_used)) {
      block.last_owned.push_back(variable);
    } else {
      block.steps[std::max(place.definition, place.last_use)].last_uses.push_back(variable);
    }
  }

  Prepared& prepared_;
  const Function& function_;
  Environment& environment_;
  Merger merger_;
  const std::vector<bool>& is_constant_;
  std::vector<Place> places_;
  std::vector<Parent> parents_;
};

std::uint64_t bytes_held(const mil::Type& type, Precision precision) {
  const Holding holding = holding_of(type.data_type(), precision);
  const std::optional<std::uint64_t> count = type.is_concrete() ? type.element_count() : std::nullopt;
  return count && holding != Holding::text ? saturating_multiply(*count, bytes_of(holding)) : 0;
}

/// Collects what takes part in the plan: results of kernels in the outermost block, each standing for its views.
class Planner {
 public:
  Planner(const Prepared& prepared, const Lifetimes& lifetimes, Precision precision)
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
      const auto [begin, end] = lifetimes_.steps_of(output);
      const auto bytes = bytes_held(function_[output].type, precision_);
      std::uint32_t& place = place_of_[output.index];
      place = root;
      if (root == kNowhere) {
        place = static_cast<std::uint32_t>(candidates_.size());
        candidates_.push_back({output, {bytes, begin, end}});
      }
      Candidate& candidate = candidates_[place];
      candidate.lifetime.end = std::max(candidate.lifetime.end, end);
      candidate.is_shared = candidate.is_shared && !lifetimes_.is_block_output(output);
    }
  }

  const Function& function_;
  const std::vector<Step>& steps_;
  const Lifetimes& lifetimes_;
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
  Lifetimes lifetimes(*prepared, environment);
  OPENANE_CHECK(lifetimes.run());
  prepared->is_channels_last = choose_channels_last(*prepared, environment);
  Planner(*prepared, lifetimes, environment.options.precision).run(*prepared);
  return prepared;
}

}  // namespace openane::reference
