// One row of elements against its definition, a number at a time, on every SIMD target: what is finite goes in long
// steps, what is not leaves them.
#include "emulator/rows.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "hwy/highway.h"
#include "openane/emulator.h"

namespace openane::emulator {
namespace {

float combine(RowOp op, float x, float y) {
  switch (op) {
    case RowOp::first:
    case RowOp::affine:
      return x;
    case RowOp::square:
      return x * x;
    case RowOp::add:
      return x + y;
    case RowOp::mul:
      return x * y;
    case RowOp::max:
      return x > y ? x : y;
    case RowOp::min:
      return x < y ? x : y;
    case RowOp::square_of_sum:
      return (x + y) * (x + y);
  }
  return 0;
}

std::uint16_t defined(const RowFormula& formula, std::uint16_t first, std::uint16_t second) {
  const float x = read_boundary(Half{first}), y = read_boundary(Half{second});
  const float value = formula.op == RowOp::affine ? (x + formula.offset) * formula.gain : combine(formula.op, x, y);
  const float result = (value + formula.bias) * formula.scale;
  return write_boundary(formula.relu && !(result > 0) ? 0.0F : result).bits;
}

constexpr RowOp kOps[] = {RowOp::first, RowOp::square, RowOp::add,           RowOp::mul,
                          RowOp::max,   RowOp::min,    RowOp::square_of_sum, RowOp::affine};

class Codes {
 public:
  explicit Codes(std::uint32_t seed) : random_(seed) {}
  /// Kind 0: numbers; 1: zeros of both signs; 2: numbers and here and there an infinity or NaN; 3: anything.
  std::vector<std::uint16_t> row(std::size_t count, std::uint32_t kind) {
    std::vector<std::uint16_t> codes(count);
    for (std::uint16_t& code : codes) {
      const auto bits = static_cast<std::uint32_t>(random_());
      const auto number = static_cast<std::uint16_t>((bits & 0x8000U) | (bits & 0x7fffU) % 0x7c00U);
      const bool special = kind == 3 || (kind == 2 && bits >> 26 == 0);
      code = kind == 1 ? static_cast<std::uint16_t>(bits & 0x8000U)
             : special ? static_cast<std::uint16_t>(kind == 3 ? bits : bits | 0x7c00U)
                       : number;
    }
    return codes;
  }

 private:
  std::mt19937 random_;
};

void check_target(const char* target) {
  Codes codes(5);
  for (const RowOp op : kOps) {
    for (const float bias : {0.0F, -0.0F, 1.5F}) {
      for (const float scale : {1.0F, -0.375F}) {
        for (std::uint32_t round = 0; round < 24; ++round) {
          RowFormula formula;
          formula.op = op;
          formula.bias = bias;
          formula.scale = scale;
          formula.offset = 0.25F;
          formula.gain = round % 8 == 7 ? 0.0F : 3.0F;
          formula.relu = round % 6 == 5;
          const std::size_t count = 1 + round * 13;
          const std::vector<std::uint16_t> x = codes.row(count, round % 4), y = codes.row(count, round / 4 % 4);
          std::vector<std::uint16_t> expected(count), apart(count), in_place = round % 2 == 0 ? x : y;
          for (std::size_t i = 0; i < count; ++i) {
            expected[i] = defined(formula, x[i], y[i]);
          }
          compute_row(formula, x.data(), y.data(), count, apart.data());
          compute_row(formula, round % 2 == 0 ? in_place.data() : x.data(), round % 2 == 0 ? y.data() : in_place.data(),
                      count, in_place.data());
          const auto where = [&] {
            return testing::Message() << target << ", op " << static_cast<int>(op) << ", bias " << bias << ", scale "
                                      << scale << ", round " << round;
          };
          ASSERT_EQ(apart, expected) << where();
          ASSERT_EQ(in_place, expected) << where() << ", in place";
        }
      }
    }
  }
}

TEST(Rows, LongStepsAgreeWithTheDefinition) {
  const std::int64_t supported = hwy::SupportedTargets();
  for (std::int64_t rest = supported; rest != 0; rest &= rest - 1) {
    hwy::SetSupportedTargetsForTest(rest & -rest);
    check_target(hwy::TargetName(rest & -rest));
  }
  hwy::SetSupportedTargetsForTest(0);
}

}  // namespace
}  // namespace openane::emulator
