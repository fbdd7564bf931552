// Models on the command line: what `info` says beside the corpus manifest, and conversions there and back.
#include <gtest/gtest.h>

#include <toml++/toml.h>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/tool.h"

namespace openane::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

#define OPENANE_SKIP_WITHOUT_CORPUS()                                            \
  if (corpus().empty()) {                                                        \
    GTEST_SKIP() << "OPENANE_CORPUS is not set: no real models to test against"; \
  }

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

constexpr const char* kText = R"(program(1.0)
{
    func main<ios16>(tensor<fp16, [1, 4]> x) {
            tensor<fp16, [2, 4]> w = const()[name = tensor<string, []>("w"), val = tensor<fp16, [2, 4]>([[0x1p+0, 0x1p+0, 0x1p+0, 0x1p+0], [0x1p+1, 0x1p+1, 0x1p+1, 0x1p+1]])];
            tensor<fp16, [1, 2]> y = linear(weight = w, x = x)[name = tensor<string, []>("y")];
        } -> (y);
})";

TEST(ModelInfo, OperationsAndPortsAreThoseOfTheManifest) {
  OPENANE_SKIP_WITHOUT_CORPUS();
  const toml::table manifest = toml::parse_file(corpus() + "/coreml/manifest.toml");
  std::size_t programs = 0;
  std::size_t others = 0;
  for (const auto& node : *manifest["model"].as_array()) {
    const toml::table& row = *node.as_table();
    const std::string path = corpus() + "/coreml/" + row["path"].value_or(std::string());
    SCOPED_TRACE(path);
    const Outcome outcome = run_ane({"info", path, "--json"});
    ASSERT_EQ(outcome.err, "");
    const json info = json::parse(outcome.out);
    // One has come without its weights.
    EXPECT_EQ(outcome.exit, has(outcome.out, "no weight file") ? 1 : 0);
    EXPECT_EQ(info["kind"], row["kind"].value_or(std::string()));
    EXPECT_EQ(info["specification_version"], row["spec"].value_or(0));
    if (info["kind"] != "mlProgram") {
      ++others;
      continue;
    }
    ++programs;
    std::map<std::string, std::int64_t> expected;
    std::map<std::string, std::int64_t> found;
    for (const auto& [name, count] : *row["ops"].as_table()) {
      expected[std::string(name.str())] = count.value_or(std::int64_t{0});
    }
    for (const json& function : info["functions"]) {
      for (const auto& [name, count] : function["operations"].items()) {
        found[name] += count.get<std::int64_t>();
      }
    }
    EXPECT_EQ(found, expected);
  }
  EXPECT_EQ(programs, 66U);
  EXPECT_GE(others, 8U);
}

TEST(ModelInfo, TextForAPerson) {
  const TemporaryFolder folder;
  write_text(folder.path("m.mil"), kText);
  const Outcome outcome = run_ane({"info", folder.path("m.mil")});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_TRUE(has(outcome.out, "ML Program, specification version 7")) << outcome.out;
  EXPECT_TRUE(has(outcome.out, "arithmetic: 8 multiply-adds, 0 element operations")) << outcome.out;
  EXPECT_TRUE(has(outcome.out, "parameters: 8\n")) << outcome.out;
  EXPECT_TRUE(has(outcome.out, "activations: 12 bytes at most, at y")) << outcome.out;
}

TEST(ModelInfo, MistakesInATextHaveTheirPlace) {
  const TemporaryFolder folder;
  std::string text = kText;
  text.replace(text.find("weight = w"), 10, "weight = v");
  write_text(folder.path("m.mil"), text);
  const Outcome outcome = run_ane({"info", folder.path("m.mil")});
  EXPECT_EQ(outcome.exit, 3);
  EXPECT_TRUE(has(outcome.err, "m.mil:5:")) << outcome.err;
  EXPECT_TRUE(has(outcome.err, "'v' is not defined\n  tensor<fp16, [1, 2]> y = linear(weight = v, x = x)"))
      << outcome.err;
}

