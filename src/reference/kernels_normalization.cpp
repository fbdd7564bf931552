// Normalisations, softmax and cumsum. Means, variances and sums are computed in fp64.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "mil/extents.h"
#include "reference/axes.h"
#include "reference/kernels.h"
#include "reference/parallel.h"
#include "reference/rounding.h"
#include "reference/softmax.h"

namespace openane::reference {
namespace {

std::int64_t grain_of(std::int64_t elements) { return (1 << 14) / (elements + 1) + 1; }

/// Elements of an optional argument; nothing when it is absent. It must have `count`.
template <typename Real>
Result<std::span<const Real>> weights(const Call& call, std::string_view name, std::int64_t count) {
  if (!call.has(name)) {
    return std::span<const Real>();
  }
  if (call.array(name).count() != count) {
    return fail(ErrorCategory::malformed_input,
                fmt::format("{} has {} elements, expected {}", name, call.array(name).count(), count));
  }
  return call.array(name).elements<Real>();
}

Result<void> check_rank(const Array& x, std::size_t least) {
  if (x.rank() < least) {
    return fail(ErrorCategory::malformed_input,
                fmt::format("x must have at least rank {}, found {}", least, mil::describe(x.shape())));
  }
  return {};
}

/// gamma (x - mean) / deviation + beta over neighbours with the same factors.
template <typename Real>
void normalise_row(const Real* x, Real* out, std::int64_t count, double mean, double scale, double beta) {
  const auto center = static_cast<Real>(mean);
  const auto factor = static_cast<Real>(scale);
  const auto shift = static_cast<Real>(beta);
  for (std::int64_t i = 0; i < count; ++i) {
    out[i] = (x[i] - center) * factor + shift;
  }
}

/// Calls `row(plane, channel, x, out, elements)` for each plane of x [N, C, *D].
template <typename Real, typename Row>
Result<void> by_planes(Call& call, const Row& row) {
  const Array& x = call.array("x");
  OPENANE_TRY(Array out, call.allocate(0, x.shape()));
  const std::int64_t channels = x.shape()[1];
  const std::int64_t planes = x.shape()[0] * channels;
  const std::int64_t plane = mil::product(x.shape(), 2, x.rank());
  const Real* const from = x.elements<Real>().data();
  Real* const to = out.writable<Real>().data();
  parallel_for(planes, grain_of(plane), call.threads(), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      row(static_cast<std::size_t>(p % channels), from + p * plane, to + p * plane, plane);
    }
  });
  call.give(0, std::move(out));
  return {};
}

template <typename Real>
double or_else(std::span<const Real> values, std::size_t index, double fallback) {
  return values.empty() ? fallback : static_cast<double>(values[index]);
}

template <typename Real>
Result<void> batch_norm(Call& call) {
  OPENANE_CHECK(check_rank(call.array("x"), 2));
  const std::int64_t channels = call.array("x").shape()[1];
  OPENANE_TRY(const auto mean, weights<Real>(call, "mean", channels));
  OPENANE_TRY(const auto variance, weights<Real>(call, "variance", channels));
  OPENANE_TRY(const auto gamma, weights<Real>(call, "gamma", channels));
  OPENANE_TRY(const auto beta, weights<Real>(call, "beta", channels));
  const double epsilon = *call.number("epsilon");
  return by_planes<Real>(call, [=](std::size_t channel, const Real* x, Real* out, std::int64_t count) {
    const double scale = or_else(gamma, channel, 1) / std::sqrt(static_cast<double>(variance[channel]) + epsilon);
    normalise_row(x, out, count, static_cast<double>(mean[channel]), scale, or_else(beta, channel, 0));
  });
}

struct Moments {
  double mean;
  double variance;  ///< Biased.
};

template <typename Real>
double sum_of(const Real* x, std::int64_t count, double center, bool squares) {
  constexpr std::int64_t kLanes = 8;
  double sums[kLanes] = {};
  std::int64_t i = 0;
  const auto term = [&](Real value) {
    const double centered = static_cast<double>(value) - center;
    return squares ? centered * centered : centered;
  };
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      sums[lane] += term(x[i + lane]);
    }
  }
  for (; i < count; ++i) {
    sums[0] += term(x[i]);
  }
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

template <typename Real>
Moments moments_of(const Real* x, std::int64_t count) {
  const auto elements = static_cast<double>(count);
  const double mean = sum_of(x, count, 0, false) / elements;
  return {mean, sum_of(x, count, mean, true) / elements};
}

template <typename Real>
Result<void> instance_norm(Call& call) {
  OPENANE_CHECK(check_rank(call.array("x"), 2));
  const std::int64_t channels = call.array("x").shape()[1];
  OPENANE_TRY(const auto gamma, weights<Real>(call, "gamma", channels));
  OPENANE_TRY(const auto beta, weights<Real>(call, "beta", channels));
  const double epsilon = *call.number("epsilon");
  return by_planes<Real>(call, [=](std::size_t channel, const Real* x, Real* out, std::int64_t count) {
    const Moments moments = moments_of(x, count);
    normalise_row(x, out, count, moments.mean, or_else(gamma, channel, 1) / std::sqrt(moments.variance + epsilon),
                  or_else(beta, channel, 0));
  });
}

