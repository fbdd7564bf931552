// Elementwise kernels against the C library in long double, against definitions written out with one index per
// element, and against values NumPy gives.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "stub_call.h"

namespace openane::reference {
namespace {

using test::array_of;
using test::kPrecision;
using test::random_array;
using test::random_values;
using test::StubCall;
using test::values_of;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// Distance of a result from the true value, in units of the last place of fp32.
double ulps(float found, long double expected) {
  if (std::isnan(found) || std::isnan(expected)) {
    return std::isnan(found) && std::isnan(expected) ? 0 : 1e9;
  }
  const auto nearest = static_cast<float>(expected);
  if (std::isinf(nearest) || std::isinf(found)) {
    return nearest == found ? 0 : 1e9;
  }
  const long double unit =
      std::max(std::ldexp(1.0L, std::ilogb(std::max(std::fabs(nearest), 0x1p-126F)) - 23), 0x1p-149L);
  return static_cast<double>(std::fabs(found - expected) / unit);
}

struct Function {
  const char* name;
  std::function<long double(long double)> value;
  double low = -10;
  double high = 10;
  std::map<std::string, double> numbers = {};
  const char* mode = nullptr;
};

const long double kRootOf2 = std::sqrt(2.0L);

std::vector<Function> functions() {
  const auto sigmoid = [](long double x) { return 1 / (1 + std::exp(-x)); };
  return {
      {"abs", [](long double x) { return std::fabs(x); }},
      {"acos", [](long double x) { return std::acos(x); }, -1, 1},
      {"asin", [](long double x) { return std::asin(x); }, -1, 1},
      {"atan", [](long double x) { return std::atan(x); }},
      {"atanh", [](long double x) { return std::atanh(x); }, -1, 1},
      {"ceil", [](long double x) { return std::ceil(x); }},
      {"cos", [](long double x) { return std::cos(x); }},
      {"cosh", [](long double x) { return std::cosh(x); }},
      {"erf", [](long double x) { return std::erf(x); }, -5, 5},
      {"exp", [](long double x) { return std::exp(x); }, -105, 90},
      {"exp2", [](long double x) { return std::exp2(x); }, -150, 128},
      {"floor", [](long double x) { return std::floor(x); }},
      {"inverse", [](long double x) { return 1 / (x + 1); }, 0, 10, {{"epsilon", 1}}},
      {"log", [](long double x) { return std::log(x); }, 0, 1000, {{"epsilon", 0}}},
      {"round", [](long double x) { return std::nearbyint(x); }},
      {"rsqrt", [](long double x) { return 1 / std::sqrt(x); }, 0, 100, {{"epsilon", 0}}},
      {"sign", [](long double x) { return x > 0   ? 1.0L
                                          : x < 0 ? -1.0L
                                                  : 0.0L; }},
      {"sin", [](long double x) { return std::sin(x); }},
      {"sinh", [](long double x) { return std::sinh(x); }},
      {"sqrt", [](long double x) { return std::sqrt(x); }, 0, 100},
      {"square", [](long double x) { return x * x; }},
      {"tan", [](long double x) { return std::tan(x); }},
      {"tanh", [](long double x) { return std::tanh(x); }},
      {"clip", [](long double x) { return std::clamp(x, -1.5L, 2.0L); }, -5, 5, {{"alpha", -1.5}, {"beta", 2}}},
      {"threshold", [](long double x) { return std::max(x, 0.25L); }, -5, 5, {{"alpha", 0.25}}},
      {"clamped_relu",
       [](long double x) { return std::min(x < 0 ? 0.5L * x : x, 3.0L); },
       -5,
       5,
       {{"alpha", 0.5}, {"beta", 3}}},
      {"elu", [](long double x) { return x < 0 ? 0.5L * std::expm1(x) : x; }, -8, 5, {{"alpha", 0.5}}},
      {"leaky_relu", [](long double x) { return x < 0 ? 0.25L * x : x; }, -5, 5, {{"alpha", 0.25}}},
      {"linear_activation", [](long double x) { return 2 * x - 1; }, 1, 5, {{"alpha", 2}, {"beta", -1}}},
      {"relu", [](long double x) { return std::max(x, 0.0L); }},
      {"relu6", [](long double x) { return std::clamp(x, 0.0L, 6.0L); }},
      {"scaled_tanh", [](long double x) { return 1.5L * std::tanh(0.5L * x); }, -9, 9, {{"alpha", 1.5}, {"beta", 0.5}}},
      {"sigmoid", sigmoid, -110, 110},
      {"sigmoid_hard",
       [](long double x) { return std::clamp(0.25L * x + 0.5L, 0.0L, 1.0L); },
       -1,
       9,
       {{"alpha", 0.25}, {"beta", 0.5}}},
      {"silu", [=](long double x) { return x * sigmoid(x); }, -110, 20},
      {"softplus", [](long double x) { return std::log1p(std::exp(x)); }, -105, 50},
      {"softsign", [](long double x) { return x / (1 + std::fabs(x)); }},
      {"thresholded_relu", [](long double x) { return x >= 0.5L ? x : 0; }, -2, 2, {{"alpha", 0.5}}},
      {"gelu", [](long double x) { return 0.5L * x * std::erfc(-x / kRootOf2); }, -14, 14, {}, "EXACT"},
      {"gelu", [=](long double x) { return x * sigmoid(1.702L * x); }, -60, 14, {}, "SIGMOID_APPROXIMATION"},
      {"gelu",
       [=](long double x) { return x * sigmoid(2 * std::sqrt(2 / std::acos(-1.0L)) * (x + 0.044715L * x * x * x)); },
       -9,
       14,
       {},
       "TANH_APPROXIMATION"},
  };
}

template <typename Real>
Array evaluate_function(const Function& function, const Array& x) {
  StubCall call(function.name, kPrecision<Real>);
  call.with("x", x);
  for (const auto& [name, value] : function.numbers) {
    call.with_number(name, value);
  }
  if (function.mode != nullptr) {
    call.with("mode", function.mode);
  }
  return call.result();
}

TEST(Unary, WithinTwoUlpOfTheTrueValue) {
  std::uint64_t seed = 1;
  for (const Function& function : functions()) {
    for (const std::int64_t count : {3, 7001, 150000}) {
      const auto x = random_values<float>({count}, ++seed, function.low, function.high);
      const auto y = values_of<float>(evaluate_function<float>(function, array_of<float>({count}, x)));
      double worst = 0;
      float at = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double distance = ulps(y[i], function.value(static_cast<long double>(x[i])));
        if (distance > worst) {
          worst = distance;
          at = x[i];
        }
      }
      EXPECT_LE(worst, 2) << function.name << " of " << at << ", " << count << " elements";
    }
  }
}

TEST(Unary, Fp64AgreesWithLongDouble) {
  for (const Function& function : functions()) {
    const auto x = random_values<double>({501}, 5, function.low, function.high);
    const auto y = values_of<double>(evaluate_function<double>(function, array_of<double>({501}, x)));
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto expected = static_cast<double>(function.value(x[i]));
      EXPECT_NEAR(y[i], expected, std::max(std::fabs(expected), 1e-300) * 4e-14) << function.name << " of " << x[i];
    }
  }
}

