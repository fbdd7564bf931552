// One op, written once, on every generation that has an encode; and the golden streams of H14 and H16 against their
// functions.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "emulator/support.h"
#include "isa/sample_streams.h"
#include "openane/assembly.h"

namespace openane {
namespace {

constexpr std::uint32_t kFirst = 6, kSecond = 7, kResult = 8;

TensorBinding binding(std::string name, TensorRole role, std::uint32_t slot, const SurfaceShape& shape) {
  TensorBinding made;
  made.name = made.symbol = std::move(name);
  made.role = role;
  made.slot = slot;
  made.layout = *SurfaceLayout::packed(ElementType::float16, shape);
  made.total_bytes = static_cast<std::uint64_t>(made.layout.strides.n);
  return made;
}

Program program_of(const Generation& generation, std::vector<Task> tasks, std::vector<TensorBinding> tensors,
                   std::vector<std::uint8_t> constants = {}) {
  Program program;
  program.generation = &generation;
  Procedure procedure;
  procedure.name = "main";
  procedure.tensors = std::move(tensors);
  procedure.tasks = *link_tasks(std::move(tasks));
  program.procedures.push_back(std::move(procedure));
  if (!constants.empty()) {
    program.constants.push_back({"", 1, Bytes(std::move(constants))});
  }
  return program;
}

std::vector<float> run(const Program& program, std::span<const NamedTensor> inputs, Numerics numerics) {
  EmulatorOptions options;
  options.numerics = numerics;
  const auto outputs = run_program(program, inputs, options);
  EXPECT_TRUE(outputs) << outputs.error().to_string();
  return outputs ? test::floats(outputs->front().tensor) : std::vector<float>{};
}

/// 64x8x8 elements in rows of 64 bytes.
constexpr std::string_view kBinary = R"(compute = planar binary
op = {}
second = on
input = 64x8x8
output = 64x8x8
source1 = surface slot 6 row 0x40 plane 0x200
source2 = surface slot 7 row 0x40 plane 0x200
result = surface slot 8 row 0x40 plane 0x200
)";

constexpr std::string_view kConvolution = R"(compute = neural convolution
input = 64x8x8
output = 64x8x8
source1 = surface slot 6 row 0x40 plane 0x200
result = surface slot 8 row 0x40 plane 0x200
kernel = on slot 1 fp16
lanes = 4
engines = 16
stream = 0..15 on offset 0x0 step 0x200 size 0x200
)";

const std::vector<std::string_view> kTargets{"H13", "H14", "H16"};

TEST(Generations, OneBinaryOpGivesTheSameNumbersEverywhere) {
  const std::vector<NamedTensor> inputs{{"a", test::random_tensor({1, 64, 8, 8}, -4, 4, 1)},
                                        {"b", test::random_tensor({1, 64, 8, 8}, -4, 4, 2)}};
  const std::vector<float> a = test::floats(inputs[0].tensor), b = test::floats(inputs[1].tensor);
  for (const std::string_view name : {"add", "mul"}) {
    const Result<EngineOp> op = parse_engine_op(fmt::format(fmt::runtime(kBinary), name), "op");
    ASSERT_TRUE(op) << op.error().to_string();
    for (const std::string_view target : kTargets) {
      const Generation& generation = *find_generation(target);
      const Result<Task> task = encode(*op, generation);
      ASSERT_TRUE(task) << target << ": " << task.error().to_string();
      const Program program = program_of(generation, {*task},
                                         {binding("a", TensorRole::input, kFirst, {1, 64, 8, 8, 1}),
                                          binding("b", TensorRole::input, kSecond, {1, 64, 8, 8, 1}),
                                          binding("y", TensorRole::output, kResult, {1, 64, 8, 8, 1})});
      const std::vector<float> y = run(program, inputs, Numerics::ideal);
      ASSERT_EQ(y.size(), a.size());
      for (std::size_t i = 0; i < y.size(); ++i) {
        ASSERT_EQ(y[i], to_float(to_half(name == "add" ? a[i] + b[i] : a[i] * b[i])))
            << target << " " << name << " " << i;
      }
    }
  }
}

