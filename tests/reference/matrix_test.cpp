// Matrix products, einsum and attention against their definitions with one index per element.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "stub_call.h"

namespace openane::reference {
namespace {

using test::array_of;
using test::kPrecision;
using test::random_array;
using test::StubCall;
using test::values_of;

template <typename T>
double at(const Array& array, std::int64_t index) {
  return static_cast<double>(array.elements<T>()[static_cast<std::size_t>(index)]);
}

/// The element of a batched matrix [..., rows, columns] for a batch index counted over `batch`, with broadcasting.
std::int64_t matrix_offset(const Shape& shape, const Shape& batch, std::int64_t index) {
  std::int64_t offset = 0;
  std::int64_t stride = shape.size() > 1 ? shape[shape.size() - 1] * shape[shape.size() - 2] : 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::int64_t extent = batch[batch.size() - 1 - i];
    if (i + 2 < shape.size()) {
      const std::int64_t own = shape[shape.size() - 3 - i];
      offset += own == 1 ? 0 : index % extent * stride;
      stride *= own;
    }
    index /= extent;
  }
  return offset;
}

template <typename T>
void expect_matmul(const Shape& x_shape, const Shape& y_shape, bool tx, bool ty, std::uint64_t seed, double tolerance) {
  const Array x = random_array<T>(x_shape, seed, -9, 9);
  const Array y = random_array<T>(y_shape, seed + 1, -9, 9);
  const bool x_vector = x_shape.size() == 1;
  const bool y_vector = y_shape.size() == 1;
  StubCall call("matmul", kPrecision<T>);
  call.with("x", x).with("y", y).with_boolean("transpose_x", tx).with_boolean("transpose_y", ty);
  const Array out = call.gives(test::Held<T>::kType).result();

  const Shape left = x_vector ? Shape{1, x_shape[0]} : x_shape;
  const Shape right = y_vector ? Shape{y_shape[0], 1} : y_shape;
  const std::int64_t left_columns = left.back();
  const std::int64_t right_columns = right.back();
  const std::int64_t rows = tx ? left.back() : left[left.size() - 2];
  const std::int64_t depth = tx ? left[left.size() - 2] : left.back();
  const std::int64_t columns = ty ? right[right.size() - 2] : right.back();
  const auto batch = mil::broadcast({left.begin(), left.end() - 2}, {right.begin(), right.end() - 2});
  ASSERT_TRUE(batch);
  Shape expected_shape = *batch;
  if (!x_vector) {
    expected_shape.push_back(rows);
  }
  if (!y_vector) {
    expected_shape.push_back(columns);
  }
  const std::string what = mil::describe(x_shape) + (tx ? "^T " : " ") + mil::describe(y_shape) + (ty ? "^T" : "");
  ASSERT_EQ(out.shape(), expected_shape) << what;
  std::int64_t index = 0;
  for (std::int64_t b = 0; b < static_cast<std::int64_t>(test::count_of(*batch)); ++b) {
    const std::int64_t from_x = matrix_offset(left, *batch, b);
    const std::int64_t from_y = matrix_offset(right, *batch, b);
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < columns; ++j, ++index) {
        double sum = 0;
        double size = 1;  // what rounding errors are measured by
        for (std::int64_t k = 0; k < depth; ++k) {
          const double term = at<T>(x, from_x + (tx ? k * left_columns + i : i * left_columns + k)) *
                              at<T>(y, from_y + (ty ? j * right_columns + k : k * right_columns + j));
          sum += term;
          size += std::fabs(term);
        }
        ASSERT_NEAR(at<T>(out, index), sum, tolerance * size) << what << " at " << index;
      }
    }
  }
}

template <typename T>
void expect_matmuls(double tolerance) {
  std::mt19937_64 random(11);
  const auto extent = [&] { return static_cast<std::int64_t>(1 + random() % 7); };
  for (int round = 0; round < 80; ++round) {
    const bool tx = random() % 2 != 0;
    const bool ty = random() % 2 != 0;
    const std::int64_t rows = extent();
    const std::int64_t columns = extent();
    const std::int64_t depth = extent();
    Shape x{tx ? depth : rows, tx ? rows : depth};
    Shape y{ty ? columns : depth, ty ? depth : columns};
    for (std::uint64_t axis = random() % 4; axis > 0; --axis) {
      const std::int64_t batch = extent() % 4 + 1;
      const std::uint64_t kind = random() % 4;
      x.insert(x.begin(), kind == 0 ? 1 : batch);
      if (kind != 3) {
        y.insert(y.begin(), kind == 1 ? 1 : batch);
      } else {
        y.insert(y.begin(), 1);
      }
    }
    expect_matmul<T>(x, y, tx, ty, random(), tolerance);
  }
  expect_matmul<T>({5}, {5}, false, false, 1, tolerance);
  expect_matmul<T>({5}, {5, 3}, false, false, 2, tolerance);
  expect_matmul<T>({2, 4, 5}, {5}, false, false, 3, tolerance);
  expect_matmul<T>({5}, {3, 5, 2}, false, false, 4, tolerance);
  expect_matmul<T>({7, 6}, {3, 6, 2}, false, false, 5, tolerance);
  expect_matmul<T>({130, 70}, {70, 190}, false, false, 6, tolerance);
}

