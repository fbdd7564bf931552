// Convolution by its definition, arranged so that the innermost loop runs along a row of the output. What fp64 runs
// compute with, and fp32 runs where oneDNN refuses.
#include "reference/convolution.h"

#include <algorithm>
#include <utility>

#include "reference/parallel.h"

namespace openane::reference {
namespace {

/// The outputs along an axis for which tap `tap` of the kernel reads inside the input: first and one past the last.
std::pair<std::int64_t, std::int64_t> outputs_inside(const Convolution& conv, std::size_t axis, std::int64_t tap) {
  const std::int64_t offset = tap * conv.dilation[axis] - conv.pad_before[axis];
  const std::int64_t stride = conv.stride[axis];
  const std::int64_t first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  const std::int64_t room = conv.in[axis] - 1 - offset;
  const std::int64_t last = room < 0 ? 0 : std::min(conv.out[axis], room / stride + 1);
  return {std::min(first, last), last};
}

/// Calls `row(tap, in_offset, out_offset, count)` for every tap of the kernel and every row of outputs that it reaches:
/// output out_offset + i reads input in_offset + i * stride.
template <typename Row>
void each_row(const Convolution& conv, const Row& row) {
  std::int64_t tap = 0;
  for (std::int64_t kd = 0; kd < conv.kernel[0]; ++kd) {
    const auto [d_first, d_last] = outputs_inside(conv, 0, kd);
    for (std::int64_t kh = 0; kh < conv.kernel[1]; ++kh) {
      const auto [h_first, h_last] = outputs_inside(conv, 1, kh);
      for (std::int64_t kw = 0; kw < conv.kernel[2]; ++kw, ++tap) {
        const auto [w_first, w_last] = outputs_inside(conv, 2, kw);
        for (std::int64_t d = d_first; d < d_last; ++d) {
          const std::int64_t id = d * conv.stride[0] + kd * conv.dilation[0] - conv.pad_before[0];
          for (std::int64_t h = h_first; h < h_last; ++h) {
            const std::int64_t ih = h * conv.stride[1] + kh * conv.dilation[1] - conv.pad_before[1];
            const std::int64_t iw = w_first * conv.stride[2] + kw * conv.dilation[2] - conv.pad_before[2];
            row(tap, (id * conv.in[1] + ih) * conv.in[2] + iw, (d * conv.out[1] + h) * conv.out[2] + w_first,
                w_last - w_first);
          }
        }
      }
    }
  }
}

}  // namespace

Result<mil::Window> window_of(const Call& call, Shape kernel) {
  const std::size_t axes = kernel.size();
  const auto integers = [&](std::string_view name, std::size_t count,
                            std::int64_t fallback) -> Result<std::vector<std::int64_t>> {
    if (call.signature().find(name) == nullptr || !call.has(name)) {
      return std::vector<std::int64_t>(count, fallback);
    }
    std::vector<std::int64_t> given = call.integers(name).value_or(std::vector<std::int64_t>());
    if (given.size() != count) {
      return fail(ErrorCategory::malformed_input, std::string(name) + " must have " + std::to_string(count) +
                                                      " elements, found " + std::to_string(given.size()));
    }
    return given;
  };
  mil::Window window{std::move(kernel), {}, {}, {}, call.text("pad_type").value_or("valid")};
  OPENANE_TRY(window.strides, integers("strides", axes, 1));
  OPENANE_TRY(window.dilations, integers("dilations", axes, 1));
  OPENANE_TRY(window.pad, integers("pad", 2 * axes, 0));
  return mil::checked(std::move(window));
}

Spatial three_axes(std::span<const std::int64_t> extents, std::int64_t fill) {
  Spatial out{fill, fill, fill};
  std::copy(extents.begin(), extents.end(), out.end() - static_cast<std::ptrdiff_t>(extents.size()));
  return out;
}

template <typename Real>
void convolve(const Convolution& conv, const Real* in, const Real* weight, const Real* bias, Real* out,
              unsigned threads) {
  const std::int64_t in_group = conv.in_channels / conv.groups;
  const std::int64_t out_group = conv.out_channels / conv.groups;
  const std::int64_t stride = conv.stride[2];
  parallel_for(conv.batch * conv.out_channels, 1, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t plane = begin; plane < end; ++plane) {
      const std::int64_t channel = plane % conv.out_channels;
      Real* const to = out + plane * conv.out_plane();
      std::fill_n(to, conv.out_plane(), bias == nullptr ? Real{0} : bias[channel]);
      for (std::int64_t c = 0; c < in_group; ++c) {
        const std::int64_t source = plane / conv.out_channels * conv.in_channels + channel / out_group * in_group + c;
        const Real* const from = in + source * conv.in_plane();
        const Real* const taps = weight + (channel * in_group + c) * conv.kernel_plane();
        each_row(conv, [&](std::int64_t tap, std::int64_t in_at, std::int64_t out_at, std::int64_t count) {
          const Real factor = taps[tap];
          const Real* const x = from + in_at;
          Real* const y = to + out_at;
          if (stride == 1) {
            for (std::int64_t i = 0; i < count; ++i) {
              y[i] += factor * x[i];
            }
          } else {
            for (std::int64_t i = 0; i < count; ++i) {
              y[i] += factor * x[i * stride];
            }
          }
        });
      }
    }
  });
}

template <typename Real>
void convolve_transposed(const Convolution& conv, const Real* out, const Real* weight, const Real* bias, Real* in,
                         unsigned threads) {
  const std::int64_t in_group = conv.in_channels / conv.groups;
  const std::int64_t out_group = conv.out_channels / conv.groups;
  const std::int64_t stride = conv.stride[2];
  parallel_for(conv.batch * conv.in_channels, 1, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t plane = begin; plane < end; ++plane) {
      const std::int64_t channel = plane % conv.in_channels;
      Real* const to = in + plane * conv.in_plane();
      std::fill_n(to, conv.in_plane(), bias == nullptr ? Real{0} : bias[channel]);
      for (std::int64_t c = 0; c < out_group; ++c) {
        const std::int64_t source_channel = channel / in_group * out_group + c;
        const Real* const from =
            out + (plane / conv.in_channels * conv.out_channels + source_channel) * conv.out_plane();
        const Real* const taps = weight + (source_channel * in_group + channel % in_group) * conv.kernel_plane();
        each_row(conv, [&](std::int64_t tap, std::int64_t in_at, std::int64_t out_at, std::int64_t count) {
          for (std::int64_t i = 0; i < count; ++i) {
            to[in_at + i * stride] += taps[tap] * from[out_at + i];
          }
        });
      }
    }
  });
}

template void convolve(const Convolution&, const float*, const float*, const float*, float*, unsigned);
template void convolve(const Convolution&, const double*, const double*, const double*, double*, unsigned);
template void convolve_transposed(const Convolution&, const float*, const float*, const float*, float*, unsigned);
template void convolve_transposed(const Convolution&, const double*, const double*, const double*, double*, unsigned);

}  // namespace openane::reference
