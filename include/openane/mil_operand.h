// What operations are given when MIL is built in code (mil_builder.h): variables made earlier, and constants written in
// place.
//
// A constant without an element type of its own (`2`, `{2, 2}`, `0.5`) takes that of the argument it is for: the type
// that the operation's other arguments bind, else that of its first tensor, else int32, fp32, bool or string, whichever
// the argument allows first.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "openane/mil_program.h"
#include "openane/mil_type.h"
#include "openane/mil_value.h"
#include "openane/tensor.h"

namespace openane::mil {

/// A variable of the function that a `Builder` builds. Cheap to copy. After an error the builder gives out empty ones.
class Var {
 public:
  Var() = default;
  explicit operator bool() const { return static_cast<bool>(id_); }
  [[nodiscard]] VariableId id() const { return id_; }
  [[nodiscard]] const Type& type() const { return type_; }
  [[nodiscard]] const Shape& shape() const { return type_.shape(); }

 private:
  friend class Builder;
  Var(VariableId id, Type type, std::uint64_t builder) : id_(id), builder_(builder), type_(std::move(type)) {}

  VariableId id_;
  std::uint64_t builder_ = 0;  ///< Number of the builder it belongs to.
  Type type_;
};

/// Results whose number the catalogue leaves open.
class Vars {
 public:
  Vars() = default;
  explicit Vars(std::vector<Var> vars) : vars_(std::move(vars)) {}
  [[nodiscard]] std::size_t size() const { return vars_.size(); }
  /// An empty variable when there are not that many: after an error there are none.
  [[nodiscard]] Var operator[](std::size_t index) const { return index < vars_.size() ? vars_[index] : Var(); }
  [[nodiscard]] auto begin() const { return vars_.begin(); }
  [[nodiscard]] auto end() const { return vars_.end(); }

 private:
  std::vector<Var> vars_;
};

/// One argument: a variable, a constant, or nothing. The conversions are implicit, so that a call reads like the
/// operation.
// NOLINTBEGIN(google-explicit-constructor)
class Operand {
 public:
  enum class Form : std::uint8_t { absent, variable, value, numbers, integers, booleans, texts };

  Operand() = default;
  Operand(Var variable) : form_(Form::variable), variable_(std::move(variable)) {}
  /// A constant as it is, whatever the argument allows.
  Operand(Value value) : form_(Form::value), value_(std::move(value)) {}
  Operand(const Tensor& tensor) : form_(Form::value), value_(Value::tensor(tensor).value_or(Value())) {}
  Operand(bool value) : Operand(Form::booleans, {}, {value ? 1.0 : 0.0}) {}
  Operand(int value) : Operand(Form::integers, {}, {static_cast<double>(value)}) {}
  Operand(std::int64_t value) : Operand(Form::integers, {}, {static_cast<double>(value)}) {}
  Operand(double value) : Operand(Form::numbers, {}, {value}) {}
  Operand(const char* text) : Operand(std::string(text)) {}
  Operand(std::string_view text) : Operand(std::string(text)) {}
  Operand(std::string text) : form_(Form::texts), texts_{std::move(text)} {}
  // Vectors.
  Operand(std::initializer_list<bool> values) : Operand(Form::booleans, one_axis(values), as_numbers(values)) {}
  Operand(std::initializer_list<int> values) : Operand(Form::integers, one_axis(values), as_numbers(values)) {}
  Operand(std::initializer_list<std::int64_t> values) : Operand(Form::integers, one_axis(values), as_numbers(values)) {}
  Operand(std::initializer_list<double> values) : Operand(Form::numbers, one_axis(values), as_numbers(values)) {}
  Operand(std::span<const std::int32_t> values) : Operand(Form::integers, one_axis(values), as_numbers(values)) {}
  /// A shape or a list of axes.
  Operand(const Shape& values) : Operand(Form::integers, one_axis(values), as_numbers(values)) {}
  /// Labels: a list of strings.
  Operand(const std::vector<std::string>& labels)
      : form_(Form::texts), shape_{static_cast<std::int64_t>(labels.size())}, texts_(labels) {}
  /// A tensor, row-major, of the element type the argument asks for. `values` must have as many elements as `shape`.
  Operand(std::span<const float> values, Shape shape) : Operand(Form::numbers, std::move(shape), as_numbers(values)) {}

  [[nodiscard]] Form form() const { return form_; }
  [[nodiscard]] const Var& variable() const { return variable_; }
  [[nodiscard]] const Value& value() const { return value_; }
  /// Elements of `numbers`, `integers` and `booleans`.
  [[nodiscard]] std::span<const double> numbers() const { return numbers_; }
  [[nodiscard]] std::span<const std::string> texts() const { return texts_; }
  [[nodiscard]] const Shape& shape() const { return shape_; }

 private:
  Operand(Form form, Shape shape, std::vector<double> numbers)
      : form_(form), shape_(std::move(shape)), numbers_(std::move(numbers)) {}
  template <typename Range>
  static Shape one_axis(const Range& values) {
    return {static_cast<std::int64_t>(values.size())};
  }
  template <typename Range>
  static std::vector<double> as_numbers(const Range& values) {
    return {values.begin(), values.end()};
  }

  Form form_ = Form::absent;
  Var variable_;
  Value value_;
  Shape shape_;
  std::vector<double> numbers_;
  std::vector<std::string> texts_;
};

/// Any number of arguments in one: `concat({x, y}, 1)`.
class Operands {
 public:
  Operands() = default;
  Operands(std::initializer_list<Operand> operands) : operands_(operands) {}
  Operands(const std::vector<Var>& variables) : operands_(variables.begin(), variables.end()) {}
  Operands(const Vars& variables) : operands_(variables.begin(), variables.end()) {}
  [[nodiscard]] std::span<const Operand> all() const { return operands_; }

 private:
  std::vector<Operand> operands_;
};

/// An argument by name. Refers to operands that live until the call ends.
struct NamedOperand {
  NamedOperand(std::string_view argument, const Operand& operand) : name(argument), operands(&operand, 1) {}
  NamedOperand(std::string_view argument, const Operands& several)
      : name(argument), operands(several.all()), is_variadic(true) {}

  std::string_view name;
  std::span<const Operand> operands;
  bool is_variadic = false;
};
// NOLINTEND(google-explicit-constructor)

}  // namespace openane::mil
