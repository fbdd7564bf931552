// Views: where the elements of one operand or result lie (h13-isa.md 3).
//
// All addressing peculiarities meet here and nowhere else. A view has four axes as the computing path counts them:
// group, channel, row, column. Exchange of C and W has swapped the strides of two axes, a broadcast axis has stride 0,
// and channels stored side by side make one axis two-level. What comes out is rows of fp16, whatever is stored: every
// 8-bit integer is an fp16 number.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "emulator/memory.h"
#include "openane/engine_op.h"

namespace openane::emulator {

/// Index i lies at (i / interleave)*stride + (i % interleave)*inner bytes.
struct Axis {
  std::uint32_t count = 1;
  std::uint64_t stride = 0;
  std::uint32_t interleave = 1;
  std::uint64_t inner = 0;

  [[nodiscard]] std::uint64_t offset(std::uint32_t i) const {
    return interleave == 1 ? i * stride : (i / interleave) * stride + (i % interleave) * inner;
  }
  friend bool operator==(const Axis&, const Axis&) = default;
};

struct View {
  const Memory* memory = nullptr;
  std::uint64_t offset = 0;
  ElementType type = ElementType::float16;  ///< float16, uint8 or int8.
  Axis group, channel, row, column;

  [[nodiscard]] std::uint32_t element_bytes() const { return type == ElementType::float16 ? 2 : 1; }
  [[nodiscard]] std::uint64_t row_offset(std::uint32_t g, std::uint32_t c, std::uint32_t y) const {
    return offset + group.offset(g) + channel.offset(c) + row.offset(y);
  }
  /// Rows are fp16 numbers one after the other.
  [[nodiscard]] bool has_plain_rows() const {
    return type == ElementType::float16 && column.interleave == 1 && (column.stride == 2 || column.count == 1);
  }
  /// One past the last byte any element takes.
  [[nodiscard]] std::uint64_t end() const;
  /// Calls `visit(begin, end)` for runs of bytes that together are exactly the view's elements.
  void for_each_run(const std::function<void(std::uint64_t, std::uint64_t)>& visit) const;
  /// Whether two elements may share a byte. True also for the rare view whose axes interlock without sharing one, or
  /// would do so if its last group of channels were full.
  [[nodiscard]] bool elements_may_overlap() const;
  friend bool operator==(const View&, const View&) = default;
};

/// What a task with a chained result leaves to the next one.
struct Handover {
  std::uint32_t base = 0;
  ElementType type = ElementType::float16;
  std::uint32_t groups = 1;
  Extent extent;  ///< As handed over, after exchange.
  friend bool operator==(const Handover&, const Handover&) = default;
};

/// The extents of the tensors an op computes with: of a source after exchange, of the result before.
struct Extents {
  Extent source[2];
  Extent result;
};
[[nodiscard]] Extents extents_of(const EngineOp& op);

/// The view of source `index` (0 or 1). `task` counts from 0; `handover` is what the task before it left, if anything.
/// Fails when the slot is not bound, an element lies outside its memory, or the combination is unknown.
[[nodiscard]] Result<View> source_view(const EngineOp& op, std::size_t index, const MemoryMap& memories,
                                       std::size_t task, const std::optional<Handover>& handover);
/// Of a source that a task keeps on chip besides (`surface_kept`): where the copy lies, axis for axis as the source.
[[nodiscard]] Result<View> kept_source_view(const EngineOp& op, const MemoryMap& memories);

struct ResultPlaces {
  std::vector<View> views;  ///< One, or two when the result is staged on chip and then written to a surface.
  /// A staging area on chip that is used again and again within the task: nobody knows what it holds afterwards.
  std::optional<View> clobbered;
};
[[nodiscard]] Result<ResultPlaces> result_places(const EngineOp& op, MemoryMap& memories, std::size_t task);
/// Whether tasks can write elements of the type.
[[nodiscard]] bool holds_results(ElementType type);
[[nodiscard]] Handover handover_of(const EngineOp& op);

/// Reads rows of a view as fp16 bits.
class RowReader {
 public:
  explicit RowReader(const View& view);
  /// Columns x .. x+count-1 of a row: in place when they lie one after the other, else gathered into `buffer`.
  [[nodiscard]] const std::uint16_t* row(std::uint32_t g, std::uint32_t c, std::uint32_t y, std::uint32_t x,
                                         std::uint32_t count, std::uint16_t* buffer) const;

 private:
  const View* view_;
  bool plain_;
  std::vector<std::uint64_t> columns_;  ///< Offsets along an interleaved row; empty when a stride does.
};

/// Writes rows of a view.
class RowWriter {
 public:
  explicit RowWriter(const View& view);
  /// Where a row's fp16 numbers may be written directly; null when they do not lie one after the other.
  [[nodiscard]] std::uint16_t* direct(std::uint32_t g, std::uint32_t c, std::uint32_t y, std::uint32_t x) const;
  /// fp16 numbers, already rounded, into a view of fp16 elements.
  void put(std::uint32_t g, std::uint32_t c, std::uint32_t y, std::uint32_t x,
           std::span<const std::uint16_t> halves) const;
  /// Rounds to fp16, or converts to the view's 8-bit integers. Returns a value whose conversion is unknown, if there is
  /// one: only whole numbers in range were ever seen to become integers (h13-isa.md 9, uint8 result).
  [[nodiscard]] std::optional<float> put(std::uint32_t g, std::uint32_t c, std::uint32_t y, std::uint32_t x,
                                         std::span<const float> values) const;
  [[nodiscard]] bool takes_halves() const { return view_->type == ElementType::float16; }

 private:
  [[nodiscard]] std::uint64_t column_offset(std::uint32_t x) const { return view_->column.offset(x); }
  const View* view_;
};

}  // namespace openane::emulator
