// ML Programs in their containers, against Apple's compiler (pairs of package and bundle), coremltools' files and the
// corpus manifest.
#include "openane/mil_model.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <toml++/toml.h>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "mil/coremldata.h"
#include "mil/corpus.h"
#include "mil/package_path.h"
#include "openane/mil_protobuf.h"
#include "openane/mil_text.h"

namespace openane::mil {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  const Result<Bytes> bytes = read_file(path.string());
  EXPECT_TRUE(bytes) << path;
  return bytes ? std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()) : std::string();
}

Model read_or_fail(const fs::path& path) {
  Result<Model> model = read_model(path.string());
  EXPECT_TRUE(model) << model.error().to_string();
  return model ? *std::move(model) : Model{};
}

/// A directory of its own for one test, removed at its end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (fs::temp_directory_path() / "openane-mil-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  [[nodiscard]] fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

std::vector<fs::path> packages(const fs::path& root) { return test::find_all(root / "coreml", ".mlpackage"); }

TEST(MilModel, PackagesGiveTheTextOfAppleCompilerByteForByte) {
  OPENANE_NEED_CORPUS(root);
  std::size_t pairs = 0;
  for (const fs::path& package : test::find_all(*root / "coreml" / "silero-vad", ".mlpackage")) {
    const fs::path bundle = fs::path(package).replace_extension(".mlmodelc");
    if (!fs::exists(bundle)) {
      continue;
    }
    ++pairs;
    const std::string expected = read(bundle / "model.mil");
    Model model = read_or_fail(package);
    // The header names the compiler; it is given, the rest is not.
    model.program.attributes = parse_text(expected)->attributes;
    EXPECT_TRUE(print_text(model.program) == expected) << package;
    const Model compiled = read_or_fail(bundle);
    EXPECT_TRUE(compiled.program == model.program) << package;
    EXPECT_TRUE(compiled.description == model.description) << package;
    EXPECT_EQ(compiled.specification_version, model.specification_version);
    EXPECT_TRUE(compiled.weights.find(kWeightPath)->bytes() == model.weights.find(kWeightPath)->bytes()) << package;
  }
  EXPECT_EQ(pairs, 10U);
}

TEST(MilModel, SyntheticPackagesGiveTheSpelledTexts) {
  OPENANE_NEED_CORPUS(root);
  std::size_t pairs = 0;
  for (const fs::path& text : test::find_all(*root / "mil" / "spelled", "model.mil")) {
    const std::string name = text.parent_path().filename().string();
    Model model = read_or_fail(*root / "coreml" / "synthetic" / (name + ".mlpackage"));
    const std::string expected = read(text);
    model.program.attributes = parse_text(expected)->attributes;
    EXPECT_TRUE(print_text(model.program) == expected) << name;
    ++pairs;
  }
  EXPECT_EQ(pairs, 22U);
}

void count_block(const Function& function, const Block& block, std::map<std::string, std::int64_t>& ops) {
  for (const OperationId id : block.operations) {
    ++ops[function[id].type];
    for (const BlockId nested : function[id].blocks) {
      count_block(function, function[nested], ops);
    }
  }
}

/// "x: multiArray FLOAT32 [1, 576]", as the corpus manifest writes features.
std::string describe(const Feature& feature) {
  std::string out = feature.name + ": ";
  if (feature.kind == FeatureKind::array) {
    const std::map<DataType, std::string> names = {{DataType::fp32, "FLOAT32"},
                                                   {DataType::fp16, "FLOAT16"},
                                                   {DataType::fp64, "DOUBLE"},
                                                   {DataType::int32, "INT32"}};
    out += "multiArray " + names.at(feature.array.type) + " [";
    for (std::size_t i = 0; i < feature.array.shape.size(); ++i) {
      out += (i == 0 ? "" : ", ") + std::to_string(feature.array.shape[i]);
    }
    out += "]";
    out += feature.array.shape_range.empty() ? "" : " shapeRange";
    out += feature.array.enumerated_shapes.empty() ? "" : " enumeratedShapes";
  }
  return out;
}

