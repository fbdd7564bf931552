// Operations whose result is made of several tensors, of one tensor several times, or of a tensor and what is put
// around it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mil/extents.h"
#include "reference/arguments.h"
#include "reference/kernels.h"
#include "reference/view.h"

namespace openane::reference {
namespace {

/// The shape of the joined result; every tensor must fit the first one except along `axis`.
Result<Shape> joined_shape(std::span<const Array> values, std::size_t axis) {
  Shape out = values.front().shape();
  for (const Array& value : values.subspan(1)) {
    const bool same_rank = value.rank() == out.size();
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (!same_rank || (i != axis && value.shape()[i] != out[i])) {
        return refuse(fmt::format("{} cannot be joined with {} along axis {}", mil::describe(value.shape()),
                                  mil::describe(values.front().shape()), axis));
      }
    }
    out[axis] = mil::add(out[axis], value.shape()[axis]);
  }
  return out;
}

/// `interleave` deals the slices out in turn: one of each tensor, then the next of each.
Result<void> join(Call& call, std::span<const Array> values, std::size_t axis, bool interleave) {
  OPENANE_TRY(const Shape shape, joined_shape(values, axis));
  OPENANE_TRY(Array out, call.allocate(0, shape));
  const View whole = View::of(shape);
  const auto stride = interleave ? static_cast<std::int64_t>(values.size()) : 1;
  std::int64_t first = 0;
  for (const Array& value : values) {
    const std::int64_t extent = value.shape()[axis];
    if (interleave && extent != values.front().shape()[axis]) {
      return refuse(fmt::format("tensors that are interleaved must have one shape, found {} and {}",
                                mil::describe(values.front().shape()), mil::describe(value.shape())));
    }
    copy_view(value, View::of(value.shape()), out, whole.sliced(axis, first, extent, stride), call.threads());
    first += interleave ? 1 : extent;
  }
  call.give(0, std::move(out));
  return {};
}

/// The values with an axis of extent 1 before `position`.
std::vector<Array> with_axis(std::span<const Array> values, std::size_t position) {
  std::vector<Array> out;
  out.reserve(values.size());
  for (const Array& value : values) {
    Shape shape = value.shape();
    shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(position), 1);
    out.push_back(value.reshaped(std::move(shape)));
  }
  return out;
}

Result<void> concat(Call& call) {
  const std::span<const Array> values = call.arrays("values");
  if (values.empty()) {
    return refuse("nothing to join");
  }
  const bool interleave = call.boolean("interleave").value_or(false);
  if (values.front().rank() == 0) {  // scalars join to a vector
    return join(call, with_axis(values, 0), 0, interleave);
  }
  OPENANE_TRY(const std::size_t axis, axis_argument(call, "axis", values.front().rank()));
  return join(call, values, axis, interleave);
}

Result<void> stack(Call& call) {
  const std::span<const Array> values = call.arrays("values");
  if (values.empty()) {
    return refuse("nothing to stack");
  }
  OPENANE_TRY(const std::size_t axis, axis_argument(call, "axis", values.front().rank() + 1));
  for (const Array& value : values) {
    if (value.shape() != values.front().shape()) {
      return refuse(fmt::format("{} cannot be stacked with {}", mil::describe(value.shape()),
                                mil::describe(values.front().shape())));
    }
  }
  return join(call, with_axis(values, axis), axis, false);
}

Result<void> tile(Call& call) {
  const Array& x = call.array("x");
  OPENANE_TRY(const auto reps, integers_argument(call, "reps", x.rank(), 1));
  View view = View::of(x.shape());
  Shape out = x.shape();
  for (std::size_t i = 0; i < x.rank(); ++i) {
    if (reps[i] < 1) {
      return refuse(fmt::format("{} repetitions along axis {}", reps[i], i));
    }
    view = view.with_axis(2 * i, {reps[i], 0});
    out[i] = mil::multiply(out[i], reps[i]);
  }
  return give_view(call, x, view, out);
}

/// How many elements are put before and after each axis.
struct Padding {
  std::vector<std::int64_t> before;
  std::vector<std::int64_t> after;
};

