#include "mil/lexer.h"

#include <algorithm>

namespace openane::mil {

bool is_identifier(std::string_view text) {
  return !text.empty() && is_identifier_start(text.front()) && std::ranges::all_of(text, is_identifier_part);
}

void Lexer::skip_more_space() {
  for (; at_ != end_; ++at_) {
    const char c = *at_;
    if (c == '\n') {
      ++line_;
      line_begin_ = at_ + 1;
    } else if (c == '/' && end_ - at_ > 1 && at_[1] == '/') {
      at_ = std::find(at_, end_, '\n') - 1;
    } else if (c != ' ' && c != '\t' && c != '\r') {
      return;
    }
  }
}

std::string_view Lexer::number() {
  skip_space();
  const char* begin = at_;
  while (at_ != end_ && (is_identifier_part(*at_) || *at_ == '.' || *at_ == '-' || *at_ == '+')) {
    ++at_;
  }
  return {begin, static_cast<std::size_t>(at_ - begin)};
}

std::optional<std::string> Lexer::string() {
  const char* end = at_ + 1;
  while (end != end_ && *end != '"' && *end != '\\' && *end != '\n') {
    ++end;
  }
  std::string text(at_ + 1, end);
  while (end != end_ && *end != '"' && *end != '\n') {
    char c = *end++;
    if (c == '\\' && end != end_ && *end != '\n') {
      c = *end++;
      c = c == 'n' ? '\n' : (c == 't' ? '\t' : (c == 'r' ? '\r' : c));
    }
    text += c;
  }
  if (end == end_ || *end != '"') {
    return std::nullopt;
  }
  at_ = end + 1;
  return text;
}

void Lexer::skip_string() {
  for (++at_; at_ != end_ && *at_ != '"' && *at_ != '\n'; ++at_) {
    if (*at_ == '\\' && end_ - at_ > 1) {
      ++at_;
    }
  }
  if (at_ != end_ && *at_ == '"') {
    ++at_;
  }
}

void Lexer::skip_statement() {
  while (!at_end()) {
    if (*at_ == '"') {
      skip_string();
      continue;
    }
    if (*at_ == ';') {
      ++at_;
      return;
    }
    if (*at_ == '}') {
      Lexer ahead = *this;
      ++ahead.at_;
      if (ahead.accept('-') && ahead.here() == '>') {
        return;
      }
    }
    ++at_;
  }
}

}  // namespace openane::mil
