// Operations that only move elements: the place each element of the result comes from, by the definitions of the
// operations, on random shapes; and the laws that tie them to each other.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "places.h"
#include "stub_call.h"

namespace openane::reference::test {
namespace {

template <typename T>
class Layout : public ::testing::Test {
 public:
  static StubCall call(std::string_view operation) {
    StubCall call(operation, std::same_as<T, double> ? Precision::fp64 : Precision::fp32);
    call.gives(Held<T>::kType);
    return call;
  }
};
using Holdings = ::testing::Types<float, double, std::int32_t, std::uint8_t>;
TYPED_TEST_SUITE(Layout, Holdings);

TYPED_TEST(Layout, TransposePutsAxisPermIAtI) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Choice choice(seed);
    const Shape in = choice.shape(1, 5);
    const Array x = counting<TypeParam>(in);
    std::vector<std::int32_t> perm(in.size());
    std::iota(perm.begin(), perm.end(), 0);
    std::shuffle(perm.begin(), perm.end(), std::mt19937_64(seed));
    Shape out(in.size());
    std::vector<std::int32_t> inverse(in.size());
    for (std::size_t i = 0; i < perm.size(); ++i) {
      out[i] = in[static_cast<std::size_t>(perm[i])];
      inverse[static_cast<std::size_t>(perm[i])] = static_cast<std::int32_t>(i);
    }
    if (choice.coin()) {
      perm[0] -= static_cast<std::int32_t>(in.size());
    }
    const Array result = this->call("transpose").with("x", x).with_integers("perm", perm).result();
    expect_moved<TypeParam>(x, result, out, [&](const Place& place) {
      Place source(place.size());
      for (std::size_t i = 0; i < place.size(); ++i) {
        source[from_front(perm[i], perm.size())] = place[i];
      }
      return source;
    });
    const Array back = this->call("transpose").with("x", result).with_integers("perm", inverse).result();
    EXPECT_EQ(values_of<TypeParam>(back), values_of<TypeParam>(x));
  }
}

TYPED_TEST(Layout, TransposeInTilesAndOnThreadsMovesTheSame) {
  const Shape in{3, 8, 5, 2 * 131, 36};  // more than 1 MiB of bytes
  const Array x = random_array<TypeParam>(in, 1, 0, 250);
  for (const std::vector<std::int32_t>& perm :
       {std::vector<std::int32_t>{0, 1, 2, 4, 3}, {4, 3, 2, 1, 0}, {0, 4, 1, 2, 3}, {3, 4, 0, 1, 2}, {0, 3, 2, 1, 4}}) {
    const Array result = this->call("transpose").with("x", x).with_integers("perm", perm).result();
    Shape out(in.size());
    for (std::size_t i = 0; i < perm.size(); ++i) {
      out[i] = in[static_cast<std::size_t>(perm[i])];
    }
    ASSERT_EQ(result.shape(), out);
    std::vector<std::size_t> strides(in.size());
    for (std::size_t i = in.size(), stride = 1; i-- > 0; stride *= static_cast<std::size_t>(in[i])) {
      strides[i] = stride;
    }
    const auto from = x.elements<TypeParam>();
    const auto to = result.elements<TypeParam>();
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < to.size(); ++i) {
      std::size_t source = 0;
      for (std::size_t axis = in.size(), rest = i; axis-- > 0; rest /= static_cast<std::size_t>(out[axis])) {
        source += rest % static_cast<std::size_t>(out[axis]) * strides[static_cast<std::size_t>(perm[axis])];
      }
      wrong += to[i] != from[source] ? 1 : 0;
    }
    EXPECT_EQ(wrong, 0u) << ::testing::PrintToString(perm);
  }
}

