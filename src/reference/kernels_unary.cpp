// Functions of one tensor. What the C library knows for fp32 only within an ulp or two goes through its double version.
#include <cmath>
#include <cstdlib>
#include <limits>

#include "reference/elementwise.h"
#include "reference/kernels.h"
#include "reference/rounding.h"
#include "reference/vector_math.h"

namespace openane::reference {
namespace {

template <double (*kFunction)(double), typename Real>
struct Wide {
  Real operator()(Real x) const { return static_cast<Real>(kFunction(static_cast<double>(x))); }
};

template <typename Real>
using Acos = Wide<std::acos, Real>;
template <typename Real>
using Asin = Wide<std::asin, Real>;
template <typename Real>
using Atan = Wide<std::atan, Real>;
template <typename Real>
using Atanh = Wide<std::atanh, Real>;
template <typename Real>
using Cosh = Wide<std::cosh, Real>;
template <typename Real>
using Sinh = Wide<std::sinh, Real>;
template <typename Real>
using Tan = Wide<std::tan, Real>;

/// A function that has a vector version for fp32.
template <VectorFunction kVector, double (*kFunction)(double), typename Real>
struct Vectorised : Wide<kFunction, Real> {};
template <VectorFunction kVector, double (*kFunction)(double)>
struct Vectorised<kVector, kFunction, float> {
  void operator()(std::span<const float> x, std::span<float> out) const { evaluate(kVector, x, out); }
};

template <typename Real>
using Exp = Vectorised<VectorFunction::exp, std::exp, Real>;
template <typename Real>
using Tanh = Vectorised<VectorFunction::tanh, std::tanh, Real>;
template <typename Real>
using Erf = Vectorised<VectorFunction::erf, std::erf, Real>;

template <typename Real>
struct Ceil {
  Real operator()(Real x) const { return std::ceil(x); }
};
template <typename Real>
struct Cos {
  Real operator()(Real x) const { return std::cos(x); }
};
template <typename Real>
struct Floor {
  Real operator()(Real x) const { return std::floor(x); }
};
/// Ties go to the even neighbour: the rounding mode of the process is the default one.
template <typename Real>
struct Round {
  Real operator()(Real x) const { return std::nearbyint(x); }
};
template <typename Real>
struct Sin {
  Real operator()(Real x) const { return std::sin(x); }
};
template <typename Real>
struct Sqrt {
  Real operator()(Real x) const { return std::sqrt(x); }
};

template <typename T>
struct Abs {
  T operator()(T x) const {
    if constexpr (std::integral<T>) {
      return x < 0 ? wrapped(-static_cast<std::int64_t>(x)) : x;
    } else {
      return std::fabs(x);
    }
  }
};
template <typename T>
struct Exp2 {
  T operator()(T x) const {
    if constexpr (std::integral<T>) {
      return to_integer(std::exp2(static_cast<double>(x)));
    } else {
      return std::exp2(x);
    }
  }
};
template <typename T>
struct Sign {
  T operator()(T x) const {
    if constexpr (std::floating_point<T>) {
      return x > 0 ? T{1} : x < 0 ? T{-1} : x * 0;  // NaN stays NaN
    } else {
      return x > 0 ? T{1} : x < 0 ? T{-1} : T{0};
    }
  }
};
template <typename T>
struct Square {
  T operator()(T x) const {
    if constexpr (std::integral<T>) {
      return wrapped(static_cast<std::int64_t>(x) * x);
    } else {
      return x * x;
    }
  }
};

template <typename Real>
struct Clip : Bounds<Real> {
  explicit Clip(const Call& call)
      : Bounds<Real>{static_cast<Real>(*call.number("alpha")), static_cast<Real>(*call.number("beta"))} {}
};

template <typename T>
struct Threshold {
  T low;
  explicit Threshold(const Call& call) : low(static_cast<T>(*call.number("alpha"))) {}
  T operator()(T x) const { return x < low ? low : x; }
};

/// `epsilon` as an element of `x`: the default of a signature is rounded to x's type, so log's 1e-45 is 0 for fp16.
double epsilon_of(const Call& call) { return round_to(call.array("x").type(), *call.number("epsilon")); }

template <typename Real>
struct Inverse {
  Real epsilon;
  explicit Inverse(const Call& call) : epsilon(static_cast<Real>(epsilon_of(call))) {}
  Real operator()(Real x) const { return 1 / (x + epsilon); }
};
template <typename Real>
struct Log {
  Real epsilon;
  explicit Log(const Call& call) : epsilon(static_cast<Real>(epsilon_of(call))) {}
  Real operator()(Real x) const { return std::log(x + epsilon); }
};
template <typename Real>
struct ReciprocalRoot {
  Real epsilon;
  explicit ReciprocalRoot(const Call& call) : epsilon(static_cast<Real>(epsilon_of(call))) {}
  Real operator()(Real x) const { return 1 / std::sqrt(x + epsilon); }
};

struct Not {
  std::uint8_t operator()(std::uint8_t x) const { return x == 0 ? 1 : 0; }
};

constexpr NamedKernel kKernels[] = {
    {"abs", unary_or_integer<Abs>},
    {"acos", unary<Acos>},
    {"asin", unary<Asin>},
    {"atan", unary<Atan>},
    {"atanh", unary<Atanh>},
    {"ceil", unary<Ceil>},
    {"clip", unary<Clip>},
    {"cos", unary<Cos>},
    {"cosh", unary<Cosh>},
    {"erf", unary<Erf>},
    {"exp", unary<Exp>},
    {"exp2", unary_or_integer<Exp2>},
    {"floor", unary<Floor>},
    {"inverse", unary<Inverse>},
    {"log", unary<Log>},
    {"logical_not", map_x<Not, std::uint8_t>},
    {"round", unary<Round>},
    {"rsqrt", unary<ReciprocalRoot>},
    {"sign", unary_or_integer<Sign>},
    {"sin", unary<Sin>},
    {"sinh", unary<Sinh>},
    {"sqrt", unary<Sqrt>},
    {"square", unary_or_integer<Square>},
    {"tan", unary<Tan>},
    {"tanh", unary<Tanh>},
    {"threshold", unary_or_integer<Threshold>},
};

}  // namespace

std::span<const NamedKernel> unary_kernels() { return kKernels; }

}  // namespace openane::reference
