// Coefficient streams: weights, biases and tables laid out for the engines that fetch them (h13-isa.md 7).
//
//   stream of engine i = [table: 128 bytes] { [bias: L fp16] K rows x L lanes } for its planes in order, padded to 64
//   bytes
//
// A plane holds L = 2^lanes_log2 output channels side by side; row k = (input * height + y) * width + x. Within a
// group, plane p goes to engine p % E and takes that engine's next place (round robin).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "openane/engine_op.h"
#include "target/h13/table_formulas.h"

namespace openane::h13 {

struct KernelWeights {
  std::uint32_t groups = 1;
  std::uint32_t outputs = 0;  ///< Output channels of one group.
  std::uint32_t inputs = 0;   ///< Input channels each of them reads.
  std::uint32_t height = 1, width = 1;
  /// [group][output][input][height][width], as fp16 or, for int8, as whole numbers from -128 to 127.
  std::vector<Half> values;
  std::vector<Half> bias;  ///< One per output channel of all groups, or none.
  std::optional<TableWords> table;
  KernelFormat format = KernelFormat::fp16;
  bool zero_skipping = false;  ///< The masked form of stride-2 convolutions (7.3).
};

struct PackedKernel {
  std::vector<std::uint8_t> bytes;
  std::array<KernelChannel, 16> channels;  ///< Offsets from the start of `bytes`.
  std::uint8_t lanes_log2 = 0, engines_log2 = 0;
};

struct KernelPacking {
  std::uint8_t lanes_log2 = 0, engines_log2 = 0;
  /// Contiguous (H16 and later, dense kernels): one plane for each engine, of as many lanes as there are channels for
  /// it; `lanes_log2` is then the binary logarithm rounded up.
  ChannelOrder order = ChannelOrder::round_robin;
};

/// The packing of `outputs` dense channels in contiguous blocks over all engines. Fails with `missing_specification`
/// for counts that were never measured.
[[nodiscard]] Result<KernelPacking> contiguous_packing(std::uint32_t outputs);

/// The compiler's choice: as many lanes as keep all 16 engines busy, at most 32 for small images and else 16, and no
/// more engines than planes. Lanes always divide `outputs`, and planes fill whole rounds over the engines.
[[nodiscard]] KernelPacking choose_packing(std::uint32_t outputs, bool small_image);
/// The fewest engines, as a binary logarithm, that hold one plane each; 16 at most.
[[nodiscard]] std::uint8_t engines_for(std::uint32_t outputs, std::uint8_t lanes_log2);

/// Fails with `usage` when sizes disagree, and `missing_specification` for combinations nobody has decoded.
[[nodiscard]] Result<PackedKernel> pack_kernel(const KernelWeights& weights, KernelPacking packing);

/// A table alone: every engine fetches the same 128 bytes.
[[nodiscard]] PackedKernel pack_table(const TableWords& table, std::uint8_t engines_log2);

}  // namespace openane::h13
