// Convolution and pooling against their definitions, written here with one index per element and padding by explicit
// coordinates, over random extents and attributes; and the law that a transposed convolution is the adjoint.
#include <algorithm>
#include <cmath>
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

using Ints = std::vector<std::int32_t>;

/// One axis of a window operation.
struct Axis {
  std::int64_t in, out, kernel, stride, dilation, before, after;
};

struct Case {
  std::size_t axes = 2;
  std::int64_t batch = 1, groups = 1, in_channels = 1, out_channels = 1;
  std::string pad_type = "valid";
  bool ceil_mode = false;
  bool has_bias = false;
  std::vector<Axis> axis;
  [[nodiscard]] Shape in_shape() const { return shape(in_channels, &Axis::in, batch); }
  [[nodiscard]] Shape out_shape() const { return shape(out_channels, &Axis::out, batch); }
  [[nodiscard]] Shape shape(std::int64_t channels, std::int64_t Axis::* extent, std::int64_t first) const {
    Shape out{first, channels};
    for (const Axis& a : axis) {
      out.push_back(a.*extent);
    }
    return out;
  }
  [[nodiscard]] Ints of(std::int64_t Axis::* value) const {
    Ints out;
    for (const Axis& a : axis) {
      out.push_back(static_cast<std::int32_t>(a.*value));
    }
    return out;
  }
  [[nodiscard]] Ints pads() const {
    Ints out;
    for (const Axis& a : axis) {
      out.push_back(static_cast<std::int32_t>(a.before));
      out.push_back(static_cast<std::int32_t>(a.after));
    }
    return out;
  }
  [[nodiscard]] std::string text() const {
    std::string out = pad_type + (ceil_mode ? " ceil" : "") + " groups " + std::to_string(groups);
    for (const Axis& a : axis) {
      out += " | in " + std::to_string(a.in) + " out " + std::to_string(a.out) + " k " + std::to_string(a.kernel) +
             " s " + std::to_string(a.stride) + " d " + std::to_string(a.dilation) + " pad " +
             std::to_string(a.before) + "," + std::to_string(a.after);
    }
    return out;
  }
};

/// Padding and extent of the result as the op definitions state them.
void resolve(Case& c, Axis& a) {
  const std::int64_t span = (a.kernel - 1) * a.dilation + 1;
  if (c.pad_type == "valid") {
    a.before = a.after = 0;
  }
  if (c.pad_type.starts_with("same")) {
    a.out = (a.in + a.stride - 1) / a.stride;
    const std::int64_t total = std::max<std::int64_t>(0, (a.out - 1) * a.stride + span - a.in);
    a.before = c.pad_type == "same" ? total / 2 : (total + 1) / 2;
    a.after = total - a.before;
    return;
  }
  const double steps = static_cast<double>(a.in + a.before + a.after - span) / static_cast<double>(a.stride);
  a.out = static_cast<std::int64_t>(c.ceil_mode ? std::ceil(steps) : std::floor(steps)) + 1;
  if (c.ceil_mode && a.before > 0 && (a.out - 1) * a.stride >= a.in + a.before) {
    --a.out;
  }
}

Case random_case(std::mt19937_64& random, bool pooling) {
  const auto below = [&](std::int64_t n) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n));
  };
  Case c;
  c.axes = 1 + static_cast<std::size_t>(below(3));
  c.batch = 1 + below(2);
  const std::int64_t per_group[] = {1, 2, 3, 8, 16};
  c.groups = 1 + below(3);
  c.in_channels = c.groups * per_group[below(5)];
  c.out_channels = c.groups * per_group[below(5)];
  const char* pads[] = {"valid", "same", "same_lower", "custom"};
  c.pad_type = pads[below(4)];
  c.has_bias = below(2) != 0;
  c.ceil_mode = pooling && !c.pad_type.starts_with("same") && below(2) != 0;
  for (std::size_t i = 0; i < c.axes; ++i) {
    Axis a{};
    a.kernel = 1 + below(4);
    // A stride beyond the kernel would let ceil_mode make windows of padding alone, whose mean is no number.
    a.stride = 1 + below(c.ceil_mode ? std::min<std::int64_t>(a.kernel, 3) : 3);
    a.dilation = pooling ? 1 : 1 + below(2);
    const std::int64_t span = (a.kernel - 1) * a.dilation + 1;
    a.in = span + below(6);
    a.before = pooling ? below(a.kernel / 2 + 1) : below(3);
    a.after = pooling && c.ceil_mode ? a.before : pooling ? below(a.kernel / 2 + 1) : below(3);
    resolve(c, a);
    c.axis.push_back(a);
  }
  return c;
}

