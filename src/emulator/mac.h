// Multiply-accumulate: the sums of the neural path (convolution, matrix product, channel sum), under a named numerics
// model.
//
//   acc[co, y, x] = sum over k of w[co][k] * src[input(co, ci), y*stride_y + ky - pad_top, x*stride_x + kx - pad_left]
//   k = (ci*kernel_height + ky)*kernel_width + kx, positions outside the source are zero
//
// The order of the additions over k is part of each model, so the same bits come out on every host, for every SIMD
// width and every number of threads. mac_reference.h defines the models one dot product at a time; the kernels here
// must agree with it bit for bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "emulator/mac_pool.h"
#include "openane/emulator.h"

namespace openane {

/// One group's convolution or matrix product.
struct MacJob {
  Numerics numerics = Numerics::h13;

  std::uint32_t input_channels = 1, input_width = 1, input_height = 1;
  std::uint32_t output_channels = 1, output_width = 1, output_height = 1;
  std::uint32_t kernel_width = 1, kernel_height = 1;
  std::uint32_t stride_x = 1, stride_y = 1;
  std::uint32_t pad_left = 0, pad_top = 0;
  /// 0: every output channel reads all input channels. u: output channel c reads c*u .. c*u+u-1 (1 = depthwise), which
  /// must exist.
  std::uint32_t unicast_inputs = 0;

  /// Fast path for fp16 in memory: element (c, y, x) at source + c*channel_stride + y*row_stride + 2*x, in bytes, any
  /// alignment. The boundary rule (exponent 31 reads as +-65536, NaN as +65536) is applied here; `input_relu` then
  /// makes negative elements +0.
  const std::uint8_t* source = nullptr;
  std::ptrdiff_t channel_stride = 0, row_stride = 0;
  bool input_relu = false;
  /// Used when `source` is null: writes the `input_width` elements of a source row as the engine reads them, boundary
  /// rule and relu already applied (fp16-representable or +-65536). Called from several threads.
  std::function<void(std::uint32_t channel, std::uint32_t row, float* out)> read_row;

  /// Writes the weights of output channels first .. first+count-1, fp16-representable or int8: those of each term side
  /// by side, terms `stride` numbers apart. Empty: all weights are 1. Called from several threads, and possibly several
  /// times for the same channels.
  std::function<void(std::uint32_t first, std::uint32_t count, std::size_t stride, float* out)> read_weights;

  /// Fast path for results that become fp16 in memory: element (c, y, x) at result + x, c*result_channel_stride +
  /// y*result_row_stride bytes further (even numbers). What stands there is round(((sum + bias) + accumulator_bias) *
  /// scale), after `relu` if set; a scale of 0 gives 0 for any sum. One bias per output channel, or none.
  std::uint16_t* result = nullptr;
  std::ptrdiff_t result_channel_stride = 0, result_row_stride = 0;
  std::span<const float> biases;
  float accumulator_bias = -0.0F, scale = 1;
  bool relu = false;
  /// Used when `result` is null: takes the sums (no bias, no scale) of `count` neighbouring positions x .. of one row
  /// of one output channel. Called exactly once for each output, from several threads, in any order.
  std::function<void(std::uint32_t channel, std::uint32_t row, std::uint32_t x, std::uint32_t count, const float* sums)>
      write;

  /// Terms in each sum.
  [[nodiscard]] std::size_t taps() const {
    return std::size_t{unicast_inputs == 0 ? input_channels : unicast_inputs} * kernel_width * kernel_height;
  }
};

/// Runs a job whose extents, strides and kernel are at least 1 and whose unicast inputs exist. Working memory is a few
/// megabytes for each thread, whatever the sizes of source and result; the pool keeps it for the next job.
void multiply_accumulate(const MacJob& job, WorkerPool& pool);

}  // namespace openane
