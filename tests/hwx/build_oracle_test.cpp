// The layout of compiler v9, for which the corpus has no file: the records of its output name every address, count and
// size.
#include <gtest/gtest.h>

#include "hwx/build_hwx.h"
#include "hwx/parsed.h"
#include "oracle_program.h"

namespace openane::test {
namespace {

TEST(BuildHwx, LaysOutDecodedProgramsAsCompilerV9Did) {
  OPENANE_NEEDS_CORPUS();
  for (const OracleProgram& oracle : load_oracle_programs()) {
    SCOPED_TRACE(oracle.name);
    // The compiler's driver put longer paths into the text; they decide whether the tables fit a page.
    const std::string path(150, 'x');
    const hwx::BuildOptions options{HwxProfile::v9, hwx::ident_text(hwx::profile(HwxProfile::v9), "h13", path, path)};
    const Result<std::vector<std::uint8_t>> built = hwx::build_hwx(oracle.program, options);
    ASSERT_TRUE(built) << built.error().to_string();
    EXPECT_EQ(built->size(), oracle.file_bytes);
    const Bytes bytes(*built);
    const Result<hwx::Parsed> parsed = hwx::parse_hwx(bytes);
    ASSERT_TRUE(parsed) << parsed.error().to_string();
    EXPECT_EQ(parsed->program.warnings, std::vector<std::string>{});
    const hwx::ProgramDescriptor& descriptor = parsed->programs.at(0);
    EXPECT_EQ(descriptor.text_address, oracle.text_address);
    EXPECT_EQ(descriptor.slots[0], oracle.text_address);
    EXPECT_EQ(descriptor.slots[1], oracle.constant_address);
    EXPECT_EQ(descriptor.slots[3], oracle.program.scratch_bytes != 0 ? 0x30000000U : 0U);
    for (std::size_t i = 0; i < oracle.tensor_addresses.size(); ++i) {
      EXPECT_EQ(descriptor.slots[4 + i], oracle.tensor_addresses[i]) << "slot " << 4 + i;
    }
    EXPECT_EQ(descriptor.first_task_words, oracle.first_task_words);
    EXPECT_EQ(descriptor.task_count, oracle.program.procedures[0].tasks.size());
    const auto thread = std::ranges::find(parsed->image.threads, descriptor.header, &hwx::Thread::header);
    EXPECT_EQ(thread->count, oracle.descriptor_count);
    EXPECT_EQ(thread->size, oracle.descriptor_size);
    EXPECT_EQ(parsed->program.procedures[0].tasks, oracle.program.procedures[0].tasks);
    for (const TensorBinding& tensor : oracle.program.procedures[0].tensors) {
      const TensorBinding* other = parsed->program.procedures[0].find(tensor.name);
      ASSERT_NE(other, nullptr);
      EXPECT_EQ(other->slot, tensor.slot);
      EXPECT_EQ(other->symbol, tensor.symbol);
      EXPECT_EQ(other->layout, tensor.layout);
      EXPECT_EQ(other->total_bytes, tensor.total_bytes);
    }
  }
}

}  // namespace
}  // namespace openane::test
