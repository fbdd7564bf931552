// A nonlinear table made ready for many evaluations: its half-words decoded once.
#pragma once

#include <array>
#include <cstdint>

#include "openane/emulator.h"

namespace openane::emulator {

class PreparedTable {
 public:
  /// The table must have passed `LookupTable::check`.
  explicit PreparedTable(const LookupTable& table);
  /// As `LookupTable::evaluate`. `x` may also be infinite, which is what the output clamp of the h13 model leaves.
  [[nodiscard]] float evaluate(float x) const;

 private:
  enum class Symmetry : std::uint8_t { none, odd, positive };

  [[nodiscard]] float interpolate(float steps, int origin) const;
  [[nodiscard]] float inside(float z) const;

  std::array<float, 33> knots_{};
  float low_ = 0, high_ = 0;     ///< Saturation inputs.
  float below_ = 0, above_ = 0;  ///< Values at and beyond them.
  float left_slope_ = 0, left_offset_ = 0;
  float right_slope_ = 0, right_offset_ = 0;
  float per_unit_ = 1;  ///< Knots per unit of x: 2^e.
  std::uint8_t function_ = 0;
  Symmetry symmetry_ = Symmetry::none;
};

}  // namespace openane::emulator
