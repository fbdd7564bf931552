// Rules for operations on each element, reductions, and products of matrices.
#include <fmt/format.h>

#include <algorithm>

#include "mil/extents.h"
#include "mil/shape_rules.h"

namespace openane::mil {
namespace {

using Shapes = Result<std::vector<Shape>>;

Shapes one(Result<Shape> shape) {
  OPENANE_TRY(Shape value, std::move(shape));
  return std::vector<Shape>{std::move(value)};
}

Shapes same(const OpView& op) { return std::vector<Shape>{op.main_shape()}; }

Shapes same_data(const OpView& op) { return std::vector<Shape>{op.shape("data")}; }

Shapes like_ref(const OpView& op) { return std::vector<Shape>{op.shape("ref_tensor")}; }

Shapes scalar(const OpView& /*op*/) { return std::vector<Shape>{Shape{}}; }

Shapes binary(const OpView& op) { return one(broadcast(op.shape("x"), op.shape("y"))); }

Shapes select(const OpView& op) {
  OPENANE_TRY(const Shape branches, broadcast(op.shape("a"), op.shape("b")));
  return one(broadcast(op.shape("cond"), branches));
}

/// `axes` of a tensor: which are reduced. All of them when the argument is absent, nothing when they are not known.
Result<std::optional<std::vector<bool>>> reduced_axes(const OpView& op, std::string_view name, std::size_t rank) {
  if (!op.has(name)) {
    return std::vector<bool>(rank, true);
  }
  const auto axes = op.integers(name);
  if (!axes) {
    return std::nullopt;
  }
  std::vector<bool> reduced(rank, false);
  for (const std::int64_t axis : *axes) {
    OPENANE_TRY(const std::size_t at, normalise_axis(axis, rank));
    reduced[at] = true;
  }
  return reduced;
}

Shapes reduce_axes(const OpView& op, const std::optional<std::vector<bool>>& reduced) {
  const Shape& x = op.shape("x");
  const std::optional<bool> keep = op.boolean("keep_dims");
  if (!reduced || !keep) {
    return std::vector<Shape>{keep.value_or(false) ? Shape(x.size(), kUnknownExtent) : Shape{kVariadicExtent}};
  }
  Shape out;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!(*reduced)[i]) {
      out.push_back(x[i]);
    } else if (*keep) {
      out.push_back(1);
    }
  }
  return std::vector<Shape>{std::move(out)};
}

Shapes reduce(const OpView& op) {
  OPENANE_TRY(const auto reduced, reduced_axes(op, "axes", op.shape("x").size()));
  return reduce_axes(op, reduced);
}

Shapes arg_reduce(const OpView& op) {
  const std::size_t rank = op.shape("x").size();
  const std::optional<std::int64_t> axis = op.integer("axis");
  if (!axis) {
    return reduce_axes(op, std::nullopt);
  }
  OPENANE_TRY(const std::size_t at, normalise_axis(*axis, rank));
  std::vector<bool> reduced(rank, false);
  reduced[at] = true;
  return reduce_axes(op, reduced);
}

Shapes linear(const OpView& op) {
  Shape out = op.shape("x");
  const Shape& weight = op.shape("weight");
  if (out.empty() || weight.size() != 2 || !may_be_equal(out.back(), weight[1])) {
    return mismatch(fmt::format("weight must be [outputs, {}], found {}",
                                out.empty() ? "inputs" : describe({out.back()}), describe(weight)));
  }
  if (op.has("bias") && (op.shape("bias").size() != 1 || !may_be_equal(op.shape("bias")[0], weight[0]))) {
    return mismatch(fmt::format("bias must have {} elements, found {}", weight[0], describe(op.shape("bias"))));
  }
  out.back() = weight[0];
  return std::vector<Shape>{std::move(out)};
}

