// One file compiled once per SIMD target (Google Highway). What may look like a free choice here is not: each sum's
// additions are those of mac_reference.cpp, in its order.
//
// The h13 addition without integers. With E the larger operand's exponent, the operands times 2^(11-E) lie below 4096:
// cutting them to 12 significant bits is dropping their fractions. The power of two and its inverse come straight from
// the exponent bits, their product with anything here is exact, and the sum of two 12-bit integers is too; 12
// instructions per term replace one multiply-add. Both operands zero gives meaningless but finite powers and therefore
// zero.
#include "emulator/mac_kernels.h"

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "emulator/mac_kernels.cpp"
// Arrays of vectors need vectors of a size known at compile time.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#endif
#include <hwy/foreach_target.h>
// foreach_target must come first.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace openane {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Vector = hn::Vec<Floats>;
using Integers = hn::RebindToSigned<Floats>;

// 8 x 3 sums, 3 source vectors and a factor fit 32 registers; 4 x 3 fit 16.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr std::size_t kRowsLog2 = 3;
#else
constexpr std::size_t kRowsLog2 = 2;
#endif
constexpr std::size_t kVectors = 3;

// The same step for kSums sums. NOLINTNEXTLINE(bugprone-macro-parentheses): the parameter is a name
#define OPENANE_EACH(n) _Pragma("GCC unroll 8") for (std::size_t n = 0; n < kSums; ++n)

template <std::size_t kRows>
void ideal(const MacTile& tile) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  Vector sums[kRows][kVectors];
#pragma GCC unroll 8
  for (std::size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 3
    for (std::size_t v = 0; v < kVectors; ++v) {
      sums[i][v] = tile.first ? hn::Zero(d) : hn::LoadU(d, tile.sums + i * tile.sum_stride + v * lanes);
    }
  }
  const float* factors = tile.factors;
  for (std::size_t term = 0; term < tile.terms; ++term, factors += kRows) {
    const float* source = tile.source + tile.offsets[term];
    const Vector x0 = hn::LoadU(d, source);
    const Vector x1 = hn::LoadU(d, source + lanes);
    const Vector x2 = hn::LoadU(d, source + 2 * lanes);
#pragma GCC unroll 8
    for (std::size_t i = 0; i < kRows; ++i) {
      const Vector w = hn::Set(d, factors[i]);
      sums[i][0] = hn::MulAdd(x0, w, sums[i][0]);
      sums[i][1] = hn::MulAdd(x1, w, sums[i][1]);
      sums[i][2] = hn::MulAdd(x2, w, sums[i][2]);
    }
  }
#pragma GCC unroll 8
  for (std::size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 3
    for (std::size_t v = 0; v < kVectors; ++v) {
      hn::StoreU(sums[i][v], d, tile.sums + i * tile.sum_stride + v * lanes);
    }
  }
}

/// GCC would rather load a vector again for each use, and a load across cache lines counts twice.
HWY_INLINE void keep_in_register([[maybe_unused]] Vector& loaded) {
#if HWY_COMPILER_GCC_ACTUAL && HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
  asm("" : "+v"(loaded.raw));
#endif
}

/// kSums rows of sums at once: each vector of the source is loaded once for all of them.
template <std::size_t kSums>
HWY_INLINE void ideal_3x3_rows(const MacPlane& plane, std::size_t y) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  Vector factors[9];
#pragma GCC unroll 9
  for (std::size_t i = 0; i < 9; ++i) {
    factors[i] = hn::Set(d, plane.factors[i]);
  }
  const std::size_t stride = plane.source_stride, width = plane.width;
  const float* source = plane.source + y * stride;
  float* to = plane.sums + y * plane.sum_stride;
  for (std::size_t x = 0; x < width; x += lanes) {
    Vector sums[kSums];
    OPENANE_EACH(n) { sums[n] = hn::Zero(d); }
#pragma GCC unroll 8
    for (std::size_t row = 0; row < kSums + 2; ++row) {
      const float* from = source + row * stride + x;
      Vector left = hn::LoadU(d, from);
      Vector middle = hn::LoadU(d, from + 1);
      Vector right = hn::LoadU(d, from + 2);
      keep_in_register(left);
      keep_in_register(middle);
      keep_in_register(right);
      OPENANE_EACH(n) {
        if (row >= n && row < n + 3) {
          sums[n] = hn::MulAdd(left, factors[(row - n) * 3], sums[n]);
          sums[n] = hn::MulAdd(middle, factors[(row - n) * 3 + 1], sums[n]);
          sums[n] = hn::MulAdd(right, factors[(row - n) * 3 + 2], sums[n]);
        }
      }
    }
    OPENANE_EACH(n) { hn::StoreU(sums[n], d, to + n * plane.sum_stride + x); }
  }
}

