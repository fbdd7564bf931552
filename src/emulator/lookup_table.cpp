// The nonlinear tables (h13-isa.md 8): 33 knots, a straight line on either side, two saturation points, and a code that
// says how the argument is reduced before it meets the knots.
//
// Arithmetic model: everything in fp32, one rounding to fp16 when the task writes. Nobody has published the engine's
// internal width; this one reproduces the published error figures and sigmoid(3) to the bit. Argument reduction is
// exact (frexp, ldexp, floor and multiplication by powers of two), so only the interpolation itself rounds.
#include "emulator/lookup_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace openane {
namespace {

// Half-words of a table, by index.
constexpr std::size_t kLow = 0, kHigh = 1, kBelow = 2, kAbove = 3, kFirstKnot = 4, kKnots = 33;
constexpr int kLastKnot = 32;
constexpr std::size_t kLeftSlope = 37, kLeftOffset = 38, kRightSlope = 39, kRightOffset = 40, kSpacing = 41, kMode = 42;
constexpr std::size_t kUsedWords = 43;

// Mode bits 3:0.
enum Function : std::uint8_t {
  from_zero = 0,
  centred = 1,
  to_zero = 2,
  fraction = 3,
  integer = 4,
  square_root = 5,
  reciprocal_square_root = 6,
  reciprocal = 7,
  logarithm = 9,
  exponential = 10,
};

/// Spacing codes that real tables have, for functions that reduce the argument to a fixed interval: another spacing
/// would put the interval somewhere else on the knots, and nobody has seen where.
std::optional<std::int16_t> required_spacing(std::uint32_t function) {
  switch (function) {
    case square_root:
    case reciprocal_square_root:
      return 4;
    case reciprocal:
    case logarithm:
      return 6;
    case exponential:
      return 5;
    default:
      return std::nullopt;
  }
}

std::unexpected<Error> unseen(std::string what) {
  return fail(ErrorCategory::missing_specification, "lookup table: " + std::move(what));
}

std::int16_t spacing_of(const LookupTable& table) { return static_cast<std::int16_t>(table.words[kSpacing]); }
float number(const LookupTable& table, std::size_t index) { return to_float(Half{table.words[index]}); }

Result<void> check_mode(const LookupTable& table) {
  const std::uint32_t mode = table.words[kMode];
  const std::uint32_t function = mode & 0xfu, symmetry = mode >> 5 & 7u;
  if ((mode & 0xff10u) != 0) {
    return unseen(fmt::format("half-word 42 is {:#06x}; only bits 3:0 and 7:5 have a meaning", mode));
  }
  if (function == 8 || function > exponential) {
    return unseen(fmt::format("function code {} in half-word 42; known are 0 to 7, 9 and 10", function));
  }
  if (symmetry != 0 && symmetry != 3 && symmetry != 6) {
    return unseen(fmt::format("symmetry code {} in half-word 42; known are 0, 3 and 6", symmetry));
  }
  const std::int16_t spacing = spacing_of(table);
  if (spacing < -64 || spacing > 64) {
    return unseen(fmt::format("knot spacing 2^{} in half-word 41; seen are 2^-64 to 2^1", -spacing));
  }
  if (const auto required = required_spacing(function); required && spacing != *required) {
    return unseen(
        fmt::format("function code {} with e = {} in half-word 41; only {} was seen", function, spacing, *required));
  }
  return {};
}

Result<void> check_numbers(const LookupTable& table) {
  for (std::size_t i = 0; i < kSpacing; ++i) {
    const float value = number(table, i);
    if (std::isnan(value) || (std::isinf(value) && i > kAbove)) {
      return unseen(
          fmt::format("half-word {} is {:#06x}, {}", i, table.words[i], i > kAbove ? "not a finite number" : "a NaN"));
    }
  }
  const std::uint32_t function = table.words[kMode] & 0xfu;
  const auto knots = std::span(table.words).subspan(kFirstKnot, kKnots);
  if ((function == fraction || function == integer) &&
      std::ranges::any_of(knots, [](std::uint16_t knot) { return (knot & 0x7fffu) != 0; })) {
    return unseen(fmt::format("function code {} with knots other than 0", function));
  }
  if (function >= square_root && function <= logarithm && number(table, kLow) < 0) {
    return unseen(
        fmt::format("function code {} with arguments below 0: half-word 0 is {}", function, number(table, kLow)));
  }
  return {};
}

}  // namespace