TEST(Matmul, Fp32IsTheDefinition) { expect_matmuls<float>(1e-6); }
TEST(Matmul, Fp64IsTheDefinition) { expect_matmuls<double>(1e-12); }
TEST(Matmul, IntegersAreExact) { expect_matmuls<std::int32_t>(0); }

TEST(Matmul, NothingToSumIsZero) {
  const Array out =
      StubCall("matmul").with("x", random_array<float>({2, 0}, 1)).with("y", random_array<float>({0, 3}, 1)).result();
  EXPECT_EQ(values_of<float>(out), std::vector<float>(6, 0));
}

TEST(Matmul, ExtentsThatDoNotFitAreErrors) {
  EXPECT_FALSE(
      StubCall("matmul").with("x", random_array<float>({2, 3}, 1)).with("y", random_array<float>({2, 3}, 1)).run());
  EXPECT_FALSE(StubCall("matmul")
                   .with("x", random_array<float>({2, 2, 3}, 1))
                   .with("y", random_array<float>({3, 3, 3}, 1))
                   .run());
}

template <typename T>
void expect_linear(const Shape& x_shape, std::int64_t columns, bool has_bias, bool constant, double tolerance) {
  const Array x = random_array<T>(x_shape, 3, -5, 5);
  const Array weight = random_array<T>({columns, x_shape.back()}, 4, -5, 5);
  const Array bias = random_array<T>({columns}, 5, -5, 5);
  StubCall call("linear", kPrecision<T>);
  call.with("x", x).with("weight", weight).gives(test::Held<T>::kType);
  if (has_bias) {
    call.with("bias", bias);
  }
  if (constant) {
    call.constant("weight").constant("bias");
  }
  for (int run = 0; run < 2; ++run) {
    const Array out = call.result();
    for (std::int64_t i = 0; i < out.count(); ++i) {
      double sum = has_bias ? at<T>(bias, i % columns) : 0;
      for (std::int64_t k = 0; k < x_shape.back(); ++k) {
        sum += at<T>(x, i / columns * x_shape.back() + k) * at<T>(weight, i % columns * x_shape.back() + k);
      }
      ASSERT_NEAR(at<T>(out, i), sum, tolerance * (1 + std::fabs(sum))) << mil::describe(x_shape) << " at " << i;
    }
  }
}

TEST(Linear, IsTheDefinition) {
  for (const bool has_bias : {false, true}) {
    for (const bool constant : {false, true}) {
      for (const Shape& shape : {Shape{7}, Shape{3, 7}, Shape{2, 3, 7}, Shape{2, 65, 33}}) {
        expect_linear<float>(shape, 5, has_bias, constant, 1e-5);
        expect_linear<float>(shape, 64, has_bias, constant, 1e-5);
        expect_linear<double>(shape, 5, has_bias, constant, 1e-13);
        expect_linear<std::int32_t>(shape, 5, has_bias, constant, 0);
      }
    }
  }
}

/// The sum over all labels, each combination once.
std::vector<double> direct_einsum(const std::string& left, const std::string& right, const std::string& result,
                                  const Array& a, const Array& b) {
  std::map<char, std::int64_t> extent;
  for (const auto& [labels, array] : {std::pair(left, a), std::pair(right, b)}) {
    for (std::size_t i = 0; i < labels.size(); ++i) {
      extent[labels[i]] = std::max(extent[labels[i]], array.shape()[i]);
    }
  }
  const auto offset = [](const std::string& labels, const Shape& shape, const std::map<char, std::int64_t>& index) {
    std::int64_t at = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      at = at * shape[i] + (shape[i] == 1 ? 0 : index.at(labels[i]));
    }
    return at;
  };
  Shape shape;
  for (const char label : result) {
    shape.push_back(extent[label]);
  }
  std::vector<double> out(test::count_of(shape));
  std::int64_t all = 1;
  for (const auto& [label, n] : extent) {
    all *= n;
  }
  for (std::int64_t step = 0; step < all; ++step) {
    std::map<char, std::int64_t> index;
    std::int64_t rest = step;
    for (const auto& [label, n] : extent) {
      index[label] = rest % n;
      rest /= n;
    }
    out[static_cast<std::size_t>(offset(result, shape, index))] +=
        at<double>(a, offset(left, a.shape(), index)) * at<double>(b, offset(right, b.shape(), index));
  }
  return out;
}

