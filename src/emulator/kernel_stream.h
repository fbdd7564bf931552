// Coefficient streams: where a task's table, biases and weights lie in the bytes that its engines fetch (h13-isa.md 7).
//
//   [ table: 128 bytes, when the activation is a table ]
//   for each group, for each plane of this engine: [ biases: one fp16 per lane ] weights [tap][lane]
//
// A plane holds the output channels of its lanes; planes are dealt to the engines round robin. Two refinements: with
// several groups every plane is padded to 64 bytes, and channels that do not fill one more round with full planes form
// planes of fewer lanes. Orders that nobody has published are refused by name, never guessed.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "emulator/lookup_table.h"
#include "emulator/memory.h"
#include "openane/engine_op.h"

namespace openane::emulator {

inline constexpr std::uint32_t kTableBytes = 128;
inline constexpr std::size_t kEngines = 16;

/// The layout of one task's streams, from its shapes alone.
class KernelLayout {
 public:
  /// Fails with `missing_specification` for orders nobody has published and with `malformed_input` when a stream is
  /// missing or too short.
  [[nodiscard]] static Result<KernelLayout> create(const EngineOp& op);

  /// Output channels first_channel .. in planes of `lanes`, one plane after the other round the engines.
  struct Block {
    std::uint32_t first_channel = 0, lanes = 1, planes = 0;
  };
  struct Position {
    std::uint32_t engine = 0;
    std::uint64_t plane = 0;  ///< Byte offset of the plane from the start of the engine's stream.
    std::uint32_t lane = 0, lanes = 1;
  };
  [[nodiscard]] Position locate(std::uint32_t group, std::uint32_t channel) const;

  [[nodiscard]] bool has_weights() const { return taps_ != 0; }
  [[nodiscard]] bool has_table() const { return table_; }
  /// Whether the engines' streams are read at all: not for a table that is a stream of its own.
  [[nodiscard]] bool reads_streams() const { return has_weights() || table_bytes_ != 0; }
  /// Bytes that engine `engine` must have; of a zero-skipping stream, those before its values.
  [[nodiscard]] std::uint64_t bytes_of(std::uint32_t engine) const;
  /// Terms of one output.
  [[nodiscard]] std::uint64_t taps() const { return taps_; }
  [[nodiscard]] std::uint32_t bias_bytes(std::uint32_t lanes) const { return bias_ ? lanes * 2 : 0; }
  [[nodiscard]] std::uint32_t weight_bytes() const { return weight_bytes_; }
  [[nodiscard]] std::uint32_t engines() const { return engines_; }
  /// The pieces of an engine's stream that are read, relative to its start.
  [[nodiscard]] std::vector<std::pair<std::uint64_t, std::uint64_t>> pieces(std::uint32_t engine) const;

 private:
  [[nodiscard]] Result<void> divide_channels(std::uint32_t channels, std::uint32_t lanes);
  [[nodiscard]] Result<void> spread_channels(std::uint32_t channels, std::uint32_t lanes);
  [[nodiscard]] std::uint64_t plane_bytes(const Block& block) const;
  [[nodiscard]] std::uint32_t planes_on(const Block& block, std::uint32_t engine) const;
  [[nodiscard]] std::uint64_t group_bytes(std::uint32_t engine) const;

  bool table_ = false;
  std::uint32_t table_bytes_ = 0;  ///< At the head of every stream.
  std::uint32_t engines_ = 1, groups_ = 1;
  std::uint64_t taps_ = 0;  ///< 0 without weights.
  std::uint32_t weight_bytes_ = 2;
  std::uint32_t plane_stride_ = 0;  ///< Between planes of one engine; 0: side by side.
  bool bias_ = false, zero_skipping_ = false;
  std::vector<Block> blocks_;
};

/// The bytes that one enabled stream must have.
struct StreamRange {
  std::uint32_t engine = 0;
  std::uint64_t begin = 0, end = 0;  ///< In the kernel slot's memory.
};

/// The streams of one task, ready to be read.
class KernelReader {
 public:
  /// Finds the memory and checks that every stream lies inside it. The bytes are not looked at: weights may be made at
  /// run time.
  [[nodiscard]] static Result<KernelReader> create(const EngineOp& op, const MemoryMap& memories);

  /// Decodes tables and zero-skipping planes. Call again whenever the bytes changed.
  [[nodiscard]] Result<void> load();
  void unload();

  [[nodiscard]] const KernelLayout& layout() const { return layout_; }
  /// Null when no engine stream is read: a table that is a stream of its own always lies in constants.
  [[nodiscard]] const Memory* memory() const { return memory_; }
  [[nodiscard]] std::vector<StreamRange> ranges() const;

  /// The 128 bytes of the table that serves every channel; an error when engines hold different ones.
  [[nodiscard]] Result<std::vector<std::uint8_t>> table_words() const;

  // After `load`:
  /// Weights of output channels first .. first+count-1 of a group: those of each tap side by side, taps `stride`
  /// numbers apart.
  void weights(std::uint32_t group, std::uint32_t first, std::uint32_t count, std::size_t stride, float* out) const;
  [[nodiscard]] float bias(std::uint32_t group, std::uint32_t channel) const;
  /// The table that the engine of an output channel holds. Null without tables.
  [[nodiscard]] const PreparedTable* table(std::uint32_t group, std::uint32_t channel) const;

 private:
  [[nodiscard]] const std::uint8_t* stream(std::uint32_t engine) const;
  [[nodiscard]] Result<void> find_table(const MemoryMap& memories);
  [[nodiscard]] Result<void> load_tables();
  [[nodiscard]] Result<std::vector<std::uint16_t>> expand_plane(std::uint32_t engine) const;

  KernelLayout layout_;
  const Memory* memory_ = nullptr;
  const std::uint8_t* table_bytes_ = nullptr;  ///< Of a table that is a stream of its own.
  KernelStream kernel_;
  Window window_;
  std::uint32_t channels_ = 0;
  std::array<std::optional<PreparedTable>, kEngines> tables_;
  std::array<std::vector<std::uint16_t>, kEngines> expanded_;  ///< Zero-skipping planes as dense ones, [tap][lane].
};

}  // namespace openane::emulator
