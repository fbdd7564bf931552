// H14 (A15, M2): lift and encode.
//
// What is peculiar about H14: the first packet generation, with the block addresses of no other one. Shapes are packed
// as on H13, one word says where both sources come from, planar constants are fp16 pairs. Weights are dealt to the
// engines as on H13: the constant section of the same matrix product has the same hash on both
// (codegen-by-generation.md 1).
#include "target/h14/h14.h"

#include "isa/h14_fields.h"
#include "target/packet_mapping.h"

namespace openane::h14 {
namespace {

struct Traits {
  static constexpr std::span<const BlockRange> blocks() { return kBlocks; }
  static const Generation& generation() {
    static const Generation* const kGeneration = find_generation("H14");
    return *kGeneration;
  }
  static ChannelOrder channel_order(const EngineOp& /*op*/) { return ChannelOrder::round_robin; }
};

}  // namespace

EngineOp lift(const Task& task) { return packet::lift<Registers, Traits>(task); }
Result<Task> encode(const EngineOp& op) { return packet::encode<Registers, Traits>(op); }

}  // namespace openane::h14
