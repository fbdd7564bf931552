#include "hwx/descriptors.h"

#include <fmt/format.h>

#include "base/byte_reader.h"
#include "base/quote.h"
#include "base/saturating.h"
#include "openane/element_type.h"

namespace openane::hwx {
namespace {

class Fields {
 public:
  Fields(std::span<const std::uint8_t> file, const Thread& thread) : file_(file), thread_(thread) {}

  /// The caller has checked `thread.count`; all fixed fields lie in the payload.
  template <typename T>
  [[nodiscard]] T get(std::uint32_t offset) const {
    return load_le<T>(file_.data() + thread_.header + offset);
  }

  /// The string whose offset in the command stands at `offset`.
  [[nodiscard]] Result<std::string> string(std::uint32_t offset, std::string_view what) const {
    const std::uint32_t place = get<std::uint32_t>(offset);
    if (place < thread_.payload_end() || place >= thread_.size) {
      return fail_at(thread_.header + offset,
                     fmt::format("the {} is at {:#x} of its command, expected {:#x} up to {:#x}", what, place,
                                 thread_.payload_end(), thread_.size));
    }
    return ByteReader(file_).c_string(thread_.header + place, thread_.header + thread_.size, what);
  }

 private:
  std::span<const std::uint8_t> file_;
  const Thread& thread_;
};

Result<std::vector<Tlv>> parse_tlvs(std::span<const std::uint8_t> file, const Thread& thread,
                                    const ProgramFields& layout) {
  std::vector<Tlv> tlvs;
  const std::uint64_t end = thread.header + thread.payload_end();
  std::uint64_t at = thread.header + layout.tlv_count;
  if (!range_inside(at, 8, end)) {
    return tlvs;  // The short form of compilers v4 and v5 ends before the count.
  }
  const std::uint64_t count = load_le<std::uint64_t>(file.data() + at);
  at += 8;
  if (count > (end - at) / 8) {
    return fail_at(at - 8, fmt::format("the program descriptor says it has {} TLVs, more than its {:#x} bytes can hold",
                                       count, end - at));
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!range_inside(at, 8, end)) {
      return fail_at(at, fmt::format("TLV {} of {} begins past the end of the descriptor ({:#x})", i, count, end));
    }
    const Tlv tlv = {load_le<std::uint32_t>(file.data() + at), at, load_le<std::uint32_t>(file.data() + at + 4)};
    if (!range_inside(at + 8, tlv.size, end)) {
      return fail_at(at + 4, fmt::format("TLV with tag {} has {:#x} bytes, but {:#x} are left of the descriptor",
                                         tlv.tag, tlv.size, end - at - 8));
    }
    tlvs.push_back(tlv);
    at += 8 + std::uint64_t{tlv.size};
  }
  return tlvs;
}

Result<void> check_shape(const TensorDescriptor& tensor) {
  constexpr std::array<char, 5> kAxes = {'N', 'C', 'H', 'W', 'D'};
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    if (tensor.shape[i] == 0 || tensor.shape[i] > 0x7fffffff) {
      return fail_at(tensor.header + kTensorShape + 4 * i,
                     fmt::format("tensor {} has extent {} along {}, expected 1 to 2^31-1", quoted(tensor.name),
                                 tensor.shape[i], kAxes[i]));
    }
  }
  if (tensor.shape[4] != 1) {
    return fail_at(
        tensor.header + kTensorShape + 16,
        fmt::format("tensor {} has depth {}; no published descriptor says where the planes of a deep tensor lie",
                    quoted(tensor.name), tensor.shape[4]),
        ErrorCategory::missing_specification);
  }
  if (tensor.interleave == 0 || tensor.interleave > 0xff) {
    return fail_at(tensor.header + kTensorInterleave, fmt::format("tensor {} has interleave {}, expected 1 to 255",
                                                                  quoted(tensor.name), tensor.interleave));
  }
  return {};
}

