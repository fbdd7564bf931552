// MIL built in code:
//
//     Builder b("main", "ios17");
//     Var x = b.input("x", Type::tensor(DataType::fp16, {1, 3, 224, 224}));
//     Var y = b.conv(x, b.constant(weights), {.strides = {2, 2}, .pad_type = "same"});
//     Result<Program> program = b.finish({b.relu(y, {.name = "y"})});
//
// There is one method per operation of the catalogue, generated from data/mil/ops.toml: what every op set requires
// comes first, in the order of the signature, the rest are fields of an options struct (docs/builder.md). Every call is
// checked as the verifier checks programs, and the types of its results are inferred. The first error sticks, with the
// operation and the place in the calling source; what is called after it does nothing and gives empty variables;
// `finish` returns it.
//
// Names: an operation is named by its options' `name`, else "conv_0", "conv_1", ...; a constant given in place
// "conv_0_strides_0", as coremltools names them; a name that is taken gets "_1", "_2", ...
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "openane/error.h"
#include "openane/mil_builder_ops.h"
#include "openane/mil_operand.h"
#include "openane/mil_program.h"

namespace openane::mil {

class Builder : public OpBuilder {
 public:
  using Place = std::source_location;
  /// Builds a nested block: takes the block's inputs, gives its outputs.
  using Body = std::function<std::vector<Var>(std::span<const Var>)>;
  using Condition = std::function<Var(std::span<const Var>)>;
  using Branch = std::function<std::vector<Var>()>;

  /// Op sets: ios15, ios16, ios17, ios18.
  explicit Builder(std::string function = "main", std::string opset = "ios16", const Place& at = Place::current());
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;
  ~Builder() override;

  /// An input of the function: a tensor or a state, under exactly this name.
  Var input(std::string_view name, const Type& type, const Place& at = Place::current());
  /// A constant with a variable of its own. Numbers without a type become int32 or fp32.
  Var constant(const Operand& value, std::string_view name = {}, const Place& at = Place::current());
  /// A constant of numbers, each rounded to the element type (saturated for integers).
  Var constant(DataType type, const Shape& shape, std::span<const float> values, std::string_view name = {},
               const Place& at = Place::current());

  /// `yes` or `no`, by a scalar bool. Both give as many results, of the same types but for extents.
  Vars cond(const Operand& pred, const Branch& yes, const Branch& no, std::string_view name = {},
            const Place& at = Place::current());
  /// Runs `body` on the loop variables while `condition` of them holds.
  Vars while_loop(const Operands& loop_vars, const Condition& condition, const Body& body, std::string_view name = {},
                  const Place& at = Place::current());
  /// Any operation by its name. `results` must be given for those whose results cannot be inferred (custom_layer,
  /// private operations), and stays empty otherwise.
  Vars op(std::string_view type, const std::vector<NamedOperand>& arguments, std::string_view name = {},
          std::span<const Type> results = {}, const Place& at = Place::current());

  /// The first error, if there was one.
  [[nodiscard]] const Result<void>& status() const { return status_; }
  /// Ends the function. The builder is empty afterwards.
  [[nodiscard]] Result<Function> finish_function(const std::vector<Var>& outputs, const Place& at = Place::current());
  /// Ends the function and makes a program of it.
  [[nodiscard]] Result<Program> finish(const std::vector<Var>& outputs, const Place& at = Place::current());

 private:
  struct Call;
  bool start(Call& call, std::string_view type, std::string_view name, const Place& at);
  Vars apply(std::string_view type, std::span<const NamedOperand> arguments, std::string_view name,
             const Place& at) override;
  Vars append(Call& call, std::span<const NamedOperand> arguments, std::span<const Type> results);
  Result<void> bind(Call& call, std::span<const NamedOperand> arguments);
  Result<Binding> bind_one(Call& call, const NamedOperand& argument, const Operand& operand, std::string_view label);
  Result<Vars> define_results(Call& call, std::span<const Type> results);
  Result<VariableId> checked(const Var& variable) const;
  BlockId build_block(Call& call, std::span<const Type> inputs, const Body& body);
  Var add_constant(Value value, std::string name);
  Var wrap(VariableId id) const;
  void define(VariableId id);
  std::string unique(std::string_view name);
  std::string next_name(std::string_view stem);
  void refuse(std::string_view what, Error error, const Place& at);

  std::uint64_t number_;
  Function function_;
  BlockId block_;
  Result<void> status_;
  std::set<std::string, std::less<>> names_;
  std::map<std::string, std::uint64_t, std::less<>> counters_;
  std::vector<bool> visible_;        ///< By variable.
  std::vector<VariableId> defined_;  ///< In the open blocks, in order.
};

/// A program of functions that were built one by one. The version of its text form follows from their op sets.
[[nodiscard]] Result<Program> make_program(std::vector<Function> functions);

}  // namespace openane::mil
