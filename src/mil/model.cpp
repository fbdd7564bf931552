// Reading and writing of whole models, by what their path holds.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "base/sha256.h"
#include "mil/bundle_metadata.h"
#include "mil/coremldata.h"
#include "mil/opset.h"
#include "mil/package_path.h"
#include "mil/value_walk.h"
#include "openane/mil_model.h"
#include "openane/mil_protobuf.h"
#include "openane/mil_text.h"

namespace openane::mil {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kManifest = "Manifest.json";
constexpr std::string_view kModelItem = "com.apple.CoreML/model.mlmodel";
constexpr std::string_view kWeightsItem = "com.apple.CoreML/weights";

std::unexpected<Error> in_manifest(const fs::path& package, std::string message) {
  return fail(ErrorCategory::malformed_input, std::move(message), Location{(package / kManifest).string(), {}, 0, 0});
}

/// The root model file of a package.
Result<fs::path> find_package_model(const fs::path& package) {
  OPENANE_TRY(const Bytes text, read_file((package / kManifest).string()));
  if (text.size() > (1U << 20)) {
    return in_manifest(package, fmt::format("a manifest of {} bytes", text.size()));
  }
  const json manifest = json::parse(text.data(), text.data() + text.size(), nullptr, false);
  const auto string_at = [](const json& object, const char* key) {
    return object.is_object() && object.contains(key) && object[key].is_string() ? object[key].get<std::string>()
                                                                                 : std::string();
  };
  const std::string root = string_at(manifest, "rootModelIdentifier");
  if (root.empty() || !manifest.contains("itemInfoEntries") || !manifest["itemInfoEntries"].is_object()) {
    return in_manifest(package, "expected an object with 'rootModelIdentifier' and 'itemInfoEntries'");
  }
  const json& items = manifest["itemInfoEntries"];
  if (!items.contains(root)) {
    return in_manifest(package, fmt::format("no item '{}', which rootModelIdentifier names", root));
  }
  return path_inside(package, package / "Data", string_at(items[root], "path"));
}

/// Maps the weight files a program refers to, as far as they are there.
Result<Weights> open_weights(const Program& program, const fs::path& root, const fs::path& model_folder) {
  std::set<std::string> paths;
  for_each_value(program, [&](const Value& value) {
    if (const BlobReference* blob = value.blob()) {
      paths.insert(blob->path);
    }
  });
  Weights weights;
  for (const std::string& path : paths) {
    const std::string_view relative = below_model_path(path);
    if (relative.empty()) {
      continue;  // a key of somebody's dictionary, not a file
    }
    OPENANE_TRY(const fs::path file, path_inside(root, model_folder, relative));
    std::error_code code;
    if (!fs::exists(file, code)) {
      continue;
    }
    OPENANE_TRY(Bytes bytes, read_file(file.string()));
    OPENANE_TRY(WeightFile opened, in_file(WeightFile::open(std::move(bytes)), file.string()));
    weights.add(path, std::move(opened));
  }
  return weights;
}

Result<Model> read_mlmodel(const fs::path& file, const fs::path& root) {
  OPENANE_TRY(const Bytes bytes, read_file(file.string()));
  OPENANE_TRY(ModelMessage message, in_file(parse_model_message(bytes), file.string()));
  if (message.kind != kMlProgram) {
    return fail(ErrorCategory::unsupported,
                fmt::format("a model of kind {}, expected an ML Program", model_kind_name(message.kind)),
                Location{file.string(), {}, 0, 0});
  }
  Model model;
  model.mlmodel = bytes;
  std::vector<std::string> losses;
  OPENANE_TRY(model.program, in_file(parse_program_message(message.payload, &losses), file.string()));
  model.specification_version = message.specification_version;
  model.description = std::move(message.description);
  model.is_updatable = message.is_updatable;
  model.losses = std::move(message.losses);
  model.losses.insert(model.losses.end(), losses.begin(), losses.end());
  OPENANE_TRY(model.weights, open_weights(model.program, root, file.parent_path()));
  return model;
}

std::int32_t lowest_specification(const Program& program) {
  std::uint32_t version = 6;
  for (const Function& function : program.functions) {
    const OpsetInfo* opset = find_opset(function.opset);
    version = std::max(version, opset != nullptr ? opset->specification_version : 0);
  }
  return static_cast<std::int32_t>(version);
}

constexpr std::string_view kBuildInfo = "buildInfo";

/// What `print_model_text` adds says nothing.
void drop_empty_build_info(Program& program) {
  const Value* info = find_attribute(program.attributes, kBuildInfo);
  if (info != nullptr && info->type().kind() == TypeKind::dictionary && info->pairs().empty()) {
    remove_attribute(program.attributes, kBuildInfo);
  }
}

Result<Model> read_text_model(const fs::path& file) {
  Model model;
  OPENANE_TRY(Bytes text, read_file(file.string()));
  OPENANE_TRY(model.program, parse_text(std::move(text), file.string()));
  drop_empty_build_info(model.program);
  model.specification_version = lowest_specification(model.program);
  OPENANE_TRY(
      model.weights,
      open_weights(model.program, file.parent_path().empty() ? fs::path(".") : file.parent_path(), file.parent_path()));
  return model;
}

/// Texts give the inputs of a function by name; the description still has the order in which they were declared.
void order_inputs(Function& function, const std::vector<Feature>& inputs, const std::vector<Feature>& states) {
  const auto rank = [&](VariableId id) {
    std::size_t at = 0;
    for (const std::vector<Feature>* features : {&inputs, &states}) {
      const auto found = std::ranges::find(*features, function[id].name, &Feature::name);
      if (found != features->end()) {
        return at + static_cast<std::size_t>(found - features->begin());
      }
      at += features->size();
    }
    return at;
  };
  std::ranges::stable_sort(function.body().inputs, {}, rank);
}

void order_inputs(Program& program, const ModelDescription& description) {
  for (Function& function : program.functions) {
    const auto own = std::ranges::find(description.functions, function.name, &FunctionDescription::name);
    if (own != description.functions.end()) {
      order_inputs(function, own->inputs, own->states);
    } else {
      order_inputs(function, description.inputs, description.states);
    }
  }
}

/// Empty when there is none, or one too large to be it.
Result<Bytes> read_bundle_metadata(const fs::path& folder) {
  constexpr std::size_t kLargest = std::size_t{1} << 24U;
  const fs::path file = folder / "metadata.json";
  std::error_code code;
  if (!fs::exists(file, code)) {
    return Bytes();
  }
  OPENANE_TRY(Bytes text, read_file(file.string()));
  return text.size() > kLargest ? Bytes() : std::move(text);
}

Result<Model> read_bundle(const fs::path& folder) {
  OPENANE_TRY(Model model, read_text_model(folder / "model.mil"));
  std::error_code code;
  const fs::path data = folder / "coremldata.bin";
  if (!fs::exists(data, code)) {
    return model;
  }
  OPENANE_TRY(const Bytes bytes, read_file(data.string()));
  const Result<CoreMlData> read = parse_coremldata(bytes);
  if (!read) {
    model.losses.push_back(fmt::format("coremldata.bin was not understood: {}", read.error().message));
    return model;
  }
  model.specification_version = read->specification_version;
  model.description = read->description;
  order_inputs(model.program, model.description);
  OPENANE_TRY(const Bytes metadata, read_bundle_metadata(folder));
  if (!restore_classify(model, metadata.span())) {
    model.losses.emplace_back("the labels of the classifier: metadata.json does not list them");
  }
  return model;
}

bool starts_like_text(const Bytes& bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 4096));
  const std::size_t at = text.find_first_not_of(" \t\r\n");
  return at != std::string_view::npos && (text.substr(at).starts_with("program") || text.substr(at).starts_with("//"));
}

}  // namespace

