// EngineOp: what one task makes the engine do, in no generation's words.
//
//   sources -> compute (neural path or planar path) -> result
//
// `lift` turns a task's registers into an EngineOp and `encode` turns it back; `encode(lift(t)) == t` word for word.
// What does not change the result (tiling, scheduling, caching, logging) and what nobody has named ride along in the
// generation's side record, which is the task itself with every bit that the EngineOp owns cleared: the two halves
// never say the same thing twice.
//
// Shapes are in elements, strides and offsets in bytes. The emulator executes this, the cost model prices it, the
// listing prints it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "openane/element_type.h"
#include "openane/error.h"
#include "openane/half.h"
#include "openane/task.h"

namespace openane {

struct Extent {
  std::uint32_t width = 1, height = 1, depth = 1, channels = 1;
  friend bool operator==(const Extent&, const Extent&) = default;
};

struct ByteStrides {
  std::uint32_t row = 0, channel = 0, depth = 0, group = 0;
  friend bool operator==(const ByteStrides&, const ByteStrides&) = default;
};

/// Where an operand comes from or a result goes to.
enum class Place : std::uint8_t {
  none,
  on_chip,       ///< On-chip memory at `on_chip.base`; nothing passes the DMA.
  surface_kept,  ///< Source: a surface that also stays whole on chip at `on_chip`. Result: staged whole on chip at
                 ///< `on_chip`, then written.
  surface,  ///< A surface, streamed tile by tile; the on-chip words describe one tile buffer and mean nothing more.
  chained,  ///< Handed over from the preceding task, or to the next one, tile by tile. `on_chip.base` is the same in
            ///< both.
};

/// A strided view of the memory behind a slot (h13-isa.md 3.1).
struct SurfaceView {
  std::uint8_t slot = 0;  ///< Base-address register; 0 tasks, 1 constants, 3 scratch, 4 and up tensors.
  std::uint32_t offset = 0;
  ByteStrides strides;                      ///< `channel` is the plane stride: from one interleave group to the next.
  ElementType type = ElementType::float16;  ///< Of the elements in memory: float16, int8 or uint8; invalid = unknown.
  std::uint8_t interleave = 1;              ///< Channels stored side by side at each position.
  friend bool operator==(const SurfaceView&, const SurfaceView&) = default;
};

/// A strided view of on-chip memory (h13-isa.md 3.2); elements are fp16 or bytes.
struct OnChipView {
  std::uint32_t base = 0;
  ByteStrides strides;
  friend bool operator==(const OnChipView&, const OnChipView&) = default;
};

/// Axes along which a source has extent 1 and repeats.
struct Broadcast {
  bool width = false, height = false, depth = false, channel = false;
  friend bool operator==(const Broadcast&, const Broadcast&) = default;
};

struct Operand {
  Place place = Place::none;
  SurfaceView surface;                      ///< For surface and surface_kept.
  OnChipView on_chip;                       ///< For on_chip and surface_kept in full; for chained only `base`.
  ElementType type = ElementType::float16;  ///< As the computing path sees it.
  Broadcast broadcast;                      ///< Planar path only.
  bool exchange_channel_width =
      false;  ///< The stored tensor has C and W exchanged; extents here are those after the exchange.
  friend bool operator==(const Operand&, const Operand&) = default;
};

struct ResultView {
  Place place = Place::none;
  SurfaceView surface;
  OnChipView on_chip;
  ElementType type = ElementType::float16;
  bool exchange_channel_width =
      false;  ///< C and W are exchanged before writing; strides apply to the exchanged tensor.
  friend bool operator==(const ResultView&, const ResultView&) = default;
};

// ---------------------------------------------------------------------------------------------------- neural path

enum class NeuralMode : std::uint8_t {
  convolution,  ///< Weights: convolution, matrix product.
  sum,          ///< No weights: the sum over the output channel's inputs.
  maximum,      ///< No weights: the maximum over them.
  bypass,       ///< The source as it is.
};
/// `unknown`: a register value nobody has explained; it stays in the side record.
enum class Activation : std::uint8_t { none, relu, table, unknown };
/// Element format of the weight stream; `none` in tasks that fetch no weights (the stream then at most carries a
/// table).
enum class KernelFormat : std::uint8_t { none, int8, fp16, unknown };

/// One coefficient stream: the bytes that one neural engine fetches.
struct KernelChannel {
  bool enabled = false;
  std::uint32_t offset = 0;  ///< From the start of the kernel slot.
  std::uint32_t size = 0;
  friend bool operator==(const KernelChannel&, const KernelChannel&) = default;
};

/// How the output channels of a dense kernel are dealt to the engines.
enum class ChannelOrder : std::uint8_t {
  round_robin,  ///< Planes of `1 << lanes_log2` channels, plane p to engine p mod E (H13, H14; depthwise everywhere).
  contiguous,   ///< Engine e holds the e-th E-th of the channels, side by side (H16 and later, measured on M4).
};

/// Coefficients: tables, biases and weights of all engines (h13-isa.md 7).
struct KernelStream {
  bool enabled = false;
  std::uint8_t slot = 0;
  std::uint32_t offset = 0;  ///< Added to every channel's offset.
  KernelFormat format = KernelFormat::none;
  bool zero_skipping = false;      ///< Masked stream of the nonzero values.
  bool from_memory = false;        ///< Weights made at run time, in a surface (matrix product of two activations).
  std::uint32_t plane_stride = 0;  ///< From one plane of an engine to its next; 0: side by side. Run-time weights only.
  std::uint8_t lanes_log2 = 0;     ///< Output channels side by side in one plane.
  std::uint8_t engines_log2 = 0;   ///< Engines the planes are dealt to.
  ChannelOrder order = ChannelOrder::round_robin;
  std::array<KernelChannel, 16> channels;
  bool table_apart = false;  ///< The activation table is a stream of its own; else it heads every engine's stream.
  std::uint8_t table_slot = 0;
  std::uint32_t table_offset = 0;
  friend bool operator==(const KernelStream&, const KernelStream&) = default;
};

/// Window of a convolution. The output extent fixes the padding on the far sides.
struct Window {
  std::uint8_t kernel_width = 1, kernel_height = 1;
  std::uint8_t stride_x = 1, stride_y = 1;
  std::uint8_t pad_left = 0, pad_top = 0;
  friend bool operator==(const Window&, const Window&) = default;
};

/// result = activation((mode(inputs, weights) + bias) * post_scale)
struct NeuralCompute {
  NeuralMode mode = NeuralMode::bypass;
  Window window;
  KernelStream kernel;
  bool unicast = false;  ///< Output channel c reads only inputs c*unicast_inputs .. + unicast_inputs - 1.
  std::uint16_t unicast_inputs = 1;
  bool channel_bias = false;  ///< A row of biases precedes each plane of weights.
  Half accumulator_bias;      ///< Added to every sum.
  Half post_scale{0x3c00};
  Activation activation = Activation::none;
  bool input_relu = false;
  friend bool operator==(const NeuralCompute&, const NeuralCompute&) = default;
};

// ---------------------------------------------------------------------------------------------------- planar path

enum class PlanarForm : std::uint8_t { unary, binary, affine, unary_reduce, binary_reduce };
enum class PlanarOp : std::uint8_t { add, mul, max, min, square, unknown };
enum class Reduction : std::uint8_t { sum, average, max, min };
enum class PostFunction : std::uint8_t { none, reciprocal, reciprocal_square_root };

/// v = op(pre_scale * source1, source2); v = (v + bias) * scale; relu; then for the reduce forms over (H, W):
/// r = final_scale * sum or max; r = post(r + epsilon). The affine form is (source1 + row 0 of source 2) * row 1 of
/// source 2.
struct PlanarCompute {
  PlanarForm form = PlanarForm::unary;
  PlanarOp op = PlanarOp::add;
  bool second_enabled = false;  ///< The register bit that says a second source takes part.
  std::uint8_t condition = 0;  ///< 0 none, 1 absolute value of source 1; 2..7 are compare codes nobody has seen on H13.
  bool negate_first = false;
  bool negate_second = false;
  // Generations store these as fp16 or as a shortened fp32; either is an fp32 exactly.
  float pre_scale = 1.0F;
  float bias = 0.0F;
  float scale = 1.0F;
  bool relu = false;
  Reduction reduction = Reduction::sum;
  float final_scale = 1.0F;
  std::uint8_t post = 0;  ///< PostFunction; 3 is unknown.
  float epsilon = 0.0F;
  friend bool operator==(const PlanarCompute&, const PlanarCompute&) = default;
};

// ---------------------------------------------------------------------------------------------------- the op

/// A value nobody has explained, at a place that may matter. The emulator stops at the first one and says exactly this.
struct Unknown {
  std::string_view block;  ///< Empty for header words.
  std::string_view register_name;
  std::string_view field;  ///< Empty for bits without a field.
  std::uint32_t value = 0;
  std::string_view known;  ///< What is understood: "0", "0 or 28", ...
  friend bool operator==(const Unknown&, const Unknown&) = default;
  [[nodiscard]] std::string to_string() const;
};

/// The task with every bit the EngineOp owns cleared. Empty (no words) in an op that was not lifted.
struct SideRecord {
  Task residue;
  friend bool operator==(const SideRecord&, const SideRecord&) = default;
};

struct EngineOp {
  Extent input;   ///< Of source 1, for one group, after exchange.
  Extent output;  ///< Of the result, for one group, before exchange.
  std::uint32_t groups =
      1;  ///< Outer iterations; sources and result step by their group strides, weights go on to the next planes.
  std::array<Operand, 2> sources;
  ResultView result;
  /// std::monostate: the task's kind is unknown; `unknowns` says why.
  std::variant<std::monostate, NeuralCompute, PlanarCompute> compute;
  std::vector<Unknown> unknowns;
  SideRecord side;

