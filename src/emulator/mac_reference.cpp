// The models.
//
// ideal: fp32, one addition per term in stream order. Products of two fp16 numbers are exact in fp32 (11 + 11
// significant bits), so fused and separate multiply-add agree.
//
// h13 (h13-isa.md 9): nobody has published the arithmetic of the multiply-accumulate array; this is a model that
// reproduces every published reading of an M1:
//   - sums of up to 16000 ones are exact;
//   - of [B, -B, 1] or [B, 1, -B], sixteen times, 16 ones remain for B <= 4090 and exactly 4 for 4096 <= B <= 30000;
//   - 4096 followed by 1024 ones gives 5116 (the first three ones are lost: 5117, in fp16 5116);
//   - 32752 passes, 32768 and beyond is infinity, also when only a partial sum gets there; a single product is exempt;
//   - two denormals summed give +0.
// What the readings leave open is decided by these hypotheses, each in one place of this file:
//   H1  lanes: a tile is four terms with consecutive k.
//   H2  products enter a tile exact (22 significant bits), not rounded to 11 or 12 bits first.
//   H3  an addition aligns both operands to the exponent of the larger one and cuts them, toward zero, to 12
//   significant bits; the sum
//       keeps its carry bit until it becomes an operand again.
//   H4  the last tile is filled up with zeros, which take part like any other term.
//   H5  tile sums are added in IEEE fp32.
//   H6  the clamp watches every partial sum: after each term of a tile and after each tile. The first one to reach 2^15
//   decides the
//       sign of the infinity, which stays.
//   H7  the denormal flush is at the input: fp16 denormal elements and weights count as 0.
//   H8  a sum of one term (1x1, one input channel) is not a reduction: none of the above applies, the product is exact.
#include "emulator/mac_reference.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>

namespace openane {
namespace {

constexpr int kTileTerms = 4;
constexpr int kOperandBits = 12;
constexpr float kClamp = 32768.0F;
constexpr float kSmallestNormal = 0x1p-14F;

/// significand * 2^exponent.
struct Exact {
  std::int64_t significand = 0;
  int exponent = 0;

  [[nodiscard]] int bit_count() const {
    return static_cast<int>(std::bit_width(static_cast<std::uint64_t>(std::llabs(significand))));
  }
  /// Of the leading bit; only for nonzero values.
  [[nodiscard]] int leading() const { return exponent + bit_count() - 1; }
  [[nodiscard]] float value() const { return std::ldexp(static_cast<float>(significand), exponent); }
};

Exact decode(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::int64_t magnitude = (bits & 0x7fffffU) | 0x800000U;
  if (std::fabs(value) < kSmallestNormal) {
    return {};  // H7
  }
  return {(bits >> 31) != 0 ? -magnitude : magnitude, static_cast<int>((bits >> 23) & 0xffU) - 150};
}

Exact multiply(Exact a, Exact b) { return {a.significand * b.significand, a.exponent + b.exponent}; }  // H2

/// The operand in units of 2^unit, cut toward zero.
std::int64_t align(Exact operand, int unit) {
  const int shift = unit - operand.exponent;
  if (shift <= 0) {
    return operand.significand << -shift;
  }
  if (shift >= 63) {
    return 0;
  }
  const std::int64_t cut = std::llabs(operand.significand) >> shift;
  return operand.significand < 0 ? -cut : cut;
}

/// H3.
Exact add(Exact a, Exact b) {
  if (a.significand == 0 && b.significand == 0) {
    return {};
  }
  const int leading = a.significand == 0   ? b.leading()
                      : b.significand == 0 ? a.leading()
                                           : std::max(a.leading(), b.leading());
  const int unit = leading - (kOperandBits - 1);
  return {align(a, unit) + align(b, unit), unit};
}

float h13_sum(std::span<const float> x, std::span<const float> w) {
  if (x.size() == 1) {
    return 0.0F + x[0] * w[0];  // H8; a sum starts at +0
  }
  float total = 0;
  for (std::size_t first = 0; first < x.size(); first += kTileTerms) {
    Exact tile;
    for (std::size_t k = first; k < first + kTileTerms; ++k) {
      const Exact product = k < x.size() ? multiply(decode(x[k]), decode(w[k])) : Exact{};  // H1, H4
      tile = k == first ? product : add(tile, product);
      if (std::fabs(tile.value()) >= kClamp) {  // H6
        return std::copysign(std::numeric_limits<float>::infinity(), tile.value());
      }
    }
    total += tile.value();  // H5
    if (std::fabs(total) >= kClamp) {
      return std::copysign(std::numeric_limits<float>::infinity(), total);
    }
  }
  return total;
}

float ideal_sum(std::span<const float> x, std::span<const float> w) {
  float total = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    total += x[k] * w[k];
  }
  return total;
}

}  // namespace

float mac_reference(Numerics numerics, std::span<const float> x, std::span<const float> w) {
  return numerics == Numerics::h13 ? h13_sum(x, w) : ideal_sum(x, w);
}

}  // namespace openane
