#include <gtest/gtest.h>

#include <cstring>
#include <regex>

#include "base/byte_reader.h"
#include "hwx/build_hwx.h"
#include "hwx/parsed.h"
#include "openane/engine_op.h"
#include "openane/hwx.h"
#include "program_corpus.h"

namespace openane::test {
namespace {

Program read(const std::string& path) {
  Result<Program> program = read_hwx(load(path));
  EXPECT_TRUE(program) << path << ": " << program.error().to_string();
  return program ? *std::move(program) : Program{};
}

Program reread(const std::vector<std::uint8_t>& bytes) {
  Result<Program> program = read_hwx(Bytes(bytes));
  EXPECT_TRUE(program) << program.error().to_string();
  return program ? *std::move(program) : Program{};
}

std::size_t count_differences(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  std::size_t count = a.size() != b.size() ? std::max(a.size(), b.size()) : 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    count += a[i] != b[i] ? 1 : 0;
  }
  return count;
}

TEST(WriteHwx, GivesBackEveryFileOfTheCorpus) {
  OPENANE_NEEDS_CORPUS();
  for (const std::string& path : all_hwx_files()) {
    SCOPED_TRACE(path);
    const Bytes file = load(path);
    const Result<std::vector<std::uint8_t>> written = write_hwx(read(path));
    ASSERT_TRUE(written) << written.error().to_string();
    EXPECT_TRUE(std::ranges::equal(*written, file.span()));
  }
}

TEST(WriteHwx, ChangesOnlyWhatAnEditChanges) {
  OPENANE_NEEDS_CORPUS();
  const std::string path = (corpus_folder() / "hwx/allbilly/mul_macos14.hwx").string();
  const Bytes file = load(path);
  Program program = read(path);
  Task& task = program.procedures[0].tasks[0].task;
  ASSERT_EQ(task.header(2), 0x42aU);
  task.mutable_words()[1] = 0x123;   // ExeCycles, repeated in TLV 9.
  task.mutable_words()[2] = 0x1;     // LogEvents: one instead of four.
  task.mutable_words()[4] |= 0x100;  // DebugLogEvents.
  const Result<std::vector<std::uint8_t>> written = write_hwx(program);
  ASSERT_TRUE(written) << written.error().to_string();
  ASSERT_EQ(written->size(), file.size());
  // Three words of the task, then the two event counts and the TLV of the program descriptor at 0x378.
  EXPECT_EQ(load_le<std::uint32_t>(written->data() + 0x4004), 0x123U);
  EXPECT_EQ(load_le<std::uint64_t>(written->data() + 0x378 + 0x858), 1U);
  EXPECT_EQ(load_le<std::uint64_t>(written->data() + 0x378 + 0x870), 0x123U);
  const Program again = reread(*written);
  EXPECT_EQ(again.warnings, std::vector<std::string>{});
  EXPECT_EQ(again.procedures[0].tasks, program.procedures[0].tasks);
  std::vector<std::uint8_t> restored = *written;
  for (const std::size_t offset :
       {0x4004, 0x4005, 0x4008, 0x4009, 0x4011, 0x378 + 0x850, 0x378 + 0x858, 0x378 + 0x870, 0x378 + 0x871}) {
    restored[offset] = file.span()[offset];
  }
  EXPECT_EQ(count_differences(restored, file.span()), 0U);
}

TEST(WriteHwx, PutsChangedConstantsBack) {
  OPENANE_NEEDS_CORPUS();
  // allbilly made gemm_nz.hwx from gemm.hwx by writing 0.5 over all weights.
  Program program = read((corpus_folder() / "hwx/tinygrad/gemm.hwx").string());
  std::vector<std::uint8_t> weights(program.constants[0].data.size());
  for (std::size_t i = 1; i < weights.size(); i += 2) {
    weights[i] = 0x38;
  }
  program.constants[0].data = Bytes(std::move(weights));
  const Result<std::vector<std::uint8_t>> written = write_hwx(program);
  ASSERT_TRUE(written);
  EXPECT_EQ(count_differences(*written, load((corpus_folder() / "hwx/allbilly/tinygrad/gemm_nz.hwx").string()).span()),
            0U);
}

TEST(WriteHwx, MovedCoefficientStreamsGetNewRelocationsAndSymbols) {
  OPENANE_NEEDS_CORPUS();
  Program program = read((corpus_folder() / "hwx/tinygrad/conv.hwx").string());
  // The third stream is read from where the first one is: same count of relocations, other addresses.
  const Register* base = program.generation->find("KernelDMASrc.CoeffBaseAddr2");
  ASSERT_NE(base, nullptr);
  ASSERT_TRUE(program.procedures[0].tasks[0].task.set_word(base->address, 0));
  const Result<std::vector<std::uint8_t>> written = write_hwx(program);
  ASSERT_TRUE(written) << written.error().to_string();
  const Bytes bytes(*written);
  const Result<hwx::Parsed> parsed = hwx::parse_hwx(bytes);
  ASSERT_TRUE(parsed) << parsed.error().to_string();
  EXPECT_EQ(parsed->program.warnings, std::vector<std::string>{});
  EXPECT_EQ(parsed->text->relocation_count, 3U);
  EXPECT_EQ(std::ranges::count_if(parsed->image.symbols, [](const hwx::Symbol& s) { return s.name.starts_with("K"); }),
            2);
}

// --------------------------------------------------------------------------------------------------- built anew

std::string ident_of(std::span<const std::uint8_t> file) {
  hwx::Warnings warnings;
  const Result<hwx::Image> image = hwx::parse_image(file, warnings);
  return image ? std::string(image->ident) : std::string();
}

/// The file without its LC_NOTE, which describes the model and not the program: the commands and tables behind it move
/// up.
std::vector<std::uint8_t> without_note(std::span<const std::uint8_t> file) {
  std::vector<std::uint8_t> out(file.begin(), file.end());
  hwx::Warnings warnings;
  const Result<hwx::Image> image = hwx::parse_image(file, warnings);
  for (const hwx::Command& command : image->commands) {
    if (command.type != hwx::kNote) {
      continue;
    }
    const auto begin = out.begin() + static_cast<std::ptrdiff_t>(command.offset);
    out.erase(begin, begin + command.size);
    out.insert(out.begin() + static_cast<std::ptrdiff_t>(image->tables_end - command.size), command.size, 0);
    const auto move_up = [&](std::size_t at) {
      store_le(out.data() + at, load_le<std::uint32_t>(out.data() + at) - command.size);
    };
    store_le(out.data() + 16, load_le<std::uint32_t>(out.data() + 16) - 1);
    move_up(20);
    const std::size_t symtab = hwx::kHeaderSize + load_le<std::uint32_t>(out.data() + 20) - hwx::kSymtabCommandSize;
    move_up(symtab + 8);
    move_up(symtab + 16);
  }
  return out;
}

/// Offsets of the 64 digits of every kernel symbol's name: Apple's hash of the content is not known.
void blank_kernel_hashes(std::vector<std::uint8_t>& file) {
  const std::string text(file.begin(), file.end());
  const std::regex name("K[0-9A-F]{64}(?=_ne_[0-9]+|)");
  for (std::sregex_iterator it(text.begin(), text.end(), name), end; it != end; ++it) {
    std::fill_n(file.begin() + it->position() + 1, 64, std::uint8_t{'?'});
  }
}

TEST(BuildHwx, RebuildsEveryFileOfTheCorpusButForHashesPathsAndNotes) {
  OPENANE_NEEDS_CORPUS();
  std::set<std::string> with_note, with_hash;
  for (const std::string& path : all_hwx_files()) {
    SCOPED_TRACE(path);
    const Bytes file = load(path);
    Program program = read(path);
    const std::string ident = ident_of(file.span());
    const std::string compiler = program.compiler;
    // Nothing but the program is left; addresses and extents have to be found again.
    program.carried = nullptr;
    program.task_section = {};
    program.compiler.clear();
    for (TensorBinding& tensor : program.procedures[0].tensors) {
      tensor.address = tensor.extent = 0;
    }
    hwx::BuildOptions options;
    options.profile = hwx::profile_of_compiler(compiler);
    // Derivable: the whole text but for the two paths.
    std::smatch paths;
    ASSERT_TRUE(std::regex_search(ident, paths, std::regex("\t-i (.*)\n\t-o (.*)\n$")));
    options.ident = hwx::ident_text(hwx::profile(options.profile), "h13", paths.str(1), paths.str(2));
    const Result<std::vector<std::uint8_t>> built = hwx::build_hwx(program, options);
    ASSERT_TRUE(built) << built.error().to_string();
    std::vector<std::uint8_t> expected = without_note(file.span());
    with_note.insert(std::ranges::equal(expected, file.span()) ? "" : path);
    std::vector<std::uint8_t> actual = *built;
    const std::size_t before = count_differences(actual, expected);
    blank_kernel_hashes(actual);
    blank_kernel_hashes(expected);
    with_hash.insert(before != 0 ? path : "");
    EXPECT_EQ(count_differences(actual, expected), 0U);
    EXPECT_EQ(reread(*built).warnings, std::vector<std::string>{});
  }
  EXPECT_EQ(with_note.size(), 2U) << "one file has a note";
  EXPECT_EQ(with_hash.size(), 1U + 13U) << "files with kernel symbols";
}

}  // namespace
}  // namespace openane::test
