// Core ML models: what stands around an ML Program in a .mlmodel, .mlpackage or .mlmodelc (facts/coreml-model.md).
//
// `ModelMessage` is the protobuf `Model` with its payload left alone: any kind of model can be opened, described and
// passed to the front end that knows the kind. `Model` is an ML Program with its description and weights, whatever it
// was read from.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "openane/bytes.h"
#include "openane/error.h"
#include "openane/mil_program.h"
#include "openane/mil_weights.h"

namespace openane::mil {

/// A bound on an extent; `upper` below zero means none.
struct SizeRange {
  std::uint64_t lower = 0;
  std::int64_t upper = 0;
  friend bool operator==(const SizeRange&, const SizeRange&) = default;
};

enum class ColorSpace : std::uint8_t { none = 0, grayscale = 10, rgb = 20, bgr = 30, grayscale_fp16 = 40 };

/// Colour space and size of an image input or output. At most one kind of flexibility is given.
struct ImageFeature {
  std::int64_t width = 0;
  std::int64_t height = 0;
  ColorSpace color_space = ColorSpace::none;
  std::vector<std::array<std::uint64_t, 2>> enumerated_sizes;  ///< Width, height.
  std::optional<std::array<SizeRange, 2>> size_range;          ///< Of width, of height.
  friend bool operator==(const ImageFeature&, const ImageFeature&) = default;
};

/// Element type and shape of an array input, output or state. At most one kind of flexibility is given.
struct ArrayFeature {
  DataType type = DataType::invalid;  ///< fp16, fp32, fp64, int8 or int32; `invalid` when the model does not say.
  Shape shape;                        ///< May be empty: old converters did not write that of outputs.
  std::vector<Shape> enumerated_shapes;
  std::vector<SizeRange> shape_range;
  std::variant<std::monostate, std::int32_t, float, double> default_value;
  friend bool operator==(const ArrayFeature&, const ArrayFeature&) = default;
};

enum class FeatureKind : std::uint8_t { none, int64, fp64, string, image, array, dictionary, sequence, state };
[[nodiscard]] std::string_view to_string(FeatureKind kind);

struct Feature {
  std::string name;
  std::string short_description;
  FeatureKind kind = FeatureKind::none;
  bool is_optional = false;
  ImageFeature image;                ///< Of `image`.
  ArrayFeature array;                ///< Of `array` and `state`.
  DataType key = DataType::invalid;  ///< Of `dictionary` (keys) and `sequence` (elements): int64 or string.
  std::optional<SizeRange> length;   ///< Of `sequence`.
  friend bool operator==(const Feature&, const Feature&) = default;
};

struct FunctionDescription {
  std::string name;
  std::vector<Feature> inputs;
  std::vector<Feature> outputs;
  std::vector<Feature> states;
  std::string predicted_feature;
  std::string predicted_probabilities;
  friend bool operator==(const FunctionDescription&, const FunctionDescription&) = default;
};

struct Metadata {
  std::string short_description;
  std::string version;
  std::string author;
  std::string license;
  std::map<std::string, std::string> user_defined;
  friend bool operator==(const Metadata&, const Metadata&) = default;
};

struct ModelDescription {
  std::vector<Feature> inputs;
  std::vector<Feature> outputs;
  std::vector<Feature> states;
  std::vector<Feature> training_inputs;
  std::string predicted_feature;
  std::string predicted_probabilities;
  std::vector<FunctionDescription> functions;  ///< Of models with several functions; the members above are empty then.
  std::string default_function;
  Metadata metadata;
  friend bool operator==(const ModelDescription&, const ModelDescription&) = default;
};

/// Numbers of the kinds of model the engine can have to do with.
inline constexpr std::uint32_t kPipelineClassifier = 200;
inline constexpr std::uint32_t kPipelineRegressor = 201;
inline constexpr std::uint32_t kPipeline = 202;
inline constexpr std::uint32_t kNeuralNetworkRegressor = 303;
inline constexpr std::uint32_t kNeuralNetworkClassifier = 403;
inline constexpr std::uint32_t kNeuralNetwork = 500;
inline constexpr std::uint32_t kMlProgram = 502;

/// "mlProgram", "neuralNetwork", ...; "" for a number the format does not define.
[[nodiscard]] std::string_view model_kind_name(std::uint32_t kind);

/// The protobuf message `Model`, its payload still encoded.
struct ModelMessage {
  std::int32_t specification_version = 0;
  ModelDescription description;
  bool is_updatable = false;
  std::uint32_t kind = 0;             ///< Field number of the payload: 502 for an ML Program.
  Bytes payload;                      ///< The encoded message of that kind, a part of the file.
  std::vector<std::uint8_t> unknown;  ///< Top-level fields the format does not define, as they stand; written back.
  std::vector<std::string> losses;    ///< What reading dropped, one line each.
};

/// Fails when the bytes are no model: specification version outside 1 to 1000, no kind or two.
[[nodiscard]] Result<ModelMessage> parse_model_message(const Bytes& file);
[[nodiscard]] std::vector<std::uint8_t> format_model_message(const ModelMessage& message);
/// The description alone, as compiled bundles carry it.
[[nodiscard]] Result<ModelDescription> parse_description(const Bytes& message,
                                                         std::vector<std::string>* losses = nullptr);
[[nodiscard]] std::vector<std::uint8_t> format_description(const ModelDescription& description);

/// An ML Program with what belongs to it.
struct Model {
  std::int32_t specification_version = 0;
  ModelDescription description;
  bool is_updatable = false;
  Program program;
  Weights weights;
  std::vector<std::string> losses;  ///< What reading dropped, one line each.
  Bytes mlmodel;                    ///< The `.mlmodel` it was read from; empty for texts and what was built.

