// parse_engine_op(print_engine_op(op)) == op, for any op; and the text itself, for two ops a person can check by eye.
#include <gtest/gtest.h>

#include <bit>
#include <random>

#include "base/number_text.h"
#include "openane/engine_op.h"

namespace openane {
namespace {

class RandomOps {
 public:
  explicit RandomOps(std::uint32_t seed) : random_(seed) {}

  EngineOp next() {
    EngineOp op;
    op.input = extent();
    op.output = extent();
    op.groups = number<std::uint32_t>();
    for (Operand& source : op.sources) {
      source = {place(), surface(), on_chip(), type(), {flip(), flip(), flip(), flip()}, flip()};
    }
    op.result = {place(), surface(), on_chip(), type(), flip()};
    switch (below(5)) {
      case 0:
        break;
      case 1:
      case 2:
        op.compute = neural();
        break;
      default:
        op.compute = planar();
    }
    return op;
  }

 private:
  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(random_() % limit); }
  bool flip() { return below(2) == 0; }
  /// Often zero or one, the values that are left out or nearly so.
  template <typename T>
  T number() {
    switch (below(4)) {
      case 0:
        return 0;
      case 1:
        return 1;
      case 2:
        return static_cast<T>(below(1000));
      default:
        return static_cast<T>(random_());
    }
  }
  Half half() { return {below(3) == 0 ? std::uint16_t{0x3c00} : number<std::uint16_t>()}; }
  float real() {
    const float value = std::bit_cast<float>(number<std::uint32_t>());
    return value == value ? value : 1.0F;  // NaN never equals itself, so the law cannot be stated for it
  }
  Extent extent() {
    return {number<std::uint32_t>(), number<std::uint32_t>(), number<std::uint32_t>(), number<std::uint32_t>()};
  }
  ByteStrides strides() {
    return {number<std::uint32_t>(), number<std::uint32_t>(), number<std::uint32_t>(), number<std::uint32_t>()};
  }
  Place place() { return static_cast<Place>(below(5)); }
  ElementType type() {
    constexpr ElementType kTypes[] = {ElementType::float16, ElementType::int8, ElementType::uint8,
                                      ElementType::invalid};
    return kTypes[below(4)];
  }
  SurfaceView surface() {
    return {number<std::uint8_t>(), number<std::uint32_t>(), strides(), type(), number<std::uint8_t>()};
  }
  OnChipView on_chip() { return {number<std::uint32_t>(), strides()}; }
  NeuralCompute neural() {
    NeuralCompute neural;
    neural.mode = static_cast<NeuralMode>(below(4));
    neural.window = {number<std::uint8_t>(), number<std::uint8_t>(), number<std::uint8_t>(),
                     number<std::uint8_t>(), number<std::uint8_t>(), number<std::uint8_t>()};
    KernelStream& kernel = neural.kernel;
    kernel.enabled = flip();
    kernel.slot = number<std::uint8_t>();
    kernel.format = static_cast<KernelFormat>(below(4));
    kernel.zero_skipping = flip();
    kernel.from_memory = flip();
    kernel.lanes_log2 = static_cast<std::uint8_t>(below(32));
    kernel.engines_log2 = static_cast<std::uint8_t>(below(32));
    const std::uint32_t step = number<std::uint32_t>();
    KernelChannel channel{flip(), number<std::uint32_t>(), number<std::uint32_t>()};
    for (KernelChannel& each : kernel.channels) {
      each = channel;
      channel.offset += step;
      if (below(8) == 0) {
        channel = {flip(), number<std::uint32_t>(), number<std::uint32_t>()};
      }
    }
    kernel.offset = number<std::uint32_t>();
    kernel.order = static_cast<ChannelOrder>(below(2));
    kernel.table_apart = flip();
    if (kernel.table_apart) {
      kernel.table_slot = number<std::uint8_t>();
      kernel.table_offset = number<std::uint32_t>();
    }
    neural.unicast = flip();
    neural.unicast_inputs = number<std::uint16_t>();
    neural.channel_bias = flip();
    neural.accumulator_bias = half();
    neural.post_scale = half();
    neural.activation = static_cast<Activation>(below(4));
    neural.input_relu = flip();
    return neural;
  }
  PlanarCompute planar() {
    PlanarCompute planar;
    planar.form = static_cast<PlanarForm>(below(5));
    planar.op = static_cast<PlanarOp>(below(6));
    planar.second_enabled = flip();
    planar.condition = static_cast<std::uint8_t>(below(8));
    planar.negate_first = flip();
    planar.negate_second = flip();
    planar.pre_scale = real();
    planar.bias = real();
    planar.scale = real();
    planar.relu = flip();
    planar.reduction = static_cast<Reduction>(below(4));
    planar.final_scale = real();
    planar.post = static_cast<std::uint8_t>(below(4));
    planar.epsilon = real();
    return planar;
  }

