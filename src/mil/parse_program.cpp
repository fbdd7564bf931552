#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "mil/text_parser.h"
#include "openane/mil_text.h"

namespace openane::mil {
namespace {

/// Sorts by name and gives the first name that stands twice, or "".
template <typename Named>
std::string_view sort_and_find_twin(std::vector<Named>& items) {
  const auto by_name = [](const Named& a, const Named& b) { return a.name < b.name; };
  if (!std::is_sorted(items.begin(), items.end(), by_name)) {
    std::sort(items.begin(), items.end(), by_name);
  }
  const auto twin =
      std::adjacent_find(items.begin(), items.end(), [](const Named& a, const Named& b) { return a.name == b.name; });
  return twin != items.end() ? std::string_view(twin->name) : std::string_view();
}

/// All of `text` as decimal digits.
bool read_version_part(std::string_view text, std::uint32_t& part) {
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), part);
  return status == std::errc() && end == text.data() + text.size();
}

}  // namespace

void TextParser::program(Program& program) {
  if (!header(program)) {
    return;
  }
  while (!gave_up() && lexer_.peek() != '}') {
    if (lexer_.at_end()) {
      error("expected 'func' or '}' after the functions, found the end of the text");
      return;
    }
    if (!function(program)) {
      return;
    }
  }
  if (gave_up() || !expect('}', "after the functions")) {
    return;
  }
  program.final_newline = !lexer_.rest().empty() && lexer_.rest().back() == '\n';
  if (!lexer_.at_end()) {
    error(fmt::format("expected the end of the text after the program, {}", found()));
  }
}

bool TextParser::header(Program& program) {
  lexer_.skip_space();
  const SourceLocation at = lexer_.location();
  if (lexer_.identifier() != "program") {
    return error_at(at, "not a MIL program: it must start with 'program(1.0)' or 'program(1.3)'");
  }
  if (!expect('(', "after 'program'") || !version(program) || !expect(')', "after the version")) {
    return false;
  }
  return (lexer_.peek() != '[' || attributes(program.attributes)) && expect('{', "before the functions");
}

bool TextParser::version(Program& program) {
  lexer_.skip_space();
  const SourceLocation at = lexer_.location();
  const std::string_view text = lexer_.number();
  const std::size_t dot = std::min(text.find('.'), text.size());
  if (!read_version_part(text.substr(0, dot), program.version_major) ||
      !read_version_part(text.substr(std::min(dot + 1, text.size())), program.version_minor)) {
    return error_at(at, fmt::format("'{}' is not a version: expected 1.0 or 1.3", text.substr(0, 40)));
  }
  if (program.version_major != 1) {
    return error_at(at, fmt::format("program version {}.{}: only versions 1.x are known", program.version_major,
                                    program.version_minor));
  }
  return true;
}

bool TextParser::function(Program& program) {
  Function& function = program.functions.emplace_back();
  if (lexer_.peek() == '[' && !attributes(function.attributes)) {
    return false;
  }
  function.location = lexer_.location();
  if (!function_header(function)) {
    return false;
  }
  const auto same = std::ranges::count(program.functions, function.name, &Function::name);
  if (same > 1) {
    error_at(function.location, fmt::format("a second function named '{}'", function.name));
  }
  symbols_ = SymbolTable();
  symbols_.open_scope();
  if (!parameters(function, function.body_id()) || (lexer_.peek() == '[' && !attributes(function.attributes))) {
    return false;
  }
  return block_body(function, function.body_id()) && expect(';', "after the function");
}

bool TextParser::function_header(Function& function) {
  lexer_.skip_space();
  const SourceLocation at = lexer_.location();
  if (const std::string_view word = lexer_.identifier(); word != "func") {
    return error_at(at, word.empty() ? fmt::format("expected 'func', {}", found())
                                     : fmt::format("expected 'func', found '{}'", word.substr(0, 40)));
  }
  function.name = expect_identifier("the name of the function");
  if (function.name.empty() || !expect('<', "before the op set")) {
    return false;
  }
  function.opset = expect_identifier("an op set such as ios16");
  return !function.opset.empty() && expect('>', "after the op set");
}

bool TextParser::parameters(Function& function, BlockId block) {
  if (!expect('(', "before the parameters")) {
    return false;
  }
  if (lexer_.accept(')')) {
    return true;
  }
  do {
    Type type = this->type();
    if (!type) {
      return false;
    }
    lexer_.skip_space();
    const SourceLocation at = lexer_.location();
    const std::string_view name = expect_identifier("the name of a parameter");
    if (name.empty()) {
      return false;
    }
    const VariableId id = function.add_input(block, std::string(name), std::move(type), at);
    if (!symbols_.define(name, id)) {
      error_at(at, fmt::format("'{}' is defined twice", name));
    }
  } while (lexer_.accept(','));
  return expect(')', "after the parameters");
}

bool TextParser::block_body(Function& function, BlockId block) {
  function[block].location = lexer_.location();
  if (!expect('{', "before the statements")) {
    return false;
  }
  statements(function, block);
  return !gave_up() && expect('}', "after the statements") && expect_arrow() && block_outputs(function, block);
}

void TextParser::statements(Function& function, BlockId block) {
  while (!gave_up() && !lexer_.at_end() && lexer_.peek() != '}') {
    if (!statement(function, block)) {
      lexer_.skip_statement();
    }
  }
}

bool TextParser::block_outputs(Function& function, BlockId block) {
  if (!expect('(', "before the results of the block")) {
    return false;
  }
  if (lexer_.accept(')')) {
    return true;
  }
  do {
    lexer_.skip_space();
    const SourceLocation at = lexer_.location();
    const std::string_view name = expect_identifier("the name of a result");
    if (name.empty()) {
      return false;
    }
    const VariableId id = symbols_.find(name);
    if (!id) {
      error_at(at, fmt::format("'{}' is not defined", name));
    }
    function[block].outputs.push_back(id);
  } while (lexer_.accept(','));
  return expect(')', "after the results of the block");
}

