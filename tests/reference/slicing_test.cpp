// Parts of tensors, and tensors made of parts, on random shapes: against the definition of Python's slices, against
// index formulas, and against each other.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "places.h"
#include "stub_call.h"

namespace openane::reference::test {
namespace {

/// The indices of range(len)[begin:end:step], found by trying every one Python's reference names: a slice takes
/// begin, begin + step, ... while short of end, out-of-range bounds clamped.
std::vector<std::int64_t> python_slice(std::int64_t length, std::optional<std::int64_t> begin,
                                       std::optional<std::int64_t> end, std::int64_t step) {
  const auto bound = [&](std::int64_t value) {
    value = value < 0 ? value + length : value;
    return step > 0 ? std::clamp<std::int64_t>(value, 0, length) : std::clamp<std::int64_t>(value, -1, length - 1);
  };
  std::vector<std::int64_t> out;
  const std::int64_t last = end ? bound(*end) : (step > 0 ? length : -1);
  for (std::int64_t i = begin ? bound(*begin) : (step > 0 ? 0 : length - 1); step > 0 ? i < last : i > last;
       i += step) {
    out.push_back(i);
  }
  return out;
}

struct RandomSlice {
  std::vector<std::int32_t> begin, end, stride;
  std::vector<std::uint8_t> begin_mask, end_mask, squeeze_mask;
  std::vector<std::vector<std::int64_t>> indices;  ///< By axis.
  Shape shape;

  void give(StubCall& call) const {
    const std::int64_t rank = std::ssize(begin);
    call.with_integers("begin", begin).with_integers("end", end).with_integers("stride", stride);
    call.with("begin_mask", array_of<std::uint8_t>({rank}, begin_mask));
    call.with("end_mask", array_of<std::uint8_t>({rank}, end_mask));
    call.with("squeeze_mask", array_of<std::uint8_t>({rank}, squeeze_mask));
  }

  /// The place of x that a place of the slice shows.
  [[nodiscard]] Place source(const Place& place) const {
    Place out;
    std::size_t next = 0;
    for (std::size_t i = 0; i < indices.size(); ++i) {
      out.push_back(indices[i][squeeze_mask[i] != 0 ? 0 : static_cast<std::size_t>(place[next++])]);
    }
    return out;
  }
};

RandomSlice random_slice(Choice& choice, const Shape& x, bool may_be_empty) {
  RandomSlice out;
  for (const std::int64_t extent : x) {
    std::vector<std::int64_t> indices;
    do {
      const std::int64_t begin = choice.among(-extent - 2, extent + 2);
      const std::int64_t end = choice.among(-extent - 2, extent + 2);
      const std::int64_t step = choice.among(1, 3) * (choice.coin() ? 1 : -1);
      const bool open_begin = choice.among(0, 3) == 0;
      const bool open_end = choice.among(0, 3) == 0;
      const bool squeezed = choice.among(0, 4) == 0 && (open_begin || (begin >= -extent && begin < extent));
      out.begin.push_back(static_cast<std::int32_t>(begin));
      out.end.push_back(static_cast<std::int32_t>(end));
      out.stride.push_back(static_cast<std::int32_t>(step));
      out.begin_mask.push_back(open_begin);
      out.end_mask.push_back(open_end);
      out.squeeze_mask.push_back(squeezed);
      if (squeezed) {
        indices = {open_begin ? 0 : (begin < 0 ? begin + extent : begin)};
      } else {
        indices = python_slice(extent, open_begin ? std::nullopt : std::optional(begin),
                               open_end ? std::nullopt : std::optional(end), step);
      }
      if (indices.empty() && !may_be_empty) {
        for (auto* list : {&out.begin, &out.end, &out.stride}) {
          list->pop_back();
        }
        for (auto* list : {&out.begin_mask, &out.end_mask, &out.squeeze_mask}) {
          list->pop_back();
        }
      }
    } while (indices.empty() && !may_be_empty);
    if (out.squeeze_mask.back() == 0) {
      out.shape.push_back(std::ssize(indices));
    }
    out.indices.push_back(std::move(indices));
  }
  return out;
}

TEST(SliceByIndex, TakesWhatPythonTakes) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    SCOPED_TRACE(seed);
    Choice choice(seed);
    const Shape in = choice.shape(1, 5);
    const Array x = counting<float>(in);
    const RandomSlice slice = random_slice(choice, in, true);
    StubCall call("slice_by_index");
    slice.give(call.with("x", x));
    expect_moved<float>(x, call.result(), slice.shape, [&](const Place& place) { return slice.source(place); });
  }
}

