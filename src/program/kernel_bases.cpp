#include "program/kernel_bases.h"

#include <fmt/format.h>

namespace openane {
namespace {

/// The position in the task's words of the value last written to a register.
std::optional<std::uint32_t> word_index(const Task& task, std::uint32_t address) {
  std::optional<std::uint32_t> found;
  for (const Record& record : task.records()) {
    for (std::uint32_t i = 0; i < record.count; ++i) {
      if (record.address_of(i) == address) {
        found = record.first + i;
      }
    }
  }
  return found;
}

const Register* channel_register(const Generation& generation, std::string_view name, std::uint32_t channel) {
  return generation.find(fmt::format("KernelDMASrc.{}{}", name, channel));
}

}  // namespace

std::vector<KernelBase> kernel_bases(const Task& task) {
  std::vector<KernelBase> bases;
  const Generation& generation = task.generation();
  for (std::uint32_t channel = 0;; ++channel) {
    const Register* base = channel_register(generation, "CoeffBaseAddr", channel);
    if (base == nullptr) {
      return bases;
    }
    const std::optional<std::uint32_t> index = word_index(task, base->address);
    if (!index) {
      continue;
    }
    const Register* control = channel_register(generation, "CoeffDMAConfig", channel);
    const Field* enable = control != nullptr ? control->find("En") : nullptr;
    const Register* size = channel_register(generation, "CoeffBfrSize", channel);
    bases.push_back({channel, *index * 4, task.words()[*index],
                     size != nullptr ? task.find(size->address).value_or(0) : 0,
                     enable != nullptr && enable->get(task.find(control->address).value_or(0)) != 0});
  }
}

}  // namespace openane
