// Words that the text, the JSON and the pages of the reference share.
#pragma once

#include <span>
#include <string>

#include "openane/isa_reference.h"

namespace openane {

/// "CoeffSize0..15", or the register's own name.
[[nodiscard]] std::string run_name(std::span<const Register> run);
/// "[5:0]"
[[nodiscard]] std::string bits_of(const Field& field);
/// "31:17, 5"
[[nodiscard]] std::string bit_ranges(std::uint32_t bits);
/// "signed", "fp16", "x 64 bytes"; empty for a plain number.
[[nodiscard]] std::string type_of(const Field& field);
/// "0 uint8, 1 int8"
[[nodiscard]] std::string enumerators_of(const Field& field);
/// What the table says about a field's part in results; empty when it says nothing.
[[nodiscard]] std::string effect_of(const Field& field);
[[nodiscard]] std::string relocation_of(const Register& row);
[[nodiscard]] std::string stream_of(const Generation& generation);

}  // namespace openane
