// Packet generations (H14 and later) against an EngineOp: one mapping for all of them, over the registers of each.
//
// What is peculiar about packet tasks: a register that no record writes has a default of its own, so the mapping
// touches a register only where the op depends on it (a row stride only when there are rows). Base addresses stand in
// address packets that name a slot. The activation table is a stream of its own. Names of registers are those of the
// tables; where generations pack them differently the mapping asks which one the table has.
//
// `R` is the generated `Registers` of a generation, `G` its traits (mapping.h).
#pragma once

#include <algorithm>
#include <array>
#include <bitset>
#include <map>

#include "target/mapping.h"

namespace openane::packet {

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

inline constexpr Codes<Place, 2> kPlaces{{{{0, Place::on_chip}, {2, Place::surface}}}};
inline constexpr Codes<ElementType, 2> kElements{{{{1, ElementType::int8}, {2, ElementType::float16}}}};
inline constexpr Codes<KernelFormat, 2> kKernelFormats{{{{1, KernelFormat::int8}, {2, KernelFormat::fp16}}}};

inline constexpr std::string_view kElementCodes = "1 int8, 2 fp16";

/// The registers that describe one operand; the two sources and the result have the same set at different addresses.
struct SurfaceFields {
  FieldRef base, row, plane, depth, group, memory_format, interleave, enable;
};
struct OnChipFields {
  FieldRef base, channel, row, depth, group;
};

template <typename R>
inline constexpr SurfaceFields kSource1Surface{
    R::TileDmaSrc_Src1BaseLo_Addr,        R::TileDmaSrc_Src1RowStride_Stride,   R::TileDmaSrc_Src1ChannelStride_Stride,
    R::TileDmaSrc_Src1DepthStride_Stride, R::TileDmaSrc_Src1GroupStride_Stride, R::TileDmaSrc_Src1Fmt_MemFmt,
    R::TileDmaSrc_Src1Fmt_Interleave,     R::TileDmaSrc_Src1DmaConfig_Enable};
template <typename R>
inline constexpr SurfaceFields kSource2Surface{
    R::TileDmaSrc_Src2BaseLo_Addr,        R::TileDmaSrc_Src2RowStride_Stride,   R::TileDmaSrc_Src2ChannelStride_Stride,
    R::TileDmaSrc_Src2DepthStride_Stride, R::TileDmaSrc_Src2GroupStride_Stride, R::TileDmaSrc_Src2Fmt_MemFmt,
    R::TileDmaSrc_Src2Fmt_Interleave,     R::TileDmaSrc_Src2DmaConfig_Enable};
template <typename R>
inline constexpr SurfaceFields kResultSurface{
    R::TileDmaDst_DstBaseLo_Addr,        R::TileDmaDst_DstRowStride_Stride,   R::TileDmaDst_DstChannelStride_Stride,
    R::TileDmaDst_DstDepthStride_Stride, R::TileDmaDst_DstGroupStride_Stride, R::TileDmaDst_DstFmt_MemFmt,
    R::TileDmaDst_DstFmt_Interleave,     R::TileDmaDst_DstDmaConfig_Enable};
template <typename R>
inline constexpr OnChipFields kSource1OnChip{R::L2_Src1Base_Addr, R::L2_Src1ChannelStride_Stride,
                                             R::L2_Src1RowStride_Stride, R::L2_Src1DepthStride_Stride,
                                             R::L2_Src1GroupStride_Stride};
template <typename R>
inline constexpr OnChipFields kSource2OnChip{R::L2_Src2Base_Addr, R::L2_Src2ChannelStride_Stride,
                                             R::L2_Src2RowStride_Stride, R::L2_Src2DepthStride_Stride,
                                             R::L2_Src2GroupStride_Stride};
template <typename R>
inline constexpr OnChipFields kResultOnChip{R::L2_ResultBase_Addr, R::L2_ResultChannelStride_Stride,
                                            R::L2_ResultRowStride_Stride, R::L2_ResultDepthStride_Stride,
                                            R::L2_ResultGroupStride_Stride};

/// How far an operand reaches along each stored axis: a stride along an axis of one element is never looked at.
struct Reach {
  std::uint32_t rows = 1, channels = 1, depth = 1, groups = 1;
};

inline Reach stored_reach(const Extent& extent, std::uint32_t groups, const Broadcast& broadcast, bool exchange) {
  const std::uint32_t width = broadcast.width ? 1 : extent.width;
  const std::uint32_t channels = broadcast.channel ? 1 : extent.channels;
  return {broadcast.height ? 1 : extent.height, exchange ? width : channels, broadcast.depth ? 1 : extent.depth,
          groups};
}

template <typename M, typename View>
void map_surface(M& m, View& view, const SurfaceFields& fields, Reach reach) {
  m.base(fields.base, view.slot, view.offset);
  m.code(fields.memory_format, view.type, kElements, ElementType::invalid, kElementCodes);
  m.number(fields.interleave, view.interleave);
  if (reach.rows > 1) {
    m.bytes(fields.row, view.strides.row);
  }
  if (reach.channels > view.interleave) {
    m.bytes(fields.plane, view.strides.channel);
  }
  if (reach.depth > 1) {
    m.bytes(fields.depth, view.strides.depth);
  }
  if (reach.groups > 1) {
    m.bytes(fields.group, view.strides.group);
  }
}

template <typename M, typename View>
void map_on_chip(M& m, View& view, const OnChipFields& fields, Reach reach) {
  m.bytes(fields.base, view.base);
  if (reach.channels > 1) {
    m.bytes(fields.channel, view.strides.channel);
  }
  if (reach.rows > 1) {
    m.bytes(fields.row, view.strides.row);
  }
  if (reach.depth > 1) {
    m.bytes(fields.depth, view.strides.depth);
  }
  if (reach.groups > 1) {
    m.bytes(fields.group, view.strides.group);
  }
}

template <typename M, typename View, typename Stored>
void map_place(M& m, Stored place, View& view, const SurfaceFields& surface, const OnChipFields& on_chip, Reach reach) {
  if (place == Place::surface) {
    m.derived(surface.enable, 1, "1: the operand is a surface");
    map_surface(m, view.surface, surface, reach);
  } else if (place == Place::on_chip) {
    map_on_chip(m, view.on_chip, on_chip, reach);
  }
}

template <typename Op>
bool is_affine(const Op& op) {
  const PlanarCompute* planar = op.planar();
  return planar != nullptr && planar->form == PlanarForm::affine;
}

template <typename R, typename M, typename Op>
void map_first_source(M& m, Op& op) {
  auto& source = op.sources[0];
  m.code(R::L2_Src1Cfg_Type, source.place, kPlaces, Place::none, "0 on chip, 2 surface");
  m.code(R::Common_ChannelCfg_InFmt, source.type, kElements, ElementType::invalid, kElementCodes);
  const Reach reach = stored_reach(op.input, op.groups, source.broadcast, source.exchange_channel_width);
  map_place(m, source.place, source, kSource1Surface<R>, kSource1OnChip<R>, reach);
}

template <typename R, typename M, typename Op>
void map_second_source(M& m, Op& op) {
  auto& source = op.sources[1];
  if constexpr (requires { R::L2_Src2Cfg_Type; }) {
    m.code(R::L2_Src2Cfg_Type, source.place, kPlaces, Place::none, "0 on chip, 2 surface");
  } else {  // H14 has one source word; a bit of it says where source 2 comes from
    bool dma = source.place == Place::surface;
    m.flag(R::L2_Src1Cfg_Bit24, dma);
    if constexpr (M::kLifting) {
      source.place = dma ? Place::surface : Place::on_chip;
    }
  }
  m.code(R::Common_ChannelCfg_Src2InFmt, source.type, kElements, ElementType::invalid, kElementCodes);
  const Extent extent = is_affine(op) ? Extent{op.input.width, 2, 1, op.input.channels} : op.input;
  const Reach reach = stored_reach(extent, op.groups, source.broadcast, source.exchange_channel_width);
  map_place(m, source.place, source, kSource2Surface<R>, kSource2OnChip<R>, reach);
}

/// A reduction leaves one element per channel although the extent registers say otherwise.
template <typename Op>
Extent result_extent(const Op& op) {
  const PlanarCompute* planar = op.planar();
  const bool reduces =
      planar != nullptr && (planar->form == PlanarForm::unary_reduce || planar->form == PlanarForm::binary_reduce);
  return reduces ? Extent{1, 1, op.output.depth, op.output.channels} : op.output;
}

template <typename R, typename M, typename Op>
void map_result(M& m, Op& op) {
  auto& result = op.result;
  m.code(R::L2_ResultCfg_Type, result.place, kPlaces, Place::none, "0 on chip, 2 surface");
  m.code(R::Common_ChannelCfg_OutFmt, result.type, kElements, ElementType::invalid, kElementCodes);
  const Reach reach = stored_reach(result_extent(op), op.groups, {}, result.exchange_channel_width);
  map_place(m, result.place, result, kResultSurface<R>, kResultOnChip<R>, reach);
  if (result.place == Place::surface) {
    m.derived(R::L2_ResultCfg_Interleave, result.surface.interleave & 0xfu, "equal to TileDmaDst.DstFmt.Interleave");
  }
}

constexpr std::uint32_t kTableBytes = 128;

/// Weights made at run time are a surface that an earlier task wrote with 8 channels side by side: plane p of 8 output
/// channels begins at p times the plane, engine p % 16 reads it. For a product of n x n matrices that gives the
/// published step of n * 16 from engine to engine and n * 256 from one plane of an engine to its next
/// (codegen-by-generation.md 2.8; decoded and run on an M4 for n = 128 to 512). The word with the lanes is not written.
template <typename R, typename M, typename Kernel>
void map_run_time_planes(M& m, Kernel& kernel) {
  constexpr std::uint8_t kLanesLog2 = 3;
  if constexpr (M::kLifting) {
    kernel.lanes_log2 = kLanesLog2;
  }
  m.refuse_unknown(kernel.lanes_log2 != kLanesLog2, "weights made at run time in planes of other than 8 channels");
  if constexpr (requires { R::KernelDma_KernelOcgStride_Stride; }) {
    m.bytes(R::KernelDma_KernelOcgStride_Stride, kernel.plane_stride);
  } else {
    m.refuse_unknown(kernel.plane_stride != 0, "planes of run-time weights that lie apart");
  }
}

template <typename R, typename M, typename Kernel>
void map_coefficients(M& m, Kernel& kernel) {
  m.code(R::NE_KernelCfg_KernelFmt, kernel.format, kKernelFormats, KernelFormat::unknown, kElementCodes);
  m.flag(R::NE_KernelCfg_AlignmentFormat, kernel.from_memory);
  // H14 leaves out taps that H13 stores (codegen-by-generation.md 2.4); of later generations no sparse stream is known.
  m.derived(R::KernelDma_MasterConfig_KernelSparseFmt, 0, "0: the layout of a zero-skipping stream is not known");
  m.derived(R::NE_KernelCfg_SparseFmt, 0, "0: the layout of a zero-skipping stream is not known");
  m.refuse_unknown(kernel.zero_skipping, "a zero-skipping stream: its layout is not known");
  if (kernel.from_memory) {
    map_run_time_planes<R>(m, kernel);
  } else {
    m.number(R::Common_NeCfg_OcgSize, kernel.lanes_log2);
    m.refuse_unknown(kernel.plane_stride != 0, "planes that lie apart, of weights that were not made at run time");
  }
  m.base(R::KernelDma_CoeffBaseLo_Addr, kernel.slot, kernel.offset);
  for (std::size_t i = 0; i < kernel.channels.size(); ++i) {
    auto& channel = kernel.channels[i];
    m.flag(channel_field(R::KernelDma_CoeffDmaConfig0_Enable, i), channel.enabled);
    if (channel.enabled) {
      m.bytes(channel_field(R::KernelDma_CoeffOffset0_Offset, i), channel.offset);
      m.bytes(channel_field(R::KernelDma_CoeffSize0_Size, i), channel.size);
    }
  }
}

template <typename R, typename M, typename Neural>
void map_kernel(M& m, Neural& neural) {
  auto& kernel = neural.kernel;
  const bool table = neural.activation == Activation::table;
  const bool weights = neural.mode == NeuralMode::convolution;
  m.number(R::Common_TaskCfg_ActiveNe, kernel.engines_log2);
  m.implied(R::Control_Ene, (kernel.engines_log2 + 1u) & 7u);
  if (!table && !weights) {
    return;
  }
  m.flag(R::KernelDma_MasterConfig_Enable, kernel.enabled);
  if (weights) {
    map_coefficients<R>(m, kernel);
  }
  if (table) {
    if constexpr (M::kLifting) {
      kernel.table_apart = true;
    }
    m.derived(R::KernelDma_NLutDmaConfig_Enable, 1, "1: the activation is a table");
    m.derived(R::KernelDma_NLutSize_Size, kTableBytes, "128 bytes");
    m.base(R::KernelDma_NLutBaseLo_Addr, kernel.table_slot, kernel.table_offset);
  }
}

template <typename R, typename M, typename Neural>
void map_window(M& m, Neural& neural) {
  m.number(R::Common_ConvCfg_Kw, neural.window.kernel_width);
  m.number(R::Common_ConvCfg_Kh, neural.window.kernel_height);
  m.number(R::Common_ConvCfg_Sx, neural.window.stride_x);
  m.number(R::Common_ConvCfg_Sy, neural.window.stride_y);
  m.number(R::Common_ConvCfg_PadLeft, neural.window.pad_left);
  m.number(R::Common_ConvCfg_PadTop, neural.window.pad_top);
}

template <typename R, typename M, typename Neural, typename Op>
void map_neural(M& m, Neural& neural, Op& op) {
  map_window<R>(m, neural);
  if constexpr (requires { R::Common_UnicastCfg_UnicastEn; }) {
    m.flag(R::Common_UnicastCfg_UnicastEn, neural.unicast);
    if (neural.unicast && neural.mode == NeuralMode::bypass) {
      // Channels a copy takes in one step: a decoded mean over H has 4 where others have 1, and copies all the same.
      m.implied(R::Common_UnicastCfg_UnicastCin, 1);
    } else if (neural.unicast) {
      m.number(R::Common_UnicastCfg_UnicastCin, neural.unicast_inputs);
    }
  } else {
    m.flag(R::Common_GroupConvCfg_UnicastEn, neural.unicast);
    m.number(R::Common_GroupConvCfg_UnicastCin, neural.unicast_inputs);
  }
  m.derived(R::NE_MacCfg_BiasMode, 0, "0: the layout of the bias stream is not known");
  m.refuse_unknown(neural.channel_bias, "biases of output channels: the layout of the bias stream is not known");
  m.half(R::NE_AccBias_AccBias, neural.accumulator_bias);
  m.half(R::NE_PostScale_PostScale, neural.post_scale);
  m.code(R::NE_MacCfg_NonlinearMode, neural.activation, kActivations, Activation::unknown, "0 none, 1 relu, 2 table");
  m.flag(R::L2_Control_Src1Relu, neural.input_relu);
  m.flag(R::Common_TaskCfg_OutputTranspose, op.result.exchange_channel_width);
  map_kernel<R>(m, neural);
}

/// Planar constants: two fp16 to a word on H14, an fp32 of 19 bits each later.
template <typename R, typename M, typename Planar>
void map_constants(M& m, Planar& planar) {
  if constexpr (requires { R::PE_BiasScale_Bias; }) {
    m.half_constant(R::PE_BiasScale_Bias, planar.bias);
    m.half_constant(R::PE_BiasScale_Scale, planar.scale);
    m.half_constant(R::PE_EpsPreScale_Epsilon, planar.epsilon);
    m.half_constant(R::PE_EpsPreScale_PreScale, planar.pre_scale);
  } else {
    m.short_single(R::PE_Bias_Value, planar.bias);
    m.short_single(R::PE_Scale_Value, planar.scale);
    m.short_single(R::PE_Epsilon_Value, planar.epsilon);
    m.short_single(R::PE_PreScale_Value, planar.pre_scale);
  }
  m.single(R::PE_FinalScale_Value, planar.final_scale);
}

template <typename R, typename M, typename Planar, typename Op>
void map_planar(M& m, Planar& planar, Op& op) {
  m.code(R::PE_Config_Operation, planar.op, kPlanarOps, PlanarOp::unknown, "0 add, 1 mul, 2 max, 3 min, 4 square");
  m.number(R::PE_Config_Condition, planar.condition);
  m.flag(R::PE_Config_Src1Select, planar.negate_first);
  m.flag(R::PE_Config_Src2Negate, planar.negate_second);
  m.flag(R::PE_Config_Src2Select, planar.second_enabled);
  m.flag(R::PE_Config_Bit5, planar.relu);
  m.code(R::PE_Config_PoolMode, planar.reduction, kReductions, Reduction::sum, "0 to 3");
  m.number(R::PE_Config_NlMode, planar.post);
  map_constants<R>(m, planar);
  m.flag(R::Common_PeCfg_Src1BcastW, op.sources[0].broadcast.width);
  m.flag(R::Common_PeCfg_Src1BcastH, op.sources[0].broadcast.height);
  m.flag(R::Common_PeCfg_Src1BcastD, op.sources[0].broadcast.depth);
  m.flag(R::Common_PeCfg_Src1BcastC, op.sources[0].broadcast.channel);
  m.flag(R::Common_PeCfg_Src2BcastW, op.sources[1].broadcast.width);
  m.flag(R::Common_PeCfg_Src2BcastH, op.sources[1].broadcast.height);
  m.flag(R::Common_PeCfg_Src2BcastD, op.sources[1].broadcast.depth);
  m.flag(R::Common_PeCfg_Src2BcastC, op.sources[1].broadcast.channel);
  m.flag(R::Common_PeCfg_Src1Transpose, op.sources[0].exchange_channel_width);
  m.flag(R::Common_PeCfg_Src2Transpose, op.sources[1].exchange_channel_width);
  m.flag(R::Common_PeCfg_OutputTranspose, op.result.exchange_channel_width);
  m.derived(R::L2_Control_Src1Relu, 0, kNoPath);
  m.implied(R::Control_Ene, 0);
}

template <typename R, typename M, typename Op>
void map_extents(M& m, Op& op) {
  if constexpr (requires { R::Common_InDim_Win; }) {
    m.number(R::Common_InDim_Win, op.input.width);
    m.number(R::Common_InDim_Hin, op.input.height);
    m.number(R::Common_OutDim_Wout, op.output.width);
    m.number(R::Common_OutDim_Hout, op.output.height);
    m.number(R::Common_GroupConvCfg_NumGroups, op.groups);
  } else {
    m.number(R::Common_InWidth_Win, op.input.width);
    m.number(R::Common_InHeight_Hin, op.input.height);
    m.number(R::Common_OutWidth_Wout, op.output.width);
    m.number(R::Common_OutHeight_Hout, op.output.height);
    m.number(R::Common_NumGroups_NumGroups, op.groups);
  }
  m.number(R::Common_InDepth_Din, op.input.depth);
  m.number(R::Common_InChannels_Cin, op.input.channels);
  m.number(R::Common_OutDepth_Dout, op.output.depth);
  m.number(R::Common_OutChannels_Cout, op.output.channels);
}

template <typename R>
constexpr FieldRef kNeuralMode{R::NE_MacCfg_OpMode.address, 0, 4, false, R::NE_MacCfg_OpMode.ordinal};

template <typename R, typename M, typename Op>
void map_task(M& m, Op& op) {
  map_extents<R>(m, op);
  if (auto* neural = std::get_if<NeuralCompute>(&op.compute)) {
    std::uint32_t type = kNeuralTask;
    m.number(R::Common_TaskCfg_TaskType, type);
    std::uint32_t mode = *kNeuralModes.encode(neural->mode);
    m.number(kNeuralMode<R>, mode);
    map_neural<R>(m, *neural, op);
    map_first_source<R>(m, op);
  } else if (auto* planar = std::get_if<PlanarCompute>(&op.compute)) {
    std::uint32_t type = *kForms.encode(planar->form);
    m.number(R::Common_TaskCfg_TaskType, type);
    map_planar<R>(m, *planar, op);
    map_first_source<R>(m, op);
    if (takes_second_source(planar->form)) {
      map_second_source<R>(m, op);
    }
  } else {
    map_first_source<R>(m, op);
  }
  map_result<R>(m, op);
}

/// Decides the compute kind from the registers. Nothing is taken yet: an unexplained kind leaves them all in the
/// residue.
template <typename R, typename G>
void choose_compute(mapping::Lifter<G>& m, EngineOp& op) {
  const std::uint32_t type = m.peek(R::Common_TaskCfg_TaskType);
  if (type == kNeuralTask) {
    if (const auto mode = kNeuralModes.decode(m.peek(kNeuralMode<R>))) {
      op.compute = NeuralCompute{.mode = *mode};
    } else {
      m.unexplained(R::NE_MacCfg_OpMode,
                    "with KernelMode 0: 0 convolution; with KernelMode 1: 0 sum, 3 maximum, 4 bypass");
    }
  } else if (const auto form = kForms.decode(type)) {
    op.compute = PlanarCompute{.form = *form};
  } else {
    m.unexplained(R::Common_TaskCfg_TaskType, "0 neural, 2 to 6 planar");
  }
}

template <typename R, typename G>
EngineOp lift(const Task& task) {
  EngineOp op;
  mapping::Lifter<G> lifter(task, op.unknowns);
  choose_compute<R>(lifter, op);
  map_task<R>(lifter, op);
  if (auto* neural = std::get_if<NeuralCompute>(&op.compute)) {
    neural->kernel.order = G::channel_order(op);
  }
  op.side.residue = lifter.residue(op.planar() != nullptr);
  return op;
}

/// Every register of the generation in one place: what a fresh op is encoded over, before only what it needs is kept.
template <typename G>
Task full_image(std::span<const std::uint32_t> header) {
  Task image(G::generation());
  image.set_header(header);
  for (const Block& block : G::generation().blocks) {
    for (std::size_t first = 0; first < block.registers.size(); first += 64) {
      const std::size_t count = std::min<std::size_t>(64, block.registers.size() - first);
      std::vector<std::uint32_t> values(count);
      for (std::size_t i = 0; i < count; ++i) {
        const Register& row = block.registers[first + i];
        values[i] = row.fallback ? row.fallback->value : 0;
      }
      // A record of at most 64 words inside a block of the table can always be written.
      // NOLINTNEXTLINE(bugprone-unused-return-value)
      static_cast<void>(image.add_dense(block.base + 4 * static_cast<std::uint32_t>(first), values));
    }
  }
  return image;
}

/// Writes the chosen registers of a block as scatter and dense records, in ascending order.
inline Result<void> add_registers(Task& task, const Task& image, std::span<const std::uint32_t> addresses) {
  for (std::size_t i = 0; i < addresses.size();) {
    std::uint16_t mask = 0;
    std::vector<std::uint32_t> values{image.find(addresses[i]).value_or(0)};
    std::size_t next = i + 1;
    for (; next < addresses.size() && addresses[next] - addresses[i] <= 16 * 4; ++next) {
      mask = static_cast<std::uint16_t>(mask | (1u << ((addresses[next] - addresses[i]) / 4 - 1)));
      values.push_back(image.find(addresses[next]).value_or(0));
    }
    OPENANE_CHECK(mask == 0 ? task.add_dense(addresses[i], values) : task.add_scatter(addresses[i], mask, values));
    i = next;
  }
  return {};
}

/// The order in which a task's blocks are written (registers/README.md).
inline constexpr std::array<std::string_view, 8> kBlockOrder{"KernelDma", "Common", "TileDmaSrc", "L2",
                                                             "PE",        "NE",     "TileDmaDst", "CacheDma"};

template <typename G>
Result<Task> compact(const Task& image, const mapping::Encoder<G>& encoder, std::span<const std::uint32_t> also) {
  Task task(G::generation());
  task.set_header(image.words().subspan(0, image.header_size()));
  for (const std::string_view name : kBlockOrder) {
    const Block* block = G::generation().find_block(name);
    if (block == nullptr) {
      continue;
    }
    std::vector<std::uint32_t> addresses;
    for (const Register& row : block->registers) {
      const auto ordinal = static_cast<std::size_t>(register_ordinal(G::blocks(), row.address));
      const bool wanted = encoder.touched().test(ordinal) || std::ranges::find(also, row.address) != also.end();
      if (wanted && !encoder.bases().contains(row.address)) {
        addresses.push_back(row.address);
      }
    }
    OPENANE_CHECK(add_registers(task, image, addresses));
  }
  for (const auto& [address, base] : encoder.bases()) {
    const std::array<std::uint32_t, 2> value{base.offset, 0};
    OPENANE_CHECK(task.add_address(address, base.slot, value));
  }
  return task;
}

/// Words an op leaves open, for ops that were never registers: those that decoded programs share
/// (codegen-by-generation.md 1.2, 2). Only what the emulator needs to accept the task is certain; tiling for hardware
/// is not solved.
template <typename R>
void set_template(Task& image, const EngineOp& op, std::vector<std::uint32_t>& also) {
  const auto set = [&](FieldRef field, std::uint32_t value) {
    image.set(field, value);
    if (!field.in_header) {
      also.push_back(field.address);
    }
  };
  constexpr std::uint32_t kCacheHint = 2;
  for (std::size_t i = 0; i < 2; ++i) {
    if (op.sources[i].place == Place::surface) {
      const bool first = i == 0;
      set(first ? R::TileDmaSrc_Src1DmaConfig_CacheHint : R::TileDmaSrc_Src2DmaConfig_CacheHint, kCacheHint);
      set(first ? R::TileDmaSrc_Src1Fmt_FmtMode : R::TileDmaSrc_Src2Fmt_FmtMode, 1);
      set(first ? R::TileDmaSrc_Src1Fmt_Truncate : R::TileDmaSrc_Src2Fmt_Truncate, 3);
    }
  }
  set(R::L2_Src1Cfg_DmaFmt, 1);
  set(R::L2_Src1Cfg_Interleave, 1);
  set(R::L2_ResultCfg_DmaFmt, 1);
  set(R::L2_ResultCfg_Interleave, op.result.place == Place::surface ? 0 : 1);  // of a surface: implied by its own
  if (op.result.place == Place::surface) {
    set(R::TileDmaDst_DstDmaConfig_CacheHint, 3);
    set(R::TileDmaDst_DstFmt_FmtMode, 1);
    set(R::TileDmaDst_DstFmt_Truncate, 3);
    set(R::TileDmaDst_DstFmt_ZeroPadLast, 1);
    set(R::TileDmaDst_DstFmt_ZeroPadFirst, 1);
  }
  if (op.planar() == nullptr) {
    constexpr std::uint32_t kBinaryPointFp16 = static_cast<std::uint32_t>(-4);
    set(R::NE_MacCfg_BinaryPoint, kBinaryPointFp16 & ((1u << R::NE_MacCfg_BinaryPoint.width) - 1u));
    set(R::NE_MacCfg_ArgOutputSelect, 1);
  }
  if constexpr (requires { R::Common_TaskCfg_One; }) {
    set(R::Common_TaskCfg_One, 1);
  }
  set(R::Control_Tsr, 1);
}

template <typename R, typename G>
Result<Task> encode_fresh(const EngineOp& op) {
  const std::vector<std::uint32_t> header(G::generation().header_words);
  Task image = full_image<G>(header);
  // What follows from the op is kept as the difference to what it implies; start from no difference.
  std::vector<std::uint32_t> also;
  set_template<R>(image, op, also);
  mapping::Encoder<G> encoder(image, mapping::Over::everything);
  map_task<R>(encoder, op);
  OPENANE_TRY(const Task encoded, encoder.finish());
  return compact<G>(encoded, encoder, also);
}

template <typename R, typename G>
Result<Task> encode(const EngineOp& op) {
  if (op.compute.index() == 0 && op.side.residue.words().empty()) {
    return fail(ErrorCategory::usage, "the op computes nothing: it has neither a neural nor a planar part");
  }
  if (const NeuralCompute* neural = op.neural();
      neural != nullptr && neural->mode == NeuralMode::convolution && neural->kernel.order != G::channel_order(op)) {
    return fail(
        ErrorCategory::unsupported,
        fmt::format("{} deals the output channels of this kernel to its engines in another order: repack the weights",
                    G::generation().id));
  }
  if (op.side.residue.words().empty()) {
    return encode_fresh<R, G>(op);
  }
  if (&op.side.residue.generation() != &G::generation()) {
    return fail(ErrorCategory::usage,
                fmt::format("the op carries a side record of {}, not of {}; drop it before encoding for {}",
                            op.side.residue.generation().id, G::generation().id, G::generation().id));
  }
  mapping::Encoder<G> encoder(op.side.residue);
  map_task<R>(encoder, op);
  if (encoder.needs_more_records()) {
    EngineOp bare = op;
    bare.side = {};
    return encode_fresh<R, G>(bare);
  }
  return encoder.finish();
}

}  // namespace openane::packet