void ideal_3x3(const MacPlane& plane) {
  std::size_t y = 0;
  for (; y + 4 <= plane.height; y += 4) {
    ideal_3x3_rows<4>(plane, y);
  }
  for (; y < plane.height; ++y) {
    ideal_3x3_rows<1>(plane, y);
  }
}

// The chain of one sum is long (some 50 cycles for a tile) and the cores' schedulers see only a few dozen instructions
// ahead, so several sums advance together, instruction by instruction: each step below is a loop over them.

using Exponents = hn::Vec<Integers>;

/// The exponent bits; 0 for zero.
HWY_INLINE Exponents exponent_of(Vector a) {
  const Integers di;
  return hn::And(hn::BitCast(di, a), hn::Set(di, 0x7f800000));
}

/// a + b, both aligned to the larger exponent and cut to 12 significant bits, in place of a. `ea` becomes a's exponent
/// as it was.
template <std::size_t kSums>
HWY_INLINE void add_cut(Vector* a, const Vector* b, Exponents* ea) {
  const Floats d;
  const Integers di;
  // 2^(11-E) is 265 minus E's bits; 265 = 2*127 + 11 overflows into the sign when both operands are zero.
  const Exponents up_bits = hn::Set(di, static_cast<std::int32_t>(265U << 23));
  const Exponents down_bits = hn::Set(di, 11 << 23);
  Exponents e[kSums];
  Vector up[kSums], b_up[kSums];
  OPENANE_EACH(n) { e[n] = exponent_of(b[n]); }
  OPENANE_EACH(n) { ea[n] = exponent_of(a[n]); }
  OPENANE_EACH(n) { e[n] = hn::Max(ea[n], e[n]); }
  OPENANE_EACH(n) { up[n] = hn::BitCast(d, hn::Sub(up_bits, e[n])); }
  OPENANE_EACH(n) { a[n] = hn::Mul(a[n], up[n]); }
  OPENANE_EACH(n) { b_up[n] = hn::Mul(b[n], up[n]); }
  OPENANE_EACH(n) { a[n] = hn::Trunc(a[n]); }
  OPENANE_EACH(n) { b_up[n] = hn::Trunc(b_up[n]); }
  OPENANE_EACH(n) { a[n] = hn::Add(a[n], b_up[n]); }
  OPENANE_EACH(n) { a[n] = hn::Mul(a[n], hn::BitCast(d, hn::Sub(e[n], down_bits))); }
}

/// a + 0 in the same arithmetic.
HWY_INLINE Vector cut(Vector a) {
  const Floats d;
  const Integers di;
  return hn::BitCast(d, hn::And(hn::BitCast(di, a), hn::Set(di, static_cast<std::int32_t>(0xfffff000U))));
}

HWY_INLINE hn::Mask<Floats> overflows(Vector a) {
  const Floats d;
  return hn::Ge(hn::Abs(a), hn::Set(d, 32768.0F));
}

/// Adds the products of `kTerms` terms to one vector of sums when the clamp may be reached: the first of the sum so
/// far, the tile's partial sums and the new sum that reaches 2^15 is the result.
template <std::size_t kTerms>
HWY_NOINLINE void add_tile_overflowing(float* sums, const float* factors, std::size_t factor_stride,
                                       const float* const* sources, std::size_t column, bool first) {
  const Floats d;
  const Vector sum = first ? hn::Zero(d) : hn::LoadU(d, sums + column);
  Vector part = hn::Mul(hn::LoadU(d, sources[0] + column), hn::Set(d, factors[0]));
  Vector overflow = hn::IfThenElse(overflows(sum), sum, part);
  for (std::size_t term = 1; term < kTerms; ++term) {
    const Vector product = hn::Mul(hn::LoadU(d, sources[term] + column), hn::Set(d, factors[term * factor_stride]));
    Exponents exponent;
    add_cut<1>(&part, &product, &exponent);
    overflow = hn::IfThenElse(overflows(overflow), overflow, part);
  }
  const Vector total = hn::Add(sum, kTerms < 4 ? cut(part) : part);
  hn::StoreU(hn::IfThenElse(overflows(overflow), overflow, total), d, sums + column);
}

