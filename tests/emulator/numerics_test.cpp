// The rules at a task's boundary and the multiply-accumulate models, against published readings of an M1 (h13-isa.md 4
// and 9, sbryngelson/ane-guide:part-1-machine/03-numerics.md).
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "emulator/rows.h"
#include "hwy/highway.h"
#include "openane/emulator.h"

namespace openane {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(Boundary, ReadingMakesExponent31Finite) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const Half stored{static_cast<std::uint16_t>(bits)};
    const float value = read_boundary(stored);
    if ((bits & 0x7c00u) != 0x7c00u) {
      EXPECT_EQ(std::bit_cast<std::uint32_t>(value), std::bit_cast<std::uint32_t>(to_float(stored))) << bits;
    } else {
      EXPECT_EQ(value, bits == 0xfc00 ? -65536.0F : 65536.0F) << bits;
    }
  }
}

TEST(Boundary, WritingRoundsHalfToEvenAndOverflowsAbove65504) {
  EXPECT_EQ(write_boundary(65519.996F).bits, 0x7bff);
  EXPECT_EQ(write_boundary(65520).bits, 0x7c00);
  EXPECT_EQ(write_boundary(65536).bits, 0x7c00);
  EXPECT_EQ(write_boundary(-65536).bits, 0xfc00);
  EXPECT_EQ(write_boundary(2049).bits, to_half(2048).bits) << "a tie goes to the even neighbour";
  EXPECT_EQ(write_boundary(2051).bits, to_half(2052).bits);
  EXPECT_EQ(write_boundary(0x1p-24F).bits, 1) << "denormals are kept";
  EXPECT_EQ(write_boundary(0x1p-25F).bits, 0);
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const Half stored{static_cast<std::uint16_t>(bits)};
    if ((bits & 0x7c00u) != 0x7c00u) {
      EXPECT_EQ(write_boundary(read_boundary(stored)), stored);
    }
  }
}

TEST(Numerics, HaveNames) {
  for (const Numerics numerics : {Numerics::h13, Numerics::ideal}) {
    EXPECT_EQ(numerics_from_string(to_string(numerics)), numerics);
  }
  EXPECT_EQ(numerics_from_string("M1"), std::nullopt);
}

// ------------------------------------------------------------------------------------------------ dot products

float sum_of(const std::vector<float>& terms, Numerics numerics = Numerics::h13) {
  std::vector<Half> a, ones(terms.size(), Half{0x3c00});
  for (const float term : terms) {
    a.push_back(to_half(term));
  }
  return to_float(write_boundary(dot_product(numerics, a, ones)));
}

std::vector<float> repeat(const std::vector<float>& pattern, int times) {
  std::vector<float> terms;
  for (int i = 0; i < times; ++i) {
    terms.insert(terms.end(), pattern.begin(), pattern.end());
  }
  return terms;
}

TEST(PublishedReadings, DotProducts) {
  EXPECT_EQ(sum_of(repeat({1}, 16000)), 16000);
  for (const float b : {1.0F, 100.0F, 1024.0F, 3000.0F, 4000.0F, 4090.0F}) {
    EXPECT_EQ(sum_of(repeat({b, -b, 1}, 16)), 16) << b;
    EXPECT_EQ(sum_of(repeat({b, 1, -b}, 16)), 16) << b;
  }
  for (const float b : {4096.0F, 8000.0F, 16000.0F, 30000.0F}) {
    EXPECT_EQ(sum_of(repeat({b, -b, 1}, 16)), 4) << b;
    EXPECT_EQ(sum_of(repeat({b, 1, -b}, 16)), 4) << b;
  }
  std::vector<float> terms = repeat({1}, 1025);
  terms[0] = 4096;
  EXPECT_EQ(sum_of(terms), 5116);
  EXPECT_EQ(sum_of({16376, 16376}), 32752);
  EXPECT_EQ(sum_of({16384, 16384}), kInfinity);
  EXPECT_EQ(sum_of({30000, 30000, -30000, -30000}), kInfinity) << "an interior partial sum";
  EXPECT_EQ(sum_of({60000}), 60000) << "a single input is exempt";
  EXPECT_EQ(sum_of({0x1p-24F, 0x1p-24F}), 0) << "denormals inside the multiply-accumulate";
  EXPECT_EQ(sum_of({30000, 30000}, Numerics::ideal), 60000);
}

// ------------------------------------------------------------------------------------------------ rows

/// Every SIMD target this machine can run.
std::vector<std::int64_t> simd_targets() {
  std::vector<std::int64_t> targets;
  for (std::int64_t rest = hwy::SupportedTargets(); rest != 0; rest &= rest - 1) {
    targets.push_back(rest & -rest);
  }
  return targets;
}

