// The search is by trial: every value of the op is set to a plain one, alone, and where that ends the complaint, or
// failing that turns it into another, the fields that the change moves in the encoded task are those to name. Nothing
// here knows a register of any generation.
#include "emulator/blame.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

namespace openane::emulator {
namespace {

using Change = std::function<void(EngineOp&)>;
using Changes = std::vector<Change>;

constexpr std::size_t kMostNamed = 6;
constexpr std::uint8_t kSlots = 32;

/// Every stride to 0 and to that of a packed tensor. `of` finds the strides, `tensor` the extents, in an op.
template <typename Of, typename TensorOf>
void add_strides(Changes& changes, Of of, TensorOf tensor) {
  for (std::uint32_t ByteStrides::* const stride :
       {&ByteStrides::row, &ByteStrides::channel, &ByteStrides::depth, &ByteStrides::group}) {
    changes.push_back([of, stride](EngineOp& op) { of(op).*stride = 0; });
  }
  changes.push_back([of, tensor](EngineOp& op) { of(op).row = (2 * tensor(op).width + 63) / 64 * 64; });
  changes.push_back([of, tensor](EngineOp& op) { of(op).channel = of(op).row * tensor(op).height; });
  changes.push_back([of, tensor](EngineOp& op) { of(op).group = of(op).channel * tensor(op).channels; });
}

/// What sources and results have in common.
template <typename Of, typename TensorOf>
void add_view(Changes& changes, Of of, TensorOf tensor) {
  for (std::uint8_t slot = 0; slot < kSlots; ++slot) {
    changes.push_back([of, slot](EngineOp& op) { of(op).surface.slot = slot; });
  }
  changes.push_back([of](EngineOp& op) { of(op).surface.offset = 0; });
  changes.push_back([of](EngineOp& op) { of(op).surface.interleave = 1; });
  changes.push_back([of](EngineOp& op) { of(op).on_chip.base = 0; });
  changes.push_back([of](EngineOp& op) { of(op).exchange_channel_width = false; });
  add_strides(changes, [of](EngineOp& op) -> ByteStrides& { return of(op).surface.strides; }, tensor);
  add_strides(changes, [of](EngineOp& op) -> ByteStrides& { return of(op).on_chip.strides; }, tensor);
}

void add_operands(Changes& changes) {
  for (const std::size_t i : {0u, 1u}) {
    const auto source = [i](EngineOp& op) -> Operand& { return op.sources.at(i); };
    add_view(changes, source, [](EngineOp& op) -> Extent& { return op.input; });
    for (bool Broadcast::* const axis :
         {&Broadcast::width, &Broadcast::height, &Broadcast::depth, &Broadcast::channel}) {
      changes.push_back([source, axis](EngineOp& op) { source(op).broadcast.*axis = false; });
    }
  }
  add_view(
      changes, [](EngineOp& op) -> ResultView& { return op.result; },
      [](EngineOp& op) -> Extent& { return op.output; });
}

void add_extents(Changes& changes) {
  for (std::uint32_t Extent::* const axis : {&Extent::width, &Extent::height, &Extent::depth, &Extent::channels}) {
    changes.push_back([axis](EngineOp& op) { op.input.*axis = 1; });
    changes.push_back([axis](EngineOp& op) { op.output.*axis = 1; });
    changes.push_back([axis](EngineOp& op) { op.output.*axis = op.input.*axis; });
  }
  changes.push_back([](EngineOp& op) { op.groups = 1; });
}

/// Plain values of the computing paths, one at a time.
using Neural = NeuralCompute;
constexpr void (*kNeural[])(Neural&) = {
    [](Neural& n) { n.window.kernel_width = n.window.kernel_height; },
    [](Neural& n) { n.window.stride_x = 1; },
    [](Neural& n) { n.window.stride_y = 1; },
    [](Neural& n) { n.window.pad_left = 0; },
    [](Neural& n) { n.window.pad_top = 0; },
    [](Neural& n) { n.window.pad_left = n.window.kernel_width / 2; },
    [](Neural& n) { n.window.pad_top = n.window.kernel_height / 2; },
    [](Neural& n) { n.window = Window{}; },
    [](Neural& n) { n.kernel.enabled = !n.kernel.enabled; },
    [](Neural& n) { n.kernel.slot = 1; },
    [](Neural& n) { n.kernel.offset = 0; },
    [](Neural& n) { n.kernel.format = KernelFormat::fp16; },
    [](Neural& n) { n.kernel.zero_skipping = !n.kernel.zero_skipping; },
    [](Neural& n) { n.kernel.from_memory = !n.kernel.from_memory; },
    [](Neural& n) { n.kernel.plane_stride = 0; },
    [](Neural& n) { n.kernel.lanes_log2 = 0; },
    [](Neural& n) { n.kernel.lanes_log2 = 2; },
    [](Neural& n) { n.kernel.engines_log2 = 0; },
    [](Neural& n) { n.unicast = !n.unicast; },
    [](Neural& n) { n.unicast_inputs = 1; },
    [](Neural& n) { n.channel_bias = false; },
    [](Neural& n) { n.accumulator_bias = Half{}; },
    [](Neural& n) { n.activation = Activation::none; },
    [](Neural& n) { n.input_relu = false; },
};

using Planar = PlanarCompute;
constexpr void (*kPlanar[])(Planar&) = {
    [](Planar& p) { p.op = PlanarOp::add; },    [](Planar& p) { p.second_enabled = !p.second_enabled; },
    [](Planar& p) { p.condition = 0; },         [](Planar& p) { p.negate_first = false; },
    [](Planar& p) { p.negate_second = false; }, [](Planar& p) { p.reduction = Reduction::sum; },
    [](Planar& p) { p.final_scale = 1; },       [](Planar& p) { p.post = 0; },
    [](Planar& p) { p.epsilon = 0; },
};

template <typename Compute, std::size_t n>
void add_compute(Changes& changes, void (*const (&table)[n])(Compute&)) {
  for (void (*const set)(Compute&) : table) {
    changes.push_back([set](EngineOp& op) {
      if (Compute* compute = std::get_if<Compute>(&op.compute)) {
        set(*compute);
      }
    });
  }
}

/// Extents come last: they are in most refusals and seldom what is wrong.
const std::array<Changes, 2>& all_changes() {
  static const std::array<Changes, 2> kAll = [] {
    std::array<Changes, 2> changes;
    add_compute(changes[0], kNeural);
    add_compute(changes[0], kPlanar);
    add_operands(changes[0]);
    add_extents(changes[1]);
    return changes;
  }();
  return kAll;
}

/// Names the fields in which two words of one register differ, with the first word's values.
class Names {
 public:
  void add(std::string_view block, const Register* row, std::uint32_t word, std::uint32_t other) {
    if (row == nullptr || word == other) {
      return;
    }
    for (const Field& field : row->fields) {
      if (field.get(word) != field.get(other)) {
        add(fmt::format("{}{}{}.{} = {:#x}", block, block.empty() ? "" : ".", row->name, field.name,
                        std::uint64_t{field.get(word)} * field.unit));
      }
    }
  }
  void add(std::string name) {
    if (std::ranges::find(names_, name) == names_.end()) {
      names_.push_back(std::move(name));
    }
  }
  [[nodiscard]] bool empty() const { return names_.empty(); }
  [[nodiscard]] std::string text() const {
    const std::size_t shown = std::min(names_.size(), kMostNamed);
    return fmt::format("{}{}", fmt::join(std::span(names_).first(shown), ", "), shown < names_.size() ? ", ..." : "");
  }