bool TextParser::statement(Function& function, BlockId block) {
  lexer_.skip_space();
  Operation operation;
  operation.location = lexer_.location();
  const bool parsed = results(operation.outputs, function) && this->operation(function, operation);
  // Results are defined even when the rest is wrong, so that their uses are not reported as well.
  for (const VariableId output : operation.outputs) {
    const Variable& variable = function[output];
    if (!symbols_.define(variable.name, output)) {
      error_at(variable.location, fmt::format("'{}' is defined twice", variable.name));
    }
  }
  if (!parsed || !expect(';', "at the end of the statement")) {
    return false;
  }
  function.append(block, std::move(operation));
  return true;
}

bool TextParser::results(std::vector<VariableId>& outputs, Function& function) {
  Lexer ahead = lexer_;
  if (ahead.identifier().empty()) {
    return error(fmt::format("expected a statement, {}", found()));
  }
  if (ahead.peek() == '(') {  // an operation without results: write_state(...)
    return true;
  }
  do {
    Type type = this->type();
    if (!type) {
      return false;
    }
    lexer_.skip_space();
    const SourceLocation at = lexer_.location();
    const std::string_view name = expect_identifier("the name of a result");
    if (name.empty()) {
      return false;
    }
    outputs.push_back(function.add_variable(std::string(name), std::move(type), at));
  } while (lexer_.accept(','));
  return expect('=', "after the results");
}

bool TextParser::operation(Function& function, Operation& operation) {
  operation.type = expect_identifier("an operation");
  if (operation.type.empty() || !arguments(operation) || (lexer_.peek() == '[' && !attributes(operation.attributes))) {
    return false;
  }
  return lexer_.peek() != '(' || nested_blocks(function, operation);
}

bool TextParser::arguments(Operation& operation) {
  if (!expect('(', "after the name of the operation")) {
    return false;
  }
  if (lexer_.accept(')')) {
    return true;
  }
  operation.arguments.reserve(4);
  do {
    if (!argument(operation)) {
      return false;
    }
  } while (lexer_.accept(','));
  if (!expect(')', "after the arguments")) {
    return false;
  }
  const std::string_view twin = sort_and_find_twin(operation.arguments);
  return twin.empty() || error_at(operation.location, fmt::format("argument '{}' is given twice", twin));
}

bool TextParser::argument(Operation& operation) {
  const std::string_view name = expect_identifier("the name of an argument");
  if (name.empty() || !expect('=', "after the name of the argument")) {
    return false;
  }
  Argument& argument = operation.arguments.emplace_back(Argument{std::string(name), {}});
  argument.bindings.reserve(1);
  return operand(argument.bindings, false);
}

bool TextParser::operand(std::vector<Binding>& bindings, bool nested) {
  if (lexer_.peek() == '(') {
    return nested ? error("a list of operands inside a list of operands") : operand_list(bindings);
  }
  const SourceLocation at = lexer_.location();
  Lexer ahead = lexer_;
  const std::string_view word = ahead.identifier();
  if (word.empty()) {
    return error(fmt::format("expected a name or a constant, {}", found()));
  }
  const char next = ahead.peek();
  if (next == '(' && word == "const") {  // const(VALUE)
    lexer_ = ahead;
    lexer_.advance(1);
    Value value = this->value();
    if (!value) {
      return false;
    }
    bindings.emplace_back(std::move(value));
    return expect(')', "after the constant");
  }
  if (next == '(' || next == '<') {
    Value value = this->value();
    if (!value) {
      return false;
    }
    bindings.emplace_back(std::move(value));
    return true;
  }
  lexer_ = ahead;
  const VariableId id = symbols_.find(word);
  if (!id) {
    return error_at(at, fmt::format("'{}' is not defined", word));
  }
  bindings.emplace_back(id);
  return true;
}

bool TextParser::operand_list(std::vector<Binding>& bindings) {
  if (!expect('(', "before the operands")) {
    return false;
  }
  if (lexer_.accept(')')) {
    return true;
  }
  do {
    if (!operand(bindings, true)) {
      return false;
    }
  } while (lexer_.accept(','));
  return expect(')', "after the operands");
}

bool TextParser::nested_blocks(Function& function, Operation& operation) {
  if (!enter()) {
    return false;
  }
  bool parsed = true;
  while (parsed && lexer_.peek() == '(') {
    const BlockId block = function.add_block();
    operation.blocks.push_back(block);
    symbols_.open_scope();
    parsed = parameters(function, block) && block_body(function, block);
    symbols_.close_scope();
  }
  leave();
  return parsed;
}

bool TextParser::attributes(std::vector<Attribute>& attributes) {
  lexer_.skip_space();
  const SourceLocation at = lexer_.location();
  if (!expect('[', "before the attributes")) {
    return false;
  }
  if (lexer_.accept(']')) {
    return true;
  }
  attributes.reserve(attributes.size() + 2);
  do {
    const std::string_view name = expect_identifier("the name of an attribute");
    if (name.empty() || !expect('=', "after the name of the attribute")) {
      return false;
    }
    Value value = this->value();
    if (!value) {
      return false;
    }
    attributes.push_back(Attribute{std::string(name), std::move(value)});
  } while (lexer_.accept(','));
  if (!expect(']', "after the attributes")) {
    return false;
  }
  const std::string_view twin = sort_and_find_twin(attributes);
  return twin.empty() || error_at(at, fmt::format("attribute '{}' is given twice", twin));
}

}  // namespace openane::mil
