// Lift, place by the target's rules, encode. Tensors keep their order from the target's first tensor slot on;
// coefficients are decoded to plain weights and packed anew, so that each generation's dealing of channels to engines
// and place of tables is its own.
#include "openane/migrate.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>

#include "base/byte_reader.h"
#include "emulator/kernel_stream.h"
#include "emulator/memory.h"
#include "openane/engine_op.h"
#include "target/h13/kernel_pack.h"

namespace openane {
namespace {

constexpr std::uint32_t kScratchSlot = 3, kConstantSlot = 1;
constexpr std::uint64_t kStreamAlignment = 64;

/// Where the target expects things.
struct Places {
  std::map<std::uint32_t, std::uint32_t> tensor_slots;
  std::uint32_t constant_slot = kConstantSlot;
};

Places place(const Program& program, const Procedure& procedure, const Generation& to) {
  Places places;
  std::vector<std::uint32_t> slots;
  slots.reserve(procedure.tensors.size());
  for (const TensorBinding& tensor : procedure.tensors) {
    slots.push_back(tensor.slot);
  }
  std::ranges::sort(slots);
  for (const std::uint32_t slot : slots) {
    const std::uint32_t next = to.first_tensor_slot + static_cast<std::uint32_t>(places.tensor_slots.size());
    places.tensor_slots.emplace(slot, next);
  }
  if (to.kernel_location.starts_with("__KERN") && !program.constants.empty()) {
    places.constant_slot = to.first_tensor_slot + static_cast<std::uint32_t>(places.tensor_slots.size());
  }
  return places;
}

/// The constants of the migrated program: those that tasks read as tensors, and the coefficients packed anew.
class Constants {
 public:
  explicit Constants(const Program& program) : program_(program) {}
  /// Where the bytes of an old section begin; it is taken over when it is first asked for. Nothing for other slots.
  [[nodiscard]] std::optional<std::uint32_t> base(std::uint32_t slot) {
    if (const auto known = bases_.find(slot); known != bases_.end()) {
      return known->second;
    }
    for (const ConstantSection& section : program_.constants) {
      if (section.slot == slot) {
        return bases_[slot] = add(section.data.span());
      }
    }
    return std::nullopt;
  }
  /// Returns where the bytes went.
  std::uint32_t add(std::span<const std::uint8_t> data) {
    bytes_.resize(align_up(bytes_.size(), kStreamAlignment));
    const auto at = static_cast<std::uint32_t>(bytes_.size());
    bytes_.insert(bytes_.end(), data.begin(), data.end());
    return at;
  }
  [[nodiscard]] std::vector<std::uint8_t> take() {
    bytes_.resize(align_up(bytes_.size(), kStreamAlignment));
    return std::move(bytes_);
  }

 private:
  const Program& program_;
  std::vector<std::uint8_t> bytes_;
  std::map<std::uint32_t, std::uint32_t> bases_;
};

Result<void> move_surface(SurfaceView& view, Place place, const Places& places, Constants& constants) {
  if (place != Place::surface && place != Place::surface_kept) {
    return {};
  }
  if (const auto found = places.tensor_slots.find(view.slot); found != places.tensor_slots.end()) {
    view.slot = static_cast<std::uint8_t>(found->second);
  } else if (const std::optional<std::uint32_t> base = constants.base(view.slot)) {
    view.offset += *base;
    view.slot = static_cast<std::uint8_t>(places.constant_slot);
  } else if (view.slot != kScratchSlot) {
    return fail(ErrorCategory::malformed_input, fmt::format("slot {} is not bound to anything", view.slot));
  }
  return {};
}

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
      reader.weights(group, channel, 1, row.data());
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

/// Contiguous blocks: engine e holds output channels e * C/16 and up, side by side.
h13::PackedKernel pack_contiguous(const h13::KernelWeights& weights, std::uint32_t lanes) {
  h13::PackedKernel packed;
  const std::size_t rows = std::size_t{weights.inputs} * weights.height * weights.width;
  for (std::uint32_t engine = 0; engine < emulator::kEngines; ++engine) {
    ByteWriter stream;
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::uint32_t lane = 0; lane < lanes; ++lane) {
        const Half value = weights.values[(std::size_t{engine} * lanes + lane) * rows + row];
        if (weights.format == KernelFormat::int8) {
          stream.put(static_cast<std::int8_t>(to_float(value)));
        } else {
          stream.put(value.bits);
        }
      }
    }
    stream.align(kStreamAlignment);
    packed.channels[engine] = {true, static_cast<std::uint32_t>(packed.bytes.size()),
                               static_cast<std::uint32_t>(stream.size())};
    const std::vector<std::uint8_t> bytes = stream.take();
    packed.bytes.insert(packed.bytes.end(), bytes.begin(), bytes.end());
  }
  packed.lanes_log2 = static_cast<std::uint8_t>(std::bit_width(lanes - 1));
  packed.engines_log2 = 4;
  return packed;
}

