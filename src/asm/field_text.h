// Values of register fields as text, and back: enumerators by name, fp16 and fp32 as numbers, fields with a unit in
// bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "openane/error.h"
#include "openane/register_table.h"

namespace openane {

/// `raw` is the field's bits, shifted down.
void append_field_value(std::string& out, const Field& field, std::uint32_t raw);
/// The inverse. The error's message says what the field takes; it has no location.
[[nodiscard]] Result<std::uint32_t> parse_field_value(const Field& field, std::string_view text);

/// "Common.InDim" or "Header6"; "register 0x12340" for an address outside the table.
void append_register_name(std::string& out, const Generation& generation, std::uint32_t address, bool in_header);
[[nodiscard]] std::string register_name(const Generation& generation, std::uint32_t address, bool in_header);

/// "0x02000001" with all eight digits.
void append_word(std::string& out, std::uint32_t word);

/// Appends "Win 512, Hin 32, unnamed 0x8000": every nonzero field, then the bits that no field covers. "0" for a zero
/// word.
void append_word_fields(std::string& out, const Register* row, std::uint32_t word);

}  // namespace openane
