// The parser of MIL text: recursive descent over characters, one class, one file per part of the grammar.
//
// Every method returns false (or an empty thing) after it has reported what is wrong; callers pass that up to the
// statement, which skips to its end and goes on. A cache keyed by the spelling of a type makes the second `tensor<fp16,
// [1, 128]>` a table look-up: texts of compiled models repeat a few dozen types tens of thousands of times.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mil/byte_arena.h"
#include "mil/lexer.h"
#include "mil/symbol_table.h"
#include "openane/mil_diagnostic.h"
#include "openane/mil_program.h"

namespace openane::mil {

class TextParser {
 public:
  explicit TextParser(std::string_view text) : lexer_(text) {}

  /// Fills `program`; what is wrong with the text is in `diagnostics()`.
  void program(Program& program);
  [[nodiscard]] std::vector<Diagnostic>& diagnostics() { return diagnostics_; }

 private:
  // parse_program.cpp
  bool header(Program& program);
  bool version(Program& program);
  bool function(Program& program);
  bool function_header(Function& function);
  bool parameters(Function& function, BlockId block);
  bool block_body(Function& function, BlockId block);
  bool block_outputs(Function& function, BlockId block);
  void statements(Function& function, BlockId block);
  bool statement(Function& function, BlockId block);
  bool results(std::vector<VariableId>& outputs, Function& function);
  bool operation(Function& function, Operation& operation);
  bool arguments(Operation& operation);
  bool argument(Operation& operation);
  bool operand(std::vector<Binding>& bindings, bool nested);
  bool operand_list(std::vector<Binding>& bindings);
  bool nested_blocks(Function& function, Operation& operation);
  bool attributes(std::vector<Attribute>& attributes);

  // parse_types.cpp
  [[nodiscard]] Type type();
  [[nodiscard]] Type type_uncached();
  [[nodiscard]] Type type_with_parameters(std::string_view keyword);
  [[nodiscard]] Type tensor_type();
  bool extent(std::int64_t& value, bool variadic_allowed);
  bool shape(Shape& shape);

  // parse_literals.cpp
  [[nodiscard]] Value value();
  [[nodiscard]] Value literal(const Type& type);
  [[nodiscard]] Value blob_literal(const Type& type);
  [[nodiscard]] Value tensor_literal(const Type& type);
  [[nodiscard]] Value list_literal(const Type& type);
  [[nodiscard]] Value tuple_literal(const Type& type);
  [[nodiscard]] Value dictionary_literal(const Type& type);
  [[nodiscard]] Value pack_tensor(const Type& type, Shape extents);
  bool tensor_elements(const Type& type, std::size_t axis, Shape& extents);
  bool tensor_row(const Type& type, std::size_t axis, Shape& extents);
  bool scalar(DataType type);
  bool integer_scalar(DataType type);
  bool floating_scalar(DataType type);
  bool boolean_scalar();
  bool string_scalar();

  // text_parser.cpp
  bool error(std::string message);
  bool error_at(SourceLocation at, std::string message);
  void warn_at(SourceLocation at, std::string message);
  bool expect(char c, std::string_view where);
  bool expect_arrow();
  [[nodiscard]] std::string_view expect_identifier(std::string_view what);
  [[nodiscard]] std::string found();
  bool enter();
  void leave() { --depth_; }
  [[nodiscard]] bool gave_up() const { return gave_up_; }

  struct CachedType {
    std::string_view spelling;
    Type type;
  };

  Lexer lexer_;
  std::vector<Diagnostic> diagnostics_;
  std::size_t errors_ = 0;
  bool gave_up_ = false;
  std::uint32_t depth_ = 0;
  SymbolTable symbols_;
  ByteArena arena_;
  std::vector<std::uint8_t> numbers_;  ///< Elements of the tensor literal being read, one by one.
  std::vector<std::string> texts_;
  std::array<CachedType, 256> type_cache_;
};

}  // namespace openane::mil