/// Calls `f(indices)` for every index below `extents`.
template <typename F>
void each_index(const std::vector<std::int64_t>& extents, const F& f) {
  std::vector<std::int64_t> index(extents.size(), 0);
  if (std::ranges::find(extents, 0) != extents.end()) {
    return;
  }
  while (true) {
    f(index);
    std::size_t axis = extents.size();
    while (axis > 0 && ++index[axis - 1] == extents[axis - 1]) {
      index[--axis] = 0;
    }
    if (axis == 0) {
      return;
    }
  }
}

std::size_t flat(const Shape& shape, const std::vector<std::int64_t>& index) {
  std::int64_t at = 0;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    at = at * shape[i] + index[i];
  }
  return static_cast<std::size_t>(at);
}

/// Calls `f(tap, input position)` for every tap of the window at output position `out` (spatial axes only) that is
/// inside the input.
template <typename F>
void each_tap(const Case& c, const std::vector<std::int64_t>& out, const F& f) {
  std::vector<std::int64_t> kernel;
  for (const Axis& a : c.axis) {
    kernel.push_back(a.kernel);
  }
  each_index(kernel, [&](const std::vector<std::int64_t>& tap) {
    std::vector<std::int64_t> position;
    for (std::size_t i = 0; i < c.axes; ++i) {
      position.push_back(out[i] * c.axis[i].stride + tap[i] * c.axis[i].dilation - c.axis[i].before);
      if (position.back() < 0 || position.back() >= c.axis[i].in) {
        return;
      }
    }
    f(tap, position);
  });
}

std::vector<std::int64_t> joined(std::int64_t a, std::int64_t b, const std::vector<std::int64_t>& rest) {
  std::vector<std::int64_t> out{a, b};
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}

Shape weight_shape(const Case& c) { return c.shape(c.in_channels / c.groups, &Axis::kernel, c.out_channels); }

template <typename T>
std::vector<double> direct_convolution(const Case& c, const Array& x, const Array& weight, const Array& bias) {
  const Shape out_shape = c.out_shape();
  std::vector<double> out(test::count_of(out_shape));
  const std::int64_t in_group = c.in_channels / c.groups;
  const std::int64_t out_group = c.out_channels / c.groups;
  each_index(out_shape, [&](const std::vector<std::int64_t>& o) {
    double sum = c.has_bias ? bias.elements<T>()[static_cast<std::size_t>(o[1])] : 0;
    each_tap(c, {o.begin() + 2, o.end()}, [&](const auto& tap, const auto& position) {
      for (std::int64_t i = 0; i < in_group; ++i) {
        const std::int64_t channel = o[1] / out_group * in_group + i;
        sum += static_cast<double>(weight.elements<T>()[flat(weight.shape(), joined(o[1], i, tap))]) *
               x.elements<T>()[flat(x.shape(), joined(o[0], channel, position))];
      }
    });
    out[flat(out_shape, o)] = sum;
  });
  return out;
}

template <typename T>
void expect_near(const std::vector<double>& expected, const Array& found, double tolerance, const std::string& what) {
  ASSERT_EQ(expected.size(), static_cast<std::size_t>(found.count())) << what;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(found.elements<T>()[i], expected[i], tolerance * (1 + std::fabs(expected[i]))) << what << " at " << i;
  }
}

