// Resizing and sampling: the examples and formulas that apple/coremltools publishes (mil/ops/defs and mil/ops/tests of
// the op sets named at each, @e0e2f42b), and laws.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "places.h"
#include "stub_call.h"

namespace openane::reference::test {
namespace {

void expect_near(const Array& result, const Shape& shape, const std::vector<float>& expected, float tolerance) {
  ASSERT_EQ(result.shape(), shape);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(result.elements<float>()[i], expected[i], tolerance) << "element " << i;
  }
}

Array resized(const Array& x, std::int32_t height, std::int32_t width, const char* mode) {
  return StubCall("resize_bilinear")
      .with("x", x)
      .with_integer("target_size_height", height)
      .with_integer("target_size_width", width)
      .with("sampling_mode", mode)
      .result();
}

// iOS15/image_resizing.py: grid points of a row of two pixels, 0 and 1.
TEST(ResizeBilinear, PublishedGrids) {
  const Array x = array_of<float>({1, 1, 2}, {0, 1});
  const auto row = [&](std::int32_t width, const char* mode, const std::vector<float>& expected) {
    expect_near(resized(x, 1, width, mode), {1, 1, width}, expected, 0.005F);
  };
  row(5, "UNALIGN_CORNERS", {0, 0.1F, 0.5F, 0.9F, 1});
  row(5, "STRICT_ALIGN_CORNERS", {0, 0.25F, 0.5F, 0.75F, 1});
  row(5, "ALIGN_CORNERS", {0, 0.25F, 0.5F, 0.75F, 1});
  row(5, "DEFAULT", {0, 0.4F, 0.8F, 1, 1});
  row(5, "OFFSET_CORNERS", {0.1F, 0.3F, 0.5F, 0.7F, 0.9F});
  row(6, "UNALIGN_CORNERS", {0, 0, 0.33F, 0.67F, 1, 1});
  row(6, "STRICT_ALIGN_CORNERS", {0, 0.2F, 0.4F, 0.6F, 0.8F, 1});
  row(6, "DEFAULT", {0, 0.33F, 0.67F, 1, 1, 1});
  row(6, "OFFSET_CORNERS", {0.08F, 0.25F, 0.42F, 0.58F, 0.75F, 0.92F});
  row(1, "STRICT_ALIGN_CORNERS", {0});
  row(1, "ALIGN_CORNERS", {0.5F});
}

TEST(ResizeBilinear, RefusesAModeNobodyDefined) {
  StubCall call("resize_bilinear");
  call.with("x", counting<float>({1, 2, 2})).with("sampling_mode", "CUBIC");
  EXPECT_NE(failure(call).find("missing specification: sampling_mode 'CUBIC'"), std::string::npos);
}

/// The definition's grid point, written down as it stands there.
double grid_point(const std::string& mode, double in, double out, double i) {
  double at = 0;
  if (mode == "STRICT_ALIGN_CORNERS" || mode == "ALIGN_CORNERS") {
    at = out == 1 ? (mode == "ALIGN_CORNERS" ? (in - 1) / 2 : 0) : i * (in - 1) / (out - 1);
  } else if (mode == "DEFAULT") {
    at = out == 1 ? 0 : i * (in - in / out) / (out - 1);
  } else if (mode == "OFFSET_CORNERS") {
    at = 0.5 * std::max(1.0, in - 1) / out + i * std::max(1.0, in - 1) / out;
  } else {
    at = i * in / out + 0.5 * in / out - 0.5;
  }
  return std::min(in - 1, std::max(0.0, at));
}

double hat(double at, std::int64_t pixel) { return std::max(0.0, 1 - std::abs(at - static_cast<double>(pixel))); }

TEST(ResizeBilinear, WeighsEveryPixelByItsDistance) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Choice choice(seed);
    Shape shape = choice.shape(3, 4, 1, 5);
    const Array x = random_array<double>(shape, seed);
    const std::int64_t h = choice.among(1, 7);
    const std::int64_t w = choice.among(1, 7);
    const std::string mode = std::vector<std::string>{"STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "DEFAULT",
                                                      "OFFSET_CORNERS", "UNALIGN_CORNERS"}[seed % 5];
    const Array result = StubCall("resize_bilinear", Precision::fp64)
                             .with("x", x)
                             .with_integer("target_size_height", static_cast<std::int32_t>(h))
                             .with_integer("target_size_width", static_cast<std::int32_t>(w))
                             .with("sampling_mode", mode.c_str())
                             .result();
    const std::int64_t rows = shape[shape.size() - 2];
    const std::int64_t columns = shape.back();
    shape[shape.size() - 2] = h;
    shape.back() = w;
    ASSERT_EQ(result.shape(), shape);
    for (const Place& place : places(shape)) {
      Place source = place;
      double expected = 0;
      const auto point = [&](std::int64_t in, std::int64_t out, std::int64_t i) {
        return grid_point(mode, static_cast<double>(in), static_cast<double>(out), static_cast<double>(i));
      };
      const double y = point(rows, h, place[place.size() - 2]);
      const double z = point(columns, w, place.back());
      for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t column = 0; column < columns; ++column) {
          source[source.size() - 2] = row;
          source.back() = column;
          expected += hat(y, row) * hat(z, column) * at<double>(x, source);
        }
      }
      ASSERT_NEAR(at<double>(result, place), expected, 1e-12) << mode;
    }
  }
}

