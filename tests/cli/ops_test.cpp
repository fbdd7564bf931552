// `ane ops` and `ane graph`.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/tool.h"

namespace openane::test {
namespace {

using nlohmann::json;

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(Ops, JsonHoldsTheWholeCatalogue) {
  const json all = json::parse(run_ane({"ops", "--json"}).out);
  // docs/ops.md is generated from the same table by another program.
  const std::string page = read_text(project_file("docs/ops.md"));
  std::size_t signatures = 0;
  for (const json& op : all["operations"]) {
    EXPECT_TRUE(has(page, "### " + op["name"].get<std::string>() + "\n")) << op["name"];
    signatures += op["signatures"].size();
  }
  EXPECT_TRUE(has(
      page, std::to_string(all["operations"].size()) + " operations, " + std::to_string(signatures) + " signatures"));
}

TEST(Ops, OneOperationWithItsSignatures) {
  const Outcome outcome = run_ane({"ops", "conv"});
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_TRUE(has(outcome.out, "since ios15:")) << outcome.out;
  EXPECT_TRUE(has(outcome.out, "since ios17:")) << outcome.out;
  EXPECT_TRUE(has(outcome.out, "groups     int32         constant  1")) << outcome.out;
  EXPECT_TRUE(has(outcome.out, "reference executor: yes")) << outcome.out;
}

TEST(Ops, CategoriesPartsOfNamesAndOpSets) {
  EXPECT_TRUE(has(run_ane({"ops", "pool"}).out, "pool:\n  avg_pool  ios15"));
  EXPECT_TRUE(has(run_ane({"ops", "atmu"}).out, "matmul"));
  EXPECT_EQ(run_ane({"ops", "scaled_dot_product_attention", "--opset", "ios17"}).exit, 2);
  EXPECT_TRUE(has(run_ane({"ops", "acosh"}).out, "without a published signature"));
}

TEST(Graph, PicturesOfAModel) {
  const TemporaryFolder folder;
  write_text(folder.path("m.mil"), R"(program(1.0)
{
    func main<ios16>(tensor<fp32, [1, 4]> x) {
            tensor<fp32, [1, 4]> y = relu(x = x)[name = tensor<string, []>("y")];
        } -> (y);
})");
  EXPECT_EQ(run_ane({"graph", folder.path("m.mil"), "-o", folder.path("m.svg")}).exit, 0);
  const std::string svg = read_text(folder.path("m.svg"));
  EXPECT_TRUE(svg.starts_with("<svg ")) << svg;
  EXPECT_TRUE(has(svg, ">relu<")) << svg;
  EXPECT_TRUE(has(svg, ">fp32 1x4<")) << svg;
  EXPECT_EQ(run_ane({"graph", folder.path("m.mil"), "-o", folder.path("m.dot")}).exit, 0);
  EXPECT_TRUE(read_text(folder.path("m.dot")).starts_with("digraph "));
  EXPECT_EQ(run_ane({"graph", folder.path("m.mil"), "-o", "-"}).out, svg);
  EXPECT_EQ(run_ane({"graph", folder.path("m.mil"), "-o", folder.path("n.svg"), "--function", "f"}).exit, 2);
}

TEST(Graph, EveryModelOfTheCorpusIsDrawnInLittleTime) {
  if (corpus().empty()) {
    GTEST_SKIP() << "OPENANE_CORPUS is not set: no real models to draw";
  }
  const TemporaryFolder folder;
  for (const char* model : {"silero-vad/silero-vad-unified-256ms-v6.0.0.mlpackage", "basic-pitch/nmp.mlpackage",
                            "synthetic/control_flow_ios15.mlpackage"}) {
    const Outcome outcome = run_ane({"graph", corpus() + "/coreml/" + model, "-o", folder.path("g.svg")});
    EXPECT_EQ(outcome.exit, 0) << outcome.err;
    EXPECT_LT(outcome.cpu_seconds, 20) << model << ": a layout that takes more than linear time would";
  }
}

}  // namespace
}  // namespace openane::test
