#include "reference/broadcast.h"

#include <algorithm>

#include "mil/extents.h"

namespace openane::reference {
namespace {

/// Strides of an operand along the axes of the result: 0 where it has one element for all.
std::vector<std::int64_t> strides_in(const Shape& operand, const Shape& result) {
  std::vector<std::int64_t> strides(result.size(), 0);
  std::int64_t stride = 1;
  for (std::size_t i = 1; i <= operand.size(); ++i) {
    const std::int64_t extent = operand[operand.size() - i];
    strides[result.size() - i] = extent == 1 ? 0 : stride;
    stride *= extent;
  }
  return strides;
}

}  // namespace

template <std::size_t N>
Result<Broadcast<N>> broadcast_shapes(const std::array<Shape, N>& operands) {
  Broadcast<N> out;
  for (const Shape& operand : operands) {
    OPENANE_TRY(out.shape, mil::broadcast(out.shape, operand));
  }
  std::array<std::vector<std::int64_t>, N> strides;
  for (std::size_t operand = 0; operand < N; ++operand) {
    strides[operand] = strides_in(operands[operand], out.shape);
  }
  // Axes from the innermost outwards, the last of the list being the one that may still grow.
  std::vector<std::int64_t> extents;
  std::vector<typename Broadcast<N>::Offsets> steps;
  for (std::size_t axis = out.shape.size(); axis-- > 0;) {
    const std::int64_t extent = out.shape[axis];
    out.count *= extent;
    if (extent == 1) {
      continue;
    }
    typename Broadcast<N>::Offsets step;
    std::ranges::transform(strides, step.begin(), [&](const auto& all) { return all[axis]; });
    bool continues = !extents.empty();
    for (std::size_t operand = 0; operand < N && continues; ++operand) {
      continues = step[operand] == steps.back()[operand] * extents.back();
    }
    if (continues) {
      extents.back() *= extent;
    } else {
      extents.push_back(extent);
      steps.push_back(step);
    }
  }
  if (!extents.empty()) {
    out.inner = std::max<std::int64_t>(extents.front(), 1);
    out.inner_steps = steps.front();
    out.outer_extents.assign(extents.rbegin(), extents.rend() - 1);
    out.outer_strides.assign(steps.rbegin(), steps.rend() - 1);
  }
  return out;
}

template Result<Broadcast<2>> broadcast_shapes(const std::array<Shape, 2>& operands);
template Result<Broadcast<3>> broadcast_shapes(const std::array<Shape, 3>& operands);

}  // namespace openane::reference