/// x / sqrt(sum x^2 + epsilon) over the last three axes.
template <typename Real>
Result<void> l2_norm(Call& call) {
  const Array& x = call.array("x");
  OPENANE_CHECK(check_rank(x, 3));
  OPENANE_TRY(Array out, call.allocate(0, x.shape()));
  const double epsilon = *call.number("epsilon");
  const std::int64_t rows = mil::product(x.shape(), 0, x.rank() - 3);
  const std::int64_t count = mil::product(x.shape(), x.rank() - 3, x.rank());
  const Real* const from = x.elements<Real>().data();
  Real* const to = out.writable<Real>().data();
  parallel_for(rows, grain_of(count), call.threads(), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const double size = std::sqrt(sum_of(from + row * count, count, 0, true) + epsilon);
      normalise_row(from + row * count, to + row * count, count, 0, 1 / size, 0);
    }
  });
  call.give(0, std::move(out));
  return {};
}

/// One group of a layer norm whose elements are neighbours.
template <typename Real>
void layer_norm_row(std::span<const Real> x, std::span<Real> out, std::span<const Real> gamma,
                    std::span<const Real> beta, double epsilon) {
  const Moments moments = moments_of(x.data(), std::ssize(x));
  const auto mean = static_cast<Real>(moments.mean);
  const auto scale = static_cast<Real>(1 / std::sqrt(moments.variance + epsilon));
  for (std::size_t i = 0; i < x.size(); ++i) {
    out[i] = (x[i] - mean) * scale;
  }
  if (!gamma.empty()) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      out[i] *= gamma[i];
    }
  }
  if (!beta.empty()) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      out[i] += beta[i];
    }
  }
}

template <typename Real>
Result<void> layer_norm(Call& call) {
  const Array& x = call.array("x");
  OPENANE_TRY(std::vector<bool> axes, named_axes(call, "axes", x.rank()));
  const AxisSplit split = split_axes(x.shape(), std::move(axes));
  OPENANE_TRY(const auto gamma, weights<Real>(call, "gamma", split.reduced_count));
  OPENANE_TRY(const auto beta, weights<Real>(call, "beta", split.reduced_count));
  OPENANE_TRY(Array out, call.allocate(0, x.shape()));
  const double epsilon = *call.number("epsilon");
  const auto count = static_cast<std::size_t>(split.reduced_count);
  const auto from = x.elements<Real>();
  const auto to = out.writable<Real>();
  const bool is_rows = split.view && split.view->inner == 1;
  const std::vector<std::int64_t> kept = is_rows ? std::vector<std::int64_t>() : split.kept_offsets();
  const std::vector<std::int64_t> reduced = is_rows ? std::vector<std::int64_t>() : split.reduced_offsets();
  parallel_for(
      split.kept_count, grain_of(split.reduced_count), call.threads(), [&](std::int64_t begin, std::int64_t end) {
        std::vector<Real> group(is_rows ? 0 : count);
        for (auto k = static_cast<std::size_t>(begin); k < static_cast<std::size_t>(end); ++k) {
          if (is_rows) {
            layer_norm_row<Real>(from.subspan(k * count, count), to.subspan(k * count, count), gamma, beta, epsilon);
            continue;
          }
          for (std::size_t i = 0; i < count; ++i) {
            group[i] = from[static_cast<std::size_t>(kept[k] + reduced[i])];
          }
          layer_norm_row<Real>(group, group, gamma, beta, epsilon);
          for (std::size_t i = 0; i < count; ++i) {
            to[static_cast<std::size_t>(kept[k] + reduced[i])] = group[i];
          }
        }
      });
  call.give(0, std::move(out));
  return {};
}