TEST(SliceUpdate, ReplacesTheSliceAndNothingElse) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    Choice choice(seed);
    const Shape in = choice.shape(1, 4);
    const Array x = counting<std::int32_t>(in);
    const RandomSlice slice = random_slice(choice, in, false);
    std::vector<std::int32_t> fresh(count_of(slice.shape));
    for (std::size_t i = 0; i < fresh.size(); ++i) {
      fresh[i] = -1 - static_cast<std::int32_t>(i);
    }
    const Array update = array_of<std::int32_t>(slice.shape, fresh);
    StubCall call("slice_update");
    slice.give(call.with("x", x).with("update", update).gives(mil::DataType::int32));
    const Array result = call.result();
    std::vector<std::int32_t> expected = values_of<std::int32_t>(x);
    for (const Place& place : places(slice.shape)) {
      expected[linear(in, slice.source(place))] = at<std::int32_t>(update, place);
    }
    ASSERT_EQ(values_of<std::int32_t>(result), expected);
    StubCall again("slice_by_index");
    slice.give(again.with("x", result).gives(mil::DataType::int32));
    EXPECT_EQ(values_of<std::int32_t>(again.result()), fresh);
  }
}

TEST(SliceByIndex, RefusesAStrideOfZeroAndASqueezedIndexOutside) {
  const Array x = counting<float>({4});
  StubCall zero("slice_by_index");
  zero.with("x", x).with_integers("begin", {0}).with_integers("end", {4}).with_integers("stride", {0});
  EXPECT_NE(failure(zero).find("stride of 0"), std::string::npos);
  StubCall outside("slice_by_index");
  outside.with("x", x).with_integers("begin", {4}).with_integers("end", {0});
  outside.with("squeeze_mask", array_of<std::uint8_t>({1}, {1}));
  EXPECT_NE(failure(outside).find("index 4 of axis 0"), std::string::npos);
}

TEST(SliceBySize, TakesThatManyFromThere) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Choice choice(seed);
    const Shape in = choice.shape(1, 4);
    const Array x = counting<float>(in);
    std::vector<std::int32_t> begin;
    std::vector<std::int32_t> size;
    Place first;
    Shape out;
    for (const std::int64_t extent : in) {
      first.push_back(choice.among(0, extent - 1));
      begin.push_back(static_cast<std::int32_t>(first.back() - (choice.coin() ? extent : 0)));
      out.push_back(choice.among(1, extent - first.back()));
      const bool is_rest = choice.coin();
      out.back() = is_rest ? extent - first.back() : out.back();
      size.push_back(static_cast<std::int32_t>(is_rest ? -1 : out.back()));
    }
    const Array result =
        StubCall("slice_by_size").with("x", x).with_integers("begin", begin).with_integers("size", size).result();
    expect_moved<float>(x, result, out, [&](Place place) {
      std::ranges::transform(place, first, place.begin(), std::plus());
      return place;
    });
  }
  StubCall beyond("slice_by_size");
  beyond.with("x", counting<float>({4})).with_integers("begin", {3}).with_integers("size", {2});
  EXPECT_NE(failure(beyond).find("2 elements from 3 of axis 0, which has 4"), std::string::npos);
}

