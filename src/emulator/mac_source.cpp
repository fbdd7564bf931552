#include "emulator/mac_source.h"

#include <algorithm>
#include <cstring>

namespace openane {
namespace {

/// Reads elements first .. first+count-1 of a source row; `row` is scratch for a whole row.
void read_source(const MacKernels& kernels, const MacJob& job, std::uint32_t channel, std::uint32_t y,
                 std::uint32_t first, std::uint32_t count, float* to, float* row) {
  if (job.source != nullptr) {
    kernels.read_half(job.source + channel * job.channel_stride + y * job.row_stride + std::size_t{2} * first, count,
                      job.input_relu, to);
    return;
  }
  if (first == 0 && count == job.input_width) {
    job.read_row(channel, y, to);
    return;
  }
  job.read_row(channel, y, row);
  std::copy_n(row + first, count, to);
}

}  // namespace

SourceLayout::SourceLayout(const MacJob& job, std::uint32_t width, std::uint32_t height)
    : job_(job),
      phases_x_(std::min(job.stride_x, job.kernel_width)),
      phases_y_(std::min(job.stride_y, job.kernel_height)),
      row_length_(width + (job.kernel_width - 1) / job.stride_x),
      rows_(height + (job.kernel_height - 1) / job.stride_y),
      plane_floats_(rows_ * row_length_),
      // An odd number of cache lines, lest the planes of a power of two of channels share a few cache sets.
      channel_floats_(((phases_x_ * phases_y_ * plane_floats_ + 15) / 16 | 1) * 16) {}

std::vector<std::uint32_t> SourceLayout::offsets(std::size_t channels) const {
  std::vector<std::uint32_t> offsets;
  offsets.reserve(channels * job_.kernel_height * job_.kernel_width);
  for (std::size_t channel = 0; channel < channels; ++channel) {
    for (std::uint32_t ky = 0; ky < job_.kernel_height; ++ky) {
      for (std::uint32_t kx = 0; kx < job_.kernel_width; ++kx) {
        const std::size_t plane = (ky % job_.stride_y) * phases_x_ + kx % job_.stride_x;
        offsets.push_back(static_cast<std::uint32_t>(channel * channel_floats_ + plane * plane_floats_ +
                                                     (ky / job_.stride_y) * row_length_ + kx / job_.stride_x));
      }
    }
  }
  return offsets;
}

float SourceLayout::fill(const MacKernels& kernels, std::uint32_t channel, const MacBlock& block, float* planes,
                         float* row) const {
  float largest = 0;
  const std::int64_t source_x = std::int64_t{block.x} * job_.stride_x - job_.pad_left;
  for (std::size_t phase = 0; phase < phases_y_; ++phase) {
    for (std::size_t y = 0; y < rows_; ++y) {
      const std::int64_t source_y =
          static_cast<std::int64_t>((block.y + y) * job_.stride_y + phase) - std::int64_t{job_.pad_top};
      float* to = planes + phase * phases_x_ * plane_floats_ + y * row_length_;
      largest = std::max(largest, fill_rows(kernels, channel, source_y, source_x, to, row));
    }
  }
  const std::size_t used = phases_x_ * phases_y_ * plane_floats_;
  std::fill(planes + used, planes + channel_floats_, 0.0F);
  return largest;
}

/// Fills the same row of all x phases, `plane_floats_` apart, from source row `source_y`, starting at `source_x`.
float SourceLayout::fill_rows(const MacKernels& kernels, std::uint32_t channel, std::int64_t source_y,
                              std::int64_t source_x, float* planes, float* row) const {
  const auto wanted = static_cast<std::int64_t>(row_length_ * job_.stride_x);
  const std::int64_t begin = std::clamp<std::int64_t>(source_x, 0, job_.input_width);
  const std::int64_t end = std::clamp<std::int64_t>(source_x + wanted, begin, job_.input_width);
  if (source_y < 0 || source_y >= job_.input_height || begin == end) {
    for (std::size_t phase = 0; phase < phases_x_; ++phase) {
      std::fill_n(planes + phase * plane_floats_, row_length_, 0.0F);
    }
    return 0;
  }
  const auto count = static_cast<std::size_t>(end - begin);
  const auto left = static_cast<std::size_t>(begin - source_x);  // padding before the first element
  const bool direct = job_.stride_x == 1;
  float* elements = direct ? planes + left : row + job_.input_width;
  read_source(kernels, job_, channel, static_cast<std::uint32_t>(source_y), static_cast<std::uint32_t>(begin),
              static_cast<std::uint32_t>(count), elements, row);
  float largest = 0;
  if (job_.numerics == Numerics::h13 && job_.taps() > 1) {
    largest = kernels.flush_denormals(elements, count);
  }
  if (direct) {
    std::fill_n(planes, left, 0.0F);
    std::fill(planes + left + count, planes + row_length_, 0.0F);
    return largest;
  }
  for (std::size_t phase = 0; phase < phases_x_; ++phase) {
    float* to = planes + phase * plane_floats_;
    for (std::size_t x = 0; x < row_length_; ++x) {
      const std::size_t at = x * job_.stride_x + phase;
      to[x] = at >= left && at < left + count ? elements[at - left] : 0.0F;
    }
  }
  return largest;
}

}  // namespace openane
