// Convolutions as the kernels compute them: always three spatial axes, leading ones of extent 1 where an operation has
// fewer. A transposed convolution is described by the convolution whose adjoint it is: its input is that one's output.
#pragma once

#include <array>
#include <compare>
#include <cstdint>

#include "mil/window.h"
#include "openane/error.h"
#include "openane/tensor.h"
#include "reference/call.h"

namespace openane::reference {

using Spatial = std::array<std::int64_t, 3>;

/// The window arguments of a call, with their defaults, over a kernel of those spatial extents.
[[nodiscard]] Result<mil::Window> window_of(const Call& call, Shape kernel);
/// The spatial extents of [N, C, *D], or the extents of a window, as three axes.
[[nodiscard]] Spatial three_axes(std::span<const std::int64_t> extents, std::int64_t fill = 1);

struct Convolution {
  std::int64_t batch = 1;
  std::int64_t groups = 1;
  std::int64_t in_channels = 1;  ///< Of all groups together.
  std::int64_t out_channels = 1;
  Spatial in{1, 1, 1};
  Spatial out{1, 1, 1};
  Spatial kernel{1, 1, 1};
  Spatial stride{1, 1, 1};
  Spatial dilation{1, 1, 1};
  Spatial pad_before{0, 0, 0};

  [[nodiscard]] std::int64_t in_plane() const { return in[0] * in[1] * in[2]; }
  [[nodiscard]] std::int64_t out_plane() const { return out[0] * out[1] * out[2]; }
  [[nodiscard]] std::int64_t kernel_plane() const { return kernel[0] * kernel[1] * kernel[2]; }
  friend auto operator<=>(const Convolution&, const Convolution&) = default;
};

// `in` is [N, Cin, *D], `weight` [Cout, Cin/groups, *K], `out` [N, Cout, *D], all dense; `bias` has an element for each
// channel of what is computed, or is null.

/// out = weight * in + bias.
template <typename Real>
void convolve(const Convolution& conv, const Real* in, const Real* weight, const Real* bias, Real* out,
              unsigned threads);
/// in = the adjoint of `convolve` without bias, applied to out, + bias.
template <typename Real>
void convolve_transposed(const Convolution& conv, const Real* out, const Real* weight, const Real* bias, Real* in,
                         unsigned threads);

}  // namespace openane::reference
