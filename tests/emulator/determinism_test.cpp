// The same bits for every number of threads and every SIMD target, and what a trace shows.
#include "hwy/highway.h"
#include "target/h13/kernel_pack.h"
#include "workshop.h"

namespace openane {
namespace {

using test::Logical;
using test::Workshop;

/// A chain through every path: sums over pixels, a convolution, channel sums, a table, offset and gain.
Workshop make_chain(std::uint32_t seed) {
  test::Dice dice(seed);
  Workshop shop;
  Logical x(1, 24, 20, 150);
  for (std::uint16_t& code : x.codes) {
    code = to_half(dice.number(-3, 3)).bits;
  }
  const SurfaceView source = test::packed_view(4, x);
  std::vector<std::uint8_t> memory(test::bytes_of(source, x));
  test::store(memory, source, x);
  shop.add(TensorRole::input, std::move(memory));

  const auto add_result = [&](const Logical& shape) {
    const SurfaceView view = test::packed_view(0, shape);
    SurfaceView placed = view;
    placed.slot = shop.add(TensorRole::output, std::vector<std::uint8_t>(test::bytes_of(view, shape)));
    return placed;
  };

  EngineOp sums = test::planar_copy(x);
  PlanarCompute mean;
  mean.form = PlanarForm::unary_reduce;
  mean.final_scale = 1.0F / 3000;
  mean.op = PlanarOp::square;
  sums.compute = mean;
  sums.sources[0] = test::surface_source(source);
  sums.result = test::surface_result(add_result(Logical(1, 24, 1, 1)));

  h13::KernelWeights weights;
  weights.outputs = 32;
  weights.inputs = 24;
  weights.height = weights.width = 3;
  weights.table = *h13::build_table("sigmoid");
  weights.values.resize(32 * 24 * 9);
  for (Half& value : weights.values) {
    value = to_half(dice.number(-0.2F, 0.2F));
  }
  const auto packed = h13::pack_kernel(weights, {1, 4});
  EXPECT_TRUE(packed) << packed.error().to_string();
  shop.constants = packed->bytes;
  EngineOp convolution = test::neural_copy(x);
  NeuralCompute neural;
  neural.mode = NeuralMode::convolution;
  neural.window = {3, 3, 1, 1, 1, 1};
  neural.activation = Activation::table;
  neural.kernel.enabled = true;
  neural.kernel.slot = 1;
  neural.kernel.format = KernelFormat::fp16;
  neural.kernel.channels = packed->channels;
  neural.kernel.lanes_log2 = packed->lanes_log2;
  neural.kernel.engines_log2 = packed->engines_log2;
  convolution.compute = neural;
  convolution.output.channels = 32;
  convolution.sources[0] = test::surface_source(source);
  const SurfaceView convolved = add_result(Logical(1, 32, 20, 150));
  convolution.result = test::surface_result(convolved);

  EngineOp channels = test::neural_copy(Logical(1, 32, 20, 150));
  NeuralCompute sum;
  sum.mode = NeuralMode::sum;
  channels.compute = sum;
  channels.output.channels = 1;
  channels.sources[0] = test::surface_source(convolved);
  channels.result = test::surface_result(add_result(Logical(1, 1, 20, 150)));
  shop.ops = {sums, convolution, channels};
  return shop;
}

std::vector<std::vector<std::uint8_t>> results_of(Workshop shop, const EmulatorOptions& options) {
  const auto done = shop.run(options);
  EXPECT_TRUE(done) << done.error().to_string();
  return {shop.content(5), shop.content(6), shop.content(7)};
}

TEST(Determinism, ThreadsDoNotShow) {
  for (const Numerics numerics : {Numerics::h13, Numerics::ideal}) {
    const Workshop shop = make_chain(1);
    EmulatorOptions options;
    options.numerics = numerics;
    options.threads = 1;
    const auto expected = results_of(shop, options);
    for (const unsigned threads : {2u, 3u}) {
      options.threads = threads;
      EXPECT_EQ(results_of(shop, options), expected) << threads << " threads, " << to_string(numerics);
    }
  }
}

TEST(Determinism, SimdTargetsDoNotShow) {
  const Workshop shop = make_chain(2);
  for (const Numerics numerics : {Numerics::h13, Numerics::ideal}) {
    EmulatorOptions options;
    options.numerics = numerics;
    options.threads = 2;
    const auto expected = results_of(shop, options);
    const std::int64_t supported = hwy::SupportedTargets();
    for (std::int64_t rest = supported; rest != 0; rest &= rest - 1) {
      hwy::SetSupportedTargetsForTest(rest & -rest);
      EXPECT_EQ(results_of(shop, options), expected) << hwy::TargetName(rest & -rest) << ", " << to_string(numerics);
    }
    hwy::SetSupportedTargetsForTest(0);
  }
}

TEST(Trace, ShowsEveryTaskWithItsTensors) {
  Workshop shop = make_chain(3);
  EmulatorOptions options;
  std::vector<TraceStep> steps;
  std::vector<std::pair<std::size_t, std::size_t>> progress;
  options.trace = [&](const TraceStep& step) { steps.push_back(step); };
  options.progress = [&](std::size_t task, std::size_t count) { progress.emplace_back(task, count); };
  const auto expected = results_of(shop, {});
  EXPECT_EQ(results_of(shop, options), expected) << "tracing changes nothing";
  EXPECT_EQ(progress, (std::vector<std::pair<std::size_t, std::size_t>>{{0, 3}, {1, 3}, {2, 3}}));
  ASSERT_EQ(steps.size(), 3u);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    EXPECT_EQ(steps[i].task, i);
    ASSERT_EQ(steps[i].tensors.size(), 2u);
    EXPECT_EQ(steps[i].tensors[0].label, "source 1");
    EXPECT_EQ(steps[i].tensors[1].label, "result");
    EXPECT_GE(steps[i].seconds, 0);
  }
  EXPECT_EQ(steps[0].tensors[1].tensor.shape, (Shape{1, 24, 1, 1}));
  EXPECT_EQ(steps[1].tensors[0].tensor.shape, (Shape{1, 24, 20, 150}));
  const TensorStatistics& sigmoid = steps[1].tensors[1].statistics;
  EXPECT_EQ(sigmoid.count, 32u * 20 * 150);
  EXPECT_EQ(sigmoid.nan + sigmoid.infinite, 0u);
  EXPECT_GE(sigmoid.minimum, 0);
  EXPECT_LE(sigmoid.maximum, 1);
  EXPECT_NEAR(sigmoid.mean, 0.5, 0.2);
}

TEST(Trace, CountsWhatIsNotFinite) {
  const Logical x(1, 1, 1, 4);
  Workshop shop;
  const SurfaceView source = test::packed_view(4, x);
  Logical values = x;
  values.codes = {0x7c00, 0x7e00, 0x3c00, 0xc000};
  std::vector<std::uint8_t> memory(test::bytes_of(source, x));
  test::store(memory, source, values);
  shop.add(TensorRole::input, std::move(memory));
  SurfaceView result = source;
  result.slot = shop.add(TensorRole::output, std::vector<std::uint8_t>(test::bytes_of(source, x)));
  EngineOp op = test::planar_copy(x);
  op.sources[0] = test::surface_source(source);
  op.result = test::surface_result(result);
  shop.ops = {op};
  EmulatorOptions options;
  TensorStatistics seen;
  options.trace = [&](const TraceStep& step) { seen = step.tensors.at(0).statistics; };
  ASSERT_TRUE(shop.run(options));
  EXPECT_EQ(seen.count, 4u);
  EXPECT_EQ(seen.nan, 1u);
  EXPECT_EQ(seen.infinite, 1u);
  EXPECT_EQ(seen.minimum, -2);
  EXPECT_EQ(seen.maximum, 1);
  EXPECT_EQ(seen.mean, -0.5);
}

}  // namespace
}  // namespace openane