/// Adds the products of `kTerms` terms to a row of sums.
template <std::size_t kTerms, bool kClamped>
HWY_INLINE void add_tile(float* sums, const float* factors, std::size_t factor_stride, const float* const* sources,
                         bool first) {
  constexpr std::size_t kSums = kVectors;
  const Floats d;
  const Integers di;
  const std::size_t lanes = hn::Lanes(d);
  Vector sum[kSums], part[kSums], product[kSums];
  Exponents exponent[kSums], largest = hn::Zero(di);
  OPENANE_EACH(n) { part[n] = hn::Mul(hn::LoadU(d, sources[0] + n * lanes), hn::Set(d, factors[0])); }
#pragma GCC unroll 4
  for (std::size_t term = 1; term < kTerms; ++term) {
    const Vector factor = hn::Set(d, factors[term * factor_stride]);
    OPENANE_EACH(n) { product[n] = hn::Mul(hn::LoadU(d, sources[term] + n * lanes), factor); }
    add_cut<kSums>(part, product, exponent);
    if constexpr (kClamped) {
      OPENANE_EACH(n) { largest = hn::Max(largest, exponent[n]); }
    }
  }
  OPENANE_EACH(n) { sum[n] = first ? hn::Zero(d) : hn::LoadU(d, sums + n * lanes); }
  if constexpr (kClamped) {
    OPENANE_EACH(n) { largest = hn::Max(largest, hn::Max(exponent_of(part[n]), exponent_of(sum[n]))); }
    // Rare: something reached 2^15. (The new sum is looked at by the next tile, or by who takes the sums.)
    if (HWY_UNLIKELY(!hn::AllFalse(di, hn::Gt(largest, hn::Set(di, (127 + 14) << 23))))) {
      OPENANE_EACH(n) { add_tile_overflowing<kTerms>(sums, factors, factor_stride, sources, n * lanes, first); }
      return;
    }
  }
  OPENANE_EACH(n) {
    // Terms that the last tile lacks are zeros.
    hn::StoreU(hn::Add(sum[n], kTerms < 4 ? cut(part[n]) : part[n]), d, sums + n * lanes);
  }
}

template <std::size_t kTerms, bool kClamped>
HWY_INLINE void add_terms(const MacTile& tile, std::size_t term, bool first) {
  const std::size_t rows = tile.rows;
  const float* factors = tile.factors + term * rows;
  const float* sources[kTerms];
#pragma GCC unroll 4
  for (std::size_t t = 0; t < kTerms; ++t) {
    sources[t] = tile.source + tile.offsets[term + t];
  }
  for (std::size_t i = 0; i < rows; ++i) {
    add_tile<kTerms, kClamped>(tile.sums + i * tile.sum_stride, factors + i, rows, sources, first);
  }
}

template <bool kClamped>
void h13(const MacTile& tile) {
  std::size_t term = 0;
  for (; term + 4 <= tile.terms; term += 4) {
    add_terms<4, kClamped>(tile, term, tile.first && term == 0);
  }
  const bool first = tile.first && term == 0;
  switch (tile.terms - term) {
    case 1:
      return add_terms<1, kClamped>(tile, term, first);
    case 2:
      return add_terms<2, kClamped>(tile, term, first);
    case 3:
      return add_terms<3, kClamped>(tile, term, first);
    default:
      return;
  }
}