TEST(MilModel, EveryModelOfTheCorpusIsWhatTheManifestSays) {
  OPENANE_NEED_CORPUS(root);
  const toml::table manifest = toml::parse_file((*root / "coreml" / "manifest.toml").string());
  std::size_t programs = 0;
  std::size_t others = 0;
  for (const auto& node : *manifest["model"].as_array()) {
    const toml::table& row = *node.as_table();
    const fs::path path = *root / "coreml" / *row["path"].value<std::string>();
    const std::string kind = row["kind"].value_or(std::string());
    if (kind != "mlProgram") {
      if (row["container"].value<std::string>() == "mlmodel") {
        const Result<ModelMessage> message = read_model_message(path.string());
        ASSERT_TRUE(message) << path;
        EXPECT_EQ(model_kind_name(message->kind), kind) << path;
        EXPECT_TRUE(message->losses.empty()) << path << message->losses.at(0);
        EXPECT_EQ(read_model(path.string()).error().category, ErrorCategory::unsupported);
        ++others;
      }
      continue;
    }
    ++programs;
    const Model model = read_or_fail(path);
    EXPECT_TRUE(model.losses.empty()) << path << ": " << model.losses.at(0);
    EXPECT_EQ(model.specification_version, row["spec"].value<std::int32_t>()) << path;
    std::map<std::string, std::int64_t> ops;
    for (const Function& function : model.program.functions) {
      count_block(function, function.body(), ops);
    }
    std::map<std::string, std::int64_t> expected;
    for (const auto& [name, count] : *row["ops"].as_table()) {
      expected[std::string(name.str())] = *count.value<std::int64_t>();
    }
    EXPECT_EQ(ops, expected) << path;
    const toml::array* inputs = row["inputs"].as_array();
    for (std::size_t i = 0; inputs != nullptr && i < inputs->size() && i < model.description.inputs.size(); ++i) {
      const std::string declared = *(*inputs)[i].value<std::string>();
      if (declared.find("multiArray") != std::string::npos && declared.find("enumerated") == std::string::npos) {
        EXPECT_TRUE(describe(model.description.inputs[i]).starts_with(declared))
            << path << declared << describe(model.description.inputs[i]);
      }
    }
  }
  EXPECT_EQ(programs, 66U);
  EXPECT_GE(others, 8U);
}

TEST(MilModel, EveryPackageIsWrittenBackWithNothingLost) {
  OPENANE_NEED_CORPUS(root);
  const TemporaryDirectory temporary;
  for (const fs::path& package : packages(*root)) {
    const Result<ModelMessage> message = read_model_message(package.string());
    ASSERT_TRUE(message) << package;
    std::vector<std::string> losses;
    const Result<Program> program = parse_program_message(message->payload, &losses);
    ASSERT_TRUE(program) << package << program.error().to_string();
    EXPECT_TRUE(losses.empty()) << package << losses.at(0);
    const Result<std::vector<std::uint8_t>> written = format_program_message(*program);
    ASSERT_TRUE(written) << package;
    // Map entries may stand in another order; their bytes may not be more or fewer.
    EXPECT_EQ(written->size(), message->payload.size()) << package;
    EXPECT_TRUE(*parse_program_message(Bytes(*written)) == *program) << package;
    EXPECT_EQ(format_model_message(*message).size(),
              read_file((package / "Data/com.apple.CoreML/model.mlmodel").string())->size())
        << package;

    const Model model = read_or_fail(package);
    const std::string copy = (temporary / package.filename().string()).string();
    ASSERT_TRUE(write_package(model, copy)) << package;
    const Model again = read_or_fail(copy);
    EXPECT_TRUE(again.program == model.program && again.description == model.description) << package;
    ASSERT_TRUE(write_package(again, copy)) << "an existing package is replaced";
  }
}

