// linear, matmul, scaled_dot_product_attention.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <vector>

#include "mil/extents.h"
#include "reference/broadcast.h"
#include "reference/gemm.h"
#include "reference/held_type.h"
#include "reference/kernels.h"
#include "reference/onednn_linear.h"
#include "reference/softmax.h"

namespace openane::reference {
namespace {

/// From ios17 on the signatures let the two operands differ in type.
Result<void> check_one_arithmetic(const Array& x, const Array& y) {
  if (x.holding() == y.holding()) {
    return {};
  }
  return fail(ErrorCategory::missing_specification,
              fmt::format("a product of {} and {}: what comes of integers with floating point is not published",
                          mil::to_string(x.type()), mil::to_string(y.type())));
}

template <typename T>
void fill_rows(std::span<T> out, std::span<const T> row, unsigned threads) {
  const std::int64_t columns = std::ssize(row);
  parallel_for(std::ssize(out) / std::max<std::int64_t>(columns, 1), kElementGrain / std::max<std::int64_t>(columns, 1),
               threads, [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) {
                   std::ranges::copy(row, out.data() + i * columns);
                 }
               });
}

Result<void> linear(Call& call) {
  const Array& x = call.array("x");
  const Array& weight = call.array("weight");
  const bool has_bias = call.has("bias");
  if (x.rank() == 0 || weight.rank() != 2 || x.shape().back() != weight.shape()[1] ||
      (has_bias && call.array("bias").count() != weight.shape()[0])) {
    return fail(ErrorCategory::malformed_input,
                fmt::format("x {}, weight {} and bias {} do not fit", mil::describe(x.shape()),
                            mil::describe(weight.shape()), has_bias ? mil::describe(call.array("bias").shape()) : "-"));
  }
  OPENANE_CHECK(check_one_arithmetic(x, weight));
  const std::int64_t depth = weight.shape()[1];
  const std::int64_t columns = weight.shape()[0];
  Shape shape = x.shape();
  shape.back() = columns;
  OPENANE_TRY(Array out, call.allocate(0, shape));
  OPENANE_CHECK(with_number_type(x.holding(), [&]<typename T>(T) -> Result<void> {
    const ProductExtents extents{columns == 0 ? 0 : out.count() / columns, columns, depth};
    if constexpr (std::same_as<T, float>) {
      const Operand constant{weight.elements<float>().data(), call.is_constant("weight") ? weight.owner() : nullptr};
      const float* const bias = has_bias ? call.array("bias").elements<float>().data() : nullptr;
      OPENANE_TRY(const bool done, onednn_linear(extents, x.elements<float>().data(), constant, bias,
                                                 out.writable<float>().data(), call.threads()));
      if (done) {
        return {};
      }
    }
    if (has_bias) {
      fill_rows(out.writable<T>(), call.array("bias").elements<T>(), call.threads());
    }
    multiply<T>(extents, {x.elements<T>().data(), depth}, {weight.elements<T>().data(), depth, true},
                out.writable<T>().data(), columns, has_bias, call.threads());
    return {};
  }));
  call.give(0, std::move(out));
  return {};
}

/// Where the products of a matmul find their operands, and how large they are.
struct Matmul {
  ProductExtents extents;
  Shape result;
  std::vector<std::array<std::int64_t, 2>> offsets;
};

/// [..., rows, columns] of an operand, a vector being a row (left) or a column (right).
struct Factor {
  Shape batch;
  std::int64_t rows;
  std::int64_t columns;
};

Factor factor_of(const Shape& shape, bool is_left, bool transposed) {
  if (shape.size() == 1) {
    return is_left ? Factor{{}, 1, shape[0]} : Factor{{}, shape[0], 1};
  }
  Factor factor{{shape.begin(), shape.end() - 2}, shape[shape.size() - 2], shape.back()};
  if (transposed) {
    std::swap(factor.rows, factor.columns);
  }
  return factor;
}

Result<Matmul> plan_matmul(const Shape& x, const Shape& y, bool transpose_x, bool transpose_y) {
  if (x.empty() || y.empty()) {
    return fail(ErrorCategory::malformed_input, "a scalar is no matrix");
  }
  const Factor left = factor_of(x, true, transpose_x);
  const Factor right = factor_of(y, false, transpose_y);
  if (left.columns != right.rows) {
    return fail(ErrorCategory::malformed_input,
                fmt::format("{}{} and {}{} cannot be multiplied", mil::describe(x), transpose_x ? " transposed" : "",
                            mil::describe(y), transpose_y ? " transposed" : ""));
  }
  Matmul plan{{left.rows, right.columns, left.columns}, {}, {}};
  OPENANE_TRY(const auto batch, broadcast_shapes<2>({left.batch, right.batch}));
  plan.result = batch.shape;
  if (x.size() > 1) {
    plan.result.push_back(left.rows);
  }
  if (y.size() > 1) {
    plan.result.push_back(right.columns);
  }
  const std::int64_t x_size = left.rows * left.columns;
  const std::int64_t y_size = right.rows * right.columns;
  // One y for all, x one after the other: a single product with more rows.
  const bool is_shared = std::ranges::all_of(right.batch, [](std::int64_t extent) { return extent == 1; });
  if (is_shared && !transpose_x && batch.count > 0) {
    plan.extents.rows *= batch.count;
    plan.offsets.push_back({0, 0});
    return plan;
  }
  plan.offsets.reserve(static_cast<std::size_t>(batch.count));
  batch.walk(0, batch.count, [&](std::int64_t, const std::array<std::int64_t, 2>& at, std::int64_t length) {
    for (std::int64_t i = 0; i < length; ++i) {
      plan.offsets.push_back(
          {(at[0] + i * batch.inner_steps[0]) * x_size, (at[1] + i * batch.inner_steps[1]) * y_size});
    }
  });
  return plan;
}

Result<void> matmul(Call& call) {
  const Array& x = call.array("x");
  const Array& y = call.array("y");
  OPENANE_CHECK(check_one_arithmetic(x, y));
  // Transposing has no effect on a vector.
  const bool transpose_x = x.rank() > 1 && call.boolean("transpose_x").value_or(false);
  const bool transpose_y = y.rank() > 1 && call.boolean("transpose_y").value_or(false);
  OPENANE_TRY(const Matmul plan, plan_matmul(x.shape(), y.shape(), transpose_x, transpose_y));
  OPENANE_TRY(Array out, call.allocate(0, plan.result));
  const auto stride_of = [](const Array& array, bool is_left) {
    return array.rank() == 1 && !is_left ? std::int64_t{1} : array.shape().back();
  };
  OPENANE_CHECK(with_number_type(x.holding(), [&]<typename T>(T) -> Result<void> {
    multiply_all<T>(plan.extents, {x.elements<T>().data(), stride_of(x, true), transpose_x},
                    {y.elements<T>().data(), stride_of(y, false), transpose_y}, out.writable<T>().data(), plan.offsets,
                    call.threads());
    return {};
  }));
  call.give(0, std::move(out));
  return {};
}

struct Attention {
  std::int64_t batch = 1;
  std::int64_t queries = 0, keys = 0, width = 0, value_width = 0;
};

Result<Attention> attention_of(const Shape& query, const Shape& key, const Shape& value) {
  const std::size_t rank = query.size();
  const auto batch_of = [](const Shape& shape) { return Shape(shape.begin(), shape.end() - 2); };
  if (rank < 3 || key.size() != rank || value.size() != rank || batch_of(query) != batch_of(key) ||
      batch_of(query) != batch_of(value) || query.back() != key.back() || key[rank - 2] != value[rank - 2]) {
    return fail(ErrorCategory::malformed_input,
                fmt::format("query {}, key {} and value {} do not fit", mil::describe(query), mil::describe(key),
                            mil::describe(value)));
  }
  return Attention{mil::product(query, 0, rank - 2), query[rank - 2], key[rank - 2], query.back(), value.back()};
}

/// Scores scaled, with the mask under broadcasting: a boolean one keeps where it is true.
template <typename Real>
Result<void> scale_and_mask(const Array* mask, const Shape& scores_shape, double scale, std::vector<Real>& scores,
                            unsigned threads) {
  const auto factor = static_cast<Real>(scale);
  if (mask == nullptr) {
    parallel_for(std::ssize(scores), kElementGrain, threads, [&](std::int64_t begin, std::int64_t end) {
      std::for_each(scores.begin() + begin, scores.begin() + end, [&](Real& score) { score *= factor; });
    });
    return {};
  }
  OPENANE_TRY(const auto broadcast, broadcast_shapes<2>({scores_shape, mask->shape()}));
  if (broadcast.shape != scores_shape) {
    return fail(ErrorCategory::malformed_input, fmt::format("a mask of {} for scores of {}",
                                                            mil::describe(mask->shape()), mil::describe(scores_shape)));
  }
  const bool is_boolean = mask->holding() == Holding::boolean;
  const std::int64_t step = broadcast.inner_steps[1];
  broadcast.walk_all(threads, [&](std::int64_t begin, const std::array<std::int64_t, 2>& at, std::int64_t length) {
    Real* const to = scores.data() + begin;
    if (is_boolean) {
      const std::uint8_t* const keep = mask->elements<std::uint8_t>().data() + at[1];
      for (std::int64_t i = 0; i < length; ++i) {
        to[i] = keep[i * step] != 0 ? to[i] * factor : -std::numeric_limits<Real>::infinity();
      }
    } else {
      const Real* const added = mask->elements<Real>().data() + at[1];
      for (std::int64_t i = 0; i < length; ++i) {
        to[i] = to[i] * factor + added[i * step];
      }
    }
  });
  return {};
}

template <typename Real>
Result<void> attention(Call& call) {
  const Array& query = call.array("query");
  const Array& key = call.array("key");
  const Array& value = call.array("value");
  OPENANE_TRY(const Attention sizes, attention_of(query.shape(), key.shape(), value.shape()));
  Shape shape = query.shape();
  shape.back() = sizes.value_width;
  OPENANE_TRY(Array out, call.allocate(0, shape));
  Shape scores_shape = query.shape();
  scores_shape.back() = sizes.keys;
  std::vector<std::array<std::int64_t, 2>> scored;
  std::vector<std::array<std::int64_t, 2>> weighted;
  for (std::int64_t i = 0; i < sizes.batch; ++i) {
    scored.push_back({i * sizes.queries * sizes.width, i * sizes.keys * sizes.width});
    weighted.push_back({i * sizes.queries * sizes.keys, i * sizes.keys * sizes.value_width});
  }
  std::vector<Real> scores(static_cast<std::size_t>(sizes.batch * sizes.queries * sizes.keys));
  multiply_all<Real>({sizes.queries, sizes.keys, sizes.width}, {query.elements<Real>().data(), sizes.width},
                     {key.elements<Real>().data(), sizes.width, true}, scores.data(), scored, call.threads());
  OPENANE_CHECK(scale_and_mask(call.has("attn_mask") ? &call.array("attn_mask") : nullptr, scores_shape,
                               1 / std::sqrt(static_cast<double>(sizes.width)), scores, call.threads()));
  const std::int64_t keys = sizes.keys;
  parallel_for(sizes.batch * sizes.queries, (1 << 12) / std::max<std::int64_t>(keys, 1) + 1, call.threads(),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t row = begin; row < end; ++row) {
                   const std::span<Real> all(scores.data() + row * keys, static_cast<std::size_t>(keys));
                   softmax_row<Real>(all, all);
                 }
               });
  multiply_all<Real>({sizes.queries, sizes.value_width, keys}, {scores.data(), keys},
                     {value.elements<Real>().data(), sizes.value_width}, out.writable<Real>().data(), weighted,
                     call.threads());
  call.give(0, std::move(out));
  return {};
}

constexpr NamedKernel kKernels[] = {
    {"linear", linear},
    {"matmul", matmul},
    {"scaled_dot_product_attention", by_real<attention<float>, attention<double>>},
};

}  // namespace

std::span<const NamedKernel> matrix_kernels() { return kKernels; }

}  // namespace openane::reference