TEST(Generations, OneConvolutionGivesTheSameNumbersEverywhere) {
  const std::vector<NamedTensor> inputs{{"a", test::random_tensor({1, 64, 8, 8}, -2, 2, 3)}};
  const Tensor weights = test::random_tensor({64, 64}, -1, 1, 4);
  const std::vector<float> x = test::floats(inputs[0].tensor), w = test::floats(weights);
  // Engine e holds channels 4e .. 4e+3 side by side, one row for each input channel.
  std::vector<std::uint8_t> constants(64 * 64 * 2);
  for (std::size_t n = 0; n < 64; ++n) {
    for (std::size_t k = 0; k < 64; ++k) {
      std::memcpy(&constants[2 * (n / 4 * 256 + k * 4 + n % 4)], weights.data.data() + 2 * (n * 64 + k), 2);
    }
  }
  const Result<EngineOp> op = parse_engine_op(kConvolution, "op");
  ASSERT_TRUE(op) << op.error().to_string();
  for (const Numerics numerics : {Numerics::ideal, Numerics::h13}) {
    std::vector<float> first;
    for (const std::string_view target : kTargets) {
      const Generation& generation = *find_generation(target);
      const Result<Task> task = encode(*op, generation);
      ASSERT_TRUE(task) << target << ": " << task.error().to_string();
      const Program program = program_of(generation, {*task},
                                         {binding("a", TensorRole::input, kFirst, {1, 64, 8, 8, 1}),
                                          binding("y", TensorRole::output, kResult, {1, 64, 8, 8, 1})},
                                         constants);
      const std::vector<float> y = run(program, inputs, numerics);
      first = first.empty() ? y : first;
      EXPECT_EQ(y, first) << target;
    }
    for (std::size_t n = 0; n < 64; ++n) {
      for (std::size_t p = 0; p < 64; ++p) {
        double sum = 0, magnitude = 0;
        for (std::size_t k = 0; k < 64; ++k) {
          const double term = double{w[n * 64 + k]} * double{x[k * 64 + p]};
          sum += term;
          magnitude += std::abs(term);
        }
        ASSERT_NEAR(first[n * 64 + p], sum, std::abs(sum) * 0x1p-11 + magnitude * 0x1p-11);
      }
    }
  }
}

Program sample_program(std::string_view name, std::vector<TensorBinding> tensors,
                       std::vector<std::uint8_t> constants = {}) {
  for (const test::SampleStream& stream : test::sample_streams()) {
    if (stream.name == name) {
      Program program;
      program.generation = stream.generation;
      Procedure procedure;
      procedure.tasks = *decode_tasks(*stream.generation, stream.bytes(), 4 * stream.lead_in_words, 0, 0);
      procedure.tensors = std::move(tensors);
      program.procedures.push_back(std::move(procedure));
      if (!constants.empty()) {
        program.constants.push_back({"", 1, Bytes(std::move(constants))});
      }
      return program;
    }
  }
  ADD_FAILURE() << "no stream " << name;
  return {};
}

/// registers/sample-streams.toml: "reduce_max over C of 1x64x8x8".
/// A person's text, whose kernel each generation packs its own way, against sums made here.
TEST(Generations, OneTextWithAKernelGivesTheSameNumbersEverywhere) {
  constexpr std::size_t kInputs = 5, kPixels = 6;
  const auto weight = [](std::size_t n, std::size_t k) { return static_cast<float>((n * 7 + k * 3) % 11) - 5.0F; };
  const std::vector<NamedTensor> inputs{{"x", test::random_tensor({1, kInputs, 2, 3}, -2, 2, 9)}};
  const std::vector<float> x = test::floats(inputs[0].tensor);
  for (const std::size_t outputs : {8U, 16U, 20U, 32U, 48U, 64U, 96U, 112U, 512U}) {
    std::string numbers;
    for (std::size_t i = 0; i < outputs * kInputs; ++i) {
      fmt::format_to(std::back_inserter(numbers), "{} ", weight(i / kInputs, i % kInputs));
    }
    for (const std::string_view target : kTargets) {
      const std::string text = fmt::format(
          "generation {0}\nconstants {{\n w: kernel {{ shape = {1}x{2}x1x1; weights = [{3}] }}\n}}\n"
          "procedure main {{\n tensor x input float16 1x{2}x2x3\n tensor y output float16 1x{1}x2x3\n"
          " task neural {{ source1 = x; result = y; kernel = w }}\n}}\n",
          target, outputs, kInputs, numbers);
      const Result<Program> program = assemble(text, "p.anes");
      if (target == "H16" && outputs == 20) {  // blocks of channels were measured for whole rounds only
        ASSERT_FALSE(program);
        EXPECT_EQ(program.error().category, ErrorCategory::missing_specification) << program.error().to_string();
        continue;
      }
      ASSERT_TRUE(program) << target << ": " << program.error().to_string();
      const std::vector<float> y = run(*program, inputs, Numerics::ideal);
      ASSERT_EQ(y.size(), outputs * kPixels) << target;
      for (std::size_t i = 0; i < y.size(); ++i) {
        float sum = 0;
        for (std::size_t k = 0; k < kInputs; ++k) {
          sum += weight(i / kPixels, k) * x[k * kPixels + i % kPixels];
        }
        ASSERT_NEAR(y[i], sum, 0.02F) << target << " of " << outputs << " at " << i;
      }
    }
  }
}

