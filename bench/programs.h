// Programs to measure: one task each, encoded as H13 register programs and run like any other program.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "openane/emulator.h"
#include "target/h13/kernel_pack.h"

namespace openane::bench {

template <typename T>
T value_or_die(Result<T> result) {
  if (!result) {
    fmt::print(stderr, "{}\n", result.error().to_string());
    std::exit(1);
  }
  return *std::move(result);
}

inline void check_or_die(const Result<void>& result) {
  if (!result) {
    fmt::print(stderr, "{}\n", result.error().to_string());
    std::exit(1);
  }
}

/// A convolution of stride 1 whose output is as large as its input; a matrix product is a 1x1 convolution of one row.
struct Layer {
  std::string name;
  std::uint32_t inputs = 1, outputs = 1, width = 1, height = 1, kernel = 1;
  bool depthwise = false;

  [[nodiscard]] std::uint32_t pad() const { return kernel / 2; }
  [[nodiscard]] std::uint32_t taps() const { return (depthwise ? 1 : inputs) * kernel * kernel; }
  [[nodiscard]] double products() const { return static_cast<double>(taps()) * outputs * width * height; }
};

/// fp16 between -scale and scale, a fixed sequence.
inline std::vector<Half> random_halves(std::size_t count, float scale, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<Half> values(count);
  for (Half& value : values) {
    value = to_half(static_cast<float>(static_cast<std::int32_t>(random())) * 0x1p-31F * scale);
  }
  return values;
}

constexpr std::uint32_t kSourceSlot = 4, kSecondSlot = 5, kResultSlot = 6;

inline TensorBinding binding(std::string name, TensorRole role, std::uint32_t slot, const SurfaceShape& shape) {
  TensorBinding made;
  made.name = made.symbol = std::move(name);
  made.role = role;
  made.slot = slot;
  made.layout = value_or_die(SurfaceLayout::packed(ElementType::float16, shape));
  made.total_bytes = static_cast<std::uint64_t>(made.layout.strides.n);
  return made;
}

inline SurfaceView view_of(const TensorBinding& tensor) {
  SurfaceView view;
  view.slot = static_cast<std::uint8_t>(tensor.slot);
  view.strides.row = static_cast<std::uint32_t>(tensor.layout.strides.h);
  view.strides.channel = static_cast<std::uint32_t>(tensor.layout.strides.c);
  return view;
}

inline Program program_of(const EngineOp& op, std::vector<TensorBinding> tensors,
                          std::vector<std::uint8_t> constants = {}) {
  Program program;
  program.generation = find_generation("H13");
  Procedure procedure;
  procedure.name = "main";
  procedure.tensors = std::move(tensors);
  procedure.tasks = value_or_die(link_tasks({value_or_die(encode(op, *program.generation))}));
  program.procedures.push_back(std::move(procedure));
  if (!constants.empty()) {
    program.constants.push_back({"", 1, Bytes(std::move(constants))});
  }
  return program;
}

inline Program layer_program(const Layer& layer) {
  const TensorBinding source =
      binding("x", TensorRole::input, kSourceSlot, {1, layer.inputs, layer.height, layer.width});
  const TensorBinding result =
      binding("y", TensorRole::output, kResultSlot, {1, layer.outputs, layer.height, layer.width});
  h13::KernelWeights weights;
  weights.outputs = layer.outputs;
  weights.inputs = layer.depthwise ? 1 : layer.inputs;
  weights.height = weights.width = layer.kernel;
  // Small enough for the sums of every layer to stay below the engine's limit of 2^15.
  weights.values = random_halves(std::size_t{layer.outputs} * layer.taps(), 0.0625F, 1);
  const h13::KernelPacking packing =
      layer.depthwise ? h13::KernelPacking{0, 4} : h13::choose_packing(layer.outputs, false);
  h13::PackedKernel packed = value_or_die(h13::pack_kernel(weights, packing));

  EngineOp op;
  op.input = {layer.width, layer.height, 1, layer.inputs};
  op.output = {layer.width, layer.height, 1, layer.outputs};
  op.sources[0].place = op.result.place = Place::surface;
  op.sources[0].surface = view_of(source);
  op.result.surface = view_of(result);
  NeuralCompute neural;
  neural.mode = NeuralMode::convolution;
  neural.window.kernel_width = neural.window.kernel_height = static_cast<std::uint8_t>(layer.kernel);
  neural.window.pad_left = neural.window.pad_top = static_cast<std::uint8_t>(layer.pad());
  neural.unicast = layer.depthwise;
  neural.kernel.enabled = true;
  neural.kernel.slot = 1;
  neural.kernel.format = KernelFormat::fp16;
  neural.kernel.lanes_log2 = packed.lanes_log2;
  neural.kernel.engines_log2 = packed.engines_log2;
  neural.kernel.channels = packed.channels;
  op.compute = neural;
  return program_of(op, {source, result}, std::move(packed.bytes));
}

/// y = x + z over channels x height x width elements.
inline Program add_program(const SurfaceShape& shape) {
  const TensorBinding first = binding("x", TensorRole::input, kSourceSlot, shape);
  const TensorBinding second = binding("z", TensorRole::input, kSecondSlot, shape);
  const TensorBinding result = binding("y", TensorRole::output, kResultSlot, shape);
  EngineOp op;
  op.input = op.output = {static_cast<std::uint32_t>(shape.w), static_cast<std::uint32_t>(shape.h), 1,
                          static_cast<std::uint32_t>(shape.c)};
  op.sources[0].place = op.sources[1].place = op.result.place = Place::surface;
  op.sources[0].surface = view_of(first);
  op.sources[1].surface = view_of(second);
  op.result.surface = view_of(result);
  PlanarCompute planar;
  planar.form = PlanarForm::binary;
  planar.op = PlanarOp::add;
  planar.second_enabled = true;
  op.compute = planar;
  return program_of(op, {first, second, result});
}

/// Random fp16 in a program's surface.
inline void fill_surface(std::span<std::uint8_t> surface, std::uint32_t seed) {
  const std::vector<Half> values = random_halves(surface.size() / 2, 1.0F, seed);
  std::memcpy(surface.data(), values.data(), values.size() * 2);
}

}  // namespace openane::bench
