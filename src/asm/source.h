// The text being assembled: its statements block by block, and the errors found so far. Errors are gathered so that one
// run shows several; reading goes on behind the statement that holds one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/words.h"
#include "openane/error.h"

namespace openane {

[[nodiscard]] std::unexpected<Error> error_at(const Word& word, std::string message,
                                              ErrorCategory category = ErrorCategory::malformed_input);

class Source {
 public:
  Source(std::string_view text, std::string file) : reader_(text, std::move(file)), size_(text.size()) {}

  [[nodiscard]] const std::string& file() const { return reader_.file(); }
  [[nodiscard]] std::size_t size() const { return size_; }

  /// The next statement; empty at the end of the text and when there have been too many errors.
  [[nodiscard]] std::vector<Word> next();
  void report(Error error);
  [[nodiscard]] bool failed() const { return !errors_.empty(); }
  /// The first error, with the others in its message.
  [[nodiscard]] Error error() const;

  /// Hands every statement of the block whose '{' was just read to `handle`, which returns Result<void> and reads
  /// nested blocks itself.
  template <typename Handle>
  void block(const Word& opening, Handle handle) {
    const std::uint32_t inside = depth_;
    for (;;) {
      const std::vector<Word> words = next();
      if (words.empty()) {
        if (!stopped()) {
          report(Error{
              ErrorCategory::malformed_input, "this block has no closing '}'", {{}, {}, opening.line, opening.column}});
        }
        return;
      }
      if (words.front().kind == Word::Kind::block_close) {
        return;
      }
      run(words, inside, handle);
    }
  }
  /// The same for the statements outside all blocks.
  template <typename Handle>
  void top_level(Handle handle) {
    for (std::vector<Word> words = next(); !words.empty(); words = next()) {
      if (words.front().kind == Word::Kind::block_close) {
        depth_ = 0;
        report(Error{ErrorCategory::malformed_input, "this '}' closes nothing", place(words.front())});
        continue;
      }
      run(words, 0, handle);
    }
  }

 private:
  static constexpr std::size_t kMostErrors = 20;

  [[nodiscard]] bool stopped() const { return errors_.size() >= kMostErrors; }
  [[nodiscard]] static Location place(const Word& word) { return {{}, {}, word.line, word.column}; }
  template <typename Handle>
  void run(const std::vector<Word>& words, std::uint32_t inside, Handle& handle) {
    const Result<void> handled = handle(words);
    if (!handled) {
      report(handled.error());
    }
    while (depth_ > inside && !next().empty()) {  // what a failed statement left open
    }
  }

  WordReader reader_;
  std::size_t size_;
  std::uint32_t depth_ = 0;
  std::vector<Error> errors_;
};

}  // namespace openane