  /// The function that runs when none is named: the default function of the description, `main`, or the only one. Null
  /// when unclear.
  [[nodiscard]] const Function* main_function() const;
};

/// Reads an ML Program from a `.mlpackage` or `.mlmodelc` directory, a `.mlmodel` file, or a MIL text (weights beside
/// it, as
/// `@model_path` says). What the path is, its content tells. Weight files are mapped, not read; a path that leaves the
/// model's directory is refused. Other kinds of model fail with `unsupported`, naming the kind.
[[nodiscard]] Result<Model> read_model(const std::string& path);

/// The `.mlmodel` protobuf of a path: the file itself, or the root model of a package. Of a compiled bundle, what its
/// `coremldata.bin` says: everything but the payload.
[[nodiscard]] Result<ModelMessage> read_model_message(const std::string& path);

/// Describes the functions of a program that came without a description (MIL text, a built program) by their types, and
/// raises the specification version to what they need: extents that are open become ranges from 1 on, the results of
/// `classify` label and probabilities. A description that is there is kept. Fails with `unsupported` for types that
/// Core ML models do not take or give.
[[nodiscard]] Result<void> describe_functions(Model& model);

/// Moves the constants of a program that coremltools would keep out of it (10 elements or more, of the types its
/// specification version allows) into one fresh weight file, in program order; what lay in other weight files comes
/// along. Blocks that hold one are changed.
[[nodiscard]] Result<void> store_constants(Model& model);
/// The inverse: every constant becomes an immediate, and the model has no weight files.
[[nodiscard]] Result<void> load_constants(Model& model);

/// The text of a program as a file for Apple's compilers: `print_text`, with an empty `buildInfo` where there is none.
/// Their in-memory path refuses a text without (facts/mil.md, section 4). `read_model` takes the empty one away again.
[[nodiscard]] std::string print_model_text(const Program& program);

/// Writes a package: manifest, model and weight files. An existing package of that name is replaced; anything else
/// there is refused.
[[nodiscard]] Result<void> write_package(const Model& model, const std::string& path);
/// Writes a single `.mlmodel` file; fails when the program refers to weight files.
[[nodiscard]] Result<void> write_mlmodel(const Model& model, const std::string& path);
/// Writes a compiled bundle: text, weight files, `metadata.json` (as far as files of Apple's compiler show what it
/// says), `coremldata.bin` and `analytics/coremldata.bin`, whose hash is that of the `.mlmodel` `write_package` would
/// write.
[[nodiscard]] Result<void> write_compiled_bundle(const Model& model, const std::string& path);

}  // namespace openane::mil
