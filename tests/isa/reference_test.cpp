// The reference: finding places, counting what is known, and the committed pages of docs/isa.
#include "openane/isa_reference.h"

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace openane {
namespace {

const Generation& generation(std::string_view name) { return *find_generation(name); }

std::vector<IsaPlace> find(std::string_view in, std::string_view what) {
  const std::array<const Generation*, 1> one{&generation(in)};
  return find_in_tables(one, what);
}

TEST(Reference, FindsPlacesHoweverNamed) {
  const Generation& h14 = generation("H14");
  const IsaPlace config{&h14, h14.find_block("Common"), h14.find(0x38u)};
  for (const char* name : {"TaskCfg", "taskcfg", "Common.TaskCfg", "common.taskcfg", "0x38", "56", "Cfg"}) {
    EXPECT_EQ(find("H14", name), std::vector<IsaPlace>{config}) << name;
  }
  EXPECT_EQ(find("H14", "l2"), (std::vector<IsaPlace>{{&h14, h14.find_block("L2"), nullptr}}));
  EXPECT_EQ(find("H14", "Control").size(), 2U);  // a header word and a word of L2
  EXPECT_EQ(find("H14", "L2.Control").size(), 1U);
  EXPECT_EQ(find_in_tables(generations(), "Common.ConvCfg").size(), generations().size());
  for (const char* nothing : {"", ".", "PE.TaskCfg", "0x", "0x3a", "0xffffffff", "99999999999", "TaskCfg "}) {
    EXPECT_EQ(find("H14", nothing).empty(), std::string_view(nothing) != "TaskCfg ") << nothing;
  }
}

TEST(Reference, RunsCollapseEqualRows) {
  const Block& kernel = *generation("H16").find_block("KernelDma");
  std::size_t words = 0;
  std::vector<std::size_t> long_runs;
  for (const std::span<const Register> run : runs_of(kernel.registers)) {
    words += run.size();
    if (run.size() > 1) {
      long_runs.push_back(run.size());
    }
  }
  EXPECT_EQ(words, kernel.words);
  // CoeffDmaConfig0..15, CoeffOffset1..15 (0 has a default), CoeffSize0..15.
  EXPECT_EQ(long_runs, (std::vector<std::size_t>{16, 15, 16}));
}

TEST(Reference, TextSaysWhatIsKnownAndHow) {
  const std::string text = isa_text(find("H17", "InWidth").front());
  EXPECT_NE(text.find("H17 Common.InWidth"), std::string::npos) << text;
  EXPECT_NE(text.find("unwritten: 0x100 (file)"), std::string::npos) << text;
  EXPECT_NE(text.find("bits without a field: 31:17"), std::string::npos) << text;
  const std::string backoff = isa_text(find("H16", "Backoff").front());
  EXPECT_NE(backoff.find("bits without a field: 31:16, 3:1"), std::string::npos) << backoff;
  EXPECT_NE(isa_text(find("H11", "InDim").front()).find("+0x0a0"), std::string::npos);
  EXPECT_NE(isa_text({&generation("H12"), nullptr, nullptr}).find("not published"), std::string::npos);
}

TEST(Reference, JsonHoldsEveryRow) {
  for (const Generation* g : generations()) {
    const std::array<IsaPlace, 1> whole{{{g, nullptr, nullptr}}};
    const nlohmann::json json = nlohmann::json::parse(isa_json(whole)).at(0);
    EXPECT_EQ(json["generation"], g->id);
    ASSERT_EQ(json["blocks"].size(), g->blocks.size());
    for (std::size_t b = 0; b < g->blocks.size(); ++b) {
      const nlohmann::json& registers = json["blocks"][b]["registers"];
      ASSERT_EQ(registers.size(), g->blocks[b].registers.size());
      for (std::size_t i = 0; i < registers.size(); ++i) {
        EXPECT_EQ(registers[i]["name"], g->blocks[b].registers[i].name);
        EXPECT_EQ(registers[i]["fields"].size(), g->blocks[b].registers[i].fields.size());
        EXPECT_EQ(registers[i].contains("default"), g->blocks[b].registers[i].fallback.has_value());
      }
    }
  }
  EXPECT_EQ(nlohmann::json::parse(isa_overview_json()).size(), generations().size());
}

void expect_page(const std::string& name, const std::string& page) {
  std::ifstream file(OPENANE_SOURCE_DIR "/docs/isa/" + name);
  std::stringstream committed;
  committed << file.rdbuf();
  // Not EXPECT_EQ: the pages are long, and what to do is short.
  EXPECT_TRUE(committed.str() == page) << "docs/isa/" << name
                                       << " is not what the tables give: run `ane isa --markdown docs/isa`";
}

TEST(Reference, CommittedPagesAreUpToDate) {
  expect_page("README.md", isa_markdown_index());
  for (const Generation* g : generations()) {
    expect_page(std::string(g->target) + ".md", isa_markdown(*g));
  }
}

TEST(Reference, PagesNameEveryRegisterAndField) {
  for (const Generation* g : generations()) {
    const std::string page = isa_markdown(*g);
    for (const Block& block : g->blocks) {
      for (const std::span<const Register> run : runs_of(block.registers)) {
        EXPECT_NE(page.find("| " + std::string(run.front().name)), std::string::npos)
            << g->id << " " << run.front().name;
        for (const Field& field : run.front().fields) {
          EXPECT_NE(page.find("| " + std::string(field.name) + " |"), std::string::npos) << g->id << " " << field.name;
        }
      }
    }
    for (const std::string_view open : g->open) {
      EXPECT_NE(page.find(open), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace openane
