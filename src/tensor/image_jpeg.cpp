// JPEG by libjpeg. Its errors leave by longjmp, so nothing with a destructor lives between setjmp and the library: the
// steps are functions of plain data, and the pixels belong to the caller.
#include <csetjmp>
#include <cstdio>
// libjpeg's header needs FILE and size_t to be there.
#include <jpeglib.h>

#include <fmt/format.h>

#include "tensor/image_formats.h"

namespace openane {
namespace {

/// Scans of a progressive image: real ones have about ten, and a few bytes can make one that passes over the whole
/// picture.
constexpr int kMostScans = 32;

struct Decoder {
  jpeg_decompress_struct stream;
  jpeg_error_mgr errors;
  jpeg_progress_mgr progress;
  std::jmp_buf stop;
  char message[JMSG_LENGTH_MAX];
};

Decoder& decoder_of(j_common_ptr stream) { return *static_cast<Decoder*>(stream->client_data); }

[[noreturn]] void stop(j_common_ptr stream) {
  Decoder& decoder = decoder_of(stream);
  stream->err->format_message(stream, decoder.message);
  std::longjmp(decoder.stop, 1);
}

/// A warning is damage that libjpeg would paint over.
void refuse_damage(j_common_ptr stream, int level) {
  if (level < 0) {
    stop(stream);
  }
}

void refuse_many_scans(j_common_ptr stream) {
  const auto* decompression = reinterpret_cast<j_decompress_ptr>(stream);
  if (decompression->input_scan_number > kMostScans) {
    std::snprintf(decoder_of(stream).message, JMSG_LENGTH_MAX, "more than %d scans", kMostScans);
    std::longjmp(decoder_of(stream).stop, 1);
  }
}

bool read_head(Decoder& decoder, const unsigned char* data, unsigned long size) {
  decoder.stream.err = jpeg_std_error(&decoder.errors);
  decoder.errors.error_exit = stop;
  decoder.errors.emit_message = refuse_damage;
  decoder.stream.client_data = &decoder;
  if (setjmp(decoder.stop) != 0) {  // NOLINT(cert-err52-cpp): libjpeg's way
    return false;
  }
  jpeg_create_decompress(&decoder.stream);
  decoder.progress.progress_monitor = refuse_many_scans;
  decoder.stream.progress = &decoder.progress;
  jpeg_mem_src(&decoder.stream, data, size);
  jpeg_read_header(&decoder.stream, TRUE);
  return true;
}

/// `pixels` has room for every row.
bool read_rows(Decoder& decoder, unsigned char* pixels, std::size_t row_bytes) {
  if (setjmp(decoder.stop) != 0) {  // NOLINT(cert-err52-cpp)
    return false;
  }
  jpeg_start_decompress(&decoder.stream);
  while (decoder.stream.output_scanline < decoder.stream.output_height) {
    JSAMPROW row = pixels + decoder.stream.output_scanline * row_bytes;
    jpeg_read_scanlines(&decoder.stream, &row, 1);
  }
  jpeg_finish_decompress(&decoder.stream);
  return true;
}

struct Owner {
  Decoder decoder{};
  Owner() = default;
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;
  ~Owner() { jpeg_destroy_decompress(&decoder.stream); }

  [[nodiscard]] std::unexpected<Error> failed() const {
    return fail(ErrorCategory::malformed_input, fmt::format("not a JPEG image: {}", decoder.message));
  }
};

}  // namespace

Result<Image> decode_jpeg(std::span<const std::uint8_t> file) {
  Owner owner;
  jpeg_decompress_struct& stream = owner.decoder.stream;
  if (!read_head(owner.decoder, file.data(), file.size())) {
    return owner.failed();
  }
  const bool is_gray = stream.jpeg_color_space == JCS_GRAYSCALE;
  if (stream.jpeg_color_space == JCS_CMYK || stream.jpeg_color_space == JCS_YCCK) {
    return fail(ErrorCategory::unsupported, "a CMYK picture; grayscale and RGB ones are taken");
  }
  stream.out_color_space = is_gray ? JCS_GRAYSCALE : JCS_RGB;
  OPENANE_TRY(Image out, make_image(stream.image_width, stream.image_height, is_gray ? 1 : 3));
  if (!read_rows(owner.decoder, out.pixels.data(), std::size_t{out.width} * out.channels)) {
    return owner.failed();
  }
  return out;
}

}  // namespace openane
