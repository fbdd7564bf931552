#include "emulator/kernel_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/byte_reader.h"
#include "emulator/rows.h"

namespace openane::emulator {
namespace {

constexpr std::uint64_t kStreamAlignment = 64;
constexpr std::uint32_t kCountBytes = 3;  ///< Byte count in front of a zero-skipping plane's values.

std::unexpected<Error> unknown(std::string message) {
  return fail(ErrorCategory::missing_specification, "coefficients: " + std::move(message));
}
std::unexpected<Error> malformed(std::string message) {
  return fail(ErrorCategory::malformed_input, "coefficients: " + std::move(message));
}

std::uint64_t count_taps(const EngineOp& op, const NeuralCompute& neural) {
  const std::uint32_t inputs = neural.unicast ? neural.unicast_inputs : op.input.channels;
  return std::uint64_t{inputs} * neural.window.kernel_width * neural.window.kernel_height;
}

/// Formats and combinations whose streams nobody has published.
Result<void> check_format(const EngineOp& op, const NeuralCompute& neural) {
  const KernelStream& kernel = neural.kernel;
  if (kernel.format != KernelFormat::fp16 && kernel.format != KernelFormat::int8) {
    return unknown("a convolution without a weight format");
  }
  const bool int8 = kernel.format == KernelFormat::int8;
  if (int8 && (neural.channel_bias || kernel.zero_skipping || kernel.from_memory)) {
    return unknown("int8 weights with biases, zero skipping or made at run time; seen only plain");
  }
  if (kernel.from_memory && (neural.channel_bias || neural.activation == Activation::table || kernel.zero_skipping)) {
    return unknown("weights made at run time with biases, a table or zero skipping");
  }
  if (kernel.from_memory && op.groups != 1) {
    return unknown("weights made at run time for more than one group");
  }
  if (kernel.plane_stride != 0 && !kernel.from_memory) {
    return unknown("planes that lie apart, of weights that were not made at run time");
  }
  return {};
}

Result<void> check_zero_skipping(const EngineOp& op, const NeuralCompute& neural) {
  const Window& window = neural.window;
  const bool strided = window.stride_x != 1 || window.stride_y != 1;
  if (strided != neural.kernel.zero_skipping) {
    return unknown(fmt::format(
        "stride {}x{} with {}: known are stride 1 with a dense stream and stride 2 with zero skipping", window.stride_x,
        window.stride_y, neural.kernel.zero_skipping ? "a zero-skipping stream" : "a dense stream"));
  }
  if (!strided) {
    return {};
  }
  if (op.groups != 1 || neural.unicast) {
    return unknown("tap order of a grouped or depthwise convolution of stride 2");
  }
  if (window.kernel_width != window.kernel_height) {
    return unknown(fmt::format("tap order of a {}x{} kernel of stride 2; square ones are known", window.kernel_width,
                               window.kernel_height));
  }
  if (neural.kernel.lanes_log2 != 2 && neural.kernel.lanes_log2 != 3) {
    return unknown(fmt::format("zero-skipping planes of {} lanes; known are 4 and 8", 1u << neural.kernel.lanes_log2));
  }
  return {};
}

}  // namespace

// ------------------------------------------------------------------------------------------------ layout

/// Full rounds of full planes first. What remains is one round more: of full planes when it is the only one or planes
/// have one lane, else of planes that spread it evenly over the engines (h13-isa.md 7.1, lane choice).
Result<void> KernelLayout::divide_channels(std::uint32_t channels, std::uint32_t lanes) {
  const std::uint32_t round = lanes * engines_;
  const std::uint32_t rounds = channels / round, rest = channels % round;
  if (rounds != 0) {
    blocks_.push_back({0, lanes, rounds * engines_});
  }
  if (rest == 0) {
    return {};
  }
  if ((rounds == 0 || lanes == 1) && rest % lanes == 0) {
    blocks_.push_back({rounds * round, lanes, rest / lanes});
    return {};
  }
  if (rounds != 0 && engines_ == kEngines && rest % engines_ == 0 && std::has_single_bit(rest / engines_)) {
    blocks_.push_back({rounds * round, rest / engines_, engines_});
    return {};
  }
  return unknown(fmt::format("{} output channels in planes of {} lanes on {} engines: where the last {} go is unknown",
                             channels, lanes, engines_, rest));
}

/// Contiguous blocks, one plane for each engine: what an M4 was measured to read. More channels than a plane has lanes
/// were never measured.
Result<void> KernelLayout::spread_channels(std::uint32_t channels, std::uint32_t lanes) {
  if (channels % engines_ != 0 || channels / engines_ > lanes) {
    return unknown(fmt::format(
        "{} output channels over {} engines in contiguous blocks; known are equal blocks of at most {} channels",
        channels, engines_, lanes));
  }
  blocks_.push_back({0, channels / engines_, engines_});
  return {};
}

Result<KernelLayout> KernelLayout::create(const EngineOp& op) {
  const NeuralCompute& neural = *op.neural();
  const KernelStream& kernel = neural.kernel;
  KernelLayout layout;
  if (kernel.engines_log2 > 4) {
    return malformed(fmt::format("2^{} engines; there are {}", kernel.engines_log2, kEngines));
  }
  if (!kernel.enabled) {
    return malformed("the task needs coefficients, but its kernel DMA is off");
  }
  layout.engines_ = 1u << kernel.engines_log2;
  layout.table_ = neural.activation == Activation::table;
  layout.table_bytes_ = layout.table_ && !kernel.table_apart ? kTableBytes : 0;
  layout.groups_ = op.groups;
  if (neural.mode == NeuralMode::convolution) {
    OPENANE_CHECK(check_format(op, neural));
    OPENANE_CHECK(check_zero_skipping(op, neural));
    layout.taps_ = count_taps(op, neural);
    layout.weight_bytes_ = kernel.format == KernelFormat::int8 ? 1 : 2;
    layout.bias_ = neural.channel_bias;
    layout.zero_skipping_ = kernel.zero_skipping;
    layout.plane_stride_ = kernel.plane_stride;
    OPENANE_CHECK(kernel.order == ChannelOrder::contiguous
                      ? layout.spread_channels(op.output.channels, 1u << kernel.lanes_log2)
                      : layout.divide_channels(op.output.channels, 1u << kernel.lanes_log2));
    const std::uint32_t planes = layout.planes_on(layout.blocks_.front(), 0) + (layout.blocks_.size() > 1 ? 1 : 0);
    const bool depthwise = neural.unicast && neural.unicast_inputs == 1;
    if (kernel.plane_stride != 0 && layout.blocks_.size() > 1) {
      return unknown(
          fmt::format("{} output channels in planes that lie apart: planes of two sizes", op.output.channels));
    }
    if (planes > 1 && (kernel.zero_skipping || (neural.channel_bias && !depthwise))) {
      return unknown(fmt::format("{} planes per engine in a {} stream; one is known", planes,
                                 kernel.zero_skipping ? "zero-skipping" : "biased"));
    }
  }
  for (std::uint32_t engine = 0; engine < kEngines; ++engine) {
    // A stream whose planes lie apart announces the size of one.
    const std::uint64_t whole = layout.bytes_of(engine);
    const std::uint64_t needed = kernel.plane_stride == 0 || whole == 0 ? whole : layout.pieces(engine).front().second;
    const KernelChannel& channel = kernel.channels[engine];
    if (layout.has_weights() && needed > layout.table_bytes_ && !channel.enabled) {
      return malformed(fmt::format("engine {} needs {} bytes, but its stream is off", engine, needed));
    }
    if (channel.enabled && channel.size < std::max<std::uint64_t>(needed, layout.table_bytes_)) {
      return malformed(fmt::format("engine {} needs {} bytes, its stream has {}", engine, needed, channel.size));
    }
  }
  return layout;
}

std::uint64_t KernelLayout::plane_bytes(const Block& block) const {
  const std::uint64_t bytes = bias_bytes(block.lanes) + taps_ * block.lanes * weight_bytes_;
  return groups_ > 1 ? align_up(bytes, kStreamAlignment) : bytes;
}

std::uint32_t KernelLayout::planes_on(const Block& block, std::uint32_t engine) const {
  return block.planes / engines_ + (engine < block.planes % engines_ ? 1 : 0);
}

std::uint64_t KernelLayout::group_bytes(std::uint32_t engine) const {
  std::uint64_t bytes = 0;
  for (const Block& block : blocks_) {
    bytes += planes_on(block, engine) * plane_bytes(block);
  }
  return bytes;
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> KernelLayout::pieces(std::uint32_t engine) const {
  const std::uint64_t whole = bytes_of(engine);
  if (plane_stride_ == 0 || whole == 0) {
    return {{0, whole}};
  }
  std::vector<std::pair<std::uint64_t, std::uint64_t>> pieces;
  for (std::uint32_t plane = 0; plane < planes_on(blocks_.front(), engine); ++plane) {
    const std::uint64_t begin = std::uint64_t{plane} * plane_stride_;
    pieces.emplace_back(begin, begin + plane_bytes(blocks_.front()));
  }
  return pieces;
}

std::uint64_t KernelLayout::bytes_of(std::uint32_t engine) const {
  if (engine >= engines_ || !has_weights()) {
    return table_bytes_;
  }
  if (zero_skipping_) {
    const Block& block = blocks_.front();
    return table_bytes_ + planes_on(block, engine) * (bias_bytes(block.lanes) + kCountBytes);
  }
  if (plane_stride_ != 0) {
    const std::uint32_t planes = planes_on(blocks_.front(), engine);
    return planes == 0 ? 0 : std::uint64_t{planes - 1} * plane_stride_ + plane_bytes(blocks_.front());
  }
  return table_bytes_ + groups_ * group_bytes(engine);
}

KernelLayout::Position KernelLayout::locate(std::uint32_t group, std::uint32_t channel) const {
  if (blocks_.empty()) {
    return {};
  }
  const Block& block = blocks_.size() > 1 && channel >= blocks_[1].first_channel ? blocks_[1] : blocks_[0];
  const std::uint32_t plane = (channel - block.first_channel) / block.lanes;
  Position position{plane % engines_, table_bytes_, (channel - block.first_channel) % block.lanes, block.lanes};
  position.plane += group * group_bytes(position.engine) +
                    std::uint64_t{plane / engines_} * (plane_stride_ != 0 ? plane_stride_ : plane_bytes(block));
  if (&block != &blocks_[0]) {
    position.plane += planes_on(blocks_[0], position.engine) * plane_bytes(blocks_[0]);
  }
  return position;
}

// ------------------------------------------------------------------------------------------------ reading

Result<KernelReader> KernelReader::create(const EngineOp& op, const MemoryMap& memories) {
  const NeuralCompute& neural = *op.neural();
  KernelReader reader;
  OPENANE_TRY(reader.layout_, KernelLayout::create(op));
  reader.kernel_ = neural.kernel;
  reader.window_ = neural.window;
  reader.channels_ = op.output.channels;
  if (neural.kernel.table_apart && reader.layout_.has_table()) {
    OPENANE_CHECK(reader.find_table(memories));
  }
  if (!reader.layout_.reads_streams()) {
    return reader;
  }
  reader.memory_ = memories.slot(neural.kernel.slot);
  if (reader.memory_ == nullptr) {
    return malformed(fmt::format("they come from slot {}, which is not bound", neural.kernel.slot));
  }
  if (!neural.kernel.from_memory && reader.memory_->kind != MemoryKind::constants) {
    return unknown(fmt::format("they come from {} without the mark of weights made at run time", reader.memory_->name));
  }
  for (KernelChannel& channel : reader.kernel_.channels) {
    if (std::uint64_t{channel.offset} + reader.kernel_.offset > reader.memory_->size) {
      return malformed(fmt::format("a stream starts at {:#x} of {}, which has {:#x} bytes",
                                   std::uint64_t{channel.offset} + reader.kernel_.offset, reader.memory_->name,
                                   reader.memory_->size));
    }
    channel.offset += reader.kernel_.offset;
  }
  for (std::uint32_t engine = 0; engine < kEngines; ++engine) {
    const KernelChannel& channel = reader.kernel_.channels[engine];
    const std::uint64_t end = channel.offset + std::max<std::uint64_t>(channel.size, reader.layout_.bytes_of(engine));
    if (channel.enabled && end > reader.memory_->size) {
      return malformed(fmt::format("the stream of engine {} takes bytes {:#x} to {:#x} of {}, which has {:#x}", engine,
                                   channel.offset, end, reader.memory_->name, reader.memory_->size));
    }
  }
  return reader;
}

/// A table that is a stream of its own serves every channel.
Result<void> KernelReader::find_table(const MemoryMap& memories) {
  const Memory* memory = memories.slot(kernel_.table_slot);
  if (memory == nullptr || memory->kind != MemoryKind::constants ||
      !range_inside(kernel_.table_offset, kTableBytes, memory->size)) {
    return malformed(fmt::format("the activation table at slot {} offset {:#x} does not lie in constants",
                                 kernel_.table_slot, kernel_.table_offset));
  }
  table_bytes_ = memory->data + kernel_.table_offset;
  return {};
}

std::vector<StreamRange> KernelReader::ranges() const {
  std::vector<StreamRange> ranges;
  if (!layout_.reads_streams()) {
    return ranges;
  }
  for (std::uint32_t engine = 0; engine < kEngines; ++engine) {
    const KernelChannel& channel = kernel_.channels[engine];
    if (channel.enabled) {
      for (const auto& [begin, end] : layout_.pieces(engine)) {
        ranges.push_back({engine, channel.offset + begin, channel.offset + end});
      }
    }
  }
  return ranges;
}

const std::uint8_t* KernelReader::stream(std::uint32_t engine) const {
  return memory_->data + kernel_.channels[engine].offset;
}

Result<std::vector<std::uint8_t>> KernelReader::table_words() const {
  const std::uint8_t* found = table_bytes_;
  for (std::uint32_t engine = 0; engine < kEngines && table_bytes_ == nullptr; ++engine) {
    if (!kernel_.channels[engine].enabled) {
      continue;
    }
    if (found != nullptr && std::memcmp(found, stream(engine), kTableBytes) != 0) {
      return unknown(fmt::format("engine {} holds another table than those before it", engine));
    }
    found = stream(engine);
  }
  if (found == nullptr) {
    return malformed("the activation is a table, but no stream is on");
  }
  return std::vector<std::uint8_t>(found, found + kTableBytes);
}

Result<void> KernelReader::load_tables() {
  if (table_bytes_ != nullptr) {
    LookupTable table;
    std::memcpy(table.words.data(), table_bytes_, kTableBytes);
    OPENANE_CHECK(table.check());
    tables_.fill(PreparedTable(table));
    return {};
  }
  std::optional<std::uint32_t> first;
  for (std::uint32_t engine = 0; engine < kEngines; ++engine) {
    if (!kernel_.channels[engine].enabled) {
      continue;
    }
    LookupTable table;
    std::memcpy(table.words.data(), stream(engine), kTableBytes);
    if (auto checked = table.check(); !checked) {
      return fail(checked.error().category, fmt::format("engine {}: {}", engine, checked.error().message));
    }
    tables_[engine].emplace(table);
    if (first && !layout_.has_weights() && std::memcmp(stream(engine), stream(*first), kTableBytes) != 0) {
      return unknown(
          fmt::format("engines {} and {} hold different tables, and without weights nothing says which "
                      "channels they serve",
                      *first, engine));
    }
    first = first.value_or(engine);
  }
  if (!first) {
    return malformed("the activation is a table, but no stream is on");
  }
  return {};
}

Result<void> KernelReader::load() {
  unload();
  if (layout_.has_table()) {
    OPENANE_CHECK(load_tables());
  }
  if (kernel_.zero_skipping && layout_.has_weights()) {
    for (std::uint32_t channel = 0; channel < channels_; ++channel) {
      if (const KernelLayout::Position at = layout_.locate(0, channel); at.lane == 0) {
        OPENANE_TRY(expanded_[at.engine], expand_plane(at.engine));
      }
    }
  }
  return {};
}

void KernelReader::unload() {
  tables_ = {};
  expanded_ = {};
}

/// A zero-skipping plane as a dense one (h13-isa.md 7.3).
Result<std::vector<std::uint16_t>> KernelReader::expand_plane(std::uint32_t engine) const {
  const std::uint32_t lanes = 1u << kernel_.lanes_log2;
  const std::uint32_t kernel = window_.kernel_width, half_edge = (kernel + 1) / 2;
  const std::uint64_t inputs = layout_.taps() / (kernel * kernel);
  const std::uint64_t header = (layout_.has_table() ? kTableBytes : 0) + layout_.bias_bytes(lanes);
  const std::uint8_t* at = stream(engine) + header;
  const std::uint64_t count = at[0] | std::uint64_t{at[1]} << 8 | std::uint64_t{at[2]} << 16;
  const std::uint64_t room = kernel_.channels[engine].size - header - kCountBytes;
  if (count > room) {
    return malformed(
        fmt::format("engine {} announces {} bytes of values, its stream has room for {}", engine, count, room));
  }
  const std::uint64_t values = inputs * 4 * half_edge * half_edge * lanes;
  if (count < values / 8) {
    return malformed(fmt::format("engine {} announces {} bytes of values; {} values take {} mask bytes alone", engine,
                                 count, values, values / 8));
  }
  at += kCountBytes;
  const std::uint8_t* const end = at + count;
  std::vector<std::uint16_t> dense(layout_.taps() * lanes);
  std::uint64_t index = 0;  // of the value, over [input][phase y][phase x][y][x][lane]
  std::uint8_t mask = 0;
  for (std::uint64_t input = 0; input < inputs; ++input) {
    for (std::uint32_t tap = 0; tap < 4 * half_edge * half_edge; ++tap) {
      const std::uint32_t phase = tap / (half_edge * half_edge), place = tap % (half_edge * half_edge);
      const std::uint32_t y = 2 * (place / half_edge) + phase / 2, x = 2 * (place % half_edge) + phase % 2;
      for (std::uint32_t lane = 0; lane < lanes; ++lane, ++index) {
        if (index % 8 == 0) {
          if (at == end) {
            return malformed(fmt::format("the values of engine {} end early, after {} of {}", engine, index, values));
          }
          mask = *at++;
        }
        if ((mask >> index % 8 & 1) == 0) {
          continue;
        }
        if (end - at < 2) {
          return malformed(fmt::format("the values of engine {} end inside value {}", engine, index));
        }
        if (y >= kernel || x >= kernel) {
          return malformed(
              fmt::format("engine {} has a nonzero weight outside its {}x{} kernel", engine, kernel, kernel));
        }
        std::memcpy(&dense[((input * kernel + y) * kernel + x) * lanes + lane], at, 2);
        at += 2;
      }
    }
  }
  if (at != end) {
    return malformed(
        fmt::format("engine {} announces {} bytes of values more than its kernel takes", engine, end - at));
  }
  return dense;
}

namespace {

constexpr std::uint64_t kTapsAtOnce = 32;
constexpr std::uint32_t kMostLanes = 128;

/// As many stored weights as taps and lanes at once, aligned.
using StoredWeights = std::array<std::uint16_t, kTapsAtOnce * kMostLanes>;

/// Copies `size` bytes at a time from places `stride` apart, side by side.
void gather(const std::uint8_t* from, std::size_t stride, std::size_t size, std::size_t count, StoredWeights& stored) {
  auto* to = reinterpret_cast<std::uint8_t*>(stored.data());
  if (size == stride) {
    std::memcpy(to, from, size * count);
  } else if (size == 16) {  // what a kernel takes, of fp16 numbers
    for (std::size_t i = 0; i < count; ++i) {
      std::memcpy(to + i * 16, from + i * stride, 16);
    }
  } else {
    for (std::size_t i = 0; i < count; ++i) {
      std::memcpy(to + i * size, from + i * stride, size);
    }
  }
}

void decode_weights(const StoredWeights& stored, std::uint32_t weight_bytes, std::size_t count, float* to) {
  if (weight_bytes == 1) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(stored.data());
    for (std::size_t i = 0; i < count; ++i) {
      to[i] = static_cast<float>(static_cast<std::int8_t>(bytes[i]));
    }
    return;
  }
  read_row(stored.data(), count, to);
}

}  // namespace

void KernelReader::weights(std::uint32_t group, std::uint32_t first, std::uint32_t count, std::size_t stride,
                           float* out) const {
  const std::uint64_t taps = layout_.taps();
  const std::size_t bytes = layout_.weight_bytes();
  StoredWeights stored;
  std::array<float, kTapsAtOnce * kMostLanes> values;
  for (std::uint32_t channel = first; channel < first + count;) {
    const KernelLayout::Position at = layout_.locate(group, channel);
    const std::uint32_t lanes = std::min(at.lanes - at.lane, first + count - channel);
    const std::uint8_t* plane = kernel_.zero_skipping
                                    ? reinterpret_cast<const std::uint8_t*>(expanded_[at.engine].data())
                                    : stream(at.engine) + at.plane + layout_.bias_bytes(at.lanes);
    float* const columns = out + (channel - first);
    for (std::uint64_t tap = 0; tap < taps; tap += kTapsAtOnce) {
      const std::uint64_t some = std::min(kTapsAtOnce, taps - tap);
      gather(plane + (tap * at.lanes + at.lane) * bytes, at.lanes * bytes, lanes * bytes, some, stored);
      if (lanes == stride) {
        decode_weights(stored, layout_.weight_bytes(), some * lanes, columns + tap * stride);
        continue;
      }
      decode_weights(stored, layout_.weight_bytes(), some * lanes, values.data());
      for (std::uint64_t i = 0; i < some; ++i) {
        std::copy_n(&values[i * lanes], lanes, columns + (tap + i) * stride);
      }
    }
    channel += lanes;
  }
}

float KernelReader::bias(std::uint32_t group, std::uint32_t channel) const {
  const KernelLayout::Position at = layout_.locate(group, channel);
  Half stored;
  std::memcpy(&stored, stream(at.engine) + at.plane + std::size_t{2} * at.lane, sizeof stored);
  return read_boundary(stored);
}

const PreparedTable* KernelReader::table(std::uint32_t group, std::uint32_t channel) const {
  if (!layout_.has_table()) {
    return nullptr;
  }
  if (layout_.has_weights()) {
    return &*tables_[layout_.locate(group, channel).engine];
  }
  const auto found = std::ranges::find_if(tables_, [](const auto& table) { return table.has_value(); });
  return &**found;
}

}  // namespace openane::emulator