TEST(Unary, InfinitiesAndNaN) {
  const auto x = array_of<float>({4}, {-kInfinity, kInfinity, kNaN, -0.0F});
  const std::map<std::string, std::vector<float>> expected = {
      {"exp", {0, kInfinity, kNaN, 1}},
      {"tanh", {-1, 1, kNaN, 0}},
      {"erf", {-1, 1, kNaN, 0}},
      {"sigmoid", {0, 1, kNaN, 0.5F}},
      {"silu", {0, kInfinity, kNaN, 0}},
      {"gelu", {0, kInfinity, kNaN, 0}},
      {"softplus", {0, kInfinity, kNaN, std::log(2.0F)}},
      {"relu", {0, kInfinity, kNaN, 0}},
      {"relu6", {0, 6, kNaN, 0}},
      {"softsign", {-1, 1, kNaN, 0}},
      {"sign", {-1, 1, kNaN, 0}},
  };
  for (const auto& [name, values] : expected) {
    const auto found = values_of<float>(StubCall(name).with("x", x).result());
    for (std::size_t i = 0; i < values.size(); ++i) {
      EXPECT_TRUE(std::isnan(values[i]) ? std::isnan(found[i]) : found[i] == values[i])
          << name << " of element " << i << ": " << found[i];
    }
  }
}

