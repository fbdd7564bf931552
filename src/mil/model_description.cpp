#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <iterator>

#include "mil/model_description.pb.h"
#include "openane/mil_model.h"

namespace openane::mil {
namespace {

// ArrayFeatureType.ArrayDataType.
struct ArrayTypeNumber {
  DataType type;
  std::int32_t number;
};
constexpr ArrayTypeNumber kArrayTypes[] = {{DataType::fp32, 0x10020},
                                           {DataType::fp64, 0x10040},
                                           {DataType::fp16, 0x10010},
                                           {DataType::int32, 0x20020},
                                           {DataType::int8, 0x20008}};

SizeRange read_range(const wire::SizeRange& message) { return {message.lower(), message.upper()}; }

void write_range(const SizeRange& range, wire::SizeRange& message) {
  if (range.lower != 0) {
    message.set_lower(range.lower);
  }
  if (range.upper != 0) {
    message.set_upper(range.upper);
  }
}

ArrayFeature read_array(const wire::ArrayType& message) {
  ArrayFeature array;
  const auto* row = std::ranges::find(kArrayTypes, message.data_type(), &ArrayTypeNumber::number);
  array.type = row == std::end(kArrayTypes) ? DataType::invalid : row->type;
  array.shape.assign(message.shape().begin(), message.shape().end());
  for (const wire::ArrayShape& shape : message.shapes().shapes()) {
    array.enumerated_shapes.emplace_back(shape.extents().begin(), shape.extents().end());
  }
  for (const wire::SizeRange& range : message.ranges().ranges()) {
    array.shape_range.push_back(read_range(range));
  }
  if (message.has_int_default()) {
    array.default_value = message.int_default();
  } else if (message.has_float_default()) {
    array.default_value = message.float_default();
  } else if (message.has_double_default()) {
    array.default_value = message.double_default();
  }
  return array;
}

void write_array(const ArrayFeature& array, wire::ArrayType& message) {
  const auto* row = std::ranges::find(kArrayTypes, array.type, &ArrayTypeNumber::type);
  if (row != std::end(kArrayTypes)) {
    message.set_data_type(row->number);
  }
  message.mutable_shape()->Assign(array.shape.begin(), array.shape.end());
  for (const Shape& shape : array.enumerated_shapes) {
    message.mutable_shapes()->add_shapes()->mutable_extents()->Assign(shape.begin(), shape.end());
  }
  for (const SizeRange& range : array.shape_range) {
    write_range(range, *message.mutable_ranges()->add_ranges());
  }
  if (const auto* integer = std::get_if<std::int32_t>(&array.default_value)) {
    message.set_int_default(*integer);
  } else if (const auto* single = std::get_if<float>(&array.default_value)) {
    message.set_float_default(*single);
  } else if (const auto* number = std::get_if<double>(&array.default_value)) {
    message.set_double_default(*number);
  }
}

ImageFeature read_image(const wire::ImageType& message) {
  ImageFeature image;
  image.width = message.width();
  image.height = message.height();
  constexpr std::array kColorSpaces = {ColorSpace::grayscale, ColorSpace::rgb, ColorSpace::bgr,
                                       ColorSpace::grayscale_fp16};
  for (const ColorSpace space : kColorSpaces) {
    if (message.color_space() == static_cast<std::int32_t>(space)) {
      image.color_space = space;
    }
  }
  for (const wire::ImageSize& size : message.sizes().sizes()) {
    image.enumerated_sizes.push_back({size.width(), size.height()});
  }
  if (message.has_range()) {
    image.size_range = {read_range(message.range().width()), read_range(message.range().height())};
  }
  return image;
}

void write_image(const ImageFeature& image, wire::ImageType& message) {
  if (image.width != 0) {
    message.set_width(image.width);
  }
  if (image.height != 0) {
    message.set_height(image.height);
  }
  if (image.color_space != ColorSpace::none) {
    message.set_color_space(static_cast<std::int32_t>(image.color_space));
  }
  for (const auto& [width, height] : image.enumerated_sizes) {
    wire::ImageSize& size = *message.mutable_sizes()->add_sizes();
    size.set_width(width);
    size.set_height(height);
  }
  if (image.size_range) {
    write_range((*image.size_range)[0], *message.mutable_range()->mutable_width());
    write_range((*image.size_range)[1], *message.mutable_range()->mutable_height());
  }
}

Feature read_feature(const wire::Feature& message) {
  Feature feature;
  feature.name = message.name();
  feature.short_description = message.short_description();
  const wire::FeatureType& type = message.type();
  feature.is_optional = type.is_optional();
  // The field numbers 1 to 8 are the enumerators in order.
  feature.kind = static_cast<FeatureKind>(type.kind_case());
  switch (type.kind_case()) {
    case wire::FeatureType::kImage:
      feature.image = read_image(type.image());
      break;
    case wire::FeatureType::kArray:
      feature.array = read_array(type.array());
      break;
    case wire::FeatureType::kState:
      feature.array = read_array(type.state().array());
      break;
    case wire::FeatureType::kDictionary:
      feature.key = type.dictionary().has_int64_key()
                        ? DataType::int64
                        : (type.dictionary().has_string_key() ? DataType::string : DataType::invalid);
      break;
    case wire::FeatureType::kSequence:
      feature.key = type.sequence().has_int64_element()
                        ? DataType::int64
                        : (type.sequence().has_string_element() ? DataType::string : DataType::invalid);
      if (type.sequence().has_length()) {
        feature.length = read_range(type.sequence().length());
      }
      break;
    default:
      break;
  }
  return feature;
}

void write_keyed(const Feature& feature, wire::FeatureType& type) {
  if (feature.kind == FeatureKind::dictionary) {
    wire::DictionaryFeature& dictionary = *type.mutable_dictionary();
    if (feature.key == DataType::int64) {
      dictionary.mutable_int64_key();
    } else if (feature.key == DataType::string) {
      dictionary.mutable_string_key();
    }
    return;
  }
  wire::SequenceFeature& sequence = *type.mutable_sequence();
  if (feature.key == DataType::int64) {
    sequence.mutable_int64_element();
  } else if (feature.key == DataType::string) {
    sequence.mutable_string_element();
  }
  if (feature.length) {
    write_range(*feature.length, *sequence.mutable_length());
  }
}

void write_type(const Feature& feature, wire::FeatureType& type) {
  switch (feature.kind) {
    case FeatureKind::none:
      break;
    case FeatureKind::int64:
      type.mutable_int64();
      break;
    case FeatureKind::fp64:
      type.mutable_fp64();
      break;
    case FeatureKind::string:
      type.mutable_string();
      break;
    case FeatureKind::image:
      write_image(feature.image, *type.mutable_image());
      break;
    case FeatureKind::array:
      write_array(feature.array, *type.mutable_array());
      break;
    case FeatureKind::state:
      write_array(feature.array, *type.mutable_state()->mutable_array());
      break;
    case FeatureKind::dictionary:
    case FeatureKind::sequence:
      write_keyed(feature, type);
      break;
  }
  if (feature.is_optional) {
    type.set_is_optional(true);
  }
}

template <typename Messages>
std::vector<Feature> read_features(const Messages& messages) {
  std::vector<Feature> features;
  std::ranges::transform(messages, std::back_inserter(features), read_feature);
  return features;
}

/// Protobuf writes no empty strings.
template <typename Set>
void set_text(const std::string& text, Set set) {
  if (!text.empty()) {
    set(text);
  }
}

template <typename Messages>
void write_features(const std::vector<Feature>& features, Messages& messages) {
  for (const Feature& feature : features) {
    wire::Feature& message = *messages.Add();
    set_text(feature.name, [&](const std::string& text) { message.set_name(text); });
    set_text(feature.short_description, [&](const std::string& text) { message.set_short_description(text); });
    write_type(feature, *message.mutable_type());
  }
}

FunctionDescription read_function(const wire::FunctionDescription& message) {
  return {message.name(),
          read_features(message.inputs()),
          read_features(message.outputs()),
          read_features(message.states()),
          message.predicted_feature(),
          message.predicted_probabilities()};
}

void write_function(const FunctionDescription& function, wire::FunctionDescription& message) {
  set_text(function.name, [&](const std::string& text) { message.set_name(text); });
  write_features(function.inputs, *message.mutable_inputs());
  write_features(function.outputs, *message.mutable_outputs());
  write_features(function.states, *message.mutable_states());
  set_text(function.predicted_feature, [&](const std::string& text) { message.set_predicted_feature(text); });
  set_text(function.predicted_probabilities,
           [&](const std::string& text) { message.set_predicted_probabilities(text); });
}

Metadata read_metadata(const wire::Metadata& message) {
  Metadata metadata{message.short_description(), message.version(), message.author(), message.license(), {}};
  for (const auto& [key, value] : message.user_defined()) {
    metadata.user_defined.emplace(key, value);
  }
  return metadata;
}

void write_metadata(const Metadata& metadata, wire::ModelDescription& description) {
  if (metadata == Metadata{}) {
    return;
  }
  wire::Metadata& message = *description.mutable_metadata();
  set_text(metadata.short_description, [&](const std::string& text) { message.set_short_description(text); });
  set_text(metadata.version, [&](const std::string& text) { message.set_version(text); });
  set_text(metadata.author, [&](const std::string& text) { message.set_author(text); });
  set_text(metadata.license, [&](const std::string& text) { message.set_license(text); });
  for (const auto& [key, value] : metadata.user_defined) {
    (*message.mutable_user_defined())[key] = value;
  }
}

}  // namespace

std::string_view to_string(FeatureKind kind) {
  constexpr std::string_view kNames[] = {"none",  "int64",      "double",   "string", "image",
                                         "array", "dictionary", "sequence", "state"};
  return kNames[static_cast<std::size_t>(kind)];
}

Result<ModelDescription> parse_description(const Bytes& message, std::vector<std::string>* losses) {
  constexpr std::size_t kMostBytes =
      1U << 26;  // real ones have a few kilobytes; empty fields take a hundred times their size in memory
  if (message.size() > kMostBytes) {
    return fail(ErrorCategory::unsupported, fmt::format("a model description of {} bytes", message.size()));
  }
  wire::ModelDescription parsed;
  if (!parsed.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
    return fail(ErrorCategory::malformed_input, "not a model description");
  }
  ModelDescription description;
  description.inputs = read_features(parsed.inputs());
  description.outputs = read_features(parsed.outputs());
  description.states = read_features(parsed.states());
  description.training_inputs = read_features(parsed.training_inputs());
  description.predicted_feature = parsed.predicted_feature();
  description.predicted_probabilities = parsed.predicted_probabilities();
  std::ranges::transform(parsed.functions(), std::back_inserter(description.functions), read_function);
  description.default_function = parsed.default_function();
  description.metadata = read_metadata(parsed.metadata());
  // Whatever we do not know is missing from what we write: the two then differ in size.
  if (losses != nullptr && format_description(description).size() != message.size()) {
    losses->emplace_back("fields of the model description that are unknown or hold nothing");
  }
  return description;
}

std::vector<std::uint8_t> format_description(const ModelDescription& description) {
  wire::ModelDescription message;
  write_features(description.inputs, *message.mutable_inputs());
  write_features(description.outputs, *message.mutable_outputs());
  write_features(description.states, *message.mutable_states());
  write_features(description.training_inputs, *message.mutable_training_inputs());
  set_text(description.predicted_feature, [&](const std::string& text) { message.set_predicted_feature(text); });
  set_text(description.predicted_probabilities,
           [&](const std::string& text) { message.set_predicted_probabilities(text); });
  for (const FunctionDescription& function : description.functions) {
    write_function(function, *message.add_functions());
  }
  set_text(description.default_function, [&](const std::string& text) { message.set_default_function(text); });
  write_metadata(description.metadata, message);
  std::vector<std::uint8_t> out(message.ByteSizeLong());
  google::protobuf::io::ArrayOutputStream array(out.data(), static_cast<int>(out.size()));
  google::protobuf::io::CodedOutputStream stream(&array);
  stream.SetSerializationDeterministic(true);
  message.SerializeWithCachedSizes(&stream);
  return out;
}

}  // namespace openane::mil