TEST(ModelInfo, EveryMistakeInATextIsShownWithItsLine) {
  const TemporaryFolder folder;
  std::string text = kText;
  text.replace(text.find("weight = w"), 10, "weight = v");
  text.replace(text.find("-> (y)"), 6, "-> (z)");
  write_text(folder.path("m.mil"), text);
  for (const std::string command : {"info", "run"}) {
    const Outcome outcome = run_ane({command, folder.path("m.mil")});
    EXPECT_EQ(outcome.exit, 3);
    EXPECT_TRUE(has(outcome.err, "m.mil:5:54: malformed input: 'v' is not defined\n")) << outcome.err;
    EXPECT_TRUE(has(outcome.err, "m.mil:6:15: error: 'z' is not defined\n  } -> (z);\n        ^\n")) << outcome.err;
  }
}

TEST(ModelInfo, WhatTheVerifierFindsIsShownWithItsLine) {
  const TemporaryFolder folder;
  std::string text = kText;
  text.replace(text.find("tensor<fp16, [1, 2]> y"), 22, "tensor<fp16, [1, 3]> y");
  write_text(folder.path("m.mil"), text);
  const Outcome outcome = run_ane({"info", folder.path("m.mil")});
  EXPECT_EQ(outcome.exit, 1) << outcome.err;
  EXPECT_TRUE(has(outcome.out, "m.mil:5:")) << outcome.out;
  EXPECT_TRUE(has(outcome.out, "'y' is written as tensor<fp16, [1, 3]>, but it is tensor<fp16, [1, 2]>"))
      << outcome.out;
}

/// What two forms of one model must agree in.
json comparable(const std::string& path) {
  const Outcome outcome = run_ane({"info", path, "--json"});
  EXPECT_EQ(outcome.exit, 0) << path << outcome.err;
  json info = json::parse(outcome.out);
  info.erase("weight_file_bytes");
  EXPECT_EQ(info["findings"], json::array()) << path;
  for (json& function : info["functions"]) {  // Text sorts the inputs of a function.
    std::sort(function["takes"].begin(), function["takes"].end());
  }
  return info;
}

void convert(const std::string& from, const std::string& to, std::vector<std::string> more = {}) {
  more.insert(more.begin(), {"convert", from, "-o", to});
  const Outcome outcome = run_ane(more);
  EXPECT_EQ(outcome.exit, 0) << from << " -> " << to << ": " << outcome.err;
}

std::string read_package_model(const std::string& package) {
  return read_text(package + "/Data/com.apple.CoreML/model.mlmodel");
}

TEST(ModelConvert, EveryFormAndBackIsTheSameModel) {
  OPENANE_SKIP_WITHOUT_CORPUS();
  std::size_t models = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(corpus() + "/coreml/synthetic")) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() != ".mlpackage") {
      continue;
    }
    SCOPED_TRACE(name);
    const TemporaryFolder folder;
    convert(entry.path().string(), folder.path("a.mlmodelc"));
    convert(folder.path("a.mlmodelc"), folder.path("b.mlpackage"));
    EXPECT_TRUE(comparable(folder.path("b.mlpackage")) == comparable(entry.path().string()));
    // The order of map entries is free, so packages of other writers are compared by length, our own by bytes.
    EXPECT_EQ(read_package_model(folder.path("b.mlpackage")).size(), read_package_model(entry.path().string()).size());
    convert(folder.path("b.mlpackage"), folder.path("c.mlmodel"));
    convert(folder.path("c.mlmodel"), folder.path("d.mlpackage"));
    convert(folder.path("b.mlpackage"), folder.path("e.mil"));
    convert(folder.path("e.mil"), folder.path("f.mil"), {"--inline"});
    convert(folder.path("f.mil"), folder.path("g.mlmodelc"));
    EXPECT_TRUE(read_text(folder.path("e.mil")) == read_text(folder.path("a.mlmodelc/model.mil")));
    // Records that constants shared become two when they have been in the text, so the contents are compared.
    convert(folder.path("d.mlpackage"), folder.path("h.mil"), {"--inline"});
    convert(folder.path("g.mlmodelc"), folder.path("i.mil"), {"--inline"});
    EXPECT_TRUE(read_text(folder.path("h.mil")) == read_text(folder.path("f.mil")));
    EXPECT_TRUE(read_text(folder.path("i.mil")) == read_text(folder.path("f.mil")));
    ++models;
  }
  EXPECT_GT(models, 30U);
}

