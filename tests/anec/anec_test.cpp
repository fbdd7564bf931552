#include "openane/anec.h"

#include <gtest/gtest.h>

#include "base/byte_reader.h"
#include "openane/hwx.h"
#include "program_corpus.h"

namespace openane::test {
namespace {

Program read(const std::string& path) {
  const Bytes file = load(path);
  Result<Program> program = looks_like_anec(file.span()) ? read_anec(file) : read_hwx(file);
  EXPECT_TRUE(program) << path << ": " << program.error().to_string();
  return program ? *std::move(program) : Program{};
}

std::vector<std::int64_t> integers(const toml::array& array) {
  std::vector<std::int64_t> values;
  for (const toml::node& value : array) {
    values.push_back(value.value_or(std::int64_t{-1}));
  }
  return values;
}

TEST(ReadAnec, SaysWhatTheManifestSays) {
  OPENANE_NEEDS_CORPUS();
  const std::vector<toml::table> files = manifest_files("anec");
  EXPECT_EQ(files.size(), 8U);
  for (const toml::table& file : files) {
    SCOPED_TRACE(manifest_path(file));
    const Program program = read(manifest_path(file));
    EXPECT_EQ(program.container, Program::Container::anec);
    EXPECT_EQ(program.generation->id, "H13");
    EXPECT_EQ(program.warnings, std::vector<std::string>{});
    ASSERT_EQ(program.procedures.size(), 1U);
    const Procedure& procedure = program.procedures[0];
    EXPECT_EQ(program.task_section.size(), file["tsk_size"].value_or(0U));
    EXPECT_EQ(program.constants.at(0).data.size(), file["krn_size"].value_or(0U));
    EXPECT_EQ(procedure.tasks.size(), file["td_count"].value_or(0U));
    EXPECT_EQ(procedure.tasks.at(0).task.size_bytes(), file["td_size"].value_or(0U));
    const auto role = [](TensorRole wanted) {
      return [wanted](const TensorBinding& tensor) { return tensor.role == wanted; };
    };
    EXPECT_EQ(std::ranges::count_if(procedure.tensors, role(TensorRole::input)), file["src_count"].value_or(-1));
    EXPECT_EQ(std::ranges::count_if(procedure.tensors, role(TensorRole::output)), file["dst_count"].value_or(-1));
    for (const auto& [slot, shape] : *file["nchw"].as_table()) {
      const TensorBinding* tensor =
          procedure.find_slot(static_cast<std::uint32_t>(std::stoul(std::string(slot.str()))));
      ASSERT_NE(tensor, nullptr);
      const SurfaceLayout& layout = tensor->layout;
      EXPECT_EQ((std::vector<std::int64_t>{layout.shape.n, layout.shape.c, layout.shape.h, layout.shape.w,
                                           layout.strides.c, layout.strides.h}),
                integers(*shape.as_array()));
    }
  }
}

TEST(WriteAnec, GivesBackEveryFileOfTheCorpus) {
  OPENANE_NEEDS_CORPUS();
  for (const toml::table& file : manifest_files("anec")) {
    SCOPED_TRACE(manifest_path(file));
    const Bytes bytes = load(manifest_path(file));
    const Result<std::vector<std::uint8_t>> written = write_anec(read(manifest_path(file)));
    ASSERT_TRUE(written) << written.error().to_string();
    EXPECT_TRUE(std::ranges::equal(*written, bytes.span()));
  }
}

TEST(WriteAnec, ConvertsHwxAsAneccDid) {
  OPENANE_NEEDS_CORPUS();
  int compared = 0;
  for (const toml::table& file : manifest_files("anec")) {
    const std::string source = file["derived_from"].value_or(std::string());
    if (source.empty() || source.find("macos14") != std::string::npos) {
      continue;
    }
    SCOPED_TRACE(manifest_path(file) + " from " + source);
    const Bytes expected = load(manifest_path(file));
    const Result<std::vector<std::uint8_t>> written = write_anec(read((corpus_folder() / "hwx" / source).string()));
    ASSERT_TRUE(written) << written.error().to_string();
    EXPECT_TRUE(std::ranges::equal(*written, expected.span()));
    ++compared;
  }
  EXPECT_EQ(compared, 7);
}

TEST(WriteAnec, RenumbersSlotsThatAreNotOutputsFirst) {
  OPENANE_NEEDS_CORPUS();
  // This compiler bound image to 4, image2 to 5 and probs to 6; anecc took 4 for the output and made a program that
  // computes nothing.
  const Program program = read((corpus_folder() / "hwx/allbilly/mul_macos14.hwx").string());
  const Bytes wrong = load((corpus_folder() / "hwx/allbilly/mul_macos14.ane").string());
  const Result<std::vector<std::uint8_t>> written = write_anec(program);
  ASSERT_TRUE(written) << written.error().to_string();
  ASSERT_EQ(written->size(), wrong.size());
  EXPECT_EQ(load_le<std::uint32_t>(wrong.data() + 0x1020), 0x00026964U);
  EXPECT_EQ(load_le<std::uint32_t>(written->data() + 0x1020), 0x000249a5U) << "reads 5 and 6, writes 4";
  std::vector<std::uint8_t> patched = copy_of(wrong);
  store_le(patched.data() + 0x1020, std::uint32_t{0x000249a5});
  EXPECT_EQ(*written, patched);
  const Result<Program> again = read_anec(Bytes(*written));
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->procedures[0].find_slot(4)->role, TensorRole::output);
}

TEST(WriteAnec, WritesTheShortHeader) {
  OPENANE_NEEDS_CORPUS();
  const Program program = read((corpus_folder() / "hwx/tinygrad/concat.hwx").string());
  const Result<std::vector<std::uint8_t>> tall = write_anec(program);
  const Result<std::vector<std::uint8_t>> small = write_anec(program, AnecHeader::bytes_0x800);
  ASSERT_TRUE(tall && small);
  ASSERT_EQ(small->size() + 0x800, tall->size());
  EXPECT_TRUE(std::equal(small->begin(), small->begin() + 0x800, tall->begin()));
  EXPECT_TRUE(std::equal(small->begin() + 0x800, small->end(), tall->begin() + 0x1000));
  const Result<Program> again = read_anec(Bytes(*small));
  ASSERT_TRUE(again) << again.error().to_string();
  const Result<std::vector<std::uint8_t>> same = write_anec(*again);
  ASSERT_TRUE(same);
  EXPECT_EQ(*same, *small);
}

/// One task of `words` words without records behind the header, and constants.
Program small_program(std::uint32_t words, std::size_t constant_bytes) {
  Program program;
  program.generation = find_generation("H13");
  Task task(*program.generation);
  const std::vector<std::uint32_t> header(10, 0);
  task.set_header(header);
  const std::vector<std::uint32_t> values(words - 11, 0);
  EXPECT_TRUE(task.add_dense(0, values));
  Procedure& procedure = program.procedures.emplace_back();
  procedure.name = "main";
  procedure.tasks.push_back({std::move(task), 0});
  if (constant_bytes != 0) {
    program.constants.push_back({{}, 1, Bytes(std::vector<std::uint8_t>(constant_bytes, 0x5a))});
  }
  return program;
}

TEST(WriteAnec, ConstantsStandWhereDriverAndCompilerAgree) {
  // The driver looks for the constants at the next multiple of 16, the compiler puts them at the next multiple of 64.
  for (std::uint32_t words = 12; words < 60; ++words) {
    SCOPED_TRACE(words);
    const Result<std::vector<std::uint8_t>> written = write_anec(small_program(words, 64));
    ASSERT_TRUE(written) << written.error().to_string();
    const std::uint64_t tasks = load_le<std::uint64_t>(written->data() + 0x10);
    EXPECT_EQ(align_up(tasks, 16) % 64, 0U);
    EXPECT_EQ((*written)[0x1000 + align_up(tasks, 16)], 0x5a);
    const Result<Program> again = read_anec(Bytes(*written));
    ASSERT_TRUE(again) << again.error().to_string();
    EXPECT_EQ(again->procedures[0].tasks.size(), 1U);
  }
}

TEST(WriteAnec, RefusesWhatTheFormatCannotSay) {
  const auto message_of = [](const Program& program) {
    const Result<std::vector<std::uint8_t>> written = write_anec(program);
    EXPECT_FALSE(written);
    EXPECT_EQ(written ? ErrorCategory::internal : written.error().category, ErrorCategory::unsupported);
    return written ? std::string() : written.error().message;
  };
  Program program = small_program(16, 0);
  TensorBinding tensor;
  tensor.name = "x";
  tensor.slot = 4;
  tensor.layout.shape = {1, 1, 1, 8, 1};
  tensor.layout.strides = {64, 64, 64, 2, 0};
  program.procedures[0].tensors.push_back(tensor);
  ASSERT_TRUE(write_anec(program));
  Program wrong = program;
  wrong.procedures.push_back(wrong.procedures[0]);
  EXPECT_NE(message_of(wrong).find("2 procedures"), std::string::npos);
  wrong = program;
  wrong.procedures[0].tensors[0].layout.type = ElementType::uint8;
  EXPECT_NE(message_of(wrong).find("fp16"), std::string::npos);
  wrong = program;
  wrong.procedures[0].tensors[0].layout.interleave = 4;
  EXPECT_NE(message_of(wrong).find("interleave"), std::string::npos);
  wrong = program;
  wrong.procedures[0].tensors[0].layout.strides.h = 32;
  EXPECT_NE(message_of(wrong).find("row stride"), std::string::npos);
  wrong = program;
  wrong.procedures[0].tensors[0].layout.strides.c = 96;
  EXPECT_NE(message_of(wrong).find("plane stride"), std::string::npos);
  wrong = program;
  wrong.constants.push_back({"__KERN_0,__kern_0", 7, Bytes(std::vector<std::uint8_t>(64))});
  EXPECT_NE(message_of(wrong).find("slot 1"), std::string::npos);
}

}  // namespace
}  // namespace openane::test
