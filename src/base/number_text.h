// Numbers as text: what assembly and operation text write, and read back to the same bits.
//
// Integers are decimal, 0x or 0b. Reals are decimal or hexadecimal floats (0x1.8p-3), `inf`, `-inf`, or `bits(0x7e01)`,
// which names an fp16 or fp32 by its bits (the only way to write a NaN).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "openane/half.h"

namespace openane {

[[nodiscard]] std::optional<std::uint64_t> parse_unsigned(std::string_view text);
[[nodiscard]] std::optional<std::int64_t> parse_signed(std::string_view text);
/// Correctly rounded to the nearest, ties to even.
[[nodiscard]] std::optional<Half> parse_half(std::string_view text);
[[nodiscard]] std::optional<float> parse_float(std::string_view text);

/// Rounds half to even in one step (going through float would round twice).
[[nodiscard]] Half round_to_half(double value);

/// The shortest text that `parse_half` / `parse_float` reads back to the same bits.
void append_half(std::string& out, Half value);
void append_float(std::string& out, float value);
void append_hex(std::string& out, std::uint64_t value);  ///< "0x1f"
void append_decimal(std::string& out, std::uint64_t value);

}  // namespace openane
