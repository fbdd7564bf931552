// Rules for slices, gathers and scatters, and for operations that sort or select.
#include <fmt/format.h>

#include <algorithm>

#include "mil/extents.h"
#include "mil/shape_arguments.h"
#include "mil/shape_rules.h"

namespace openane::mil {
namespace {

using Shapes = Result<std::vector<Shape>>;

Shapes only(Shape shape) { return std::vector<Shape>{std::move(shape)}; }

/// Axis `axis` of x, or nothing when it is not constant.
Result<std::optional<std::size_t>> axis_of(const OpView& op, std::size_t rank) {
  const std::optional<std::int64_t> axis = op.integer("axis");
  if (!axis) {
    return std::nullopt;
  }
  OPENANE_TRY(const std::size_t at, normalise_axis(*axis, rank));
  return at;
}

Shapes gather(const OpView& op) {
  const Shape& x = op.shape("x");
  const Shape& indices = op.shape("indices");
  const std::int64_t batch = op.signature().find("batch_dims") != nullptr ? op.integer("batch_dims").value_or(-1) : 0;
  OPENANE_TRY(const auto axis, axis_of(op, x.size()));
  if (!axis || batch < 0) {
    return only({kVariadicExtent});
  }
  if (batch > static_cast<std::int64_t>(std::min(*axis, indices.size()))) {
    return mismatch(fmt::format("batch_dims {} with axis {} and indices of rank {}", batch, *axis, indices.size()));
  }
  Shape out(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(*axis));
  out.insert(out.end(), indices.begin() + batch, indices.end());
  out.insert(out.end(), x.begin() + static_cast<std::ptrdiff_t>(*axis) + 1, x.end());
  return only(std::move(out));
}

Shapes gather_along(const OpView& op) {
  const Shape& x = op.shape("x");
  const Shape& indices = op.shape("indices");
  if (x.size() != indices.size()) {
    return mismatch(fmt::format("x {} and indices {} must have one rank", describe(x), describe(indices)));
  }
  return only(indices);
}

Shapes gather_nd(const OpView& op) {
  const Shape& x = op.shape("x");
  const Shape& indices = op.shape("indices");
  const std::int64_t batch = op.signature().find("batch_dims") != nullptr ? op.integer("batch_dims").value_or(-1) : 0;
  if (indices.empty() || !is_known(indices.back()) || batch < 0) {
    return only({kVariadicExtent});
  }
  const std::int64_t used = batch + indices.back();
  if (used > static_cast<std::int64_t>(x.size())) {
    return mismatch(fmt::format("indices {} address {} axes of {}", describe(indices), used, describe(x)));
  }
  Shape out(indices.begin(), indices.end() - 1);
  out.insert(out.end(), x.begin() + used, x.end());
  return only(std::move(out));
}

struct SliceMasks {
  std::vector<bool> begin;
  std::vector<bool> end;
  std::vector<bool> squeeze;
};

Result<std::optional<std::vector<bool>>> mask_of(const OpView& op, std::string_view name, std::size_t rank) {
  OPENANE_TRY(const auto values, op.integers_of(name, rank, 0));
  if (!values) {
    return std::nullopt;
  }
  std::vector<bool> mask(rank);
  std::transform(values->begin(), values->end(), mask.begin(), [](std::int64_t value) { return value != 0; });
  return mask;
}

Result<std::optional<SliceMasks>> masks_of(const OpView& op, std::size_t rank) {
  OPENANE_TRY(auto begin, mask_of(op, "begin_mask", rank));
  OPENANE_TRY(auto end, mask_of(op, "end_mask", rank));
  OPENANE_TRY(auto squeeze, mask_of(op, "squeeze_mask", rank));
  if (!begin || !end || !squeeze) {
    return std::nullopt;
  }
  return SliceMasks{*std::move(begin), *std::move(end), *std::move(squeeze)};
}

/// Elements of a slice whose axis has an unknown extent. Places that are neighbours decide it, for an axis that has
/// them: so coremltools counts, and its converters declare (iOS15 slice_by_index, `solve_slice_by_index_shape`).
std::int64_t slice_of_unknown(std::optional<std::int64_t> from, std::optional<std::int64_t> to, std::int64_t stride) {
  if (from && !to) {
    return (*from == 0 && stride < 0) || (*from == -1 && stride > 0) ? 1 : kUnknownExtent;
  }
  if (!from || !to || (*from < 0) != (*to < 0) || (*from < 0) != (stride < 0)) {
    return kUnknownExtent;
  }
  const std::int64_t span = stride > 0 ? *to - *from : *from - *to;  // of one sign: no overflow
  const bool within_a_step = span >= 0 && (stride > 0 ? span <= stride : stride <= -span);
  return within_a_step ? std::int64_t{span > 0} : kUnknownExtent;
}

Shapes slice(const OpView& op) {
  const Shape& x = op.shape("x");
  OPENANE_TRY(const auto masks, masks_of(op, x.size()));
  OPENANE_TRY(const auto begin, op.integers_of("begin", x.size(), 0));
  OPENANE_TRY(const auto end, op.integers_of("end", x.size(), 0));
  OPENANE_TRY(const auto stride, op.integers_of("stride", x.size(), 1));
  if (!masks) {
    return only({kVariadicExtent});
  }
  Shape out;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (masks->squeeze[i]) {
      continue;
    }
    const bool from_known = masks->begin[i] || begin;
    const bool to_known = masks->end[i] || end;
    const auto from = masks->begin[i] || !begin ? std::nullopt : std::optional((*begin)[i]);
    const auto to = masks->end[i] || !end ? std::nullopt : std::optional((*end)[i]);
    if (!stride || !from_known || !to_known) {
      out.push_back(kUnknownExtent);
      continue;
    }
    if ((*stride)[i] == 0) {
      return mismatch(fmt::format("a stride of 0 along axis {}", i));
    }
    out.push_back(is_known(x[i]) ? slice_axis(x[i], from, to, (*stride)[i]).count
                                 : slice_of_unknown(from, to, (*stride)[i]));
  }
  return only(std::move(out));
}

Shapes slice_size(const OpView& op) {
  Shape out = op.shape("x");
  OPENANE_TRY(const auto begin, op.integers_of("begin", out.size(), 0));
  OPENANE_TRY(const auto size, op.integers_of("size", out.size(), 0));
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!size) {
      out[i] = kUnknownExtent;
    } else if ((*size)[i] == -1) {
      out[i] = begin ? shift(out[i], (*begin)[i] < 0 && is_known(out[i]) ? -(out[i] + (*begin)[i]) : -(*begin)[i])
                     : kUnknownExtent;
    } else if ((*size)[i] < 0 || (is_known(out[i]) && (*size)[i] > out[i])) {
      return mismatch(fmt::format("{} elements of axis {}, which has {}", (*size)[i], i, out[i]));
    } else {
      out[i] = (*size)[i];
    }
    if (out[i] < kUnknownExtent) {
      return mismatch(fmt::format("a slice of axis {} that starts behind its end", i));
    }
  }
  return only(std::move(out));
}

