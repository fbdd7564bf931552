#include "reference/runs.h"

#include <fmt/format.h>

#include "mil/extents.h"
#include "reference/arguments.h"

namespace openane::reference {
namespace {

/// Position `linear` of an array as text: "[1, 0, 3]".
std::string place_of(std::int64_t linear, const Shape& shape) {
  std::vector<std::int64_t> place(shape.size());
  for (std::size_t i = shape.size(); i-- > 0;) {
    place[i] = linear % shape[i];
    linear /= shape[i];
  }
  return fmt::format("[{}]", fmt::join(place, ", "));
}

std::unexpected<Error> out_of_range(std::int64_t index, const Array& indices, std::size_t at, std::int64_t extent,
                                    bool takes_negative) {
  return refuse(fmt::format("index {} at {} of indices is outside {}..{}", index,
                            place_of(static_cast<std::int64_t>(at), indices.shape()), takes_negative ? -extent : 0,
                            extent - 1));
}

}  // namespace

bool takes_negative_indices(const Call& call) { return call.signature().find("validate_indices") == nullptr; }

Result<std::vector<std::int64_t>> checked_indices(const Array& indices, std::int64_t extent, bool takes_negative) {
  const std::span<const std::int32_t> given = indices.elements<std::int32_t>();
  std::vector<std::int64_t> checked(given.size());
  for (std::size_t i = 0; i < given.size(); ++i) {
    const std::int64_t index = given[i] < 0 && takes_negative ? given[i] + extent : given[i];
    if (index < 0 || index >= extent) {
      return out_of_range(given[i], indices, i, extent, takes_negative);
    }
    checked[i] = index;
  }
  return checked;
}

Result<std::vector<std::int64_t>> checked_tuples(const Array& indices, const Shape& shape, std::size_t first_axis,
                                                 bool takes_negative) {
  const auto depth = static_cast<std::size_t>(indices.shape().back());
  const std::span<const std::int32_t> given = indices.elements<std::int32_t>();
  const std::int64_t rows = mil::product(indices.shape(), 0, indices.rank() - 1);
  std::vector<std::int64_t> runs(static_cast<std::size_t>(rows), 0);
  for (std::size_t row = 0; row < runs.size(); ++row) {
    for (std::size_t i = 0; i < depth; ++i) {
      const std::size_t at = row * depth + i;
      const std::int64_t extent = shape[first_axis + i];
      const std::int64_t index = given[at] < 0 && takes_negative ? given[at] + extent : given[at];
      if (index < 0 || index >= extent) {
        return out_of_range(given[at], indices, at, extent, takes_negative);
      }
      runs[row] = runs[row] * extent + index;
    }
  }
  return runs;
}

AxisSplit split_at(const Shape& shape, std::size_t axis) {
  return {mil::product(shape, 0, axis), shape[axis], mil::product(shape, axis + 1, shape.size())};
}

}  // namespace openane::reference
