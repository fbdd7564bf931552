#include "emulator/view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/half_bytes.h"

namespace openane::emulator {
namespace {

// ------------------------------------------------------------------------------------------------ the set of elements

struct Step {
  std::uint64_t count = 1, stride = 0;
};

/// An axis of at most two levels as plain steps; a last group of channels that is not full needs a second box.
struct Box {
  std::uint64_t offset = 0;
  std::vector<Step> steps;  ///< Ascending strides, counts above 1.
};

void add_axis(std::vector<Box>& boxes, const Axis& axis) {
  std::vector<Box> made;
  for (const Box& box : boxes) {
    const std::uint32_t full = axis.count / axis.interleave, rest = axis.count % axis.interleave;
    if (full != 0) {
      Box with = box;
      with.steps.push_back({full, axis.stride});
      with.steps.push_back({axis.interleave, axis.inner});
      made.push_back(std::move(with));
    }
    if (rest != 0) {
      Box with = box;
      with.offset += full * axis.stride;
      with.steps.push_back({rest, axis.inner});
      made.push_back(std::move(with));
    }
  }
  boxes = std::move(made);
}

std::vector<Box> boxes_of(const View& view) {
  std::vector<Box> boxes{{view.offset, {}}};
  for (const Axis* axis : {&view.group, &view.channel, &view.row, &view.column}) {
    add_axis(boxes, *axis);
  }
  for (Box& box : boxes) {
    std::erase_if(box.steps, [](const Step& step) { return step.count == 1; });
    std::ranges::sort(box.steps, {}, &Step::stride);
  }
  return boxes;
}

void visit_steps(std::span<const Step> steps, std::uint64_t begin, std::uint64_t length,
                 const std::function<void(std::uint64_t, std::uint64_t)>& visit) {
  if (steps.empty()) {
    visit(begin, begin + length);
    return;
  }
  for (std::uint64_t i = 0; i < steps.back().count; ++i) {
    visit_steps(steps.first(steps.size() - 1), begin + i * steps.back().stride, length, visit);
  }
}

std::uint64_t last_offset(const Axis& axis) {
  // The largest offset is the last full group's last member or the last element.
  std::uint64_t last = axis.offset(axis.count - 1);
  if (axis.interleave > 1 && axis.count > axis.interleave) {
    last = std::max(last, axis.offset(axis.count - axis.count % axis.interleave - 1));
  }
  return last;
}

}  // namespace

std::uint64_t View::end() const {
  return offset + last_offset(group) + last_offset(channel) + last_offset(row) + last_offset(column) + element_bytes();
}

void View::for_each_run(const std::function<void(std::uint64_t, std::uint64_t)>& visit) const {
  for (const Box& box : boxes_of(*this)) {
    std::uint64_t length = element_bytes();
    std::size_t merged = 0;
    for (; merged < box.steps.size(); ++merged) {
      const Step& step = box.steps[merged];
      if (step.stride != 0 && step.stride != length) {
        break;
      }
      length *= step.stride == 0 ? 1 : step.count;
    }
    visit_steps(std::span(box.steps).subspan(merged), box.offset, length, visit);
  }
}

bool View::elements_may_overlap() const {
  // A last group of channels that is not full is taken for a full one.
  View whole = *this;
  for (Axis* axis : {&whole.channel, &whole.column}) {
    axis->count = (axis->count + axis->interleave - 1) / axis->interleave * axis->interleave;
  }
  const std::vector<Box> boxes = boxes_of(whole);
  std::uint64_t extent = element_bytes();
  for (const Step& step : boxes.front().steps) {
    if (step.stride < extent) {
      return true;
    }
    extent += (step.count - 1) * step.stride;
  }
  return false;
}

// ------------------------------------------------------------------------------------------------ resolving operands

bool holds_results(ElementType type) {
  return type == ElementType::float16 || type == ElementType::uint8 || type == ElementType::int8;
}

namespace {

struct Shape {
  std::uint32_t groups = 1;
  Extent extent;
};

std::string name_of(std::size_t index) { return index == 0 ? "source 1" : "source 2"; }

std::unexpected<Error> unknown(std::string message) {
  return fail(ErrorCategory::missing_specification, std::move(message));
}

/// Elements become fp16 numbers when read; nobody has seen a DMA turn numbers into integers, or one integer type into
/// the other.
Result<void> check_types(ElementType from, ElementType to, std::string_view what) {
  if (!holds_results(from) || !holds_results(to)) {
    return unknown(fmt::format("{}: element format unknown", what));
  }
  if (from != to && to != ElementType::float16) {
    return unknown(fmt::format("{}: conversion of {} elements to {} by the DMA", what, to_string(from), to_string(to)));
  }
  return {};
}

/// The stored tensor's strides, as axes in stored order.
struct StoredAxes {
  Axis group, channel, row, column;
};

StoredAxes dram_axes(const SurfaceView& surface, std::uint32_t element_bytes) {
  StoredAxes axes;
  axes.group.stride = surface.strides.group;
  axes.row.stride = surface.strides.row;
  axes.channel = {1, surface.strides.channel, surface.interleave, element_bytes};
  axes.column.stride = std::uint64_t{surface.interleave} * element_bytes;
  if (surface.interleave == 1) {
    axes.channel.inner = 0;
  }
  return axes;
}

StoredAxes on_chip_axes(const OnChipView& view, std::uint32_t element_bytes) {
  StoredAxes axes;
  axes.group.stride = view.strides.group;
  axes.row.stride = view.strides.row;
  axes.channel.stride = view.strides.channel;
  axes.column.stride = element_bytes;
  return axes;
}

/// A chained tensor as we keep it: dense.
StoredAxes dense_axes(const Extent& stored, std::uint32_t element_bytes) {
  StoredAxes axes;
  axes.column.stride = element_bytes;
  axes.row.stride = axes.column.stride * stored.width;
  axes.channel.stride = axes.row.stride * stored.height;
  axes.group.stride = axes.channel.stride * stored.channels;
  return axes;
}

Extent exchanged(const Extent& extent, bool exchange) {
  return exchange ? Extent{extent.channels, extent.height, extent.depth, extent.width} : extent;
}

/// Puts stored axes into the order of the computing path.
View make_view(const Memory& memory, std::uint64_t offset, ElementType type, const StoredAxes& stored, bool exchange,
               const Shape& shape) {
  View view{&memory, offset, type, stored.group, stored.channel, stored.row, stored.column};
  if (exchange) {
    std::swap(view.channel, view.column);
  }
  view.group.count = shape.groups;
  view.channel.count = shape.extent.channels;
  view.row.count = shape.extent.height;
  view.column.count = shape.extent.width;
  return view;
}

/// One stored element that stands for the whole axis.
void repeat(Axis& axis) { axis = Axis{axis.count, 0, 1, 0}; }

void apply_broadcast(View& view, const Broadcast& broadcast) {
  if (broadcast.width) {
    repeat(view.column);
  }
  if (broadcast.height) {
    repeat(view.row);
  }
  if (broadcast.channel) {
    repeat(view.channel);
  }
}

Result<View> inside_memory(View view, std::string_view what) {
  if (view.end() > view.memory->size) {
    return fail(ErrorCategory::malformed_input,
                fmt::format("{} takes bytes {:#x} to {:#x} of {}, which has {:#x}", what, view.offset, view.end(),
                            view.memory->name, view.memory->size));
  }
  return view;
}

Result<const Memory*> memory_of(const MemoryMap& memories, const SurfaceView& surface, std::string_view what) {
  const Memory* memory = memories.slot(surface.slot);
  if (memory == nullptr) {
    return fail(ErrorCategory::malformed_input,
                fmt::format("{} names slot {}, which is not bound", what, surface.slot));
  }
  if (surface.interleave == 0) {
    return unknown(fmt::format("{}: interleave 0", what));
  }
  return memory;
}

Result<void> check_handover(const Operand& operand, const Shape& stored, std::string_view what,
                            const std::optional<Handover>& handover) {
  if (!handover) {
    return unknown(fmt::format("{} is chained, but the task before leaves no chained result", what));
  }
  const Handover expected{operand.on_chip.base, operand.type, stored.groups, stored.extent};
  if (*handover == expected) {
    return {};
  }
  const auto print = [](const Handover& h) {
    return fmt::format("{} x {} x {} x {} of {} at {:#x}", h.groups, h.extent.channels, h.extent.height, h.extent.width,
                       to_string(h.type), h.base);
  };
  return unknown(fmt::format("{} takes a chained tensor of {}, but the task before leaves {}", what, print(expected),
                             print(*handover)));
}

}  // namespace

Extents extents_of(const EngineOp& op) {
  Extents extents{{op.input, op.input}, op.output};
  if (const PlanarCompute* planar = op.planar()) {
    if (planar->form == PlanarForm::affine) {
      extents.source[1].height = 2;
    }
    if (planar->form == PlanarForm::unary_reduce || planar->form == PlanarForm::binary_reduce) {
      extents.result.width = extents.result.height = 1;
    }
  }
  return extents;
}

Result<View> source_view(const EngineOp& op, std::size_t index, const MemoryMap& memories, std::size_t task,
                         const std::optional<Handover>& handover) {
  const Operand& operand = op.sources[index];
  const std::string what = name_of(index);
  const PlanarCompute* planar = op.planar();
  const bool constant_rows = index == 1 && planar != nullptr && planar->form == PlanarForm::affine;
  const Shape shape{op.groups, extents_of(op).source[index]};
  Broadcast broadcast = operand.broadcast;
  if (operand.exchange_channel_width && broadcast != Broadcast{}) {
    return unknown(fmt::format("{}: broadcast and exchange of C and W together", what));
  }
  if (constant_rows && (broadcast.height || broadcast.width)) {
    return unknown(fmt::format("{}: offset and gain rows that are broadcast along W or H", what));
  }
  // Offset and gain are one number per channel each: the rows' columns are not read.
  broadcast.width = broadcast.width || constant_rows;
  const auto finish = [&](View view) {
    apply_broadcast(view, broadcast);
    return inside_memory(view, what);
  };
  const bool exchange = operand.exchange_channel_width;
  switch (operand.place) {
    case Place::none:
      return fail(ErrorCategory::malformed_input, fmt::format("{} is missing", what));
    case Place::on_chip: {
      OPENANE_CHECK(check_types(operand.type, operand.type, what));
      const std::uint32_t bytes = operand.type == ElementType::float16 ? 2 : 1;
      return finish(make_view(memories.on_chip(), operand.on_chip.base, operand.type,
                              on_chip_axes(operand.on_chip, bytes), exchange, shape));
    }
    case Place::surface:
    case Place::surface_kept: {
      OPENANE_CHECK(check_types(operand.surface.type, operand.type, what));
      OPENANE_TRY(const Memory* memory, memory_of(memories, operand.surface, what));
      const std::uint32_t bytes = operand.surface.type == ElementType::float16 ? 2 : 1;
      return finish(make_view(*memory, operand.surface.offset, operand.surface.type, dram_axes(operand.surface, bytes),
                              exchange, shape));
    }
    case Place::chained: {
      Shape stored{shape.groups, exchanged(shape.extent, exchange)};
      if (broadcast != Broadcast{}) {
        return unknown(fmt::format("{} is chained and broadcast", what));
      }
      OPENANE_CHECK(check_handover(operand, stored, what, handover));
      const std::uint32_t bytes = operand.type == ElementType::float16 ? 2 : 1;
      return finish(
          make_view(memories.chain(task - 1), 0, operand.type, dense_axes(stored.extent, bytes), exchange, shape));
    }
  }
  return fail(ErrorCategory::internal, "place of a source");
}

Result<View> kept_source_view(const EngineOp& op, const MemoryMap& memories) {
  const Operand& operand = op.sources[0];
  if (operand.surface.type != operand.type || operand.broadcast != Broadcast{}) {
    return unknown("source 1 is kept on chip and converted or broadcast");
  }
  const std::uint32_t bytes = operand.type == ElementType::float16 ? 2 : 1;
  return inside_memory(
      make_view(memories.on_chip(), operand.on_chip.base, operand.type, on_chip_axes(operand.on_chip, bytes),
                operand.exchange_channel_width, {op.groups, op.input}),
      "the copy of source 1 kept on chip");
}

Handover handover_of(const EngineOp& op) {
  const Extent extent = extents_of(op).result;
  return {op.result.on_chip.base, op.result.type, op.groups, exchanged(extent, op.result.exchange_channel_width)};
}

namespace {

/// A view that results may go to.
Result<View> as_result(View view) {
  OPENANE_TRY(view, inside_memory(view, "the result"));
  if (!view.memory->starts_unknown()) {
    return fail(ErrorCategory::malformed_input, fmt::format("the result goes to {}", view.memory->name));
  }
  return view;
}

Result<View> without_overlap(View view) {
  OPENANE_TRY(view, as_result(view));
  if (view.elements_may_overlap()) {
    return fail(ErrorCategory::malformed_input, "the result's strides put two of its elements in one place");
  }
  return view;
}

}  // namespace

Result<ResultPlaces> result_places(const EngineOp& op, MemoryMap& memories, std::size_t task) {
  const ResultView& result = op.result;
  const Shape shape{op.groups, extents_of(op).result};
  const bool exchange = result.exchange_channel_width;
  OPENANE_CHECK(check_types(result.type, result.type, "the result"));
  const std::uint32_t bytes = result.type == ElementType::float16 ? 2 : 1;
  ResultPlaces places;
  if (result.place == Place::on_chip || result.place == Place::surface_kept) {
    const View view = make_view(memories.on_chip(), result.on_chip.base, result.type,
                                on_chip_axes(result.on_chip, bytes), exchange, shape);
    if (result.place == Place::surface_kept && view.elements_may_overlap()) {
      OPENANE_TRY(places.clobbered, as_result(view));
    } else {
      OPENANE_TRY(places.views.emplace_back(), without_overlap(view));
    }
  }
  if (result.place == Place::surface || result.place == Place::surface_kept) {
    if (result.surface.type != result.type) {
      return unknown(fmt::format("the result: conversion of {} elements to {} by the DMA", to_string(result.type),
                                 to_string(result.surface.type)));
    }
    OPENANE_TRY(const Memory* memory, memory_of(memories, result.surface, "the result"));
    OPENANE_TRY(places.views.emplace_back(),
                without_overlap(make_view(*memory, result.surface.offset, result.type, dram_axes(result.surface, bytes),
                                          exchange, shape)));
  }
  if (result.place == Place::chained) {
    const StoredAxes axes = dense_axes(exchanged(shape.extent, exchange), bytes);
    OPENANE_CHECK(memories.reserve_chain(task, axes.group.stride * op.groups));
    places.views.push_back(make_view(memories.chain(task), 0, result.type, axes, exchange, shape));
  }
  if (places.views.empty()) {
    return fail(ErrorCategory::malformed_input, "the task has no result");
  }
  return places;
}

// ------------------------------------------------------------------------------------------------ rows
namespace {

/// fp16 bits of the 256 values of an 8-bit integer type.
std::array<std::uint16_t, 256> byte_values(ElementType type) {
  std::array<std::uint16_t, 256> values{};
  for (int i = 0; i < 256; ++i) {
    const int value = type == ElementType::int8 && i > 127 ? i - 256 : i;
    values[static_cast<std::size_t>(i)] = to_half(static_cast<float>(value)).bits;
  }
  return values;
}

const std::array<std::uint16_t, 256>& values_of(ElementType type) {
  static const std::array<std::uint16_t, 256> kUnsigned = byte_values(ElementType::uint8);
  static const std::array<std::uint16_t, 256> kSigned = byte_values(ElementType::int8);
  return type == ElementType::int8 ? kSigned : kUnsigned;
}

std::uint16_t element_at(const std::uint8_t* at, ElementType type) {
  if (type != ElementType::float16) {
    return values_of(type)[*at];
  }
  std::uint16_t bits = 0;
  std::memcpy(&bits, at, sizeof bits);
  return bits;
}

bool is_aligned(const std::uint8_t* at) { return reinterpret_cast<std::uintptr_t>(at) % alignof(std::uint16_t) == 0; }

/// The byte an 8-bit integer result takes for a value, when the value is one of them.
std::optional<std::uint8_t> to_byte(float value, ElementType type) {
  const float low = type == ElementType::int8 ? -128.0F : 0.0F, high = type == ElementType::int8 ? 127.0F : 255.0F;
  if (!(value >= low && value <= high) || value != std::floor(value)) {
    return std::nullopt;
  }
  return static_cast<std::uint8_t>(static_cast<int>(value));
}

}  // namespace

RowReader::RowReader(const View& view) : view_(&view), plain_(view.has_plain_rows()) {
  if (view.column.interleave > 1) {
    for (std::uint32_t x = 0; x < view.column.count; ++x) {
      columns_.push_back(view.column.offset(x));
    }
  }
}

const std::uint16_t* RowReader::row(std::uint32_t g, std::uint32_t c, std::uint32_t y, std::uint32_t x,
                                    std::uint32_t count, std::uint16_t* buffer) const {
  const View& view = *view_;
  const std::uint64_t stride = view.column.stride;
  const std::uint8_t* at = view.memory->data + view.row_offset(g, c, y);
  if (!columns_.empty()) {
    for (std::uint32_t i = 0; i < count; ++i) {
      buffer[i] = element_at(at + columns_[x + i], view.type);
    }
    return buffer;
  }
  at += x * stride;
  if (plain_ && is_aligned(at)) {
    return reinterpret_cast<const std::uint16_t*>(at);
  }
  if (stride == 0) {
    std::fill_n(buffer, count, element_at(at, view.type));
  } else if (view.type == ElementType::float16) {
    for (std::uint32_t i = 0; i < count; ++i) {
      std::memcpy(buffer + i, at + i * stride, sizeof *buffer);
    }
  } else {
    const std::array<std::uint16_t, 256>& values = values_of(view.type);
    for (std::uint32_t i = 0; i < count; ++i) {
      buffer[i] = values[at[i * stride]];
    }
  }
  return buffer;
}

RowWriter::RowWriter(const View& view) : view_(&view) {}

std::uint16_t* RowWriter::direct(std::uint32_t g, std::uint32_t c, std::uint32_t y, std::uint32_t x) const {
  if (!view_->has_plain_rows()) {
    return nullptr;
  }
  std::uint8_t* at = view_->memory->writable + view_->row_offset(g, c, y) + column_offset(x);
  return is_aligned(at) ? reinterpret_cast<std::uint16_t*>(at) : nullptr;
}

void RowWriter::put(std::uint32_t g, std::uint32_t c, std::uint32_t y, std::uint32_t x,
                    std::span<const std::uint16_t> halves) const {
  std::uint8_t* at = view_->memory->writable + view_->row_offset(g, c, y);
  if (view_->has_plain_rows()) {
    std::memcpy(at + column_offset(x), halves.data(), halves.size_bytes());
    return;
  }
  for (const std::uint16_t& half : halves) {
    std::memcpy(at + column_offset(x++), &half, sizeof half);
  }
}

std::optional<float> RowWriter::put(std::uint32_t g, std::uint32_t c, std::uint32_t y, std::uint32_t x,
                                    std::span<const float> values) const {
  std::uint8_t* at = view_->memory->writable + view_->row_offset(g, c, y);
  if (view_->type == ElementType::float16) {
    if (view_->has_plain_rows()) {
      float_to_half_bytes(reinterpret_cast<const std::uint8_t*>(values.data()), at + column_offset(x), values.size());
      return std::nullopt;
    }
    for (const float value : values) {
      const Half half = to_half(value);
      std::memcpy(at + column_offset(x++), &half, sizeof half);
    }
    return std::nullopt;
  }
  for (const float value : values) {
    const std::optional<std::uint8_t> byte = to_byte(value, view_->type);
    if (!byte) {
      return value;
    }
    at[column_offset(x++)] = *byte;
  }
  return std::nullopt;
}

}  // namespace openane::emulator
