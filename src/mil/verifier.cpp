#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "mil/lexer.h"
#include "mil/op_view.h"
#include "mil/opset.h"
#include "mil/symbol_table.h"
#include "openane/mil_infer.h"

namespace openane::mil {
namespace {

/// "fp16, fp32 or int32"
std::string list_types(DataTypeSet set) {
  std::vector<std::string_view> names;
  for (const DataTypeInfo& row : data_types()) {
    if ((set >> static_cast<unsigned>(row.type) & 1U) != 0) {
      names.push_back(row.name);
    }
  }
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    out += i == 0 ? "" : (i + 1 == names.size() ? " or " : ", ");
    out += names[i];
  }
  return out;
}

class FunctionVerifier {
 public:
  FunctionVerifier(const Function& function, const Weights* weights, std::vector<Diagnostic>& out)
      : function_(function), weights_(weights), out_(out), visible_(function.variable_count()) {}

  void verify() {
    if (find_opset(function_.opset) == nullptr) {
      warn(function_.location,
           fmt::format("op set '{}' is not known: the newest signatures are assumed", function_.opset));
    }
    check_name(function_.name, function_.location);
    block(function_.body_id());
  }

 private:
  void error(SourceLocation at, std::string message) { out_.push_back({Severity::error, std::move(message), at}); }
  void warn(SourceLocation at, std::string message) { out_.push_back({Severity::warning, std::move(message), at}); }

  void check_name(std::string_view name, SourceLocation at) {
    if (!is_identifier(name)) {
      error(at, fmt::format("'{}' is not a name: letters, digits, _ and @, not starting with a digit", name));
    }
  }

  bool is_in_table(VariableId id) const { return id.index < function_.variable_count(); }

  void define(VariableId id, OperationId by, SourceLocation at) {
    if (!is_in_table(id)) {
      error(at, fmt::format("variable {} is not one of the function", id.index));
      return;
    }
    const Variable& variable = function_[id];
    check_name(variable.name, variable.location);
    if (variable.definition != by) {
      error(at, fmt::format("'{}' does not know the operation that defines it", variable.name));
    }
    if (!variable.type) {
      error(variable.location, fmt::format("'{}' has no type", variable.name));
    }
    if (visible_[id.index] || !names_.define(variable.name, id)) {
      error(variable.location, fmt::format("'{}' is defined twice", variable.name));
    }
    visible_[id.index] = true;
    defined_.push_back(id);
  }

  bool check_use(VariableId id, SourceLocation at) {
    if (!is_in_table(id)) {
      error(at, fmt::format("variable {} is not one of the function", id.index));
      return false;
    }
    if (!visible_[id.index]) {
      error(at, fmt::format("'{}' is used where it is not defined yet, or not visible", function_[id].name));
    }
    return true;
  }

  void block(BlockId id) {
    const Block& block = function_[id];
    names_.open_scope();
    const std::size_t outer = defined_.size();
    for (const VariableId input : block.inputs) {
      define(input, OperationId{}, block.location);
    }
    for (const OperationId operation : block.operations) {
      this->operation(operation);
    }
    for (const VariableId output : block.outputs) {
      check_use(output, block.location);
    }
    for (; defined_.size() > outer; defined_.pop_back()) {
      visible_[defined_.back().index] = false;
    }
    names_.close_scope();
  }

  void operation(OperationId id) {
    const Operation& operation = function_[id];
    bool usable = true;
    for (const Argument& argument : operation.arguments) {
      for (const Binding& binding : argument.bindings) {
        usable &= binding.is_variable() ? check_use(binding.variable(), operation.location)
                                        : check_value(binding.value(), operation.location);
      }
    }
    for (const Attribute& attribute : operation.attributes) {
      usable &= check_value(attribute.value, operation.location);
    }
    for (const BlockId nested : operation.blocks) {
      block(nested);
    }
    for (const VariableId output : operation.outputs) {
      define(output, id, operation.location);
      usable &= is_in_table(output);
    }
    if (usable) {
      check_against_catalogue(operation);
    }
  }

  bool check_value(const Value& value, SourceLocation at) {
    if (!value) {
      error(at, "an empty constant");
      return false;
    }
    if (weights_ != nullptr && value.is_blob()) {
      if (const Result<Bytes> data = weights_->resolve(value); !data) {
        error(at, data.error().to_string());
      }
    }
    return true;
  }

  void check_against_catalogue(const Operation& operation) {
    const OpInfo* info = find_op(operation.type);
    if (info == nullptr) {
      const PrivateOp* reported = find_private_op(operation.type);
      if (reported != nullptr) {
        warn(operation.location,
             fmt::format("{}: a private operation without a published signature ({})", operation.type, reported->note));
      } else {
        error(operation.location, fmt::format("'{}' is not an operation", operation.type));
      }
      return;
    }
    const Signature* signature = info->signature(function_.opset);
    if (signature == nullptr) {
      error(operation.location, fmt::format("{} needs op set {}, the function has {}", operation.type,
                                            info->signatures.front().since, function_.opset));
      return;
    }
    const OpView view(function_, operation, *info, *signature);
    const std::size_t before = out_.size();
    check_names(view);
    check_arguments(view);
    if (out_.size() == before) {
      check_results(view);
    }
  }

