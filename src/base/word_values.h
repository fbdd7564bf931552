// The values of one statement, taken word by word; every error stands at its word and says what was expected.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/number_text.h"
#include "base/words.h"

namespace openane {

template <std::size_t n>
std::string listed(const std::array<std::string_view, n>& names) {
  // "unknown" is taken back from listings, but is no advice.
  return fmt::format("{}",
                     fmt::join(std::span(names.data(), names.size() - (names.back() == "unknown" ? 1 : 0)), ", "));
}

/// The values of one key: words taken one by one, with errors at the word.
class WordValues {
 public:
  WordValues(const Word& key, std::span<const Word> words) : key_(key), words_(words) {}

  [[nodiscard]] bool done() const { return at_ == words_.size(); }
  [[nodiscard]] const Word& current() const { return done() ? key_ : words_[at_]; }
  void advance() { ++at_; }
  bool take(std::string_view word) {
    const bool found = !done() && words_[at_].is(word);
    at_ += found ? 1 : 0;
    return found;
  }

  [[nodiscard]] std::unexpected<Error> error(std::string_view expected) const {
    const Word& word = done() && !words_.empty() ? words_.back() : current();
    const auto after = static_cast<std::uint32_t>(done() ? word.text.size() : 0);
    return fail(ErrorCategory::malformed_input,
                fmt::format("{}: expected {}, got {}", key_.text, expected, done() ? "nothing" : word.quoted()),
                {{}, {}, word.line, word.column + after});
  }

  /// A number up to `limit`, after nothing or after its attribute's name.
  Result<std::uint64_t> number(std::uint64_t limit, std::string_view what) {
    const std::optional<std::uint64_t> value =
        done() || current().kind != Word::Kind::word ? std::nullopt : parse_unsigned(current().text);
    if (!value || *value > limit) {
      return error(fmt::format("{} from 0 to {:#x}", what, limit));
    }
    advance();
    return *value;
  }
  template <typename T>
  Result<void> into(T& target, std::string_view what = "a number") {
    OPENANE_TRY(const std::uint64_t value, number(std::numeric_limits<T>::max(), what));
    target = static_cast<T>(value);
    return {};
  }
  /// "3x3": numbers up to `limit` with an `x` between.
  template <std::size_t n>
  Result<std::array<std::uint64_t, n>> product(std::uint64_t limit, std::string_view what, std::uint64_t least = 0) {
    std::array<std::uint64_t, n> values{};
    std::string_view rest = done() || current().kind != Word::Kind::word ? std::string_view{} : current().text;
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t end = i + 1 == n ? rest.size() : rest.find('x');
      const std::optional<std::uint64_t> value = parse_unsigned(rest.substr(0, end));
      if (!value || *value > limit || *value < least || end == std::string_view::npos) {
        return error(
            fmt::format("{}, each {}{}", what, least == 0 ? "up to " : fmt::format("from {} to ", least), limit));
      }
      values[i] = *value;
      rest.remove_prefix(i + 1 == n ? end : end + 1);
    }
    advance();
    return values;
  }
  template <typename Enum, std::size_t n>
  Result<void> choice(Enum& target, const std::array<std::string_view, n>& names) {
    const auto found = std::ranges::find(names, done() ? std::string_view{} : current().text);
    if (found == names.end()) {
      return error("one of " + listed(names));
    }
    target = static_cast<Enum>(found - names.begin());
    advance();
    return {};
  }
  Result<void> flag(bool& target) {
    if (take("on")) {
      target = true;
    } else if (take("off")) {
      target = false;
    } else {
      return error("on or off");
    }
    return {};
  }
  Result<void> real(float& target) {
    const std::optional<float> value = done() ? std::nullopt : parse_float(current().text);
    if (!value) {
      return error("a number");
    }
    target = *value;
    advance();
    return {};
  }
  Result<void> half(Half& target) {
    const std::optional<Half> value = done() ? std::nullopt : parse_half(current().text);
    if (!value) {
      return error("a number (0.5, -1e-3, 0x1.8p-2, inf, bits(0x3c00))");
    }
    target = *value;
    advance();
    return {};
  }
  /// A word or string that names something.
  Result<std::string> name(std::string_view what) {
    if (done() || (current().kind != Word::Kind::word && current().kind != Word::Kind::string)) {
      return error(what);
    }
    OPENANE_TRY(std::string text, unquote(current()));
    advance();
    return text;
  }
  bool take(Word::Kind kind) {
    const bool found = !done() && words_[at_].kind == kind;
    at_ += found ? 1 : 0;
    return found;
  }
  [[nodiscard]] Result<void> finish() const { return done() ? Result<void>{} : error("nothing more"); }

 private:
  const Word& key_;
  std::span<const Word> words_;
  std::size_t at_ = 0;
};

}  // namespace openane
