// A function as boxes and edges, for whoever draws it.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "openane/mil_program.h"

namespace openane::report {

enum class NodeKind : std::uint8_t { input, operation, output };

struct Graph;

struct Node {
  NodeKind kind = NodeKind::operation;
  std::string title;               ///< Type of the operation, or name of the input or output.
  std::string category;            ///< Of the operation, as the catalogue has it.
  std::vector<std::string> lines;  ///< Name and constant arguments.
  std::vector<Graph> blocks;       ///< Nested blocks, each a graph of its own.
};

struct Edge {
  std::size_t from = 0;
  std::size_t to = 0;
  std::string label;  ///< Type of the value.
};

struct Graph {
  std::vector<Node> nodes;
  std::vector<Edge> edges;  ///< Each from an earlier node to a later one.
};

/// The nodes of a block in the order of the program. What a nested block reads from outside is an edge to the operation
/// the block belongs to.
[[nodiscard]] Graph make_graph(const mil::Function& function);

/// Escaped for XML text and attributes; control characters become spaces.
[[nodiscard]] std::string escape_xml(std::string_view text);

}  // namespace openane::report
