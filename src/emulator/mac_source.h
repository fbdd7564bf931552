// The source of a job as the kernels read it: a block of output positions' worth of it, in fp32, laid out so that no
// term is copied twice.
//
// Instead of a matrix with one row per term (im2col, which would repeat each element kernel_width*kernel_height times),
// each input channel gets one padded plane, whose rows are `row_length` long for source rows and output rows alike.
// Output position (y, x) of the block has number q = y*row_length + x, and term (ci, ky, kx) finds its element at a
// constant distance from q:
//
//   element = q + offset(ci, ky, kx),  offset = plane of ci + ky*row_length + kx
//
// So a kernel walks q linearly over whole blocks and reads every term from the same buffer. The numbers between the
// rows of a block (q with x >= width) compute sums that nobody asked for: kernel_width - 1 per row. With strides, a
// channel has one plane per (y mod stride_y, x mod stride_x) that the kernel touches, and the rule holds within each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "emulator/mac.h"
#include "emulator/mac_kernels.h"

namespace openane {

/// A rectangle of output positions.
struct MacBlock {
  std::uint32_t x = 0, y = 0, width = 0, height = 0;
};

/// How blocks of up to `width` x `height` positions lie in a buffer.
class SourceLayout {
 public:
  SourceLayout(const MacJob& job, std::uint32_t width, std::uint32_t height);

  [[nodiscard]] std::size_t row_length() const { return row_length_; }
  /// Floats from one channel to the next.
  [[nodiscard]] std::size_t channel_floats() const { return channel_floats_; }
  /// Numbers of the positions of a block, including those between its rows.
  [[nodiscard]] std::size_t columns(const MacBlock& block) const {
    return (std::size_t{block.height} - 1) * row_length_ + block.width;
  }
  /// Floats in a buffer for `channels` channels, when kernels read whole vectors of `columns_at_once`.
  [[nodiscard]] std::size_t buffer_floats(std::size_t channels, std::size_t columns_at_once) const {
    return channels * channel_floats_ + columns_at_once;
  }
  /// Of each term of `channels` channels.
  [[nodiscard]] std::vector<std::uint32_t> offsets(std::size_t channels) const;

  /// Fills a channel's planes for a block and returns the largest magnitude (h13 only, else 0). `row` is scratch for an
  /// input row.
  float fill(const MacKernels& kernels, std::uint32_t channel, const MacBlock& block, float* planes, float* row) const;

 private:
  float fill_rows(const MacKernels& kernels, std::uint32_t channel, std::int64_t source_y, std::int64_t source_x,
                  float* planes, float* row) const;

  const MacJob& job_;
  std::size_t phases_x_, phases_y_;
  std::size_t row_length_, rows_, plane_floats_, channel_floats_;
};

}  // namespace openane
