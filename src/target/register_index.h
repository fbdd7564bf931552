// Where in a task's words each register is written: one pass over the records, then every access is one load.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
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
  /// One bit for each ordinal.
  using Set = std::array<std::uint64_t, kMaximumRegisters / 64>;

  RegisterIndex(const Task& task, std::span<const BlockRange> blocks) : blocks_(blocks) {
    for (const Record& record : task.records()) {
      if (record.form == Record::Form::scatter) {
        std::uint32_t word = record.first;
        note(record.place, word);
        for (std::uint32_t mask = record.mask; mask != 0; mask &= mask - 1) {
          note(record.place + 4 * (1 + static_cast<std::uint32_t>(std::countr_zero(mask))), ++word);
        }
      } else {
        note_run(record.place, record.count, record.first);
      }
    }
  }
  /// Index into Task::words(), 0 when no record writes the register.
  [[nodiscard]] std::uint32_t position(std::size_t ordinal) const { return position_[ordinal]; }
  /// Registers that some record writes.
  [[nodiscard]] const Set& written() const { return written_; }
  /// Whether some record writes a register outside every block.
  [[nodiscard]] bool strays() const { return strays_; }

 private:
  void note_run(std::uint32_t address, std::uint32_t count, std::uint32_t word) {
    while (count != 0) {
      std::uint32_t run = 1;
      if (seek(address)) {
        const std::uint32_t first = (address - block_.base) / 4;
        run = std::min(count, block_.words - first);
        for (std::uint32_t i = 0; i < run; ++i) {
          mark(before_ + first + i, word + i);
        }
      } else {
        strays_ = true;
      }
      address += 4 * run;
      word += run;
      count -= run;
    }
  }
  void note(std::uint32_t address, std::uint32_t word) {
    if (address - block_.base >= 4 * block_.words && !seek(address)) {
      strays_ = true;
      return;
    }
    mark(before_ + (address - block_.base) / 4, word);
  }
  void mark(std::uint32_t ordinal, std::uint32_t word) {
    position_[ordinal] = word;
    written_[ordinal / 64] |= std::uint64_t{1} << (ordinal % 64);
  }
  /// Makes the block that covers `address` the current one; false when none does.
  bool seek(std::uint32_t address) {
    before_ = 0;
    for (const BlockRange& block : blocks_) {
      if (address - block.base < 4 * block.words) {
        block_ = block;
        return true;
      }
      before_ += block.words;
    }
    block_ = {0, 0};
    return false;
  }

  std::span<const BlockRange> blocks_;
  BlockRange block_{0, 0};    ///< The block of the last register: the next one is almost always in it too.
  std::uint32_t before_ = 0;  ///< Registers in the blocks before it.
  std::array<std::uint32_t, kMaximumRegisters> position_{};
  Set written_{};
  bool strays_ = false;
};

}  // namespace openane