const Function* Model::main_function() const {
  if (!description.default_function.empty()) {
    return program.find_function(description.default_function);
  }
  const Function* main = program.find_function("main");
  return main != nullptr || program.functions.size() != 1 ? main : &program.functions.front();
}

Result<Model> read_model(const std::string& path) {
  const fs::path given(path);
  std::error_code code;
  if (!fs::is_directory(given, code)) {
    OPENANE_TRY(const Bytes bytes, read_file(path));
    return starts_like_text(bytes) ? read_text_model(given)
                                   : read_mlmodel(given, given.parent_path().empty() ? "." : given.parent_path());
  }
  if (fs::exists(given / kManifest, code)) {
    OPENANE_TRY(const fs::path file, find_package_model(given));
    return read_mlmodel(file, given);
  }
  if (fs::exists(given / "model.mil", code)) {
    return read_bundle(given);
  }
  return fail(ErrorCategory::malformed_input,
              "is a directory with neither Manifest.json (a package) nor model.mil (a bundle)",
              Location{path, {}, 0, 0});
}

namespace {

/// A compiled bundle keeps the kind and the description; its payload is in files of other formats.
Result<ModelMessage> read_bundle_message(const fs::path& file) {
  OPENANE_TRY(const Bytes bytes, read_file(file.string()));
  OPENANE_TRY(CoreMlData data, in_file(parse_coremldata(bytes), file.string()));
  ModelMessage message;
  message.specification_version = data.specification_version;
  message.description = std::move(data.description);
  message.kind = data.kind;
  return message;
}

}  // namespace

