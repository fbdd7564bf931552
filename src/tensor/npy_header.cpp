// "\x93NUMPY", two bytes of version, the header's length (two bytes in version 1, four later), and the header: the text
// of a Python dictionary with the keys descr, fortran_order and shape, padded with spaces so that the data begins at a
// multiple of 64. Versions differ in the length field and the text's encoding (Latin-1; UTF-8 in version 3), which
// matters only for the field names of structured types.
#include "tensor/npy_header.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "base/byte_reader.h"

namespace openane {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::uint64_t kVersionOffset = 6;
constexpr std::uint64_t kLengthOffset = 8;
constexpr std::size_t kAlignment = 64;
// NumPy leaves room for the first extent to grow to this many digits in place.
constexpr std::size_t kGrowthDigits = 21;

struct Dtype {
  std::string_view name;  // without the byte order
  ElementType type;
};

constexpr std::array kDtypes = {
    Dtype{"b1", ElementType::boolean}, Dtype{"i1", ElementType::int8},    Dtype{"u1", ElementType::uint8},
    Dtype{"i2", ElementType::int16},   Dtype{"u2", ElementType::uint16},  Dtype{"i4", ElementType::int32},
    Dtype{"u4", ElementType::uint32},  Dtype{"i8", ElementType::int64},   Dtype{"u8", ElementType::uint64},
    Dtype{"f2", ElementType::float16}, Dtype{"f4", ElementType::float32}, Dtype{"f8", ElementType::float64},
};

struct RefusedKind {
  char kind;
  std::string_view name;
};

constexpr std::array kRefusedKinds = {
    RefusedKind{'c', "complex"},     RefusedKind{'O', "Python object"},  RefusedKind{'S', "byte string"},
    RefusedKind{'a', "byte string"}, RefusedKind{'U', "unicode string"}, RefusedKind{'V', "structured or raw"},
    RefusedKind{'M', "datetime"},    RefusedKind{'m', "timedelta"},      RefusedKind{'f', "extended float"},
};

// The few Python literals a header consists of.
class LiteralReader {
 public:
  LiteralReader(std::string_view text, std::uint64_t offset) : text_(text), offset_(offset) {}

  [[nodiscard]] std::unexpected<Error> expected(std::string_view what) const {
    const std::string found =
        at_ < text_.size() ? fmt::format("{:#04x}", static_cast<unsigned char>(text_[at_])) : "its end";
    return fail_at(position(), fmt::format("header: expected {}, found {}", what, found));
  }
  [[nodiscard]] std::uint64_t position() const { return offset_ + at_; }
  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }

  void skip_space() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }

  // Skips space, then takes `token` if it follows.
  bool take(std::string_view token) {
    skip_space();
    if (!text_.substr(at_).starts_with(token)) {
      return false;
    }
    at_ += token.size();
    return true;
  }

  Result<std::string_view> string(std::string_view what) {
    skip_space();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"') {
      return expected(what);
    }
    const std::size_t end = text_.find_first_of(quote == '"' ? "\"\\\n" : "'\\\n", at_ + 1);
    if (end == std::string_view::npos || text_[end] != quote) {
      return fail_at(position(), fmt::format("header: {} is not a plain quoted string", what));
    }
    const std::string_view value = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return value;
  }

  // Python 2 marked some with a trailing L.
  Result<std::int64_t> extent() {
    skip_space();
    const std::size_t start = at_;
    std::int64_t value = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      const int digit = text_[at_] - '0';
      if (value > (std::numeric_limits<std::int64_t>::max() - digit) / 10) {
        return fail_at(offset_ + start, "header: an extent is beyond 2^63");
      }
      value = value * 10 + digit;
    }
    if (at_ == start || (text_[start] == '0' && at_ - start > 1)) {
      at_ = start;
      return expected("an extent of the shape (a decimal number without sign)");
    }
    if (at_ < text_.size() && text_[at_] == 'L') {
      ++at_;
    }
    return value;
  }

 private:
  std::string_view text_;
  std::uint64_t offset_;
  std::size_t at_ = 0;
};

