#include "mil/shape_arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mil/extents.h"
#include "mil/op_view.h"

namespace openane::mil {
namespace {

/// The extent of x that a 0 at `position` of a shape of `rank` extents copies.
Result<std::int64_t> copied_extent(const Shape& x, std::size_t position, std::size_t rank, bool align_right) {
  if (align_right) {
    const std::size_t from_end = rank - position;
    return from_end <= x.size() ? x[x.size() - from_end] : 1;
  }
  if (position >= x.size()) {
    return mismatch(
        fmt::format("0 at position {} of the shape copies an axis that {} does not have", position, describe(x)));
  }
  return x[position];
}

}  // namespace

Result<Shape> resolve_shape(const Shape& x, Shape wanted, bool align_right) {
  std::optional<std::size_t> inferred;
  const bool is_empty = std::ranges::find(x, 0) != x.end();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == 0 && !is_empty) {
      OPENANE_TRY(wanted[i], copied_extent(x, i, wanted.size(), align_right));
    } else if (wanted[i] == -1) {
      if (inferred) {
        return mismatch("a shape with two -1");
      }
      inferred = i;
      wanted[i] = 1;
    } else if (wanted[i] < -1) {
      return mismatch(fmt::format("an extent of {}", wanted[i]));
    }
  }
  const std::int64_t have = product(x, 0, x.size());
  const std::int64_t want = product(wanted, 0, wanted.size());
  if (inferred) {
    const bool divides = is_known(have) && is_known(want) && want != 0 && have % want == 0;
    if (is_known(have) && is_known(want) && !divides) {
      return mismatch(fmt::format("{} has {} elements, not a multiple of {}", describe(x), have, want));
    }
    wanted[*inferred] = divides ? have / want : kUnknownExtent;
  } else if (!may_be_equal(have, want)) {
    return mismatch(
        fmt::format("{} has {} elements, the new shape {} has {}", describe(x), have, describe(wanted), want));
  }
  return wanted;
}

Result<Shape> flattened_shape(const Shape& x, std::int64_t axis) {
  OPENANE_TRY(const std::size_t at, normalise_axis(axis, axis < 0 ? x.size() : x.size() + 1));
  return Shape{product(x, 0, at), product(x, at, x.size())};
}

std::optional<std::int64_t> upsampled_extent(std::int64_t extent, double factor) {
  const double grown = std::floor(static_cast<double>(extent) * factor);
  return factor > 0 && grown < 0x1p62 ? std::optional(static_cast<std::int64_t>(grown)) : std::nullopt;
}

Result<Shape> resized_shape(const Shape& x, const Shape& wanted, std::int64_t resized) {
  Shape out = x;
  if (resized < 0 || static_cast<std::size_t>(resized) > std::min(x.size(), wanted.size())) {
    return mismatch(fmt::format("{} resized axes of {} with {} extents", resized, describe(x), wanted.size()));
  }
  for (std::size_t i = 1; i <= static_cast<std::size_t>(resized); ++i) {
    const std::int64_t extent = wanted[wanted.size() - i];
    if (extent < 0) {
      return mismatch(fmt::format("an extent of {}", extent));
    }
    if (extent != 0) {
      out[out.size() - i] = extent;
    }
  }
  return out;
}

AxisSlice slice_axis(std::int64_t extent, std::optional<std::int64_t> begin, std::optional<std::int64_t> end,
                     std::int64_t stride) {
  const std::int64_t lowest = stride > 0 ? 0 : -1;
  const std::int64_t highest = stride > 0 ? extent : extent - 1;
  const auto place = [&](std::int64_t index) {
    return std::clamp(index < 0 ? index + extent : index, lowest, highest);
  };
  const std::int64_t from = begin ? place(*begin) : (stride > 0 ? lowest : highest);
  const std::int64_t to = end ? place(*end) : (stride > 0 ? highest : lowest);
  const std::int64_t span = stride > 0 ? to - from : from - to;
  const std::int64_t step = stride > 0 ? stride : -stride;
  return {from, span <= 0 ? 0 : (span - 1) / step + 1, stride};
}

Result<std::int64_t> range_length(double start, double end, double step) {
  const double count = step == 0 ? -1 : std::ceil((end - start) / step);
  if (!(count < 0x1p62) || step == 0) {
    return mismatch(fmt::format("a range from {} to {} in steps of {}", start, end, step));
  }
  return static_cast<std::int64_t>(std::max(count, 0.0));
}

}  // namespace openane::mil
