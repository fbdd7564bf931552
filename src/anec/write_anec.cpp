// Program -> ANEC. What the format cannot say is refused: several procedures, element types other than fp16,
// interleave, rows that are no multiple of 64 bytes.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "anec/container.h"
#include "anec/format.h"
#include "base/byte_reader.h"
#include "base/quote.h"
#include "base/saturating.h"
#include "openane/anec.h"
#include "program/selectors.h"

namespace openane {
namespace anec {
namespace {

std::unexpected<Error> refuse(std::string message) {
  return fail(ErrorCategory::unsupported, "ANEC cannot hold this program: " + std::move(message));
}

/// Channel of each tensor. Outputs first, then inputs; tensors that already stand that way keep their slots.
using Channels = std::vector<std::pair<const TensorBinding*, std::uint32_t>>;

Channels assign_channels(const Procedure& procedure) {
  Channels channels;
  for (const TensorRole role : {TensorRole::output, TensorRole::input}) {
    std::vector<const TensorBinding*> tensors;
    for (const TensorBinding& tensor : procedure.tensors) {
      if (tensor.role == role) {
        tensors.push_back(&tensor);
      }
    }
    std::ranges::stable_sort(tensors, {}, &TensorBinding::slot);
    for (const TensorBinding* tensor : tensors) {
      channels.emplace_back(tensor, kFirstTensor + static_cast<std::uint32_t>(channels.size()));
    }
  }
  return channels;
}

Result<void> check_program_fits(const Program& program) {
  if (program.generation == nullptr || program.generation->id != "H13") {
    return refuse(fmt::format("it is for {}, the driver only runs H13",
                              program.generation == nullptr ? "no generation" : program.generation->id));
  }
  if (program.procedures.size() != 1) {
    return refuse(fmt::format("it has {} procedures, expected one", program.procedures.size()));
  }
  const std::vector<PlacedTask>& tasks = program.procedures[0].tasks;
  if (tasks.empty() || tasks.size() > kMaximumTaskCount || tasks.front().offset != 0 ||
      program.procedures[0].task_base != 0) {
    return refuse(fmt::format("it has {} tasks, expected 1 to {}, the first at the start of the task section",
                              tasks.size(), kMaximumTaskCount));
  }
  if (program.constants.size() > 1 || (program.constants.size() == 1 && program.constants[0].slot != kKernelChannel)) {
    return refuse("its constants are not one section in slot 1");
  }
  if (program.scratch_bytes != 0 && program.scratch_slot != kScratchChannel) {
    return refuse(fmt::format("its scratch buffer is in slot {}, expected 3", program.scratch_slot));
  }
  return {};
}

Result<void> check_tensor_fits(const TensorBinding& tensor) {
  const SurfaceLayout& layout = tensor.layout;
  const auto refuse_tensor = [&](std::string_view what) {
    return refuse(fmt::format("tensor {} {}", quoted(tensor.name), what));
  };
  if (layout.type != ElementType::float16 || layout.strides.w != 2) {
    return refuse_tensor("is not fp16 with adjacent elements");
  }
  if (layout.interleave != 1 || layout.shape.d != 1) {
    return refuse_tensor("has an interleave or a depth");
  }
  const SurfaceShape& shape = layout.shape;
  const SurfaceStrides& strides = layout.strides;
  if (shape.n < 1 || shape.c < 1 || shape.h < 1 || shape.w < 1) {
    return refuse_tensor("has an extent below 1");
  }
  if (strides.h < 64 || strides.h % 64 != 0 || strides.h / 2 < shape.w) {
    return refuse_tensor(
        fmt::format("has row stride {:#x}, expected a multiple of 64 that holds {} elements", strides.h, shape.w));
  }
  if (strides.c % strides.h != 0 || strides.c / strides.h < shape.h) {
    return refuse_tensor(fmt::format("has plane stride {:#x}, expected a multiple of the row stride that holds {} rows",
                                     strides.c, shape.h));
  }
  const std::uint64_t batch =
      saturating_multiply(static_cast<std::uint64_t>(shape.c), static_cast<std::uint64_t>(strides.c));
  if (saturating_multiply(batch, static_cast<std::uint64_t>(shape.n)) > kMaximumBufferBytes) {
    return refuse_tensor("is too large");
  }
  if (shape.n > 1 && static_cast<std::uint64_t>(strides.n) != batch) {
    return refuse_tensor(
        fmt::format("has batch stride {:#x}, expected {} planes of {:#x}", strides.n, shape.c, strides.c));
  }
  return {};
}

/// The program's tasks with every selector of a tensor slot moved to the tensor's channel.
Procedure renumbered(const Procedure& procedure, const Channels& channels, const Generation& generation) {
  Procedure result = procedure;
  for (PlacedTask& placed : result.tasks) {
    for (const Selector& selector : selectors_of(generation)) {
      const std::uint32_t slot = placed.task.get(selector.slot);
      const auto channel = std::ranges::find_if(channels, [&](const auto& entry) { return entry.first->slot == slot; });
      if (placed.task.get(selector.enable) != 0 && channel != channels.end()) {
        placed.task.set(selector.slot, channel->second);
      }
    }
  }
  return result;
}

std::uint32_t tiles_for(std::uint64_t bytes) { return static_cast<std::uint32_t>((bytes + kTile - 1) / kTile); }

/// A carried file of the same size gives the bytes that no field names; the fields are written over it.
std::vector<std::uint8_t> start_file(const Program& program, AnecHeader header, std::uint64_t size,
                                     std::uint32_t sources, std::uint32_t outputs) {
  const auto* carried = dynamic_cast<const AnecContainer*>(program.carried.get());
  if (carried == nullptr || carried->header != header || carried->file.size() != size) {
    return std::vector<std::uint8_t>(size);
  }
  std::vector<std::uint8_t> bytes(carried->file.span().begin(), carried->file.span().end());
  if (load_le<std::uint32_t>(bytes.data() + kSourceCount) != sources ||
      load_le<std::uint32_t>(bytes.data() + kDestinationCount) != outputs) {
    std::fill(bytes.begin() + kTiles, bytes.begin() + kHeaderEnd, std::uint8_t{0});
  }
  return bytes;
}

AnecHeader choose_header(const Program& program, std::optional<AnecHeader> header) {
  const auto* carried = dynamic_cast<const AnecContainer*>(program.carried.get());
  return header.value_or(carried != nullptr ? carried->header : AnecHeader::bytes_0x1000);
}

/// Buffers may be larger than they must: what a carried header asks for stays as long as it is enough.
void put_tiles(std::vector<std::uint8_t>& out, std::uint32_t channel, std::uint64_t bytes) {
  std::uint8_t* at = out.data() + kTiles + std::size_t{4} * channel;
  store_le(at, std::max(load_le<std::uint32_t>(at), tiles_for(bytes)));
}

void put_tensor(std::vector<std::uint8_t>& out, const TensorBinding& tensor, std::uint32_t channel) {
  const SurfaceShape& shape = tensor.layout.shape;
  const SurfaceStrides& strides = tensor.layout.strides;
  const std::array<std::int64_t, 6> values = {shape.n, shape.c, shape.h, shape.w, strides.c, strides.h};
  bool changed = false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint8_t* at = out.data() + kShapes + std::size_t{48} * channel + 8 * i;
    changed = changed || load_le<std::int64_t>(at) != values[i];
    store_le(at, values[i]);
  }
  if (changed) {
    store_le(out.data() + kTiles + std::size_t{4} * channel, std::uint32_t{0});
  }
  put_tiles(out, channel, static_cast<std::uint64_t>(shape.n * shape.c * strides.c));
}

Result<std::vector<std::uint8_t>> write(const Program& program, AnecHeader header) {
  OPENANE_CHECK(check_program_fits(program));
  const Channels channels = assign_channels(program.procedures[0]);
  if (channels.size() > kChannels - kFirstTensor) {
    return refuse(fmt::format("it has {} tensors, expected at most {}", channels.size(), kChannels - kFirstTensor));
  }
  std::uint32_t outputs = 0;
  for (const auto& [tensor, channel] : channels) {
    OPENANE_CHECK(check_tensor_fits(*tensor));
    outputs += tensor->role == TensorRole::output ? 1 : 0;
  }
  const std::uint32_t sources = static_cast<std::uint32_t>(channels.size()) - outputs;
  Program bound = program;
  bound.procedures[0] = renumbered(program.procedures[0], channels, *program.generation);
  OPENANE_TRY(std::vector<std::uint8_t> tasks, bound.encode_task_section());
  const std::span<const std::uint8_t> kernel =
      program.constants.empty() ? std::span<const std::uint8_t>{} : program.constants[0].data.span();
  // The driver puts the constants at the next multiple of 16, the compiler meant a multiple of 64: where the two
  // differ, the tasks are padded until they agree.
  if (!kernel.empty() && align_up(tasks.size(), kKernelAlignment) != align_up(tasks.size(), kSurfaceAlignment)) {
    tasks.resize(align_up(tasks.size(), kSurfaceAlignment));
  }
  const std::uint64_t body = static_cast<std::uint32_t>(header);
  const std::uint64_t kernel_at = align_up(tasks.size(), kKernelAlignment);
  const std::uint64_t size = kernel_at + kernel.size();
  std::vector<std::uint8_t> out = start_file(program, header, body + size, sources, outputs);
  for (const auto& [tensor, channel] : channels) {
    put_tensor(out, *tensor, channel);
  }
  store_le(out.data() + kSize, size);
  store_le(out.data() + kTaskSize, program.procedures[0].tasks[0].task.size_bytes());
  store_le(out.data() + kTaskCount, static_cast<std::uint32_t>(program.procedures[0].tasks.size()));
  store_le(out.data() + kTaskBytes, std::uint64_t{tasks.size()});
  store_le(out.data() + kKernelBytes, std::uint64_t{kernel.size()});
  store_le(out.data() + kSourceCount, sources);
  store_le(out.data() + kDestinationCount, outputs);
  put_tiles(out, kCommandChannel, size);
  store_le(out.data() + kTiles + 4 * kScratchChannel, tiles_for(program.scratch_bytes));
  std::ranges::copy(tasks, out.begin() + static_cast<std::ptrdiff_t>(body));
  std::ranges::copy(kernel, out.begin() + static_cast<std::ptrdiff_t>(body + kernel_at));
  return out;
}

}  // namespace
}  // namespace anec

Result<std::vector<std::uint8_t>> write_anec(const Program& program, std::optional<AnecHeader> header) {
  return anec::write(program, anec::choose_header(program, header));
}

}  // namespace openane
