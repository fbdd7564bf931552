// Activation functions, softmax apart (it is no function of one element).
#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>

#include "reference/elementwise.h"
#include "reference/kernels.h"
#include "reference/vector_math.h"

namespace openane::reference {
namespace {

template <typename Real>
Real parameter(const Call& call, std::string_view name) {
  return static_cast<Real>(*call.number(name));
}

template <typename Real>
struct Alpha {
  Real alpha;
  explicit Alpha(const Call& call) : alpha(parameter<Real>(call, "alpha")) {}
};
template <typename Real>
struct AlphaBeta : Alpha<Real> {
  Real beta;
  explicit AlphaBeta(const Call& call) : Alpha<Real>(call), beta(parameter<Real>(call, "beta")) {}
};

template <typename Real>
struct ClampedRelu : AlphaBeta<Real> {
  using AlphaBeta<Real>::AlphaBeta;
  Real operator()(Real x) const {
    const Real sloped = x < 0 ? this->alpha * x : x;
    return this->beta < sloped ? this->beta : sloped;
  }
};
template <typename Real>
struct Elu : Alpha<Real> {
  using Alpha<Real>::Alpha;
  Real operator()(Real x) const { return x < 0 ? this->alpha * std::expm1(x) : x; }
};
template <typename Real>
struct LeakyRelu : Alpha<Real> {
  using Alpha<Real>::Alpha;
  Real operator()(Real x) const { return x < 0 ? this->alpha * x : x; }
};
template <typename Real>
struct LinearActivation : AlphaBeta<Real> {
  using AlphaBeta<Real>::AlphaBeta;
  Real operator()(Real x) const { return this->alpha * x + this->beta; }
};
template <typename Real>
struct Relu {
  Real operator()(Real x) const { return x < 0 ? Real{0} : x; }
};
template <typename Real>
struct Relu6 {
  Real operator()(Real x) const {
    const Real above = x < 0 ? Real{0} : x;
    return above > 6 ? Real{6} : above;
  }
};
template <typename Real>
struct ScaledTanh : AlphaBeta<Real> {
  using AlphaBeta<Real>::AlphaBeta;
  Real operator()(Real x) const {
    return static_cast<Real>(this->alpha * std::tanh(static_cast<double>(this->beta) * static_cast<double>(x)));
  }
};
template <typename Real>
struct SigmoidHard : AlphaBeta<Real> {
  using AlphaBeta<Real>::AlphaBeta;
  Real operator()(Real x) const {
    const Real line = this->alpha * x + this->beta;
    const Real above = line < 0 ? Real{0} : line;
    return above > 1 ? Real{1} : above;
  }
};
template <typename Real>
struct Softsign {
  Real operator()(Real x) const { return std::isinf(x) ? std::copysign(Real{1}, x) : x / (1 + std::fabs(x)); }
};
template <typename Real>
struct ThresholdedRelu : Alpha<Real> {
  using Alpha<Real>::Alpha;
  Real operator()(Real x) const { return x < this->alpha ? Real{0} : x; }
};

double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }
double silu_of(double x) { return std::isinf(x) && x < 0 ? -0.0 : x * sigmoid_of(x); }
double softplus_of(double x) { return std::log1p(std::exp(-std::fabs(x))) + (x < 0 ? 0 : x); }
double gelu_of(double x) { return std::isinf(x) && x < 0 ? -0.0 : 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }
double gelu_tanh_of(double x) {
  const double inner = std::sqrt(8 / M_PI) * (x + 0.044715 * x * x * x);
  return std::isinf(x) && x < 0 ? -0.0 : x * sigmoid_of(inner);
}
double gelu_sigmoid_of(double x) { return std::isinf(x) && x < 0 ? -0.0 : x * sigmoid_of(1.702 * x); }

/// Vectors for fp32, `kFunction` for fp64.
template <VectorFunction kVector, double (*kFunction)(double), typename Real>
struct Vectorised {
  Real operator()(Real x) const { return kFunction(x); }
};
template <VectorFunction kVector, double (*kFunction)(double)>
struct Vectorised<kVector, kFunction, float> {
  void operator()(std::span<const float> x, std::span<float> out) const { evaluate(kVector, x, out); }
};
template <typename Real>
using Sigmoid = Vectorised<VectorFunction::sigmoid, sigmoid_of, Real>;
template <typename Real>
using Silu = Vectorised<VectorFunction::silu, silu_of, Real>;
template <typename Real>
using Softplus = Vectorised<VectorFunction::softplus, softplus_of, Real>;
template <typename Real>
using GeluExact = Vectorised<VectorFunction::gelu, gelu_of, Real>;
template <typename Real>
using GeluTanh = Vectorised<VectorFunction::gelu_tanh, gelu_tanh_of, Real>;
template <typename Real>
using GeluSigmoid = Vectorised<VectorFunction::gelu_sigmoid, gelu_sigmoid_of, Real>;

Result<void> gelu(Call& call) {
  constexpr NamedKernel kModes[] = {{"EXACT", unary<GeluExact>},
                                    {"TANH_APPROXIMATION", unary<GeluTanh>},
                                    {"SIGMOID_APPROXIMATION", unary<GeluSigmoid>}};
  const std::string mode = call.text("mode").value_or("EXACT");
  const auto* const row = std::ranges::find(kModes, mode, &NamedKernel::name);
  if (row == std::end(kModes)) {
    return fail(ErrorCategory::malformed_input,
                "gelu of mode '" + mode + "', expected EXACT, TANH_APPROXIMATION or SIGMOID_APPROXIMATION");
  }
  return row->kernel(call);
}

/// out[n, c, ...] = f(x[n, c, ...], parameters of channel c), the channel being axis 1.
template <typename Real, typename MakeFunction>
Result<void> by_channel(Call& call, const MakeFunction& function_of) {
  const Array& x = call.array("x");
  if (x.rank() < 2) {
    return fail(ErrorCategory::malformed_input, "x has no channels: its rank is " + std::to_string(x.rank()));
  }
  const std::int64_t channels = x.shape()[1];
  for (const std::string_view name : {"alpha", "beta"}) {
    if (call.has(name) && call.array(name).count() != channels) {
      return fail(ErrorCategory::malformed_input, std::string(name) + " has " +
                                                      std::to_string(call.array(name).count()) + " elements for " +
                                                      std::to_string(channels) + " channels");
    }
  }
  OPENANE_TRY(Array out, call.allocate(0, x.shape()));
  const std::int64_t planes = x.shape()[0] * channels;
  const std::int64_t plane = planes == 0 ? 0 : x.count() / planes;
  const Real* const from = x.elements<Real>().data();
  Real* const to = out.writable<Real>().data();
  parallel_for(planes, kElementGrain / std::max<std::int64_t>(plane, 1), call.threads(),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t p = begin; p < end; ++p) {
                   const auto f = function_of(static_cast<std::size_t>(p % channels));
                   std::transform(from + p * plane, from + (p + 1) * plane, to + p * plane, f);
                 }
               });
  call.give(0, std::move(out));
  return {};
}

