#include "mil/text_parser.h"

#include <fmt/format.h>

#include <limits>

#include "openane/mil_text.h"

namespace openane::mil {
namespace {

constexpr std::size_t kMaxErrors = 20;

}  // namespace

bool TextParser::error(std::string message) { return error_at(lexer_.location(), std::move(message)); }

bool TextParser::error_at(SourceLocation at, std::string message) {
  if (!gave_up_) {
    diagnostics_.push_back({Severity::error, std::move(message), at});
    gave_up_ = ++errors_ >= kMaxErrors;
  }
  return false;
}

void TextParser::warn_at(SourceLocation at, std::string message) {
  constexpr std::size_t kMaxWarnings = 20;
  if (diagnostics_.size() - errors_ < kMaxWarnings) {
    diagnostics_.push_back({Severity::warning, std::move(message), at});
  }
}

std::string TextParser::found() {
  if (lexer_.at_end()) {
    return "found the end of the text";
  }
  Lexer ahead = lexer_;
  const std::string_view word = ahead.identifier();
  if (!word.empty()) {
    return fmt::format("found '{}'", word.substr(0, 40));
  }
  const char c = lexer_.here();
  const auto byte = static_cast<unsigned char>(c);
  return byte > 0x20 && byte < 0x7f ? fmt::format("found '{}'", c) : fmt::format("found byte {:#04x}", byte);
}

bool TextParser::expect(char c, std::string_view where) {
  if (lexer_.accept(c)) {
    return true;
  }
  return error(fmt::format("expected '{}' {}, {}", c, where, found()));
}

bool TextParser::expect_arrow() {
  if (lexer_.accept('-') && lexer_.here() == '>') {
    lexer_.advance(1);
    return true;
  }
  return error(fmt::format("expected '->' and the names of the results after '}}', {}", found()));
}

std::string_view TextParser::expect_identifier(std::string_view what) {
  const std::string_view word = lexer_.identifier();
  if (word.empty()) {
    error(fmt::format("expected {}, {}", what, found()));
  }
  return word;
}

bool TextParser::enter() {
  if (depth_ >= kMaxNesting) {
    return error(fmt::format("nested deeper than {} levels", kMaxNesting));
  }
  ++depth_;
  return true;
}

Result<Program> parse_text(Bytes text, std::string_view file, std::vector<Diagnostic>* diagnostics) {
  if (text.size() >= std::numeric_limits<std::uint32_t>::max()) {
    return fail(ErrorCategory::unsupported, "MIL texts of 4 GiB and more are not read",
                Location{std::string(file), {}, 0, 0});
  }
  Program program;
  TextParser parser({reinterpret_cast<const char*>(text.data()), text.size()});
  parser.program(program);
  program.source = std::make_shared<const SourceText>(std::string(file), std::move(text));
  const bool failed = has_errors(parser.diagnostics());
  Error error = failed ? to_error(parser.diagnostics(), file, program.source.get()) : Error{};
  if (diagnostics != nullptr) {
    *diagnostics = std::move(parser.diagnostics());
  }
  if (failed) {
    return std::unexpected(std::move(error));
  }
  return program;
}

Result<Program> parse_text(std::string_view text, std::string_view file, std::vector<Diagnostic>* diagnostics) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(text.data());
  return parse_text(Bytes(std::vector<std::uint8_t>(data, data + text.size())), file, diagnostics);
}

}  // namespace openane::mil