Shapes matmul(const OpView& op) {
  Shape x = op.shape("x");
  Shape y = op.shape("y");
  const std::optional<bool> transpose_x = op.boolean("transpose_x");
  const std::optional<bool> transpose_y = op.boolean("transpose_y");
  const auto refuse = [&] {
    return mismatch(fmt::format("{}{} and {}{} cannot be multiplied", describe(op.shape("x")),
                                transpose_x.value_or(false) ? " transposed" : "", describe(op.shape("y")),
                                transpose_y.value_or(false) ? " transposed" : ""));
  };
  if (x.empty() || y.empty()) {
    return refuse();
  }
  const bool x_is_vector = x.size() == 1;
  const bool y_is_vector = y.size() == 1;
  if (x_is_vector) {
    x.insert(x.begin(), 1);
  }
  if (y_is_vector) {
    y.push_back(1);
  }
  const auto turn = [](Shape& shape, std::optional<bool> transposed) {
    std::int64_t& rows = shape[shape.size() - 2];
    if (!transposed) {
      rows = shape.back() = kUnknownExtent;
    } else if (*transposed) {
      std::swap(rows, shape.back());
    }
  };
  if (!x_is_vector) {
    turn(x, transpose_x);
  }
  if (!y_is_vector) {
    turn(y, transpose_y);
  }
  if (!may_be_equal(x.back(), y[y.size() - 2])) {
    return refuse();
  }
  OPENANE_TRY(Shape out, broadcast(Shape(x.begin(), x.end() - 2), Shape(y.begin(), y.end() - 2)));
  if (!x_is_vector) {
    out.push_back(x[x.size() - 2]);
  }
  if (!y_is_vector) {
    out.push_back(y.back());
  }
  return std::vector<Shape>{std::move(out)};
}

/// Extents by label; labels of several operands must agree or be 1.
Result<void> bind_labels(std::string_view labels, const Shape& shape, Shape& extents) {
  if (labels.size() != shape.size()) {
    return mismatch(fmt::format("'{}' names {} axes of a tensor of rank {}", labels, labels.size(), shape.size()));
  }
  for (std::size_t i = 0; i < labels.size(); ++i) {
    std::int64_t& extent = extents[static_cast<unsigned char>(labels[i])];
    if (extent == kVariadicExtent || extent == 1) {
      extent = shape[i];
    } else if (shape[i] != 1 && !may_be_equal(extent, shape[i])) {
      return mismatch(fmt::format("axis '{}' is {} and {}", labels[i], extent, shape[i]));
    }
  }
  return {};
}

Shapes einsum(const OpView& op) {
  std::optional<std::string> equation = op.text("equation");
  const std::vector<Type> operands = op.types("values");
  if (!equation) {
    return std::vector<Shape>{Shape{kVariadicExtent}};
  }
  std::erase(*equation, ' ');
  const std::size_t comma = equation->find(',');
  const std::size_t arrow = equation->find("->");
  if (operands.size() != 2 || comma == std::string::npos || arrow == std::string::npos || comma > arrow) {
    return mismatch(fmt::format("expected two operands and an equation 'ab,bc->ac', found {} and '{}'", operands.size(),
                                *equation));
  }
  const std::string_view text(*equation);
  Shape extents(256, kVariadicExtent);
  OPENANE_CHECK(bind_labels(text.substr(0, comma), operands[0].shape(), extents));
  OPENANE_CHECK(bind_labels(text.substr(comma + 1, arrow - comma - 1), operands[1].shape(), extents));
  Shape out;
  for (const char label : text.substr(arrow + 2)) {
    out.push_back(extents[static_cast<unsigned char>(label)]);
    if (out.back() == kVariadicExtent) {
      return mismatch(fmt::format("'{}' stands only on the right of '{}'", label, *equation));
    }
  }
  return std::vector<Shape>{std::move(out)};
}

Shapes attention(const OpView& op) {
  Shape out = op.shape("query");
  const Shape& key = op.shape("key");
  const Shape& value = op.shape("value");
  if (out.size() < 3 || key.size() != out.size() || value.size() != out.size()) {
    return mismatch(fmt::format("query, key and value must have one rank of at least 3, found {}, {} and {}",
                                out.size(), key.size(), value.size()));
  }
  const std::size_t last = out.size() - 1;
  if (!may_be_equal(out[last], key[last]) || !may_be_equal(key[last - 1], value[last - 1])) {
    return mismatch(
        fmt::format("query {}, key {} and value {} do not fit", describe(out), describe(key), describe(value)));
  }
  out[last] = value[last];
  return std::vector<Shape>{std::move(out)};
}

constexpr NamedRule kRules[] = {
    {"same", same},        {"same_data", same_data}, {"like_ref", like_ref}, {"scalar", scalar},
    {"broadcast", binary}, {"broadcast3", select},   {"reduce", reduce},     {"argreduce", arg_reduce},
    {"linear", linear},    {"matmul", matmul},       {"einsum", einsum},     {"sdpa", attention},
};

}  // namespace

std::span<const NamedRule> elementwise_rules() { return kRules; }

}  // namespace openane::mil