TEST(Unary, TiesRoundToEven) {
  const auto x = array_of<float>({6}, {0.5F, 1.5F, 2.5F, -0.5F, -1.5F, -2.5F});
  EXPECT_EQ(values_of<float>(StubCall("round").with("x", x).result()), (std::vector<float>{0, 2, 2, 0, -2, -2}));
}

TEST(Unary, Integers) {
  constexpr std::int32_t kLowest = std::numeric_limits<std::int32_t>::min();
  const auto x = array_of<std::int32_t>({5}, {-3, 0, 5, kLowest, 46341});
  const auto run = [&](StubCall call) {
    return values_of<std::int32_t>(call.with("x", x).gives(mil::DataType::int32).result());
  };
  EXPECT_EQ(run(StubCall("abs")), (std::vector<std::int32_t>{3, 0, 5, kLowest, 46341}));
  EXPECT_EQ(run(StubCall("sign")), (std::vector<std::int32_t>{-1, 0, 1, -1, 1}));
  EXPECT_EQ(run(StubCall("square")), (std::vector<std::int32_t>{9, 0, 25, 0, -2147479015}));
  EXPECT_EQ(run(StubCall("exp2")), (std::vector<std::int32_t>{0, 1, 32, 0, 2147483647}));
  EXPECT_EQ(run(StubCall("threshold").with_integer("alpha", 2)), (std::vector<std::int32_t>{2, 2, 5, 2, 46341}));
}

TEST(Unary, DefaultEpsilonIsAnElementOfX) {
  const auto at_zero = [](const char* name, mil::DataType type) {
    return values_of<float>(StubCall(name).with("x", array_of<float>({1}, {0}, type)).gives(type).result())[0];
  };
  EXPECT_FLOAT_EQ(at_zero("log", mil::DataType::fp32), -103.27893F);
  EXPECT_EQ(at_zero("log", mil::DataType::fp16), -kInfinity);
  EXPECT_FLOAT_EQ(at_zero("rsqrt", mil::DataType::fp32), 1e6F);
  EXPECT_EQ(at_zero("rsqrt", mil::DataType::fp16), kInfinity);
  EXPECT_FLOAT_EQ(at_zero("inverse", mil::DataType::fp32), 1e4F);
}

TEST(Activation, ParametersByChannel) {
  const Array x = random_array<float>({2, 3, 5, 4}, 3);
  const auto alpha = array_of<float>({3}, {0.5F, -1, 2});
  const auto beta = array_of<float>({3}, {1, 0.5F, -2});
  const auto in = values_of<float>(x);
  const auto sloped = values_of<float>(StubCall("prelu").with("x", x).with("alpha", alpha).result());
  const auto soft =
      values_of<float>(StubCall("softplus_parametric").with("x", x).with("alpha", alpha).with("beta", beta).result());
  for (std::size_t i = 0; i < in.size(); ++i) {
    const std::size_t channel = i / 20 % 3;
    const float a = alpha.elements<float>()[channel];
    EXPECT_EQ(sloped[i], in[i] < 0 ? in[i] * a : in[i]);
    EXPECT_NEAR(soft[i], a * std::log(1 + std::exp(beta.elements<float>()[channel] * in[i])), 1e-6);
  }
  EXPECT_FALSE(StubCall("prelu").with("x", x).with("alpha", array_of<float>({2}, {1, 2})).run());
}

TEST(Activation, UnknownGeluModeIsRefused) {
  const auto done = StubCall("gelu").with("x", array_of<float>({1}, {0})).with("mode", "FAST").run();
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("FAST"), std::string::npos);
}

// --- broadcasting

Shape random_shape(std::mt19937_64& random, std::size_t rank) {
  Shape shape(rank);
  std::ranges::generate(shape, [&] { return static_cast<std::int64_t>(1 + random() % 5); });
  return shape;
}

