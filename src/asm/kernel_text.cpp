#include "asm/kernel_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <set>

#include "base/saturating.h"
#include "base/word_values.h"
#include "openane/npy.h"

namespace openane {
namespace {

/// The words after `key =`.
Result<std::span<const Word>> assigned(std::span<const Word> words) {
  if (words.size() < 3 || words.front().kind != Word::Kind::word || words[1].kind != Word::Kind::equals) {
    return error_at(words.front(), fmt::format("expected 'key = value', got {}", words.front().quoted()));
  }
  return words.subspan(2);
}

bool separates(const Word& word) {
  return word.kind == Word::Kind::comma || word.kind == Word::Kind::list_open || word.kind == Word::Kind::list_close;
}

Result<std::vector<Half>> parse_numbers(const Word& key, std::span<const Word> words) {
  std::vector<Half> numbers;
  for (const Word& word : words) {
    if (separates(word)) {
      continue;
    }
    const std::optional<Half> value = word.kind == Word::Kind::word ? parse_half(word.text) : std::nullopt;
    if (!value) {
      return error_at(word, fmt::format("{}: expected numbers, got {}", key.text, word.quoted()));
    }
    numbers.push_back(*value);
  }
  return numbers;
}

// ------------------------------------------------------------------------------------------------- tables

Result<h13::TableWords> formula_table(std::span<const Word> words) {
  std::vector<double> parameters;
  for (const Word& word : words.subspan(1)) {
    if (separates(word)) {
      continue;
    }
    const std::optional<float> value = word.kind == Word::Kind::word ? parse_float(word.text) : std::nullopt;
    if (!value) {
      return error_at(word, fmt::format("table: expected a parameter, got {}", word.quoted()));
    }
    parameters.push_back(static_cast<double>(*value));
  }
  OPENANE_TRY(const std::string name, unquote(words.front()));
  Result<h13::TableWords> table = h13::build_table(name, parameters);
  if (!table) {
    return error_at(words.front(), table.error().message);
  }
  return table;
}

constexpr std::size_t kKnots = 33;

/// Where the numbers of one key of a table block go.
struct TableKey {
  std::string_view name;
  std::size_t first, count;
  std::size_t stride;  ///< `below` and `above` interleave: x0, y0 stand at 0, 2 and x1, y1 at 1, 3.
};
constexpr std::array<TableKey, 5> kTableKeys = {
    {{"below", 0, 2, 2}, {"above", 1, 2, 2}, {"knots", 4, kKnots, 1}, {"left", 37, 2, 1}, {"right", 39, 2, 1}}};

Result<void> table_statement(h13::TableWords& table, std::span<const Word> words) {
  OPENANE_TRY(const std::span<const Word> values, assigned(words));
  const Word& key = words.front();
  if (key.is("density") || key.is("mode")) {
    const std::optional<std::int64_t> value = values.size() == 1 ? parse_signed(values[0].text) : std::nullopt;
    if (!value || *value < -0x8000 || *value > 0xffff) {
      return error_at(values[0], fmt::format("{}: expected a 16-bit number", key.text));
    }
    table.at(key.is("density") ? 41 : 42) = static_cast<std::uint16_t>(*value);
    return {};
  }
  const auto found = std::ranges::find(kTableKeys, key.text, &TableKey::name);
  if (found == kTableKeys.end()) {
    return error_at(
        key,
        fmt::format("a table has no key {}{}; it has below, above, knots, left, right, density, mode", key.quoted(),
                    suggestion(key.text, {"below", "above", "knots", "left", "right", "density", "mode"})));
  }
  OPENANE_TRY(const std::vector<Half> numbers, parse_numbers(key, values));
  if (numbers.size() != found->count) {
    return error_at(key, fmt::format("{}: expected {} numbers, got {}", key.text, found->count, numbers.size()));
  }
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    table.at(found->first + i * found->stride) = numbers[i].bits;
  }
  return {};
}

// ------------------------------------------------------------------------------------------------- kernels

using Shape4 = std::array<std::uint64_t, 4>;

/// The block's statements, gathered before anything is built: shape and groups may follow the weights.
class KernelBuilder {
 public:
  KernelBuilder(Source& source, ExpansionBudget& budget) : source_(source), budget_(budget) {}

