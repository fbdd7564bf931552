// Where in a task's words each register is written: one pass over the records, then every access is one load.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "openane/task.h"

namespace openane {

/// A register's ordinal counts through all blocks of its generation. -1 when no block covers the address.
[[nodiscard]] constexpr int register_ordinal(std::span<const BlockRange> blocks, std::uint32_t address) {
  std::uint32_t before = 0;
  for (const BlockRange& block : blocks) {
    if (address >= block.base && address - block.base < 4 * block.words) {
      return static_cast<int>(before + (address - block.base) / 4);
    }
    before += block.words;
  }
  return -1;
}

class RegisterIndex {
 public:
  static constexpr std::size_t kMaximumRegisters = 384;

  RegisterIndex(const Task& task, std::span<const BlockRange> blocks) {
    for (const Record& record : task.records()) {
      if (record.form == Record::Form::scatter) {
        for (std::uint32_t i = 0; i < record.count; ++i) {
          note(blocks, record.address_of(i), 1, record.first + i);
        }
      } else {
        note(blocks, record.place, record.count, record.first);
      }
    }
  }
  /// Index into Task::words(), 0 when no record writes the register.
  [[nodiscard]] std::uint32_t position(std::size_t ordinal) const { return position_[ordinal]; }

 private:
  void note(std::span<const BlockRange> blocks, std::uint32_t address, std::uint32_t count, std::uint32_t word) {
    std::uint32_t before = 0;
    for (const BlockRange& block : blocks) {
      const std::uint32_t begin = std::max(address, block.base);
      const std::uint32_t end = std::min(address + 4 * count, block.base + 4 * block.words);
      for (std::uint32_t at = begin; at < end; at += 4) {
        position_[before + (at - block.base) / 4] = word + (at - address) / 4;
      }
      before += block.words;
    }
  }
  std::array<std::uint32_t, kMaximumRegisters> position_{};
};

}  // namespace openane