template <typename T>
StubCall conv_call(const char* name, const Case& c, const Array& x, const Array& weight) {
  StubCall call(name, kPrecision<T>);
  call.with("x", x).with("weight", weight).with("pad_type", c.pad_type.c_str());
  call.with_integers("strides", c.of(&Axis::stride)).with_integers("dilations", c.of(&Axis::dilation));
  call.with_integer("groups", static_cast<std::int32_t>(c.groups));
  if (c.pad_type == "custom") {
    call.with_integers("pad", c.pads());
  }
  return call;
}

template <typename T>
void expect_convolutions(int rounds, double tolerance) {
  std::mt19937_64 random(2024);
  for (int round = 0; round < rounds; ++round) {
    const Case c = random_case(random, false);
    const Array x = random_array<T>(c.in_shape(), random());
    const Array weight = random_array<T>(weight_shape(c), random());
    const Array bias = random_array<T>({c.out_channels}, random());
    StubCall call = conv_call<T>("conv", c, x, weight);
    if (c.has_bias) {
      call.with("bias", bias);
    }
    const Array out = call.result();
    ASSERT_EQ(out.shape(), c.out_shape()) << c.text();
    expect_near<T>(direct_convolution<T>(c, x, weight, bias), out, tolerance, c.text());
  }
}

TEST(Conv, Fp32IsTheDefinition) { expect_convolutions<float>(150, 2e-5); }
TEST(Conv, Fp64IsTheDefinition) { expect_convolutions<double>(80, 1e-12); }

TEST(Conv, ConstantsOfTheSameShapeAreKeptApart) {
  const Array x = random_array<float>({1, 16, 9, 9}, 1);
  Case c{.in_channels = 16, .out_channels = 16, .axis = {{9, 7, 3, 1, 1, 0, 0}, {9, 7, 3, 1, 1, 0, 0}}};
  for (int round = 0; round < 3; ++round) {
    for (const std::uint64_t seed : {7, 8}) {
      // Gone after each turn, so that another constant may get its address.
      const Array weight = random_array<float>({16, 16, 3, 3}, seed);
      const Array out = conv_call<float>("conv", c, x, weight).constant("weight").result();
      expect_near<float>(direct_convolution<float>(c, x, weight, {}), out, 2e-5, "seed " + std::to_string(seed));
    }
  }
}

TEST(Conv, QuantizedWeightsAreScaledByChannel) {
  const Array x = random_array<float>({1, 2, 5, 5}, 4);
  const Array codes = array_of<std::int32_t>({3, 2, 1, 1}, {0, 255, 128, 7, 1, 2}, mil::DataType::uint8);
  const Array scale = array_of<float>({3}, {0.5F, 2, 1});
  const Array offset = array_of<float>({1}, {-3});
  Array weight = array_of<float>({3, 2, 1, 1}, {-3, 124.5F, 253, 11, -2, -1});
  StubCall call("conv_quantized");
  call.with("x", x).with("weight", codes).with("quant_scale", scale).with("quant_bias", offset);
  const Array found = call.with("quantization_type", "linear").result();
  const Array expected = StubCall("conv").with("x", x).with("weight", weight).result();
  expect_near<float>({expected.elements<float>().begin(), expected.elements<float>().end()}, found, 1e-5, "quantized");
  StubCall table("conv_quantized");
  table.with("x", x).with("weight", codes).with("quant_scale", scale).with("quant_bias", offset);
  EXPECT_EQ(table.with("quantization_type", "lut").run().error().category, ErrorCategory::missing_specification);
}

TEST(Conv, OperandsThatDoNotFitAreErrors) {
  const Array x = random_array<float>({1, 4, 5, 5}, 1);
  const auto run = [&](const Shape& weight, std::int32_t groups) {
    return StubCall("conv")
        .with("x", x)
        .with("weight", random_array<float>(weight, 2))
        .with_integer("groups", groups)
        .run();
  };
  EXPECT_TRUE(run({2, 2, 3, 3}, 2));
  EXPECT_FALSE(run({2, 3, 3, 3}, 1));
  EXPECT_FALSE(run({3, 2, 3, 3}, 2));
  EXPECT_FALSE(run({2, 4, 6, 3}, 1));
  EXPECT_FALSE(run({2, 4, 3}, 1));
}