Result<void> LookupTable::check() const {
  OPENANE_CHECK(check_mode(*this));
  OPENANE_CHECK(check_numbers(*this));
  for (std::size_t i = kUsedWords; i < words.size(); ++i) {
    if (words[i] != 0) {
      return unseen(fmt::format("half-word {} is {:#06x}; 43 to 63 are 0 in every known table", i, words[i]));
    }
  }
  return {};
}

float LookupTable::evaluate(float x) const { return emulator::PreparedTable(*this).evaluate(x); }

namespace emulator {

PreparedTable::PreparedTable(const LookupTable& table)
    : low_(number(table, kLow)),
      high_(number(table, kHigh)),
      below_(number(table, kBelow)),
      above_(number(table, kAbove)),
      left_slope_(number(table, kLeftSlope)),
      left_offset_(number(table, kLeftOffset)),
      right_slope_(number(table, kRightSlope)),
      right_offset_(number(table, kRightOffset)),
      per_unit_(std::ldexp(1.0F, std::clamp<int>(spacing_of(table), -64, 64))),
      function_(table.words[kMode] & 0xfu) {
  for (std::size_t i = 0; i < kKnots; ++i) {
    knots_[i] = number(table, kFirstKnot + i);
  }
  const std::uint32_t symmetry = table.words[kMode] >> 5 & 7u;
  symmetry_ = symmetry == 3 ? Symmetry::odd : symmetry == 6 ? Symmetry::positive : Symmetry::none;
}

/// `steps` counts knots from knot number `origin`; the place must lie on the knots.
float PreparedTable::interpolate(float steps, int origin) const {
  const float whole = std::floor(steps);
  const int knot = std::clamp(static_cast<int>(whole) + origin, 0, kLastKnot);
  const float from = knots_[static_cast<std::size_t>(knot)];
  if (knot == kLastKnot) {
    return from;
  }
  return from + (knots_[static_cast<std::size_t>(knot) + 1] - from) * (steps - whole);
}

float PreparedTable::inside(float z) const {
  // 2^-512 and 2^512 are far outside fp32 and fp16, and keep the exponent an int.
  const auto exponent = [](float value) { return static_cast<int>(std::clamp(value, -512.0F, 512.0F)); };
  int n = 0;
  switch (function_) {
    case fraction:
      return z - std::floor(z);
    case integer:
      return std::floor(z);
    case square_root:
    case reciprocal_square_root: {
      // z = m * 4^n with m in [0.5, 2).
      float m = std::frexp(z, &n);
      if (n % 2 != 0) {
        m *= 2;
        n -= 1;
      }
      n /= 2;
      return std::ldexp(interpolate(m * per_unit_, 0), function_ == square_root ? n : -n);
    }
    case reciprocal: {
      const float m = std::frexp(z, &n);
      return std::ldexp(interpolate(m * per_unit_, -32), -n);
    }
    case logarithm: {
      const float m = std::frexp(z, &n);
      return interpolate(m * per_unit_, -32) + static_cast<float>(n);
    }
    case exponential: {
      const float whole = std::floor(z);
      return std::ldexp(interpolate((z - whole) * per_unit_, 0), exponent(whole));
    }
    default: {
      const int origin = function_ == from_zero ? 0 : function_ == centred ? 16 : 32;
      const float steps = z * per_unit_;
      return steps < static_cast<float>(-origin)              ? left_slope_ * z + left_offset_
             : steps > static_cast<float>(kLastKnot - origin) ? right_slope_ * z + right_offset_
                                                              : interpolate(steps, origin);
    }
  }
}

float PreparedTable::evaluate(float x) const {
  if (symmetry_ == Symmetry::positive && x < 0) {
    return 0;
  }
  const float z = symmetry_ == Symmetry::odd ? std::fabs(x) : x;
  const float y = z <= low_ ? below_ : z >= high_ ? above_ : inside(z);
  return symmetry_ == Symmetry::odd && x < 0 ? -y : y;
}

}  // namespace emulator
}  // namespace openane