template <typename Real>
Result<void> prelu(Call& call) {
  const auto alpha = call.array("alpha").elements<Real>();
  return by_channel<Real>(call, [alpha](std::size_t channel) {
    return [slope = alpha[channel]](Real x) { return x < 0 ? slope * x : x; };
  });
}

template <typename Real>
Result<void> softplus_parametric(Call& call) {
  const auto alpha = call.array("alpha").elements<Real>();
  const auto beta = call.array("beta").elements<Real>();
  return by_channel<Real>(call, [alpha, beta](std::size_t channel) {
    return [scale = static_cast<double>(alpha[channel]), inner = static_cast<double>(beta[channel])](Real x) {
      return static_cast<Real>(scale * softplus_of(inner * static_cast<double>(x)));
    };
  });
}

constexpr NamedKernel kKernels[] = {
    {"clamped_relu", unary<ClampedRelu>},
    {"elu", unary<Elu>},
    {"gelu", gelu},
    {"leaky_relu", unary<LeakyRelu>},
    {"linear_activation", unary<LinearActivation>},
    {"prelu", by_real<prelu<float>, prelu<double>>},
    {"relu", unary<Relu>},
    {"relu6", unary<Relu6>},
    {"scaled_tanh", unary<ScaledTanh>},
    {"sigmoid", unary<Sigmoid>},
    {"sigmoid_hard", unary<SigmoidHard>},
    {"silu", unary<Silu>},
    {"softplus", unary<Softplus>},
    {"softplus_parametric", by_real<softplus_parametric<float>, softplus_parametric<double>>},
    {"softsign", unary<Softsign>},
    {"thresholded_relu", unary<ThresholdedRelu>},
};

}  // namespace

std::span<const NamedKernel> activation_kernels() { return kKernels; }

}  // namespace openane::reference
