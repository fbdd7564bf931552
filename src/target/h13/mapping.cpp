// H13's registers against an EngineOp (mapping.h explains the machinery).
//
// What is peculiar about H13: one source format word serves only source 1 (source 2 has no interleave); the planar path
// and the neural path share the Common block; reductions leave OutDim equal to InDim; exchange of C and W sits in
// PECommonCfg for planar tasks and in Cfg bit 28 for neural ones.
#include <fmt/format.h>

#include "isa/h13_fields.h"
#include "target/h13/h13.h"
#include "target/mapping.h"

namespace openane::h13 {
namespace {

struct Traits {
  static constexpr std::span<const BlockRange> blocks() { return kBlocks; }
  static const Generation& generation() {
    static const Generation* const kGeneration = find_generation("H13");
    return *kGeneration;
  }
};
using Lifter = mapping::Lifter<Traits>;
using Encoder = mapping::Encoder<Traits>;
using mapping::channel_field;
using mapping::Codes;
using mapping::kActivations;
using mapping::kForms;
using mapping::kNeuralModes;
using mapping::kNeuralTask;
using mapping::kNoPath;
using mapping::kPlanarOps;
using mapping::kReductions;
using mapping::takes_second_source;

constexpr Codes<Place, 4> kPlaces{
    {{{0, Place::on_chip}, {1, Place::surface_kept}, {2, Place::surface}, {3, Place::chained}}}};
constexpr Codes<ElementType, 3> kElements{
    {{{0, ElementType::uint8}, {1, ElementType::int8}, {2, ElementType::float16}}}};
constexpr Codes<KernelFormat, 3> kKernelFormats{
    {{{0, KernelFormat::none}, {1, KernelFormat::int8}, {2, KernelFormat::fp16}}}};
constexpr FieldRef kNeuralMode{kNE_MACCfg, 0, 4, false, kNE_MACCfg_OpMode.ordinal};

/// The registers that describe one operand; the two sources and the result have the same set at different addresses.
struct SurfaceFields {
  FieldRef slot, slot_valid, base, row, plane, depth, group, memory_format, format_mode, truncate;
};
struct OnChipFields {
  FieldRef base, channel, row, depth, group;
};
constexpr SurfaceFields kSource1Surface{kHeader8_RBase0,
                                        kHeader8_RBE0,
                                        kTileDMASrc_Src1BaseAddr_Addr,
                                        kTileDMASrc_Src1RowStride_Stride,
                                        kTileDMASrc_Src1PlaneStride_Stride,
                                        kTileDMASrc_Src1DepthStride_Stride,
                                        kTileDMASrc_Src1GroupStride_Stride,
                                        kTileDMASrc_Fmt1_MemFmt,
                                        kTileDMASrc_Fmt1_FmtMode,
                                        kTileDMASrc_Fmt1_Truncate};
constexpr SurfaceFields kSource2Surface{kHeader8_RBase1,
                                        kHeader8_RBE1,
                                        kTileDMASrc_Src2BaseAddr_Addr,
                                        kTileDMASrc_Src2RowStride_Stride,
                                        kTileDMASrc_Src2PlaneStride_Stride,
                                        kTileDMASrc_Src2DepthStride_Stride,
                                        kTileDMASrc_Src2GroupStride_Stride,
                                        kTileDMASrc_Fmt2_MemFmt,
                                        kTileDMASrc_Fmt2_FmtMode,
                                        kTileDMASrc_Fmt2_Truncate};
constexpr SurfaceFields kResultSurface{kHeader8_WBase,
                                       kHeader8_WBE,
                                       kTileDMADst_BaseAddr_Addr,
                                       kTileDMADst_RowStride_Stride,
                                       kTileDMADst_PlaneStride_Stride,
                                       kTileDMADst_DepthStride_Stride,
                                       kTileDMADst_GroupStride_Stride,
                                       kTileDMADst_Fmt_MemFmt,
                                       kTileDMADst_Fmt_FmtMode,
                                       kTileDMADst_Fmt_Truncate};
constexpr OnChipFields kSource1OnChip{kL2_SourceBase_Addr, kL2_SourceChannelStride_Stride, kL2_SourceRowStride_Stride,
                                      kL2_SourceDepthStride_Stride, kL2_SourceGroupStride_Stride};
constexpr OnChipFields kSource2OnChip{kL2_Src2Base_Addr, kL2_Src2ChannelStride_Stride, kL2_Src2RowStride_Stride,
                                      kL2_Src2DepthStride_Stride, kL2_Src2GroupStride_Stride};
constexpr OnChipFields kResultOnChip{kL2_ResultBase_Addr, kL2_ResultChannelStride_Stride, kL2_ResultRowStride_Stride,
                                     kL2_ResultDepthStride_Stride, kL2_ResultGroupStride_Stride};

constexpr bool uses_surface(Place place) { return place == Place::surface || place == Place::surface_kept; }
constexpr bool lies_on_chip(Place place) { return place == Place::on_chip || place == Place::surface_kept; }

template <typename M, typename View>
void map_surface(M& m, View& view, const SurfaceFields& fields) {
  m.number(fields.slot, view.slot);
  m.bytes(fields.base, view.offset);
  m.bytes(fields.row, view.strides.row);
  m.bytes(fields.plane, view.strides.channel);
  m.bytes(fields.depth, view.strides.depth);
  m.bytes(fields.group, view.strides.group);
  m.code(fields.memory_format, view.type, kElements, ElementType::invalid, "0 uint8, 1 int8, 2 fp16");
}

template <typename M, typename View>
void map_on_chip(M& m, View& view, const OnChipFields& fields, Place place) {
  if (place == Place::chained) {
    m.bytes(fields.base, view.base);
  } else if (lies_on_chip(place)) {
    m.bytes(fields.base, view.base);
    m.bytes(fields.channel, view.strides.channel);
    m.bytes(fields.row, view.strides.row);
    m.bytes(fields.depth, view.strides.depth);
    m.bytes(fields.group, view.strides.group);
  }
}

template <typename M, typename Op>
void map_first_source(M& m, Op& op) {
  auto& source = op.sources[0];
  m.code(kL2_SourceCfg_SourceType, source.place, kPlaces, Place::none, "0 to 3");
  m.code(kCommon_ChCfg_InFmt, source.type, kElements, ElementType::invalid, "0 uint8, 1 int8, 2 fp16");
  const bool dma = uses_surface(source.place);
  m.implied(kHeader8_RBE0, dma ? 1 : 0);
  if (dma) {
    map_surface(m, source.surface, kSource1Surface);
    m.number(kTileDMASrc_Fmt1_Interleave, source.surface.interleave);
  }
  map_on_chip(m, source.on_chip, kSource1OnChip, source.place);
}

/// Whether source 2 comes from a surface is one bit; it exists at all only in tasks of two sources.
template <typename M, typename Op>
void map_second_source(M& m, Op& op, bool exists) {
  auto& source = op.sources[1];
  if (!exists) {
    m.derived(kL2_SourceCfg_Src2FromDMA, 0, "0: the task has one source");
    m.implied(kHeader8_RBE1, 0);
    return;
  }
  bool dma = source.place == Place::surface;
  m.flag(kL2_SourceCfg_Src2FromDMA, dma);
  if constexpr (M::kLifting) {
    source.place = dma ? Place::surface : Place::on_chip;
  }
  m.implied(kHeader8_RBE1, dma ? 1 : 0);
  m.code(kCommon_ChCfg_Src2InFmt, source.type, kElements, ElementType::invalid, "0 uint8, 1 int8, 2 fp16");
  if (dma) {
    map_surface(m, source.surface, kSource2Surface);
  }
  map_on_chip(m, source.on_chip, kSource2OnChip, source.place);
}

/// DMAConfig1.En switches the source DMA on for either source; DMAConfig2.En is never set.
template <typename M, typename Op>
void map_source_dma(M& m, Op& op) {
  const bool dma = uses_surface(op.sources[0].place) || uses_surface(op.sources[1].place);
  m.derived(kTileDMASrc_DMAConfig1_En, dma ? 1 : 0, dma ? "1: a source is a surface" : "0: the sources are on chip");
  m.implied(kHeader6_SrcLoc, dma ? 1 : 0);
}

template <typename M, typename Op>
void map_result(M& m, Op& op) {
  auto& result = op.result;
  m.code(kL2_ResultCfg_ResultType, result.place, kPlaces, Place::none, "0 to 3");
  m.code(kCommon_ChCfg_OutFmt, result.type, kElements, ElementType::invalid, "0 uint8, 1 int8, 2 fp16");
  const bool dma = uses_surface(result.place);
  m.derived(kTileDMADst_DMAConfig_En, dma ? 1 : 0, dma ? "1: the result is a surface" : "0: the result stays on chip");
  m.implied(kHeader8_WBE, dma ? 1 : 0);
  m.implied(kHeader6_DstLoc, dma ? 1 : 0);
  if (dma) {
    map_surface(m, result.surface, kResultSurface);
    m.number(kTileDMADst_Fmt_Interleave, result.surface.interleave);
    m.derived(kL2_ResultCfg_DMAInterleave, result.surface.interleave & 0xfu, "equal to TileDMADst.Fmt.Interleave");
  }
  map_on_chip(m, result.on_chip, kResultOnChip, result.place);
}

template <typename M, typename Kernel>
void map_kernel(M& m, Kernel& kernel) {
  m.refuse_unless(kernel.offset == 0 && !kernel.table_apart && kernel.order == ChannelOrder::round_robin,
                  "keeps tables and planes inside the engines' streams, dealt round robin");
  m.flag(kKernelDMASrc_MasterConfig_MasterEn, kernel.enabled);
  m.implied(kHeader9_KBE0, kernel.enabled ? 1 : 0);
  m.code(kNE_KernelCfg_KernelFmt, kernel.format, kKernelFormats, KernelFormat::unknown, "0 none, 1 int8, 2 fp16");
  m.flag(kKernelDMASrc_MasterConfig_KernelSparseFmt, kernel.zero_skipping);
  m.derived(kNE_KernelCfg_SparseFmt, kernel.zero_skipping ? 1 : 0,
            "equal to KernelDMASrc.MasterConfig.KernelSparseFmt");
  m.flag(kNE_KernelCfg_KernelFromMemory, kernel.from_memory);
  m.refuse_unless(kernel.plane_stride == 0, "keeps the planes of an engine side by side");
  m.number(kCommon_ConvCfg_OCGSize, kernel.lanes_log2);
  m.number(kCommon_Cfg_ActiveNE, kernel.engines_log2);
  m.implied(kHeader8_ENE, (kernel.engines_log2 + 1u) & 7u);
  if (!kernel.enabled) {
    return;
  }
  m.number(kHeader9_KBase0, kernel.slot);
  for (std::size_t i = 0; i < kernel.channels.size(); ++i) {
    auto& channel = kernel.channels[i];
    m.flag(channel_field(kKernelDMASrc_CoeffDMAConfig0_En, i), channel.enabled);
    if (channel.enabled) {
      m.bytes(channel_field(kKernelDMASrc_CoeffBaseAddr0_Addr, i), channel.offset);
      m.bytes(channel_field(kKernelDMASrc_CoeffBfrSize0_MemBfrSize, i), channel.size);
    }
  }
}

template <typename M, typename Neural, typename Op>
void map_neural(M& m, Neural& neural, Op& op) {
  m.number(kCommon_ConvCfg_Kw, neural.window.kernel_width);
  m.number(kCommon_ConvCfg_Kh, neural.window.kernel_height);
  m.number(kCommon_ConvCfg_Sx, neural.window.stride_x);
  m.number(kCommon_ConvCfg_Sy, neural.window.stride_y);
  m.number(kCommon_ConvCfg_Px, neural.window.pad_left);
  m.number(kCommon_ConvCfg_Py, neural.window.pad_top);
  m.flag(kCommon_GroupConvCfg_UnicastEn, neural.unicast);
  m.number(kCommon_GroupConvCfg_UnicastCin, neural.unicast_inputs);
  map_kernel(m, neural.kernel);
  m.flag(kNE_MACCfg_BiasMode, neural.channel_bias);
  m.half(kNE_AccBias_AccBias, neural.accumulator_bias);
  m.half(kNE_PostScale_PostScale, neural.post_scale);
  m.code(kNE_MACCfg_NonlinearMode, neural.activation, kActivations, Activation::unknown, "0 none, 1 relu, 2 table");
  m.flag(kL2_L2Cfg_InputReLU, neural.input_relu);
  m.flag(kCommon_Cfg_OutTranspose, op.result.exchange_channel_width);
  for (const FieldRef planar_only :
       {kCommon_PECommonCfg_Src1BroadcastW, kCommon_PECommonCfg_Src1BroadcastH, kCommon_PECommonCfg_Src1BroadcastD,
        kCommon_PECommonCfg_Src1BroadcastC, kCommon_PECommonCfg_Src2BroadcastW, kCommon_PECommonCfg_Src2BroadcastH,
        kCommon_PECommonCfg_Src2BroadcastD, kCommon_PECommonCfg_Src2BroadcastC, kCommon_PECommonCfg_Src1Transpose,
        kCommon_PECommonCfg_Src2Transpose, kCommon_PECommonCfg_OutTranspose}) {
    m.derived(planar_only, 0, kNoPath);
  }
}

template <typename M, typename Planar, typename Op>
void map_planar(M& m, Planar& planar, Op& op) {
  m.code(kPE_PECfg_OpMode, planar.op, kPlanarOps, PlanarOp::unknown, "0 add, 1 mul, 2 max, 3 min, 4 square");
  m.flag(kPE_PECfg_SecSrcEn, planar.second_enabled);
  m.number(kPE_PECfg_Cond, planar.condition);
  m.flag(kPE_PECfg_FirstSrcNeg, planar.negate_first);
  m.flag(kPE_PECfg_SecSrcNeg, planar.negate_second);
  m.half_constant(kPE_PreScaleEps_PreScale, planar.pre_scale);
  m.half_constant(kPE_PreScaleEps_Epsilon, planar.epsilon);
  m.half_constant(kPE_BiasScale_Bias, planar.bias);
  m.half_constant(kPE_BiasScale_Scale, planar.scale);
  m.flag(kPE_PECfg_ReluEn, planar.relu);
  m.code(kPE_PECfg_PoolMode, planar.reduction, kReductions, Reduction::sum, "0 to 3");
  m.single(kPE_FinalScale_FinalScale, planar.final_scale);
  m.number(kPE_PECfg_NLMode, planar.post);
  m.flag(kCommon_PECommonCfg_Src1BroadcastW, op.sources[0].broadcast.width);
  m.flag(kCommon_PECommonCfg_Src1BroadcastH, op.sources[0].broadcast.height);
  m.flag(kCommon_PECommonCfg_Src1BroadcastD, op.sources[0].broadcast.depth);
  m.flag(kCommon_PECommonCfg_Src1BroadcastC, op.sources[0].broadcast.channel);
  m.flag(kCommon_PECommonCfg_Src2BroadcastW, op.sources[1].broadcast.width);
  m.flag(kCommon_PECommonCfg_Src2BroadcastH, op.sources[1].broadcast.height);
  m.flag(kCommon_PECommonCfg_Src2BroadcastD, op.sources[1].broadcast.depth);
  m.flag(kCommon_PECommonCfg_Src2BroadcastC, op.sources[1].broadcast.channel);
  m.flag(kCommon_PECommonCfg_Src1Transpose, op.sources[0].exchange_channel_width);
  m.flag(kCommon_PECommonCfg_Src2Transpose, op.sources[1].exchange_channel_width);
  m.flag(kCommon_PECommonCfg_OutTranspose, op.result.exchange_channel_width);
  m.derived(kCommon_Cfg_OutTranspose, 0, kNoPath);
  m.derived(kL2_L2Cfg_InputReLU, 0, kNoPath);
  m.implied(kHeader8_ENE, 0);
}

/// Decides the compute kind from the registers. Nothing is taken yet: an unexplained kind leaves them all in the
/// residue.
void choose_compute(Lifter& m, EngineOp& op) {
  const std::uint32_t type = m.peek(kCommon_Cfg_TaskType);
  if (type == kNeuralTask) {
    if (const auto mode = kNeuralModes.decode(m.peek(kNeuralMode))) {
      op.compute = NeuralCompute{.mode = *mode};
    } else {
      m.unexplained(kNE_MACCfg_OpMode,
                    "with KernelMode 0: 0 convolution; with KernelMode 1: 0 sum, 3 maximum, 4 bypass");
    }
  } else if (const auto form = kForms.decode(type)) {
    op.compute = PlanarCompute{.form = *form};
  } else {
    m.unexplained(kCommon_Cfg_TaskType, "0 neural, 2 to 6 planar");
  }
}

template <typename M, typename Op>
void map_task(M& m, Op& op) {
  m.number(kCommon_InDim_Win, op.input.width);
  m.number(kCommon_InDim_Hin, op.input.height);
  m.number(kCommon_InDepth_Din, op.input.depth);
  m.number(kCommon_Cin_Cin, op.input.channels);
  m.number(kCommon_OutDim_Wout, op.output.width);
  m.number(kCommon_OutDim_Hout, op.output.height);
  m.number(kCommon_OutDepth_Dout, op.output.depth);
  m.number(kCommon_Cout_Cout, op.output.channels);
  m.number(kCommon_GroupConvCfg_NumGroups, op.groups);
  if (auto* neural = std::get_if<NeuralCompute>(&op.compute)) {
    std::uint32_t type = kNeuralTask;
    m.number(kCommon_Cfg_TaskType, type);
    std::uint32_t mode = *kNeuralModes.encode(neural->mode);
    m.number(kNeuralMode, mode);
    map_neural(m, *neural, op);
    map_first_source(m, op);
    map_second_source(m, op, false);
  } else if (auto* planar = std::get_if<PlanarCompute>(&op.compute)) {
    std::uint32_t type = *kForms.encode(planar->form);
    m.number(kCommon_Cfg_TaskType, type);
    map_planar(m, *planar, op);
    map_first_source(m, op);
    map_second_source(m, op, takes_second_source(planar->form));
  } else {
    map_first_source(m, op);
  }
  map_source_dma(m, op);
  map_result(m, op);
}

}  // namespace

EngineOp lift(const Task& task) {
  EngineOp op;
  Lifter lifter(task, op.unknowns);
  choose_compute(lifter, op);
  map_task(lifter, op);
  op.side.residue = lifter.residue(op.planar() != nullptr);
  return op;
}

namespace {

/// The same header and values, written as the seven full records of a classic task.
Result<Task> with_full_records(const Task& residue) {
  Task full(residue.generation());
  full.set_header(residue.words().subspan(0, residue.header_size()));
  for (const std::size_t block : kStreamOrder) {
    std::vector<std::uint32_t> values;
    values.reserve(kBlocks[block].words);
    for (std::uint32_t i = 0; i < kBlocks[block].words; ++i) {
      values.push_back(residue.find(kBlocks[block].base + 4 * i).value_or(0));
    }
    OPENANE_CHECK(full.add_dense(kBlocks[block].base, values));
  }
  return full;
}

}  // namespace

Result<Task> encode(const EngineOp& op) {
  const bool lifted = !op.side.residue.words().empty();
  if (lifted && &op.side.residue.generation() != &Traits::generation()) {
    return fail(ErrorCategory::usage,
                fmt::format("the op carries a side record of {}, not of H13; drop it before encoding for H13",
                            op.side.residue.generation().id));
  }
  Task residue = lifted ? op.side.residue : default_residue(op);
  Encoder encoder(residue);
  map_task(encoder, op);
  if (encoder.needs_more_records()) {
    OPENANE_TRY(residue, with_full_records(residue));
    Encoder again(residue);
    map_task(again, op);
    return again.finish();
  }
  return encoder.finish();
}

}  // namespace openane::h13