template <class D, class Bits>
HWY_INLINE hn::Vec<D> read_half_vector(D d, Bits bits, bool relu) {
  const hn::Rebind<std::int16_t, D> di;
  const auto infinity = hn::Set(di, 0x7c00);
  const auto is_nan = hn::Gt(hn::And(bits, hn::Set(di, 0x7fff)), infinity);
  const auto numbers = hn::IfThenElse(is_nan, infinity, bits);
  const auto value = hn::PromoteTo(d, hn::BitCast(hn::Rebind<hwy::float16_t, D>(), numbers));
  const auto lowest = relu ? hn::Zero(d) : hn::Set(d, -65536.0F);
  return hn::Max(hn::Min(value, hn::Set(d, 65536.0F)), lowest);
}

/// Where another core has read what was here before, asking for each line only when it is written takes some 30 ns.
HWY_INLINE void prefetch_to_write([[maybe_unused]] const float* at) {
#if HWY_ARCH_X86
  asm volatile("prefetchw %0" : : "m"(*at));
#elif HWY_ARCH_ARM_A64
  __builtin_prefetch(at, 1);
#endif
}
constexpr std::size_t kWrittenAhead = 256;

void read_half(const std::uint8_t* from, std::size_t count, bool relu, float* to) {
  std::size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const Floats d;
  const hn::Rebind<std::int16_t, Floats> di;
  const hn::Repartition<std::uint8_t, decltype(di)> db;
  const std::size_t lanes = hn::Lanes(d);
  for (; i + lanes <= count; i += lanes) {
    const auto bits = hn::BitCast(di, hn::LoadU(db, from + 2 * i));
    prefetch_to_write(to + i + kWrittenAhead);
    hn::StoreU(read_half_vector(d, bits, relu), d, to + i);
  }
  if (i < count && count >= lanes) {  // the last whole vector again, as far as needed
    const auto bits = hn::BitCast(di, hn::LoadU(db, from + 2 * (count - lanes)));
    hn::StoreU(read_half_vector(d, bits, relu), d, to + count - lanes);
    return;
  }
#endif
  const hn::CappedTag<float, 1> one;
  for (; i < count; ++i) {
    std::int16_t bits = 0;
    std::memcpy(&bits, from + 2 * i, sizeof bits);
    hn::StoreU(read_half_vector(one, hn::Set(hn::Rebind<std::int16_t, decltype(one)>(), bits), relu), one, to + i);
  }
}

template <class D>
HWY_INLINE hn::Vec<D> flush_vector(D d, hn::Vec<D> value) {
  return hn::IfThenElseZero(hn::Ge(hn::Abs(value), hn::Set(d, 0x1p-14F)), value);
}

float flush_denormals(float* values, std::size_t count) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  if (count < lanes) {
    const hn::CappedTag<float, 1> one;
    auto largest = hn::Zero(one);
    for (std::size_t i = 0; i < count; ++i) {
      const auto value = flush_vector(one, hn::LoadU(one, values + i));
      largest = hn::Max(largest, hn::Abs(value));
      hn::StoreU(value, one, values + i);
    }
    return hn::GetLane(largest);
  }
  Vector largest = hn::Zero(d);
  const auto flush = [&](float* at) HWY_ATTR {
    const auto value = flush_vector(d, hn::LoadU(d, at));
    largest = hn::Max(largest, hn::Abs(value));
    hn::StoreU(value, d, at);
  };
  for (std::size_t i = 0; i + lanes <= count; i += lanes) {
    flush(values + i);
  }
  flush(values + count - lanes);
  return hn::GetLane(hn::MaxOfLanes(d, largest));
}

MacKernels kernels() {
  MacKernels all;
  all.target = hwy::TargetName(HWY_TARGET);
  all.rows_log2 = kRowsLog2;
  all.columns = kVectors * hn::Lanes(Floats());
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
  all.ideal = {ideal<1>, ideal<2>, ideal<4>, ideal<8>};
#else
  all.ideal = {ideal<1>, ideal<2>, ideal<4>};
#endif
  all.h13 = h13<false>;
  all.h13_clamped = h13<true>;
  all.ideal_3x3 = ideal_3x3;
  all.read_half = read_half;
  all.flush_denormals = flush_denormals;
  return all;
}

}  // namespace HWY_NAMESPACE
}  // namespace openane
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace openane {

HWY_EXPORT(kernels);

MacKernels mac_kernels() { return HWY_DYNAMIC_DISPATCH(kernels)(); }

}  // namespace openane
#endif
