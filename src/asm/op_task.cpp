#include "asm/op_task.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "base/byte_reader.h"

namespace openane {
namespace {

constexpr std::uint32_t kEngines = 16;

std::uint32_t narrow(std::int64_t value) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(value, 0, 0xffffffff));
}

Extent extent_of(const SurfaceLayout& layout) {
  return {narrow(layout.shape.w), narrow(layout.shape.h), narrow(layout.shape.d), narrow(layout.shape.c)};
}

Extent exchanged(Extent extent, bool exchange) {
  if (exchange) {
    std::swap(extent.channels, extent.width);
  }
  return extent;
}

/// Fills an operand or a result from what its name stands for.
template <typename View>
void use_storage(const Storage& storage, View& view) {
  const SurfaceStrides& strides = storage.layout.strides;
  const ByteStrides bytes{narrow(strides.h), narrow(strides.c), narrow(strides.d), narrow(strides.n)};
  view.type = storage.layout.type;
  if (storage.kind == Storage::Kind::on_chip) {
    view.place = Place::on_chip;
    view.on_chip = {storage.offset, bytes};
    return;
  }
  view.place = Place::surface;
  view.surface.slot = static_cast<std::uint8_t>(storage.slot);
  view.surface.offset = storage.offset;
  view.surface.strides = bytes;
  // Compilers repeat the batch stride where there is no depth.
  view.surface.strides.depth = storage.layout.shape.d > 1 ? bytes.depth : bytes.group;
  view.surface.type = storage.layout.type;
  view.surface.interleave = static_cast<std::uint8_t>(storage.layout.interleave);
}

class TaskNames final : public OpNames {
 public:
  TaskNames(const Storages& storages, const DataLabels& labels, bool table_apart)
      : storages_(storages), labels_(labels), table_apart_(table_apart) {}

  bool source(std::string_view name, std::size_t index, Operand& operand) override {
    sources.at(index) = find(name);
    if (sources.at(index) == nullptr) {
      return false;
    }
    use_storage(*sources.at(index), operand);
    return true;
  }
  bool result(std::string_view name, ResultView& view) override {
    destination = find(name);
    if (destination == nullptr) {
      return false;
    }
    use_storage(*destination, view);
    return true;
  }
  bool kernel(std::string_view name, NeuralCompute& neural) override {
    const auto found = labels_.find(name);
    if (found == labels_.end() || !found->second.is_kernel) {
      return false;
    }
    label = &found->second.kernel;
    label_name = found->first;
    if (table_apart_ && !label->weights) {
      return table(name, neural);
    }
    neural.kernel = label->stream;
    neural.channel_bias = label->channel_bias;
    neural.unicast = label->unicast;
    neural.unicast_inputs = label->unicast_inputs;
    neural.window.kernel_height = label->kernel_height;
    neural.window.kernel_width = label->kernel_width;
    if (label->table) {
      neural.activation = Activation::table;
    }
    return true;
  }
  /// Packet generations fetch a table as a stream of its own.
  bool table(std::string_view name, NeuralCompute& neural) override {
    const auto found = labels_.find(name);
    if (found == labels_.end() || !found->second.is_kernel || found->second.kernel.weights) {
      return false;
    }
    neural.kernel.enabled = true;
    neural.kernel.table_apart = true;
    neural.kernel.table_slot = static_cast<std::uint8_t>(found->second.slot);
    neural.kernel.table_offset = static_cast<std::uint32_t>(found->second.offset);
    neural.activation = Activation::table;
    return true;
  }
  [[nodiscard]] std::vector<std::string_view> known() const override {
    std::vector<std::string_view> names;
    for (const auto& [name, storage] : storages_) {
      names.push_back(name);
    }
    for (const auto& [name, data] : labels_) {
      if (data.is_kernel) {
        names.push_back(name);
      }
    }
    return names;
  }

  std::array<const Storage*, 2> sources{};
  const Storage* destination = nullptr;
  const KernelLabel* label = nullptr;
  std::string_view label_name;

