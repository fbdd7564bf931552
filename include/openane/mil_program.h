// MIL programs: the one graph form of OpenANE. Every front end makes one, every optimisation turns one into another,
// and its text (mil_text.h) is the text Apple's compiler writes.
//
// A `Program` holds functions; a `Function` holds its variables, operations and blocks in three tables and names them
// by id, so that copying a function copies three tables, and editing one moves ids instead of operations. An id stays
// valid until its function dies; a reference obtained through an id stays valid while things are added. What is removed
// from a block merely leaves its order; `compact` drops it.
//
// Single assignment: a variable is an input of a block or the output of one operation, and is visible after it in its
// block and in the blocks nested there. Names are labels for people and files; two variables in sibling blocks may
// share one.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "openane/bytes.h"
#include "openane/mil_type.h"
#include "openane/mil_value.h"

namespace openane::mil {

template <typename Tag>
struct Id {
  static constexpr std::uint32_t kNone = UINT32_MAX;
  std::uint32_t index = kNone;
  explicit operator bool() const { return index != kNone; }
  friend auto operator<=>(Id, Id) = default;
};
using VariableId = Id<struct VariableTag>;
using OperationId = Id<struct OperationTag>;
using BlockId = Id<struct BlockTag>;

/// Line and column (from 1) in the text a program was read from; 0 when it was not.
struct SourceLocation {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

/// A name under which a program, function, block or operation keeps a constant. `name` itself is such an attribute of
/// an operation.
struct Attribute {
  std::string name;
  Value value;
  friend bool operator==(const Attribute&, const Attribute&) = default;
};

/// Attributes and arguments are kept sorted by name; these keep them so.
[[nodiscard]] const Value* find_attribute(std::span<const Attribute> attributes, std::string_view name);
void set_attribute(std::vector<Attribute>& attributes, std::string_view name, Value value);
void remove_attribute(std::vector<Attribute>& attributes, std::string_view name);

/// What is bound to an argument: a variable, or a constant given in place.
class Binding {
 public:
  Binding(VariableId variable) : variable_(variable) {}  // NOLINT(google-explicit-constructor)
  Binding(Value value) : value_(std::move(value)) {}     // NOLINT(google-explicit-constructor)
  [[nodiscard]] bool is_variable() const { return static_cast<bool>(variable_); }
  /// None when the binding is a value.
  [[nodiscard]] VariableId variable() const { return variable_; }
  /// Empty when the binding is a variable.
  [[nodiscard]] const Value& value() const { return value_; }

 private:
  VariableId variable_;
  Value value_;
};

/// A named argument. Variadic ones (`values = (a, b)`) hold several bindings, the others exactly one.
struct Argument {
  std::string name;
  std::vector<Binding> bindings;
};

struct Variable {
  std::string name;
  Type type;
  OperationId definition;  ///< None for an input of a function or of a nested block.
  SourceLocation location;
};

struct Operation {
  std::string type;  ///< "conv", "const", ... as MIL spells it.
  std::vector<Argument> arguments;
  std::vector<VariableId> outputs;
  std::vector<Attribute> attributes;
  std::vector<BlockId> blocks;  ///< Nested blocks: condition and body of `while_loop`, the two branches of `cond`.
  SourceLocation location;

  /// Null when there is no such argument.
  [[nodiscard]] const Argument* find_argument(std::string_view name) const;
  void set_argument(std::string_view name, std::vector<Binding> bindings);
  /// The value of an attribute; null when there is none.
  [[nodiscard]] const Value* find_attribute(std::string_view name) const;
  /// The attribute `name`, or "" when the operation has none.
  [[nodiscard]] std::string_view label() const;
};

struct Block {
  std::vector<VariableId> inputs;
  std::vector<OperationId> operations;  ///< In order of execution.
  std::vector<VariableId> outputs;
  std::vector<Attribute> attributes;  ///< The text form has no place for them.
  SourceLocation location;
};

class Function {
 public:
  Function() { blocks_.emplace_back(); }

