// The words an op leaves open, for ops that were never registers: what all decoded programs share, by h13-isa.md 11,
// and tiling by the conventions of 3.2. The emulator ignores all of it. Hardware does not: there, only the tiling of a
// decoded program of the same tile shape is proven.
#include <algorithm>
#include <array>
#include <bit>

#include "base/byte_reader.h"
#include "isa/h13_fields.h"
#include "target/h13/h13.h"

namespace openane::h13 {
namespace {

constexpr std::uint32_t kOnChipGranule = 16;
constexpr std::uint32_t kUnusedCoefficientBytes = 0x40;

constexpr bool uses_surface(Place place) { return place == Place::surface || place == Place::surface_kept; }

/// Event masks of a task that is alone in its program (compilers up to v5); link order decides the rest.
void set_header(Task& task, const EngineOp& op) {
  std::array<std::uint32_t, 10> header{};
  header[2] = 0x422;
  header[4] = 0x00fff86a;
  // SPL follows a surface source, TSR and TSE a surface result, in all decoded tasks.
  header[6] = (uses_surface(op.sources[0].place) ? 0x0800u : 0u) | (uses_surface(op.result.place) ? 0x9000u : 0u);
  task.set_header(header);
}

void add_full_records(Task& task) {
  for (const std::size_t block : kStreamOrder) {
    const std::vector<std::uint32_t> zeros(kBlocks[block].words);
    // A block of at most 64 words at a known base always fits a record. NOLINTNEXTLINE(bugprone-unused-return-value)
    static_cast<void>(task.add_dense(kBlocks[block].base, zeros));
  }
}

struct FixedWord {
  std::uint32_t address, value;
};

void set_words(Task& task, std::span<const FixedWord> words) {
  for (const FixedWord& word : words) {
    task.set_word(word.address, word.value);
  }
}

/// log2 of the planar tile: at most 512 columns and as many rows as keep the tile at 16,384 elements.
std::uint32_t patch_config(const Extent& extent) {
  const auto log2_up = [](std::uint32_t n) { return n <= 1 ? 0u : static_cast<std::uint32_t>(std::bit_width(n - 1)); };
  const std::uint32_t width = std::min(log2_up(extent.width), 9u);
  const std::uint32_t height = std::min(log2_up(extent.height), 14u - width);
  return width | (height << 4);
}

/// One tile row on chip; the bank-spreading term is added when the row would be a power of two.
void set_source_tile(Task& task, const EngineOp& op, std::uint32_t bank_spread) {
  const auto channel = static_cast<std::uint32_t>(align_up(std::uint64_t{op.input.width} * 2, kOnChipGranule));
  const std::uint64_t row = std::uint64_t{channel} * std::max(op.input.channels, 1u);
  const std::uint64_t spread = std::has_single_bit(row) && row > channel ? row + bank_spread : row;
  if (spread > kL2_SourceRowStride_Stride.mask()) {
    return;  // no tile of whole rows fits; the words stay 0
  }
  task.set_word(kL2_SourceChannelStride, channel);
  task.set_word(kL2_SourceRowStride, static_cast<std::uint32_t>(spread));
  task.set_word(kL2_SourceDepthStride, static_cast<std::uint32_t>(row));
  task.set_word(kL2_SourceGroupStride, static_cast<std::uint32_t>(row));
}

void set_kernel_words(Task& task, const KernelStream& kernel) {
  for (std::uint32_t i = 0; i < 16; ++i) {
    task.set_word(kKernelDMASrc_CoeffDMAConfig0 + 4 * i, 0x80);
    if (!kernel.channels[i].enabled) {
      task.set_word(kKernelDMASrc_CoeffBfrSize0 + 4 * i, kUnusedCoefficientBytes);
    }
  }
}

void set_neural_words(Task& task, const EngineOp& op, const NeuralCompute& neural) {
  const bool weights = neural.mode == NeuralMode::convolution;
  constexpr std::array<FixedWord, 4> kWords{
      {{kCommon_TaskInfo, 0x00100000}, {kCommon_TileCfg, 0}, {kNE_KernelCfg, 0x80}, {kTileDMASrc_Pad40, 0x100}}};
  set_words(task, kWords);
  task.set_word(kCommon_TileCfg, op.output.height);
  task.set_word(kCommon_Cfg, weights ? 0x04044405u : op.output.height > 1 ? 0x04011101u : 0x04010101u);
  const bool narrow_weights = neural.kernel.format == KernelFormat::int8;
  task.set_word(kNE_MACCfg, narrow_weights ? 0x00100000u : 0x00101c00u);
  if (neural.kernel.enabled) {
    set_kernel_words(task, neural.kernel);
  }
  set_source_tile(task, op, 0x30);
}

void set_planar_words(Task& task, const EngineOp& op, const PlanarCompute& planar) {
  const std::uint32_t patch = patch_config(op.input);
  task.set_word(kCommon_PatchCfg, patch);
  task.set_word(kCommon_TileCfg, std::min(op.input.height, 1u << (patch >> 4)));
  const bool two = op.has_second_source();
  const auto& broadcast1 = op.sources[0].broadcast;
  const auto& broadcast2 = op.sources[1].broadcast;
  const auto repeats = [](const Broadcast& b) { return b.width || b.height || b.depth || b.channel; };
  const std::uint32_t primary = two && planar.form != PlanarForm::affine ? (repeats(broadcast1)   ? 2u
                                                                            : repeats(broadcast2) ? 1u
                                                                                                  : 3u)
                                                                         : 1u;
  task.set_word(kCommon_Cfg, primary);
  task.set_word(kCommon_GroupConvCfg, 0x00010000);
  task.set_word(kNE_KernelCfg, 0x80);
  task.set_word(kNE_MACCfg, 0x00100000);
  set_source_tile(task, op, 0x20);
}

/// Format words and cache hints; the lift owns the element codes, FmtMode and Truncate belong to fp16 elements.
void set_formats(Task& task, const EngineOp& op) {
  const auto fp16 = [](ElementType type) { return type == ElementType::float16; };
  task.set_word(kTileDMASrc_DMAConfig1, uses_surface(op.sources[0].place) ? 0x33880u : 0x8880u);
  task.set_word(kTileDMASrc_DMAConfig2, op.sources[1].place == Place::surface ? 0x33880u : 0x8880u);
  task.set_word(kTileDMASrc_Fmt1,
                uses_surface(op.sources[0].place) ? (fp16(op.sources[0].surface.type) ? 0x31u : 0u) : 0x01000000u);
  task.set_word(kTileDMASrc_Fmt2,
                op.sources[1].place == Place::surface && fp16(op.sources[1].surface.type) ? 0x30u : 0u);
  const bool to_surface = uses_surface(op.result.place);
  task.set_word(kTileDMADst_DMAConfig, to_surface ? 0x040000c0u : 0xc0u);
  task.set_word(kTileDMADst_Fmt, to_surface ? 0x00300000u | (fp16(op.result.surface.type) ? 0x31u : 0u) : 0x01000000u);
  const std::uint32_t width_code = fp16(op.sources[0].type) ? 0x40u : 0u;
  task.set_word(kL2_SourceCfg, 0x00500130u | width_code);
  task.set_word(kL2_ResultCfg, (to_surface ? 0x00500038u : 0x00500138u) | (fp16(op.result.type) ? 0x40u : 0u));
}

}  // namespace

Task default_residue(const EngineOp& op) {
  static const Generation* const kGeneration = find_generation("H13");
  Task task(*kGeneration);
  set_header(task, op);
  add_full_records(task);
  // One step per output column and row, no third dimension.
  constexpr std::array<FixedWord, 3> kCommonWords{
      {{kCommon_ConvCfg, 0x50002021 | (1u << 15)}, {kCommon_ConvCfg3d, 0x2041}, {kCommon_GroupConvCfg, 0x00010001}}};
  set_words(task, kCommonWords);
  set_formats(task, op);
  if (const NeuralCompute* neural = op.neural()) {
    set_neural_words(task, op, *neural);
  } else if (const PlanarCompute* planar = op.planar()) {
    set_planar_words(task, op, *planar);
  }
  // Bits that follow from the op are kept as the difference to what it implies: none.
  for (const FieldRef implied : {kHeader6_SrcLoc, kHeader6_DstLoc, kHeader8_RBE0, kHeader8_RBE1, kHeader8_WBE,
                                 kHeader8_ENE, kHeader9_KBE0, kTileDMASrc_DMAConfig1_En, kTileDMADst_DMAConfig_En}) {
    task.set(implied, 0);
  }
  return task;
}

}  // namespace openane::h13
