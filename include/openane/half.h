// fp16 (IEEE 754 binary16), the number the engine stores.
//
// Conversion to fp16 rounds half to even and keeps denormals; magnitudes that round beyond 65504 become infinity. The
// rules the *engine* applies at a surface's edge (NaN and infinity become +-65536 when read) are not here but in the
// emulator's numerics.
#pragma once

#include <bit>
#include <cstdint>
#include <span>

namespace openane {

/// The bits of an fp16 number.
struct Half {
  std::uint16_t bits = 0;
  friend bool operator==(Half, Half) = default;
};

/// Exact.
[[nodiscard]] constexpr float to_float(Half h) {
  const std::uint32_t sign = static_cast<std::uint32_t>(h.bits & 0x8000u) << 16;
  const std::uint32_t exponent = (h.bits >> 10) & 0x1fu;
  const std::uint32_t mantissa = h.bits & 0x3ffu;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
  }
  if (exponent == 31) {
    return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  }
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

/// Rounds half to even; a NaN stays a (quiet) NaN.
[[nodiscard]] constexpr Half to_half(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) {
    return {static_cast<std::uint16_t>(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu))};
  }
  if (magnitude >= 0x477ff000u) {  // 65520 and above round to infinity
    return {static_cast<std::uint16_t>(sign | 0x7c00u)};
  }
  if (magnitude < 0x38800000u) {  // below 2^-14: a denormal, in units of 2^-24
    const std::uint32_t shift = 126u - (magnitude >> 23);
    if (shift > 24u) {
      return {sign};
    }
    const std::uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
    const std::uint32_t rest = mantissa & ((1u << shift) - 1u);
    const std::uint32_t middle = 1u << (shift - 1u);
    std::uint32_t units = mantissa >> shift;
    units += (rest > middle || (rest == middle && (units & 1u) != 0)) ? 1u : 0u;
    return {static_cast<std::uint16_t>(sign | units)};
  }
  const std::uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u) - 0x38000000u;
  return {static_cast<std::uint16_t>(sign | (rounded >> 13))};
}

/// Converts `from.size()` numbers, vectorised; `to` must be as long. The same results as the functions above.
void convert(std::span<const Half> from, std::span<float> to);
void convert(std::span<const float> from, std::span<Half> to);

}  // namespace openane
