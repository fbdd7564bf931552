#include "emulator/rows.h"

#include <cmath>
#include <cstring>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "emulator/rows.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace openane::emulator::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using Words = hn::Rebind<std::uint32_t, Floats>;
using Integers = hn::Rebind<std::int32_t, Floats>;
using Halves = hn::Rebind<std::uint16_t, Floats>;
using Row = hn::Vec<Floats>;

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2 && !defined(HWY_DISABLE_F16C)
#define OPENANE_NATIVE_HALF 1
#else
#define OPENANE_NATIVE_HALF 0
#endif

#if OPENANE_NATIVE_HALF
/// fp16 bits to numbers, where no exponent is 31.
HWY_INLINE Row read_finite(hn::Vec<Halves> stored) {
  const hn::Rebind<hwy::float16_t, Floats> native;
  return hn::PromoteTo(Floats(), hn::BitCast(native, stored));
}

#endif

/// fp16 bits to the numbers the engine reads (h13-isa.md 4).
HWY_INLINE Row read(hn::Vec<Halves> stored) {
  const Floats floats;
#if OPENANE_NATIVE_HALF
  const auto value = read_finite(stored);
  // x86 takes the second operand when the first is a NaN, whatever its sign.
  const auto below = hn::Min(value, hn::Set(floats, 65536.0F));
  return hn::Max(below, hn::Set(floats, -65536.0F));
#else
  const Words words;
  const auto bits = hn::PromoteTo(words, stored);
  const auto magnitude = hn::And(bits, hn::Set(words, 0x7fffu));
  const auto shifted = hn::ShiftLeft<13>(magnitude);
  const auto normal = hn::BitCast(floats, hn::Add(shifted, hn::Set(words, 112u << 23)));
  // A denormal is its mantissa below 2^-14: give it that exponent, take 2^-14 away again.
  const auto lifted = hn::BitCast(floats, hn::Add(shifted, hn::Set(words, 113u << 23)));
  const auto denormal = hn::Sub(lifted, hn::Set(floats, 0x1p-14F));
  const auto limit = hn::Set(floats, 65536.0F);
  // Exponent 31 continues the scale: infinity is 65536, NaNs are beyond.
  const auto finite = hn::IfThenElse(hn::Lt(normal, limit), normal, limit);
  const auto value = hn::IfThenElse(hn::Lt(normal, hn::Set(floats, 0x1p-14F)), denormal, finite);
  const auto is_nan = hn::Gt(normal, limit);
  const auto sign = hn::ShiftLeft<16>(hn::And(bits, hn::Set(words, 0x8000u)));
  return hn::Or(value, hn::IfThenZeroElse(is_nan, hn::BitCast(floats, sign)));
#endif
}

/// fp32 to the nearest fp16, half to even; no NaN.
HWY_INLINE hn::Vec<Halves> write(Row value) {
  const Halves halves;
#if OPENANE_NATIVE_HALF
  const hn::Rebind<hwy::float16_t, Floats> native;
  return hn::BitCast(halves, hn::DemoteTo(native, value));
#else
  const Floats floats;
  const Words words;
  const Integers integers;
  const auto bits = hn::BitCast(words, value);
  const auto sign = hn::And(hn::ShiftRight<16>(bits), hn::Set(words, 0x8000u));
  const auto magnitude = hn::And(bits, hn::Set(words, 0x7fffffffu));
  const auto odd = hn::And(hn::ShiftRight<13>(magnitude), hn::Set(words, 1u));
  const auto normal = hn::ShiftRight<13>(hn::Add(hn::Add(magnitude, odd), hn::Set(words, 0xfffu - 0x38000000u)));
  // The last bit of 0.5 weighs 2^-24, the unit of fp16's denormals: the addition does the rounding.
  const auto half = hn::Set(floats, 0.5F);
  const auto raised = hn::BitCast(words, hn::Add(hn::BitCast(floats, magnitude), half));
  const auto denormal = hn::Sub(raised, hn::BitCast(words, half));
  // Magnitudes have no sign bit: signed comparisons order them.
  const auto ordered = hn::BitCast(integers, magnitude);
  const auto is_denormal = hn::RebindMask(words, hn::Lt(ordered, hn::Set(integers, 0x38800000)));
  const auto is_infinite = hn::RebindMask(words, hn::Gt(ordered, hn::Set(integers, 0x477fefff)));
  const auto finite = hn::IfThenElse(is_denormal, denormal, normal);
  const auto result = hn::Or(hn::IfThenElse(is_infinite, hn::Set(words, 0x7c00u), finite), sign);
  return hn::DemoteTo(halves, hn::BitCast(integers, result));
#endif
}

