#include "cli/model_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "cli/tensor_source.h"

namespace openane::cli {
namespace {

namespace fs = std::filesystem;

std::string extension_of(const std::string& path) {
  fs::path given(path);
  if (!given.has_filename()) {  // "x.mlpackage/"
    given = given.parent_path();
  }
  return given.extension().string();
}

bool starts_like_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string head(256, '\0');
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(file.gcount()));
  const std::size_t at = head.find_first_not_of(" \t\r\n");
  return at != std::string::npos && head.substr(at).starts_with("program(");
}

/// "1x3x224x224"; "" and "scalar" are rank 0.
Result<Shape> parse_shape(const std::string& text) {
  Shape shape;
  std::string_view rest = text == "scalar" ? std::string_view() : std::string_view(text);
  while (!rest.empty()) {
    std::int64_t extent = 0;
    const auto [end, status] = std::from_chars(rest.data(), rest.data() + rest.size(), extent);
    const auto length = static_cast<std::size_t>(end - rest.data());
    const bool goes_on = length < rest.size();
    if (status != std::errc() || extent < 0 || (goes_on && (rest[length] != 'x' || length + 1 == rest.size()))) {
      return fail(ErrorCategory::usage, fmt::format("--shape: '{}' is no shape such as 1x3x224x224", text));
    }
    shape.push_back(extent);
    rest.remove_prefix(goes_on ? length + 1 : length);
  }
  return shape;
}

std::string range_text(std::uint64_t lower, std::int64_t upper) {
  if (upper >= 0 && lower == static_cast<std::uint64_t>(upper)) {
    return std::to_string(lower);
  }
  return upper < 0 ? fmt::format("[{}..]", lower) : fmt::format("[{}..{}]", lower, upper);
}

std::string array_shape_text(const mil::ArrayFeature& array) {
  if (!array.shape_range.empty()) {
    std::vector<std::string> axes;
    axes.reserve(array.shape_range.size());
    for (const mil::SizeRange& range : array.shape_range) {
      axes.push_back(range_text(range.lower, range.upper));
    }
    return fmt::format("{}", fmt::join(axes, "x"));
  }
  if (!array.enumerated_shapes.empty()) {
    std::vector<std::string> shapes;
    shapes.reserve(array.enumerated_shapes.size());
    for (const Shape& shape : array.enumerated_shapes) {
      shapes.push_back(to_string(shape));
    }
    return fmt::format("one of {}", fmt::join(shapes, ", "));
  }
  return array.shape.empty() ? "not given" : to_string(array.shape);
}

std::string image_shape_text(const mil::ImageFeature& image) {
  if (image.size_range) {
    return fmt::format("{} wide, {} high", range_text((*image.size_range)[0].lower, (*image.size_range)[0].upper),
                       range_text((*image.size_range)[1].lower, (*image.size_range)[1].upper));
  }
  std::string text = fmt::format("{} wide, {} high", image.width, image.height);
  for (const auto& size : image.enumerated_sizes) {
    text += fmt::format(" or {} by {}", size[0], size[1]);
  }
  return text;
}

std::string_view color_name(mil::ColorSpace space) {
  switch (space) {
    case mil::ColorSpace::none:
      return "of unknown colours";
    case mil::ColorSpace::grayscale:
      return "grayscale";
    case mil::ColorSpace::rgb:
      return "RGB";
    case mil::ColorSpace::bgr:
      return "BGR";
    case mil::ColorSpace::grayscale_fp16:
      return "grayscale fp16";
  }
  return "";
}

}  // namespace

Result<std::map<std::string, Shape>> parse_shapes(const std::vector<std::string>& arguments,
                                                  const mil::Function* function) {
  std::vector<std::string> names;
  if (function != nullptr) {
    for (const mil::VariableId input : function->body().inputs) {
      names.push_back((*function)[input].name);
    }
  }
  using Texts = std::map<std::string, std::string>;
  OPENANE_TRY(const Texts texts, match_names(arguments, names, "shape"));
  std::map<std::string, Shape> shapes;
  for (const auto& [name, text] : texts) {
    OPENANE_TRY(shapes[name], parse_shape(text));
  }
  return shapes;
}

bool has_model_ending(const std::string& path) {
  const std::string extension = extension_of(path);
  return extension == ".mil" || extension == ".mlmodel" || extension == ".mlpackage" || extension == ".mlmodelc";
}

bool is_model_path(const std::string& path) {
  std::error_code ignored;
  return has_model_ending(path) || fs::is_directory(path, ignored) || starts_like_text(path);
}

std::string feature_shape_text(const mil::Feature& feature) {
  switch (feature.kind) {
    case mil::FeatureKind::image:
      return image_shape_text(feature.image);
    case mil::FeatureKind::array:
    case mil::FeatureKind::state:
      return array_shape_text(feature.array);
    case mil::FeatureKind::sequence:
      return feature.length ? range_text(feature.length->lower, feature.length->upper) : "";
    case mil::FeatureKind::none:
    case mil::FeatureKind::int64:
    case mil::FeatureKind::fp64:
    case mil::FeatureKind::string:
    case mil::FeatureKind::dictionary:
      break;
  }
  return "";
}

std::string feature_type_text(const mil::Feature& feature) {
  const std::string kind(to_string(feature.kind));
  std::string text = kind;
  if (feature.kind == mil::FeatureKind::image) {
    text = fmt::format("{} {}", kind, color_name(feature.image.color_space));
  } else if (feature.kind == mil::FeatureKind::array || feature.kind == mil::FeatureKind::state) {
    text =
        feature.array.type == mil::DataType::invalid ? kind : fmt::format("{} {}", kind, to_string(feature.array.type));
  } else if (feature.kind == mil::FeatureKind::dictionary || feature.kind == mil::FeatureKind::sequence) {
    text = fmt::format("{} of {}", kind, to_string(feature.key));
  }
  return feature.is_optional ? text + ", optional" : text;
}

}  // namespace openane::cli
