#include <fmt/format.h>

#include <charconv>

#include "mil/text_parser.h"
#include "openane/mil_text.h"

namespace openane::mil {
namespace {

/// The spelling of the type at the start of `text`, with a hash; empty when it is not spelled plainly on one line.
struct Spelled {
  std::string_view text;
  std::uint32_t hash = 0;
};

Spelled spelled_type(std::string_view text) {
  std::uint32_t depth = 0;
  std::uint32_t hash = 2166136261U;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '<') {
      ++depth;
    } else if (c == '>') {
      if (depth <= 1) {
        at += depth;
        break;
      }
      --depth;
    } else if (!is_identifier_part(c) && (depth == 0 || (c != ' ' && c != ',' && c != '[' && c != ']' && c != '?'))) {
      break;
    }
    hash = (hash ^ static_cast<std::uint8_t>(c)) * 16777619U;
  }
  return {text.substr(0, at), hash ^ (hash >> 15)};
}

}  // namespace

Type TextParser::type() {
  lexer_.skip_space();
  const Spelled spelled = spelled_type(lexer_.rest());
  CachedType& cached = type_cache_[spelled.hash % type_cache_.size()];
  if (!spelled.text.empty() && cached.spelling == spelled.text) {
    lexer_.advance(spelled.text.size());
    return cached.type;
  }
  const char* begin = lexer_.rest().data();
  Type type = type_uncached();
  if (type && lexer_.rest().data() == begin + spelled.text.size()) {
    cached = {spelled.text, type};
  }
  return type;
}

Type TextParser::type_uncached() {
  const SourceLocation at = lexer_.location();
  const std::string_view word = expect_identifier("a type");
  if (word.empty() || !enter()) {
    return {};
  }
  Type type;
  if (const std::optional<DataType> scalar = data_type_from_string(word)) {
    type = Type::scalar(*scalar);
  } else if (word == "tensor") {
    type = tensor_type();
  } else if (word == "list" || word == "tuple" || word == "dict" || word == "state") {
    type = type_with_parameters(word);
  } else {
    error_at(at, fmt::format("'{}' is not a type", word));
  }
  leave();
  return type;
}

Type TextParser::type_with_parameters(std::string_view keyword) {
  if (!expect('<', "after the name of the type")) {
    return {};
  }
  std::vector<Type> parameters;
  if (lexer_.peek() != '>') {
    do {
      const bool is_length = keyword == "list" && parameters.size() == 1;
      if (is_length) {
        break;
      }
      Type parameter = type();
      if (!parameter) {
        return {};
      }
      parameters.push_back(std::move(parameter));
    } while (lexer_.accept(','));
  }
  const std::size_t wanted = keyword == "dict" ? 2 : (keyword == "tuple" ? parameters.size() : 1);
  if (parameters.size() != wanted) {
    error(fmt::format("a {} has {} type parameter{}, found {}", keyword, wanted, wanted == 1 ? "" : "s",
                      parameters.size()));
    return {};
  }
  std::int64_t length = kUnknownExtent;
  if (keyword == "list" && !extent(length, false)) {
    return {};
  }
  if (!expect('>', "at the end of the type")) {
    return {};
  }
  if (keyword == "list") {
    return Type::list(std::move(parameters[0]), length);
  }
  if (keyword == "dict") {
    return Type::dictionary(std::move(parameters[0]), std::move(parameters[1]));
  }
  return keyword == "state" ? Type::state(std::move(parameters[0])) : Type::tuple(std::move(parameters));
}

Type TextParser::tensor_type() {
  if (!expect('<', "after 'tensor'")) {
    return {};
  }
  lexer_.skip_space();
  const SourceLocation at = lexer_.location();
  const std::string_view word = expect_identifier("an element type");
  const std::optional<DataType> element = data_type_from_string(word);
  if (!element) {
    if (!word.empty()) {
      error_at(at, fmt::format("'{}' is not an element type", word));
    }
    return {};
  }
  Shape extents;
  if (!expect(',', "between element type and shape") || !shape(extents) || !expect('>', "at the end of the type")) {
    return {};
  }
  return Type::tensor(*element, std::move(extents));
}

bool TextParser::shape(Shape& shape) {
  if (!expect('[', "before the shape")) {
    return false;
  }
  if (lexer_.accept(']')) {
    return true;
  }
  do {
    std::int64_t value = 0;
    if (!extent(value, true)) {
      return false;
    }
    shape.push_back(value);
  } while (lexer_.accept(','));
  if (shape.size() > kMaxNesting) {
    return error(fmt::format("a tensor of rank {}, at most {} are read", shape.size(), kMaxNesting));
  }
  return expect(']', "after the shape");
}

bool TextParser::extent(std::int64_t& value, bool variadic_allowed) {
  if (lexer_.accept('?')) {
    value = kUnknownExtent;
    return true;
  }
  if (variadic_allowed && lexer_.accept('*')) {
    value = kVariadicExtent;
    return true;
  }
  lexer_.skip_space();
  const SourceLocation at = lexer_.location();
  const std::string_view text = lexer_.number();
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || status != std::errc() || end != text.data() + text.size() || value < 0) {
    return error_at(at, text.empty() ? fmt::format("expected an extent, {}", found())
                                     : fmt::format("'{}' is not an extent: a number from 0 to 2^63-1, '?' or '*'",
                                                   text.substr(0, 40)));
  }
  return true;
}

}  // namespace openane::mil
