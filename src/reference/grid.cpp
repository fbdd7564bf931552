#include "reference/grid.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "reference/arguments.h"

namespace openane::reference {
namespace {

struct NamedSampling {
  std::string_view name;
  Sampling sampling;
};
constexpr std::array kSamplings{
    NamedSampling{"STRICT_ALIGN_CORNERS", Sampling::strict_align_corners},
    NamedSampling{"ALIGN_CORNERS", Sampling::align_corners},
    NamedSampling{"DEFAULT", Sampling::upsample},
    NamedSampling{"OFFSET_CORNERS", Sampling::offset_corners},
    NamedSampling{"UNALIGN_CORNERS", Sampling::unalign_corners},
};

/// Point i lies at start + i*spacing.
struct Grid {
  double start;
  double spacing;
};

Grid grid_of(Sampling sampling, double extent, double count) {
  const double aligned = count > 1 ? (extent - 1) / (count - 1) : 0;
  const double cell = extent / count;
  switch (sampling) {
    case Sampling::strict_align_corners:
      return {0, aligned};
    case Sampling::align_corners:
      return {count == 1 ? (extent - 1) / 2 : 0, aligned};
    case Sampling::upsample:
      return {0, cell};
    case Sampling::offset_corners: {
      const double delta = std::max(1.0, extent - 1) / count;
      return {delta / 2, delta};
    }
    case Sampling::unalign_corners:
      return {cell / 2 - 0.5, cell};
  }
  return {0, 0};
}

}  // namespace

Result<Sampling> sampling_from_string(std::string_view name) {
  const auto* at = std::ranges::find(kSamplings, name, &NamedSampling::name);
  if (at == kSamplings.end()) {
    return unpublished(fmt::format("sampling_mode '{}'", name));
  }
  return at->sampling;
}

std::vector<double> sampling_points(Sampling sampling, double extent, std::int64_t count) {
  const Grid grid = grid_of(sampling, extent, static_cast<double>(count));
  std::vector<double> points(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < points.size(); ++i) {
    points[i] = std::min(std::max(grid.start + static_cast<double>(i) * grid.spacing, 0.0), extent - 1);
  }
  return points;
}

std::vector<Blend> blends(const std::vector<double>& points, std::int64_t extent) {
  const std::int64_t last = std::max<std::int64_t>(extent - 1, 0);
  std::vector<Blend> out;
  out.reserve(points.size());
  for (const double point : points) {
    const auto low = std::clamp<std::int64_t>(static_cast<std::int64_t>(std::floor(point)), 0, last);
    out.push_back({low, std::min(low + 1, last), point - static_cast<double>(low)});
  }
  return out;
}

}  // namespace openane::reference