template <typename T>
double inner_product(const Array& a, const Array& b) {
  const auto left = a.elements<T>();
  return std::inner_product(left.begin(), left.end(), b.elements<T>().begin(), 0.0);
}

// <conv(x), y> = <x, conv_transpose(y)> for every x and y, with the output shape given where strides leave it open.
template <typename T>
void expect_adjoint(double tolerance) {
  std::mt19937_64 random(77);
  for (int round = 0; round < 100; ++round) {
    const Case c = random_case(random, false);
    const Array x = random_array<T>(c.in_shape(), random());
    const Array y = random_array<T>(c.out_shape(), random());
    const Array weight = random_array<T>(weight_shape(c), random());
    const Array forward = conv_call<T>("conv", c, x, weight).result();
    StubCall call = conv_call<T>("conv_transpose", c, y, weight);
    const Shape shape = c.in_shape();
    call.with_integers("output_shape", {shape.begin(), shape.end()});
    const Array back = call.result();
    ASSERT_EQ(back.shape(), shape) << c.text();
    const double size = std::sqrt(inner_product<T>(forward, forward) * inner_product<T>(y, y)) + 1;
    ASSERT_NEAR(inner_product<T>(forward, y), inner_product<T>(x, back), tolerance * size) << c.text();
  }
}

TEST(ConvTranspose, IsTheAdjointInFp32) { expect_adjoint<float>(1e-5); }
TEST(ConvTranspose, IsTheAdjointInFp64) { expect_adjoint<double>(1e-13); }

// Every input element adds the kernel, scaled, at its place; the padding is cut off.
TEST(ConvTranspose, ScattersTheKernel) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 60; ++round) {
    Case c = random_case(random, false);
    c.pad_type = round % 2 == 0 ? "valid" : "custom";
    for (Axis& a : c.axis) {
      // x is what the convolution would give: its extent may be anything.
      a.out = 1 + static_cast<std::int64_t>(random() % 5);
      const std::int64_t span = (a.kernel - 1) * a.dilation + 1;
      const std::int64_t full = (a.out - 1) * a.stride + span;
      a.before = c.pad_type == "valid" || full < 3 ? 0 : static_cast<std::int64_t>(random() % 2);
      a.after = c.pad_type == "valid" || full < 3 ? 0 : static_cast<std::int64_t>(random() % 2);
      a.in = full - a.before - a.after;
    }
    const Array x = random_array<float>(c.out_shape(), random());
    const Array weight = random_array<float>(weight_shape(c), random());
    const Array bias = random_array<float>({c.in_channels}, random());
    const Array found = conv_call<float>("conv_transpose", c, x, weight).with("bias", bias).result();
    ASSERT_EQ(found.shape(), c.in_shape()) << c.text();
    std::vector<double> expected(test::count_of(c.in_shape()));
    each_index(c.in_shape(), [&](const auto& at) {
      expected[flat(c.in_shape(), at)] = bias.elements<float>()[static_cast<std::size_t>(at[1])];
    });
    const std::int64_t in_group = c.in_channels / c.groups;
    const std::int64_t out_group = c.out_channels / c.groups;
    each_index(c.out_shape(), [&](const std::vector<std::int64_t>& o) {
      each_tap(c, {o.begin() + 2, o.end()}, [&](const auto& tap, const auto& position) {
        for (std::int64_t i = 0; i < in_group; ++i) {
          expected[flat(c.in_shape(), joined(o[0], o[1] / out_group * in_group + i, position))] +=
              static_cast<double>(weight.elements<float>()[flat(weight.shape(), joined(o[1], i, tap))]) *
              x.elements<float>()[flat(x.shape(), o)];
        }
      });
    });
    expect_near<float>(expected, found, 2e-5, c.text());
  }
}

