// Non-maximum suppression, as apple/coremltools describes it (mlmodel/format/NeuralNetwork.proto@e0e2f42b,
// NonMaximumSuppressionLayerParams): a box's score is the largest of its class scores; boxes are taken in descending
// order of score unless one already taken (of the same class, with per_class_suppression) covers them by more than
// iou_threshold; when no box reaches score_threshold, the best one is taken alone, so that the result is never empty.
// What is left of max_boxes is 0, and -1 for indices.
//
// The op of ios15 has one box per row, that of ios17 one per column, no score threshold and no count of boxes.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mil/extents.h"
#include "reference/arguments.h"
#include "reference/kernels.h"
#include "reference/view.h"

namespace openane::reference {
namespace {

/// Rows of one batch entry, wherever the op set puts them: element (box, column).
template <typename Real>
struct Table {
  const Real* first;
  std::int64_t box_stride;
  std::int64_t column_stride;

  [[nodiscard]] Real at(std::int64_t box, std::int64_t column) const {
    return first[box * box_stride + column * column_stride];
  }
};

template <typename Real>
struct Candidate {
  std::int64_t box;
  std::int64_t best_class;
  Real score;
  Real left, right, top, bottom;

  [[nodiscard]] Real area() const { return (right - left) * (bottom - top); }
};

template <typename Real>
Candidate<Real> candidate(const Table<Real>& boxes, const Table<Real>& scores, std::int64_t classes, std::int64_t box) {
  Candidate<Real> out{};
  out.box = box;
  for (std::int64_t i = 1; i < classes; ++i) {
    out.best_class = scores.at(box, i) > scores.at(box, out.best_class) ? i : out.best_class;
  }
  out.score = scores.at(box, out.best_class);
  const Real half_width = boxes.at(box, 2) / 2;
  const Real half_height = boxes.at(box, 3) / 2;
  out.left = boxes.at(box, 0) - half_width;
  out.right = boxes.at(box, 0) + half_width;
  out.top = boxes.at(box, 1) - half_height;
  out.bottom = boxes.at(box, 1) + half_height;
  return out;
}

/// Intersection over union; 0 for boxes without an area.
template <typename Real>
Real overlap(const Candidate<Real>& a, const Candidate<Real>& b) {
  const Real width = std::min(a.right, b.right) - std::max(a.left, b.left);
  const Real height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  const Real common = std::max<Real>(width, 0) * std::max<Real>(height, 0);
  const Real together = a.area() + b.area() - common;
  return together > 0 ? common / together : 0;
}

struct Limits {
  double iou = 0;
  std::optional<double> score;
  std::int64_t boxes = 0;
  bool per_class = false;
};

/// Candidates are in descending order of score.
template <typename Real>
std::vector<std::int64_t> survivors(std::span<const Candidate<Real>> candidates, const Limits& limits) {
  std::vector<const Candidate<Real>*> taken;
  for (const Candidate<Real>& next : candidates) {
    if (static_cast<std::int64_t>(taken.size()) == limits.boxes) {
      break;
    }
    const bool is_covered = std::ranges::any_of(taken, [&](const Candidate<Real>* earlier) {
      const bool compete = !limits.per_class || earlier->best_class == next.best_class;
      return compete && static_cast<double>(overlap(*earlier, next)) > limits.iou;
    });
    const bool is_low = limits.score && static_cast<double>(next.score) < *limits.score;
    if (!is_covered && !is_low) {
      taken.push_back(&next);
    }
  }
  if (taken.empty() && !candidates.empty() && limits.boxes > 0) {
    taken.push_back(&candidates.front());
  }
  std::vector<std::int64_t> boxes(taken.size());
  std::ranges::transform(taken, boxes.begin(), &Candidate<Real>::box);
  return boxes;
}

Result<Limits> limits_of(const Call& call) {
  Limits out;
  OPENANE_TRY(out.iou, number_argument(call, "iou_threshold"));
  out.score = call.number("score_threshold");
  OPENANE_TRY(out.boxes, integer_argument(call, "max_boxes"));
  out.per_class = call.boolean("per_class_suppression").value_or(false);
  if (out.boxes < 0) {
    return refuse(fmt::format("max_boxes of {}", out.boxes));
  }
  return out;
}

/// Where the op set puts things: the batch axis is first, `box_axis` counts boxes, the other one columns.
struct Arrangement {
  std::size_t box_axis;
  [[nodiscard]] std::size_t column_axis() const { return 3 - box_axis; }

