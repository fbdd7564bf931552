// Files that are not what they claim to be: one clear error, exit code 3, within 50 ms of processor time and 64 MB.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <filesystem>

#include "cli/tool.h"

namespace openane::test {
namespace {

// Sanitizers take many times the memory and time: there, only the verdicts are checked.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kMeasure = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool kMeasure = false;
#else
constexpr bool kMeasure = true;
#endif
#else
constexpr bool kMeasure = true;
#endif

std::string le32(std::initializer_list<std::uint32_t> words) {
  std::string out;
  for (const std::uint32_t word : words) {
    for (int shift = 0; shift < 32; shift += 8) {
      out += static_cast<char>((word >> shift) & 0xffu);
    }
  }
  return out;
}

std::string padded(std::string text, std::size_t size) {
  text.resize(std::max(size, text.size()));
  return text;
}

/// A segment command with these sizes and one section or none.
std::string segment(std::uint32_t file_offset, std::uint32_t file_size, std::uint32_t vm_size, std::uint32_t sections) {
  return le32({0x19, 72}) + padded("__TEXT", 16) +
         le32({0x30000000, 0, vm_size, 0, file_offset, 0, file_size, 0, 5, 5, sections, 4});
}

std::string hwx(std::uint32_t commands, const std::string& body) {
  return le32({0xbeefface, 0x80, 4, 2, commands, static_cast<std::uint32_t>(body.size()), 0x200000, 0}) + body;
}

constexpr std::uint32_t k4GB = 0xffffc000;

struct BadFile {
  const char* name;
  std::string bytes;
  const char* says;  ///< Part of the message: it must be about what is wrong.
};

std::vector<BadFile> bad_files() {
  return {
      {"empty.hwx", "", "empty"},
      {"empty.anec", "", "empty"},
      {"text.hwx", "hello, world\n", ""},
      {"zeros.hwx", std::string(4096, '\0'), ""},
      {"ones.hwx", std::string(4096, '\xff'), ""},
      {"magic_only.hwx", le32({0xbeefface}), ""},
      {"header_only.hwx", hwx(0, ""), ""},
      {"mach-o_x86.hwx", padded(le32({0xfeedfacf, 0x01000007, 3, 2, 0, 0, 0, 0}), 1024), ""},
      {"mach-o_arm64.dylib", padded(le32({0xfeedfacf, 0x0100000c, 0, 6, 0, 0, 0, 0}), 1024), ""},
      {"mach-o_32.o", padded(le32({0xfeedface, 7, 3, 1, 0, 0, 0}), 1024), ""},
      {"mach-o_fat", padded(le32({0xbebafeca, 0x02000000}), 1024), ""},
      {"elf",
       padded("\x7f"
              "ELF",
              1024),
       ""},
      {"other_cpu.hwx", padded(le32({0xbeefface, 7, 4, 2, 0, 0, 0, 0}), 1024), "cputype"},
      {"commands_4gb.hwx", padded(le32({0xbeefface, 0x80, 4, 2, 1, 0xfffffff8, 0, 0}), 1024), ""},
      {"command_count_4g.hwx", padded(le32({0xbeefface, 0x80, 4, 2, 0xffffffff, 8, 0, 0, 0x19, 8}), 1024), ""},
      {"command_size_0.hwx", padded(le32({0xbeefface, 0x80, 4, 2, 9, 512, 0, 0, 0x19, 0}), 1024), ""},
      {"segment_file_4gb.hwx", padded(hwx(1, segment(0x4000, k4GB, k4GB, 0)), 1024), ""},
      {"segment_offset_4gb.hwx", padded(hwx(1, segment(k4GB, 0x4000, 0x4000, 0)), 1024), ""},
      {"sections_4g.hwx", padded(hwx(1, segment(0, 0, 0, 0xffffffff)), 1024), ""},
      {"symbols_4g.hwx", padded(hwx(1, le32({2, 24, 64, 0xffffffff, 64, 0xffffffff})), 1024), ""},
      {"thread_4g.hwx", padded(hwx(1, le32({4, 16, 1, 0xffffffff})), 1024), ""},
      {"size_4gb.anec", padded(le32({k4GB, 0, 0x274, 1, 0x274, 0, k4GB, 0, 1, 1}), 1024), ""},
      {"size_2^64.anec",
       padded(le32({0xffffffff, 0xffffffff, 0x274, 1, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 1, 1}), 0x1800),
       ""},
      {"tensors_4g.anec", padded(le32({0x800, 0, 0x274, 1, 0x274, 0, 0, 0, 0xffffffff, 0xffffffff}), 0x1800), ""},
      {"garbage.anes", "\x01\x02\x03 nonsense {{{{ ====\n", ""},
      {"empty.anes", "", ""},
      {"long_line.anes", std::string(1024, '('), ""},
  };
}

void expect_refused(const std::vector<std::string>& arguments, std::string_view says) {
  SCOPED_TRACE(testing::PrintToString(arguments));
  const Outcome outcome = run_ane(arguments);
  EXPECT_EQ(outcome.exit, 3) << outcome.err;
  EXPECT_TRUE(outcome.err.starts_with("ane: ")) << outcome.err;
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_NE(outcome.err.find(says), std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  if (kMeasure) {
    EXPECT_LT(outcome.cpu_seconds, 0.050);
    EXPECT_LT(outcome.peak_kilobytes, 64 * 1024);
  }
}

TEST(BadInput, every_reader_refuses_every_bad_file) {
  const TemporaryFolder folder;
  for (const BadFile& bad : bad_files()) {
    const std::string path = folder.path(bad.name);
    write_text(path, bad.bytes);
    for (const char* command : {"info", "disasm"}) {
      expect_refused({command, path}, bad.says);
      expect_refused({command, path}, path);
    }
    expect_refused({"run", path, "--input", "ramp"}, bad.says);
    expect_refused({"diff", path, path}, bad.says);
    expect_refused({"convert", path, "-o", folder.path("out.hwx")}, bad.says);
    EXPECT_FALSE(std::filesystem::exists(folder.path("out.hwx")));
  }
}

TEST(BadInput, a_missing_file_a_folder_and_a_device) {
  const TemporaryFolder folder;
  for (const char* command : {"info", "disasm", "run"}) {
    expect_refused({command, folder.path("missing.hwx")}, "No such file");
    expect_refused({command, folder.root().string()}, "is a directory");
    expect_refused({command, "/dev/zero"}, "not a regular file");
  }
  expect_refused({"asm", folder.path("missing.anes"), "-o", folder.path("out.hwx")}, "No such file");
  expect_refused({"asm", folder.root().string(), "-o", folder.path("out.hwx")}, "is a directory");
}

TEST(BadInput, raw_kernels_and_layouts) {
  const TemporaryFolder folder;
  const std::string kernel = folder.path("kernel.bin");
  const std::string layout = folder.path("layout.toml");
  write_text(kernel, std::string(0x300, '\0'));
  const char* const layouts[] = {
      "",
      "task_bytes = [",
      "task_bytes = 4294967295\n",
      "task_bytes = -1\n",
      "task_bytes = \"many\"\n",
      "task_bytes = 0x274\nkernel_bytes = 0x7fffffffffffffff\n",
      "task_bytes = 0x274\nkernel_bytes = 0x80\nscratch_bytes = -5\n",
      "task_bytes = 0x274\nkernel_bytes = 0x80\n[[tensor]]\nname = \"x\"\nslot = 4\nrole = \"input\"\ntype = "
      "\"float16\"\n"
      "shape = [4294967295, 4294967295, 4294967295, 4294967295]\nrow_stride = 64\nplane_stride = 64\n",
  };
  for (const char* text : layouts) {
    write_text(layout, text);
    expect_refused({"info", kernel, "--raw", layout}, "ane: ");
  }
  expect_refused({"info", kernel, "--raw", folder.path("none.toml")}, "No such file");
}

TEST(BadInput, numpy_files) {
  const TemporaryFolder folder;
  const std::string program = assemble_example(folder, "sigmoid");
  const std::string array = folder.path("x.npy");
  const std::string header = "{'descr': '<f2', 'fortran_order': False, 'shape': (4294967295, 4294967295), }";
  const std::string magic = std::string("\x93NUMPY\x01\x00", 8);
  const std::string files[] = {
      "",
      "not numpy",
      magic,
      magic + "\xff\xff",
      magic + std::string("\x76\x00", 2) + padded(header, 117) + "\n",
      magic + std::string("\x76\x00", 2) + padded("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 117) +
          "\n",
  };
  for (const std::string& bytes : files) {
    write_text(array, bytes);
    const Outcome outcome = run_ane({"run", program, "--input", array});
    EXPECT_TRUE(outcome.exit == 3 || outcome.exit == 4) << outcome.exit << " " << outcome.err;
    EXPECT_NE(outcome.err.find(array), std::string::npos) << outcome.err;
  }
}

TEST(BadInput, names_from_a_file_cannot_steer_the_terminal) {
  const TemporaryFolder folder;
  const Outcome outcome = run_ane({"info", folder.path("\x1b]0;evil\x07\n.hwx")});
  EXPECT_EQ(outcome.exit, 3);
  EXPECT_EQ(outcome.err.find('\x1b'), std::string::npos);
  EXPECT_NE(outcome.err.find("\\x1b]0;evil\\x07\\x0a"), std::string::npos) << outcome.err;
}

// Truncations of real programs, and real programs with one byte set: an error with exit code 3 or 4, or a value.
TEST(BadInput, pieces_of_real_programs) {
  if (corpus().empty()) {
    GTEST_SKIP() << "OPENANE_CORPUS is not set: no real programs to cut";
  }
  const TemporaryFolder folder;
  const std::string path = folder.path("piece.hwx");
  for (const char* name : {"/hwx/tinygrad/sigmoid.hwx", "/hwx/tinygrad/conv.hwx", "/hwx/allbilly/mul_macos14.ane"}) {
    const std::string whole = read_text(corpus() + name);
    for (std::size_t size = 0; size < whole.size(); size += size < 0x800 ? 97 : 3001) {
      write_text(path, std::string_view(whole).substr(0, size));
      expect_refused({"info", path}, "ane: ");
    }
    for (std::size_t at = 0; at < 0x1000; at += 61) {
      std::string changed = whole;
      changed[at] = static_cast<char>(~changed[at]);
      write_text(path, changed);
      const Outcome outcome = run_ane({"info", path});
      const int expected = outcome.out.find("\nwrong: ") == std::string::npos ? 0 : 1;
      EXPECT_TRUE(outcome.exit == expected || outcome.exit == 3 || outcome.exit == 4)
          << name << " byte " << at << ": " << outcome.err;
      EXPECT_EQ(outcome.exit > 1, !outcome.err.empty()) << name << " byte " << at;
    }
  }
}

}  // namespace
}  // namespace openane::test