  std::mt19937 random_;
};

TEST(OpText, ParseInvertsPrint) {
  for (std::uint32_t seed = 1; seed <= 5000; ++seed) {
    const EngineOp op = RandomOps(seed).next();
    const std::string text = print_engine_op(op);
    const Result<EngineOp> parsed = parse_engine_op(text, "op");
    ASSERT_TRUE(parsed) << "seed " << seed << "\n" << text << parsed.error().to_string();
    ASSERT_EQ(*parsed, op) << "seed " << seed << "\n" << text;
    ASSERT_EQ(print_engine_op(*parsed), text) << "seed " << seed;
  }
}

TEST(OpText, EveryHalfReadsBackToItsBits) {
  for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
    std::string text;
    append_half(text, Half{static_cast<std::uint16_t>(bits)});
    const std::optional<Half> back = parse_half(text);
    ASSERT_TRUE(back) << text;
    ASSERT_EQ(back->bits, bits) << text;
    ASSERT_LE(text.size(), 13u) << text;
  }
}

TEST(OpText, NumbersRoundOnce) {
  // 1 + 2^-11 is the tie between 1 and 1 + 2^-10; anything above it rounds up, even by less than a float can hold.
  EXPECT_EQ(parse_half("1.00048828125")->bits, 0x3c00);
  EXPECT_EQ(parse_half("1.000488281250001")->bits, 0x3c01);
  EXPECT_EQ(parse_half("0x1.0020001p0")->bits, 0x3c01);
  EXPECT_EQ(parse_half("65519.99")->bits, 0x7bff);
  EXPECT_EQ(parse_half("65520")->bits, 0x7c00);
  EXPECT_EQ(parse_half("-0")->bits, 0x8000);
  EXPECT_EQ(parse_half("0x1p-24")->bits, 0x0001);
  EXPECT_EQ(parse_half("bits(0x7e01)")->bits, 0x7e01);
  for (const char* wrong : {"", "-", "x", "1.5.2", "0x", "nan", "bits(0x10000)", "bits()", "+1", "1e", "--1", "infx"}) {
    EXPECT_FALSE(parse_half(wrong)) << wrong;
  }
}

EngineOp convolution() {
  EngineOp op;
  op.input = {16, 16, 1, 64};
  op.output = {16, 16, 1, 64};
  op.sources[0] = {
      Place::surface, {4, 0, {0x40, 0x400, 0, 0x10000}, ElementType::float16, 1}, {}, ElementType::float16, {}, false};
  op.result = {
      Place::surface, {5, 0, {0x40, 0x400, 0, 0x10000}, ElementType::float16, 1}, {}, ElementType::float16, false};
  NeuralCompute neural;
  neural.mode = NeuralMode::convolution;
  neural.window = {3, 3, 1, 1, 1, 1};
  neural.kernel = {.enabled = true, .slot = 1, .format = KernelFormat::fp16, .lanes_log2 = 2, .engines_log2 = 4};
  for (std::uint32_t i = 0; i < 16; ++i) {
    neural.kernel.channels.at(i) = {true, i * 0x1200, 0x1200};
  }
  neural.activation = Activation::relu;
  op.compute = neural;
  return op;
}

