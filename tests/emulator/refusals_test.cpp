// What the emulator refuses: programs whose result nobody could vouch for, each with its category and reason.
#include <functional>

#include "target/h13/kernel_pack.h"
#include "workshop.h"

namespace openane {
namespace {

using test::Logical;
using test::Workshop;

constexpr auto kMalformed = ErrorCategory::malformed_input;
constexpr auto kMissing = ErrorCategory::missing_specification;

/// A copy of 8 channels of 4 x 10 from slot 4 to slot 5: every case starts here.
struct Case {
  Workshop shop;
  Logical shape{1, 8, 4, 10};
  SurfaceView source, result;

  Case() {
    source = test::packed_view(4, shape);
    result = test::packed_view(5, shape);
    shop.add(TensorRole::input, std::vector<std::uint8_t>(test::bytes_of(source, shape)));
    shop.add(TensorRole::output, std::vector<std::uint8_t>(test::bytes_of(result, shape)));
  }
  [[nodiscard]] EngineOp copy(bool planar = true) const {
    EngineOp op = planar ? test::planar_copy(shape) : test::neural_copy(shape);
    op.sources[0] = test::surface_source(source);
    op.result = test::surface_result(result);
    return op;
  }
  [[nodiscard]] EngineOp planar(const std::function<void(PlanarCompute&)>& change) const {
    EngineOp op = copy();
    change(std::get<PlanarCompute>(op.compute));
    return op;
  }
  [[nodiscard]] EngineOp neural(const std::function<void(NeuralCompute&)>& change) const {
    EngineOp op = copy(false);
    change(std::get<NeuralCompute>(op.compute));
    return op;
  }
  /// A convolution whose constants are `packed`.
  [[nodiscard]] EngineOp convolution(const h13::KernelWeights& weights, h13::KernelPacking packing,
                                     const std::function<void(EngineOp&, NeuralCompute&)>& change = {}) {
    const auto packed = h13::pack_kernel(weights, packing);
    EXPECT_TRUE(packed) << packed.error().to_string();
    EngineOp op = copy(false);
    auto& neural = std::get<NeuralCompute>(op.compute);
    neural = NeuralCompute{};
    neural.mode = NeuralMode::convolution;
    neural.window.kernel_width = static_cast<std::uint8_t>(weights.width);
    neural.window.kernel_height = static_cast<std::uint8_t>(weights.height);
    neural.window.pad_left = static_cast<std::uint8_t>(weights.width / 2);
    neural.window.pad_top = static_cast<std::uint8_t>(weights.height / 2);
    neural.kernel.enabled = true;
    neural.kernel.slot = 1;
    neural.kernel.format = weights.format;
    neural.kernel.channels = packed->channels;
    neural.kernel.lanes_log2 = packed->lanes_log2;
    neural.kernel.engines_log2 = packed->engines_log2;
    neural.channel_bias = !weights.bias.empty();
    neural.kernel.zero_skipping = weights.zero_skipping;
    shop.constants = packed->bytes;
    if (change) {
      change(op, neural);
    }
    return op;
  }
  [[nodiscard]] h13::KernelWeights dense(std::uint32_t outputs = 8, std::uint32_t edge = 3) const {
    h13::KernelWeights weights;
    weights.outputs = outputs;
    weights.inputs = shape.channels;
    weights.height = weights.width = edge;
    weights.values.resize(std::size_t{outputs} * shape.channels * edge * edge, Half{0x3c00});
    return weights;
  }