TEST(Crop, TakesRowsAndColumnsAway) {
  const Array x = counting<float>({2, 4, 5});
  const Array result =
      StubCall("crop").with("x", x).with_integers("crop_height", {1, 0}).with_integers("crop_width", {2, 1}).result();
  expect_moved<float>(x, result, {2, 3, 2}, [](const Place& p) { return Place{p[0], p[1] + 1, p[2] + 2}; });
}

TEST(SplitAndConcat, UndoEachOther) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Choice choice(seed);
    Shape in = choice.shape(1, 4);
    const std::int32_t axis = choice.axis(in.size());
    const std::size_t at_axis = from_front(axis, in.size());
    std::vector<std::int32_t> sizes(static_cast<std::size_t>(choice.among(1, 4)));
    in[at_axis] = 0;
    const bool equal = choice.coin();
    for (std::int32_t& size : sizes) {
      size = equal ? 2 : static_cast<std::int32_t>(choice.among(0, 3));
      in[at_axis] += size;
    }
    const Array x = counting<float>(in);
    StubCall split("split");
    split.with("x", x).with_integer("axis", axis).with_results(sizes.size());
    if (equal) {
      split.with_integer("num_splits", static_cast<std::int32_t>(sizes.size()));
    } else {
      split.with_integers("split_sizes", sizes);
    }
    ASSERT_TRUE(split.run());
    std::vector<Array> parts;
    std::int64_t first = 0;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      parts.push_back(split.output(i));
      Shape out = in;
      out[at_axis] = sizes[i];
      expect_moved<float>(x, parts.back(), out, [&](Place place) {
        place[at_axis] += first;
        return place;
      });
      first += sizes[i];
    }
    const Array whole = StubCall("concat").with("values", parts).with_integer("axis", axis).result();
    EXPECT_EQ(whole.shape(), in);
    EXPECT_EQ(values_of<float>(whole), values_of<float>(x));
  }
}

// The example of apple/coremltools:converters/mil/mil/ops/defs/iOS15/tensor_operation.py@e0e2f42b.
TEST(Concat, InterleavesSlices) {
  const Array result =
      StubCall("concat")
          .with("values", {array_of<float>({3, 2}, {1, 2, 3, 4, 5, 6}), array_of<float>({3, 2}, {7, 8, 9, 10, 11, 12})})
          .with_integer("axis", 0)
          .with_boolean("interleave", true)
          .result();
  EXPECT_EQ(result.shape(), (Shape{6, 2}));
  EXPECT_EQ(values_of<float>(result), (std::vector<float>{1, 2, 7, 8, 3, 4, 9, 10, 5, 6, 11, 12}));
}

TEST(Concat, JoinsScalarsToAVector) {
  const Array result = StubCall("concat")
                           .with("values", {scalar_of<std::int32_t>(3), scalar_of<std::int32_t>(1)})
                           .with_integer("axis", 0)
                           .gives(mil::DataType::int32)
                           .result();
  EXPECT_EQ(result.shape(), Shape{2});
  EXPECT_EQ(values_of<std::int32_t>(result), (std::vector<std::int32_t>{3, 1}));
}

TEST(Concat, RefusesOtherShapes) {
  StubCall call("concat");
  call.with("values", {counting<float>({2, 3}), counting<float>({2, 4})}).with_integer("axis", 0);
  EXPECT_NE(failure(call).find("2x4 cannot be joined with 2x3 along axis 0"), std::string::npos);
}

TEST(Stack, PutsTheNewAxisWhereItIsAsked) {
  const std::vector<Array> values{counting<float>({2, 3}), random_array<float>({2, 3}, 1),
                                  random_array<float>({2, 3}, 2)};
  for (const std::int32_t axis : {-3, -2, -1, 0, 1, 2}) {
    const Array result = StubCall("stack").with("values", values).with_integer("axis", axis).result();
    const std::size_t position = from_front(axis, 3);
    Shape out{2, 3};
    out.insert(out.begin() + static_cast<std::ptrdiff_t>(position), 3);
    ASSERT_EQ(result.shape(), out);
    for (const Place& place : places(out)) {
      Place source = place;
      source.erase(source.begin() + static_cast<std::ptrdiff_t>(position));
      ASSERT_EQ(at<float>(result, place), at<float>(values[static_cast<std::size_t>(place[position])], source));
    }
  }
}

