#include "program/kernel_bases.h"

#include <algorithm>
#include <charconv>
#include <map>

namespace openane {
namespace {

constexpr std::string_view kBlock = "KernelDMASrc";

/// The number behind `prefix` in a register's name ("CoeffBaseAddr12"), if that is all there is.
std::optional<std::uint32_t> channel_of(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) {
    return std::nullopt;
  }
  const std::string_view digits = name.substr(prefix.size());
  std::uint32_t channel = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), channel);
  return error == std::errc{} && end == digits.data() + digits.size() ? std::optional(channel) : std::nullopt;
}

std::vector<KernelBase> packet_bases(const Task& task) {
  std::vector<KernelBase> bases;
  for (const Record& record : task.records()) {
    if (record.form == Record::Form::address && record.count >= 2) {
      bases.push_back({0, record.first * 4, task.words()[record.first], 0, true, record.slot});
    }
  }
  return bases;
}

}  // namespace

std::vector<KernelBase> kernel_bases(const Task& task) {
  if (task.generation().stream == StreamForm::packet) {
    return packet_bases(task);
  }
  const std::span<const Block> blocks = task.generation().blocks;
  const auto block = std::ranges::find(blocks, kBlock, &Block::name);
  if (block == blocks.end()) {
    return {};
  }
  std::map<std::uint32_t, KernelBase> bases;
  std::map<std::uint32_t, bool> enabled;
  std::map<std::uint32_t, std::uint32_t> sizes;
  for (const Record& record : task.records()) {
    for (std::uint32_t i = 0; i < record.count; ++i) {
      const std::uint32_t address = record.address_of(i);
      if (address < block->base || address - block->base >= 4 * block->words) {
        continue;
      }
      const Register& reg = block->registers[(address - block->base) / 4];
      const std::uint32_t index = record.first + i;
      const std::uint32_t value = task.words()[index];
      if (const auto base = channel_of(reg.name, "CoeffBaseAddr")) {
        bases[*base] = {*base, index * 4, value, 0, false, 0};
      } else if (const auto control = channel_of(reg.name, "CoeffDMAConfig")) {
        const Field* enable = reg.find("En");
        enabled[*control] = enable != nullptr && enable->get(value) != 0;
      } else if (const auto size = channel_of(reg.name, "CoeffBfrSize")) {
        sizes[*size] = value;
      }
    }
  }
  std::vector<KernelBase> out;
  for (auto& [channel, base] : bases) {
    base.enabled = enabled[channel];
    base.size = sizes[channel];
    out.push_back(base);
  }
  return out;
}

}  // namespace openane