  template <typename Real>
  [[nodiscard]] Table<Real> table(const Array& array, std::int64_t batch) const {
    const View view = View::of(array.shape());
    return {array.elements<Real>().data() + batch * view.axes[0].stride, view.axes[box_axis].stride,
            view.axes[column_axis()].stride};
  }
};

/// The rows of `boxes` in the order of `picked`, then zeros.
void store_picked(const Array& from, const Array& to, std::int64_t batch, const Arrangement& arrangement,
                  std::span<const std::int64_t> picked) {
  const View source = View::of(from.shape()).sliced(0, batch, 1);
  const View target = View::of(to.shape()).sliced(0, batch, 1);
  for (std::size_t i = 0; i < picked.size(); ++i) {
    copy_view(from, source.sliced(arrangement.box_axis, picked[i], 1), to,
              target.sliced(arrangement.box_axis, static_cast<std::int64_t>(i), 1), 1);
  }
}

template <typename Real>
std::vector<Candidate<Real>> sorted_candidates(const Array& boxes, const Array& scores, std::int64_t batch,
                                               const Arrangement& arrangement) {
  const auto box_table = arrangement.table<Real>(boxes, batch);
  const auto score_table = arrangement.table<Real>(scores, batch);
  std::vector<Candidate<Real>> out;
  out.reserve(static_cast<std::size_t>(boxes.shape()[arrangement.box_axis]));
  for (std::int64_t i = 0; i < boxes.shape()[arrangement.box_axis]; ++i) {
    out.push_back(candidate(box_table, score_table, scores.shape()[arrangement.column_axis()], i));
  }
  // A NaN is no score: it comes last.
  std::ranges::stable_sort(out, [](const Candidate<Real>& a, const Candidate<Real>& b) {
    return std::isnan(b.score) ? !std::isnan(a.score) : a.score > b.score;
  });
  return out;
}

Result<void> check_shapes(const Array& boxes, const Array& scores, const Arrangement& arrangement) {
  const bool ranks = boxes.rank() == 3 && scores.rank() == 3;
  if (!ranks || boxes.shape()[0] != scores.shape()[0] ||
      boxes.shape()[arrangement.box_axis] != scores.shape()[arrangement.box_axis] ||
      boxes.shape()[arrangement.column_axis()] != 4 || scores.shape()[arrangement.column_axis()] < 1) {
    return refuse(fmt::format("boxes {} and scores {}", mil::describe(boxes.shape()), mil::describe(scores.shape())));
  }
  return {};
}

template <typename Real>
Result<void> suppress(Call& call) {
  const Array& boxes = call.array("boxes");
  const Array& scores = call.array("scores");
  const Arrangement arrangement{call.signature().find("score_threshold") != nullptr ? std::size_t{1} : std::size_t{2}};
  OPENANE_CHECK(check_shapes(boxes, scores, arrangement));
  OPENANE_TRY(const Limits limits, limits_of(call));
  const std::int64_t batches = boxes.shape()[0];
  Shape box_shape = boxes.shape();
  Shape score_shape = scores.shape();
  box_shape[arrangement.box_axis] = score_shape[arrangement.box_axis] = limits.boxes;
  OPENANE_TRY(Array out_boxes, call.allocate(0, box_shape));
  OPENANE_TRY(Array out_scores, call.allocate(1, score_shape));
  OPENANE_TRY(Array out_indices, call.allocate(2, {batches, limits.boxes}));
  Array out_counts;
  if (call.output_count() > 3) {
    OPENANE_TRY(out_counts, call.allocate(3, {batches}));
  }
  fill(out_boxes, 0);
  fill(out_scores, 0);
  fill(out_indices, -1);
  std::vector<std::int32_t> counts;
  for (std::int64_t batch = 0; batch < batches; ++batch) {
    const auto candidates = sorted_candidates<Real>(boxes, scores, batch, arrangement);
    const auto picked = survivors<Real>(candidates, limits);
    store_picked(boxes, out_boxes, batch, arrangement, picked);
    store_picked(scores, out_scores, batch, arrangement, picked);
    std::ranges::transform(picked, out_indices.writable<std::int32_t>().begin() + batch * limits.boxes,
                           [](std::int64_t box) { return static_cast<std::int32_t>(box); });
    counts.push_back(static_cast<std::int32_t>(picked.size()));
  }
  call.give(0, std::move(out_boxes));
  call.give(1, std::move(out_scores));
  call.give(2, std::move(out_indices));
  if (call.output_count() > 3) {
    std::ranges::copy(counts, out_counts.writable<std::int32_t>().begin());
    call.give(3, std::move(out_counts));
  }
  return {};
}

constexpr NamedKernel kKernels[] = {
    {"non_maximum_suppression", by_real<suppress<float>, suppress<double>>},
};

}  // namespace

std::span<const NamedKernel> suppression_kernels() { return kKernels; }

}  // namespace openane::reference
