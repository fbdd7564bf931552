#include "emulator/mac.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "emulator/mac_reference.h"

namespace openane {
namespace {

float read_element(const std::uint8_t* at, bool relu) {
  Half stored;
  std::memcpy(&stored, at, sizeof stored);
  if ((stored.bits & 0x7c00U) == 0x7c00U) {
    const bool negative = stored.bits == 0xfc00U;
    return negative ? (relu ? 0.0F : -65536.0F) : 65536.0F;
  }
  const float value = to_float(stored);
  return relu ? std::max(value, 0.0F) : value;
}

void read_source_row(const MacJob& job, std::uint32_t channel, std::uint32_t row, float* out) {
  if (job.source == nullptr) {
    job.read_row(channel, row, out);
    return;
  }
  const std::uint8_t* at = job.source + channel * job.channel_stride + row * job.row_stride;
  for (std::uint32_t x = 0; x < job.input_width; ++x) {
    out[x] = read_element(at + std::size_t{2} * x, job.input_relu);
  }
}

/// The terms of one row of outputs, [position][tap].
std::vector<float> gather_row(const MacJob& job, std::uint32_t first_input, std::uint32_t y) {
  const std::size_t taps = job.taps();
  const auto inputs = static_cast<std::uint32_t>(taps / (job.kernel_width * job.kernel_height));
  std::vector<float> terms(taps * job.output_width), row(job.input_width);
  std::size_t k = 0;
  for (std::uint32_t ci = 0; ci < inputs; ++ci) {
    for (std::uint32_t ky = 0; ky < job.kernel_height; ++ky, k += job.kernel_width) {
      const std::int64_t source_y = std::int64_t{y} * job.stride_y + ky - job.pad_top;
      if (source_y < 0 || source_y >= job.input_height) {
        continue;
      }
      read_source_row(job, first_input + ci, static_cast<std::uint32_t>(source_y), row.data());
      for (std::uint32_t x = 0; x < job.output_width; ++x) {
        for (std::uint32_t kx = 0; kx < job.kernel_width; ++kx) {
          const std::int64_t source_x = std::int64_t{x} * job.stride_x + kx - job.pad_left;
          if (source_x >= 0 && source_x < job.input_width) {
            terms[x * taps + k + kx] = row[static_cast<std::size_t>(source_x)];
          }
        }
      }
    }
  }
  return terms;
}

}  // namespace

void multiply_accumulate(const MacJob& job, WorkerPool& pool) {
  const std::size_t taps = job.taps();
  pool.run(job.output_height, [&](std::size_t index, unsigned) {
    const auto y = static_cast<std::uint32_t>(index);
    std::vector<float> terms, weights(taps, 1.0F), sums(job.output_width);
    for (std::uint32_t channel = 0; channel < job.output_channels; ++channel) {
      if (channel == 0 || job.unicast_inputs != 0) {
        terms = gather_row(job, channel * job.unicast_inputs, y);
      }
      if (job.read_weights) {
        job.read_weights(channel, 1, weights.data());
      }
      for (std::uint32_t x = 0; x < job.output_width; ++x) {
        sums[x] = mac_reference(job.numerics, std::span(terms).subspan(x * taps, taps), weights);
      }
      job.write(channel, y, 0, job.output_width, sums.data());
    }
  });
}

}  // namespace openane