  Result<void> statement(std::span<const Word> words) {
    OPENANE_TRY(const std::span<const Word> values, assigned(words));
    using Method = Result<void> (KernelBuilder::*)(const Word&, std::span<const Word>);
    struct Key {
      std::string_view name;
      Method method;
    };
    constexpr std::array<Key, 10> kKeys = {{{"shape", &KernelBuilder::shape},
                                            {"groups", &KernelBuilder::groups},
                                            {"depthwise", &KernelBuilder::depthwise},
                                            {"weights", &KernelBuilder::weights},
                                            {"bias", &KernelBuilder::bias},
                                            {"table", &KernelBuilder::table},
                                            {"format", &KernelBuilder::format},
                                            {"lanes", &KernelBuilder::lanes},
                                            {"engines", &KernelBuilder::engines},
                                            {"zero_skipping", &KernelBuilder::zero_skipping}}};
    const Word& key = words.front();
    const auto found = std::ranges::find(kKeys, key.text, &Key::name);
    if (found == kKeys.end()) {
      std::vector<std::string_view> names(kKeys.size());
      std::ranges::transform(kKeys, names.begin(), &Key::name);
      return error_at(key, fmt::format("a kernel has no key {}{}; it has {}", key.quoted(), suggestion(key.text, names),
                                       fmt::join(names, ", ")));
    }
    if (!given_.insert(found->name).second) {
      return error_at(key, fmt::format("'{}' is given twice in this kernel", key.text));
    }
    return (this->*found->method)(key, values);
  }

  Result<KernelText> build(const Word& heading, const Generation& generation) {
    OPENANE_CHECK(settle(heading));
    if (weights_.table && generation.stream == StreamForm::packet) {
      return error_at(heading,
                      fmt::format("{} fetches a table apart from the weights: label it on its own", generation.id),
                      ErrorCategory::unsupported);
    }
    Result<h13::KernelPacking> packing = packing_for(generation);
    if (!packing) {
      return error_at(heading, packing.error().message, packing.error().category);
    }
    Result<h13::PackedKernel> packed = h13::pack_kernel(weights_, *packing);
    if (!packed) {
      const ErrorCategory category = packed.error().category;
      return error_at(heading, packed.error().message,
                      category == ErrorCategory::usage ? ErrorCategory::malformed_input : category);
    }
    KernelText text;
    text.label = label(*packed);
    text.label.stream.order = packing->order;
    text.bytes = std::move(packed->bytes);
    return text;
  }

