// Compiled once per SIMD target (Google Highway).
#include "reference/vector_math.h"

#include <algorithm>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "reference/vector_math.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// foreach_target must come first.
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace openane::reference {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Doubles = hn::ScalableTag<double>;
using Floats = hn::Rebind<float, Doubles>;
using Vector = hn::Vec<Doubles>;

/// Coefficients from the constant term upwards.
template <std::size_t N>
HWY_INLINE Vector polynomial(Vector x, const double (&coefficients)[N]) {
  const Doubles d;
  Vector sum = hn::Set(d, coefficients[N - 1]);
  for (std::size_t i = N - 1; i-- > 0;) {
    sum = hn::MulAdd(sum, x, hn::Set(d, coefficients[i]));
  }
  return sum;
}

/// e^x. Beyond +-200 every fp32 result is 0 or infinite, and the library's function knows no infinities.
HWY_INLINE Vector exp_of(Vector x) {
  const Doubles d;
  const Vector inside = hn::Min(hn::Max(x, hn::Set(d, -200.0)), hn::Set(d, 200.0));
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Exp(d, inside));
}

HWY_INLINE Vector sigmoid_of(Vector x) {
  const Vector one = hn::Set(Doubles(), 1.0);
  return hn::Div(one, hn::Add(one, exp_of(hn::Neg(x))));
}

/// x sigmoid(y), which is 0 and not NaN where x is -infinity.
HWY_INLINE Vector gated(Vector x, Vector y) {
  const Doubles d;
  return hn::Mul(hn::IfThenElse(hn::Eq(x, hn::Set(d, -std::numeric_limits<double>::infinity())), hn::Set(d, -0.0), x),
                 sigmoid_of(y));
}

/// erf on |x| < 1: the Maclaurin series, 2/sqrt(pi) (-1)^n / (n! (2n+1)), cut below 1e-13.
HWY_INLINE Vector erf_inside(Vector x) {
  constexpr double kSeries[] = {1.1283791670955126,     -0.37612638903183754,   0.11283791670955126,
                                -0.026866170645131252,  0.005223977625442188,   -0.0008548327023450853,
                                0.00012055332981789664, -1.492565035840625e-05, 1.6462114365889248e-06,
                                -1.6365844691234924e-7, 1.4807192815879218e-08, -1.2290555301717928e-9,
                                9.422759064650411e-11,  -6.711366855164111e-12, 4.4632242632864775e-13};
  return hn::Mul(x, polynomial(hn::Mul(x, x), kSeries));
}

/// erfc on 1 <= x <= 10.1: e^(-x^2) times a polynomial in (x-4)/(x+4), which interpolates erfc(x) e^(x^2) at the 13
/// Chebyshev nodes between 0.9 and 10.2; relative error below 6e-12.
HWY_INLINE Vector erfc_outside(Vector x) {
  constexpr double kScaled[] = {0.13699945762533963,    -0.25906804876777845,  0.21871967883555526,
                                -0.16425781592812821,   0.10896318166412941,   -0.06310783667493967,
                                0.031298970418196584,   -0.012843719087747979, 0.004061098238492983,
                                -0.0008001261934500939, -2.57187111701665e-05, 8.009045901505153e-05,
                                -1.4691725799589243e-05};
  const Doubles d;
  const Vector four = hn::Set(d, 4.0);
  const Vector at = hn::Div(hn::Sub(x, four), hn::Add(x, four));
  return hn::Mul(exp_of(hn::Neg(hn::Mul(x, x))), polynomial(at, kScaled));
}

/// erfc of x, of every sign. Precise also where it is tiny, which 1 - erf(x) is not.
HWY_INLINE Vector erfc_of(Vector x) {
  const Doubles d;
  const Vector one = hn::Set(d, 1.0);
  const Vector size = hn::Abs(x);
  const Vector far = erfc_outside(hn::Min(hn::Max(size, one), hn::Set(d, 10.1)));
  const Vector tail = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Sub(hn::Set(d, 2.0), far), far);
  const Vector result = hn::IfThenElse(hn::Lt(size, one), hn::Sub(one, erf_inside(x)), tail);
  return hn::IfThenElse(hn::IsNaN(x), x, result);
}