  void expect_refused(ErrorCategory category, std::string_view reason, std::vector<EngineOp> ops) {
    shop.ops = std::move(ops);
    const auto result_of_run = shop.run();
    ASSERT_FALSE(result_of_run) << "expected: " << reason;
    EXPECT_EQ(result_of_run.error().category, category) << result_of_run.error().to_string();
    EXPECT_NE(result_of_run.error().message.find(reason), std::string::npos)
        << result_of_run.error().to_string() << "\nexpected: " << reason;
    EXPECT_EQ(result_of_run.error().message.find("task "), 0u) << result_of_run.error().to_string();
  }
};

TEST(Refusals, TheCaseItselfRuns) {
  Case c;
  c.shop.ops = {c.copy(), c.copy(false)};
  EXPECT_TRUE(c.shop.run());
  c.shop.ops = {c.convolution(c.dense(), {3, 0})};
  EXPECT_TRUE(c.shop.run());
}

TEST(Refusals, Bounds) {
  Case c;
  EngineOp op = c.copy();
  op.sources[0].surface.slot = 9;
  c.expect_refused(kMalformed, "source 1 names slot 9, which is not bound (Header8.RBase0 = 0x9)", {op});
  op = c.copy();
  op.sources[0].surface.offset = 64;
  c.expect_refused(kMalformed,
                   "source 1 takes bytes 0x40 to 0x814 of slot 4 (input s4), which has 0x7d4 "
                   "(TileDMASrc.Src1BaseAddr.Addr = 0x40",
                   {op});
  op = c.copy();
  op.result.surface.strides.channel += 64;
  c.expect_refused(kMalformed,
                   "the result takes bytes 0x0 to 0x994 of slot 5 (output s5), which has 0x7d4 "
                   "(TileDMADst.PlaneStride.Stride = 0x140)",
                   {op});
  op = c.copy();
  op.result.surface.slot = 4;
  c.expect_refused(kMalformed, "the result goes to slot 4 (input s4) (Header8.WBase = 0x4)", {op});
  op = c.copy();
  op.result.surface.strides.channel = 64;
  c.expect_refused(kMalformed, "two of its elements in one place", {op});
  op = c.copy();
  op.result.place = Place::on_chip;
  op.result.on_chip = test::on_chip_view(0x1fff00, c.shape);
  c.expect_refused(kMalformed, "of on-chip memory, which has 0x200000", {op});
  op = c.copy();
  op.input.width = op.output.width = 0;
  c.expect_refused(kMalformed, "an extent of 0", {op});
}

/// A stop says which registers would have to hold something else; those of operands, see Bounds.
TEST(Refusals, RegistersAreNamedWithTheirValues) {
  Case c;
  c.expect_refused(kMissing, "condition code 3; 0 and 1 (absolute value) are known (PE.PECfg.Cond = 0x3)",
                   {c.copy(), c.planar([](PlanarCompute& p) { p.condition = 3; })});
  EngineOp op = c.neural([](NeuralCompute& n) { n.channel_bias = true; });
  c.expect_refused(kMissing, "channel biases in a task without weights (NE.MACCfg.BiasMode = 0x1)", {op});
  op = c.neural([](NeuralCompute& n) { n.mode = NeuralMode::convolution; });
  c.expect_refused(kMalformed, "KernelDMASrc.MasterConfig.MasterEn = 0x0", {op});
}

TEST(Refusals, ConstantsAreNotWritten) {
  Case c;
  c.shop.constants.resize(4096);
  EngineOp op = c.copy();
  op.result.surface.slot = 1;
  c.expect_refused(kMalformed, "the result goes to slot 1 (constants)", {op});
}

TEST(Refusals, MemoryThatNobodyWrote) {
  Case c;
  EngineOp op = c.copy();
  op.sources[0].place = Place::on_chip;
  op.sources[0].on_chip = test::on_chip_view(0x440, c.shape);
  c.expect_refused(kMissing, "source 1 reads byte 0x440 of on-chip memory, which no task before it wrote", {op});
  // One row short.
  EngineOp first = c.copy();
  first.result.place = Place::on_chip;
  first.result.on_chip = op.sources[0].on_chip;
  first.input.height = first.output.height = 3;
  c.expect_refused(kMissing, "of on-chip memory, which no task before it wrote", {first, op});
  c.shop.scratch_bytes = 4096;
  op = c.copy();
  op.sources[0].surface.slot = 3;
  c.expect_refused(kMissing, "source 1 reads byte 0x0 of slot 3 (scratch), which no task before it wrote", {op});
}

TEST(Refusals, StagingAreasHoldNothingAfterwards) {
  Case c;
  c.shape.groups = 1;
  const Logical grouped(2, 4, 4, 10);
  EngineOp op = c.copy();
  op.groups = 2;
  op.input.channels = op.output.channels = 4;
  op.sources[0].surface.strides.group = op.result.surface.strides.group = 4 * c.source.strides.channel;
  op.result.place = Place::surface_kept;
  op.result.on_chip = test::on_chip_view(0x400, grouped);
  op.result.on_chip.strides.group = 0;
  EngineOp next = c.copy();
  next.input.channels = next.output.channels = 4;
  next.sources[0].place = Place::on_chip;
  next.sources[0].on_chip = op.result.on_chip;
  c.expect_refused(kMissing, "task 1: source 1 reads byte 0x400 of on-chip memory", {op, next});
}

TEST(Refusals, Chaining) {
  Case c;
  EngineOp first = c.copy(), second = c.copy(false);
  first.result.place = second.sources[0].place = Place::chained;
  first.result.on_chip.base = 0x420;
  second.sources[0].on_chip.base = 0x440;
  c.expect_refused(kMissing, "task 1: source 1 takes a chained tensor of 1 x 8 x 4 x 10 of float16 at 0x440",
                   {first, second});
  second.sources[0].on_chip.base = 0x420;
  c.shop.ops = {first, second};
  EXPECT_TRUE(c.shop.run());
  c.expect_refused(kMissing, "task 2: source 1 is chained, but the task before leaves no chained result",
                   {first, second, second});
  second.input.height = second.output.height = 2;
  c.expect_refused(kMissing, "takes a chained tensor of 1 x 8 x 2 x 10", {first, second});
  EngineOp window = c.convolution(c.dense(), {3, 0});
  window.sources[0].place = Place::chained;
  window.sources[0].on_chip.base = 0x420;
  c.expect_refused(kMissing, "a window over a chained source", {first, window});
}

TEST(Refusals, ResultsOverTheirSources) {
  Case c;
  c.shop.scratch_bytes = 8192;
  EngineOp fill = c.copy();
  fill.result.surface.slot = 3;
  EngineOp shifted = c.copy();
  shifted.sources[0].surface.slot = shifted.result.surface.slot = 3;
  c.shop.ops = {fill, shifted};
  EXPECT_TRUE(c.shop.run()) << "in place, element by element";
  shifted.result.surface.offset = 64;
  c.expect_refused(kMissing, "task 1: the result and source 1 share bytes", {fill, shifted});
  EngineOp window = c.convolution(c.dense(8, 1), {3, 0});
  window.sources[0].surface.slot = window.result.surface.slot = 3;
  c.expect_refused(kMissing, "task 1: the result and source 1 share bytes", {fill, window});
}

TEST(Refusals, PlanarCodes) {
  Case c;
  const auto refuse = [&](std::string_view reason, const std::function<void(PlanarCompute&)>& change) {
    c.expect_refused(kMissing, reason, {c.planar(change)});
  };
  refuse("condition code 2", [](PlanarCompute& p) { p.condition = 2; });
  refuse("operation code 1 on one source", [](PlanarCompute& p) { p.op = PlanarOp::mul; });
  refuse("a second source is switched on", [](PlanarCompute& p) { p.second_enabled = true; });
  refuse("a final scale or epsilon", [](PlanarCompute& p) { p.final_scale = 0.5F; });
  refuse("post function 1 in a task that does not reduce", [](PlanarCompute& p) { p.post = 1; });
  const auto reduce = [&](std::string_view reason, const std::function<void(PlanarCompute&)>& change) {
    refuse(reason, [&](PlanarCompute& p) {
      p.form = PlanarForm::unary_reduce;
      change(p);
    });
  };
  reduce("reduction code 1", [](PlanarCompute& p) { p.reduction = Reduction::average; });
  reduce("reduction code 3", [](PlanarCompute& p) { p.reduction = Reduction::min; });
  reduce("post function 3", [](PlanarCompute& p) { p.post = 3; });
  reduce("epsilon 1 without", [](PlanarCompute& p) { p.epsilon = 1; });
  reduce("a maximum with final scale", [](PlanarCompute& p) {
    p.reduction = Reduction::max;
    p.final_scale = 2;
  });
}

TEST(Refusals, SquareRootsOfNegativeSums) {
  Case c;
  EngineOp op = c.planar([](PlanarCompute& p) {
    p.form = PlanarForm::unary_reduce;
    p.post = 2;
    p.bias = -1;
  });
  c.expect_refused(kMissing, "reciprocal square root of -40", {op});
}

TEST(Refusals, NeuralModes) {
  Case c;
  const auto refuse = [&](std::string_view reason, const std::function<void(NeuralCompute&)>& change) {
    c.expect_refused(kMissing, reason, {c.neural(change)});
  };
  refuse("a window, stride or padding", [](NeuralCompute& n) { n.window.kernel_width = 3; });
  refuse("channel biases", [](NeuralCompute& n) { n.channel_bias = true; });
  refuse("accumulator bias 1", [](NeuralCompute& n) { n.accumulator_bias = Half{0x3c00}; });
  refuse("a copy from 8 to 8 channels with 2 inputs each", [](NeuralCompute& n) { n.unicast_inputs = 2; });
  c.expect_refused(kMalformed, "8 output channels read 2 inputs each, there are 8", {c.neural([](NeuralCompute& n) {
                     n.mode = NeuralMode::sum;
                     n.unicast_inputs = 2;
                   })});
}

TEST(Refusals, ConvolutionShapes) {
  Case c;
  const auto refuse = [&](std::string_view reason, const std::function<void(EngineOp&, NeuralCompute&)>& change) {
    c.expect_refused(kMissing, reason, {c.convolution(c.dense(), {3, 0}, change)});
  };
  refuse("stride 3 along x", [](EngineOp&, NeuralCompute& n) { n.window.stride_x = n.window.stride_y = 3; });
  refuse("stride 1x2", [](EngineOp&, NeuralCompute& n) { n.window.stride_y = 2; });
  refuse("1 elements of padding before and 0 after, along x", [](EngineOp& op, NeuralCompute&) { --op.output.width; });
  refuse("stride 2x2 with a dense stream", [](EngineOp& op, NeuralCompute& n) {
    n.window = {3, 3, 2, 2, 0, 0};
    op.output.width = 5;
    op.output.height = 2;
  });
  refuse("stride 1x1 with a zero-skipping stream", [](EngineOp&, NeuralCompute& n) { n.kernel.zero_skipping = true; });
  refuse("a convolution without a weight format",
         [](EngineOp&, NeuralCompute& n) { n.kernel.format = KernelFormat::none; });
  refuse("weight order of a depthwise 3x1 kernel", [](EngineOp&, NeuralCompute& n) {
    n.unicast = true;
    n.window.kernel_height = 1;
    n.window.pad_top = 0;
  });
}

TEST(Refusals, CoefficientOrders) {
  Case c;
  c.shop.content(5).resize(8192);
  h13::KernelWeights biased = c.dense(16, 1);
  biased.bias.resize(16, Half{0x3c00});
  EngineOp op = c.convolution(biased, {3, 0});
  op.output.channels = 16;
  c.expect_refused(kMissing, "2 planes per engine in a biased stream", {op});
  op = c.convolution(c.dense(8, 1), {3, 0});
  op.output.channels = 12;
  c.expect_refused(kMissing, "12 output channels in planes of 8 lanes on 1 engines: where the last 4 go is unknown",
                   {op});
  h13::KernelWeights skipping = c.dense(16, 1);
  skipping.zero_skipping = true;
  op = c.convolution(skipping, {4, 0}, [](EngineOp& changed, NeuralCompute& neural) {
    neural.window.stride_x = neural.window.stride_y = 2;
    changed.output = {5, 2, 1, 16};
  });
  c.expect_refused(kMissing, "zero-skipping planes of 16 lanes", {op});
}

TEST(Refusals, Streams) {
  Case c;
  const auto change = [&](const std::function<void(NeuralCompute&)>& apply) {
    return c.convolution(c.dense(), {2, 1}, [&](EngineOp&, NeuralCompute& neural) { apply(neural); });
  };
  c.expect_refused(kMalformed, "engine 1 needs 576 bytes, its stream has 512",
                   {change([](NeuralCompute& n) { n.kernel.channels[1].size = 512; })});
  c.expect_refused(kMalformed, "engine 1 needs 576 bytes, but its stream is off",
                   {change([](NeuralCompute& n) { n.kernel.channels[1] = {}; })});
  c.expect_refused(kMalformed,
                   "the stream of engine 1 takes bytes 0x280 to 0x4c0 of slot 1 (constants), which has 0x480",
                   {change([](NeuralCompute& n) { n.kernel.channels[1].offset = 0x280; })});
  c.expect_refused(kMalformed, "its kernel DMA is off", {change([](NeuralCompute& n) { n.kernel.enabled = false; })});
  c.expect_refused(kMalformed, "slot 30, which is not bound", {change([](NeuralCompute& n) { n.kernel.slot = 30; })});
  c.expect_refused(kMissing, "they come from slot 4 (input s4) without the mark of weights made at run time",
                   {change([](NeuralCompute& n) { n.kernel.slot = 4; })});
}

TEST(Refusals, ZeroSkippingStreamsThatDoNotAddUp) {
  Case c;
  h13::KernelWeights weights = c.dense(4, 3);
  weights.zero_skipping = true;
  const auto op = [&] {
    return c.convolution(weights, {2, 0}, [](EngineOp& changed, NeuralCompute& neural) {
      neural.window = {3, 3, 2, 2, 0, 0};
      changed.output = {5, 2, 1, 4};
    });
  };
  c.shop.ops = {op()};
  EXPECT_TRUE(c.shop.run());
  std::vector<EngineOp> ops{op()};
  c.shop.constants[1] = 0xff;
  c.expect_refused(kMalformed, "its stream has room for", ops);
  ops = {op()};
  c.shop.constants[0] = static_cast<std::uint8_t>(c.shop.constants[0] - 1);
  c.expect_refused(kMalformed, "the values of engine 0 end early, after 504 of 512", ops);
  ops = {op()};
  c.shop.constants[0] = 8;
  c.shop.constants[1] = 0;
  c.expect_refused(kMalformed, "512 values take 64 mask bytes alone", ops);
}

TEST(Refusals, Tables) {
  Case c;
  h13::TableWords words = *h13::build_table("sigmoid");
  words[42] = 8;
  const h13::PackedKernel packed = h13::pack_table(words, 0);
  c.shop.constants = packed.bytes;
  const auto table = [&](std::uint32_t size) {
    return c.neural([&](NeuralCompute& n) {
      n.activation = Activation::table;
      n.kernel.enabled = true;
      n.kernel.slot = 1;
      n.kernel.channels = packed.channels;
      n.kernel.channels[0].size = size;
    });
  };
  c.expect_refused(kMissing, "engine 0: lookup table: function code 8", {table(128)});
  c.expect_refused(kMalformed, "engine 0 needs 128 bytes, its stream has 64", {table(64)});
}

TEST(Refusals, EnginesWithDifferentTables) {
  Case c;
  for (const char* name : {"sigmoid", "tanh"}) {
    const h13::PackedKernel packed = h13::pack_table(*h13::build_table(name), 0);
    c.shop.constants.insert(c.shop.constants.end(), packed.bytes.begin(), packed.bytes.end());
  }
  c.expect_refused(kMissing, "engines 0 and 1 hold different tables", {c.neural([](NeuralCompute& n) {
                     n.activation = Activation::table;
                     n.kernel.enabled = true;
                     n.kernel.slot = 1;
                     n.kernel.engines_log2 = 1;
                     n.kernel.channels[0] = {true, 0, 128};
                     n.kernel.channels[1] = {true, 128, 128};
                   })});
}

TEST(Refusals, IntegersFromNumbersThatAreNone) {
  Case c;
  EngineOp op = c.planar([](PlanarCompute& p) { p.bias = 0.5F; });
  op.result.type = op.result.surface.type = ElementType::uint8;
  c.expect_refused(kMissing, "0.5 in row 0 of channel 0 becomes an 8-bit integer", {op});
  op = c.planar([](PlanarCompute& p) { p.bias = 256; });
  op.result.type = op.result.surface.type = ElementType::uint8;
  c.expect_refused(kMissing, "256 in row 0 of channel 0 becomes an 8-bit integer", {op});
  op = c.planar([](PlanarCompute& p) { p.bias = 255; });
  op.result.type = op.result.surface.type = ElementType::uint8;
  c.shop.ops = {op};
  EXPECT_TRUE(c.shop.run());
  op.result.surface.type = ElementType::float16;
  c.expect_refused(kMissing, "the result: conversion of uint8 elements to float16 by the DMA", {op});
}

/// A bit that nobody has explained stops the run and is named.
TEST(Refusals, UnknownRegisters) {
  Case c;
  c.shop.ops = {c.copy(false)};
  auto program = c.shop.program();
  ASSERT_TRUE(program);
  Task& task = program->procedures[0].tasks[0].task;
  const Generation& h13 = *find_generation("H13");
  const Register* row = nullptr;
  for (const Block& block : h13.blocks) {
    for (const Register& candidate : block.registers) {
      row = candidate.name == "KernelCfg" ? &candidate : row;
    }
  }
  ASSERT_NE(row, nullptr);
  task.set_word(row->address, *task.find(row->address) | 4u);
  const auto emulator = Emulator::create(*program);
  ASSERT_FALSE(emulator);
  EXPECT_EQ(emulator.error().category, kMissing);
  EXPECT_NE(emulator.error().message.find("task 0: "), std::string::npos);
  EXPECT_NE(emulator.error().message.find("PalettizedEn"), std::string::npos) << emulator.error().message;
}

TEST(Refusals, OutputsReadBeforeTheyAreWritten) {
  Case c;
  const std::uint8_t other =
      c.shop.add(TensorRole::output, std::vector<std::uint8_t>(test::bytes_of(c.source, c.shape)));
  EngineOp op = c.copy();
  op.sources[0].surface.slot = other;
  c.expect_refused(kMissing, "source 1 reads byte 0x0 of slot 6 (output s6), which no task before it wrote", {op});
  EngineOp first = c.copy();
  first.result.surface.slot = other;
  c.shop.ops = {first, op};
  EXPECT_TRUE(c.shop.run());
}

TEST(Refusals, OutputsThatNoTaskWritesWhole) {
  Case c;
  EngineOp op = c.copy();
  op.input.height = op.output.height = 3;
  for (const bool whole : {false, true}) {
    c.shop.ops = {whole ? c.copy() : op};
    auto program = c.shop.program();
    ASSERT_TRUE(program);
    // Bytes between rows are no elements.
    program->procedures[0].tensors[1].layout = *SurfaceLayout::packed(ElementType::float16, {1, 8, 4, 10, 1});
    auto emulator = Emulator::create(*program);
    ASSERT_TRUE(emulator) << emulator.error().to_string();
    ASSERT_TRUE(emulator->run());
    const auto output = emulator->output("s5");
    ASSERT_EQ(output.has_value(), whole);
    if (!whole) {
      EXPECT_EQ(output.error().category, kMissing);
      EXPECT_EQ(output.error().message,
                "no task writes byte 0xc0 of slot 5 (output s5): what an engine leaves there is unknown");
    }
  }
}

TEST(Refusals, CallsThatNameNothing) {
  Case c;
  c.shop.ops = {c.copy()};
  const auto program = c.shop.program();
  ASSERT_TRUE(program);
  EXPECT_EQ(Emulator::create(*program, 1).error().category, ErrorCategory::usage);
  auto emulator = Emulator::create(*program);
  ASSERT_TRUE(emulator);
  EXPECT_EQ(emulator->set_input("s5", Tensor{}).error().category, ErrorCategory::usage) << "an output";
  EXPECT_EQ(emulator->output("s4").error().category, ErrorCategory::usage) << "an input";
  EXPECT_TRUE(emulator->surface(1).empty());
  EXPECT_TRUE(emulator->surface(77).empty());
  const auto outputs = run_program(*program, {});
  ASSERT_FALSE(outputs);
  EXPECT_EQ(outputs.error().message, "no tensor for input 's4'");
}

TEST(Refusals, RunsWithoutInputs) {
  Case c;
  c.shop.ops = {c.copy()};
  const auto program = c.shop.program();
  ASSERT_TRUE(program);
  auto emulator = Emulator::create(*program);
  ASSERT_TRUE(emulator);
  ASSERT_TRUE(emulator->run());
  const auto before = emulator->output("s5");
  emulator->release_inputs();
  const auto after = emulator->output("s5");
  ASSERT_EQ(before.has_value(), after.has_value());
  if (before) {
    EXPECT_EQ(after->data, before->data);
  }
  EXPECT_EQ(emulator->run().error().category, ErrorCategory::usage);
  EXPECT_EQ(emulator->set_input("s4", Tensor{}).error().category, ErrorCategory::usage);
  EXPECT_TRUE(emulator->surface(4).empty());
}

TEST(Refusals, SlotsBoundTwice) {
  Case c;
  c.shop.ops = {c.copy()};
  auto program = c.shop.program();
  ASSERT_TRUE(program);
  program->procedures[0].tensors[1].slot = 4;
  EXPECT_EQ(Emulator::create(*program).error().category, kMalformed);
}

TEST(Refusals, SurfacesBeyondAnyAddress) {
  Case c;
  c.shop.ops = {c.copy()};
  auto program = c.shop.program();
  ASSERT_TRUE(program);
  program->procedures[0].tensors[0].total_bytes = std::uint64_t{1} << 50;
  const auto emulator = Emulator::create(*program);
  ASSERT_FALSE(emulator);
  EXPECT_EQ(emulator.error().category, ErrorCategory::unsupported);
}

}  // namespace
}  // namespace openane