TEST(Tile, RepeatsEveryAxis) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    Choice choice(seed);
    const Shape in = choice.shape(1, 5, 1, 4);
    const Array x = counting<float>(in);
    std::vector<std::int32_t> reps;
    Shape out;
    for (const std::int64_t extent : in) {
      reps.push_back(static_cast<std::int32_t>(choice.among(1, 3)));
      out.push_back(extent * reps.back());
    }
    const Array result = StubCall("tile").with("x", x).with_integers("reps", reps).result();
    expect_moved<float>(x, result, out, [&](Place place) {
      std::ranges::transform(place, in, place.begin(), std::modulus());
      return place;
    });
  }
}

/// The index that padding shows at `index` of an axis, by folding back one step at a time.
std::int64_t folded(std::int64_t index, std::int64_t extent, bool reflect) {
  while (index < 0 || index >= extent) {
    if (!reflect) {
      index += index < 0 ? 1 : -1;
    } else {
      index = index < 0 ? -index : 2 * (extent - 1) - index;
    }
  }
  return index;
}

TEST(Pad, FillsReflectsAndReplicates) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Choice choice(seed);
    const Shape in = choice.shape(1, 5);
    const Array x = counting<float>(in);
    const std::string mode = std::vector<std::string>{"constant", "reflect", "replicate"}[seed % 3];
    std::vector<std::int32_t> amounts;
    const std::int64_t axes = choice.among(1, std::ssize(in));
    Place before(in.size(), 0);
    Shape out = in;
    for (std::size_t i = in.size() - static_cast<std::size_t>(axes); i < in.size(); ++i) {
      const std::int64_t most = mode == "reflect" ? in[i] - 1 : 4;
      before[i] = choice.among(0, most);
      amounts.push_back(static_cast<std::int32_t>(before[i]));
      amounts.push_back(static_cast<std::int32_t>(choice.among(0, most)));
      out[i] += amounts.back() + before[i];
    }
    const Array result = StubCall("pad")
                             .with("x", x)
                             .with_integers("pad", amounts)
                             .with("mode", mode.c_str())
                             .with_number("constant_val", -3.5)
                             .result();
    ASSERT_EQ(result.shape(), out);
    for (const Place& place : places(out)) {
      Place source = place;
      bool inside = true;
      for (std::size_t i = 0; i < place.size(); ++i) {
        source[i] -= before[i];
        inside = inside && source[i] >= 0 && source[i] < in[i];
        source[i] = mode == "constant" ? std::clamp<std::int64_t>(source[i], 0, in[i] - 1)
                                       : folded(source[i], in[i], mode == "reflect");
      }
      const float expected = inside || mode != "constant" ? at<float>(x, source) : -3.5F;
      ASSERT_EQ(at<float>(result, place), expected) << mode << ::testing::PrintToString(place);
    }
  }
}

TEST(Pad, RefusesToReflectMoreThanThereIsAndModesNobodyDefined) {
  StubCall wide("pad");
  wide.with("x", counting<float>({3})).with_integers("pad", {3, 0}).with("mode", "reflect");
  EXPECT_NE(failure(wide).find("padding of 3 on axis 0, which has 3"), std::string::npos);
  StubCall mode("pad");
  mode.with("x", counting<float>({3})).with_integers("pad", {1, 0}).with("mode", "circular");
  EXPECT_NE(failure(mode).find("missing specification: mode 'circular'"), std::string::npos);
}

