// Gathers, scatters and selections on random shapes, against their definitions place by place.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "places.h"
#include "stub_call.h"

namespace openane::reference::test {
namespace {

/// Random indices into `extent` elements; negative ones among them when asked for.
Array random_indices(Choice& choice, const Shape& shape, std::int64_t extent, bool with_negative) {
  std::vector<std::int32_t> values(count_of(shape));
  for (std::int32_t& value : values) {
    value = static_cast<std::int32_t>(choice.among(with_negative ? -extent : 0, extent - 1));
  }
  return array_of<std::int32_t>(shape, values);
}

std::int64_t wrapped(std::int32_t index, std::int64_t extent) { return index < 0 ? index + extent : index; }

Place part(const Place& place, std::size_t begin, std::size_t end) {
  return {place.begin() + static_cast<std::ptrdiff_t>(begin), place.begin() + static_cast<std::ptrdiff_t>(end)};
}

Place joined(Place a, const Place& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(Gather, TakesSlicesAlongItsAxis) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Choice choice(seed);
    const Shape in = choice.shape(1, 5);
    const Array x = counting<float>(in);
    const std::int32_t axis = choice.axis(in.size());
    const std::size_t at_axis = from_front(axis, in.size());
    const auto batch = static_cast<std::size_t>(choice.among(0, static_cast<std::int64_t>(at_axis)));
    const Shape taken = choice.shape(0, 2);
    const Array indices = random_indices(choice, joined(part(in, 0, batch), taken), in[at_axis], seed % 2 == 0);
    StubCall call("gather");
    call.in(seed % 2 == 0 ? "ios16" : "ios17").with("x", x).with("indices", indices).with_integer("axis", axis);
    const Array result = call.with_integer("batch_dims", static_cast<std::int32_t>(batch)).result();
    const Shape out = joined(joined(part(in, 0, at_axis), taken), part(in, at_axis + 1, in.size()));
    expect_moved<float>(x, result, out, [&](const Place& place) {
      const Place where = joined(part(place, 0, batch), part(place, at_axis, at_axis + taken.size()));
      Place source = part(place, 0, at_axis);
      source.push_back(wrapped(at<std::int32_t>(indices, where), in[at_axis]));
      return joined(source, part(place, at_axis + taken.size(), place.size()));
    });
  }
}

TEST(Gather, CountsFromTheEndUpToIos16Only) {
  const auto gather = [](std::string_view opset, std::int32_t index) {
    StubCall call("gather");
    call.in(opset).with("x", counting<float>({3, 2})).with("indices", array_of<std::int32_t>({1, 2}, {0, index}));
    return failure(call);
  };
  EXPECT_NE(gather("ios16", 3).find("index 3 at [0, 1] of indices is outside -3..2"), std::string::npos);
  EXPECT_NE(gather("ios15", -4).find("index -4 at [0, 1] of indices is outside -3..2"), std::string::npos);
  EXPECT_NE(gather("ios17", -1).find("index -1 at [0, 1] of indices is outside 0..2"), std::string::npos);
}

TEST(GatherAlongAxis, EveryElementHasItsOwnIndex) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Choice choice(seed);
    const Shape in = choice.shape(1, 5);
    const Array x = counting<std::int32_t>(in);
    const std::int32_t axis = choice.axis(in.size());
    const std::size_t at_axis = from_front(axis, in.size());
    Shape out = in;
    out[at_axis] = choice.among(1, 6);
    const Array indices = random_indices(choice, out, in[at_axis], true);
    StubCall call("gather_along_axis");
    call.in("ios16").with("x", x).with("indices", indices).with_integer("axis", axis).gives(mil::DataType::int32);
    expect_moved<std::int32_t>(x, call.result(), out, [&](Place place) {
      place[at_axis] = wrapped(at<std::int32_t>(indices, place), in[at_axis]);
      return place;
    });
  }
}

/// Indices [prefix..., depth] into the axes of `shape` from `first` on.
Array random_tuples(Choice& choice, const Shape& prefix, const Shape& shape, std::size_t first, std::size_t depth) {
  const Shape all = joined(prefix, {static_cast<std::int64_t>(depth)});
  std::vector<std::int32_t> values(count_of(all));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<std::int32_t>(choice.among(0, shape[first + i % depth] - 1));
  }
  return array_of<std::int32_t>(all, values);
}