/// Strides that make sense by themselves: elements side by side do not overlap and every element lies in the tensor's
/// bytes.
Result<void> check_strides(const TensorDescriptor& tensor) {
  constexpr std::array<char, 4> kAxes = {'N', 'C', 'H', 'W'};
  for (std::size_t i = 0; i < tensor.strides.size(); ++i) {
    if (tensor.strides[i] == 0 || tensor.strides[i] >= kMaximumAddressSpace) {
      return fail_at(tensor.header + kTensorStrides + 8 * i,
                     fmt::format("tensor {} has stride {:#x} along {}, expected 1 up to {:#x}", quoted(tensor.name),
                                 tensor.strides[i], kAxes[i], kMaximumAddressSpace));
    }
  }
  const auto [n, c, h, w, d] = tensor.shape;
  const std::uint64_t stride_w = tensor.strides[3];
  const std::uint32_t element = element_bytes(static_cast<ElementType>(tensor.type)).value_or(1);
  // What sW means beside an interleave is not known; elements then stand side by side, I to a position.
  const std::uint64_t position = tensor.interleave == 1 ? stride_w : std::uint64_t{tensor.interleave} * element;
  const std::uint64_t row = saturating_multiply(w, position);
  if (stride_w < element) {
    return fail_at(tensor.header + kTensorStrides + 24,
                   fmt::format("tensor {} has W stride {}, smaller than an element ({})", quoted(tensor.name),
                               tensor.strides[3], element));
  }
  if (tensor.strides[2] < row) {
    return fail_at(tensor.header + kTensorStrides + 16,
                   fmt::format("tensor {} has row stride {:#x}, shorter than its rows of {} elements",
                               quoted(tensor.name), tensor.strides[2], w));
  }
  const std::uint64_t planes = (std::uint64_t{c} + tensor.interleave - 1) / tensor.interleave;
  const std::uint64_t last_row =
      saturating_add(saturating_multiply(planes - 1, tensor.strides[1]), saturating_multiply(h - 1, tensor.strides[2]));
  const std::uint64_t end = saturating_add(last_row, row);
  if (end > tensor.total) {
    return fail_at(tensor.header + kTensorTotal,
                   fmt::format("tensor {} has {:#x} bytes, but its elements reach to {:#x}", quoted(tensor.name),
                               tensor.total, end));
  }
  if (n > 1 && tensor.strides[0] < tensor.total) {
    return fail_at(tensor.header + kTensorStrides,
                   fmt::format("tensor {} has batch stride {:#x}, smaller than one batch element ({:#x})",
                               quoted(tensor.name), tensor.strides[0], tensor.total));
  }
  if (saturating_multiply(n, tensor.total) >= kMaximumAddressSpace) {
    return fail_at(tensor.header + kTensorTotal,
                   fmt::format("tensor {} has {} times {:#x} bytes, past the {:#x} that any program may use",
                               quoted(tensor.name), n, tensor.total, kMaximumAddressSpace));
  }
  if (tensor.extent > n * tensor.total) {
    return fail_at(tensor.header + kTensorExtent,
                   fmt::format("tensor {} has extent {:#x}, more than its {} times {:#x} bytes", quoted(tensor.name),
                               tensor.extent, n, tensor.total));
  }
  return {};
}

}  // namespace

Result<ProgramDescriptor> parse_program_descriptor(std::span<const std::uint8_t> file, const Thread& thread) {
  const Fields fields(file, thread);
  const ProgramFields& layout = thread.flavor == kProgramFlavor ? kProgramFields : kProgramFieldsModern;
  ProgramDescriptor program;
  program.header = thread.header;
  program.fields = &layout;
  OPENANE_TRY(program.name, fields.string(layout.name_offset, "procedure name"));
  program.slots.reserve(kSlotTableBytes / layout.slot_bytes);
  for (std::uint32_t offset = 0; offset < kSlotTableBytes; offset += layout.slot_bytes) {
    program.slots.push_back(fields.get<std::uint64_t>(kSlots + offset));
  }
  program.text_address = fields.get<std::uint64_t>(kTextAddress);
  if (layout.first_task_words != 0) {
    const std::uint32_t words = fields.get<std::uint32_t>(layout.first_task_words);
    if (words >= 0xffffffff) {
      return fail_at(thread.header + layout.first_task_words,
                     fmt::format("the first task has {:#x} words minus 1, expected a size that fits", words));
    }
    program.first_task_words = words + 1;
  }
  program.task_count = fields.get<std::uint32_t>(layout.task_count);
  if (program.task_count == 0) {
    return fail_at(thread.header + layout.task_count,
                   fmt::format("program {} declares no task, expected at least one", quoted(program.name)));
  }
  program.scratch_used = fields.get<std::uint64_t>(layout.scratch_used);
  program.debug_events = fields.get<std::uint64_t>(layout.debug_events);
  program.log_events = fields.get<std::uint64_t>(layout.log_events);
  OPENANE_TRY(program.tlvs, parse_tlvs(file, thread, layout));
  return program;
}

Result<TensorDescriptor> parse_tensor_descriptor(std::span<const std::uint8_t> file, const Thread& thread) {
  const Fields fields(file, thread);
  TensorDescriptor tensor;
  tensor.header = thread.header;
  OPENANE_TRY(tensor.procedure, fields.string(kTensorProcedure, "procedure name"));
  OPENANE_TRY(tensor.name, fields.string(kTensorName, "tensor name"));
  OPENANE_TRY(tensor.symbol, fields.string(kTensorSymbol, "symbol name"));
  tensor.direction = fields.get<std::uint32_t>(kTensorDirection);
  if (tensor.direction != kDirectionInput && tensor.direction != kDirectionOutput) {
    return fail_at(thread.header + kTensorDirection,
                   fmt::format("tensor {} has direction {}, expected 1 (input) or 2 (output)", quoted(tensor.name),
                               tensor.direction));
  }
  tensor.type = fields.get<std::uint32_t>(kTensorType);
  if (tensor.type == 0 || tensor.type > static_cast<std::uint32_t>(ElementType::int4)) {
    return fail_at(thread.header + kTensorType,
                   fmt::format("tensor {} has element type {}, expected 1 to 23", quoted(tensor.name), tensor.type));
  }
  for (std::uint32_t i = 0; i < 5; ++i) {
    tensor.shape[i] = fields.get<std::uint32_t>(kTensorShape + 4 * i);
  }
  for (std::uint32_t i = 0; i < 4; ++i) {
    tensor.strides[i] = fields.get<std::uint64_t>(kTensorStrides + 8 * i);
  }
  tensor.total = fields.get<std::uint64_t>(kTensorTotal);
  tensor.interleave = fields.get<std::uint32_t>(kTensorInterleave);
  tensor.extent = fields.get<std::uint64_t>(kTensorExtent);
  OPENANE_CHECK(check_shape(tensor));
  OPENANE_CHECK(check_strides(tensor));
  return tensor;
}

}  // namespace openane::hwx