class EveryTarget {
 public:
  explicit EveryTarget(std::int64_t target) { hwy::SetSupportedTargetsForTest(target); }
  ~EveryTarget() { hwy::SetSupportedTargetsForTest(0); }
  EveryTarget(const EveryTarget&) = delete;
  EveryTarget& operator=(const EveryTarget&) = delete;
};

std::vector<std::uint16_t> all_halves() {
  std::vector<std::uint16_t> halves(0x10000);
  for (std::size_t i = 0; i < halves.size(); ++i) {
    halves[i] = static_cast<std::uint16_t>(i);
  }
  return halves;
}

TEST(Rows, ReadAsTheBoundaryDoes) {
  const std::vector<std::uint16_t> halves = all_halves();
  for (const std::int64_t target : simd_targets()) {
    const EveryTarget only(target);
    std::vector<float> values(halves.size());
    emulator::read_row(halves.data(), halves.size(), values.data());
    for (std::size_t i = 0; i < halves.size(); ++i) {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(values[i]), std::bit_cast<std::uint32_t>(read_boundary(Half{halves[i]})))
          << hwy::TargetName(target) << ", element " << i;
    }
  }
}

/// The formula of rows.h, one element at a time.
float element(const emulator::RowFormula& f, Half first, Half second) {
  using emulator::RowOp;
  const auto clamp = [](float v) { return v > 0 ? v : 0.0F; };
  float x = read_boundary(first);
  x = f.input_relu ? clamp(x) : x;
  x = (f.absolute ? std::fabs(x) : x) * f.pre_scale;
  x = f.negate_first ? -x : x;
  const float y = f.negate_second ? -read_boundary(second) : read_boundary(second);
  const float v = f.op == RowOp::first           ? x
                  : f.op == RowOp::square        ? x * x
                  : f.op == RowOp::add           ? x + y
                  : f.op == RowOp::mul           ? x * y
                  : f.op == RowOp::max           ? (x > y ? x : y)
                  : f.op == RowOp::min           ? (x < y ? x : y)
                  : f.op == RowOp::square_of_sum ? (x + y) * (x + y)
                                                 : (x + f.offset) * f.gain;
  const float scaled = (v + f.bias) * f.scale;
  return f.relu ? clamp(scaled) : scaled;
}

TEST(Rows, AgreeOnEveryTarget) {
  const std::vector<std::uint16_t> x = all_halves();
  std::vector<std::uint16_t> y = x;
  // A permutation, so that all kinds of numbers meet.
  for (std::size_t i = 0; i < y.size(); ++i) {
    y[i] = static_cast<std::uint16_t>(i * 40503u + 12345u);
  }
  for (std::uint32_t variant = 0; variant < 8 * 16; ++variant) {
    emulator::RowFormula f;
    f.op = static_cast<emulator::RowOp>(variant % 8);
    f.input_relu = (variant & 8u) != 0;
    f.absolute = (variant & 16u) != 0;
    f.negate_first = (variant & 32u) != 0;
    f.negate_second = f.relu = (variant & 64u) != 0;
    f.pre_scale = variant % 3 == 0 ? 1.0F : 1.4423828125F;
    f.bias = variant % 5 == 0 ? -0.0F : variant % 5 == 1 ? 0.0F : -0.37F;
    f.scale = variant % 7 == 0 ? 1.0F : 0x1.8p-9F;
    f.offset = 3;
    f.gain = -0.75F;
    for (const std::int64_t target : simd_targets()) {
      const EveryTarget only(target);
      // An odd length and an odd start: the last elements do not fill a vector.
      const std::size_t count = x.size() - 5;
      std::vector<std::uint16_t> halves(count);
      std::vector<float> values(count);
      emulator::compute_row(f, x.data() + 3, y.data() + 3, count, halves.data());
      emulator::compute_row(f, x.data() + 3, y.data() + 3, count, values.data());
      for (std::size_t i = 0; i < count; ++i) {
        const float expected = element(f, Half{x[i + 3]}, Half{y[i + 3]});
        ASSERT_EQ(std::bit_cast<std::uint32_t>(values[i]), std::bit_cast<std::uint32_t>(expected))
            << hwy::TargetName(target) << ", variant " << variant << ", " << x[i + 3] << " and " << y[i + 3];
        ASSERT_EQ(halves[i], write_boundary(expected).bits) << hwy::TargetName(target) << ", variant " << variant;
      }
    }
  }
}

TEST(Rows, WorkInPlace) {
  std::vector<std::uint16_t> row(37);
  for (std::size_t i = 0; i < row.size(); ++i) {
    row[i] = to_half(static_cast<float>(i)).bits;
  }
  emulator::RowFormula f;
  f.op = emulator::RowOp::add;
  emulator::compute_row(f, row.data(), row.data(), row.size(), row.data());
  for (std::size_t i = 0; i < row.size(); ++i) {
    EXPECT_EQ(to_float(Half{row[i]}), static_cast<float>(2 * i));
  }
}

}  // namespace
}  // namespace openane
