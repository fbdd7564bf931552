#include "cli/info_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/columns.h"
#include "base/saturating.h"
#include "cli/console.h"
#include "cli/model_files.h"
#include "openane/mil_diagnostic.h"
#include "openane/mil_infer.h"
#include "openane/mil_model.h"
#include "openane/mil_text.h"
#include "openane/model_summary.h"
#include "openane/reference.h"

namespace openane::cli {
namespace {

using mil::Feature;
using nlohmann::ordered_json;
using Rows = std::vector<std::vector<std::string>>;

/// What both kinds of reading give.
struct Opened {
  std::string kind;
  std::int32_t specification_version = 0;
  mil::ModelDescription description;
  std::vector<std::string> losses;
  bool is_updatable = false;
  std::optional<mil::Model> program;      ///< Of ML Programs.
  std::vector<mil::Diagnostic> findings;  ///< What the verifier says of it.
  std::uint64_t payload_bytes = 0;        ///< Of the others.
};

Result<Opened> open(const std::string& path) {
  Result<mil::Model> model = mil::read_model(path);
  if (model) {
    return Opened{"mlProgram",
                  model->specification_version,
                  model->description,
                  model->losses,
                  model->is_updatable,
                  *std::move(model),
                  {},
                  0};
  }
  // Another kind of model, or none: the message decides.
  if (model.error().category != ErrorCategory::unsupported) {
    return std::unexpected(model.error());
  }
  const Result<mil::ModelMessage> message = mil::read_model_message(path);
  if (!message) {
    return std::unexpected(model.error());
  }
  return Opened{std::string(mil::model_kind_name(message->kind)),
                message->specification_version,
                message->description,
                message->losses,
                message->is_updatable,
                std::nullopt,
                {},
                message->payload.size()};
}

/// Gives inputs of the main function concrete shapes.
Result<void> specialise(Opened& opened, const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    return {};
  }
  const mil::Function* main = opened.program ? opened.program->main_function() : nullptr;
  if (main == nullptr) {
    return fail(ErrorCategory::usage, "--shape is for ML Programs with a main function");
  }
  using Shapes = std::map<std::string, Shape>;
  OPENANE_TRY(const Shapes shapes, parse_shapes(arguments, main));
  return mil::specialise_shapes(*opened.program->program.find_function(main->name), shapes);
}

/// 1234567 -> "1,234,567"
std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string counted(std::uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", grouped(count), what, count == 1 ? "" : "s");
}

/// Bytes of the model's weight files.
std::uint64_t weight_bytes(const mil::Model& model) {
  std::uint64_t bytes = 0;
  for (const auto& [path, file] : model.weights.files()) {
    bytes = saturating_add(bytes, file.bytes().size());
  }
  return bytes;
}

double bits_per_element(const ConstantGroup& group) {
  return group.elements == 0 ? 0 : 8.0 * static_cast<double>(group.bytes) / static_cast<double>(group.elements);
}

// -------------------------------------------------------------------------------------------------------------- text

void add_features(Rows& rows, std::string_view role, const std::vector<Feature>& features) {
  for (const Feature& feature : features) {
    rows.push_back({std::string(role), printable(feature.name), feature_type_text(feature), feature_shape_text(feature),
                    printable(feature.short_description)});
  }
}

template <typename Description>
std::string features_text(const Description& description, std::string_view indent) {
  Rows rows = {{"role", "name", "type", "shape", "description"}};
  add_features(rows, "input", description.inputs);
  add_features(rows, "state", description.states);
  add_features(rows, "output", description.outputs);
  return rows.size() == 1 ? std::string() : columns_text(rows, indent);
}

std::string description_text(const mil::ModelDescription& description) {
  std::string out = features_text(description, "  ");
  for (const mil::FunctionDescription& function : description.functions) {
    out += fmt::format("  function {}{}:\n{}", printable(function.name),
                       function.name == description.default_function ? " (runs when none is named)" : "",
                       features_text(function, "    "));
  }
  if (!description.predicted_feature.empty()) {
    out += fmt::format("  classifier: label {}, probabilities {}\n", printable(description.predicted_feature),
                       printable(description.predicted_probabilities));
  }
  return out;
}

std::string metadata_text(const mil::Metadata& metadata) {
  Rows rows;
  const auto add = [&](std::string_view name, const std::string& text) {
    if (!text.empty()) {
      const std::string line = printable(text);
      rows.push_back({std::string(name), line.size() > 200 ? line.substr(0, 200) + "..." : line});
    }
  };
  add("description", metadata.short_description);
  add("version", metadata.version);
  add("author", metadata.author);
  add("license", metadata.license);
  for (const auto& [key, value] : metadata.user_defined) {
    add(printable(key), value);
  }
  return rows.empty() ? std::string() : "metadata:\n" + columns_text(rows, "  ");
}

std::string operations_text(const FunctionSummary& summary) {
  std::vector<std::pair<std::string, std::uint64_t>> sorted(summary.operations.begin(), summary.operations.end());
  std::ranges::stable_sort(sorted, std::greater(), &std::pair<std::string, std::uint64_t>::second);
  std::vector<std::string> parts;
  parts.reserve(sorted.size());
  for (const auto& [name, count] : sorted) {
    parts.push_back(fmt::format("{} {}", printable(name), count));
  }
  return fmt::format("  operations: {}\n", fmt::join(parts, ", "));
}

std::string constants_text(const FunctionSummary& summary) {
  if (summary.constants.empty()) {
    return {};
  }
  Rows rows = {{"constants", "stored as", "tensors", "elements", "bytes", "bits per element"}};
  for (const ConstantGroup& group : summary.constants) {
    rows.push_back({group.storage, std::string(to_string(group.type)), std::to_string(group.tensors),
                    grouped(group.elements), grouped(group.bytes), fmt::format("{:.2f}", bits_per_element(group))});
  }
  return columns_text(rows, "  ");
}

/// What the reference executor plans for a program without mistakes.
std::optional<reference::MemoryFigures> planned_memory(const Opened& opened, const mil::Function& function) {
  if (mil::has_errors(opened.findings)) {
    return std::nullopt;
  }
  const Result<reference::MemoryFigures> figures = reference::measure_memory(function, opened.program->weights);
  return figures ? std::optional(*figures) : std::nullopt;
}

std::string memory_text(const FunctionSummary& summary, const std::optional<reference::MemoryFigures>& planned) {
  std::string out = fmt::format("  activations: {} at most, at {}{}\n", counted(summary.peak_activation_bytes, "byte"),
                                summary.peak_at.empty() ? "the inputs" : printable(summary.peak_at),
                                summary.has_open_tensors ? ", without tensors of open shape" : "");
  if (planned) {
    out += fmt::format("  reference executor: {} of fp32 for intermediate results, {} without sharing\n",
                       counted(planned->arena_bytes, "byte"), counted(planned->unshared_bytes, "byte"));
  }
  return out;
}

std::string function_text(const Opened& opened, const mil::Function& function) {
  const FunctionSummary summary = summarise(function);
  const mil::Spelling spelling = opened.program->program.spelling();
  std::string out = fmt::format("function {} ({}):\n", printable(summary.name), summary.opset);
  Rows ports;
  for (const auto& [name, type] : summary.inputs) {
    ports.push_back({"takes", printable(name), to_string(type, spelling)});
  }
  for (const auto& [name, type] : summary.outputs) {
    ports.push_back({"gives", printable(name), to_string(type, spelling)});
  }
  out += columns_text(ports, "  ");
  out += operations_text(summary);
  out += fmt::format("  arithmetic: {}, {}{}\n", counted(summary.multiply_adds, "multiply-add"),
                     counted(summary.element_operations, "element operation"),
                     summary.uncounted == 0
                         ? std::string()
                         : fmt::format(", without {} of open shape", counted(summary.uncounted, "operation")));
  out += fmt::format("  parameters: {}\n", grouped(summary.parameters));
  out += memory_text(summary, planned_memory(opened, function));
  return out + constants_text(summary);
}

/// What the verifier has to say, with place and source line where the program was read from a text.
std::string findings_text(const Opened& opened) {
  std::string out;
  for (const mil::Diagnostic& diagnostic : opened.findings) {
    out += printable(mil::to_string(diagnostic, opened.program->program.source.get()), true) + "\n";
  }
  return out;
}

std::string losses_text(const std::vector<std::string>& losses) {
  std::string out;
  for (const std::string& loss : losses) {
    out += fmt::format("not kept when rewritten: {}\n", printable(loss));
  }
  return out;
}

std::string model_text(const std::string& path, const Opened& opened) {
  std::string out =
      fmt::format("{}: {}, specification version {}{}\n", path, opened.kind == "mlProgram" ? "ML Program" : opened.kind,
                  opened.specification_version, opened.is_updatable ? ", updatable" : "");
  out += description_text(opened.description);
  if (!opened.program) {
    out += fmt::format("layers: of kind {}, which OpenANE describes but does not read yet\n", opened.kind);
  } else {
    for (const mil::Function& function : opened.program->program.functions) {
      out += function_text(opened, function);
    }
    for (const auto& [name, file] : opened.program->weights.files()) {
      out += fmt::format("weights: {} in {}, {}\n", counted(file.declared_count(), "record"), printable(name),
                         counted(file.bytes().size(), "byte"));
    }
    out += findings_text(opened);
  }
  return out + metadata_text(opened.description.metadata) + losses_text(opened.losses);
}

// -------------------------------------------------------------------------------------------------------------- JSON

ordered_json feature_json(const Feature& feature) {
  ordered_json json = {{"name", feature.name}, {"kind", to_string(feature.kind)}};
  if (feature.kind == mil::FeatureKind::array || feature.kind == mil::FeatureKind::state) {
    json["type"] = to_string(feature.array.type);
    json["shape"] = feature.array.shape;
    if (!feature.array.enumerated_shapes.empty()) {
      json["enumerated_shapes"] = feature.array.enumerated_shapes;
    }
    for (const mil::SizeRange& range : feature.array.shape_range) {
      json["shape_range"].push_back({{"lower", range.lower}, {"upper", range.upper}});
    }
  } else if (feature.kind == mil::FeatureKind::image) {
    json["type"] = feature_type_text(feature);
    json["width"] = feature.image.width;
    json["height"] = feature.image.height;
    if (!feature.image.enumerated_sizes.empty()) {
      json["enumerated_sizes"] = feature.image.enumerated_sizes;
    }
    if (feature.image.size_range) {
      for (const mil::SizeRange& range : *feature.image.size_range) {
        json["size_range"].push_back({{"lower", range.lower}, {"upper", range.upper}});
      }
    }
  }
  json["optional"] = feature.is_optional;
  if (!feature.short_description.empty()) {
    json["description"] = feature.short_description;
  }
  return json;
}

ordered_json features_json(const std::vector<Feature>& features) {
  ordered_json json = ordered_json::array();
  std::ranges::transform(features, std::back_inserter(json), feature_json);
  return json;
}

template <typename Description>
void add_features_json(ordered_json& json, const Description& description) {
  json["inputs"] = features_json(description.inputs);
  json["states"] = features_json(description.states);
  json["outputs"] = features_json(description.outputs);
}

ordered_json ports_json(const std::vector<std::pair<std::string, mil::Type>>& ports) {
  ordered_json json = ordered_json::array();
  for (const auto& [name, type] : ports) {
    json.push_back({{"name", name}, {"type", to_string(type)}});
  }
  return json;
}

ordered_json summary_json(const Opened& opened, const mil::Function& function) {
  const FunctionSummary summary = summarise(function);
  const std::optional<reference::MemoryFigures> planned = planned_memory(opened, function);
  ordered_json constants = ordered_json::array();
  for (const ConstantGroup& group : summary.constants) {
    constants.push_back({{"storage", group.storage},
                         {"type", to_string(group.type)},
                         {"tensors", group.tensors},
                         {"elements", group.elements},
                         {"bytes", group.bytes},
                         {"bits_per_element", bits_per_element(group)}});
  }
  return {{"name", summary.name},
          {"opset", summary.opset},
          {"takes", ports_json(summary.inputs)},
          {"gives", ports_json(summary.outputs)},
          {"operations", summary.operations},
          {"multiply_adds", summary.multiply_adds},
          {"element_operations", summary.element_operations},
          {"uncounted_operations", summary.uncounted},
          {"parameters", summary.parameters},
          {"peak_activation_bytes", summary.peak_activation_bytes},
          {"peak_at", summary.peak_at},
          {"has_open_tensors", summary.has_open_tensors},
          {"reference_arena_bytes", planned ? ordered_json(planned->arena_bytes) : ordered_json()},
          {"constants", std::move(constants)}};
}

ordered_json model_json(const Opened& opened) {
  const mil::ModelDescription& description = opened.description;
  ordered_json json = {{"kind", opened.kind},
                       {"specification_version", opened.specification_version},
                       {"updatable", opened.is_updatable}};
  add_features_json(json, description);
  for (const mil::FunctionDescription& function : description.functions) {
    ordered_json entry = {{"name", function.name}};
    add_features_json(entry, function);
    json["described_functions"].push_back(std::move(entry));
  }
  if (!description.default_function.empty()) {
    json["default_function"] = description.default_function;
  }
  if (!description.predicted_feature.empty()) {
    json["classifier"] = {{"label", description.predicted_feature},
                          {"probabilities", description.predicted_probabilities}};
  }
  if (opened.program) {
    json["functions"] = ordered_json::array();
    for (const mil::Function& function : opened.program->program.functions) {
      json["functions"].push_back(summary_json(opened, function));
    }
    json["weight_file_bytes"] = weight_bytes(*opened.program);
    json["findings"] = ordered_json::array();
    for (const mil::Diagnostic& diagnostic : opened.findings) {
      json["findings"].push_back({{"severity", diagnostic.severity == mil::Severity::error ? "error" : "warning"},
                                  {"line", diagnostic.location.line},
                                  {"column", diagnostic.location.column},
                                  {"message", diagnostic.message}});
    }
  } else {
    json["payload_bytes"] = opened.payload_bytes;
  }
  const mil::Metadata& metadata = description.metadata;
  json["metadata"] = {{"description", metadata.short_description},
                      {"version", metadata.version},
                      {"author", metadata.author},
                      {"license", metadata.license},
                      {"user_defined", metadata.user_defined}};
  json["losses"] = opened.losses;
  return json;
}

}  // namespace

Result<Exit> show_model(const ModelView& view) {
  const std::string& path = view.path;
  OPENANE_TRY(Opened opened, in_file(open(path), path));
  OPENANE_CHECK(in_file(specialise(opened, view.shapes), path));
  if (opened.program) {
    opened.findings = mil::verify(opened.program->program, &opened.program->weights);
  }
  if (view.json) {
    print_json(model_json(opened));
  } else {
    print(model_text(path, opened));
  }
  return mil::has_errors(opened.findings) ? Exit::different : Exit::ok;
}

}  // namespace openane::cli
