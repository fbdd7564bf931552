// HWX of H14 and later, built from nothing: program descriptors word for word as published for Apple's programs
// (joshuaswarren/mil-hwx-compiler:research/oracles/h14..h18, program_descriptor_words), and read back to the same
// program.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "bad_input.h"
#include "base/byte_reader.h"
#include "hwx/format.h"
#include "hwx/parsed.h"
#include "isa/sample_streams.h"
#include "openane/hwx.h"

namespace openane::test {
namespace {

/// An fp16 tensor of 1 x 64 x 8 x 8, as every one of these programs has.
TensorBinding tensor(std::string name, TensorRole role, std::uint32_t slot) {
  TensorBinding binding;
  binding.name = role == TensorRole::output ? name + "@output" : name;
  binding.symbol = std::move(name);
  binding.role = role;
  binding.slot = slot;
  binding.layout.shape = {1, 64, 8, 8, 1};
  binding.layout.strides = {32768, 512, 64, 2, 0};
  binding.total_bytes = 32768;
  return binding;
}

/// A binary operation on x and z; slots are given to symbols in alphabetical order.
Program binary_program(const Generation& generation, std::span<const std::uint8_t> section) {
  Program program;
  program.generation = &generation;
  Procedure& procedure = program.procedures.emplace_back();
  procedure.name = "main";
  const std::uint32_t slot = generation.first_tensor_slot;
  procedure.tensors = {tensor("x", TensorRole::input, slot), tensor("z", TensorRole::input, slot + 2),
                       tensor("y", TensorRole::output, slot + 1)};
  Result<std::vector<PlacedTask>> tasks = decode_tasks(generation, section, 0, 0, 0);
  EXPECT_TRUE(tasks) << tasks.error().to_string();
  procedure.tasks = *std::move(tasks);
  program.task_section = Bytes(std::vector<std::uint8_t>(section.begin(), section.end()));
  return program;
}

using Words = std::map<std::uint32_t, std::uint32_t>;

/// The words of the program descriptor that are not zero, by their offset in the command.
Words descriptor_words(std::span<const std::uint8_t> file) {
  hwx::Warnings warnings;
  const Result<hwx::Image> image = hwx::parse_image(file, warnings);
  EXPECT_TRUE(image) << image.error().to_string();
  Words words;
  for (const hwx::Thread& thread : image->threads) {
    if (thread.flavor == hwx::kTensorFlavor) {
      continue;
    }
    for (std::uint32_t offset = 0; offset < thread.size; offset += 4) {
      if (const auto word = load_le<std::uint32_t>(file.data() + thread.header + offset); word != 0) {
        words[offset] = word;
      }
    }
  }
  return words;
}

std::string text(const Words& words) {
  std::string out;
  for (const auto& [offset, word] : words) {
    out += fmt::format("{:#05x}: {:#010x}\n", offset, word);
  }
  return out;
}

std::vector<std::uint8_t> write(const Program& program) {
  const Result<std::vector<std::uint8_t>> file = write_hwx(program);
  EXPECT_TRUE(file) << file.error().to_string();
  if (!file) {
    return {};
  }
  // Reading gives the same program back, without a complaint, and writing that the same file.
  const Result<Program> again = read_hwx(Bytes(*file));
  EXPECT_TRUE(again) << again.error().to_string();
  if (again) {
    EXPECT_EQ(again->warnings, std::vector<std::string>{});
    EXPECT_EQ(again->generation, program.generation);
    EXPECT_EQ(again->procedures[0].tasks, program.procedures[0].tasks);
    EXPECT_TRUE(std::ranges::equal(again->task_section.span(), program.task_section.span()));
    EXPECT_EQ(again->procedures[0].find("x")->slot, program.procedures[0].find("x")->slot);
    EXPECT_EQ(again->procedures[0].find("y")->slot, program.procedures[0].find("y")->slot);
    EXPECT_EQ(*write_hwx(*again), *file);
  }
  return *file;
}

SampleStream stream(std::string_view name) {
  for (SampleStream& each : sample_streams()) {
    if (each.name == name) {
      return std::move(each);
    }
  }
  ADD_FAILURE() << name;
  return {};
}

/// binary_add_1x64x8x8 for H14: one task after its frame.
constexpr std::uint32_t kH14Add[] = {
    0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x003e0000, 0x00000002, 0x0000002a, 0x00000000, 0x00fff868,
    0x00000000, 0x00000000, 0x00000001, 0x00000640, 0x00000080, 0xb60e0000, 0x00080008, 0x00000040, 0x00000040,
    0x00080008, 0x00000008, 0x00000034, 0x00000033, 0x00000000, 0x00018440, 0x00000e21, 0x00000e20, 0x000000ce,
    0x000000ce, 0xb0308446, 0x00000040, 0x00000200, 0x00000040, 0x00000200, 0x01002031, 0x01002031, 0x87ff0141,
    0x01500172, 0x00000010, 0x00000420, 0x00000400, 0x00000400, 0x00002100, 0x00000010, 0x00000420, 0x00000400,
    0x00000400, 0x0050017a, 0x00004200, 0x00000240, 0x00080000, 0x804c0540, 0x01000e31, 0x00000040, 0x00000200,
    0x01302031, 0x00000549, 0x0000dead, 0x22008444, 0x00000000, 0x00000000, 0x2300844a, 0x00000000, 0x00000000,
    0x22808542, 0x00000000, 0x00000000};

TEST(LaterHwx, DescriptorOfH14IsThePublishedOne) {
  SampleStream add;
  add.words.assign(std::begin(kH14Add), std::end(kH14Add));
  const Words published = {{0x000, 4},          {0x004, 0x890},      {0x008, 4},          {0x00c, 0x21e},
                           {0x010, 0x30018000}, {0x020, 0x30018140}, {0x050, 0x30000000}, {0x060, 0x30008000},
                           {0x070, 0x30010000}, {0x810, 0x30018000}, {0x820, 4},          {0x824, 66},
                           {0x830, 1},          {0x838, 0xffffffff}, {0x83c, 0xffffffff}, {0x844, 0xffff},
                           {0x848, 0x888},      {0x860, 0x11},       {0x868, 3},          {0x870, 1},
                           {0x878, 9},          {0x87c, 8},          {0x880, 2},          {0x888, 0x6e69616d}};
  const Words built = descriptor_words(write(binary_program(*find_generation("H14"), add.bytes())));
  EXPECT_EQ(built, published) << text(built);
}

TEST(LaterHwx, DescriptorOfH15IsThePublishedOne) {
  const SampleStream division = stream("h15 div");
  Program program = binary_program(*division.generation, division.bytes());
  program.constants.push_back({"", 1, Bytes(std::vector<std::uint8_t>(128, 1))});
  const Words published = {{0x000, 4},          {0x004, 0x890},      {0x008, 4},          {0x00c, 0x21e},
                           {0x010, 0x30018000}, {0x020, 0x30018200}, {0x070, 0x30000000}, {0x080, 0x30008000},
                           {0x090, 0x30010000}, {0x810, 0x30018000}, {0x820, 4},          {0x824, 0x74},
                           {0x830, 2},          {0x838, 0xffffffff}, {0x83c, 0xffffffff}, {0x844, 0xffff},
                           {0x848, 0x888},      {0x860, 0x1f},       {0x868, 5},          {0x870, 1},
                           {0x878, 9},          {0x87c, 8},          {0x880, 1},          {0x888, 0x6e69616d}};
  const Words built = descriptor_words(write(program));
  EXPECT_EQ(built, published) << text(built);
}

TEST(LaterHwx, DescriptorsOfH17AndH18AreThePublishedOnes) {
  for (const std::string_view name : {"h17 add", "h18 add"}) {
    SCOPED_TRACE(name);
    const SampleStream add = stream(name);
    const Words published = {{0x000, 4},          {0x004, 0x8a0},      {0x008, 4},          {0x00c, 0x222},
                             {0x010, 0x30018000}, {0x020, 0x30018180}, {0x070, 0x30000000}, {0x080, 0x30008000},
                             {0x090, 0x30010000}, {0x810, 0x30018000}, {0x820, 4},          {0x824, 0x52},
                             {0x830, 1},          {0x838, 0xffffffff}, {0x83c, 0xffffffff}, {0x844, 0xffff},
                             {0x848, 0x898},      {0x860, 0x10},       {0x868, 4},          {0x870, 2},
                             {0x878, 7},          {0x87c, 8},          {0x880, 0x461c4000}, {0x888, 9},
                             {0x88c, 8},          {0x890, 1},          {0x898, 0x6e69616d}};
    const Words built = descriptor_words(write(binary_program(*add.generation, add.bytes())));
    EXPECT_EQ(built, published) << text(built);
  }
}

/// With a kernel section, whose slot and address follow the tensors' (binary_real_div_1x64x8x8 for H16 has 0x30020000),
/// and with scratch (HWXObjectWriter.mm@01df3e66, run on an M4 by its author).
TEST(LaterHwx, H16HasAKernelSectionAndRecordsOfItsScratch) {
  const SampleStream maximum = stream("h16 max");
  Program program = binary_program(*maximum.generation, maximum.bytes());
  program.constants.push_back({"", 9, Bytes(std::vector<std::uint8_t>(128, 1))});
  Words built = descriptor_words(write(program));
  EXPECT_EQ(built[0x004], 0x8a0U);
  EXPECT_EQ(built[0x020], 0x30018140U);
  EXPECT_EQ(built[0x0a0], 0x30020000U);
  program.scratch_bytes = 0x8000;
  program.procedures[0].scratch_used = 0x5000;
  built = descriptor_words(write(program));
  EXPECT_EQ(built[0x004], 0x8c0U);
  EXPECT_EQ(built[0x00c], 0x22aU);
  EXPECT_EQ(built[0x040], 0x30000000U);
  EXPECT_EQ(built[0x070], 0x30008000U);
  const Words records = {{0x848, 0x8b8},      {0x858, 0x5000}, {0x870, 4}, {0x878, 2},
                         {0x87c, 8},          {0x880, 0x5000}, {0x888, 3}, {0x88c, 8},
                         {0x890, 0x08020004}, {0x894, 8},      {0x898, 7}, {0x89c, 8},
                         {0x8a0, 0x461c4000}, {0x8a8, 9},      {0x8ac, 8}, {0x8b8, 0x6e69616d}};
  for (const auto& [offset, word] : records) {
    EXPECT_EQ(built[offset], word) << fmt::format("{:#x}", offset);
  }
}

TEST(LaterHwx, RelocationsNameThePairsThatAddressConstants) {
  const Generation& h16 = *find_generation("H16");
  Task task(h16);
  const std::vector<std::uint32_t> header(h16.header_words);
  task.set_header(header);
  const std::uint32_t base[] = {0x40, 0};
  ASSERT_TRUE(task.add_address(h16.addresses.kernel, 9, base));
  ASSERT_TRUE(task.add_address(h16.addresses.source1, 6, base));
  const std::vector<std::uint8_t> section = *encode_tasks(*link_tasks({task}), 1);
  Program program = binary_program(h16, section);
  program.constants.push_back({"", 9, Bytes(std::vector<std::uint8_t>(128, 1))});
  const std::vector<std::uint8_t> file = write(program);
  const Bytes bytes(file);
  const hwx::Parsed parsed = hwx::parse_hwx(bytes).value();
  const std::vector<hwx::Relocation> relocations = hwx::relocations_of(file, *parsed.text);
  ASSERT_EQ(relocations.size(), 1U);
  EXPECT_EQ(relocations[0].address, 16U + 4 * (h16.header_words + 1));
  EXPECT_EQ(relocations[0].info >> 24, 7U);
  EXPECT_EQ(parsed.image.sections[relocations[0].ordinal() - 1].name, "__kern_0");
}

TEST(LaterHwx, WhatWasNeverPublishedIsRefusedByName) {
  const SampleStream add = stream("h18 add");
  const auto message = [](const Result<std::vector<std::uint8_t>>& file) {
    return file ? std::string("built") : file.error().to_string();
  };
  Program program = binary_program(*add.generation, add.bytes());
  EXPECT_NE(message(write_hwx(program, HwxProfile::v5)).find("HWX files of H18 are known from compilers v9 only"),
            std::string::npos);
  Program two = program;
  two.procedures.push_back(two.procedures[0]);
  EXPECT_NE(message(write_hwx(two)).find("an HWX of H18 with 2 procedures"), std::string::npos)
      << message(write_hwx(two));
  for (const std::string_view id : {"H11", "M11", "H18G"}) {
    program.generation = find_generation(id);
    EXPECT_NE(message(write_hwx(program)).find(fmt::format("the program descriptor of {} has not been published", id)),
              std::string::npos)
        << message(write_hwx(program));
  }
}

/// A container of every later generation: its published stream, or one task of its registers.
std::vector<Program> later_programs() {
  std::vector<Program> programs;
  for (const SampleStream& each : sample_streams()) {
    if (!each.generation->program_counts.empty() && each.lead_in_words != 0) {
      Program program = binary_program(*each.generation, each.bytes());
      const auto slot = each.generation->first_tensor_slot + 3;
      program.constants.push_back({"", slot, Bytes(std::vector<std::uint8_t>(0x8000, 1))});
      programs.push_back(std::move(program));
    }
  }
  return programs;
}

/// Damaged files: one usable error, or a value that can be checked and written as it was.
class Damage {
 public:
  void read(const Bytes& file, const std::string& what) {
    const Result<Program> program = read_hwx(file);
    if (!program) {
      ++errors_;
      expect_usable(program.error());
      EXPECT_LE(program.error().location.offset.value_or(0), file.size()) << what << program.error().to_string();
      return;
    }
    ++values_;
    static_cast<void>(check_program(*program));
    if (values_ % 64 == 0) {
      const Result<std::vector<std::uint8_t>> written = write_hwx(*program);
      ASSERT_TRUE(written) << what << ": " << written.error().to_string();
      EXPECT_TRUE(std::ranges::equal(*written, file.span())) << what;
    }
  }
  std::size_t errors_ = 0, values_ = 0;
};

TEST(BadLaterHwx, EveryTruncationAndChangedByte) {
  const std::vector<Program> programs = later_programs();
  ASSERT_GE(programs.size(), 7U);
  const std::size_t before = peak_memory();
  Damage cut, changed;
  std::set<std::string_view> generations;
  for (const Program& program : programs) {
    if (!generations.insert(program.generation->id).second) {
      continue;
    }
    SCOPED_TRACE(program.generation->id);
    const std::vector<std::uint8_t> file = write(program);
    const Bytes bytes(file);
    const hwx::Parsed parsed = hwx::parse_hwx(bytes).value();
    const std::size_t tables = parsed.image.tables_end, text = parsed.text->file_offset;
    const std::size_t text_end = text + parsed.text->size;
    Victim victim(file);
    for (std::size_t size = 0; size < file.size(); size += size < 0x400 || (size >= text && size < text_end) ? 1 : 97) {
      cut.read(victim.truncated(size), fmt::format("{} bytes", size));
    }
    for (const auto& [begin, end] :
         {std::pair{std::size_t{0}, std::min<std::size_t>(tables, 0x1200)}, std::pair{text, text_end}}) {
      victim.mutate_bytes(begin, end, [&](const std::string& what) { changed.read(victim.file(), what); });
    }
  }
  EXPECT_EQ(generations.size(), 5U);  // H14, H15, H16, H17, H18
  EXPECT_EQ(cut.values_, 0U);
  EXPECT_GT(changed.errors_, 10000U);
  EXPECT_GT(changed.values_, 10000U);
  expect_little_memory_since(before);
}

}  // namespace
}  // namespace openane::test
