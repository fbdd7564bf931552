// The generations that have a lift and an encode.
#include <fmt/format.h>

#include <array>

#include "openane/engine_op.h"
#include "target/h13/h13.h"
#include "target/h14/h14.h"
#include "target/h16/h16.h"

namespace openane {

const Target* find_target(const Generation& generation) {
  static const std::array<Target, 3> kTargets{
      {{find_generation("H13"), h13::lift, h13::encode, ChannelOrder::round_robin},
       {find_generation("H14"), h14::lift, h14::encode, ChannelOrder::round_robin},
       {find_generation("H16"), h16::lift, h16::encode, ChannelOrder::contiguous}}};
  for (const Target& target : kTargets) {
    if (target.generation == &generation) {
      return &target;
    }
  }
  return nullptr;
}

namespace {

std::unexpected<Error> no_target(const Generation& generation) {
  return fail(ErrorCategory::not_implemented,
              fmt::format("{} tasks can be decoded, but their meaning is not implemented", generation.id));
}

}  // namespace

Result<EngineOp> lift(const Task& task) {
  const Target* target = find_target(task.generation());
  if (target == nullptr) {
    return no_target(task.generation());
  }
  return target->lift(task);
}

Result<Task> encode(const EngineOp& op, const Generation& generation) {
  const Target* target = find_target(generation);
  if (target == nullptr) {
    return no_target(generation);
  }
  return target->encode(op);
}

}  // namespace openane
