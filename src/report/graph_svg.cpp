// Graphs as SVG. An operation with nested blocks is a box that holds their graphs.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "openane/model_graph.h"
#include "report/layered_layout.h"
#include "report/op_graph.h"

namespace openane {
namespace {

using report::Edge;
using report::escape_xml;
using report::Graph;
using report::Layout;
using report::Node;
using report::NodeKind;
using report::Point;
using report::Size;

constexpr double kCharacter = 6.1;  // of a monospaced font of 10 pixels
constexpr double kLine = 13;
constexpr double kPadding = 7;
constexpr double kMargin = 16;

struct CategoryColor {
  std::string_view category;
  std::string_view fill;
};
constexpr CategoryColor kColors[] = {
    {"conv", "#cfe3f7"},
    {"linear", "#cfe3f7"},
    {"transformers", "#cfe3f7"},
    {"recurrent", "#cfe3f7"},
    {"activation", "#fbe3c3"},
    {"elementwise_unary", "#f6f0c4"},
    {"elementwise_binary", "#f6f0c4"},
    {"pool", "#d8efd0"},
    {"reduction", "#d8efd0"},
    {"normalization", "#e9d8f2"},
    {"constexpr", "#e2e2e2"},
    {"compression", "#e2e2e2"},
    {"quantization", "#e2e2e2"},
    {"control_flow", "#ffffff"},
    {"tensor_transformation", "#eef3f3"},
};

std::string_view fill_of(const Node& node) {
  if (node.kind != NodeKind::operation) {
    return "#ffffff";
  }
  const auto* row = std::ranges::find(kColors, node.category, &CategoryColor::category);
  return row != std::end(kColors) ? row->fill : std::string_view("#f2f2f2");
}

/// A graph with the sizes of everything in it.
struct Placed {
  const Graph* graph = nullptr;
  Layout layout;
  std::vector<Size> sizes;
  std::vector<std::vector<Placed>> nested;  ///< By node, by block.
};

double head_height(const Node& node) { return kLine * static_cast<double>(1 + node.lines.size()) + 2 * kPadding; }

Placed place(const Graph& graph) {
  Placed placed{&graph, {}, {}, {}};
  for (const Node& node : graph.nodes) {
    std::size_t characters = node.title.size();
    for (const std::string& line : node.lines) {
      characters = std::max(characters, line.size());
    }
    Size size{static_cast<double>(characters) * kCharacter + 2 * kPadding, head_height(node)};
    std::vector<Placed>& blocks = placed.nested.emplace_back();
    double width = kPadding;
    double height = 0;
    for (const Graph& block : node.blocks) {
      blocks.push_back(place(block));
      width += blocks.back().layout.size.width + 2 * kPadding;
      height = std::max(height, blocks.back().layout.size.height + 2 * kPadding);
    }
    size.width = std::max(size.width, node.blocks.empty() ? 0.0 : width);
    size.height += height;
    placed.sizes.push_back(size);
  }
  std::vector<std::pair<std::size_t, std::size_t>> edges;
  edges.reserve(graph.edges.size());
  for (const Edge& edge : graph.edges) {
    edges.emplace_back(edge.from, edge.to);
  }
  placed.layout = report::lay_out(placed.sizes, edges);
  return placed;
}

class SvgWriter {
 public:
  std::string write(const Graph& graph, std::string_view name) {
    const Placed placed = place(graph);
    // Long names and labels may stick out to the right of the last box.
    const double width = placed.layout.size.width + 2 * kMargin + 80;
    const double height = placed.layout.size.height + 2 * kMargin;
    out_ = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} "
        "{1:.0f}\" font-family=\"monospace\" font-size=\"10\">\n<title>{2}</title>\n"
        "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" "
        "orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#555\"/></marker></defs>\n"
        "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        width, height, escape_xml(name));
    block(placed, {kMargin, kMargin});
    return out_ + "</svg>\n";
  }

 private:
  void block(const Placed& placed, Point origin) {
    for (std::size_t i = 0; i < placed.graph->nodes.size(); ++i) {
      const Point corner{origin.x + placed.layout.corners[i].x, origin.y + placed.layout.corners[i].y};
      node(placed.graph->nodes[i], corner, placed.sizes[i]);
      double x = corner.x + kPadding;
      for (const Placed& nested : placed.nested[i]) {
        const double y = corner.y + head_height(placed.graph->nodes[i]);
        const Size size = nested.layout.size;
        out_ += fmt::format(
            "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"none\" stroke=\"#aaa\" "
            "stroke-dasharray=\"4 3\"/>\n",
            x, y - kPadding, size.width + kPadding, size.height + 2 * kPadding);
        block(nested, {x + kPadding / 2, y});
        x += size.width + 2 * kPadding;
      }
    }
    edges(placed, origin);
  }

  void node(const Node& node, Point corner, Size size) {
    const double radius = node.kind == NodeKind::operation ? 2 : 10;
    out_ += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"{}\" fill=\"{}\" stroke=\"#555\"/>\n",
        corner.x, corner.y, size.width, size.height, radius, fill_of(node));
    double y = corner.y + kPadding + 9;
    text(corner.x + kPadding, y, node.title, "font-weight=\"bold\"");
    for (const std::string& line : node.lines) {
      text(corner.x + kPadding, y += kLine, line, "");
    }
  }

  void edges(const Placed& placed, Point origin) {
    std::set<std::pair<std::size_t, std::string_view>> labelled;
    std::map<std::size_t, int> labels;  // by source
    for (std::size_t e = 0; e < placed.graph->edges.size(); ++e) {
      const Edge& edge = placed.graph->edges[e];
      const std::vector<Point>& path = placed.layout.paths[e];
      out_ += fmt::format("<path d=\"M{:.1f} {:.1f}", origin.x + path[0].x, origin.y + path[0].y);
      for (std::size_t i = 1; i < path.size(); ++i) {
        const double middle = (path[i - 1].y + path[i].y) / 2;
        out_ += fmt::format("C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}", origin.x + path[i - 1].x, origin.y + middle,
                            origin.x + path[i].x, origin.y + middle, origin.x + path[i].x, origin.y + path[i].y);
      }
      out_ += "\" fill=\"none\" stroke=\"#555\" marker-end=\"url(#arrow)\"/>\n";
      // One label for all the edges that carry a value, where they leave the box.
      if (labelled.emplace(edge.from, edge.label).second) {
        const int row = labels[edge.from]++;
        text(origin.x + path[0].x + 4, origin.y + path[0].y + 11 + 11 * row, edge.label, "fill=\"#246\"");
      }
    }
  }

  void text(double x, double y, std::string_view content, std::string_view style) {
    out_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\"{}{}>{}</text>\n", x, y, style.empty() ? "" : " ", style,
                        escape_xml(content));
  }

  std::string out_;
};

}  // namespace

std::string graph_svg(const mil::Function& function) {
  return SvgWriter().write(report::make_graph(function), function.name);
}

}  // namespace openane