 private:
  /// As written, else the compiler's choice; blocks of channels where the generation has them and one full plane for
  /// each engine would not be the same.
  [[nodiscard]] Result<h13::KernelPacking> packing_for(const Generation& generation) const {
    if (depthwise_) {
      return h13::KernelPacking{lanes_.value_or(0), engines_.value_or(4)};
    }
    h13::KernelPacking packing = h13::choose_packing(weights_.outputs, false);
    if (lanes_) {
      packing = {*lanes_, h13::engines_for(weights_.outputs, *lanes_)};
    }
    packing.engines_log2 = engines_.value_or(packing.engines_log2);
    const auto full_planes = [this](h13::KernelPacking p) {
      return weights_.outputs == std::uint64_t{1} << (p.lanes_log2 + p.engines_log2);
    };
    const bool blocks = find_target(generation)->dense_order == ChannelOrder::contiguous && weights_.groups == 1;
    if (!blocks || lanes_ || engines_ || full_planes(packing)) {
      return packing;
    }
    Result<h13::KernelPacking> contiguous = h13::contiguous_packing(weights_.outputs);
    if (!contiguous) {
      return fail(contiguous.error().category, fmt::format("{}: {}", generation.id, contiguous.error().message));
    }
    if (full_planes(*contiguous)) {  // the same bytes in either order
      contiguous->order = ChannelOrder::round_robin;
    }
    return contiguous;
  }
  Result<void> shape(const Word& key, std::span<const Word> words) {
    WordValues values(key, words);
    OPENANE_TRY(shape_, values.product<4>(0xffffff, "outputs x inputs x height x width, as 64x32x3x3", 1));
    return values.finish();
  }
  Result<void> groups(const Word& key, std::span<const Word> words) {
    WordValues values(key, words);
    OPENANE_CHECK(values.into(weights_.groups, "a number of groups"));
    return values.finish();
  }
  Result<void> depthwise(const Word& key, std::span<const Word> words) {
    WordValues values(key, words);
    OPENANE_CHECK(values.flag(depthwise_));
    return values.finish();
  }
  Result<void> zero_skipping(const Word& key, std::span<const Word> words) {
    WordValues values(key, words);
    OPENANE_CHECK(values.flag(weights_.zero_skipping));
    return values.finish();
  }
  Result<void> table(const Word& /*key*/, std::span<const Word> words) {
    OPENANE_TRY(weights_.table, formula_table(words));
    return {};
  }
  Result<void> format(const Word& key, std::span<const Word> words) {
    if (words.size() == 1 && words[0].is("int8")) {
      weights_.format = KernelFormat::int8;
    } else if (words.size() == 1 && words[0].is("fp16")) {
      weights_.format = KernelFormat::fp16;
    } else {
      return error_at(words[0], fmt::format("{}: expected fp16 or int8, got {}", key.text, words[0].quoted()));
    }
    return {};
  }
  Result<void> power(const Word& key, std::span<const Word> words, std::uint32_t limit,
                     std::optional<std::uint8_t>& log2) {
    WordValues values(key, words);
    OPENANE_TRY(const std::uint64_t value, values.number(limit, "a power of two"));
    if (!std::has_single_bit(value)) {
      return error_at(words[0], fmt::format("{}: expected a power of two up to {}", key.text, limit));
    }
    log2 = static_cast<std::uint8_t>(std::countr_zero(value));
    return values.finish();
  }
  Result<void> lanes(const Word& key, std::span<const Word> words) { return power(key, words, 128, lanes_); }
  Result<void> engines(const Word& key, std::span<const Word> words) { return power(key, words, 16, engines_); }

  /// `[numbers]`, `fill NUMBER`, `npy "file"`. A fill's count is known only when the shape is.
  struct Numbers {
    std::vector<Half> values;
    std::optional<Half> fill;
    Shape shape;  ///< Of the .npy file.
    const Word* place = nullptr;
  };
  Result<void> read(const Word& key, std::span<const Word> words, Numbers& numbers) {
    numbers = {};
    if (words[0].is("fill")) {
      const std::optional<Half> value = words.size() == 2 ? parse_half(words[1].text) : std::nullopt;
      if (!value) {
        return error_at(words[0], fmt::format("{}: expected one number after 'fill'", key.text));
      }
      numbers.fill = value;
      return {};
    }
    if (!words[0].is("npy")) {
      OPENANE_TRY(numbers.values, parse_numbers(key, words));
      return {};
    }
    if (words.size() != 2) {
      return error_at(words[0], fmt::format("{}: expected a path after 'npy'", key.text));
    }
    OPENANE_TRY(const Bytes data, include_file(source_, words[1]));
    Result<Tensor> tensor = parse_npy(data);
    if (tensor) {
      numbers.shape = tensor->shape;
      tensor = tensor->cast(ElementType::float16);
    }
    if (!tensor) {
      return error_at(words[1], fmt::format("{}: {}", words[1].quoted(), tensor.error().message),
                      tensor.error().category);
    }
    const std::span<const std::uint8_t> bytes = tensor->data.span();
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
      numbers.values.push_back(Half{static_cast<std::uint16_t>(bytes[i] | (bytes[i + 1] << 8))});
    }
    return {};
  }
  Result<void> weights(const Word& key, std::span<const Word> words) { return read(key, words, weight_numbers_); }
  Result<void> bias(const Word& key, std::span<const Word> words) { return read(key, words, bias_numbers_); }

  Result<void> spread(const Word& heading, Numbers& numbers, std::uint64_t count) {
    if (numbers.fill) {
      if (!budget_.take(saturating_multiply(count, 2))) {
        return error_at(heading, "this kernel is too large to be filled with one number");
      }
      numbers.values.assign(count, *numbers.fill);
    }
    return {};
  }

