// Pictures from PNG and JPEG files, as inputs of models that declare an image.
//
// Decoding gives 8 bits per channel and what the file's numbers mean as sRGB: palettes and 16-bit samples are expanded
// or reduced, transparency is ignored. Sizes are checked before anything is allocated, and a file that ends early or is
// damaged is an error, never half a picture.
#pragma once

#include <cstdint>
#include <vector>

#include "openane/bytes.h"
#include "openane/error.h"
#include "openane/tensor.h"

namespace openane {

/// Largest picture that is decoded, in pixels.
inline constexpr std::uint64_t kMostPixels = std::uint64_t{1} << 25;

struct Image {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t channels = 0;        ///< 1 (grayscale) or 3 (red, green, blue).
  std::vector<std::uint8_t> pixels;  ///< Row by row from the top, channels of a pixel together.
};

/// Decodes a PNG or JPEG file, told apart by content. `unsupported` for CMYK pictures.
[[nodiscard]] Result<Image> decode_image(const Bytes& file);

/// Scales to another size. Each pixel is the mean of the source under a triangle that is as wide as the scale (two
/// source pixels at least), rounded half up: bilinear where it enlarges, without aliasing where it reduces. Fails when
/// the size has no pixel or more than kMostPixels.
[[nodiscard]] Result<Image> resize(const Image& image, std::uint32_t width, std::uint32_t height);

enum class ChannelOrder : std::uint8_t { grayscale, rgb, bgr };

/// The numbers 0 to 255 as a tensor [1, channels, height, width]. A coloured picture becomes gray by the luma weights
/// of ITU-R BT.601 (0.299, 0.587, 0.114); a gray one becomes coloured by equal channels.
[[nodiscard]] Tensor image_tensor(const Image& image, ChannelOrder order, ElementType type);

}  // namespace openane