 private:
  [[nodiscard]] const Storage* find(std::string_view name) const {
    const auto found = storages_.find(name);
    return found == storages_.end() ? nullptr : &found->second;
  }
  const Storages& storages_;
  const DataLabels& labels_;
  bool table_apart_;
};

/// The keys of a task's text and where they stand.
using GivenKeys = std::map<std::string, Word, std::less<>>;

/// Fills in what the text left out.
class Completion {
 public:
  Completion(EngineOp& op, const TaskNames& names, const GivenKeys& given, const EngineOp* previous)
      : op_(op), names_(names), given_(given), previous_(previous) {}

  /// The compute kind, where the heading only says `neural` or `planar`.
  void choose_kind(bool mode_given) {
    if (mode_given) {
      return;
    }
    if (NeuralCompute* neural = std::get_if<NeuralCompute>(&op_.compute)) {
      neural->mode = names_.label != nullptr && names_.label->weights ? NeuralMode::convolution : NeuralMode::bypass;
    } else if (PlanarCompute* planar = std::get_if<PlanarCompute>(&op_.compute)) {
      const bool two = op_.sources[1].place != Place::none;
      const bool reduce = has("reduction") || has("final_scale") || has("post") || has("epsilon");
      planar->form = two ? (reduce ? PlanarForm::binary_reduce : PlanarForm::binary)
                         : (reduce ? PlanarForm::unary_reduce : PlanarForm::unary);
    }
  }

  /// The window as written, in whatever order with the kernel; a kernel has one size.
  Result<void> fit_window(const Window& window) {
    NeuralCompute& neural = *std::get_if<NeuralCompute>(&op_.compute);
    neural.window = window;
    const KernelLabel* label = names_.label;
    if (label != nullptr && label->weights &&
        (label->kernel_height != window.kernel_height || label->kernel_width != window.kernel_width)) {
      return error_at(given_.at("window"), fmt::format("window: the weights of '{}' are {}x{}, got {}x{}",
                                                       kernel_name(), label->kernel_height, label->kernel_width,
                                                       window.kernel_height, window.kernel_width));
    }
    return {};
  }

  Result<void> fill(const Word& place) {
    fill_groups();
    if (!has("input")) {
      OPENANE_CHECK(fill_input(place));
    }
    if (NeuralCompute* neural = std::get_if<NeuralCompute>(&op_.compute)) {
      OPENANE_CHECK(fill_neural(*neural));
    } else if (PlanarCompute* planar = std::get_if<PlanarCompute>(&op_.compute)) {
      fill_planar(*planar);
    }
    fill_types();
    return {};
  }

 private:
  [[nodiscard]] bool has(std::string_view key) const { return given_.contains(key); }

  void fill_groups() {
    if (has("groups")) {
      return;
    }
    if (names_.label != nullptr && names_.label->groups > 1) {
      op_.groups = names_.label->groups;
    } else if (names_.sources[0] != nullptr) {
      op_.groups = std::max(1u, narrow(names_.sources[0]->layout.shape.n));
    }
  }

  /// From source 1; a broadcast or chained source 1 does not say, then source 2 or the task before does.
  Result<void> fill_input(const Word& place) {
    for (const std::size_t i : {0u, 1u}) {
      if (names_.sources.at(i) != nullptr && op_.sources.at(i).broadcast == Broadcast{}) {
        op_.input = exchanged(extent_of(names_.sources.at(i)->layout), op_.sources.at(i).exchange_channel_width);
        return {};
      }
    }
    if (op_.sources[0].place == Place::chained && previous_ != nullptr) {
      op_.input = exchanged(previous_->output, previous_->result.exchange_channel_width);
      return {};
    }
    return error_at(place, "this task needs 'input = channels x height x width': no named source gives it");
  }

  [[nodiscard]] std::string_view kernel_name() const { return names_.label_name; }

