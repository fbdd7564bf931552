// fp16 against the compiler's own, and the vectorised conversion against the scalar one on every SIMD target.
#include "openane/half.h"

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "base/half_bytes.h"
#include "compiler_half.h"

namespace openane {
namespace {

float float_of(std::uint32_t bits) { return std::bit_cast<float>(bits); }
std::uint32_t bits_of(float value) { return std::bit_cast<std::uint32_t>(value); }

std::vector<Half> all_halves() {
  std::vector<Half> halves(65536);
  for (std::size_t i = 0; i < halves.size(); ++i) {
    halves[i].bits = static_cast<std::uint16_t>(i);
  }
  return halves;
}

// Where rounding can go wrong: around every fp16 number, around every middle between two, at every pattern of the bits
// that fp16 drops from a normal number, and anywhere at random.
std::vector<float> telling_floats() {
  std::vector<float> floats;
  const auto add_around = [&](float value) {
    for (std::uint32_t step = 0; step <= 4; ++step) {
      floats.push_back(float_of(bits_of(value) + step - 2));
      floats.push_back(-floats.back());
    }
  };
  for (std::uint16_t bits = 0; bits < 0x7c00; ++bits) {
    const float value = to_float(Half{bits});
    const float next = bits == 0x7bff ? 65536.0F : to_float(Half{static_cast<std::uint16_t>(bits + 1)});
    add_around(value);
    add_around((value + next) / 2);
  }
  for (std::uint32_t high = 0; high < (1u << 19); ++high) {
    for (const std::uint32_t low : {0u, 1u, 0xfffu, 0x1000u, 0x1001u, 0x1fffu}) {
      floats.push_back(float_of((high << 13) | low));
    }
  }
  std::mt19937 random(1);
  for (int i = 0; i < 4'000'000; ++i) {
    floats.push_back(float_of(static_cast<std::uint32_t>(random())));
  }
  // Random numbers seldom fall where fp16 has denormals.
  for (int i = 0; i < 2'000'000; ++i) {
    const auto exponent = static_cast<std::uint32_t>(127 - 26 + random() % 44);
    floats.push_back(float_of((exponent << 23) | (random() & 0x807fffffu)));
  }
  return floats;
}

TEST(Half, ToFloatIsExact) {
  for (const Half half : all_halves()) {
    const float value = to_float(half);
    const float reference = static_cast<float>(std::bit_cast<test::CompilerHalf>(half.bits));
    if (std::isnan(reference)) {
      // A conversion instruction would make it quiet; exact keeps sign and payload.
      ASSERT_EQ(bits_of(value), ((half.bits & 0x8000u) << 16) | 0x7f800000u | ((half.bits & 0x3ffu) << 13));
    } else {
      ASSERT_EQ(bits_of(value), bits_of(reference)) << half.bits;
    }
  }
}

TEST(Half, ToHalfRoundsAsTheCompilerDoes) {
  for (const float value : telling_floats()) {
    const auto reference = std::bit_cast<std::uint16_t>(static_cast<test::CompilerHalf>(value));
    ASSERT_EQ(to_half(value).bits, reference) << std::hexfloat << value << " = " << std::hex << bits_of(value);
  }
}

TEST(Half, RoundTripKeepsEveryNumber) {
  for (const Half half : all_halves()) {
    const bool is_signalling = (half.bits & 0x7e00u) == 0x7c00u && (half.bits & 0x1ffu) != 0;
    const Half expected{static_cast<std::uint16_t>(half.bits | (is_signalling ? 0x200u : 0u))};
    ASSERT_EQ(to_half(to_float(half)), expected) << half.bits;
  }
}

TEST(Half, KnownValues) {
  EXPECT_EQ(to_half(1.0F).bits, 0x3c00);
  EXPECT_EQ(to_half(-0.0F).bits, 0x8000);
  EXPECT_EQ(to_half(65504.0F).bits, 0x7bff);
  EXPECT_EQ(to_half(65519.996F).bits, 0x7bff);
  EXPECT_EQ(to_half(65520.0F).bits, 0x7c00);
  EXPECT_EQ(to_half(0x1p-24F).bits, 0x0001);
  EXPECT_EQ(to_half(0x1p-25F).bits, 0x0000) << "the middle between 0 and the smallest goes to even";
  EXPECT_EQ(to_half(0x1.8p-24F).bits, 0x0002);
  EXPECT_EQ(to_half(-std::numeric_limits<float>::infinity()).bits, 0xfc00);
  EXPECT_EQ(to_half(float_of(0x7f800001)).bits, 0x7e00);
}

// Every target that was compiled and that this machine can run. The parameter is Highway's bit of the target.
class HalfOnTarget : public testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override {
    hwy::SetSupportedTargetsForTest(GetParam());
    ASSERT_EQ(half_conversion_target(), hwy::TargetName(GetParam()));
  }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};

TEST_P(HalfOnTarget, EveryHalfBecomesTheScalarFloat) {
  const std::vector<Half> halves = all_halves();
  std::vector<float> floats(halves.size());
  convert(halves, floats);
  for (std::size_t i = 0; i < halves.size(); ++i) {
    ASSERT_EQ(bits_of(floats[i]), bits_of(to_float(halves[i]))) << "half " << std::hex << i;
  }
}

TEST_P(HalfOnTarget, EveryTellingFloatBecomesTheScalarHalf) {
  const std::vector<float> floats = telling_floats();
  std::vector<Half> halves(floats.size());
  convert(floats, halves);
  for (std::size_t i = 0; i < floats.size(); ++i) {
    ASSERT_EQ(halves[i], to_half(floats[i])) << "float " << std::hex << bits_of(floats[i]);
  }
}

// Whole vectors, their overlapping end, counts below one vector; at any address; nothing written outside.
TEST_P(HalfOnTarget, AnyLengthAtAnyAddress) {
  std::mt19937 random(2);
  for (std::size_t count = 0; count < 70; ++count) {
    for (std::size_t shift = 0; shift < 5; ++shift) {
      std::vector<std::uint8_t> narrow(count * 2 + 16);
      std::vector<std::uint8_t> wide(count * 4 + 16);
      for (std::uint8_t& byte : narrow) {
        byte = static_cast<std::uint8_t>(random());
      }
      const auto original = narrow;
      std::vector<std::uint8_t> expected_wide(wide.size(), 0xaa);
      wide = expected_wide;
      auto expected_narrow = original;
      for (std::size_t i = 0; i < count; ++i) {
        Half half;
        std::memcpy(&half, &original[shift + 2 * i], 2);
        const float value = to_float(half);
        std::memcpy(&expected_wide[shift + 1 + 4 * i], &value, 4);
        half = to_half(value);
        std::memcpy(&expected_narrow[shift + 2 * i], &half, 2);
      }
      half_to_float_bytes(&narrow[shift], &wide[shift + 1], count);
      ASSERT_EQ(wide, expected_wide) << count << " from address " << shift;
      float_to_half_bytes(&wide[shift + 1], &narrow[shift], count);
      ASSERT_EQ(narrow, expected_narrow) << count << " from address " << shift;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, HalfOnTarget, testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         [](const auto& target) { return hwy::TargetName(target.param); });

}  // namespace
}  // namespace openane
