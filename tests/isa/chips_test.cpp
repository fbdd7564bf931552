// Chips, targets, limits and device answers, against facts/generations.toml, capabilities.toml and device.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "openane/chips.h"

namespace openane {
namespace {

const Generation& generation(std::string_view name) { return *find_generation(name); }

TEST(Chips, NamesAreFoundHoweverTyped) {
  for (const char* name : {"M1 Pro", "m1pro", "M1-PRO", " m1 pro ", "t6000"}) {
    const Chip* chip = find_chip(name);
    ASSERT_NE(chip, nullptr) << name;
    EXPECT_EQ(chip->name, "M1 Pro");
  }
  EXPECT_EQ(find_chip(""), nullptr);
  EXPECT_EQ(find_chip("--"), nullptr);
  EXPECT_EQ(find_chip("M7"), nullptr);
}

TEST(Chips, AChipNameIsATarget) {
  // hwx-container.md 17: A12 H11, A13 H12, A14 H13, A15 H14, A16 H15, A17 Pro H16, A18 H17, A19 H18.
  const std::pair<const char*, const char*> kChips[] = {
      {"A12", "H11"}, {"A13", "H12"}, {"A14", "H13"}, {"m1", "H13"},     {"m1 ultra", "H13"}, {"A15", "H14"},
      {"M2", "H14"},  {"A16", "H15"}, {"M3", "H15"},  {"a17pro", "H16"}, {"M4", "H16"},       {"A18", "H17"},
      {"M5", "H17"},  {"A19", "H18"}, {"M6", "H18G"}, {"T8103", "H13"},  {"h16", "H16"},      {"H-16-G", "H16"}};
  for (const auto& [name, id] : kChips) {
    const Generation* found = find_generation(name);
    ASSERT_NE(found, nullptr) << name;
    EXPECT_EQ(found->id, id) << name;
  }
  EXPECT_EQ(find_generation("M0"), nullptr);
}

TEST(Chips, EveryFigureHasAnOrigin) {
  std::set<std::string_view> names;
  for (const Chip& chip : chips()) {
    EXPECT_TRUE(names.insert(chip.name).second) << chip.name;
    EXPECT_NE(chip.generation(), nullptr) << chip.name;
    EXPECT_FALSE(chip.evidence.grade.empty() || chip.evidence.source.empty()) << chip.name;
    for (const Figure& figure : chip.figures) {
      EXPECT_FALSE(figure.evidence.grade.empty() || figure.evidence.source.empty()) << chip.name << " " << figure.name;
      EXPECT_GT(figure.value, 0) << chip.name << " " << figure.name;
    }
  }
}

TEST(Chips, FiguresOfTheFacts) {
  EXPECT_EQ(find_chip("A12")->find("cores")->value, 8);
  EXPECT_EQ(find_chip("M1 Ultra")->find("cores")->value, 32);
  EXPECT_EQ(find_chip("M1 Ultra")->find("engines")->value, 2);
  EXPECT_EQ(find_chip("M2")->find("tops")->value, 15.8);
  EXPECT_EQ(find_chip("M2")->find("tops")->evidence.grade, "vendor");
  EXPECT_EQ(find_chip("M6")->find("clock_ghz")->value, 2.58);
  EXPECT_EQ(find_chip("M6")->find("clock_ghz")->evidence.grade, "hardware");
  EXPECT_EQ(find_chip("A19")->find("tops"), nullptr);  // nobody repeats one
  EXPECT_EQ(find_chip("M1")->find("knee_mb")->value, 16);
}

TEST(Targets, SubtypesOfTheContainer) {
  // hwx-container.md 2.
  for (const auto& [subtype, td] : std::vector<std::pair<std::uint32_t, std::uint32_t>>{{0, 5},
                                                                                        {1, 5},
                                                                                        {2, 4},
                                                                                        {3, 6},
                                                                                        {4, 7},
                                                                                        {5, 11},
                                                                                        {6, 8},
                                                                                        {7, 17},
                                                                                        {8, 10},
                                                                                        {9, 19},
                                                                                        {10, 20},
                                                                                        {11, 24},
                                                                                        {12, 31},
                                                                                        {14, 36},
                                                                                        {15, 1},
                                                                                        {16, 28},
                                                                                        {17, 26}}) {
    const CompilerTarget* target = find_compiler_target_by_subtype(subtype);
    ASSERT_NE(target, nullptr) << subtype;
    EXPECT_EQ(target->td_version, td) << subtype;
    const Generation* table = find_generation_by_subtype(subtype);
    EXPECT_EQ(table == nullptr, target->generation.empty()) << subtype;
  }
  EXPECT_EQ(find_compiler_target_by_subtype(13), nullptr);
  EXPECT_EQ(find_compiler_target_by_subtype(9)->name, "h17");
  EXPECT_EQ(find_compiler_target("H15C")->units_9, 32u);
  EXPECT_EQ(find_compiler_target("h20"), nullptr);
  EXPECT_EQ(find_compiler_target(""), nullptr);
}

TEST(Limits, ByGeneration) {
  const Limit* width = find_limit("max_tensor_w");
  EXPECT_EQ(width->of(generation("H13")), 16384);
  EXPECT_EQ(width->of(generation("H17")), 65536);
  EXPECT_EQ(width->of(generation("M11")), std::nullopt);
  EXPECT_EQ(find_limit("live_tensor_context_switch_limit")->of(generation("H14")), -1);
  EXPECT_EQ(find_limit("fifo_buffer_bytes")->of(generation("H14")), std::nullopt);  // not reported
  EXPECT_EQ(find_limit("fifo_buffer_bytes")->of(generation("H18G")), 2097152);
  EXPECT_EQ(find_limit("coefficient_streams")->of(generation("M11")), 4);
  EXPECT_EQ(find_limit("no such"), nullptr);
}

TEST(Features, ComeAndGo) {
  const auto feature = [](std::string_view name) { return *std::ranges::find(features(), name, &Feature::name); };
  EXPECT_EQ(feature("texture_engine").in(generation("H13")), false);
  EXPECT_EQ(feature("texture_engine").in(generation("H14")), true);
  EXPECT_EQ(feature("texture_engine").in(generation("H18G")), true);
  EXPECT_EQ(feature("texture_engine").in(generation("M11")), std::nullopt);
  EXPECT_EQ(feature("fill_lower_ne_first").in(generation("H17")), true);
  EXPECT_EQ(feature("fill_lower_ne_first").in(generation("H18")), false);
  EXPECT_EQ(feature("collectives").in(generation("H18G")), false);
}

TEST(Clocks, TablesOfTheCompiler) {
  EXPECT_EQ(find_clock_table("h13")->mhz.back(), 1428u);
  EXPECT_EQ(find_clock_table("h13g")->mhz.back(), 1464u);
  EXPECT_TRUE(find_clock_table("h13")->second_mhz.empty());
  EXPECT_EQ(find_clock_table("h16")->second_mhz.size(), find_clock_table("h16")->mhz.size());
  EXPECT_EQ(find_clock_table("h12"), nullptr);
}

TEST(Device, MasksAndAnswers) {
  for (const ComputeUnits& units : compute_units()) {
    EXPECT_EQ((units.mask & 1) != 0, units.devices.find("CPU") != std::string_view::npos);
    EXPECT_EQ((units.mask & 2) != 0, units.devices.find("GPU") != std::string_view::npos);
    EXPECT_EQ((units.mask & 4) != 0, units.devices.find("Neural Engine") != std::string_view::npos);
  }
  EXPECT_EQ(compute_units().size(), 7U);
  ASSERT_EQ(device_classes().size(), 1U);
  EXPECT_EQ(device_classes()[0].answers[2].key, "numANECores");
  EXPECT_EQ(device_classes()[0].answers[2].value, "16");
}

}  // namespace
}  // namespace openane
