// Programs whose registers are anyone's: the emulator refuses them or runs them, inside its own memory. What runs must
// leave its inputs alone and give the same results again.
//
// input = { kind of task: 1 byte; number of changes: 1 byte; changes: register number, bit, both 1 byte } ..., then
// bytes that fill constants and inputs
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "openane/emulator.h"

namespace {

using openane::ElementType;
using openane::EngineOp;
using openane::Place;

constexpr std::uint64_t kSurfaceBytes = 1u << 14;
constexpr std::uint64_t kMostWork = 1u << 20;
constexpr std::size_t kMostTasks = 4;

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data, data + size) {}
  std::uint8_t byte() { return at_ < data_.size() ? data_[at_++] : std::uint8_t{0}; }
  [[nodiscard]] bool empty() const { return at_ == data_.size(); }
  std::vector<std::uint8_t> fill(std::size_t count) {
    std::vector<std::uint8_t> bytes(count);
    std::ranges::generate(bytes, [this] { return byte(); });
    return bytes;
  }

 private:
  std::vector<std::uint8_t> data_;
  std::size_t at_ = 0;
};

/// A valid op over 8 channels of 4 x 16, to be damaged.
EngineOp make_op(std::uint8_t kind) {
  EngineOp op;
  op.input = op.output = {16, 4, 1, 8};
  openane::SurfaceView view;
  view.strides = {64, 256, 2048, 2048};
  op.sources[0].place = kind % 3 == 1 ? Place::on_chip : Place::surface;
  op.sources[0].on_chip = {0, {512, 64, 2048, 2048}};
  op.sources[0].surface = view;
  op.sources[0].surface.slot = 4;
  op.result.place = kind % 5 == 1 ? Place::on_chip : kind % 5 == 2 ? Place::chained : Place::surface;
  op.result.on_chip = {0, {512, 64, 2048, 2048}};
  op.result.surface = view;
  op.result.surface.slot = 6;
  if (kind % 2 == 0) {
    openane::PlanarCompute planar;
    if (kind % 4 == 0) {
      planar.form = openane::PlanarForm::binary;
      planar.second_enabled = true;
      op.sources[1] = op.sources[0];
      op.sources[1].place = Place::surface;
      op.sources[1].surface.slot = 5;
    }
    op.compute = planar;
    return op;
  }
  openane::NeuralCompute neural;
  neural.unicast = true;
  if (kind % 4 == 1) {
    neural.mode = openane::NeuralMode::convolution;
    neural.unicast = false;
    neural.window.kernel_width = neural.window.kernel_height = 3;
    neural.window.pad_left = neural.window.pad_top = 1;
    neural.kernel.enabled = true;
    neural.kernel.slot = 1;
    neural.kernel.format = openane::KernelFormat::fp16;
    neural.kernel.lanes_log2 = 2;
    neural.kernel.engines_log2 = 1;
    neural.kernel.channels[0] = {true, 0, 640};
    neural.kernel.channels[1] = {true, 640, 640};
  }
  op.compute = neural;
  return op;
}

std::vector<std::uint32_t> register_addresses(const openane::Generation& generation) {
  std::vector<std::uint32_t> addresses;
  for (const openane::Block& block : generation.blocks) {
    for (const openane::Register& row : block.registers) {
      addresses.push_back(row.address);
    }
  }
  return addresses;
}

openane::Task make_task(Input& input, const openane::Generation& generation) {
  auto task = openane::encode(make_op(input.byte()), generation);
  if (!task) {
    std::abort();
  }
  static const std::vector<std::uint32_t> kAddresses = register_addresses(generation);
  for (std::uint8_t changes = input.byte() % 16; changes > 0; --changes) {
    const std::uint32_t address = kAddresses[input.byte() % kAddresses.size()];
    const std::uint32_t bit = 1u << (input.byte() % 32);
    task->set_word(address, task->find(address).value_or(0) ^ bit);
  }
  return *std::move(task);
}

openane::TensorBinding make_tensor(std::string name, openane::TensorRole role, std::uint32_t slot) {
  openane::TensorBinding tensor;
  tensor.name = std::move(name);
  tensor.role = role;
  tensor.slot = slot;
  tensor.layout.type = ElementType::uint8;
  tensor.layout.shape.w = static_cast<std::int64_t>(kSurfaceBytes);
  tensor.total_bytes = kSurfaceBytes;
  return tensor;
}

bool is_small(const std::vector<EngineOp>& ops) {
  return std::ranges::all_of(ops, [](const EngineOp& op) {
    const openane::OpCost cost = openane::cost(op);
    return cost.multiply_adds <= kMostWork && cost.planar_operations <= kMostWork;
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const openane::Generation& generation = *openane::find_generation("H13");
  Input input(data, size);
  std::vector<openane::Task> tasks;
  do {
    tasks.push_back(make_task(input, generation));
  } while (tasks.size() < kMostTasks && input.byte() % 2 == 1);
  openane::Program program;
  program.generation = &generation;
  program.scratch_bytes = kSurfaceBytes;
  program.constants.push_back({"", 1, openane::Bytes(input.fill(kSurfaceBytes))});
  openane::Procedure procedure;
  procedure.tasks = *openane::link_tasks(std::move(tasks));
  procedure.tensors = {make_tensor("x", openane::TensorRole::input, 4), make_tensor("z", openane::TensorRole::input, 5),
                       make_tensor("y", openane::TensorRole::output, 6)};
  program.procedures.push_back(std::move(procedure));

  openane::EmulatorOptions options;
  options.threads = 1;
  auto emulator = openane::Emulator::create(program, 0, options);
  if (!emulator || !is_small(emulator->ops())) {
    return 0;
  }
  const std::vector<std::uint8_t> content = input.fill(kSurfaceBytes);
  for (const std::uint32_t slot : {4u, 5u}) {
    std::ranges::copy(content, emulator->surface(slot).begin());
  }
  std::vector<std::uint8_t> first;
  for (int run = 0; run < 2; ++run) {
    std::ranges::fill(emulator->surface(6), std::uint8_t{0});
    if (!emulator->run()) {
      return 0;
    }
    const std::span<std::uint8_t> result = emulator->surface(6);
    if (run == 1 && !std::ranges::equal(first, result)) {
      std::abort();
    }
    first.assign(result.begin(), result.end());
    for (const std::uint32_t slot : {4u, 5u}) {
      if (!std::ranges::equal(content, emulator->surface(slot))) {
        std::abort();
      }
    }
  }
  return 0;
}
