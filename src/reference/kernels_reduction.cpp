// Reductions. Floating sums are kept in fp64 and rounded once. Integers: sums and products wrap around, and what is no
// integer (a mean, a root, a logarithm) loses its fraction.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "reference/axes.h"
#include "reference/held_type.h"
#include "reference/kernels.h"
#include "reference/parallel.h"
#include "reference/rounding.h"

namespace openane::reference {
namespace {

template <typename T>
constexpr bool kInteger = std::is_same_v<T, std::int32_t>;

/// Sums of integers as unsigned ones, where wrapping around is defined; of others in fp64.
template <typename T>
using Sum = std::conditional_t<kInteger<T>, std::uint64_t, double>;

// A fold: what it sums in, the start, how an element joins, and the result of `count` elements.

template <typename T>
struct Plain {
  using Total = Sum<T>;
  static constexpr Total kStart = 0;
  static Total add(Total total, T x) { return total + static_cast<Total>(x); }
  static Total join(Total a, Total b) { return a + b; }
  static Total finish(Total total, std::int64_t /*count*/) { return total; }
};
template <typename T>
struct Absolute : Plain<T> {
  using Total = Sum<T>;
  static Total add(Total total, T x) {
    return total + (x < 0 ? Total{0} - static_cast<Total>(x) : static_cast<Total>(x));
  }
};
template <typename T>
struct Squares : Plain<T> {
  using Total = Sum<T>;
  static Total add(Total total, T x) { return total + static_cast<Total>(x) * static_cast<Total>(x); }
};
template <typename T>
struct RootOfSquares : Plain<double> {
  static double add(double total, T x) { return total + static_cast<double>(x) * static_cast<double>(x); }
  static double finish(double total, std::int64_t /*count*/) { return std::sqrt(total); }
};
template <typename T>
struct Mean : Plain<double> {
  static double add(double total, T x) { return total + static_cast<double>(x); }
  static double finish(double total, std::int64_t count) { return total / static_cast<double>(count); }
};
template <typename T>
struct LogOfSum : Plain<double> {
  static double add(double total, T x) { return total + static_cast<double>(x); }
  static double finish(double total, std::int64_t /*count*/) { return std::log(total); }
};
template <typename T>
struct Product : Plain<T> {
  using Total = Sum<T>;
  static constexpr Total kStart = 1;
  static Total add(Total total, T x) { return total * static_cast<Total>(x); }
  static Total join(Total a, Total b) { return a * b; }
};
/// A NaN stays.
template <typename T>
struct Highest {
  using Total = T;
  static constexpr T kStart = kInteger<T> ? std::numeric_limits<T>::lowest() : -std::numeric_limits<T>::infinity();
  static constexpr bool kNeedsElements = true;
  static T add(T total, T x) { return x > total || is_nan(x) ? x : total; }
  static T join(T a, T b) { return add(a, b); }
  static T finish(T total, std::int64_t /*count*/) { return total; }
};
template <typename T>
struct Lowest {
  using Total = T;
  static constexpr T kStart = kInteger<T> ? std::numeric_limits<T>::max() : std::numeric_limits<T>::infinity();
  static constexpr bool kNeedsElements = true;
  static T add(T total, T x) { return x < total || is_nan(x) ? x : total; }
  static T join(T a, T b) { return add(a, b); }
  static T finish(T total, std::int64_t /*count*/) { return total; }
};

template <typename T, typename Total>
T as_element(Total total) {
  if constexpr (kInteger<T> && std::is_same_v<Total, std::uint64_t>) {
    return wrapped(static_cast<std::int64_t>(total));
  } else if constexpr (kInteger<T> && std::is_floating_point_v<Total>) {
    return to_integer(total);
  } else {
    return static_cast<T>(total);
  }
}

/// Neighbours: several totals side by side, so that additions do not wait for each other.
template <typename Fold, typename T>
typename Fold::Total fold_row(const T* x, std::int64_t count) {
  constexpr std::int64_t kLanes = 16;
  std::array<typename Fold::Total, kLanes> totals;
  totals.fill(Fold::kStart);
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      totals[static_cast<std::size_t>(lane)] = Fold::add(totals[static_cast<std::size_t>(lane)], x[i + lane]);
    }
  }
  for (; i < count; ++i) {
    totals[0] = Fold::add(totals[0], x[i]);
  }
  for (std::size_t lane = 1; lane < kLanes; ++lane) {
    totals[0] = Fold::join(totals[0], totals[lane]);
  }
  return totals[0];
}

