#include "mil/extents.h"

#include <fmt/format.h>

#include "mil/op_view.h"

namespace openane::mil {

std::string describe(const Shape& shape) {
  if (shape.empty()) {
    return "scalar";
  }
  std::string out;
  for (const std::int64_t extent : shape) {
    out += out.empty() ? "" : "x";
    out += is_known(extent) ? std::to_string(extent) : std::string(extent == kVariadicExtent ? "*" : "?");
  }
  return out;
}

Result<Shape> broadcast(const Shape& a, const Shape& b) {
  Shape out(std::max(a.size(), b.size()));
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::int64_t left = i < a.size() ? a[a.size() - 1 - i] : 1;
    const std::int64_t right = i < b.size() ? b[b.size() - 1 - i] : 1;
    std::int64_t& extent = out[out.size() - 1 - i];
    if (left == right || right == 1) {
      extent = left;
    } else if (left == 1) {
      extent = right;
    } else if (is_known(left) && is_known(right)) {
      return mismatch(fmt::format("{} and {} cannot be broadcast", describe(a), describe(b)));
    } else {
      extent = std::max(left, right);  // one is known and not 1: the other must be 1 or the same
    }
  }
  return out;
}

Result<std::size_t> normalise_axis(std::int64_t axis, std::size_t rank) {
  const auto signed_rank = static_cast<std::int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank) {
    return mismatch(fmt::format("axis {} of a tensor of rank {}", axis, rank));
  }
  return static_cast<std::size_t>(axis < 0 ? axis + signed_rank : axis);
}

}  // namespace openane::mil
