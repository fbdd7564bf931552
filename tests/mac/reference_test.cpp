// The models against the published readings of an M1 (h13-isa.md 9, sbryngelson/ane-guide
// part-1-machine/03-numerics.md).
#include "emulator/mac_reference.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace openane {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

float sum_of(const std::vector<float>& terms) {
  const std::vector<float> ones(terms.size(), 1.0F);
  return mac_reference(Numerics::h13, terms, ones);
}

std::vector<float> repeated(const std::vector<float>& pattern, int times) {
  std::vector<float> terms;
  for (int i = 0; i < times; ++i) {
    terms.insert(terms.end(), pattern.begin(), pattern.end());
  }
  return terms;
}

TEST(PublishedReadings, SumsOfOnesAreExact) {
  for (const int count : {1, 2, 3, 5, 2049, 4097, 16000}) {
    EXPECT_EQ(sum_of(std::vector<float>(static_cast<std::size_t>(count), 1.0F)), static_cast<float>(count));
  }
}

TEST(PublishedReadings, OnesThatSurviveCancellation) {
  const std::pair<float, float> survivors[] = {{1024, 16}, {3000, 16}, {4090, 16}, {4096, 4},
                                               {8000, 4},  {16000, 4}, {30000, 4}};
  for (const auto& [magnitude, ones] : survivors) {
    EXPECT_EQ(sum_of(repeated({magnitude, -magnitude, 1}, 16)), ones) << "[B, -B, 1], B = " << magnitude;
    EXPECT_EQ(sum_of(repeated({magnitude, 1, -magnitude}, 16)), ones) << "[B, 1, -B], B = " << magnitude;
  }
}

TEST(PublishedReadings, LargeTermThenOnes) {
  std::vector<float> terms(1025, 1.0F);
  terms[0] = 4096;
  EXPECT_EQ(to_float(to_half(sum_of(terms))), 5116.0F);
}

TEST(PublishedReadings, ClampAtTwoToTheFifteenth) {
  EXPECT_EQ(sum_of({16384, 16368}), 32752.0F);
  EXPECT_EQ(sum_of({32752, 0}), 32752.0F);
  EXPECT_EQ(sum_of({16384, 16384}), kInfinity);
  EXPECT_EQ(sum_of({-16384, -16384}), -kInfinity);
  EXPECT_EQ(sum_of({60000}), 60000.0F) << "a single product is exempt";
}

TEST(PublishedReadings, PartialSumsClampToo) {
  EXPECT_EQ(sum_of({30000, 30000, -30000, -30000}), kInfinity);
  EXPECT_EQ(sum_of({30000, 0, 0, 0, 30000, 0, 0, 0, -30000, -30000}), kInfinity);
}

TEST(PublishedReadings, DenormalsSumToPlusZero) {
  const float sum = sum_of({0x1p-15F, 0x1p-15F});
  EXPECT_EQ(sum, 0.0F);
  EXPECT_FALSE(std::signbit(sum));
}

TEST(Ideal, AddsInStreamOrder) {
  const std::vector<float> terms = {16384, 0x1p-10F, -16384, 0x1p-10F}, ones(4, 1.0F);
  EXPECT_EQ(mac_reference(Numerics::ideal, terms, ones), 0x1p-10F);
}

}  // namespace
}  // namespace openane
