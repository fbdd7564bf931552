#include "openane/raw_kernel.h"

#include <gtest/gtest.h>

#include "program_corpus.h"
#include "raw_layout.h"

namespace openane::test {
namespace {

TEST(RawKernel, ReadsEveryKernelOfTheCorpus) {
  OPENANE_NEEDS_CORPUS();
  const std::vector<toml::table> files = manifest_files("raw");
  EXPECT_EQ(files.size(), 22U);
  for (const toml::table& file : files) {
    SCOPED_TRACE(manifest_path(file));
    const Bytes data = load(manifest_path(file));
    const Result<Program> program = read_raw_kernel(data, raw_layout_of(file), "layout.toml");
    ASSERT_TRUE(program) << program.error().to_string();
    EXPECT_EQ(program->warnings, std::vector<std::string>{});
    const Procedure& procedure = program->procedures.at(0);
    const toml::array& tasks = *file["tasks"].as_array();
    ASSERT_EQ(procedure.tasks.size(), tasks.size());
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      EXPECT_EQ(procedure.tasks[i].offset, tasks[i].as_table()->at("offset").value_or(0U));
      EXPECT_EQ(procedure.tasks[i].task.words().size(), tasks[i].as_table()->at("words").value_or(0U));
    }
    EXPECT_EQ(procedure.tasks[0].task.size_bytes(), file["td_size"].value_or(0U)) << "found without being told";
    const auto nonzero =
        std::ranges::count_if(program->constants.at(0).data.span(), [](std::uint8_t b) { return b != 0; });
    EXPECT_EQ(nonzero, file["kernel_nonzero_bytes"].value_or(-1));
    const Result<std::vector<std::uint8_t>> written = write_raw_kernel(*program);
    ASSERT_TRUE(written);
    EXPECT_TRUE(std::ranges::equal(*written, data.span()));
  }
}

TEST(RawKernel, WritesALayoutThatReadsItBack) {
  OPENANE_NEEDS_CORPUS();
  for (const toml::table& file : manifest_files("raw")) {
    SCOPED_TRACE(manifest_path(file));
    const Bytes data = load(manifest_path(file));
    const Result<Program> program = read_raw_kernel(data, raw_layout_of(file), "layout.toml");
    ASSERT_TRUE(program);
    const Result<std::string> layout = write_raw_layout(*program);
    ASSERT_TRUE(layout) << layout.error().to_string();
    const Result<Program> again = read_raw_kernel(data, *layout, "again.toml");
    ASSERT_TRUE(again) << again.error().to_string() << "\n" << *layout;
    EXPECT_EQ(again->procedures[0].tensors, program->procedures[0].tensors);
    EXPECT_EQ(again->procedures[0].tasks, program->procedures[0].tasks);
    EXPECT_EQ(again->scratch_bytes, program->scratch_bytes);
    if (!program->constants.empty()) {  // the slot of the constants travels, too
      Program moved = *program;
      moved.constants[0].slot = 31;
      const Result<Program> back = read_raw_kernel(data, write_raw_layout(moved).value_or(""), "moved.toml");
      ASSERT_TRUE(back) << back.error().to_string();
      EXPECT_EQ(back->constants.at(0).slot, 31U);
    }
  }
}

TEST(RawKernel, ConstantsHaveASlotOfTheirOwn) {
  const Result<Program> program = read_raw_kernel(
      Bytes(std::vector<std::uint8_t>(0xd0)),
      "task_bytes = 0x44\nkernel_bytes = 0x80\nkernel_slot = 5\n[[tensor]]\nname = 'x'\nslot = 5\nrole = 'input'\n"
      "shape = [1, 1, 1, 8]\nrow_stride = 64\nplane_stride = 64\n",
      "layout.toml");
  ASSERT_FALSE(program);
  EXPECT_NE(program.error().to_string().find("layout.toml:3:"), std::string::npos) << program.error().to_string();
  EXPECT_NE(program.error().message.find("slot 5 holds the constants and a tensor"), std::string::npos);
}

struct BadLayout {
  std::string_view text;
  std::uint32_t line, column;
  std::string_view message;
};

TEST(RawKernel, SaysWhereALayoutIsWrong) {
  const Bytes data(std::vector<std::uint8_t>(0x40));
  const std::vector<BadLayout> cases = {
      {"task_bytes = ", 1, 14, ""},
      {"task_bytes = 0x40\ntask_byte = 1\n", 2, 1, "unknown key 'task_byte'"},
      {"kernel_bytes = 0\n", 1, 1, "no 'task_bytes'"},
      {"task_bytes = \"many\"\n", 1, 14, "must be an integer"},
      {"task_bytes = -4\n", 1, 14, "must be an integer"},
      {"task_bytes = 42\n", 1, 14, "multiples of 4"},
      {"task_bytes = 0x40\ngeneration = \"H99\"\n", 2, 14, "'H99'"},
      {"task_bytes = 0x40\ntensor = 1\n", 2, 10, "[[tensor]]"},
      {"task_bytes = 0x40\n[[tensor]]\nname = \"x\"\nslot = 3\n", 4, 8, "'slot' must be an integer from 4"},
      {"task_bytes = 0x40\n[[tensor]]\nname = \"x\"\nslot = 4\nrole = \"both\"\n", 5, 8,
       "expected 'input' or 'output'"},
      {"task_bytes = 0x40\n[[tensor]]\nname = \"x\"\nslot = 4\nrole = \"input\"\ntype = \"raw10\"\n", 6, 8,
       "no known element size"},
      {"task_bytes = 0x40\n[[tensor]]\nname = \"x\"\nslot = 4\nrole = \"input\"\nshape = [1, 2]\n", 6, 9,
       "4 to 5 integers"},
      {"task_bytes = 0x40\n[[tensor]]\nname = \"x\"\nslot = 4\nrole = \"input\"\nshape = [1, 2, 0, 4]\n", 6, 16,
       "must be an integer from 1"},
      {"task_bytes = 0x40\n[[tensor]]\nname = \"x\"\nslot = 4\nrole = \"input\"\nshape = [1, 2, 3, 40]\nrow_stride = "
       "64\n",
       7, 14, "from 80"},
      {"task_bytes = 0x40\n[[tensor]]\nname = \"x\"\nslot = 4\nrole = \"input\"\nshape = [1, 2, 3, 4]\nrow_stride = "
       "72\n",
       7, 14, "'row_stride' is 0x48, expected a multiple of 64"},
      {"task_bytes = 0x40\n[[tensor]]\nname = \"x\"\nslot = 4\nrole = \"input\"\nshape = [1, 2, 3, 4]\nplane_stride = "
       "200\n",
       7, 16, "'plane_stride' is 0xc8, expected a multiple of 64"},
      {"task_bytes = 0x40\n[[tensor]]\nname = \"x\"\nslot = 4\nrole = \"input\"\nshape = [1, 2, 3, "
       "4]\n[[tensor]]\nname = \"y\"\nslot = 4\nrole = \"output\"\nshape = "
       "[1, 2, 3, 4]\n",
       7, 1, "names and slots must differ"},
      {"task_bytes = 0x40\n[[tensor]]\nname = \"x\"\nslot = 4\nrole = \"input\"\nshape = [2147483647, 2147483647, "
       "2147483647, 2147483647]\n",
       2, 1, "takes more than"},
  };
  for (const BadLayout& bad : cases) {
    SCOPED_TRACE(bad.text);
    const Result<Program> program = read_raw_kernel(data, bad.text, "layout.toml");
    ASSERT_FALSE(program);
    EXPECT_EQ(program.error().category, ErrorCategory::malformed_input);
    EXPECT_EQ(program.error().location.file, "layout.toml");
    EXPECT_EQ(program.error().location.line, bad.line) << program.error().to_string();
    EXPECT_EQ(program.error().location.column, bad.column) << program.error().to_string();
    EXPECT_NE(program.error().message.find(bad.message), std::string::npos) << program.error().message;
  }
}

TEST(RawKernel, SaysWhatSizeALayoutAsksFor) {
  const Result<Program> program =
      read_raw_kernel(Bytes(std::vector<std::uint8_t>(100)), "task_bytes = 0x44\nkernel_bytes = 0x80\n", "layout.toml");
  ASSERT_FALSE(program);
  EXPECT_NE(program.error().message.find("0x64 bytes, but the layout asks for 0xd0"), std::string::npos)
      << program.error().message;
}

}  // namespace
}  // namespace openane::test
