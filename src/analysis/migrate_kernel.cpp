#include "analysis/migrate_kernel.h"

#include <fmt/format.h>

#include "emulator/kernel_stream.h"
#include "target/h13/kernel_pack.h"

namespace openane::migration {
namespace {

/// All weights of a task as fp16 numbers, with its biases and table.
Result<h13::KernelWeights> unpack(const EngineOp& op, const NeuralCompute& neural, emulator::KernelReader& reader,
                                  std::span<const std::uint8_t> table) {
  h13::KernelWeights weights;
  weights.groups = op.groups;
  weights.outputs = op.output.channels;
  weights.inputs = neural.unicast ? neural.unicast_inputs : op.input.channels;
  weights.height = neural.window.kernel_height;
  weights.width = neural.window.kernel_width;
  weights.format = neural.kernel.format;
  weights.zero_skipping = neural.kernel.zero_skipping;
  OPENANE_CHECK(reader.load());
  const std::uint64_t taps = reader.layout().taps();
  std::vector<float> row(taps);
  for (std::uint32_t group = 0; group < op.groups; ++group) {
    for (std::uint32_t channel = 0; channel < op.output.channels; ++channel) {
      reader.weights(group, channel, 1, 1, row.data());
      for (const float value : row) {
        weights.values.push_back(to_half(value));
      }
      if (neural.channel_bias) {
        weights.bias.push_back(to_half(reader.bias(group, channel)));
      }
    }
  }
  if (!table.empty()) {
    weights.table.emplace();
    std::ranges::copy_n(reinterpret_cast<const std::uint16_t*>(table.data()), 64, weights.table->begin());
  }
  return weights;
}

/// How the target packs the kernel: as it was where that is possible.
Result<h13::KernelPacking> packing_for(const NeuralCompute& neural, const EngineOp& op, const Generation& to) {
  const KernelStream& kernel = neural.kernel;
  const bool dense = !neural.unicast && op.groups == 1;
  if (to.stream == StreamForm::packet) {
    // Named here, before the weights are looked at: no encode of these generations knows them.
    if (kernel.zero_skipping || neural.window.stride_x != 1 || neural.window.stride_y != 1) {
      return fail(ErrorCategory::missing_specification,
                  fmt::format("how {} stores a kernel of stride {}x{} is not known", to.id, neural.window.stride_x,
                              neural.window.stride_y));
    }
    if (neural.channel_bias) {
      return fail(ErrorCategory::missing_specification,
                  fmt::format("the layout of the bias stream of {} is not known", to.id));
    }
  }
  if (find_target(to)->dense_order == ChannelOrder::contiguous) {
    if (dense) {
      Result<h13::KernelPacking> packing = h13::contiguous_packing(op.output.channels);
      if (!packing) {
        return fail(packing.error().category, fmt::format("{}: {}", to.id, packing.error().message));
      }
      return packing;
    }
    if (neural.unicast && neural.unicast_inputs == 1) {
      return h13::KernelPacking{0, h13::engines_for(op.output.channels, 0)};  // codegen-by-generation.md 2.5
    }
  }
  if (kernel.order == ChannelOrder::contiguous) {
    return h13::choose_packing(op.output.channels, op.input.width <= 8 && op.input.height <= 8);
  }
  return h13::KernelPacking{kernel.lanes_log2, kernel.engines_log2};
}

Result<void> move_weights(NeuralCompute& neural, const EngineOp& op, emulator::KernelReader& reader,
                          std::span<const std::uint8_t> table, const Generation& to, const Places& places,
                          Constants& constants) {
  KernelStream& kernel = neural.kernel;
  OPENANE_TRY(const h13::KernelPacking packing, packing_for(neural, op, to));
  OPENANE_TRY(const h13::KernelWeights weights, unpack(op, neural, reader, table));
  OPENANE_TRY(const h13::PackedKernel packed, h13::pack_kernel(weights, packing));
  // One full plane for each engine is the same in either order, and is called round robin.
  const bool full_planes = op.output.channels == 1u << (packed.lanes_log2 + packed.engines_log2);
  kernel.order = full_planes ? ChannelOrder::round_robin : packing.order;
  kernel.lanes_log2 = packed.lanes_log2;
  kernel.engines_log2 = packed.engines_log2;
  kernel.channels = packed.channels;
  kernel.slot = static_cast<std::uint8_t>(places.constant_slot);
  const std::uint32_t at = constants.add(packed.bytes);
  kernel.offset = to.stream == StreamForm::packet ? at : 0;
  if (to.stream != StreamForm::packet) {
    for (KernelChannel& channel : kernel.channels) {
      channel.offset += channel.enabled ? at : 0;
    }
  }
  return {};
}

/// Weights that an earlier task makes stay where that task puts them.
Result<void> move_run_time_kernel(KernelStream& kernel, const Places& places) {
  const auto tensor = places.tensor_slots.find(kernel.slot);
  kernel.slot = tensor != places.tensor_slots.end() ? static_cast<std::uint8_t>(tensor->second) : kernel.slot;
  return {};
}

}  // namespace

Result<void> move_kernel(EngineOp& op, const emulator::MemoryMap& memories, const Generation& to, const Places& places,
                         Constants& constants) {
  NeuralCompute& neural = std::get<NeuralCompute>(op.compute);
  const bool weighted = neural.mode == NeuralMode::convolution, tabled = neural.activation == Activation::table;
  if (!weighted && !tabled) {
    neural.kernel.enabled = false;
    return {};
  }
  if (neural.kernel.from_memory) {
    return move_run_time_kernel(neural.kernel, places);
  }
  OPENANE_TRY(emulator::KernelReader reader, emulator::KernelReader::create(op, memories));
  std::vector<std::uint8_t> table;
  if (tabled) {
    OPENANE_TRY(table, reader.table_words());
  }
  const bool apart = to.stream == StreamForm::packet;
  neural.kernel.table_apart = tabled && apart;
  if (tabled && apart) {
    neural.kernel.table_slot = static_cast<std::uint8_t>(places.constant_slot);
    neural.kernel.table_offset = constants.add(table);
  } else {
    neural.kernel.table_slot = 0;
    neural.kernel.table_offset = 0;
  }
  if (weighted) {
    return move_weights(neural, op, reader, apart ? std::span<const std::uint8_t>{} : table, to, places, constants);
  }
  neural.kernel.slot = static_cast<std::uint8_t>(places.constant_slot);
  if (!apart) {
    h13::TableWords words{};
    std::ranges::copy_n(reinterpret_cast<const std::uint16_t*>(table.data()), words.size(), words.begin());
    const h13::PackedKernel packed = h13::pack_table(words, neural.kernel.engines_log2);
    const std::uint32_t at = constants.add(packed.bytes);
    neural.kernel.channels = packed.channels;
    for (KernelChannel& channel : neural.kernel.channels) {
      channel.offset += channel.enabled ? at : 0;
    }
  } else {
    neural.kernel.slot = 0;
    neural.kernel.channels = {};
    neural.kernel.lanes_log2 = 0;
    neural.kernel.format = KernelFormat::none;
  }
  return {};
}

}  // namespace openane::migration
