// Reductions, softmax, cumsum and normalisations: definitions with one index per element, and laws.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "stub_call.h"

namespace openane::reference {
namespace {

using test::array_of;
using test::kPrecision;
using test::random_array;
using test::StubCall;
using test::values_of;

/// Elements of x by the place of the result they go to, for any axes.
template <typename T>
std::map<std::vector<std::int64_t>, std::vector<double>> grouped(const Array& x, const std::vector<bool>& reduced) {
  std::map<std::vector<std::int64_t>, std::vector<double>> groups;
  for (std::int64_t i = 0; i < x.count(); ++i) {
    std::vector<std::int64_t> key;
    std::int64_t rest = i;
    for (std::size_t axis = x.rank(); axis-- > 0; rest /= x.shape()[axis]) {
      if (!reduced[axis]) {
        key.insert(key.begin(), rest % x.shape()[axis]);
      }
    }
    groups[key].push_back(static_cast<double>(x.elements<T>()[static_cast<std::size_t>(i)]));
  }
  return groups;
}

using Values = std::vector<double>;
double sum_by(const Values& v, const std::function<double(double)>& f) {
  return std::accumulate(v.begin(), v.end(), 0.0, [&](double sum, double x) { return sum + f(x); });
}

const std::map<std::string, std::function<double(const Values&)>>& reductions() {
  static const std::map<std::string, std::function<double(const Values&)>> all = {
      {"reduce_sum", [](const Values& v) { return sum_by(v, [](double x) { return x; }); }},
      {"reduce_mean",
       [](const Values& v) { return sum_by(v, [](double x) { return x; }) / static_cast<double>(v.size()); }},
      {"reduce_l1_norm", [](const Values& v) { return sum_by(v, [](double x) { return std::fabs(x); }); }},
      {"reduce_l2_norm", [](const Values& v) { return std::sqrt(sum_by(v, [](double x) { return x * x; })); }},
      {"reduce_sum_square", [](const Values& v) { return sum_by(v, [](double x) { return x * x; }); }},
      {"reduce_log_sum", [](const Values& v) { return std::log(sum_by(v, [](double x) { return x; })); }},
      {"reduce_log_sum_exp", [](const Values& v) { return std::log(sum_by(v, [](double x) { return std::exp(x); })); }},
      {"reduce_prod", [](const Values& v) { return std::accumulate(v.begin(), v.end(), 1.0, std::multiplies<>()); }},
      {"reduce_max", [](const Values& v) { return *std::ranges::max_element(v); }},
      {"reduce_min", [](const Values& v) { return *std::ranges::min_element(v); }},
  };
  return all;
}

template <typename T>
void expect_reductions(double tolerance) {
  std::mt19937_64 random(3);
  for (const auto& [name, f] : reductions()) {
    for (int round = 0; round < 40; ++round) {
      Shape shape(1 + random() % 5);
      std::ranges::generate(shape, [&] { return static_cast<std::int64_t>(1 + random() % 5); });
      const bool is_log = name == "reduce_log_sum";
      const Array x = random_array<T>(shape, random(), is_log ? 1 : -3, 4);
      std::vector<bool> reduced(shape.size(), round % 4 == 0);
      std::vector<std::int32_t> axes;
      for (std::size_t axis = 0; axis < shape.size() && round % 4 != 0; ++axis) {
        if (random() % 2 != 0) {
          reduced[axis] = true;
          axes.push_back(static_cast<std::int32_t>(axis) -
                         (random() % 2 != 0 ? static_cast<std::int32_t>(shape.size()) : 0));
        }
      }
      const bool keep = random() % 2 != 0;
      StubCall call(name, kPrecision<T>);
      call.with("x", x).with_boolean("keep_dims", keep).gives(test::Held<T>::kType);
      if (round % 4 != 0) {
        call.with_integers("axes", axes);
      }
      const Array out = call.result();
      Shape expected_shape;
      for (std::size_t axis = 0; axis < shape.size(); ++axis) {
        if (!reduced[axis] || keep) {
          expected_shape.push_back(reduced[axis] ? 1 : shape[axis]);
        }
      }
      ASSERT_EQ(out.shape(), expected_shape);
      std::size_t i = 0;
      for (const auto& [key, values] : grouped<T>(x, reduced)) {
        double expected = f(values);
        expected = std::same_as<T, std::int32_t> ? std::trunc(expected) : expected;
        ASSERT_NEAR(static_cast<double>(out.elements<T>()[i]), expected, tolerance * (1 + std::fabs(expected)))
            << name << " of " << mil::describe(shape) << " at " << i;
        ++i;
      }
    }
  }
}

TEST(Reduce, Fp32IsTheDefinition) { expect_reductions<float>(1e-6); }
TEST(Reduce, Fp64IsTheDefinition) { expect_reductions<double>(1e-13); }
TEST(Reduce, IntegersLoseTheirFraction) {
  // Products and logarithms of few small integers: nothing wraps around.
  std::mt19937_64 random(4);
  for (const auto& [name, f] : reductions()) {
    const Array x = random_array<std::int32_t>({3, 5}, random(), 1, 9);
    StubCall call(name);
    const Array out = call.with("x", x).with_integers("axes", {1}).gives(mil::DataType::int32).result();
    std::size_t i = 0;
    for (const auto& [key, values] : grouped<std::int32_t>(x, {false, true})) {
      EXPECT_EQ(out.elements<std::int32_t>()[i++], static_cast<std::int32_t>(f(values) + 1e-9)) << name;
    }
  }
}

TEST(Reduce, LargeTensorsInEveryLayout) {
  for (const auto& [shape, axes] : std::vector<std::pair<Shape, std::vector<std::int32_t>>>{
           {{300, 1000}, {0}}, {{300, 1000}, {1}}, {{40, 50, 60}, {0, 2}}, {{40, 50, 60}, {1}}, {{200000}, {0}}}) {
    const Array x = random_array<float>(shape, 8, -1, 1);
    std::vector<bool> reduced(shape.size(), false);
    for (const std::int32_t axis : axes) {
      reduced[static_cast<std::size_t>(axis)] = true;
    }
    const auto groups = grouped<float>(x, reduced);
    for (const char* name : {"reduce_sum", "reduce_max", "reduce_log_sum_exp"}) {
      const Array out = StubCall(name).with("x", x).with_integers("axes", axes).result();
      std::size_t i = 0;
      for (const auto& [key, values] : groups) {
        const double expected = reductions().at(name)(values);
        ASSERT_NEAR(out.elements<float>()[i++], expected, 1e-6 * (1 + std::fabs(expected))) << name;
      }
    }
  }
}

TEST(Reduce, AllAxesAtOnceAreAllAxesOneByOne) {
  const Array x = random_array<double>({3, 4, 5, 6}, 1);
  for (const char* name :
       {"reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "reduce_mean", "reduce_log_sum_exp"}) {
    const double at_once = StubCall(name, Precision::fp64).with("x", x).result().elements<double>()[0];
    Array nested = x;
    for (int axis = 0; axis < 4; ++axis) {
      nested = StubCall(name, Precision::fp64).with("x", nested).with_integers("axes", {0}).result();
    }
    EXPECT_NEAR(nested.elements<double>()[0], at_once, 1e-12 * (1 + std::fabs(at_once))) << name;
  }
}

TEST(Reduce, LogSumExpDoesNotOverflow) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Array x = array_of<float>({4, 2}, {1000, 1000, -1000, -1000, -infinity, -infinity, infinity, 3});
  const auto found = values_of<float>(StubCall("reduce_log_sum_exp").with("x", x).with_integers("axes", {1}).result());
  EXPECT_FLOAT_EQ(found[0], 1000.6931F);
  EXPECT_FLOAT_EQ(found[1], -999.30685F);
  EXPECT_EQ(found[2], -infinity);
  EXPECT_EQ(found[3], infinity);
}

TEST(Reduce, IndexOfTheBest) {
  const Array x = array_of<float>({2, 3, 2}, {1, 9, 5, 2, 5, 9, 4, 4, 4, 1, 0, 7});
  const auto run = [&](const char* name, std::int32_t axis, bool keep) {
    return StubCall(name)
        .with("x", x)
        .with_integer("axis", axis)
        .with_boolean("keep_dims", keep)
        .gives(mil::DataType::int32)
        .result();
  };
  const Array highest = run("reduce_argmax", 1, false);
  EXPECT_EQ(highest.shape(), (Shape{2, 2}));
  EXPECT_EQ(values_of<std::int32_t>(highest), (std::vector<std::int32_t>{1, 0, 0, 2}));
  const Array lowest = run("reduce_argmin", -2, true);
  EXPECT_EQ(lowest.shape(), (Shape{2, 1, 2}));
  EXPECT_EQ(values_of<std::int32_t>(lowest), (std::vector<std::int32_t>{0, 1, 2, 1}));
  EXPECT_EQ(values_of<std::int32_t>(run("reduce_argmax", -1, false)), (std::vector<std::int32_t>{1, 0, 1, 0, 0, 1}));
  EXPECT_FALSE(StubCall("reduce_argmax").with("x", x).with_integer("axis", 3).gives(mil::DataType::int32).run());
}

TEST(Reduce, NothingHasNoExtremum) {
  const Array x = random_array<float>({2, 0}, 1);
  EXPECT_FALSE(StubCall("reduce_max").with("x", x).with_integers("axes", {1}).run());
  EXPECT_EQ(values_of<float>(StubCall("reduce_sum").with("x", x).with_integers("axes", {1}).result()),
            (std::vector<float>{0, 0}));
}

// --- softmax and cumsum

TEST(Softmax, IsTheDefinitionAndSumsToOne) {
  for (const std::int32_t axis : {-1, 0, 1, -2}) {
    const Array x = random_array<float>({3, 7, 37}, 5, -20, 20);
    const Array out = StubCall("softmax").with("x", x).with_integer("axis", axis).result();
    const Array wide =
        StubCall("softmax", Precision::fp64)
            .with("x", array_of<double>(x.shape(), {x.elements<float>().begin(), x.elements<float>().end()}))
            .with_integer("axis", axis)
            .result();
    std::vector<bool> reduced(3, false);
    reduced[static_cast<std::size_t>((axis + 3) % 3)] = true;
    for (const auto& [key, values] : grouped<float>(out, reduced)) {
      EXPECT_NEAR(sum_by(values, [](double v) { return v; }), 1, 1e-6);
    }
    const auto inputs = grouped<float>(x, reduced);
    auto outputs = grouped<double>(wide, reduced);
    for (const auto& [key, values] : inputs) {
      const double total = sum_by(values, [](double v) { return std::exp(v); });
      for (std::size_t i = 0; i < values.size(); ++i) {
        ASSERT_NEAR(outputs[key][i], std::exp(values[i]) / total, 1e-13);
      }
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(out.count()); ++i) {
      const double expected = wide.elements<double>()[i];
      ASSERT_NEAR(out.elements<float>()[i], expected, 3e-7 * expected + 1e-38);
    }
  }
}

TEST(Softmax, LargeAndMinusInfinity) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Array x = array_of<float>({2, 3}, {1000, 1000, -infinity, 3e38F, -3e38F, 0});
  EXPECT_EQ(values_of<float>(StubCall("softmax").with("x", x).result()), (std::vector<float>{0.5F, 0.5F, 0, 1, 0, 0}));
}

TEST(Cumsum, EveryDirection) {
  const Array x = array_of<std::int32_t>({2, 3}, {1, 2, 3, 10, 20, 30});
  const auto run = [&](std::int32_t axis, bool exclusive, bool reverse) {
    return values_of<std::int32_t>(StubCall("cumsum")
                                       .with("x", x)
                                       .with_integer("axis", axis)
                                       .with_boolean("exclusive", exclusive)
                                       .with_boolean("reverse", reverse)
                                       .gives(mil::DataType::int32)
                                       .result());
  };
  using Integers = std::vector<std::int32_t>;
  EXPECT_EQ(run(1, false, false), (Integers{1, 3, 6, 10, 30, 60}));
  EXPECT_EQ(run(1, true, false), (Integers{0, 1, 3, 0, 10, 30}));
  EXPECT_EQ(run(-1, false, true), (Integers{6, 5, 3, 60, 50, 30}));
  EXPECT_EQ(run(1, true, true), (Integers{5, 3, 0, 50, 30, 0}));
  EXPECT_EQ(run(0, false, false), (Integers{1, 2, 3, 11, 22, 33}));
}

// --- normalisations

template <typename Real>
std::vector<double> wide(const Array& array) {
  return {array.elements<Real>().begin(), array.elements<Real>().end()};
}

struct Moments {
  double mean, variance;
};
Moments moments_of(const Values& v) {
  const double mean = sum_by(v, [](double x) { return x; }) / static_cast<double>(v.size());
  return {mean, sum_by(v, [=](double x) { return (x - mean) * (x - mean); }) / static_cast<double>(v.size())};
}

template <typename Real>
void expect_norms_by_channel(double tolerance) {
  for (const Shape& shape : {Shape{2, 3, 5}, Shape{2, 3, 9, 5}, Shape{2, 3, 2, 4, 5}}) {
    const Array x = random_array<Real>(shape, 1, -3, 8);
    const Array gamma = random_array<Real>({3}, 2);
    const Array beta = random_array<Real>({3}, 3);
    const Array mean = random_array<Real>({3}, 4);
    const Array variance = random_array<Real>({3}, 5, 0.5, 3);
    StubCall call("batch_norm", kPrecision<Real>);
    call.with("x", x).with("mean", mean).with("variance", variance).with("gamma", gamma).with("beta", beta);
    const auto batch = wide<Real>(call.with_number("epsilon", 0.125).result());
    StubCall plain("batch_norm", kPrecision<Real>);
    const auto without = wide<Real>(plain.with("x", x).with("mean", mean).with("variance", variance).result());
    StubCall instance("instance_norm", kPrecision<Real>);
    const auto own = wide<Real>(
        instance.with("x", x).with("gamma", gamma).with("beta", beta).with_number("epsilon", 0.125).result());
    const auto values = wide<Real>(x);
    const std::size_t plane = values.size() / 6;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::size_t c = i / plane % 3;
      const double g = gamma.elements<Real>()[c];
      const double b = beta.elements<Real>()[c];
      const double m = mean.elements<Real>()[c];
      const double v = variance.elements<Real>()[c];
      ASSERT_NEAR(batch[i], g * (values[i] - m) / std::sqrt(v + 0.125) + b, tolerance);
      ASSERT_NEAR(without[i], (values[i] - m) / std::sqrt(v + 1e-5), tolerance);
      const std::size_t first = i / plane * plane;
      const Moments moments = moments_of({values.begin() + static_cast<std::ptrdiff_t>(first),
                                          values.begin() + static_cast<std::ptrdiff_t>(first + plane)});
      ASSERT_NEAR(own[i], g * (values[i] - moments.mean) / std::sqrt(moments.variance + 0.125) + b, tolerance);
    }
  }
}

