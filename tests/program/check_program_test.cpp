#include <gtest/gtest.h>

#include "openane/anec.h"
#include "openane/engine_op.h"
#include "openane/hwx.h"
#include "openane/raw_kernel.h"
#include "oracle_program.h"
#include "program/footprint.h"
#include "program_corpus.h"
#include "raw_layout.h"

namespace openane::test {
namespace {

std::vector<std::string> messages(const Program& program, bool fatal_only = false) {
  std::vector<std::string> out;
  for (const Finding& finding : check_program(program)) {
    if (finding.fatal || !fatal_only) {
      out.push_back(finding.message);
    }
  }
  return out;
}

Program read_corpus(const std::string& path) {
  const Bytes file = load((corpus_folder() / "hwx" / path).string());
  Result<Program> program = looks_like_hwx(file.span()) ? read_hwx(file) : read_anec(file);
  EXPECT_TRUE(program) << program.error().to_string();
  return program ? *std::move(program) : Program{};
}

TEST(CheckProgram, FindsNothingInWorkingPrograms) {
  OPENANE_NEEDS_CORPUS();
  for (const std::string& path : all_hwx_files()) {
    SCOPED_TRACE(path);
    EXPECT_EQ(messages(*read_hwx(load(path))), std::vector<std::string>{});
  }
  for (const toml::table& file : manifest_files("anec")) {
    if (file["path"].value_or(std::string()) == "allbilly/mul_macos14.ane") {
      continue;
    }
    SCOPED_TRACE(manifest_path(file));
    EXPECT_EQ(messages(*read_anec(load(manifest_path(file)))), std::vector<std::string>{});
  }
  for (const toml::table& file : manifest_files("raw")) {
    SCOPED_TRACE(manifest_path(file));
    EXPECT_EQ(messages(*read_raw_kernel(load(manifest_path(file)), raw_layout_of(file), "layout")),
              std::vector<std::string>{});
  }
}

TEST(CheckProgram, FindsNothingInDecodedPrograms) {
  OPENANE_NEEDS_CORPUS();
  const std::vector<OracleProgram> oracles = load_oracle_programs();
  EXPECT_GE(oracles.size(), 66U);
  for (const OracleProgram& oracle : oracles) {
    SCOPED_TRACE(oracle.name);
    EXPECT_EQ(messages(oracle.program), std::vector<std::string>{});
  }
}

TEST(CheckProgram, ReportsTheWrongFileOfTheCorpus) {
  OPENANE_NEEDS_CORPUS();
  const Program program = read_corpus("allbilly/mul_macos14.ane");
  const std::vector<std::string> expected = {
      "task 0: source 1 is read from slot 4 (output 'output0'), which no earlier task writes",
      "task 0: the result is written to slot 6 (input 'input1'), expected an output or scratch",
      "output 'output0' in slot 4 is written by no task",
  };
  EXPECT_EQ(messages(program, true), expected);
  // The program it was made from is fine, and so is the file that our writer makes of it.
  const Program source = read_corpus("allbilly/mul_macos14.hwx");
  EXPECT_EQ(messages(source), std::vector<std::string>{});
  EXPECT_EQ(messages(*read_anec(Bytes(*write_anec(source)))), std::vector<std::string>{});
}

/// Changes one field and expects the one finding that follows.
void expect_finding(Program program, std::string_view word, std::string_view field_name, std::uint32_t value,
                    const std::string& expected) {
  Task& task = program.procedures[0].tasks.back().task;
  const Register* reg = task.generation().find(word);
  ASSERT_NE(reg, nullptr) << word;
  const Field* field = reg->find(field_name);
  ASSERT_NE(field, nullptr) << field_name;
  const bool in_header = word.starts_with("Header");
  ASSERT_TRUE(task.set(FieldRef{reg->address, field->lsb, field->width, in_header}, value));
  const std::vector<std::string> found = messages(program);
  EXPECT_EQ(found, std::vector<std::string>{expected}) << word << "." << field_name << " = " << value;
}

TEST(CheckProgram, ReportsWhatLeavesItsSurface) {
  OPENANE_NEEDS_CORPUS();
  // 64 channels of 1x1, 64 bytes apart: 64 * 64 = 0x1000 bytes, the last element ends at 63 * 64 + 2 = 0xfc2.
  const Program sum = read_corpus("tinygrad/sum.hwx");
  expect_finding(sum, "TileDMASrc.Src1BaseAddr", "Addr", 1,
                 "task 0: source 1 reads 64x1x1x1 elements (C, H, W, groups) from 0x40 of slot 6, up to 0x1002; input "
                 "'image' has 0x1000 bytes");
  expect_finding(sum, "TileDMASrc.Src2PlaneStride", "Stride", 2,
                 "task 0: source 2 reads 64x1x1x1 elements (C, H, W, groups) from 0x0 of slot 5, up to 0x1f82; input "
                 "'image2' has 0x1000 bytes");
  expect_finding(sum, "TileDMADst.BaseAddr", "Addr", 2,
                 "task 0: the result takes 64x1x1x1 elements (C, H, W, groups) from 0x80 of slot 4, up to 0x1042; "
                 "output 'probs@output' has 0x1000 bytes");
  const Program conv = read_corpus("tinygrad/conv.hwx");
  expect_finding(conv, "KernelDMASrc.CoeffBaseAddr2", "Addr", 3,
                 "task 0: coefficient stream 2 takes 0x40 bytes at 0xc0 of slot 1 (the constants), which has 0xc0");
}

TEST(CheckProgram, ReportsSlotsThatDoNotFit) {
  OPENANE_NEEDS_CORPUS();
  const Program sum = read_corpus("tinygrad/sum.hwx");
  expect_finding(sum, "Header8", "RBase0", 9, "task 0: Header8.RBase0 selects slot 9, which is bound to nothing");
  expect_finding(sum, "Header8", "RBase1", 0, "task 0: source 2 is read from slot 0, the tasks themselves");
  expect_finding(sum, "Header8", "RBase0", 4,
                 "task 0: source 1 is read from slot 4 (output 'probs@output'), which no earlier task writes");
  const Program conv = read_corpus("tinygrad/conv.hwx");
  expect_finding(conv, "Header9", "KBase0", 9, "task 0: Header9.KBase0 selects slot 9, which is bound to nothing");
  Program twice = sum;
  twice.procedures[0].tensors[0].slot = 1;
  EXPECT_EQ(messages(twice).at(0), "slot 1 is bound twice, to the constants and to another");
}

TEST(CheckProgram, ReportsTasksThatAreNotWhereTheChainSays) {
  OPENANE_NEEDS_CORPUS();
  Program concat = read_corpus("tinygrad/concat.hwx");
  ASSERT_EQ(concat.procedures[0].tasks.size(), 2U);
  Program moved = concat;
  moved.procedures[0].tasks[1].offset = 0x400;
  EXPECT_EQ(messages(moved), std::vector<std::string>{"task 0: its header has the next task at 0x300, it is at 0x400"});
  Program overlapping = concat;
  overlapping.procedures[0].tasks[1].offset = 0x200;
  EXPECT_EQ(messages(overlapping).back(), "the task at 0x200 overlaps another, which ends at 0x274");
  Program cut = concat;
  cut.procedures[0].tasks.pop_back();
  EXPECT_EQ(messages(cut).size(), 2U) << "offset and size of the task that is gone";
}

// ------------------------------------------------------------------------------------------------- footprint

/// Every byte of every element, by the formula of h13-isa.md 3.1.
std::uint64_t end_by_enumeration(const SurfaceView& view, const Extent& extent, std::uint32_t groups) {
  std::uint64_t end = 0;
  const std::uint32_t element = view.type == ElementType::float16 ? 2 : 1;
  for (std::uint32_t g = 0; g < groups; ++g) {
    for (std::uint32_t d = 0; d < extent.depth; ++d) {
      for (std::uint32_t c = 0; c < extent.channels; ++c) {
        for (std::uint32_t y = 0; y < extent.height; ++y) {
          for (std::uint32_t x = 0; x < extent.width; ++x) {
            const std::uint64_t at =
                view.offset + std::uint64_t{g} * view.strides.group + std::uint64_t{d} * view.strides.depth +
                std::uint64_t{c / view.interleave} * view.strides.channel + std::uint64_t{y} * view.strides.row +
                std::uint64_t{x * view.interleave + c % view.interleave} * element;
            end = std::max(end, at + element);
          }
        }
      }
    }
  }
  return end;
}

TEST(Footprint, IsTheEndOfTheLastElement) {
  std::uint32_t state = 12345;
  const auto draw = [&](std::uint32_t limit) {
    state = state * 1664525 + 1013904223;
    return (state >> 8) % limit;
  };
  for (int i = 0; i < 3000; ++i) {
    SurfaceView view;
    view.offset = draw(5) * 64;
    view.interleave = static_cast<std::uint8_t>(1 + draw(5));
    view.type = draw(2) == 0 ? ElementType::float16 : ElementType::uint8;
    view.strides = {draw(4) * 16, draw(4) * 8, draw(4) * 32, draw(3) * 64};
    const Extent extent{1 + draw(5), 1 + draw(4), 1 + draw(2), 1 + draw(9)};
    const std::uint32_t groups = 1 + draw(3);
    ASSERT_EQ(surface_end(view, extent, groups), end_by_enumeration(view, extent, groups))
        << "case " << i << ": interleave " << int{view.interleave} << " extents " << extent.channels << "x"
        << extent.height << "x" << extent.width;
  }
}

TEST(Footprint, DoesNotOverflow) {
  SurfaceView view;
  view.offset = 0xffffffff;
  view.strides = {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff};
  const Extent extent{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff};
  EXPECT_EQ(surface_end(view, extent, 0xffffffff), UINT64_MAX);
}

}  // namespace
}  // namespace openane::test
