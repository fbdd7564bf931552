// disassemble -> assemble -> the same bytes, for every program at hand.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "asm/field_text.h"
#include "isa/sample_streams.h"
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

std::string manifest_hwx(const std::string& name) { return (test::corpus_folder() / "hwx" / name).string(); }

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

TEST(AssemblyRoundTrip, PacketStreams) {
  const std::vector<test::SampleStream> streams = test::sample_streams();
  ASSERT_GE(streams.size(), 9u);
  for (const test::SampleStream& stream : streams) {
    ASSERT_NE(stream.generation, nullptr) << stream.name;
    const std::vector<std::uint8_t> bytes = stream.bytes();
    Result<std::vector<PlacedTask>> tasks = decode_tasks(*stream.generation, bytes, 0, 0, 0);
    ASSERT_TRUE(tasks) << stream.name << tasks.error().to_string();
    Program program;
    program.generation = stream.generation;
    program.task_section = Bytes(bytes);
    Procedure& procedure = program.procedures.emplace_back();
    procedure.name = stream.name;
    procedure.tasks = *std::move(tasks);
    const Program assembled = again(program, "stream");
    ASSERT_EQ(assembled.procedures.size(), 1u) << stream.name;
    EXPECT_EQ(assembled.procedures[0].tasks, procedure.tasks) << stream.name;
    const Result<std::vector<std::uint8_t>> section = assembled.encode_task_section();
    ASSERT_TRUE(section);
    EXPECT_EQ(*section, bytes) << stream.name;
  }
}

/// Tasks with any records a generation can write, any values in them and any header: only what the stream needs is
/// right.
class RandomTasks {
 public:
  RandomTasks(const Generation& generation, std::uint32_t seed) : generation_(generation), random_(seed) {}

  std::vector<PlacedTask> next() {
    std::vector<Task> tasks;
    for (std::uint32_t i = 1 + below(3); i > 0; --i) {
      tasks.push_back(task());
    }
    Result<std::vector<PlacedTask>> placed = link_tasks(std::move(tasks));
    EXPECT_TRUE(placed) << placed.error().to_string();
    return placed.value_or(std::vector<PlacedTask>{});
  }

 private:
  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(random_() % limit); }
  std::uint32_t word() {
    switch (below(4)) {
      case 0:
        return 0;
      case 1:
        return below(256);
      default:
        return static_cast<std::uint32_t>(random_());
    }
  }
  std::vector<std::uint32_t> words(std::size_t count) {
    std::vector<std::uint32_t> all(count);
    for (std::uint32_t& each : all) {
      each = word();
    }
    if (count > 2 && below(3) == 0) {  // runs of equal and of rising words
      const std::uint32_t step = below(2) * 0x40;
      for (std::size_t i = 1; i < count; ++i) {
        all[i] = all[0] + static_cast<std::uint32_t>(i) * step;
      }
    }
    return all;
  }
  Task task() {
    Task task(generation_);
    std::vector<std::uint32_t> header(generation_.header.size());
    for (std::uint32_t& each : header) {
      each = word();
    }
    const FieldRef extra = generation_.roles.extra_word;
    header.resize(generation_.header_words);
    if (extra.width != 0 && (header[extra.address / 4] & extra.mask()) != 0) {
      header.push_back(word());
    }
    task.set_header(header);
    for (const RecordPlace& place : generation_.record_order) {
      EXPECT_TRUE(task.add_dense(4 * below(1 << 20), words(place.words)));
    }
    for (std::uint32_t i = generation_.record_order.empty() ? 1 + below(8) : 0; i > 0; --i) {
      EXPECT_TRUE(add_record(task));
    }
    return task;
  }
  Result<void> add_record(Task& task) {
    const Block& block = generation_.blocks[below(static_cast<std::uint32_t>(generation_.blocks.size()))];
    const std::uint32_t first = below(8) == 0 ? 0x30000 : block.base + 4 * below(block.words);
    const std::uint32_t address = generation_.stream == StreamForm::packet ? first & 0x1fffcu : first;
    const bool packet = generation_.stream == StreamForm::packet;
    switch (packet ? below(3) : 0) {
      case 1: {
        const auto mask = static_cast<std::uint16_t>(random_());
        return task.add_scatter(address, mask, words(1u + static_cast<unsigned>(std::popcount(mask))));
      }
      case 2:
        return task.add_address(address, static_cast<std::uint8_t>(below(64)), words(1 + below(3)));
      default:
        if (below(3) == 0 && block.words <= 64 && (!packet || block.base <= 0x1fffc)) {
          return task.add_dense(block.base, words(block.words));
        }
        return task.add_dense(address, words(1 + below(20)));
    }
  }

  const Generation& generation_;
  std::mt19937 random_;
};