  [[nodiscard]] const NeuralCompute* neural() const { return std::get_if<NeuralCompute>(&compute); }
  [[nodiscard]] const PlanarCompute* planar() const { return std::get_if<PlanarCompute>(&compute); }
  [[nodiscard]] bool has_second_source() const { return sources[1].place != Place::none; }
  /// Equal in meaning and in side record.
  friend bool operator==(const EngineOp&, const EngineOp&) = default;
};

/// The two functions that make a generation. They exist for generations whose registers are understood.
struct Target {
  const Generation* generation = nullptr;
  /// Never fails on a decoded task: what it does not understand is in `unknowns` and in the side record.
  EngineOp (*lift)(const Task& task) = nullptr;
  /// Writes the op over its side record; an op without one gets the generation's defaults for its kind. Fails with
  /// `unsupported` when a value does not fit its register or the generation cannot do it, naming the field and its
  /// limit.
  Result<Task> (*encode)(const EngineOp& op) = nullptr;
  /// How dense output channels are dealt to the engines. Depthwise and grouped ones go round robin everywhere.
  ChannelOrder dense_order = ChannelOrder::round_robin;
};

/// Null when the generation has no lift.
[[nodiscard]] const Target* find_target(const Generation& generation);
/// The op of a task, or `not_implemented` for a generation without a lift.
[[nodiscard]] Result<EngineOp> lift(const Task& task);
[[nodiscard]] Result<Task> encode(const EngineOp& op, const Generation& generation);

/// Figures derived from an op alone.
struct OpCost {
  std::uint64_t multiply_adds =
      0;  ///< Of the neural path; planar elements count one operation each in `planar_operations`.
  std::uint64_t planar_operations = 0;
  std::uint64_t bytes_read = 0;  ///< From surfaces, over the DMA, each element once.
  std::uint64_t bytes_written = 0;
  std::uint64_t kernel_bytes = 0;  ///< Sum of the enabled coefficient streams.
};
[[nodiscard]] OpCost cost(const EngineOp& op);

/// The op as text: one `key = value` per line, defaults left out. `parse_engine_op(print_engine_op(op))` equals `op`
/// but for the side record and the unknowns, which are no part of the text.
[[nodiscard]] std::string print_engine_op(const EngineOp& op);
[[nodiscard]] Result<EngineOp> parse_engine_op(std::string_view text, const std::string& file = {});

}  // namespace openane
