// Rules for operations that move elements without computing: reshape, transpose, concatenation, padding, tiling.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "mil/extents.h"
#include "mil/shape_arguments.h"
#include "mil/shape_rules.h"

namespace openane::mil {
namespace {

using Shapes = Result<std::vector<Shape>>;

Shapes only(Shape shape) { return std::vector<Shape>{std::move(shape)}; }

/// As many unknown extents as a rank-1 argument has elements; any number when that is not known either.
Shape open_shape(const Shape& of_argument) {
  if (of_argument.size() != 1 || !is_known(of_argument[0]) || of_argument[0] > 64) {
    return {kVariadicExtent};
  }
  return Shape(static_cast<std::size_t>(of_argument[0]), kUnknownExtent);
}

Shapes reshape(const OpView& op) {
  const auto wanted = op.integers("shape");
  if (!wanted) {
    return only(open_shape(op.shape("shape")));
  }
  OPENANE_TRY(Shape out, resolve_shape(op.shape("x"), *wanted, op.signature().since != "ios15"));
  return only(std::move(out));
}

Shapes reshape_like(const OpView& op) {
  const std::vector<Type> refs = op.types("ref_tensors");
  const auto begins = op.integers("begins");
  const auto ends = op.integers("ends");
  const auto masks = op.booleans("end_masks");
  if (!begins || !ends || !masks) {
    return only({kVariadicExtent});
  }
  if (begins->size() != refs.size() || ends->size() != refs.size() || masks->size() != refs.size()) {
    return mismatch(fmt::format("{} reference tensors with {} begins, {} ends and {} end masks", refs.size(),
                                begins->size(), ends->size(), masks->size()));
  }
  Shape wanted;
  for (std::size_t i = 0; i < refs.size(); ++i) {
    const Shape& shape = refs[i].shape();
    const auto rank = static_cast<std::int64_t>(shape.size());
    const std::int64_t begin = std::clamp<std::int64_t>((*begins)[i] < 0 ? (*begins)[i] + rank : (*begins)[i], 0, rank);
    const std::int64_t end =
        (*masks)[i] ? rank : std::clamp<std::int64_t>((*ends)[i] < 0 ? (*ends)[i] + rank : (*ends)[i], begin, rank);
    wanted.insert(wanted.end(), shape.begin() + begin, shape.begin() + std::max(begin, end));
  }
  const Shape& x = op.shape("x");
  if (!may_be_equal(product(x, 0, x.size()), product(wanted, 0, wanted.size()))) {
    return mismatch(fmt::format("{} cannot be reshaped to {}", describe(x), describe(wanted)));
  }
  return only(std::move(wanted));
}

Shapes shape_input(const OpView& op) {
  const auto wanted = op.integers("shape");
  if (!wanted) {
    return only(open_shape(op.shape("shape")));
  }
  if (std::ranges::any_of(*wanted, [](std::int64_t extent) { return extent < 0; })) {
    return mismatch(fmt::format("a shape with a negative extent: {}", fmt::join(*wanted, "x")));
  }
  return only(*wanted);
}

Shapes shape_of(const OpView& op) { return only({static_cast<std::int64_t>(op.shape("x").size())}); }

Shapes transpose(const OpView& op) {
  const Shape& x = op.shape("x");
  const auto perm = op.integers("perm");
  if (!perm) {
    return only(Shape(x.size(), kUnknownExtent));
  }
  std::vector<bool> used(x.size(), false);
  Shape out;
  for (const std::int64_t axis : *perm) {
    OPENANE_TRY(const std::size_t at, normalise_axis(axis, x.size()));
    if (used[at]) {
      return mismatch(fmt::format("axis {} stands twice in perm", at));
    }
    used[at] = true;
    out.push_back(x[at]);
  }
  if (out.size() != x.size()) {
    return mismatch(fmt::format("perm has {} axes, x has {}", out.size(), x.size()));
  }
  return only(std::move(out));
}

Shapes expand_dims(const OpView& op) {
  Shape out = op.shape("x");
  const auto axes = op.integers("axes");
  if (!axes) {
    return only({kVariadicExtent});
  }
  std::vector<std::size_t> positions;
  for (const std::int64_t axis : *axes) {
    OPENANE_TRY(const std::size_t at, normalise_axis(axis, out.size() + axes->size()));
    positions.push_back(at);
  }
  std::ranges::sort(positions);
  for (const std::size_t at : positions) {
    out.insert(out.begin() + static_cast<std::ptrdiff_t>(std::min(at, out.size())), 1);
  }
  return only(std::move(out));
}

Shapes squeeze(const OpView& op) {
  const Shape& x = op.shape("x");
  Shape out;
  if (!op.has("axes")) {
    std::ranges::copy_if(x, std::back_inserter(out), [](std::int64_t extent) { return extent != 1; });
    return only(std::move(out));
  }
  const auto axes = op.integers("axes");
  if (!axes) {
    return only({kVariadicExtent});
  }
  std::vector<bool> dropped(x.size(), false);
  for (const std::int64_t axis : *axes) {
    OPENANE_TRY(const std::size_t at, normalise_axis(axis, x.size()));
    if (!is_known(x[at])) {
      return only({kVariadicExtent});  // whether it goes, its extent decides: coremltools declares that it stays
    }
    dropped[at] = x[at] == 1;
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!dropped[i]) {
      out.push_back(x[i]);
    }
  }
  return only(std::move(out));
}

Shapes flatten2d(const OpView& op) {
  const Shape& x = op.shape("x");
  const std::optional<std::int64_t> axis = op.integer("axis");
  if (!axis) {
    return only({kUnknownExtent, kUnknownExtent});
  }
  OPENANE_TRY(Shape out, flattened_shape(x, *axis));
  return only(std::move(out));
}

Shapes concat(const OpView& op) {
  const std::vector<Type> values = op.types("values");
  const std::optional<std::int64_t> axis = op.integer("axis");
  if (values.empty()) {
    return mismatch("nothing to join");
  }
  Shape out = values.front().shape();
  if (!axis) {
    return only(Shape(out.size(), kUnknownExtent));
  }
  if (out.empty()) {  // scalars join to a vector
    return only({static_cast<std::int64_t>(values.size())});
  }
  OPENANE_TRY(const std::size_t at, normalise_axis(*axis, out.size()));
  out[at] = 0;
  for (const Type& value : values) {
    const Shape& shape = value.shape();
    if (shape.size() != out.size() || value.data_type() != values.front().data_type()) {
      return mismatch(fmt::format("{} cannot be joined with {}", to_string(value), to_string(values.front())));
    }
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (i == at) {
        out[i] = add(out[i], shape[i]);
      } else if (!may_be_equal(out[i], shape[i])) {
        return mismatch(
            fmt::format("{} cannot be joined with {} along axis {}", to_string(value), to_string(values.front()), at));
      } else if (is_known(shape[i])) {
        out[i] = shape[i];
      }
    }
  }
  return only(std::move(out));
}

