// Nonlinear tables by name: the tables of h13-isa.md 8, most of them from a formula that gives every half-word exactly.
//
// A table is 64 half-words: saturation points x0, x1 and the values y0, y1 beyond them; 33 knots; a line left and a
// line right of the knots; the binary logarithm of the knots' density; a mode. Apple's compiler adjusts the knots of
// gelu and silu; their words stand here as they were found.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "openane/error.h"

namespace openane::h13 {

using TableWords = std::array<std::uint16_t, 64>;

struct TableFormula {
  std::string_view name;
  std::string_view parameters;  ///< Their names, with blanks between; empty for none.
  std::string_view meaning;
};

[[nodiscard]] std::span<const TableFormula> table_formulas();
/// The table of that name. Fails with `usage` on an unknown name or a wrong number of parameters.
[[nodiscard]] Result<TableWords> build_table(std::string_view name, std::span<const double> parameters = {});

/// What `build_table` takes to make these words ("sigmoid", "clamp 0 6"); empty when no formula makes them.
[[nodiscard]] std::string recognise_table(std::span<const std::uint16_t, 64> words);
/// Range, symmetry, function and spacing, for tables without a formula: "odd, 32 steps of 0.25 from 0, ...".
[[nodiscard]] std::string describe_table(std::span<const std::uint16_t, 64> words);

}  // namespace openane::h13