HWY_INLINE void store(Row value, std::uint16_t* to) { hn::StoreU(write(value), Halves(), to); }
HWY_INLINE void store(Row value, float* to) { hn::StoreU(value, Floats(), to); }

/// max(v, +0) with a definite sign of zero.
HWY_INLINE Row clamp_below(Row v) { return hn::IfThenElseZero(hn::Gt(v, hn::Zero(Floats())), v); }

template <RowOp op, class Numbers>
HWY_INLINE Numbers combine(Numbers x, Numbers y, Numbers offset, Numbers gain) {
  if constexpr (op == RowOp::first) {
    return x;
  } else if constexpr (op == RowOp::square) {
    return hn::Mul(x, x);
  } else if constexpr (op == RowOp::add) {
    return hn::Add(x, y);
  } else if constexpr (op == RowOp::mul) {
    return hn::Mul(x, y);
  } else if constexpr (op == RowOp::max) {
    return hn::IfThenElse(hn::Gt(x, y), x, y);
  } else if constexpr (op == RowOp::min) {
    return hn::IfThenElse(hn::Lt(x, y), x, y);
  } else if constexpr (op == RowOp::square_of_sum) {
    const auto sum = hn::Add(x, y);
    return hn::Mul(sum, sum);
  } else {
    return hn::Mul(hn::Add(x, offset), gain);
  }
}

constexpr bool takes_second(RowOp op) {
  return op == RowOp::add || op == RowOp::mul || op == RowOp::max || op == RowOp::min || op == RowOp::square_of_sum;
}

/// The formula's constants as vectors.
struct Constants {
  Row pre_scale, bias, scale, offset, gain, flip_first, flip_second, sign_kept;
  bool input_relu, relu;

  /// Nothing but op and bias: multiplying by 1 changes no number, so that it can be left out.
  static bool plain(const RowFormula& f) {
    return f.pre_scale == 1 && f.scale == 1 && !f.absolute && !f.negate_first && !f.negate_second && !f.input_relu &&
           !f.relu;
  }

  HWY_INLINE explicit Constants(const RowFormula& f)
      : pre_scale(hn::Set(Floats(), f.pre_scale)),
        bias(hn::Set(Floats(), f.bias)),
        scale(hn::Set(Floats(), f.scale)),
        offset(hn::Set(Floats(), f.offset)),
        gain(hn::Set(Floats(), f.gain)),
        flip_first(hn::Set(Floats(), f.negate_first ? -0.0F : 0.0F)),
        flip_second(hn::Set(Floats(), f.negate_second ? -0.0F : 0.0F)),
        sign_kept(hn::BitCast(Floats(), hn::Set(Words(), f.absolute ? 0x7fffffffu : 0xffffffffu))),
        input_relu(f.input_relu),
        relu(f.relu) {}
};

template <RowOp op, bool plain>
HWY_INLINE Row evaluate(const Constants& k, hn::Vec<Halves> first, hn::Vec<Halves> second) {
  auto x = read(first);
  if constexpr (plain) {
    const auto y = takes_second(op) ? read(second) : x;
    return hn::Add(combine<op>(x, y, k.offset, k.gain), k.bias);
  }
  if (k.input_relu) {
    x = clamp_below(x);
  }
  x = hn::Xor(hn::Mul(hn::And(x, k.sign_kept), k.pre_scale), k.flip_first);
  auto y = x;
  if constexpr (takes_second(op)) {
    y = hn::Xor(read(second), k.flip_second);
  }
  const auto v = hn::Mul(hn::Add(combine<op>(x, y, k.offset, k.gain), k.bias), k.scale);
  return k.relu ? clamp_below(v) : v;
}

