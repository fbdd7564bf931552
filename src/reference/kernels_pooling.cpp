// avg_pool, l2_pool, max_pool. A window is folded in two steps, so that the first runs along whole rows: the rows of
// the window into one row, then that row's elements. Sums are kept in fp64.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "mil/extents.h"
#include "reference/convolution.h"
#include "reference/kernels.h"
#include "reference/parallel.h"
#include "reference/rounding.h"

namespace openane::reference {
namespace {

struct Pool {
  std::int64_t planes = 1;
  Spatial in{1, 1, 1};
  Spatial out{1, 1, 1};
  Spatial kernel{1, 1, 1};
  Spatial stride{1, 1, 1};
  Spatial pad_before{0, 0, 0};
  Spatial padded_end{1, 1, 1};  ///< Where the padding behind ends, counted as the input is.
  bool counts_padding = true;
};

/// The part of an axis that a window covers.
struct Cover {
  std::int64_t first;
  std::int64_t last;    ///< One past.
  std::int64_t padded;  ///< Elements, with those in the padding; a window may also reach past that (ceil_mode).
};

Cover cover_of(const Pool& pool, std::size_t axis, std::int64_t window) {
  const std::int64_t first = window * pool.stride[axis] - pool.pad_before[axis];
  const std::int64_t end = first + pool.kernel[axis];
  const std::int64_t inside = std::max<std::int64_t>(first, 0);
  return {inside, std::max(inside, std::min(end, pool.in[axis])), std::min(end, pool.padded_end[axis]) - first};
}

struct Maximum {
  template <typename Real>
  using Sum = Real;
  template <typename Real>
  static constexpr Real kStart = -std::numeric_limits<Real>::infinity();
  template <typename Real>
  static Real first(Real value) {
    return value;
  }
  /// A NaN stays.
  template <typename Real>
  static Real add(Real sum, Real value) {
    // Both compared always: a branch would keep the loop from being vectorised.
    return (static_cast<int>(value > sum) | static_cast<int>(is_nan(value))) != 0 ? value : sum;
  }
  template <typename Real>
  static Real finish(Real sum, std::int64_t /*elements*/) {
    return sum;
  }
};

struct Average {
  template <typename Real>
  using Sum = double;
  template <typename Real>
  static constexpr double kStart = 0;
  static double first(double value) { return value; }
  static double add(double sum, double value) { return sum + value; }
  static double finish(double sum, std::int64_t elements) { return sum / static_cast<double>(elements); }
};

struct RootOfSquares {
  template <typename Real>
  using Sum = double;
  template <typename Real>
  static constexpr double kStart = 0;
  static double first(double value) { return value * value; }
  static double add(double sum, double value) { return sum + value; }
  static double finish(double sum, std::int64_t /*elements*/) { return std::sqrt(sum); }
};

/// One plane. `row` is scratch of in[2] elements.
template <typename Fold, typename Real, typename Sum>
void pool_plane(const Pool& pool, const Real* in, Real* out, std::vector<Sum>& row) {
  for (std::int64_t d = 0; d < pool.out[0]; ++d) {
    const Cover depth = cover_of(pool, 0, d);
    for (std::int64_t h = 0; h < pool.out[1]; ++h) {
      const Cover height = cover_of(pool, 1, h);
      std::ranges::fill(row, Fold::template kStart<Real>);
      for (std::int64_t id = depth.first; id < depth.last; ++id) {
        for (std::int64_t ih = height.first; ih < height.last; ++ih) {
          const Real* const from = in + (id * pool.in[1] + ih) * pool.in[2];
          for (std::size_t i = 0; i < row.size(); ++i) {
            row[i] = Fold::add(row[i], static_cast<Sum>(Fold::first(static_cast<Sum>(from[i]))));
          }
        }
      }
      const std::int64_t rows = (depth.last - depth.first) * (height.last - height.first);
      for (std::int64_t w = 0; w < pool.out[2]; ++w) {
        const Cover width = cover_of(pool, 2, w);
        Sum sum = Fold::template kStart<Real>;
        for (std::int64_t i = width.first; i < width.last; ++i) {
          sum = Fold::add(sum, row[static_cast<std::size_t>(i)]);
        }
        const std::int64_t elements =
            pool.counts_padding ? depth.padded * height.padded * width.padded : rows * (width.last - width.first);
        *out++ = static_cast<Real>(Fold::finish(sum, elements));
      }
    }
  }
}

Result<Pool> pool_of(const Call& call, const Shape& x) {
  Shape kernel = call.integers("kernel_sizes").value_or(Shape());
  if (x.size() < 3 || x.size() > 5 || kernel.size() + 2 != x.size() ||
      std::ranges::any_of(kernel, [](std::int64_t extent) { return extent < 1; })) {
    return fail(ErrorCategory::malformed_input,
                fmt::format("a window of {} over x {}", fmt::join(kernel, "x"), mil::describe(x)));
  }
  OPENANE_TRY(const mil::Window window, window_of(call, std::move(kernel)));
  const bool ceil_mode = call.boolean("ceil_mode").value_or(false);
  const bool is_same = window.pad_type == "same" || window.pad_type == "same_lower";
  Pool pool;
  pool.planes = x[0] * x[1];
  const std::size_t skipped = 5 - x.size();
  for (std::size_t i = 0; i < window.kernel.size(); ++i) {
    const std::size_t axis = skipped + i;
    pool.in[axis] = x[i + 2];
    OPENANE_TRY(pool.out[axis], window.windows(i, x[i + 2], ceil_mode));
    pool.kernel[axis] = window.kernel[i];
    pool.stride[axis] = (*window.strides)[i];
    pool.pad_before[axis] = window.padding_before(i, x[i + 2], pool.out[axis]);
    pool.padded_end[axis] = is_same
                                ? (pool.out[axis] - 1) * pool.stride[axis] - pool.pad_before[axis] + pool.kernel[axis]
                                : pool.in[axis] + (*window.pad)[2 * i + 1];
  }
  pool.counts_padding = !(call.signature().find("exclude_padding_from_average") != nullptr &&
                          call.boolean("exclude_padding_from_average").value_or(false));
  return pool;
}

template <typename Fold, typename Real>
Result<void> pool(Call& call) {
  using Sum = typename Fold::template Sum<Real>;
  const Array& x = call.array("x");
  OPENANE_TRY(const Pool geometry, pool_of(call, x.shape()));
  Shape shape{x.shape()[0], x.shape()[1]};
  shape.insert(shape.end(), geometry.out.end() - static_cast<std::ptrdiff_t>(x.rank() - 2), geometry.out.end());
  OPENANE_TRY(Array out, call.allocate(0, shape));
  const std::int64_t in_plane = geometry.in[0] * geometry.in[1] * geometry.in[2];
  const std::int64_t out_plane = geometry.out[0] * geometry.out[1] * geometry.out[2];
  const Real* const from = x.elements<Real>().data();
  Real* const to = out.writable<Real>().data();
  const std::int64_t work = out_plane * geometry.kernel[0] * geometry.kernel[1] * geometry.kernel[2] + 1;
  parallel_for(geometry.planes, (1 << 14) / work + 1, call.threads(), [&](std::int64_t begin, std::int64_t end) {
    std::vector<Sum> row(static_cast<std::size_t>(geometry.in[2]));
    for (std::int64_t plane = begin; plane < end; ++plane) {
      pool_plane<Fold>(geometry, from + plane * in_plane, to + plane * out_plane, row);
    }
  });
  call.give(0, std::move(out));
  return {};
}

constexpr NamedKernel kKernels[] = {
    {"avg_pool", by_real<pool<Average, float>, pool<Average, double>>},
    {"l2_pool", by_real<pool<RootOfSquares, float>, pool<RootOfSquares, double>>},
    {"max_pool", by_real<pool<Maximum, float>, pool<Maximum, double>>},
};

}  // namespace

std::span<const NamedKernel> pooling_kernels() { return kKernels; }

}  // namespace openane::reference
