#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "anec/container.h"
#include "anec/format.h"
#include "base/byte_reader.h"
#include "base/saturating.h"
#include "openane/anec.h"
#include "program/task_warnings.h"

namespace openane {
namespace anec {
namespace {

std::optional<AnecHeader> header_of(std::span<const std::uint8_t> data) {
  if (data.size() < 8) {
    return std::nullopt;
  }
  const std::uint64_t body = load_le<std::uint64_t>(data.data() + kSize);
  for (const AnecHeader header : {AnecHeader::bytes_0x1000, AnecHeader::bytes_0x800}) {
    const std::uint64_t bytes = static_cast<std::uint32_t>(header);
    if (data.size() > bytes && data.size() - bytes == body) {
      return header;
    }
  }
  return std::nullopt;
}

/// Whether the sizes at the start agree with each other: such a file lost its end, or got another one.
bool sizes_agree(std::span<const std::uint8_t> data) {
  if (data.size() < kTiles) {
    return false;
  }
  const std::uint64_t body = load_le<std::uint64_t>(data.data() + kSize);
  const std::uint64_t tasks = load_le<std::uint64_t>(data.data() + kTaskBytes);
  const std::uint64_t kernel = load_le<std::uint64_t>(data.data() + kKernelBytes);
  const std::uint64_t first = load_le<std::uint32_t>(data.data() + kTaskSize);
  const std::uint64_t kernel_at = align_up(std::min(tasks, body), kKernelAlignment);
  return first >= 40 && first <= tasks && tasks <= body && kernel_at <= body && kernel == body - kernel_at;
}

class Reader {
 public:
  Reader(const Bytes& file, AnecHeader header)
      : file_(file), data_(file.span()), header_(static_cast<std::uint32_t>(header)) {}

  Result<Program> read() {
    program_.generation = find_generation("H13");
    if (program_.generation == nullptr) {
      return fail(ErrorCategory::not_implemented,
                  "ANEC programs are for H13, and this build has no register table for it");
    }
    program_.container = Program::Container::anec;
    program_.carried = std::make_shared<AnecContainer>(file_, static_cast<AnecHeader>(header_));
    OPENANE_CHECK(read_sizes());
    OPENANE_CHECK(read_buffers());
    OPENANE_CHECK(read_tensors());
    OPENANE_CHECK(read_tasks());
    warn_about_unused();
    return std::move(program_);
  }

 private:
  template <typename T>
  [[nodiscard]] T get(std::uint64_t offset) const {
    return load_le<T>(data_.data() + offset);
  }

  [[nodiscard]] std::uint32_t tiles(std::uint32_t channel) const { return get<std::uint32_t>(kTiles + 4 * channel); }

  Result<void> read_sizes() {
    const std::uint64_t size = get<std::uint64_t>(kSize);
    task_size_ = get<std::uint32_t>(kTaskSize);
    task_bytes_ = get<std::uint64_t>(kTaskBytes);
    const std::uint64_t kernel = get<std::uint64_t>(kKernelBytes);
    if (task_bytes_ > size || task_bytes_ > 0xffffffff || task_bytes_ % 4 != 0) {
      return fail_at(kTaskBytes,
                     fmt::format("tsk_size is {:#x}, expected a multiple of 4 up to the size of the body ({:#x})",
                                 task_bytes_, size));
    }
    const std::uint64_t kernel_at = align_up(task_bytes_, kKernelAlignment);
    if (kernel_at > size || kernel != size - kernel_at) {
      return fail_at(kKernelBytes,
                     fmt::format("krn_size is {:#x}, but {:#x} bytes of the body follow the tasks, which end at {:#x}",
                                 kernel, size - std::min(size, kernel_at), kernel_at));
    }
    if (task_size_ % 4 != 0 || task_size_ < 40 || task_size_ > task_bytes_) {
      return fail_at(kTaskSize, fmt::format("td_size is {:#x}, expected a multiple of 4 from 40 to tsk_size ({:#x})",
                                            task_size_, task_bytes_));
    }
    if (get<std::uint32_t>(kTaskCount) == 0 || get<std::uint32_t>(kTaskCount) > kMaximumTaskCount) {
      return fail_at(kTaskCount, fmt::format("td_count is {}, expected 1 to {}", get<std::uint32_t>(kTaskCount),
                                             kMaximumTaskCount));
    }
    program_.task_section = file_.slice(header_, task_bytes_);
    if (kernel != 0) {
      program_.constants.push_back({{}, kKernelChannel, file_.slice(header_ + kernel_at, kernel)});
    }
    return {};
  }

