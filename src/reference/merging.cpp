#include "reference/merging.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <ranges>
#include <string_view>

#include "reference/execution.h"

namespace openane::reference {
namespace {

using mil::BlockId;
using mil::VariableId;

constexpr double kUnbounded = std::numeric_limits<double>::infinity();

/// Clip's bounds are its arguments.
struct Bounding {
  std::string_view operation;
  std::optional<Bounds<double>> bounds;
};
constexpr std::array<Bounding, 3> kBounding = {
    {{"clip", std::nullopt}, {"relu", Bounds<double>{0, kUnbounded}}, {"relu6", Bounds<double>{0, 6}}}};

/// Operations that compute each element of their result from the elements at the same place of their arguments.
constexpr std::array<std::string_view, 29> kByElement = {"abs",
                                                         "add",
                                                         "atan",
                                                         "ceil",
                                                         "clamped_relu",
                                                         "clip",
                                                         "elu",
                                                         "erf",
                                                         "exp",
                                                         "floor",
                                                         "gelu",
                                                         "leaky_relu",
                                                         "linear_activation",
                                                         "maximum",
                                                         "minimum",
                                                         "mul",
                                                         "real_div",
                                                         "relu",
                                                         "relu6",
                                                         "round",
                                                         "scaled_tanh",
                                                         "sigmoid",
                                                         "sigmoid_hard",
                                                         "silu",
                                                         "softplus",
                                                         "softsign",
                                                         "square",
                                                         "sub",
                                                         "tanh"};

bool is_by_element(const Step& step) { return std::ranges::find(kByElement, step.operation->type) != kByElement.end(); }

const Bounding* find_bounding(std::string_view operation) {
  const auto* const row = std::ranges::find(kBounding, operation, &Bounding::operation);
  return row != kBounding.end() ? row : nullptr;
}

bool is_convolution(const Step& step) { return step.operation->type == "conv"; }

/// Only there nothing happens between two operations: fp16 runs round every result. Observers see every result.
bool may_merge(const Environment& environment) {
  return environment.options.precision == Precision::fp32 && !environment.options.observer;
}

std::vector<std::uint32_t> count_uses(const mil::Function& function) {
  std::vector<std::uint32_t> uses(function.variable_count());
  for (std::uint32_t block = 0; block < function.block_count(); ++block) {
    for (const mil::OperationId id : function[BlockId{block}].operations) {
      for (const mil::Argument& argument : function[id].arguments) {
        for (const mil::Binding& binding : argument.bindings) {
          if (binding.is_variable()) {
            ++uses[binding.variable().index];
          }
        }
      }
    }
    for (const VariableId output : function[BlockId{block}].outputs) {
      ++uses[output.index];
    }
  }
  return uses;
}

bool is_picture(const mil::Type& type) {
  return type.is_tensor() && type.is_concrete() && type.shape().size() == 4 && type.element_count().value_or(0) > 0;
}

/// Starts with every variable that may be held so, and drops those of which a neighbour asks otherwise, until no more
/// are dropped.
class LayoutChoice {
 public:
  LayoutChoice(const Prepared& prepared, const Environment& environment)
      : prepared_(prepared), environment_(environment), chosen_(prepared.function.variable_count(), false) {}

  std::vector<bool> run() {
    for (const PreparedBlock& block : prepared_.blocks) {
      std::ranges::for_each(block.steps, [&](const Step& step) { start(step); });
    }
    for (std::uint32_t block = 0; block < prepared_.function.block_count(); ++block) {
      for (const VariableId output : prepared_.function[BlockId{block}].outputs) {
        chosen_[output.index] = false;
      }
    }
    do {
      is_settled_ = true;
      for (const PreparedBlock& block : prepared_.blocks) {
        // From the last: one pass takes what a user asks for to all steps before it.
        std::ranges::for_each(block.steps | std::views::reverse, [&](const Step& step) { check(step); });
      }
    } while (!is_settled_);
    return std::move(chosen_);
  }