TEST(MilModel, TextKeepsEverythingThePackageSays) {
  OPENANE_NEED_CORPUS(root);
  for (const fs::path& package : packages(*root)) {
    const Model model = read_or_fail(package);
    EXPECT_TRUE(text_losses(model.program).empty()) << package;
    const Result<Program> parsed = parse_text(print_text(model.program));
    ASSERT_TRUE(parsed) << package << parsed.error().to_string();
    EXPECT_TRUE(*parsed == model.program) << package;
  }
}

/// Weight files hold the same records in the same places when the program is laid out anew from its constants alone.
TEST(MilModel, StoredConstantsGiveTheWeightFileOfTheConverter) {
  OPENANE_NEED_CORPUS(root);
  std::size_t same = 0;
  std::vector<std::string> different;
  for (const fs::path& package : packages(*root)) {
    Model model = read_or_fail(package);
    const WeightFile* file = model.weights.find(kWeightPath);
    if (file == nullptr) {
      continue;
    }
    const Bytes expected = file->bytes();
    const std::size_t records = file->records()->size();
    const Program program = model.program;
    ASSERT_TRUE(load_constants(model)) << package;
    EXPECT_TRUE(model.weights.files().empty());
    const Result<void> stored = store_constants(model);
    ASSERT_TRUE(stored) << package << stored.error().to_string();
    const WeightFile* written = model.weights.find(kWeightPath);
    EXPECT_EQ(written->records()->size(), records) << package;
    const bool equal = written->bytes() == expected && model.program == program;
    same += equal ? 1 : 0;
    if (!equal) {
      different.push_back(package.stem().string());
    }
  }
  // These two leave memory contents in unused words (weights_test.cpp).
  EXPECT_EQ(different, (std::vector<std::string>{"nmp", "DTLN_AEC_128_Part1"}));
  EXPECT_GT(same, 40U);
}

TEST(MilModel, CompiledBundlesCarryTheirBinaryFiles) {
  OPENANE_NEED_CORPUS(root);
  const TemporaryDirectory temporary;
  for (const fs::path& package : test::find_all(*root / "coreml" / "silero-vad", ".mlpackage")) {
    const fs::path bundle = fs::path(package).replace_extension(".mlmodelc");
    if (!fs::exists(bundle)) {
      continue;
    }
    const Bytes mlmodel = *read_file((package / "Data/com.apple.CoreML/model.mlmodel").string());
    const std::vector<std::uint8_t> analytics = format_analytics(mlmodel.span(), "model");
    EXPECT_TRUE(Bytes(analytics) == *read_file((bundle / "analytics/coremldata.bin").string())) << bundle;
    const Bytes real = *read_file((bundle / "coremldata.bin").string());
    const Result<CoreMlData> data = parse_coremldata(real);
    ASSERT_TRUE(data) << bundle;
    const std::vector<std::uint8_t> written = format_coremldata(*data);
    EXPECT_EQ(written.size(), real.size()) << bundle;  // the order of metadata entries is free
    EXPECT_TRUE(std::equal(written.begin(), written.begin() + 0x53, real.data())) << bundle;
    EXPECT_TRUE(parse_coremldata(Bytes(written))->description == data->description) << bundle;

    // From the very package: the bundle names it, as Apple's does; a changed model has another name.
    const std::string compiled = (temporary / "compiled.mlmodelc").string();
    Model source = read_or_fail(package);
    ASSERT_TRUE(write_compiled_bundle(source, compiled));
    EXPECT_EQ(read(fs::path(compiled) / "analytics/coremldata.bin"), read(bundle / "analytics/coremldata.bin"));
    source.description.metadata.author += "!";
    ASSERT_TRUE(write_compiled_bundle(source, compiled));
    EXPECT_NE(read(fs::path(compiled) / "analytics/coremldata.bin"), read(bundle / "analytics/coremldata.bin"));

    const std::string copy = (temporary / bundle.filename().string()).string();
    const Model model = read_or_fail(bundle);
    ASSERT_TRUE(write_compiled_bundle(model, copy));
    EXPECT_EQ(read(fs::path(copy) / "model.mil"), read(bundle / "model.mil"));
    EXPECT_EQ(read(fs::path(copy) / "weights/weight.bin"), read(bundle / "weights/weight.bin"));
    EXPECT_EQ(nlohmann::json::parse(read(fs::path(copy) / "metadata.json")),
              nlohmann::json::parse(read(bundle / "metadata.json")));
    const Model again = read_or_fail(copy);
    EXPECT_TRUE(again.program == model.program && again.description == model.description);
  }
}