  Result<void> read_buffers() {
    std::uint64_t total = 0;
    for (std::uint32_t channel = 0; channel < kChannels; ++channel) {
      total += std::uint64_t{tiles(channel)} * kTile;
    }
    if (total > kMaximumBufferBytes) {
      return fail_at(kTiles,
                     fmt::format("the channels ask for {:#x} bytes of buffers, past the {:#x} that any program may use",
                                 total, kMaximumBufferBytes));
    }
    if (tiles(kCommandChannel) * kTile < get<std::uint64_t>(kSize)) {
      return fail_at(kTiles, fmt::format("channel 0 has {} tiles, too few for the {:#x} bytes of the body",
                                         tiles(kCommandChannel), get<std::uint64_t>(kSize)));
    }
    if (tiles(kKernelChannel) != 0) {
      return fail_at(
          kTiles + 4 * kKernelChannel,
          fmt::format("channel 1 has {} tiles, expected none: the driver places the constants behind the tasks",
                      tiles(kKernelChannel)));
    }
    program_.scratch_bytes = tiles(kScratchChannel) * kTile;
    program_.scratch_slot = kScratchChannel;
    return {};
  }

  Result<void> read_tensors() {
    const std::uint64_t sources = get<std::uint32_t>(kSourceCount);
    const std::uint64_t destinations = get<std::uint32_t>(kDestinationCount);
    if (sources + destinations > kChannels - kFirstTensor) {
      return fail_at(kSourceCount, fmt::format("{} sources and {} destinations, expected at most {} together", sources,
                                               destinations, kChannels - kFirstTensor));
    }
    tensor_end_ = kFirstTensor + static_cast<std::uint32_t>(sources + destinations);
    Procedure& procedure = program_.procedures.emplace_back();
    procedure.name = "main";
    for (std::uint32_t channel = kFirstTensor; channel < tensor_end_; ++channel) {
      const bool is_output = channel - kFirstTensor < destinations;
      OPENANE_TRY(TensorBinding tensor, read_tensor(channel));
      const auto index =
          is_output ? channel - kFirstTensor : channel - kFirstTensor - static_cast<std::uint32_t>(destinations);
      // The format has no names; these are ours, counted as libane counts sources and destinations.
      tensor.name = fmt::format("{}{}", is_output ? "output" : "input", index);
      tensor.symbol = tensor.name;
      tensor.role = is_output ? TensorRole::output : TensorRole::input;
      procedure.tensors.push_back(std::move(tensor));
    }
    return {};
  }

