#include "target/h13/kernel_pack.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "base/byte_reader.h"

namespace openane::h13 {
namespace {

constexpr std::uint32_t kEngines = 16;
constexpr std::uint32_t kStreamAlign = 64;
/// More than the address registers reach; keeps every product below in 64 bits.
constexpr std::uint64_t kMostWeights = std::uint64_t{1} << 31;

/// Appends one engine's planes.
class StreamWriter {
 public:
  StreamWriter(const KernelWeights& weights, std::uint32_t lanes)
      : weights_(weights), lanes_(lanes), rows_(weights.inputs * weights.height * weights.width) {}

  void table() {
    for (const std::uint16_t word : *weights_.table) {
      out_.put(word);
    }
  }

  void plane(std::uint32_t group, std::uint32_t first_output) {
    const std::uint32_t output = group * weights_.outputs + first_output;
    if (!weights_.bias.empty()) {
      for (std::uint32_t lane = 0; lane < lanes_; ++lane) {
        out_.put(weights_.bias[output + lane].bits);
      }
    }
    if (weights_.zero_skipping) {
      masked_plane(output);
    } else {
      dense_plane(output);
    }
    if (weights_.groups > 1) {
      out_.align(kStreamAlign);
    }
  }

  [[nodiscard]] std::vector<std::uint8_t> finish() {
    out_.align(kStreamAlign);
    return out_.take();
  }

 private:
  [[nodiscard]] Half weight(std::uint32_t output, std::uint32_t row) const {
    return weights_.values[std::size_t{output} * rows_ + row];
  }

  void dense_plane(std::uint32_t output) {
    for (std::uint32_t row = 0; row < rows_; ++row) {
      for (std::uint32_t lane = 0; lane < lanes_; ++lane) {
        const Half value = weight(output + lane, row);
        if (weights_.format == KernelFormat::int8) {
          out_.put(static_cast<std::int8_t>(to_float(value)));
        } else {
          out_.put(value.bits);
        }
      }
    }
  }

  /// The kernel, padded to even size and taken phase by phase (even and odd rows and columns), in eights: a mask of the
  /// nonzero values, then those. A 24-bit byte count stands in front.
  void masked_plane(std::uint32_t output) {
    std::vector<std::uint16_t> values;
    const std::uint32_t edge_y = (weights_.height + 1) / 2, edge_x = (weights_.width + 1) / 2;
    for (std::uint32_t input = 0; input < weights_.inputs; ++input) {
      for (std::uint32_t phase = 0; phase < 4; ++phase) {
        for (std::uint32_t tap = 0; tap < edge_y * edge_x; ++tap) {
          const std::uint32_t y = 2 * (tap / edge_x) + phase / 2, x = 2 * (tap % edge_x) + phase % 2;
          for (std::uint32_t lane = 0; lane < lanes_; ++lane) {
            const bool inside = y < weights_.height && x < weights_.width;
            const std::uint32_t row = (input * weights_.height + y) * weights_.width + x;
            values.push_back(inside ? weight(output + lane, row).bits : 0);
          }
        }
      }
    }
    ByteWriter masked;
    for (std::size_t first = 0; first < values.size(); first += 8) {
      const std::span<const std::uint16_t> eight(values.data() + first,
                                                 std::min<std::size_t>(8, values.size() - first));
      std::uint8_t mask = 0;
      for (std::size_t i = 0; i < eight.size(); ++i) {
        mask = static_cast<std::uint8_t>(mask | ((eight[i] & 0x7fffu) != 0 ? 1u << i : 0u));
      }
      masked.put(mask);
      for (const std::uint16_t value : eight) {
        if ((value & 0x7fffu) != 0) {
          masked.put(value);
        }
      }
    }
    const std::uint64_t size = masked.size();
    for (const unsigned shift : {0u, 8u, 16u}) {
      out_.put(static_cast<std::uint8_t>(size >> shift));
    }
    out_.put_bytes(masked.take());
  }