TYPED_TEST(Layout, ReverseWalksNamedAxesBackwards) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    Choice choice(seed);
    const Shape shape = choice.shape(1, 5);
    const Array x = counting<TypeParam>(shape);
    StubCall call = this->call("reverse");
    call.with("x", x);
    std::vector<bool> named(shape.size(), true);
    if (choice.coin()) {
      const std::int32_t axis = choice.axis(shape.size());
      call.with_integers("axes", {axis});
      named.assign(shape.size(), false);
      named[from_front(axis, shape.size())] = true;
    }
    expect_moved<TypeParam>(x, call.result(), shape, [&](Place place) {
      for (std::size_t i = 0; i < place.size(); ++i) {
        place[i] = named[i] ? shape[i] - 1 - place[i] : place[i];
      }
      return place;
    });
  }
}

TYPED_TEST(Layout, ReverseSequenceTurnsTheFirstElementsOfEachBatchEntry) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    Choice choice(seed);
    const Shape shape = choice.shape(2, 5);
    const Array x = counting<TypeParam>(shape);
    const std::int32_t batch = choice.axis(shape.size());
    std::int32_t sequence = batch;
    while (from_front(sequence, shape.size()) == from_front(batch, shape.size())) {
      sequence = choice.axis(shape.size());
    }
    const std::size_t batch_axis = from_front(batch, shape.size());
    const std::size_t sequence_axis = from_front(sequence, shape.size());
    std::vector<std::int32_t> lengths(static_cast<std::size_t>(shape[batch_axis]));
    for (std::int32_t& length : lengths) {
      length = static_cast<std::int32_t>(choice.among(0, shape[sequence_axis]));
    }
    const Array result = this->call("reverse_sequence")
                             .with("x", x)
                             .with_integers("lengths", lengths)
                             .with_integer("seq_axis", sequence)
                             .with_integer("batch_axis", batch)
                             .result();
    expect_moved<TypeParam>(x, result, shape, [&](Place place) {
      const std::int64_t length = lengths[static_cast<std::size_t>(place[batch_axis])];
      std::int64_t& position = place[sequence_axis];
      position = position < length ? length - 1 - position : position;
      return place;
    });
  }
}

TYPED_TEST(Layout, SlidingWindowsStartEveryStride) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    Choice choice(seed);
    const Shape in = choice.shape(1, 4);
    const Array x = counting<TypeParam>(in);
    const std::int32_t axis = choice.axis(in.size());
    const std::size_t at = from_front(axis, in.size());
    const std::int64_t size = choice.among(1, in[at]);
    const std::int64_t stride = choice.among(1, 3);
    Shape out = in;
    out[at] = (in[at] - size) / stride + 1;
    out.insert(out.begin() + static_cast<std::ptrdiff_t>(at) + 1, size);
    const Array result = this->call("sliding_windows")
                             .with("x", x)
                             .with_integer("axis", axis)
                             .with_integer("size", static_cast<std::int32_t>(size))
                             .with_integer("stride", static_cast<std::int32_t>(stride))
                             .result();
    expect_moved<TypeParam>(x, result, out, [&](Place place) {
      place[at] = place[at] * stride + place[at + 1];
      place.erase(place.begin() + static_cast<std::ptrdiff_t>(at) + 1);
      return place;
    });
  }
}

TYPED_TEST(Layout, DepthAndSpaceExchangeBlocks) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    Choice choice(seed);
    const std::int64_t b = choice.among(1, 3);
    const std::int64_t c = choice.among(1, 3);
    const Shape deep{choice.among(1, 2), c * b * b, choice.among(1, 4), choice.among(1, 4)};
    const Shape wide{deep[0], c, deep[2] * b, deep[3] * b};
    const Array x = counting<TypeParam>(deep);
    const auto block = static_cast<std::int32_t>(b);
    // TensorFlow's order: the block is the slow digit of the channel.
    const Array dcr = this->call("depth_to_space").with("x", x).with_integer("block_size", block).result();
    expect_moved<TypeParam>(x, dcr, wide, [&](const Place& p) {
      return Place{p[0], (p[2] % b * b + p[3] % b) * c + p[1], p[2] / b, p[3] / b};
    });
    // PyTorch's: the fast one.
    const Array crd = this->call("pixel_shuffle").with("x", x).with_integer("upscale_factor", block).result();
    expect_moved<TypeParam>(x, crd, wide, [&](const Place& p) {
      return Place{p[0], (p[1] * b + p[2] % b) * b + p[3] % b, p[2] / b, p[3] / b};
    });
    const Array from_dcr = this->call("space_to_depth").with("x", dcr).with_integer("block_size", block).result();
    const Array from_crd =
        this->call("pixel_unshuffle").with("x", crd).with_integer("downscale_factor", block).result();
    EXPECT_EQ(values_of<TypeParam>(from_dcr), values_of<TypeParam>(x));
    EXPECT_EQ(values_of<TypeParam>(from_crd), values_of<TypeParam>(x));
    EXPECT_EQ(from_dcr.shape(), deep);
    EXPECT_EQ(from_crd.shape(), deep);
  }
}

