// The container that a program carries, as text: the file's bytes with holes where the task section and the constants
// go. Reading the filled file gives the carried container back, whatever its format keeps there.
//
//   container hwx {
//     hex cefaedfe 80000000
//     zero 0x3000
//     task_section 0x274
//     constants 0 0x80
//   }
#pragma once

#include <array>
#include <string>
#include <vector>

#include "asm/data_text.h"
#include "asm/source.h"
#include "openane/program.h"

namespace openane {

inline constexpr std::array<std::string_view, 4> kContainerNames = {"none", "hwx", "anec", "raw"};

struct CarriedPiece {
  enum class Kind : std::uint8_t { bytes, task_section, constants };
  Kind kind = Kind::bytes;
  std::vector<std::uint8_t> bytes;
  std::size_t index = 0;   ///< Of the section of constants.
  std::uint64_t size = 0;  ///< Of the hole.
};
using CarriedText = std::vector<CarriedPiece>;

/// The statements inside `container ... {`; errors go to the source.
[[nodiscard]] CarriedText parse_carried(Source& source, ExpansionBudget& budget, const Word& opening);
/// The container's file, filled and read. Fails when a hole has another size than what goes there.
[[nodiscard]] Result<Program> rebuild_carrier(const CarriedText& carried, std::span<const std::uint8_t> task_section,
                                              const Program& program);

/// The carried file of a program as pieces; empty when it carries none.
[[nodiscard]] Result<CarriedText> split_carrier(const Program& program);
/// Appends the whole `container` statement; nothing for a program without a container.
[[nodiscard]] Result<void> append_carried(std::string& out, const Program& program, ExpansionBudget& budget);

}  // namespace openane
