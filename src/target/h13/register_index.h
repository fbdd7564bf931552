// Where in a task's words each H13 register is written: one pass over the records, then every access is one load.
#pragma once

#include <array>
#include <cstdint>

#include "isa/h13_fields.h"
#include "openane/task.h"

namespace openane::h13 {

struct BlockRange {
  std::uint32_t base, words;
};
/// In the order of the table; a register's ordinal counts through all of them.
inline constexpr std::array<BlockRange, 7> kBlocks{
    {{0x0, 16}, {0x4800, 18}, {0x8800, 4}, {0xc800, 5}, {0x13800, 28}, {0x17800, 7}, {0x1f800, 62}}};
inline constexpr std::uint32_t kRegisterCount = 140;

/// -1 when no block covers the address.
[[nodiscard]] constexpr int ordinal(std::uint32_t address) {
  std::uint32_t before = 0;
  for (const BlockRange& block : kBlocks) {
    if (address >= block.base && address - block.base < 4 * block.words) {
      return static_cast<int>(before + (address - block.base) / 4);
    }
    before += block.words;
  }
  return -1;
}

class RegisterIndex {
 public:
  explicit RegisterIndex(const Task& task) {
    for (const Record& record : task.records()) {
      for (std::uint32_t i = 0; i < record.count; ++i) {
        if (const int at = ordinal(record.address + 4 * i); at >= 0) {
          position_[static_cast<std::size_t>(at)] = record.first + i;
        }
      }
    }
  }
  /// Index into Task::words(), 0 when no record writes the register.
  [[nodiscard]] std::uint32_t position(std::uint32_t address) const {
    const int at = ordinal(address);
    return at < 0 ? 0 : position_[static_cast<std::size_t>(at)];
  }
  [[nodiscard]] std::uint32_t position_of_ordinal(std::size_t at) const { return position_[at]; }

 private:
  std::array<std::uint32_t, kRegisterCount> position_{};
};

}  // namespace openane::h13
