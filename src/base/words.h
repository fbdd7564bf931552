// The lexical level of assembly and operation text: words, strings, six punctuation marks and comments.
//
// A word is a run of characters without blanks, punctuation, quotes or `#`. What a word means is up to the statement it
// stands in, so `64x16x16`, `0x40`, `0..15`, `Common.InDim.Win` and `probs@output` are all single words. A statement
// ends with its line or with `;`; inside brackets lines go on. Everything after `#` is a comment.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "openane/error.h"

namespace openane {

struct Word {
  enum class Kind : std::uint8_t {
    word,
    string,
    equals,
    comma,
    list_open,
    list_close,
    block_open,
    block_close,
    end_of_line,
    end
  };
  Kind kind = Kind::end;
  std::string_view text;  ///< Of a string: between the quotes, escapes as written (see `unquote`).
  std::uint32_t line = 0, column = 0;

  [[nodiscard]] bool is(std::string_view other) const { return kind == Kind::word && text == other; }
  /// The word as an error message quotes it: 'x', "end of line", ...
  [[nodiscard]] std::string quoted() const;
};

class WordReader {
 public:
  WordReader(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {}

  /// The next word; an unterminated string or a control character is an error, after which reading goes on with the
  /// next line.
  [[nodiscard]] Result<Word> next();
  /// Reads up to the end of the statement: a line end, `;`, the end of the text, or a brace, which becomes the last
  /// word. Empty statements are skipped; the result is empty only at the end of the text.
  [[nodiscard]] Result<std::vector<Word>> statement();
  void skip_line();
  [[nodiscard]] Location location(const Word& word) const { return {file_, {}, word.line, word.column}; }
  [[nodiscard]] const std::string& file() const { return file_; }

 private:
  [[nodiscard]] Word make(Word::Kind kind, std::size_t begin, std::size_t end) const;
  std::string_view text_;
  std::string file_;
  std::size_t at_ = 0, line_start_ = 0;
  std::uint32_t line_ = 1;
};

/// True when `name` can stand as a word; otherwise it must be quoted.
[[nodiscard]] bool is_plain_word(std::string_view name);
/// Appends a name: as it is when it can stand as a word, else as a string with escapes.
void append_name(std::string& out, std::string_view name);
/// The value of a word or string: escapes \\ \" \n \t \xHH are resolved. Fails on any other escape.
[[nodiscard]] Result<std::string> unquote(const Word& word);

/// The one of `names` that is nearest to `name`, or empty when none is near enough to be a likely slip.
[[nodiscard]] std::string_view nearest_name(std::string_view name, const std::vector<std::string_view>& names);
/// " (did you mean 'x'?)", or nothing.
[[nodiscard]] std::string suggestion(std::string_view name, const std::vector<std::string_view>& names);

}  // namespace openane