Result<Padding> padding(const Call& call, std::size_t rank) {
  OPENANE_TRY(const auto amounts, integers_argument(call, "pad"));
  const std::size_t axes = amounts.size() / 2;
  if (amounts.size() % 2 != 0 || axes > rank) {
    return refuse(fmt::format("{} pad amounts for a tensor of rank {}", amounts.size(), rank));
  }
  Padding out{std::vector<std::int64_t>(rank, 0), std::vector<std::int64_t>(rank, 0)};
  for (std::size_t i = 0; i < axes; ++i) {
    out.before[rank - axes + i] = amounts[2 * i];
    out.after[rank - axes + i] = amounts[2 * i + 1];
    if (amounts[2 * i] < 0 || amounts[2 * i + 1] < 0) {
      return refuse(fmt::format("negative padding: {}, {}", amounts[2 * i], amounts[2 * i + 1]));
    }
  }
  return out;
}

enum class Border : std::uint8_t { constant, reflect, replicate };

Result<Border> border_of(const Call& call) {
  OPENANE_TRY(const std::string mode, text_argument(call, "mode"));
  if (mode == "constant") {
    return Border::constant;
  }
  if (mode == "reflect") {
    return Border::reflect;
  }
  if (mode == "replicate") {
    return Border::replicate;
  }
  return unpublished(fmt::format("mode '{}', expected constant, reflect or replicate", mode));
}

/// Fills what lies before and after the middle of one axis; the axes behind it are complete already, those before it
/// hold their middle only. Everything is copied from the result itself.
void extend_axis(const Array& out, const View& middle, std::size_t axis, const Padding& pad, Border border,
                 unsigned threads) {
  const std::int64_t extent = middle.axes[axis].extent;
  const std::int64_t before = pad.before[axis];
  const std::int64_t after = pad.after[axis];
  const View end = middle.sliced(axis, extent, after);
  const View start = middle.sliced(axis, -before, before);
  if (border == Border::reflect) {
    copy_view(out, middle.sliced(axis, before, before, -1), out, start, threads);
    copy_view(out, middle.sliced(axis, extent - 2, after, -1), out, end, threads);
  } else {
    copy_view(out, middle.sliced(axis, 0, before, 0), out, start, threads);
    copy_view(out, middle.sliced(axis, extent - 1, after, 0), out, end, threads);
  }
}

Result<void> check_border(const Shape& x, const Padding& pad, Border border) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::int64_t most = std::max(pad.before[i], pad.after[i]);
    if (border == Border::reflect && most >= std::max<std::int64_t>(x[i], 1)) {
      return refuse(fmt::format("reflected padding of {} on axis {}, which has {} elements", most, i, x[i]));
    }
    if (border == Border::replicate && most > 0 && x[i] == 0) {
      return refuse(fmt::format("replicated padding on axis {}, which has no element", i));
    }
  }
  return {};
}

Result<void> pad(Call& call) {
  const Array& x = call.array("x");
  OPENANE_TRY(const Padding pad, padding(call, x.rank()));
  OPENANE_TRY(const Border border, border_of(call));
  OPENANE_CHECK(check_border(x.shape(), pad, border));
  Shape shape = x.shape();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    shape[i] = mil::add(shape[i], mil::add(pad.before[i], pad.after[i]));
  }
  OPENANE_TRY(Array out, call.allocate(0, shape));
  View middle = View::of(shape);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    middle = middle.sliced(i, pad.before[i], x.shape()[i]);
  }
  if (border == Border::constant && out.count() != x.count()) {
    OPENANE_TRY(const double value, scalar_argument(call, "constant_val"));
    fill(out, value);
  }
  copy_view(x, View::of(x.shape()), out, middle, call.threads());
  for (std::size_t i = shape.size(); border != Border::constant && i-- > 0;) {
    extend_axis(out, middle, i, pad, border, call.threads());
    middle = middle.sliced(i, -pad.before[i], shape[i]);
  }
  call.give(0, std::move(out));
  return {};
}

constexpr NamedKernel kKernels[] = {
    {"concat", concat},
    {"stack", stack},
    {"tile", tile},
    {"pad", pad},
};

}  // namespace

std::span<const NamedKernel> joining_kernels() { return kKernels; }

}  // namespace openane::reference