Place tuple_at(const Array& indices, Place prefix) {
  Place out;
  prefix.push_back(0);
  for (std::int64_t i = 0; i < indices.shape().back(); ++i) {
    prefix.back() = i;
    out.push_back(at<std::int32_t>(indices, prefix));
  }
  return out;
}

TEST(GatherNd, TheLastAxisOfIndicesAddressesAPrefix) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Choice choice(seed);
    const Shape in = choice.shape(1, 5);
    const Array x = counting<float>(in);
    const auto batch = static_cast<std::size_t>(choice.among(0, std::ssize(in) - 1));
    const auto depth = static_cast<std::size_t>(choice.among(1, std::ssize(in) - static_cast<std::int64_t>(batch)));
    const Shape prefix = joined(part(in, 0, batch), choice.shape(0, 2, 1, 4));
    const Array indices = random_tuples(choice, prefix, in, batch, depth);
    const Array result = StubCall("gather_nd")
                             .with("x", x)
                             .with("indices", indices)
                             .with_integer("batch_dims", static_cast<std::int32_t>(batch))
                             .result();
    const Shape out = joined(prefix, part(in, batch + depth, in.size()));
    expect_moved<float>(x, result, out, [&](const Place& place) {
      const Place tuple = tuple_at(indices, part(place, 0, prefix.size()));
      return joined(joined(part(place, 0, batch), tuple), part(place, prefix.size(), place.size()));
    });
  }
}

using Update = std::function<float(float, float)>;
const std::map<std::string, Update> kUpdates{
    {"update", [](float, float by) { return by; }},
    {"add", [](float old, float by) { return old + by; }},
    {"sub", [](float old, float by) { return old - by; }},
    {"mul", [](float old, float by) { return old * by; }},
    {"div", [](float old, float by) { return old / by; }},
    {"max", [](float old, float by) { return std::max(old, by); }},
    {"min", [](float old, float by) { return std::min(old, by); }},
};

/// `data` with each update applied at `target(place)`, in order.
template <typename Target>
std::vector<float> updated(const Array& data, const Array& updates, const Update& update, const Target& target) {
  std::vector<float> out = values_of<float>(data);
  for (const Place& place : places(updates.shape())) {
    float& element = out[linear(data.shape(), target(place))];
    element = update(element, at<float>(updates, place));
  }
  return out;
}

/// What one random scatter is drawn as: the place in the data where the update at a place goes.
struct ScatterDraw {
  Array indices;
  Shape updates;
  std::function<Place(const Place&)> target;
};

/// Random data and updates in every mode; `draw(choice, shape of data, call)` draws the rest and gives `call` what it
/// needs besides.
template <typename Draw>
void expect_scatters(const char* op, std::uint64_t seeds, const Draw& draw) {
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    for (const auto& [mode, update] : kUpdates) {
      SCOPED_TRACE(mode + " " + std::to_string(seed));
      Choice choice(seed);
      const Shape shape = choice.shape(1, 4);
      const Array data = random_array<float>(shape, seed);
      StubCall call(op);
      const ScatterDraw drawn = draw(choice, shape, call);
      const Array updates = random_array<float>(drawn.updates, seed + 1, 1, 3);
      call.with("data", data).with("indices", drawn.indices).with("updates", updates).with("mode", mode.c_str());
      EXPECT_EQ(values_of<float>(call.result()), updated(data, updates, update, drawn.target));
    }
  }
}

TEST(Scatter, AppliesUpdatesInOrderInEveryMode) {
  expect_scatters("scatter", 200, [](Choice& choice, const Shape& shape, StubCall& call) {
    const std::int32_t axis = choice.axis(shape.size());
    const std::size_t at_axis = from_front(axis, shape.size());
    const Array indices = random_indices(choice, {choice.among(1, 6)}, shape[at_axis], true);
    Shape updates = shape;
    updates[at_axis] = indices.count();
    call.in("ios16").with_integer("axis", axis);
    return ScatterDraw{indices, updates, [=](Place place) {
                         place[at_axis] = wrapped(at<std::int32_t>(indices, {place[at_axis]}), shape[at_axis]);
                         return place;
                       }};
  });
}

