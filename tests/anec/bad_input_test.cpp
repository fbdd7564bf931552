// Damaged ANEC files: one clear error or a value, never a fault.
#include "bad_input.h"

#include <gtest/gtest.h>

#include "base/byte_reader.h"
#include "openane/anec.h"
#include "program_corpus.h"

namespace openane::test {
namespace {

void read_damaged(const Bytes& file, const std::string& what, std::size_t& values) {
  const Result<Program> program = read_anec(file);
  if (!program) {
    expect_usable(program.error());
    EXPECT_LE(program.error().location.offset.value_or(0), file.size()) << what << ": " << program.error().to_string();
    return;
  }
  ++values;
  static_cast<void>(check_program(*program));
  if (values % 16 != 0) {
    return;
  }
  const Result<std::vector<std::uint8_t>> written = write_anec(*program);
  ASSERT_TRUE(written) << what << ": " << written.error().to_string();
  EXPECT_TRUE(std::ranges::equal(*written, file.span())) << what;
}

TEST(BadAnec, EveryTruncation) {
  OPENANE_NEEDS_CORPUS();
  std::size_t values = 0;
  for (const toml::table& entry : manifest_files("anec")) {
    SCOPED_TRACE(manifest_path(entry));
    const Bytes file = load(manifest_path(entry));
    for (std::size_t size = 0; size < file.size(); size += size < 0x1600 ? 1 : 977) {
      read_damaged(Bytes(std::vector<std::uint8_t>(file.data(), file.data() + size)), std::to_string(size) + " bytes",
                   values);
    }
  }
  EXPECT_EQ(values, 0U) << "the size of the body is that of the file to the byte";
}

TEST(BadAnec, EveryByteOfHeaderAndTasksChanged) {
  OPENANE_NEEDS_CORPUS();
  const std::size_t memory = peak_memory();
  std::size_t values = 0;
  for (const toml::table& entry : manifest_files("anec")) {
    SCOPED_TRACE(manifest_path(entry));
    const Bytes file = load(manifest_path(entry));
    Victim victim(file.span());
    const auto visit = [&](const std::string& what) { read_damaged(victim.file(), what, values); };
    victim.mutate_bytes(0, 0x700, visit);
    victim.mutate_bytes(0x1000, 0x1000 + entry["tsk_size"].value_or(std::size_t{0}), visit);
  }
  EXPECT_GT(values, 10000U);
  expect_little_memory_since(memory);
}

struct Change {
  std::string name;
  std::size_t offset;
  std::uint64_t value;
  int bytes;
  std::string expected;
};

TEST(BadAnec, SaysWhatIsWrongAndWhatWasExpected) {
  OPENANE_NEEDS_CORPUS();
  const Bytes file = load((corpus_folder() / "hwx/allbilly/tinygrad/conv.ane").string());
  const std::size_t shape4 = 0xa8 + 48 * 4;
  const std::vector<Change> changes = {
      {"td_size past the tasks", 8, 0x278, 4, "td_size is 0x278"},
      {"td_size too small", 8, 36, 4, "td_size is 0x24, expected a multiple of 4 from 40"},
      {"td_size odd", 8, 0x273, 4, "td_size is 0x273"},
      {"no task", 12, 0, 4, "td_count is 0, expected 1 to 65535"},
      {"2^32-1 tasks", 12, 0xffffffff, 4, "td_count is 4294967295"},
      {"two tasks", 12, 2, 4, "the chain ends after 1 tasks, the program declares 2"},
      {"tsk_size past the body", 16, 0x400, 8, "tsk_size is 0x400"},
      {"tsk_size that wraps", 16, ~0ULL, 8, "tsk_size is 0xffffffffffffffff"},
      {"krn_size that does not fit", 24, 0xc1, 8, "krn_size is 0xc1, but 0xc0 bytes of the body follow"},
      {"33 channels", 32, 28, 4, "28 sources and 1 destinations, expected at most 28"},
      {"2^32 channels", 32, 0xffffffff, 4, "4294967295 sources"},
      {"too few command tiles", 0x28, 0, 4, "channel 0 has 0 tiles"},
      {"a buffer for the kernel", 0x28 + 4, 1, 4, "channel 1 has 1 tiles, expected none"},
      {"tiles without end", 0x28 + 4 * 9, 0xffffffff, 4, "bytes of buffers, past"},
      {"no batch", shape4, 0, 8, "channel 4 has N 0x0"},
      {"a dimension that wraps", shape4 + 8, ~0ULL, 8, "channel 4 has C 0xffffffffffffffff"},
      {"a row stride of 0", shape4 + 40, 0, 8, "channel 4 has row stride 0x0"},
      {"a row stride of 32", shape4 + 40, 32, 8, "channel 4 has row stride 0x20, expected a multiple of 64"},
      {"rows too short", shape4 + 24, 33, 8, "that holds 33 fp16 elements"},
      {"a plane of one and a half rows", shape4 + 32, 96, 8, "channel 4 has plane stride 0x60"},
      {"two rows in a plane of one", shape4 + 16, 2, 8, "that holds 2 rows"},
      {"more planes than tiles", shape4 + 8, 257, 8, "channel 4 needs 1 times 257 planes"},
  };
  for (const Change& change : changes) {
    SCOPED_TRACE(change.name);
    std::vector<std::uint8_t> damaged = copy_of(file);
    for (int i = 0; i < change.bytes; ++i) {
      damaged[change.offset + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(change.value >> (8 * i));
    }
    const Result<Program> program = read_anec(Bytes(damaged));
    ASSERT_FALSE(program);
    EXPECT_EQ(program.error().category, ErrorCategory::malformed_input);
    EXPECT_NE(program.error().message.find(change.expected), std::string::npos) << program.error().to_string();
    EXPECT_TRUE(program.error().location.offset.has_value());
  }
}

TEST(BadAnec, IsNotTakenForOneByChance) {
  EXPECT_FALSE(looks_like_anec({}));
  std::vector<std::uint8_t> zeros(0x1000);
  EXPECT_FALSE(looks_like_anec(zeros));
  zeros.resize(0x1800);
  EXPECT_FALSE(looks_like_anec(zeros));
  store_le(zeros.data(), std::uint64_t{0x800});
  EXPECT_TRUE(looks_like_anec(zeros));
  EXPECT_FALSE(read_anec(Bytes(zeros)));
  store_le(zeros.data(), std::uint64_t{0x1000});
  EXPECT_TRUE(looks_like_anec(zeros)) << "the short header";
  // Sizes that agree with each other and not with the file: one that lost its end.
  std::vector<std::uint8_t> cut(0x1200);
  store_le(&cut[0x00], std::uint64_t{0x4280});  // size
  store_le(&cut[0x08], std::uint32_t{0x274});   // td_size
  store_le(&cut[0x10], std::uint64_t{0x274});   // tsk_size
  store_le(&cut[0x18], std::uint64_t{0x4000});  // krn_size
  EXPECT_TRUE(looks_like_anec(cut));
  const Result<Program> program = read_anec(Bytes(cut));
  ASSERT_FALSE(program);
  EXPECT_NE(program.error().message.find("body takes 0x4280 bytes behind a header of 0x1000 or 0x800; the whole file "
                                         "has 0x1200"),
            std::string::npos)
      << program.error().message;
  store_le(&cut[0x18], std::uint64_t{0x4100});
  EXPECT_FALSE(looks_like_anec(cut));
}

}  // namespace
}  // namespace openane::test
