// PNG by libpng's simplified interface, which reports errors as values and undoes palettes, depth and gamma itself.
#include <png.h>

#include <fmt/format.h>

#include "tensor/image_formats.h"

namespace openane {
namespace {

struct Reader {
  png_image image{};
  Reader() { image.version = PNG_IMAGE_VERSION; }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { png_image_free(&image); }

  [[nodiscard]] std::unexpected<Error> failed() const {
    return fail(ErrorCategory::malformed_input, fmt::format("not a PNG image: {}", image.message));
  }
};

}  // namespace

Result<Image> decode_png(std::span<const std::uint8_t> file) {
  Reader reader;
  if (png_image_begin_read_from_memory(&reader.image, file.data(), file.size()) == 0) {
    return reader.failed();
  }
  const bool is_gray = (reader.image.format & PNG_FORMAT_FLAG_COLOR) == 0;
  OPENANE_TRY(Image out, make_image(reader.image.width, reader.image.height, is_gray ? 1 : 3));
  // With alpha in the format nothing is blended; it is dropped afterwards.
  reader.image.format = is_gray ? PNG_FORMAT_GA : PNG_FORMAT_RGBA;
  const std::size_t stride = out.channels + 1;
  std::vector<std::uint8_t> pixels(std::size_t{out.width} * out.height * stride);
  if (png_image_finish_read(&reader.image, nullptr, pixels.data(), 0, nullptr) == 0 || PNG_IMAGE_FAILED(reader.image)) {
    return reader.failed();
  }
  for (std::size_t i = 0; i < std::size_t{out.width} * out.height; ++i) {
    for (std::size_t c = 0; c < out.channels; ++c) {
      out.pixels[i * out.channels + c] = pixels[i * stride + c];
    }
  }
  return out;
}

}  // namespace openane