Shapes stack(const OpView& op) {
  const std::vector<Type> values = op.types("values");
  const std::optional<std::int64_t> axis = op.integer("axis");
  if (values.empty()) {
    return mismatch("nothing to stack");
  }
  Shape out = values.front().shape();
  for (const Type& value : values) {
    if (value.shape().size() != out.size() || !std::ranges::equal(value.shape(), out, may_be_equal)) {
      return mismatch(fmt::format("{} cannot be stacked with {}", to_string(value), to_string(values.front())));
    }
    std::ranges::transform(out, value.shape(), out.begin(),
                           [](std::int64_t a, std::int64_t b) { return is_known(a) ? a : b; });
  }
  if (!axis) {
    return only(Shape(out.size() + 1, kUnknownExtent));
  }
  OPENANE_TRY(const std::size_t at, normalise_axis(*axis, out.size() + 1));
  out.insert(out.begin() + static_cast<std::ptrdiff_t>(at), static_cast<std::int64_t>(values.size()));
  return only(std::move(out));
}

/// Sizes of the parts; an even cut when only their number is given.
Result<std::vector<std::int64_t>> split_sizes(const OpView& op, std::int64_t extent) {
  const std::size_t results = op.operation().outputs.size();
  if (op.has("split_sizes")) {
    const auto sizes = op.integers("split_sizes");
    if (!sizes) {
      return std::vector<std::int64_t>(results, kUnknownExtent);
    }
    const std::int64_t sum = std::accumulate(sizes->begin(), sizes->end(), std::int64_t{0}, add);
    if (!may_be_equal(sum, extent)) {
      return mismatch(fmt::format("parts of {} in all, but the axis has {}", sum, extent));
    }
    return *sizes;
  }
  const std::optional<std::int64_t> count = op.integer("num_splits");
  if (!count) {
    return op.has("num_splits") ? Result<std::vector<std::int64_t>>(std::vector<std::int64_t>(results, kUnknownExtent))
                                : mismatch("needs num_splits or split_sizes");
  }
  if (*count <= 0 || *count > 1 << 20 || (is_known(extent) && extent % *count != 0)) {
    return mismatch(fmt::format("an axis of {} cannot be cut into {} equal parts", extent, *count));
  }
  return std::vector<std::int64_t>(static_cast<std::size_t>(*count),
                                   is_known(extent) ? extent / *count : kUnknownExtent);
}

