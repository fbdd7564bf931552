// The register tables themselves: shape, coverage as registers/README.md counts it, and H13's against every decoded
// program.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "openane/program.h"
#include "openane/register_table.h"
#include "openane/task.h"
#include "oracle.h"
#include "program_corpus.h"

namespace openane {
namespace {

struct Coverage {
  int words = 0, named = 0, reserved = 0, unknown = 0;
};

Coverage coverage(const Generation& generation) {
  Coverage count;
  for (const Block& block : generation.blocks) {
    for (const Register& row : block.registers) {
      ++count.words;
      count.named += row.status == RegisterStatus::named ? 1 : 0;
      count.reserved += row.status == RegisterStatus::reserved ? 1 : 0;
      count.unknown += row.status == RegisterStatus::unknown ? 1 : 0;
    }
  }
  return count;
}

int percent(int part, int whole) { return (200 * part + whole) / (2 * whole); }

TEST(Tables, CoverageIsWhatTheFactsCount) {
  struct Expected {
    const char* id;
    std::uint32_t td_version;
    int words, named, named_or_reserved;  // words; percent
  };
  // registers/README.md, first table. H12 is a stub there.
  for (const Expected& expected :
       {Expected{"H11", 5, 89, 71, 100}, Expected{"H14", 11, 187, 78, 83}, Expected{"M11", 10, 210, 70, 75},
        Expected{"H15", 8, 248, 75, 79}, Expected{"H16", 17, 277, 83, 98}, Expected{"H17", 19, 288, 81, 96},
        Expected{"H18", 20, 300, 78, 86}, Expected{"H18G", 24, 311, 75, 83}}) {
    const Generation* generation = find_generation(expected.id);
    ASSERT_NE(generation, nullptr) << expected.id;
    const Coverage count = coverage(*generation);
    EXPECT_EQ(generation->td_version, expected.td_version) << expected.id;
    EXPECT_EQ(count.words, expected.words) << expected.id;
    EXPECT_EQ(percent(count.named, count.words), expected.named) << expected.id;
    EXPECT_EQ(percent(count.named + count.reserved, count.words), expected.named_or_reserved) << expected.id;
  }
}

TEST(Tables, BlocksStandWhereTheFactsSay) {
  // generations.toml: byte base and words of the blocks that moved between generations.
  const std::map<std::string, std::map<std::string, std::pair<std::uint32_t, std::uint32_t>>> expected = {
      {"H14",
       {{"L2", {0x500, 25}},
        {"PE", {0x900, 5}},
        {"NE", {0xd00, 5}},
        {"TileDmaSrc", {0x1100, 53}},
        {"TileDmaDst", {0x1500, 10}},
        {"KernelDma", {0x1900, 70}}}},
      {"H15",
       {{"L2", {0x4100, 30}},
        {"PE", {0x4500, 14}},
        {"NE", {0x4900, 11}},
        {"TileDmaSrc", {0x4d00, 69}},
        {"TileDmaDst", {0x5100, 21}},
        {"KernelDma", {0x5500, 72}},
        {"CacheDma", {0x5900, 12}}}},
      {"H16",
       {{"L2", {0x4100, 41}},
        {"PE", {0x4500, 15}},
        {"NE", {0x4900, 12}},
        {"TileDmaSrc", {0x4d00, 81}},
        {"TileDmaDst", {0x5100, 21}},
        {"KernelDma", {0x5500, 72}},
        {"CacheDma", {0x5900, 12}}}},
      {"H17",
       {{"L2", {0x4100, 42}},
        {"PE", {0x4500, 16}},
        {"NE", {0x4900, 13}},
        {"TileDmaSrc", {0x4d00, 83}},
        {"TileDmaDst", {0x5100, 23}},
        {"KernelDma", {0x5500, 74}},
        {"CacheDma", {0x5900, 14}}}},
      {"H18",
       {{"L2", {0x4100, 43}},
        {"PE", {0x4500, 16}},
        {"NE", {0x4900, 13}},
        {"TileDmaSrc", {0x4d00, 81}},
        {"TileDmaDst", {0x5100, 27}},
        {"KernelDma", {0x5500, 83}},
        {"CacheDma", {0x5900, 14}}}},
  };
  for (const auto& [id, blocks] : expected) {
    for (const auto& [name, place] : blocks) {
      const Block* block = find_generation(id)->find_block(name);
      ASSERT_NE(block, nullptr) << id << " " << name;
      EXPECT_EQ(block->base, place.first) << id << " " << name;
      EXPECT_EQ(block->words, place.second) << id << " " << name;
    }
  }
}

TEST(Tables, AddressPacketsStandWhereTheFactsSay) {
  // hwx-container.md 11.4 and generations.toml.
  const std::map<std::string, std::array<std::uint32_t, 4>> expected = {{"H14", {0x1110, 0x1128, 0x1508, 0x1908}},
                                                                        {"H15", {0x4d10, 0x4d28, 0x5108, 0x5510}},
                                                                        {"H16", {0x4d10, 0x4d28, 0x5108, 0x5510}},
                                                                        {"H17", {0x4d10, 0x4d28, 0x5108, 0x5510}},
                                                                        {"H18", {0x4d18, 0x4d30, 0x5110, 0x5510}}};
  for (const auto& [id, at] : expected) {
    const AddressRegisters& addresses = find_generation(id)->addresses;
    EXPECT_EQ((std::array{addresses.source1, addresses.source2, addresses.destination, addresses.kernel}), at) << id;
  }
  // The data set words that the loader patches.
  for (const auto& [id, words] : std::map<std::string, std::set<std::uint32_t>>{
           {"H15", {0x4d00, 0x4d04, 0x5100}}, {"H17", {0x4d00, 0x4d04, 0x5100}}, {"H18", {0x4d10, 0x4d14, 0x5108}}}) {
    std::set<std::uint32_t> found;
    for (const Block& block : find_generation(id)->blocks) {
      for (const Register& row : block.registers) {
        if (row.relocation == Relocation::dma_config || row.relocation == Relocation::data_set) {
          found.insert(row.address);
        }
      }
    }
    EXPECT_EQ(found, words) << id;
  }
}

TEST(Tables, EveryRowIsFoundByNameAndAddress) {
  for (const Generation* generation : generations()) {
    for (const Block& block : generation->blocks) {
      ASSERT_EQ(block.registers.size(), block.words);
      for (std::uint32_t i = 0; i < block.words; ++i) {
        const Register& row = block.registers[i];
        EXPECT_EQ(row.address, block.base + 4 * i);
        EXPECT_EQ(generation->find(row.address), &row);
        EXPECT_EQ(generation->find(std::string(block.name) + "." + std::string(row.name)), &row);
        EXPECT_EQ(generation->block_of(row.address + 3), &block);
        EXPECT_EQ(generation->find(row.address + 1), nullptr);
        EXPECT_NE(row.grade, Grade::unknown) << generation->id << " " << row.name;
        std::uint32_t bits = 0;
        for (const Field& field : row.fields) {
          EXPECT_EQ(bits & field.mask(), 0U) << row.name << "." << field.name;
          bits |= field.mask();
          EXPECT_EQ(row.find(field.name), &field);
          EXPECT_EQ(field.get(field.set(0, 0xffffffffu)), field.mask() >> field.lsb);
          EXPECT_EQ(field.effect == Effect::neutral, !field.neutral.empty()) << row.name << "." << field.name;
        }
        EXPECT_EQ(row.named_bits(), bits);
      }
    }
    EXPECT_EQ(generation->find(0xfffffff0u), nullptr);
    EXPECT_EQ(find_generation(generation->id), generation);
    for (const std::string_view target : generation->targets) {
      EXPECT_EQ(find_generation(target), generation);
    }
    for (const std::uint32_t subtype : generation->cpu_subtypes) {
      EXPECT_EQ(find_generation_by_subtype(subtype), generation);
    }
  }
}

TEST(Tables, NamesAreForgivingAndSubtypesAreNot) {
  EXPECT_EQ(find_generation("h18-G"), find_generation("H18G"));
  EXPECT_EQ(find_generation("h19"), find_generation("H18G"));
  EXPECT_EQ(find_generation("H13"), find_generation_by_subtype(4));
  EXPECT_EQ(find_generation("m9"), find_generation_by_subtype(0));
  EXPECT_EQ(find_generation(""), nullptr);
  EXPECT_EQ(find_generation("h1"), nullptr);
  EXPECT_EQ(find_generation_by_subtype(13), nullptr);
  // A bare register name counts when it is the only one.
  EXPECT_NE(find_generation("H14")->find("ConvCfg"), nullptr);
  EXPECT_EQ(find_generation("H11")->find("DmaConfig"), nullptr);
}

TEST(Tables, UnwrittenRegistersAreZeroOnH13Only) {
  for (const Generation* generation : generations()) {
    EXPECT_EQ(generation->absent_is_zero, generation->id == "H13") << generation->id;
  }
}

/// What the table says of words: how many were looked up, and the bits that no field covers.
struct WordCensus {
  std::size_t tasks = 0, words = 0, record_headers = 0, stream_words = 0;
  std::map<std::string, std::set<std::uint32_t>> unnamed;

