// What convolutions do together with their neighbours changes results by rounding at most: an observer, who sees every
// tensor in its plain layout and every activation by itself, sees the outputs that a run without one has. Over random
// nets of convolutions. The number of threads changes not even that.
#include "reference/merging.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "openane/mil_builder.h"
#include "openane/reference.h"
#include "stub_call.h"

namespace openane::reference {
namespace {

using mil::Builder;
using mil::DataType;
using mil::Var;
using test::random_values;

class RandomNet {
 public:
  explicit RandomNet(std::uint64_t seed) : random_(seed) {}

  /// Two convolutions with activations, a residual, a factor, and a last convolution.
  Result<mil::Program> make() {
    const Shape shape{below(3) + 1, pick({3, 16, 20}), below(20) + 1, below(20) + 1};
    Var x = builder_.input("x", mil::Type::tensor(DataType::fp32, shape));
    x = activation(convolution(x, pick({16, 24, 33})));
    if (below(4) == 0) {
      outputs_.push_back(x);  // somebody looks: it stays plain
    }
    x = activation(convolution(x, x.shape()[1]));
    const Var side = activation(pointwise(x, x.shape()[1]));
    x = activation(builder_.mul(builder_.add(x, side), 0.5));
    outputs_.push_back(activation(pointwise(x, pick({8, 40}))));
    return builder_.finish(outputs_);
  }

 private:
  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(bound));
  }
  std::int64_t pick(std::initializer_list<std::int64_t> values) { return values.begin()[below(std::ssize(values))]; }

  Var constant(const Shape& shape) {
    return builder_.constant(DataType::fp32, shape, random_values<float>(shape, random_(), -1, 1));
  }

  /// Of any geometry that leaves a result. As many groups as channels where they are the same: depthwise.
  Var convolution(const Var& x, std::int64_t channels) {
    const bool is_depthwise = x.shape()[1] == channels && below(2) == 0;
    std::vector<std::int64_t> kernel;
    std::vector<std::int64_t> stride;
    std::vector<std::int64_t> dilation;
    std::vector<std::int64_t> pad;
    for (std::size_t axis = 2; axis < 4; ++axis) {
      kernel.push_back(below(4) + 1);
      stride.push_back(below(3) + 1);
      dilation.push_back(below(2) + 1);
      const std::int64_t reach = (kernel.back() - 1) * dilation.back() + 1;
      pad.push_back(below(4));
      pad.push_back(std::max(below(4), reach - x.shape()[axis] - pad.back()));
    }
    const Var weight = constant({channels, is_depthwise ? 1 : x.shape()[1], kernel[0], kernel[1]});
    mil::ConvOptions options{.strides = stride,
                             .pad_type = "custom",
                             .pad = pad,
                             .dilations = dilation,
                             .groups = is_depthwise ? channels : std::int64_t{1}};
    if (below(2) == 0) {
      options.bias = constant({channels});
    }
    return builder_.conv(x, weight, options);
  }

  Var pointwise(const Var& x, std::int64_t channels) {
    return builder_.conv(x, constant({channels, x.shape()[1], 1, 1}), {.bias = constant({channels})});
  }

  Var activation(const Var& x) {
    switch (below(5)) {
      case 0:
        return builder_.relu(x);
      case 1:
        return builder_.relu6(x);
      case 2:
        return builder_.clip(x, -0.5, 1.5);
      case 3:
        return builder_.sigmoid(x);
      default:
        return x;
    }
  }

  std::mt19937_64 random_;
  Builder builder_{"main", "ios17"};
  std::vector<Var> outputs_;
};

struct Ran {
  std::vector<std::vector<float>> outputs;
  MemoryFigures memory;
};

/// On random input, every third time with a NaN in it.
Ran run(const mil::Program& program, std::uint64_t seed, Options options) {
  Ran ran;
  auto session = Session::create(program, mil::Weights(), std::move(options));
  EXPECT_TRUE(session) << session.error().to_string();
  if (!session) {
    return ran;
  }
  const Shape shape = session->inputs()[0].type.shape();
  std::vector<float> x = random_values<float>(shape, seed);
  if (seed % 3 == 0) {
    x[x.size() / 2] = std::numeric_limits<float>::quiet_NaN();
  }
  const std::vector<NamedTensor> inputs{{"x", Tensor::from_floats(shape, x, ElementType::float32)}};
  // Twice: the second time finds everything prepared, and memory that others have written.
  for (int i = 0; i < 2; ++i) {
    const auto outputs = session->run(inputs);
    EXPECT_TRUE(outputs) << outputs.error().to_string();
    ran.outputs.clear();
    for (const Output& output : outputs ? *outputs : std::vector<Output>()) {
      ran.outputs.push_back(output.tensor.to_floats().value_or(std::vector<float>()));
    }
  }
  ran.memory = session->memory();
  return ran;
}

