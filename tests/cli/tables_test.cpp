// `ane isa`, `ane chips`, `ane device`: what the tables hold, at the command line.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/tool.h"

namespace openane::test {
namespace {

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

Outcome expect_text(const std::vector<std::string>& arguments, const std::vector<std::string>& parts) {
  Outcome outcome = run_ane(arguments);
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  for (const std::string& part : parts) {
    EXPECT_TRUE(has(outcome.out, part)) << part << "\n" << outcome.out;
  }
  return outcome;
}

nlohmann::json json_of(const std::vector<std::string>& arguments) {
  const Outcome outcome = run_ane(arguments);
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  return nlohmann::json::parse(outcome.out, nullptr, false);
}

void expect_said(const std::vector<std::string>& arguments, std::string_view says) {
  const Outcome outcome = run_ane(arguments);
  EXPECT_EQ(outcome.exit, 2) << outcome.err;
  EXPECT_NE(outcome.err.find(says), std::string::npos) << outcome.err;
}

TEST(Isa, lists_generations_blocks_and_registers) {
  expect_text({"isa"}, {"H11 ", "H18G ", "M11 "});
  expect_text({"isa", "h16"}, {"not known", "0x5500  KernelDma", "Bits 16 and 29 of CacheDma.Backoff"});
  expect_text({"isa", "M4", "Common"}, {"H16 Common", "InWidth"});
  expect_text({"isa", "h14", "0x38"}, {"H14 Common.TaskCfg", "[21:19] ActiveNe"});
  expect_text({"isa", "ConvCfg"}, {"H11 Common.ConvCfg", "H18G Common.ConvCfg", "M11 Common.ConvCfg"});
}

TEST(Isa, json_of_one_register) {
  const nlohmann::json json = json_of({"isa", "h17", "Common.InWidth", "--json"});
  EXPECT_EQ(json.at(0)["generation"], "H17");
  EXPECT_EQ(json.at(0)["register"]["address"], 4);
  EXPECT_EQ(json.at(0)["register"]["default"], (nlohmann::json{{"value", 256}, {"grade", "file"}}));
  EXPECT_EQ(json_of({"isa", "--json"}).size(), 10U);
}

TEST(Isa, writes_the_pages) {
  const TemporaryFolder folder;
  expect_text({"isa", "--markdown", folder.path("isa")}, {"11 pages"});
  EXPECT_EQ(read_text(folder.path("isa/h14.md")), read_text(project_file("docs/isa/h14.md")));
  write_text(folder.path("file"), "");
  EXPECT_EQ(run_ane({"isa", "--markdown", folder.path("file/isa")}).exit, 3);
}

TEST(Isa, names_that_name_nothing) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"isa", "h13", "Nonsense"}, {"isa", "nonsense"}, {"isa", "h99", "Common"}, {"isa", "h13", "0x1"}}) {
    const Outcome outcome = run_ane(arguments);
    EXPECT_EQ(outcome.exit, 2) << outcome.out;
    EXPECT_TRUE(outcome.err.starts_with("ane: ")) << outcome.err;
  }
}

TEST(Chips, figures_come_with_evidence) {
  expect_text({"chips"}, {"M1 Ultra  T6002  h13g    H13         32     2        22"});
  expect_text({"chips", "m1-pro", "A17 Pro"},
              {"M1 Pro: target h13g, generation H13", "A17 Pro: target h16", "vendor, Apple"});
  expect_text({"chips", "--targets"}, {"h17d", "m12", "refused by the compiler: h18c"});
  EXPECT_EQ(run_ane({"chips", "M0"}).exit, 2);
  expect_said({"chips", "a17 porr"}, "did you mean 'A17 Pro'?");
  expect_said({"isa", "h14", "ConvCfgg"}, "did you mean 'ConvCfg'?");
  expect_said({"isa", "h16", "L2.Src1Cgf"}, "did you mean 'L2.Src1Cfg'?");
  expect_said({"isa", "h1g4", "Common"}, "did you mean 'H14'?");
  expect_text({"chips", "h16", "m4"}, {"A17 Pro: target h16", "M4 Max: target h16"});
  EXPECT_EQ(json_of({"chips", "h13g", "--json"}).size(), 3U);
  EXPECT_EQ(json_of({"chips", "H13", "--json"}).size(), 5U);
  EXPECT_EQ(run_ane({"chips", "h14c"}).exit, 4);  // a target of the compiler that no chip is known for
}

TEST(Chips, json_has_limits_clocks_and_sources) {
  const nlohmann::json chip = json_of({"chips", "t8103", "--json"}).at(0);
  EXPECT_EQ(chip["name"], "M1");
  EXPECT_EQ(chip["generation"], "H13");
  EXPECT_EQ(chip["figures"]["cores"]["value"], 16);
  EXPECT_EQ(chip["figures"]["cores"]["evidence"]["grade"], "vendor");
  EXPECT_EQ(chip["clocks"]["mhz"].back(), 1428);
  EXPECT_EQ(chip["limits"]["max_tensor_w"]["value"], 16384);
  EXPECT_EQ(chip["features"]["texture_engine"]["present"], false);
  EXPECT_TRUE(chip["clocks"]["evidence"].contains("source"));
}

TEST(Device, answers_the_tables) {
  expect_text({"device"}, {"5     CPU, Neural Engine", "numANECores", "M4 Max"});
  // Marketed figures as facts/device.md has them: cores, TOPS, memory.
  expect_text({"device"}, {"A12       8      5     4", "A13       8      5     4", "A14       16     11    16",
                           "M1        16     11    16", "A15       16     15.8  24", "M2        16     15.8  24",
                           "M4        16     38    24", "M4 Pro    16     38    24", "M4 Max    16     38    24"});
  expect_text({"device", "--mask", "3"}, {"CPU, GPU", "cpuAndGPU"});
  expect_text({"device", "M3 Pro"}, {"numANECores", "25B78"});
  expect_text({"device", "h15"}, {"A16\n", "numANECores", "M3 Ultra\n"});
  expect_text({"device", "A12"}, {"TOPS", "nobody has published"});
  EXPECT_EQ(run_ane({"device", "--mask", "8"}).exit, 2);
  EXPECT_EQ(run_ane({"device", "--mask", "0"}).exit, 2);
  EXPECT_EQ(json_of({"device", "m4", "--json"})["chips"].at(0)["figures"]["tops"]["value"], 38);
  EXPECT_EQ(json_of({"device", "--mask", "7", "--json"})["name"], "all");
}

}  // namespace
}  // namespace openane::test
