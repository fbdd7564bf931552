// The programs of examples/: assembled, run on the emulator, and compared with the functions they must compute.
#include <gtest/gtest.h>

#include <cmath>

#include "openane/assembly.h"
#include "openane/emulator.h"
#include "openane/hwx.h"

namespace openane {
namespace {

Program load_example(const std::string& name) {
  const std::string path = std::string(OPENANE_SOURCE_DIR) + "/examples/" + name;
  const Result<Bytes> text = read_file(path);
  EXPECT_TRUE(text) << text.error().to_string();
  Result<Program> program = assemble(std::string_view(reinterpret_cast<const char*>(text->data()), text->size()), path);
  EXPECT_TRUE(program) << program.error().to_string();
  return program.value_or(Program{});
}

std::vector<float> run(const Program& program, const Shape& shape, const std::vector<float>& values) {
  const NamedTensor input{program.procedures[0].tensors[0].name,
                          Tensor::from_floats(shape, values, ElementType::float16)};
  const Result<std::vector<NamedTensor>> outputs = run_program(program, std::span(&input, 1));
  EXPECT_TRUE(outputs) << outputs.error().to_string();
  return outputs && outputs->size() == 1 ? outputs->front().tensor.to_floats().value_or(std::vector<float>{})
                                         : std::vector<float>{};
}

TEST(Examples, Sigmoid) {
  std::vector<float> x(77);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(i) / 4 - 9.5F;
  }
  const std::vector<float> y = run(load_example("sigmoid.anes"), {1, 1, 1, 77}, x);
  ASSERT_EQ(y.size(), x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    // 0.0034 is the worst error measured on hardware (h13-isa.md 8).
    EXPECT_NEAR(y[i], 1 / (1 + std::exp(-x[i])), 0.0034) << x[i];
  }
  EXPECT_EQ(y[50], 0.95263671875F) << "sigmoid(3) as read on hardware";
}

/// docs/assembly.md: dense constants, one for each channel. All sums are exact in fp16.
TEST(Examples, ConstantsOfChannels) {
  const Result<Program> program = assemble(R"(
generation H13
constants {
  offsets: fp16 [0, 0.25, -0.5, 0.75, 1, 1.25, 1.5, -1.75, 2, 2.25, 2.5, 2.75]
}
procedure main {
  tensor x input  float16 1x12x4x4
  tensor y output float16 1x12x4x4
  buffer row    constants offsets float16 1x1x1x12
  buffer turned on_chip           float16 1x12x1x1
  task planar { source1 = row exchange; result = turned }
  task planar { source1 = x; source2 = turned broadcast width+height; result = y }
}
)",
                                           "channels.anes");
  ASSERT_TRUE(program) << program.error().to_string();
  constexpr float kOffsets[] = {0, 0.25F, -0.5F, 0.75F, 1, 1.25F, 1.5F, -1.75F, 2, 2.25F, 2.5F, 2.75F};
  std::vector<float> x(12u * 16);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(i) - 90;
  }
  const std::vector<float> y = run(*program, {1, 12, 4, 4}, x);
  ASSERT_EQ(y.size(), x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    EXPECT_EQ(y[i], x[i] + kOffsets[i / 16]) << "element " << i;
  }
}

TEST(Examples, Convolution) {
  std::vector<float> picture(64);
  for (std::size_t i = 0; i < picture.size(); ++i) {
    picture[i] = static_cast<float>((i * i + 3 * i) % 23) - 11;
  }
  const std::vector<float> features = run(load_example("conv3x3_bias_relu.anes"), {1, 1, 8, 8}, picture);
  ASSERT_EQ(features.size(), 4u * 64);
  constexpr int kFilters[4][3][3] = {{{0, 0, 0}, {0, 1, 0}, {0, 0, 0}},
                                     {{-1, 0, 1}, {-2, 0, 2}, {-1, 0, 1}},
                                     {{-1, -2, -1}, {0, 0, 0}, {1, 2, 1}},
                                     {{0, -1, 0}, {-1, 4, -1}, {0, -1, 0}}};
  constexpr float kBias[4] = {0.5F, 0, 0, -1};
  for (int c = 0; c < 4; ++c) {
    for (int y = 0; y < 8; ++y) {
      for (int x = 0; x < 8; ++x) {
        float sum = kBias[c];
        for (int ky = 0; ky < 3; ++ky) {
          for (int kx = 0; kx < 3; ++kx) {
            const int sy = y + ky - 1, sx = x + kx - 1;
            if (sy >= 0 && sy < 8 && sx >= 0 && sx < 8) {
              sum += static_cast<float>(kFilters[c][ky][kx]) * picture[static_cast<std::size_t>(sy * 8 + sx)];
            }
          }
        }
        // Whole and half numbers below 2048: every step is exact.
        EXPECT_EQ(features[static_cast<std::size_t>((c * 8 + y) * 8 + x)], std::max(sum, 0.0F))
            << c << " " << y << " " << x;
      }
    }
  }
}

TEST(Examples, Softmax) {
  std::vector<float> x(64);
  double sum = 0, largest = -1e9;
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>((i * 37) % 64) / 16 - 2;
    largest = std::max(largest, static_cast<double>(x[i]));
  }
  for (const float value : x) {
    sum += std::exp(static_cast<double>(value) - largest);
  }
  const std::vector<float> y = run(load_example("softmax.anes"), {1, 64, 1, 1}, x);
  ASSERT_EQ(y.size(), x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double exact = std::exp(static_cast<double>(x[i]) - largest) / sum;
    EXPECT_NEAR(y[i] / exact, 1, 0.004) << i;  // two tables of relative error 0.0018 and 0.0008, and fp16
  }
  // A published reading: softmax of [1000, 1, 2, 3] is [1, 0, 0, 0]; with all others equal to the smallest as well.
  std::vector<float> peak(64, 1.0F);
  peak[0] = 1000;
  const std::vector<float> one = run(load_example("softmax.anes"), {1, 64, 1, 1}, peak);
  ASSERT_EQ(one.size(), 64u);
  EXPECT_EQ(one[0], 1.0F);
  EXPECT_EQ(one[1], 0.0F);
}

TEST(Examples, AllBecomeContainersThatReadBack) {
  for (const char* name : {"sigmoid.anes", "conv3x3_bias_relu.anes", "softmax.anes"}) {
    const Program program = load_example(name);
    const Result<std::vector<std::uint8_t>> bytes = write_hwx(program);
    ASSERT_TRUE(bytes) << name << bytes.error().to_string();
    const Result<Program> read = read_hwx(Bytes(*bytes));
    ASSERT_TRUE(read) << name << ": " << read.error().to_string();
    EXPECT_EQ(read->procedures[0].tasks, program.procedures[0].tasks) << name;
    EXPECT_TRUE(read->warnings.empty()) << name << read->warnings.front();
    const Result<std::string> text = disassemble(*read);
    ASSERT_TRUE(text) << name;
    const Result<Program> again = assemble(*text, "again.anes");
    ASSERT_TRUE(again) << name << again.error().to_string();
    EXPECT_EQ(write_hwx(*again).value_or(std::vector<std::uint8_t>{}), *bytes) << name;
  }
}

}  // namespace
}  // namespace openane
