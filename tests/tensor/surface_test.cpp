// Surfaces against the address formula, evaluated element by element.
#include "openane/surface.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <random>

namespace openane {
namespace {

std::vector<std::uint8_t> random_bytes(std::size_t size, std::mt19937& random) {
  std::vector<std::uint8_t> bytes(size);
  std::ranges::generate(bytes, [&] { return static_cast<std::uint8_t>(random()); });
  return bytes;
}

// The formula of surface.h, as it is written there.
std::size_t address(const SurfaceLayout& l, std::int64_t n, std::int64_t d, std::int64_t c, std::int64_t h,
                    std::int64_t w) {
  const std::int64_t i = l.interleave;
  return static_cast<std::size_t>(n * l.strides.n + d * l.strides.d + (c / i) * l.strides.c + h * l.strides.h +
                                  w * l.strides.w + (c % i) * static_cast<std::int64_t>(*element_bytes(l.type)));
}

template <typename Visit>
void for_each_element(const SurfaceLayout& l, Visit visit) {
  std::size_t index = 0;
  for (std::int64_t n = 0; n < l.shape.n; ++n) {
    for (std::int64_t c = 0; c < l.shape.c; ++c) {
      for (std::int64_t d = 0; d < l.shape.d; ++d) {
        for (std::int64_t h = 0; h < l.shape.h; ++h) {
          for (std::int64_t w = 0; w < l.shape.w; ++w) {
            visit(index++, address(l, n, d, c, h, w));
          }
        }
      }
    }
  }
}

std::string describe(const SurfaceLayout& l) {
  return testing::PrintToString(std::vector<std::int64_t>{static_cast<int>(l.type), l.shape.n, l.shape.c, l.shape.d,
                                                          l.shape.h, l.shape.w, l.strides.n, l.strides.c, l.strides.d,
                                                          l.strides.h, l.strides.w, l.interleave});
}

std::size_t shape_count(const SurfaceShape& s) { return static_cast<std::size_t>(s.n * s.c * s.h * s.w * s.d); }

Shape shape_of(const SurfaceShape& s) { return s.d == 1 ? Shape{s.n, s.c, s.h, s.w} : Shape{s.n, s.c, s.d, s.h, s.w}; }

void expect_round_trip(const SurfaceLayout& layout, std::mt19937& random) {
  const std::size_t size = *element_bytes(layout.type);
  const auto bytes = layout.footprint();
  ASSERT_TRUE(bytes) << bytes.error().to_string();
  std::size_t last = 0;
  for_each_element(layout, [&](std::size_t, std::size_t at) { last = std::max(last, at + size); });
  ASSERT_EQ(*bytes, last);

  const auto dense = random_bytes(shape_count(layout.shape) * size, random);
  const auto tensor = Tensor::create(layout.type, shape_of(layout.shape), Bytes(dense));
  ASSERT_TRUE(tensor);
  const auto before = random_bytes(*bytes + 5, random);
  auto expected = before;
  for_each_element(layout, [&](std::size_t i, std::size_t at) { std::memcpy(&expected[at], &dense[i * size], size); });

  auto surface = before;
  const auto packed = pack(*tensor, layout, surface);
  ASSERT_TRUE(packed) << packed.error().to_string();
  ASSERT_EQ(surface, expected) << "elements or padding differ";
  const auto back = unpack(surface, layout);
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_EQ(back->shape, tensor->shape);
  EXPECT_EQ(back->data, tensor->data);
  EXPECT_FALSE(unpack(std::span(surface).first(*bytes - 1), layout));
  EXPECT_FALSE(pack(*tensor, layout, std::span(surface).first(*bytes - 1)));
}

TEST(Surface, PackedLayoutHasRowsOf64Bytes) {
  const auto image = SurfaceLayout::packed(ElementType::float16, {1, 3, 20, 33, 1});
  ASSERT_TRUE(image);
  EXPECT_EQ(image->strides, (SurfaceStrides{7680, 2560, 128, 2, 0}));
  EXPECT_EQ(*image->footprint(), 2u * 2560 + 19 * 128 + 66);
  const auto vector = SurfaceLayout::packed(ElementType::float16, {1, 1000, 1, 1, 1});
  ASSERT_TRUE(vector);
  EXPECT_EQ(vector->strides.c, 64);
  EXPECT_EQ(vector->strides.n, 64000);
  const auto volume = SurfaceLayout::packed(ElementType::uint8, {2, 6, 4, 70, 3}, 4);
  ASSERT_TRUE(volume);
  EXPECT_EQ(volume->strides, (SurfaceStrides{320 * 4 * 2 * 3, 320 * 4, 320, 4, 320 * 4 * 2}));
}

TEST(Surface, RandomPackedLayoutsFollowTheFormula) {
  std::mt19937 random(1);
  const std::array types = {ElementType::uint8, ElementType::float16, ElementType::float32, ElementType::int64};
  for (int round = 0; round < 1500; ++round) {
    const auto extent = [&](int limit) { return std::uniform_int_distribution<std::int64_t>(1, limit)(random); };
    const SurfaceShape shape{extent(3), extent(9), extent(5), extent(round % 3 == 0 ? 70 : 9), extent(3)};
    const auto layout =
        SurfaceLayout::packed(types[random() % types.size()], shape, static_cast<std::uint32_t>(extent(5)));
    ASSERT_TRUE(layout);
    SCOPED_TRACE(describe(*layout));
    expect_round_trip(*layout, random);
    if (HasFatalFailure()) {
      return;
    }
  }
}

// Strides in any order of the axes, with any padding.
TEST(Surface, RandomStridesFollowTheFormula) {
  std::mt19937 random(2);
  const std::array types = {ElementType::int8, ElementType::float16, ElementType::int32, ElementType::float64};
  for (int round = 0; round < 3000; ++round) {
    const auto extent = [&](int limit) { return std::uniform_int_distribution<std::int64_t>(1, limit)(random); };
    SurfaceLayout layout;
    layout.type = types[random() % types.size()];
    layout.shape = {extent(3), extent(9), extent(5), extent(9), extent(3)};
    layout.interleave = static_cast<std::uint32_t>(extent(4));
    const std::int64_t groups = (layout.shape.c - 1) / layout.interleave + 1;
    std::array<std::pair<std::int64_t, std::int64_t*>, 5> axes = {{{layout.shape.n, &layout.strides.n},
                                                                   {groups, &layout.strides.c},
                                                                   {layout.shape.h, &layout.strides.h},
                                                                   {layout.shape.w, &layout.strides.w},
                                                                   {layout.shape.d, &layout.strides.d}}};
    std::ranges::shuffle(axes, random);
    std::int64_t stride = std::int64_t{*element_bytes(layout.type)} * layout.interleave;
    for (const auto& [count, target] : axes) {
      stride += random() % 3 == 0 ? extent(20) : 0;
      *target = stride;
      stride *= count;
    }
    SCOPED_TRACE(describe(layout));
    expect_round_trip(layout, random);
    if (HasFatalFailure()) {
      return;
    }
  }
}

TEST(Surface, TypesConvertOnTheWay) {
  std::mt19937 random(3);
  for (const std::uint32_t interleave : {1u, 4u}) {
    for (const std::int64_t width : {1, 7, 300}) {
      const SurfaceShape shape{1, 6, 2, width, 1};
      const auto layout = SurfaceLayout::packed(ElementType::float16, shape, interleave);
      ASSERT_TRUE(layout);
      std::vector<float> values(shape_count(shape));
      std::ranges::generate(values, [&] { return static_cast<float>(static_cast<int>(random() % 200000)) / 7.0F; });
      const Tensor floats = Tensor::from_floats(shape_of(shape), values, ElementType::float32);
      std::vector<std::uint8_t> surface(*layout->footprint());
      ASSERT_TRUE(pack(floats, *layout, surface));
      for_each_element(*layout, [&](std::size_t i, std::size_t at) {
        Half half;
        std::memcpy(&half, &surface[at], 2);
        EXPECT_EQ(half, to_half(values[i]));
      });
    }
  }
}

TEST(Surface, ShapesMatchWithoutExtentsOfOne) {
  const auto layout = SurfaceLayout::packed(ElementType::float16, {1, 4, 1, 3, 1});
  ASSERT_TRUE(layout);
  std::vector<std::uint8_t> surface(*layout->footprint());
  const std::vector<float> values(12);
  for (const Shape& good : {Shape{4, 3}, Shape{1, 4, 1, 3}, Shape{1, 1, 4, 3}, Shape{4, 1, 3, 1, 1, 1}}) {
    EXPECT_TRUE(pack(Tensor::from_floats(good, values, ElementType::float16), *layout, surface)) << to_string(good);
  }
  for (const Shape& bad : {Shape{3, 4}, Shape{12}, Shape{1, 3, 1, 4}, Shape{2, 2, 3}}) {
    const auto result = pack(Tensor::from_floats(bad, values, ElementType::float16), *layout, surface);
    ASSERT_FALSE(result) << to_string(bad);
    EXPECT_EQ(result.error().category, ErrorCategory::usage);
  }
}

TEST(Surface, ImpossibleLayoutsAreErrors) {
  const std::int64_t huge = std::int64_t{1} << 61;
  EXPECT_FALSE(SurfaceLayout::packed(ElementType::float16, {1, 0, 1, 1, 1}));
  EXPECT_FALSE(SurfaceLayout::packed(ElementType::float16, {1, -1, 1, 1, 1}));
  EXPECT_FALSE(SurfaceLayout::packed(ElementType::float16, {1, 1, 1, 1, 1}, 0));
  EXPECT_FALSE(SurfaceLayout::packed(ElementType::float16, {1, 1, 1, huge + 1, 1}));
  EXPECT_FALSE(SurfaceLayout::packed(ElementType::uint8, {1, 1 << 22, 1 << 22, 1 << 20, 1}));
  EXPECT_FALSE(SurfaceLayout::packed(ElementType::float16, {huge, huge, huge, huge, huge}));
  const auto unknown = SurfaceLayout::packed(ElementType::packed10, {1, 1, 1, 1, 1});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().category, ErrorCategory::missing_specification);

