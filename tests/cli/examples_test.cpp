// The example programs through the tool, beside examples/exact.py: NumPy in float64 on the same inputs.
#include <gtest/gtest.h>

#include <filesystem>

#include "cli/tool.h"

namespace openane::test {
namespace {

std::vector<std::string> example_names() {
  std::vector<std::string> names;
  for (const std::filesystem::directory_entry& entry : std::filesystem::directory_iterator(project_file("examples"))) {
    if (entry.path().extension() == ".anes") {
      names.push_back(entry.path().stem().string());
    }
  }
  return names;
}

class Examples : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (std::string_view(OPENANE_PYTHON).empty()) {
      GTEST_SKIP() << "no Python with NumPy was found when the build was configured";
    }
  }

  void expect_exact(const std::string& x) {
    const std::string y = folder_.path("y.npy");
    for (const char* ending : {".hwx", ".anec"}) {
      const std::string program = folder_.path(GetParam() + ending);
      const Outcome made = run_ane({"asm", project_file("examples/" + GetParam() + ".anes"), "-o", program});
      ASSERT_EQ(made.exit, 0) << made.err;
      const Outcome run = run_ane({"run", program, "--input", x, "--output", y});
      ASSERT_EQ(run.exit, 0) << run.err;
      const Outcome compared =
          run_command(OPENANE_PYTHON, {project_file("examples/exact.py"), "compare", GetParam(), x, y});
      EXPECT_EQ(compared.exit, 0) << compared.out << compared.err;
    }
  }

  TemporaryFolder folder_;
};

TEST_P(Examples, the_input_of_the_demo) {
  const std::string x = folder_.path("x.npy");
  const Outcome written = run_command(OPENANE_PYTHON, {project_file("examples/exact.py"), "input", GetParam(), x});
  ASSERT_EQ(written.exit, 0) << written.err;
  expect_exact(x);
}

TEST_P(Examples, random_inputs) {
  for (const char* seed : {"1", "2", "3"}) {
    // What the program read is its first task's source, in the input's own shape.
    const std::string program = project_file("examples/" + GetParam() + ".anes");
    const Outcome dumped = run_ane({"run", program, "--input", std::string("random:") + seed, "--output",
                                    folder_.path("ignored.npy"), "--dump-task", "0", folder_.path("dump")});
    ASSERT_EQ(dumped.exit, 0) << dumped.err;
    expect_exact(folder_.path("dump/task0-source-1.npy"));
  }
}

INSTANTIATE_TEST_SUITE_P(All, Examples, testing::ValuesIn(example_names()),
                         [](const testing::TestParamInfo<std::string>& parameter) { return parameter.param; });

}  // namespace
}  // namespace openane::test