TEST(Resize, BySameSizeIsTheArgumentItself) {
  const Array x = random_array<float>({2, 3, 5}, 1);
  for (const char* mode : {"STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "DEFAULT", "UNALIGN_CORNERS"}) {
    EXPECT_EQ(values_of<float>(resized(x, 3, 5, mode)), values_of<float>(x)) << mode;
  }
  StubCall nearest("upsample_nearest_neighbor");
  nearest.with("x", x).with_number("scale_factor_height", 1).with_number("scale_factor_width", 1);
  EXPECT_EQ(nearest.result().owner(), x.owner());
}

// iOS17/test_image_resizing.py.
TEST(Resize, PublishedExamples) {
  const auto resize = [](const Array& x, std::vector<std::int32_t> shape, const char* interpolation) {
    return StubCall("resize")
        .with("x", x)
        .with_integers("shape", std::move(shape))
        .with_integer("resized_dims", 2)
        .with("interpolation_mode", interpolation)
        .result();
  };
  const float a = -6.174F;
  const float b = 9.371F;
  expect_near(resize(array_of<float>({1, 1, 1, 2, 1}, {a, b}), {1, 1, 3, 2}, "NEAREST_NEIGHBOR"), {1, 1, 1, 3, 2},
              {a, a, b, b, b, b}, 0);
  expect_near(resize(array_of<float>({1, 1, 2}, {0, 1}), {1, 1, 5}, "LINEAR"), {1, 1, 5}, {0, 0.4F, 0.8F, 1, 1}, 1e-6F);
  expect_near(resize(array_of<float>({1, 1, 1, 2}, {0, 1}), {3, 1, 5}, "LINEAR"), {1, 1, 1, 5}, {0, 0.4F, 0.8F, 1, 1},
              1e-6F);
  expect_near(resize(array_of<float>({1, 2, 1, 1}, {3, 4}), {1, 0, 0}, "LINEAR"), {1, 2, 1, 1}, {3, 4}, 0);
}

TEST(Resize, RefusesCombinationsNobodyDefined) {
  StubCall nearest("resize");
  nearest.with("x", counting<float>({1, 2, 2})).with_integers("shape", {4, 4}).with_integer("resized_dims", 2);
  nearest.with("interpolation_mode", "NEAREST_NEIGHBOR").with("sampling_mode", "ALIGN_CORNERS");
  EXPECT_NE(failure(nearest).find("missing specification: interpolation_mode 'NEAREST_NEIGHBOR' with sampling_mode "
                                  "'ALIGN_CORNERS'"),
            std::string::npos);
  StubCall integers("resize");
  integers.with("x", counting<std::int32_t>({1, 2, 2})).with_integers("shape", {4, 4}).with_integer("resized_dims", 2);
  EXPECT_NE(failure(integers).find("missing specification: interpolation_mode 'LINEAR'"), std::string::npos);
}

// TensorFlow's half-pixel grid: pixel floor((i + 0.5)*in/out).
TEST(ResizeNearestNeighbor, TakesThePixelUnderTheMiddle) {
  const Array x = array_of<float>({1, 1, 3}, {1, 2, 3});
  const auto row = [&](std::int32_t width) {
    return values_of<float>(StubCall("resize_nearest_neighbor")
                                .with("x", x)
                                .with_integer("target_size_height", 1)
                                .with_integer("target_size_width", width)
                                .result());
  };
  EXPECT_EQ(row(6), (std::vector<float>{1, 1, 2, 2, 3, 3}));
  EXPECT_EQ(row(5), (std::vector<float>{1, 1, 2, 3, 3}));
  EXPECT_EQ(row(2), (std::vector<float>{1, 3}));
  EXPECT_EQ(row(1), (std::vector<float>{2}));
}

// iOS14 and iOS15/test_image_resizing.py.
TEST(UpsampleNearestNeighbor, PublishedExamples) {
  const auto upsample = [](std::vector<float> row, double height, double width) {
    const std::int64_t count = std::ssize(row);
    return StubCall("upsample_nearest_neighbor")
        .with("x", array_of<float>({1, 1, 1, count}, row))
        .with_number("scale_factor_height", height)
        .with_number("scale_factor_width", width)
        .result();
  };
  expect_near(upsample({1.5, 2.5, 3.5}, 1, 2), {1, 1, 1, 6}, {1.5, 1.5, 2.5, 2.5, 3.5, 3.5}, 0);
  expect_near(upsample({1.5, -2.5, 3.5}, 3.17, 0.67), {1, 1, 3, 2}, {1.5, -2.5, 1.5, -2.5, 1.5, -2.5}, 0);
  expect_near(upsample({1.5, -2.5, 3.5}, 2, 1.12), {1, 1, 2, 3}, {1.5, -2.5, 3.5, 1.5, -2.5, 3.5}, 0);
}

// iOS14 and iOS16/test_image_resizing.py.
TEST(UpsampleBilinear, PublishedExamples) {
  const auto upsampling = [](std::vector<float> row, double width, bool align_corners) {
    StubCall call("upsample_bilinear");
    call.with("x", array_of<float>({1, 1, 2}, row)).with_number("scale_factor_height", 1);
    call.with_number("scale_factor_width", width).with_boolean("align_corners", align_corners);
    return call;
  };
  expect_near(upsampling({0, 1}, 3, true).result(), {1, 1, 6}, {0, 0.2F, 0.4F, 0.6F, 0.8F, 1}, 1e-6F);
  expect_near(upsampling({0, 1}, 2.6, false).result(), {1, 1, 5}, {0, 0.1F, 0.5F, 0.9F, 1}, 1e-6F);
  expect_near(upsampling({1, 2}, 3, false).with_boolean("half_pixel_centers", false).result(), {1, 1, 6},
              {1, 1.33333F, 1.66667F, 2, 2, 2}, 1e-5F);
  expect_near(upsampling({1, 2}, 3, false).with_boolean("half_pixel_centers", true).result(), {1, 1, 6},
              {1, 1, 1.33333F, 1.66667F, 2, 2}, 1e-5F);
  StubCall both = upsampling({1, 2}, 3, true);
  EXPECT_NE(failure(both.with_boolean("half_pixel_centers", true)).find("missing specification: align_corners true"),
            std::string::npos);
}

const std::vector<float> kSixteen{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

/// A crop of the picture 1..16 by the ios16 form of the operation.
StubCall crop(const Shape& roi_shape, const std::vector<float>& roi, std::int32_t size, bool normalised) {
  StubCall call("crop_resize");
  call.in("ios16").with("x", array_of<float>({1, 1, 4, 4}, kSixteen)).with("roi", array_of<float>(roi_shape, roi));
  call.with_integer("target_height", size).with_integer("target_width", size);
  call.with_boolean("normalized_coordinates", normalised).with("sampling_mode", "ALIGN_CORNERS");
  return call;
}

// iOS14/test_image_resizing.py.
TEST(CropResize, PublishedExamples) {
  const Shape corners{1, 1, 4, 1, 1};
  expect_near(crop(corners, {1, 1, 2, 2}, 2, false).result(), {1, 1, 1, 2, 2}, {6, 7, 10, 11}, 1e-5F);
  expect_near(crop(corners, {1, 1, 2, 2}, 4, false).result(), {1, 1, 1, 4, 4},
              {6, 6.33333F, 6.66667F, 7, 7.33333F, 7.66667F, 8, 8.33333F, 8.66667F, 9, 9.33333F, 9.66667F, 10,
               10.33333F, 10.66667F, 11},
              1e-4F);
  expect_near(crop(corners, {1, 1, 2, 2}, 1, false).result(), {1, 1, 1, 1, 1}, {8.5}, 1e-5F);
  expect_near(crop({1, 1, 5, 1, 1}, {0, 0, 0, 1.0F / 3, 1.0F / 3}, 2, true).result(), {1, 1, 1, 2, 2}, {1, 2, 5, 6},
              1e-5F);
  expect_near(crop(corners, {2, 2, 1, 1}, 2, false).result(), {1, 1, 1, 2, 2}, {11, 10, 7, 6}, 1e-5F);
}

// iOS16 and iOS17/test_image_resizing.py: the same boxes in the forms of the two op sets.
TEST(CropResize, PutsPadValueOutside) {
  const float pad = 10;
  const std::vector<float> expected{3.1F, 5.2F, pad, pad, pad, 7.9F, pad, 13.9F, 2.2F, 3.1F, 9.4F, 10.3F};
  StubCall roi =
      crop({3, 1, 5, 1, 1}, {0, 0.1F, 0.3F, 1.3F, 1, 0, 0.5F, 1.8F, 1.0F, 0.3F, 0, 0.0F, 0.4F, 0.6F, 0.7F}, 2, true);
  expect_near(roi.with_number("pad_value", pad).result(), {3, 1, 1, 2, 2}, expected, 2e-3F);
  StubCall boxes("crop_resize");
  boxes.with("x", array_of<float>({1, 1, 4, 4}, kSixteen));
  boxes.with("boxes", array_of<float>({3, 4}, {0.1F, 0.3F, 1.3F, 1, 0.5F, 1.8F, 1.0F, 0.3F, 0.0F, 0.4F, 0.6F, 0.7F}));
  boxes.with_integers("box_indices", {0, 0, 0}).with_integer("target_height", 2).with_integer("target_width", 2);
  boxes.with_boolean("normalized_coordinates", true).with("sampling_mode", "ALIGN_CORNERS");
  expect_near(boxes.with_number("pad_value", pad).result(), {3, 1, 2, 2}, expected, 2e-3F);
}

TEST(CropResize, OfTheWholeImageIsResizing) {
  const Array x = random_array<float>({2, 3, 5, 6}, 1);
  for (const char* mode : {"STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "DEFAULT", "OFFSET_CORNERS"}) {
    StubCall call("crop_resize");
    call.with("x", x).with("boxes", array_of<float>({2, 4}, {0, 0, 4, 5, 0, 0, 4, 5}));
    call.with_integer("target_height", 7).with_integer("target_width", 4).with("sampling_mode", mode);
    const Array whole = resized(x, 7, 4, mode);
    expect_near(call.result(), {2, 3, 7, 4}, values_of<float>(whole), 1e-5F);
  }
}

TEST(CropResize, BoxModesNameTheSameBox) {
  const Array x = random_array<float>({1, 2, 8, 9}, 1);
  const auto crop = [&](const char* mode, std::vector<float> box) {
    return values_of<float>(StubCall("crop_resize")
                                .with("x", x)
                                .with("boxes", array_of<float>({1, 4}, box))
                                .with_integer("target_height", 3)
                                .with_integer("target_width", 3)
                                .with_number("spatial_scale", 0.5)
                                .with("box_coordinate_mode", mode)
                                .with("sampling_mode", "ALIGN_CORNERS")
                                .result());
  };
  const std::vector<float> expected = crop("CORNERS_HEIGHT_FIRST", {2, 4, 10, 8});
  EXPECT_EQ(crop("CORNERS_WIDTH_FIRST", {4, 2, 8, 10}), expected);
  EXPECT_EQ(crop("CENTER_SIZE_HEIGHT_FIRST", {6, 6, 8, 4}), expected);
  EXPECT_EQ(crop("CENTER_SIZE_WIDTH_FIRST", {6, 6, 4, 8}), expected);
}

TEST(CropResize, RefusesWhatIsNotPublished) {
  StubCall unaligned = crop({1, 1, 4, 1, 1}, {0, 0, 3, 3}, 2, false);
  EXPECT_NE(failure(unaligned.with("sampling_mode", "UNALIGN_CORNERS")).find("missing specification: sampling_mode"),
            std::string::npos);
  StubCall inverted = crop({1, 1, 4, 1, 1}, {3, 3, 0, 0}, 2, false);
  EXPECT_NE(failure(inverted.with("sampling_mode", "DEFAULT")).find("ends before it starts"), std::string::npos);
  StubCall image = crop({1, 1, 5, 1, 1}, {1, 0, 0, 3, 3}, 2, false);
  EXPECT_NE(failure(image).find("box 0 is cut from image 1 of 1"), std::string::npos);
}

StubCall resample(const Array& x, const Array& coordinates, const char* sampling, const char* padding, double value,
                  const char* mode, bool align_corners) {
  StubCall call("resample");
  call.with("x", x).with("coordinates", coordinates).with("sampling_mode", sampling).with("padding_mode", padding);
  call.with_number("padding_value", value).with("coordinates_mode", mode).with_boolean("align_corners", align_corners);
  return call;
}

// iOS15/test_image_resizing.py.
TEST(Resample, PublishedExamples) {
  const Array x = array_of<float>({1, 1, 2, 2}, {11, 22, 33, 44});
  const Array points = array_of<float>({1, 2, 2, 2}, {-1, -2, -3.7F, -1, 0, 0, 3.5F, 1.2F});
  const Array whole = array_of<std::int32_t>({1, 2, 2, 2}, {0, 0, 1, 1, 0, 0, 1, 1});
  struct Case {
    const char* sampling;
    const char* padding;
    double value;
    const char* mode;
    bool align_corners;
    std::vector<float> expected;
    std::vector<float> expected_of_integers;
  };
  const std::vector<Case> cases{
      {"bilinear",
       "constant",
       6.17,
       "normalized_minus_one_to_one",
       true,
       {8.585F, 6.17F, 27.5F, 6.17F},
       {27.5F, 44, 27.5F, 44}},
      {"nearest", "border", -1, "unnormalized", false, {11, 11, 11, 44}, {11, 44, 11, 44}},
      {"bilinear", "reflection", -1, "normalized_zero_to_one", true, {22, 36.3F, 11, 34.1F}, {11, 44, 11, 44}},
      {"nearest", "symmetric", -1, "normalized_zero_to_one", false, {22, 33, 11, 33}, {11, 44, 11, 44}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.padding);
    expect_near(resample(x, points, c.sampling, c.padding, c.value, c.mode, c.align_corners).result(), {1, 1, 2, 2},
                c.expected, 1e-4F);
    expect_near(resample(x, whole, c.sampling, c.padding, c.value, c.mode, c.align_corners).result(), {1, 1, 2, 2},
                c.expected_of_integers, 1e-4F);
  }
}

/// Pixel `index` of a padded axis, found by walking: what the definition's one-dimensional examples show.
std::int64_t padded(std::int64_t index, std::int64_t extent, const std::string& mode) {
  while (index < 0 || index >= extent) {
    if (mode == "border") {
      index += index < 0 ? 1 : -1;
    } else if (mode == "reflection") {
      index = extent == 1 ? 0 : (index < 0 ? -index : 2 * (extent - 1) - index);
    } else {
      index = index < 0 ? -index - 1 : 2 * extent - 1 - index;
    }
  }
  return index;
}

TEST(Resample, LooksUpThePaddedImage) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Choice choice(seed);
    const Shape shape{choice.among(1, 2), choice.among(1, 2), choice.among(1, 4), choice.among(1, 4)};
    const Array x = random_array<float>(shape, seed);
    const Shape grid{shape[0], choice.among(1, 3), choice.among(1, 3), 2};
    const Array points = random_array<float>(grid, seed + 1, -6, 9);
    const std::string mode = std::vector<std::string>{"constant", "border", "reflection", "symmetric"}[seed % 4];
    const Array result = resample(x, points, "bilinear", mode.c_str(), 2.5, "unnormalized", true).result();
    ASSERT_EQ(result.shape(), (Shape{shape[0], shape[1], grid[1], grid[2]}));
    for (const Place& p : places(result.shape())) {
      const float px = at<float>(points, {p[0], p[2], p[3], 0});
      const float py = at<float>(points, {p[0], p[2], p[3], 1});
      double expected = 0;
      for (std::int64_t row = -8; row < 12; ++row) {
        for (std::int64_t column = -8; column < 12; ++column) {
          const double weight = hat(py, row) * hat(px, column);
          const bool inside = row >= 0 && row < shape[2] && column >= 0 && column < shape[3];
          const Place source{p[0], p[1], padded(row, shape[2], mode == "constant" ? "border" : mode),
                             padded(column, shape[3], mode == "constant" ? "border" : mode)};
          const float pixel = inside || mode != "constant" ? at<float>(x, source) : 2.5F;
          expected += weight * static_cast<double>(pixel);
        }
      }
      ASSERT_NEAR(at<float>(result, p), expected, 1e-5) << mode;
    }
  }
}

TEST(Resample, SurvivesCoordinatesThatAreNoPlace) {
  const Array x = array_of<float>({1, 1, 2, 2}, {11, 22, 33, 44});
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const Array points = array_of<float>(
      {1, 1, 4, 2}, {std::numeric_limits<float>::quiet_NaN(), 0, 1e30F, 0, -kInfinity, 0, 0, kInfinity});
  const Array constant = resample(x, points, "nearest", "constant", 5, "unnormalized", true).result();
  EXPECT_TRUE(std::isnan(constant.elements<float>()[0]));
  for (const std::size_t i : {1u, 2u, 3u}) {
    EXPECT_EQ(constant.elements<float>()[i], 5);
  }
  const Array border = resample(x, points, "bilinear", "border", 5, "unnormalized", true).result();
  EXPECT_EQ(border.elements<float>()[1], 22);
  EXPECT_EQ(border.elements<float>()[2], 11);
  EXPECT_EQ(border.elements<float>()[3], 33);
}

StubCall affine(const Array& x, const std::vector<float>& matrix, std::int32_t height, std::int32_t width) {
  StubCall call("affine");
  call.with("x", x).with("transform_matrix", array_of<float>({std::ssize(matrix) / 6, 6}, matrix));
  call.with_integer("output_height", height).with_integer("output_width", width).with("sampling_mode", "bilinear");
  call.with("padding_mode", "constant").with_number("padding_value", 0).with_boolean("align_corners", true);
  call.with("coordinates_mode", "normalized_minus_one_to_one");
  return call;
}

// iOS15/test_image_resizing.py.
TEST(Affine, PublishedExamples) {
  const Array x = array_of<float>({1, 1, 2, 2}, {11, 22, 33, 44});
  const std::vector<float> matrix{-1, -2, -3.7F, -1, 3.5F, 1.2F};
  expect_near(affine(x, matrix, 3, 3).result(), {1, 1, 3, 3}, {10.752501F, 2.5025F, 0, 1.98F, 0, 0, 0, 0, 0}, 1e-4F);
  expect_near(affine(x, matrix, 2, 5).result(), {1, 1, 2, 5}, {10.752501F, 5.94F, 2.5025F, 0.44F, 0, 0, 0, 0, 0, 0},
              1e-4F);
}

TEST(Affine, IdentityAndMirrorImage) {
  const Array x = random_array<float>({2, 3, 5, 7}, 1);
  expect_near(affine(x, {1, 0, 0, 0, 1, 0}, 5, 7).result(), x.shape(), values_of<float>(x), 1e-5F);
  const Array mirrored = StubCall("reverse").with("x", x).with_integers("axes", {-1}).result();
  expect_near(affine(x, {-1, 0, 0, 0, 1, 0, -1, 0, 0, 0, 1, 0}, 5, 7).result(), x.shape(), values_of<float>(mirrored),
              1e-5F);
}

TEST(Affine, RefusesWhatTheOperationIsNotDefinedFor) {
  const Array x = random_array<float>({1, 1, 2, 2}, 1);
  StubCall edges = affine(x, {1, 0, 0, 0, 1, 0}, 2, 2);
  EXPECT_NE(failure(edges.with_boolean("align_corners", false)).find("missing specification: affine"),
            std::string::npos);
  StubCall line = affine(x, {1, 0, 0, 0, 1, 0}, 1, 2);
  EXPECT_NE(failure(line).find("output_height"), std::string::npos);
}

}  // namespace
}  // namespace openane::reference::test
