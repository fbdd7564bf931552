// The memories a program's tasks see: one per slot (constants, scratch, tensors), the 2 MiB on chip, and the tensors
// handed over from task to task.
//
// Reads of memory that nothing wrote are found before a program runs, because which bytes a task touches never depends
// on data: `check` walks the tasks in order over a `WrittenBytes` per memory. What such memory holds on a real engine
// is unknown, so they are errors.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "openane/error.h"
#include "openane/program.h"

namespace openane::emulator {

inline constexpr std::uint64_t kOnChipBytes = std::uint64_t{2} << 20;  // h13-isa.md 1

/// One bit per byte of a memory.
class WrittenBytes {
 public:
  WrittenBytes() = default;
  explicit WrittenBytes(std::uint64_t size) : words_((size + 63) / 64) {}
  /// The range must lie inside.
  void mark(std::uint64_t begin, std::uint64_t end);
  void unmark(std::uint64_t begin, std::uint64_t end);
  /// The first byte of the range that was not marked.
  [[nodiscard]] std::optional<std::uint64_t> first_unmarked(std::uint64_t begin, std::uint64_t end) const;
  /// The first byte of the range that was marked.
  [[nodiscard]] std::optional<std::uint64_t> first_marked(std::uint64_t begin, std::uint64_t end) const;

 private:
  template <typename Test>
  [[nodiscard]] std::optional<std::uint64_t> find(std::uint64_t begin, std::uint64_t end, Test test) const;
  std::vector<std::uint64_t> words_;
};

/// Zeroed bytes whose pages are only taken when touched.
class ZeroedBytes {
 public:
  /// Fails with `system` when there is no memory.
  [[nodiscard]] static Result<ZeroedBytes> create(std::uint64_t size);
  [[nodiscard]] std::span<std::uint8_t> span() const { return {bytes_.get(), size_}; }

 private:
  struct Free {
    void operator()(std::uint8_t* bytes) const;
  };
  std::unique_ptr<std::uint8_t, Free> bytes_;
  std::size_t size_ = 0;
};

enum class MemoryKind : std::uint8_t { constants, scratch, input, output, on_chip, chain };

struct Memory {
  MemoryKind kind = MemoryKind::constants;
  std::string name;  ///< "slot 4 (probs)", "on-chip memory"
  std::uint64_t size = 0;
  const std::uint8_t* data = nullptr;
  std::uint8_t* writable = nullptr;  ///< Null for constants.

  /// Whether tasks, and only they, fill it: results may go there, and reading before writing is an error.
  [[nodiscard]] bool starts_unknown() const { return kind != MemoryKind::constants && kind != MemoryKind::input; }
};

/// Every memory of one procedure. Views point into it: it must not move once they exist.
class MemoryMap {
 public:
  /// Fails when a slot is bound twice, a surface has no size, or there is no memory.
  [[nodiscard]] static Result<MemoryMap> create(const Program& program, const Procedure& procedure);

  /// Null when nothing is bound to the slot.
  [[nodiscard]] const Memory* slot(std::uint32_t number) const;
  [[nodiscard]] const Memory& on_chip() const { return on_chip_; }
  /// The tensor handed over after task `producer` (0-based). Two buffers take turns.
  [[nodiscard]] const Memory& chain(std::size_t producer) const { return chains_[producer % 2]; }
  /// Gives the memory of all inputs back. Nothing may run afterwards.
  void release_inputs();
  /// Makes the buffer of a hand-over at least `size` bytes long.
  [[nodiscard]] Result<void> reserve_chain(std::size_t producer, std::uint64_t size);

 private:
  [[nodiscard]] Result<void> bind(std::uint32_t number, MemoryKind kind, std::string name, std::uint64_t size);
  std::map<std::uint32_t, Memory> slots_;
  Memory on_chip_;
  std::array<Memory, 2> chains_;
  std::map<std::uint32_t, ZeroedBytes> owned_;
  ZeroedBytes owned_on_chip_;
  std::array<ZeroedBytes, 2> owned_chains_;
};

}  // namespace openane::emulator