  /// The channels of what is named must be those of the weights. Extents that are written down stand.
  [[nodiscard]] Result<void> check_channels() const {
    const KernelLabel* label = names_.label;
    if (label == nullptr || !label->weights) {
      return {};
    }
    const std::uint64_t inputs = std::uint64_t{label->groups} * (label->unicast ? label->outputs : label->inputs);
    const std::uint64_t outputs = std::uint64_t{label->groups} * label->outputs;
    const auto expect = [&](std::string_view verb, std::string_view what, std::uint64_t expected,
                            std::uint32_t channels) {
      return error_at(given_.at("kernel"), fmt::format("kernel: the weights of '{}' {} {} {} channels, {} has {}",
                                                       kernel_name(), verb, expected, what, what, channels));
    };
    if (!has("input") && op_.input.channels != inputs) {
      return expect("take", "input", inputs, op_.input.channels);
    }
    if (!has("output") && names_.destination != nullptr && op_.output.channels != outputs) {
      return expect("give", "output", outputs, op_.output.channels);
    }
    return {};
  }

  Result<void> fill_neural(NeuralCompute& neural) {
    if (!has("output")) {
      if (names_.destination != nullptr) {
        op_.output = exchanged(extent_of(names_.destination->layout), op_.result.exchange_channel_width);
      } else {
        op_.output = convolved(neural);
      }
    }
    OPENANE_CHECK(check_channels());
    if (names_.label != nullptr && names_.label->groups > 1) {
      split_channels(*names_.label);
    }
    if (!has("unicast")) {
      fill_unicast(neural);
    }
    if (!has("kernel") && !neural.kernel.table_apart) {
      neural.kernel.format = KernelFormat::fp16;  // as compilers have it in tasks without weights
    }
    if (neural.mode != NeuralMode::convolution && !has("engines")) {
      const std::uint32_t channels = std::clamp(op_.output.channels, 1u, kEngines);
      neural.kernel.engines_log2 = static_cast<std::uint8_t>(std::bit_width(channels - 1));
    }
    if (names_.label != nullptr && !names_.label->weights && !neural.kernel.table_apart) {
      // Every working engine fetches the same table.
      for (std::size_t i = 0; i < neural.kernel.channels.size(); ++i) {
        neural.kernel.channels.at(i) =
            i < (std::size_t{1} << neural.kernel.engines_log2) ? neural.kernel.channels[0] : KernelChannel{};
      }
    }
    return {};
  }

  /// A task without weights works on its own channel, or on an equal share of the channels for each output channel.
  void fill_unicast(NeuralCompute& neural) {
    const std::uint32_t outputs = std::max(op_.output.channels, 1u), inputs = op_.input.channels;
    if (neural.mode == NeuralMode::bypass) {
      neural.unicast = true;
    } else if (neural.mode == NeuralMode::maximum || (neural.mode == NeuralMode::sum && outputs > 1)) {
      neural.unicast = inputs % outputs == 0 && inputs / outputs <= 0xffff;
      neural.unicast_inputs = neural.unicast ? static_cast<std::uint16_t>(inputs / outputs) : std::uint16_t{1};
    }
  }

  /// Convolution groups: the extents are those of one group, and a group's step is its share of the channels.
  void split_channels(const KernelLabel& label) {
    if (!has("input")) {
      op_.input.channels /= label.groups;
    }
    if (!has("output")) {
      op_.output.channels = label.outputs;
    }
    const auto step = [](auto& view, std::uint32_t channels) {
      ByteStrides& strides = view.place == Place::on_chip ? view.on_chip.strides : view.surface.strides;
      strides.group = channels * strides.channel;
    };
    if (names_.sources[0] != nullptr) {
      step(op_.sources[0], op_.input.channels);
    }
    if (names_.destination != nullptr) {
      step(op_.result, op_.output.channels);
    }
  }

  /// Padding on the far sides is taken to be that on the near ones.
  [[nodiscard]] Extent convolved(const NeuralCompute& neural) const {
    Extent extent = op_.input;
    if (neural.mode == NeuralMode::bypass) {
      return extent;
    }
    const Window& window = neural.window;
    const auto out = [](std::uint32_t in, std::uint32_t kernel, std::uint32_t stride, std::uint32_t pad) {
      const std::uint64_t padded = std::uint64_t{in} + 2u * pad;
      return stride == 0 || padded < kernel ? 0u : static_cast<std::uint32_t>((padded - kernel) / stride + 1);
    };
    extent.width = out(extent.width, window.kernel_width, window.stride_x, window.pad_left);
    extent.height = out(extent.height, window.kernel_height, window.stride_y, window.pad_top);
    extent.channels = names_.label != nullptr ? names_.label->outputs : 1;
    return extent;
  }