TEST(Norm, ByChannel) {
  expect_norms_by_channel<float>(5e-6);
  expect_norms_by_channel<double>(1e-13);
}

TEST(Norm, LayerNormOverAnyAxes) {
  const Shape shape{3, 4, 5, 6};
  const Array x = random_array<double>(shape, 1, -3, 5);
  for (const std::vector<std::int32_t>& axes :
       std::vector<std::vector<std::int32_t>>{{-1}, {2, 3}, {1}, {0, 2}, {3, 1}, {}}) {
    std::vector<bool> reduced(4, axes.empty());
    for (const std::int32_t axis : axes) {
      reduced[static_cast<std::size_t>((axis + 4) % 4)] = true;
    }
    Shape inner;
    for (std::size_t axis = 0; axis < 4; ++axis) {
      if (reduced[axis]) {
        inner.push_back(shape[axis]);
      }
    }
    const Array gamma = random_array<double>(inner, 2);
    const Array beta = random_array<double>(inner, 3);
    StubCall call("layer_norm", Precision::fp64);
    call.with("x", x).with("gamma", gamma).with("beta", beta).with_number("epsilon", 0.25);
    if (!axes.empty()) {
      call.with_integers("axes", axes);
    }
    auto found = grouped<double>(call.result(), reduced);
    for (const auto& [key, values] : grouped<double>(x, reduced)) {
      const Moments moments = moments_of(values);
      for (std::size_t i = 0; i < values.size(); ++i) {
        const double expected =
            gamma.elements<double>()[i] * (values[i] - moments.mean) / std::sqrt(moments.variance + 0.25) +
            beta.elements<double>()[i];
        ASSERT_NEAR(found[key][i], expected, 1e-12);
      }
    }
  }
}

