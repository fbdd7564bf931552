#include "mil/bundle_metadata.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <vector>

#include "mil/opset.h"

namespace openane::mil {
namespace {

using nlohmann::json;

constexpr std::string_view kTimes = "\xC3\x97";      // U+00D7
constexpr std::string_view kArrow = "\xE2\x86\x92";  // U+2192

/// Apple's names of element types.
constexpr std::array<std::pair<DataType, std::string_view>, 17> kTypeNames = {{{DataType::fp16, "Float16"},
                                                                               {DataType::fp32, "Float32"},
                                                                               {DataType::fp64, "Float64"},
                                                                               {DataType::int4, "Int4"},
                                                                               {DataType::int8, "Int8"},
                                                                               {DataType::int16, "Int16"},
                                                                               {DataType::int32, "Int32"},
                                                                               {DataType::int64, "Int64"},
                                                                               {DataType::uint1, "UInt1"},
                                                                               {DataType::uint2, "UInt2"},
                                                                               {DataType::uint3, "UInt3"},
                                                                               {DataType::uint4, "UInt4"},
                                                                               {DataType::uint6, "UInt6"},
                                                                               {DataType::uint8, "UInt8"},
                                                                               {DataType::uint16, "UInt16"},
                                                                               {DataType::uint32, "UInt32"},
                                                                               {DataType::uint64, "UInt64"}}};

std::optional<std::string> type_name(DataType type) {
  const auto* row = std::ranges::find(kTypeNames, type, &std::pair<DataType, std::string_view>::first);
  return row == kTypeNames.end() ? std::nullopt : std::optional<std::string>(row->second);
}

// --- The histogram: an operation is named after the op set that last changed it, as Apple's own catalogue counts,
// which is not coremltools'. Known from files only, so by operation.

/// The op sets of the definition that holds in ios16, ios17 and ios18: 15 (written without a prefix) to 18, 0 where no
/// file shows it.
struct Revisions {
  std::string_view operation;
  std::array<int, 3> in;
};
constexpr Revisions kRevisions[] = {{"add", {16, 17, 18}},
                                    {"atan", {16, 17, 18}},
                                    {"avg_pool", {16, 16, 18}},
                                    {"cast", {16, 17, 18}},
                                    {"clip", {16, 0, 18}},
                                    {"concat", {15, 17, 18}},
                                    {"constexpr_affine_dequantize", {16, 0, 0}},
                                    {"constexpr_blockwise_shift_scale", {0, 0, 18}},
                                    {"constexpr_lut_to_dense", {16, 16, 18}},
                                    {"constexpr_sparse_to_dense", {16, 0, 0}},
                                    {"conv", {16, 17, 18}},
                                    {"conv_transpose", {0, 17, 0}},
                                    {"equal", {16, 17, 18}},
                                    {"expand_dims", {15, 17, 18}},
                                    {"fill_like", {16, 16, 16}},
                                    {"floor_div", {16, 0, 0}},
                                    {"gather", {16, 17, 18}},
                                    {"gather_along_axis", {16, 0, 0}},
                                    {"gather_nd", {16, 0, 0}},
                                    {"gelu", {0, 0, 18}},
                                    {"greater", {16, 17, 18}},
                                    {"layer_norm", {16, 17, 18}},
                                    {"less", {16, 17, 18}},
                                    {"linear", {16, 17, 18}},
                                    {"logical_and", {16, 17, 18}},
                                    {"lstm", {16, 0, 0}},
                                    {"matmul", {16, 0, 0}},
                                    {"max_pool", {16, 16, 18}},
                                    {"maximum", {16, 17, 18}},
                                    {"mul", {16, 17, 18}},
                                    {"pad", {15, 0, 0}},
                                    {"pow", {16, 0, 0}},
                                    {"real_div", {16, 17, 18}},
                                    {"reduce_max", {16, 16, 16}},
                                    {"reduce_mean", {16, 16, 16}},
                                    {"reduce_sum", {16, 16, 16}},
                                    {"relu", {16, 16, 18}},
                                    {"reshape", {16, 17, 18}},
                                    {"scatter", {16, 17, 18}},
                                    {"select", {15, 15, 15}},
                                    {"sigmoid", {16, 16, 18}},
                                    {"sigmoid_hard", {0, 0, 18}},
                                    {"silu", {16, 16, 0}},
                                    {"slice_by_index", {15, 17, 18}},
                                    {"softmax", {16, 16, 18}},
                                    {"split", {15, 15, 0}},
                                    {"sqrt", {16, 0, 0}},
                                    {"squeeze", {15, 17, 18}},
                                    {"stack", {15, 0, 0}},
                                    {"sub", {16, 17, 18}},
                                    {"tanh", {16, 17, 18}},
                                    {"thresholded_relu", {0, 0, 18}},
                                    {"tile", {15, 15, 15}},
                                    {"topk", {16, 0, 0}},
                                    {"transpose", {15, 17, 18}},
                                    {"upsample_nearest_neighbor", {15, 15, 0}},
                                    {"while_loop", {15, 15, 15}}};

/// Nothing when no file shows the operation in that op set.
std::optional<int> revision_of(std::string_view operation, int opset_age) {
  if (opset_age == 0) {
    return 15;
  }
  const auto* row = std::ranges::find(kRevisions, operation, &Revisions::operation);
  if (row == std::end(kRevisions) || opset_age < 0 || opset_age > static_cast<int>(row->in.size())) {
    return std::nullopt;
  }
  const int revision = row->in.at(static_cast<std::size_t>(opset_age - 1));
  return revision == 0 ? std::nullopt : std::optional<int>(revision);
}

/// "constexpr_lut_to_dense" as "ConstexprLutToDense", or "constexprLutToDense" after a prefix.
std::string histogram_name(std::string_view operation, int revision) {
  std::string name = revision == 15 ? "" : fmt::format("Ios{}.", revision);
  bool capital = revision == 15;
  for (const char c : operation) {
    if (c == '_') {
      capital = true;
      continue;
    }
    name += capital && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    capital = false;
  }
  return name;
}

template <typename Visit>
void for_each_operation(const Function& function, BlockId block, const Visit& visit) {
  for (const OperationId id : function[block].operations) {
    visit(function[id]);
    for (const BlockId nested : function[id].blocks) {
      for_each_operation(function, nested, visit);
    }
  }
}

/// Counts without constants and `classify`, which Apple's compiler takes out. Nothing when one has no known name.
std::optional<json> histogram(const Function& function) {
  std::map<std::string, int> counts;
  bool known = true;
  const int age = opset_age(function.opset);
  for_each_operation(function, function.body_id(), [&](const Operation& operation) {
    if (operation.type == "const" || operation.type == "classify") {
      return;
    }
    const std::optional<int> revision = revision_of(operation.type, age);
    known = known && revision;
    if (revision) {
      ++counts[histogram_name(operation.type, *revision)];
    }
  });
  return known ? std::optional<json>(counts) : std::nullopt;
}

// --- Precisions: sets of names, in their order.

class Precision {
 public:
  void add(std::string name) { names_.insert(std::move(name)); }
  void add(DataType type) {
    const std::optional<std::string> name = type_name(type);
    known_ = known_ && name;
    if (name) {
      names_.insert(*name);
    }
  }
  /// A type that real files only show beside others that name it too: whether it counts is not known.
  void need(DataType type) { needed_.push_back(type); }
  void unknown() { known_ = false; }