TYPED_TEST(Layout, SpaceToBatchDealsOutSubGridsAndBatchToSpaceTakesThemBack) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Choice choice(seed);
    const std::int64_t bh = choice.among(1, 3);
    const std::int64_t bw = choice.among(1, 3);
    const std::int64_t rows = choice.among(1, 3);
    const std::int64_t columns = choice.among(1, 3);
    const std::vector<std::int32_t> pad{static_cast<std::int32_t>(choice.among(0, bh * rows - 1)), 0,
                                        static_cast<std::int32_t>(choice.among(0, bw * columns - 1)), 0};
    std::vector<std::int32_t> around = pad;
    around[1] = static_cast<std::int32_t>(choice.among(0, bh * rows - 1 - pad[0]));
    around[3] = static_cast<std::int32_t>(choice.among(0, bw * columns - 1 - pad[2]));
    const Shape image{choice.among(1, 2), choice.among(1, 2), bh * rows - around[0] - around[1],
                      bw * columns - around[2] - around[3]};
    const Array x = counting<TypeParam>(image);
    const std::vector<std::int32_t> block{static_cast<std::int32_t>(bh), static_cast<std::int32_t>(bw)};
    const Array grids = this->call("space_to_batch")
                            .with("x", x)
                            .with_integers("block_shape", block)
                            .with_integers("paddings", around)
                            .result();
    ASSERT_EQ(grids.shape(), (Shape{image[0] * bh * bw, image[1], rows, columns}));
    for (const Place& p : places(grids.shape())) {
      const std::int64_t grid = p[0] / image[0];
      const Place source{p[0] % image[0], p[1], p[2] * bh + grid / bw - around[0], p[3] * bw + grid % bw - around[2]};
      const bool inside = source[2] >= 0 && source[2] < image[2] && source[3] >= 0 && source[3] < image[3];
      ASSERT_EQ(at<TypeParam>(grids, p), inside ? at<TypeParam>(x, source) : TypeParam{})
          << ::testing::PrintToString(p);
    }
    const Array back = this->call("batch_to_space")
                           .with("x", grids)
                           .with_integers("block_shape", block)
                           .with_integers("crops", around)
                           .result();
    EXPECT_EQ(back.shape(), image);
    EXPECT_EQ(values_of<TypeParam>(back), values_of<TypeParam>(x));
  }
}

// The example of apple/coremltools:converters/mil/mil/ops/tests/iOS14/test_tensor_transformation.py@e0e2f42b.
TEST(SpaceToBatch, PublishedExample) {
  const Array x = array_of<float>({2, 1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16});
  const Array result = StubCall("space_to_batch")
                           .with("x", x)
                           .with_integers("block_shape", {2, 2})
                           .with_integers("paddings", {0, 0, 2, 0})
                           .result();
  EXPECT_EQ(result.shape(), (Shape{8, 1, 1, 3}));
  EXPECT_EQ(values_of<float>(result), (std::vector<float>{0, 1, 3, 0, 9,  11, 0, 2, 4, 0, 10, 12,  //
                                                          0, 5, 7, 0, 13, 15, 0, 6, 8, 0, 14, 16}));
}

/// The shape of the result, which must share its elements with x.
Shape reshaped(StubCall& call, const Array& x) {
  const Array result = call.with("x", x).result();
  EXPECT_EQ(result.owner(), x.owner()) << "elements were copied";
  return result.shape();
}