std::string printable(std::string_view text) {
  std::string result;
  for (const char c : text.substr(0, 40)) {
    result += c >= ' ' && c <= '~' ? c : '?';
  }
  return result;
}

Result<void> read_dtype(LiteralReader& reader, NpyHeader& header) {
  reader.skip_space();
  const std::uint64_t offset = reader.position();
  if (reader.take("[") || reader.take("(")) {
    return fail_at(offset, "structured dtypes are not tensors", ErrorCategory::unsupported);
  }
  OPENANE_TRY(const std::string_view text, reader.string("a dtype"));
  const bool has_order = !text.empty() && std::string_view("<>=|").contains(text[0]);
  const std::string_view name = text.substr(has_order ? 1 : 0);
  if (const auto* found = std::ranges::find(kDtypes, name, &Dtype::name); found != kDtypes.end()) {
    header.type = found->type;
    header.is_big_endian = text[0] == '>';
    return {};
  }
  const char kind = name.empty() ? '\0' : name[0];
  if (const auto* refused = std::ranges::find(kRefusedKinds, kind, &RefusedKind::kind);
      refused != kRefusedKinds.end()) {
    return fail_at(offset,
                   fmt::format("dtype '{}' ({}) is no element type of a tensor", printable(text), refused->name),
                   ErrorCategory::unsupported);
  }
  return fail_at(offset, fmt::format("unknown dtype '{}'", printable(text)), ErrorCategory::unsupported);
}

Result<void> read_fortran_order(LiteralReader& reader, NpyHeader& header) {
  header.is_fortran_order = reader.take("True");
  if (!header.is_fortran_order && !reader.take("False")) {
    return reader.expected("True or False for fortran_order");
  }
  return {};
}

Result<void> read_shape(LiteralReader& reader, NpyHeader& header) {
  if (!reader.take("(")) {
    return reader.expected("a tuple for the shape");
  }
  while (!reader.take(")")) {
    OPENANE_TRY(const std::int64_t extent, reader.extent());
    header.shape.push_back(extent);
    if (reader.take(",")) {
      continue;
    }
    if (header.shape.size() < 2) {
      return reader.expected("',': a tuple of one element needs it");
    }
    if (!reader.take(")")) {
      return reader.expected("',' or ')'");
    }
    break;
  }
  return {};
}

struct Key {
  std::string_view name;
  Result<void> (*read)(LiteralReader&, NpyHeader&);
};
constexpr std::array kKeys = {Key{"descr", read_dtype}, Key{"fortran_order", read_fortran_order},
                              Key{"shape", read_shape}};

Result<void> read_dictionary(LiteralReader& reader, NpyHeader& header) {
  std::array<bool, kKeys.size()> seen{};
  if (!reader.take("{")) {
    return reader.expected("a dictionary");
  }
  while (!reader.take("}")) {
    const std::uint64_t offset = reader.position();
    OPENANE_TRY(const std::string_view name, reader.string("a key"));
    const auto* key = std::ranges::find(kKeys, name, &Key::name);
    if (key == kKeys.end()) {
      return fail_at(offset, fmt::format("header: unknown key '{}'", printable(name)));
    }
    if (std::exchange(seen[static_cast<std::size_t>(key - kKeys.begin())], true)) {
      return fail_at(offset, fmt::format("header: key '{}' occurs twice", name));
    }
    if (!reader.take(":")) {
      return reader.expected("':'");
    }
    OPENANE_CHECK(key->read(reader, header));
    if (reader.take(",")) {
      continue;
    }
    if (!reader.take("}")) {
      return reader.expected("',' or '}'");
    }
    break;
  }
  reader.skip_space();
  if (!reader.at_end()) {
    return reader.expected("nothing after the dictionary");
  }
  if (const auto missing = std::ranges::find(seen, false); missing != seen.end()) {
    return fail_at(reader.position(), fmt::format("header: key '{}' is missing",
                                                  kKeys[static_cast<std::size_t>(missing - seen.begin())].name));
  }
  return {};
}