bool is_near(float a, float b, float scale) {
  return std::isnan(a) == std::isnan(b) && (std::isnan(a) || std::fabs(a - b) <= 1e-5F * scale);
}

testing::AssertionResult agree(const Ran& a, const Ran& b) {
  if (a.outputs.empty() || a.outputs.size() != b.outputs.size()) {
    return testing::AssertionFailure() << a.outputs.size() << " and " << b.outputs.size() << " outputs";
  }
  for (std::size_t i = 0; i < a.outputs.size(); ++i) {
    float scale = 1;
    for (const float value : b.outputs[i]) {
      scale = std::isnan(value) ? scale : std::max(scale, std::fabs(value));
    }
    const auto [at, other] =
        std::ranges::mismatch(a.outputs[i], b.outputs[i], [&](float x, float y) { return is_near(x, y, scale); });
    if (at != a.outputs[i].end() || other != b.outputs[i].end()) {
      return testing::AssertionFailure() << "output " << i << " at " << at - a.outputs[i].begin() << ": " << *at
                                         << " and " << *other;
    }
  }
  return testing::AssertionSuccess();
}

bool are_same(const Ran& a, const Ran& b) {
  return std::ranges::equal(a.outputs, b.outputs, [](const auto& x, const auto& y) {
    return std::ranges::equal(x, y, [](float p, float q) { return is_near(p, q, 0); });
  });
}

Options observing(unsigned threads) {
  return {.threads = threads, .observer = [](const Observation&) {}};
}

TEST(Merging, changes_results_by_rounding_at_most) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const auto program = RandomNet(seed).make();
    ASSERT_TRUE(program) << "seed " << seed << ": " << program.error().to_string();
    const Ran merged = run(*program, seed, {.threads = 1});
    const Ran observed = run(*program, seed, observing(1));
    EXPECT_TRUE(agree(merged, observed)) << "seed " << seed;
    EXPECT_LE(merged.memory.unshared_bytes, observed.memory.unshared_bytes) << "seed " << seed;
    EXPECT_TRUE(are_same(merged, run(*program, seed, {.threads = 3}))) << "seed " << seed << ", merged, 3 threads";
    EXPECT_TRUE(are_same(observed, run(*program, seed, observing(3)))) << "seed " << seed << ", observed, 3 threads";
  }
}

mil::Program two_convolutions() {
  Builder b("main", "ios17");
  const Shape weight{16, 16, 3, 3};
  const Var w = b.constant(DataType::fp32, weight, random_values<float>(weight, 1));
  const Var x = b.input("x", mil::Type::tensor(DataType::fp32, {1, 16, 200, 200}));
  const mil::ConvOptions same{.pad_type = "same"};
  return *b.finish({b.relu6(b.conv(b.relu(b.conv(x, w, same)), w, same))});
}

/// Several pieces of rows on one thread.
TEST(Merging, large_results_are_computed_in_pieces) {
  const mil::Program program = two_convolutions();
  const Ran merged = run(program, 1, {.threads = 1});
  const Ran observed = run(program, 1, observing(1));
  EXPECT_TRUE(agree(merged, observed));
  EXPECT_TRUE(are_same(merged, run(program, 1, {.threads = 2})));
}

/// Without an observer there is nothing between a convolution and its activation: half of the tensors.
TEST(Merging, activations_take_no_memory) {
  const mil::Program program = two_convolutions();
  const std::uint64_t tensor = 4ULL * 16 * 200 * 200;
  EXPECT_EQ(run(program, 1, {}).memory.unshared_bytes, tensor);
  EXPECT_EQ(run(program, 1, observing(1)).memory.unshared_bytes, 3 * tensor);
  EXPECT_EQ(run(program, 1, {.precision = Precision::fp64}).memory.unshared_bytes, 3 * 2 * tensor);
  EXPECT_EQ(run(program, 1, {.precision = Precision::fp16}).memory.unshared_bytes, 3 * tensor);
}

}  // namespace
}  // namespace openane::reference
