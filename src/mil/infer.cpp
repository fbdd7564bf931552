#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "mil/extents.h"
#include "mil/nameable_types.h"
#include "mil/op_view.h"
#include "mil/shape_rules.h"
#include "openane/mil_infer.h"

namespace openane::mil {
namespace {

/// The element type a default stands for: 1 is an int32, 1.0 an fp32, true a bool.
DataType type_of_default(std::string_view text) {
  if (text.empty()) {
    return DataType::invalid;
  }
  if (text == "true" || text == "false") {
    return DataType::boolean;
  }
  return text.find_first_of(".e") != std::string_view::npos ? DataType::fp32 : DataType::int32;
}

Result<DataType> variable_type(const OpView& op, std::string_view variable) {
  DataType fallback = DataType::invalid;
  for (const Parameter& parameter : op.signature().parameters) {
    if (parameter.variable != variable) {
      continue;
    }
    if (op.has(parameter.name)) {
      return op.type(parameter.name).data_type();
    }
    if (fallback == DataType::invalid) {
      fallback = type_of_default(parameter.fallback);
    }
  }
  return fallback;
}

bool may_name(const OpView& op, std::string_view input, DataType type) {
  return std::ranges::any_of(nameable_types(), [&](const NameableTypes& row) {
    return row.operation == op.info().name && row.since == op.signature().since && row.input == input &&
           (row.types >> static_cast<unsigned>(type) & 1U) != 0;
  });
}

Result<DataType> named_type(const OpView& op, std::string_view input) {
  if (op.signature().find(input) == nullptr) {
    return DataType::int32;
  }
  const std::optional<std::string> name = op.text(input);
  const std::optional<DataType> type = name ? data_type_from_string(*name) : std::nullopt;
  if (!type) {
    return mismatch(fmt::format("{} must be a constant that names an element type{}", input,
                                name ? ", found '" + *name + "'" : std::string()));
  }
  if (!may_name(op, input, *type)) {
    return mismatch(
        fmt::format("{} '{}' is not an element type that {} gives in this op set", input, *name, op.info().name));
  }
  return *type;
}

Result<DataType> output_type(const OpView& op, const OutputRule& rule) {
  switch (rule.kind) {
    case OutputKind::fixed:
      return rule.type;
    case OutputKind::variable:
      return variable_type(op, rule.of);
    case OutputKind::like: {
      const std::vector<Type> types = op.types(rule.of);
      return types.empty() ? DataType::invalid : types.front().data_type();
    }
    case OutputKind::named:
      return named_type(op, rule.of);
    case OutputKind::rule:
      break;
  }
  return fail(ErrorCategory::internal, fmt::format("{}: a shape rule where the whole type is wanted", op.info().name));
}

Result<std::vector<Type>> apply_rule(const OpView& op, const NamedRule& rule) {
  if (rule.types != nullptr) {
    return rule.types(op);
  }
  OPENANE_TRY(std::vector<Shape> shapes, rule.shapes(op));
  const std::span<const OutputRule> rules = op.info().outputs;
  std::vector<Type> out;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const OutputRule& output = rules[std::min(i, rules.size() - 1)];
    OPENANE_TRY(const DataType type, output_type(op, output));
    const bool open_rank = std::ranges::find(shapes[i], kVariadicExtent) != shapes[i].end();
    out.push_back(Type::tensor(type, open_rank ? Shape{kVariadicExtent} : std::move(shapes[i])));
  }
  return out;
}

std::vector<Type> declared_types(const Function& function, const Operation& operation) {
  std::vector<Type> out;
  out.reserve(operation.outputs.size());
  for (const VariableId output : operation.outputs) {
    out.push_back(function[output].type);
  }
  return out;
}

/// Calls `visit(type)` for the type of everything bound to an argument, until it gives true.
template <typename Visit>
bool any_argument_type(const Function& function, const Operation& operation, Visit visit) {
  return std::ranges::any_of(operation.arguments, [&](const Argument& argument) {
    return std::ranges::any_of(argument.bindings, [&](const Binding& binding) {
      return visit(binding.is_variable() ? function[binding.variable()].type : binding.value().type());
    });
  });
}

bool has_open_rank(const Type& type) { return std::ranges::find(type.shape(), kVariadicExtent) != type.shape().end(); }

/// Sums and small multiples of extents up to this one cannot overflow, so that no rule has to think of it.
bool has_huge_extent(const Type& type) {
  return std::ranges::any_of(type.shape(), [](std::int64_t extent) { return extent > kLargestInteger; });
}

}  // namespace