  void fault(const OpView& op, std::string_view message) {
    error(op.operation().location, fmt::format("{}: {}", op.info().name, message));
  }

  /// Arguments that the signature does not have. Compressed constants and `const` carry arguments as attributes.
  void check_names(const OpView& op) {
    for (const Argument& argument : op.operation().arguments) {
      if (op.signature().find(argument.name) == nullptr && op.info().is_public) {
        fault(op, fmt::format("has no argument '{}' in {}", argument.name, function_.opset));
      }
    }
    const bool arguments_as_attributes = op.info().name == "const" || op.info().name.starts_with("constexpr_");
    for (const Attribute& attribute : op.operation().attributes) {
      if (arguments_as_attributes && attribute.name != "name" && op.signature().find(attribute.name) == nullptr) {
        fault(op, fmt::format("has no argument '{}' in {}", attribute.name, function_.opset));
      }
    }
  }

  void check_arguments(const OpView& op) {
    std::map<std::string_view, std::pair<std::string_view, DataType>>
        bound;  // by type variable: argument and element type
    for (const Parameter& parameter : op.signature().parameters) {
      if (parameter.kind == ParameterKind::block) {
        continue;
      }
      if (!op.has(parameter.name)) {
        if (!parameter.is_optional) {
          fault(op, fmt::format("argument '{}' is missing", parameter.name));
        }
        continue;
      }
      const std::vector<Type> types = op.types(parameter.name);
      if (types.size() != 1 && parameter.kind != ParameterKind::variadic) {
        fault(op, fmt::format("argument '{}' takes one value, found {}", parameter.name, types.size()));
        continue;
      }
      check_kind(op, parameter, types);
      if (parameter.is_constant && !is_constant(op, parameter.name)) {
        fault(op, fmt::format("argument '{}' must be a constant", parameter.name));
      }
      if (parameter.kind == ParameterKind::tensor && !parameter.variable.empty()) {
        const auto [at, fresh] = bound.try_emplace(parameter.variable, parameter.name, types[0].data_type());
        if (!fresh && at->second.second != types[0].data_type()) {
          fault(op, fmt::format("argument '{}' is {}, but '{}' is {}: they must have one element type", parameter.name,
                                to_string(types[0].data_type()), at->second.first, to_string(at->second.second)));
        }
      }
    }
  }

  void check_kind(const OpView& op, const Parameter& parameter, const std::vector<Type>& types) {
    const auto expect = [&](bool holds, std::string_view wanted) {
      if (!holds) {
        fault(op, fmt::format("argument '{}' must be {}, found {}", parameter.name, wanted, to_string(types.front())));
      }
    };
    switch (parameter.kind) {
      case ParameterKind::tensor:
        expect(types[0].is_tensor() && parameter.allows(types[0].data_type()),
               "a tensor of " + list_types(parameter.types));
        return;
      case ParameterKind::list:
        expect(types[0].kind() == TypeKind::list, "a list");
        return;
      case ParameterKind::state:
        expect(types[0].kind() == TypeKind::state, "a state");
        return;
      case ParameterKind::variadic:
      case ParameterKind::block:
      case ParameterKind::any:
        return;
    }
  }

  /// Known before the program runs: given in place, as attribute, by a `const`, or decoded from a compressed constant.
  bool is_constant(const OpView& op, std::string_view name) const {
    const Argument* argument = op.operation().find_argument(name);
    return argument == nullptr || std::ranges::all_of(argument->bindings, [&](const Binding& binding) {
             if (!binding.is_variable()) {
               return true;
             }
             const OperationId definition = function_[binding.variable()].definition;
             return definition &&
                    (function_[definition].type == "const" || function_[definition].type.starts_with("constexpr_"));
           });
  }

  void check_results(const OpView& op) {
    const Operation& operation = op.operation();
    const Result<std::vector<Type>> types = infer_types(function_, operation);
    if (!types) {
      fault(op, types.error().message);
      return;
    }
    if (types->size() != operation.outputs.size()) {
      fault(op, fmt::format("gives {} results, {} are written", types->size(), operation.outputs.size()));
      return;
    }
    for (std::size_t i = 0; i < types->size(); ++i) {
      const Variable& output = function_[operation.outputs[i]];
      if (!is_compatible(output.type, (*types)[i])) {
        fault(op, fmt::format("'{}' is written as {}, but it is {}", output.name, to_string(output.type),
                              to_string((*types)[i])));
      }
    }
  }

  const Function& function_;
  const Weights* weights_;
  std::vector<Diagnostic>& out_;
  SymbolTable names_;
  std::vector<bool> visible_;
  std::vector<VariableId> defined_;
};

}  // namespace

std::vector<Diagnostic> verify(const Program& program, const Weights* weights) {
  std::vector<Diagnostic> out;
  for (std::size_t i = 0; i < program.functions.size(); ++i) {
    const Function& function = program.functions[i];
    const auto* const earlier = std::find_if(program.functions.data(), program.functions.data() + i,
                                             [&](const Function& other) { return other.name == function.name; });
    if (earlier != program.functions.data() + i) {
      out.push_back({Severity::error, fmt::format("a second function named '{}'", function.name), function.location});
    }
    FunctionVerifier(function, weights, out).verify();
  }
  return out;
}

}  // namespace openane::mil
