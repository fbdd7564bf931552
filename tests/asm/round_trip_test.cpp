// disassemble -> assemble -> the same bytes, for every program at hand.
#include <gtest/gtest.h>

#include <cstring>

#include "openane/anec.h"
#include "openane/assembly.h"
#include "openane/hwx.h"
#include "openane/raw_kernel.h"
#include "oracle.h"
#include "program_corpus.h"

namespace openane {
namespace {

Program read(const std::string& path) {
  Result<Program> program = read_program(path);
  EXPECT_TRUE(program) << path << ": " << program.error().to_string();
  return program.value_or(Program{});
}

std::string text_of(const Program& program, const std::string& name) {
  Result<std::string> text = disassemble(program);
  EXPECT_TRUE(text) << name << ": " << text.error().to_string();
  return text.value_or("");
}

/// The program that the text of `program` describes.
Program again(const Program& program, const std::string& name) {
  const std::string text = text_of(program, name);
  Result<Program> assembled = assemble(text, "folder/" + name + ".anes");
  EXPECT_TRUE(assembled) << name << ": " << assembled.error().to_string() << "\n" << text.substr(0, 2000);
  if (!assembled) {
    return {};
  }
  EXPECT_EQ(text_of(*assembled, name), text) << name;
  return *assembled;
}

TEST(AssemblyRoundTrip, HwxBytes) {
  OPENANE_NEEDS_CORPUS();
  for (const std::string& path : test::all_hwx_files()) {
    const Program program = read(path);
    const Program assembled = again(program, "program");
    const Result<std::vector<std::uint8_t>> bytes = write_hwx(assembled);
    ASSERT_TRUE(bytes) << path << ": " << bytes.error().to_string();
    EXPECT_EQ(*bytes, test::copy_of(test::load(path))) << path;
    EXPECT_EQ(assembled.warnings, program.warnings) << path;
  }
}

TEST(AssemblyRoundTrip, AnecBytes) {
  OPENANE_NEEDS_CORPUS();
  for (const toml::table& file : test::manifest_files("anec")) {
    const std::string path = test::manifest_path(file);
    const Program program = read(path);
    const Program assembled = again(program, "program");
    const Result<std::vector<std::uint8_t>> bytes = write_anec(assembled);
    ASSERT_TRUE(bytes) << path << ": " << bytes.error().to_string();
    EXPECT_EQ(*bytes, test::copy_of(test::load(path))) << path;
    EXPECT_EQ(assembled.warnings, program.warnings) << path;
  }
}

TEST(AssemblyRoundTrip, RawKernelBytes) {
  OPENANE_NEEDS_CORPUS();
  std::size_t count = 0;
  for (const toml::table& file : test::manifest_files("raw")) {
    const std::string path = test::manifest_path(file);
    const std::string layout = "task_bytes = " + std::to_string(file["tsk_size"].value_or(0)) +
                               "\nkernel_bytes = " + std::to_string(file["krn_size"].value_or(0)) + "\n";
    const Result<Program> program = read_raw_kernel(test::load(path), layout, "layout");
    ASSERT_TRUE(program) << path << ": " << program.error().to_string();
    const Result<std::vector<std::uint8_t>> bytes = write_raw_kernel(again(*program, "kernel"));
    ASSERT_TRUE(bytes) << path << ": " << bytes.error().to_string();
    EXPECT_EQ(*bytes, test::copy_of(test::load(path))) << path;
    ++count;
  }
  EXPECT_EQ(count, 22u);
}

TEST(AssemblyRoundTrip, OracleTasks) {
  OPENANE_NEEDS_CORPUS();
  const std::vector<test::Oracle> oracles = test::load_oracles();
  ASSERT_GE(oracles.size(), 66u);
  for (const test::Oracle& oracle : oracles) {
    Program program;
    program.generation = find_generation("H13");
    Procedure& procedure = program.procedures.emplace_back();
    procedure.name = "main";
    std::uint32_t offset = 0;
    for (const test::OracleTask& words : oracle.tasks) {
      const Result<Task> task = Task::decode(*program.generation, words.words);
      ASSERT_TRUE(task) << words.name;
      procedure.tasks.push_back({*task, offset});
      offset = (offset + task->size_bytes() + 0xff) / 0x100 * 0x100;
    }
    const std::string text = text_of(program, oracle.name);
    const Program assembled = again(program, oracle.name);
    ASSERT_EQ(assembled.procedures.size(), 1u);
    EXPECT_EQ(assembled.procedures[0].tasks, procedure.tasks) << oracle.name;
    // Whatever depends on the order of tasks alone is left to the linker in the compiler's own programs.
    EXPECT_EQ(text.find("NextPointer"), std::string::npos) << oracle.name;
    EXPECT_EQ(text.find("LNID"), std::string::npos) << oracle.name;
  }
}

}  // namespace
}  // namespace openane
