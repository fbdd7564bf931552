// The generator of register tables stops at the first thing wrong and says where. Each case spoils one line of the toy
// table.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace openane {
namespace {

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Outcome {
  int status = -1;
  std::string output;
  std::filesystem::path folder;
};

std::filesystem::path test_folder() {
  const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
  std::string name = std::string(test.test_suite_name()) + "_" + test.name();
  std::ranges::replace(name, '/', '_');
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / ("openane_" + name);
  std::filesystem::create_directories(folder);
  return folder;
}

/// Runs tools/`script` with `arguments`.
Outcome run(const std::string& script, const std::string& arguments) {
  Outcome outcome;
  const std::string command =
      OPENANE_BUILD_PYTHON " " OPENANE_SOURCE_DIR "/tools/" + script + " " + arguments + " 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) {
    return outcome;
  }
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
    outcome.output += static_cast<char>(c);
  }
  outcome.status = pclose(pipe);
  return outcome;
}

/// Runs the generator of register tables over a table called toy.toml, in a folder of this test's own.
Outcome generate(const std::string& table) {
  const std::filesystem::path folder = test_folder();
  std::ofstream(folder / "toy.toml") << table;
  Outcome outcome = run("generate_isa.py", "--out " + (folder / "out").string() + " " + (folder / "toy.toml").string());
  outcome.folder = folder;
  return outcome;
}

Outcome generate_chips(const std::string& table) {
  const std::filesystem::path folder = test_folder();
  std::ofstream(folder / "chips.toml") << table;
  return run("generate_chips.py", "--out " + (folder / "chips.cpp").string() +
                                      " --isa " OPENANE_SOURCE_DIR "/data/isa " + (folder / "chips.toml").string());
}

std::string toy_table() { return read_text(OPENANE_SOURCE_DIR "/tests/isa/tables/toy.toml"); }

std::string with(const std::string& from, const std::string& to, std::string table = toy_table()) {
  const std::size_t at = table.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? table : table.replace(at, from.size(), to);
}

struct Spoilt {
  const char* name;
  const char* from;
  const char* to;
  const char* message;
};

std::ostream& operator<<(std::ostream& out, const Spoilt& spoilt) { return out << spoilt.name; }

class Generator : public testing::TestWithParam<Spoilt> {};

void expect_refusal(const Outcome& outcome, const std::string& message) {
  EXPECT_NE(outcome.status, 0);
  EXPECT_NE(outcome.output.find(message), std::string::npos) << outcome.output;
  EXPECT_EQ(outcome.output.find("Traceback"), std::string::npos) << outcome.output;
}

TEST_P(Generator, NamesWhatIsWrong) {
  expect_refusal(generate(with(GetParam().from, GetParam().to)), std::string("toy.toml: ") + GetParam().message);
}

class ChipGenerator : public testing::TestWithParam<Spoilt> {};

TEST_P(ChipGenerator, NamesWhatIsWrong) {
  const std::string chips = read_text(OPENANE_SOURCE_DIR "/data/chips.toml");
  expect_refusal(generate_chips(with(GetParam().from, GetParam().to, chips)),
                 std::string("chips.toml: ") + GetParam().message);
}

