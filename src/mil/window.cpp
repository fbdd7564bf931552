#include "mil/window.h"

#include <fmt/format.h>

#include <algorithm>

#include "mil/extents.h"
#include "mil/op_view.h"

namespace openane::mil {
namespace {

bool is_same(const Window& window) { return window.pad_type == "same" || window.pad_type == "same_lower"; }

}  // namespace

std::int64_t Window::span(std::size_t axis) const {
  if (!is_known(kernel[axis]) || !dilations) {
    return kUnknownExtent;
  }
  return shift(multiply(shift(kernel[axis], -1), (*dilations)[axis]), 1);
}

Result<std::int64_t> Window::windows(std::size_t axis, std::int64_t extent, bool ceil_mode) const {
  const std::int64_t width = span(axis);
  if (!pad_type || !strides || !is_known(extent) || !is_known(width)) {
    return kUnknownExtent;
  }
  const std::int64_t stride = (*strides)[axis];
  if (is_same(*this)) {
    return (extent + stride - 1) / stride;
  }
  if (!pad) {
    return kUnknownExtent;
  }
  const std::int64_t total = (*pad)[2 * axis] + (*pad)[2 * axis + 1];
  const std::int64_t room = shift(shift(extent, total), -width);
  if (room < 0) {
    return mismatch(fmt::format("a window of {} on an axis of {} with {} of padding", width, extent, total));
  }
  std::int64_t out = (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
  // A window that starts wholly in the padding behind is dropped; padding is symmetric then.
  if (ceil_mode && total > 0 && 2 * (out - 1) * stride >= 2 * extent + total) {
    --out;
  }
  return out;
}

std::int64_t Window::transposed(std::size_t axis, std::int64_t extent) const {
  if (!strides || !pad_type) {
    return kUnknownExtent;
  }
  const std::int64_t grown = multiply(extent, (*strides)[axis]);
  if (is_same(*this)) {
    return grown;
  }
  const std::int64_t width = span(axis);
  if (!pad || !is_known(grown) || !is_known(width)) {
    return kUnknownExtent;
  }
  return shift(add(grown, width), -(*strides)[axis] - (*pad)[2 * axis] - (*pad)[2 * axis + 1]);
}

std::int64_t Window::padding_before(std::size_t axis, std::int64_t extent, std::int64_t windows) const {
  if (!is_same(*this)) {
    return (*pad)[2 * axis];
  }
  const std::int64_t total = std::max<std::int64_t>((windows - 1) * (*strides)[axis] + span(axis) - extent, 0);
  return pad_type == "same_lower" ? total - total / 2 : total / 2;
}

Result<Window> checked(Window window) {
  constexpr std::string_view kKnown[] = {"valid", "same", "same_lower", "custom"};
  if (window.pad_type && std::ranges::find(kKnown, *window.pad_type) == std::end(kKnown)) {
    return mismatch(fmt::format("pad_type '{}', expected valid, same, same_lower or custom", *window.pad_type));
  }
  if (window.pad_type == "valid") {
    window.pad = std::vector<std::int64_t>(2 * window.kernel.size(), 0);
  }
  const auto below_one = [](std::int64_t value) { return value < 1 || value > INT32_MAX; };
  if ((window.strides && std::ranges::any_of(*window.strides, below_one)) ||
      (window.dilations && std::ranges::any_of(*window.dilations, below_one))) {
    return mismatch("strides and dilations must be positive");
  }
  if (window.pad &&
      std::ranges::any_of(*window.pad, [](std::int64_t value) { return value < 0 || value > INT32_MAX; })) {
    return mismatch("padding must not be negative");
  }
  return window;
}

}  // namespace openane::mil
