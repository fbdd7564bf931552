// Damaged HWX files: one clear error or a value, never a fault. Values must survive everything that is done with a
// program.
#include "bad_input.h"

#include <gtest/gtest.h>

#include "base/byte_reader.h"
#include "hwx/parsed.h"
#include "openane/hwx.h"
#include "program_corpus.h"

namespace openane::test {
namespace {

/// Every content once.
std::vector<std::pair<std::string, Bytes>> distinct_files() {
  std::vector<std::pair<std::string, Bytes>> files;
  for (const std::string& path : all_hwx_files()) {
    const Bytes bytes = load(path);
    if (std::ranges::none_of(files, [&](const auto& other) { return other.second == bytes; })) {
      files.emplace_back(path, bytes);
    }
  }
  return files;
}

struct Tally {
  std::size_t errors = 0, values = 0;
};

void read_damaged(const Bytes& file, const std::string& what, Tally& tally) {
  const Result<Program> program = read_hwx(file);
  if (!program) {
    ++tally.errors;
    expect_usable(program.error());
    if (program.error().location.offset) {
      EXPECT_LE(*program.error().location.offset, file.size()) << what << ": " << program.error().to_string();
    }
    return;
  }
  ++tally.values;
  // Whatever was taken can be checked, and (tried on some, it takes a copy of the file) written back as it was.
  static_cast<void>(check_program(*program));
  if (tally.values % 16 != 0) {
    return;
  }
  const Result<std::vector<std::uint8_t>> written = write_hwx(*program);
  ASSERT_TRUE(written) << what << ": " << written.error().to_string();
  EXPECT_TRUE(std::ranges::equal(*written, file.span())) << what;
}

/// Where the tables end and where the task section lies.
struct Regions {
  std::size_t tables_end = 0, text_begin = 0, text_end = 0;
};

Regions regions_of(const Bytes& file) {
  const hwx::Parsed parsed = hwx::parse_hwx(file).value();
  return {parsed.image.tables_end, parsed.text->file_offset, parsed.text->file_offset + parsed.text->size};
}

TEST(BadHwx, EveryTruncation) {
  OPENANE_NEEDS_CORPUS();
  Tally tally;
  for (const auto& [path, file] : distinct_files()) {
    SCOPED_TRACE(path);
    const Regions regions = regions_of(file);
    // Every length through tables and tasks, then a sample: behind the tasks only the size of the file counts.
    for (std::size_t size = 0; size < file.size();
         size += size < regions.tables_end || (size >= regions.text_begin && size < regions.text_end) ? 1 : 977) {
      // In memory of its own, so that a sanitizer sees the first byte read past the end; small ones only, to stay fast.
      const Bytes part =
          size <= 0x1000 ? Bytes(std::vector<std::uint8_t>(file.data(), file.data() + size)) : file.slice(0, size);
      read_damaged(part, std::to_string(size) + " bytes", tally);
    }
  }
  EXPECT_EQ(tally.values, 0U) << "a file cut short misses file bytes of a segment";
}

TEST(BadHwx, EveryByteOfTablesAndTasksChanged) {
  OPENANE_NEEDS_CORPUS();
  const std::size_t memory = peak_memory();
  Tally tally;
  for (const auto& [path, file] : distinct_files()) {
    SCOPED_TRACE(path);
    const Regions regions = regions_of(file);
    Victim victim(file.span());
    const auto visit = [&](const std::string& what) { read_damaged(victim.file(), what, tally); };
    victim.mutate_bytes(0, regions.tables_end, visit);
    victim.mutate_bytes(regions.text_begin, regions.text_end, visit);
  }
  EXPECT_GT(tally.errors, 100000U);
  EXPECT_GT(tally.values, 100000U);
  expect_little_memory_since(memory);
}

/// A small program's container with one change.
struct Change {
  std::string name;
  std::function<void(std::vector<std::uint8_t>&, const hwx::Parsed&)> apply;
  std::string expected;
};

void put32(std::vector<std::uint8_t>& file, std::uint64_t at, std::uint32_t value) {
  store_le(file.data() + at, value);
}
void put64(std::vector<std::uint8_t>& file, std::uint64_t at, std::uint64_t value) {
  store_le(file.data() + at, value);
}

const hwx::Segment& segment_named(const hwx::Parsed& parsed, std::string_view name) {
  return *std::ranges::find(parsed.image.segments, name, &hwx::Segment::name);
}
const hwx::Thread& thread_of(const hwx::Parsed& parsed, std::uint32_t flavor) {
  return *std::ranges::find(parsed.image.threads, flavor, &hwx::Thread::flavor);
}
std::uint64_t symtab_of(const hwx::Parsed& parsed) {
  return std::ranges::find(parsed.image.commands, hwx::kSymtab, &hwx::Command::type)->offset;
}

std::vector<Change> changes() {
  using File = std::vector<std::uint8_t>;
  using hwx::Parsed;
  return {
      {"another cputype", [](File& f, const Parsed&) { put32(f, 4, 7); }, "cputype is 0x7, expected 0x80"},
      {"another filetype", [](File& f, const Parsed&) { put32(f, 12, 1); }, "filetype is 0x1, expected 0x2"},
      {"4 GB of commands", [](File& f, const Parsed&) { put32(f, 20, 0xffffffff); }, "sizeofcmds is 0xffffffff"},
      {"one command more",
       [](File& f, const Parsed& p) { put32(f, 16, static_cast<std::uint32_t>(p.image.commands.size()) + 1); },
       "ncmds is"},
      {"cmdsize 0", [](File& f, const Parsed& p) { put32(f, p.image.commands[1].offset + 4, 0); },
       "cmdsize is 0x0, expected a multiple of 8"},
      {"cmdsize 12", [](File& f, const Parsed& p) { put32(f, p.image.commands[1].offset + 4, 12); }, "cmdsize is 0xc"},
      {"2^32-1 sections",
       [](File& f, const Parsed& p) { put32(f, segment_named(p, "__TEXT").header + 64, 0xffffffff); },
       "says it has 4294967295 sections"},
      {"2^60 bytes of memory",
       [](File& f, const Parsed& p) { put64(f, segment_named(p, "__FVMLIB").header + 32, 1ULL << 60); },
       "past the 0x10000000000"},
      {"an address that wraps",
       [](File& f, const Parsed& p) { put64(f, segment_named(p, "__FVMLIB").header + 24, ~0ULL - 0x3fff); },
       "past the 0x10000000000"},
      {"a file offset that wraps",
       [](File& f, const Parsed& p) { put64(f, segment_named(p, "__TEXT").header + 40, ~0ULL - 0xfff); },
       "but the file has"},
      {"segments on each other",
       [](File& f, const Parsed& p) { put64(f, segment_named(p, "__FVMLIB").header + 24, hwx::kBaseAddress); },
       "outside its segment"},
      {"the text among the tables",
       [](File& f, const Parsed& p) {
         put64(f, segment_named(p, "__TEXT").header + 40, 0);
         put32(f, p.text->header + 48, 0);
         put32(f, p.constants[0]->header + 48,
               static_cast<std::uint32_t>(p.constants[0]->file_offset - p.text->file_offset));
       },
       "inside the tables"},
      {"sections on each other",
       [](File& f, const Parsed& p) {
         put64(f, p.constants[0]->header + 32, p.text->address);
         put32(f, p.constants[0]->header + 48, static_cast<std::uint32_t>(p.text->file_offset));
       },
       "overlaps"},
      {"alignment 2^63", [](File& f, const Parsed& p) { put32(f, p.text->header + 52, 63); }, "alignment exponent 63"},
      {"4 GB symbols", [](File& f, const Parsed& p) { put32(f, symtab_of(p) + 12, 0xffffffff); },
       "the symbol table takes 0xffffffff0 bytes"},
      {"4 GB strings", [](File& f, const Parsed& p) { put32(f, symtab_of(p) + 20, 0xffffffff); },
       "the string table takes 0xffffffff bytes"},
      {"strings without an end", [](File& f, const Parsed& p) { f[p.image.tables_end - 1] = 'x'; }, ""},
      {"thread count 2^32-1", [](File& f, const Parsed& p) { put32(f, thread_of(p, 1).header + 12, 0xffffffff); },
       "thread says it has 0xffffffff payload words"},
      {"thread count 3", [](File& f, const Parsed& p) { put32(f, thread_of(p, 1).header + 12, 3); },
       "expected at least 0x214"},
      {"thread flavor 2", [](File& f, const Parsed& p) { put32(f, thread_of(p, 1).header + 8, 2); },
       "thread flavor is 2"},
      {"thread flavor 4",
       [](File& f, const Parsed& p) {
         put32(f, thread_of(p, 1).header + 8, 4);
         put32(f, thread_of(p, 1).header + 12, 0x21e);
       },
       ""},
      {"a name inside the payload", [](File& f, const Parsed& p) { put32(f, thread_of(p, 1).header + 0x83c, 0x20); },
       "the procedure name is at 0x20"},
      {"a name past the end", [](File& f, const Parsed& p) { put32(f, thread_of(p, 3).header + 0x20, 0xffffffff); },
       "the tensor name is at 0xffffffff"},
      {"no task", [](File& f, const Parsed& p) { put32(f, thread_of(p, 1).header + 0x81c, 0); }, "declares no task"},
      {"2^32-1 tasks", [](File& f, const Parsed& p) { put32(f, thread_of(p, 1).header + 0x81c, 0xffffffff); },
       "the program declares 4294967295"},
      {"a first task of 2^32 words",
       [](File& f, const Parsed& p) { put32(f, thread_of(p, 1).header + 0x818, 0xffffffff); }, "first task"},
      {"a first task of 4 GB", [](File& f, const Parsed& p) { put32(f, thread_of(p, 1).header + 0x818, 0x3ffffffe); },
       "passes the end of the task section"},
      {"text address elsewhere", [](File& f, const Parsed& p) { put64(f, thread_of(p, 1).header + 0x810, 0x30000004); },
       "the text address is"},
      {"slot 0 elsewhere", [](File& f, const Parsed& p) { put64(f, thread_of(p, 1).header + 0x10, 0); },
       "slot 0 is 0x0, expected"},
      {"slot 1 elsewhere", [](File& f, const Parsed& p) { put64(f, thread_of(p, 1).header + 0x18, 1); },
       "slot 1 is 0x1, expected"},
      {"slot 3 without scratch", [](File& f, const Parsed& p) { put64(f, thread_of(p, 1).header + 0x28, 0x30000000); },
       "slot 3 is 0x30000000, expected 0x0"},
      {"a slot of nothing", [](File& f, const Parsed& p) { put64(f, thread_of(p, 1).header + 0x10 + 8 * 200, 0x1234); },
       "slot 200 is 0x1234"},
      {"a tensor twice",
       [](File& f, const Parsed& p) {
         put64(f, thread_of(p, 1).header + 0x10 + 8 * 9, p.program.procedures[0].tensors[0].address);
       },
       "both hold tensor"},
      {"a tensor nowhere",
       [](File& f, const Parsed& p) {
         put64(f, thread_of(p, 1).header + 0x10 + 8 * p.program.procedures[0].tensors[0].slot, 0);
       },
       "is in no slot"},
      {"direction 3", [](File& f, const Parsed& p) { put32(f, thread_of(p, 3).header + 0x14, 3); }, "has direction 3"},
      {"element type 24", [](File& f, const Parsed& p) { put32(f, thread_of(p, 3).header + 0x24, 24); },
       "has element type 24"},
      {"no channel", [](File& f, const Parsed& p) { put32(f, thread_of(p, 3).header + 0x2c, 0); },
       "has extent 0 along C"},
      {"depth 2", [](File& f, const Parsed& p) { put32(f, thread_of(p, 3).header + 0x38, 2); }, "has depth 2"},
      {"rows of 4 GB elements", [](File& f, const Parsed& p) { put32(f, thread_of(p, 3).header + 0x34, 0x7fffffff); },
       "shorter than its rows"},
      {"channels past the end", [](File& f, const Parsed& p) { put32(f, thread_of(p, 3).header + 0x2c, 0x7fffffff); },
       "its elements reach to"},
      {"strides that multiply past 2^64",
       [](File& f, const Parsed& p) {
         put32(f, thread_of(p, 3).header + 0x2c, 0x7fffffff);
         put64(f, thread_of(p, 3).header + 0x58, 0xffffffffff);
       },
       "its elements reach to 0xffffffffffffffff"},
      {"a batch past the section",
       [](File& f, const Parsed& p) { put32(f, thread_of(p, 3).header + 0x28, 0x7fffffff); }, ""},
      {"extent past the tensor", [](File& f, const Parsed& p) { put64(f, thread_of(p, 3).header + 0x80, ~0ULL); },
       "has extent 0xffffffffffffffff"},
      {"interleave 0", [](File& f, const Parsed& p) { put32(f, thread_of(p, 3).header + 0x78, 0); },
       "has interleave 0"},
      {"a relocation of nothing", [](File& f, const Parsed& p) { put32(f, p.text->relocation_offset, 0x40); },
       "where no task has the address"},
      {"a relocation off the text", [](File& f, const Parsed& p) { put32(f, p.text->relocation_offset, 0x7fffffff); },
       "a relocation at 0x7fffffff of the text"},
      {"a relocation against section 99",
       [](File& f, const Parsed& p) { put32(f, p.text->relocation_offset + 4, 0x05000063); }, "against section 99"},
      {"a relocation against a symbol",
       [](File& f, const Parsed& p) { put32(f, p.text->relocation_offset + 4, 0x0d000002); }, "against symbol 2"},
      {"2^32-1 relocations", [](File& f, const Parsed& p) { put32(f, p.text->header + 60, 0xffffffff); },
       "has 4294967295 relocations"},
      {"a stream past the constants", [](File& f, const Parsed& p) { put32(f, p.text->file_offset + 0x74, 0x100000); },
       "a coefficient stream at 0x100000"},
  };
}

TEST(BadHwx, SaysWhatIsWrongAndWhatWasExpected) {
  OPENANE_NEEDS_CORPUS();
  const Bytes file = load((corpus_folder() / "hwx/tinygrad/conv.hwx").string());
  const hwx::Parsed parsed = hwx::parse_hwx(file).value();
  for (const Change& change : changes()) {
    SCOPED_TRACE(change.name);
    std::vector<std::uint8_t> damaged = copy_of(file);
    change.apply(damaged, parsed);
    ASSERT_FALSE(std::ranges::equal(damaged, file.span()));
    const Result<Program> program = read_hwx(Bytes(damaged));
    ASSERT_FALSE(program);
    expect_usable(program.error());
    EXPECT_NE(program.error().message.find(change.expected), std::string::npos) << program.error().to_string();
    EXPECT_TRUE(program.error().location.offset.has_value()) << program.error().to_string();
  }
}

TEST(BadHwx, ChainsThatTurnBackOrOverlap) {
  OPENANE_NEEDS_CORPUS();
  // Two tasks, 0x274 bytes each, at 0 and 0x300.
  const Bytes file = load((corpus_folder() / "hwx/tinygrad/concat.hwx").string());
  const hwx::Parsed parsed = hwx::parse_hwx(file).value();
  const auto error_with = [&](std::uint64_t at, std::uint32_t value) {
    std::vector<std::uint8_t> damaged = copy_of(file);
    put32(damaged, parsed.text->file_offset + at, value);
    const Result<Program> program = read_hwx(Bytes(damaged));
    EXPECT_FALSE(program) << "next of the task at " << at << " = " << value;
    return program ? std::string() : program.error().message;
  };
  for (const std::uint32_t next :
       {0x1U, 0x100U, 0x200U, 0x270U, 0x274U, 0x301U, 0x340U, 0x400U, 0x500U, 0x80000000U, 0xffffff00U}) {
    EXPECT_NE(error_with(0x1c, next), "");
  }
  for (const std::uint32_t next : {0x100U, 0x300U, 0x600U, 0xffffff00U}) {
    EXPECT_NE(error_with(0x300 + 0x1c, next), "") << "the last task";
  }
  EXPECT_NE(error_with(0x1c, 0).find("the chain ends after 1 tasks, the program declares 2"), std::string::npos);
}

/// Many names that all run to the same end: reading each to its end would take time squared.
TEST(BadHwx, NamesThatOverlapCostNothing) {
  constexpr std::uint32_t kSymbols = 100000;
  constexpr std::uint32_t kStrings = 2000000;
  std::vector<std::uint8_t> file(32 + 24 + kSymbols * 16 + kStrings, 'x');
  std::fill_n(file.begin(), 56, std::uint8_t{0});
  put32(file, 0, hwx::kMagic);
  put32(file, 4, hwx::kCpuType);
  put32(file, 8, 4);
  put32(file, 12, hwx::kFileType);
  put32(file, 16, 1);
  put32(file, 20, 24);
  put32(file, 32, hwx::kSymtab);
  put32(file, 36, 24);
  put32(file, 40, 56);
  put32(file, 44, kSymbols);
  put32(file, 48, 56 + kSymbols * 16);
  put32(file, 52, kStrings);
  std::fill_n(file.begin() + 56, kSymbols * 16, std::uint8_t{0});
  file.back() = 0;
  const Result<Program> program = read_hwx(Bytes(file));
  ASSERT_FALSE(program);
  EXPECT_NE(program.error().message.find("a symbol name has no terminating NUL"), std::string::npos)
      << program.error().message;
}

}  // namespace
}  // namespace openane::test