TEST(Norm, Fp32LayerNormAgreesWithFp64) {
  const Array x = random_array<float>({50, 768}, 9, 99, 101);
  const Array gamma = random_array<float>({768}, 2);
  const Array out = StubCall("layer_norm").with("x", x).with("gamma", gamma).with_integers("axes", {-1}).result();
  StubCall call("layer_norm", Precision::fp64);
  call.with("x", array_of<double>(x.shape(), wide<float>(x)))
      .with("gamma", array_of<double>({768}, wide<float>(gamma)));
  const Array exact = call.with_integers("axes", {-1}).result();
  for (std::size_t i = 0; i < 50 * 768; ++i) {
    ASSERT_NEAR(out.elements<float>()[i], exact.elements<double>()[i], 3e-5);
  }
}

TEST(Norm, L2OverTheLastThreeAxes) {
  for (const Shape& shape : {Shape{2, 3, 4}, Shape{2, 2, 3, 4}, Shape{2, 3, 2, 3, 4}}) {
    const Array x = random_array<float>(shape, 1);
    const auto out = wide<float>(StubCall("l2_norm").with("x", x).with_number("epsilon", 0.5).result());
    const auto values = wide<float>(x);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto first = values.begin() + static_cast<std::ptrdiff_t>(i / 24 * 24);
      const double squares = sum_by({first, first + 24}, [](double v) { return v * v; });
      ASSERT_NEAR(out[i], values[i] / std::sqrt(squares + 0.5), 1e-6);
    }
  }
}

