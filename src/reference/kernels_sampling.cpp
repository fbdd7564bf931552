// Images sampled where coordinates say: resample (coordinates of every point), affine (an affine map of the output
// grid) and crop_resize (a grid over a box). A sample is a sum of up to four pixels, the same four in every channel.
//
// Coordinate and padding modes are those of apple/coremltools:converters/mil/mil/ops/defs/iOS15/image_resizing.py
// @e0e2f42b; the tests beside it settle that reflection turns at the middle of the outer pixels and symmetric padding
// at their edge, and that the nearest pixel of a tie is the even one.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "mil/extents.h"
#include "reference/arguments.h"
#include "reference/grid.h"
#include "reference/kernels.h"
#include "reference/parallel.h"

namespace openane::reference {
namespace {

struct Point {
  double x;
  double y;
};

/// Four pixels of one plane and the constant, each with its weight.
struct Sample {
  std::array<std::int64_t, 4> pixels{};
  std::array<double, 4> weights{};
  double constant = 0;  ///< What the pixels outside the image add.
};

struct Image {
  std::int64_t height;
  std::int64_t width;

  [[nodiscard]] bool contains(double x, double y) const {
    return x >= 0 && y >= 0 && x <= static_cast<double>(width - 1) && y <= static_cast<double>(height - 1);
  }
  /// Whether a point lies less than a pixel from the image.
  [[nodiscard]] bool touches(Point at) const {
    return at.x > -1 && at.y > -1 && at.x < static_cast<double>(width) && at.y < static_cast<double>(height);
  }
};

void add_pixel(Sample& sample, std::size_t slot, const Image& image, Point at, double weight, double outside) {
  if (image.contains(at.x, at.y)) {
    sample.pixels[slot] = static_cast<std::int64_t>(at.y) * image.width + static_cast<std::int64_t>(at.x);
    sample.weights[slot] = weight;
  } else if (weight != 0) {
    sample.constant += weight * outside;
  }
}

Sample bilinear_sample(const Image& image, Point at, double outside) {
  Sample sample;
  const double left = std::floor(at.x);
  const double top = std::floor(at.y);
  const double right_weight = at.x - left;
  const double bottom_weight = at.y - top;
  add_pixel(sample, 0, image, {left, top}, (1 - right_weight) * (1 - bottom_weight), outside);
  add_pixel(sample, 1, image, {left + 1, top}, right_weight * (1 - bottom_weight), outside);
  add_pixel(sample, 2, image, {left, top + 1}, (1 - right_weight) * bottom_weight, outside);
  add_pixel(sample, 3, image, {left + 1, top + 1}, right_weight * bottom_weight, outside);
  return sample;
}

Sample nearest_sample(const Image& image, Point at, double outside) {
  Sample sample;
  add_pixel(sample, 0, image, {std::nearbyint(at.x), std::nearbyint(at.y)}, 1, outside);
  return sample;
}

/// Folds a coordinate back into low..high.
double reflected(double x, double low, double high) {
  const double span = high - low;
  if (span <= 0) {
    return low;
  }
  const double distance = std::fmod(std::abs(x - low), 2 * span);
  return low + (distance > span ? 2 * span - distance : distance);
}

enum class Outside : std::uint8_t { constant, border, reflection, symmetric };

double placed(double x, Outside outside, std::int64_t extent) {
  const double last = static_cast<double>(extent - 1);
  switch (outside) {
    case Outside::constant:
      return x;
    case Outside::border:
      return std::clamp(x, 0.0, last);
    case Outside::reflection:
      return reflected(x, 0, last);
    case Outside::symmetric:
      return std::clamp(reflected(x, -0.5, last + 0.5), 0.0, last);
  }
  return x;
}

struct Coordinates {
  double scale;  ///< pixel = coordinate*scale*extent_or_distance + shift, see `pixel_of`.
  bool is_normalised;
  bool align_corners;

  /// Aligned corners: 0..1 (or -1..1) spans the middles of the outer pixels, otherwise their outer edges.
  [[nodiscard]] double pixel_of(double coordinate, std::int64_t extent) const {
    if (!is_normalised) {
      return coordinate;
    }
    const double unit = scale == 1 ? coordinate : (coordinate + 1) / 2;
    const auto pixels = static_cast<double>(extent);
    return align_corners ? unit * (pixels - 1) : unit * pixels - 0.5;
  }
};

/// How resample and affine look at an image.
struct Sampler {
  Coordinates coordinates;
  Outside outside;
  bool is_bilinear;
  double padding;

