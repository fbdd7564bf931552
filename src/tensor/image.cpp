#include "openane/image.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "tensor/image_formats.h"

namespace openane {

Result<Image> make_image(std::uint64_t width, std::uint64_t height, std::uint32_t channels) {
  if (width == 0 || height == 0 || width > kMostPixels || height > kMostPixels || width * height > kMostPixels) {
    return fail(ErrorCategory::unsupported,
                fmt::format("a picture of {} by {}, expected 1 to {} pixels", width, height, kMostPixels));
  }
  Image image{static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height), channels, {}};
  image.pixels.resize(width * height * channels);
  return image;
}

Result<Image> decode_image(const Bytes& file) {
  const std::string_view head(reinterpret_cast<const char*>(file.data()), std::min<std::size_t>(file.size(), 8));
  if (head == "\x89PNG\r\n\x1a\n") {
    return decode_png(file.span());
  }
  if (head.starts_with("\xff\xd8\xff")) {
    return decode_jpeg(file.span());
  }
  return fail_at(0, "neither a PNG nor a JPEG image");
}

namespace {

/// The source pixels that one target pixel is the mean of.
struct Window {
  std::size_t first = 0;
  std::vector<double> weights;  ///< Sum 1.
};

std::vector<Window> windows(std::uint32_t from, std::uint32_t to) {
  const double scale = static_cast<double>(from) / to;
  const double reach = std::max(1.0, scale);
  std::vector<Window> out(to);
  for (std::uint32_t i = 0; i < to; ++i) {
    const double center = (i + 0.5) * scale - 0.5;
    const double first = std::max(0.0, std::ceil(center - reach));
    const double last = std::min(from - 1.0, std::floor(center + reach));
    out[i].first = static_cast<std::size_t>(first);
    double sum = 0;
    for (double at = first; at <= last; ++at) {
      out[i].weights.push_back(1 - std::abs(at - center) / reach);
      sum += out[i].weights.back();
    }
    std::ranges::for_each(out[i].weights, [&](double& weight) { weight /= sum; });
  }
  return out;
}

/// One source row, narrowed or widened to the target's columns.
void fit_row(const Image& image, std::size_t y, const std::vector<Window>& columns, std::vector<double>& row) {
  const std::size_t channels = image.channels;
  std::ranges::fill(row, 0);
  for (std::size_t x = 0; x < columns.size(); ++x) {
    for (std::size_t k = 0; k < columns[x].weights.size(); ++k) {
      const std::uint8_t* pixel = &image.pixels[(y * image.width + columns[x].first + k) * channels];
      for (std::size_t c = 0; c < channels; ++c) {
        row[x * channels + c] += columns[x].weights[k] * pixel[c];
      }
    }
  }
}

}  // namespace

Result<Image> resize(const Image& image, std::uint32_t width, std::uint32_t height) {
  OPENANE_TRY(Image out, make_image(width, height, image.channels));
  const std::vector<Window> columns = windows(image.width, width);
  const std::vector<Window> rows = windows(image.height, height);
  std::vector<double> row(std::size_t{width} * image.channels);
  std::vector<double> sums(row.size() * height);
  std::size_t begin = 0;  // the first target row that this or a later source row has a part in
  for (std::size_t y = 0; y < image.height; ++y) {
    fit_row(image, y, columns, row);
    while (begin < height && rows[begin].first + rows[begin].weights.size() <= y) {
      ++begin;
    }
    for (std::size_t target = begin; target < height && rows[target].first <= y; ++target) {
      if (y - rows[target].first >= rows[target].weights.size()) {
        continue;
      }
      const double weight = rows[target].weights[y - rows[target].first];
      for (std::size_t i = 0; i < row.size(); ++i) {
        sums[target * row.size() + i] += weight * row[i];
      }
    }
  }
  // Each sum is a mean of bytes, up to a rounding far below a half.
  std::ranges::transform(sums, out.pixels.begin(), [](double sum) {
    return static_cast<std::uint8_t>(std::clamp(std::floor(sum + 0.5), 0.0, 255.0));
  });
  return out;
}

Tensor image_tensor(const Image& image, ChannelOrder order, ElementType type) {
  const std::size_t count = std::size_t{image.width} * image.height;
  const std::size_t planes = order == ChannelOrder::grayscale ? 1 : 3;
  std::vector<float> values(planes * count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t* pixel = &image.pixels[i * image.channels];
    const std::array<std::uint8_t, 3> rgb =
        image.channels == 1 ? std::array{pixel[0], pixel[0], pixel[0]} : std::array{pixel[0], pixel[1], pixel[2]};
    if (planes == 1) {
      const int luma = (299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000;
      values[i] = static_cast<float>(luma);
      continue;
    }
    for (std::size_t c = 0; c < 3; ++c) {
      values[c * count + i] = rgb[order == ChannelOrder::rgb ? c : 2 - c];
    }
  }
  return Tensor::from_floats(
      {1, static_cast<std::int64_t>(planes), static_cast<std::int64_t>(image.height), image.width}, values, type);
}

}  // namespace openane