TEST(ScatterAlongAxis, AppliesUpdatesInOrderInEveryMode) {
  expect_scatters("scatter_along_axis", 100, [](Choice& choice, const Shape& shape, StubCall& call) {
    const std::int32_t axis = choice.axis(shape.size());
    const std::size_t at_axis = from_front(axis, shape.size());
    Shape updates = shape;
    updates[at_axis] = choice.among(1, 6);
    const Array indices = random_indices(choice, updates, shape[at_axis], false);
    call.with_integer("axis", axis);
    return ScatterDraw{indices, updates, [=](Place place) {
                         place[at_axis] = at<std::int32_t>(indices, place);
                         return place;
                       }};
  });
}

TEST(ScatterNd, AppliesUpdatesInOrderInEveryMode) {
  expect_scatters("scatter_nd", 100, [](Choice& choice, const Shape& shape, StubCall&) {
    const auto depth = static_cast<std::size_t>(choice.among(1, std::ssize(shape)));
    const Shape prefix = choice.shape(0, 2, 1, 5);
    const Array indices = random_tuples(choice, prefix, shape, 0, depth);
    return ScatterDraw{indices, joined(prefix, part(shape, depth, shape.size())), [=](const Place& place) {
                         return joined(tuple_at(indices, part(place, 0, prefix.size())),
                                       part(place, prefix.size(), place.size()));
                       }};
  });
}

TEST(Scatter, WhatWasScatteredIsGathered) {
  const Array data = random_array<float>({7, 5}, 1);
  const Array updates = random_array<float>({3, 5}, 2);
  const Array indices = array_of<std::int32_t>({3}, {6, 0, 2});
  const Array result = StubCall("scatter")
                           .with("data", data)
                           .with("indices", indices)
                           .with("updates", updates)
                           .with("mode", "update")
                           .result();
  const Array back = StubCall("gather").with("x", result).with("indices", indices).result();
  EXPECT_EQ(values_of<float>(back), values_of<float>(updates));
}

TEST(Scatter, IntegersWrapAndDivideWithoutRemainderOnly) {
  const auto scatter = [](std::int32_t data, std::int32_t update, const char* mode) {
    StubCall call("scatter");
    call.with("data", array_of<std::int32_t>({1}, {data})).with("updates", array_of<std::int32_t>({1}, {update}));
    call.with("indices", array_of<std::int32_t>({1}, {0})).with("mode", mode).gives(mil::DataType::int32);
    return call;
  };
  constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();
  EXPECT_EQ(values_of<std::int32_t>(scatter(kMost, 1, "add").result()), std::vector<std::int32_t>{-kMost - 1});
  EXPECT_EQ(values_of<std::int32_t>(scatter(12, -4, "div").result()), std::vector<std::int32_t>{-3});
  StubCall by_zero = scatter(1, 0, "div");
  EXPECT_NE(failure(by_zero).find("divided by zero"), std::string::npos);
  StubCall remainder = scatter(7, 2, "div");
  EXPECT_NE(failure(remainder).find("missing specification: mode 'div'"), std::string::npos);
  StubCall overflow = scatter(-kMost - 1, -1, "div");
  EXPECT_NE(failure(overflow).find("missing specification: mode 'div'"), std::string::npos);
  StubCall unknown = scatter(1, 1, "xor");
  EXPECT_NE(failure(unknown).find("missing specification: mode 'xor'"), std::string::npos);
}

/// The line of x through `place` along `axis`.
std::vector<float> line_of(const Array& x, Place place, std::size_t axis) {
  std::vector<float> line;
  for (place[axis] = 0; place[axis] < x.shape()[axis]; ++place[axis]) {
    line.push_back(at<float>(x, place));
  }
  return line;
}

