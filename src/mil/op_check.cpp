#include "mil/op_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "mil/op_view.h"
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

class OperationChecker {
 public:
  OperationChecker(const OpView& op, std::vector<Diagnostic>& out) : op_(op), out_(out) {}

  /// Arguments that the signature does not have. Compressed constants and `const` carry arguments as attributes.
  void check_names() {
    const std::string& opset = op_.function().opset;
    for (const Argument& argument : op_.operation().arguments) {
      if (op_.signature().find(argument.name) == nullptr && op_.info().is_public) {
        fault(fmt::format("has no argument '{}' in {}", argument.name, opset));
      }
    }
    const bool arguments_as_attributes = op_.info().name == "const" || op_.info().name.starts_with("constexpr_");
    for (const Attribute& attribute : op_.operation().attributes) {
      if (arguments_as_attributes && attribute.name != "name" && op_.signature().find(attribute.name) == nullptr) {
        fault(fmt::format("has no argument '{}' in {}", attribute.name, opset));
      }
    }
  }

  void check_arguments() {
    for (const Parameter& parameter : op_.signature().parameters) {
      if (parameter.kind == ParameterKind::block) {
        continue;
      }
      if (op_.has(parameter.name)) {
        check_argument(parameter);
      } else if (!parameter.is_optional) {
        fault(fmt::format("argument '{}' is missing", parameter.name));
      }
    }
  }

  void check_results() {
    const Operation& operation = op_.operation();
    const Result<std::vector<Type>> types = infer_types(op_.function(), operation);
    if (!types) {
      fault(types.error().message);
      return;
    }
    if (types->size() != operation.outputs.size()) {
      fault(fmt::format("gives {} results, {} are written", types->size(), operation.outputs.size()));
      return;
    }
    for (std::size_t i = 0; i < types->size(); ++i) {
      const Variable& output = op_.function()[operation.outputs[i]];
      if (!is_compatible(output.type, (*types)[i])) {
        fault(fmt::format("'{}' is written as {}, but it is {}", output.name, to_string(output.type),
                          to_string((*types)[i])));
      }
    }
  }

 private:
  void fault(std::string_view message) {
    out_.push_back({Severity::error, fmt::format("{}: {}", op_.info().name, message), op_.operation().location});
  }

  void check_argument(const Parameter& parameter) {
    const std::vector<Type> types = op_.types(parameter.name);
    if (types.size() != 1 && parameter.kind != ParameterKind::variadic) {
      fault(fmt::format("argument '{}' takes one value, found {}", parameter.name, types.size()));
      return;
    }
    check_kind(parameter, types);
    if (parameter.is_constant && !is_constant(parameter.name)) {
      fault(fmt::format("argument '{}' must be a constant", parameter.name));
    }
    if (parameter.kind == ParameterKind::tensor && !parameter.variable.empty()) {
      const auto [at, fresh] = bound_.try_emplace(parameter.variable, parameter.name, types[0].data_type());
      if (!fresh && at->second.second != types[0].data_type()) {
        fault(fmt::format("argument '{}' is {}, but '{}' is {}: they must have one element type", parameter.name,
                          to_string(types[0].data_type()), at->second.first, to_string(at->second.second)));
      }
    }
  }

  void check_kind(const Parameter& parameter, const std::vector<Type>& types) {
    const auto expect = [&](bool holds, std::string_view wanted) {
      if (!holds) {
        fault(fmt::format("argument '{}' must be {}, found {}", parameter.name, wanted, to_string(types.front())));
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
  bool is_constant(std::string_view name) const {
    const Function& function = op_.function();
    const Argument* argument = op_.operation().find_argument(name);
    return argument == nullptr || std::ranges::all_of(argument->bindings, [&](const Binding& binding) {
             if (!binding.is_variable()) {
               return true;
             }
             const OperationId definition = function[binding.variable()].definition;
             return definition &&
                    (function[definition].type == "const" || function[definition].type.starts_with("constexpr_"));
           });
  }

  const OpView& op_;
  std::vector<Diagnostic>& out_;
  /// By type variable: the argument that bound it, and the element type.
  std::map<std::string_view, std::pair<std::string_view, DataType>> bound_;
};

void check(const Function& function, const Operation& operation, bool with_results, std::vector<Diagnostic>& out) {
  const auto report = [&](Severity severity, std::string message) {
    out.push_back({severity, std::move(message), operation.location});
  };
  const OpInfo* info = find_op(operation.type);
  if (info == nullptr) {
    const PrivateOp* reported = find_private_op(operation.type);
    if (reported != nullptr) {
      report(Severity::warning,
             fmt::format("{}: a private operation without a published signature ({})", operation.type, reported->note));
    } else {
      report(Severity::error, fmt::format("'{}' is not an operation", operation.type));
    }
    return;
  }
  const Signature* signature = info->signature(function.opset);
  if (signature == nullptr) {
    report(Severity::error, fmt::format("{} needs op set {}, the function has {}", operation.type,
                                        info->signatures.front().since, function.opset));
    return;
  }
  const OpView view(function, operation, *info, *signature);
  OperationChecker checker(view, out);
  const std::size_t before = out.size();
  checker.check_names();
  checker.check_arguments();
  if (with_results && out.size() == before) {
    checker.check_results();
  }
}

}  // namespace

void check_arguments(const Function& function, const Operation& operation, std::vector<Diagnostic>& out) {
  check(function, operation, false, out);
}

void check_operation(const Function& function, const Operation& operation, std::vector<Diagnostic>& out) {
  check(function, operation, true, out);
}

}  // namespace openane::mil
