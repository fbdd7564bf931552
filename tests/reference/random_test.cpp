// Random tensors: known answers of the generator, and the distributions. Bounds are six standard errors wide, seeds
// fixed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "places.h"
#include "reference/philox.h"
#include "stub_call.h"

namespace openane::reference::test {
namespace {

// The known answers that the authors of Philox publish with it (Random123, kat_vectors: philox4x32 10).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

constexpr std::int32_t kSide = 400;
constexpr double kCount = kSide * kSide;

StubCall drawing(const char* operation, std::int32_t seed, unsigned threads = 2) {
  StubCall call(operation, Precision::fp32, threads);
  call.with_integers("shape", {kSide, kSide}).with_integer("seed", seed);
  return call;
}

double mean_of(const std::vector<float>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// Mean of the k-th powers of the distances from `centre`.
double moment(const std::vector<float>& values, double centre, int k) {
  double sum = 0;
  for (const float value : values) {
    sum += std::pow(static_cast<double>(value) - centre, k);
  }
  return sum / static_cast<double>(values.size());
}

TEST(RandomUniform, FillsItsRangeEvenly) {
  const std::vector<float> values =
      values_of<float>(drawing("random_uniform", 7).with_number("low", -1).with_number("high", 3).result());
  EXPECT_EQ(values.size(), kCount);
  std::vector<double> bins(16);
  for (const float value : values) {
    ASSERT_GE(value, -1);
    ASSERT_LT(value, 3);
    bins[static_cast<std::size_t>((value + 1) * 4)] += 1;
  }
  for (const double bin : bins) {
    EXPECT_NEAR(bin, kCount / 16, 6 * std::sqrt(kCount / 16));
  }
  EXPECT_NEAR(mean_of(values), 1, 6 * std::sqrt(16.0 / 12 / kCount));
}

TEST(RandomUniform, NeverReachesItsUpperEndInFp16) {
  const Array out = drawing("random_uniform", 7).gives(mil::DataType::fp16).result();
  for (const float value : out.elements<float>()) {
    ASSERT_LE(value, 2047.0F / 2048);
  }
}

TEST(RandomNormal, HasTheMomentsOfItsDistribution) {
  const std::vector<float> values =
      values_of<float>(drawing("random_normal", 11).with_number("mean", 2).with_number("stddev", 0.5).result());
  EXPECT_NEAR(mean_of(values), 2, 6 * 0.5 / std::sqrt(kCount));
  EXPECT_NEAR(moment(values, 2, 2), 0.25, 6 * 0.25 * std::sqrt(2 / kCount));
  EXPECT_NEAR(moment(values, 2, 3), 0, 6 * 0.125 * std::sqrt(15 / kCount));
  EXPECT_NEAR(moment(values, 2, 4), 3 * 0.0625, 6 * 0.0625 * std::sqrt(96 / kCount));
}

TEST(RandomBernoulli, IsOneAsOftenAsAsked) {
  const std::vector<float> values = values_of<float>(drawing("random_bernoulli", 3).with_number("prob", 0.3).result());
  EXPECT_TRUE(std::ranges::all_of(values, [](float value) { return value == 0 || value == 1; }));
  EXPECT_NEAR(mean_of(values), 0.3, 6 * std::sqrt(0.21 / kCount));
}

TEST(RandomCategorical, DrawsByProbabilityOrByLogit) {
  const std::vector<float> probabilities{0.1F, 0, 0.6F, 0.3F};
  std::vector<float> logits;
  for (const float p : probabilities) {
    logits.push_back(std::log(p) + 5);
  }
  for (const auto& [mode, x] : {std::pair("probs", probabilities), std::pair("logits", logits)}) {
    std::vector<float> both = x;
    both.insert(both.end(), {1, 1, 1, 1});
    const Array result = StubCall("random_categorical")
                             .with("x", array_of<float>({2, 4}, both))
                             .with("mode", mode)
                             .with_integer("size", 40000)
                             .with_integer("seed", 5)
                             .result();
    ASSERT_EQ(result.shape(), (Shape{2, 40000}));
    std::vector<double> counts(8);
    for (const Place& place : places(result.shape())) {
      counts[static_cast<std::size_t>(place[0] * 4) + static_cast<std::size_t>(at<float>(result, place))] += 1;
    }
    for (std::size_t i = 0; i < 8; ++i) {
      const double p = i < 4 ? static_cast<double>(probabilities[i]) : 0.25;
      EXPECT_NEAR(counts[i], 40000 * p, 6 * std::sqrt(40000 * p * (1 - p))) << mode << i;
    }
  }
  StubCall negative("random_categorical");
  negative.with("x", array_of<float>({2}, {1, -1})).with("mode", "probs");
  EXPECT_NE(failure(negative).find("a probability of -1"), std::string::npos);
}

TEST(Random, ASeedNamesItsNumbersWhateverTheThreads) {
  for (const char* operation : {"random_uniform", "random_normal", "random_bernoulli"}) {
    const auto first = values_of<float>(drawing(operation, 1, 1).result());
    EXPECT_EQ(values_of<float>(drawing(operation, 1, 4).result()), first) << operation;
    EXPECT_NE(values_of<float>(drawing(operation, 2, 1).result()), first) << operation;
  }
}

TEST(Random, WithoutASeedEveryCallGivesOtherNumbers) {
  StubCall call = drawing("random_uniform", -1);
  const auto first = values_of<float>(call.result());
  EXPECT_NE(values_of<float>(call.result()), first);
}

}  // namespace
}  // namespace openane::reference::test
