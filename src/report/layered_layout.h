// Positions for the boxes and edges of a graph that flows downwards.
//
// The steps are those of Sugiyama, Tagawa and Toda (1981): layers by longest path; a bend in every layer that an edge
// only crosses; a few sweeps that order each layer by the mean position of its neighbours; then, in that order,
// horizontal positions as near to the neighbours' mean as the boxes allow.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace openane::report {

struct Point {
  double x = 0;
  double y = 0;
};

struct Size {
  double width = 0;
  double height = 0;
};

struct Layout {
  std::vector<Point> corners;             ///< Upper left corner of each box.
  std::vector<std::vector<Point>> paths;  ///< Of each edge, from the lower side of one box to the upper of the other.
  Size size;
};

/// Edges lead from a box to one with a higher number. Takes time proportional to boxes, edges and bends; of the latter
/// there are at most kMostBends, edges that would need more run straight.
inline constexpr std::size_t kMostBends = 100'000;
[[nodiscard]] Layout lay_out(std::span<const Size> boxes, std::span<const std::pair<std::size_t, std::size_t>> edges);

}  // namespace openane::report
