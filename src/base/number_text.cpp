#include "base/number_text.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <system_error>

namespace openane {
namespace {

template <typename T>
std::optional<T> parse_whole(std::string_view digits, int base) {
  T value{};
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  return code == std::errc{} && end == digits.data() + digits.size() ? std::optional<T>(value) : std::nullopt;
}

/// The digits after a prefix, and their base.
int take_base(std::string_view& text) {
  if (text.starts_with("0x") || text.starts_with("0X")) {
    text.remove_prefix(2);
    return 16;
  }
  if (text.starts_with("0b") || text.starts_with("0B")) {
    text.remove_prefix(2);
    return 2;
  }
  return 10;
}

std::optional<std::uint32_t> parse_bits(std::string_view text, std::uint32_t limit) {
  if (!text.starts_with("bits(") || !text.ends_with(')')) {
    return std::nullopt;
  }
  const std::optional<std::uint64_t> value = parse_unsigned(text.substr(5, text.size() - 6));
  return value && *value <= limit ? std::optional(static_cast<std::uint32_t>(*value)) : std::nullopt;
}

std::optional<double> parse_double(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) {
    text.remove_prefix(1);
  }
  if (text.empty() || (text[0] != '.' && text[0] != 'i' && (text[0] < '0' || text[0] > '9'))) {
    return std::nullopt;
  }
  double value = 0;
  const int base = take_base(text);
  if (base == 2) {
    const std::optional<std::uint64_t> whole = parse_whole<std::uint64_t>(text, 2);
    if (!whole) {
      return std::nullopt;
    }
    value = static_cast<double>(*whole);
  } else {
    const std::chars_format format = base == 16 ? std::chars_format::hex : std::chars_format::general;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, format);
    if (code != std::errc{} || end != text.data() + text.size() || std::isnan(value)) {
      return std::nullopt;
    }
  }
  return negative ? -value : value;
}

}  // namespace

std::optional<std::uint64_t> parse_unsigned(std::string_view text) {
  const int base = take_base(text);
  return parse_whole<std::uint64_t>(text, base);
}

std::optional<std::int64_t> parse_signed(std::string_view text) {
  const bool negative = text.starts_with('-');
  const std::optional<std::uint64_t> magnitude = parse_unsigned(text.substr(negative ? 1 : 0));
  if (!magnitude || *magnitude > (std::uint64_t{1} << 62)) {
    return std::nullopt;
  }
  const auto value = static_cast<std::int64_t>(*magnitude);
  return negative ? -value : value;
}

Half round_to_half(double value) {
  auto narrow = static_cast<float>(value);
  if (std::isfinite(narrow) && static_cast<double>(narrow) != value) {
    // Round to odd: the last bit remembers that something was cut off, so that the second rounding sees no false tie.
    auto bits = std::bit_cast<std::uint32_t>(narrow);
    if (std::abs(static_cast<double>(narrow)) > std::abs(value)) {
      --bits;
    }
    narrow = std::bit_cast<float>(bits | 1u);
  }
  return to_half(narrow);
}

std::optional<Half> parse_half(std::string_view text) {
  if (const std::optional<std::uint32_t> bits = parse_bits(text, 0xffffu)) {
    return Half{static_cast<std::uint16_t>(*bits)};
  }
  const std::optional<double> value = parse_double(text);
  return value ? std::optional(round_to_half(*value)) : std::nullopt;
}

std::optional<float> parse_float(std::string_view text) {
  if (const std::optional<std::uint32_t> bits = parse_bits(text, 0xffffffffu)) {
    return std::bit_cast<float>(*bits);
  }
  const std::optional<double> value = parse_double(text);
  return value ? std::optional(static_cast<float>(*value)) : std::nullopt;
}

void append_hex(std::string& out, std::uint64_t value) {
  std::array<char, 18> buffer{};
  char* at = buffer.data() + buffer.size();
  do {
    *--at = "0123456789abcdef"[value & 15u];
    value >>= 4;
  } while (value != 0);
  *--at = 'x';
  *--at = '0';
  out.append(at, buffer.data() + buffer.size());
}

void append_decimal(std::string& out, std::uint64_t value) {
  const fmt::format_int text(value);
  out.append(text.data(), text.size());
}

void append_half(std::string& out, Half value) {
  if ((value.bits & 0x7c00u) == 0x7c00u) {
    if ((value.bits & 0x3ffu) != 0) {
      out += "bits(";
      append_hex(out, value.bits);
      out += ')';
    } else {
      out += (value.bits & 0x8000u) != 0 ? "-inf" : "inf";
    }
    return;
  }
  const auto number = static_cast<double>(to_float(value));
  if (std::abs(number) < 2048 && number == std::trunc(number)) {
    out += std::signbit(number) ? "-" : "";
    append_decimal(out, static_cast<std::uint64_t>(std::abs(number)));
    return;
  }
  std::array<char, 32> buffer{};
  for (int digits = 1;; ++digits) {  // five always suffice
    const auto end = fmt::format_to_n(buffer.data(), buffer.size(), "{:.{}g}", number, digits).out;
    const std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
    if (digits >= 9 || parse_half(text) == value) {
      out += text;
      return;
    }
  }
}

void append_float(std::string& out, float value) {
  if (std::isnan(value)) {
    out += "bits(";
    append_hex(out, std::bit_cast<std::uint32_t>(value));
    out += ')';
    return;
  }
  fmt::format_to(std::back_inserter(out), "{}", value);
}

}  // namespace openane
