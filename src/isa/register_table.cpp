#include "openane/register_table.h"

#include <algorithm>
#include <cctype>

namespace openane {
namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

}  // namespace

std::string_view to_string(Grade grade) {
  switch (grade) {
    case Grade::unknown:
      return "unknown";
    case Grade::guess:
      return "guess";
    case Grade::reported:
      return "reported";
    case Grade::file:
      return "file";
    case Grade::hardware:
      return "hardware";
  }
  return "?";
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

const Register* Generation::find(std::string_view name) const {
  if (const auto found = std::ranges::find(header, name, &Register::name); found != header.end()) {
    return &*found;
  }
  const std::size_t dot = name.find('.');
  const Register* match = nullptr;
  for (const Block& block : blocks) {
    if (dot != std::string_view::npos && block.name != name.substr(0, dot)) {
      continue;
    }
    const std::string_view wanted = dot == std::string_view::npos ? name : name.substr(dot + 1);
    const auto found = std::ranges::find(block.registers, wanted, &Register::name);
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
  for (const Generation* generation : generations()) {
    const auto same = [name](std::string_view other) { return equal_ignoring_case(name, other); };
    if (same(generation->id) || std::ranges::any_of(generation->targets, same) ||
        std::ranges::any_of(generation->chips, same)) {
      return generation;
    }
  }
  return nullptr;
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
