#include "openane/mil_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "mil/lexer.h"
#include "mil/op_check.h"
#include "mil/opset.h"
#include "openane/mil_infer.h"

namespace openane::mil {
namespace {

using Form = Operand::Form;

std::uint64_t next_builder() {
  static std::atomic<std::uint64_t> count = 0;
  return ++count;
}

bool is_literal(const Operand& operand) {
  return operand.form() == Form::numbers || operand.form() == Form::integers || operand.form() == Form::booleans;
}

/// The element type a literal has when nothing asks for another.
DataType natural_type(Form form) {
  switch (form) {
    case Form::numbers:
      return DataType::fp32;
    case Form::integers:
      return DataType::int32;
    case Form::booleans:
      return DataType::boolean;
    case Form::texts:
      return DataType::string;
    case Form::absent:
    case Form::variable:
    case Form::value:
      break;
  }
  return DataType::invalid;
}

/// Whether a literal can be written in a type without a change of meaning: no fraction in integers, no number as bool.
bool suits(Form form, DataType type) {
  if (form == Form::booleans || form == Form::texts) {
    return type == natural_type(form);
  }
  return is_floating(type) || (form == Form::integers && is_integer(type));
}

Result<Value> literal_value(const Operand& operand, DataType type) {
  if (operand.form() == Form::texts) {
    return Value::strings(Type::tensor(DataType::string, operand.shape()),
                          {operand.texts().begin(), operand.texts().end()});
  }
  return Value::numbers(Type::tensor(type, operand.shape()), operand.numbers());
}

Value label_list(std::span<const std::string> labels) {
  std::vector<Value> elements;
  std::ranges::transform(labels, std::back_inserter(elements),
                         [](const std::string& label) { return Value::string(label); });
  return Value::list(Type::list(Type::scalar(DataType::string), static_cast<std::int64_t>(labels.size())),
                     std::move(elements));
}

std::unexpected<Error> misuse(std::string message) { return fail(ErrorCategory::usage, std::move(message)); }

/// The compressed constants of ios16 keep their arguments among the attributes (facts/mil.md, section 4).
bool keeps_attributes(std::string_view type, const Signature* signature) {
  return type.starts_with("constexpr_") && signature != nullptr && signature->since == "ios16";
}

}  // namespace

/// One operation while it is made.
struct Builder::Call {
  Operation operation;
  std::string name;
  Place at;
  const Signature* signature = nullptr;
  /// Element types that type variables are bound to so far.
  std::map<std::string_view, DataType> bound;
  /// Element type of the first tensor given.
  DataType leading = DataType::invalid;
  /// Type variables that stand for numbers with a fraction in one of their arguments.
  std::set<std::string_view> fractional;

  [[nodiscard]] const Parameter* parameter(std::string_view argument) const {
    return signature != nullptr ? signature->find(argument) : nullptr;
  }

  void learn(std::span<const NamedOperand> arguments) {
    for (const NamedOperand& argument : arguments) {
      const Parameter* row = parameter(argument.name);
      for (const Operand& operand : argument.operands) {
        const DataType type = operand.form() == Form::variable ? operand.variable().type().data_type()
                              : operand.form() == Form::value  ? operand.value().type().data_type()
                                                               : DataType::invalid;
        leading = leading == DataType::invalid ? type : leading;
        if (row == nullptr || row->variable.empty()) {
          continue;
        }
        if (type != DataType::invalid) {
          bound.try_emplace(row->variable, type);
        } else if (operand.form() == Form::numbers) {
          fractional.insert(row->variable);
        }
      }
    }
  }