/// Whether the generation deals dense output channels in contiguous blocks (H15 and later keep the order measured on
/// M4).
bool deals_contiguously(const Generation& to) { return to.stream == StreamForm::packet && to.id != "H14"; }

Result<void> move_weights(NeuralCompute& neural, const EngineOp& op, h13::KernelWeights weights, const Generation& to,
                          const Places& places, Constants& constants) {
  KernelStream& kernel = neural.kernel;
  const bool dense = !neural.unicast && op.groups == 1 && !kernel.zero_skipping;
  h13::PackedKernel packed;
  h13::KernelPacking packing{kernel.lanes_log2, kernel.engines_log2};
  if (kernel.order == ChannelOrder::contiguous) {
    packing = h13::choose_packing(op.output.channels, op.input.width <= 8 && op.input.height <= 8);
  }
  kernel.order = ChannelOrder::round_robin;
  if (deals_contiguously(to) && dense) {
    if (op.output.channels % emulator::kEngines != 0 || op.output.channels / emulator::kEngines > 32) {
      return fail(ErrorCategory::missing_specification,
                  fmt::format("where {} puts {} output channels is known for multiples of 16 up to 512", to.id,
                              op.output.channels));
    }
    const auto lanes = static_cast<std::uint32_t>(op.output.channels / emulator::kEngines);
    packed = pack_contiguous(weights, lanes);
    kernel.order = std::has_single_bit(lanes) ? ChannelOrder::round_robin : ChannelOrder::contiguous;
  } else {
    OPENANE_TRY(packed, h13::pack_kernel(weights, packing));
  }
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

Result<void> move_kernel(EngineOp& op, emulator::MemoryMap& memories, const Generation& to, const Places& places,
                         Constants& constants) {
  NeuralCompute& neural = std::get<NeuralCompute>(op.compute);
  const bool weighted = neural.mode == NeuralMode::convolution, tabled = neural.activation == Activation::table;
  if (!weighted && !tabled) {
    neural.kernel.enabled = false;
    return {};
  }
  if (neural.kernel.from_memory) {
    return fail(ErrorCategory::missing_specification, "weights made at run time are laid out for one generation");
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
    OPENANE_TRY(h13::KernelWeights weights,
                unpack(op, neural, reader, apart ? std::span<const std::uint8_t>{} : table));
    return move_weights(neural, op, std::move(weights), to, places, constants);
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

void note_words(const Task& residue, std::size_t procedure, std::size_t task, std::vector<MigrationNote>& notes) {
  const auto note = [&](std::string_view block, const Register& row, std::uint32_t word) {
    for (const Field& field : row.fields) {
      if (const std::uint32_t value = field.get(word); value != 0) {
        const std::string name = fmt::format("{}{}{}.{}", block, block.empty() ? "" : ".", row.name, field.name);
        const std::string_view reason = field.effect == Effect::data
                                            ? "the op does not look at it"
                                            : "scheduling of the old generation; no effect on results is known";
        notes.push_back({procedure, task, name, value, std::string(reason)});
      }
    }
    if (const std::uint32_t rest = word & ~row.named_bits(); rest != 0) {
      notes.push_back({procedure, task, fmt::format("{}{}{}", block, block.empty() ? "" : ".", row.name), rest,
                       "bits without a name"});
    }
  };
  const Generation& generation = residue.generation();
  for (std::uint32_t i = 0; i < residue.header_size() && i < generation.header.size(); ++i) {
    note({}, generation.header[i], residue.words()[i]);
  }
  for (const Block& block : generation.blocks) {
    for (const Register& row : block.registers) {
      if (const auto word = residue.find(row.address)) {
        note(block.name, row, *word);
      }
    }
  }
}

std::unexpected<Error> in_task(Error error, std::size_t task) {
  error.message = fmt::format("task {}: {}", task, error.message);
  return std::unexpected(std::move(error));
}

Result<Task> migrate_task(EngineOp op, emulator::MemoryMap& memories, const Generation& to, const Places& places,
                          Constants& constants) {
  if (!op.unknowns.empty()) {
    return fail(ErrorCategory::missing_specification, op.unknowns.front().to_string());
  }
  op.side = {};
  for (Operand& source : op.sources) {
    OPENANE_CHECK(move_surface(source.surface, source.place, places, constants));
  }
  OPENANE_CHECK(move_surface(op.result.surface, op.result.place, places, constants));
  if (op.neural() != nullptr) {
    OPENANE_CHECK(move_kernel(op, memories, to, places, constants));
  }
  return encode(op, to);
}

Result<Procedure> migrate_procedure(const Program& program, std::size_t index, const Generation& to,
                                    Constants& constants, std::uint32_t& constant_slot,
                                    std::vector<MigrationNote>& notes) {
  const Procedure& from = program.procedures[index];
  const Places places = place(program, from, to);
  constant_slot = places.constant_slot;
  OPENANE_TRY(emulator::MemoryMap memories, emulator::MemoryMap::create(program, from));
  Procedure made = from;
  std::vector<Task> tasks;
  for (std::size_t i = 0; i < from.tasks.size(); ++i) {
    Result<EngineOp> op = lift(from.tasks[i].task);
    if (!op) {
      return in_task(std::move(op).error(), i);
    }
    note_words(op->side.residue, index, i, notes);
    Result<Task> task = migrate_task(*std::move(op), memories, to, places, constants);
    if (!task) {
      return in_task(std::move(task).error(), i);
    }
    tasks.push_back(*std::move(task));
  }
  OPENANE_TRY(made.tasks, link_tasks(std::move(tasks)));
  for (TensorBinding& tensor : made.tensors) {
    tensor.slot = places.tensor_slots.at(tensor.slot);
    tensor.address = 0;
  }
  return made;
}

}  // namespace

Result<Migration> migrate(const Program& program, const Generation& to) {
  if (program.generation == nullptr || find_target(*program.generation) == nullptr || find_target(to) == nullptr) {
    const bool source = program.generation != nullptr && find_target(*program.generation) == nullptr;
    return fail(ErrorCategory::not_implemented,
                fmt::format("the meaning of {} tasks is not implemented", source ? program.generation->id : to.id));
  }
  if (program.procedures.size() != 1) {
    return fail(ErrorCategory::not_implemented,
                fmt::format("a program of {} procedures; only one is migrated at a time", program.procedures.size()));
  }
  Migration migration;
  migration.program.generation = &to;
  migration.program.scratch_bytes = program.scratch_bytes;
  migration.program.scratch_slot = kScratchSlot;
  Constants constants(program);
  std::uint32_t constant_slot = kConstantSlot;
  OPENANE_TRY(Procedure procedure, migrate_procedure(program, 0, to, constants, constant_slot, migration.notes));
  migration.program.procedures.push_back(std::move(procedure));
  if (std::vector<std::uint8_t> bytes = constants.take(); !bytes.empty()) {
    migration.program.constants.push_back({{}, constant_slot, Bytes(std::move(bytes))});
  }
  return migration;
}

}  // namespace openane
