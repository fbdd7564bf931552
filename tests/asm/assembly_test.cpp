// Programs written by hand: what names, kernels and left-out values come to; and what is said when something is wrong.
#include "openane/assembly.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <random>

#include "openane/engine_op.h"
#include "openane/npy.h"
#include "target/h13/kernel_pack.h"

namespace openane {
namespace {

Program program(const std::string& text, const std::string& file = "p.anes") {
  Result<Program> assembled = assemble(text, file);
  EXPECT_TRUE(assembled) << assembled.error().to_string() << "\n" << text;
  return assembled.value_or(Program{});
}

std::string with_tasks(const std::string& tasks, const std::string& constants = "") {
  return "generation H13\n" + constants +
         "procedure main {\n tensor x input float16 1x64x8x8\n tensor y output float16 1x64x8x8\n" + tasks + "}\n";
}

EngineOp op_of(const Program& from, std::size_t task = 0) {
  EXPECT_LT(task, from.procedures.at(0).tasks.size());
  Result<EngineOp> op = lift(from.procedures.at(0).tasks.at(task).task);
  EXPECT_TRUE(op);
  EXPECT_TRUE(op->unknowns.empty()) << op->unknowns.front().to_string();
  return op.value_or(EngineOp{});
}

std::string error_of(const std::string& text) {
  const Result<Program> assembled = assemble(text, "p.anes");
  EXPECT_FALSE(assembled) << text;
  return assembled ? "" : assembled.error().to_string();
}

// ------------------------------------------------------------------------------------------------- by hand

TEST(Assembly, TensorsGetSlotsByTheProfile) {
  const std::string tensors =
      "procedure main {\n tensor b input float16 1x1x1x8\n tensor c output float16 1x1x1x8\n tensor a input float16 "
      "1x1x1x8\n"
      " task planar { source1 = a; source2 = b; result = c }\n}\n";
  const auto slots = [&](const std::string& head) {
    const Program p = program("generation H13\n" + head + tensors);
    const Procedure& procedure = p.procedures.at(0);
    return std::array{procedure.find("a")->slot, procedure.find("b")->slot, procedure.find("c")->slot};
  };
  EXPECT_EQ(slots(""), (std::array{6u, 5u, 4u}));
  EXPECT_EQ(slots("profile v4\n"), (std::array{6u, 5u, 4u}));
  EXPECT_EQ(slots("profile v9\n"), (std::array{4u, 5u, 6u}));
  EXPECT_EQ(program("generation m1\nprofile v9\n" + tensors).compiler, "v9.509.0");
}

/// Published programs of H16 and later have their coefficients in the slot after the tensors, those before in slot 1,
/// and packet programs number their tensors by name.
TEST(Assembly, ConstantsGetTheSlotOfTheGeneration) {
  const auto slots = [](const std::string& generation, const std::string& said) {
    const Program p = program("generation " + generation + "\nconstants" + said +
                              " {\n t: table sigmoid\n}\nprocedure main {\n tensor y input float16 1x1x1x8\n"
                              " tensor x output float16 1x1x1x8\n"
                              " task neural { source1 = y; result = x; kernel = t }\n}\n");
    const Procedure& procedure = p.procedures.at(0);
    const Result<EngineOp> op = lift(procedure.tasks.at(0).task);
    EXPECT_TRUE(op && op->neural() != nullptr);
    const KernelStream& kernel = op->neural()->kernel;
    EXPECT_EQ(kernel.table_apart ? kernel.table_slot : kernel.slot, p.constants.at(0).slot) << generation;
    return std::array{procedure.find("x")->slot, procedure.find("y")->slot, p.constants.at(0).slot};
  };
  EXPECT_EQ(slots("H13", ""), (std::array{4u, 5u, 1u}));
  EXPECT_EQ(slots("H14", ""), (std::array{4u, 5u, 1u}));
  EXPECT_EQ(slots("H16", ""), (std::array{6u, 7u, 8u}));
  EXPECT_EQ(slots("H16", " slot 1"), (std::array{6u, 7u, 1u}));
  EXPECT_EQ(slots("H16", " slot 7"), (std::array{6u, 8u, 7u}));
}

TEST(Assembly, NamesStandForViews) {
  const EngineOp op =
      op_of(program(with_tasks(" task planar { op = mul; source1 = x; source2 = x broadcast width; result = y }\n")));
  EXPECT_EQ(op.planar()->form, PlanarForm::binary);
  EXPECT_TRUE(op.planar()->second_enabled);
  EXPECT_EQ(op.input, (Extent{8, 8, 1, 64}));
  EXPECT_EQ(op.output, op.input);
  EXPECT_EQ(op.sources[0].surface.slot, 5);
  EXPECT_EQ(op.sources[0].surface.strides, (ByteStrides{0x40, 0x200, 0x8000, 0x8000}));
  EXPECT_TRUE(op.sources[1].broadcast.width);
  EXPECT_EQ(op.result.surface.slot, 4);
}

TEST(Assembly, BuffersArePlacedOneAfterTheOther) {
  const Program p = program(with_tasks(
      " buffer s scratch float16 1x64x8x8\n buffer t scratch float16 1x64x8x8\n buffer a on_chip float16 1x64x8x8\n"
      " buffer b on_chip float16 1x64x8x8 channel 0x20\n"
      " task neural { source1 = x; result = s }\n task neural { source1 = s; result = a }\n task neural { source1 = a; "
      "result = b }\n"
      " task neural { source1 = b; result = t }\n task neural { source1 = t; result = y }\n"));
  EXPECT_EQ(p.scratch_bytes, 0x10000u);
  EXPECT_EQ(op_of(p, 3).result.surface,
            (SurfaceView{3, 0x8000, {0x40, 0x200, 0x8000, 0x8000}, ElementType::float16, 1}));
  EXPECT_EQ(op_of(p, 2).sources[0].on_chip, (OnChipView{0, {0x400, 0x10, 0x2000, 0x2000}}));
  EXPECT_EQ(op_of(p, 2).result.on_chip, (OnChipView{0x2000, {0x800, 0x20, 0x4000, 0x4000}}));
  EXPECT_EQ(op_of(p, 2).result.place, Place::on_chip);
}

TEST(Assembly, KernelsBringTheirTasksAlong) {
  const std::string kernel =
      "constants {\n pad: zero 0x40\n k: kernel { shape = 32x64x3x3; weights = fill 0.5; bias = fill 1; table = tanh "
      "}\n}\n";
  std::string text = with_tasks(" task neural { source1 = x; result = y; kernel = k; window = 3x3 pad 1x1 }\n", kernel);
  text.replace(text.find("tensor y output float16 1x64"), 28, "tensor y output float16 1x32");
  const Program p = program(text);
  const EngineOp op = op_of(p);
  const NeuralCompute& neural = *op.neural();
  EXPECT_EQ(neural.mode, NeuralMode::convolution);
  EXPECT_EQ(neural.activation, Activation::table);
  EXPECT_TRUE(neural.channel_bias);
  EXPECT_EQ(neural.kernel.lanes_log2, 1);
  EXPECT_EQ(neural.kernel.engines_log2, 4);
  const std::uint32_t size = (128 + 2 * 2 + 64 * 9 * 2 * 2 + 63) / 64 * 64;
  EXPECT_EQ(neural.kernel.channels[3], (KernelChannel{true, 0x40 + 3 * size, size}));
  EXPECT_EQ(p.constants.at(0).data.size(), 0x40u + 16 * size);
  EXPECT_EQ(op.output.channels, 32u);
}

TEST(Assembly, GroupedAndDepthwiseKernels) {
  const std::string grouped = "constants { k: kernel { shape = 64x16x1x1; groups = 4; weights = fill 1 } }\n";
  const EngineOp op = op_of(program(with_tasks(" task neural { source1 = x; result = y; kernel = k }\n", grouped)));
  EXPECT_EQ(op.groups, 4u);
  EXPECT_EQ(op.input.channels, 16u);
  EXPECT_EQ(op.output.channels, 16u);
  EXPECT_EQ(op.sources[0].surface.strides.group, 16u * 0x200);
  EXPECT_EQ(op.result.surface.strides.group, 16u * 0x200);
  const std::string depthwise = "constants { k: kernel { shape = 64x1x3x3; depthwise = on; weights = fill 1 } }\n";
  const EngineOp deep = op_of(
      program(with_tasks(" task neural { source1 = x; result = y; kernel = k; window = 3x3 pad 1x1 }\n", depthwise)));
  EXPECT_TRUE(deep.neural()->unicast);
  EXPECT_EQ(deep.neural()->unicast_inputs, 1);
  EXPECT_EQ(deep.groups, 1u);
}

TEST(Assembly, ChainedTasksTakeTheirExtentFromTheTaskBefore) {
  const Program p =
      program(with_tasks(" task planar { source1 = x; result = chained }\n task neural { source1 = chained; result = "
                         "y; activation = relu }\n"));
  EXPECT_EQ(op_of(p, 1).input, (Extent{8, 8, 1, 64}));
  EXPECT_EQ(op_of(p, 1).sources[0].place, Place::chained);
  EXPECT_EQ(p.procedures[0].tasks[1].offset, 0x300u);
  EXPECT_EQ(p.procedures[0].tasks[0].task.header(7), 0x300u) << "linked";
}

TEST(Assembly, OverridesComeLast) {
  const Program p =
      program(with_tasks(" task planar { NE.PostScale = 0x12345678; source1 = x; result = y; Common.TileCfg.TileHeight "
                         "= 4; Header2.LogEvents = 0x7;"
                         " Header0.TID = 9; L2.SourceBase.Addr = 0x100 }\n"));
  const Task& task = p.procedures[0].tasks[0].task;
  EXPECT_EQ(task.find(0xc810), 0x12345678u);
  EXPECT_EQ(task.find(0x28), 4u);
  EXPECT_EQ(task.header(2), 7u);
  EXPECT_EQ(task.header(0) & 0xffffu, 9u) << "an explicit header field is not linked over";
  EXPECT_EQ(task.find(0x4808), 0x100u) << "fields with a unit are in bytes";
  const Program extra =
      program(with_tasks(" task planar { source1 = x; result = y; Header6.TDE = 1; Header10.DTID = 3 }\n"));
  EXPECT_EQ(extra.procedures[0].tasks[0].task.header_size(), 11u);
  EXPECT_EQ(extra.procedures[0].tasks[0].task.header(10), 3u);
}

std::vector<std::uint8_t> data_of(const std::string& items, const std::string& file = "p.anes") {
  const std::string text = with_tasks(" task planar { source1 = x; result = y }\n", "constants {\n" + items + "\n}\n");
  const Program p = program(text, file);
  const std::span<const std::uint8_t> data =
      p.constants.empty() ? std::span<const std::uint8_t>{} : p.constants[0].data.span();
  return {data.begin(), data.end()};
}

using Bytes8 = std::vector<std::uint8_t>;

TEST(Assembly, DataItems) {
  EXPECT_EQ(data_of("hex 0102 ff # comment\nhex 0A"), (Bytes8{1, 2, 0xff, 0x0a}));
  EXPECT_EQ(data_of("fp16 [1, -0.5,\n  inf]"), (Bytes8{0, 0x3c, 0, 0xb8, 0, 0x7c}));
  EXPECT_EQ(data_of("int8 -1 127; uint16 0x1234"), (Bytes8{0xff, 0x7f, 0x34, 0x12}));
  EXPECT_EQ(data_of("fp32 0x1.8p0"), (Bytes8{0, 0, 0xc0, 0x3f}));
  EXPECT_EQ(data_of("hex 01; align 4; hex 02"), (Bytes8{1, 0, 0, 0, 2}));
  EXPECT_EQ(data_of("fill 3 uint8 7; zero 1"), (Bytes8{7, 7, 7, 0}));
  EXPECT_EQ(data_of("hex 01; table sigmoid").size(), 64u + 128);
}

TEST(Assembly, TablesByTheirNumbers) {
  std::string knots;
  for (int i = 0; i < 33; ++i) {
    knots += i < 32 ? "1 " : "0 ";
  }
  const std::string table = "table {\n below = bits(0x8001) 0\n above = bits(0x0001) 0\n knots = [" + knots +
                            "]\n density = 0x40\n mode = 1\n}";
  EXPECT_EQ(data_of(table), data_of("table is_zero"));
}

class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / "openane_assembly_test") {
    std::filesystem::create_directories(path_ / "inner");
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

TEST(Assembly, FilesBesideTheText) {
  const Folder folder;
  std::ofstream(folder.file("inner/data.bin"), std::ios::binary) << "abcdef";
  const std::string text = folder.file("p.anes");
  EXPECT_EQ(data_of("file \"inner/data.bin\" offset 1 size 3", text), (Bytes8{'b', 'c', 'd'}));
  const std::vector<float> numbers = {1, -2, 0.5F, 4};
  ASSERT_TRUE(write_npy(folder.file("w.npy"), Tensor::from_floats({2, 2, 1, 1}, numbers, ElementType::float32)));
  EXPECT_EQ(data_of("npy \"w.npy\" as fp16", text), data_of("fp16 1 -2 0.5 4"));
  EXPECT_EQ(data_of("kernel { weights = npy \"w.npy\" }", text),
            data_of("kernel { shape = 2x2x1x1; weights = [1, -2, 0.5, 4] }"));
  std::filesystem::create_symlink("/etc/hostname", folder.file("link"));
  const Result<Program> climbing = assemble("generation H13\nconstants { file \"link\" }\n", text);
  ASSERT_FALSE(climbing);
  EXPECT_NE(climbing.error().message.find("leads out of the folder"), std::string::npos) << climbing.error().message;
}

// ------------------------------------------------------------------------------------------------- errors

struct BadProgram {
  std::string text;
  const char* error;
};

TEST(Assembly, ErrorsNamePlaceAndExpectation) {
  const std::string good = " task planar { source1 = x; result = y }\n";
  const BadProgram kCases[] = {
      {"", "p.anes:1:1: malformed input: the text names no generation, as in 'generation H13'"},
      {"generation H99\n", "p.anes:1:12: malformed input: no generation is called 'H99'"},
      {"generation H13\n", "p.anes:1:1: malformed input: the text has no procedure"},
      {"generatoin H13\n", "(did you mean 'generation'?)"},
      {with_tasks(" task planar { source1 = z; result = y }\n"),
       "p.anes:5:26: malformed input: source1: expected a place (none, on_chip, surface_kept, surface, chained) or the "
       "name of a tensor"},
      {with_tasks(" task planar { source1 = x; result = y; PE.PECfg.OpModes = add }\n"),
       "p.anes:5:41: malformed input: PECfg has no field 'OpModes' (did you mean 'OpMode'?)"},
      {with_tasks(" task planar { source1 = x; result = y; PE.PeCfg = 1 }\n"),
       "p.anes:5:41: malformed input: PE has no register 'PeCfg' (did you mean 'PECfg'?)"},
      {with_tasks(" task planar { source1 = x; result = y; Comon.InDim = 1 }\n"),
       "p.anes:5:41: malformed input: H13 has no block 'Comon' (did you mean 'Common'?)"},
      {with_tasks(" task planar { source1 = x; result = y; Header11 = 1 }\n"), "an operation has no key 'Header11'"},
      {with_tasks(" task planar { source1 = x; result = y; Header10 = 1 }\n"), "this task has no Header10"},
      {with_tasks(" task planar { source1 = x; result = y; PE.PECfg.OpMode = sub }\n"),
       "p.anes:5:59: malformed input: OpMode takes add, mul, max, min, square or a number up to 7, got 'sub'"},
      {with_tasks(" task planar { source1 = x; result = y; Common.InDim.Win = 40000 }\n"),
       "p.anes:5:60: malformed input: Win takes a number up to 0x7fff, got '40000'"},
      {with_tasks(" task planar { source1 = x; result = y; L2.SourceBase.Addr = 8 }\n"),
       "Addr takes bytes, a multiple of 16 up to"},
      {with_tasks(" task planar { source1 = x row 0x41; result = y }\n"), "is not a multiple of 64"},
      {with_tasks(" task neural { source1 = x; result = y; kernel = k }\n"),
       "kernel: expected on, off or the label of a kernel"},
      {with_tasks(" task { Common { InDim = Win 1, Win 2 } }\n"), "field Win is set twice"},
      {with_tasks(" task { Common { InDim = 1; InDim = 2 } }\n"), "Common.InDim is set twice in this record"},
      {with_tasks(" task { Common.InDim x2 { Cin = 1 } }\n"), "Common.Cin is no register of this record"},
      {with_tasks(" task { scatter Common.InDim { InDim = 1 } }\n"), "cannot be written in H13"},
      {with_tasks(" task planar { source1 = x; result = y\n"), "this block has no closing '}'"},
      {with_tasks(good) + "}\n", "this '}' closes nothing"},
      {with_tasks(good) + "constants {\n hex 123\n}\n",
       "p.anes:8:6: malformed input: hex: expected pairs of hexadecimal digits, got '123'"},
      {with_tasks(good) + "constants {\n fp16 1.5.2\n}\n",
       "fp16: expected numbers (0.5, -1e-3, inf, bits(0x3c00)), got '1.5.2'"},
      {with_tasks(good) + "constants { int8 128 }\n", "int8: expected integers from -128 to 127, got '128'"},
      {with_tasks(good) + "constants { a: a: zero 1 }\n", "label 'a' is defined twice"},
      {with_tasks(good) + "constants { table sigmod }\n", "(did you mean 'sigmoid'?)"},
      {with_tasks(good) + "constants { kernel { weights = 1 } }\n", "a kernel needs its shape"},
      {with_tasks(good) + "constants { kernel { shape = 2x1x1x1; weights = 1 } }\n",
       "the kernel needs 2 weights, 1 given"},
      {with_tasks(good) + "constants { kernel { shape = 2x1x1x1; weight = 1 } }\n", "(did you mean 'weights'?)"},
      {with_tasks(good) + "constants { file \"../secret\" }\n", "expected a path below the folder of this text"},
      {with_tasks(good) + "constants { file \"/etc/passwd\" }\n", "expected a path below the folder of this text"},
      {with_tasks(good) + "constants { file \"nothing-here.bin\" }\n", "system: 'nothing-here.bin': cannot open"},
      {"generation H13\nprocedure main {\n buffer a on_chip float16 1x64x512x512\n}\n", "pass the on-chip memory"},
      {"generation H13\nprocedure main {\n tensor x input packed10 1x1x1x1\n}\n", "expected an element type"},
      {"generation H13\nprocedure main {\n}\n", "a procedure has at least one task"},
      {"generation H13\nprocedure main {\n task planar { result = chained }\n}\n", "this task needs 'input"},
      {"generation H15\nconstants { kernel { shape = 1x1x1x1; weights = 1 } }\n",
       "how H15 lays out coefficients is not known"},
      {"generation H13\nprocedure main { task { header { Header0 = TID 70000 } } }\n",
       "TID takes a number up to 0xffff"},
      {with_tasks(" task { Comon { InDim = 1 } }\n"),
       "p.anes:5:9: malformed input: H13 has no block 'Comon' (did you mean 'Common'?)"},
      {with_tasks(" task planar { op = div; source1 = x; result = y }\n"),
       "p.anes:5:21: malformed input: op: expected one of add, mul, max, min, square, got 'div'"},
      {with_tasks(" task planar { source1 = x; result = y; source1 = y }\n"),
       "p.anes:5:41: malformed input: 'source1' is given twice in this task"},
      {"generation H13\nconstants { kernel { shape = 1x1x1x1; weights = 1; weights = 2 } }\n",
       "p.anes:2:52: malformed input: 'weights' is given twice in this kernel"},
      {"generation H13\nconstants { table { mode = 1; mode = 2 } }\n",
       "p.anes:2:31: malformed input: 'mode' is given twice in this table"},
      {"generation H13\nprocedure main {\n tensor x input float16 1x1x0x7\n}\n",
       "p.anes:3:25: malformed input: tensor: expected batch x channels x height x width, as 1x64x8x8, each from 1 to"},
  };
  for (const BadProgram& bad : kCases) {
    const std::string error = error_of(bad.text);
    EXPECT_NE(error.find(bad.error), std::string::npos) << "expected: " << bad.error << "\ngot: " << error;
  }
}

/// A convolution of one kernel between tensors of so many channels.
std::string convolution(std::string_view kernel, int inputs, int outputs, std::string_view task) {
  return fmt::format(
      "generation H13\nconstants {{ w: kernel {{ {}; weights = fill 1 }} }}\nprocedure main {{\n"
      " tensor x input float16 1x{}x8x8\n tensor y output float16 1x{}x8x8\n"
      " task neural {{ source1 = x; result = y; {} }}\n}}\n",
      kernel, inputs, outputs, task);
}

TEST(Assembly, KernelsFitTheirTasks) {
  constexpr const char* kDense = "shape = 4x3x3x3";
  constexpr const char* kGrouped = "shape = 8x2x1x1; groups = 4";
  constexpr const char* kDepthwise = "shape = 8x1x1x1; depthwise = on";
  for (const std::string& right :
       {convolution(kDense, 3, 4, "kernel = w; window = 3x3 pad 1x1"),
        convolution(kDense, 3, 4, "window = 3x3 pad 1x1; kernel = w"),
        convolution(kDense, 2, 4, "kernel = w; window = 3x3 pad 1x1; input = 3x8x8"),
        convolution(kGrouped, 8, 8, "kernel = w"), convolution(kDepthwise, 8, 8, "kernel = w")}) {
    const Result<Program> program = assemble(right, "p.anes");
    EXPECT_TRUE(program) << program.error().to_string();
  }
  const BadProgram kWrong[] = {
      {convolution(kDense, 2, 4, "kernel = w; window = 3x3 pad 1x1"),
       "p.anes:6:41: malformed input: kernel: the weights of 'w' take 3 input channels, input has 2"},
      {convolution(kDense, 3, 5, "kernel = w; window = 3x3 pad 1x1"),
       "p.anes:6:41: malformed input: kernel: the weights of 'w' give 4 output channels, output has 5"},
      {convolution(kDense, 3, 4, "window = 5x5 pad 2x2; kernel = w"), "window: the weights of 'w' are 3x3, got 5x5"},
      {convolution(kDense, 3, 4, "kernel = w; window = 5x5 pad 2x2"), "window: the weights of 'w' are 3x3, got 5x5"},
      {convolution(kGrouped, 2, 8, "kernel = w"), "take 8 input channels, input has 2"},
      {convolution(kDepthwise, 1, 8, "kernel = w"), "take 8 input channels, input has 1"},
  };
  for (const BadProgram& bad : kWrong) {
    const std::string error = error_of(bad.text);
    EXPECT_NE(error.find(bad.error), std::string::npos) << "expected: " << bad.error << "\ngot: " << error;
  }
}

TEST(Assembly, SeveralErrorsInOneRun) {
  const std::string error = error_of(
      "generation H13\nprofile v6\nprocedure main {\n tensor x input float17 1x1x1x1\n task planar {\n  sorce1 = x\n  "
      "bias = 1.5\n }\n}\n");
  EXPECT_NE(error.find("p.anes:2:9"), std::string::npos) << error;
  EXPECT_NE(error.find("p.anes:4:17"), std::string::npos) << error;
  EXPECT_NE(error.find("p.anes:6:3"), std::string::npos) << error;
  EXPECT_EQ(std::count(error.begin(), error.end(), '\n'), 2) << error;
}

// ------------------------------------------------------------------------------------------------- hostile texts

TEST(Assembly, ShortTextsDoNotFillTheMemory) {
  const char* kBombs[] = {"constants { zero 0xfffffff0 }",
                          "constants { fill 0xffffffff fp32 1 }",
                          "constants { zero 0x3000000; zero 0x3000000 }",
                          "constants { kernel { shape = 16777215x255x255x255; weights = fill 1 } }",
                          "constants { kernel { shape = 65535x1024x1x1; weights = fill 1 } }",
                          "procedure p { task { } }\ntask_section size 0xfffffff0",
                          "procedure p { task at 0xf0000000 { } }",
                          "procedure p { buffer b scratch float16 2147483647x2147483647x2147483647x2147483647 }",
                          "procedure p { tensor t input float16 1x1x1x1 batch 0xffffffffff row 0xffffffffff }"};
  for (const std::string bomb : kBombs) {
    EXPECT_FALSE(assemble("generation H13\n" + bomb, "p.anes")) << bomb;
  }
}

TEST(Assembly, DeepNestingAndLongLines) {
  EXPECT_FALSE(assemble(std::string(1000000, '{'), "p.anes"));
  EXPECT_FALSE(assemble(std::string(1000000, '['), "p.anes"));
  EXPECT_FALSE(assemble(std::string(1000000, 'a'), "p.anes"));
  EXPECT_FALSE(assemble(std::string(1000000, '"'), "p.anes"));
  EXPECT_FALSE(assemble("generation H13\nprocedure p {" + std::string(100000, '{'), "p.anes"));
  EXPECT_FALSE(assemble("constants {" + std::string(1000000, ' ') + "hex " + std::string(999999, '0') + "}", "p.anes"));
}

TEST(Assembly, GarbageIsAnError) {
  std::mt19937 random(11);
  const std::string_view kWords[] = {"generation", "H13", "{",       "}",      "task", "procedure", "=",
                                     "\"",         "x",   "1x2x3x4", "\n",     ";",    "#",         "constants",
                                     "hex",        "00",  "kernel",  "label:", "[",    "]",         ",",
                                     "neural",     "-1",  "0x",      "\\",     "\x01", "\xff"};
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (int i = 0; i < 200; ++i) {
      text += kWords[random() % std::size(kWords)];
      text += random() % 3 == 0 ? "\n" : " ";
    }
    static_cast<void>(assemble(text, "p.anes"));
  }
  std::string bytes(1000000, '\0');
  for (char& byte : bytes) {
    byte = static_cast<char>(random());
  }
  EXPECT_FALSE(assemble(bytes, "p.anes"));
  const std::string_view binary("generation H13\n\x01\0\x02\nfoo\nbar\n", 27);
  EXPECT_EQ(error_of(std::string(binary)),
            "p.anes: at 0x10: malformed input: a byte 0, expected assembly text: this is a binary file");
}

}  // namespace
}  // namespace openane
