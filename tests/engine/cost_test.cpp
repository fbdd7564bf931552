#include <gtest/gtest.h>

#include <limits>

#include "openane/engine_op.h"

namespace openane {
namespace {

EngineOp parse(const char* text) {
  const Result<EngineOp> op = parse_engine_op(text);
  EXPECT_TRUE(op) << op.error().to_string();
  return op.value_or(EngineOp{});
}

TEST(Cost, Convolution) {
  const OpCost figures =
      cost(parse("compute = neural convolution\ninput = 64x16x16\noutput = 32x8x8\nwindow = 3x3 stride 2x2 pad 1x1\n"
                 "source1 = surface slot 4 row 0x40 plane 0x400\nresult = surface slot 5 row 0x40 plane 0x200\n"
                 "kernel = on slot 1 fp16\nstream = 0..15 on offset 0 step 0x900 size 0x900\nstream = 15 off offset 0 "
                 "size 0x40\n"));
  EXPECT_EQ(figures.multiply_adds, 32u * 8 * 8 * 64 * 9);
  EXPECT_EQ(figures.planar_operations, 0u);
  EXPECT_EQ(figures.bytes_read, 64u * 16 * 16 * 2);
  EXPECT_EQ(figures.bytes_written, 32u * 8 * 8 * 2);
  EXPECT_EQ(figures.kernel_bytes, 15u * 0x900);
}

TEST(Cost, GroupsAndUnicast) {
  const OpCost grouped =
      cost(parse("compute = neural convolution\ninput = 16x4x4\noutput = 16x4x4\ngroups = 4\n"
                 "source1 = surface slot 4 row 0x40 plane 0x100 group 0x1000\nresult = on_chip at 0x0 channel 0x20\n"));
  EXPECT_EQ(grouped.multiply_adds, 4u * 16 * 4 * 4 * 16);
  EXPECT_EQ(grouped.bytes_read, 4u * 16 * 4 * 4 * 2);
  EXPECT_EQ(grouped.bytes_written, 0u);
  const OpCost depthwise =
      cost(parse("compute = neural convolution\ninput = 64x4x4\noutput = 64x4x4\nunicast = 1\nwindow = 3x3\n"));
  EXPECT_EQ(depthwise.multiply_adds, 64u * 4 * 4 * 9);
  EXPECT_EQ(cost(parse("compute = neural bypass\ninput = 64x4x4\noutput = 64x4x4\n")).multiply_adds, 0u);
}

TEST(Cost, BroadcastAxesCountOnce) {
  const OpCost figures = cost(
      parse("compute = planar binary\ninput = 8x4x4\noutput = 8x4x4\nsource1 = surface slot 5 row 0x40 plane 0x100\n"
            "source2 = surface slot 6 row 0x40 plane 0x40 memory uint8 broadcast width+height\n"
            "result = surface slot 4 row 0x40 plane 0x100\n"));
  EXPECT_EQ(figures.planar_operations, 8u * 4 * 4);
  EXPECT_EQ(figures.bytes_read, 8u * 4 * 4 * 2 + 8u);
}

TEST(Cost, ReductionsWriteOneElementPerChannel) {
  const OpCost figures =
      cost(parse("compute = planar unary_reduce\ninput = 8x4x4\noutput = 8x4x4\ngroups = 2\n"
                 "source1 = surface slot 5 row 0x40 plane 0x100 group 0x800\nresult = surface slot 4 row 0x40 plane "
                 "0x40 group 0x200\n"));
  EXPECT_EQ(figures.bytes_read, 2u * 8 * 4 * 4 * 2);
  EXPECT_EQ(figures.bytes_written, 2u * 8 * 2);
}

TEST(Cost, ProductsSaturate) {
  const OpCost figures =
      cost(parse("compute = neural convolution\ninput = 4294967295x4294967295x4294967295\noutput = "
                 "4294967295x4294967295x4294967295\n"
                 "source1 = surface slot 4\n"));
  EXPECT_EQ(figures.multiply_adds, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(figures.bytes_read, std::numeric_limits<std::uint64_t>::max());
}

TEST(Unknowns, SayWhereAndWhatIsUnderstood) {
  EXPECT_EQ((Unknown{"TileDMASrc", "Pad40", "", 0x200, "0 or 0x100"}.to_string()),
            "TileDMASrc.Pad40 (unnamed bits) = 0x200, understood: 0 or 0x100");
  EXPECT_EQ((Unknown{"", "Header6", "KPC", 1, "0"}.to_string()), "Header6.KPC = 0x1, understood: 0");
}

}  // namespace
}  // namespace openane