#if OPENANE_NATIVE_HALF
/// Whether an infinity or NaN among the operands makes the result one. A comparison may hide it.
constexpr bool shows_infinities(RowOp op) { return op != RowOp::max && op != RowOp::min; }

/// Whether the result is a multiple of 2^-24, fp16's smallest number: what is not 0 does not become 0 in fp16.
constexpr bool keeps_units(RowOp op) {
  return op == RowOp::first || op == RowOp::add || op == RowOp::max || op == RowOp::min;
}

// Half as many bits to convert as the widest vectors have: some cores split those, and twice so.
using NarrowFloats = hn::CappedTag<float, 8>;
using NarrowHalves = hn::Rebind<std::uint16_t, NarrowFloats>;
using WideHalves = hn::Twice<NarrowHalves>;

HWY_INLINE bool all_finite(hn::Vec<WideHalves> largest) {
  // Magnitudes have no sign bit: signed comparisons order them.
  const hn::RebindToSigned<WideHalves> ordered;
  return hn::AllTrue(ordered, hn::Lt(hn::BitCast(ordered, largest), hn::Set(ordered, std::int16_t{0x7c00})));
}

/// The plain formula, rounded.
template <RowOp op, bool zero_bias>
class FiniteFormula {
 public:
  HWY_INLINE explicit FiniteFormula(const RowFormula& formula)
      : bias_(hn::Set(NarrowFloats(), formula.bias)),
        offset_(hn::Set(NarrowFloats(), formula.offset)),
        gain_(hn::Set(NarrowFloats(), formula.gain)) {}

  /// Of twice as many elements as narrow vectors have.
  HWY_INLINE hn::Vec<WideHalves> evaluate(const std::uint16_t* x, const std::uint16_t* y) const {
    const WideHalves halves;
    const std::size_t lanes = hn::Lanes(NarrowFloats());
    auto result = hn::Combine(halves, half(x + lanes, y + lanes), half(x, y));
    if constexpr (zero_bias && keeps_units(op)) {
      result = hn::IfThenZeroElse(hn::Eq(result, hn::Set(halves, std::uint16_t{0x8000})), result);
    }
    return result;
  }

 private:
  using Numbers = hn::Vec<NarrowFloats>;
  using Native = hn::Rebind<hwy::float16_t, NarrowFloats>;

  static HWY_INLINE Numbers read(const std::uint16_t* from) {
    return hn::PromoteTo(NarrowFloats(), hn::BitCast(Native(), hn::LoadU(NarrowHalves(), from)));
  }
  HWY_INLINE hn::Vec<NarrowHalves> half(const std::uint16_t* x, const std::uint16_t* y) const {
    const Numbers first = read(x);
    Numbers second = first;
    if constexpr (takes_second(op)) {
      second = read(y);
    }
    Numbers value = combine<op>(first, second, offset_, gain_);
    if constexpr (!(zero_bias && keeps_units(op))) {
      value = hn::Add(value, bias_);
    }
    return hn::BitCast(NarrowHalves(), hn::DemoteTo(Native(), value));
  }

  Numbers bias_, offset_, gain_;
};

/// The plain formula over as many elements as whole steps of kVectors vectors take, from element `i` up to the first
/// step with an infinity or NaN; returns where that is. Knowing that a step is finite costs less than bounding each of
/// its numbers; the result alone shows it, if an operand's infinity cannot hide there. `zero_bias`: the bias is +0,
/// which only makes +0 of -0.
template <RowOp op, bool zero_bias, std::size_t kVectors>
HWY_INLINE std::size_t run_steps(const FiniteFormula<op, zero_bias>& formula, const std::uint16_t* x,
                                 const std::uint16_t* y, std::size_t i, std::size_t count, std::uint16_t* to) {
  const WideHalves halves;
  const auto positive = hn::Set(halves, std::uint16_t{0x7fff});
  const std::size_t lanes = hn::Lanes(halves);
  for (; i + kVectors * lanes <= count; i += kVectors * lanes) {
    hn::Vec<WideHalves> results[kVectors], largest = hn::Zero(halves);
#pragma GCC unroll 4
    for (std::size_t n = 0; n < kVectors; ++n) {
      const std::size_t at = i + n * lanes;
      results[n] = formula.evaluate(x + at, y + at);
      if constexpr (shows_infinities(op)) {
        largest = hn::Max(largest, hn::And(results[n], positive));
      } else {
        largest = hn::Max(largest, hn::And(hn::LoadU(halves, x + at), positive));
        largest = hn::Max(largest, hn::And(hn::LoadU(halves, y + at), positive));
      }
    }
    if (!all_finite(largest)) {
      break;
    }
#pragma GCC unroll 4
    for (std::size_t n = 0; n < kVectors; ++n) {
      hn::StoreU(results[n], halves, to + i + n * lanes);
    }
  }
  return i;
}

