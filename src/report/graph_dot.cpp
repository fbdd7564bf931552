// Graphs in Graphviz' language. Nested blocks are clusters beside the operation they belong to.
#include <fmt/format.h>

#include "openane/model_graph.h"
#include "report/op_graph.h"

namespace openane {
namespace {

using report::Edge;
using report::Graph;
using report::Node;
using report::NodeKind;

/// A double-quoted string: quotes and backslashes escaped, lines ended left-aligned.
std::string dot_quoted(const Node& node) {
  const auto escape = [](std::string_view text) {
    std::string out;
    for (const char c : text) {
      if (c == '"' || c == '\\') {
        out += '\\';
      }
      const auto byte = static_cast<unsigned char>(c);
      out += byte < 0x20 || byte == 0x7f ? ' ' : (byte >= 0x80 ? '?' : c);
    }
    return out;
  };
  std::string lines = escape(node.title);
  for (const std::string& line : node.lines) {
    lines.append("\\n").append(escape(line));
  }
  return fmt::format("\"{}\"", lines);
}

class DotWriter {
 public:
  std::string write(const Graph& graph, std::string_view name) {
    out_ =
        fmt::format("digraph {} {{\n  rankdir = TB;\n  compound = true;\n", dot_quoted({.title = std::string(name)}));
    out_ += "  node [shape = box, fontname = \"monospace\", fontsize = 10];\n";
    out_ += "  edge [fontname = \"monospace\", fontsize = 9];\n";
    block(graph, "n", 1);
    return out_ + "}\n";
  }

 private:
  void block(const Graph& graph, const std::string& prefix, std::size_t depth) {
    const std::string indent(2 * depth, ' ');
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      const Node& node = graph.nodes[i];
      const std::string id = fmt::format("{}{}", prefix, i);
      out_ += fmt::format("{}{} [label = {}{}];\n", indent, id, dot_quoted(node),
                          node.kind == NodeKind::operation ? "" : ", style = rounded");
      for (std::size_t k = 0; k < node.blocks.size(); ++k) {
        const std::string nested = fmt::format("{}_{}_", id, k);
        out_ += fmt::format("{}subgraph cluster_{}{} {{\n{}  label = {};\n", indent, id, k, indent,
                            dot_quoted({.title = fmt::format("{} block {}", node.title, k)}));
        block(node.blocks[k], nested, depth + 1);
        out_ += indent + "}\n";
        if (!node.blocks[k].nodes.empty()) {
          out_ += fmt::format("{}{} -> {}0 [style = dashed, arrowhead = none, lhead = cluster_{}{}];\n", indent, id,
                              nested, id, k);
        }
      }
    }
    for (const Edge& edge : graph.edges) {
      out_ += fmt::format("{}{}{} -> {}{} [label = {}];\n", indent, prefix, edge.from, prefix, edge.to,
                          dot_quoted({.title = edge.label}));
    }
  }

  std::string out_;
};

}  // namespace

std::string graph_dot(const mil::Function& function) {
  return DotWriter().write(report::make_graph(function), function.name);
}

}  // namespace openane
