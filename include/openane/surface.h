// Surfaces: tensors as they lie in the engine's memory.
//
// address(n, d, c, h, w) = n*strides.n + d*strides.d + (c / I)*strides.c + h*strides.h + (w*I + c % I)*element bytes,
// where I is the interleave. Rows are multiples of 64 bytes, planes follow rows, so a 1x1 "vector" of C channels takes
// 64*C bytes (hwx-container.md 7, h13-isa.md 3.1). Shapes are in elements, strides in bytes.
#pragma once

#include <cstdint>
#include <span>

#include "openane/error.h"
#include "openane/tensor.h"

namespace openane {

struct SurfaceShape {
  std::int64_t n = 1, c = 1, h = 1, w = 1, d = 1;
  friend bool operator==(const SurfaceShape&, const SurfaceShape&) = default;
};

/// Byte strides. `d` is 0 where a format stores none (depth 1).
struct SurfaceStrides {
  std::int64_t n = 0, c = 0, h = 0, w = 0, d = 0;
  friend bool operator==(const SurfaceStrides&, const SurfaceStrides&) = default;
};

struct SurfaceLayout {
  ElementType type = ElementType::float16;
  SurfaceShape shape;
  SurfaceStrides strides;
  std::uint32_t interleave = 1;

  /// Row = roundup(w*I*size, 64), plane = row*h, batch = plane*ceil(c/I).
  [[nodiscard]] static Result<SurfaceLayout> packed(ElementType type, const SurfaceShape& shape,
                                                    std::uint32_t interleave = 1);
  /// Bytes from the first to the end of the last element; an error when extents or strides are not positive or overflow
  /// 2^62.
  [[nodiscard]] Result<std::uint64_t> footprint() const;
  friend bool operator==(const SurfaceLayout&, const SurfaceLayout&) = default;
};

/// Spreads a tensor over a surface. The tensor's shape may have any rank up to 5: missing leading extents are 1, and it
/// must hold exactly the surface's elements. Its type is converted to the surface's. Padding bytes are left as they
/// are.
[[nodiscard]] Result<void> pack(const Tensor& tensor, const SurfaceLayout& layout, std::span<std::uint8_t> surface);
/// The inverse: a dense tensor of shape N x C x H x W (N x C x D x H x W when the depth is not 1).
[[nodiscard]] Result<Tensor> unpack(std::span<const std::uint8_t> surface, const SurfaceLayout& layout);

}  // namespace openane
