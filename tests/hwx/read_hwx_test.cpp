#include "openane/hwx.h"

#include <gtest/gtest.h>

#include "program_corpus.h"

namespace openane::test {
namespace {

std::vector<std::int64_t> integers(const toml::node_view<const toml::node>& node) {
  std::vector<std::int64_t> values;
  if (const toml::array* array = node.as_array()) {
    for (const toml::node& value : *array) {
      values.push_back(value.value_or(std::int64_t{-1}));
    }
  }
  return values;
}

void expect_tensor(const TensorBinding& tensor, const toml::table& expected) {
  EXPECT_EQ(to_string(tensor.role), expected["direction"].value_or(std::string()));
  EXPECT_EQ(tensor.symbol, expected["symbol"].value_or(std::string()));
  EXPECT_EQ(tensor.name, expected["name"].value_or(std::string()));
  EXPECT_EQ(tensor.slot, expected["bar"].value_or(-1));
  EXPECT_EQ(tensor.address, expected["vmaddr"].value_or(std::uint64_t{0}));
  EXPECT_EQ(static_cast<int>(tensor.layout.type), expected["element_type"].value_or(-1));
  const SurfaceShape& s = tensor.layout.shape;
  EXPECT_EQ((std::vector<std::int64_t>{s.n, s.c, s.h, s.w, s.d}), integers(expected["shape_nchwd"]));
  const SurfaceStrides& t = tensor.layout.strides;
  EXPECT_EQ((std::vector<std::int64_t>{t.n, t.c, t.h, t.w}), integers(expected["strides_nchw"]));
  EXPECT_EQ(tensor.total_bytes, expected["bytes"].value_or(std::uint64_t{0}));
  EXPECT_EQ(tensor.extent, expected["extent"].value_or(std::uint64_t{0}));
}

void expect_tasks(const Procedure& procedure, const toml::table& expected) {
  const toml::array& tasks = *expected["tasks"].as_array();
  ASSERT_EQ(procedure.tasks.size(), tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const toml::table& task = *tasks[i].as_table();
    EXPECT_EQ(procedure.tasks[i].offset, task["offset"].value_or(-1));
    EXPECT_EQ(procedure.tasks[i].task.words().size(), task["words"].value_or(0U));
  }
}

TEST(ReadHwx, SaysWhatTheManifestSays) {
  OPENANE_NEEDS_CORPUS();
  for (const toml::table& file : manifest_files("hwx")) {
    SCOPED_TRACE(manifest_path(file));
    const Result<Program> program = read_hwx(load(manifest_path(file)));
    ASSERT_TRUE(program) << program.error().to_string();
    EXPECT_EQ(program->generation->id, file["generation"].value_or(std::string()));
    EXPECT_EQ(program->container, Program::Container::hwx);
    EXPECT_EQ(program->compiler, file["compiler"].value_or(std::string()));
    EXPECT_EQ(program->task_section.size(), file["text_size"].value_or(0U));
    EXPECT_EQ(program->scratch_bytes, file["bss_size"].value_or(1U));
    ASSERT_EQ(program->constants.size(), 1U);
    EXPECT_EQ(program->constants[0].slot, 1U);
    EXPECT_EQ(program->constants[0].name, "__TEXT,__const");
    EXPECT_EQ(program->constants[0].data.size(), file["const_size"].value_or(0U));
    const auto nonzero =
        std::ranges::count_if(program->constants[0].data.span(), [](std::uint8_t b) { return b != 0; });
    EXPECT_EQ(nonzero, file["const_nonzero_bytes"].value_or(-1));
    ASSERT_EQ(program->procedures.size(), 1U);
    const Procedure& procedure = program->procedures[0];
    EXPECT_EQ(procedure.name, file["procedure"].value_or(std::string()));
    expect_tasks(procedure, file);
    const toml::array& tensors = *file["tensor"].as_array();
    ASSERT_EQ(procedure.tensors.size(), tensors.size());
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      expect_tensor(procedure.tensors[i], *tensors[i].as_table());
    }
    EXPECT_EQ(program->warnings, std::vector<std::string>{});
  }
}

TEST(ReadHwx, TakesEveryProgramOfTheCorpusWithoutAWarning) {
  OPENANE_NEEDS_CORPUS();
  const std::vector<std::string> paths = all_hwx_files();
  EXPECT_EQ(paths.size(), 24U);
  for (const std::string& path : paths) {
    SCOPED_TRACE(path);
    const Result<Program> program = read_hwx(load(path));
    ASSERT_TRUE(program) << program.error().to_string();
    EXPECT_EQ(program->warnings, std::vector<std::string>{});
    const Result<std::vector<std::uint8_t>> section = program->encode_task_section();
    ASSERT_TRUE(section) << section.error().to_string();
    EXPECT_TRUE(std::ranges::equal(*section, program->task_section.span()));
  }
}

TEST(ReadHwx, ConstantsArePartsOfTheFile) {
  OPENANE_NEEDS_CORPUS();
  const Bytes file = load((corpus_folder() / "hwx/tinygrad/gemm.hwx").string());
  const Result<Program> program = read_hwx(file);
  ASSERT_TRUE(program);
  const std::uint8_t* constants = program->constants[0].data.data();
  EXPECT_GE(constants, file.data());
  EXPECT_LT(constants, file.data() + file.size());
}

}  // namespace
}  // namespace openane::test
