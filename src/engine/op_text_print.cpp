// Printing of EngineOp text. It is the hot path of the listing: one string grows, and nothing else is allocated.
#include <algorithm>
#include <array>
#include <bit>

#include "base/number_text.h"
#include "engine/op_text.h"

namespace openane {
namespace {

/// Writes `key = value` lines.
class LineWriter {
 public:
  LineWriter(std::string& out, std::string_view indent) : out_(out), indent_(indent) {}

  /// Starts a line; the caller appends the value and ends it.
  std::string& begin(std::string_view key) {
    constexpr std::string_view kEquals = " = ";
    const std::size_t before = out_.size();
    out_.resize(before + indent_.size() + key.size() + kEquals.size());
    char* const text = out_.data() + before;
    std::ranges::copy(kEquals, std::ranges::copy(key, std::ranges::copy(indent_, text).out).out);
    return out_;
  }
  void end() { out_ += '\n'; }

  void name(std::string_view key, std::string_view value) {
    begin(key) += value;
    end();
  }
  void flag(std::string_view key, bool value, bool usual = false) {
    if (value != usual) {
      name(key, value ? "on" : "off");
    }
  }
  void number(std::string_view key, std::uint64_t value, std::uint64_t usual) {
    if (value != usual) {
      append_decimal(begin(key), value);
      end();
    }
  }
  void half(std::string_view key, Half value, Half usual) {
    if (value != usual) {
      append_half(begin(key), value);
      end();
    }
  }
  void real(std::string_view key, float value, float usual) {
    if (std::bit_cast<std::uint32_t>(value) != std::bit_cast<std::uint32_t>(usual)) {
      append_float(begin(key), value);
      end();
    }
  }