  [[nodiscard]] Sample sample(const Image& image, Point at) const {
    const Point pixel{placed(coordinates.pixel_of(at.x, image.width), outside, image.width),
                      placed(coordinates.pixel_of(at.y, image.height), outside, image.height)};
    if (std::isnan(pixel.x) || std::isnan(pixel.y)) {
      return {.constant = std::numeric_limits<double>::quiet_NaN()};
    }
    if (!image.touches(pixel)) {
      return {.constant = padding};
    }
    return is_bilinear ? bilinear_sample(image, pixel, padding) : nearest_sample(image, pixel, padding);
  }
};

template <typename Value, std::size_t N>
Result<Value> named(const Call& call, std::string_view argument,
                    const std::array<std::pair<std::string_view, Value>, N>& names) {
  OPENANE_TRY(const std::string name, text_argument(call, argument));
  for (const auto& [known, value] : names) {
    if (known == name) {
      return value;
    }
  }
  return unpublished(fmt::format("{} '{}'", argument, name));
}

using Text = std::string_view;
constexpr std::array<std::pair<Text, Outside>, 4> kOutsides{{{"constant", Outside::constant},
                                                             {"border", Outside::border},
                                                             {"reflection", Outside::reflection},
                                                             {"symmetric", Outside::symmetric}}};
constexpr std::array<std::pair<Text, Coordinates>, 3> kCoordinates{
    {{"unnormalized", {0, false, false}},
     {"normalized_zero_to_one", {1, true, false}},
     {"normalized_minus_one_to_one", {0.5, true, false}}}};
constexpr std::array<std::pair<Text, bool>, 2> kInterpolations{{{"bilinear", true}, {"nearest", false}}};

Result<Sampler> sampler_of(const Call& call) {
  OPENANE_TRY(const Outside outside, named(call, "padding_mode", kOutsides));
  OPENANE_TRY(Coordinates coordinates, named(call, "coordinates_mode", kCoordinates));
  OPENANE_TRY(const bool is_bilinear, named(call, "sampling_mode", kInterpolations));
  OPENANE_TRY(const double padding, number_argument(call, "padding_value"));
  const std::optional<bool> align_corners = call.boolean("align_corners");
  if (!align_corners) {
    return refuse("argument align_corners has no value");
  }
  coordinates.align_corners = *align_corners;
  return Sampler{coordinates, outside, is_bilinear, padding};
}

/// What to read for one image of the result: `source` of x, one sample for each of its pixels.
struct Sampling2d {
  std::int64_t source;
  std::vector<Sample> samples;
};

template <typename Real>
void sample_planes(const Real* planes, Real* to, std::int64_t channels, std::int64_t plane,
                   std::span<const Sample> samples) {
  for (std::int64_t channel = 0; channel < channels; ++channel) {
    const Real* pixels = planes + channel * plane;
    for (const Sample& sample : samples) {
      auto value = static_cast<Real>(sample.constant);
      for (std::size_t i = 0; i < 4; ++i) {
        if (sample.weights[i] != 0) {
          value += static_cast<Real>(sample.weights[i]) * pixels[sample.pixels[i]];
        }
      }
      *to++ = value;
    }
  }
}

/// Makes the images of the result one after the other, several at a time: `image(i)` says what image i reads.
template <typename Real, typename Images>
Result<void> give_images(Call& call, const Shape& shape, std::int64_t count, const Images& image) {
  const Array& x = call.array("x");
  OPENANE_TRY(Array out, call.allocate(0, shape));
  const std::int64_t channels = x.shape()[1];
  const std::int64_t plane = x.shape()[2] * x.shape()[3];
  count = out.count() == 0 ? 0 : count;
  const std::int64_t size = count == 0 ? 0 : out.count() / count;
  const Real* from = x.elements<Real>().data();
  Real* to = out.writable<Real>().data();
  parallel_for(count, 1, call.threads(), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Sampling2d reads = image(i);
      sample_planes<Real>(from + reads.source * channels * plane, to + i * size, channels, plane, reads.samples);
    }
  });
  call.give(0, std::move(out));
  return {};
}

Result<Image> image_of(const Array& x) {
  if (x.rank() != 4) {
    return refuse(fmt::format("x must have rank 4, found {}", mil::describe(x.shape())));
  }
  if (x.shape()[2] == 0 || x.shape()[3] == 0) {
    return refuse(fmt::format("{} has no pixel", mil::describe(x.shape())));
  }
  return Image{x.shape()[2], x.shape()[3]};
}

