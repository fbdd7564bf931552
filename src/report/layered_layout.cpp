#include "report/layered_layout.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <numeric>

namespace openane::report {
namespace {

constexpr double kBetweenBoxes = 24;
constexpr double kBetweenLayers = 44;
constexpr double kBendWidth = 8;
constexpr int kOrderSweeps = 6;
constexpr int kPlacementSweeps = 8;

struct Vertex {
  double width = 0;
  double height = 0;
  std::size_t layer = 0;
  double center = 0;  ///< Horizontal.
  std::vector<std::size_t> above, below;
};

class Placer {
 public:
  Placer(std::span<const Size> boxes, std::span<const std::pair<std::size_t, std::size_t>> edges)
      : count_(boxes.size()), edges_(edges), vertices_(boxes.size()) {
    for (std::size_t i = 0; i < count_; ++i) {
      vertices_[i].width = boxes[i].width;
      vertices_[i].height = boxes[i].height;
    }
  }

  Layout place() {
    assign_layers();
    add_bends();
    order_layers();
    place_horizontally();
    return finish();
  }

 private:
  void assign_layers() {
    std::vector<std::vector<std::size_t>> targets(count_);
    std::vector<bool> has_source(count_);
    for (const auto& [from, to] : edges_) {
      targets[from].push_back(to);
      has_source[to] = true;
    }
    for (std::size_t i = 0; i < count_; ++i) {
      for (const std::size_t to : targets[i]) {
        vertices_[to].layer = std::max(vertices_[to].layer, vertices_[i].layer + 1);
      }
    }
    // What starts a chain stands right above its first use, not at the top.
    for (std::size_t i = count_; i-- > 0;) {
      if (!has_source[i] && !targets[i].empty()) {
        const std::size_t first =
            *std::ranges::min_element(targets[i], {}, [&](std::size_t target) { return vertices_[target].layer; });
        vertices_[i].layer = vertices_[first].layer - 1;
      }
    }
  }

  /// The edges of one box share the bends of the layers they cross.
  void add_bends() {
    std::map<std::pair<std::size_t, std::size_t>, std::size_t> bends;  // by source and layer
    routes_.resize(edges_.size());
    for (std::size_t e = 0; e < edges_.size(); ++e) {
      const auto [from, to] = edges_[e];
      const std::size_t first = vertices_[from].layer;
      const std::size_t last = vertices_[to].layer;
      std::size_t at = from;
      if (bends.size() + (last - first) <= kMostBends) {
        for (std::size_t layer = first + 1; layer < last; ++layer) {
          const auto [bend, fresh] = bends.try_emplace({from, layer}, vertices_.size());
          if (fresh) {
            vertices_.push_back({.width = kBendWidth, .layer = layer});
            connect(at, bend->second);
          }
          at = bend->second;
          routes_[e].push_back(at);
        }
      }
      connect(at, to);
    }
  }

  void connect(std::size_t from, std::size_t to) {
    vertices_[from].below.push_back(to);
    vertices_[to].above.push_back(from);
  }

  void order_layers() {
    std::size_t last = 0;
    for (const Vertex& vertex : vertices_) {
      last = std::max(last, vertex.layer);
    }
    layers_.resize(vertices_.empty() ? 0 : last + 1);
    for (std::size_t i = 0; i < vertices_.size(); ++i) {
      layers_[vertices_[i].layer].push_back(i);
    }
    for (const std::vector<std::size_t>& layer : layers_) {
      number(layer);
    }
    for (int sweep = 0; sweep < kOrderSweeps; ++sweep) {
      const bool down = sweep % 2 == 0;
      for (std::size_t i = 0; i < layers_.size(); ++i) {
        std::vector<std::size_t>& layer = layers_[down ? i : layers_.size() - 1 - i];
        std::vector<std::pair<double, std::size_t>> keyed;
        keyed.reserve(layer.size());
        for (const std::size_t vertex : layer) {
          keyed.emplace_back(mean(vertex, down), vertex);
        }
        std::ranges::stable_sort(keyed, {}, &std::pair<double, std::size_t>::first);
        std::ranges::transform(keyed, layer.begin(), &std::pair<double, std::size_t>::second);
        number(layer);
      }
    }
  }

  /// Gives the vertices of a layer their positions in it, in the place of coordinates.
  void number(const std::vector<std::size_t>& layer) {
    for (std::size_t i = 0; i < layer.size(); ++i) {
      vertices_[layer[i]].center = static_cast<double>(i);
    }
  }

