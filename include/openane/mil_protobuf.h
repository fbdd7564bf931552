// The protobuf form of an ML Program, as Core ML models carry it (facts/mil.md, section 5).
//
// Reading bounds what a hostile file can cost: messages nest at most 100 deep, and a program has at most
// kMaxProgramMessages of them (a message of two bytes takes a hundred in memory). Fields the format definition does not
// have are dropped and reported.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "openane/bytes.h"
#include "openane/error.h"
#include "openane/mil_program.h"

namespace openane::mil {

inline constexpr std::uint64_t kMaxProgramMessages = 16'000'000;

/// Reads the message `MILSpec.Program`. The version of the text form follows from the newest op set: 1.3 from ios18 on.
/// What the program form has no place for (unknown fields, doc strings of values, further specialisations of a
/// function) is reported in `losses`, one line each.
[[nodiscard]] Result<Program> parse_program_message(const Bytes& message, std::vector<std::string>* losses = nullptr);

/// Writes it as coremltools would: each element type in the field its readers expect, map entries sorted by key. Fails
/// when the program nests deeper than readers of protobuf accept.
[[nodiscard]] Result<std::vector<std::uint8_t>> format_program_message(const Program& program);

}  // namespace openane::mil