TEST(ConvTranspose, SamePaddingMultipliesTheExtents) {
  const Array x = array_of<float>({1, 1, 3}, {1, 2, 3});
  const Array weight = array_of<float>({1, 1, 3}, {1, 10, 100});
  const Array out = StubCall("conv_transpose")
                        .with("x", x)
                        .with("weight", weight)
                        .with("pad_type", "same")
                        .with_integers("strides", {2})
                        .result();
  // tf.nn.conv1d_transpose of the same: the padding before is the smaller half, 0 of 1.
  EXPECT_EQ(values_of<float>(out), (std::vector<float>{1, 10, 102, 20, 203, 30}));
}

// --- pooling

template <typename T>
std::vector<double> direct_pool(const std::string& name, const Case& c, const Array& x, bool exclude_padding) {
  const Shape out_shape = c.out_shape();
  std::vector<double> out(test::count_of(out_shape));
  each_index(out_shape, [&](const std::vector<std::int64_t>& o) {
    const std::vector<std::int64_t> at(o.begin() + 2, o.end());
    double sum = 0;
    double squares = 0;
    double highest = -std::numeric_limits<double>::infinity();
    double inside = 0;
    each_tap(c, at, [&](const auto& /*tap*/, const auto& position) {
      const double value = x.elements<T>()[flat(x.shape(), joined(o[0], o[1], position))];
      sum += value;
      squares += value * value;
      highest = std::max(highest, value);
      ++inside;
    });
    double padded = 1;
    for (std::size_t i = 0; i < c.axes; ++i) {
      const Axis& a = c.axis[i];
      const std::int64_t start = at[i] * a.stride - a.before;
      padded *= static_cast<double>(std::min(start + a.kernel, a.in + a.after) - start);
    }
    out[flat(out_shape, o)] = name == "max_pool"  ? highest
                              : name == "l2_pool" ? std::sqrt(squares)
                                                  : sum / (exclude_padding ? inside : padded);
  });
  return out;
}

template <typename T>
void expect_pools(const char* name, int rounds, double tolerance) {
  std::mt19937_64 random(31);
  for (int round = 0; round < rounds; ++round) {
    Case c = random_case(random, true);
    c.out_channels = c.in_channels;
    const Array x = random_array<T>(c.in_shape(), random());
    StubCall call(name, kPrecision<T>);
    call.with("x", x).with("pad_type", c.pad_type.c_str()).with_boolean("ceil_mode", c.ceil_mode);
    call.with_integers("kernel_sizes", c.of(&Axis::kernel)).with_integers("strides", c.of(&Axis::stride));
    if (c.pad_type == "custom") {
      call.with_integers("pad", c.pads());
    }
    const bool exclude = std::string(name) == "avg_pool" && round % 2 == 0;
    if (exclude) {
      call.with_boolean("exclude_padding_from_average", true);
    }
    const Array out = call.result();
    ASSERT_EQ(out.shape(), c.out_shape()) << c.text();
    expect_near<T>(direct_pool<T>(name, c, x, exclude), out, tolerance, c.text());
  }
}

TEST(Pool, Fp32IsTheDefinition) {
  expect_pools<float>("avg_pool", 120, 1e-6);
  expect_pools<float>("max_pool", 120, 0);
  expect_pools<float>("l2_pool", 80, 1e-6);
}
TEST(Pool, Fp64IsTheDefinition) {
  expect_pools<double>("avg_pool", 60, 1e-13);
  expect_pools<double>("max_pool", 60, 0);
  expect_pools<double>("l2_pool", 60, 1e-13);
}

TEST(Pool, PaddingIsNeverTheMaximum) {
  const Array x = array_of<float>({1, 1, 2}, {-5, -7});
  const Array out = StubCall("max_pool")
                        .with("x", x)
                        .with_integers("kernel_sizes", {2})
                        .with("pad_type", "custom")
                        .with_integers("pad", {1, 1})
                        .result();
  EXPECT_EQ(values_of<float>(out), (std::vector<float>{-5, -5, -7}));
}

}  // namespace
}  // namespace openane::reference
