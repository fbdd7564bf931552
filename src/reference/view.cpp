#include "reference/view.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "reference/parallel.h"

namespace openane::reference {
namespace {

/// One axis of a copy: its extent, and how far a step goes on either side.
struct Step {
  std::int64_t extent;
  std::int64_t from;
  std::int64_t to;
};

/// The axes that matter: those of extent 1 dropped, neighbours joined where both sides run on without a gap.
std::vector<Step> joined_steps(const View& source, const View& target) {
  std::vector<Step> steps;
  for (std::size_t i = 0; i < source.axes.size(); ++i) {
    const Step step{source.axes[i].extent, source.axes[i].stride, target.axes[i].stride};
    if (step.extent == 1) {
      continue;
    }
    if (!steps.empty() && steps.back().from == step.from * step.extent && steps.back().to == step.to * step.extent) {
      steps.back() = {steps.back().extent * step.extent, step.from, step.to};
    } else {
      steps.push_back(step);
    }
  }
  return steps;
}

/// Puts the axis along which the source is contiguous next to the innermost one, for the tiles.
void order_for_tiles(std::vector<Step>& steps) {
  if (steps.size() < 3 || steps.back().from == 1) {
    return;
  }
  const auto contiguous = std::find_if(steps.begin(), steps.end() - 1, [](const Step& step) { return step.from == 1; });
  if (contiguous != steps.end() - 1) {
    std::rotate(contiguous, contiguous + 1, steps.end() - 1);
  }
}

template <typename T>
void copy_row(const T* from, T* to, const Step& step) {
  if (step.from == 1 && step.to == 1) {
    std::memcpy(to, from, static_cast<std::size_t>(step.extent) * sizeof(T));
    return;
  }
  for (std::int64_t i = 0; i < step.extent; ++i) {
    to[i * step.to] = from[i * step.from];
  }
}

/// Lines of 64 bytes on both sides of a tile fit the nearest cache many times over.
constexpr std::int64_t kTile = 32;

template <typename T>
void copy_tiles(const T* from, T* to, const Step& outer, const Step& inner) {
  for (std::int64_t i = 0; i < outer.extent; i += kTile) {
    for (std::int64_t j = 0; j < inner.extent; j += kTile) {
      const Step row{std::min(kTile, inner.extent - j), inner.from, inner.to};
      for (std::int64_t k = i; k < std::min(i + kTile, outer.extent); ++k) {
        copy_row(from + k * outer.from + j * inner.from, to + k * outer.to + j * inner.to, row);
      }
    }
  }
}

template <typename T>
void copy_steps(const T* from, T* to, std::span<const Step> steps) {
  if (steps.empty()) {
    *to = *from;
  } else if (steps.size() == 1) {
    copy_row(from, to, steps[0]);
  } else if (steps.size() == 2 && steps[0].from == 1 && steps[1].from != 1) {
    copy_tiles(from, to, steps[0], steps[1]);
  } else {
    for (std::int64_t i = 0; i < steps[0].extent; ++i) {
      copy_steps(from + i * steps[0].from, to + i * steps[0].to, steps.subspan(1));
    }
  }
}

/// Below this a second thread costs more than it saves.
constexpr std::int64_t kBytesWorthThreads = 1 << 20;

template <typename T>
void copy_as(const Array& from, const View& source, const Array& to, const View& target, unsigned threads) {
  std::vector<Step> steps = joined_steps(source, target);
  order_for_tiles(steps);
  const T* first = from.elements<T>().data() + source.offset;
  T* out = to.writable<T>().data() + target.offset;
  std::int64_t count = sizeof(T);
  for (const Step& step : steps) {
    count *= step.extent;
  }
  if (steps.empty() || threads <= 1 || count < kBytesWorthThreads) {
    copy_steps<T>(first, out, steps);
    return;
  }
  // The longest axis is cut into one piece per thread.
  const auto cut = static_cast<std::size_t>(std::ranges::max_element(steps, {}, &Step::extent) - steps.begin());
  parallel_for(steps[cut].extent, 1, threads, [&](std::int64_t begin, std::int64_t end) {
    std::vector<Step> piece = steps;
    piece[cut].extent = end - begin;
    copy_steps<T>(first + begin * steps[cut].from, out + begin * steps[cut].to, piece);
  });
}

/// Strides of an array without elements may pass what 64 bits hold; nobody uses them then.
std::int64_t wrapping_product(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}

}  // namespace

View View::of(const Shape& shape) {
  View view;
  view.axes.resize(shape.size());
  std::int64_t stride = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    view.axes[i] = {shape[i], stride};
    stride = wrapping_product(stride, shape[i]);
  }
  return view;
}