Result<ModelMessage> read_model_message(const std::string& path) {
  std::error_code code;
  fs::path file(path);
  if (fs::is_directory(file, code) && !fs::exists(file / kManifest, code) &&
      fs::exists(file / "coremldata.bin", code)) {
    return read_bundle_message(file / "coremldata.bin");
  }
  if (fs::is_directory(file, code)) {
    OPENANE_TRY(file, find_package_model(fs::path(path)));
  }
  OPENANE_TRY(const Bytes bytes, read_file(file.string()));
  return in_file(parse_model_message(bytes), file.string());
}

namespace {

Result<std::vector<std::uint8_t>> format_mlmodel(const Model& model) {
  ModelMessage message;
  message.specification_version = model.specification_version;
  message.description = model.description;
  message.is_updatable = model.is_updatable;
  message.kind = kMlProgram;
  OPENANE_TRY(std::vector<std::uint8_t> payload, format_program_message(model.program));
  message.payload = Bytes(std::move(payload));
  return format_model_message(message);
}

/// Writes the weight files below the directory that holds the model.
Result<void> write_weights(const Weights& weights, const fs::path& folder) {
  for (const auto& [name, file] : weights.files()) {
    const std::string_view relative = below_model_path(name);
    if (relative.empty()) {
      return fail(ErrorCategory::usage, fmt::format("the weight file '{}' is not below @model_path", name));
    }
    OPENANE_TRY(const fs::path target, path_inside(folder, folder, relative));
    std::error_code code;
    fs::create_directories(target.parent_path(), code);
    OPENANE_CHECK(write_file(target.string(), file.bytes().span()));
  }
  return {};
}

/// An identifier in the form of a UUID, made from content: the same model gives the same package.
std::string identifier(std::span<const std::uint8_t> content, std::string_view salt) {
  std::vector<std::uint8_t> salted(content.begin(), content.end());
  salted.insert(salted.end(), salt.begin(), salt.end());
  std::string hex = sha256_hex(salted).substr(0, 32);
  std::ranges::transform(hex, hex.begin(), [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  return fmt::format("{}-{}-8{}-8{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(13, 3), hex.substr(17, 3),
                     hex.substr(20));
}

json manifest_item(std::string_view description, std::string_view name, std::string_view path) {
  return {{"author", "com.apple.CoreML"}, {"description", description}, {"name", name}, {"path", path}};
}

std::string format_manifest(std::span<const std::uint8_t> mlmodel, bool has_weights) {
  const std::string root = identifier(mlmodel, kModelItem);
  json manifest;
  manifest["fileFormatVersion"] = "1.0.0";
  manifest["itemInfoEntries"][root] = manifest_item("CoreML Model Specification", "model.mlmodel", kModelItem);
  if (has_weights) {
    manifest["itemInfoEntries"][identifier(mlmodel, kWeightsItem)] =
        manifest_item("CoreML Model Weights", "weights", kWeightsItem);
  }
  manifest["rootModelIdentifier"] = root;
  return manifest.dump(4) + "\n";
}

Result<void> fill_package(const Model& model, const fs::path& staging) {
  OPENANE_TRY(const std::vector<std::uint8_t> mlmodel, format_mlmodel(model));
  const fs::path folder = staging / "Data" / "com.apple.CoreML";
  std::error_code code;
  fs::create_directories(folder, code);
  OPENANE_CHECK(write_file((folder / "model.mlmodel").string(), mlmodel));
  OPENANE_CHECK(write_weights(model.weights, folder));
  return write_file((staging / kManifest).string(), format_manifest(mlmodel, !model.weights.files().empty()));
}

/// Whether a model still is what its file says.
bool is_as_read(const Model& model) {
  if (model.mlmodel.size() == 0) {
    return false;
  }
  const Result<ModelMessage> message = parse_model_message(model.mlmodel);
  const Result<Program> program = message ? parse_program_message(message->payload) : Result<Program>(Program{});
  return message && program && *program == model.program && message->description == model.description &&
         message->specification_version == model.specification_version && message->is_updatable == model.is_updatable;
}

Result<void> fill_bundle(const Model& model, const fs::path& staging, const std::string& name) {
  OPENANE_TRY(const std::vector<std::uint8_t> mlmodel, format_mlmodel(model));
  std::error_code code;
  fs::create_directories(staging / "analytics", code);
  OPENANE_CHECK(write_file((staging / "model.mil").string(), print_model_text(model.program)));
  OPENANE_CHECK(write_weights(model.weights, staging));
  OPENANE_CHECK(write_file((staging / "coremldata.bin").string(),
                           format_coremldata({kMlProgram, model.specification_version, model.description})));
  OPENANE_CHECK(write_file((staging / "metadata.json").string(), format_bundle_metadata(model, name)));
  return write_file((staging / "analytics" / "coremldata.bin").string(),
                    format_analytics(is_as_read(model) ? model.mlmodel.span() : mlmodel, "model"));
}

/// Fills a directory beside `path` and puts it in place when all went well.
template <typename Fill>
Result<void> write_directory(const Model& model, const std::string& path, std::string_view marker, Fill fill) {
  OPENANE_TRY(const fs::path staging, make_staging_directory(path, marker));
  if (Result<void> filled = fill(model, staging); !filled) {
    std::error_code ignored;
    fs::remove_all(staging, ignored);
    return filled;
  }
  return put_in_place(staging, path);
}

}  // namespace

std::string print_model_text(const Program& program) {
  if (find_attribute(program.attributes, kBuildInfo) != nullptr) {
    return print_text(program);
  }
  Program described = program;
  const Type text = Type::scalar(DataType::string);
  set_attribute(described.attributes, kBuildInfo, Value::dictionary(Type::dictionary(text, text), {}));
  return print_text(described);
}

Result<void> write_package(const Model& model, const std::string& path) {
  return write_directory(model, path, kManifest, fill_package);
}

Result<void> write_compiled_bundle(const Model& model, const std::string& path) {
  // What is asked for as "x.mlmodelc/" is called x.
  const fs::path bundle = path.ends_with('/') ? fs::path(path).parent_path() : fs::path(path);
  return write_directory(model, path, "model.mil", [&](const Model& filled, const fs::path& staging) {
    return fill_bundle(filled, staging, bundle.stem().string());
  });
}

Result<void> write_mlmodel(const Model& model, const std::string& path) {
  if (!model.weights.files().empty()) {
    return fail(ErrorCategory::usage,
                "the program refers to weight files; write a package, or load the constants first");
  }
  OPENANE_TRY(const std::vector<std::uint8_t> bytes, format_mlmodel(model));
  return write_file(path, bytes);
}

}  // namespace openane::mil