/// A shape that broadcasts to (part of) `shape`: trailing axes of it, some of extent 1.
Shape operand_of(const Shape& shape, std::mt19937_64& random) {
  Shape operand(shape.begin() + static_cast<std::ptrdiff_t>(random() % (shape.size() + 1)), shape.end());
  for (std::int64_t& extent : operand) {
    extent = random() % 3 == 0 ? 1 : extent;
  }
  return operand;
}

/// Where element `index` of the result comes from: coordinates one by one.
std::size_t source_of(std::size_t index, const Shape& result, const Shape& operand) {
  std::size_t at = 0;
  std::size_t stride = 1;
  for (std::size_t i = 1; i <= result.size(); ++i) {
    const auto coordinate = index % static_cast<std::size_t>(result[result.size() - i]);
    index /= static_cast<std::size_t>(result[result.size() - i]);
    if (i <= operand.size()) {
      const auto extent = static_cast<std::size_t>(operand[operand.size() - i]);
      at += extent == 1 ? 0 : coordinate * stride;
      stride *= extent;
    }
  }
  return at;
}

template <typename T, typename Out>
void expect_binary(const char* name, std::function<Out(T, T)> f, double low, double high) {
  std::mt19937_64 random(99);
  for (int round = 0; round < 40; ++round) {
    const Shape full = random_shape(random, static_cast<std::size_t>(round) % 6);
    const Shape left = operand_of(full, random);
    const Shape right = operand_of(full, random);
    const Array x = random_array<T>(left, random(), low, high);
    const Array y = random_array<T>(right, random(), low, high);
    StubCall call(name, kPrecision<T>);
    const Array out = call.with("x", x).with("y", y).gives(test::Held<Out>::kType).result();
    const auto shape = mil::broadcast(left, right);
    ASSERT_TRUE(shape);
    ASSERT_EQ(out.shape(), *shape);
    for (std::size_t i = 0; i < static_cast<std::size_t>(out.count()); ++i) {
      const Out expected = f(x.elements<T>()[source_of(i, *shape, left)], y.elements<T>()[source_of(i, *shape, right)]);
      ASSERT_EQ(out.elements<Out>()[i], expected)
          << name << " element " << i << " of " << mil::describe(left) << " and " << mil::describe(right);
    }
  }
}

template <typename T>
void expect_all_binary() {
  expect_binary<T, T>("add", [](T x, T y) { return x + y; }, -9, 9);
  expect_binary<T, T>("sub", [](T x, T y) { return x - y; }, -9, 9);
  expect_binary<T, T>("mul", [](T x, T y) { return x * y; }, -9, 9);
  expect_binary<T, T>("maximum", [](T x, T y) { return std::max(x, y); }, -9, 9);
  expect_binary<T, T>("minimum", [](T x, T y) { return std::min(x, y); }, -9, 9);
  expect_binary<T, T>("real_div", [](T x, T y) { return x / y; }, 1, 9);
  expect_binary<T, T>("pow", [](T x, T y) { return static_cast<T>(std::pow(x, y)); }, 1, 5);
  expect_binary<T, std::uint8_t>("equal", [](T x, T y) { return x == y; }, -3, 3);
  expect_binary<T, std::uint8_t>("not_equal", [](T x, T y) { return x != y; }, -3, 3);
  expect_binary<T, std::uint8_t>("less", [](T x, T y) { return x < y; }, -3, 3);
  expect_binary<T, std::uint8_t>("less_equal", [](T x, T y) { return x <= y; }, -3, 3);
  expect_binary<T, std::uint8_t>("greater", [](T x, T y) { return x > y; }, -3, 3);
  expect_binary<T, std::uint8_t>("greater_equal", [](T x, T y) { return x >= y; }, -3, 3);
}

TEST(Binary, BroadcastingOfFp32) { expect_all_binary<float>(); }
TEST(Binary, BroadcastingOfIntegers) { expect_all_binary<std::int32_t>(); }
TEST(Binary, BroadcastingOfBooleans) {
  using Bool = std::uint8_t;
  expect_binary<Bool, Bool>("logical_and", [](Bool x, Bool y) { return x && y; }, 0, 2);
  expect_binary<Bool, Bool>("logical_or", [](Bool x, Bool y) { return x || y; }, 0, 2);
  expect_binary<Bool, Bool>("logical_xor", [](Bool x, Bool y) { return x != y; }, 0, 2);
}

