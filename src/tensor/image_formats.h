// The decoders behind decode_image, one file each.
#pragma once

#include <cstdint>
#include <span>

#include "openane/image.h"

namespace openane {

[[nodiscard]] Result<Image> decode_png(std::span<const std::uint8_t> file);
[[nodiscard]] Result<Image> decode_jpeg(std::span<const std::uint8_t> file);

/// An image of that size, black. Fails when it has no pixel or more than kMostPixels.
[[nodiscard]] Result<Image> make_image(std::uint64_t width, std::uint64_t height, std::uint32_t channels);

}  // namespace openane