  /// The element type of a literal for an argument; `invalid` when the argument takes nothing like it.
  [[nodiscard]] DataType type_for(const Operand& literal, const Parameter* row) const {
    Form form = literal.form();
    if (row == nullptr || row->kind != ParameterKind::tensor) {
      return natural_type(form);
    }
    if (const auto known = bound.find(row->variable); known != bound.end()) {
      return suits(form, known->second) ? known->second : DataType::invalid;
    }
    if (form == Form::integers && fractional.contains(row->variable)) {
      form = Form::numbers;
    }
    for (const DataType type : {leading, natural_type(form), DataType::fp32, DataType::fp16, DataType::int32}) {
      if (type != DataType::invalid && row->allows(type) && suits(form, type)) {
        return type;
      }
    }
    const auto other = std::ranges::find_if(data_types(), [&](const DataTypeInfo& candidate) {
      return row->allows(candidate.type) && suits(form, candidate.type);
    });
    return other != data_types().end() ? other->type : DataType::invalid;
  }
};

Builder::Builder(std::string function, std::string opset, const Place& at) : number_(next_builder()) {
  function_.name = std::move(function);
  function_.opset = std::move(opset);
  block_ = function_.body_id();
  if (find_opset(function_.opset) == nullptr) {
    refuse("builder", {ErrorCategory::usage, fmt::format("there is no op set '{}'", function_.opset), {}}, at);
  } else if (!is_identifier(function_.name)) {
    refuse("builder", {ErrorCategory::usage, fmt::format("'{}' is not a name", function_.name), {}}, at);
  }
}

Builder::~Builder() = default;

void Builder::refuse(std::string_view what, Error error, const Place& at) {
  if (status_) {
    if (error.category == ErrorCategory::malformed_input) {
      error.category = ErrorCategory::usage;  // a rule of the format, but the input is the caller's code
    }
    error.message = fmt::format("{}: {}", what, error.message);
    error.location = {at.file_name(), {}, at.line(), at.column()};
    status_ = std::unexpected(std::move(error));
  }
}

// ------------------------------------------------------------------------------------------------------------- names

/// `name`, or `name_1`, `name_2`, ... when it is taken.
std::string Builder::unique(std::string_view name) {
  std::string candidate(name);
  while (!names_.insert(candidate).second) {
    candidate = fmt::format("{}_{}", name, ++counters_[fmt::format("{} taken", name)]);
  }
  return candidate;
}

/// `stem_0`, `stem_1`, ...
std::string Builder::next_name(std::string_view stem) {
  return unique(fmt::format("{}_{}", stem, counters_[std::string(stem)]++));
}

void Builder::define(VariableId id) {
  visible_.resize(function_.variable_count());
  visible_[id.index] = true;
  defined_.push_back(id);
}

Var Builder::wrap(VariableId id) const { return {id, function_[id].type, number_}; }

Result<VariableId> Builder::checked(const Var& variable) const {
  if (!variable) {
    return misuse("an empty variable");
  }
  if (variable.builder_ != number_) {
    return misuse("a variable of another builder");
  }
  if (!visible_[variable.id_.index]) {
    return misuse(fmt::format("'{}' belongs to a nested block that has ended", function_[variable.id_].name));
  }
  return variable.id_;
}

// --------------------------------------------------------------------------------------------------------- arguments

/// `name` is unique.
Var Builder::add_constant(Value value, std::string name) {
  Operation operation;
  operation.type = "const";
  const VariableId result = function_.add_variable(std::move(name), value.type());
  operation.outputs = {result};
  set_attribute(operation.attributes, "name", Value::string(function_[result].name));
  set_attribute(operation.attributes, "val", std::move(value));
  function_.append(block_, std::move(operation));
  define(result);
  return wrap(result);
}

Result<Binding> Builder::bind_one(Call& call, const NamedOperand& argument, const Operand& operand,
                                  std::string_view label) {
  if (operand.form() == Form::variable) {
    OPENANE_TRY(const VariableId id, checked(operand.variable()));
    return Binding(id);
  }
  const Parameter* row = call.parameter(argument.name);
  Value value = operand.value();
  if (operand.form() == Form::texts && row != nullptr && row->kind == ParameterKind::list) {
    return Binding(label_list(operand.texts()));
  }
  if (operand.form() != Form::value) {
    const DataType type = call.type_for(operand, row);
    if (type == DataType::invalid) {
      return misuse(fmt::format("argument '{}' cannot be written as {}", argument.name,
                                to_string(Type::tensor(natural_type(operand.form()), operand.shape()))));
    }
    OPENANE_TRY(value, literal_value(operand, type));
  }
  if (!value) {
    return misuse(fmt::format("argument '{}' is an empty constant", argument.name));
  }
  // Compressed constants hold their data in place; everything else refers to a `const`, as converters write it.
  if (!value.type().is_tensor() || call.operation.type.starts_with("constexpr_")) {
    return Binding(std::move(value));
  }
  return Binding(add_constant(std::move(value), next_name(label)).id());
}

Result<void> Builder::bind(Call& call, std::span<const NamedOperand> arguments) {
  call.learn(arguments);
  for (const NamedOperand& argument : arguments) {
    std::vector<Binding> bindings;
    for (std::size_t i = 0; i < argument.operands.size(); ++i) {
      const Operand& operand = argument.operands[i];
      if (operand.form() == Form::absent) {
        continue;
      }
      const std::string label = argument.is_variadic ? fmt::format("{}_{}{}", call.name, argument.name, i)
                                                     : fmt::format("{}_{}", call.name, argument.name);
      Result<Binding> binding = bind_one(call, argument, operand, label);
      if (!binding) {
        binding.error().message = fmt::format("argument '{}': {}", argument.name, binding.error().message);
        return std::unexpected(std::move(binding).error());
      }
      bindings.push_back(*std::move(binding));
    }
    if (bindings.empty()) {
      continue;
    }
    if (keeps_attributes(call.operation.type, call.signature)) {
      if (bindings[0].is_variable()) {
        return misuse(fmt::format("argument '{}' must be a constant given in place", argument.name));
      }
      set_attribute(call.operation.attributes, argument.name, bindings[0].value());
    } else {
      call.operation.set_argument(argument.name, std::move(bindings));
    }
  }
  return {};
}

// -------------------------------------------------------------------------------------------------------- operations

Result<Vars> Builder::define_results(Call& call, std::span<const Type> results) {
  std::vector<Diagnostic> findings;
  check_arguments(function_, call.operation, findings);
  const auto wrong = std::ranges::find(findings, Severity::error, &Diagnostic::severity);
  if (wrong != findings.end()) {
    return misuse(wrong->message);
  }
  std::vector<Type> types(results.begin(), results.end());
  if (types.empty()) {
    OPENANE_TRY(types, infer_types(function_, call.operation));
  }
  std::vector<Var> out;
  for (std::size_t i = 0; i < types.size(); ++i) {
    const std::string label = types.size() == 1 ? call.name : unique(fmt::format("{}_{}", call.name, i));
    const VariableId id = function_.add_variable(label, types[i]);
    call.operation.outputs.push_back(id);
    out.push_back(wrap(id));
  }
  set_attribute(call.operation.attributes, "name", Value::string(call.name));
  const OperationId added = function_.append(block_, std::move(call.operation));
  for (const Var& result : out) {
    define(result.id());
  }
  if (!results.empty()) {
    check_operation(function_, function_[added], findings);
    if (has_errors(findings)) {
      return misuse(std::ranges::find(findings, Severity::error, &Diagnostic::severity)->message);
    }
  }
  return Vars(std::move(out));
}

Vars Builder::append(Call& call, std::span<const NamedOperand> arguments, std::span<const Type> results) {
  const std::string what = fmt::format("{} '{}'", call.operation.type, call.name);
  if (const Result<void> bound = bind(call, arguments); !bound) {
    refuse(what, bound.error(), call.at);
    return {};
  }
  Result<Vars> defined = define_results(call, results);
  if (!defined) {
    refuse(what, defined.error(), call.at);
    return {};
  }
  return *std::move(defined);
}

Vars Builder::op(std::string_view type, const std::vector<NamedOperand>& arguments, std::string_view name,
                 std::span<const Type> results, const Place& at) {
  Call call;
  return start(call, type, name, at) ? append(call, arguments, results) : Vars();
}

Vars Builder::apply(std::string_view type, std::span<const NamedOperand> arguments, std::string_view name,
                    const Place& at) {
  Call call;
  return start(call, type, name, at) ? append(call, arguments, {}) : Vars();
}

/// False when an earlier error, or this operation's name, forbids it.
bool Builder::start(Call& call, std::string_view type, std::string_view name, const Place& at) {
  if (!status_) {
    return false;
  }
  if (!name.empty() && !is_identifier(name)) {
    refuse(type, {ErrorCategory::usage, fmt::format("'{}' is not a name", name), {}}, at);
    return false;
  }
  call.operation.type = type;
  call.name = name.empty() ? next_name(type) : unique(name);
  call.at = at;
  const OpInfo* info = find_op(type);
  call.signature = info != nullptr ? info->signature(function_.opset) : nullptr;
  return true;
}

Var Builder::input(std::string_view name, const Type& type, const Place& at) {
  if (!status_) {
    return {};
  }
  const bool fits = type.is_tensor() || type.kind() == TypeKind::state;
  if (!is_identifier(name) || !fits || names_.contains(name) || block_ != function_.body_id()) {
    const std::string why = !is_identifier(name)    ? "that is not a name"
                            : !fits                 ? "an input is a tensor or a state"
                            : names_.contains(name) ? "the name is taken"
                                                    : "a nested block is open";
    refuse(fmt::format("input '{}'", name), {ErrorCategory::usage, why, {}}, at);
    return {};
  }
  const VariableId id = function_.add_input(function_.body_id(), unique(name), type);
  define(id);
  return wrap(id);
}

Var Builder::constant(const Operand& value, std::string_view name, const Place& at) {
  Call call;
  if (!start(call, "const", name, at)) {
    return {};
  }
  const bool is_constant = value.form() == Form::value || value.form() == Form::texts || is_literal(value);
  Result<Value> made = !is_constant                  ? Result<Value>(misuse("a variable is no constant"))
                       : value.form() == Form::value ? Result<Value>(value.value())
                                                     : literal_value(value, natural_type(value.form()));
  if (!made || !*made) {
    refuse(fmt::format("const '{}'", call.name),
           made ? Error{ErrorCategory::usage, "an empty constant", {}} : made.error(), at);
    return {};
  }
  return add_constant(*std::move(made), call.name);
}

Var Builder::constant(DataType type, const Shape& shape, std::span<const float> values, std::string_view name,
                      const Place& at) {
  const std::vector<double> numbers(values.begin(), values.end());
  const Result<Value> value = Value::numbers(Type::tensor(type, shape), numbers);
  if (!value) {
    refuse(fmt::format("const '{}'", name), value.error(), at);
    return {};
  }
  return constant(*value, name, at);
}

// ------------------------------------------------------------------------------------------------------ control flow

BlockId Builder::build_block(Call& call, std::span<const Type> inputs, const Body& body) {
  const BlockId outer = block_;
  const std::size_t outer_count = defined_.size();
  block_ = function_.add_block();
  std::vector<Var> variables;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const VariableId id = function_.add_input(block_, unique(fmt::format("{}_loop_vars{}", call.name, i)), inputs[i]);
    define(id);
    variables.push_back(wrap(id));
  }
  for (const Var& output : body(variables)) {
    const Result<VariableId> id = checked(output);
    if (!id) {
      refuse(fmt::format("{} '{}': result of a block", call.operation.type, call.name), id.error(), call.at);
      break;
    }
    function_[block_].outputs.push_back(*id);
  }
  for (; defined_.size() > outer_count; defined_.pop_back()) {
    visible_[defined_.back().index] = false;
  }
  return std::exchange(block_, outer);
}

