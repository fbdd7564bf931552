// Every real program of the corpus against the function it computes.
#include "support.h"

#include <functional>
#include <limits>

namespace openane {
namespace {

using Row = std::vector<double>;

struct Kernel {
  const char* path;
  std::function<double(double, double)> function;
  float low, high;
  double absolute, relative;  ///< |result - function| <= absolute + relative * |function|
};

constexpr double kHalfStep = 0x1p-11;  ///< Rounding to fp16, relative.

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// Tolerances: the largest errors h13-isa.md 10 gives for each program, with half a unit of their last digit, because
/// they are rounded; rounding to fp16 alone where it says "fp16" or 0.
const Kernel kKernels[] = {
    {"eiln/binary/add.bin", [](double x, double z) { return x + z; }, -4, 4, 0, kHalfStep},
    {"eiln/binary/sub.bin", [](double x, double z) { return x - z; }, -4, 4, 0, kHalfStep},
    {"eiln/binary/mul.bin", [](double x, double z) { return x * z; }, -4, 4, 0x1p-25, kHalfStep},
    {"eiln/binary/max.bin", [](double x, double z) { return std::max(x, z); }, -4, 4, 0, 0},
    {"eiln/binary/min.bin", [](double x, double z) { return std::min(x, z); }, -4, 4, 0, 0},
    {"eiln/unary/abs.bin", [](double x, double) { return std::fabs(x); }, -4, 4, 0, 0},
    {"eiln/unary/square.bin", [](double x, double) { return x * x; }, -4, 4, 0x1p-25, kHalfStep},
    {"eiln/unary/sqrt.bin", [](double x, double) { return std::sqrt(x); }, 0.01F, 100, 0, 0.00095},
    {"eiln/unary/rsqrt.bin", [](double x, double) { return 1 / std::sqrt(x); }, 0.1F, 100, 0, 0.00495},
    {"eiln/unary/inv.bin", [](double x, double) { return 1 / x; }, 0.1F, 100, 0, 0.00255},
    {"eiln/unary/tanh.bin", [](double x, double) { return std::tanh(x); }, -6, 6, 0.00165, 0},
    {"eiln/unary/exp.bin", [](double x, double) { return std::exp(x); }, -4, 4, 0, 0.00235},
    {"eiln/unary/exp2.bin", [](double x, double) { return std::exp2(x); }, -4, 4, 0, 0.00095},
    {"eiln/unary/log2.bin", [](double x, double) { return std::log2(x); }, 0.01F, 100, 0.00225, 0},
    {"eiln/unary/sign.bin", [](double x, double) { return x > 0   ? 1.0
                                                          : x < 0 ? -1.0
                                                                  : 0.0; }, -4, 4, 0, 0},
    {"eiln/unary/sigmoid.bin", [](double x, double) { return sigmoid(x); }, -8, 8, 0.00115, 0},
    {"eiln/activation/relu.bin", [](double x, double) { return std::max(x, 0.0); }, -4, 4, 0, 0},
    {"eiln/activation/relu6.bin", [](double x, double) { return std::clamp(x, 0.0, 6.0); }, -8, 8, 0, 0},
    {"eiln/activation/gelu.bin", [](double x, double) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }, -8, 8,
     0.00625, 0},
    {"eiln/activation/leakyrelu.bin", [](double x, double) { return x > 0 ? x : 0.01 * x; }, -4, 4, 2.5e-5, 0},
    {"eiln/activation/silu.bin", [](double x, double) { return x * sigmoid(x); }, -8, 8, 0.00375, 0},
};

/// Runs a raw kernel at its native size on random inputs.
void check_kernel(const Kernel& kernel, const toml::table& file) {
  const Shape shape{1, 1, 2560, 1600};
  const auto program = test::raw_program(file);
  ASSERT_TRUE(program) << program.error().to_string();
  std::vector<NamedTensor> inputs;
  for (const TensorBinding& tensor : program->procedures[0].tensors) {
    if (tensor.role == TensorRole::input) {
      inputs.push_back({tensor.name, test::random_tensor(shape, kernel.low, kernel.high, tensor.slot)});
    }
  }
  const auto outputs = run_program(*program, inputs);
  ASSERT_TRUE(outputs) << outputs.error().to_string();
  const std::vector<float> x = test::floats(inputs.front().tensor), z = test::floats(inputs.back().tensor);
  const std::vector<float> y = test::floats((*outputs)[0].tensor);
  ASSERT_EQ(x.size(), y.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double expected = kernel.function(x[i], z[i]);
    ASSERT_LE(std::fabs(y[i] - expected), kernel.absolute + kernel.relative * std::fabs(expected))
        << "f(" << x[i] << ", " << z[i] << ") = " << y[i] << ", expected " << expected;
  }
}

TEST(Corpus, RawKernels) {
  OPENANE_NEEDS_CORPUS();
  const std::vector<toml::table> files = test::manifest_files("raw");
  for (const Kernel& kernel : kKernels) {
    SCOPED_TRACE(kernel.path);
    const auto file =
        std::ranges::find(files, kernel.path, [](const toml::table& f) { return f["path"].value_or(std::string()); });
    ASSERT_NE(file, files.end());
    check_kernel(kernel, *file);
  }
}

// ------------------------------------------------------------------------------------------------ softmax

TEST(Corpus, SoftmaxAlongRows) {
  OPENANE_NEEDS_CORPUS();
  const std::vector<toml::table> files = test::manifest_files("raw");
  const auto file = std::ranges::find(files, "eiln/activation/softmax.bin",
                                      [](const toml::table& f) { return f["path"].value_or(std::string()); });
  const auto program = test::raw_program(*file);
  ASSERT_TRUE(program) << program.error().to_string();
  const std::size_t height = 2560, width = 1600;
  std::vector<float> x = test::floats(test::random_tensor({1, 1, 2560, 1600}, -4, 4, 1));
  // The published reading softmax [1000, 1, 2, 3] = [1, 0, 0, 0], in a row whose other lanes are far below.
  std::fill_n(x.begin(), width, -1000.0F);
  x[0] = 1000;
  x[1] = 1;
  x[2] = 2;
  x[3] = 3;
  // "A softmax of a lane holding a NaN puts all the mass on that lane"; four equal values give four quarters.
  x[width + 7] = std::numeric_limits<float>::quiet_NaN();
  std::fill_n(x.begin() + 2 * width, width, -1000.0F);
  std::fill_n(x.begin() + 2 * width + 20, 4, 2.5F);
  const std::vector<NamedTensor> inputs(
      1, NamedTensor{"x0", Tensor::from_floats({1, 1, 2560, 1600}, x, ElementType::float16)});
  const auto outputs = run_program(*program, inputs);
  ASSERT_TRUE(outputs) << outputs.error().to_string();
  const std::vector<float> y = test::floats((*outputs)[0].tensor);
  EXPECT_EQ(y[0], 1.0F);
  EXPECT_EQ(std::vector<float>(y.begin() + 1, y.begin() + 4), std::vector<float>(3, 0.0F));
  for (std::size_t i = 0; i < width; ++i) {
    EXPECT_EQ(y[width + i], i == 7 ? 1.0F : 0.0F) << "beside a NaN, column " << i;
    EXPECT_EQ(y[2 * width + i], i >= 20 && i < 24 ? 0.25F : 0.0F) << "four equal values, column " << i;
  }
  const std::vector<float> seen = test::floats(inputs[0].tensor);
  for (std::size_t row = 3; row < height; ++row) {
    double sum = 0;
    for (std::size_t i = row * width; i < (row + 1) * width; ++i) {
      sum += std::exp(double{seen[i]});
    }
    for (std::size_t i = row * width; i < (row + 1) * width; ++i) {
      const double expected = std::exp(double{seen[i]}) / sum;
      ASSERT_LE(std::fabs(y[i] - expected), 0.00185 * expected + 6.5e-6) << "row " << row << ", column " << i % width;
    }
  }
}

// ------------------------------------------------------------------------------------------------ HWX

Program load_program(const std::string& path) {
  const Bytes bytes = test::load((test::corpus_folder() / "hwx" / path).string());
  auto program = path.ends_with(".ane") ? read_anec(bytes) : read_hwx(bytes);
  EXPECT_TRUE(program) << path << ": " << program.error().to_string();
  return program ? *std::move(program) : Program{};
}

struct Fill {
  std::uint32_t slot;
  std::vector<float> values;  ///< The first elements; the last of them repeats.
};

/// The output of a program whose inputs are filled with numbers.
std::vector<float> run_filled(const std::string& path, const std::vector<Fill>& fills) {
  const Program program = load_program(path);
  std::vector<NamedTensor> inputs;
  for (const Fill& fill : fills) {
    const TensorBinding* tensor = program.procedures.at(0).find_slot(fill.slot);
    if (tensor == nullptr) {
      ADD_FAILURE() << path << ": no tensor in slot " << fill.slot;
      return {};
    }
    const SurfaceShape& shape = tensor->layout.shape;
    std::vector<float> values(static_cast<std::size_t>(shape.n * shape.c * shape.h * shape.w), fill.values.back());
    std::ranges::copy(fill.values, values.begin());
    inputs.push_back(
        {tensor->name, Tensor::from_floats({shape.n, shape.c, shape.h, shape.w}, values, ElementType::float16)});
  }
  const auto outputs = run_program(program, inputs);
  EXPECT_TRUE(outputs) << path << ": " << outputs.error().to_string();
  return outputs ? test::floats(outputs->at(0).tensor) : std::vector<float>{};
}

std::vector<float> times(std::size_t count, float value) { return std::vector<float>(count, value); }

/// Readings from real engines: the files' manifest entries and h13-isa.md 10. Each program as HWX and as ANEC.
TEST(PublishedReadings, Programs) {
  OPENANE_NEEDS_CORPUS();
  for (const char* path : {"tinygrad/sum.hwx", "allbilly/tinygrad/sum.ane"}) {
    EXPECT_EQ(run_filled(path, {{6, {1}}, {5, {2}}}), times(64, 3)) << path;
  }
  std::vector<float> relu = times(77, 5);
  relu[0] = 0;
  for (const char* path : {"tinygrad/relu.hwx", "allbilly/tinygrad/relu.ane"}) {
    EXPECT_EQ(run_filled(path, {{5, {3}}}), times(77, 3)) << path;
    EXPECT_EQ(run_filled(path, {{5, {-3, 5}}}), relu) << path;
    EXPECT_EQ(run_filled(path, {{5, {NAN}}}), times(77, INFINITY)) << path;
  }
  for (const char* path : {"tinygrad/sigmoid.hwx", "allbilly/tinygrad/sigmoid.ane"}) {
    EXPECT_EQ(run_filled(path, {{5, {3}}}), times(77, 0.95263671875F)) << path;
    EXPECT_EQ(run_filled(path, {{5, {NAN}}}), times(77, 1)) << path;
  }
  for (const char* path : {"tinygrad/conv.hwx", "allbilly/tinygrad/conv.ane"}) {
    EXPECT_EQ(run_filled(path, {{5, {3}}}), times(3, 18)) << path;
    // The same page also gives 12, 6, 12 for this one; see docs/deviations.md.
    EXPECT_EQ(run_filled(path, {{5, {1, 2, 3}}}), times(3, 12)) << path;
  }
  EXPECT_EQ(run_filled("tinygrad/model.hwx.golden", {{5, {1, 2, 3}}}), times(3, 18));
  for (const char* path : {"tinygrad/gemm.hwx", "allbilly/tinygrad/gemm.ane"}) {
    EXPECT_EQ(run_filled(path, {{5, {1, -2, 7}}}), times(512, 0)) << path;
  }
  std::vector<float> ones = times(257, 1);
  ones[256] = 0;
  EXPECT_EQ(run_filled("allbilly/tinygrad/gemm_nz.hwx", {{5, ones}}), times(512, 128));
  std::vector<float> joined = times(16400, 2);
  std::fill(joined.begin() + 16384, joined.end(), 3.0F);
  for (const char* path : {"tinygrad/concat.hwx", "allbilly/tinygrad/concat_nz.hwx", "allbilly/tinygrad/concat.ane"}) {
    EXPECT_EQ(run_filled(path, {{6, {2}}, {5, {3}}}), joined) << path;
  }
  for (const char* path : {"allbilly/mul.hwx", "allbilly/mul.ane"}) {
    EXPECT_EQ(run_filled(path, {{5, {3}}, {6, {2}}}), times(64, 6)) << path;
  }
  EXPECT_EQ(run_filled("allbilly/mul_macos14.hwx", {{4, {3}}, {5, {2}}}), times(64, 6));
}

/// The file that is wrong on purpose: its task writes slot 6, which its header declares as an input.
TEST(Corpus, TheWrongFileIsRefused) {
  OPENANE_NEEDS_CORPUS();
  const Program program = load_program("allbilly/mul_macos14.ane");
  const auto emulator = Emulator::create(program);
  ASSERT_FALSE(emulator);
  EXPECT_EQ(emulator.error().category, ErrorCategory::malformed_input);
  EXPECT_NE(emulator.error().message.find("task 0: the result goes to slot 6"), std::string::npos)
      << emulator.error().message;
}

/// Every matrix product of the corpus files on random numbers: all weights are 0.5.
TEST(Corpus, MatrixProductOfRandomNumbers) {
  OPENANE_NEEDS_CORPUS();
  const Program program = load_program("allbilly/tinygrad/gemm_nz.hwx");
  const std::vector<NamedTensor> inputs(1, NamedTensor{"image", test::random_tensor({1, 512, 1, 1}, -1, 1, 7)});
  double expected = 0, magnitude = 0;
  for (const float x : test::floats(inputs[0].tensor)) {
    expected += 0.5 * double{x};
    magnitude += 0.5 * std::fabs(double{x});
  }
  for (const Numerics numerics : {Numerics::ideal, Numerics::h13}) {
    EmulatorOptions options;
    options.numerics = numerics;
    const auto outputs = run_program(program, inputs, options);
    ASSERT_TRUE(outputs) << outputs.error().to_string();
    const double slack = magnitude * (numerics == Numerics::ideal ? 0x1p-20 : 0x1p-11);
    for (const float y : test::floats(outputs->at(0).tensor)) {
      EXPECT_NEAR(double{y}, expected, slack + std::fabs(expected) * 0x1p-11) << to_string(numerics);
    }
  }
}

}  // namespace
}  // namespace openane