/// Indices that sort a line, by counting for each element those that come before it.
std::vector<std::int32_t> ranking(const std::vector<float>& line, bool ascending) {
  std::vector<std::int32_t> order(line.size());
  for (std::size_t i = 0; i < line.size(); ++i) {
    std::size_t rank = 0;
    for (std::size_t j = 0; j < line.size(); ++j) {
      const bool is_before = ascending ? line[j] < line[i] : line[j] > line[i];
      rank += is_before || (line[j] == line[i] && j < i) ? 1 : 0;
    }
    order[rank] = static_cast<std::int32_t>(i);
  }
  return order;
}

/// Few different numbers, so that ties are common.
Array with_ties(const Shape& shape, Choice& choice) {
  std::vector<float> values(count_of(shape));
  for (float& value : values) {
    value = static_cast<float>(choice.among(-3, 3)) / 2;
  }
  return array_of<float>(shape, values);
}

TEST(ArgsortAndTopk, OrderLinesAndKeepTiesInOrder) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Choice choice(seed);
    const Shape shape = choice.shape(1, 4, 1, 9);
    const Array x = with_ties(shape, choice);
    const std::int32_t axis = choice.axis(shape.size());
    const std::size_t at_axis = from_front(axis, shape.size());
    const bool ascending = choice.coin();
    const Array order = StubCall("argsort")
                            .with("x", x)
                            .with_integer("axis", axis)
                            .with_boolean("ascending", ascending)
                            .gives(mil::DataType::int32)
                            .result();
    ASSERT_EQ(order.shape(), shape);
    const std::int64_t k = choice.among(-1, shape[at_axis]);
    StubCall topk("topk");
    topk.with("x", x).with_integer("axis", axis).with_integer("k", static_cast<std::int32_t>(k));
    const Array values = topk.with_boolean("ascending", ascending).gives(mil::DataType::int32, 1).result();
    const Array indices = topk.output(1);
    Shape expected_shape = shape;
    expected_shape[at_axis] = k == -1 ? shape[at_axis] : k;
    ASSERT_EQ(values.shape(), expected_shape);
    ASSERT_EQ(indices.shape(), expected_shape);
    for (const Place& place : places(shape)) {
      const std::vector<std::int32_t> ranks = ranking(line_of(x, place, at_axis), ascending);
      const auto position = static_cast<std::size_t>(place[at_axis]);
      ASSERT_EQ(at<std::int32_t>(order, place), ranks[position]);
      if (place[at_axis] < expected_shape[at_axis]) {
        ASSERT_EQ(at<std::int32_t>(indices, place), ranks[position]);
        Place source = place;
        source[at_axis] = ranks[position];
        ASSERT_EQ(at<float>(values, place), at<float>(x, source));
      }
    }
  }
}

TEST(Argsort, PutsNotANumberLast) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Array x = array_of<float>({5}, {nan, 1, nan, -1, 2});
  const auto order = [&](bool ascending) {
    return values_of<std::int32_t>(
        StubCall("argsort").with("x", x).with_boolean("ascending", ascending).gives(mil::DataType::int32).result());
  };
  EXPECT_EQ(order(true), (std::vector<std::int32_t>{3, 1, 4, 0, 2}));
  EXPECT_EQ(order(false), (std::vector<std::int32_t>{4, 1, 3, 0, 2}));
}

TEST(Topk, RefusesMoreThanThereAreAndIndicesThatDoNotFit) {
  StubCall many("topk");
  EXPECT_NE(failure(many.with("x", counting<float>({3})).with_integer("k", 4)).find("the first 4 of 3"),
            std::string::npos);
  StubCall ios16("topk");
  EXPECT_NE(failure(ios16.in("ios16").with("x", counting<float>({3})).with_integer("k", -1)).find("the first -1 of 3"),
            std::string::npos);
  StubCall wide("topk");
  wide.with("x", counting<float>({65537})).gives(mil::DataType::uint16, 1);
  EXPECT_NE(failure(wide).find("65537 elements do not fit"), std::string::npos);
}