TEST(ModelInfo, OpenShapesAreSettledByAnOption) {
  OPENANE_SKIP_WITHOUT_CORPUS();
  const std::string model = corpus() + "/coreml/synthetic/flex_range_ios16.mlpackage";
  const json open = json::parse(run_ane({"info", model, "--json"}).out)["functions"][0];
  EXPECT_EQ(open["uncounted_operations"], 2);
  const json settled = json::parse(run_ane({"info", model, "--shape", "1x10x16", "--json"}).out)["functions"][0];
  EXPECT_EQ(settled["uncounted_operations"], 0);
  EXPECT_EQ(settled["multiply_adds"], 10 * 16 * 8);
  EXPECT_EQ(run_ane({"info", model, "--shape", "1x10"}).exit, 2);
}

/// coremltools' own reader, where `make conformance` has installed it.
TEST(ModelConvert, CoremltoolsLoadsWhatWasConverted) {
  OPENANE_SKIP_WITHOUT_CORPUS();
  const std::string python = project_file("build/conformance/venv/bin/python");
  if (!fs::exists(python)) {
    GTEST_SKIP() << "no coremltools: make conformance installs it into build/conformance";
  }
  const TemporaryFolder folder;
  const std::string script = R"(
import json, sys
import coremltools as ct
from coremltools.converters.mil.frontend.milproto.load import load
def operations(path):
    model = ct.models.MLModel(path, skip_model_load=True)
    spec = model.get_spec()
    program = load(spec, specification_version=spec.specificationVersion, file_weights_dir=model.weights_dir)
    return sorted(op.op_type for function in program.functions.values() for op in function.operations)
print(json.dumps([operations(path) for path in sys.argv[1:]]))
)";
  std::vector<std::string> arguments = {"-c", script};
  const std::vector<std::string> names = {"mlp_ios18_sparse_lut4",   "multifunction_ios18", "flex_range_ios16",
                                          "transformer_block_ios16", "kvcache_state_ios18", "control_flow_ios15"};
  // coremltools does not open the last two as they lie in the corpus: their manifests name a folder of weights that is
  // not there.
  constexpr std::size_t kOpened = 4;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string package = corpus() + "/coreml/synthetic/" + names[i] + ".mlpackage";
    convert(package, folder.path(names[i] + ".mil"), {"--inline"});
    convert(folder.path(names[i] + ".mil"), folder.path(names[i] + ".mlpackage"));
    arguments.push_back(folder.path(names[i] + ".mlpackage"));
  }
  for (std::size_t i = 0; i < kOpened; ++i) {
    arguments.push_back(corpus() + "/coreml/synthetic/" + names[i] + ".mlpackage");
  }
  const Outcome loaded = run_command(python, arguments);
  ASSERT_EQ(loaded.exit, 0) << loaded.err;
  const json operations = json::parse(loaded.out);
  for (std::size_t i = 0; i < kOpened; ++i) {
    EXPECT_EQ(operations[i], operations[names.size() + i]) << names[i];
  }
}