TEST(Reshape, ZerosCopyAndMinusOneIsInferred) {
  const Array x = counting<float>({2, 3, 4});
  const auto reshape = [&](std::string_view opset, std::vector<std::int32_t> shape) {
    StubCall call("reshape");
    return reshaped(call.in(opset).with_integers("shape", std::move(shape)), x);
  };
  EXPECT_EQ(reshape("ios15", {4, 6}), (Shape{4, 6}));
  EXPECT_EQ(reshape("ios15", {0, -1, 2}), (Shape{2, 6, 2}));
  EXPECT_EQ(reshape("ios16", {-1}), (Shape{24}));
  // From the right; 0 without an axis opposite becomes 1.
  EXPECT_EQ(reshape("ios17", {-1, 0}), (Shape{6, 4}));
  EXPECT_EQ(reshape("ios17", {0, 0, -1, 0, 0}), (Shape{1, 1, 2, 3, 4}));
  EXPECT_EQ(reshape("ios18", {1, 0, -1, 0}), (Shape{1, 2, 3, 4}));
}

TEST(Reshape, RefusesWhatDoesNotFit) {
  const Array x = counting<float>({2, 3});
  StubCall wrong_count("reshape");
  EXPECT_NE(failure(wrong_count.with("x", x).with_integers("shape", {4, 2})).find("6 elements"), std::string::npos);
  StubCall two_inferred("reshape");
  EXPECT_NE(failure(two_inferred.with("x", x).with_integers("shape", {-1, -1})).find("two -1"), std::string::npos);
  StubCall no_axis("reshape");
  EXPECT_NE(failure(no_axis.in("ios15").with("x", x).with_integers("shape", {6, 1, 0})).find("position 2"),
            std::string::npos);
}

TEST(ReshapeLike, JoinsPartsOfTheReferenceShapes) {
  const Array x = counting<float>({60, 3});
  StubCall call("reshape_like");
  call.with("ref_tensors", {counting<float>({2, 3, 4}), counting<float>({1, 5, 6})})
      .with("begins", {scalar_of<std::int32_t>(0), scalar_of<std::int32_t>(1)})
      .with("ends", {scalar_of<std::int32_t>(2), scalar_of<std::int32_t>(0)})
      .with("end_masks", {scalar_of<std::uint8_t>(0), scalar_of<std::uint8_t>(1)});
  EXPECT_EQ(reshaped(call, x), (Shape{2, 3, 5, 6}));
}

TEST(Views, ExpandSqueezeFlattenAndIdentityShareElements) {
  const Array x = counting<float>({2, 1, 3, 1});
  StubCall expand("expand_dims");
  EXPECT_EQ(reshaped(expand.with_integers("axes", {0, -1, 2}), x), (Shape{1, 2, 1, 1, 3, 1, 1}));
  StubCall squeeze_all("squeeze");
  EXPECT_EQ(reshaped(squeeze_all, x), (Shape{2, 3}));
  StubCall squeeze_one("squeeze");
  EXPECT_EQ(reshaped(squeeze_one.with_integers("axes", {-1, 0}), x), (Shape{2, 1, 3}));
  StubCall identity("identity");
  EXPECT_EQ(reshaped(identity, x), x.shape());
}

// Examples of the definition, apple/coremltools:converters/mil/mil/ops/defs/iOS15/tensor_operation.py@e0e2f42b.
TEST(Views, Flatten2d) {
  const auto flatten = [](const Shape& shape, std::int32_t axis) {
    StubCall call("flatten2d");
    return reshaped(call.with_integer("axis", axis), counting<float>(shape));
  };
  EXPECT_EQ(flatten({3}, -1), (Shape{1, 3}));
  EXPECT_EQ(flatten({3}, 1), (Shape{3, 1}));
  EXPECT_EQ(flatten({4, 3}, -1), (Shape{4, 3}));
  EXPECT_EQ(flatten({2, 3, 2}, -1), (Shape{6, 2}));
  EXPECT_EQ(flatten({5, 5, 2}, 1), (Shape{5, 10}));
}

}  // namespace
}  // namespace openane::reference::test