TEST(Generations, MaximumOverChannelsOfH16) {
  const Program program = sample_program("h16 max", {binding("x", TensorRole::input, 6, {1, 64, 8, 8, 1}),
                                                     binding("y", TensorRole::output, 7, {1, 1, 8, 8, 1})});
  const std::vector<NamedTensor> inputs{{"x", test::random_tensor({1, 64, 8, 8}, -4, 4, 5)}};
  const std::vector<float> x = test::floats(inputs[0].tensor), y = run(program, inputs, Numerics::ideal);
  ASSERT_EQ(y.size(), 64U);
  for (std::size_t p = 0; p < 64; ++p) {
    float expected = x[p];
    for (std::size_t c = 1; c < 64; ++c) {
      expected = std::max(expected, x[c * 64 + p]);
    }
    EXPECT_EQ(y[p], expected) << p;
  }
}

/// "reduce_mean over H of 1x32x64x16 (three tasks)".
TEST(Generations, MeanOverRowsOfH16) {
  const Program program = sample_program("h16 mean", {binding("x", TensorRole::input, 6, {1, 32, 64, 16, 1}),
                                                      binding("y", TensorRole::output, 7, {1, 32, 1, 16, 1})});
  const std::vector<NamedTensor> inputs{{"x", test::random_tensor({1, 32, 64, 16}, -4, 4, 6)}};
  const std::vector<float> x = test::floats(inputs[0].tensor), y = run(program, inputs, Numerics::ideal);
  ASSERT_EQ(y.size(), 32U * 16);
  for (std::size_t c = 0; c < 32; ++c) {
    for (std::size_t w = 0; w < 16; ++w) {
      double sum = 0;
      for (std::size_t h = 0; h < 64; ++h) {
        sum += x[(c * 64 + h) * 16 + w];
      }
      EXPECT_NEAR(y[c * 16 + w], sum / 64, 4 * 0x1p-11) << c << " " << w;
    }
  }
}

/// "matmul of a 1x256 input with a constant 512x256 weight (transpose_y), two tasks"; weights packed as on H13, whose
/// section has the same hash (codegen-by-generation.md 1).
TEST(Generations, ConstantMatrixProductOfH14) {
  const Tensor weights = test::random_tensor({512, 256}, -1, 1, 7);
  const std::vector<float> w = test::floats(weights);
  std::vector<std::uint8_t> constants(std::size_t{512} * 256 * 2);
  for (std::size_t n = 0; n < 512; ++n) {
    const std::size_t plane = n / 16, at = (plane % 16) * 2 + plane / 16;
    for (std::size_t k = 0; k < 256; ++k) {
      std::memcpy(&constants[2 * (at * 256 * 16 + k * 16 + n % 16)], weights.data.data() + 2 * (n * 256 + k), 2);
    }
  }
  const Program program = sample_program("h14 matmul",
                                         {binding("product", TensorRole::output, 4, {1, 1, 1, 512, 1}),
                                          binding("x", TensorRole::input, 5, {1, 1, 1, 256, 1})},
                                         std::move(constants));
  const std::vector<NamedTensor> inputs{{"x", test::random_tensor({1, 1, 1, 256}, -1, 1, 8)}};
  const std::vector<float> x = test::floats(inputs[0].tensor), y = run(program, inputs, Numerics::ideal);
  ASSERT_EQ(y.size(), 512U);
  for (std::size_t n = 0; n < 512; ++n) {
    double sum = 0;
    for (std::size_t k = 0; k < 256; ++k) {
      sum += double{w[n * 256 + k]} * double{x[k]};
    }
    EXPECT_NEAR(y[n], sum, 0.02) << n;
  }
}

