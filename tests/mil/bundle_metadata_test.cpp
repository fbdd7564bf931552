// metadata.json of compiled bundles, key by key against those of Apple's compiler.
#include "mil/bundle_metadata.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "mil/corpus.h"
#include "openane/mil_text.h"

namespace openane::mil {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

Model model_of(std::string_view text, std::int32_t specification_version) {
  Result<Program> program = parse_text(text);
  EXPECT_TRUE(program) << program.error().to_string();
  Model model;
  model.program = std::move(*program);
  model.specification_version = specification_version;
  const Result<void> described = describe_functions(model);
  EXPECT_TRUE(described) << described.error().to_string();
  return model;
}

json metadata_of(const Model& model, std::string_view name = "model") {
  return json::parse(format_bundle_metadata(model, name)).at(0);
}

TEST(BundleMetadata, EqualsWhatApplesCompilerWrote) {
  OPENANE_NEED_CORPUS(root);
  std::size_t compared = 0;
  for (const fs::path& file : test::find_all(*root / "coreml", "metadata.json")) {
    const fs::path bundle = file.parent_path();
    const Bytes text = *read_file(file.string());
    const json real = json::parse(text.data(), text.data() + text.size());
    // The package a bundle was compiled from, where there is one, else the bundle itself.
    const fs::path package = fs::path(bundle).replace_extension(".mlpackage");
    const Result<Model> model = read_model((fs::exists(package) ? package : bundle).string());
    ASSERT_TRUE(model) << bundle;
    EXPECT_EQ(json::parse(format_bundle_metadata(*model, bundle.stem().string())), real) << bundle;
    ++compared;
  }
  EXPECT_EQ(compared, 11U);
}

/// DuoduoChubbyKitty/AuroraDrive:models/exp_exec_t_mac13_fp16.mlmodelc, ..._mac14_..., ..._mac15_...@c3eddf480af4: one
/// network compiled for three op sets.
TEST(BundleMetadata, OperationsAreNamedAfterTheOpSetThatChangedThem) {
  constexpr std::string_view kText =
      "program(1.0)\n{\n    func main<%>(tensor<fp16, [1, 4]> x) {\n"
      "            tensor<int32, [1]> axes = const()[val = tensor<int32, [1]>([1])];\n"
      "            tensor<bool, []> keep = const()[val = tensor<bool, []>(true)];\n"
      "            tensor<int32, [2]> reps = const()[val = tensor<int32, [2]>([1, 1])];\n"
      "            tensor<int32, [2]> perm = const()[val = tensor<int32, [2]>([0, 1])];\n"
      "            tensor<fp16, [1, 4]> a = add(x = x, y = x);\n"
      "            tensor<fp16, [1, 4]> b = relu(x = a);\n"
      "            tensor<fp16, [1, 1]> c = reduce_sum(axes = axes, keep_dims = keep, x = b);\n"
      "            tensor<fp16, [1, 1]> d = tile(reps = reps, x = c);\n"
      "            tensor<fp16, [1, 1]> y = transpose(perm = perm, x = d);\n        } -> (y);\n}";
  const auto histogram = [&](std::string_view opset, std::int32_t version) {
    std::string text(kText);
    text.replace(text.find('%'), 1, opset);
    return metadata_of(model_of(text, version)).at("mlProgramOperationTypeHistogram");
  };
  EXPECT_EQ(histogram("ios15", 6), json({{"Add", 1}, {"Relu", 1}, {"ReduceSum", 1}, {"Tile", 1}, {"Transpose", 1}}));
  EXPECT_EQ(histogram("ios16", 7),
            json({{"Ios16.add", 1}, {"Ios16.relu", 1}, {"Ios16.reduceSum", 1}, {"Tile", 1}, {"Transpose", 1}}));
  EXPECT_EQ(histogram("ios17", 8),
            json({{"Ios17.add", 1}, {"Ios16.relu", 1}, {"Ios16.reduceSum", 1}, {"Tile", 1}, {"Ios17.transpose", 1}}));
  EXPECT_EQ(histogram("ios18", 9),
            json({{"Ios18.add", 1}, {"Ios18.relu", 1}, {"Ios16.reduceSum", 1}, {"Tile", 1}, {"Ios18.transpose", 1}}));
}

/// DuoduoChubbyKitty/AuroraDrive: models/world_model, models/ppocrv6_tiny_ft_int8 and models/exp_exec_t_mac13_pal6
/// (.mlmodelc/metadata.json@076c59205b09, 600874beb283, c70141e372e2).
TEST(BundleMetadata, PrecisionsAreNamedAsApples) {
  const std::string blob = "(BLOBFILE(path = string(\"@model_path/w.bin\"), offset = uint64(64)))";
  const auto storage = [&](std::string_view opset, const std::string& constant) {
    const Model model = model_of(
        std::string("program(1.3)\n{\n    func main<") + std::string(opset) + ">(tensor<fp16, [2, 64]> x) {\n" +
            "tensor<fp16, [64]> bias = const()[val = tensor<fp16, [64]>" + blob + "];\n" + constant +
            "tensor<fp16, [2, 64]> y = linear(x = x, weight = w, bias = bias);\n        } -> (y);\n}",
        9);
    return metadata_of(model).value("storagePrecision", "");
  };
  EXPECT_EQ(storage("ios18", "tensor<fp16, [64, 64]> w = constexpr_lut_to_dense(indices = tensor<uint8, [64, 64]>" +
                                 blob + ", lut = tensor<fp16, [1, 1, 256, 1]>" + blob + ");\n"),
            "Mixed (Float16, Palettized (8 bits), UInt8)");
  EXPECT_EQ(
      storage("ios18", "tensor<fp16, [64, 64]> w = constexpr_blockwise_shift_scale(data = tensor<int8, [64, 64]>" +
                           blob + ", scale = tensor<fp16, [64, 1]>" + blob + ");\n"),
      "Mixed (Float16, Int8)");
  EXPECT_EQ(
      storage("ios16", "tensor<fp16, [64, 64]> w = constexpr_lut_to_dense()[indices = tensor<uint8, [3072]>" + blob +
                           ", lut = tensor<fp16, [64]>" + blob + ", shape = tensor<uint32, [2]>([64, 64])];\n"),
      "Mixed (Float16, Palettized (6 bits))");
  // Whether a scale of a type that nothing else is stored in would be named, no file shows.
  EXPECT_EQ(
      storage("ios18", "tensor<fp32, [64, 64]> w = constexpr_blockwise_shift_scale(data = tensor<int8, [64, 64]>" +
                           blob + ", scale = tensor<fp32, [64, 1]>" + blob + ");\n"),
      "");
}

TEST(BundleMetadata, WhatNoFileShowsIsLeftOut) {
  // erf is in no real file of ios18; ios26 has no release in any.
  const Model model = model_of(
      "program(1.3)\n{\n    func main<ios18>(tensor<fp16, [4]> x) {\n"
      "            tensor<fp16, [4]> y = erf(x = x);\n        } -> (y);\n}",
      10);
  const json metadata = metadata_of(model, "a b");
  EXPECT_FALSE(metadata.contains("mlProgramOperationTypeHistogram"));
  EXPECT_FALSE(metadata.contains("availability"));
  EXPECT_FALSE(metadata.contains("generatedClassName"));
  EXPECT_FALSE(metadata.contains("storagePrecision"));
  EXPECT_EQ(metadata.at("computePrecision"), "Float16");
  EXPECT_EQ(metadata_of(model, "a-b.c")["generatedClassName"], "a_b_c");
}

/// DuoduoChubbyKitty/AuroraDrive:models/speed_digit_cnn.mlmodelc/metadata.json@251356a5a86d.
TEST(BundleMetadata, ClassifiersAreDescribedAsApplesAre) {
  const Model model = model_of(
      "program(1.0)\n{\n    func main<ios15>(tensor<fp32, [1, 1, 45, 25]> image) {\n"
      "            tensor<int32, [2]> shape = const()[val = tensor<int32, [2]>([1, 1125])];\n"
      "            list<tensor<int64, []>, 3> classes = const()[val = list<tensor<int64, []>, 3>([0, 1, 2])];\n"
      "            tensor<fp32, [1, 1125]> flat = reshape(shape = shape, x = image);\n"
      "            tensor<int32, [2]> begin = const()[val = tensor<int32, [2]>([0, 0])];\n"
      "            tensor<int32, [2]> size = const()[val = tensor<int32, [2]>([1, 3])];\n"
      "            tensor<fp32, [1, 3]> scores = slice_by_size(begin = begin, size = size, x = flat);\n"
      "            tensor<int64, []> classLabel, dict<tensor<int64, []>, tensor<fp64, []>> classLabel_probs = "
      "classify(classes = classes, probabilities = scores);\n"
      "        } -> (classLabel, classLabel_probs);\n}",
      6);
  const json metadata = metadata_of(model);
  EXPECT_EQ(metadata.at("classLabels"), json({0, 1, 2}));
  EXPECT_EQ(metadata.at("mlProgramOperationTypeHistogram"), json({{"Reshape", 1}, {"SliceBySize", 1}}));
  const json label = {{"isOptional", "0"},
                      {"formattedType", "Int64"},
                      {"type", "Int64"},
                      {"name", "classLabel"},
                      {"shortDescription", ""}};
  const json probabilities = {
      {"isOptional", "0"},    {"keyType", "Int64"},         {"formattedType", "Dictionary (Int64 \u2192 Double)"},
      {"type", "Dictionary"}, {"name", "classLabel_probs"}, {"shortDescription", ""}};
  EXPECT_EQ(metadata.at("outputSchema"), json::array({label, probabilities}));
}

/// Apple's text of that bundle ends in `} -> (var_80);` (models/speed_digit_cnn.mlmodelc/model.mil@251356a5a86d): the
/// `classify` is gone, and its labels are in metadata.json.
TEST(BundleMetadata, ClassifyComesBackIntoAClassifier) {
  constexpr std::string_view kBody =
      "program(1.0)\n{\n    func main<ios15>(tensor<fp32, [1, 3]> x) {\n"
      "            tensor<fp32, [1, 3]> var_80 = relu(x = x);\n";
  const auto taken_out = [&] {
    Model model = model_of(std::string(kBody) + "        } -> (var_80);\n}", 6);
    model.description.predicted_feature = "label";
    model.description.predicted_probabilities = "chances";
    return model;
  };
  const auto restore = [](Model& model, std::string_view text) {
    return restore_classify(model, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  };
  Model model = taken_out();
  EXPECT_TRUE(restore(model, R"([{"classLabels": ["a", "b", "c"]}])"));
  const Model whole = model_of(std::string(kBody) +
                                   "            tensor<string, []> label, dict<tensor<string, []>, tensor<fp64, []>> "
                                   "chances = classify(classes = "
                                   "list<tensor<string, []>, 3>([\"a\", \"b\", \"c\"]), probabilities = var_80);\n"
                                   "        } -> (label, chances);\n}",
                               6);
  EXPECT_EQ(print_text(model.program), print_text(whole.program));
  EXPECT_TRUE(restore(model, "")) << "it is there";

  for (const std::string_view text :
       {"", "{", "[]", "[1]", "[{}]", R"([{"classLabels": 3}])", R"([{"classLabels": []}])",
        R"([{"classLabels": [0, 1]}])", R"([{"classLabels": [0, 1, "c"]}])", R"([{"classLabels": [0.5, 1, 2]}])",
        R"([{"classLabels": [[], 1, 2]}])"}) {
    Model without = taken_out();
    EXPECT_FALSE(restore(without, text)) << text;
    EXPECT_TRUE(without.program == taken_out().program) << text;
  }
  Model numbered = taken_out();
  EXPECT_TRUE(restore(numbered, R"([{"classLabels": [7, 8, 9]}])"));
  EXPECT_NE(print_text(numbered.program).find("list<tensor<int64, []>, 3>([7, 8, 9])"), std::string::npos);
}

/// DuoduoChubbyKitty/AuroraDrive:models/yolo26s.mlmodelc/metadata.json@251356a5a86d.
TEST(BundleMetadata, ImagesAreDescribedAsApplesAre) {
  Model model = model_of(
      "program(1.0)\n{\n    func main<ios16>(tensor<fp32, [1, 3, 640, 640]> image) {\n"
      "            tensor<fp32, [1, 3, 640, 640]> y = relu(x = image);\n        } -> (y);\n}",
      7);
  Feature& image = model.description.inputs.front();
  image.kind = FeatureKind::image;
  image.image = {.width = 640, .height = 640, .color_space = ColorSpace::rgb, .enumerated_sizes = {}, .size_range = {}};
  const json expected = {{"height", "640"},
                         {"colorspace", "RGB"},
                         {"isOptional", "0"},
                         {"width", "640"},
                         {"isColor", "1"},
                         {"formattedType", "Image (Color 640 \u00d7 640)"},
                         {"hasSizeFlexibility", "0"},
                         {"type", "Image"},
                         {"shortDescription", ""},
                         {"name", "image"}};
  EXPECT_EQ(metadata_of(model).at("inputSchema"), json::array({expected}));
}

/// Names come out of files: bytes that are no text do not break the writer.
TEST(BundleMetadata, BytesThatAreNoTextAreReplaced) {
  Model model = model_of(
      "program(1.0)\n{\n    func main<ios15>(tensor<fp16, [1]> x) {\n"
      "            tensor<fp16, [1]> y = relu(x = x);\n        } -> (y);\n}",
      6);
  model.description.metadata.author = "\xff\xfe";
  EXPECT_EQ(metadata_of(model).at("author"), "\xEF\xBF\xBD\xEF\xBF\xBD");
}

}  // namespace
}  // namespace openane::mil
