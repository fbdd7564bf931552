// Operations that make tensors out of numbers, extents and positions.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "mil/extents.h"
#include "mil/shape_arguments.h"
#include "reference/arguments.h"
#include "reference/kernels.h"
#include "reference/view.h"

namespace openane::reference {
namespace {

Result<void> shape(Call& call) {
  const Shape& x = call.array("x").shape();
  OPENANE_TRY(Array out, call.allocate(0, {static_cast<std::int64_t>(x.size())}));
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i] > std::numeric_limits<std::int32_t>::max()) {
      return refuse(fmt::format("an extent of {} is no int32", x[i]));
    }
    out.writable<std::int32_t>()[i] = static_cast<std::int32_t>(x[i]);
  }
  call.give(0, std::move(out));
  return {};
}

Result<void> give_filled(Call& call, const Shape& extents) {
  OPENANE_TRY(const double value, scalar_argument(call, "value"));
  OPENANE_TRY(Array out, call.allocate(0, extents));
  fill(out, value);
  call.give(0, std::move(out));
  return {};
}

Result<void> fill_shape(Call& call) {
  OPENANE_TRY(const Shape extents, integers_argument(call, "shape"));
  if (std::ranges::any_of(extents, [](std::int64_t extent) { return extent < 0; })) {
    return refuse(fmt::format("a shape with a negative extent: {}", fmt::join(extents, "x")));
  }
  return give_filled(call, extents);
}

Result<void> fill_like(Call& call) { return give_filled(call, call.array("ref_tensor").shape()); }

/// start + i*step, not a running sum: errors do not add up.
template <typename T>
void count_up(const Array& out, double start, double step) {
  const std::span<T> elements = out.writable<T>();
  for (std::size_t i = 0; i < elements.size(); ++i) {
    elements[i] = static_cast<T>(start + static_cast<double>(i) * step);
  }
}

Result<void> range_1d(Call& call) {
  OPENANE_TRY(const double start, number_argument(call, "start"));
  OPENANE_TRY(const double end, number_argument(call, "end"));
  OPENANE_TRY(const double step, number_argument(call, "step"));
  OPENANE_TRY(const std::int64_t count, mil::range_length(start, end, step));
  OPENANE_TRY(Array out, call.allocate(0, {count}));
  switch (out.holding()) {
    case Holding::int32:
      count_up<std::int32_t>(out, start, step);
      break;
    case Holding::fp64:
      count_up<double>(out, start, step);
      break;
    default:
      count_up<float>(out, start, step);
      break;
  }
  call.give(0, std::move(out));
  return {};
}

/// Of row `row`, the columns begin..end lie in the band. A negative bound keeps that whole triangle.
struct Band {
  std::int64_t lower;
  std::int64_t upper;

  [[nodiscard]] std::int64_t begin(std::int64_t row, std::int64_t columns) const {
    return lower < 0 ? 0 : std::clamp<std::int64_t>(row - lower, 0, columns);
  }
  [[nodiscard]] std::int64_t end(std::int64_t row, std::int64_t columns) const {
    return upper < 0 ? columns : std::clamp<std::int64_t>(row + upper + 1, 0, columns);
  }
};

Result<void> band_part(Call& call) {
  const Array& x = call.array("x");
  if (x.rank() < 2) {
    return refuse(fmt::format("x must have at least rank 2, found {}", mil::describe(x.shape())));
  }
  OPENANE_TRY(const std::int64_t lower, integer_argument(call, "lower"));
  OPENANE_TRY(const std::int64_t upper, integer_argument(call, "upper"));
  OPENANE_TRY(Array out, call.allocate(0, x.shape()));
  fill(out, 0);
  const Band band{lower, upper};
  const View whole = View::of(x.shape());
  const std::size_t row_axis = x.rank() - 2;
  for (std::int64_t row = 0; x.count() > 0 && row < x.shape()[row_axis]; ++row) {
    const std::int64_t begin = band.begin(row, x.shape().back());
    const std::int64_t count = std::max<std::int64_t>(band.end(row, x.shape().back()) - begin, 0);
    const View kept = whole.sliced(row_axis, row, 1).sliced(row_axis + 1, begin, count);
    copy_view(x, kept, out, kept, call.threads());
  }
  call.give(0, std::move(out));
  return {};
}

/// An index outside 0..size-1 leaves its vector without an on_value (apple/coremltools:mlmodel/format/
/// NeuralNetwork.proto@e0e2f42b, OneHotLayerParams).
template <typename T>
void place_ones(const Array& out, const Array& indices, std::size_t axis, T on) {
  const Shape& shape = out.shape();
  const std::int64_t size = shape[axis];
  const std::int64_t inner = mil::product(shape, axis + 1, shape.size());
  const std::span<const std::int32_t> where = indices.elements<std::int32_t>();
  for (std::size_t i = 0; i < where.size(); ++i) {
    if (where[i] >= 0 && where[i] < size) {
      const auto outer = static_cast<std::int64_t>(i) / inner;
      const auto at = (outer * size + where[i]) * inner + static_cast<std::int64_t>(i) % inner;
      out.writable<T>()[static_cast<std::size_t>(at)] = on;
    }
  }
}

Result<void> one_hot(Call& call) {
  const Array& indices = call.array("indices");
  OPENANE_TRY(const std::size_t axis, axis_argument(call, "axis", indices.rank() + 1));
  OPENANE_TRY(const std::int64_t size, integer_argument(call, "one_hot_vector_size"));
  OPENANE_TRY(const double on, scalar_argument(call, "on_value"));
  OPENANE_TRY(const double off, scalar_argument(call, "off_value"));
  if (size < 0) {
    return refuse(fmt::format("a one-hot vector of {}", size));
  }
  Shape out_shape = indices.shape();
  out_shape.insert(out_shape.begin() + static_cast<std::ptrdiff_t>(axis), size);
  OPENANE_TRY(Array out, call.allocate(0, out_shape));
  fill(out, off);
  switch (out.holding()) {
    case Holding::int32:
      place_ones(out, indices, axis, static_cast<std::int32_t>(on));
      break;
    case Holding::boolean:
      place_ones(out, indices, axis, static_cast<std::uint8_t>(on != 0));
      break;
    case Holding::fp64:
      place_ones(out, indices, axis, on);
      break;
    default:
      place_ones(out, indices, axis, static_cast<float>(on));
      break;
  }
  call.give(0, std::move(out));
  return {};
}

constexpr NamedKernel kKernels[] = {
    {"shape", shape},       {"fill", fill_shape},     {"fill_like", fill_like},
    {"range_1d", range_1d}, {"band_part", band_part}, {"one_hot", one_hot},
};

}  // namespace

std::span<const NamedKernel> filling_kernels() { return kKernels; }

}  // namespace openane::reference