template <RowOp op, bool zero_bias>
std::size_t run_finite(const RowFormula& formula, const std::uint16_t* x, const std::uint16_t* y, std::size_t count,
                       std::uint16_t* to) {
  const FiniteFormula<op, zero_bias> constants(formula);
  y = takes_second(op) ? y : x;
  const std::size_t done = run_steps<op, zero_bias, 4>(constants, x, y, 0, count, to);
  return run_steps<op, zero_bias, 1>(constants, x, y, done, count, to);
}

template <RowOp op>
std::size_t run_finite(const RowFormula& formula, const std::uint16_t* x, const std::uint16_t* y, std::size_t count,
                       std::uint16_t* to) {
  const bool zero_bias = formula.bias == 0 && !std::signbit(formula.bias);
  return (zero_bias ? run_finite<op, true> : run_finite<op, false>)(formula, x, y, count, to);
}
#endif

template <RowOp op, bool plain, typename To>
void run_rows(const RowFormula& formula, const std::uint16_t* x, const std::uint16_t* y, std::size_t count, To* to) {
  const Halves halves;
  const Constants constants(formula);
  const std::size_t lanes = hn::Lanes(Floats());
  std::size_t i = 0;
#if OPENANE_NATIVE_HALF
  if constexpr (plain && std::is_same_v<To, std::uint16_t>) {
    i = run_finite<op>(formula, x, y, count, to);
  }
#endif
  for (; i + lanes <= count; i += lanes) {
    const auto first = hn::LoadU(halves, x + i);
    const auto second = takes_second(op) ? hn::LoadU(halves, y + i) : first;
    store(evaluate<op, plain>(constants, first, second), to + i);
  }
  if (i < count) {
    // In place is allowed, so that the rest cannot be done again with elements before it.
    HWY_ALIGN std::uint16_t first[16] = {}, second[16] = {};
    HWY_ALIGN To result[16] = {};
    std::memcpy(first, x + i, (count - i) * sizeof *x);
    if constexpr (takes_second(op)) {
      std::memcpy(second, y + i, (count - i) * sizeof *y);
    }
    store(evaluate<op, plain>(constants, hn::LoadU(halves, first), hn::LoadU(halves, second)), result);
    std::memcpy(to + i, result, (count - i) * sizeof *to);
  }
}

template <RowOp op, typename To>
void run(const RowFormula& formula, const std::uint16_t* x, const std::uint16_t* y, std::size_t count, To* to) {
  if (Constants::plain(formula)) {
    run_rows<op, true>(formula, x, y, count, to);
  } else {
    run_rows<op, false>(formula, x, y, count, to);
  }
}

template <typename To>
void compute(const RowFormula& formula, const std::uint16_t* x, const std::uint16_t* y, std::size_t count, To* to) {
  switch (formula.op) {
    case RowOp::first:
      return run<RowOp::first>(formula, x, y, count, to);
    case RowOp::square:
      return run<RowOp::square>(formula, x, y, count, to);
    case RowOp::add:
      return run<RowOp::add>(formula, x, y, count, to);
    case RowOp::mul:
      return run<RowOp::mul>(formula, x, y, count, to);
    case RowOp::max:
      return run<RowOp::max>(formula, x, y, count, to);
    case RowOp::min:
      return run<RowOp::min>(formula, x, y, count, to);
    case RowOp::square_of_sum:
      return run<RowOp::square_of_sum>(formula, x, y, count, to);
    case RowOp::affine:
      return run<RowOp::affine>(formula, x, y, count, to);
  }
}

void compute_halves(const RowFormula& formula, const std::uint16_t* x, const std::uint16_t* y, std::size_t count,
                    std::uint16_t* to) {
  compute(formula, x, y, count, to);
}