  /// Mean position of the neighbours above or below; its own where there are none.
  [[nodiscard]] double mean(std::size_t index, bool from_above) const {
    const Vertex& vertex = vertices_[index];
    const std::vector<std::size_t>& neighbours = from_above ? vertex.above : vertex.below;
    if (neighbours.empty()) {
      return vertex.center;
    }
    const double sum = std::accumulate(neighbours.begin(), neighbours.end(), 0.0, [&](double total, std::size_t other) {
      return total + vertices_[other].center;
    });
    return sum / static_cast<double>(neighbours.size());
  }

  [[nodiscard]] double distance(std::size_t left, std::size_t right) const {
    return (vertices_[left].width + vertices_[right].width) / 2 + kBetweenBoxes;
  }

  void place_horizontally() {
    for (const std::vector<std::size_t>& layer : layers_) {
      for (std::size_t i = 0; i < layer.size(); ++i) {
        vertices_[layer[i]].center =
            i == 0 ? vertices_[layer[i]].width / 2 : vertices_[layer[i - 1]].center + distance(layer[i - 1], layer[i]);
      }
    }
    for (int sweep = 0; sweep < kPlacementSweeps; ++sweep) {
      const bool down = sweep % 2 == 0;
      for (std::size_t i = 0; i < layers_.size(); ++i) {
        settle(layers_[down ? i : layers_.size() - 1 - i], down);
      }
    }
  }

  /// Two placements keep the order, one pushed to the right and one to the left; so does their mean.
  void settle(const std::vector<std::size_t>& layer, bool down) {
    std::vector<double> wanted(layer.size());
    for (std::size_t i = 0; i < layer.size(); ++i) {
      wanted[i] = mean(layer[i], down);
    }
    std::vector<double> right = wanted;
    for (std::size_t i = 1; i < layer.size(); ++i) {
      right[i] = std::max(right[i], right[i - 1] + distance(layer[i - 1], layer[i]));
    }
    std::vector<double> left = wanted;
    for (std::size_t i = layer.size(); i-- > 1;) {
      left[i - 1] = std::min(left[i - 1], left[i] - distance(layer[i - 1], layer[i]));
    }
    for (std::size_t i = 0; i < layer.size(); ++i) {
      vertices_[layer[i]].center = (left[i] + right[i]) / 2;
    }
  }

  Layout finish() const {
    Layout out;
    double leftmost = 0;
    double rightmost = 0;
    for (std::size_t i = 0; i < vertices_.size(); ++i) {
      const Vertex& vertex = vertices_[i];
      leftmost = i == 0 ? vertex.center - vertex.width / 2 : std::min(leftmost, vertex.center - vertex.width / 2);
      rightmost = i == 0 ? vertex.center + vertex.width / 2 : std::max(rightmost, vertex.center + vertex.width / 2);
    }
    std::vector<double> tops(layers_.size());
    std::vector<double> heights(layers_.size());
    double y = 0;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      for (const std::size_t vertex : layers_[i]) {
        heights[i] = std::max(heights[i], vertices_[vertex].height);
      }
      tops[i] = y;
      y += heights[i] + kBetweenLayers;
    }
    for (std::size_t i = 0; i < count_; ++i) {
      const Vertex& vertex = vertices_[i];
      const double slack = heights[vertex.layer] - vertex.height;
      out.corners.push_back({vertex.center - vertex.width / 2 - leftmost, tops[vertex.layer] + slack / 2});
    }
    for (std::size_t e = 0; e < edges_.size(); ++e) {
      const auto [from, to] = edges_[e];
      std::vector<Point> path{{vertices_[from].center - leftmost, out.corners[from].y + vertices_[from].height}};
      for (const std::size_t bend : routes_[e]) {
        const Vertex& vertex = vertices_[bend];
        path.push_back({vertex.center - leftmost, tops[vertex.layer] + heights[vertex.layer] / 2});
      }
      path.push_back({vertices_[to].center - leftmost, out.corners[to].y});
      out.paths.push_back(std::move(path));
    }
    out.size = {rightmost - leftmost, layers_.empty() ? 0 : y - kBetweenLayers};
    return out;
  }

  std::size_t count_;
  std::span<const std::pair<std::size_t, std::size_t>> edges_;
  std::vector<Vertex> vertices_;  ///< Boxes first, then bends.
  std::vector<std::vector<std::size_t>> routes_;
  std::vector<std::vector<std::size_t>> layers_;
};

}  // namespace

Layout lay_out(std::span<const Size> boxes, std::span<const std::pair<std::size_t, std::size_t>> edges) {
  return Placer(boxes, edges).place();
}

}  // namespace openane::report