  std::string name = "main";
  std::string opset = "ios16";  ///< ios15, ios16, ios17, ios18, ios26.
  std::vector<Attribute> attributes;
  SourceLocation location;

  [[nodiscard]] Variable& operator[](VariableId id) { return variables_[id.index]; }
  [[nodiscard]] const Variable& operator[](VariableId id) const { return variables_[id.index]; }
  [[nodiscard]] Operation& operator[](OperationId id) { return operations_[id.index]; }
  [[nodiscard]] const Operation& operator[](OperationId id) const { return operations_[id.index]; }
  [[nodiscard]] Block& operator[](BlockId id) { return blocks_[id.index]; }
  [[nodiscard]] const Block& operator[](BlockId id) const { return blocks_[id.index]; }
  [[nodiscard]] std::size_t variable_count() const { return variables_.size(); }
  [[nodiscard]] std::size_t operation_count() const { return operations_.size(); }
  [[nodiscard]] std::size_t block_count() const { return blocks_.size(); }

  /// The outermost block. Its inputs and outputs are those of the function.
  [[nodiscard]] BlockId body_id() const { return BlockId{0}; }
  [[nodiscard]] Block& body() { return blocks_.front(); }
  [[nodiscard]] const Block& body() const { return blocks_.front(); }
  [[nodiscard]] std::optional<VariableId> find_input(std::string_view input_name) const;

  [[nodiscard]] VariableId add_variable(std::string variable_name, Type type, SourceLocation at = {});
  [[nodiscard]] VariableId add_input(BlockId block, std::string variable_name, Type type, SourceLocation at = {});
  [[nodiscard]] BlockId add_block();
  /// Appends to a block and makes the operation the definition of its outputs.
  OperationId append(BlockId block, Operation operation);
  /// The same, before the operation at `position` of the block.
  OperationId insert(BlockId block, std::size_t position, Operation operation);

  /// The constant a binding stands for: the value in place, or `val` of the `const` that defines the variable. Null
  /// when it is computed when the program runs.
  [[nodiscard]] const Value* constant(const Binding& binding) const;
  /// The constant bound to a single-valued argument; null when there is no such argument or it is not constant.
  [[nodiscard]] const Value* constant(const Operation& operation, std::string_view argument) const;

  /// Replaces every use of `from`, as argument or as output of a block.
  void replace_uses(VariableId from, VariableId to);
  /// Number of uses of every variable, as argument or as output of a block, by index; only operations reached from the
  /// body count.
  [[nodiscard]] std::vector<std::uint32_t> count_uses() const;
  /// Drops what no block refers to any more. Invalidates every id and reference.
  void compact();

 private:
  std::deque<Variable> variables_;
  std::deque<Operation> operations_;
  std::deque<Block> blocks_;
};

/// The text a program was read from, kept for messages.
struct SourceText {
  std::string file;
  Bytes text;
};

struct Program {
  /// Of the text form: 1.0 spells scalars as `tensor<int32, []>`, 1.3 (ios18 and later) as `int32`.
  std::uint32_t version_major = 1;
  std::uint32_t version_minor = 0;
  std::vector<Attribute> attributes;  ///< `buildInfo`.
  std::vector<Function> functions;
  std::string doc_string;  ///< Only the protobuf form has a place for it.
  /// Apple's compiler ends its texts without a newline, editors add one; both come back as they were read.
  bool final_newline = false;
  std::shared_ptr<const SourceText> source;

  [[nodiscard]] const Function* find_function(std::string_view name) const;
  [[nodiscard]] Function* find_function(std::string_view name);
  [[nodiscard]] Spelling spelling() const { return version_minor >= 3 ? Spelling::brief : Spelling::full; }
};

/// Same meaning and same names: locations, numbering, the final newline, and the order of functions and function inputs
/// do not count, everything else does.
[[nodiscard]] bool operator==(const Program& a, const Program& b);

/// What the text form cannot say about this program (doc strings, attributes of blocks), one line each; empty for most.
[[nodiscard]] std::vector<std::string> text_losses(const Program& program);

}  // namespace openane::mil