void compute_floats(const RowFormula& formula, const std::uint16_t* x, const std::uint16_t* y, std::size_t count,
                    float* to) {
  compute(formula, x, y, count, to);
}

template <bool plain>
void finish(const SumFormula& formula, const float* sums, std::size_t sum_stride, std::size_t count, std::size_t rows,
            std::uint16_t* to, std::ptrdiff_t row_stride) {
  const Floats floats;
  const Halves halves;
  const auto bias = hn::Set(floats, formula.bias);
  const auto accumulator_bias = hn::Set(floats, formula.accumulator_bias);
  const auto scale = hn::Set(floats, formula.scale);
  const auto relu = formula.relu;
  const auto round = [&](Row value) HWY_ATTR {
    if constexpr (!plain) {
      value = hn::Mul(hn::Add(hn::Add(value, bias), accumulator_bias), scale);
    }
    return write(relu ? clamp_below(value) : value);
  };
  const std::size_t lanes = hn::Lanes(floats);
  for (std::size_t row = 0; row < rows; ++row) {
    std::size_t i = 0;
    for (; i + lanes <= count; i += lanes) {
      hn::StoreU(round(hn::LoadU(floats, sums + i)), halves, to + i);
    }
    if (i < count) {
      HWY_ALIGN float rest[16] = {};
      HWY_ALIGN std::uint16_t result[16] = {};
      std::memcpy(rest, sums + i, (count - i) * sizeof *sums);
      hn::StoreU(round(hn::LoadU(floats, rest)), halves, result);
      std::memcpy(to + i, result, (count - i) * sizeof *to);
    }
    sums += sum_stride;
    to += row_stride / 2;
  }
}

void finish_sums(const SumFormula& formula, const float* sums, std::size_t sum_stride, std::size_t count,
                 std::size_t rows, std::uint16_t* to, std::ptrdiff_t row_stride) {
  const auto adds_nothing = [](float bias) { return bias == 0 && std::signbit(bias); };
  const bool plain = adds_nothing(formula.bias) && adds_nothing(formula.accumulator_bias) && formula.scale == 1;
  return (plain ? finish<true> : finish<false>)(formula, sums, sum_stride, count, rows, to, row_stride);
}

void read_floats(const std::uint16_t* from, std::size_t count, float* to) {
  const Halves halves;
  const std::size_t lanes = hn::Lanes(Floats());
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(read(hn::LoadU(halves, from + i)), Floats(), to + i);
  }
  if (i < count) {
    HWY_ALIGN std::uint16_t stored[16] = {};
    HWY_ALIGN float value[16] = {};
    std::memcpy(stored, from + i, (count - i) * sizeof *from);
    hn::StoreU(read(hn::LoadU(halves, stored)), Floats(), value);
    std::memcpy(to + i, value, (count - i) * sizeof *to);
  }
}

}  // namespace
}  // namespace openane::emulator::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#undef OPENANE_NATIVE_HALF

#if HWY_ONCE
namespace openane::emulator {

HWY_EXPORT(compute_halves);
HWY_EXPORT(compute_floats);
HWY_EXPORT(finish_sums);
HWY_EXPORT(read_floats);

void compute_row(const RowFormula& formula, const std::uint16_t* x, const std::uint16_t* y, std::size_t count,
                 std::uint16_t* to) {
  HWY_DYNAMIC_DISPATCH(compute_halves)(formula, x, y, count, to);
}

void compute_row(const RowFormula& formula, const std::uint16_t* x, const std::uint16_t* y, std::size_t count,
                 float* to) {
  HWY_DYNAMIC_DISPATCH(compute_floats)(formula, x, y, count, to);
}

void finish_rows(const SumFormula& formula, const float* sums, std::size_t sum_stride, std::size_t count,
                 std::size_t rows, std::uint16_t* to, std::ptrdiff_t row_stride) {
  HWY_DYNAMIC_DISPATCH(finish_sums)(formula, sums, sum_stride, count, rows, to, row_stride);
}

void read_row(const std::uint16_t* from, std::size_t count, float* to) {
  HWY_DYNAMIC_DISPATCH(read_floats)(from, count, to);
}

}  // namespace openane::emulator
#endif