  const SurfaceLayout good{ElementType::float16, {2, 2, 2, 2, 1}, {256, 128, 64, 2, 0}, 1};
  ASSERT_TRUE(good.footprint());
  std::vector<std::uint8_t> memory(1024);
  ASSERT_TRUE(unpack(memory, good));
  for (std::int64_t SurfaceStrides::* axis :
       {&SurfaceStrides::n, &SurfaceStrides::c, &SurfaceStrides::h, &SurfaceStrides::w}) {
    for (const std::int64_t stride :
         {std::int64_t{0}, std::int64_t{-2}, huge * 2, std::numeric_limits<std::int64_t>::max()}) {
      SurfaceLayout bad = good;
      bad.strides.*axis = stride;
      EXPECT_FALSE(bad.footprint()) << stride;
      EXPECT_FALSE(unpack(memory, bad)) << stride;
    }
    SurfaceLayout overlapping = good;
    overlapping.strides.*axis = 1;
    EXPECT_TRUE(overlapping.footprint());
    EXPECT_FALSE(unpack(memory, overlapping));
  }
  // 2^60 elements over a few bytes: refused before anything of that size is allocated.
  const SurfaceLayout bomb{ElementType::uint8, {1, 1 << 20, 1 << 20, 1 << 20, 1}, {1, 1, 1, 1, 0}, 1};
  ASSERT_EQ(*bomb.footprint(), 3u * (1 << 20) - 2);
  std::vector<std::uint8_t> bytes(4 << 20);
  EXPECT_FALSE(unpack(bytes, bomb));
}

// A model of libane's loops (hwx-container.md 15.5): rows to R, planes to P, everything else zero.
TEST(Tiles, RowsAndPlanesLieWhereLibanePutsThem) {
  std::mt19937 random(4);
  for (int round = 0; round < 300; ++round) {
    const auto extent = [&](int limit) { return std::uniform_int_distribution<std::size_t>(1, limit)(random); };
    const std::size_t n = extent(3);
    const std::size_t c = extent(6);
    const std::size_t h = extent(5);
    const std::size_t w = extent(40);
    const std::size_t row = ((2 * w + 63) / 64 + random() % 2) * 64;
    const std::size_t plane = row * (h + random() % 2);
    std::vector<std::uint8_t> expected((n * c * plane + kTileBytes - 1) / kTileBytes * kTileBytes);
    const auto dense = random_bytes(n * c * h * w * 2, random);
    for (std::size_t i = 0; i < n * c; ++i) {
      for (std::size_t y = 0; y < h; ++y) {
        std::memcpy(&expected[i * plane + y * row], &dense[(i * h + y) * w * 2], w * 2);
      }
    }
    const auto signed_extent = [](std::size_t value) { return static_cast<std::int64_t>(value); };
    const SurfaceShape shape{signed_extent(n), signed_extent(c), signed_extent(h), signed_extent(w), 1};
    const auto layout = tiled_layout(shape, row, plane);
    ASSERT_TRUE(layout) << layout.error().to_string();
    ASSERT_EQ(*tiled_bytes(*layout), expected.size());
    const auto tensor = Tensor::create(ElementType::float16, shape_of(shape), Bytes(dense));
    ASSERT_TRUE(tensor);
    auto buffer = random_bytes(expected.size(), random);
    ASSERT_TRUE(tile(*tensor, *layout, buffer));
    ASSERT_EQ(buffer, expected) << describe(*layout);
    const auto back = untile(buffer, *layout);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->data, tensor->data);
    EXPECT_FALSE(untile(std::span(buffer).first(buffer.size() - 1), *layout));
  }
}

TEST(Tiles, ImpossibleStridesAreErrors) {
  const SurfaceShape shape{1, 2, 3, 40, 1};
  EXPECT_TRUE(tiled_layout(shape, 128, 384));
  EXPECT_FALSE(tiled_layout(shape, 0, 384));
  EXPECT_FALSE(tiled_layout(shape, 64, 384)) << "rows of 80 bytes do not fit";
  EXPECT_FALSE(tiled_layout(shape, 96, 384));
  EXPECT_FALSE(tiled_layout(shape, 128, 256)) << "three rows do not fit";
  EXPECT_FALSE(tiled_layout(shape, 128, 400));
  EXPECT_FALSE(tiled_layout(shape, 128, 0));
  EXPECT_FALSE(tiled_layout(shape, std::uint64_t{1} << 63, std::uint64_t{1} << 63));
  EXPECT_FALSE(tiled_layout({1, 2, 3, 40, 2}, 128, 384));
}

}  // namespace
}  // namespace openane
