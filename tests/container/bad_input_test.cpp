// Damaged raw kernels and layouts, and files that are something else.
#include "bad_input.h"

#include <gtest/gtest.h>

#include "openane/anec.h"
#include "openane/hwx.h"
#include "openane/raw_kernel.h"
#include "program_corpus.h"
#include "raw_layout.h"

namespace openane::test {
namespace {

TEST(BadRawKernel, EveryByteOfTheTasksChanged) {
  OPENANE_NEEDS_CORPUS();
  std::size_t values = 0;
  std::size_t errors = 0;
  for (const toml::table& entry : manifest_files("raw")) {
    if (entry["td_count"].value_or(0) < 2 && entry["operation"].value_or(std::string()) != "add") {
      continue;  // Single tasks differ in register values only; one of them and all chains are enough.
    }
    SCOPED_TRACE(manifest_path(entry));
    const std::string layout = raw_layout_of(entry);
    Victim victim(load(manifest_path(entry)).span());
    victim.mutate_bytes(0, entry["tsk_size"].value_or(std::size_t{0}), [&](const std::string& what) {
      const Result<Program> program = read_raw_kernel(victim.file(), layout, "layout");
      if (!program) {
        ++errors;
        expect_usable(program.error());
        return;
      }
      ++values;
      static_cast<void>(check_program(*program));
      if (values % 16 == 0) {
        const Result<std::vector<std::uint8_t>> written = write_raw_kernel(*program);
        ASSERT_TRUE(written) << what;
        EXPECT_TRUE(std::ranges::equal(*written, victim.file().span())) << what;
      }
    });
  }
  EXPECT_GT(values, 10000U);
  EXPECT_GT(errors, 100U);
}

TEST(BadRawKernel, EveryTruncation) {
  OPENANE_NEEDS_CORPUS();
  const toml::table softmax = manifest_files("raw").at(0);
  const Bytes file = load(manifest_path(softmax));
  for (std::size_t size = 0; size < std::min<std::size_t>(file.size(), 0x400); ++size) {
    const Bytes part(std::vector<std::uint8_t>(file.data(), file.data() + size));
    const Result<Program> program = read_raw_kernel(part, raw_layout_of(softmax), "layout");
    ASSERT_FALSE(program) << size;
    expect_usable(program.error());
  }
}

TEST(BadRawKernel, EveryByteOfALayoutChanged) {
  const Bytes data(std::vector<std::uint8_t>(0x40));
  const std::string layout =
      "task_bytes = 0x40\nkernel_bytes = 0\nscratch_bytes = 0x4000\n[[tensor]]\nname = \"x\"\nslot = 5\nrole = "
      "\"input\"\ntype = \"float16\"\n"
      "shape = [1, 2, 3, 4]\nrow_stride = 0x40\nplane_stride = 0xc0\n";
  ASSERT_TRUE(read_raw_kernel(data, layout, "layout"));
  Victim victim(std::span(reinterpret_cast<const std::uint8_t*>(layout.data()), layout.size()));
  victim.mutate_bytes(0, layout.size(), [&](const std::string& what) {
    const std::string_view text(reinterpret_cast<const char*>(victim.data().data()), victim.data().size());
    const Result<Program> program = read_raw_kernel(data, text, "layout");
    if (!program) {
      EXPECT_EQ(program.error().category, ErrorCategory::malformed_input) << what;
      EXPECT_FALSE(program.error().message.empty()) << what;
    }
  });
}

TEST(BadFiles, AreNoPrograms) {
  // Every reader, whatever it is given: errors, no faults.
  std::uint32_t state = 1;
  for (int i = 0; i < 2000; ++i) {
    std::vector<std::uint8_t> noise(static_cast<std::size_t>(i % 97) * 8);
    for (std::uint8_t& byte : noise) {
      state = state * 1664525 + 1013904223;
      byte = static_cast<std::uint8_t>(state >> 24);
    }
    EXPECT_FALSE(read_hwx(Bytes(noise)));
    EXPECT_FALSE(read_anec(Bytes(noise)));
    EXPECT_FALSE(looks_like_hwx(noise));
  }
}

}  // namespace
}  // namespace openane::test