  const KernelWeights& weights_;
  std::uint32_t lanes_, rows_;
  ByteWriter out_;
};

std::uint32_t lanes_of(const KernelWeights& weights, KernelPacking packing) {
  return packing.order == ChannelOrder::contiguous ? weights.outputs >> packing.engines_log2 : 1u << packing.lanes_log2;
}

/// Whether the planes fill whole rounds over the engines, or less than one, or have one lane: where they do not, the
/// rest goes to smaller planes (h13-isa.md 7.1, lane choice).
bool ends_evenly(std::uint32_t outputs, KernelPacking packing) {
  const std::uint32_t round = 1u << (packing.lanes_log2 + packing.engines_log2);
  return packing.lanes_log2 == 0 || outputs <= round || outputs % round == 0;
}

Result<void> check(const KernelWeights& weights, KernelPacking packing) {
  const std::array<std::uint32_t, 5> sizes = {weights.groups, weights.outputs, weights.inputs, weights.height,
                                              weights.width};
  std::uint64_t count = 1;
  for (const std::uint32_t size : sizes) {
    count *= std::min<std::uint64_t>(size, kMostWeights);
    if (size == 0 || count > kMostWeights) {
      return fail(ErrorCategory::usage,
                  fmt::format("a kernel of {} groups of {}x{}x{}x{} weights is empty or too large", weights.groups,
                              weights.outputs, weights.inputs, weights.height, weights.width));
    }
  }
  if (weights.values.size() != count) {
    return fail(ErrorCategory::usage,
                fmt::format("the kernel needs {} weights, {} given", count, weights.values.size()));
  }
  const std::uint64_t outputs = std::uint64_t{weights.groups} * weights.outputs;
  if (!weights.bias.empty() && weights.bias.size() != outputs) {
    return fail(ErrorCategory::usage,
                fmt::format("the kernel needs {} biases, {} given", outputs, weights.bias.size()));
  }
  const bool contiguous = packing.order == ChannelOrder::contiguous;
  if (contiguous && (weights.groups != 1 || weights.zero_skipping || !weights.bias.empty())) {
    return fail(ErrorCategory::missing_specification,
                "contiguous blocks of channels are known for dense kernels of one group without biases");
  }
  const std::uint32_t lanes = lanes_of(weights, packing);
  if (packing.engines_log2 > 4 || packing.lanes_log2 > 7 || lanes == 0 || weights.outputs % lanes != 0 ||
      (contiguous && weights.outputs != lanes << packing.engines_log2)) {
    return fail(
        ErrorCategory::usage,
        fmt::format("{} output channels cannot be packed in planes of {} lanes over {} engines; lanes must divide "
                    "the channels, engines be at most 16",
                    weights.outputs, lanes, 1u << packing.engines_log2));
  }
  if (!contiguous && !ends_evenly(weights.outputs, packing)) {
    return fail(ErrorCategory::missing_specification,
                fmt::format("{} output channels in planes of {} lanes leave a part of a round over {} engines; the "
                            "compiler packs such rests in smaller planes",
                            weights.outputs, 1u << packing.lanes_log2, 1u << packing.engines_log2));
  }
  if (weights.format == KernelFormat::int8) {
    if (!weights.bias.empty() || weights.zero_skipping) {
      return fail(ErrorCategory::missing_specification, "int8 weights have only been decoded dense and without biases");
    }
    const auto is_int8 = [](Half value) {
      const float number = to_float(value);
      return number >= -128 && number <= 127 && number == static_cast<float>(static_cast<int>(number));
    };
    if (!std::ranges::all_of(weights.values, is_int8)) {
      return fail(ErrorCategory::usage, "int8 weights must be whole numbers from -128 to 127");
    }
  }
  if (weights.zero_skipping && (weights.groups > 1 || weights.outputs > (kEngines << packing.lanes_log2))) {
    return fail(ErrorCategory::missing_specification,
                "zero-skipping streams have only been decoded with one group and one plane for each engine");
  }
  return {};
}

}  // namespace

KernelPacking choose_packing(std::uint32_t outputs, bool small_image) {
  KernelPacking packing;
  const std::uint32_t cap = std::max(1u, std::min(outputs / kEngines, small_image ? 32u : 16u));
  for (std::uint8_t log2 = 1; (1u << log2) <= cap && outputs % (1u << log2) == 0; ++log2) {
    if (ends_evenly(outputs, {log2, 4})) {
      packing.lanes_log2 = log2;
    }
  }
  packing.engines_log2 = engines_for(outputs, packing.lanes_log2);
  return packing;
}

Result<KernelPacking> contiguous_packing(std::uint32_t outputs) {
  constexpr std::uint32_t kMostLanes = 32;
  const std::uint32_t lanes = outputs / kEngines;
  if (outputs % kEngines != 0 || lanes == 0 || lanes > kMostLanes) {
    return fail(ErrorCategory::missing_specification,
                fmt::format("{} output channels: contiguous blocks were measured for multiples of {} up to {}", outputs,
                            kEngines, kEngines * kMostLanes));
  }
  return KernelPacking{static_cast<std::uint8_t>(std::bit_width(lanes - 1)), 4, ChannelOrder::contiguous};
}

std::uint8_t engines_for(std::uint32_t outputs, std::uint8_t lanes_log2) {
  const std::uint32_t planes = std::max(1u, outputs >> lanes_log2);
  std::uint8_t log2 = 0;
  while (log2 < 4 && (1u << log2) < planes) {
    ++log2;
  }
  return log2;
}

Result<PackedKernel> pack_kernel(const KernelWeights& weights, KernelPacking packing) {
  OPENANE_CHECK(check(weights, packing));
  PackedKernel packed;
  packed.lanes_log2 = packing.lanes_log2;
  packed.engines_log2 = packing.engines_log2;
  const std::uint32_t lanes = lanes_of(weights, packing), engines = 1u << packing.engines_log2;
  for (std::uint32_t engine = 0; engine < engines; ++engine) {
    StreamWriter stream(weights, lanes);
    if (weights.table) {
      stream.table();
    }
    for (std::uint32_t group = 0; group < weights.groups; ++group) {
      for (std::uint32_t plane = engine; plane < weights.outputs / lanes; plane += engines) {
        stream.plane(group, plane * lanes);
      }
    }
    const std::vector<std::uint8_t> bytes = stream.finish();
    packed.channels.at(engine) = {true, static_cast<std::uint32_t>(packed.bytes.size()),
                                  static_cast<std::uint32_t>(bytes.size())};
    packed.bytes.insert(packed.bytes.end(), bytes.begin(), bytes.end());
    if (packed.bytes.size() > 0xffffffffu) {
      return fail(ErrorCategory::unsupported, "the kernel's streams pass 4 GiB");
    }
  }
  return packed;
}

PackedKernel pack_table(const TableWords& table, std::uint8_t engines_log2) {
  PackedKernel packed;
  ByteWriter out;
  for (const std::uint16_t word : table) {
    out.put(word);
  }
  packed.bytes = out.take();
  packed.engines_log2 = engines_log2;
  for (std::uint32_t engine = 0; engine < (1u << engines_log2) && engine < kEngines; ++engine) {
    packed.channels.at(engine) = {true, 0, static_cast<std::uint32_t>(packed.bytes.size())};
  }
  return packed;
}

}  // namespace openane::h13