Vars Builder::cond(const Operand& pred, const Branch& yes, const Branch& no, std::string_view name, const Place& at) {
  Call call;
  if (!start(call, "cond", name, at)) {
    return {};
  }
  for (const Branch* branch : {&yes, &no}) {
    call.operation.blocks.push_back(build_block(call, {}, [branch](std::span<const Var>) { return (*branch)(); }));
    if (!status_) {
      return {};
    }
  }
  const NamedOperand arguments[] = {{"pred", pred}};
  return append(call, arguments, {});
}

Vars Builder::while_loop(const Operands& loop_vars, const Condition& condition, const Body& body, std::string_view name,
                         const Place& at) {
  Call call;
  if (!start(call, "while_loop", name, at)) {
    return {};
  }
  // The blocks need the types of the loop variables, so these are bound first.
  const NamedOperand arguments[] = {{"loop_vars", loop_vars}};
  if (const Result<void> bound = bind(call, arguments); !bound) {
    refuse(fmt::format("while_loop '{}'", call.name), bound.error(), at);
    return {};
  }
  std::vector<Type> types;
  if (const Argument* argument = call.operation.find_argument("loop_vars")) {
    for (const Binding& binding : argument->bindings) {
      types.push_back(binding.is_variable() ? function_[binding.variable()].type : binding.value().type());
    }
  }
  const Body test = [&condition](std::span<const Var> variables) { return std::vector<Var>{condition(variables)}; };
  for (const Body* block : {&test, &body}) {
    call.operation.blocks.push_back(build_block(call, types, *block));
    if (!status_) {
      return {};
    }
  }
  return append(call, {}, {});
}