TEST(AssemblyRoundTrip, RandomTasks) {
  for (const char* name : {"H11", "H13", "H14", "M11", "H15", "H16", "H17", "H18", "H18G"}) {
    const Generation* generation = find_generation(name);
    ASSERT_NE(generation, nullptr) << name;
    for (std::uint32_t seed = 1; seed <= 150; ++seed) {
      Program program;
      program.generation = generation;
      Procedure& procedure = program.procedures.emplace_back();
      procedure.name = "main";
      procedure.tasks = RandomTasks(*generation, seed).next();
      const Program assembled = again(program, name);
      ASSERT_EQ(assembled.procedures.size(), 1u) << name << " seed " << seed;
      for (std::size_t i = 0; i < procedure.tasks.size(); ++i) {
        const std::span<const std::uint32_t> left = assembled.procedures[0].tasks.at(i).task.words(),
                                             right = procedure.tasks[i].task.words();
        const auto where = std::ranges::mismatch(left, right);
        ASSERT_TRUE(std::ranges::equal(left, right))
            << name << " seed " << seed << " task " << i << " word " << where.in1 - left.begin() << "\n"
            << text_of(program, name);
        ASSERT_EQ(assembled.procedures[0].tasks[i].offset, procedure.tasks[i].offset);
      }
    }
  }
}

/// A person's text with tensors becomes a raw kernel that its own layout reads back, whatever the generation.
TEST(AssemblyRoundTrip, TextBecomesARawKernelOfEveryGeneration) {
  std::size_t count = 0;
  for (const Generation* generation : generations()) {
    if (generation->stream == StreamForm::unknown || generation->header_words == 0) {
      continue;
    }
    const bool slots_known = generation->first_tensor_slot != 0;
    std::string records;
    for (const RecordPlace& place : generation->record_order) {
      records += fmt::format("{} x{} {{}}\n", register_name(*generation, place.address, false), place.words);
    }
    const std::string text = fmt::format(
        "generation {}\nconstants {{ fp16 1 2 3 4 5 6 7 8 }}\nprocedure main {{\n tensor b input float16 1x3x4x5{}\n"
        " tensor a output float16 1x3x4x5{}\n task {{ header {{ }}\n{} }}\n}}\n",
        generation->id, slots_known ? "" : " slot 5", slots_known ? "" : " slot 4",
        records.empty() ? "Common { }" : records);
    const Result<Program> made = assemble(text, "p.anes");
    ASSERT_TRUE(made) << made.error().to_string() << "\n" << text;
    const Result<std::vector<std::uint8_t>> bytes = write_raw_kernel(*made);
    const Result<std::string> layout = write_raw_layout(*made);
    ASSERT_TRUE(bytes && layout);
    const Result<Program> read = read_raw_kernel(Bytes(*bytes), *layout, "p.toml");
    ASSERT_TRUE(read) << read.error().to_string() << "\n" << *layout;
    EXPECT_EQ(read->procedures[0].tensors, made->procedures[0].tensors) << generation->id;
    EXPECT_EQ(read->procedures[0].tasks, made->procedures[0].tasks) << generation->id;
    EXPECT_EQ(text_of(again(*read, "kernel"), "kernel"), text_of(*read, "kernel"));
    ++count;
  }
  EXPECT_EQ(count, 9u);  // all but H12
  const Result<Program> silent =
      assemble("generation H11\nprocedure main {\n tensor x input float16 1x1x1x1\n}\n", "p.anes");
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().category, ErrorCategory::missing_specification) << silent.error().to_string();
}

TEST(AssemblyRoundTrip, WhatStandsBetweenTasks) {
  OPENANE_NEEDS_CORPUS();
  Program program = read(manifest_hwx("tinygrad/concat.hwx"));
  ASSERT_EQ(program.procedures.at(0).tasks.size(), 2u);
  std::vector<std::uint8_t> section(program.task_section.span().begin(), program.task_section.span().end());
  section.resize(section.size() + 8);
  section[0x280] = 0xab;
  section.back() = 0xcd;
  program.task_section = Bytes(section);
  program.carried = nullptr;
  const Program assembled = again(program, "program");
  EXPECT_EQ(assembled.encode_task_section().value_or(std::vector<std::uint8_t>{}), section);
  // A container block that no longer fits is told about and left out.
  Program carrying = read(manifest_hwx("tinygrad/concat.hwx"));
  std::string text = text_of(carrying, "program");
  const std::size_t at = text.find("  task_section 0x5");
  ASSERT_NE(at, std::string::npos);
  text.replace(at, 18, "  task_section 0x95");
  const Result<Program> changed = assemble(text, "p.anes");
  ASSERT_TRUE(changed) << changed.error().to_string();
  EXPECT_EQ(changed->carried, nullptr);
  ASSERT_EQ(changed->warnings.size(), 1u);
}

}  // namespace
}  // namespace openane
