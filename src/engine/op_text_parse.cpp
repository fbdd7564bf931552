// Parsing of EngineOp text. Every key is one row of a table: its path, and the function that reads its value.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "base/number_text.h"
#include "base/word_values.h"
#include "engine/op_text.h"

namespace openane {
namespace {

constexpr std::array<std::string_view, 5> kPlaces = {"none", "on_chip", "surface_kept", "surface", "chained"};
constexpr std::array<std::string_view, 4> kNeuralModes = {"convolution", "sum", "maximum", "bypass"};
constexpr std::array<std::string_view, 4> kActivations = {"none", "relu", "table", "unknown"};
constexpr std::array<std::string_view, 4> kKernelFormats = {"none", "int8", "fp16", "unknown"};
constexpr std::array<std::string_view, 2> kChannelOrders = {"round_robin", "contiguous"};
constexpr std::array<std::string_view, 5> kPlanarForms = {"unary", "binary", "affine", "unary_reduce", "binary_reduce"};
constexpr std::array<std::string_view, 6> kPlanarOps = {"add", "mul", "max", "min", "square", "unknown"};
constexpr std::array<std::string_view, 4> kReductions = {"sum", "average", "max", "min"};
constexpr std::array<std::string_view, 3> kPostFunctions = {"none", "reciprocal", "reciprocal_square_root"};

template <typename Enum, std::size_t n>
std::string_view name_of(const std::array<std::string_view, n>& names, Enum value) {
  const auto index = static_cast<std::size_t>(value);
  return index < n ? names[index] : "?";
}

// ------------------------------------------------------------------------------------------------- operands

Result<void> parse_element_type(WordValues& values, ElementType& type) {
  if (values.take("unknown")) {
    type = ElementType::invalid;
    return {};
  }
  const std::optional<ElementType> found =
      values.done() ? std::nullopt : element_type_from_string(values.current().text);
  if (!found) {
    return values.error("an element type (float16, int8, uint8)");
  }
  type = *found;
  values.advance();
  return {};
}

Result<void> parse_axes(WordValues& values, Broadcast& broadcast) {
  constexpr std::string_view kExpected = "axes with '+' between: width, height, depth, channel";
  if (values.done()) {
    return values.error(kExpected);
  }
  broadcast = {};
  std::string_view rest = values.current().text;
  while (true) {
    const std::size_t plus = rest.find('+');
    const std::string_view axis = rest.substr(0, plus);
    if (axis == "width") {
      broadcast.width = true;
    } else if (axis == "height") {
      broadcast.height = true;
    } else if (axis == "depth") {
      broadcast.depth = true;
    } else if (axis == "channel") {
      broadcast.channel = true;
    } else {
      return values.error(kExpected);
    }
    if (plus == std::string_view::npos) {
      break;
    }
    rest.remove_prefix(plus + 1);
  }
  values.advance();
  return {};
}

/// One attribute of a view after its place. `on_chip` says which of the two views row, depth and group belong to.
template <typename View>
Result<bool> parse_view_attribute(WordValues& values, View& view, bool& on_chip) {
  const std::string_view name = values.current().text;
  ByteStrides& strides = on_chip ? view.on_chip.strides : view.surface.strides;
  std::uint32_t* target = nullptr;
  if (name == "offset") {
    target = &view.surface.offset;
  } else if (name == "at") {
    on_chip = true;
    target = &view.on_chip.base;
  } else if (name == "plane") {
    target = &view.surface.strides.channel;
  } else if (name == "channel") {
    target = &view.on_chip.strides.channel;
  } else if (name == "row") {
    target = &strides.row;
  } else if (name == "depth") {
    target = &strides.depth;
  } else if (name == "group") {
    target = &strides.group;
  }
  if (target != nullptr) {
    values.advance();
    OPENANE_CHECK(values.into(*target, "bytes"));
    return true;
  }
  if (values.take("slot")) {
    OPENANE_CHECK(values.into(view.surface.slot, "a slot"));
  } else if (values.take("interleave")) {
    OPENANE_CHECK(values.into(view.surface.interleave));
  } else if (values.take("memory")) {
    OPENANE_CHECK(parse_element_type(values, view.surface.type));
  } else if (values.take("type")) {
    OPENANE_CHECK(parse_element_type(values, view.type));
  } else if (values.take("exchange")) {
    view.exchange_channel_width = true;
  } else if (values.take("straight")) {
    view.exchange_channel_width = false;
  } else {
    const auto place = std::ranges::find(kPlaces, name);
    if (place == kPlaces.end()) {
      return false;
    }
    view.place = static_cast<Place>(place - kPlaces.begin());
    values.advance();
  }
  return true;
}

constexpr std::string_view kViewExpected =
    "slot, offset, row, plane, depth, group, memory, interleave, at, channel, type, exchange or a place";

std::string name_or_place(const OpNames& names, std::string_view word) {
  std::vector<std::string_view> known = names.known();
  const std::string hint = suggestion(word, [&] {
    std::vector<std::string_view> all = known;
    all.insert(all.end(), kPlaces.begin(), kPlaces.end());
    return all;
  }());
  return fmt::format("a place ({}){}{}", listed(kPlaces), known.empty() ? "" : " or the name of a tensor", hint);
}

Result<void> parse_source(WordValues& values, Operand& operand, std::size_t index, OpNames& names) {
  operand = {};
  bool on_chip = false;
  if (values.done()) {
    return values.error(name_or_place(names, {}));
  }
  if (std::ranges::find(kPlaces, values.current().text) == kPlaces.end()) {
    OPENANE_TRY(const std::string name, unquote(values.current()));
    if (!names.source(name, index, operand)) {
      return values.error(name_or_place(names, name));
    }
    values.advance();
    on_chip = operand.place == Place::on_chip;
  }
  while (!values.done()) {
    if (values.take("broadcast")) {
      OPENANE_CHECK(parse_axes(values, operand.broadcast));
      continue;
    }
    OPENANE_TRY(const bool known, parse_view_attribute(values, operand, on_chip));
    if (!known) {
      return values.error(fmt::format("broadcast, {}", kViewExpected));
    }
  }
  return {};
}

Result<void> parse_result(WordValues& values, ResultView& result, OpNames& names) {
  result = {};
  bool on_chip = false;
  if (values.done()) {
    return values.error(name_or_place(names, {}));
  }
  if (std::ranges::find(kPlaces, values.current().text) == kPlaces.end()) {
    OPENANE_TRY(const std::string name, unquote(values.current()));
    if (!names.result(name, result)) {
      return values.error(name_or_place(names, name));
    }
    values.advance();
    on_chip = result.place == Place::on_chip;
  }
  while (!values.done()) {
    OPENANE_TRY(const bool known, parse_view_attribute(values, result, on_chip));
    if (!known) {
      return values.error(kViewExpected);
    }
  }
  return {};
}

Result<void> parse_extent(WordValues& values, Extent& extent) {
  constexpr std::uint64_t kLimit = 0xffffffffu;
  using Three = std::array<std::uint64_t, 3>;
  OPENANE_TRY(const Three sizes, values.product<3>(kLimit, "channels x height x width, as 64x16x16"));
  extent = {static_cast<std::uint32_t>(sizes[2]), static_cast<std::uint32_t>(sizes[1]), 1,
            static_cast<std::uint32_t>(sizes[0])};
  return values.take("depth") ? values.into(extent.depth) : Result<void>{};
}

// ------------------------------------------------------------------------------------------------- neural path

Result<void> parse_window(WordValues& values, Window& window) {
  using Two = std::array<std::uint64_t, 2>;
  constexpr std::string_view kWhat = "height x width, as 3x3";
  const auto read = [&](std::uint8_t& height, std::uint8_t& width) -> Result<void> {
    OPENANE_TRY(const Two sizes, values.product<2>(0xff, kWhat));
    height = static_cast<std::uint8_t>(sizes[0]);
    width = static_cast<std::uint8_t>(sizes[1]);
    return {};
  };
  window = {};
  OPENANE_CHECK(read(window.kernel_height, window.kernel_width));
  while (!values.done()) {
    if (values.take("stride")) {
      OPENANE_CHECK(read(window.stride_y, window.stride_x));
    } else if (values.take("pad")) {
      OPENANE_CHECK(read(window.pad_top, window.pad_left));
    } else {
      return values.error("stride or pad");
    }
  }
  return {};
}

Result<void> parse_kernel(WordValues& values, NeuralCompute& neural, OpNames& names) {
  KernelStream& kernel = neural.kernel;
  if (values.take("on")) {
    kernel.enabled = true;
  } else if (values.take("off")) {
    kernel.enabled = false;
  } else {
    if (values.done()) {
      return values.error("on or off");
    }
    OPENANE_TRY(const std::string name, unquote(values.current()));
    if (!names.kernel(name, neural)) {
      return values.error("on, off" + (names.known().empty()
                                           ? ""
                                           : " or the label of a kernel or table" + suggestion(name, names.known())));
    }
    values.advance();
  }
  while (!values.done()) {
    if (values.take("slot")) {
      OPENANE_CHECK(values.into(kernel.slot, "a slot"));
    } else if (values.take("offset")) {
      OPENANE_CHECK(values.into(kernel.offset, "bytes"));
    } else {
      OPENANE_CHECK(values.choice(kernel.format, kKernelFormats));
    }
  }
  return {};
}

Result<void> parse_table(WordValues& values, NeuralCompute& neural, OpNames& names) {
  KernelStream& kernel = neural.kernel;
  kernel.table_apart = true;
  if (!values.done() && names.table(values.current().text, neural)) {
    values.advance();
  }
  while (!values.done()) {
    if (values.take("slot")) {
      OPENANE_CHECK(values.into(kernel.table_slot, "a slot"));
    } else if (values.take("offset")) {
      OPENANE_CHECK(values.into(kernel.table_offset, "bytes"));
    } else {
      return values.error("slot or offset");
    }
  }
  return {};
}

Result<void> parse_power(WordValues& values, std::uint8_t& log2) {
  const std::optional<std::uint64_t> value = values.done() ? std::nullopt : parse_unsigned(values.current().text);
  if (!value || !std::has_single_bit(*value) || *value > 0x80000000u) {
    return values.error("a power of two up to 2^31");
  }
  log2 = static_cast<std::uint8_t>(std::countr_zero(*value));
  values.advance();
  return {};
}

Result<void> parse_stream(WordValues& values, KernelStream& kernel) {
  constexpr std::string_view kExpected = "a stream 0 to 15, or a range of them as 0..15";
  if (values.done()) {
    return values.error(kExpected);
  }
  const std::string_view range = values.current().text;
  const std::size_t dots = range.find("..");
  const std::optional<std::uint64_t> first = parse_unsigned(range.substr(0, dots));
  const std::optional<std::uint64_t> last =
      dots == std::string_view::npos ? first : parse_unsigned(range.substr(dots + 2));
  if (!first || !last || *first > *last || *last >= kernel.channels.size()) {
    return values.error(kExpected);
  }
  values.advance();
  KernelChannel channel;
  std::uint32_t step = 0;
  if (values.take("on")) {
    channel.enabled = true;
  } else if (!values.take("off")) {
    return values.error("on or off");
  }
  while (!values.done()) {
    if (values.take("offset")) {
      OPENANE_CHECK(values.into(channel.offset, "bytes"));
    } else if (values.take("step")) {
      OPENANE_CHECK(values.into(step, "bytes"));
    } else if (values.take("size")) {
      OPENANE_CHECK(values.into(channel.size, "bytes"));
    } else {
      return values.error("offset, step or size");
    }
  }
  for (std::uint64_t i = *first; i <= *last; ++i) {
    kernel.channels.at(i) = channel;
    channel.offset += step;
  }
  return {};
}

Result<void> parse_unicast(WordValues& values, NeuralCompute& neural) {
  neural.unicast = !values.take("off");
  return values.into(neural.unicast_inputs, "inputs for each output channel");
}

// ------------------------------------------------------------------------------------------------- planar path

Result<void> parse_condition(WordValues& values, PlanarCompute& planar) {
  if (values.take("abs")) {
    planar.condition = 1;
    return {};
  }
  return values.into(planar.condition, "abs or a code");
}

Result<void> parse_post(WordValues& values, PlanarCompute& planar) {
  const auto found = std::ranges::find(kPostFunctions, values.done() ? std::string_view{} : values.current().text);
  if (found == kPostFunctions.end()) {
    return values.into(planar.post, "reciprocal, reciprocal_square_root or a code");
  }
  planar.post = static_cast<std::uint8_t>(found - kPostFunctions.begin());
  values.advance();
  return {};
}

// ------------------------------------------------------------------------------------------------- the table of keys

enum class Path : std::uint8_t { both, neural, planar };

struct Key {
  std::string_view name;
  Path path;
  Result<void> (*parse)(EngineOp& op, WordValues& values, OpNames& names);
};

NeuralCompute& neural_of(EngineOp& op) { return *std::get_if<NeuralCompute>(&op.compute); }
PlanarCompute& planar_of(EngineOp& op) { return *std::get_if<PlanarCompute>(&op.compute); }

using Op = EngineOp;
using Names = OpNames;
constexpr std::array<Key, 35> kKeys = {{
    {"input", Path::both, [](Op& op, WordValues& v, Names&) { return parse_extent(v, op.input); }},
    {"output", Path::both, [](Op& op, WordValues& v, Names&) { return parse_extent(v, op.output); }},
    {"groups", Path::both, [](Op& op, WordValues& v, Names&) { return v.into(op.groups); }},
    {"source1", Path::both, [](Op& op, WordValues& v, Names& n) { return parse_source(v, op.sources[0], 0, n); }},
    {"source2", Path::both, [](Op& op, WordValues& v, Names& n) { return parse_source(v, op.sources[1], 1, n); }},
    {"result", Path::both, [](Op& op, WordValues& v, Names& n) { return parse_result(v, op.result, n); }},
    {"window", Path::neural, [](Op& op, WordValues& v, Names&) { return parse_window(v, neural_of(op).window); }},
    {"kernel", Path::neural, [](Op& op, WordValues& v, Names& n) { return parse_kernel(v, neural_of(op), n); }},
    {"zero_skipping", Path::neural,
     [](Op& op, WordValues& v, Names&) { return v.flag(neural_of(op).kernel.zero_skipping); }},
    {"from_memory", Path::neural,
     [](Op& op, WordValues& v, Names&) { return v.flag(neural_of(op).kernel.from_memory); }},
    {"plane_stride", Path::neural,
     [](Op& op, WordValues& v, Names&) { return v.into(neural_of(op).kernel.plane_stride); }},
    {"lanes", Path::neural,
     [](Op& op, WordValues& v, Names&) { return parse_power(v, neural_of(op).kernel.lanes_log2); }},
    {"engines", Path::neural,
     [](Op& op, WordValues& v, Names&) { return parse_power(v, neural_of(op).kernel.engines_log2); }},
    {"channel_order", Path::neural,
     [](Op& op, WordValues& v, Names&) { return v.choice(neural_of(op).kernel.order, kChannelOrders); }},
    {"table", Path::neural, [](Op& op, WordValues& v, Names& n) { return parse_table(v, neural_of(op), n); }},
    {"stream", Path::neural, [](Op& op, WordValues& v, Names&) { return parse_stream(v, neural_of(op).kernel); }},
    {"unicast", Path::neural, [](Op& op, WordValues& v, Names&) { return parse_unicast(v, neural_of(op)); }},
    {"channel_bias", Path::neural, [](Op& op, WordValues& v, Names&) { return v.flag(neural_of(op).channel_bias); }},
    {"accumulator_bias", Path::neural,
     [](Op& op, WordValues& v, Names&) { return v.half(neural_of(op).accumulator_bias); }},
    {"post_scale", Path::neural, [](Op& op, WordValues& v, Names&) { return v.half(neural_of(op).post_scale); }},
    {"activation", Path::neural,
     [](Op& op, WordValues& v, Names&) { return v.choice(neural_of(op).activation, kActivations); }},
    {"input_relu", Path::neural, [](Op& op, WordValues& v, Names&) { return v.flag(neural_of(op).input_relu); }},
    {"op", Path::planar, [](Op& op, WordValues& v, Names&) { return v.choice(planar_of(op).op, kPlanarOps); }},
    {"second", Path::planar, [](Op& op, WordValues& v, Names&) { return v.flag(planar_of(op).second_enabled); }},
    {"condition", Path::planar, [](Op& op, WordValues& v, Names&) { return parse_condition(v, planar_of(op)); }},
    {"negate_first", Path::planar, [](Op& op, WordValues& v, Names&) { return v.flag(planar_of(op).negate_first); }},
    {"negate_second", Path::planar, [](Op& op, WordValues& v, Names&) { return v.flag(planar_of(op).negate_second); }},
    {"pre_scale", Path::planar, [](Op& op, WordValues& v, Names&) { return v.real(planar_of(op).pre_scale); }},
    {"bias", Path::planar, [](Op& op, WordValues& v, Names&) { return v.real(planar_of(op).bias); }},
    {"scale", Path::planar, [](Op& op, WordValues& v, Names&) { return v.real(planar_of(op).scale); }},
    {"relu", Path::planar, [](Op& op, WordValues& v, Names&) { return v.flag(planar_of(op).relu); }},
    {"reduction", Path::planar,
     [](Op& op, WordValues& v, Names&) { return v.choice(planar_of(op).reduction, kReductions); }},
    {"final_scale", Path::planar, [](Op& op, WordValues& v, Names&) { return v.real(planar_of(op).final_scale); }},
    {"post", Path::planar, [](Op& op, WordValues& v, Names&) { return parse_post(v, planar_of(op)); }},
    {"epsilon", Path::planar, [](Op& op, WordValues& v, Names&) { return v.real(planar_of(op).epsilon); }},
}};

const Key* find_key(std::string_view name) {
  const auto found = std::ranges::find(kKeys, name, &Key::name);
  return found == kKeys.end() ? nullptr : &*found;
}

std::unexpected<Error> error_at(const Word& word, std::string message) {
  return fail(ErrorCategory::malformed_input, std::move(message), {{}, {}, word.line, word.column});
}

}  // namespace

std::string_view to_string(Place place) { return name_of(kPlaces, place); }
std::string_view to_string(NeuralMode mode) { return name_of(kNeuralModes, mode); }
std::string_view to_string(Activation activation) { return name_of(kActivations, activation); }
std::string_view to_string(ChannelOrder order) { return name_of(kChannelOrders, order); }
std::string_view to_string(KernelFormat format) { return name_of(kKernelFormats, format); }
std::string_view to_string(PlanarForm form) { return name_of(kPlanarForms, form); }
std::string_view to_string(PlanarOp op) { return name_of(kPlanarOps, op); }
std::string_view to_string(Reduction reduction) { return name_of(kReductions, reduction); }

bool is_op_key(std::string_view key) { return find_key(key) != nullptr; }

Result<void> set_compute(EngineOp& op, std::span<const Word> words) {
  const Word key{Word::Kind::word, "compute", words.front().line, words.front().column};
  WordValues values(key, words);
  if (values.take("unknown")) {
    op.compute = std::monostate{};
  } else if (values.take("neural")) {
    NeuralCompute neural;
    if (!values.done()) {
      OPENANE_CHECK(values.choice(neural.mode, kNeuralModes));
    }
    op.compute = neural;
  } else if (values.take("planar")) {
    PlanarCompute planar;
    if (!values.done()) {
      OPENANE_CHECK(values.choice(planar.form, kPlanarForms));
    }
    op.compute = planar;
  } else {
    return values.error("neural, planar or unknown");
  }
  return values.finish();
}

Result<void> set_op_key(EngineOp& op, const Word& key, std::span<const Word> words, OpNames& names) {
  const Key* row = find_key(key.text);
  if (row == nullptr) {
    std::vector<std::string_view> all;
    all.reserve(std::size(kKeys));
    for (const Key& known : kKeys) {
      all.push_back(known.name);
    }
    return error_at(key, fmt::format("an operation has no key {}{}", key.quoted(), suggestion(key.text, all)));
  }
  if (row->path == Path::neural && op.neural() == nullptr) {
    return error_at(key, fmt::format("'{}' belongs to the neural path, this task is {}", key.text, compute_name(op)));
  }
  if (row->path == Path::planar && op.planar() == nullptr) {
    return error_at(key, fmt::format("'{}' belongs to the planar path, this task is {}", key.text, compute_name(op)));
  }
  WordValues values(key, words);
  OPENANE_CHECK(row->parse(op, values, names));
  return values.finish();
}

Result<EngineOp> parse_engine_op(std::string_view text, const std::string& file) {
  EngineOp op;
  OpNames none;
  WordReader reader(text, file);
  for (;;) {
    OPENANE_TRY(const std::vector<Word> words, reader.statement());
    if (words.empty()) {
      return op;
    }
    const Word& key = words.front();
    if (key.kind != Word::Kind::word || words.size() < 3 || words[1].kind != Word::Kind::equals) {
      return in_file<EngineOp>(error_at(key, fmt::format("expected 'key = value', got {}", key.quoted())), file);
    }
    const std::span<const Word> values(words.data() + 2, words.size() - 2);
    const Result<void> set = key.text == "compute" ? set_compute(op, values) : set_op_key(op, key, values, none);
    if (!set) {
      return in_file<EngineOp>(std::unexpected(set.error()), file);
    }
  }
}

}  // namespace openane
