#include "asm/field_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <vector>

#include "base/number_text.h"
#include "base/quote.h"
#include "base/words.h"

namespace openane {
namespace {

/// Wider fields are masks and addresses, narrower ones counts.
constexpr std::uint32_t kDecimalWidth = 17;

std::uint32_t field_limit(const Field& field) { return field.mask() >> field.lsb; }

std::string expected_values(const Field& field) {
  switch (field.type) {
    case FieldType::fp16:
    case FieldType::fp32:
    case FieldType::fp32_top19:
      return "a number";
    case FieldType::signed_integer:
      return fmt::format("a number from {} to {}", -(std::int64_t{1} << (field.width - 1)),
                         (std::int64_t{1} << (field.width - 1)) - 1);
    case FieldType::unsigned_integer:
      break;
  }
  std::string names;
  for (const Enumerator& enumerator : field.enumerators) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", enumerator.name);
  }
  if (!names.empty()) {
    return fmt::format("{} or a number up to {}", names, field_limit(field));
  }
  return field.unit == 1 ? fmt::format("a number up to {:#x}", field_limit(field))
                         : fmt::format("bytes, a multiple of {} up to {:#x}", field.unit,
                                       std::uint64_t{field_limit(field)} * field.unit);
}

std::optional<std::uint32_t> parse_value(const Field& field, std::string_view text) {
  switch (field.type) {
    case FieldType::fp16: {
      const std::optional<Half> value = parse_half(text);
      return value ? std::optional<std::uint32_t>(value->bits) : std::nullopt;
    }
    case FieldType::fp32:
    case FieldType::fp32_top19: {
      const std::optional<float> value = parse_float(text);
      return value ? std::optional(std::bit_cast<std::uint32_t>(*value)) : std::nullopt;
    }
    case FieldType::signed_integer: {
      const std::optional<std::int64_t> value = parse_signed(text);
      const std::int64_t half = std::int64_t{1} << (field.width - 1);
      return value && *value >= -half && *value < half
                 ? std::optional(static_cast<std::uint32_t>(*value) & field_limit(field))
                 : std::nullopt;
    }
    case FieldType::unsigned_integer:
      break;
  }
  const auto named = std::ranges::find(field.enumerators, text, &Enumerator::name);
  if (named != field.enumerators.end()) {
    return named->value;
  }
  const std::optional<std::uint64_t> value = parse_unsigned(text);
  return value && *value % field.unit == 0 && *value / field.unit <= field_limit(field)
             ? std::optional(static_cast<std::uint32_t>(*value / field.unit))
             : std::nullopt;
}

}  // namespace

void append_field_value(std::string& out, const Field& field, std::uint32_t raw) {
  switch (field.type) {
    case FieldType::fp16:
      append_half(out, Half{static_cast<std::uint16_t>(raw)});
      return;
    case FieldType::fp32:
    case FieldType::fp32_top19:  // the low 13 bits are 0 in real programs; where they are not, they stay
      append_float(out, std::bit_cast<float>(raw));
      return;
    case FieldType::signed_integer: {
      const std::uint32_t unused = 32u - field.width;
      const std::int32_t value = static_cast<std::int32_t>(raw << unused) >> unused;
      out += value < 0 ? "-" : "";
      append_decimal(out, value < 0 ? -std::int64_t{value} : value);
      return;
    }
    case FieldType::unsigned_integer:
      break;
  }
  for (const Enumerator& enumerator : field.enumerators) {
    if (enumerator.value == raw) {
      out += enumerator.name;
      return;
    }
  }
  if (field.unit != 1) {
    append_hex(out, std::uint64_t{raw} * field.unit);
  } else if (field.width <= kDecimalWidth) {
    append_decimal(out, raw);
  } else {
    append_hex(out, raw);
  }
}

Result<std::uint32_t> parse_field_value(const Field& field, std::string_view text) {
  if (const std::optional<std::uint32_t> value = parse_value(field, text)) {
    return *value;
  }
  std::vector<std::string_view> names;
  for (const Enumerator& enumerator : field.enumerators) {
    names.push_back(enumerator.name);
  }
  return fail(ErrorCategory::malformed_input, fmt::format("{} takes {}, got {}{}", field.name, expected_values(field),
                                                          quoted(text), suggestion(text, names)));
}

void append_register_name(std::string& out, const Generation& generation, std::uint32_t address, bool in_header) {
  if (in_header) {
    if (address / 4 < generation.header.size()) {
      out += generation.header[address / 4].name;
    } else {
      out += "header word ";
      append_decimal(out, address / 4);
    }
    return;
  }
  const Block* block = generation.block_of(address);
  const Register* row = generation.find(address);
  if (row == nullptr) {
    out += "register ";
    append_hex(out, address);
    return;
  }
  out += block->name;
  out += '.';
  out += row->name;
}

std::string register_name(const Generation& generation, std::uint32_t address, bool in_header) {
  std::string name;
  append_register_name(name, generation, address, in_header);
  return name;
}

void append_word(std::string& out, std::uint32_t word) {
  std::array<char, 10> digits = {'0', 'x'};
  for (std::size_t i = 0; i < 8; ++i) {
    digits[2 + i] = "0123456789abcdef"[(word >> (28 - 4 * i)) & 15u];
  }
  out.append(digits.data(), digits.size());
}

void append_word_fields(std::string& out, const Register* row, std::uint32_t word) {
  if (word == 0) {
    out += '0';
    return;
  }
  std::uint32_t unnamed = word;
  std::string_view comma;
  if (row != nullptr) {
    for (const Field& field : row->fields) {
      unnamed &= ~field.mask();
      if (const std::uint32_t raw = field.get(word); raw != 0) {
        out += comma;
        out += field.name;
        out += ' ';
        append_field_value(out, field, raw);
        comma = ", ";
      }
    }
  }
  if (unnamed != 0) {
    if (unnamed == word) {
      append_hex(out, word);
    } else {
      out += comma;
      out += "unnamed ";
      append_hex(out, unnamed);
    }
  }
}

}  // namespace openane