// ---------------------------------------------------------------------------------------------------------- the end

Result<Function> Builder::finish_function(const std::vector<Var>& outputs, const Place& at) {
  if (status_ && outputs.empty()) {
    refuse("finish", {ErrorCategory::usage, "a function without results", {}}, at);
  }
  for (const Var& output : outputs) {
    const Result<VariableId> id = status_ ? checked(output) : Result<VariableId>(VariableId{});
    if (!id) {
      refuse("finish", id.error(), at);
    } else if (status_) {
      function_.body().outputs.push_back(*id);
    }
  }
  OPENANE_CHECK(status_);
  Function built = std::exchange(function_, Function());
  status_ = misuse("the function is finished: take another builder");
  return built;
}

Result<Program> Builder::finish(const std::vector<Var>& outputs, const Place& at) {
  OPENANE_TRY(Function built, finish_function(outputs, at));
  std::vector<Function> functions;
  functions.push_back(std::move(built));
  return make_program(std::move(functions));
}

Result<Program> make_program(std::vector<Function> functions) {
  Program program;
  program.functions = std::move(functions);
  const bool is_new = std::ranges::any_of(
      program.functions, [](const Function& function) { return opset_age(function.opset) >= opset_age("ios18"); });
  program.version_minor = is_new ? 3 : 0;
  const std::vector<Diagnostic> findings = verify(program);
  if (has_errors(findings)) {
    return std::unexpected(to_error(findings, "built program"));
  }
  return program;
}

}  // namespace openane::mil