/// [outer, extent, inner] along the middle, for pieces of `inner`.
template <typename Fold, typename T>
void fold_columns(const AxisView& view, const T* x, T* out, unsigned threads) {
  constexpr std::int64_t kPiece = 1024;
  const std::int64_t pieces = (view.inner + kPiece - 1) / kPiece;
  const std::int64_t work = std::min(view.inner, kPiece) * view.extent + 1;
  parallel_for(view.outer * pieces, (1 << 15) / work + 1, threads, [&](std::int64_t begin, std::int64_t end) {
    std::array<typename Fold::Total, kPiece> totals;
    for (std::int64_t index = begin; index < end; ++index) {
      const std::int64_t first = index % pieces * kPiece;
      const auto width = static_cast<std::size_t>(std::min(kPiece, view.inner - first));
      const T* from = x + index / pieces * view.extent * view.inner + first;
      std::fill_n(totals.begin(), width, Fold::kStart);
      for (std::int64_t i = 0; i < view.extent; ++i, from += view.inner) {
        for (std::size_t j = 0; j < width; ++j) {
          totals[j] = Fold::add(totals[j], from[j]);
        }
      }
      T* const to = out + index / pieces * view.inner + first;
      for (std::size_t j = 0; j < width; ++j) {
        to[j] = as_element<T>(Fold::finish(totals[j], view.extent));
      }
    }
  });
}

template <typename Fold, typename T>
void fold_all(const AxisSplit& split, const T* x, T* out, unsigned threads) {
  const std::int64_t count = split.reduced_count;
  if (split.view && split.view->inner > 1) {
    return fold_columns<Fold>(*split.view, x, out, threads);
  }
  const std::int64_t grain = (1 << 15) / (count + 1) + 1;
  if (split.view) {
    return parallel_for(split.kept_count, grain, threads, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t k = begin; k < end; ++k) {
        out[k] = as_element<T>(Fold::finish(fold_row<Fold>(x + k * count, count), count));
      }
    });
  }
  const std::vector<std::int64_t> kept = split.kept_offsets();
  const std::vector<std::int64_t> reduced = split.reduced_offsets();
  parallel_for(split.kept_count, grain, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      typename Fold::Total total = Fold::kStart;
      for (const std::int64_t offset : reduced) {
        total = Fold::add(total, x[kept[static_cast<std::size_t>(k)] + offset]);
      }
      out[k] = as_element<T>(Fold::finish(total, count));
    }
  });
}

/// ln(sum e^x), shifted by the largest element of each sum so that nothing overflows.
template <typename T>
void log_sum_exp(const AxisSplit& split, const T* x, T* out, unsigned threads) {
  const std::vector<std::int64_t> kept = split.kept_offsets();
  const std::vector<std::int64_t> reduced = split.reduced_offsets();
  const std::int64_t grain = (1 << 12) / (split.reduced_count + 1) + 1;
  parallel_for(split.kept_count, grain, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      const T* const from = x + kept[static_cast<std::size_t>(k)];
      double highest = -std::numeric_limits<double>::infinity();
      for (const std::int64_t offset : reduced) {
        highest = Highest<double>::add(highest, static_cast<double>(from[offset]));
      }
      const double shift = std::isinf(highest) ? 0 : highest;
      double sum = 0;
      for (const std::int64_t offset : reduced) {
        sum += std::exp(static_cast<double>(from[offset]) - shift);
      }
      out[k] = as_element<T>(std::log(sum) + shift);
    }
  });
}

