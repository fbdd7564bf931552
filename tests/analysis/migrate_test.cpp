// Migrated programs compute what they computed before.
#include "openane/migrate.h"

#include <gtest/gtest.h>

#include "emulator/support.h"
#include "isa/sample_streams.h"

namespace openane {
namespace {

std::vector<NamedTensor> random_inputs(const Program& program) {
  std::vector<NamedTensor> inputs;
  std::uint32_t seed = 1;
  for (const TensorBinding& tensor : program.procedures.front().tensors) {
    if (tensor.role == TensorRole::input) {
      const SurfaceShape& shape = tensor.layout.shape;
      inputs.push_back({tensor.symbol, test::random_tensor({shape.n, shape.c, shape.h, shape.w}, -2, 2, seed++)});
    }
  }
  return inputs;
}

std::vector<float> run(const Program& program) {
  const auto outputs = run_program(program, random_inputs(program));
  EXPECT_TRUE(outputs) << outputs.error().to_string();
  return outputs ? test::floats(outputs->front().tensor) : std::vector<float>{};
}

Program corpus_program(std::string_view name) {
  const Result<Program> program = read_hwx(*read_file((test::corpus_folder() / "hwx" / name).string()));
  EXPECT_TRUE(program) << name << ": " << program.error().to_string();
  return *program;
}

TEST(Migrate, ProgramsOfAppleComputeTheSameOnOtherGenerations) {
  OPENANE_NEEDS_CORPUS();
  const std::vector<std::pair<std::string_view, std::vector<std::string_view>>> cases{
      {"tinygrad/sum.hwx", {"H13", "H14", "H16"}},     {"tinygrad/relu.hwx", {"H13", "H14", "H16"}},
      {"tinygrad/sigmoid.hwx", {"H13", "H14", "H16"}}, {"tinygrad/conv.hwx", {"H13", "H14"}},
      {"tinygrad/concat.hwx", {"H13", "H14", "H16"}},  {"allbilly/tinygrad/gemm_nz.hwx", {"H13", "H14", "H16"}},
      {"allbilly/mul.hwx", {"H13", "H14", "H16"}},     {"allbilly/mul_macos14.hwx", {"H13", "H14", "H16"}}};
  for (const auto& [name, targets] : cases) {
    const Program program = corpus_program(name);
    const std::vector<float> expected = run(program);
    for (const std::string_view target : targets) {
      const Result<Migration> migration = migrate(program, *find_generation(target));
      ASSERT_TRUE(migration) << name << " to " << target << ": " << migration.error().to_string();
      EXPECT_EQ(run(migration->program), expected) << name << " to " << target;
      EXPECT_FALSE(migration->notes.empty());
      for (const Finding& finding : check_program(migration->program)) {
        ADD_FAILURE() << name << " to " << target << ": " << finding.message;
      }
      // And back again.
      const Result<Migration> back = migrate(migration->program, *find_generation("H13"));
      ASSERT_TRUE(back) << name << " back from " << target << ": " << back.error().to_string();
      EXPECT_EQ(run(back->program), expected) << name << " back from " << target;
    }
  }
}

TEST(Migrate, WhatCannotBeCarriedIsNamed) {
  OPENANE_NEEDS_CORPUS();
  // Three output channels: where H16 puts a count that is no multiple of 16 is not known.
  const Result<Migration> conv = migrate(corpus_program("tinygrad/conv.hwx"), *find_generation("H16"));
  ASSERT_FALSE(conv);
  EXPECT_EQ(conv.error().category, ErrorCategory::missing_specification);
  EXPECT_NE(conv.error().message.find("task 0"), std::string::npos) << conv.error().message;
  const Result<Migration> unknown = migrate(corpus_program("tinygrad/relu.hwx"), *find_generation("H17"));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().category, ErrorCategory::not_implemented);
}

TEST(Migrate, NotesListTheWordsLeftBehind) {
  OPENANE_NEEDS_CORPUS();
  const Result<Migration> migration = migrate(corpus_program("tinygrad/relu.hwx"), *find_generation("H16"));
  ASSERT_TRUE(migration);
  const auto tile = std::ranges::find(migration->notes, "Common.TileCfg.TileHeight", &MigrationNote::word);
  ASSERT_NE(tile, migration->notes.end());
  EXPECT_EQ(tile->value, 1U);
}

}  // namespace
}  // namespace openane
