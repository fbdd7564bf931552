// Characters of MIL text: white space, comments, identifiers, strings and numbers, with line and column.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "openane/mil_program.h"

namespace openane::mil {

[[nodiscard]] constexpr bool is_identifier_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
[[nodiscard]] constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
[[nodiscard]] constexpr bool is_identifier_part(char c) { return is_identifier_start(c) || is_digit(c) || c == '@'; }
/// `[A-Za-z_][A-Za-z0-9_@]*`
[[nodiscard]] bool is_identifier(std::string_view text);

/// Reads the text once, left to right. Nothing is allocated: identifiers are views into the text.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : at_(text.data()), end_(text.data() + text.size()), line_begin_(text.data()) {}

  void skip_space() {
    // One blank between tokens is by far the most common case.
    if (at_ != end_ && *at_ == ' ') {
      ++at_;
    }
    if (at_ != end_ && (*at_ <= ' ' || *at_ == '/')) {
      skip_more_space();
    }
  }
  /// The next character after white space; NUL at the end of the text.
  [[nodiscard]] char peek() {
    skip_space();
    return here();
  }
  /// The character at this very place; NUL at the end of the text.
  [[nodiscard]] char here() const { return at_ != end_ ? *at_ : '\0'; }
  [[nodiscard]] bool at_end() {
    skip_space();
    return at_ == end_;
  }
  /// Skips white space and `c`, when that is what comes next.
  [[nodiscard]] bool accept(char c) {
    if (peek() != c || at_ == end_) {
      return false;
    }
    ++at_;
    return true;
  }
  /// An identifier, or "" when none comes next.
  [[nodiscard]] std::string_view identifier() {
    skip_space();
    const char* begin = at_;
    if (at_ != end_ && is_identifier_start(*at_)) {
      do {
        ++at_;
      } while (at_ != end_ && is_identifier_part(*at_));
    }
    return {begin, static_cast<std::size_t>(at_ - begin)};
  }
  /// The letters, digits, dots and signs of a number; "" when none comes next.
  [[nodiscard]] std::string_view number();
  /// A quoted string with its escapes resolved; nothing when it has no end on its line.
  [[nodiscard]] std::optional<std::string> string();

  /// The text that is left.
  [[nodiscard]] std::string_view rest() const { return {at_, static_cast<std::size_t>(end_ - at_)}; }
  /// Skips characters that contain no line end.
  void advance(std::size_t count) { at_ += count; }
  /// Skips to just behind the next `;`, or to the `}` that ends the block (followed by `->`), or to the end.
  void skip_statement();

  [[nodiscard]] SourceLocation location() const { return {line_, static_cast<std::uint32_t>(at_ - line_begin_) + 1}; }

 private:
  void skip_more_space();
  void skip_string();

  const char* at_;
  const char* end_;
  const char* line_begin_;
  std::uint32_t line_ = 1;
};

}  // namespace openane::mil