 private:
  void start(const Step& step) {
    if (is_convolution(step) || (is_by_element(step) && reads_chosen(step))) {
      const VariableId result = step.results.front();
      chosen_[result.index] = is_picture(type_of(result));
    }
  }

  [[nodiscard]] bool reads_chosen(const Step& step) const {
    return std::ranges::any_of(step.arguments, [&](const BoundArgument& argument) {
      return std::ranges::any_of(argument.operands, [&](const Operand& operand) {
        return operand.variable && chosen_[operand.variable.index];
      });
    });
  }

  void check(const Step& step) {
    if (is_by_element(step)) {
      check_by_element(step);
      return;
    }
    for (const BoundArgument& argument : step.arguments) {
      if (!is_convolution(step) || argument.name != "x") {
        drop(argument);
      }
    }
  }

  /// All or none: single elements apart, what it reads and writes has one shape and one layout.
  void check_by_element(const Step& step) {
    const VariableId result = step.results.front();
    const auto agrees = [&](const BoundArgument& argument) {
      return std::ranges::all_of(argument.operands, [&](const Operand& operand) {
        return is_single(operand) || (operand.variable && chosen_[operand.variable.index] &&
                                      type_of(operand.variable).shape() == type_of(result).shape());
      });
    };
    if (!chosen_[result.index] || !std::ranges::all_of(step.arguments, agrees)) {
      drop(result);
      std::ranges::for_each(step.arguments, [&](const BoundArgument& argument) { drop(argument); });
    }
  }

  [[nodiscard]] const mil::Type& type_of(VariableId variable) const { return prepared_.function[variable].type; }

  [[nodiscard]] bool is_single(const Operand& operand) const {
    if (operand.variable && !environment_.is_constant[operand.variable.index]) {
      return false;
    }
    const mil::Type& type = operand.variable ? type_of(operand.variable) : operand.value.constant.type();
    return !type.is_tensor() || (type.is_concrete() && type.element_count() == 1);
  }

  void drop(const BoundArgument& argument) {
    for (const Operand& operand : argument.operands) {
      if (operand.variable) {
        drop(operand.variable);
      }
    }
  }
  void drop(VariableId variable) {
    is_settled_ = is_settled_ && !chosen_[variable.index];
    chosen_[variable.index] = false;
  }

  const Prepared& prepared_;
  const Environment& environment_;
  std::vector<bool> chosen_;
  bool is_settled_ = false;
};

}  // namespace

Merger::Merger(const mil::Function& function, const Environment& environment)
    : environment_(environment), uses_(count_uses(function)) {}

bool Merger::is_fixed(const Operand& operand) const {
  return !operand.variable || environment_.is_constant[operand.variable.index];
}

Step* Merger::producer(const Step& activation, std::vector<Step>& steps) const {
  if (!may_merge(environment_) || find_bounding(activation.operation->type) == nullptr) {
    return nullptr;
  }
  const BoundArgument* const x = activation.find("x");
  if (x == nullptr || x->operands.size() != 1 || !x->operands[0].variable) {
    return nullptr;
  }
  const VariableId between = x->operands[0].variable;
  const bool is_known = std::ranges::all_of(activation.arguments, [&](const BoundArgument& argument) {
    return &argument == x || std::ranges::all_of(argument.operands, [&](const Operand& o) { return is_fixed(o); });
  });
  const auto step = std::ranges::find_if(
      steps, [&](const Step& candidate) { return is_convolution(candidate) && candidate.results[0] == between; });
  const bool is_mergeable = is_known && uses_[between.index] == 1 && step != steps.end() && step->activation == nullptr;
  return is_mergeable ? &*step : nullptr;
}

Bounds<double> bounds_of(const Call& activation) {
  const Bounding* const row = find_bounding(activation.info().name);
  return row->bounds ? *row->bounds : Bounds<double>{*activation.number("alpha"), *activation.number("beta")};
}

std::vector<bool> choose_channels_last(const Prepared& prepared, const Environment& environment) {
  return may_merge(environment) ? LayoutChoice(prepared, environment).run()
                                : std::vector<bool>(prepared.function.variable_count(), false);
}

}  // namespace openane::reference