TEST(Binary, LargeOperandsOnSeveralThreads) {
  const Shape shape{3, 70001};
  for (const Shape& other : {shape, Shape{70001}, Shape{3, 1}, Shape{}}) {
    const Array x = random_array<float>(shape, 1);
    const Array y = random_array<float>(other, 2);
    const auto sum = StubCall("add").with("x", x).with("y", y).result();
    const auto turned = StubCall("sub", Precision::fp32, 5).with("x", y).with("y", x).result();
    for (std::size_t i = 0; i < static_cast<std::size_t>(sum.count()); ++i) {
      const float right = y.elements<float>()[source_of(i, shape, other)];
      ASSERT_EQ(sum.elements<float>()[i], x.elements<float>()[i] + right) << i;
      ASSERT_EQ(turned.elements<float>()[i], right - x.elements<float>()[i]) << i;
    }
  }
}

TEST(Binary, ShapesThatDoNotFitAreRefused) {
  EXPECT_FALSE(StubCall("add").with("x", random_array<float>({2, 3}, 1)).with("y", random_array<float>({2}, 1)).run());
}

template <typename T>
std::vector<T> pairwise(const char* name, const std::vector<T>& x, const std::vector<T>& y) {
  StubCall call(name, kPrecision<T>);
  call.with("x", array_of<T>({std::ssize(x)}, x)).with("y", array_of<T>({std::ssize(y)}, y));
  return values_of<T>(call.gives(test::Held<T>::kType).result());
}

// Values of NumPy 1.24: numpy.floor_divide and numpy.remainder.
TEST(Binary, FloorDivisionAndRemainderAsNumPy) {
  const std::vector<std::int32_t> x = {7, -7, 7, -7, 6, -6, std::numeric_limits<std::int32_t>::min()};
  const std::vector<std::int32_t> y = {2, 2, -2, -2, 3, 3, -1};
  EXPECT_EQ(pairwise("floor_div", x, y),
            (std::vector<std::int32_t>{3, -4, -4, 3, 2, -2, std::numeric_limits<std::int32_t>::min()}));
  EXPECT_EQ(pairwise("mod", x, y), (std::vector<std::int32_t>{1, 1, -1, -1, 0, 0, 0}));
  EXPECT_EQ(pairwise("real_div", x, y),
            (std::vector<std::int32_t>{3, -3, -3, 3, 2, -2, std::numeric_limits<std::int32_t>::min()}));

  const std::vector<double> a = {1, -1, 7.5, -7.5, 7.5, -7.5, 1, -1, 5, 0};
  const std::vector<double> b = {0.1, 0.1, 2, 2, -2, -2, HUGE_VAL, HUGE_VAL, -HUGE_VAL, 3};
  EXPECT_EQ(pairwise("floor_div", a, b), (std::vector<double>{9, -10, 3, -4, -4, 3, 0, -1, -1, 0}));
  const auto rest = pairwise("mod", a, b);
  const std::vector<double> expected = {
      0.09999999999999995, 5.551115123125783e-17, 1.5, 0.5, -0.5, -1.5, 1, HUGE_VAL, -HUGE_VAL, 0};
  for (std::size_t i = 0; i < rest.size(); ++i) {
    EXPECT_DOUBLE_EQ(rest[i], expected[i]) << a[i] << " mod " << b[i];
  }
}

TEST(Binary, IntegersWithoutAResultAreErrors) {
  const auto one = array_of<std::int32_t>({2}, {1, 1});
  for (const char* name : {"floor_div", "mod", "real_div"}) {
    const auto done =
        StubCall(name).with("x", one).with("y", array_of<std::int32_t>({2}, {1, 0})).gives(mil::DataType::int32).run();
    ASSERT_FALSE(done) << name;
    EXPECT_NE(done.error().message.find("division by zero"), std::string::npos);
  }
  EXPECT_FALSE(
      StubCall("pow").with("x", one).with("y", array_of<std::int32_t>({1}, {-2})).gives(mil::DataType::int32).run());
}

