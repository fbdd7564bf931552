#include "openane/program_diff.h"

#include <gtest/gtest.h>

#include "openane/assembly.h"
#include "program_corpus.h"

namespace openane {
namespace {

constexpr const char* kProgram =
    "generation H13\n"
    "constants { fp16 1 2 3 4 }\n"
    "procedure main {\n"
    "  tensor x input float16 1x64x1x1\n"
    "  tensor y output float16 1x64x1x1\n"
    "  task planar unary { source1 = x; result = y; bias = 0.5 }\n"
    "}\n";

Program program(std::string text, std::string_view from = {}, std::string_view to = {}) {
  if (!from.empty()) {
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
  }
  Result<Program> assembled = assemble(text, "p.anes");
  EXPECT_TRUE(assembled) << assembled.error().to_string();
  return assembled.value_or(Program{});
}

std::vector<std::string> lines(const Program& left, const Program& right) {
  std::vector<std::string> all;
  for (const ProgramDifference& difference : diff_programs(left, right)) {
    all.push_back(difference.where + ": " + difference.left + " | " + difference.right);
  }
  return all;
}

using Lines = std::vector<std::string>;

TEST(ProgramDiff, NamesTheFieldThatChanged) {
  const Program base = program(kProgram);
  EXPECT_EQ(lines(base, program(kProgram)), Lines{});
  EXPECT_EQ(lines(base, program(kProgram, "bias = 0.5", "bias = 0.25")),
            (Lines{"task 0 PE.BiasScale.Bias: 0.5 | 0.25"}));
  EXPECT_EQ(lines(base, program(kProgram, "bias = 0.5", "bias = 0.5; relu = on")),
            (Lines{"task 0 PE.PECfg.ReluEn: 0 | 1"}));
  EXPECT_EQ(lines(base, program(kProgram, "bias = 0.5", "bias = 0.5; Common.PECommonCfg = 0x80000000")),
            (Lines{"task 0 Common.PECommonCfg unnamed bits: 0x0 | 0x80000000"}));
  EXPECT_EQ(lines(base, program(kProgram, "fp16 1 2 3 4", "fp16 1 2 5 4")),
            (Lines{"constants in slot 1: 1 byte from 0x5 on: 0x42 | 0x45"}));
  EXPECT_EQ(lines(base, program(kProgram, "main", "other")), (Lines{"procedure name: main | other"}));
  EXPECT_EQ(lines(base, program(kProgram, "generation H13", "generation H13\nscratch 0x4000")),
            (Lines{"scratch bytes: 0x0 | 0x4000"}));
}

TEST(ProgramDiff, NamesTensorsTasksAndSections) {
  const Program base = program(kProgram);
  EXPECT_EQ(lines(base, program(kProgram, "x input float16 1x64x1x1", "x input float16 1x64x1x1 batch 0x2000")),
            (Lines{"tensor x batch stride: 0x1000 | 0x2000", "tensor x bytes: 0x1000 | 0x2000",
                   "task 0 TileDMASrc.Src1DepthStride.Stride: 0x1000 | 0x2000",
                   "task 0 TileDMASrc.Src1GroupStride.Stride: 0x1000 | 0x2000"}));
  const Program two = program(kProgram, "bias = 0.5 }", "bias = 0.5 }\n task planar unary { source1 = x; result = y }");
  const Lines more = lines(base, two);
  ASSERT_FALSE(more.empty());
  EXPECT_EQ(more[0], "number of tasks: 1 | 2");
  EXPECT_NE(std::ranges::find(more, "task 0 Header7.NextPointer: 0x0 | 0x300"), more.end());
  EXPECT_EQ(lines(base, program(kProgram, "constants { fp16 1 2 3 4 }", "")),
            (Lines{"constants in slot 1 size: 8 | 0"}));
}

TEST(ProgramDiff, RecordsThatWriteOtherRegisters) {
  std::string text =
      "generation H13\nprocedure main {\n task {\n  Common.InDim x2 { InDim = Win 4 }\n  PE { PECfg = OpMode max }\n "
      "}\n}\n";
  EXPECT_EQ(lines(program(text), program(text, "InDim x2", "InDim x1")),
            (Lines{"task 0 records: Common.InDim x2, PE.PECfg x4 | Common.InDim x1, PE.PECfg x4",
                   "task 0 Common.InDepth: 0x0 | not written"}));
}

/// No two programs of different words are called equal, even where the difference reaches no register.
TEST(ProgramDiff, WordsThatReachNoRegisterAreDifferencesToo) {
  const std::string twice =
      "generation H14\nprocedure main {\n  task { header { }; Common.InDepth x1 { InDepth = 7 }; Common.InDepth x1 { "
      "InDepth = 9 } }\n}\n";
  EXPECT_EQ(lines(program(twice), program(twice, "InDepth = 7", "InDepth = 8")),
            (Lines{"task 0 word +0x24 (overwritten later): 0x7 | 0x8"}));
}

TEST(ProgramDiff, CorpusFilesEqualThemselvesOnly) {
  OPENANE_NEEDS_CORPUS();
  std::vector<Program> programs;
  for (const std::string& path : test::all_hwx_files()) {
    Result<Program> read = read_program(path);
    ASSERT_TRUE(read) << path;
    programs.push_back(*std::move(read));
  }
  for (std::size_t i = 0; i < programs.size(); ++i) {
    EXPECT_TRUE(diff_programs(programs[i], programs[i]).empty());
    for (std::size_t j = 0; j < i; ++j) {
      const bool differ = !diff_programs(programs[i], programs[j]).empty();
      const bool same_tasks = *programs[i].encode_task_section() == *programs[j].encode_task_section();
      EXPECT_TRUE(differ || same_tasks) << i << " " << j;
      EXPECT_EQ(differ, !diff_programs(programs[j], programs[i]).empty());
    }
  }
}

}  // namespace
}  // namespace openane
