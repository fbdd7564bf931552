// Migrated programs compute what they computed before.
#include "openane/migrate.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <set>

#include "base/sha256.h"
#include "emulator/support.h"
#include "openane/engine_op.h"
#include "oracle_program.h"
#include "target/h13/table_formulas.h"

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

/// One arithmetic for all generations: by default only H13's programs run with the one measured on an M1.
EmulatorOptions same_numerics() {
  EmulatorOptions options;
  options.numerics = Numerics::h13;
  return options;
}

std::vector<float> run(const Program& program) {
  const auto outputs = run_program(program, random_inputs(program), same_numerics());
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

/// The published records have no constants: random weights, and a table wherever a task looks one up.
void fill_constants(Program& program) {
  const auto size = static_cast<std::int64_t>(program.constants[0].data.size() / 2);
  const Tensor numbers = test::random_tensor({size}, -1, 1, 7);
  std::vector<std::uint8_t> bytes(numbers.data.span().begin(), numbers.data.span().end());
  const h13::TableWords table = *h13::build_table("sigmoid");
  for (const PlacedTask& placed : program.procedures[0].tasks) {
    const EngineOp op = *lift(placed.task);
    if (op.neural() == nullptr || op.neural()->activation != Activation::table) {
      continue;
    }
    for (const KernelChannel& channel : op.neural()->kernel.channels) {
      if (channel.enabled && channel.offset + sizeof table <= bytes.size()) {
        std::memcpy(bytes.data() + channel.offset, table.data(), sizeof table);
      }
    }
  }
  program.constants[0].data = Bytes(std::move(bytes));
}

/// Every H13 program there is: containers and raw kernels of the corpus, and decoded oracles with made-up constants.
std::vector<std::pair<std::string, Program>> every_program() {
  std::vector<std::pair<std::string, Program>> programs;
  std::set<std::string> contents;
  for (const std::string& path : test::all_hwx_files()) {
    const Bytes bytes = test::load(path);
    if (contents.insert(sha256_hex(bytes.span())).second) {
      programs.emplace_back(path, *read_hwx(bytes));
    }
  }
  for (const toml::table& file : test::manifest_files("anec")) {
    const Bytes bytes = test::load(test::manifest_path(file));
    if (contents.insert(sha256_hex(bytes.span())).second) {
      programs.emplace_back(test::manifest_path(file), *read_anec(bytes));
    }
  }
  for (const toml::table& file : test::manifest_files("raw")) {
    programs.emplace_back(test::manifest_path(file), *test::raw_program(file));
  }
  for (test::OracleProgram& oracle : test::load_oracle_programs()) {
    fill_constants(oracle.program);
    programs.emplace_back(oracle.name, std::move(oracle.program));
  }
  return programs;
}

/// Why programs are refused, by what the message says; the numbers are those of programs.
using Reasons = std::map<std::string_view, std::size_t>;

constexpr std::string_view kBias = "the layout of the bias stream",
                           kStride = "stores a kernel of stride 2x2 is not known", kBytes = "uint8 has no code",
                           kPlanes = "made at run time in planes of other than 8 channels",
                           kBlocks = "output channels: contiguous blocks were measured for multiples of 16 up to 512";

struct Expectation {
  std::string_view target;
  std::size_t carried;
  Reasons refused;
};
const std::vector<Expectation> kExpected{
    {"H14", 109, {{kBias, 2}, {kStride, 2}, {kBytes, 4}, {kPlanes, 2}}},
    {"H16", 101, {{kBias, 2}, {kStride, 2}, {kBytes, 4}, {kPlanes, 2}, {kBlocks, 8}}}};

std::string_view reason_of(const Error& error, const Reasons& reasons) {
  for (const auto& [reason, count] : reasons) {
    if (error.message.find(reason) != std::string::npos) {
      return reason;
    }
  }
  ADD_FAILURE() << "no such reason: " << error.to_string();
  return {};
}

TEST(Migrate, EveryProgramIsCarriedOrRefusedWithAReason) {
  OPENANE_NEEDS_CORPUS();
  const std::vector<std::pair<std::string, Program>> programs = every_program();
  EXPECT_EQ(programs.size(), 119U);
  for (const auto& [target, expected_carried, reasons] : kExpected) {
    Reasons refused;
    std::size_t carried = 0;
    for (const auto& [name, program] : programs) {
      SCOPED_TRACE(name + " to " + std::string(target));
      const Result<Migration> migration = migrate(program, *find_generation(target));
      if (!migration) {
        ++refused[reason_of(migration.error(), reasons)];
        continue;
      }
      ++carried;
      const auto before = run_program(program, random_inputs(program), same_numerics());
      if (!before) {  // An ANEC file that binds its result to an input's channel (hwx-container.md 8).
        EXPECT_TRUE(name.ends_with("mul_macos14.ane")) << before.error().to_string();
        continue;
      }
      const auto after = run_program(migration->program, random_inputs(program), same_numerics());
      ASSERT_TRUE(after) << after.error().to_string();
      EXPECT_EQ(test::floats(after->front().tensor), test::floats(before->front().tensor));
      for (const Finding& finding : check_program(migration->program)) {
        ADD_FAILURE() << finding.message;
      }
    }
    EXPECT_EQ(refused, reasons);
    EXPECT_EQ(carried, expected_carried) << target;
  }
}

TEST(Migrate, ProceduresFollowOneAnother) {
  OPENANE_NEEDS_CORPUS();
  Program program = corpus_program("tinygrad/relu.hwx");
  program.procedures.push_back(corpus_program("tinygrad/relu.hwx").procedures[0]);
  Procedure& second = program.procedures[1];
  second.name = "second";
  second.task_base = 0x1000;
  for (PlacedTask& placed : second.tasks) {
    placed.offset += second.task_base;
  }
  const std::vector<float> expected = run(program);
  for (const std::string_view target : {"H13", "H14", "H16"}) {
    const Result<Migration> migration = migrate(program, *find_generation(target));
    ASSERT_TRUE(migration) << target << ": " << migration.error().to_string();
    ASSERT_EQ(migration->program.procedures.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
      Program one = migration->program;
      one.procedures = {migration->program.procedures[i]};
      EXPECT_EQ(run(one), expected) << target << " procedure " << i;
    }
    EXPECT_TRUE(migration->program.encode_task_section()) << target;
    EXPECT_TRUE(std::ranges::any_of(migration->notes, [](const MigrationNote& note) { return note.procedure == 1; }));
  }
}

/// A chained tensor goes to on-chip memory, a large one to scratch; the report says so.
TEST(Migrate, ChainedTensorsGetAPlace) {
  OPENANE_NEEDS_CORPUS();
  const auto change = [](const Program& program) {
    const Result<Migration> migration = migrate(program, *find_generation("H16"));
    EXPECT_TRUE(migration) << migration.error().to_string();
    const auto note = std::ranges::find(migration->notes, std::string(), &MigrationNote::word);
    return note == migration->notes.end() ? std::string() : note->reason;
  };
  std::map<std::string, Program> programs;
  for (auto& [name, program] : every_program()) {
    programs.emplace(std::filesystem::path(name).filename(), std::move(program));
  }
  EXPECT_EQ(change(programs.at("norm_softmax_a1_1x64x1x1")).substr(0, 9), "source 1 ");
  EXPECT_EQ(change(programs.at("sigmoid.bin")), "the chained result lies at 0x0 of scratch");
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