TEST(Einsum, EveryKindOfLabel) {
  struct Case {
    const char *left, *right, *result;
    Shape a, b;
  };
  const Case cases[] = {
      {"nchw", "nwhu", "nchu", {2, 3, 4, 5}, {2, 5, 4, 6}},
      {"nchw", "nwhu", "nchu", {1, 3, 4, 5}, {2, 5, 1, 6}},
      {"chw", "whr", "chr", {3, 4, 5}, {5, 4, 2}},
      {"ab", "bc", "ac", {2, 3}, {3, 4}},
      {"ab", "cb", "ca", {2, 3}, {4, 3}},
      {"ab", "ab", "", {2, 3}, {2, 3}},
      {"a", "b", "ba", {2}, {3}},
      {"abc", "b", "ca", {2, 3, 4}, {3}},
      {"aab", "bc", "ac", {3, 3, 2}, {2, 4}},
      {"abc", "dd", "b", {2, 3, 4}, {5, 5}},
      {"", "ab", "ba", {}, {2, 3}},
  };
  for (const Case& c : cases) {
    const Array a = random_array<double>(c.a, 1);
    const Array b = random_array<double>(c.b, 2);
    const std::string equation = std::string(c.left) + ", " + c.right + " -> " + c.result;
    StubCall call("einsum", Precision::fp64);
    const Array out = call.with("values", std::vector<Array>{a, b}).with("equation", equation.c_str()).result();
    const auto expected = direct_einsum(c.left, c.right, c.result, a, b);
    ASSERT_EQ(expected.size(), static_cast<std::size_t>(out.count())) << equation;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(out.elements<double>()[i], expected[i], 1e-12) << equation << " at " << i;
    }
  }
}

TEST(Einsum, EquationsThatMeanNothingAreErrors) {
  for (const char* equation : {"ab", "ab,bc", "ab,bc->ad", "abc,bc->a", "ab,ca->bc", "ab,bc->aa"}) {
    const std::vector<Array> values{random_array<float>({2, 3}, 1), random_array<float>({3, 4}, 2)};
    EXPECT_FALSE(StubCall("einsum").with("values", values).with("equation", equation).run()) << equation;
  }
}

template <typename Real>
void expect_attention(const Shape& batch, bool has_mask, bool is_boolean, double tolerance) {
  constexpr std::int64_t kQueries = 4;
  constexpr std::int64_t kKeys = 6;
  constexpr std::int64_t kWidth = 5;
  constexpr std::int64_t kValueWidth = 3;
  const auto shape = [&](std::int64_t rows, std::int64_t columns) {
    Shape out = batch;
    out.push_back(rows);
    out.push_back(columns);
    return out;
  };
  const Array query = random_array<Real>(shape(kQueries, kWidth), 1);
  const Array key = random_array<Real>(shape(kKeys, kWidth), 2);
  const Array value = random_array<Real>(shape(kKeys, kValueWidth), 3);
  // Every query keeps its first key.
  std::vector<std::uint8_t> keep = test::random_values<std::uint8_t>({kQueries, kKeys}, 4, 0, 2);
  const Array added = random_array<Real>({kQueries, kKeys}, 5);
  for (std::size_t i = 0; i < keep.size(); i += kKeys) {
    keep[i] = 1;
  }
  StubCall call("scaled_dot_product_attention", kPrecision<Real>);
  call.with("query", query).with("key", key).with("value", value);
  if (has_mask) {
    call.with("attn_mask", is_boolean ? array_of<std::uint8_t>({kQueries, kKeys}, keep) : added);
  }
  const Array out = call.result();
  ASSERT_EQ(out.shape(), shape(kQueries, kValueWidth));
  for (std::int64_t row = 0; row < static_cast<std::int64_t>(test::count_of(batch)) * kQueries; ++row) {
    const std::int64_t b = row / kQueries;
    std::array<double, kKeys> weight{};
    double sum = 0;
    for (std::int64_t k = 0; k < kKeys; ++k) {
      double score = 0;
      for (std::int64_t e = 0; e < kWidth; ++e) {
        score += at<Real>(query, row * kWidth + e) * at<Real>(key, (b * kKeys + k) * kWidth + e);
      }
      score /= std::sqrt(static_cast<double>(kWidth));
      const std::int64_t mask = row % kQueries * kKeys + k;
      score += has_mask && !is_boolean ? at<Real>(added, mask) : 0;
      const bool is_out = has_mask && is_boolean && keep[static_cast<std::size_t>(mask)] == 0;
      weight[static_cast<std::size_t>(k)] = is_out ? 0 : std::exp(score);
      sum += weight[static_cast<std::size_t>(k)];
    }
    for (std::int64_t e = 0; e < kValueWidth; ++e) {
      double expected = 0;
      for (std::int64_t k = 0; k < kKeys; ++k) {
        expected += weight[static_cast<std::size_t>(k)] / sum * at<Real>(value, (b * kKeys + k) * kValueWidth + e);
      }
      ASSERT_NEAR(at<Real>(out, row * kValueWidth + e), expected, tolerance);
    }
  }
}

TEST(Attention, IsTheDefinition) {
  for (const Shape& batch : {Shape{1}, Shape{2, 3}}) {
    expect_attention<float>(batch, false, false, 1e-6);
    expect_attention<float>(batch, true, false, 1e-6);
    expect_attention<float>(batch, true, true, 1e-6);
    expect_attention<double>(batch, true, true, 1e-14);
  }
}

}  // namespace
}  // namespace openane::reference