TEST(BandPart, KeepsTheDiagonalsBetween) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Choice choice(seed);
    const Shape shape = choice.shape(2, 4);
    const Array x = random_array<float>(shape, seed, 1, 2);
    const std::int64_t lower = choice.among(-1, 4);
    const std::int64_t upper = choice.among(-1, 4);
    const Array result = StubCall("band_part")
                             .with("x", x)
                             .with_integer("lower", static_cast<std::int32_t>(lower))
                             .with_integer("upper", static_cast<std::int32_t>(upper))
                             .result();
    ASSERT_EQ(result.shape(), shape);
    for (const Place& place : places(shape)) {
      const std::int64_t m = place[place.size() - 2];
      const std::int64_t n = place.back();
      const bool kept = (lower < 0 || m - n <= lower) && (upper < 0 || n - m <= upper);
      ASSERT_EQ(at<float>(result, place), kept ? at<float>(x, place) : 0.0F);
    }
  }
}

TEST(Fill, MakesTensorsOfOneNumber) {
  const Array result = StubCall("fill").with_integers("shape", {2, 0, 3}).with_number("value", 2.5).result();
  EXPECT_EQ(result.shape(), (Shape{2, 0, 3}));
  const Array sevens =
      StubCall("fill").with_integers("shape", {2, 2}).with_integer("value", 7).gives(mil::DataType::int32).result();
  EXPECT_EQ(values_of<std::int32_t>(sevens), (std::vector<std::int32_t>{7, 7, 7, 7}));
  const Array like = StubCall("fill_like")
                         .with("ref_tensor", counting<float>({3}))
                         .with_boolean("value", true)
                         .gives(mil::DataType::boolean)
                         .result();
  EXPECT_EQ(values_of<std::uint8_t>(like), (std::vector<std::uint8_t>{1, 1, 1}));
  StubCall negative("fill");
  EXPECT_NE(failure(negative.with_integers("shape", {2, -1})).find("negative extent: 2x-1"), std::string::npos);
}

TEST(Range, EndsBeforeItsEnd) {
  const auto range = [](double start, double end, double step) {
    return values_of<float>(
        StubCall("range_1d").with_number("start", start).with_number("end", end).with_number("step", step).result());
  };
  EXPECT_EQ(range(1, 7, 2), (std::vector<float>{1, 3, 5}));
  EXPECT_EQ(range(1, 7.5, 2), (std::vector<float>{1, 3, 5, 7}));
  EXPECT_EQ(range(3, 0, -1), (std::vector<float>{3, 2, 1}));
  EXPECT_EQ(range(3, 0, 1), std::vector<float>{});
  StubCall endless("range_1d");
  endless.with_number("start", 0).with_number("end", 1).with_number("step", 0);
  EXPECT_NE(failure(endless).find("steps of 0"), std::string::npos);
}

TEST(ShapeOf, GivesExtents) {
  const Array result = StubCall("shape").with("x", counting<float>({4, 1, 3})).gives(mil::DataType::int32).result();
  EXPECT_EQ(values_of<std::int32_t>(result), (std::vector<std::int32_t>{4, 1, 3}));
}

// Indices outside leave their vector without an on_value (NeuralNetwork.proto, OneHotLayerParams: this example).
TEST(OneHot, PublishedExamples) {
  const auto one_hot = [](std::vector<std::int32_t> indices, std::int32_t axis) {
    const std::int64_t count = std::ssize(indices);
    return StubCall("one_hot")
        .with("indices", array_of<std::int32_t>({count}, indices))
        .with_integer("one_hot_vector_size", 4)
        .with_integer("axis", axis)
        .with_number("on_value", 5)
        .with_number("off_value", -1)
        .result();
  };
  EXPECT_EQ(values_of<float>(one_hot({2, 0}, -1)), (std::vector<float>{-1, -1, 5, -1, 5, -1, -1, -1}));
  EXPECT_EQ(values_of<float>(one_hot({2, -1}, -1)), (std::vector<float>{-1, -1, 5, -1, -1, -1, -1, -1}));
  const Array columns = one_hot({1, 0}, 0);
  EXPECT_EQ(columns.shape(), (Shape{4, 2}));
  EXPECT_EQ(values_of<float>(columns), (std::vector<float>{-1, 5, 5, -1, -1, -1, -1, -1}));
}

}  // namespace
}  // namespace openane::reference::test