TEST(ModelConvert, SaysWhatGetsLost) {
  OPENANE_SKIP_WITHOUT_CORPUS();
  const TemporaryFolder folder;
  const std::string package = corpus() + "/coreml/synthetic/mlp_ios16.mlpackage";
  const Outcome text = run_ane({"convert", package, "-o", folder.path("a.mil")});
  EXPECT_EQ(text.exit, 0) << text.err;
  EXPECT_TRUE(has(text.err, "not kept: the description of inputs and outputs")) << text.err;
  const Outcome as_json = run_ane({"convert", package, "-o", folder.path("b.mlpackage"), "--json"});
  EXPECT_EQ(json::parse(as_json.out)["losses"], json::array());
}

TEST(ModelConvert, SaysThatAProgramHasMistakes) {
  const TemporaryFolder folder;
  std::string text = kText;
  text.replace(text.find("tensor<fp16, [1, 2]> y"), 22, "tensor<fp16, [1, 3]> y");
  write_text(folder.path("m.mil"), text);
  const Outcome wrong = run_ane({"convert", folder.path("m.mil"), "-o", folder.path("m.mlpackage")});
  EXPECT_EQ(wrong.exit, 0) << wrong.err;
  EXPECT_EQ(wrong.err, "ane: note: the program was written as it is, with 1 mistake: see ane info\n");
  write_text(folder.path("m.mil"), kText);
  EXPECT_EQ(run_ane({"convert", folder.path("m.mil"), "-o", folder.path("m.mlpackage")}).err, "");
}

/// One weight file is there, the other is not: what is written would be broken.
TEST(ModelConvert, MissingWeightsAreToldOrRefused) {
  const TemporaryFolder folder;
  const auto value = [](const std::string& name, const std::string& type, const std::string& path) {
    return "            " + type + " " + name + " = const()[val = " + type + "(BLOBFILE(path = string(\"@model_path/" +
           path + "\"), offset = uint64(64)))];\n";
  };
  const auto program = [](const std::string& body) {
    return "program(1.3)\n{\n    func main<ios18>(tensor<fp16, [16]> x) {\n" + body + "        } -> (y);\n}";
  };
  const std::string type = "tensor<fp16, [16]>";
  // A file that is there: of a package that the tool writes.
  write_text(folder.path("whole.mil"),
             program("            " + type + " w = const()[val = " + type +
                     "([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16])];\n            " + type +
                     " y = add(x = x, y = w);\n"));
  convert(folder.path("whole.mil"), folder.path("whole.mlpackage"));
  convert(folder.path("whole.mlpackage"), folder.path("text.mil"));
  write_text(folder.path("broken.mil"), program(value("a", type, "weights/weight.bin") + value("b", type, "lost.bin") +
                                                "            " + type + " y = add(x = a, y = b);\n"));
  for (const std::string ending : {".mlpackage", ".mlmodelc", ".mlmodel"}) {
    const Outcome outcome = run_ane({"convert", folder.path("broken.mil"), "-o", folder.path("out" + ending)});
    EXPECT_EQ(outcome.exit, 3) << ending;
    EXPECT_TRUE(has(outcome.err, "no weight file '@model_path/lost.bin' beside this program")) << outcome.err;
    EXPECT_FALSE(fs::exists(folder.path("out" + ending))) << ending;
  }
  const Outcome outcome = run_ane({"convert", folder.path("broken.mil"), "-o", folder.path("out.mil")});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_TRUE(has(outcome.err, "not kept: the weights '@model_path/lost.bin': there is no such file")) << outcome.err;
}

TEST(ModelConvert, ADescriptionIsMadeWhereThereIsNone) {
  const TemporaryFolder folder;
  write_text(folder.path("m.mil"), kText);
  convert(folder.path("m.mil"), folder.path("m.mlpackage"));
  const json info = comparable(folder.path("m.mlpackage"));
  EXPECT_EQ(info["specification_version"], 7) << "fp16 arrays need iOS 16";
  EXPECT_EQ(info["inputs"][0],
            json::parse(R"({"name": "x", "kind": "array", "type": "fp16", "shape": [1, 4], "optional": false})"));
  EXPECT_EQ(info["outputs"][0]["shape"], json({1, 2}));
}