struct Exp {
  HWY_ATTR HWY_INLINE Vector operator()(Vector x) const { return exp_of(x); }
};
struct Tanh {
  HWY_ATTR HWY_INLINE Vector operator()(Vector x) const {
    // The library's function needs numbers whose exponential is finite; beyond 20 the result is +-1 in fp32.
    const Doubles d;
    const Vector inside = hn::Min(hn::Max(x, hn::Set(d, -40.0)), hn::Set(d, 40.0));
    return hn::IfThenElse(hn::IsNaN(x), x, hn::Tanh(d, inside));
  }
};
struct Sigmoid {
  HWY_ATTR HWY_INLINE Vector operator()(Vector x) const { return sigmoid_of(x); }
};
struct Erf {
  HWY_ATTR HWY_INLINE Vector operator()(Vector x) const {
    const Doubles d;
    const Vector one = hn::Set(d, 1.0);
    return hn::IfThenElse(hn::Lt(hn::Abs(x), one), erf_inside(x), hn::Sub(one, erfc_of(x)));
  }
};
struct Silu {
  HWY_ATTR HWY_INLINE Vector operator()(Vector x) const { return gated(x, x); }
};
struct Gelu {
  HWY_ATTR HWY_INLINE Vector operator()(Vector x) const {
    const Doubles d;
    // The floor keeps -infinity times 0 out; there the result is -0 in fp32 anyway.
    const Vector inside = hn::IfThenElse(hn::IsNaN(x), x, hn::Max(x, hn::Set(d, -1e30)));
    const Vector half_erfc = hn::Mul(hn::Set(d, 0.5), erfc_of(hn::Mul(inside, hn::Set(d, -0.70710678118654752))));
    return hn::Mul(inside, hn::IfThenElse(hn::Lt(inside, hn::Set(d, -14.3)), hn::Zero(d), half_erfc));
  }
};
struct GeluTanh {
  HWY_ATTR HWY_INLINE Vector operator()(Vector x) const {
    const Doubles d;
    // (1 + tanh u) / 2 = sigmoid(2u).
    const Vector cube = hn::Mul(x, hn::Mul(x, x));
    return gated(x, hn::Mul(hn::Set(d, 2 * 0.79788456080286536), hn::Add(x, hn::Mul(hn::Set(d, 0.044715), cube))));
  }
};
struct GeluSigmoid {
  HWY_ATTR HWY_INLINE Vector operator()(Vector x) const { return gated(x, hn::Mul(x, hn::Set(Doubles(), 1.702))); }
};
struct Softplus {
  HWY_ATTR HWY_INLINE Vector operator()(Vector x) const {
    const Doubles d;
    const Vector above = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Zero(d), x);
    return hn::Add(hn::Log1p(d, exp_of(hn::Neg(hn::Abs(x)))), above);
  }
};

/// `visit` is called with each vector of results.
template <typename F, typename Visit>
HWY_INLINE void transform(const float* x, float* out, std::size_t count, const F& f, Visit& visit) {
  const Doubles d;
  const Floats narrow;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto result = hn::DemoteTo(narrow, f(hn::PromoteTo(d, hn::LoadU(narrow, x + i))));
    hn::StoreU(result, narrow, out + i);
    visit(hn::PromoteTo(d, result), lanes);
  }
  if (i < count) {
    HWY_ALIGN float buffer[hn::MaxLanes(Doubles())] = {};
    std::copy(x + i, x + count, buffer);
    const auto result = hn::DemoteTo(narrow, f(hn::PromoteTo(d, hn::Load(narrow, buffer))));
    hn::Store(result, narrow, buffer);
    std::copy(buffer, buffer + (count - i), out + i);
    visit(hn::PromoteTo(d, result), count - i);
  }
}

struct Ignore {
  HWY_ATTR HWY_INLINE void operator()(Vector /*results*/, std::size_t /*valid*/) {}
};
struct Sum {
  Vector total;
  HWY_ATTR HWY_INLINE void operator()(Vector results, std::size_t valid) {
    total = hn::Add(total, hn::IfThenElseZero(hn::FirstN(Doubles(), valid), results));
  }
};

template <typename F>
void each(std::span<const float> x, std::span<float> out) {
  Ignore ignore;
  transform(x.data(), out.data(), x.size(), F(), ignore);
}

void evaluate_target(VectorFunction function, std::span<const float> x, std::span<float> out) {
  switch (function) {
    case VectorFunction::exp:
      return each<Exp>(x, out);
    case VectorFunction::tanh:
      return each<Tanh>(x, out);
    case VectorFunction::sigmoid:
      return each<Sigmoid>(x, out);
    case VectorFunction::erf:
      return each<Erf>(x, out);
    case VectorFunction::silu:
      return each<Silu>(x, out);
    case VectorFunction::gelu:
      return each<Gelu>(x, out);
    case VectorFunction::gelu_tanh:
      return each<GeluTanh>(x, out);
    case VectorFunction::gelu_sigmoid:
      return each<GeluSigmoid>(x, out);
    case VectorFunction::softplus:
      return each<Softplus>(x, out);
  }
}

struct ShiftedExp {
  Vector shift;
  HWY_ATTR HWY_INLINE Vector operator()(Vector x) const { return exp_of(hn::Sub(x, shift)); }
};

double exp_and_sum_target(std::span<const float> x, float shift, std::span<float> out) {
  const Doubles d;
  Sum sum{hn::Zero(d)};
  transform(x.data(), out.data(), x.size(), ShiftedExp{hn::Set(d, static_cast<double>(shift))}, sum);
  return hn::GetLane(hn::SumOfLanes(d, sum.total));
}

}  // namespace HWY_NAMESPACE
}  // namespace openane::reference
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace openane::reference {

HWY_EXPORT(evaluate_target);
HWY_EXPORT(exp_and_sum_target);

void evaluate(VectorFunction function, std::span<const float> x, std::span<float> out) {
  HWY_DYNAMIC_DISPATCH(evaluate_target)(function, x, out);
}

double exp_and_sum(std::span<const float> x, float shift, std::span<float> out) {
  return HWY_DYNAMIC_DISPATCH(exp_and_sum_target)(x, shift, out);
}

}  // namespace openane::reference
#endif