// The values of coremltools' own test of the operation.
TEST(Norm, LocalResponse) {
  const Array x = array_of<float>({1, 3, 2}, {1, -7, 5, -6, -3, -5});
  const auto two = values_of<float>(StubCall("local_response_norm").with("x", x).with_integer("size", 2).result());
  const auto three = values_of<float>(StubCall("local_response_norm").with("x", x).with_integer("size", 3).result());
  const std::vector<float> expected_two = {0.99996257F,  -6.98716545F, 4.99531746F,
                                           -5.99191284F, -2.99898791F, -4.99531746F};
  const std::vector<float> expected_three = {0.99997497F,  -6.99143696F, 4.99687672F,
                                             -5.99460602F, -2.99932504F, -4.99687672F};
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_NEAR(three[i], expected_three[i], 1e-5) << i;
    EXPECT_NEAR(two[i], expected_two[i], 1e-5) << i;
  }
}

TEST(Norm, LocalResponseAcrossChannels) {
  for (const std::int32_t size : {1, 2, 3, 4, 9}) {
    const Array x = random_array<float>({2, 5, 3, 4}, 6, -3, 3);
    StubCall call("local_response_norm");
    call.with("x", x).with_integer("size", size).with_number("alpha", 0.5).with_number("beta", 0.7).with_number("k", 2);
    const auto out = wide<float>(call.result());
    const auto values = wide<float>(x);
    for (std::int64_t i = 0; i < 120; ++i) {
      const std::int64_t channel = i / 12 % 5;
      double squares = 0;
      for (std::int64_t c = channel - size / 2; c < channel - size / 2 + size; ++c) {
        const double value = c < 0 || c > 4 ? 0 : values[static_cast<std::size_t>(i + (c - channel) * 12)];
        squares += value * value;
      }
      const auto at = static_cast<std::size_t>(i);
      ASSERT_NEAR(out[at], values[at] / std::pow(2 + 0.5 / size * squares, 0.7), 1e-6) << size << " at " << i;
    }
  }
}

}  // namespace
}  // namespace openane::reference
