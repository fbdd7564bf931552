#include "report/op_graph.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "openane/mil_ops.h"
#include "openane/mil_text.h"

namespace openane::report {
namespace {

using mil::Argument;
using mil::Binding;
using mil::Block;
using mil::BlockId;
using mil::Function;
using mil::Operation;
using mil::OperationId;
using mil::VariableId;

constexpr std::size_t kLongestLine = 60;

std::string shortened(std::string text) {
  if (text.size() > kLongestLine) {
    text.resize(kLongestLine - 3);
    text += "...";
  }
  return text;
}

/// "fp16 1x64x8x8"
std::string type_label(const mil::Type& type) {
  if (!type.is_tensor()) {
    return shortened(to_string(type));
  }
  std::string shape;
  for (const std::int64_t extent : type.shape()) {
    shape += shape.empty() ? "" : "x";
    shape += extent >= 0 ? std::to_string(extent) : (extent == mil::kVariadicExtent ? "*" : "?");
  }
  return fmt::format("{} {}", to_string(type.data_type()), shape.empty() ? "scalar" : shape);
}

/// A small constant as its elements, a large one as its type.
std::string value_label(const mil::Value& value) {
  if (const std::string* text = value.as_string()) {
    return shortened(fmt::format("\"{}\"", *text));
  }
  const auto count = value.type().element_count();
  const auto numbers = count && *count <= 8 && !value.is_blob() ? value.as_numbers() : std::nullopt;
  if (!numbers || value.type().data_type() == mil::DataType::invalid) {
    return type_label(value.type());
  }
  const bool is_bool = value.type().data_type() == mil::DataType::boolean;
  std::string list;
  for (const double number : *numbers) {
    list += list.empty() ? "" : ", ";
    list += is_bool ? (number != 0 ? "true" : "false") : fmt::format("{:.6g}", number);
  }
  return shortened(value.type().shape().empty() ? list : fmt::format("[{}]", list));
}

class GraphMaker {
 public:
  explicit GraphMaker(const Function& function) : function_(function) {}

  Graph block(const Block& block) {
    Graph graph;
    std::map<VariableId, std::size_t> makers;  // nodes of this block
    for (const VariableId input : block.inputs) {
      makers[input] = graph.nodes.size();
      graph.nodes.push_back({NodeKind::input, function_[input].name, {}, {type_label(function_[input].type)}, {}});
    }
    for (const OperationId id : block.operations) {
      const Operation& operation = function_[id];
      if (operation.type == "const") {
        continue;
      }
      const std::size_t node = graph.nodes.size();
      graph.nodes.push_back(describe(operation));
      std::set<VariableId> reads;
      collect_reads(operation, reads);
      for (const VariableId read : reads) {
        connect(graph, makers, read, node);
      }
      for (const VariableId output : operation.outputs) {
        makers[output] = node;
      }
    }
    for (const VariableId output : block.outputs) {
      const std::size_t node = graph.nodes.size();
      graph.nodes.push_back({NodeKind::output, function_[output].name, {}, {type_label(function_[output].type)}, {}});
      connect(graph, makers, output, node);
    }
    return graph;
  }

 private:
  void connect(Graph& graph, const std::map<VariableId, std::size_t>& makers, VariableId variable,
               std::size_t to) const {
    if (const auto maker = makers.find(variable); maker != makers.end()) {
      graph.edges.push_back({maker->second, to, type_label(function_[variable].type)});
    }
  }

  void collect_reads(const Operation& operation, std::set<VariableId>& reads) const {
    for (const Argument& argument : operation.arguments) {
      for (const Binding& binding : argument.bindings) {
        if (binding.is_variable()) {
          reads.insert(binding.variable());
        }
      }
    }
    for (const BlockId nested : operation.blocks) {
      for (const OperationId inner : function_[nested].operations) {
        collect_reads(function_[inner], reads);
      }
      reads.insert(function_[nested].outputs.begin(), function_[nested].outputs.end());
    }
  }

  Node describe(const Operation& operation) {
    const mil::OpInfo* info = mil::find_op(operation.type);
    Node node{NodeKind::operation, operation.type, info != nullptr ? std::string(info->category) : "", {}, {}};
    const std::string_view name =
        operation.outputs.empty() ? operation.label() : std::string_view(function_[operation.outputs[0]].name);
    if (!name.empty()) {
      node.lines.push_back(shortened(std::string(name)));
    }
    for (const Argument& argument : operation.arguments) {
      const mil::Value* value = argument.bindings.size() == 1 ? function_.constant(argument.bindings.front()) : nullptr;
      if (value != nullptr) {
        node.lines.push_back(shortened(fmt::format("{} = {}", argument.name, value_label(*value))));
      }
    }
    for (const mil::Attribute& attribute : operation.attributes) {
      if (attribute.name != "name") {
        node.lines.push_back(shortened(fmt::format("{} = {}", attribute.name, value_label(attribute.value))));
      }
    }
    for (const BlockId nested : operation.blocks) {
      node.blocks.push_back(block(function_[nested]));
    }
    return node;
  }

  const Function& function_;
};

}  // namespace

Graph make_graph(const Function& function) { return GraphMaker(function).block(function.body()); }

std::string escape_xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default: {
        const auto byte = static_cast<unsigned char>(c);
        // Names that are not ASCII come out of files in any encoding; their bytes would make the page invalid.
        out += byte < 0x20 || byte == 0x7f ? ' ' : (byte >= 0x80 ? '?' : c);
      }
    }
  }
  return out;
}

}  // namespace openane::report
