// Published readings of an M1 (h13-isa.md 4 and 9, sbryngelson/ane-guide:part-1-machine/03-numerics.md), each through a
// program of one or two tasks.
#include <limits>

#include "target/h13/kernel_pack.h"
#include "workshop.h"

namespace openane {
namespace {

using test::Logical;
using test::Workshop;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Logical row_of(const std::vector<float>& values) {
  Logical row(1, 1, 1, static_cast<std::uint32_t>(values.size()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    row.codes[i] = to_half(values[i]).bits;
  }
  return row;
}

/// A shop with the rows as inputs on slots 4 .. and a result of the same extents on the next slot.
struct Lab {
  Workshop shop;
  Logical shape;
  std::vector<SurfaceView> sources;
  SurfaceView result;

  explicit Lab(const std::vector<Logical>& inputs, const Logical& outcome) : shape(outcome) {
    for (const Logical& input : inputs) {
      SurfaceView view = test::packed_view(0, input);
      std::vector<std::uint8_t> memory(test::bytes_of(view, input));
      test::store(memory, view, input);
      view.slot = shop.add(TensorRole::input, std::move(memory));
      sources.push_back(view);
    }
    result = test::packed_view(0, outcome);
    result.slot = shop.add(TensorRole::output, std::vector<std::uint8_t>(test::bytes_of(result, outcome)));
  }

  std::vector<float> run() {
    const auto done = shop.run();
    EXPECT_TRUE(done) << done.error().to_string();
    std::vector<float> values;
    for (const std::uint16_t code : test::fetch(shop.content(result.slot), result, shape).codes) {
      values.push_back(to_float(Half{code}));
    }
    return values;
  }
};

std::vector<float> planar(const PlanarCompute& compute, const std::vector<float>& x, const std::vector<float>& y = {}) {
  std::vector<Logical> inputs{row_of(x)};
  if (compute.second_enabled) {
    inputs.push_back(row_of(y));
  }
  const bool reduces = compute.form == PlanarForm::unary_reduce;
  Lab lab(inputs, reduces ? Logical(1, 1, 1, 1) : inputs[0]);
  EngineOp op = test::planar_copy(inputs[0]);
  op.compute = compute;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    op.sources[i] = test::surface_source(lab.sources[i]);
  }
  op.result = test::surface_result(lab.result);
  lab.shop.ops = {op};
  return lab.run();
}

PlanarCompute binary(PlanarOp op) {
  PlanarCompute compute;
  compute.form = PlanarForm::binary;
  compute.op = op;
  compute.second_enabled = true;
  return compute;
}

PlanarCompute subtraction() {
  PlanarCompute compute = binary(PlanarOp::add);
  compute.negate_second = true;
  return compute;
}

NeuralCompute table_of(const char* name, Lab& lab, Half post_scale = Half{0x3c00}) {
  const h13::PackedKernel packed = h13::pack_table(*h13::build_table(name), 0);
  lab.shop.constants = packed.bytes;
  NeuralCompute neural;
  neural.unicast = true;
  neural.activation = Activation::table;
  neural.post_scale = post_scale;
  neural.kernel.enabled = true;
  neural.kernel.slot = 1;
  neural.kernel.channels = packed.channels;
  return neural;
}

TEST(PublishedReadings, NanAndInfinityElementwise) {
  const std::vector<float> infinity(1, kInfinity), nan(1, kNan), zero(1, 0.0F), one(1, 1.0F);
  EXPECT_EQ(planar(binary(PlanarOp::add), nan, zero), infinity) << "NaN + 0";
  EXPECT_EQ(planar(binary(PlanarOp::add), infinity, zero), infinity) << "inf + 0";
  EXPECT_EQ(planar(subtraction(), infinity, infinity), zero) << "inf - inf";
  EXPECT_EQ(planar(binary(PlanarOp::mul), zero, infinity), zero) << "0 * inf";
  EXPECT_EQ(planar(binary(PlanarOp::max), nan, one), infinity) << "max(NaN, 1)";
  PlanarCompute relu;
  relu.relu = true;
  EXPECT_EQ(planar(relu, nan), infinity) << "relu(NaN)";
}

TEST(PublishedReadings, DenormalsAndZerosElementwise) {
  std::vector<float> denormals;
  for (std::uint16_t code = 1; code < 0x400; code = static_cast<std::uint16_t>(code + 37)) {
    denormals.push_back(to_float(Half{code}));
  }
  EXPECT_EQ(planar(binary(PlanarOp::add), denormals, std::vector<float>(denormals.size(), 0.0F)), denormals) << "x + 0";
  EXPECT_EQ(planar(binary(PlanarOp::mul), denormals, std::vector<float>(denormals.size(), 1.0F)), denormals) << "x * 1";
  const std::vector<float> sum = planar(binary(PlanarOp::add), {-0.0F}, {0.0F});
  EXPECT_EQ(sum[0], 0);
  EXPECT_FALSE(std::signbit(sum[0])) << "-0 + 0";
}

TEST(PublishedReadings, OverflowElementwise) {
  EXPECT_EQ(planar(binary(PlanarOp::mul), {256, 255.875F}, {256, 255.875F}), (std::vector<float>{kInfinity, 65472}));
  PlanarCompute sum;
  sum.form = PlanarForm::unary_reduce;
  EXPECT_EQ(planar(sum, {65504, 15}), std::vector<float>(1, 65504)) << "a sum rounds to 65504 first";
  EXPECT_EQ(planar(sum, {65504, 16}), std::vector<float>(1, kInfinity)) << "and then overflows";
  EXPECT_EQ(planar(sum, std::vector<float>(2049, 1.0F)), std::vector<float>(1, 2048)) << "half to even";
}

/// log is log2 and a planar scale by ln 2; between the tasks minus infinity becomes -65536.
TEST(PublishedReadings, LogarithmOfZero) {
  const Logical x = row_of({0, -1, 1});
  Lab lab({x}, x);
  EngineOp first = test::neural_copy(x), second = test::planar_copy(x);
  first.compute = table_of("log2", lab);
  first.sources[0] = test::surface_source(lab.sources[0]);
  first.result.place = second.sources[0].place = Place::chained;
  std::get<PlanarCompute>(second.compute).scale = to_float(to_half(0.693147F));
  second.result = test::surface_result(lab.result);
  lab.shop.ops = {first, second};
  EXPECT_EQ(lab.run(), (std::vector<float>{-45440, 0, 0}));
}

TEST(PublishedReadings, TablesOfNan) {
  const std::pair<const char*, float> readings[] = {{"tanh", 1}, {"sigmoid", 1}, {"exp2", kInfinity}};
  for (const auto& [name, value] : readings) {
    const Logical x = row_of({kNan});
    Lab lab({x}, x);
    EngineOp op = test::neural_copy(x);
    op.compute = table_of(name, lab);
    op.sources[0] = test::surface_source(lab.sources[0]);
    op.result = test::surface_result(lab.result);
    lab.shop.ops = {op};
    EXPECT_EQ(lab.run(), std::vector<float>(1, value)) << name;
  }
}

/// The sums of vectors by a matrix product with ones, as the guide's probes do it: K input channels, one output; the
/// vectors lie side by side along W.
std::vector<float> linear_rows(const Logical& x, Half post_scale = Half{0x3c00}) {
  Lab lab({x}, Logical(1, 1, 1, x.width));
  h13::KernelWeights weights;
  weights.outputs = 1;
  weights.inputs = x.channels;
  weights.values.assign(x.channels, Half{0x3c00});
  const auto packed = h13::pack_kernel(weights, {0, 0});
  EXPECT_TRUE(packed);
  lab.shop.constants = packed->bytes;
  NeuralCompute neural;
  neural.mode = NeuralMode::convolution;
  neural.post_scale = post_scale;
  neural.kernel.enabled = true;
  neural.kernel.slot = 1;
  neural.kernel.format = KernelFormat::fp16;
  neural.kernel.channels = packed->channels;
  EngineOp op = test::neural_copy(x);
  op.compute = neural;
  op.output.channels = 1;
  op.sources[0] = test::surface_source(lab.sources[0]);
  op.result = test::surface_result(lab.result);
  lab.shop.ops = {op};
  return lab.run();
}

float linear(const std::vector<float>& terms, Half post_scale = Half{0x3c00}) {
  Logical x(1, static_cast<std::uint32_t>(terms.size()), 1, 1);
  for (std::size_t i = 0; i < terms.size(); ++i) {
    x.codes[i] = to_half(terms[i]).bits;
  }
  return linear_rows(x, post_scale).at(0);
}

std::vector<float> repeat(const std::vector<float>& pattern, int times) {
  std::vector<float> terms;
  for (int i = 0; i < times; ++i) {
    terms.insert(terms.end(), pattern.begin(), pattern.end());
  }
  return terms;
}

TEST(PublishedReadings, MatrixProducts) {
  EXPECT_EQ(linear(repeat({1}, 16000)), 16000);
  for (const float b : {1024.0F, 3000.0F, 4090.0F}) {
    EXPECT_EQ(linear(repeat({b, -b, 1}, 16)), 16) << b;
    EXPECT_EQ(linear(repeat({b, 1, -b}, 16)), 16) << b;
  }
  for (const float b : {4096.0F, 8000.0F, 16000.0F, 30000.0F}) {
    EXPECT_EQ(linear(repeat({b, -b, 1}, 16)), 4) << b;
    EXPECT_EQ(linear(repeat({b, 1, -b}, 16)), 4) << b;
  }
  std::vector<float> terms = repeat({1}, 1025);
  terms[0] = 4096;
  EXPECT_EQ(linear(terms), 5116);
  EXPECT_EQ(linear({16376, 16376}), 32752);
  EXPECT_EQ(linear({16384, 16384}), kInfinity);
  EXPECT_EQ(linear({-16376, -16376}), -32752);
  EXPECT_EQ(linear({-16384, -16384}), -kInfinity);
  EXPECT_EQ(linear({30000, 30000, -30000, -30000}), kInfinity) << "an interior partial sum";
  EXPECT_EQ(linear({60000}), 60000) << "one input channel";
  EXPECT_EQ(linear({0x1p-24F, 0x1p-24F}), 0) << "denormals in a matrix product";
  EXPECT_EQ(linear(repeat({1}, 2049)), 2048) << "half to even";
}

/// "Row zero is invariant across batch sizes", "the same row placed at every position of a batch of sixteen gives
/// sixteen identical outputs": rows of a product lie along W (h13-isa.md 6.1).
TEST(PublishedReadings, BatchesDoNotShow) {
  test::Dice dice(29);
  constexpr std::uint32_t kTerms = 300;
  std::vector<float> row(kTerms);
  for (float& term : row) {
    term = dice.number(-8, 8);
  }
  const float alone = linear(row);
  for (const std::uint32_t batch : {2u, 8u, 16u, 32u, 128u}) {
    for (const std::uint32_t position : {0u, 1u, batch / 2, batch - 1}) {
      Logical x(1, kTerms, 1, batch);
      for (std::uint32_t k = 0; k < kTerms; ++k) {
        for (std::uint32_t m = 0; m < batch; ++m) {
          x.at(0, k, 0, m) = to_half(m == position ? row[k] : dice.number(-8, 8)).bits;
        }
      }
      EXPECT_EQ(linear_rows(x)[position], alone) << "row " << position << " of " << batch;
    }
  }
}

/// allbilly/ane: PostScale 0 makes everything 0, 0xffff (a NaN) makes it infinite.
TEST(PublishedReadings, PostScaleWords) {
  EXPECT_EQ(linear({1, 2}, Half{0}), 0);
  EXPECT_EQ(linear({30000, 30000}, Half{0}), 0) << "a clamped sum";
  EXPECT_EQ(linear({1, 2}, Half{0xffff}), kInfinity);
}

}  // namespace
}  // namespace openane
