#include "asm/source.h"

#include <fmt/format.h>

namespace openane {

std::unexpected<Error> error_at(const Word& word, std::string message, ErrorCategory category) {
  return fail(category, std::move(message), {{}, {}, word.line, word.column});
}

std::vector<Word> Source::next() {
  while (!stopped()) {
    Result<std::vector<Word>> words = reader_.statement();
    if (!words) {
      report(words.error());
      reader_.skip_line();
      continue;
    }
    if (!words->empty() && words->back().kind == Word::Kind::block_open) {
      ++depth_;
    } else if (!words->empty() && words->front().kind == Word::Kind::block_close && depth_ > 0) {
      --depth_;
    }
    return *std::move(words);
  }
  return {};
}

void Source::report(Error error) {
  if (!stopped()) {
    error.location.file = file();
    errors_.push_back(std::move(error));
  }
}

Error Source::error() const {
  Error all = errors_.front();
  for (std::size_t i = 1; i < errors_.size(); ++i) {
    all.message += fmt::format("\n{}", errors_[i].to_string());
  }
  if (stopped()) {
    all.message += fmt::format("\n{}: more errors may follow", file());
  }
  return all;
}

}  // namespace openane