/// `work(split, x, out, threads)` for the elements of x.
template <typename T, typename Work>
Result<void> reduce_with(Call& call, bool needs_elements, const Work& work) {
  const Array& x = call.array("x");
  OPENANE_TRY(std::vector<bool> axes, named_axes(call, "axes", x.rank()));
  const AxisSplit split = split_axes(x.shape(), std::move(axes));
  OPENANE_TRY(Array out, call.allocate(0, reduced_shape(split, call.boolean("keep_dims").value_or(false))));
  if (needs_elements && split.reduced_count == 0 && out.count() > 0) {
    return fail(ErrorCategory::malformed_input, "nothing has neither a largest nor a smallest element");
  }
  work(split, x.elements<T>().data(), out.writable<T>().data(), call.threads());
  call.give(0, std::move(out));
  return {};
}

template <template <typename> typename Fold>
Result<void> reduce(Call& call) {
  return with_number_type(call.array("x").holding(), [&]<typename T>(T) {
    return reduce_with<T>(call, requires { Fold<T>::kNeedsElements; }, fold_all<Fold<T>, T>);
  });
}

Result<void> reduce_log_sum_exp(Call& call) {
  return with_number_type(call.array("x").holding(),
                          [&]<typename T>(T) { return reduce_with<T>(call, false, log_sum_exp<T>); });
}

struct Greater {
  template <typename T>
  bool operator()(T a, T b) const {
    return a > b;
  }
};
struct Less {
  template <typename T>
  bool operator()(T a, T b) const {
    return a < b;
  }
};

/// The first of the best along the axis; the first NaN when there is one, as in NumPy.
template <typename T, typename Better>
void best_index(const AxisView& view, const T* x, std::int32_t* out, unsigned threads, const Better& better) {
  const std::int64_t grain = (1 << 15) / (view.extent * view.inner + 1) + 1;
  parallel_for(view.outer, grain, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin * view.inner; k < end * view.inner; ++k) {
      const T* const from = x + k / view.inner * view.extent * view.inner + k % view.inner;
      T best = from[0];
      std::int32_t at = 0;
      for (std::int64_t i = 1; i < view.extent && !is_nan(best); ++i) {
        const T value = from[i * view.inner];
        if (better(value, best) || is_nan(value)) {
          best = value;
          at = static_cast<std::int32_t>(i);
        }
      }
      out[k] = at;
    }
  });
}

template <typename Better>
Result<void> reduce_index(Call& call) {
  const Array& x = call.array("x");
  const std::int64_t axis = call.integer("axis").value_or(-1);
  OPENANE_TRY(const AxisView view, view_along(x.shape(), axis));
  std::vector<bool> reduced(x.rank(), false);
  reduced[static_cast<std::size_t>(axis < 0 ? axis + static_cast<std::int64_t>(x.rank()) : axis)] = true;
  const AxisSplit split = split_axes(x.shape(), std::move(reduced));
  OPENANE_TRY(Array out, call.allocate(0, reduced_shape(split, call.boolean("keep_dims").value_or(false))));
  if (view.extent == 0 && out.count() > 0) {
    return fail(ErrorCategory::malformed_input, "nothing has neither a largest nor a smallest element");
  }
  OPENANE_CHECK(with_number_type(call.array("x").holding(), [&]<typename T>(T) -> Result<void> {
    best_index(view, x.elements<T>().data(), out.writable<std::int32_t>().data(), call.threads(), Better());
    return {};
  }));
  call.give(0, std::move(out));
  return {};
}

constexpr NamedKernel kKernels[] = {
    {"reduce_argmax", reduce_index<Greater>},
    {"reduce_argmin", reduce_index<Less>},
    {"reduce_l1_norm", reduce<Absolute>},
    {"reduce_l2_norm", reduce<RootOfSquares>},
    {"reduce_log_sum", reduce<LogOfSum>},
    {"reduce_log_sum_exp", reduce_log_sum_exp},
    {"reduce_max", reduce<Highest>},
    {"reduce_mean", reduce<Mean>},
    {"reduce_min", reduce<Lowest>},
    {"reduce_prod", reduce<Product>},
    {"reduce_sum", reduce<Plain>},
    {"reduce_sum_square", reduce<Squares>},
};

}  // namespace

std::span<const NamedKernel> reduction_kernels() { return kKernels; }

}  // namespace openane::reference