  Result<TensorBinding> read_tensor(std::uint32_t channel) {
    const std::uint64_t at = kShapes + std::uint64_t{48} * channel;
    std::array<std::uint64_t, 6> values{};
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = get<std::uint64_t>(at + 8 * i);
      if (values[i] == 0 || values[i] >= kMaximumBufferBytes) {
        constexpr std::array<std::string_view, 6> kNames = {"N", "C", "H", "W", "plane stride", "row stride"};
        return fail_at(at + 8 * i, fmt::format("channel {} has {} {:#x}, expected 1 up to {:#x}", channel, kNames[i],
                                               values[i], kMaximumBufferBytes));
      }
    }
    const auto [n, c, h, w, plane, row] = values;
    if (row % kSurfaceAlignment != 0 || saturating_multiply(2, w) > row) {
      return fail_at(
          at + 40, fmt::format("channel {} has row stride {:#x}, expected a multiple of 64 that holds {} fp16 elements",
                               channel, row, w));
    }
    if (plane % row != 0 || h > plane / row) {
      return fail_at(
          at + 32,
          fmt::format(
              "channel {} has plane stride {:#x}, expected a multiple of the row stride {:#x} that holds {} rows",
              channel, plane, row, h));
    }
    const std::uint64_t batch = saturating_multiply(c, plane);
    const std::uint64_t room = tiles(channel) * kTile;
    if (saturating_multiply(n, batch) > room) {
      return fail_at(at, fmt::format("channel {} needs {} times {} planes of {:#x} bytes, but its {} tiles have {:#x}",
                                     channel, n, c, plane, tiles(channel), room));
    }
    TensorBinding tensor;
    tensor.slot = channel;
    const auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
    tensor.layout.shape = {number(n), number(c), number(h), number(w), 1};
    tensor.layout.strides = {number(batch), number(plane), number(row), 2, 0};
    tensor.total_bytes = batch;
    return tensor;
  }

  Result<void> read_tasks() {
    Result<std::vector<PlacedTask>> tasks = decode_tasks(*program_.generation, program_.task_section.span(), 0,
                                                         task_size_ / 4, get<std::uint32_t>(kTaskCount));
    if (!tasks) {
      Error error = std::move(tasks).error();
      error.location.offset = error.location.offset.value_or(0) + header_;
      return std::unexpected(std::move(error));
    }
    for (const PlacedTask& placed : *tasks) {
      for (const std::string& warning : task_warnings(placed.task)) {
        warn(header_ + placed.offset, warning);
      }
    }
    program_.procedures[0].tasks = *std::move(tasks);
    return {};
  }

  void warn_about_unused() {
    for (std::uint32_t channel = 2; channel < kChannels; ++channel) {
      const bool used = channel == kScratchChannel || (channel >= kFirstTensor && channel < tensor_end_);
      if (!used && tiles(channel) != 0) {
        warn(kTiles + 4 * channel, fmt::format("channel {} has {} tiles, but no tensor", channel, tiles(channel)));
      }
    }
    const auto padding = data_.subspan(kHeaderEnd, header_ - kHeaderEnd);
    if (std::ranges::any_of(padding, [](std::uint8_t b) { return b != 0; })) {
      warn(kHeaderEnd, fmt::format("padding of the header that is not zero, before {:#x}", header_));
    }
  }

  void warn(std::uint64_t offset, std::string_view message) {
    constexpr std::size_t kMaximumWarnings = 64;
    if (program_.warnings.size() < kMaximumWarnings) {
      program_.warnings.push_back(fmt::format("at {:#x}: {}", offset, message));
    }
  }

  const Bytes& file_;
  std::span<const std::uint8_t> data_;
  std::uint64_t header_;
  Program program_;
  std::uint32_t task_size_ = 0;
  std::uint64_t task_bytes_ = 0;
  std::uint32_t tensor_end_ = kFirstTensor;
};

}  // namespace
}  // namespace anec

// The format has no magic number: sizes that fit the file to the byte, or at least each other, have to do.
bool looks_like_anec(std::span<const std::uint8_t> data) {
  return anec::header_of(data).has_value() || anec::sizes_agree(data);
}

Result<Program> read_anec(const Bytes& data) {
  const std::optional<AnecHeader> header = anec::header_of(data.span());
  if (!header) {
    if (anec::sizes_agree(data.span())) {
      const std::uint64_t body = load_le<std::uint64_t>(data.data() + anec::kSize);
      return fail_at(0, fmt::format("an ANEC file whose body takes {:#x} bytes behind a header of 0x1000 or 0x800; the "
                                    "whole file has {:#x}",
                                    body, data.size()));
    }
    return fail_at(0, fmt::format("not an ANEC file: its size ({:#x}) is neither 0x1000 nor 0x800 more than the size "
                                  "of the body it begins with",
                                  data.size()));
  }
  return anec::Reader(data, *header).read();
}

}  // namespace openane
