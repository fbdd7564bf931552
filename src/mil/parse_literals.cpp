#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/byte_reader.h"
#include "mil/text_parser.h"

namespace openane::mil {
namespace {

bool all_parsed(std::from_chars_result result, std::string_view text) {
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

/// Digits behind `0x` up to and with the exponent, at most 13 of them, so that the mantissa is exact; nothing for other
/// spellings.
std::optional<double> short_hex_float(std::string_view digits) {
  std::uint64_t mantissa = 0;
  int exponent = 0;
  std::size_t at = 0;
  std::size_t count = 0;
  bool fraction = false;
  for (; at < digits.size() && digits[at] != 'p'; ++at) {
    const char c = digits[at];
    if (c == '.' && !fraction) {
      fraction = true;
      continue;
    }
    const int digit = is_digit(c) ? c - '0' : (c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1);
    if (digit < 0) {
      return std::nullopt;
    }
    mantissa = 16 * mantissa + static_cast<std::uint64_t>(digit);
    exponent -= fraction ? 4 : 0;
    ++count;
  }
  if (count == 0 || count > 13 || at == digits.size()) {
    return std::nullopt;
  }
  std::string_view power = digits.substr(at + 1);
  if (!power.empty() && power.front() == '+') {
    power.remove_prefix(1);
  }
  int value = 0;
  if (power.size() > 6 || !all_parsed(std::from_chars(power.data(), power.data() + power.size(), value), power)) {
    return std::nullopt;
  }
  return std::ldexp(static_cast<double>(mantissa), exponent + value);
}

std::optional<double> parse_number(std::string_view text, bool is_hex) {
  if (is_hex) {
    if (const std::optional<double> number = short_hex_float(text)) {
      return number;
    }
  }
  double value = 0;
  const auto format = is_hex ? std::chars_format::hex : std::chars_format::general;
  const std::from_chars_result result = std::from_chars(text.data(), text.data() + text.size(), value, format);
  if (result.ptr != text.data() + text.size() || text.empty() || text.front() == '-') {
    return std::nullopt;
  }
  if (result.ec == std::errc::result_out_of_range) {  // either end of the range: tell which from the exponent's sign
    const std::size_t exponent = text.find_first_of(is_hex ? "pP" : "eE");
    const bool tiny = exponent != std::string_view::npos && exponent + 1 < text.size() && text[exponent + 1] == '-';
    return tiny ? 0.0 : std::numeric_limits<double>::infinity();
  }
  return result.ec == std::errc() ? std::optional(value) : std::nullopt;
}

}  // namespace

Value TextParser::value() {
  const Type type = this->type();
  if (!type || !expect('(', "before the literal")) {
    return {};
  }
  Value value = literal(type);
  if (!value || !expect(')', "after the literal")) {
    return {};
  }
  return value;
}

Value TextParser::literal(const Type& type) {
  if (!enter()) {
    return {};
  }
  Value value;
  switch (type.kind()) {
    case TypeKind::tensor:
      value = lexer_.peek() == 'B' ? blob_literal(type) : tensor_literal(type);
      break;
    case TypeKind::list:
      value = list_literal(type);
      break;
    case TypeKind::tuple:
      value = tuple_literal(type);
      break;
    case TypeKind::dictionary:
      value = dictionary_literal(type);
      break;
    case TypeKind::state:
    case TypeKind::none:
      error(fmt::format("a {} has no literal", to_string(type)));
      break;
  }
  leave();
  return value;
}

Value TextParser::blob_literal(const Type& type) {
  if (const std::string_view word = lexer_.identifier(); word != "BLOBFILE") {
    error(fmt::format("expected a literal or BLOBFILE, found '{}'", word));
    return {};
  }
  BlobReference reference;
  bool has_path = false;
  bool has_offset = false;
  if (!expect('(', "after BLOBFILE")) {
    return {};
  }
  do {
    lexer_.skip_space();
    const SourceLocation at = lexer_.location();
    const std::string_view name = expect_identifier("'path' or 'offset'");
    if (name.empty() || !expect('=', "after the name")) {
      return {};
    }
    const Value value = this->value();
    if (!value) {
      return {};
    }
    if (name == "path" && value.as_string() != nullptr && !has_path) {
      reference.path = *value.as_string();
      has_path = true;
    } else if (name == "offset" && value.as_int().value_or(-1) >= 0 && !has_offset) {
      reference.offset = static_cast<std::uint64_t>(*value.as_int());
      has_offset = true;
    } else {
      error_at(at, "BLOBFILE takes path = string(\"...\") and offset = uint64(N), each once");
      return {};
    }
  } while (lexer_.accept(','));
  if (!has_path || !has_offset) {
    error("BLOBFILE needs a path and an offset");
    return {};
  }
  if (!expect(')', "after BLOBFILE's arguments")) {
    return {};
  }
  return Value::blob(type, std::move(reference));
}

Value TextParser::tensor_literal(const Type& type) {
  numbers_.clear();
  texts_.clear();
  if (std::ranges::find(type.shape(), kVariadicExtent) != type.shape().end()) {
    error(fmt::format("a {} has no literal: its rank is open", to_string(type)));
    return {};
  }
  Shape extents = type.shape();
  if (!tensor_elements(type, 0, extents)) {
    return {};
  }
  // An axis nothing was read for (below an empty one) stays open: it is empty as well.
  std::ranges::replace(extents, kUnknownExtent, std::int64_t{0});
  if (type.data_type() == DataType::string) {
    Result<Value> value = Value::strings(type, std::move(texts_));
    texts_ = {};
    if (!value) {
      error(value.error().message);
      return {};
    }
    return *std::move(value);
  }
  return pack_tensor(type, std::move(extents));
}

Value TextParser::pack_tensor(const Type& type, Shape extents) {
  const std::uint32_t bits = info(type.data_type()).bits;
  std::span<const std::uint8_t> packed = numbers_;
  std::vector<std::uint8_t> narrow;
  if (bits < 8) {  // read as one byte each
    narrow.resize((numbers_.size() * bits + 7) / 8);
    for (std::size_t i = 0; i < numbers_.size(); ++i) {
      store_integer(type.data_type(), narrow, i, numbers_[i]);
    }
    packed = narrow;
  }
  Result<Value> value = Value::tensor(type, std::move(extents), arena_.copy(packed));
  if (!value) {
    error(value.error().message);
    return {};
  }
  return *std::move(value);
}

bool TextParser::tensor_elements(const Type& type, std::size_t axis, Shape& extents) {
  if (axis == extents.size()) {
    return scalar(type.data_type());
  }
  if (!enter()) {
    return false;
  }
  const bool read = tensor_row(type, axis, extents);
  leave();
  return read;
}

bool TextParser::tensor_row(const Type& type, std::size_t axis, Shape& extents) {
  lexer_.skip_space();
  const SourceLocation at = lexer_.location();
  if (!expect('[', fmt::format("before axis {} of a {}", axis, to_string(type)))) {
    return false;
  }
  std::int64_t count = 0;
  if (!lexer_.accept(']')) {
    do {
      if (!tensor_elements(type, axis + 1, extents)) {
        return false;
      }
      ++count;
    } while (lexer_.accept(','));
    if (!expect(']', fmt::format("after axis {} of a {}", axis, to_string(type)))) {
      return false;
    }
  }
  if (extents[axis] == kUnknownExtent) {
    extents[axis] = count;
  }
  if (extents[axis] != count) {
    return error_at(at, fmt::format("axis {} of a {} has {} elements here, expected {}", axis, to_string(type), count,
                                    extents[axis]));
  }
  return true;
}

bool TextParser::scalar(DataType type) {
  switch (info(type).kind) {
    case NumberKind::floating:
      return floating_scalar(type);
    case NumberKind::signed_integer:
    case NumberKind::unsigned_integer:
      return integer_scalar(type);
    case NumberKind::boolean:
      return boolean_scalar();
    case NumberKind::string:
      return string_scalar();
    case NumberKind::none:
      break;
  }
  return error("no literal of this type");
}

namespace {

void append_bits(std::vector<std::uint8_t>& out, std::uint64_t value, std::uint32_t bits) {
  const std::size_t at = out.size();
  out.resize(at + (bits + 7) / 8);
  for (std::size_t i = at; i < out.size(); ++i) {
    out[i] = static_cast<std::uint8_t>(value);
    value >>= 8;
  }
}

}  // namespace

bool TextParser::integer_scalar(DataType type) {
  const std::string_view text = lexer_.number();
  const DataTypeInfo& row = info(type);
  std::int64_t value = 0;
  std::uint64_t large = 0;
  bool fits = false;
  if (row.kind == NumberKind::signed_integer) {
    fits = all_parsed(std::from_chars(text.data(), text.data() + text.size(), value), text);
    const std::int64_t most = static_cast<std::int64_t>((std::uint64_t{1} << (row.bits - 1)) - 1);
    fits = fits && value <= most && value >= -most - 1;
    large = static_cast<std::uint64_t>(value);
  } else {
    fits = all_parsed(std::from_chars(text.data(), text.data() + text.size(), large), text);
    fits = fits && (row.bits == 64 || large < std::uint64_t{1} << row.bits);
  }
  if (!fits || text.empty()) {
    return error(text.empty() ? fmt::format("expected a number, {}", found())
                              : fmt::format("'{}' is not an {}", text.substr(0, 40), row.name));
  }
  append_bits(numbers_, row.bits < 8 ? large & ((1U << row.bits) - 1U) : large, row.bits);
  return true;
}

bool TextParser::floating_scalar(DataType type) {
  lexer_.skip_space();
  const SourceLocation at = lexer_.location();
  const std::string_view text = lexer_.number();
  const DataTypeInfo& row = info(type);
  std::string_view magnitude = text;
  const bool negative = !magnitude.empty() && magnitude.front() == '-';
  magnitude.remove_prefix(negative ? 1 : 0);
  const bool is_hex = magnitude.size() > 2 && magnitude[0] == '0' && (magnitude[1] == 'x' || magnitude[1] == 'X');
  if (is_hex) {
    magnitude.remove_prefix(2);
  }
  if (is_hex && magnitude.find_first_of("pP.") == std::string_view::npos) {
    std::uint64_t bits = 0;
    const bool parsed =
        all_parsed(std::from_chars(magnitude.data(), magnitude.data() + magnitude.size(), bits, 16), magnitude);
    if (!parsed || negative || (row.bits < 64 && bits >> row.bits != 0)) {
      return error_at(at, fmt::format("'{}' is not the bit pattern of a {}", text.substr(0, 40), row.name));
    }
    if (!std::isnan(decode_floating(type, bits))) {
      warn_at(at, fmt::format("'{}' is read as a bit pattern; write {}", text, decode_floating(type, bits)));
    }
    append_bits(numbers_, bits, row.bits);
    return true;
  }
  const std::optional<double> value = parse_number(magnitude, is_hex);
  if (!value) {
    return error_at(at, text.empty() ? fmt::format("expected a number, {}", found())
                                     : fmt::format("'{}' is not a number", text.substr(0, 40)));
  }
  append_bits(numbers_, encode_floating(type, negative ? -*value : *value), row.bits);
  return true;
}

bool TextParser::boolean_scalar() {
  const std::string_view word = lexer_.identifier();
  if (word != "true" && word != "false") {
    return error(word.empty() ? fmt::format("expected true or false, {}", found())
                              : fmt::format("expected true or false, found '{}'", word.substr(0, 40)));
  }
  numbers_.push_back(word == "true" ? 1 : 0);
  return true;
}

bool TextParser::string_scalar() {
  if (lexer_.peek() != '"') {
    return error(fmt::format("expected a string in quotes, {}", found()));
  }
  std::optional<std::string> text = lexer_.string();
  if (!text) {
    return error("a string that does not end on its line");
  }
  texts_.push_back(*std::move(text));
  return true;
}

Value TextParser::list_literal(const Type& type) {
  lexer_.skip_space();
  const SourceLocation at = lexer_.location();
  if (!expect('[', fmt::format("before the elements of a {}", to_string(type)))) {
    return {};
  }
  std::vector<Value> elements;
  if (!lexer_.accept(']')) {
    do {
      elements.push_back(literal(type.parameters()[0]));
      if (!elements.back()) {
        return {};
      }
    } while (lexer_.accept(','));
    if (!expect(']', "after the elements of a list")) {
      return {};
    }
  }
  if (type.length() >= 0 && type.length() != static_cast<std::int64_t>(elements.size())) {
    error_at(at, fmt::format("a {} with {} elements", to_string(type), elements.size()));
    return {};
  }
  return Value::list(type, std::move(elements));
}

Value TextParser::tuple_literal(const Type& type) {
  if (!expect('(', fmt::format("before the elements of a {}", to_string(type)))) {
    return {};
  }
  std::vector<Value> elements;
  for (const Type& parameter : type.parameters()) {
    if (!elements.empty() && !expect(',', "between the elements of a tuple")) {
      return {};
    }
    elements.push_back(literal(parameter));
    if (!elements.back()) {
      return {};
    }
  }
  if (!expect(')', "after the elements of a tuple")) {
    return {};
  }
  return Value::tuple(type, std::move(elements));
}

Value TextParser::dictionary_literal(const Type& type) {
  if (!expect('{', "before the entries of a dictionary")) {
    return {};
  }
  std::vector<Value::Pair> pairs;
  if (lexer_.accept('}')) {
    return Value::dictionary(type, std::move(pairs));
  }
  do {
    if (!expect('{', "before an entry of a dictionary")) {
      return {};
    }
    Value key = literal(type.parameters()[0]);
    if (!key || !expect(',', "between key and value")) {
      return {};
    }
    Value value = literal(type.parameters()[1]);
    if (!value || !expect('}', "after an entry of a dictionary")) {
      return {};
    }
    pairs.emplace_back(std::move(key), std::move(value));
  } while (lexer_.accept(','));
  if (!expect('}', "after the entries of a dictionary")) {
    return {};
  }
  return Value::dictionary(type, std::move(pairs));
}

}  // namespace openane::mil