constexpr Spoilt kSpoilt[] = {
    {"overlapping_fields", "lsb = 12, width = 2", "lsb = 11, width = 2", "Shape.Size1.Format: overlaps another field"},
    {"overlapping_blocks", "base = 0x0100", "base = 0x0014", "block Dma: overlaps the block before it"},
    {"unaligned_block", "base = 0x0100", "base = 0x0102", "block Dma: base is not a multiple of 4"},
    {"missing_word", "words = 6", "words = 7", "block Shape: words [6] have no row"},
    {"word_outside", "words = 6", "words = 5", "Shape.Hole1: index 5 is outside the block of 5 words"},
    {"word_twice", "index = 1\nrepeat = 2\nstride = 2\ngrade = \"guess\"", "index = 1\nrepeat = 2\ngrade = \"guess\"",
     "Shape.Offset1: index 2 used twice"},
    {"unknown_enum", "enum = \"Format\"", "enum = \"Colour\"", "Shape.Size1.Format: enum 'Colour' is not defined"},
    {"unused_enum", ", enum = \"Format\"", "", "enums ['Format'] are used by no field"},
    {"enum_too_wide", "value = 2, name", "value = 4, name",
     "Shape.Size1.Format: value 4 of enum 'Format' does not fit 2 bits"},
    {"enum_value_twice", "value = 2, name", "value = 0, name", "enum Format: value 0 stands twice"},
    {"enum_label", "name = \"two\"", "name = \"2\"", "enum Format: '2': not an identifier"},
    {"field_past_word", "lsb = 4, width = 28", "lsb = 5, width = 28", "Shape.Offset0.Bytes: bits 5+28 pass the word"},
    {"field_without_grade", "width = 12, grade = \"file\"", "width = 12", "Shape.Size1.Width: no grade"},
    {"bad_grade", "width = 12, grade = \"file\"", "width = 12, grade = \"sure\"",
     "Shape.Size1.Width: 'sure' is none of unknown, guess, reported, file, hardware"},
    {"bad_effect", "effect = \"data\"", "effect = \"magic\"", "Shape.Size1.Width: 'magic' is none of"},
    {"bad_type", "type = \"sint\"", "type = \"fp16\"", "Shape.Offset0.Bytes: 28 bits cannot hold fp16"},
    {"neutral_too_wide", "neutral = [1, 2]", "neutral = [1, 4]", "Shape.Size1.Format: neutral value 4 does not fit"},
    {"misspelt_key", "meaning = \"half of four\"", "meanign = \"half of four\"", "enum Format.two: unknown key"},
    {"default_without_grade", "default_grade = \"reported\"\n", "",
     "Shape.Size1: default and default_grade go together"},
    {"role_of_nothing", "Control.Last\"", "Control.First\"", "header role last: no field 'Control.First'"},
    {"no_size_role", "task_words = \"Size.Words\", ", "", "header: a packet stream needs the role task_words"},
    {"header_word_missing", "words = 2\nroles", "words = 3\nroles",
     "header: 3 words and 1 optional one need a row each"},
    {"address_of_nothing", "\"Dma.Base\"", "\"Dma.Bass\"", "address_packets source1: no register 'Dma.Bass'"},
    {"address_not_low", "\"Dma.Base\"", "\"Dma.BaseHigh\"",
     "address_packets source1: 'Dma.BaseHigh' is not the low half"},
    {"fields_of_a_hole", "status = \"unknown\"",
     "status = \"unknown\"\nfields = [{ name = \"A\", lsb = 0, width = 1, grade = \"guess\" }]",
     "Shape.Hole0: an unknown word has no fields"},
    {"base_unknown", "grade = \"guess\"\npath", "grade = \"guess\"\nbase_known = false\npath",
     "blocks without a base (['Dma']) need `records`"},
    {"no_stream", "stream = \"packet\"\n", "", "missing key 'stream'"},
    {"not_toml", "[header]", "[header", "Expected"},
    {"other_name", "generation = \"TOY\"", "generation = \"TOYS\"", "the file of TOYS must be called toys.toml"},
};

std::string spoilt_name(const testing::TestParamInfo<Spoilt>& spoilt) { return spoilt.param.name; }

INSTANTIATE_TEST_SUITE_P(Spoilt, Generator, testing::ValuesIn(kSpoilt), spoilt_name);