void write(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  ASSERT_TRUE(write_file(path.string(), text)) << path;
}

/// Apple's in-memory path refuses texts without one (facts/mil.md, section 4).
TEST(MilModel, TextsForApplesCompilersHaveABuildInfo) {
  constexpr std::string_view kBody =
      "{\n    func main<%>(tensor<fp16, [2]> x) {\n"
      "            tensor<fp16, [2]> y = relu(x = x);\n        } -> (y);\n}";
  const TemporaryDirectory temporary;
  for (const auto& [head, opset, info] :
       {std::array<std::string, 3>{"program(1.0)\n", "ios16",
                                   "[buildInfo = dict<tensor<string, []>, tensor<string, []>>({})]\n"},
        std::array<std::string, 3>{"program(1.3)\n", "ios18", "[buildInfo = dict<string, string>({})]\n"}}) {
    std::string body(kBody);
    body.replace(body.find('%'), 1, opset);
    const Result<Program> program = parse_text(head + body);
    ASSERT_TRUE(program);
    EXPECT_EQ(print_model_text(*program), head + info + body);
    const Result<Program> with = parse_text(head + info + body);
    ASSERT_TRUE(with);
    EXPECT_EQ(print_model_text(*with), head + info + body);
    // What was added goes again: a package is the same after a way through text.
    write(temporary / "model.mil", head + info + body);
    EXPECT_TRUE(read_or_fail(temporary / "model.mil").program == *program);
  }
}

std::vector<std::string> input_names(const Model& model) {
  std::vector<std::string> names;
  for (const Function& function : model.program.functions) {
    for (const VariableId input : function.body().inputs) {
      names.push_back(function.name + "/" + function[input].name);
    }
  }
  return names;
}

/// The text of a bundle gives inputs by name; its description knows the order a package had.
TEST(MilModel, CompiledBundlesKeepTheOrderOfInputs) {
  OPENANE_NEED_CORPUS(root);
  const TemporaryDirectory temporary;
  std::size_t unsorted = 0;
  for (const fs::path& package : packages(*root)) {
    const Model model = read_or_fail(package);
    const std::string bundle = (temporary / package.stem().string()).string() + ".mlmodelc";
    ASSERT_TRUE(write_compiled_bundle(model, bundle)) << package;
    const std::vector<std::string> names = input_names(model);
    EXPECT_EQ(input_names(read_or_fail(bundle)), names) << package;
    unsorted += std::ranges::is_sorted(names) ? 0 : 1;
  }
  EXPECT_GT(unsorted, 10U);
}

constexpr std::string_view kSmallText =
    "program(1.0)\n{\n    func main<ios15>(tensor<fp16, [2]> x) {\n"
    "            tensor<fp16, [2]> w = const()[val = tensor<fp16, [2]>(BLOBFILE(path = string(\"%\"), offset = "
    "uint64(64)))];\n"
    "            tensor<fp16, [2]> y = add(x = x, y = w);\n        } -> (y);\n}";

