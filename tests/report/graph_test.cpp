// Pictures: the layout's geometry on random graphs, and that what comes out is well formed whatever names are in it.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <regex>

#include "openane/mil_builder.h"
#include "openane/model_graph.h"
#include "report/layered_layout.h"
#include "report/op_graph.h"

namespace openane {
namespace {

using mil::Builder;
using mil::DataType;
using mil::Type;
using mil::Var;
using report::Layout;
using report::Size;

using Edges = std::vector<std::pair<std::size_t, std::size_t>>;

bool overlap(const Layout& layout, const std::vector<Size>& boxes, std::size_t a, std::size_t b) {
  const auto apart = [](double from_a, double size_a, double from_b, double size_b) {
    return from_a + size_a <= from_b + 1e-6 || from_b + size_b <= from_a + 1e-6;
  };
  return !apart(layout.corners[a].x, boxes[a].width, layout.corners[b].x, boxes[b].width) &&
         !apart(layout.corners[a].y, boxes[a].height, layout.corners[b].y, boxes[b].height);
}

TEST(LayeredLayout, BoxesDoNotOverlapAndEdgesLeadDown) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const std::size_t count = 1 + random() % 40;
    std::vector<Size> boxes;
    for (std::size_t i = 0; i < count; ++i) {
      boxes.push_back({static_cast<double>(10 + random() % 200), static_cast<double>(10 + random() % 80)});
    }
    Edges edges;
    for (std::size_t i = 0; count > 1 && i < 2 * count; ++i) {
      const std::size_t a = random() % count;
      const std::size_t b = random() % count;
      if (a != b) {
        edges.emplace_back(std::min(a, b), std::max(a, b));
      }
    }
    const Layout layout = report::lay_out(boxes, edges);
    ASSERT_EQ(layout.corners.size(), count);
    for (std::size_t a = 0; a < count; ++a) {
      EXPECT_GE(layout.corners[a].x, -1e-6);
      EXPECT_LE(layout.corners[a].x + boxes[a].width, layout.size.width + 1e-6);
      EXPECT_LE(layout.corners[a].y + boxes[a].height, layout.size.height + 1e-6);
      for (std::size_t b = 0; b < a; ++b) {
        EXPECT_FALSE(overlap(layout, boxes, a, b)) << a << " and " << b;
      }
    }
    for (const std::vector<report::Point>& path : layout.paths) {
      EXPECT_TRUE(std::ranges::is_sorted(path, {}, &report::Point::y));
    }
  }
}

TEST(LayeredLayout, AnEmptyGraphIsEmpty) { EXPECT_EQ(report::lay_out({}, {}).size.height, 0); }

/// Tags that open and close in order, attributes in quotes, no stray & or <.
void expect_well_formed(const std::string& svg) {
  static const std::regex tag(R"re(<(/?)([a-z]+)((?: [A-Za-z:-]+="[^"<]*")*)(/?)>)re");
  std::vector<std::string> open;
  std::string between;
  auto at = svg.cbegin();
  for (std::sregex_iterator match(svg.begin(), svg.end(), tag), end; match != end; ++match) {
    between.append(at, (*match)[0].first);
    at = (*match)[0].second;
    if ((*match)[1].length() > 0) {
      ASSERT_FALSE(open.empty());
      EXPECT_EQ(open.back(), (*match)[2]);
      open.pop_back();
    } else if ((*match)[4].length() == 0) {
      open.push_back((*match)[2]);
    }
  }
  EXPECT_TRUE(open.empty());
  between.append(at, svg.cend());
  EXPECT_EQ(between.find_first_of("<>"), std::string::npos);
  static const std::regex entity("&(?!(amp|lt|gt|quot);)");
  EXPECT_FALSE(std::regex_search(between, entity));
}

mil::Function with_blocks() {
  Builder b("main", "ios17");
  const Var x = b.input("x", Type::tensor(DataType::fp16, {1, 4}));
  const Var flag = b.input("flag", Type::scalar(DataType::boolean));
  const mil::Vars chosen =
      b.cond(flag, [&] { return std::vector{b.relu(x)}; }, [&] { return std::vector{b.mul(x, 2)}; });
  return *b.finish_function({chosen[0]});
}

TEST(Graph, NestedBlocksAreInsideAndTheirReadsAreEdges) {
  const report::Graph graph = report::make_graph(with_blocks());
  ASSERT_EQ(graph.nodes.size(), 4U);  // x, flag, cond, result
  EXPECT_EQ(graph.nodes[2].title, "cond");
  ASSERT_EQ(graph.nodes[2].blocks.size(), 2U);
  EXPECT_EQ(graph.nodes[2].blocks[1].nodes[0].title, "mul");
  ASSERT_EQ(graph.edges.size(), 3U);
  EXPECT_EQ(graph.edges[0].label, "fp16 1x4");
  const std::string dot = graph_dot(with_blocks());
  EXPECT_NE(dot.find("subgraph cluster_n2"), std::string::npos) << dot;
  EXPECT_NE(dot.find("n0 -> n2 [label = \"fp16 1x4\"]"), std::string::npos) << dot;
  expect_well_formed(graph_svg(with_blocks()));
}

TEST(Graph, NamesAreEscaped) {
  mil::Function function = with_blocks();
  for (std::uint32_t i = 0; i < function.variable_count(); ++i) {
    function[mil::VariableId{i}].name = "<a href=\"x\">&\\\"\x01\xff";
  }
  expect_well_formed(graph_svg(function));
  const std::string dot = graph_dot(function);
  EXPECT_NE(dot.find("<a href=\\\"x\\\">&\\\\\\\" ?"), std::string::npos) << dot;
}

}  // namespace
}  // namespace openane