  Result<void> settle(const Word& heading) {
    if (!shape_ && weight_numbers_.shape.size() == 4) {
      shape_.emplace();
      for (std::size_t i = 0; i < 4; ++i) {
        shape_->at(i) = static_cast<std::uint64_t>(std::clamp<std::int64_t>(weight_numbers_.shape[i], 0, 0xffffff));
      }
    }
    if (!shape_) {
      return error_at(heading, "a kernel needs its shape: outputs x inputs x height x width");
    }
    const auto [outputs, inputs, height, width] = *shape_;
    if (weights_.groups == 0 || outputs % weights_.groups != 0) {
      return error_at(heading, fmt::format("{} output channels are not whole groups of {}", outputs, weights_.groups));
    }
    if (depthwise_ && (inputs != 1 || weights_.groups != 1)) {
      return error_at(heading, "a depthwise kernel reads 1 input for each output, in one group");
    }
    if (height > 0xff || width > 0xff) {
      return error_at(heading, "a kernel is at most 255 high and wide");
    }
    weights_.outputs = static_cast<std::uint32_t>(outputs / weights_.groups);
    weights_.inputs = static_cast<std::uint32_t>(inputs);
    weights_.height = static_cast<std::uint32_t>(height);
    weights_.width = static_cast<std::uint32_t>(width);
    const std::uint64_t count =
        saturating_multiply(saturating_multiply(outputs, inputs), saturating_multiply(height, width));
    OPENANE_CHECK(spread(heading, weight_numbers_, count));
    OPENANE_CHECK(spread(heading, bias_numbers_, outputs));
    weights_.values = std::move(weight_numbers_.values);
    weights_.bias = std::move(bias_numbers_.values);
    return {};
  }

  [[nodiscard]] KernelLabel label(const h13::PackedKernel& packed) const {
    KernelLabel label;
    label.weights = true;
    label.table = weights_.table.has_value();
    label.stream.enabled = true;
    label.stream.format = weights_.format;
    label.stream.zero_skipping = weights_.zero_skipping;
    label.stream.lanes_log2 = packed.lanes_log2;
    label.stream.engines_log2 = packed.engines_log2;
    label.stream.channels = packed.channels;
    label.channel_bias = !weights_.bias.empty();
    label.unicast = depthwise_;
    label.groups = weights_.groups;
    label.inputs = weights_.inputs;
    label.outputs = weights_.outputs;
    label.kernel_height = static_cast<std::uint8_t>(weights_.height);
    label.kernel_width = static_cast<std::uint8_t>(weights_.width);
    return label;
  }

  Source& source_;
  ExpansionBudget& budget_;
  h13::KernelWeights weights_;
  std::optional<Shape4> shape_;
  Numbers weight_numbers_, bias_numbers_;
  std::optional<std::uint8_t> lanes_, engines_;
  bool depthwise_ = false;
  std::set<std::string_view> given_;
};

}  // namespace

Result<h13::TableWords> parse_table(Source& source, std::span<const Word> words) {
  if (words.size() < 2) {
    return error_at(words.front(), "table: expected the name of a formula, or a block");
  }
  if (words[1].kind != Word::Kind::block_open) {
    return formula_table(words.subspan(1));
  }
  h13::TableWords table{};
  std::set<std::string, std::less<>> given;
  source.block(words[1], [&](const std::vector<Word>& inner) -> Result<void> {
    OPENANE_CHECK(table_statement(table, inner));
    return given.emplace(inner.front().text).second
               ? Result<void>{}
               : error_at(inner.front(), fmt::format("'{}' is given twice in this table", inner.front().text));
  });
  return table;
}

Result<KernelText> parse_kernel(Source& source, ExpansionBudget& budget, const Generation* generation,
                                std::span<const Word> words) {
  if (words.size() != 2 || words[1].kind != Word::Kind::block_open) {
    return error_at(words.front(), "kernel: expected a block");
  }
  if (generation == nullptr || find_target(*generation) == nullptr) {
    return error_at(words.front(),
                    generation == nullptr ? std::string("the generation must be named before a kernel")
                                          : fmt::format("how {} lays out coefficients is not known", generation->id),
                    ErrorCategory::missing_specification);
  }
  KernelBuilder builder(source, budget);
  source.block(words[1], [&builder](const std::vector<Word>& inner) { return builder.statement(inner); });
  return builder.build(words.front(), *generation);
}

}  // namespace openane