constexpr Spoilt kSpoiltChips[] = {
    {"no_such_target", "target = \"h13g\"\ndevices", "target = \"h13x\"\ndevices",
     "chip M1 Pro: target 'h13x' is not in targets"},
    {"zero_figure", "value = 11.0", "value = 0", "chip A14.tops: must be positive; leave out what is not known"},
    {"no_grade", "value = 11.0, grade = \"vendor\", ", "value = 11.0, ", "chip A14.tops: needs a grade and a source"},
    {"no_such_source", "value = 11.0, grade = \"vendor\", source = \"apple\"",
     "value = 11.0, grade = \"vendor\", source = \"hearsay\"", "chip A14.tops: source 'hearsay' is not in [sources]"},
    {"chip_twice", "name = \"M1 Max\"", "name = \"M1 Pro\"", "chip M1 Pro stands twice"},
    {"target_of_another_table", "name = \"h14g\", cpu_subtype = 5", "name = \"h14g\", cpu_subtype = 6",
     "target h14g: H14 has not subtype 6"},
    {"target_left_out", "name = \"h14g\"", "name = \"h14x\"", "targets ['h14g'] of H14 are not listed"},
    {"limit_of_nothing", "values = { H11", "values = { H10",
     "limit max_kernel_w_default_large: generation 'H10' has no register table"},
    {"unsorted_clocks", "mhz = [348, 456", "mhz = [456, 348", "clock_table h11: must ascend"},
    {"no_such_figure", "name = \"tops\"", "name = \"flops\"", "chip A12.flops: 'flops' is none of"},
};

INSTANTIATE_TEST_SUITE_P(Spoilt, ChipGenerator, testing::ValuesIn(kSpoiltChips), spoilt_name);

TEST(GeneratorOutput, AddingAFieldIsOneLine) {
  const Outcome before = generate(toy_table());
  ASSERT_EQ(before.status, 0) << before.output;
  EXPECT_EQ(read_text(before.folder / "out/toy_fields.h").find("kShape_Size1_Depth"), std::string::npos);
  const Outcome after =
      generate(with("  { name = \"Format\"",
                    "  { name = \"Depth\", lsb = 20, width = 3, grade = \"guess\" },\n  { name = \"Format\""));
  ASSERT_EQ(after.status, 0) << after.output;
  EXPECT_NE(read_text(after.folder / "out/toy_fields.h").find("FieldRef kShape_Size1_Depth{0x0u, 20, 3, false, 0};"),
            std::string::npos);
  EXPECT_NE(read_text(after.folder / "out/toy_table.cpp").find("Field{\"Depth\", 20, 3"), std::string::npos);
}

/// The table alone: the list of chips and targets needs no row for it.
TEST(GeneratorOutput, AddingAGenerationIsOneTable) {
  const std::filesystem::path folder = test_folder();
  std::filesystem::copy(OPENANE_SOURCE_DIR "/data/isa", folder / "isa",
                        std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
  std::ofstream(folder / "isa/toy.toml") << toy_table();
  std::string tables;
  for (const std::filesystem::directory_entry& table : std::filesystem::directory_iterator(folder / "isa")) {
    tables += " " + table.path().string();
  }
  const Outcome made = run("generate_isa.py", "--out " + (folder / "out").string() + tables);
  EXPECT_EQ(made.status, 0) << made.output;
  EXPECT_NE(read_text(folder / "out/generations.cpp").find("&tables::kToy"), std::string::npos);
  const Outcome chips =
      run("generate_chips.py", "--out " + (folder / "out/chips.cpp").string() + " --isa " + (folder / "isa").string() +
                                   " " OPENANE_SOURCE_DIR "/data/chips.toml");
  EXPECT_EQ(chips.status, 0) << chips.output;
}

TEST(GeneratorOutput, TwoGenerationsCannotShareATarget) {
  const std::filesystem::path folder = test_folder();
  std::ofstream(folder / "toy.toml") << toy_table();
  std::ofstream(folder / "zoo.toml") << with("generation = \"TOY\"", "generation = \"ZOO\"");
  expect_refusal(run("generate_isa.py", "--out " + (folder / "out").string() + " " + (folder / "toy.toml").string() +
                                            " " + (folder / "zoo.toml").string()),
                 "ZOO: targets toy belongs to TOY already");
}

}  // namespace
}  // namespace openane