TEST(ModelConvert, RefusesWithAReason) {
  const TemporaryFolder folder;
  write_text(folder.path("m.mil"), kText);
  const Outcome container = run_ane({"convert", folder.path("m.mil"), "-o", folder.path("m.hwx")});
  EXPECT_EQ(container.exit, 2);
  EXPECT_TRUE(has(container.err, "a model is written as .mil, .mlmodel, .mlpackage or .mlmodelc")) << container.err;
  fs::create_directory(folder.path("mine.mlpackage"));
  write_text(folder.path("mine.mlpackage/notes.txt"), "mine");
  const Outcome foreign = run_ane({"convert", folder.path("m.mil"), "-o", folder.path("mine.mlpackage")});
  EXPECT_NE(foreign.exit, 0);
  EXPECT_EQ(read_text(folder.path("mine.mlpackage/notes.txt")), "mine");
  std::string text = kText;
  text.replace(text.find("tensor<fp16, [1, 4]> x"), 22, "tensor<bool, [1, 4]> x");
  write_text(folder.path("bool.mil"), text);
  const Outcome unsupported = run_ane({"convert", folder.path("bool.mil"), "-o", folder.path("bool.mlpackage")});
  EXPECT_EQ(unsupported.exit, 4);
  EXPECT_TRUE(has(unsupported.err, "input 'x' is tensor<bool, [1, 4]>")) << unsupported.err;
}

TEST(ModelRun, PicturesFillDeclaredImages) {
  OPENANE_SKIP_WITHOUT_CORPUS();
  if (std::string_view(OPENANE_PYTHON).empty()) {
    GTEST_SKIP() << "no Python with NumPy was found when the build was configured";
  }
  const TemporaryFolder folder;
  const std::string model = corpus() + "/coreml/synthetic/image_input_ios16.mlpackage";
  // The golden input of the model, rounded to bytes, as a PNG (by Python's zlib) and as the array it stands for.
  const std::string script = R"(
import struct, sys, zlib
import numpy as np
source, png, npy = sys.argv[1:]
x = np.rint(np.fromfile(source, '<f4')).reshape(3, 16, 16)
np.save(npy, x[None].astype('<f4'))
def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
rows = b''.join(b'\0' + x[:, y].T.astype('u1').tobytes() for y in range(16))
open(png, 'wb').write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 16, 16, 8, 2, 0, 0, 0)) +
                      chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))
)";
  const Outcome made =
      run_command(OPENANE_PYTHON, {"-c", script, corpus() + "/coreml/golden/syn-image_input_ios16/in_image.f32",
                                   folder.path("x.png"), folder.path("x.npy")});
  ASSERT_EQ(made.exit, 0) << made.err;
  const Outcome picture =
      run_ane({"run", model, "--input", "image=" + folder.path("x.png"), "-o", folder.path("a.npy")});
  ASSERT_EQ(picture.exit, 0) << picture.err;
  const Outcome array = run_ane({"run", model, "--input", "image=" + folder.path("x.npy"), "-o", folder.path("b.npy")});
  ASSERT_EQ(array.exit, 0) << array.err;
  EXPECT_TRUE(read_text(folder.path("a.npy")) == read_text(folder.path("b.npy")));

  const std::string whole = read_text(folder.path("x.png"));
  write_text(folder.path("cut.png"), whole.substr(0, whole.size() - 30));
  const Outcome broken = run_ane({"run", model, "--input", folder.path("cut.png")});
  EXPECT_EQ(broken.exit, 3);
  EXPECT_TRUE(has(broken.err, "cut.png")) << broken.err;
  EXPECT_TRUE(has(broken.err, "not a PNG image")) << broken.err;
}

}  // namespace
}  // namespace openane::test