TEST(OpText, ConvolutionReadsAsExpected) {
  EXPECT_EQ(print_engine_op(convolution()),
            "compute = neural convolution\n"
            "input = 64x16x16\n"
            "output = 64x16x16\n"
            "source1 = surface slot 4 row 0x40 plane 0x400 group 0x10000\n"
            "result = surface slot 5 row 0x40 plane 0x400 group 0x10000\n"
            "window = 3x3 pad 1x1\n"
            "kernel = on slot 1 fp16\n"
            "lanes = 4\n"
            "engines = 16\n"
            "stream = 0..15 on offset 0x0 step 0x1200 size 0x1200\n"
            "activation = relu\n");
}

TEST(OpText, OrderAndCommentsDoNotMatter) {
  const Result<EngineOp> op = parse_engine_op(
      "# a sum\ncompute = planar binary; op = mul   # by hand\n\n"
      "source2 = on_chip at 0x20 row 0x10 broadcast width+channel exchange\nscale = 0.5\ninput = 4x2x1 depth 3\n");
  ASSERT_TRUE(op) << op.error().to_string();
  EXPECT_EQ(op->planar()->op, PlanarOp::mul);
  EXPECT_EQ(op->sources[1].on_chip.strides.row, 0x10u);
  EXPECT_TRUE(op->sources[1].broadcast.width && op->sources[1].broadcast.channel &&
              op->sources[1].exchange_channel_width);
  EXPECT_EQ(op->input, (Extent{1, 2, 3, 4}));
}

struct BadText {
  const char* text;
  const char* error;
};

TEST(OpText, ErrorsNameThePlaceAndWhatWasExpected) {
  const BadText kCases[] = {
      {"compute = neural\nwindoww = 3x3\n",
       "op:2:1: malformed input: an operation has no key 'windoww' (did you mean 'window'?)"},
      {"compute = neural\nop = add\n",
       "op:2:1: malformed input: 'op' belongs to the planar path, this task is neural bypass"},
      {"window = 3x3\n", "op:1:1: malformed input: 'window' belongs to the neural path, this task is unknown"},
      {"compute = neural\nwindow = 3x300\n",
       "op:2:10: malformed input: window: expected height x width, as 3x3, each up to 255, got '3x300'"},
      {"source1 = surfase slot 4\n",
       "op:1:11: malformed input: source1: expected a place (none, on_chip, surface_kept, surface, chained) "
       "(did you mean 'surface'?), got 'surfase'"},
      {"source1 = surface slot 256\n", "op:1:24: malformed input: source1: expected a slot from 0 to 0xff, got '256'"},
      {"source1 = surface slot\n", "op:1:23: malformed input: source1: expected a slot from 0 to 0xff, got nothing"},
      {"input = 3x4\n",
       "op:1:9: malformed input: input: expected channels x height x width, as 64x16x16, each up to 4294967295, got "
       "'3x4'"},
      {"groups = 1 2\n", "op:1:12: malformed input: groups: expected nothing more, got '2'"},
      {"groups 1\n", "op:1:1: malformed input: expected 'key = value', got 'groups'"},
      {"compute = neural\nstream = 3..16 on\n",
       "op:2:10: malformed input: stream: expected a stream 0 to 15, or a range of them as 0..15, got '3..16'"},
      {"compute = neural\nlanes = 3\n", "op:2:9: malformed input: lanes: expected a power of two up to 2^31, got '3'"},
      {"input = \"open\n", "op:1:9: malformed input: a string must end on its line, with '\"'"},
  };
  for (const BadText& bad : kCases) {
    const Result<EngineOp> op = parse_engine_op(bad.text, "op");
    ASSERT_FALSE(op) << bad.text;
    EXPECT_EQ(op.error().to_string(), bad.error);
  }
}

TEST(OpText, GarbageIsAnErrorOrAnOp) {
  std::mt19937 random(7);
  const std::string seed = print_engine_op(convolution());
  for (int round = 0; round < 3000; ++round) {
    std::string text = seed;
    for (int edits = 0; edits < 4; ++edits) {
      text[random() % text.size()] = static_cast<char>(random());
    }
    const Result<EngineOp> op = parse_engine_op(text, "op");
    if (op) {
      const Result<EngineOp> again = parse_engine_op(print_engine_op(*op));
      ASSERT_TRUE(again && *again == *op) << text;
    }
  }
}

}  // namespace
}  // namespace openane
