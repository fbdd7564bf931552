// The set of bytes a view takes, against counting every element.
#include "emulator/view.h"

#include <gtest/gtest.h>

#include <map>

#include "workshop.h"

namespace openane::emulator {
namespace {

Axis random_axis(test::Dice& dice, bool two_level) {
  Axis axis{dice.roll(1, 7), dice.roll(0, 40), 1, 0};
  if (two_level) {
    axis.interleave = dice.roll(2, 4);
    axis.inner = dice.roll(1, 6);
  }
  return axis;
}

/// How many elements take each byte.
std::map<std::uint64_t, int> count_bytes(const View& view) {
  std::map<std::uint64_t, int> counts;
  for (std::uint32_t g = 0; g < view.group.count; ++g) {
    for (std::uint32_t c = 0; c < view.channel.count; ++c) {
      for (std::uint32_t y = 0; y < view.row.count; ++y) {
        for (std::uint32_t x = 0; x < view.column.count; ++x) {
          const auto at = [](const Axis& axis, std::uint32_t i) {
            return i / axis.interleave * axis.stride + i % axis.interleave * axis.inner;
          };
          const std::uint64_t address =
              view.offset + at(view.group, g) + at(view.channel, c) + at(view.row, y) + at(view.column, x);
          for (std::uint32_t byte = 0; byte < view.element_bytes(); ++byte) {
            ++counts[address + byte];
          }
        }
      }
    }
  }
  return counts;
}

TEST(View, CoversExactlyItsElements) {
  std::size_t apart = 0;
  for (std::uint32_t seed = 1; seed <= 3000; ++seed) {
    test::Dice dice(seed);
    View view;
    view.offset = dice.roll(0, 100);
    view.type = dice.coin() ? ElementType::float16 : ElementType::uint8;
    const std::uint32_t two_level = dice.roll(0, 3);
    view.group = random_axis(dice, false);
    view.channel = random_axis(dice, two_level == 1);
    view.row = random_axis(dice, false);
    view.column = random_axis(dice, two_level == 2);
    if (dice.coin()) {
      // A packed order, so that runs join.
      view.column.stride = view.element_bytes() * view.column.interleave;
      view.column.inner = view.element_bytes();
      view.row.stride = view.column.count * view.column.stride;
    }
    const std::map<std::uint64_t, int> expected = count_bytes(view);
    std::map<std::uint64_t, int> seen;
    view.for_each_run([&](std::uint64_t begin, std::uint64_t end) {
      for (; begin < end; ++begin) {
        ++seen[begin];
      }
    });
    const auto keys = [](const std::map<std::uint64_t, int>& map) {
      std::vector<std::uint64_t> all;
      for (const auto& [key, count] : map) {
        all.push_back(key);
      }
      return all;
    };
    ASSERT_EQ(keys(seen), keys(expected)) << "seed " << seed;
    ASSERT_EQ(view.end(), expected.rbegin()->first + 1) << "seed " << seed;
    const bool shared = std::ranges::any_of(expected, [](const auto& entry) { return entry.second > 1; });
    if (shared) {
      ASSERT_TRUE(view.elements_may_overlap()) << "seed " << seed;
    }
    apart += view.elements_may_overlap() ? 0 : 1;
  }
  EXPECT_GT(apart, 50u) << "the check would be empty if every view were taken to overlap";
}

TEST(View, PackedTensorsDoNotOverlap) {
  for (std::uint32_t seed = 1; seed <= 500; ++seed) {
    test::Dice dice(seed);
    const test::Logical shape(dice.roll(1, 3), dice.roll(1, 9), dice.roll(1, 4), dice.roll(1, 40));
    const auto lanes = static_cast<std::uint8_t>(dice.roll(1, 4));
    const SurfaceView surface = test::packed_view(4, shape, ElementType::float16, lanes);
    View view;
    view.group = {shape.groups, surface.strides.group, 1, 0};
    view.channel = {shape.channels, surface.strides.channel, lanes, 2};
    view.row = {shape.height, surface.strides.row, 1, 0};
    view.column = {shape.width, 2u * lanes, 1, 0};
    EXPECT_FALSE(view.elements_may_overlap()) << "seed " << seed;
  }
}

TEST(WrittenBytes, MarkFindAndForget) {
  WrittenBytes bytes(1000);
  bytes.mark(10, 300);
  EXPECT_EQ(bytes.first_unmarked(10, 300), std::nullopt);
  EXPECT_EQ(bytes.first_unmarked(9, 300), 9u);
  EXPECT_EQ(bytes.first_unmarked(10, 301), 300u);
  EXPECT_EQ(bytes.first_marked(0, 10), std::nullopt);
  EXPECT_EQ(bytes.first_marked(0, 1000), 10u);
  bytes.unmark(64, 128);
  EXPECT_EQ(bytes.first_unmarked(10, 300), 64u);
  EXPECT_EQ(bytes.first_marked(64, 129), 128u);
  bytes.mark(999, 1000);
  EXPECT_EQ(bytes.first_unmarked(999, 1000), std::nullopt);
}

}  // namespace
}  // namespace openane::emulator