TEST(NonZero, ListsPlacesInOrder) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    Choice choice(seed);
    const Shape shape = choice.shape(0, 4);
    const Array x = with_ties(shape, choice);
    std::vector<std::int32_t> expected;
    std::int64_t count = 0;
    for (const Place& place : places(shape)) {
      if (at<float>(x, place) != 0) {
        expected.insert(expected.end(), place.begin(), place.end());
        ++count;
      }
    }
    const Array result = StubCall("non_zero").with("x", x).gives(mil::DataType::int32).result();
    EXPECT_EQ(result.shape(), (Shape{count, std::ssize(shape)}));
    EXPECT_EQ(values_of<std::int32_t>(result), expected);
  }
}

/// What suppression leaves, from the definition: the best box that is left is taken, and every box it covers dropped.
std::vector<std::int32_t> greedy(const Array& boxes, const Array& scores, std::int64_t batch, float iou, float lowest,
                                 std::int64_t most, bool per_class) {
  const std::int64_t count = boxes.shape()[1];
  const std::int64_t classes = scores.shape()[2];
  std::vector<float> best(static_cast<std::size_t>(count), -std::numeric_limits<float>::infinity());
  std::vector<std::int64_t> label(best.size());
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t c = 0; c < classes; ++c) {
      const float score = at<float>(scores, {batch, i, c});
      if (score > best[static_cast<std::size_t>(i)]) {
        best[static_cast<std::size_t>(i)] = score;
        label[static_cast<std::size_t>(i)] = c;
      }
    }
  }
  const auto overlap = [&](std::int64_t a, std::int64_t b) {
    const auto edge = [&](std::int64_t box, std::int64_t axis, float side) {
      return at<float>(boxes, {batch, box, axis}) + side * at<float>(boxes, {batch, box, axis + 2}) / 2;
    };
    float common = 1;
    for (const std::int64_t axis : {0, 1}) {
      common *=
          std::max(0.0F, std::min(edge(a, axis, 1), edge(b, axis, 1)) - std::max(edge(a, axis, -1), edge(b, axis, -1)));
    }
    const auto area = [&](std::int64_t box) {
      return at<float>(boxes, {batch, box, 2}) * at<float>(boxes, {batch, box, 3});
    };
    return common / (area(a) + area(b) - common);
  };
  std::vector<bool> is_left(best.size());
  for (std::size_t i = 0; i < best.size(); ++i) {
    is_left[i] = best[i] >= lowest;
  }
  std::vector<std::int32_t> taken;
  while (std::ssize(taken) < most && std::ranges::find(is_left, true) != is_left.end()) {
    std::int64_t next = -1;
    for (std::int64_t i = 0; i < count; ++i) {
      const auto at_i = static_cast<std::size_t>(i);
      next = is_left[at_i] && (next < 0 || best[at_i] > best[static_cast<std::size_t>(next)]) ? i : next;
    }
    taken.push_back(static_cast<std::int32_t>(next));
    is_left[static_cast<std::size_t>(next)] = false;
    for (std::int64_t i = 0; i < count; ++i) {
      const auto at_i = static_cast<std::size_t>(i);
      const bool competes = !per_class || label[at_i] == label[static_cast<std::size_t>(next)];
      is_left[at_i] = is_left[at_i] && !(competes && overlap(next, i) > iou);
    }
  }
  if (taken.empty()) {
    taken.push_back(static_cast<std::int32_t>(std::ranges::max_element(best) - best.begin()));
  }
  return taken;
}

