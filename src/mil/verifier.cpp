#include <fmt/format.h>

#include <algorithm>

#include "mil/lexer.h"
#include "mil/op_check.h"
#include "mil/opset.h"
#include "mil/symbol_table.h"
#include "openane/mil_infer.h"

namespace openane::mil {
namespace {

/// What is wrong with a weight file, and where in it: the finding has a category of its own.
std::string in_weights(const Error& error) {
  const Location& at = error.location;
  return fmt::format("{}{}{}{}", at.file, at.offset ? fmt::format(" at {:#x}", *at.offset) : "",
                     at.file.empty() ? "" : ": ", error.message);
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
    if (variable.type.is_concrete() && !variable.type.element_count()) {
      error(variable.location,
            fmt::format("'{}' has more than 2^62 elements: {}", variable.name, to_string(variable.type)));
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
      check_operation(function_, operation, out_);
    }
  }

  bool check_value(const Value& value, SourceLocation at) {
    if (!value) {
      error(at, "an empty constant");
      return false;
    }
    if (weights_ != nullptr && value.is_blob()) {
      if (const Result<Bytes> data = weights_->resolve(value); !data) {
        error(at, in_weights(data.error()));
      }
    }
    return true;
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
