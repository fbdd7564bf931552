#include "base/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/quote.h"

namespace openane {
namespace {

constexpr std::string_view kPunctuation = "=,[]{};";

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
bool ends_word(char c) {
  return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '#' || c == 0x7f ||
         kPunctuation.find(c) != std::string_view::npos;
}
bool is_control(char c) { return (static_cast<unsigned char>(c) < ' ' && !is_blank(c) && c != '\n') || c == 0x7f; }

Word::Kind punctuation_kind(char c) {
  switch (c) {
    case '=':
      return Word::Kind::equals;
    case ',':
      return Word::Kind::comma;
    case '[':
      return Word::Kind::list_open;
    case ']':
      return Word::Kind::list_close;
    case '{':
      return Word::Kind::block_open;
    case '}':
      return Word::Kind::block_close;
    default:
      return Word::Kind::end_of_line;
  }
}

}  // namespace

std::string Word::quoted() const {
  switch (kind) {
    case Kind::end_of_line:
      return "the end of the line";
    case Kind::end:
      return "the end of the text";
    default:
      break;
  }
  return openane::quoted(text);
}

Word WordReader::make(Word::Kind kind, std::size_t begin, std::size_t end) const {
  return {kind, text_.substr(begin, end - begin), line_, static_cast<std::uint32_t>(begin - line_start_ + 1)};
}

void WordReader::skip_line() {
  const std::size_t end = text_.find('\n', at_);
  at_ = end == std::string_view::npos ? text_.size() : end;
}

Result<Word> WordReader::next() {
  while (at_ < text_.size() && is_blank(text_[at_])) {
    ++at_;
  }
  if (at_ < text_.size() && text_[at_] == '#') {
    skip_line();
  }
  if (at_ >= text_.size()) {
    return make(Word::Kind::end, text_.size(), text_.size());
  }
  const std::size_t begin = at_;
  const char c = text_[at_];
  if (c == '\n') {
    const Word word = make(Word::Kind::end_of_line, begin, begin + 1);
    ++at_;
    ++line_;
    line_start_ = at_;
    return word;
  }
  if (c == '"') {
    ++at_;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\n') {
      at_ += text_[at_] == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n' ? 2 : 1;
    }
    if (at_ >= text_.size() || text_[at_] != '"') {
      return fail(ErrorCategory::malformed_input, "a string must end on its line, with '\"'",
                  location(make(Word::Kind::string, begin, begin + 1)));
    }
    ++at_;
    Word word = make(Word::Kind::string, begin, at_);
    word.text = text_.substr(begin + 1, at_ - begin - 2);
    return word;
  }
  if (is_control(c)) {
    const Error error{ErrorCategory::malformed_input,
                      fmt::format("control character {:#04x} in the text", static_cast<unsigned char>(c)),
                      location(make(Word::Kind::word, begin, begin + 1))};
    skip_line();
    return std::unexpected(error);
  }
  if (kPunctuation.find(c) != std::string_view::npos) {
    ++at_;
    return make(punctuation_kind(c), begin, at_);
  }
  while (at_ < text_.size() && !ends_word(text_[at_])) {
    ++at_;
  }
  return make(Word::Kind::word, begin, at_);
}

Result<std::vector<Word>> WordReader::statement() {
  std::vector<Word> words;
  bool in_list = false;
  for (;;) {
    OPENANE_TRY(const Word word, next());
    switch (word.kind) {
      case Word::Kind::end:
        return words;
      case Word::Kind::end_of_line:
        if (!words.empty() && !in_list) {
          return words;
        }
        break;
      case Word::Kind::block_open:
      case Word::Kind::block_close:
        // A closing brace ends the statement before it and is a statement of its own.
        if (word.kind == Word::Kind::block_close && !words.empty()) {
          --at_;
          return words;
        }
        words.push_back(word);
        return words;
      case Word::Kind::list_open:
      case Word::Kind::list_close:
        in_list = word.kind == Word::Kind::list_open;
        words.push_back(word);
        break;
      default:
        words.push_back(word);
    }
  }
}

bool is_plain_word(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return !ends_word(c) && static_cast<unsigned char>(c) < 0x7f && c != '\\';
  });
}

void append_name(std::string& out, std::string_view name) {
  if (is_plain_word(name)) {
    out += name;
    return;
  }
  out += '"';
  for (const char c : name) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < ' ' || static_cast<unsigned char>(c) >= 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

Result<std::string> unquote(const Word& word) {
  if (word.kind != Word::Kind::string || word.text.find('\\') == std::string_view::npos) {
    return std::string(word.text);
  }
  std::string out;
  const auto hex_digit = [](char c) {
    const auto lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return std::string_view("0123456789abcdef").find(lower);
  };
  for (std::size_t i = 0; i < word.text.size(); ++i) {
    if (word.text[i] != '\\') {
      out += word.text[i];
      continue;
    }
    const std::string_view rest = word.text.substr(i + 1);
    if (rest.starts_with('x') && rest.size() >= 3 && hex_digit(rest[1]) < 16 && hex_digit(rest[2]) < 16) {
      out += static_cast<char>(16 * hex_digit(rest[1]) + hex_digit(rest[2]));
      i += 3;
    } else if (rest.starts_with('\\') || rest.starts_with('"')) {
      out += rest[0];
      ++i;
    } else if (rest.starts_with('n') || rest.starts_with('t')) {
      out += rest[0] == 'n' ? '\n' : '\t';
      ++i;
    } else {
      return fail(ErrorCategory::malformed_input, "unknown escape in a string; known are \\\\ \\\" \\n \\t \\xHH",
                  {{}, {}, word.line, word.column + 1 + static_cast<std::uint32_t>(i)});
    }
  }
  return out;
}

std::string_view nearest_name(std::string_view name, const std::vector<std::string_view>& names) {
  constexpr std::size_t kLongest = 64;
  if (name.size() > kLongest) {
    return {};
  }
  std::string_view best;
  std::size_t best_distance = 1 + std::max<std::size_t>(1, name.size() / 3);
  std::array<std::size_t, kLongest + 1> row{};
  for (const std::string_view candidate : names) {
    if (candidate.size() > kLongest) {
      continue;
    }
    for (std::size_t j = 0; j <= candidate.size(); ++j) {
      row[j] = j;
    }
    for (std::size_t i = 1; i <= name.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j <= candidate.size(); ++j) {
        const bool same = std::tolower(static_cast<unsigned char>(name[i - 1])) ==
                          std::tolower(static_cast<unsigned char>(candidate[j - 1]));
        const std::size_t next = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (same ? 0 : 1)});
        diagonal = row[j];
        row[j] = next;
      }
    }
    if (row[candidate.size()] < best_distance) {
      best_distance = row[candidate.size()];
      best = candidate;
    }
  }
  return best;
}

std::string suggestion(std::string_view name, const std::vector<std::string_view>& names) {
  const std::string_view nearest = nearest_name(name, names);
  return nearest.empty() ? std::string{} : fmt::format(" (did you mean '{}'?)", nearest);
}

}  // namespace openane