  /// "Float16", "Mixed (Float16, Int8)"; nothing when not known, or when there is nothing to name.
  [[nodiscard]] std::optional<std::string> text() const {
    const bool certain = known_ && std::ranges::all_of(needed_, [&](DataType type) {
                           const std::optional<std::string> name = type_name(type);
                           return name && names_.contains(*name);
                         });
    if (!certain || names_.empty()) {
      return std::nullopt;
    }
    return names_.size() == 1 ? *names_.begin() : fmt::format("Mixed ({})", fmt::join(names_, ", "));
  }

 private:
  std::set<std::string> names_;
  std::vector<DataType> needed_;
  bool known_ = true;
};

/// Types of the values an operation takes and gives; booleans and strings do not count.
void add_type(const Type& type, Precision& precision) {
  if (type.kind() == TypeKind::dictionary) {
    add_type(type.parameters()[0], precision);
    add_type(type.parameters()[1], precision);
  } else if (!type.is_tensor()) {
    precision.unknown();
  } else if (type.data_type() != DataType::boolean && type.data_type() != DataType::string) {
    precision.add(type.data_type());
  }
}

std::optional<std::string> compute_precision(const Function& function) {
  Precision precision;
  for_each_operation(function, function.body_id(), [&](const Operation& operation) {
    for (const Argument& argument : operation.arguments) {
      for (const Binding& binding : argument.bindings) {
        if (binding.is_variable()) {
          add_type(function[binding.variable()].type, precision);
        }
      }
    }
    for (const VariableId output : operation.outputs) {
      add_type(function[output].type, precision);
    }
  });
  return precision.text();
}

/// How the constant of one argument counts.
enum class Stored : std::uint8_t { type, perhaps_type, palette_of_table, palette_of_indices, sparse };
struct StoredArgument {
  std::string_view operation;
  std::string_view argument;
  Stored as;
};
constexpr StoredArgument kStored[] = {{"const", "val", Stored::type},
                                      {"constexpr_affine_dequantize", "quantized_data", Stored::type},
                                      {"constexpr_affine_dequantize", "scale", Stored::perhaps_type},
                                      {"constexpr_affine_dequantize", "zero_point", Stored::perhaps_type},
                                      {"constexpr_blockwise_shift_scale", "data", Stored::type},
                                      {"constexpr_blockwise_shift_scale", "scale", Stored::perhaps_type},
                                      {"constexpr_blockwise_shift_scale", "offset", Stored::perhaps_type},
                                      {"constexpr_lut_to_dense", "indices", Stored::palette_of_indices},
                                      {"constexpr_lut_to_dense", "lut", Stored::palette_of_table},
                                      {"constexpr_sparse_to_dense", "mask", Stored::sparse},
                                      {"constexpr_sparse_to_dense", "nonzero_data", Stored::perhaps_type}};

/// ios16 keeps indices as packed bytes, which do not count, and the table says how many bits they have; ios18 gives
/// them a type of their own, which counts too.
void add_palette(const Operation& operation, const Value& value, Stored as, Precision& precision) {
  const bool packed = operation.find_attribute("indices") != nullptr;
  if (as == Stored::palette_of_indices && !packed) {
    precision.add(value.type().data_type());
    precision.add(fmt::format("Palettized ({} bits)", info(value.type().data_type()).bits));
  } else if (as == Stored::palette_of_table) {
    precision.need(value.type().data_type());
    const std::optional<std::uint64_t> entries = value.type().element_count();
    if (packed && entries && *entries > 0) {
      precision.add(fmt::format("Palettized ({} bits)", std::bit_width(*entries) - 1));
    }
  }
}

void add_stored(const Operation& operation, std::string_view argument, const Value& value, Precision& precision) {
  if (operation.type == "const" && value.blob() == nullptr) {
    return;  // only what lies in a weight file counts
  }
  const auto* row = std::ranges::find_if(kStored, [&](const StoredArgument& candidate) {
    return candidate.operation == operation.type && candidate.argument == argument;
  });
  if (row == std::end(kStored)) {
    return;
  }
  switch (row->as) {
    case Stored::type:
      return precision.add(value.type().data_type());
    case Stored::perhaps_type:
      return precision.need(value.type().data_type());
    case Stored::palette_of_table:
    case Stored::palette_of_indices:
      return add_palette(operation, value, row->as, precision);
    case Stored::sparse:
      return precision.add("Sparse");
  }
}

std::optional<std::string> storage_precision(const Function& function) {
  Precision precision;
  for_each_operation(function, function.body_id(), [&](const Operation& operation) {
    const bool described = std::ranges::find(kStored, operation.type, &StoredArgument::operation) != std::end(kStored);
    if (operation.type.starts_with("constexpr_") && !described) {
      precision.unknown();
    }
    for (const Attribute& attribute : operation.attributes) {
      add_stored(operation, attribute.name, attribute.value, precision);
    }
    for (const Argument& argument : operation.arguments) {
      for (const Binding& binding : argument.bindings) {
        if (!binding.is_variable()) {
          add_stored(operation, argument.name, binding.value(), precision);
        } else if (described) {
          precision.unknown();  // chains of compressed forms: seen in no file
        }
      }
    }
  });
  return precision.text();
}

// --- Features.

std::string extents_text(const Shape& shape, std::string_view separator) {
  return fmt::format("{}", fmt::join(shape, separator));
}

void describe_array(const ArrayFeature& array, json& out) {
  const bool flexible = !array.enumerated_shapes.empty() || !array.shape_range.empty();
  out["type"] = "MultiArray";
  out["hasShapeFlexibility"] = flexible ? "1" : "0";
  out["shape"] = fmt::format("[{}]", extents_text(array.shape, ", "));
  if (!array.shape_range.empty()) {
    std::vector<std::string> ranges;
    ranges.reserve(array.shape_range.size());
    for (const SizeRange& range : array.shape_range) {
      ranges.push_back(fmt::format("[{}, {}]", range.lower, range.upper < 0 ? -1 : range.upper));
    }
    out["shapeRange"] = fmt::format("[{}]", fmt::join(ranges, ", "));
  }
  if (const std::optional<std::string> name = type_name(array.type); name && array.type != DataType::fp64) {
    const std::string shape = extents_text(array.shape, fmt::format(" {} ", kTimes));
    out["dataType"] = *name;
    out["formattedType"] = fmt::format("MultiArray ({}{}{})", *name, shape.empty() ? "" : " ", shape);
  }
}

void describe_image(const ImageFeature& image, json& out) {
  const bool flexible = !image.enumerated_sizes.empty() || image.size_range;
  out["type"] = "Image";
  out["width"] = fmt::format("{}", image.width);
  out["height"] = fmt::format("{}", image.height);
  out["hasSizeFlexibility"] = flexible ? "1" : "0";
  if (image.color_space == ColorSpace::rgb) {
    out["colorspace"] = "RGB";
    out["isColor"] = "1";
    if (image.width == image.height) {  // which comes first, no file shows
      out["formattedType"] = fmt::format("Image (Color {} {} {})", image.width, kTimes, image.height);
    }
  }
}

/// "Int64", "String"; of keys, labels and their features.
std::string label_type(DataType type) { return type == DataType::int64 ? "Int64" : "String"; }

json describe_feature(const Feature& feature) {
  json out = {{"name", feature.name},
              {"shortDescription", feature.short_description},
              {"isOptional", feature.is_optional ? "1" : "0"}};
  switch (feature.kind) {
    case FeatureKind::array:
      describe_array(feature.array, out);
      break;
    case FeatureKind::image:
      describe_image(feature.image, out);
      break;
    case FeatureKind::int64:
    case FeatureKind::string:
      out["type"] = feature.kind == FeatureKind::int64 ? "Int64" : "String";
      out["formattedType"] = out["type"];
      break;
    case FeatureKind::dictionary:
      out["type"] = "Dictionary";
      out["keyType"] = label_type(feature.key);
      out["formattedType"] = fmt::format("Dictionary ({} {} Double)", label_type(feature.key), kArrow);
      break;
    default:
      break;
  }
  return out;
}

json describe_features(const std::vector<Feature>& features) {
  json out = json::array();
  for (const Feature& feature : features) {
    out.push_back(describe_feature(feature));
  }
  return out;
}

/// The labels of the classifier a function ends in.
std::optional<json> class_labels(const Function& function) {
  for (const OperationId id : function.body().operations) {
    const Operation& operation = function[id];
    const Value* classes = operation.type == "classify" ? function.constant(operation, "classes") : nullptr;
    if (classes == nullptr) {
      continue;
    }
    json labels = json::array();
    for (const Value& label : classes->elements()) {
      if (const std::string* text = label.as_string()) {
        labels.push_back(*text);
      } else if (const std::optional<std::int64_t> number = label.as_int()) {
        labels.push_back(*number);
      }
    }
    return labels;
  }
  return std::nullopt;
}

// --- The whole.

constexpr std::string_view kSystems[] = {"iOS", "macCatalyst", "macOS", "tvOS", "visionOS", "watchOS"};
/// First release of each system that loads a specification version.
struct Availability {
  std::int32_t specification_version;
  std::array<std::string_view, std::size(kSystems)> releases;
};
constexpr Availability kAvailability[] = {{6, {"15.0", "15.0", "12.0", "15.0", "1.0", "8.0"}},
                                          {7, {"16.0", "16.0", "13.0", "16.0", "1.0", "9.0"}},
                                          {8, {"17.0", "17.0", "14.0", "17.0", "1.0", "10.0"}},
                                          {9, {"18.0", "18.0", "15.0", "18.0", "2.0", "11.0"}}};

void describe_availability(std::int32_t specification_version, json& out) {
  const auto* row = std::ranges::find(kAvailability, specification_version, &Availability::specification_version);
  if (row == std::end(kAvailability)) {
    return;
  }
  for (std::size_t i = 0; i < std::size(kSystems); ++i) {
    out["availability"][std::string(kSystems[i])] = row->releases.at(i);
  }
}

/// The bundle's name as the name of a class; nothing for characters whose replacement no file shows.
std::optional<std::string> class_name(std::string_view bundle_name) {
  std::string name(bundle_name);
  std::ranges::replace_if(name, [](char c) { return c == '-' || c == '.'; }, '_');
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const bool plain = !name.empty() && is_letter(name.front()) &&
                     std::ranges::all_of(name, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
  return plain ? std::optional<std::string>(name) : std::nullopt;
}

void set_if(json& out, const char* key, const std::string& value) {
  if (!value.empty()) {
    out[key] = value;
  }
}

void set_if(json& out, const char* key, const auto& value) {
  if (value) {
    out[key] = *value;
  }
}

/// What a function computes, and what goes in and out. Files with several functions are not known.
void describe_function(const Model& model, const Function& function, json& out) {
  set_if(out, "mlProgramOperationTypeHistogram", histogram(function));
  set_if(out, "computePrecision", compute_precision(function));
  set_if(out, "storagePrecision", storage_precision(function));
  set_if(out, "classLabels", class_labels(function));
  out["inputSchema"] = describe_features(model.description.inputs);
  out["outputSchema"] = describe_features(model.description.outputs);
  if (model.description.states.empty()) {
    out["stateSchema"] = json::array();
  }
}

/// The labels a file lists: all strings, or all integers. None when it lists none.
std::vector<Value> listed_labels(std::span<const std::uint8_t> metadata) {
  const json file = json::parse(metadata.begin(), metadata.end(), nullptr, false);
  const bool has_labels = file.is_array() && !file.empty() && file[0].is_object() && file[0].contains("classLabels") &&
                          file[0]["classLabels"].is_array();
  std::vector<Value> labels;
  for (const json& label : has_labels ? file[0]["classLabels"] : json::array()) {
    if (label.is_string()) {
      labels.push_back(Value::string(label.get<std::string>()));
    } else if (label.is_number_integer()) {
      const std::int64_t number = label.get<std::int64_t>();
      std::vector<std::uint8_t> bytes(sizeof number);
      store_integer(DataType::int64, bytes, 0, number);
      labels.push_back(*Value::tensor(Type::scalar(DataType::int64), Bytes(std::move(bytes))));
    }
    if (labels.empty() || labels.back().type() != labels.front().type()) {
      return {};
    }
  }
  return labels;
}

void append_classify(Function& function, const ModelDescription& description, std::vector<Value> labels) {
  const Type label = labels.front().type();
  const Type classes = Type::list(label, static_cast<std::int64_t>(labels.size()));
  Operation classify;
  classify.type = "classify";
  classify.set_argument("classes", {Value::list(classes, std::move(labels))});
  classify.set_argument("probabilities", {function.body().outputs.front()});
  classify.outputs = {function.add_variable(description.predicted_feature, label),
                      function.add_variable(description.predicted_probabilities,
                                            Type::dictionary(label, Type::scalar(DataType::fp64)))};
  function.body().outputs = classify.outputs;
  function.append(function.body_id(), std::move(classify));
}

}  // namespace

bool restore_classify(Model& model, std::span<const std::uint8_t> metadata) {
  const ModelDescription& description = model.description;
  if (description.predicted_feature.empty() || model.program.functions.size() != 1) {
    return true;
  }
  Function& function = model.program.functions.front();
  bool is_classifier = false;
  for_each_operation(function, function.body_id(),
                     [&](const Operation& operation) { is_classifier |= operation.type == "classify"; });
  if (is_classifier) {
    return true;
  }
  std::vector<Value> labels = listed_labels(metadata);
  if (labels.empty() || function.body().outputs.size() != 1 || description.predicted_probabilities.empty() ||
      function[function.body().outputs.front()].type.element_count() != labels.size()) {
    return false;
  }
  append_classify(function, description, std::move(labels));
  return true;
}

std::string format_bundle_metadata(const Model& model, std::string_view bundle_name) {
  const Metadata& metadata = model.description.metadata;
  json out = {{"metadataOutputVersion", "3.0"},
              {"modelType", {{"name", "MLModelType_mlProgram"}}},
              {"modelParameters", json::array()},
              {"specificationVersion", model.specification_version},
              {"isUpdatable", model.is_updatable ? "1" : "0"},
              {"method", "predict"}};
  set_if(out, "shortDescription", metadata.short_description);
  set_if(out, "version", metadata.version);
  set_if(out, "author", metadata.author);
  set_if(out, "license", metadata.license);
  set_if(out, "generatedClassName", class_name(bundle_name));
  if (!metadata.user_defined.empty()) {
    out["userDefinedMetadata"] = metadata.user_defined;
  }
  describe_availability(model.specification_version, out);
  if (model.description.functions.empty() && model.program.functions.size() == 1) {
    describe_function(model, model.program.functions.front(), out);
  }
  return json::array({out}).dump(2, ' ', false, json::error_handler_t::replace);
}

}  // namespace openane::mil
