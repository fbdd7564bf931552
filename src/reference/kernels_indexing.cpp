// Gathers. Each finds, for every run of its result, the run of x to copy; the runs are as long as the axes behind the
// addressed ones allow.
#include <fmt/format.h>

#include <algorithm>

#include "mil/extents.h"
#include "reference/arguments.h"
#include "reference/kernels.h"
#include "reference/parallel.h"
#include "reference/runs.h"

namespace openane::reference {
namespace {

constexpr std::int64_t kElementsWorthThread = 1 << 16;

/// Run i of the result is run `source(i)` of x, `length` elements each.
template <typename T, typename Source>
void copy_runs(const Array& x, const Array& out, std::int64_t length, unsigned threads, const Source& source) {
  if (out.count() == 0) {
    return;
  }
  const T* from = x.elements<T>().data();
  T* to = out.writable<T>().data();
  parallel_for(out.count() / length, kElementsWorthThread / length, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      std::copy_n(from + source(i) * length, length, to + i * length);
    }
  });
}

template <typename Source>
Result<void> give_runs(Call& call, const Shape& shape, std::int64_t length, const Source& source) {
  const Array& x = call.array("x");
  OPENANE_TRY(Array out, call.allocate(0, shape));
  switch (x.holding()) {
    case Holding::fp32:
      copy_runs<float>(x, out, length, call.threads(), source);
      break;
    case Holding::fp64:
      copy_runs<double>(x, out, length, call.threads(), source);
      break;
    case Holding::int32:
      copy_runs<std::int32_t>(x, out, length, call.threads(), source);
      break;
    case Holding::boolean:
      copy_runs<std::uint8_t>(x, out, length, call.threads(), source);
      break;
    case Holding::text:
      return fail(ErrorCategory::internal, "strings are not gathered");
  }
  call.give(0, std::move(out));
  return {};
}

/// Leading axes that x and the indices have in common; 0 before ios16.
Result<std::size_t> batch_axes(const Call& call, const Shape& x, const Shape& indices, std::size_t most) {
  const std::int64_t batch =
      call.signature().find("batch_dims") != nullptr ? call.integer("batch_dims").value_or(0) : 0;
  const auto count = static_cast<std::size_t>(batch);
  if (batch < 0 || count > most || !std::equal(x.begin(), x.begin() + batch, indices.begin())) {
    return refuse(fmt::format("batch_dims {} of x {} and indices {}", batch, mil::describe(x), mil::describe(indices)));
  }
  return count;
}

Result<void> gather(Call& call) {
  const Array& indices = call.array("indices");
  const Shape& x = call.array("x").shape();
  OPENANE_TRY(const std::size_t axis, axis_argument(call, "axis", x.size()));
  OPENANE_TRY(const std::size_t batch, batch_axes(call, x, indices.shape(), std::min(axis, indices.rank())));
  OPENANE_TRY(const auto where, checked_indices(indices, x[axis], takes_negative_indices(call)));
  Shape shape(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(axis));
  shape.insert(shape.end(), indices.shape().begin() + static_cast<std::ptrdiff_t>(batch), indices.shape().end());
  shape.insert(shape.end(), x.begin() + static_cast<std::ptrdiff_t>(axis) + 1, x.end());
  // The result is [batch, between, taken, inner]; indices are [batch, taken].
  const std::int64_t between = mil::product(x, batch, axis);
  const std::int64_t taken = mil::product(indices.shape(), batch, indices.rank());
  const AxisSplit split = split_at(x, axis);
  return give_runs(call, shape, split.inner, [&](std::int64_t run) {
    const std::int64_t outer = run / taken;
    const std::int64_t position = outer / between * taken + run % taken;
    return outer * split.extent + where[static_cast<std::size_t>(position)];
  });
}

Result<void> gather_along_axis(Call& call) {
  const Array& indices = call.array("indices");
  const Shape& x = call.array("x").shape();
  OPENANE_TRY(const std::size_t axis, axis_argument(call, "axis", x.size()));
  Shape expected = x;
  expected[axis] = indices.rank() == x.size() ? indices.shape()[axis] : -1;
  if (indices.shape() != expected) {
    return refuse(fmt::format("indices {} must agree with x {} in every axis but {}", mil::describe(indices.shape()),
                              mil::describe(x), axis));
  }
  OPENANE_TRY(const auto where, checked_indices(indices, x[axis], takes_negative_indices(call)));
  const AxisSplit split = split_at(x, axis);
  const std::int64_t taken = indices.shape()[axis] * split.inner;
  return give_runs(call, indices.shape(), 1, [&](std::int64_t element) {
    const std::int64_t outer = element / taken;
    return (outer * split.extent + where[static_cast<std::size_t>(element)]) * split.inner + element % split.inner;
  });
}

Result<void> gather_nd(Call& call) {
  const Array& indices = call.array("indices");
  const Shape& x = call.array("x").shape();
  if (indices.rank() == 0) {
    return refuse("indices must have at least one axis");
  }
  OPENANE_TRY(const std::size_t batch, batch_axes(call, x, indices.shape(), std::min(indices.rank() - 1, x.size())));
  const std::size_t addressed = batch + static_cast<std::size_t>(indices.shape().back());
  if (addressed > x.size()) {
    return refuse(
        fmt::format("indices {} address {} axes of {}", mil::describe(indices.shape()), addressed, mil::describe(x)));
  }
  OPENANE_TRY(const auto where, checked_tuples(indices, x, batch, takes_negative_indices(call)));
  Shape shape(indices.shape().begin(), indices.shape().end() - 1);
  shape.insert(shape.end(), x.begin() + static_cast<std::ptrdiff_t>(addressed), x.end());
  const std::int64_t rows = mil::product(indices.shape(), batch, indices.rank() - 1);  // of one batch entry
  const std::int64_t runs = mil::product(x, batch, addressed);
  return give_runs(call, shape, mil::product(x, addressed, x.size()),
                   [&](std::int64_t row) { return row / rows * runs + where[static_cast<std::size_t>(row)]; });
}

constexpr NamedKernel kKernels[] = {
    {"gather", gather},
    {"gather_along_axis", gather_along_axis},
    {"gather_nd", gather_nd},
};

}  // namespace

std::span<const NamedKernel> indexing_kernels() { return kKernels; }

}  // namespace openane::reference
