#include "asm/op_json.h"

#include <cmath>

#include "base/number_text.h"
#include "engine/op_text.h"

namespace openane {
namespace {

using Json = nlohmann::ordered_json;

Json extent_to_json(const Extent& extent) {
  return {{"channels", extent.channels}, {"height", extent.height}, {"width", extent.width}, {"depth", extent.depth}};
}

std::string_view type_name(ElementType type) {
  return type == ElementType::invalid ? std::string_view("unknown") : to_string(type);
}

template <typename View>
Json view_to_json(const View& view) {
  Json json = {{"place", to_string(view.place)}};
  const bool surface = view.place == Place::surface || view.place == Place::surface_kept;
  if (surface) {
    const ByteStrides& strides = view.surface.strides;
    json["slot"] = view.surface.slot;
    json["offset"] = view.surface.offset;
    json["row"] = strides.row;
    json["plane"] = strides.channel;
    json["depth"] = strides.depth;
    json["group"] = strides.group;
    json["memory"] = type_name(view.surface.type);
    json["interleave"] = view.surface.interleave;
  }
  if (view.place == Place::chained) {
    json["on_chip"] = {{"base", view.on_chip.base}};
  } else if (view.place == Place::on_chip || view.place == Place::surface_kept) {
    const ByteStrides& strides = view.on_chip.strides;
    json["on_chip"] = {{"base", view.on_chip.base},
                       {"channel", strides.channel},
                       {"row", strides.row},
                       {"depth", strides.depth},
                       {"group", strides.group}};
  }
  json["type"] = type_name(view.type);
  json["exchange"] = view.exchange_channel_width;
  return json;
}

Json source_to_json(const Operand& operand) {
  Json json = view_to_json(operand);
  Json axes = Json::array();
  const Broadcast& broadcast = operand.broadcast;
  for (const auto& [on, name] : {std::pair{broadcast.width, "width"},
                                 {broadcast.height, "height"},
                                 {broadcast.depth, "depth"},
                                 {broadcast.channel, "channel"}}) {
    if (on) {
      axes.push_back(name);
    }
  }
  json["broadcast"] = std::move(axes);
  return json;
}

Json table_to_json(const KernelStream& kernel) {
  return kernel.table_apart ? Json{{"slot", kernel.table_slot}, {"offset", kernel.table_offset}} : Json(nullptr);
}

Json kernel_to_json(const KernelStream& kernel) {
  Json streams = Json::array();
  if (kernel.enabled) {
    for (std::size_t i = 0; i < kernel.channels.size(); ++i) {
      if (kernel.channels.at(i).enabled) {
        streams.push_back(
            {{"engine", i}, {"offset", kernel.channels.at(i).offset}, {"size", kernel.channels.at(i).size}});
      }
    }
  }
  return {{"enabled", kernel.enabled},
          {"slot", kernel.slot},
          {"format", to_string(kernel.format)},
          {"zero_skipping", kernel.zero_skipping},
          {"from_memory", kernel.from_memory},
          {"plane_stride", kernel.plane_stride},
          {"lanes", std::uint64_t{1} << (kernel.lanes_log2 & 31u)},
          {"engines", std::uint64_t{1} << (kernel.engines_log2 & 31u)},
          {"channel_order", to_string(kernel.order)},
          {"offset", kernel.offset},
          {"streams", std::move(streams)},
          {"table", table_to_json(kernel)}};
}

Json neural_to_json(const NeuralCompute& neural) {
  const Window& window = neural.window;
  return {{"path", "neural"},
          {"mode", to_string(neural.mode)},
          {"window",
           {{"kernel", {window.kernel_height, window.kernel_width}},
            {"stride", {window.stride_y, window.stride_x}},
            {"pad", {window.pad_top, window.pad_left}}}},
          {"kernel", kernel_to_json(neural.kernel)},
          {"unicast", neural.unicast},
          {"unicast_inputs", neural.unicast_inputs},
          {"channel_bias", neural.channel_bias},
          {"accumulator_bias", half_to_json(neural.accumulator_bias)},
          {"post_scale", half_to_json(neural.post_scale)},
          {"activation", to_string(neural.activation)},
          {"input_relu", neural.input_relu}};
}

Json float_to_json(float value) {
  if (std::isfinite(value)) {
    return value;
  }
  std::string text;
  append_float(text, value);
  return text;
}

Json planar_to_json(const PlanarCompute& planar) {
  return {{"path", "planar"},
          {"form", to_string(planar.form)},
          {"op", to_string(planar.op)},
          {"second", planar.second_enabled},
          {"condition", planar.condition},
          {"negate_first", planar.negate_first},
          {"negate_second", planar.negate_second},
          {"pre_scale", float_to_json(planar.pre_scale)},
          {"bias", float_to_json(planar.bias)},
          {"scale", float_to_json(planar.scale)},
          {"relu", planar.relu},
          {"reduction", to_string(planar.reduction)},
          {"final_scale", float_to_json(planar.final_scale)},
          {"post", planar.post},
          {"epsilon", float_to_json(planar.epsilon)}};
}

}  // namespace

Json half_to_json(Half value) {
  if ((value.bits & 0x7c00u) != 0x7c00u) {
    return to_float(value);
  }
  std::string text;
  append_half(text, value);
  return text;
}

Json op_to_json(const EngineOp& op) {
  Json json = {{"input", extent_to_json(op.input)}, {"output", extent_to_json(op.output)}, {"groups", op.groups}};
  Json sources = Json::array();
  for (const Operand& source : op.sources) {
    if (source.place != Place::none) {
      sources.push_back(source_to_json(source));
    }
  }
  json["sources"] = std::move(sources);
  json["result"] = view_to_json(op.result);
  if (const NeuralCompute* neural = op.neural()) {
    json["compute"] = neural_to_json(*neural);
  } else if (const PlanarCompute* planar = op.planar()) {
    json["compute"] = planar_to_json(*planar);
  } else {
    json["compute"] = nullptr;
  }
  return json;
}

Json cost_to_json(const OpCost& figures) {
  return {{"multiply_adds", figures.multiply_adds},
          {"planar_operations", figures.planar_operations},
          {"bytes_read", figures.bytes_read},
          {"bytes_written", figures.bytes_written},
          {"kernel_bytes", figures.kernel_bytes}};
}

Json layout_to_json(const SurfaceLayout& layout) {
  const SurfaceShape& shape = layout.shape;
  const SurfaceStrides& strides = layout.strides;
  return {{"type", to_string(layout.type)},
          {"shape", {{"n", shape.n}, {"c", shape.c}, {"h", shape.h}, {"w", shape.w}, {"d", shape.d}}},
          {"strides", {{"n", strides.n}, {"c", strides.c}, {"h", strides.h}, {"w", strides.w}, {"d", strides.d}}},
          {"interleave", layout.interleave}};
}

}  // namespace openane