 private:
  std::string& out_;
  std::string_view indent_;
};

void append_attribute(std::string& out, std::string_view name, std::uint64_t value) {
  if (value != 0) {
    out += ' ';
    out += name;
    out += ' ';
    append_hex(out, value);
  }
}

void append_pair(std::string& out, std::uint64_t first, std::uint64_t second) {
  append_decimal(out, first);
  out += 'x';
  append_decimal(out, second);
}

void append_extent(std::string& out, const Extent& extent) {
  append_decimal(out, extent.channels);
  out += 'x';
  append_pair(out, extent.height, extent.width);
  if (extent.depth != 1) {
    out += " depth ";
    append_decimal(out, extent.depth);
  }
}

void append_type(std::string& out, ElementType type) {
  out += type == ElementType::invalid ? std::string_view("unknown") : to_string(type);
}

void append_surface(std::string& out, const SurfaceView& surface) {
  if (surface.slot != 0) {
    out += " slot ";
    append_decimal(out, surface.slot);
  }
  append_attribute(out, "offset", surface.offset);
  append_attribute(out, "row", surface.strides.row);
  append_attribute(out, "plane", surface.strides.channel);
  append_attribute(out, "depth", surface.strides.depth);
  append_attribute(out, "group", surface.strides.group);
  if (surface.type != ElementType::float16) {
    append_type(out += " memory ", surface.type);
  }
  if (surface.interleave != 1) {
    out += " interleave ";
    append_decimal(out, surface.interleave);
  }
}

void append_on_chip(std::string& out, const OnChipView& view) {
  if (view == OnChipView{}) {
    return;
  }
  out += " at ";
  append_hex(out, view.base);
  append_attribute(out, "channel", view.strides.channel);
  append_attribute(out, "row", view.strides.row);
  append_attribute(out, "depth", view.strides.depth);
  append_attribute(out, "group", view.strides.group);
}

template <typename View>
void append_view(std::string& out, const View& view) {
  out += to_string(view.place);
  append_surface(out, view.surface);
  append_on_chip(out, view.on_chip);
  if (view.type != ElementType::float16) {
    append_type(out += " type ", view.type);
  }
}

void append_streams(LineWriter& lines, const std::array<KernelChannel, 16>& channels) {
  for (std::size_t first = 0; first < channels.size();) {
    const KernelChannel& start = channels[first];
    std::size_t last = first;
    const auto continues = [&](std::size_t next, std::int64_t step) {
      return next < channels.size() && channels[next].enabled == start.enabled && channels[next].size == start.size &&
             std::int64_t{channels[next].offset} - channels[next - 1].offset == step;
    };
    const std::int64_t step = first + 1 < channels.size() ? std::int64_t{channels[first + 1].offset} - start.offset : 0;
    while (step >= 0 && continues(last + 1, step)) {
      ++last;
    }
    if (start != KernelChannel{} || (last > first && step != 0)) {
      std::string& out = lines.begin("stream");
      append_decimal(out, first);
      if (last > first) {
        out += "..";
        append_decimal(out, last);
      }
      out += start.enabled ? " on offset " : " off offset ";
      append_hex(out, start.offset);
      append_attribute(out, "step", last > first ? static_cast<std::uint64_t>(step) : 0);
      append_attribute(out, "size", start.size);
      lines.end();
    }
    first = last + 1;
  }
}

void append_window(LineWriter& lines, const Window& window) {
  if (window == Window{}) {
    return;
  }
  std::string& out = lines.begin("window");
  append_pair(out, window.kernel_height, window.kernel_width);
  if (window.stride_x != 1 || window.stride_y != 1) {
    out += " stride ";
    append_pair(out, window.stride_y, window.stride_x);
  }
  if (window.pad_left != 0 || window.pad_top != 0) {
    out += " pad ";
    append_pair(out, window.pad_top, window.pad_left);
  }
  lines.end();
}

void append_kernel(LineWriter& lines, const KernelStream& kernel, const OpNotes& notes) {
  if (kernel.enabled || kernel.slot != 0 || kernel.offset != 0 || kernel.format != KernelFormat::none) {
    std::string& out = lines.begin("kernel");
    out += kernel.enabled ? "on" : "off";
    if (kernel.slot != 0) {
      out += " slot ";
      append_decimal(out, kernel.slot);
    }
    append_attribute(out, "offset", kernel.offset);
    if (kernel.format != KernelFormat::none) {
      out += ' ';
      out += to_string(kernel.format);
    }
    notes.kernel(out);
    lines.end();
  }
  lines.flag("zero_skipping", kernel.zero_skipping);
  lines.flag("from_memory", kernel.from_memory);
  if (kernel.plane_stride != 0) {
    append_hex(lines.begin("plane_stride"), kernel.plane_stride);
    lines.end();
  }
  lines.number("lanes", std::uint64_t{1} << (kernel.lanes_log2 & 31u), 1);
  lines.number("engines", std::uint64_t{1} << (kernel.engines_log2 & 31u), 1);
  if (kernel.order != ChannelOrder::round_robin) {
    lines.name("channel_order", to_string(kernel.order));
  }
  append_streams(lines, kernel.channels);
  if (kernel.table_apart) {
    std::string& out = lines.begin("table");
    out += "slot ";
    append_decimal(out, kernel.table_slot);
    append_attribute(out, "offset", kernel.table_offset);
    lines.end();
  }
}

void append_neural(LineWriter& lines, const NeuralCompute& neural, const OpNotes& notes) {
  append_window(lines, neural.window);
  append_kernel(lines, neural.kernel, notes);
  if (neural.unicast) {
    append_decimal(lines.begin("unicast"), neural.unicast_inputs);
    lines.end();
  } else if (neural.unicast_inputs != 1) {
    append_decimal(lines.begin("unicast") += "off ", neural.unicast_inputs);
    lines.end();
  }
  lines.flag("channel_bias", neural.channel_bias);
  lines.half("accumulator_bias", neural.accumulator_bias, {});
  lines.half("post_scale", neural.post_scale, Half{0x3c00});
  if (neural.activation != Activation::none) {
    std::string& out = lines.begin("activation");
    out += to_string(neural.activation);
    notes.activation(out);
    lines.end();
  }
  lines.flag("input_relu", neural.input_relu);
}

void append_planar(LineWriter& lines, const PlanarCompute& planar) {
  if (planar.op != PlanarOp::add) {
    lines.name("op", to_string(planar.op));
  }
  lines.flag("second", planar.second_enabled);
  if (planar.condition == 1) {
    lines.name("condition", "abs");
  } else {
    lines.number("condition", planar.condition, 0);
  }
  lines.flag("negate_first", planar.negate_first);
  lines.flag("negate_second", planar.negate_second);
  lines.real("pre_scale", planar.pre_scale, 1.0F);
  lines.real("bias", planar.bias, 0.0F);
  lines.real("scale", planar.scale, 1.0F);
  lines.flag("relu", planar.relu);
  if (planar.reduction != Reduction::sum) {
    lines.name("reduction", to_string(planar.reduction));
  }
  lines.real("final_scale", planar.final_scale, 1.0F);
  if (planar.post == 1 || planar.post == 2) {
    lines.name("post", planar.post == 1 ? "reciprocal" : "reciprocal_square_root");
  } else {
    lines.number("post", planar.post, 0);
  }
  lines.real("epsilon", planar.epsilon, 0.0F);
}

void append_operand(std::string& out, const Operand& operand) {
  append_view(out, operand);
  if (operand.broadcast != Broadcast{}) {
    out += " broadcast ";
    std::string_view plus;
    const auto axis = [&](bool on, std::string_view name) {
      if (on) {
        out += plus;
        out += name;
        plus = "+";
      }
    };
    axis(operand.broadcast.width, "width");
    axis(operand.broadcast.height, "height");
    axis(operand.broadcast.depth, "depth");
    axis(operand.broadcast.channel, "channel");
  }
  out += operand.exchange_channel_width ? " exchange" : "";
}

void append_operand(std::string& out, const ResultView& result) {
  append_view(out, result);
  out += result.exchange_channel_width ? " exchange" : "";
}

}  // namespace

std::string_view compute_name(const EngineOp& op) {
  constexpr std::array<std::string_view, 4> kNeural = {"neural convolution", "neural sum", "neural maximum",
                                                       "neural bypass"};
  constexpr std::array<std::string_view, 5> kPlanar = {"planar unary", "planar binary", "planar affine",
                                                       "planar unary_reduce", "planar binary_reduce"};
  if (const NeuralCompute* neural = op.neural()) {
    return kNeural.at(static_cast<std::size_t>(neural->mode));
  }
  if (const PlanarCompute* planar = op.planar()) {
    return kPlanar.at(static_cast<std::size_t>(planar->form));
  }
  return "unknown";
}

void append_op_lines(std::string& out, const EngineOp& op, std::string_view indent, const OpNotes& notes) {
  LineWriter lines(out, indent);
  append_extent(lines.begin("input"), op.input);
  lines.end();
  append_extent(lines.begin("output"), op.output);
  lines.end();
  lines.number("groups", op.groups, 1);
  for (std::size_t i = 0; i < op.sources.size(); ++i) {
    if (op.sources[i] != Operand{}) {
      append_operand(lines.begin(i == 0 ? "source1" : "source2"), op.sources[i]);
      notes.source(out, i);
      lines.end();
    }
  }
  if (op.result != ResultView{}) {
    append_operand(lines.begin("result"), op.result);
    notes.result(out);
    lines.end();
  }
  if (const NeuralCompute* neural = op.neural()) {
    append_neural(lines, *neural, notes);
  } else if (const PlanarCompute* planar = op.planar()) {
    append_planar(lines, *planar);
  }
}

std::string print_engine_op(const EngineOp& op) {
  std::string out = "compute = ";
  out += compute_name(op);
  out += '\n';
  append_op_lines(out, op, "", OpNotes{});
  return out;
}

}  // namespace openane
