// A Core ML description made from the types of a program.
#include <fmt/format.h>

#include <algorithm>

#include "mil/opset.h"
#include "openane/mil_model.h"

namespace openane::mil {
namespace {

std::unexpected<Error> no_feature(const Variable& variable, std::string_view role) {
  return fail(ErrorCategory::unsupported, fmt::format("{} '{}' is {}, which Core ML models do not take or give", role,
                                                      variable.name, to_string(variable.type)));
}

bool is_array_type(DataType type) {
  return type == DataType::fp16 || type == DataType::fp32 || type == DataType::fp64 || type == DataType::int32;
}

/// Element type and shape; an open extent is 1 by default and has no upper bound.
ArrayFeature array_of(const Type& type) {
  ArrayFeature array;
  array.type = type.data_type();
  array.shape = type.shape();
  const bool is_open = std::ranges::any_of(array.shape, [](std::int64_t extent) { return extent < 0; });
  for (std::int64_t& extent : array.shape) {
    if (is_open) {
      array.shape_range.push_back(extent < 0 ? SizeRange{1, -1}
                                             : SizeRange{static_cast<std::uint64_t>(extent), extent});
    }
    extent = extent < 0 ? 1 : extent;
  }
  return array;
}

Result<Feature> feature_of(const Variable& variable, std::string_view role) {
  const Type& type = variable.type;
  const bool is_state = type.kind() == TypeKind::state;
  const Type& tensor = is_state ? type.parameters()[0] : type;
  Feature feature;
  feature.name = variable.name;
  const bool open_rank = std::ranges::find(tensor.shape(), kVariadicExtent) != tensor.shape().end();
  if (tensor.is_tensor() && is_array_type(tensor.data_type()) && !open_rank) {
    feature.kind = is_state ? FeatureKind::state : FeatureKind::array;
    feature.array = array_of(tensor);
    return feature;
  }
  if (type.is_scalar(DataType::string) || type.is_scalar(DataType::int64)) {  // the label that `classify` gives
    feature.kind = type.is_scalar(DataType::string) ? FeatureKind::string : FeatureKind::int64;
    return feature;
  }
  if (type.kind() == TypeKind::dictionary) {
    feature.kind = FeatureKind::dictionary;
    feature.key = type.parameters()[0].data_type();
    return feature;
  }
  return no_feature(variable, role);
}

/// Outputs that are open in the program have no shape in descriptions: only inputs say what is allowed.
void drop_open_shape(Feature& output) {
  if (!output.array.shape_range.empty()) {
    output.array.shape.clear();
    output.array.shape_range.clear();
  }
}

Result<FunctionDescription> describe(const Function& function) {
  FunctionDescription out;
  out.name = function.name;
  for (const VariableId id : function.body().inputs) {
    OPENANE_TRY(Feature feature, feature_of(function[id], "input"));
    (feature.kind == FeatureKind::state ? out.states : out.inputs).push_back(std::move(feature));
  }
  for (const VariableId id : function.body().outputs) {
    OPENANE_TRY(Feature feature, feature_of(function[id], "output"));
    drop_open_shape(feature);
    if (feature.kind == FeatureKind::dictionary) {
      out.predicted_probabilities = feature.name;
    } else if (feature.kind == FeatureKind::string || feature.kind == FeatureKind::int64) {
      out.predicted_feature = feature.name;
    }
    out.outputs.push_back(std::move(feature));
  }
  return out;
}

bool is_described(const ModelDescription& description) {
  return !description.inputs.empty() || !description.outputs.empty() || !description.functions.empty();
}

/// Versions in which Core ML took: fp16 arrays, several functions and states.
constexpr std::int32_t kHalfArrays = 7;
constexpr std::int32_t kFunctionsAndStates = 9;

std::int32_t version_needed(const FunctionDescription& function) {
  std::int32_t version = function.states.empty() ? 0 : kFunctionsAndStates;
  for (const std::vector<Feature>* features : {&function.inputs, &function.outputs}) {
    for (const Feature& feature : *features) {
      version = std::max(version, feature.array.type == DataType::fp16 ? kHalfArrays : 0);
    }
  }
  return version;
}

std::int32_t version_needed(const Function& function) {
  const OpsetInfo* opset = find_opset(function.opset);
  return opset != nullptr ? static_cast<std::int32_t>(opset->specification_version) : 0;
}

}  // namespace

Result<void> describe_functions(Model& model) {
  if (is_described(model.description)) {
    return {};
  }
  std::vector<FunctionDescription> functions;
  for (const Function& function : model.program.functions) {
    OPENANE_TRY(FunctionDescription described, describe(function));
    model.specification_version =
        std::max({model.specification_version, version_needed(described), version_needed(function)});
    functions.push_back(std::move(described));
  }
  ModelDescription& description = model.description;
  if (functions.size() == 1) {
    FunctionDescription& only = functions.front();
    description.inputs = std::move(only.inputs);
    description.outputs = std::move(only.outputs);
    description.states = std::move(only.states);
    description.predicted_feature = std::move(only.predicted_feature);
    description.predicted_probabilities = std::move(only.predicted_probabilities);
  } else if (!functions.empty()) {
    model.specification_version = std::max(model.specification_version, kFunctionsAndStates);
    description.default_function = model.program.find_function("main") != nullptr ? "main" : functions.front().name;
    description.functions = std::move(functions);
  }
  return {};
}

}  // namespace openane::mil