Shapes split(const OpView& op) {
  const Shape& x = op.shape("x");
  const std::optional<std::int64_t> axis = op.integer("axis");
  if (!axis) {
    return std::vector<Shape>(op.operation().outputs.size(), Shape(x.size(), kUnknownExtent));
  }
  OPENANE_TRY(const std::size_t at, normalise_axis(*axis, x.size()));
  OPENANE_TRY(const auto sizes, split_sizes(op, x[at]));
  std::vector<Shape> out(sizes.size(), x);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    out[i][at] = sizes[i];
  }
  return out;
}

Shapes pad(const OpView& op) {
  Shape out = op.shape("x");
  const auto amounts = op.integers("pad");
  if (!amounts) {
    return only(Shape(out.size(), kUnknownExtent));
  }
  const std::size_t axes = amounts->size() / 2;
  if (amounts->size() % 2 != 0 || axes > out.size()) {
    return mismatch(fmt::format("{} pad amounts for a tensor of rank {}", amounts->size(), out.size()));
  }
  for (std::size_t i = 0; i < axes; ++i) {
    const std::int64_t before = (*amounts)[2 * i];
    const std::int64_t after = (*amounts)[2 * i + 1];
    if (before < 0 || after < 0) {
      return mismatch(fmt::format("negative padding: {}, {}", before, after));
    }
    std::int64_t& extent = out[out.size() - axes + i];
    extent = add(add(extent, before), after);
  }
  return only(std::move(out));
}

Shapes tile(const OpView& op) {
  Shape out = op.shape("x");
  const auto reps = op.integers("reps");
  if (!reps) {
    return only(Shape(out.size(), kUnknownExtent));
  }
  if (reps->size() != out.size() || std::ranges::any_of(*reps, [](std::int64_t rep) { return rep <= 0; })) {
    return mismatch(fmt::format("reps must be {} positive numbers, found {}", out.size(), fmt::join(*reps, ", ")));
  }
  std::ranges::transform(out, *reps, out.begin(), multiply);
  return only(std::move(out));
}

Shapes sliding_windows(const OpView& op) {
  Shape out = op.shape("x");
  const std::optional<std::int64_t> axis = op.integer("axis");
  const std::optional<std::int64_t> size = op.integer("size");
  const std::optional<std::int64_t> stride = op.integer("stride");
  if (!axis || !size || !stride) {
    return only(Shape(out.size() + 1, kUnknownExtent));
  }
  OPENANE_TRY(const std::size_t at, normalise_axis(*axis, out.size()));
  if (*size < 1 || *stride < 1 || (is_known(out[at]) && out[at] < *size)) {
    return mismatch(fmt::format("windows of {} every {} along an axis of {}", *size, *stride, out[at]));
  }
  out[at] = when_known([&](std::int64_t extent) { return (extent - *size) / *stride + 1; }, out[at]);
  out.insert(out.begin() + static_cast<std::ptrdiff_t>(at) + 1, *size);
  return only(std::move(out));
}

constexpr NamedRule kRules[] = {
    {"reshape", reshape},
    {"reshape_like", reshape_like},
    {"shape_input", shape_input},
    {"shape", shape_of},
    {"transpose", transpose},
    {"expand_dims", expand_dims},
    {"squeeze", squeeze},
    {"flatten2d", flatten2d},
    {"concat", concat},
    {"stack", stack},
    {"split", split},
    {"pad", pad},
    {"tile", tile},
    {"sliding_windows", sliding_windows},
};

}  // namespace

std::span<const NamedRule> layout_rules() { return kRules; }

}  // namespace openane::mil
