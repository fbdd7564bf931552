#include "reference/input_shapes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "mil/extents.h"

namespace openane::reference {
namespace {

bool is_inside(const mil::SizeRange& range, std::int64_t extent) {
  return extent >= 0 && static_cast<std::uint64_t>(extent) >= range.lower && (range.upper < 0 || extent <= range.upper);
}

std::string describe(const mil::SizeRange& range) {
  if (std::cmp_equal(range.lower, range.upper)) {
    return std::to_string(range.lower);
  }
  return range.upper < 0 ? fmt::format("{}..", range.lower) : fmt::format("{}..{}", range.lower, range.upper);
}

std::unexpected<Error> not_allowed(const Shape& shape, const std::string& expected) {
  return fail(ErrorCategory::usage, fmt::format("shape {}, expected {}", openane::to_string(shape), expected));
}

Result<void> check_enumerated(const std::vector<Shape>& allowed, const Shape& shape) {
  if (std::ranges::find(allowed, shape) != allowed.end()) {
    return {};
  }
  std::vector<std::string> names;
  std::ranges::transform(allowed, std::back_inserter(names), [](const Shape& one) { return openane::to_string(one); });
  return not_allowed(shape, fmt::format("one of {}", fmt::join(names, ", ")));
}

Result<void> check_ranges(const std::vector<mil::SizeRange>& ranges, const Shape& shape) {
  if (std::ranges::equal(ranges, shape, is_inside)) {
    return {};
  }
  std::vector<std::string> names;
  std::ranges::transform(ranges, std::back_inserter(names), describe);
  return not_allowed(shape, fmt::format("extents {}", fmt::join(names, " x ")));
}

/// Height and width are the last two axes; the rest is as the type says.
Result<void> check_image(const mil::Type& type, const mil::ImageFeature& image, const Shape& shape) {
  const Shape& declared = type.shape();
  if (shape.size() < 2 || shape.size() != declared.size() ||
      !std::equal(shape.begin(), shape.end() - 2, declared.begin(), mil::may_be_equal)) {
    return not_allowed(shape, mil::to_string(type));
  }
  const std::int64_t height = shape[shape.size() - 2];
  const std::int64_t width = shape.back();
  if (image.size_range) {
    const auto& [widths, heights] = *image.size_range;
    return is_inside(widths, width) && is_inside(heights, height)
               ? Result<void>{}
               : not_allowed(shape, fmt::format("width {}, height {}", describe(widths), describe(heights)));
  }
  std::vector<std::string> names = {fmt::format("{}x{}", image.height, image.width)};
  bool is_found = height == image.height && width == image.width;
  for (const auto& [allowed_width, allowed_height] : image.enumerated_sizes) {
    names.push_back(fmt::format("{}x{}", allowed_height, allowed_width));
    is_found = is_found || (std::cmp_equal(width, allowed_width) && std::cmp_equal(height, allowed_height));
  }
  return is_found ? Result<void>{} : not_allowed(shape, fmt::format("height and width of {}", fmt::join(names, ", ")));
}

}  // namespace

Result<void> check_input_shape(const mil::Type& type, const mil::Feature* feature, const Shape& shape) {
  if (type.shape() == shape) {
    return {};
  }
  if (feature != nullptr && feature->kind == mil::FeatureKind::image &&
      (feature->image.size_range || !feature->image.enumerated_sizes.empty())) {
    return check_image(type, feature->image, shape);
  }
  if (feature != nullptr && !feature->array.enumerated_shapes.empty()) {
    return check_enumerated(feature->array.enumerated_shapes, shape);
  }
  if (feature != nullptr && !feature->array.shape_range.empty()) {
    return check_ranges(feature->array.shape_range, shape);
  }
  return std::ranges::equal(type.shape(), shape, mil::may_be_equal) ? Result<void>{}
                                                                    : not_allowed(shape, mil::to_string(type));
}

}  // namespace openane::reference