/// Channels are the third axis from the end, also in a tensor of rank 3, where the definition's words have them in the
/// second: Core ML's own test of rank 3 (apple/coremltools@e0e2f42
/// coremltools/converters/mil/mil/ops/tests/iOS14/test_normalization.py) expects so. The window reaches size/2 channels
/// back and (size-1)/2 ahead; channels that are not there count as 0 and `size` stays what is divided by.
template <typename Real>
Result<void> local_response_norm(Call& call) {
  const Array& x = call.array("x");
  OPENANE_CHECK(check_rank(x, 3));
  const std::int64_t size = call.integer("size").value_or(0);
  if (size < 1) {
    return fail(ErrorCategory::malformed_input, fmt::format("size must be positive, found {}", size));
  }
  OPENANE_TRY(Array out, call.allocate(0, x.shape()));
  const double alpha = *call.number("alpha") / static_cast<double>(size);
  const double beta = *call.number("beta");
  const double k = *call.number("k");
  const std::int64_t channels = x.shape()[x.rank() - 3];
  const std::int64_t plane = mil::product(x.shape(), x.rank() - 2, x.rank());
  const Real* const from = x.elements<Real>().data();
  Real* const to = out.writable<Real>().data();
  parallel_for(mil::product(x.shape(), 0, x.rank() - 2), grain_of(plane * size), call.threads(),
               [&](std::int64_t begin, std::int64_t end) {
                 std::vector<double> sums(static_cast<std::size_t>(plane));
                 for (std::int64_t p = begin; p < end; ++p) {
                   const std::int64_t channel = p % channels;
                   const std::int64_t first = std::max<std::int64_t>(channel - size / 2, 0);
                   const std::int64_t last = std::min(channel + (size - 1) / 2, channels - 1);
                   std::ranges::fill(sums, 0);
                   for (std::int64_t c = first; c <= last; ++c) {
                     const Real* const row = from + (p - channel + c) * plane;
                     for (std::size_t i = 0; i < sums.size(); ++i) {
                       sums[i] += static_cast<double>(row[i]) * static_cast<double>(row[i]);
                     }
                   }
                   for (std::size_t i = 0; i < sums.size(); ++i) {
                     const auto value = static_cast<double>(from[p * plane + static_cast<std::int64_t>(i)]);
                     to[p * plane + static_cast<std::int64_t>(i)] =
                         static_cast<Real>(value / std::pow(k + alpha * sums[i], beta));
                   }
                 }
               });
  call.give(0, std::move(out));
  return {};
}

/// Calls `line(x, out)` for each line along the axis, neighbours in memory or gathered.
template <typename T, typename Line>
Result<void> by_lines(Call& call, std::int64_t axis, const Line& line) {
  const Array& x = call.array("x");
  OPENANE_TRY(const AxisView view, view_along(x.shape(), axis));
  OPENANE_TRY(Array out, call.allocate(0, x.shape()));
  const auto from = x.elements<T>();
  const auto to = out.writable<T>();
  const auto count = static_cast<std::size_t>(view.extent);
  const auto inner = static_cast<std::size_t>(view.inner);
  parallel_for(view.outer * view.inner, grain_of(view.extent), call.threads(),
               [&](std::int64_t begin, std::int64_t end) {
                 std::vector<T> gathered(inner == 1 ? 0 : count);
                 for (auto k = static_cast<std::size_t>(begin); k < static_cast<std::size_t>(end); ++k) {
                   if (inner == 1) {
                     line(from.subspan(k * count, count), to.subspan(k * count, count));
                     continue;
                   }
                   const std::size_t first = k / inner * count * inner + k % inner;
                   for (std::size_t i = 0; i < count; ++i) {
                     gathered[i] = from[first + i * inner];
                   }
                   line(std::span<const T>(gathered), std::span<T>(gathered));
                   for (std::size_t i = 0; i < count; ++i) {
                     to[first + i * inner] = gathered[i];
                   }
                 }
               });
  call.give(0, std::move(out));
  return {};
}

template <typename Real>
Result<void> softmax(Call& call) {
  return by_lines<Real>(call, call.integer("axis").value_or(-1), softmax_row<Real>);
}

template <typename T>
Result<void> cumsum_of(Call& call) {
  const bool exclusive = call.boolean("exclusive").value_or(false);
  const bool reverse = call.boolean("reverse").value_or(false);
  return by_lines<T>(call, call.integer("axis").value_or(0), [=](std::span<const T> x, std::span<T> out) {
    using Total = std::conditional_t<std::is_same_v<T, std::int32_t>, std::int64_t, double>;
    Total total = 0;
    for (std::size_t step = 0; step < x.size(); ++step) {
      const std::size_t i = reverse ? x.size() - 1 - step : step;
      const Total next = total + static_cast<Total>(x[i]);
      const Total given = exclusive ? total : next;
      if constexpr (std::is_same_v<T, std::int32_t>) {
        out[i] = wrapped(given);
      } else {
        out[i] = static_cast<T>(given);
      }
      total = next;
    }
  });
}

Result<void> cumsum(Call& call) {
  switch (call.array("x").holding()) {
    case Holding::int32:
      return cumsum_of<std::int32_t>(call);
    case Holding::fp64:
      return cumsum_of<double>(call);
    default:
      return cumsum_of<float>(call);
  }
}

constexpr NamedKernel kKernels[] = {
    {"batch_norm", by_real<batch_norm<float>, batch_norm<double>>},
    {"cumsum", cumsum},
    {"instance_norm", by_real<instance_norm<float>, instance_norm<double>>},
    {"l2_norm", by_real<l2_norm<float>, l2_norm<double>>},
    {"layer_norm", by_real<layer_norm<float>, layer_norm<double>>},
    {"local_response_norm", by_real<local_response_norm<float>, local_response_norm<double>>},
    {"softmax", by_real<softmax<float>, softmax<double>>},
};

}  // namespace

std::span<const NamedKernel> normalization_kernels() { return kKernels; }

}  // namespace openane::reference
