// Random tensors.
//
// Nobody has published the generator of Core ML, so these are other numbers of the same distribution. Ours are Philox
// words: element i of a result takes block i of the sequence its seed names. The seed is the op's, or, where it is -1
// or absent, one the run gives. A uniform number has as many random bits as its type can hold below 1 (24 for fp32, 11
// for fp16), so that rounding never makes it 1.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "mil/extents.h"
#include "reference/arguments.h"
#include "reference/kernels.h"
#include "reference/parallel.h"
#include "reference/philox.h"

namespace openane::reference {
namespace {

std::uint64_t seed_of(Call& call) {
  const std::int64_t seed = call.integer("seed").value_or(-1);
  return seed == -1 ? call.next_seed() : static_cast<std::uint64_t>(seed);
}

/// Bits of a uniform number that the result can hold exactly.
int uniform_bits(const Call& call, const Array& out) {
  if (call.precision() == Precision::fp16 || out.type() == mil::DataType::fp16) {
    return 11;
  }
  return call.precision() == Precision::fp64 ? 32 : 24;
}

/// In [0, 1).
double uniform(std::uint32_t word, int bits) { return std::ldexp(static_cast<double>(word >> (32 - bits)), -bits); }

/// In (0, 1]: a logarithm of it is finite.
double positive_uniform(std::uint32_t word) { return std::ldexp(static_cast<double>(word) + 1, -32); }

/// Box and Muller's: one of two normal numbers from two uniform ones.
double normal(const PhiloxBlock& block) {
  const double radius = std::sqrt(-2 * std::log(positive_uniform(block[0])));
  return radius * std::cos(2 * std::numbers::pi * positive_uniform(block[1]));
}

/// Gives a tensor of the shape the call asks for; element i is `draw(block i)`.
template <typename Real, typename Draw>
Result<void> give_drawn(Call& call, const Shape& shape, const Draw& draw) {
  if (std::ranges::any_of(shape, [](std::int64_t extent) { return extent < 0; })) {
    return refuse(fmt::format("a shape with a negative extent: {}", fmt::join(shape, "x")));
  }
  OPENANE_TRY(Array out, call.allocate(0, shape));
  const std::uint64_t seed = seed_of(call);
  const int bits = uniform_bits(call, out);
  const std::span<Real> elements = out.writable<Real>();
  parallel_for(out.count(), 1 << 12, call.threads(), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      elements[static_cast<std::size_t>(i)] =
          static_cast<Real>(draw(i, philox(seed, static_cast<std::uint64_t>(i)), bits));
    }
  });
  call.give(0, std::move(out));
  return {};
}

template <typename Real>
Result<void> random_uniform(Call& call) {
  OPENANE_TRY(const Shape shape, integers_argument(call, "shape"));
  OPENANE_TRY(const double low, number_argument(call, "low"));
  OPENANE_TRY(const double high, number_argument(call, "high"));
  if (high < low) {
    return unpublished(fmt::format("random_uniform with low {} above high {}", low, high));
  }
  return give_drawn<Real>(call, shape, [&](std::int64_t, const PhiloxBlock& block, int bits) {
    return low + (high - low) * uniform(block[0], bits);
  });
}

template <typename Real>
Result<void> random_normal(Call& call) {
  OPENANE_TRY(const Shape shape, integers_argument(call, "shape"));
  OPENANE_TRY(const double mean, number_argument(call, "mean"));
  OPENANE_TRY(const double deviation, number_argument(call, "stddev"));
  return give_drawn<Real>(
      call, shape, [&](std::int64_t, const PhiloxBlock& block, int) { return mean + deviation * normal(block); });
}

template <typename Real>
Result<void> random_bernoulli(Call& call) {
  OPENANE_TRY(const Shape shape, integers_argument(call, "shape"));
  OPENANE_TRY(const double probability, number_argument(call, "prob"));
  return give_drawn<Real>(call, shape, [&](std::int64_t, const PhiloxBlock& block, int) {
    return uniform(block[0], 32) < probability ? 1.0 : 0.0;
  });
}

/// Running sums of the weights of each row; the last one is the row's total.
template <typename Real>
Result<std::vector<double>> running_sums(const Array& x, bool are_logits) {
  const std::span<const Real> elements = x.elements<Real>();
  std::vector<double> sums(elements.size());
  const auto width = static_cast<std::size_t>(x.shape().back());
  for (std::size_t row = 0; row < elements.size(); row += width) {
    const double largest = *std::ranges::max_element(elements.subspan(row, width));
    double sum = 0;
    for (std::size_t i = row; i < row + width; ++i) {
      const auto element = static_cast<double>(elements[i]);
      sum += are_logits ? std::exp(element - largest) : element;
      sums[i] = sum;
      if (!are_logits && !(element >= 0)) {
        return refuse(fmt::format("a probability of {}", element));
      }
    }
    if (!(sum > 0 && std::isfinite(sum))) {
      return refuse(fmt::format("the weights of row {} add up to {}", row / width, sum));
    }
  }
  return sums;
}

template <typename Real>
Result<void> random_categorical(Call& call) {
  const Array& x = call.array("x");
  OPENANE_TRY(const std::string mode, text_argument(call, "mode"));
  OPENANE_TRY(const std::int64_t size, integer_argument(call, "size"));
  if (mode != "logits" && mode != "probs") {
    return unpublished(fmt::format("mode '{}', expected logits or probs", mode));
  }
  if (x.rank() == 0 || x.shape().back() == 0 || size < 0) {
    return refuse(fmt::format("{} draws from {}", size, mil::describe(x.shape())));
  }
  OPENANE_TRY(const std::vector<double> sums, running_sums<Real>(x, mode == "logits"));
  Shape shape = x.shape();
  const std::int64_t width = shape.back();
  shape.back() = size;
  return give_drawn<Real>(call, shape, [&](std::int64_t i, const PhiloxBlock& block, int) {
    const auto row =
        std::span(sums).subspan(static_cast<std::size_t>(i / size * width), static_cast<std::size_t>(width));
    const double drawn = uniform(block[0], 32) * row.back();
    return static_cast<double>(std::ranges::upper_bound(row, drawn) - row.begin());
  });
}

constexpr NamedKernel kKernels[] = {
    {"random_uniform", by_real<random_uniform<float>, random_uniform<double>>},
    {"random_normal", by_real<random_normal<float>, random_normal<double>>},
    {"random_bernoulli", by_real<random_bernoulli<float>, random_bernoulli<double>>},
    {"random_categorical", by_real<random_categorical<float>, random_categorical<double>>},
};

}  // namespace

std::span<const NamedKernel> random_kernels() { return kKernels; }

}  // namespace openane::reference