/// The first task of a product of two activations: a copy into scratch, 8 channels side by side.
constexpr std::string_view kCopyToScratch = R"(compute = planar unary
input = 256x1x256
output = 256x1x256
source1 = surface slot 6 row 0x200 plane 0x200
result = surface slot 3 row 0x1000 plane 0x1000 interleave 8
)";

/// "second task of a runtime 256x256 matmul": y = a b. Row m of a is output channel m of the kernel, row k of b is
/// input channel k. The first task is ours, by codegen-by-generation.md 2.8.
TEST(Generations, RunTimeMatrixProductOfH16) {
  constexpr std::size_t kSize = 256;
  Program program = sample_program("h16 matmul t1", {binding("a", TensorRole::input, 6, {1, 256, 1, 256, 1}),
                                                     binding("b", TensorRole::input, 7, {1, 256, 1, 256, 1}),
                                                     binding("y", TensorRole::output, 8, {1, 256, 1, 256, 1})});
  const Result<EngineOp> copy = parse_engine_op(kCopyToScratch, "op");
  ASSERT_TRUE(copy) << copy.error().to_string();
  const Result<Task> first = encode(*copy, *program.generation);
  ASSERT_TRUE(first) << first.error().to_string();
  program.procedures[0].tasks = *link_tasks({*first, program.procedures[0].tasks[0].task});
  program.scratch_bytes = kSize * kSize * 2;
  const std::vector<NamedTensor> inputs{{"a", test::random_tensor({1, 256, 1, 256}, -1, 1, 9)},
                                        {"b", test::random_tensor({1, 256, 1, 256}, -1, 1, 10)}};
  const std::vector<float> a = test::floats(inputs[0].tensor), b = test::floats(inputs[1].tensor);
  const std::vector<float> y = run(program, inputs, Numerics::ideal);
  ASSERT_EQ(y.size(), kSize * kSize);
  for (std::size_t m = 0; m < kSize; ++m) {
    for (std::size_t n = 0; n < kSize; ++n) {
      double sum = 0;
      for (std::size_t k = 0; k < kSize; ++k) {
        sum += double{a[m * kSize + k]} * double{b[k * kSize + n]};
      }
      ASSERT_NEAR(y[m * kSize + n], sum, 0x1p-11 * (std::abs(sum) + 1)) << m << " " << n;
    }
  }
  // Unasked, no arithmetic is claimed that was only measured on an M1.
  const auto unasked = run_program(program, inputs);
  ASSERT_TRUE(unasked) << unasked.error().to_string();
  EXPECT_EQ(test::floats(unasked->front().tensor), y);
  EXPECT_NE(run(program, inputs, Numerics::h13), y);
  // Written out as ops and encoded anew, the second task says the same.
  EngineOp op = *lift(program.procedures[0].tasks[1].task);
  op.side = {};
  const Result<Task> again = encode(op, *program.generation);
  ASSERT_TRUE(again) << again.error().to_string();
  program.procedures[0].tasks = *link_tasks({*first, *again});
  EXPECT_EQ(run(program, inputs, Numerics::ideal), y);
}

TEST(Generations, OnlyH13RunsWithItsOwnArithmeticUnasked) {
  EXPECT_EQ(default_numerics(*find_generation("H13")), Numerics::h13);
  for (const std::string_view id : {"H14", "H15", "H16", "H17", "H18"}) {
    EXPECT_EQ(default_numerics(*find_generation(id)), Numerics::ideal) << id;
  }
}

}  // namespace
}  // namespace openane
