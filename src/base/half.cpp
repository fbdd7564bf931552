// Vectorised fp16 conversion, compiled once per SIMD target and chosen when the program runs.
//
// The results are the bits of the constexpr functions in half.h on every target, which not every native conversion
// gives: fp16 -> fp32 makes a signalling NaN quiet on x86 and Arm, and Highway's own emulation for targets without F16C
// truncates and flushes denormals. So both directions are integer code, except on x86 with F16C: there fp32 -> fp16 is
// ours bit for bit, and fp16 -> fp32 is unless a vector holds a NaN.
#include "openane/half.h"

#include <cstring>

#include "base/half_bytes.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "base/half.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace openane::HWY_NAMESPACE {
namespace {

#if HWY_TARGET != HWY_SCALAR

namespace hn = hwy::HWY_NAMESPACE;

using Words = hn::ScalableTag<std::uint32_t>;
using Floats = hn::Rebind<float, Words>;
using Integers = hn::Rebind<std::int32_t, Words>;
using HalfWords = hn::Rebind<std::uint16_t, Words>;

#undef OPENANE_HAS_F16C
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2 && !defined(HWY_DISABLE_F16C)
#define OPENANE_HAS_F16C 1
#else
#define OPENANE_HAS_F16C 0
#endif

// One vector of fp16 bits to as many float bits.
HWY_INLINE hn::Vec<Words> widen_integer(hn::Vec<HalfWords> half) {
  const Words words;
  const Floats floats;
  const auto bits = hn::PromoteTo(words, half);
  const auto sign = hn::ShiftLeft<16>(hn::And(bits, hn::Set(words, 0x8000u)));
  const auto magnitude = hn::ShiftLeft<13>(hn::And(bits, hn::Set(words, 0x7fffu)));
  const auto exponent = hn::And(magnitude, hn::Set(words, 0x0f800000u));
  const auto bias = hn::Set(words, 112u << 23);
  const auto normal = hn::Add(magnitude, bias);
  const auto special = hn::Add(normal, bias);
  // A denormal is its mantissa below 2^-14: give it that exponent, take 2^-14 away again.
  const auto lifted = hn::BitCast(floats, hn::Add(magnitude, hn::Set(words, 113u << 23)));
  const auto denormal = hn::BitCast(words, hn::Sub(lifted, hn::Set(floats, 0x1p-14F)));
  const auto small = hn::IfThenElse(hn::Eq(exponent, hn::Zero(words)), denormal, normal);
  return hn::Or(hn::IfThenElse(hn::Eq(exponent, hn::Set(words, 0x0f800000u)), special, small), sign);
}

HWY_INLINE hn::Vec<Words> widen(hn::Vec<HalfWords> half) {
#if OPENANE_HAS_F16C
  const hn::Rebind<hwy::float16_t, Words> halves;
  const auto value = hn::PromoteTo(Floats(), hn::BitCast(halves, half));
  if (HWY_LIKELY(hn::AllFalse(Floats(), hn::IsNaN(value)))) {
    return hn::BitCast(Words(), value);
  }
#endif
  return widen_integer(half);
}

// One vector of floats to as many fp16 bits.
HWY_INLINE hn::Vec<HalfWords> narrow(hn::Vec<Words> bits) {
  const Floats floats;
  const HalfWords half_words;
#if OPENANE_HAS_F16C
  const hn::Rebind<hwy::float16_t, Words> halves;
  return hn::BitCast(half_words, hn::DemoteTo(halves, hn::BitCast(floats, bits)));
#else
  const Words words;
  const Integers integers;
  const auto sign = hn::And(hn::ShiftRight<16>(bits), hn::Set(words, 0x8000u));
  const auto magnitude = hn::And(bits, hn::Set(words, 0x7fffffffu));
  const auto mantissa = hn::ShiftRight<13>(magnitude);
  const auto odd = hn::And(mantissa, hn::Set(words, 1u));
  const auto rounded = hn::Add(hn::Add(magnitude, odd), hn::Set(words, 0xfffu - 0x38000000u));
  const auto normal = hn::ShiftRight<13>(rounded);
  // The last bit of 0.5 weighs 2^-24, the unit of fp16's denormals: the addition does the rounding.
  const auto half = hn::Set(floats, 0.5F);
  const auto raised = hn::BitCast(words, hn::Add(hn::BitCast(floats, magnitude), half));
  const auto denormal = hn::Sub(raised, hn::BitCast(words, half));
  const auto nan = hn::Or(hn::And(mantissa, hn::Set(words, 0x3ffu)), hn::Set(words, 0x7e00u));
  // Magnitudes have no sign bit, so that signed comparisons, which every target has, order them.
  const auto ordered = hn::BitCast(integers, magnitude);
  const auto is_denormal = hn::RebindMask(words, hn::Lt(ordered, hn::Set(integers, 0x38800000)));
  const auto is_infinite = hn::RebindMask(words, hn::Gt(ordered, hn::Set(integers, 0x477fefff)));
  const auto is_nan = hn::RebindMask(words, hn::Gt(ordered, hn::Set(integers, 0x7f800000)));
  const auto finite = hn::IfThenElse(is_denormal, denormal, normal);
  const auto special = hn::IfThenElse(is_nan, nan, hn::Set(words, 0x7c00u));
  const auto result = hn::Or(hn::IfThenElse(is_infinite, special, finite), sign);
  return hn::DemoteTo(half_words, hn::BitCast(integers, result));
#endif
}

/// `step(at)` for vectors that cover all elements, the last one overlapping the one before it. How many elements that
/// were: all of them, or none where they do not fill a vector.
template <typename Step>
std::size_t each_vector(std::size_t count, std::size_t lanes, const Step& step) {
  if (count < lanes) {
    return 0;
  }
  for (std::size_t at = 0; at + lanes <= count; at += lanes) {
    step(at);
  }
  if (count % lanes != 0) {
    step(count - lanes);
  }
  return count;
}

#endif

void widen_all(const std::uint8_t* from, std::uint8_t* to, std::size_t count) {
  std::size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const HalfWords half_words;
  const Words words;
  const hn::Repartition<std::uint8_t, HalfWords> half_bytes;
  const hn::Repartition<std::uint8_t, Words> word_bytes;
  i = each_vector(count, hn::Lanes(words), [&](std::size_t at) {
    const auto half = hn::BitCast(half_words, hn::LoadU(half_bytes, from + 2 * at));
    hn::StoreU(hn::BitCast(word_bytes, widen(half)), word_bytes, to + 4 * at);
  });
#endif
  for (; i < count; ++i) {
    Half half;
    std::memcpy(&half, from + 2 * i, sizeof half);
    const float value = to_float(half);
    std::memcpy(to + 4 * i, &value, sizeof value);
  }
}

void narrow_all(const std::uint8_t* from, std::uint8_t* to, std::size_t count) {
  std::size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const Words words;
  const hn::Repartition<std::uint8_t, HalfWords> half_bytes;
  const hn::Repartition<std::uint8_t, Words> word_bytes;
  i = each_vector(count, hn::Lanes(words), [&](std::size_t at) {
    const auto bits = hn::BitCast(words, hn::LoadU(word_bytes, from + 4 * at));
    hn::StoreU(hn::BitCast(half_bytes, narrow(bits)), half_bytes, to + 2 * at);
  });
#endif
  for (; i < count; ++i) {
    float value = 0;
    std::memcpy(&value, from + 4 * i, sizeof value);
    const Half half = to_half(value);
    std::memcpy(to + 2 * i, &half, sizeof half);
  }
}

const char* target_name() { return hwy::TargetName(HWY_TARGET); }

}  // namespace
}  // namespace openane::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace openane {

HWY_EXPORT(widen_all);
HWY_EXPORT(narrow_all);
HWY_EXPORT(target_name);

void half_to_float_bytes(const std::uint8_t* from, std::uint8_t* to, std::size_t count) {
  HWY_DYNAMIC_DISPATCH(widen_all)(from, to, count);
}

void float_to_half_bytes(const std::uint8_t* from, std::uint8_t* to, std::size_t count) {
  HWY_DYNAMIC_DISPATCH(narrow_all)(from, to, count);
}

std::string_view half_conversion_target() { return HWY_DYNAMIC_DISPATCH(target_name)(); }

void convert(std::span<const Half> from, std::span<float> to) {
  half_to_float_bytes(reinterpret_cast<const std::uint8_t*>(from.data()), reinterpret_cast<std::uint8_t*>(to.data()),
                      from.size());
}

void convert(std::span<const float> from, std::span<Half> to) {
  float_to_half_bytes(reinterpret_cast<const std::uint8_t*>(from.data()), reinterpret_cast<std::uint8_t*>(to.data()),
                      from.size());
}

}  // namespace openane
#endif