Shapes one_hot(const OpView& op) {
  Shape out = op.shape("indices");
  const std::optional<std::int64_t> axis = op.integer("axis");
  if (!axis) {
    return only(Shape(out.size() + 1, kUnknownExtent));
  }
  OPENANE_TRY(const std::size_t at, normalise_axis(*axis, out.size() + 1));
  const std::int64_t size = op.integer("one_hot_vector_size").value_or(kUnknownExtent);
  if (size < kUnknownExtent) {
    return mismatch(fmt::format("a one-hot vector of {}", size));
  }
  out.insert(out.begin() + static_cast<std::ptrdiff_t>(at), size);
  return only(std::move(out));
}

Shapes topk(const OpView& op) {
  Shape out = op.shape("x");
  OPENANE_TRY(const auto axis, axis_of(op, out.size()));
  const std::optional<std::int64_t> k = op.integer("k");
  if (!axis) {
    out.assign(out.size(), kUnknownExtent);
  } else {
    const bool all = k == -1 && op.signature().find("output_indices_dtype") != nullptr;  // ios17
    if (k && !all && (*k < 0 || (is_known(out[*axis]) && *k > out[*axis]))) {
      return mismatch(fmt::format("the {} largest of {}", *k, out[*axis]));
    }
    out[*axis] = all ? out[*axis] : k.value_or(kUnknownExtent);
  }
  const bool with_indices =
      op.signature().find("return_indices") == nullptr || op.boolean("return_indices").value_or(true);
  return with_indices ? std::vector<Shape>{out, out} : std::vector<Shape>{out};
}

Shapes range(const OpView& op) {
  const auto start = op.number("start");
  const auto end = op.number("end");
  const auto step = op.number("step");
  if (!start || !end || !step) {
    return only({kUnknownExtent});
  }
  OPENANE_TRY(const std::int64_t count, range_length(*start, *end, *step));
  return only({count});
}

Shapes non_zero(const OpView& op) { return only({kUnknownExtent, static_cast<std::int64_t>(op.shape("x").size())}); }

Shapes suppression(const OpView& op) {
  const Shape& scores = op.shape("scores");
  const std::int64_t most = op.integer("max_boxes").value_or(kUnknownExtent);
  if (scores.size() != 3 || op.shape("boxes").size() != 3) {
    return mismatch(fmt::format("boxes and scores must have rank 3, found {} and {}", describe(op.shape("boxes")),
                                describe(scores)));
  }
  if (op.signature().find("score_threshold") == nullptr) {  // ios17: boxes along the last axis
    return std::vector<Shape>{{scores[0], 4, most}, {scores[0], scores[1], most}, {scores[0], most}};
  }
  return std::vector<Shape>{{scores[0], most, 4}, {scores[0], most, scores[2]}, {scores[0], most}, {scores[0]}};
}

Shapes categorical(const OpView& op) {
  Shape out = op.shape("x");
  if (out.empty()) {
    return mismatch("x must have at least one axis");
  }
  out.back() = op.integer("size").value_or(kUnknownExtent);
  return only(std::move(out));
}

constexpr NamedRule kRules[] = {
    {"gather", gather},
    {"gather_along", gather_along},
    {"gather_nd", gather_nd},
    {"slice", slice},
    {"slice_size", slice_size},
    {"one_hot", one_hot},
    {"topk", topk},
    {"range", range},
    {"dynamic", non_zero},
    {"nms", suppression},
    {"categorical", categorical},
};

}  // namespace

std::span<const NamedRule> indexing_rules() { return kRules; }

}  // namespace openane::mil