TEST(MilModel, PathsThatLeaveTheModelAreRefused) {
  const TemporaryDirectory temporary;
  write(temporary / "secret", std::string(64, 'x'));
  const auto error_for = [&](std::string_view weight_path) {
    std::string text(kSmallText);
    text.replace(text.find('%'), 1, weight_path);
    write(temporary / "model" / "model.mil", text);
    const Result<Model> model = read_model((temporary / "model").string());
    return model ? std::string("read") : model.error().message;
  };
  EXPECT_EQ(error_for("@model_path/../secret"), "the path '../secret' leaves the directory of the model");
  EXPECT_EQ(error_for("@model_path/a/../../secret"), "the path 'a/../../secret' leaves the directory of the model");
  EXPECT_EQ(error_for("@model_path//etc/passwd"), "the path '/etc/passwd' leaves the directory of the model");
  fs::create_symlink("../secret", temporary / "model" / "link");
  EXPECT_EQ(error_for("@model_path/link"), "the path 'link' leaves the directory of the model");
  EXPECT_EQ(error_for("@model_path/weights.bin"), "read");  // not there: told when the constant is asked for
  EXPECT_TRUE(path_inside(".", "", "no_such_file_here"));   // of a text in the working directory, too
  EXPECT_FALSE(path_inside(".", "", "../no_such_file_here"));
  EXPECT_EQ(error_for("/etc/passwd"), "read");  // not below the model: never opened
  EXPECT_TRUE(read_model((temporary / "model").string())->weights.files().empty());
}

TEST(MilModel, ManifestsThatLieAreRefused) {
  const TemporaryDirectory temporary;
  write(temporary / "outside.mlmodel", "\x08\x06");
  const auto error_for = [&](std::string_view manifest) {
    write(temporary / "p.mlpackage" / "Manifest.json", manifest);
    const Result<Model> model = read_model((temporary / "p.mlpackage").string());
    return model ? std::string("read") : model.error().message;
  };
  const auto with_path = [](std::string_view path) {
    return nlohmann::json{{"rootModelIdentifier", "A"}, {"itemInfoEntries", {{"A", {{"path", path}}}}}}.dump();
  };
  EXPECT_EQ(error_for("{"), "expected an object with 'rootModelIdentifier' and 'itemInfoEntries'");
  EXPECT_EQ(error_for("[]"), "expected an object with 'rootModelIdentifier' and 'itemInfoEntries'");
  EXPECT_EQ(error_for(R"({"rootModelIdentifier": "A", "itemInfoEntries": {}})"),
            "no item 'A', which rootModelIdentifier names");
  EXPECT_EQ(error_for(with_path("../../outside.mlmodel")),
            "the path '../../outside.mlmodel' leaves the directory of the model");
  EXPECT_EQ(error_for(with_path("/etc/passwd")), "the path '/etc/passwd' leaves the directory of the model");
  EXPECT_EQ(error_for(with_path("")), "the path '' leaves the directory of the model");
  EXPECT_EQ(error_for(std::string(100000, '[')), "expected an object with 'rootModelIdentifier' and 'itemInfoEntries'");
}

std::string parse_error(std::vector<std::uint8_t> payload) {
  const Result<Program> program = parse_program_message(Bytes(std::move(payload)));
  return program ? std::string() : program.error().to_string();
}

TEST(MilModel, ProtobufBombsAreBounded) {
  // A million levels: each is a length-delimited field 3 of a Value inside an ImmediateValue inside ...
  std::vector<std::uint8_t> deep;
  for (int level = 0; level < 300; ++level) {
    std::vector<std::uint8_t> outer = {
        static_cast<std::uint8_t>(level % 3 == 0 ? 0x0a : (level % 3 == 1 ? 0x1a : 0x1a))};
    std::uint64_t size = deep.size();
    for (; size >= 0x80; size >>= 7) {
      outer.push_back(static_cast<std::uint8_t>(size | 0x80));
    }
    outer.push_back(static_cast<std::uint8_t>(size));
    outer.insert(outer.end(), deep.begin(), deep.end());
    deep = std::move(outer);
  }
  std::vector<std::uint8_t> attribute = {0x12};  // value of a map entry
  std::uint64_t size = deep.size();
  for (; size >= 0x80; size >>= 7) {
    attribute.push_back(static_cast<std::uint8_t>(size | 0x80));
  }
  attribute.push_back(static_cast<std::uint8_t>(size));
  attribute.insert(attribute.end(), deep.begin(), deep.end());
  std::vector<std::uint8_t> program = {0x08, 0x01, 0x22};
  size = attribute.size();
  for (; size >= 0x80; size >>= 7) {
    program.push_back(static_cast<std::uint8_t>(size | 0x80));
  }
  program.push_back(static_cast<std::uint8_t>(size));
  program.insert(program.end(), attribute.begin(), attribute.end());
  EXPECT_NE(parse_error(program).find("messages nest deeper than 100"), std::string::npos) << parse_error(program);

  // Forty megabytes of empty functions, two bytes each.
  std::vector<std::uint8_t> many(40'000'000);
  for (std::size_t i = 0; i < many.size(); i += 2) {
    many[i] = 0x12;
  }
  EXPECT_NE(parse_error(std::move(many)).find("more than 16000000 messages"), std::string::npos);
  EXPECT_NE(parse_error({0x12, 0xff, 0xff, 0xff, 0xff, 0x07}).find("a field of Program is longer than the message"),
            std::string::npos);
  EXPECT_NE(parse_error({0x08, 0x02}).find("an ML Program of version 2, expected 1"), std::string::npos);
}

