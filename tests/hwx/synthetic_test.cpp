// Forms of the container that no public file shows: several procedures, generations after H13, the macOS 27 container.
// The first two are built here from real tasks by the published layouts.
#include <gtest/gtest.h>

#include "base/byte_reader.h"
#include "hwx/build_hwx.h"
#include "hwx/parsed.h"
#include "openane/engine_op.h"
#include "openane/hwx.h"
#include "openane/runtime_description.h"

namespace openane::test {
namespace {

Task small_task(const Generation& generation) {
  Task task(generation);
  const std::vector<std::uint32_t> header(generation.header_words, 0);
  task.set_header(header);
  const std::vector<std::uint32_t> values = {1, 2};
  EXPECT_TRUE(task.add_dense(0, values));
  return task;
}

TensorBinding tensor(std::string name, TensorRole role, std::uint32_t slot, std::int64_t channels) {
  TensorBinding binding;
  binding.name = role == TensorRole::output ? name + "@output" : name;
  binding.symbol = std::move(name);
  binding.role = role;
  binding.slot = slot;
  binding.layout.shape = {1, channels, 1, 8, 1};
  binding.layout.strides = {64 * channels, 64, 64, 2, 0};
  binding.total_bytes = static_cast<std::uint64_t>(64 * channels);
  return binding;
}

/// As section 9 of hwx-container.md has it: two resolutions of one model, every symbol occurring in both.
Program two_procedures() {
  Program program;
  program.generation = find_generation("H13");
  std::vector<Task> tasks(3, small_task(*program.generation));
  tasks[1].mutable_words()[4] = 0x7;  // Debug events of the second procedure.
  const std::vector<std::string> names = {"0@res_320x320", "0@default"};
  for (std::uint32_t i = 0; i < 2; ++i) {
    Procedure& procedure = program.procedures.emplace_back();
    procedure.name = names[i];
    procedure.tensors = {tensor("input_tensor", TensorRole::input, 5, 3 + i),
                         tensor("output_tensor", TensorRole::output, 4, 3 + i)};
  }
  std::vector<PlacedTask> first = link_tasks({tasks[0]}).value();
  std::vector<PlacedTask> second = link_tasks({tasks[1], tasks[2]}).value();
  program.procedures[0].tasks = first;
  // The second chain follows at the next 0x100; its offsets count from there.
  program.procedures[1].task_base = 0x100;
  for (PlacedTask& task : second) {
    task.offset += 0x100;
  }
  program.procedures[1].tasks = second;
  return program;
}

TEST(SyntheticHwx, HoldsSeveralProcedures) {
  for (const HwxProfile profile : {HwxProfile::v4, HwxProfile::v5, HwxProfile::v7, HwxProfile::v9}) {
    SCOPED_TRACE(static_cast<int>(profile));
    const Program program = two_procedures();
    const Result<std::vector<std::uint8_t>> written = write_hwx(program, profile);
    ASSERT_TRUE(written) << written.error().to_string();
    const Result<Program> again = read_hwx(Bytes(*written));
    ASSERT_TRUE(again) << again.error().to_string();
    EXPECT_EQ(again->warnings, std::vector<std::string>{});
    ASSERT_EQ(again->procedures.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(again->procedures[i].name, program.procedures[i].name);
      EXPECT_EQ(again->procedures[i].tasks, program.procedures[i].tasks);
      EXPECT_EQ(again->procedures[i].task_base, program.procedures[i].task_base);
      ASSERT_EQ(again->procedures[i].tensors.size(), 2U);
      EXPECT_EQ(again->procedures[i].tensors[0].layout.shape.c, 3 + static_cast<std::int64_t>(i));
    }
    // The symbols are the same, the buffers are not.
    EXPECT_EQ(again->procedures[0].tensors[0].symbol, again->procedures[1].tensors[0].symbol);
    EXPECT_NE(again->procedures[0].tensors[0].address, again->procedures[1].tensors[0].address);
    const Result<std::vector<std::uint8_t>> same = write_hwx(*again, profile);
    ASSERT_TRUE(same);
    EXPECT_EQ(*same, *written);
  }
}

TEST(SyntheticHwx, IsDescribedAsTheRuntimeDoes) {
  const Result<std::vector<std::uint8_t>> written = write_hwx(two_procedures(), HwxProfile::v7);
  ASSERT_TRUE(written);
  const RuntimeDescription description = describe_for_runtime(*read_hwx(Bytes(*written)));
  // The published log of a load: names to IDs, symbols concatenated and repeated, indices into all of them.
  ASSERT_EQ(description.procedures.size(), 2U);
  EXPECT_EQ(description.procedures[0].name, "0@res_320x320");
  EXPECT_EQ(description.procedures[1].id, 1U);
  EXPECT_EQ(description.input_symbols, (std::vector<std::string>{"input_tensor", "input_tensor"}));
  EXPECT_EQ(description.procedures[0].input_symbol_indices, std::vector<std::uint32_t>{0});
  EXPECT_EQ(description.procedures[1].input_symbol_indices, std::vector<std::uint32_t>{1});
  EXPECT_EQ(description.procedures[1].output_symbol_indices, std::vector<std::uint32_t>{1});
  const RuntimeTensor& output = description.procedures[1].outputs.at(0);
  EXPECT_EQ(output.name, "output_tensor@output");
  EXPECT_EQ(output.symbol, "output_tensor");
  EXPECT_EQ(output.type, ElementType::float16);
  EXPECT_EQ(output.batches, 1);
  EXPECT_EQ(output.channels, 4);
  EXPECT_EQ(output.height, 1);
  EXPECT_EQ(output.width, 8);
  EXPECT_EQ(output.depth, 1);
  EXPECT_EQ(output.batch_stride, 256);
  EXPECT_EQ(output.plane_stride, 64);
  EXPECT_EQ(output.row_stride, 64);
  EXPECT_EQ(output.interleave, 1U);
}

// ------------------------------------------------------------------------------------------------ other generations

/// An H13 container whose program thread is replaced by one of flavor 4: 16-byte slots, other offsets
/// (hwx-container.md 6.2).
std::vector<std::uint8_t> modern_container(const Generation& generation, std::span<const std::uint8_t> text) {
  Program program;
  program.generation = find_generation("H13");
  Procedure& procedure = program.procedures.emplace_back();
  procedure.name = "main";
  procedure.tensors = {tensor("x", TensorRole::input, 6, 4), tensor("y", TensorRole::output, 7, 4)};
  procedure.tasks = link_tasks({small_task(*program.generation)}).value();
  program.constants.push_back({"__KERN_0,__kern_0", 8, Bytes(std::vector<std::uint8_t>(0x100, 0x11))});
  std::vector<std::uint8_t> file = write_hwx(program, HwxProfile::v9).value();
  const Bytes bytes(file);
  const hwx::Parsed parsed = hwx::parse_hwx(bytes).value();
  const hwx::ProgramDescriptor& old = parsed.programs.at(0);
  const std::uint64_t at = old.header;
  const std::uint32_t old_size = load_le<std::uint32_t>(file.data() + at + 4);
  // One TLV: as long as the shortest published form, and 0x10 longer than H13's.
  constexpr std::uint32_t kSize = 0x890;
  std::vector<std::uint8_t> thread(kSize);
  const auto put32 = [&](std::size_t offset, std::uint32_t value) { store_le(thread.data() + offset, value); };
  const auto put64 = [&](std::size_t offset, std::uint64_t value) { store_le(thread.data() + offset, value); };
  put32(0, hwx::kThread);
  put32(4, kSize);
  put32(8, 4);
  put32(12, 0x21e);
  for (std::size_t slot = 0; slot < 128; ++slot) {
    put64(0x10 + 16 * slot, old.slots[slot]);
  }
  put64(0x810, old.text_address);
  put32(0x830, 1);
  put64(0x838, UINT64_MAX);
  put32(0x844, 0xffff);
  put32(0x848, 0x888);
  put64(0x870, 1);
  put32(0x878, 9);
  put32(0x87c, 8);
  std::ranges::copy(std::string_view("main"), thread.begin() + 0x888);
  file.erase(file.begin() + static_cast<std::ptrdiff_t>(at), file.begin() + static_cast<std::ptrdiff_t>(at + old_size));
  file.insert(file.begin() + static_cast<std::ptrdiff_t>(at), thread.begin(), thread.end());
  const std::uint64_t grown = kSize - old_size;
  // The padding before the first segment takes up the difference.
  const auto padding = file.begin() + static_cast<std::ptrdiff_t>(parsed.image.tables_end + grown);
  file.erase(padding, padding + static_cast<std::ptrdiff_t>(grown));
  store_le(file.data() + 8, generation.cpu_subtypes.front());
  const auto grow = [&](std::size_t offset) {
    store_le(file.data() + offset, load_le<std::uint32_t>(file.data() + offset) + static_cast<std::uint32_t>(grown));
  };
  grow(20);
  const std::size_t symtab = hwx::kHeaderSize + load_le<std::uint32_t>(file.data() + 20) - hwx::kSymtabCommandSize;
  grow(symtab + 8);
  grow(symtab + 16);
  store_le(file.data() + parsed.text->header + 40, std::uint64_t{text.size()});
  std::ranges::copy(text, file.begin() + static_cast<std::ptrdiff_t>(parsed.text->file_offset));
  return file;
}

TEST(SyntheticHwx, ReadsProgramsOfLaterGenerations) {
  for (const std::string_view id : {"H14", "H15", "H16", "H17", "H18"}) {
    SCOPED_TRACE(id);
    const Generation& generation = *find_generation(id);
    const std::vector<PlacedTask> tasks = link_tasks({small_task(generation)}).value();
    const std::vector<std::uint8_t> text = encode_tasks(tasks).value();
    ASSERT_LE(text.size(), 64U);
    const std::vector<std::uint8_t> file = modern_container(generation, text);
    const Result<Program> program = read_hwx(Bytes(file));
    ASSERT_TRUE(program) << program.error().to_string();
    EXPECT_EQ(program->generation, &generation);
    EXPECT_EQ(program->procedures[0].tasks, tasks);
    EXPECT_EQ(program->procedures[0].find("x")->slot, 6U);
    EXPECT_EQ(program->procedures[0].find("y")->slot, 7U);
    ASSERT_EQ(program->constants.size(), 2U);
    EXPECT_EQ(program->constants[1].slot, 8U);
    const Result<std::vector<std::uint8_t>> same = write_hwx(*program);
    ASSERT_TRUE(same) << same.error().to_string();
    EXPECT_EQ(*same, file);
    // Only files of compilers v9 are known.
    const Result<std::vector<std::uint8_t>> built = write_hwx(*program, HwxProfile::v5);
    ASSERT_FALSE(built);
    EXPECT_EQ(built.error().category, ErrorCategory::missing_specification);
  }
}

std::vector<std::uint8_t> h13_container() {
  Program program = two_procedures();
  program.procedures.pop_back();
  return write_hwx(program, HwxProfile::v7).value();
}

struct OtherSubtype {
  std::uint32_t subtype;
  ErrorCategory category;
  std::string_view message;
};

TEST(SyntheticHwx, NamesGenerationsItCannotRead) {
  const std::vector<OtherSubtype> cases = {
      {2, ErrorCategory::missing_specification, "generation T0 (cpu subtype 2, task format 4)"},
      {3, ErrorCategory::missing_specification, "generation H12 (cpu subtype 3, task format 6)"},
      {17, ErrorCategory::missing_specification, "generation M12 (cpu subtype 17, task format 26)"},
      {12, ErrorCategory::missing_specification, "cpu subtype 12 (an unnamed generation, task format 31)"},
      {77, ErrorCategory::missing_specification, "cpu subtype 77, which names no known generation"},
      {5, ErrorCategory::malformed_input,
       "program thread of flavor 1, expected 4 for generation H14 (cpu subtype 5, task format 11)"},
  };
  for (const OtherSubtype& other : cases) {
    SCOPED_TRACE(other.subtype);
    std::vector<std::uint8_t> file = h13_container();
    store_le(file.data() + 8, other.subtype);
    const Result<Program> program = read_hwx(Bytes(file));
    ASSERT_FALSE(program);
    EXPECT_EQ(program.error().category, other.category);
    EXPECT_NE(program.error().message.find(other.message), std::string::npos) << program.error().message;
  }
}

TEST(SyntheticHwx, RecognisesTheRuntimeContainerOfMacOs27) {
  // Eight load commands, among them a segment __RUNTIME; no threads (hwx-container.md 14).
  std::vector<std::uint8_t> file(0x4000);
  store_le(file.data(), hwx::kMagic);
  store_le(file.data() + 4, hwx::kCpuType);
  store_le(file.data() + 8, hwx::kRuntimeSubtype);
  store_le(file.data() + 12, hwx::kFileType);
  store_le(file.data() + 16, 1U);
  store_le(file.data() + 20, 72U);
  store_le(file.data() + 32, hwx::kSegment);
  store_le(file.data() + 36, 72U);
  std::ranges::copy(std::string_view("__RUNTIME"), file.begin() + 40);
  const Result<Program> program = read_hwx(Bytes(file));
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().category, ErrorCategory::not_implemented);
  EXPECT_NE(program.error().message.find("runtime container of macOS 27"), std::string::npos)
      << program.error().message;
  EXPECT_NE(program.error().message.find("H18G"), std::string::npos) << program.error().message;
}

}  // namespace
}  // namespace openane::test
