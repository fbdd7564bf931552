#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>

#include "openane/program.h"
#include "program_corpus.h"

namespace openane::test {
namespace {

class ProgramIo : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("openane_program_io_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }

  std::string write(const std::string& name, const std::vector<std::uint8_t>& bytes) const {
    EXPECT_TRUE(write_file(path(name), bytes));
    return path(name);
  }

  static Error error_of(const std::string& name, const std::string& layout = {}) {
    const Result<Program> program = read_program(name, layout);
    EXPECT_FALSE(program);
    return program ? Error{} : program.error();
  }

  std::filesystem::path folder_;
};

TEST_F(ProgramIo, NamesWhatIsNoProgram) {
  EXPECT_EQ(error_of(path("absent.hwx")).category, ErrorCategory::system);
  EXPECT_EQ(error_of(folder_.string()).message, "is a directory, expected a file");
  EXPECT_EQ(error_of(write("empty.hwx", {})).message, "the file is empty");
  const Error macho = error_of(write("tool", {0xcf, 0xfa, 0xed, 0xfe, 0, 0, 0, 0}));
  EXPECT_EQ(macho.category, ErrorCategory::malformed_input);
  EXPECT_NE(macho.message.find("a Mach-O file for a processor"), std::string::npos) << macho.message;
  EXPECT_EQ(macho.location.file, path("tool"));
  const Error other = error_of(write("other", {1, 2, 3}));
  EXPECT_NE(other.message.find("neither an HWX"), std::string::npos) << other.message;
}

TEST_F(ProgramIo, ErrorsOfALayoutNameTheLayout) {
  const std::string kernel = write("k.bin", std::vector<std::uint8_t>(0x40));
  const std::string text = "task_bytes = 0x40\nwhat = 1\n";
  ASSERT_TRUE(write_file(path("k.toml"), text));
  const Error error = error_of(kernel, path("k.toml"));
  EXPECT_EQ(error.location.file, path("k.toml"));
  EXPECT_EQ(error.location.line, 2U);
  ASSERT_TRUE(write_file(path("k.toml"), std::string_view("task_bytes = 0x48\n")));
  EXPECT_EQ(error_of(kernel, path("k.toml")).location.file, kernel);
}

TEST_F(ProgramIo, ConvertsBetweenAllContainers) {
  OPENANE_NEEDS_CORPUS();
  const Result<Program> hwx = read_program((corpus_folder() / "hwx/tinygrad/concat.hwx").string());
  ASSERT_TRUE(hwx) << hwx.error().to_string();
  ASSERT_TRUE(write_program(path("a.ane"), *hwx));
  const Result<Program> anec = read_program(path("a.ane"));
  ASSERT_TRUE(anec) << anec.error().to_string();
  EXPECT_EQ(anec->container, Program::Container::anec);
  ASSERT_TRUE(write_program(path("b.bin"), *anec));
  const Result<Program> raw = read_program(path("b.bin"), path("b.toml"));
  ASSERT_TRUE(raw) << raw.error().to_string();
  EXPECT_EQ(raw->container, Program::Container::raw);
  ASSERT_TRUE(write_program(path("c.hwx"), *raw));
  const Result<Program> again = read_program(path("c.hwx"));
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->warnings, std::vector<std::string>{});
  // Names are lost on the way; tasks, constants, slots and layouts are not.
  EXPECT_EQ(again->procedures[0].tasks, hwx->procedures[0].tasks);
  EXPECT_EQ(again->constants[0].data, hwx->constants[0].data);
  for (const TensorBinding& tensor : hwx->procedures[0].tensors) {
    const TensorBinding* other = again->procedures[0].find_slot(tensor.slot);
    ASSERT_NE(other, nullptr);
    EXPECT_EQ(other->layout, tensor.layout);
    EXPECT_EQ(other->role, tensor.role);
  }
}

TEST_F(ProgramIo, RefusesAnUnknownExtension) {
  const Result<void> written = write_program(path("x.elf"), Program{});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().category, ErrorCategory::usage);
}

}  // namespace
}  // namespace openane::test