std::vector<double> numbers_of(const Array& array) {
  std::vector<double> out(static_cast<std::size_t>(array.count()));
  switch (array.holding()) {
    case Holding::fp32:
      std::ranges::copy(array.elements<float>(), out.begin());
      break;
    case Holding::fp64:
      std::ranges::copy(array.elements<double>(), out.begin());
      break;
    case Holding::int32:
      std::ranges::copy(array.elements<std::int32_t>(), out.begin());
      break;
    default:
      break;
  }
  return out;
}

template <typename Real>
Result<void> resample(Call& call) {
  const Array& x = call.array("x");
  const Array& coordinates = call.array("coordinates");
  OPENANE_TRY(const Image image, image_of(x));
  OPENANE_TRY(const Sampler sampler, sampler_of(call));
  if (coordinates.rank() != 4 || coordinates.shape()[0] != x.shape()[0] || coordinates.shape()[3] != 2) {
    return refuse(
        fmt::format("coordinates must be [{}, H, W, 2], found {}", x.shape()[0], mil::describe(coordinates.shape())));
  }
  const std::vector<double> pairs = numbers_of(coordinates);
  const auto points = static_cast<std::size_t>(coordinates.shape()[1] * coordinates.shape()[2]);
  const Shape shape{x.shape()[0], x.shape()[1], coordinates.shape()[1], coordinates.shape()[2]};
  return give_images<Real>(call, shape, shape[0], [&](std::int64_t batch) {
    Sampling2d reads{batch, {}};
    reads.samples.reserve(points);
    for (std::size_t i = static_cast<std::size_t>(batch) * points; reads.samples.size() < points; ++i) {
      reads.samples.push_back(sampler.sample(image, {pairs[2 * i], pairs[2 * i + 1]}));
    }
    return reads;
  });
}

/// The only modes the op is defined for.
Result<void> check_affine_modes(const Sampler& sampler) {
  if (!sampler.is_bilinear || sampler.outside != Outside::constant || sampler.padding != 0 ||
      sampler.coordinates.scale != 0.5 || !sampler.coordinates.align_corners) {
    return unpublished(
        "affine with other modes than sampling_mode 'bilinear', padding_mode 'constant' of 0, coordinates_mode "
        "'normalized_minus_one_to_one' and align_corners true");
  }
  return {};
}

/// Coordinate `i` of `count` that span -1..1.
double spread(std::int64_t i, std::int64_t count) {
  return -1 + 2 * static_cast<double>(i) / static_cast<double>(count - 1);
}

template <typename Real>
Result<void> affine(Call& call) {
  const Array& x = call.array("x");
  const Array& matrix = call.array("transform_matrix");
  OPENANE_TRY(const Image image, image_of(x));
  OPENANE_TRY(const Sampler sampler, sampler_of(call));
  OPENANE_CHECK(check_affine_modes(sampler));
  OPENANE_TRY(const std::int64_t height, integer_argument(call, "output_height"));
  OPENANE_TRY(const std::int64_t width, integer_argument(call, "output_width"));
  if (height == 1 || width == 1) {
    return unpublished("affine with output_height or output_width 1: where the only coordinate of -1..1 lies");
  }
  const bool is_shared = matrix.rank() == 2 && matrix.shape()[0] == 1;
  if (matrix.rank() != 2 || matrix.shape()[1] != 6 || (!is_shared && matrix.shape()[0] != x.shape()[0])) {
    return refuse(
        fmt::format("transform_matrix must be [1 or {}, 6], found {}", x.shape()[0], mil::describe(matrix.shape())));
  }
  const std::vector<double> maps = numbers_of(matrix);
  return give_images<Real>(call, {x.shape()[0], x.shape()[1], height, width}, x.shape()[0], [&](std::int64_t batch) {
    const double* map = maps.data() + (is_shared ? 0 : 6 * batch);
    Sampling2d reads{batch, {}};
    for (std::int64_t row = 0; row < height; ++row) {
      for (std::int64_t column = 0; column < width; ++column) {
        const Point at{spread(column, width), spread(row, height)};
        reads.samples.push_back(
            sampler.sample(image, {map[0] * at.x + map[1] * at.y + map[2], map[3] * at.x + map[4] * at.y + map[5]}));
      }
    }
    return reads;
  });
}

constexpr NamedKernel kKernels[] = {
    {"resample", by_real<resample<float>, resample<double>>},
    {"affine", by_real<affine<float>, affine<double>>},
};

}  // namespace

std::span<const NamedKernel> sampling_kernels() { return kKernels; }

}  // namespace openane::reference
