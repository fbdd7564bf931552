#include "openane/register_table.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

#include "isa/plain_name.h"
#include "openane/chips.h"

namespace openane {
namespace {

template <typename Enum, std::size_t N>
std::string_view name_of(Enum value, const std::array<std::string_view, N>& names) {
  const auto index = static_cast<std::size_t>(value);
  return index < N ? names[index] : "?";
}

}  // namespace

std::string_view to_string(Grade grade) {
  static constexpr std::array<std::string_view, 5> kNames = {"unknown", "guess", "reported", "file", "hardware"};
  return name_of(grade, kNames);
}

std::string_view to_string(FieldType type) {
  static constexpr std::array<std::string_view, 5> kNames = {"unsigned", "signed", "fp16", "fp32", "fp32_top19"};
  return name_of(type, kNames);
}

std::string_view to_string(Effect effect) {
  static constexpr std::array<std::string_view, 3> kNames = {"data", "none", "neutral"};
  return name_of(effect, kNames);
}

std::string_view to_string(RegisterStatus status) {
  static constexpr std::array<std::string_view, 3> kNames = {"named", "reserved", "unknown"};
  return name_of(status, kNames);
}

std::string_view to_string(Relocation relocation) {
  static constexpr std::array<std::string_view, 5> kNames = {"none", "low", "high", "dma_config", "data_set"};
  return name_of(relocation, kNames);
}

std::string_view to_string(StreamForm form) {
  static constexpr std::array<std::string_view, 3> kNames = {"unknown", "linked", "packet"};
  return name_of(form, kNames);
}

std::uint32_t Register::named_bits() const {
  std::uint32_t bits = 0;
  for (const Field& field : fields) {
    bits |= field.mask();
  }
  return bits;
}

const Field* Register::find(std::string_view field_name) const {
  const auto found = std::ranges::find(fields, field_name, &Field::name);
  return found == fields.end() ? nullptr : &*found;
}

const Block* Generation::block_of(std::uint32_t address) const {
  auto after = std::ranges::upper_bound(blocks, address, {}, &Block::base);
  if (after == blocks.begin()) {
    return nullptr;
  }
  const Block& block = *std::prev(after);
  return address - block.base < 4 * block.words ? &block : nullptr;
}

const Register* Generation::find(std::uint32_t address) const {
  const Block* block = block_of(address);
  return block == nullptr || address % 4 != 0 ? nullptr : &block->registers[(address - block->base) / 4];
}

const Block* Generation::find_block(std::string_view name) const {
  const auto found = std::ranges::find(blocks, name, &Block::name);
  return found == blocks.end() ? nullptr : &*found;
}

const Register* Generation::find(std::string_view name) const {
  if (const auto found = std::ranges::find(header, name, &Register::name); found != header.end()) {
    return &*found;
  }
  const std::size_t dot = name.find('.');
  const bool qualified = dot != std::string_view::npos;
  const std::string_view wanted = qualified ? name.substr(dot + 1) : name;
  const Register* match = nullptr;
  for (const Block& block : blocks) {
    if (qualified && block.name != name.substr(0, dot)) {
      continue;
    }
    const auto same = [wanted](const Register& r) {
      return r.name == wanted || (!r.alias.empty() && r.alias == wanted);
    };
    const auto found = std::ranges::find_if(block.registers, same);
    if (found == block.registers.end()) {
      continue;
    }
    if (match != nullptr) {
      return nullptr;
    }
    match = &*found;
  }
  return match;
}

const Generation* find_generation(std::string_view name) {
  const std::string wanted = plain_name(name);
  for (const Generation* generation : generations()) {
    const auto same = [&wanted](std::string_view other) { return wanted == plain_name(other); };
    if (same(generation->id) || std::ranges::any_of(generation->targets, same)) {
      return generation;
    }
  }
  const Chip* chip = find_chip(name);
  return chip == nullptr ? nullptr : chip->generation();
}

const Generation* find_generation_by_subtype(std::uint32_t cpu_subtype) {
  for (const Generation* generation : generations()) {
    if (std::ranges::find(generation->cpu_subtypes, cpu_subtype) != generation->cpu_subtypes.end()) {
      return generation;
    }
  }
  return nullptr;
}

}  // namespace openane