Shape View::shape() const {
  Shape shape(axes.size());
  std::ranges::transform(axes, shape.begin(), &Axis::extent);
  return shape;
}

View View::permuted(std::span<const std::size_t> order) const {
  View out{{}, offset};
  out.axes.reserve(order.size());
  for (const std::size_t axis : order) {
    out.axes.push_back(axes[axis]);
  }
  return out;
}

View View::sliced(std::size_t axis, std::int64_t first, std::int64_t count, std::int64_t step) const {
  View out = *this;
  out.offset += count == 0 ? 0 : first * axes[axis].stride;
  out.axes[axis] = {count, wrapping_product(axes[axis].stride, step)};
  return out;
}

View View::split(std::size_t axis, std::span<const std::int64_t> extents) const {
  View out = *this;
  std::int64_t stride = axes[axis].stride;
  const auto at = out.axes.erase(out.axes.begin() + static_cast<std::ptrdiff_t>(axis));
  const auto first = out.axes.insert(at, extents.size(), Axis{});
  for (std::size_t i = extents.size(); i-- > 0;) {
    first[static_cast<std::ptrdiff_t>(i)] = {extents[i], stride};
    stride = wrapping_product(stride, extents[i]);
  }
  return out;
}

View View::with_axis(std::size_t position, Axis axis) const {
  View out = *this;
  out.axes.insert(out.axes.begin() + static_cast<std::ptrdiff_t>(position), axis);
  return out;
}

void copy_view(const Array& from, const View& source, const Array& to, const View& target, unsigned threads) {
  if (std::ranges::any_of(source.axes, [](const View::Axis& axis) { return axis.extent == 0; })) {
    return;
  }
  switch (from.holding()) {
    case Holding::fp32:
      return copy_as<float>(from, source, to, target, threads);
    case Holding::fp64:
      return copy_as<double>(from, source, to, target, threads);
    case Holding::int32:
      return copy_as<std::int32_t>(from, source, to, target, threads);
    case Holding::boolean:
      return copy_as<std::uint8_t>(from, source, to, target, threads);
    case Holding::text:  // no operation that moves elements takes strings
      return;
  }
}

Result<void> give_view(Call& call, const Array& x, const View& view, const Shape& out) {
  OPENANE_TRY(Array result, call.allocate(0, out));
  copy_view(x, view, result, View::of(view.shape()), call.threads());
  call.give(0, std::move(result));
  return {};
}

Result<void> give_view(Call& call, const Array& x, const View& view) { return give_view(call, x, view, view.shape()); }

void fill(const Array& array, double value) {
  switch (array.holding()) {
    case Holding::fp32:
      std::ranges::fill(array.writable<float>(), static_cast<float>(value));
      break;
    case Holding::fp64:
      std::ranges::fill(array.writable<double>(), value);
      break;
    case Holding::int32:
      std::ranges::fill(array.writable<std::int32_t>(), static_cast<std::int32_t>(value));
      break;
    case Holding::boolean:
      std::ranges::fill(array.writable<std::uint8_t>(), static_cast<std::uint8_t>(value != 0));
      break;
    case Holding::text:
      break;
  }
}

}  // namespace openane::reference
