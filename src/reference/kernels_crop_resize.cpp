// Boxes of images, each resized to one size.
//
// A box from `start` to `end` is an axis of end - start + 1 pixels (not whole ones), which the sampling modes of
// resize_bilinear then divide: with the whole image as box the two operations agree, and OFFSET_CORNERS is the grid of
// RoI Align, as apple/coremltools:mlmodel/format/NeuralNetwork.proto@e0e2f42b asks (SamplingMode,
// CropResizeLayerParams). A box that ends before it starts is walked backwards by the two modes that align corners
// (mil/ops/tests/iOS14/ test_image_resizing.py). What UNALIGN_CORNERS does is not published: the one example, an
// inverted box outside the image (mil/ops/tests/iOS15), fits no reading of the definition. Points outside the image
// take pad_value.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "mil/extents.h"
#include "reference/arguments.h"
#include "reference/grid.h"
#include "reference/kernels.h"
#include "reference/parallel.h"

namespace openane::reference {
namespace {

/// Along one axis.
struct Range {
  double start;
  double end;
};

struct Box {
  std::int64_t image;
  Range rows;
  Range columns;
};

struct BoxMode {
  std::string_view name;
  bool is_center_and_size;
  bool width_first;
};
constexpr std::array kBoxModes{
    BoxMode{"CORNERS_HEIGHT_FIRST", false, false},
    BoxMode{"CORNERS_WIDTH_FIRST", false, true},
    BoxMode{"CENTER_SIZE_HEIGHT_FIRST", true, false},
    BoxMode{"CENTER_SIZE_WIDTH_FIRST", true, true},
};

Result<BoxMode> box_mode(const Call& call) {
  OPENANE_TRY(const std::string name, text_argument(call, "box_coordinate_mode"));
  const auto* at = std::ranges::find(kBoxModes, name, &BoxMode::name);
  if (at == kBoxModes.end()) {
    return unpublished(fmt::format("box_coordinate_mode '{}'", name));
  }
  return *at;
}

/// Corners from the four coordinates of a box, rows first.
Box box_of(const BoxMode& mode, std::array<double, 4> c) {
  if (mode.width_first) {
    std::swap(c[0], c[1]);
    std::swap(c[2], c[3]);
  }
  if (mode.is_center_and_size) {
    return {0, {c[0] - c[2] / 2, c[0] + c[2] / 2}, {c[1] - c[3] / 2, c[1] + c[3] / 2}};
  }
  return {0, {c[0], c[2]}, {c[1], c[3]}};
}

double element(const Array& array, std::int64_t index) {
  const auto at = static_cast<std::size_t>(index);
  switch (array.holding()) {
    case Holding::fp64:
      return array.elements<double>()[at];
    case Holding::int32:
      return array.elements<std::int32_t>()[at];
    default:
      return static_cast<double>(array.elements<float>()[at]);
  }
}

/// The boxes as the op sets write them: ios15 and ios16 as `roi` [N, 1, 4 or 5, 1, 1], where a fifth element, the
/// first, names the image; from ios17 on as `boxes` [N, 4] and `box_indices` [N].
struct Boxes {
  const Array* array;
  std::int64_t count;
  std::int64_t length;          ///< Elements of one box.
  const Array* indices;         ///< Null when the box itself names the image, or none does.
  std::int64_t images_per_box;  ///< More than one when every box is cut out of every image.
};

Result<Boxes> roi_boxes(const Call& call, const Shape& x) {
  const Array& roi = call.array("roi");
  const Shape& shape = roi.shape();
  if (shape.size() != 5 || (shape[2] != 4 && shape[2] != 5) || shape[1] * shape[3] * shape[4] != 1) {
    return refuse(fmt::format("roi must be [N, 1, 4 or 5, 1, 1], found {}", mil::describe(shape)));
  }
  return Boxes{&roi, shape[0], shape[2], nullptr, shape[2] == 4 ? x[0] : 1};
}

Result<Boxes> indexed_boxes(const Call& call) {
  const Array& boxes = call.array("boxes");
  if (boxes.rank() != 2 || boxes.shape()[1] != 4) {
    return refuse(fmt::format("boxes must be [N, 4], found {}", mil::describe(boxes.shape())));
  }
  const Array* indices = call.has("box_indices") ? &call.array("box_indices") : nullptr;
  if (indices != nullptr && indices->shape() != Shape{boxes.shape()[0]}) {
    return refuse(fmt::format("box_indices must be [{}], found {}", boxes.shape()[0], mil::describe(indices->shape())));
  }
  return Boxes{&boxes, boxes.shape()[0], 4, indices, 1};
}

/// The image box `i` is cut from, when the boxes say; by default box i is cut from image i.
Result<std::int64_t> image_of(const Boxes& boxes, std::int64_t i, std::int64_t images) {
  auto image = static_cast<double>(i);
  if (boxes.length == 5) {
    image = element(*boxes.array, i * 5);
  } else if (boxes.indices != nullptr) {
    image = element(*boxes.indices, i);
  }
  if (!(image >= 0 && image < static_cast<double>(images))) {
    return refuse(fmt::format("box {} is cut from image {} of {}", i, image, images));
  }
  return static_cast<std::int64_t>(image);
}

Range scaled(Range range, double factor) { return {range.start * factor, range.end * factor}; }

/// All crops in the order of the result, in pixels.
Result<std::vector<Box>> crops_of(const Call& call, const Boxes& boxes, const Shape& x) {
  OPENANE_TRY(const BoxMode mode, box_mode(call));
  OPENANE_TRY(const double scale, number_argument(call, "spatial_scale"));
  const bool normalised = call.boolean("normalized_coordinates").value_or(false);
  std::vector<Box> out;
  for (std::int64_t i = 0; i < boxes.count; ++i) {
    const std::int64_t first = i * boxes.length + boxes.length - 4;
    Box box = box_of(mode, {element(*boxes.array, first), element(*boxes.array, first + 1),
                            element(*boxes.array, first + 2), element(*boxes.array, first + 3)});
    box.rows = scaled(box.rows, scale * (normalised ? static_cast<double>(x[2] - 1) : 1));
    box.columns = scaled(box.columns, scale * (normalised ? static_cast<double>(x[3] - 1) : 1));
    if (boxes.length == 4 && call.has("roi")) {
      for (box.image = 0; box.image < boxes.images_per_box; ++box.image) {
        out.push_back(box);
      }
      continue;
    }
    OPENANE_TRY(box.image, image_of(boxes, i, x[0]));
    out.push_back(box);
  }
  return out;
}

/// A point of an axis, or nothing where it lies outside.
using CropPoint = std::optional<Blend>;

/// A millionth of a pixel beyond the outer ones is rounding, not outside.
constexpr double kTolerance = 1e-6;

Result<std::vector<CropPoint>> crop_points(Sampling sampling, Range range, std::int64_t extent, std::int64_t count) {
  const bool backwards = range.end < range.start;
  const bool aligned = sampling == Sampling::align_corners || sampling == Sampling::strict_align_corners;
  if (!aligned && (backwards || sampling == Sampling::unalign_corners)) {
    return unpublished(backwards ? "a box that ends before it starts, with a sampling_mode that aligns no corners"
                                 : "sampling_mode 'UNALIGN_CORNERS' of crop_resize");
  }
  const double length = backwards ? range.start - range.end : range.end - range.start;
  std::vector<CropPoint> out;
  for (const double point : sampling_points(sampling, length + 1, count)) {
    const double at = range.start + (backwards ? -point : point);
    const auto last = static_cast<double>(extent - 1);
    const bool is_inside = at >= -kTolerance && at <= last + kTolerance;
    out.push_back(is_inside ? CropPoint(blends({std::clamp(at, 0.0, last)}, extent).front()) : std::nullopt);
  }
  return out;
}

struct CropPoints {
  std::int64_t image;
  std::vector<CropPoint> rows;
  std::vector<CropPoint> columns;
};

template <typename Real>
Real blended(const Real* row, const Blend& column) {
  const auto weight = static_cast<Real>(column.weight);
  return weight == 0 ? row[column.low] : (1 - weight) * row[column.low] + weight * row[column.high];
}

template <typename Real>
void crop_plane(const Real* plane, std::int64_t width, const CropPoints& points, Real outside, Real* to) {
  for (const CropPoint& row : points.rows) {
    for (const CropPoint& column : points.columns) {
      if (!row || !column) {
        *to++ = outside;
        continue;
      }
      const Real* top = plane + row->low * width;
      const Real* bottom = plane + row->high * width;
      const auto weight = static_cast<Real>(row->weight);
      const Real upper = blended(top, *column);
      *to++ = weight == 0 ? upper : (1 - weight) * upper + weight * blended(bottom, *column);
    }
  }
}

template <typename Real>
Result<void> crop_resize(Call& call) {
  const Array& x = call.array("x");
  if (x.rank() != 4 || x.shape()[2] < 1 || x.shape()[3] < 1) {
    return refuse(fmt::format("x must be images, [B, C, H, W], found {}", mil::describe(x.shape())));
  }
  const bool is_roi = call.has("roi");
  OPENANE_TRY(const Boxes boxes, is_roi ? roi_boxes(call, x.shape()) : indexed_boxes(call));
  OPENANE_TRY(const std::vector<Box> crops, crops_of(call, boxes, x.shape()));
  OPENANE_TRY(const std::int64_t height, integer_argument(call, "target_height"));
  OPENANE_TRY(const std::int64_t width, integer_argument(call, "target_width"));
  OPENANE_TRY(const std::string mode, text_argument(call, "sampling_mode"));
  OPENANE_TRY(const Sampling sampling, sampling_from_string(mode));
  if (height < 0 || width < 0) {
    return refuse(fmt::format("a target of {} x {}", height, width));
  }
  Shape shape{boxes.count, x.shape()[1], height, width};
  if (is_roi) {
    shape.insert(shape.begin() + 1, boxes.images_per_box);
  }
  OPENANE_TRY(Array out, call.allocate(0, shape));
  if (out.count() == 0) {
    call.give(0, std::move(out));
    return {};
  }
  std::vector<CropPoints> points;
  for (const Box& crop : crops) {
    OPENANE_TRY(auto rows, crop_points(sampling, crop.rows, x.shape()[2], height));
    OPENANE_TRY(auto columns, crop_points(sampling, crop.columns, x.shape()[3], width));
    points.push_back({crop.image, std::move(rows), std::move(columns)});
  }
  const auto outside = static_cast<Real>(call.number("pad_value").value_or(0));
  const std::int64_t channels = x.shape()[1];
  const std::int64_t plane = x.shape()[2] * x.shape()[3];
  const Real* from = x.elements<Real>().data();
  Real* to = out.writable<Real>().data();
  const auto planes = static_cast<std::int64_t>(points.size()) * channels;
  parallel_for(planes, 1, call.threads(), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const CropPoints& crop = points[static_cast<std::size_t>(i / channels)];
      crop_plane(from + (crop.image * channels + i % channels) * plane, x.shape()[3], crop, outside,
                 to + i * height * width);
    }
  });
  call.give(0, std::move(out));
  return {};
}

constexpr NamedKernel kKernels[] = {
    {"crop_resize", by_real<crop_resize<float>, crop_resize<double>>},
};

}  // namespace

std::span<const NamedKernel> crop_resize_kernels() { return kKernels; }

}  // namespace openane::reference
