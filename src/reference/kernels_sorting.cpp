// Operations that order or select elements by their value.
//
// Equal elements keep the order of their indices, and a NaN comes behind every number in either direction, as in
// NumPy's argsort, which apple/coremltools folds constants with (mil/ops/defs/iOS15/tensor_operation.py@e0e2f42b).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "mil/extents.h"
#include "reference/arguments.h"
#include "reference/held_type.h"
#include "reference/kernels.h"
#include "reference/parallel.h"
#include "reference/runs.h"

namespace openane::reference {
namespace {

template <typename T>
bool is_nan(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::isnan(value);
  } else {
    return false;
  }
}

/// A line of elements along an axis: every `stride`-th from `first`.
template <typename T>
struct Line {
  const T* first;
  std::int64_t stride;

  [[nodiscard]] T operator[](std::int64_t index) const { return first[index * stride]; }

  [[nodiscard]] bool is_before(std::int64_t a, std::int64_t b, bool ascending) const {
    const T left = (*this)[a];
    const T right = (*this)[b];
    if (is_nan(left) || is_nan(right)) {
      return is_nan(left) == is_nan(right) ? a < b : is_nan(right);
    }
    return left == right ? a < b : (left < right) == ascending;
  }
};

/// The indices of the `count` first elements of each line along an axis, in order: `visit(line, place, indices)`, where
/// the results of a line lie from `place` on with the line's own stride.
template <typename T, typename Visit>
void sort_lines(const Array& x, const AxisSplit& split, std::int64_t count, bool ascending, unsigned threads,
                const Visit& visit) {
  const T* elements = x.elements<T>().data();
  const std::int64_t lines = x.count() == 0 ? 0 : split.outer * split.inner;
  parallel_for(
      lines, 1 + 4096 / std::max<std::int64_t>(split.extent, 1), threads, [&](std::int64_t begin, std::int64_t end) {
        std::vector<std::int64_t> order(static_cast<std::size_t>(split.extent));
        for (std::int64_t i = begin; i < end; ++i) {
          const std::int64_t outer = i / split.inner;
          const std::int64_t inner = i % split.inner;
          const Line<T> line{elements + outer * split.extent * split.inner + inner, split.inner};
          std::iota(order.begin(), order.end(), std::int64_t{0});
          std::partial_sort(order.begin(), order.begin() + count, order.end(),
                            [&](auto a, auto b) { return line.is_before(a, b, ascending); });
          visit(line, outer * count * split.inner + inner, std::span(order).first(static_cast<std::size_t>(count)));
        }
      });
}

void store_indices(const Array& out, std::int64_t place, std::int64_t stride, std::span<const std::int64_t> indices) {
  std::int32_t* to = out.writable<std::int32_t>().data() + place;
  for (const std::int64_t index : indices) {
    *to = static_cast<std::int32_t>(index);
    to += stride;
  }
}

Result<void> check_extent(std::int64_t extent, std::int64_t most) {
  if (extent > most) {
    return refuse(fmt::format("indices into {} elements do not fit the type of the result", extent));
  }
  return {};
}

Result<void> argsort(Call& call) {
  const Array& x = call.array("x");
  OPENANE_TRY(const std::size_t axis, axis_argument(call, "axis", x.rank()));
  const bool ascending = call.boolean("ascending").value_or(false);
  OPENANE_CHECK(check_extent(x.shape()[axis], std::int64_t{1} << 31));
  OPENANE_TRY(Array out, call.allocate(0, x.shape()));
  const AxisSplit split = split_at(x.shape(), axis);
  OPENANE_CHECK(with_held_type(x.holding(), [&](auto zero) -> Result<void> {
    using T = decltype(zero);
    sort_lines<T>(x, split, split.extent, ascending, call.threads(),
                  [&](const auto&, auto place, auto indices) { store_indices(out, place, split.inner, indices); });
    return {};
  }));
  call.give(0, std::move(out));
  return {};
}

/// k, or the whole axis for -1 (from ios17 on).
Result<std::int64_t> wanted_count(const Call& call, std::int64_t extent) {
  OPENANE_TRY(const std::int64_t k, integer_argument(call, "k"));
  if (k == -1 && call.signature().find("output_indices_dtype") != nullptr) {
    return extent;
  }
  if (k < 0 || k > extent) {
    return refuse(fmt::format("the first {} of {}", k, extent));
  }
  return k;
}

Result<void> topk(Call& call) {
  const Array& x = call.array("x");
  OPENANE_TRY(const std::size_t axis, axis_argument(call, "axis", x.rank()));
  const AxisSplit split = split_at(x.shape(), axis);
  OPENANE_TRY(const std::int64_t count, wanted_count(call, split.extent));
  const bool ascending = call.boolean("ascending").value_or(false);
  const bool with_indices = call.output_count() > 1;
  Shape shape = x.shape();
  shape[axis] = count;
  OPENANE_TRY(Array values, call.allocate(0, shape));
  Array indices;
  if (with_indices) {
    OPENANE_TRY(indices, call.allocate(1, shape));
    const bool is_short = indices.type() == mil::DataType::uint16;
    OPENANE_CHECK(check_extent(split.extent, is_short ? std::int64_t{1} << 16 : std::int64_t{1} << 31));
  }
  OPENANE_CHECK(with_held_type(x.holding(), [&](auto zero) -> Result<void> {
    using T = decltype(zero);
    T* to = values.writable<T>().data();
    sort_lines<T>(x, split, count, ascending, call.threads(), [&](const auto& line, auto place, auto order) {
      for (std::size_t i = 0; i < order.size(); ++i) {
        to[place + static_cast<std::int64_t>(i) * split.inner] = line[order[i]];
      }
      if (with_indices) {
        store_indices(indices, place, split.inner, order);
      }
    });
    return {};
  }));
  call.give(0, std::move(values));
  if (with_indices) {
    call.give(1, std::move(indices));
  }
  return {};
}

/// Writes the index of element `linear` along every axis.
void store_position(std::int64_t linear, const Shape& shape, std::int32_t* to) {
  for (std::size_t i = shape.size(); i-- > 0;) {
    to[i] = static_cast<std::int32_t>(linear % shape[i]);
    linear /= shape[i];
  }
}

Result<void> non_zero(Call& call) {
  const Array& x = call.array("x");
  return with_held_type(x.holding(), [&](auto zero) -> Result<void> {
    using T = decltype(zero);
    const std::span<const T> elements = x.elements<T>();
    const auto count = std::ranges::count_if(elements, [](T element) { return element != T{}; });
    OPENANE_TRY(Array out, call.allocate(0, {count, static_cast<std::int64_t>(x.rank())}));
    std::int32_t* to = out.writable<std::int32_t>().data();
    for (std::size_t i = 0; i < elements.size(); ++i) {
      if (elements[i] != T{}) {
        store_position(static_cast<std::int64_t>(i), x.shape(), to);
        to += x.rank();
      }
    }
    call.give(0, std::move(out));
    return {};
  });
}

constexpr NamedKernel kKernels[] = {
    {"argsort", argsort},
    {"topk", topk},
    {"non_zero", non_zero},
};

}  // namespace

std::span<const NamedKernel> sorting_kernels() { return kKernels; }

}  // namespace openane::reference