  void add(const Register* row, std::uint32_t word) {
    if (row == nullptr) {
      ADD_FAILURE() << "a word outside every block";
      return;
    }
    ++words;
    if (const std::uint32_t rest = word & ~row->named_bits(); rest != 0) {
      unnamed[std::string(row->name)].insert(rest);
    }
  }

  void add(const Task& task) {
    ++tasks;
    record_headers += task.records().size();
    stream_words += task.words().size();
    for (std::uint32_t i = 0; i < task.header_size(); ++i) {
      add(&task.generation().header[i], task.header(i));
    }
    for (const Record& record : task.records()) {
      for (std::uint32_t i = 0; i < record.count; ++i) {
        add(task.generation().find(record.address_of(i)), task.words()[record.first + i]);
      }
    }
  }

  void expect_only_pad40() const {
    EXPECT_EQ(words + record_headers, stream_words);
    EXPECT_EQ(unnamed, (std::map<std::string, std::set<std::uint32_t>>{{"Pad40", {0x100}}}));
  }
};

TEST(H13Table, EveryOracleWordHasAName) {
  OPENANE_NEEDS_CORPUS();
  WordCensus census;
  for (const test::Oracle& oracle : test::load_oracles()) {
    for (const test::OracleTask& source : oracle.tasks) {
      const Result<Task> task = Task::decode(*find_generation("H13"), source.words);
      ASSERT_TRUE(task) << source.name << ": " << task.error().to_string();
      EXPECT_TRUE(std::ranges::equal(task->words(), source.words));
      census.add(*task);
    }
  }
  EXPECT_EQ(census.tasks, 117U);  // 105 and 12, corpus/oracles/h13/README.md
  census.expect_only_pad40();
}

TEST(H13Table, EveryWordOfRealProgramsHasAName) {
  OPENANE_NEEDS_CORPUS();
  WordCensus census;
  const std::vector<std::string> paths = test::all_hwx_files();
  EXPECT_EQ(paths.size(), 24U);
  for (const std::string& path : paths) {
    const Result<Program> program = read_program(path);
    ASSERT_TRUE(program) << program.error().to_string();
    for (const Procedure& procedure : program->procedures) {
      for (const PlacedTask& placed : procedure.tasks) {
        census.add(placed.task);
      }
    }
  }
  const std::vector<toml::table> kernels = test::manifest_files("raw");
  EXPECT_EQ(kernels.size(), 22U);
  for (const toml::table& file : kernels) {
    const Bytes data = test::load(test::manifest_path(file));
    const Result<std::vector<PlacedTask>> tasks =
        decode_tasks(*find_generation("H13"), data.span().first(file["tsk_size"].value_or(0u)), 0,
                     file["td_size"].value_or(0u) / 4, file["td_count"].value_or(0u));
    ASSERT_TRUE(tasks) << test::manifest_path(file) << ": " << tasks.error().to_string();
    for (const PlacedTask& placed : *tasks) {
      census.add(placed.task);
    }
  }
  EXPECT_GE(census.tasks, paths.size() + kernels.size());
  census.expect_only_pad40();
}

}  // namespace
}  // namespace openane