  void fill_planar(PlanarCompute& planar) {
    if (!has("output")) {
      op_.output = op_.input;
    }
    const bool two = op_.sources[1].place != Place::none;
    if (!has("second")) {
      planar.second_enabled = two;
    }
  }

  /// A chained source has the type of what the task before handed over.
  void fill_types() {
    if (op_.sources[0].place == Place::chained && previous_ != nullptr && op_.sources[0].type == ElementType::float16) {
      op_.sources[0].type = previous_->result.type;
    }
  }

  EngineOp& op_;
  const TaskNames& names_;
  const GivenKeys& given_;
  const EngineOp* previous_;
};

// Planar constants are fp32 in an op, but registers hold fp16, or an fp32 without its low 13 bits. Text names numbers,
// so the nearest one that the generation holds is taken.
float to_short_float(float value) {
  constexpr std::uint32_t kCut = 13, kLow = (1u << kCut) - 1;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t even = (bits >> kCut) & 1u;
  return std::isfinite(value) ? std::bit_cast<float>((bits + (kLow >> 1) + even) & ~kLow) : value;
}
float to_fp16(float value) { return to_float(to_half(value)); }

Result<Task> encode_nearest(EngineOp& op, const Generation& generation) {
  Result<Task> task = encode(op, generation);
  for (float (*round)(float) : {to_short_float, to_fp16}) {
    if (task || op.planar() == nullptr) {
      break;
    }
    EngineOp rounded = op;
    PlanarCompute& planar = *std::get_if<PlanarCompute>(&rounded.compute);
    for (float* constant : {&planar.pre_scale, &planar.bias, &planar.scale, &planar.epsilon}) {
      *constant = round(*constant);
    }
    if (Result<Task> again = encode(rounded, generation)) {
      op = rounded;
      task = std::move(again);
    }
  }
  return task;
}

}  // namespace

Result<TaskText> parse_op_task(Source& source, const Generation& generation, std::span<const Word> words,
                               const Word& opening, const Storages& storages, const DataLabels& labels,
                               const std::optional<EngineOp>& previous, EngineOp& op) {
  const Result<void> kind = set_compute(op, words.subspan(1));
  if (!kind) {
    source.report(kind.error());
  }
  TaskNames names(storages, labels, generation.stream == StreamForm::packet);
  GivenKeys given;
  std::optional<Window> window;
  std::vector<std::vector<Word>> overrides;
  source.block(opening, [&](const std::vector<Word>& statement) -> Result<void> {
    const Word& key = statement.front();
    if (key.kind == Word::Kind::word && names_register(generation, key.text)) {
      overrides.push_back(statement);
      return {};
    }
    if (key.kind != Word::Kind::word || statement.size() < 3 || statement[1].kind != Word::Kind::equals) {
      return error_at(key, fmt::format("expected 'key = value', got {}", key.quoted()));
    }
    if (!given.emplace(key.text, key).second && key.text != "stream") {
      return error_at(key, fmt::format("'{}' is given twice in this task", key.text));
    }
    if (!kind) {
      return {};
    }
    OPENANE_CHECK(set_op_key(op, key, std::span(statement).subspan(2), names));
    if (key.is("window")) {
      window = op.neural()->window;
    }
    return {};
  });
  if (source.failed()) {
    return TaskText{};
  }
  Completion completion(op, names, given, previous ? &*previous : nullptr);
  completion.choose_kind(words.size() > 2);
  if (window) {
    OPENANE_CHECK(completion.fit_window(*window));
  }
  OPENANE_CHECK(completion.fill(words.front()));
  Result<Task> task = encode_nearest(op, generation);
  if (!task) {
    return error_at(words.front(), task.error().message, task.error().category);
  }
  TaskText text;
  text.task = *std::move(task);
  text.place = words.front();
  for (const std::vector<Word>& statement : overrides) {
    OPENANE_CHECK(override_register(text, statement));
  }
  return text;
}

}  // namespace openane