TEST(MilModel, UnknownFieldsAreReported) {
  std::vector<std::string> losses;
  const Result<Program> program =
      parse_program_message(Bytes(std::vector<std::uint8_t>{0x08, 0x01, 0x78, 0x05}), &losses);
  ASSERT_TRUE(program);
  EXPECT_EQ(losses, std::vector<std::string>{"Program: field 15 is not known and was dropped"});
}

TEST(MilModel, ProgramsTooDeepForReadersAreNotWritten) {
  Program program;
  Function& function = program.functions.emplace_back();
  BlockId block = function.body_id();
  const VariableId input = function.add_input(block, "p", Type::scalar(DataType::boolean));
  for (int depth = 0; depth < 60; ++depth) {
    Operation operation;
    operation.type = "cond";
    operation.set_argument("pred", {input});
    operation.blocks = {function.add_block()};
    const BlockId nested = operation.blocks.front();
    function.append(block, std::move(operation));
    block = nested;
    const Result<std::vector<std::uint8_t>> written = format_program_message(program);
    // Messages from the Model that holds the program down to a Binding of the innermost operation: 10 + 2 * depth.
    ASSERT_EQ(written.has_value(), depth <= 45) << depth;
    if (written) {
      const Result<Program> again = parse_program_message(Bytes(*written));
      ASSERT_TRUE(again) << depth << again.error().to_string();
      EXPECT_TRUE(*again == program) << depth;
    } else {
      EXPECT_EQ(written.error().category, ErrorCategory::unsupported);
    }
  }
}

TEST(MilModel, RandomByteEditsOfRealModels) {
  OPENANE_NEED_CORPUS(root);
  std::mt19937 random(21);
  for (const char* name : {"kvcache_state_ios18", "control_flow_ios15", "classifier_ios15", "mlp_ios18_lut4_int8lut"}) {
    const Bytes good = *read_file(
        (*root / "coreml/synthetic" / (std::string(name) + ".mlpackage") / "Data/com.apple.CoreML/model.mlmodel")
            .string());
    for (int round = 0; round < 3000; ++round) {
      std::vector<std::uint8_t> edited(good.data(), good.data() + good.size());
      for (int i = 0; i < 3; ++i) {
        edited[random() % edited.size()] = static_cast<std::uint8_t>(random());
      }
      if (random() % 4 == 0) {
        edited.resize(random() % edited.size());
      }
      const Result<ModelMessage> message = parse_model_message(Bytes(edited));
      if (!message) {
        continue;
      }
      const Result<Program> program = parse_program_message(message->payload);
      if (program) {
        const Result<std::vector<std::uint8_t>> written = format_program_message(*program);
        ASSERT_TRUE(written) << name << " round " << round;
        ASSERT_TRUE(*parse_program_message(Bytes(*written)) == *program) << name << " round " << round;
        const Result<Program> parsed = parse_text(print_text(*program));
        ASSERT_TRUE(parsed) << name << " round " << round << parsed.error().to_string();
        ASSERT_TRUE(!text_losses(*program).empty() || *parsed == *program) << name << " round " << round;
      }
    }
  }
}

}  // namespace
}  // namespace openane::mil
