// `ane run` on models.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/tool.h"
#include "openane/npy.h"

namespace openane::test {
namespace {

using nlohmann::json;

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

constexpr std::string_view kSums = R"(program(1.3)
{
  func main<ios17>(tensor<fp32, [2, ?]> x, tensor<fp16, [1, 1]> y) {
    tensor<fp32, [2, ?]> twice = add(x = x, y = x)[name = string("twice")];
    tensor<fp16, [1, 1]> third = real_div(x = y, y = fp16(3))[name = string("third")];
  } -> (twice, third);
}
)";

/// Adds x to what it holds.
constexpr std::string_view kCounter = R"(program(1.3)
{
  func main<ios18>(state<tensor<fp16, [3]>> total, tensor<fp16, [3]> x) {
    tensor<fp16, [3]> before = read_state(input = total)[name = string("before")];
    tensor<fp16, [3]> after = add(x = before, y = x)[name = string("after")];
    write_state(data = after, input = total)[name = string("write")];
  } -> (after);
  func zeros<ios18>(tensor<fp16, [3]> x) {
    tensor<fp16, [3]> nothing = sub(x = x, y = x)[name = string("nothing")];
  } -> (nothing);
}
)";

constexpr std::string_view kClasses = R"(program(1.0)
{
  func main<ios15>(tensor<fp32, [1, 3]> p) {
    string label, dict<string, fp64> shares = classify(classes = list<string, 3>(["cat", "dog", "cow"]), probabilities = p)[name = string("c")];
  } -> (label, shares);
}
)";

class RunModel : public testing::Test {
 protected:
  std::string write(std::string_view text) {
    const std::string path = folder_.path("model.mil");
    write_text(path, text);
    return path;
  }
  static std::string error(const std::vector<std::string>& arguments, int exit) {
    const Outcome outcome = run_ane(arguments);
    EXPECT_EQ(outcome.exit, exit) << outcome.err;
    return outcome.err;
  }
  static json report(std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    const Outcome outcome = run_ane(arguments);
    EXPECT_EQ(outcome.exit, 0) << outcome.err;
    return json::parse(outcome.out, nullptr, false);
  }

  TemporaryFolder folder_;
};

TEST_F(RunModel, prints_outputs_of_unknown_extents) {
  const Outcome outcome =
      run_ane({"run", write(kSums), "--input", "x=ramp", "--input", "y=fill:1", "--shape", "x=2x3"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_EQ(outcome.out,
            "twice: 2x3 float32\n  [0, :] 0 2 4\n  [1, :] 6 8 10\nthird: 1x1 float32\n  [:, 0] 0.33333334\n");
}

TEST_F(RunModel, arrays_settle_extents_and_outputs_become_arrays) {
  ASSERT_TRUE(write_npy(folder_.path("x.npy"),
                        Tensor::from_floats({2, 2}, std::vector<float>{1, 2, 3, 4}, ElementType::float64)));
  const std::string output = folder_.path("twice.npy");
  const Outcome outcome = run_ane({"run", write(kSums), "-i", "x=" + folder_.path("x.npy"), "-i", "y=fill:1", "-o",
                                   "twice=" + output, "--precision", "fp64"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  const auto twice = read_npy(output);
  ASSERT_TRUE(twice);
  EXPECT_EQ(twice->type, ElementType::float64);
  EXPECT_EQ(*twice->to_floats(), (std::vector<float>{2, 4, 6, 8}));
}

TEST_F(RunModel, fp16_rounds_results_and_gives_them_as_declared) {
  const json done = report(
      {"run", write(kSums), "-i", "x=ramp", "-i", "y=fill:1", "--shape", "x=2x1", "--precision", "fp16", "--trace"});
  EXPECT_EQ(done["outputs"][1]["type"], "float16");
  EXPECT_EQ(done["outputs"][1]["values"][0], 0.333251953125);
  EXPECT_EQ(done["trace"][0]["operation"], "add");
  EXPECT_EQ(done["trace"][0]["line"], 4);
  EXPECT_EQ(done["trace"][1]["statistics"]["maximum"], 0.333251953125);
}

TEST_F(RunModel, states_go_from_run_to_run_and_in_and_out) {
  const std::string path = write(kCounter);
  const json thrice = report({"run", path, "-i", "x=ramp", "--runs", "3"});
  EXPECT_EQ(thrice["outputs"][0]["values"], (json{0, 3, 6}));
  const std::string state = folder_.path("total.npy");
  ASSERT_EQ(run_ane({"run", path, "-i", "fill:1", "-i", "total=fill:5", "-o", "total=" + state}).exit, 0);
  EXPECT_EQ(*read_npy(state)->to_floats(), (std::vector<float>{6, 6, 6}));
  const json zeros = report({"run", path, "-i", "x=ramp", "--function", "zeros"});
  EXPECT_EQ(zeros["outputs"][0]["values"], (json{0, 0, 0}));
}

TEST_F(RunModel, classes_are_printed_by_likelihood) {
  ASSERT_TRUE(write_npy(folder_.path("p.npy"),
                        Tensor::from_floats({3}, std::vector<float>{0.25, 0.125, 0.625}, ElementType::float32)));
  const Outcome outcome = run_ane({"run", write(kClasses), "-i", folder_.path("p.npy")});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_EQ(outcome.out,
            "label: scalar string\n  \"cow\"\nshares: 3 classes\n  \"cow\" 0.625\n  \"cat\" 0.25\n  \"dog\" 0.125\n");
}

TEST_F(RunModel, mistakes_are_told) {
  const std::string path = write(kSums);
  EXPECT_TRUE(has(error({"run", path, "-i", "x=ramp", "-i", "y=fill:1"}, 2), "give its shape, --shape x=..."));
  EXPECT_TRUE(has(error({"run", path, "-i", "y=fill:1"}, 2), "input 'x' has no value"));
  EXPECT_TRUE(has(error({"run", path, "--shape", "x=2x"}, 2), "'2x' is no shape"));
  EXPECT_TRUE(has(error({"run", path, "--shape", "x=3x1"}, 2), "expected tensor<fp32, [2, ?]>"));
  EXPECT_TRUE(has(error({"run", path, "--numerics", "ideal"}, 2), "--numerics is for programs"));
  EXPECT_TRUE(has(error({"run", path, "--function", "other"}, 2), "the program has main"));
  EXPECT_TRUE(has(error({"run", "x.hwx", "--runs", "2"}, 2), "--runs is for models"));
  EXPECT_TRUE(has(error({"run", write("program(1.3)\n{\n  func\n"), "-i", "ramp"}, 3), "model.mil:"));
}

}  // namespace
}  // namespace openane::test
