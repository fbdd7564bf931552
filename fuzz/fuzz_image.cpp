// Pictures from anyone: an image with as many pixels as it says, or an error with a message.
#include "openane/image.h"
#include "require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using openane::fuzz::require;
  const openane::Result<openane::Image> image =
      openane::decode_image(openane::Bytes(std::vector<std::uint8_t>(data, data + size)));
  if (!image) {
    require(!image.error().message.empty(), "an error has a message");
    return 0;
  }
  require(image->pixels.size() == std::size_t{image->width} * image->height * image->channels, "every pixel is there");
  if (image->pixels.size() < 100'000) {
    const openane::Result<openane::Image> same = openane::resize(*image, image->width, image->height);
    require(same && same->pixels == image->pixels, "scaling to the same size changes nothing");
  }
  return 0;
}