TEST(Suppression, TakesTheBestBoxesThatDoNotOverlap) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Choice choice(seed);
    const std::int64_t batches = choice.among(1, 2);
    const std::int64_t count = choice.among(1, 30);
    const std::int64_t classes = choice.among(1, 4);
    const Array boxes = random_array<float>({batches, count, 4}, seed, 0.5, 10);
    const Array scores = random_array<float>({batches, count, classes}, seed + 1, -1, 1);
    const auto most = choice.among(1, 12);
    const float iou = static_cast<float>(choice.among(0, 8)) / 10 + 0.05F;
    const float lowest = static_cast<float>(choice.among(-10, 11)) / 10;
    const bool per_class = choice.coin();
    StubCall call("non_maximum_suppression");
    call.in("ios15").with("boxes", boxes).with("scores", scores).with_number("iou_threshold", iou);
    call.with_number("score_threshold", lowest).with_integer("max_boxes", static_cast<std::int32_t>(most));
    call.with_boolean("per_class_suppression", per_class).gives(mil::DataType::int32, 2);
    ASSERT_TRUE(call.gives(mil::DataType::int32, 3).run());
    for (std::int64_t batch = 0; batch < batches; ++batch) {
      const std::vector<std::int32_t> expected = greedy(boxes, scores, batch, iou, lowest, most, per_class);
      ASSERT_EQ(at<std::int32_t>(call.output(3), {batch}), std::ssize(expected));
      for (std::int64_t i = 0; i < most; ++i) {
        const bool is_taken = i < std::ssize(expected);
        const std::int32_t box = is_taken ? expected[static_cast<std::size_t>(i)] : -1;
        ASSERT_EQ(at<std::int32_t>(call.output(2), {batch, i}), box);
        for (std::int64_t c = 0; c < 4; ++c) {
          ASSERT_EQ(at<float>(call.output(0), {batch, i, c}), is_taken ? at<float>(boxes, {batch, box, c}) : 0.0F);
        }
        for (std::int64_t c = 0; c < classes; ++c) {
          ASSERT_EQ(at<float>(call.output(1), {batch, i, c}), is_taken ? at<float>(scores, {batch, box, c}) : 0.0F);
        }
      }
    }
  }
}

// apple/coremltools:converters/mil/mil/ops/tests/iOS14/test_tensor_operation.py@e0e2f42b.
TEST(Suppression, PublishedExample) {
  StubCall call("non_maximum_suppression");
  call.in("ios15")
      .with("boxes", array_of<float>({1, 4, 4}, {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3}))
      .with("scores", array_of<float>({1, 4, 1}, {-3.5, 9.4F, 2.3F, 0.7F}))
      .with_number("iou_threshold", 0.2)
      .with_number("score_threshold", 0.4)
      .with_integer("max_boxes", 2)
      .with_boolean("per_class_suppression", true)
      .gives(mil::DataType::int32, 2)
      .gives(mil::DataType::int32, 3);
  EXPECT_EQ(values_of<float>(call.result()), (std::vector<float>{1, 1, 1, 1, 2, 2, 2, 2}));
  EXPECT_EQ(values_of<float>(call.output(1)), (std::vector<float>{9.4F, 2.3F}));
  EXPECT_EQ(values_of<std::int32_t>(call.output(2)), (std::vector<std::int32_t>{1, 2}));
  EXPECT_EQ(values_of<std::int32_t>(call.output(3)), std::vector<std::int32_t>{2});
}

/// The same boxes with the last two axes exchanged.
Array turned(const Array& x) { return StubCall("transpose").with("x", x).with_integers("perm", {0, 2, 1}).result(); }

TEST(Suppression, Ios17HasBoxesInColumnsAndKeepsLowScores) {
  const Array boxes = random_array<float>({2, 12, 4}, 1, 0.5, 10);
  const Array scores = random_array<float>({2, 12, 3}, 2, -1, 1);
  StubCall old("non_maximum_suppression");
  old.in("ios15").with("boxes", boxes).with("scores", scores).with_number("iou_threshold", 0.3);
  old.with_number("score_threshold", -100).with_integer("max_boxes", 5).gives(mil::DataType::int32, 2);
  ASSERT_TRUE(old.gives(mil::DataType::int32, 3).run());
  StubCall call("non_maximum_suppression");
  call.in("ios17").with("boxes", turned(boxes)).with("scores", turned(scores)).with_number("iou_threshold", 0.3);
  ASSERT_TRUE(call.with_integer("max_boxes", 5).with_results(3).gives(mil::DataType::int32, 2).run());
  EXPECT_EQ(values_of<float>(call.output(0)), values_of<float>(turned(old.output(0))));
  EXPECT_EQ(values_of<float>(call.output(1)), values_of<float>(turned(old.output(1))));
  EXPECT_EQ(values_of<std::int32_t>(call.output(2)), values_of<std::int32_t>(old.output(2)));
}

}  // namespace
}  // namespace openane::reference::test
