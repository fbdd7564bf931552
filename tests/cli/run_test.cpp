// `ane run`: inputs, outputs, traces, and the numbers.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/tool.h"
#include "openane/npy.h"

namespace openane::test {
namespace {

using nlohmann::json;

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::string corpus_file(const char* name) { return corpus() + "/hwx/" + name; }

#define NEEDS_CORPUS()                                                    \
  if (corpus().empty()) {                                                 \
    GTEST_SKIP() << "OPENANE_CORPUS is not set: no real programs to run"; \
  }

std::vector<double> values_of(const std::vector<std::string>& arguments) {
  std::vector<std::string> all = arguments;
  all.insert(all.end(), {"--json", "--print"});
  const Outcome outcome = run_ane(all);
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  const json parsed = json::parse(outcome.out, nullptr, false);
  return parsed.is_object() ? parsed["outputs"][0]["values"].get<std::vector<double>>() : std::vector<double>{};
}

// Readings published from the hardware, through the whole tool: manifest.toml [[file.reading]].
TEST(Run, hardware_readings) {
  NEEDS_CORPUS();
  for (const double value : values_of({"run", corpus_file("tinygrad/sigmoid.hwx"), "--input", "fill:3"})) {
    EXPECT_EQ(value, 0.95263671875);
  }
}

TEST(Run, prints_the_outputs_readably) {
  NEEDS_CORPUS();
  const Outcome outcome = run_ane({"run", corpus_file("tinygrad/sigmoid.hwx"), "--input", "image=fill:3"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_TRUE(has(outcome.out, "probs@output: 1x1x1x77 float16\n")) << outcome.out;
  EXPECT_TRUE(has(outcome.out, "0.95263671875 ... 0.95263671875")) << outcome.out;
  EXPECT_EQ(outcome.err, "");
}

// ------------------------------------------------------------------------------------------------------------ inputs

/// What an input looks like to the program: relu of it, and of its negation through --raw is not needed: inputs are
/// chosen positive.
Tensor written_input(const TemporaryFolder& folder, const std::string& source) {
  const std::string file = folder.path("y.npy");
  const Outcome outcome =
      run_ane({"run", corpus_file("tinygrad/sum.hwx"), "-i", "image=" + source, "-i", "image2=fill:0", "-o", file});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  const Result<Tensor> tensor = read_npy(file);
  EXPECT_TRUE(tensor.has_value());
  return tensor ? *tensor : Tensor{};
}

std::vector<float> floats(const Tensor& tensor) {
  Result<std::vector<float>> values = tensor.to_floats();
  EXPECT_TRUE(values.has_value());
  return values ? *std::move(values) : std::vector<float>{};
}

/// splitmix64's published first outputs for seed 1234567 (Rosetta Code, "Pseudo-random numbers/Splitmix64") stand for
/// the generator: the tool's element i for seed s is made from state s * 2^32 + i, here written a second time.
std::uint64_t splitmix64(std::uint64_t state) {
  std::uint64_t z = state + 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

TEST(Run, random_input_is_the_documented_generator) {
  NEEDS_CORPUS();
  ASSERT_EQ(splitmix64(1234567), 6457827717110365317u);
  ASSERT_EQ(splitmix64(1234567 + 0x9e3779b97f4a7c15u), 3203168211198807973u);
  const TemporaryFolder folder;
  const std::vector<float> values = floats(written_input(folder, "random:7"));
  ASSERT_EQ(values.size(), 64u);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto top = static_cast<std::int64_t>(splitmix64((std::uint64_t{7} << 32) + i)) >> 53;
    EXPECT_EQ(values[i], static_cast<float>(top) / 1024.0F) << i;
  }
}

TEST(Run, random_without_a_seed_differs_between_inputs_and_not_between_runs) {
  NEEDS_CORPUS();
  const std::vector<std::string> command = {"run",          corpus_file("tinygrad/sum.hwx"), "-i", "image=random", "-i",
                                            "image2=random"};
  const std::vector<double> sum = values_of(command);
  EXPECT_EQ(sum, values_of(command));
  const std::vector<double> twice =
      values_of({"run", corpus_file("tinygrad/sum.hwx"), "-i", "image=random:0", "-i", "image2=random:0"});
  EXPECT_NE(sum, twice);
}

TEST(Run, ramp_counts_and_fill_fills) {
  NEEDS_CORPUS();
  const TemporaryFolder folder;
  const std::vector<float> ramp = floats(written_input(folder, "ramp"));
  for (std::size_t i = 0; i < ramp.size(); ++i) {
    EXPECT_EQ(ramp[i], static_cast<float>(i));
  }
  for (const float value : floats(written_input(folder, "fill:-0.125"))) {
    EXPECT_EQ(value, -0.125F);
  }
}

TEST(Run, files_in_and_out) {
  NEEDS_CORPUS();
  const TemporaryFolder folder;
  const Tensor made = written_input(folder, "random:3");
  ASSERT_TRUE(write_npy(folder.path("x.npy"), made));
  EXPECT_EQ(written_input(folder, folder.path("x.npy")).data, made.data);
  ASSERT_TRUE(write_npz(folder.path("x.npz"), std::vector<NamedTensor>{{"image", made}, {"image2", made}}));
  EXPECT_EQ(written_input(folder, folder.path("x.npz")).data, made.data);

  // An archive feeds every input; all outputs go into one.
  const Outcome outcome = run_ane(
      {"run", corpus_file("tinygrad/sum.hwx"), "--input", folder.path("x.npz"), "--output", folder.path("y.npz")});
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  const std::vector<NamedTensor> outputs = read_npz(folder.path("y.npz")).value();
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(outputs[0].name, "probs@output");
  const std::vector<float> once = floats(made), twice = floats(outputs[0].tensor);
  for (std::size_t i = 0; i < once.size(); ++i) {
    EXPECT_EQ(twice[i], 2 * once[i]);
  }

  // Dense bytes without a header.
  ASSERT_EQ(run_ane({"run", corpus_file("tinygrad/sum.hwx"), "-i", "image=" + folder.path("x.npy"), "-i",
                     "image2=fill:0", "-o", folder.path("y.bin")})
                .exit,
            0);
  const std::string dense = read_text(folder.path("y.bin"));
  EXPECT_EQ(dense.size(), 128u);
  EXPECT_EQ(written_input(folder, folder.path("y.bin")).data, made.data);
}

TEST(Run, mistakes_are_explained) {
  NEEDS_CORPUS();
  const TemporaryFolder folder;
  const std::string sum = corpus_file("tinygrad/sum.hwx");
  struct Mistake {
    std::vector<std::string> arguments;
    const char* says;
  };
  const Mistake mistakes[] = {
      {{"run", sum}, "input 'image' has no value"},
      {{"run", sum, "-i", "image=ramp"}, "input 'image2' has no value"},
      {{"run", sum, "-i", "ramp"}, "expected NAME=..., where the program's inputs are: image, image2"},
      {{"run", sum, "-i", "picture=ramp"}, "image, image2"},
      {{"run", sum, "-i", "image=ramp", "-i", "image=ramp"}, "given before"},
      {{"run", sum, "-i", "image=fill:x", "-i", "image2=ramp"}, "'x' is not a number"},
      {{"run", sum, "-i", "image=random:-1", "-i", "image2=ramp"}, "'-1' is not a number"},
      {{"run", sum, "-i", "image=x.jpg", "-i", "image2=ramp"}, "neither random"},
      {{"run", sum, "-i", "image=ramp", "-i", "image2=ramp", "-o", folder.path("y.jpg")},
       "expected a file name ending"},
      {{"run", sum, "-i", "image=ramp", "-i", "image2=ramp", "--procedure", "main"}, "the program has net"},
      {{"run", sum, "-i", "image=ramp", "-i", "image2=ramp", "--dump-task", "1", folder.path("d")}, "has tasks 0 to 0"},
  };
  for (const Mistake& mistake : mistakes) {
    SCOPED_TRACE(testing::PrintToString(mistake.arguments));
    const Outcome outcome = run_ane(mistake.arguments);
    EXPECT_EQ(outcome.exit, 2);
    EXPECT_TRUE(has(outcome.err, mistake.says)) << outcome.err;
    EXPECT_EQ(outcome.out, "");
  }
}

// ------------------------------------------------------------------------------------------------------------- traces

TEST(Run, trace_shows_each_task_and_dump_writes_its_tensors) {
  NEEDS_CORPUS();
  const TemporaryFolder folder;
  const Outcome outcome = run_ane({"run", corpus_file("tinygrad/sum.hwx"), "-i", "image=ramp", "-i", "image2=fill:1",
                                   "--trace", "--dump-task", "0", folder.path("dump")});
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  for (const char* part : {"source 1", "source 2", "result", "min 0 max 63", "min 1 max 64"}) {
    EXPECT_TRUE(has(outcome.out, part)) << part << "\n" << outcome.out;
  }
  const std::vector<float> result = floats(read_npy(folder.path("dump/task0-result.npy")).value());
  ASSERT_EQ(result.size(), 64u);
  for (std::size_t i = 0; i < result.size(); ++i) {
    EXPECT_EQ(result[i], static_cast<float>(i + 1));
  }
  EXPECT_TRUE(std::filesystem::exists(folder.path("dump/task0-source-1.npy")));
  EXPECT_TRUE(std::filesystem::exists(folder.path("dump/task0-source-2.npy")));
}

TEST(Run, json_has_a_trace_and_no_bare_nan) {
  NEEDS_CORPUS();
  const Outcome outcome = run_ane({"run", corpus_file("tinygrad/sum.hwx"), "-i", "image=fill:65504", "-i",
                                   "image2=fill:65504", "--json", "--trace"});
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  const json report = json::parse(outcome.out);
  EXPECT_EQ(report["numerics"], "h13");
  ASSERT_EQ(report["trace"].size(), 1u);
  EXPECT_EQ(report["trace"][0]["tensors"][0]["label"], "source 1");
  EXPECT_EQ(report["outputs"][0]["values"][0], "Infinity");
}

TEST(Run, threads_do_not_change_the_result) {
  NEEDS_CORPUS();
  const std::vector<std::string> command = {"run", corpus_file("allbilly/tinygrad/gemm_nz.hwx"), "-i", "random:5",
                                            "--threads"};
  std::vector<std::string> one = command, three = command;
  one.emplace_back("1");
  three.emplace_back("3");
  EXPECT_EQ(values_of(one), values_of(three));
}

}  // namespace
}  // namespace openane::test