 private:
  std::vector<std::string> names_;
};

void add_differences(Names& names, const Task& task, const Task& other) {
  const Generation& generation = task.generation();
  for (std::uint32_t i = 0; i < task.header_size() && i < generation.header.size(); ++i) {
    names.add({}, &generation.header[i], task.header(i), other.header(i));
  }
  for (const Record& record : task.records()) {
    for (std::uint32_t i = 0; i < record.count; ++i) {
      const std::uint32_t address = record.address_of(i);
      const Block* block = generation.block_of(address);
      const Register* row = generation.find(address);
      if (block == nullptr || row == nullptr) {
        continue;
      }
      names.add(block->name, row, task.words()[record.first + i], other.find(address).value_or(0));
      if (i == 0 && record.form == Record::Form::address && task.slot_of(address) != other.slot_of(address)) {
        names.add(fmt::format("{}.{} in slot {}", block->name, row->name, record.slot));
      }
    }
  }
}

}  // namespace

std::string registers_behind(const EngineOp& op, const Generation& generation, const Complaint& complaint) {
  const Result<Task> task = encode(op, generation);
  const std::optional<std::string> original = complaint(op);
  Names ending, turning;
  for (const Changes& changes : all_changes()) {
    for (const Change& change : changes) {
      EngineOp changed = op;
      change(changed);
      if (!task || changed == op) {
        continue;
      }
      const std::optional<std::string> answer = complaint(changed);
      const Result<Task> other = answer == original ? Result<Task>{} : encode(changed, generation);
      if (answer != original && other) {
        add_differences(answer ? turning : ending, *task, *other);
      }
    }
    if (!ending.empty()) {
      return ending.text();
    }
  }
  return turning.text();
}

}  // namespace openane::emulator
