// Surfaces: tensors as they lie in the engine's memory.
//
// address(n, d, c, h, w) = n*strides.n + d*strides.d + (c / I)*strides.c + h*strides.h + w*strides.w + (c % I)*element
// bytes, where I is the interleave and a packed surface has strides.w = I * element bytes. Rows are multiples of 64
// bytes, planes follow rows, so a 1x1 "vector" of C channels takes 64*C bytes (hwx-container.md 7, h13-isa.md 3.1).
// Shapes are in elements, strides in bytes.
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

  /// Row = roundup(w*I*size, 64), plane = row*h, batch = plane*ceil(c/I)*d; with depth above 1, depth =
  /// plane*ceil(c/I).
  [[nodiscard]] static Result<SurfaceLayout> packed(ElementType type, const SurfaceShape& shape,
                                                    std::uint32_t interleave = 1);
  /// Bytes from the first to the end of the last element. An error when an extent or the interleave is not positive, a
  /// stride is negative, or zero though its extent is above 1, the element's size is not published, or the result
  /// passes 2^62.
  [[nodiscard]] Result<std::uint64_t> footprint() const;
  friend bool operator==(const SurfaceLayout&, const SurfaceLayout&) = default;
};

/// Spreads a tensor over a surface. The tensor's shape must be the surface's N x C x H x W (N x C x D x H x W when the
/// depth is not 1) when extents of 1 are left out of both. Its type is converted to the surface's as `Tensor::cast`
/// does. Padding bytes are left as they are. Strides may have any order, but no two elements may share a byte.
[[nodiscard]] Result<void> pack(const Tensor& tensor, const SurfaceLayout& layout, std::span<std::uint8_t> surface);
/// The inverse: a dense tensor of shape N x C x H x W (N x C x D x H x W when the depth is not 1).
[[nodiscard]] Result<Tensor> unpack(std::span<const std::uint8_t> surface, const SurfaceLayout& layout);

/// libane, the Linux user-space library, gives each tensor a buffer of whole tiles of this size
/// (hwx-container.md 15.5).
inline constexpr std::uint64_t kTileBytes = 0x4000;

/// The surface that libane's row and plane strides describe: fp16, not interleaved, a batch of C planes. An error
/// unless the row is a multiple of 64 that holds W elements and the plane a multiple of the row that holds H rows.
[[nodiscard]] Result<SurfaceLayout> tiled_layout(const SurfaceShape& shape, std::uint64_t row_stride,
                                                 std::uint64_t plane_stride);
/// The size of a surface's buffer: N whole batches (N*C*plane for libane's surfaces) in whole tiles.
[[nodiscard]] Result<std::uint64_t> tiled_bytes(const SurfaceLayout& layout);
/// Fills a buffer of `tiled_bytes` with a tensor as `pack` does, and everything between its elements with zero.
[[nodiscard]] Result<void> tile(const Tensor& tensor, const SurfaceLayout& layout, std::span<std::uint8_t> buffer);
/// The inverse: `unpack` of a buffer of `tiled_bytes`.
[[nodiscard]] Result<Tensor> untile(std::span<const std::uint8_t> buffer, const SurfaceLayout& layout);

}  // namespace openane
