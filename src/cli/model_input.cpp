#include "cli/model_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <optional>

#include "cli/tensor_source.h"
#include "openane/image.h"

namespace openane::cli {
namespace {

bool is_image_file(const std::string& source) {
  std::string ending = std::filesystem::path(source).extension().string();
  std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg";
}

/// The colours of an image input; nothing when the model does not declare one that pictures can fill.
std::optional<ChannelOrder> channel_order(const mil::Feature* feature) {
  switch (feature != nullptr && feature->kind == mil::FeatureKind::image ? feature->image.color_space
                                                                         : mil::ColorSpace::none) {
    case mil::ColorSpace::grayscale:
    case mil::ColorSpace::grayscale_fp16:
      return ChannelOrder::grayscale;
    case mil::ColorSpace::rgb:
      return ChannelOrder::rgb;
    case mil::ColorSpace::bgr:
      return ChannelOrder::bgr;
    case mil::ColorSpace::none:
      return std::nullopt;
  }
  return std::nullopt;
}

/// Whether the model takes a picture of that size as it is.
bool takes_size(const mil::ImageFeature& feature, const Image& image) {
  const auto in = [](const mil::SizeRange& range, std::uint64_t size) {
    return size >= range.lower && (range.upper < 0 || size <= static_cast<std::uint64_t>(range.upper));
  };
  if (feature.size_range) {
    return in((*feature.size_range)[0], image.width) && in((*feature.size_range)[1], image.height);
  }
  const bool is_default = image.width == feature.width && image.height == feature.height;
  return is_default || std::ranges::any_of(feature.enumerated_sizes, [&](const auto& size) {
           return size[0] == image.width && size[1] == image.height;
         });
}

Result<Tensor> make_image_input(const std::string& path, const reference::Port& port, const mil::Feature* feature,
                                bool may_resize) {
  const std::optional<ChannelOrder> order = channel_order(feature);
  if (!order) {
    return fail(ErrorCategory::usage, fmt::format("the model does not declare '{}' as an image", port.name),
                Location{path, {}, 0, 0});
  }
  OPENANE_TRY(const Bytes file, read_file(path));
  OPENANE_TRY(Image image, in_file(decode_image(file), path));
  if (!takes_size(feature->image, image)) {
    const std::int64_t width = feature->image.width;
    const std::int64_t height = feature->image.height;
    if (!may_resize) {
      return fail(ErrorCategory::usage,
                  fmt::format("{} by {} pixels, the model takes {} by {}: --resize scales it", image.width,
                              image.height, width, height),
                  Location{path, {}, 0, 0});
    }
    OPENANE_TRY(image, in_file(resize(image, static_cast<std::uint32_t>(std::clamp<std::int64_t>(width, 0, UINT32_MAX)),
                                      static_cast<std::uint32_t>(std::clamp<std::int64_t>(height, 0, UINT32_MAX))),
                               path));
  }
  return image_tensor(image, *order, mil::info(port.type.data_type()).element);
}

bool is_array_file(const std::string& source) { return source.ends_with(".npy") || source.ends_with(".npz"); }

Shape without_leading_ones(const Shape& shape) {
  const auto first = std::ranges::find_if(shape, [](std::int64_t extent) { return extent != 1; });
  return {first, shape.end()};
}

}  // namespace

Result<Tensor> make_model_input(const std::string& source, const reference::Port& port, const mil::Feature* feature,
                                std::uint64_t default_seed, bool may_resize) {
  const ElementType type = mil::info(port.type.data_type()).element;
  if (!port.type.is_tensor() || type == ElementType::invalid) {
    return fail(ErrorCategory::unsupported,
                fmt::format("'{}' is {}: there is no such tensor in a file", port.name, mil::to_string(port.type)));
  }
  if (is_image_file(source)) {
    return make_image_input(source, port, feature, may_resize);
  }
  if (!port.type.is_concrete() && !is_array_file(source)) {
    return fail(ErrorCategory::usage, fmt::format("'{}' is {}: give its shape, --shape {}=...", port.name,
                                                  mil::to_string(port.type), port.name));
  }
  OPENANE_TRY(Tensor tensor, make_tensor(source, port.name, type, port.type.shape(), default_seed));
  if (port.type.is_concrete() && without_leading_ones(tensor.shape) == without_leading_ones(port.type.shape())) {
    tensor.shape = port.type.shape();
  }
  return tensor;
}

}  // namespace openane::cli