TEST(Binary, IntegersWrapAround) {
  constexpr std::int32_t kHighest = std::numeric_limits<std::int32_t>::max();
  EXPECT_EQ(pairwise<std::int32_t>("add", {kHighest}, {1})[0], std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(pairwise<std::int32_t>("mul", {65536}, {65537})[0], 65536);
  EXPECT_EQ(pairwise<std::int32_t>("pow", {-3}, {5})[0], -243);
  EXPECT_EQ(pairwise<std::int32_t>("pow", {3}, {21})[0], 1870418611);
}

TEST(Binary, ExtremaKeepNaN) {
  for (const char* name : {"maximum", "minimum"}) {
    for (const auto& [x, y] : {std::pair(kNaN, 1.0F), std::pair(1.0F, kNaN)}) {
      EXPECT_TRUE(std::isnan(pairwise<float>(name, {x}, {y})[0])) << name;
    }
  }
}

// --- cast and select

TEST(Cast, BetweenAllTypes) {
  const auto x = array_of<float>({7}, {-1.75F, 1.75F, 0, 300, -300, 1e20F, kNaN});
  const auto run = [&](mil::DataType type) { return StubCall("cast").with("x", x).gives(type).result(); };
  using Integers = std::vector<std::int32_t>;
  EXPECT_EQ(values_of<std::int32_t>(run(mil::DataType::int32)), (Integers{-1, 1, 0, 300, -300, 2147483647, 0}));
  EXPECT_EQ(values_of<std::int32_t>(run(mil::DataType::int8)), (Integers{-1, 1, 0, 127, -128, 127, 0}));
  EXPECT_EQ(values_of<std::int32_t>(run(mil::DataType::uint8)), (Integers{0, 1, 0, 255, 0, 255, 0}));
  EXPECT_EQ(values_of<std::uint8_t>(run(mil::DataType::boolean)), (std::vector<std::uint8_t>{1, 1, 0, 1, 1, 1, 1}));

  const auto whole = array_of<std::int32_t>({4}, {-1, 255, 256, 130});
  const auto narrow = [&](mil::DataType type) {
    return values_of<std::int32_t>(StubCall("cast").with("x", whole).gives(type).result());
  };
  EXPECT_EQ(narrow(mil::DataType::int8), (Integers{-1, -1, 0, -126}));
  EXPECT_EQ(narrow(mil::DataType::uint8), (Integers{255, 255, 0, 130}));
  EXPECT_EQ(narrow(mil::DataType::uint16), (Integers{65535, 255, 256, 130}));
  EXPECT_EQ(values_of<float>(StubCall("cast").with("x", whole).result()), (std::vector<float>{-1, 255, 256, 130}));
  const auto truth = array_of<std::uint8_t>({2}, {1, 0});
  EXPECT_EQ(values_of<float>(StubCall("cast").with("x", truth).result()), (std::vector<float>{1, 0}));
}

TEST(Select, BroadcastsAllThree) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 60; ++round) {
    const Shape full = random_shape(random, static_cast<std::size_t>(round) % 6);
    const Shape shapes[] = {operand_of(full, random), operand_of(full, random), operand_of(full, random)};
    const Array condition = random_array<std::uint8_t>(shapes[0], random(), 0, 2);
    const Array a = random_array<float>(shapes[1], random());
    const Array b = random_array<float>(shapes[2], random());
    const Array out = StubCall("select").with("cond", condition).with("a", a).with("b", b).result();
    for (std::size_t i = 0; i < static_cast<std::size_t>(out.count()); ++i) {
      const bool chosen = condition.elements<std::uint8_t>()[source_of(i, out.shape(), shapes[0])] != 0;
      const float expected = chosen ? a.elements<float>()[source_of(i, out.shape(), shapes[1])]
                                    : b.elements<float>()[source_of(i, out.shape(), shapes[2])];
      ASSERT_EQ(out.elements<float>()[i], expected) << round;
    }
  }
}

}  // namespace
}  // namespace openane::reference
