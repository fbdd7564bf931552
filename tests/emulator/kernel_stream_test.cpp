// Where weights lie in coefficient streams, against formulas from outside.
#include "emulator/kernel_stream.h"

#include <gtest/gtest.h>

#include "target/h13/kernel_pack.h"
#include "workshop.h"

namespace openane::emulator {
namespace {

/// A 1x1 convolution of `inputs` channels on 16 engines whose streams are as long as they can be.
EngineOp convolution(std::uint32_t inputs, std::uint32_t outputs, std::uint8_t lanes_log2) {
  EngineOp op = test::neural_copy(test::Logical(1, inputs, 1, 1));
  NeuralCompute neural;
  neural.mode = NeuralMode::convolution;
  neural.kernel.enabled = true;
  neural.kernel.format = KernelFormat::fp16;
  neural.kernel.lanes_log2 = lanes_log2;
  neural.kernel.engines_log2 = 4;
  neural.kernel.channels.fill({true, 0, 0x7fffffc0});
  op.compute = neural;
  op.output.channels = outputs;
  return op;
}

/// joshuaswarren/mil-hwx-compiler, 502 of 505 pattern probes of Apple's compiler: with g lanes, the half-word index of
/// W[n][k] in the 16 streams one after the other is q*K*g + k*g + n%g, q = (p % 16)*(planes/16) + p/16, p = n/g.
TEST(KernelLayout, ClosedFormOfThePatternProbes) {
  for (const std::uint32_t outputs : {64u, 256u, 512u, 1024u}) {
    for (std::uint8_t lanes_log2 = 0; lanes_log2 < 6; ++lanes_log2) {
      const std::uint32_t lanes = 1u << lanes_log2, planes = outputs / lanes, taps = 96;
      if (planes % 16 != 0) {
        continue;
      }
      const auto layout = KernelLayout::create(convolution(taps, outputs, lanes_log2));
      ASSERT_TRUE(layout) << layout.error().to_string();
      const std::uint64_t stream = std::uint64_t{planes / 16} * taps * lanes * 2;
      EXPECT_EQ(layout->bytes_of(0), stream);
      for (std::uint32_t n = 0; n < outputs; ++n) {
        const KernelLayout::Position at = layout->locate(0, n);
        const std::uint32_t p = n / lanes, q = (p % 16) * (planes / 16) + p / 16;
        for (const std::uint32_t k : {0u, 1u, taps - 1}) {
          const std::uint64_t ours = (at.engine * stream + at.plane) / 2 + k * at.lanes + at.lane;
          ASSERT_EQ(ours, q * taps * lanes + k * lanes + n % lanes)
              << outputs << " x " << lanes << ", " << n << ", " << k;
        }
      }
    }
  }
}

/// The same source: 768 channels at 32 lanes are 512 in planes of 32, then 256 in planes of 16 over all engines again.
TEST(KernelLayout, LeftoverChannelsFormSmallerPlanes) {
  const auto layout = KernelLayout::create(convolution(10, 768, 5));
  ASSERT_TRUE(layout) << layout.error().to_string();
  const KernelLayout::Position last_full = layout->locate(0, 511), first_left = layout->locate(0, 512),
                               last_left = layout->locate(0, 767);
  EXPECT_EQ(last_full.engine, 15u);
  EXPECT_EQ(last_full.lanes, 32u);
  EXPECT_EQ(first_left.engine, 0u);
  EXPECT_EQ(first_left.lanes, 16u);
  EXPECT_EQ(first_left.plane, 10u * 32 * 2);
  EXPECT_EQ(last_left.engine, 15u);
  EXPECT_EQ(last_left.lane, 15u);
  EXPECT_EQ(layout->bytes_of(15), 10u * (32 + 16) * 2);
}

/// tinygrad's 3 x 3 channel convolution: one lane, channel n on engine n.
TEST(KernelLayout, FewChannels) {
  EngineOp op = convolution(3, 3, 0);
  std::get<NeuralCompute>(op.compute).kernel.engines_log2 = 2;
  const auto layout = KernelLayout::create(op);
  ASSERT_TRUE(layout) << layout.error().to_string();
  for (std::uint32_t n = 0; n < 3; ++n) {
    EXPECT_EQ(layout->locate(0, n).engine, n);
    EXPECT_EQ(layout->locate(0, n).plane, 0u);
  }
  EXPECT_EQ(layout->bytes_of(2), 6u);
  EXPECT_EQ(layout->bytes_of(3), 0u);
}

/// What the packer writes, the reader finds, for every number of channels.
TEST(KernelReader, FindsWhatThePackerWrote) {
  for (std::uint32_t outputs = 1; outputs <= 200; ++outputs) {
    h13::KernelWeights weights;
    weights.outputs = outputs;
    weights.inputs = 3;
    for (std::uint32_t i = 0; i < outputs * 3; ++i) {
      weights.values.push_back(to_half(static_cast<float>(i + 1)));
    }
    const auto packed = h13::pack_kernel(weights, h13::choose_packing(outputs, true));
    ASSERT_TRUE(packed) << outputs << ": " << packed.error().to_string();
    EngineOp op = convolution(3, outputs, packed->lanes_log2);
    auto& kernel = std::get<NeuralCompute>(op.compute).kernel;
    kernel.slot = 1;
    kernel.engines_log2 = packed->engines_log2;
    kernel.channels = packed->channels;
    Program program;
    program.constants.push_back({"", 1, Bytes(packed->bytes)});
    const auto memories = MemoryMap::create(program, {});
    ASSERT_TRUE(memories);
    auto reader = KernelReader::create(op, *memories);
    ASSERT_TRUE(reader) << outputs << ": " << reader.error().to_string();
    ASSERT_TRUE(reader->load());
    std::vector<float> seen(outputs * 3);
    reader->weights(0, 0, outputs, outputs, seen.data());
    for (std::size_t channel = 0; channel < outputs; ++channel) {
      for (std::size_t tap = 0; tap < 3; ++tap) {
        ASSERT_EQ(seen[tap * outputs + channel], to_float(weights.values[channel * 3 + tap]))
            << outputs << " channels, channel " << channel << ", tap " << tap;
      }
    }
  }
}

}  // namespace
}  // namespace openane::emulator
