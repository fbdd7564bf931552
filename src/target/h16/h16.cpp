// H16 (A17 Pro, M4): lift and encode.
//
// What is peculiar about H16: one word per extent, whose default is 256 for widths; a configuration word for each
// source; planar constants are fp32 of 19 bits. Dense weights lie in contiguous blocks, engine e holding output
// channels e * Cout/16 and up (measured on M4), which is the same bytes as H13's planes when one full plane falls to
// each engine. Weights made at run time lie plane after plane, as the surface that they are.
#include "target/h16/h16.h"

#include "isa/h16_fields.h"
#include "target/packet_mapping.h"

namespace openane::h16 {
namespace {

struct Traits {
  static constexpr std::span<const BlockRange> blocks() { return kBlocks; }
  static const Generation& generation() {
    static const Generation* const kGeneration = find_generation("H16");
    return *kGeneration;
  }
  static ChannelOrder channel_order(const EngineOp& op) {
    const NeuralCompute* neural = op.neural();
    if (neural == nullptr || neural->mode != NeuralMode::convolution || neural->unicast || neural->kernel.from_memory) {
      return ChannelOrder::round_robin;
    }
    const std::uint64_t one_plane_each = std::uint64_t{1} << (neural->kernel.lanes_log2 + neural->kernel.engines_log2);
    return op.output.channels == one_plane_each ? ChannelOrder::round_robin : ChannelOrder::contiguous;
  }
};

}  // namespace

EngineOp lift(const Task& task) { return packet::lift<Registers, Traits>(task); }
Result<Task> encode(const EngineOp& op) { return packet::encode<Registers, Traits>(op); }

}  // namespace openane::h16
