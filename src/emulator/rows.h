// The arithmetic of one row of elements: fp16 in, boundary rule, fp32, fp16 out, in one pass over the data.
//
//   v = op(pre_scale * x, y);  v = (v + bias) * scale;  relu
//
// Vectorised and compiled once per SIMD target; every step is one IEEE operation or a comparison and a choice, so that
// all targets give the same bits, zeros' signs included.
#pragma once

#include <cstddef>
#include <cstdint>

namespace openane::emulator {

enum class RowOp : std::uint8_t {
  first,          ///< x
  square,         ///< x * x
  add,            ///< x + y
  mul,            ///< x * y
  max,            ///< max(x, y)
  min,            ///< min(x, y)
  square_of_sum,  ///< (x + y) * (x + y)
  affine,         ///< (x + offset) * gain
};

struct RowFormula {
  RowOp op = RowOp::first;
  bool input_relu = false;     ///< x below 0 becomes +0, before anything else.
  bool absolute = false;       ///< |x| before the scale.
  bool negate_first = false;   ///< -(pre_scale * x)
  bool negate_second = false;  ///< -y
  bool relu = false;
  float pre_scale = 1;
  float bias = 0;  ///< Added even when 0: -0 + 0 is +0, as the planar path shows. -0 adds nothing.
  float scale = 1;
  float offset = 0, gain = 1;  ///< Of the affine op, for this row.
};

/// `x` and, for ops of two sources, `y` are fp16 bits of `count` elements; `y` may be null for the others.
/// `to` may be `x` or `y` itself.
void compute_row(const RowFormula& formula, const std::uint16_t* x, const std::uint16_t* y, std::size_t count,
                 std::uint16_t* to);
/// The same before rounding to fp16.
void compute_row(const RowFormula& formula, const std::uint16_t* x, const std::uint16_t* y, std::size_t count,
                 float* to);
/// What follows a multiply-accumulate: ((sum + bias) + accumulator_bias) * scale, relu.
struct SumFormula {
  float bias = -0.0F;  ///< -0 adds nothing.
  float accumulator_bias = -0.0F;
  float scale = 1;
  bool relu = false;
};
/// Rounds `rows` rows of `count` sums, `sum_stride` apart, to fp16 rows that start `row_stride` bytes apart.
void finish_rows(const SumFormula& formula, const float* sums, std::size_t sum_stride, std::size_t count,
                 std::size_t rows, std::uint16_t* to, std::ptrdiff_t row_stride);
/// The elements as the engine reads them.
void read_row(const std::uint16_t* from, std::size_t count, float* to);

}  // namespace openane::emulator
