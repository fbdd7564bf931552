// Coefficient streams against the constant sections of published records: sizes and SHA-256 of the compiler's own
// bytes.
#include "target/h13/kernel_pack.h"
#include "base/sha256.h"

#include <gtest/gtest.h>

#include "oracle.h"

namespace openane::h13 {
namespace {

/// The weights that the compiler read: the weight file from its first byte, headers and all (oracles/h13/README.md).
std::vector<Half> weights_as_read(std::size_t count, std::uint64_t payload) {
  std::vector<std::uint16_t> file(64);
  file[0] = 1;
  file[2] = 2;
  file[32] = 0xbeef;
  file[33] = 0xdead;
  for (std::size_t i = 0; i < 4; ++i) {
    file[34 + i] = static_cast<std::uint16_t>(payload >> (16 * i));
  }
  file[38] = 128;
  std::vector<Half> values(count, Half{0x3800});
  for (std::size_t i = 0; i < std::min<std::size_t>(count, 64); ++i) {
    values[i].bits = file[i];
  }
  return values;
}

struct Section {
  const char* record;
  bool bias;
  bool zero_skipping;
  std::uint32_t groups;
  bool small_image;
};

TEST(KernelPack, EqualsTheCompilersSections) {
  OPENANE_NEEDS_CORPUS();
  const Section kSections[] = {
      {"conv_probe_k1_c64_n64_s16_st1_g1_bias0_same", false, false, 1, false},
      {"conv_probe_k1_c64_n64_s16_st1_g1_bias1_same", true, false, 1, false},
      {"conv_probe_k3_c64_n64_s16_st1_g1_bias0_same", false, false, 1, false},
      {"conv_probe_k1_c64_n64_s16_st1_g4_bias0_same", false, false, 4, false},
      {"conv_probe_k3_c64_n64_s16_st1_g64_bias0_same", false, false, 1, false},
      {"conv_probe_k1_c64_n64_s16_st2_g1_bias0_same", false, true, 1, false},
      {"conv_probe_k3_c64_n64_s16_st2_g1_bias0_same", false, true, 1, false},
      {"conv_k1_c256_n512_s1_bias0", false, false, 1, true},
  };
  for (const Section& each : kSections) {
    const toml::table record =
        toml::parse_file((test::corpus_folder() / "oracles" / "h13" / (std::string(each.record) + ".toml")).string());
    const toml::array* shapes = record["weights"]["shapes"].as_array();
    const toml::array& shape = shapes != nullptr ? *(*shapes)[0].as_array() : *record["weights"]["shape"].as_array();
    const auto extent = [&shape](std::size_t i) {
      return static_cast<std::uint32_t>(shape[i].value_or(std::int64_t{0}));
    };
    KernelWeights weights;
    weights.groups = each.groups;
    weights.outputs = extent(0) / each.groups;
    weights.inputs = extent(1);
    weights.height = extent(2);
    weights.width = extent(3);
    weights.zero_skipping = each.zero_skipping;
    const std::size_t count = std::size_t{extent(0)} * extent(1) * extent(2) * extent(3);
    weights.values = weights_as_read(count, 2 * count);
    if (each.bias) {
      weights.bias = weights_as_read(extent(0), 2 * count);
    }
    const bool depthwise = extent(1) == 1;
    KernelPacking packing = choose_packing(weights.outputs, each.small_image);
    if (depthwise) {
      packing = {0, 4};
    }
    const Result<PackedKernel> packed = pack_kernel(weights, packing);
    ASSERT_TRUE(packed) << each.record << ": " << packed.error().to_string();
    EXPECT_EQ(packed->bytes.size(), record["constant_section"]["size"].value_or(std::size_t{0})) << each.record;
    EXPECT_EQ(sha256_hex(packed->bytes), record["constant_section"]["sha256"].value_or(std::string())) << each.record;

    // The task that fetches the section agrees about lanes, engines, offsets and sizes.
    const test::Oracle oracle =
        test::load_oracle(test::corpus_folder() / "oracles" / "h13" / (std::string(each.record) + ".toml"));
    const Result<Task> task = Task::decode(*find_generation("H13"), oracle.tasks.back().words);
    ASSERT_TRUE(task);
    const Result<EngineOp> op = lift(*task);
    ASSERT_TRUE(op && op->neural() != nullptr) << each.record;
    EXPECT_EQ(op->neural()->kernel.lanes_log2, packed->lanes_log2) << each.record;
    EXPECT_EQ(op->neural()->kernel.engines_log2, packed->engines_log2) << each.record;
    EXPECT_EQ(op->neural()->kernel.channels, packed->channels) << each.record;
  }
}

TEST(KernelPack, Sha256IsTheStandardOne) {
  const std::uint8_t abc[] = {'a', 'b', 'c'};
  EXPECT_EQ(sha256_hex(abc), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(KernelPack, PlacesPlanesRoundRobin) {
  KernelWeights weights;
  weights.outputs = 64;
  weights.inputs = 1;
  for (std::uint32_t n = 0; n < 64; ++n) {
    weights.values.push_back(to_half(static_cast<float>(n)));
  }
  const Result<PackedKernel> packed = pack_kernel(weights, {1, 4});
  ASSERT_TRUE(packed);
  // 32 planes of 2 lanes: engine 3 holds planes 3 and 19, the channels 6, 7, 38, 39.
  const KernelChannel& stream = packed->channels[3];
  ASSERT_EQ(stream.size, 64u);
  for (const auto& [at, channel] : {std::pair{0u, 6u}, {1u, 7u}, {2u, 38u}, {3u, 39u}}) {
    const std::uint8_t* bytes = packed->bytes.data() + stream.offset + 2 * at;
    EXPECT_EQ(bytes[0] | (bytes[1] << 8), to_half(static_cast<float>(channel)).bits);
  }
}

TEST(KernelPack, ChoosesLanesThatDivide) {
  for (std::uint32_t outputs = 1; outputs <= 2048; ++outputs) {
    const KernelPacking packing = choose_packing(outputs, outputs % 2 == 0);
    const std::uint32_t lanes = 1u << packing.lanes_log2, planes = outputs / lanes;
    ASSERT_EQ(outputs % lanes, 0u) << outputs;
    ASSERT_LE(lanes, 32u);
    ASSERT_TRUE((1u << packing.engines_log2) >= std::min(planes, 16u)) << outputs;
  }
}

TEST(KernelPack, RefusesWhatDoesNotFit) {
  KernelWeights weights;
  weights.outputs = 3;
  weights.inputs = 1;
  weights.values.resize(3);
  EXPECT_TRUE(pack_kernel(weights, {0, 2}));
  EXPECT_FALSE(pack_kernel(weights, {1, 2}));
  weights.bias.resize(2);
  EXPECT_FALSE(pack_kernel(weights, {0, 2}));
  weights.bias.clear();
  weights.outputs = weights.inputs = weights.height = weights.width = weights.groups = 0xffffffffu;
  EXPECT_FALSE(pack_kernel(weights, {0, 2}));
}

}  // namespace
}  // namespace openane::h13