const NamedRule* find_shape_rule(std::string_view name) {
  for (const std::span<const NamedRule> table :
       {elementwise_rules(), layout_rules(), indexing_rules(), spatial_rules(), other_rules()}) {
    const auto at = std::ranges::find(table, name, &NamedRule::name);
    if (at != table.end()) {
      return &*at;
    }
  }
  return nullptr;
}

Result<std::vector<Type>> infer_types(const Function& function, const Operation& operation) {
  const OpInfo* info = find_op(operation.type);
  const Signature* signature = info != nullptr ? info->signature(function.opset) : nullptr;
  const NamedRule* rule = info != nullptr ? find_shape_rule(info->shape_rule) : nullptr;
  if (any_argument_type(function, operation, has_huge_extent)) {
    return mismatch(fmt::format("an axis of more than {} elements", kLargestInteger));
  }
  if (rule == nullptr || signature == nullptr || any_argument_type(function, operation, has_open_rank)) {
    return declared_types(function, operation);
  }
  return apply_rule(OpView(function, operation, *info, *signature), *rule);
}

bool is_compatible(const Type& declared, const Type& inferred) {
  if (declared.kind() != inferred.kind() || declared.data_type() != inferred.data_type()) {
    return false;
  }
  if (declared.is_tensor()) {
    const auto is_open = [](const Type& type) {
      return std::ranges::find(type.shape(), kVariadicExtent) != type.shape().end();
    };
    return is_open(declared) || is_open(inferred) ||
           std::ranges::equal(declared.shape(), inferred.shape(), may_be_equal);
  }
  return may_be_equal(declared.length(), inferred.length()) &&
         std::ranges::equal(declared.parameters(), inferred.parameters(), is_compatible);
}

namespace {

/// What is inferred, with the extents it leaves open taken from what is written.
Type refined(const Type& declared, const Type& inferred) {
  if (!inferred.is_tensor() || declared.shape().size() != inferred.shape().size()) {
    return inferred;
  }
  Shape shape = inferred.shape();
  std::ranges::transform(shape, declared.shape(), shape.begin(),
                         [](std::int64_t a, std::int64_t b) { return is_known(a) ? a : b; });
  return shape == inferred.shape() ? inferred : Type::tensor(inferred.data_type(), std::move(shape));
}

Result<void> infer_block(Function& function, BlockId id);

Result<void> infer_operation(Function& function, Operation& operation) {
  const Argument* loop_variables = operation.find_argument("loop_vars");
  for (const BlockId nested : operation.blocks) {
    const std::vector<VariableId>& inputs = function[nested].inputs;
    for (std::size_t i = 0; loop_variables != nullptr && i < std::min(inputs.size(), loop_variables->bindings.size());
         ++i) {
      const Binding& binding = loop_variables->bindings[i];
      function[inputs[i]].type = binding.is_variable() ? function[binding.variable()].type : binding.value().type();
    }
    OPENANE_CHECK(infer_block(function, nested));
  }
  const auto at_operation = [&](std::string message) {
    return fail(ErrorCategory::malformed_input, fmt::format("{}: {}", operation.type, message),
                Location{{}, {}, operation.location.line, operation.location.column});
  };
  const Result<std::vector<Type>> types = infer_types(function, operation);
  if (!types) {
    return at_operation(types.error().message);
  }
  if (types->size() != operation.outputs.size()) {
    return at_operation(fmt::format("gives {} results, {} are written", types->size(), operation.outputs.size()));
  }
  for (std::size_t i = 0; i < types->size(); ++i) {
    Type& type = function[operation.outputs[i]].type;
    type = refined(type, (*types)[i]);
  }
  return {};
}

Result<void> infer_block(Function& function, BlockId id) {
  for (const OperationId operation : function[id].operations) {
    OPENANE_CHECK(infer_operation(function, function[operation]));
  }
  return {};
}

}  // namespace

Result<void> specialise_shapes(Function& function, const std::map<std::string, Shape>& input_shapes) {
  for (const auto& [name, shape] : input_shapes) {
    const std::optional<VariableId> input = function.find_input(name);
    if (!input) {
      return fail(ErrorCategory::usage, fmt::format("function {} has no input '{}'", function.name, name));
    }
    Variable& variable = function[*input];
    const Type wanted = Type::tensor(variable.type.data_type(), shape);
    const bool same_rank = variable.type.is_tensor() && variable.type.shape().size() == shape.size();
    if (!same_rank || !wanted.is_concrete()) {
      return fail(ErrorCategory::usage,
                  fmt::format("input '{}' is {}, it cannot be {}", name, to_string(variable.type), describe(shape)));
    }
    variable.type = wanted;
  }
  return infer_block(function, function.body_id());
}

}  // namespace openane::mil
