// Pictures that are written here by the rules of their formats, scaling against its definition, and files that end
// early or are damaged.
#include "openane/image.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
// After <cstdio>, which it needs.
#include <jpeglib.h>

namespace openane {
namespace {

void put_be32(std::vector<std::uint8_t>& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

void put_chunk(std::vector<std::uint8_t>& out, const std::string& type, const std::vector<std::uint8_t>& data) {
  put_be32(out, static_cast<std::uint32_t>(data.size()));
  std::vector<std::uint8_t> body(type.begin(), type.end());
  body.insert(body.end(), data.begin(), data.end());
  out.insert(out.end(), body.begin(), body.end());
  put_be32(out, static_cast<std::uint32_t>(crc32(0, body.data(), static_cast<uInt>(body.size()))));
}

struct PngOptions {
  std::uint8_t depth = 8;
  std::uint8_t color = 2;  ///< 0 gray, 2 RGB, 3 palette, 4 gray + alpha, 6 RGBA.
  std::vector<std::uint8_t> palette = {};
};

/// A PNG by the specification (ISO/IEC 15948), rows unfiltered. `rows` holds packed samples.
std::vector<std::uint8_t> make_png(std::uint32_t width, std::uint32_t height, const std::vector<std::uint8_t>& rows,
                                   const PngOptions& options = {}) {
  std::vector<std::uint8_t> out = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  std::vector<std::uint8_t> head;
  put_be32(head, width);
  put_be32(head, height);
  head.insert(head.end(), {options.depth, options.color, 0, 0, 0});
  put_chunk(out, "IHDR", head);
  if (!options.palette.empty()) {
    put_chunk(out, "PLTE", options.palette);
  }
  const std::size_t stride = rows.size() / height;
  std::vector<std::uint8_t> filtered;
  for (std::size_t y = 0; y < height; ++y) {
    filtered.push_back(0);
    filtered.insert(filtered.end(), rows.begin() + static_cast<std::ptrdiff_t>(y * stride),
                    rows.begin() + static_cast<std::ptrdiff_t>((y + 1) * stride));
  }
  uLongf size = compressBound(static_cast<uLong>(filtered.size()));
  std::vector<std::uint8_t> packed(size);
  compress(packed.data(), &size, filtered.data(), static_cast<uLong>(filtered.size()));
  packed.resize(size);
  put_chunk(out, "IDAT", packed);
  put_chunk(out, "IEND", {});
  return out;
}

std::vector<std::uint8_t> make_jpeg(std::uint32_t width, std::uint32_t height, const std::vector<std::uint8_t>& rows,
                                    int channels, J_COLOR_SPACE space, bool progressive = false) {
  jpeg_compress_struct stream{};
  jpeg_error_mgr errors{};
  stream.err = jpeg_std_error(&errors);
  jpeg_create_compress(&stream);
  unsigned char* data = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&stream, &data, &size);
  stream.image_width = width;
  stream.image_height = height;
  stream.input_components = channels;
  stream.in_color_space = space;
  jpeg_set_defaults(&stream);
  jpeg_set_quality(&stream, 100, TRUE);
  if (progressive) {
    jpeg_simple_progression(&stream);
  }
  jpeg_start_compress(&stream, TRUE);
  for (std::size_t y = 0; y < height; ++y) {
    std::vector<std::uint8_t> row(
        rows.begin() + static_cast<std::ptrdiff_t>(y * width * static_cast<std::size_t>(channels)),
        rows.begin() + static_cast<std::ptrdiff_t>((y + 1) * width * static_cast<std::size_t>(channels)));
    JSAMPROW at = row.data();
    jpeg_write_scanlines(&stream, &at, 1);
  }
  jpeg_finish_compress(&stream);
  jpeg_destroy_compress(&stream);
  std::vector<std::uint8_t> out(data, data + size);
  std::free(data);  // NOLINT: the library's
  return out;
}

Image decode_or_fail(const std::vector<std::uint8_t>& file) {
  Result<Image> image = decode_image(Bytes(file));
  EXPECT_TRUE(image) << image.error().to_string();
  return image ? *std::move(image) : Image{};
}

TEST(Image, PngOfEveryColourType) {
  const Image rgb = decode_or_fail(make_png(2, 1, {1, 2, 3, 250, 251, 252}));
  EXPECT_EQ(rgb.channels, 3U);
  EXPECT_EQ(rgb.pixels, (std::vector<std::uint8_t>{1, 2, 3, 250, 251, 252}));
  const Image gray = decode_or_fail(make_png(2, 2, {0, 85, 170, 255}, {.color = 0}));
  EXPECT_EQ(gray.channels, 1U);
  EXPECT_EQ(gray.pixels, (std::vector<std::uint8_t>{0, 85, 170, 255}));
  EXPECT_EQ(decode_or_fail(make_png(4, 1, {0b00'01'10'11}, {.depth = 2, .color = 0})).pixels,
            (std::vector<std::uint8_t>{0, 85, 170, 255}));
  EXPECT_EQ(decode_or_fail(make_png(2, 1, {1, 0}, {.color = 3, .palette = {9, 8, 7, 6, 5, 4}})).pixels,
            (std::vector<std::uint8_t>{6, 5, 4, 9, 8, 7}));
  // Transparency is ignored, not blended.
  EXPECT_EQ(decode_or_fail(make_png(2, 1, {10, 20, 30, 128, 40, 50, 60, 255}, {.color = 6})).pixels,
            (std::vector<std::uint8_t>{10, 20, 30, 40, 50, 60}));
  EXPECT_EQ(decode_or_fail(make_png(2, 1, {7, 1, 9, 255}, {.color = 4})).pixels, (std::vector<std::uint8_t>{7, 9}));
}

std::vector<std::uint8_t> smooth(std::uint32_t width, std::uint32_t height, std::size_t channels) {
  std::vector<std::uint8_t> out;
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      for (std::size_t c = 0; c < channels; ++c) {
        out.push_back(static_cast<std::uint8_t>(40 + 3 * x + 2 * y + 20 * c));
      }
    }
  }
  return out;
}

TEST(Image, JpegIsCloseToWhatWasCompressed) {
  for (const bool progressive : {false, true}) {
    const std::vector<std::uint8_t> rgb = smooth(24, 17, 3);
    const Image image = decode_or_fail(make_jpeg(24, 17, rgb, 3, JCS_RGB, progressive));
    ASSERT_EQ(image.pixels.size(), rgb.size());
    for (std::size_t i = 0; i < rgb.size(); ++i) {
      EXPECT_NEAR(image.pixels[i], rgb[i], 4) << i;
    }
  }
  const std::vector<std::uint8_t> gray = smooth(9, 9, 1);
  const Image image = decode_or_fail(make_jpeg(9, 9, gray, 1, JCS_GRAYSCALE));
  EXPECT_EQ(image.channels, 1U);
  for (std::size_t i = 0; i < gray.size(); ++i) {
    EXPECT_NEAR(image.pixels[i], gray[i], 2) << i;
  }
  const Result<Image> cmyk = decode_image(Bytes(make_jpeg(4, 4, smooth(4, 4, 4), 4, JCS_CMYK)));
  ASSERT_FALSE(cmyk);
  EXPECT_EQ(cmyk.error().category, ErrorCategory::unsupported);
}

TEST(Image, HugeSizesAreRefusedBeforeAnythingIsAllocated) {
  std::vector<std::uint8_t> png = make_png(1, 1, {1, 2, 3});
  for (const std::size_t at : {16U, 20U}) {
    png[at + 1] = 0xff;  // 16,711,681 pixels wide and high
  }
  std::vector<std::uint8_t> head(png.begin() + 12, png.begin() + 29);
  const auto crc = static_cast<std::uint32_t>(crc32(0, head.data(), 17));
  for (std::size_t i = 0; i < 4; ++i) {
    png[29 + i] = static_cast<std::uint8_t>(crc >> (24 - 8 * i));
  }
  EXPECT_FALSE(decode_image(Bytes(png)));
  std::vector<std::uint8_t> jpeg = make_jpeg(8, 8, smooth(8, 8, 3), 3, JCS_RGB);
  const std::uint8_t frame[] = {0xff, 0xc0};
  const auto sof = std::search(jpeg.begin(), jpeg.end(), std::begin(frame), std::end(frame));
  ASSERT_NE(sof, jpeg.end());
  std::fill(sof + 5, sof + 9, 0xfd);
  const Result<Image> huge = decode_image(Bytes(jpeg));
  ASSERT_FALSE(huge);
  EXPECT_NE(huge.error().message.find("65021 by 65021"), std::string::npos) << huge.error().message;
}

TEST(Image, EveryTruncationIsAnErrorAndNoEditCrashes) {
  const std::vector<std::vector<std::uint8_t>> files = {
      make_png(24, 17, smooth(24, 17, 3)), make_jpeg(24, 17, smooth(24, 17, 3), 3, JCS_RGB),
      make_jpeg(24, 17, smooth(24, 17, 3), 3, JCS_RGB, true),
      make_png(2, 1, {1, 0}, {.color = 3, .palette = {9, 8, 7, 6, 5, 4}})};
  std::mt19937 random(1);
  for (const std::vector<std::uint8_t>& file : files) {
    // The last bytes of a PNG are its end mark, without which the picture is whole.
    const std::size_t needed = file[0] == 0x89 ? file.size() - 16 : file.size();
    for (std::size_t size = 0; size < needed; ++size) {
      EXPECT_FALSE(decode_image(Bytes(std::vector(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size)))))
          << size << " of " << file.size();
    }
    for (int round = 0; round < 3000; ++round) {
      std::vector<std::uint8_t> edited = file;
      for (std::size_t edits = 1 + random() % 4; edits > 0; --edits) {
        edited[random() % edited.size()] = static_cast<std::uint8_t>(random());
      }
      const Result<Image> image = decode_image(Bytes(std::move(edited)));
      if (image) {
        EXPECT_EQ(image->pixels.size(), std::size_t{image->width} * image->height * image->channels);
      }
    }
  }
}

/// The definition, one pixel at a time, over the whole source.
double scaled(const Image& image, std::uint32_t width, std::uint32_t height, std::size_t x, std::size_t y,
              std::size_t c) {
  const auto weight = [](std::size_t at, std::size_t target, std::uint32_t from, std::uint32_t to) {
    const double scale = static_cast<double>(from) / to;
    const double center = (static_cast<double>(target) + 0.5) * scale - 0.5;
    return std::max(0.0, 1 - std::abs(static_cast<double>(at) - center) / std::max(1.0, scale));
  };
  double sum = 0;
  double weights = 0;
  for (std::size_t v = 0; v < image.height; ++v) {
    for (std::size_t u = 0; u < image.width; ++u) {
      const double w = weight(u, x, image.width, width) * weight(v, y, image.height, height);
      sum += w * image.pixels[(v * image.width + u) * image.channels + c];
      weights += w;
    }
  }
  return sum / weights;
}

TEST(Image, ResizeIsTheMeanUnderATriangle) {
  std::mt19937 generator(7);
  const auto random = [&] { return static_cast<std::uint32_t>(generator()); };
  for (int round = 0; round < 60; ++round) {
    Image image{1 + random() % 20, 1 + random() % 20, random() % 2 == 0 ? 1U : 3U, {}};
    for (std::size_t i = 0; i < std::size_t{image.width} * image.height * image.channels; ++i) {
      image.pixels.push_back(static_cast<std::uint8_t>(random()));
    }
    const std::uint32_t width = 1 + random() % 30;
    const std::uint32_t height = 1 + random() % 30;
    const Result<Image> out = resize(image, width, height);
    ASSERT_TRUE(out);
    for (std::size_t y = 0; y < height; ++y) {
      for (std::size_t x = 0; x < width; ++x) {
        for (std::size_t c = 0; c < image.channels; ++c) {
          EXPECT_NEAR(out->pixels[(y * width + x) * image.channels + c], scaled(image, width, height, x, y, c), 0.501);
        }
      }
    }
    EXPECT_EQ(resize(image, image.width, image.height)->pixels, image.pixels) << "the same size changes nothing";
  }
  EXPECT_FALSE(resize(Image{1, 1, 1, {0}}, 0, 4));
  EXPECT_FALSE(resize(Image{1, 1, 1, {0}}, 1U << 20, 1U << 20));
}

TEST(Image, TensorsHoldTheChannelsInTheOrderAskedFor) {
  const Image image{2, 1, 3, {255, 0, 0, 10, 20, 30}};
  const auto values = [](const Tensor& tensor) { return *tensor.to_floats(); };
  const Tensor rgb = image_tensor(image, ChannelOrder::rgb, ElementType::float32);
  EXPECT_EQ(rgb.shape, (Shape{1, 3, 1, 2}));
  EXPECT_EQ(values(rgb), (std::vector<float>{255, 10, 0, 20, 0, 30}));
  EXPECT_EQ(values(image_tensor(image, ChannelOrder::bgr, ElementType::float16)),
            (std::vector<float>{0, 30, 0, 20, 255, 10}));
  // 0.299 * 255 = 76.2; 0.299 * 10 + 0.587 * 20 + 0.114 * 30 = 18.2
  EXPECT_EQ(values(image_tensor(image, ChannelOrder::grayscale, ElementType::float32)), (std::vector<float>{76, 18}));
  const Image gray{1, 1, 1, {9}};
  EXPECT_EQ(values(image_tensor(gray, ChannelOrder::rgb, ElementType::float32)), (std::vector<float>{9, 9, 9}));
}

}  // namespace
}  // namespace openane