struct HeaderText {
  std::uint64_t offset;
  std::string_view text;
};

Result<HeaderText> find_header_text(std::span<const std::uint8_t> data) {
  const ByteReader reader(data);
  OPENANE_TRY(const auto magic, reader.bytes(0, kMagic.size(), "the magic of a .npy file"));
  if (!std::ranges::equal(magic, kMagic, {}, {}, [](char c) { return static_cast<std::uint8_t>(c); })) {
    return fail_at(0, "not a .npy file: it does not begin with \\x93NUMPY");
  }
  OPENANE_TRY(const auto major, reader.read<std::uint8_t>(kVersionOffset, "the version"));
  OPENANE_TRY(const auto minor, reader.read<std::uint8_t>(kVersionOffset + 1, "the version"));
  if (major < 1 || major > 3 || minor != 0) {
    return fail_at(kVersionOffset, fmt::format(".npy version {}.{}, expected 1.0, 2.0 or 3.0", major, minor),
                   ErrorCategory::unsupported);
  }
  std::uint64_t length = 0;
  std::uint64_t offset = kLengthOffset;
  if (major == 1) {
    OPENANE_TRY(length, reader.read<std::uint16_t>(kLengthOffset, "the header's length"));
    offset += sizeof(std::uint16_t);
  } else {
    OPENANE_TRY(length, reader.read<std::uint32_t>(kLengthOffset, "the header's length"));
    offset += sizeof(std::uint32_t);
  }
  OPENANE_TRY(const auto text, reader.bytes(offset, length, "the header"));
  return HeaderText{offset, {reinterpret_cast<const char*>(text.data()), text.size()}};
}

std::optional<std::string_view> dtype_name(ElementType type) {
  const auto* found = std::ranges::find(kDtypes, type, &Dtype::type);
  return found == kDtypes.end() ? std::nullopt : std::optional(found->name);
}

void append_le(std::string& text, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    text += static_cast<char>(value >> (8 * i));
  }
}

}  // namespace

Result<NpyHeader> parse_npy_header(std::span<const std::uint8_t> data) {
  OPENANE_TRY(const HeaderText found, find_header_text(data));
  LiteralReader reader(found.text, found.offset);
  NpyHeader header;
  OPENANE_CHECK(read_dictionary(reader, header));
  header.data_offset = found.offset + found.text.size();
  return header;
}

Result<std::string> format_npy_header(ElementType type, const Shape& shape) {
  const auto name = dtype_name(type);
  if (!name) {
    return fail(ErrorCategory::unsupported, fmt::format("NumPy has no dtype for {}", to_string(type)));
  }
  OPENANE_CHECK(element_count(shape));
  std::string text =
      fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}{}), }}", name->ends_with('1') ? '|' : '<',
                  *name, fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  if (!shape.empty()) {
    text.append(kGrowthDigits - std::min(kGrowthDigits, fmt::formatted_size("{}", shape[0])), ' ');
  }
  for (const std::size_t length_bytes : {sizeof(std::uint16_t), sizeof(std::uint32_t)}) {
    const std::size_t before = kLengthOffset + length_bytes;
    // A full line of padding where none is needed: so does NumPy.
    const std::size_t padding = kAlignment - (before + text.size() + 1) % kAlignment;
    const std::size_t length = text.size() + padding + 1;
    if (length_bytes == sizeof(std::uint16_t) && length > std::numeric_limits<std::uint16_t>::max()) {
      continue;
    }
    std::string header(kMagic);
    header += length_bytes == sizeof(std::uint16_t) ? '\1' : '\2';
    header += '\0';
    append_le(header, length, length_bytes);
    return header + text + std::string(padding, ' ') + '\n';
  }
  return fail(ErrorCategory::unsupported, "the shape is too long for a .npy header");
}

}  // namespace openane
