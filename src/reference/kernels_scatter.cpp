// Scatters: data with updates applied at the places an index array names, one after the other in the order of the
// updates, so that a place named twice sees both.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <type_traits>

#include "mil/extents.h"
#include "reference/arguments.h"
#include "reference/kernels.h"
#include "reference/runs.h"
#include "reference/view.h"

namespace openane::reference {
namespace {

enum class Update : std::uint8_t { replace, add, subtract, multiply, divide, maximum, minimum };

struct NamedUpdate {
  std::string_view name;
  Update update;
};
constexpr std::array kUpdates{
    NamedUpdate{"update", Update::replace}, NamedUpdate{"add", Update::add},    NamedUpdate{"sub", Update::subtract},
    NamedUpdate{"mul", Update::multiply},   NamedUpdate{"div", Update::divide}, NamedUpdate{"max", Update::maximum},
    NamedUpdate{"min", Update::minimum},
};

Result<Update> update_of(const Call& call) {
  OPENANE_TRY(const std::string mode, text_argument(call, "mode"));
  const auto* at = std::ranges::find(kUpdates, mode, &NamedUpdate::name);
  if (at == kUpdates.end()) {
    return unpublished(fmt::format("mode '{}'", mode));
  }
  return at->update;
}

/// Integer sums and products keep their low 32 bits.
template <typename T>
using Wrapping = std::conditional_t<std::is_integral_v<T>, std::make_unsigned<T>, std::type_identity<T>>::type;

template <typename T>
T updated(Update update, T old, T by) {
  using W = Wrapping<T>;
  switch (update) {
    case Update::replace:
      return by;
    case Update::add:
      return static_cast<T>(static_cast<W>(old) + static_cast<W>(by));
    case Update::subtract:
      return static_cast<T>(static_cast<W>(old) - static_cast<W>(by));
    case Update::multiply:
      return static_cast<T>(static_cast<W>(old) * static_cast<W>(by));
    case Update::divide:
      return old / by;
    case Update::maximum:
      return std::max(old, by);
    case Update::minimum:
      return std::min(old, by);
  }
  return by;
}

template <typename T>
Result<void> check_division(T old, T by) {
  if constexpr (std::is_integral_v<T>) {
    if (by == 0) {
      return refuse("an integer divided by zero");
    }
    if (by == -1 ? old == std::numeric_limits<T>::min() : old % by != 0) {
      return unpublished(fmt::format("mode 'div' of integers with a remainder: {} / {}", old, by));
    }
  }
  return {};
}

/// Element i of updates meets element `target(i)` of the result.
template <typename T, typename Target>
Result<void> apply(const Array& out, const Array& updates, Update update, const Target& target) {
  const std::span<T> to = out.writable<T>();
  const std::span<const T> from = updates.elements<T>();
  for (std::size_t i = 0; i < from.size(); ++i) {
    T& element = to[static_cast<std::size_t>(target(static_cast<std::int64_t>(i)))];
    if (update == Update::divide) {
      OPENANE_CHECK(check_division(element, from[i]));
    }
    element = updated(update, element, from[i]);
  }
  return {};
}

template <typename Target>
Result<void> give_scattered(Call& call, const Shape& expected_updates, const Target& target) {
  const Array& data = call.array("data");
  const Array& updates = call.array("updates");
  if (updates.shape() != expected_updates) {
    return refuse(
        fmt::format("updates must be {}, found {}", mil::describe(expected_updates), mil::describe(updates.shape())));
  }
  OPENANE_TRY(const Update update, update_of(call));
  OPENANE_TRY(Array out, call.allocate(0, data.shape()));
  const View whole = View::of(data.shape());
  copy_view(data, whole, out, whole, call.threads());
  switch (out.holding()) {
    case Holding::fp32:
      OPENANE_CHECK(apply<float>(out, updates, update, target));
      break;
    case Holding::fp64:
      OPENANE_CHECK(apply<double>(out, updates, update, target));
      break;
    case Holding::int32:
      OPENANE_CHECK(apply<std::int32_t>(out, updates, update, target));
      break;
    default:
      return fail(ErrorCategory::internal, "only numbers are scattered");
  }
  call.give(0, std::move(out));
  return {};
}

Result<void> scatter(Call& call) {
  const Shape& data = call.array("data").shape();
  const Array& indices = call.array("indices");
  OPENANE_TRY(const std::size_t axis, axis_argument(call, "axis", data.size()));
  OPENANE_TRY(const auto where, checked_indices(indices, data[axis], takes_negative_indices(call)));
  Shape updates(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(axis));
  updates.insert(updates.end(), indices.shape().begin(), indices.shape().end());
  updates.insert(updates.end(), data.begin() + static_cast<std::ptrdiff_t>(axis) + 1, data.end());
  const AxisSplit split = split_at(data, axis);
  const auto count = static_cast<std::int64_t>(where.size());
  return give_scattered(call, updates, [&](std::int64_t element) {
    const std::int64_t run = element / split.inner;
    const std::int64_t at = where[static_cast<std::size_t>(run % count)];
    return (run / count * split.extent + at) * split.inner + element % split.inner;
  });
}

Result<void> scatter_along_axis(Call& call) {
  const Shape& data = call.array("data").shape();
  const Array& indices = call.array("indices");
  OPENANE_TRY(const std::size_t axis, axis_argument(call, "axis", data.size()));
  Shape expected = data;
  expected[axis] = indices.rank() == data.size() ? indices.shape()[axis] : -1;
  if (indices.shape() != expected) {
    return refuse(fmt::format("indices {} must agree with data {} in every axis but {}", mil::describe(indices.shape()),
                              mil::describe(data), axis));
  }
  OPENANE_TRY(const auto where, checked_indices(indices, data[axis], takes_negative_indices(call)));
  const AxisSplit split = split_at(data, axis);
  const std::int64_t taken = indices.shape()[axis] * split.inner;
  return give_scattered(call, indices.shape(), [&](std::int64_t element) {
    const std::int64_t at = where[static_cast<std::size_t>(element)];
    return (element / taken * split.extent + at) * split.inner + element % split.inner;
  });
}

Result<void> scatter_nd(Call& call) {
  const Shape& data = call.array("data").shape();
  const Array& indices = call.array("indices");
  const std::size_t addressed = indices.rank() == 0 ? 0 : static_cast<std::size_t>(indices.shape().back());
  if (indices.rank() == 0 || addressed > data.size()) {
    return refuse(fmt::format("indices {} for data {}", mil::describe(indices.shape()), mil::describe(data)));
  }
  OPENANE_TRY(const auto where, checked_tuples(indices, data, 0, takes_negative_indices(call)));
  Shape updates(indices.shape().begin(), indices.shape().end() - 1);
  updates.insert(updates.end(), data.begin() + static_cast<std::ptrdiff_t>(addressed), data.end());
  const std::int64_t length = mil::product(data, addressed, data.size());
  return give_scattered(call, updates, [&](std::int64_t element) {
    return where[static_cast<std::size_t>(element / length)] * length + element % length;
  });
}

constexpr NamedKernel kKernels[] = {
    {"scatter", scatter},
    {"scatter_along_axis", scatter_along_axis},
    {"scatter_nd", scatter_nd},
};

}  // namespace

std::span<const NamedKernel> scatter_kernels() { return kKernels; }

}  // namespace openane::reference
