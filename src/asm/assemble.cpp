// The assembler's top level: what a program is made of, statement by statement. Tasks, data and operands are read in
// files of their own.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "asm/carried_text.h"
#include "asm/data_text.h"
#include "asm/op_task.h"
#include "asm/source.h"
#include "asm/task_text.h"
#include "base/byte_reader.h"
#include "base/saturating.h"
#include "base/word_values.h"
#include "openane/assembly.h"
#include "openane/hwx.h"
#include "program/constant_slot.h"

namespace openane {
namespace {

constexpr std::uint64_t kBufferAlign = 64;
constexpr std::uint64_t kScratchAlign = 0x4000;
/// On-chip strides and bases are multiples of this; the memory has this many bytes (h13-isa.md 1, 3.2).
constexpr std::uint64_t kOnChipAlign = 16;
constexpr std::uint64_t kOnChipBytes = 0x200000;
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 40;
constexpr std::uint32_t kMostExtent = 0x7fffffff;
constexpr std::uint32_t kOpenSlot = 0xffffffff;  ///< Of constants whose slot follows from the tensors.

struct ProfileName {
  std::string_view name;
  std::string_view compiler;  ///< A version of which the profile is the convention.
  bool alphabetical;          ///< Slots by name, inputs and outputs mixed; else outputs first.
};
constexpr std::array<ProfileName, 4> kProfiles = {
    {{"v4", "v4.2.1", false}, {"v5", "v5.4.1", false}, {"v7", "v7.6.4", true}, {"v9", "v9.509.0", true}}};

using Words = std::vector<Word>;

/// `N x C x H x W`, and after it any of depth, row, plane, batch, depth_stride, element, interleave.
struct LayoutText {
  SurfaceLayout layout;
  bool row = false, plane = false, batch = false, depth = false, element = false;
};

Result<void> parse_shape(WordValues& values, LayoutText& text) {
  const std::optional<ElementType> type =
      values.done() ? std::nullopt : element_type_from_string(values.current().text);
  if (!type || !element_bytes(*type)) {
    return values.error("an element type (float16, int8, uint8, ...)");
  }
  text.layout.type = *type;
  values.advance();
  using Four = std::array<std::uint64_t, 4>;
  OPENANE_TRY(const Four shape, values.product<4>(kMostExtent, "batch x channels x height x width, as 1x64x8x8", 1));
  const auto at = [&shape](std::size_t i) { return static_cast<std::int64_t>(shape.at(i)); };
  text.layout.shape = {at(0), at(1), at(2), at(3), 1};
  return {};
}

Result<bool> parse_stride(WordValues& values, LayoutText& text) {
  SurfaceStrides& strides = text.layout.strides;
  struct Row {
    std::string_view name;
    std::int64_t& target;
    bool* given;
  };
  const std::array<Row, 6> rows = {{{"depth", text.layout.shape.d, nullptr},
                                    {"row", strides.h, &text.row},
                                    {"plane", strides.c, &text.plane},
                                    {"batch", strides.n, &text.batch},
                                    {"depth_stride", strides.d, &text.depth},
                                    {"element", strides.w, &text.element}}};
  for (const Row& row : rows) {
    if (values.take(row.name)) {
      OPENANE_TRY(const std::uint64_t value, values.number(kMostBytes, "a number"));
      row.target = static_cast<std::int64_t>(value);
      if (row.given != nullptr) {
        *row.given = true;
      }
      return true;
    }
  }
  if (values.take("interleave")) {
    OPENANE_CHECK(values.into(text.layout.interleave));
    return true;
  }
  return false;
}

/// Strides left out follow from those given, as in a packed surface.
void complete_strides(LayoutText& text, std::uint64_t row_align) {
  SurfaceLayout& layout = text.layout;
  const auto number = [](std::int64_t value) { return static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0)); };
  const auto product = [](std::uint64_t a, std::uint64_t b) {
    return static_cast<std::int64_t>(std::min(saturating_multiply(a, b), std::uint64_t{1} << 62));
  };
  const std::uint64_t interleave = std::max(layout.interleave, 1u);
  const std::uint64_t element = element_bytes(layout.type).value_or(0);
  const std::uint64_t planes = (number(layout.shape.c) + interleave - 1) / interleave;
  layout.strides.w = text.element ? layout.strides.w : product(interleave, element);
  if (!text.row) {
    layout.strides.h = product(
        (saturating_multiply(number(layout.shape.w), interleave * element) + row_align - 1) / row_align, row_align);
  }
  layout.strides.c = text.plane ? layout.strides.c : product(number(layout.strides.h), number(layout.shape.h));
  const std::int64_t volume = product(number(layout.strides.c), planes);
  if (!text.depth) {
    layout.strides.d = layout.shape.d > 1 ? volume : 0;
  }
  if (!text.batch) {
    layout.strides.n = product(static_cast<std::uint64_t>(volume), number(layout.shape.d));
  }
}

struct TensorText {
  TensorBinding tensor;
  bool has_slot = false, has_address = false, has_total = false, has_extent = false;
};

struct ProcedureText {
  Procedure procedure;
  Word place;
  std::vector<TensorText> tensors;
  std::vector<TaskText> tasks;
  Storages storages;
  bool bound = false;  ///< Tensors have their slots; no more may follow.
  std::optional<EngineOp> last_op;
};

struct Filler {
  Word place;
  std::uint64_t offset = 0;
  std::vector<std::uint8_t> bytes;
};

class Assembler {
 public:
  Assembler(std::string_view text, const std::string& file) : source_(text, file), budget_(text.size()) {}

  Result<Program> run() {
    source_.top_level([this](const Words& words) { return statement(words); });
    if (!source_.failed()) {
      if (const Result<void> finished = finish(); !finished) {
        source_.report(finished.error());
      }
    }
    if (source_.failed()) {
      return std::unexpected(source_.error());
    }
    return std::move(program_);
  }

 private:
  using Method = Result<void> (Assembler::*)(const Words&);
  struct Keyword {
    std::string_view name;
    Method method;
  };

  template <std::size_t n>
  Result<void> dispatch(const std::array<Keyword, n>& keywords, const Words& words, std::string_view where) {
    const Word& first = words.front();
    const auto found =
        first.kind == Word::Kind::word ? std::ranges::find(keywords, first.text, &Keyword::name) : keywords.end();
    if (found != keywords.end()) {
      return (this->*found->method)(words);
    }
    std::vector<std::string_view> names(n);
    std::ranges::transform(keywords, names.begin(), &Keyword::name);
    return error_at(first, fmt::format("expected {} ({}), got {}{}", where, fmt::join(names, ", "), first.quoted(),
                                       suggestion(first.text, names)));
  }

  Result<void> statement(const Words& words) {
    static constexpr std::array<Keyword, 8> kKeywords = {{{"generation", &Assembler::generation},
                                                          {"profile", &Assembler::profile},
                                                          {"compiler", &Assembler::compiler},
                                                          {"scratch", &Assembler::scratch},
                                                          {"constants", &Assembler::constants},
                                                          {"procedure", &Assembler::procedure},
                                                          {"task_section", &Assembler::task_section},
                                                          {"container", &Assembler::container}}};
    return dispatch(kKeywords, words, "a statement");
  }

  static WordValues values_of(const Words& words, std::size_t less = 0) {
    return {words.front(), std::span(words).subspan(1, words.size() - 1 - less)};
  }

  static Result<void> needs_block(const Words& words) {
    return words.back().kind == Word::Kind::block_open
               ? Result<void>{}
               : error_at(words.back(), fmt::format("{}: expected '{{' at the end of the line", words.front().text));
  }

  // ------------------------------------------------------------------------------------------ the program

  Result<void> generation(const Words& words) {
    WordValues values = values_of(words);
    OPENANE_TRY(const std::string name, values.name("the name of a generation"));
    OPENANE_CHECK(values.finish());
    if (program_.generation != nullptr) {
      return error_at(words[0], "the generation is named twice");
    }
    program_.generation = find_generation(name);
    if (program_.generation == nullptr) {
      std::vector<std::string_view> names;
      for (const Generation* known : generations()) {
        names.push_back(known->id);
      }
      return error_at(
          words[1], fmt::format("no generation is called {}; there are {}", words[1].quoted(), fmt::join(names, ", ")));
    }
    return {};
  }

  Result<void> profile(const Words& words) {
    WordValues values = values_of(words);
    for (const ProfileName& known : kProfiles) {
      if (values.take(known.name)) {
        profile_ = &known;
        return values.finish();
      }
    }
    return values.error("v4, v5, v7 or v9");
  }

  Result<void> compiler(const Words& words) {
    WordValues values = values_of(words);
    OPENANE_TRY(program_.compiler, values.name("a version"));
    return values.finish();
  }

  Result<void> scratch(const Words& words) {
    WordValues values = values_of(words);
    OPENANE_TRY(program_.scratch_bytes, values.number(kMostBytes, "bytes"));
    has_scratch_ = true;
    if (values.take("slot")) {
      OPENANE_CHECK(values.into(program_.scratch_slot, "a slot"));
    }
    return values.finish();
  }

  Result<void> constants(const Words& words) {
    OPENANE_CHECK(needs_block(words));
    WordValues values = values_of(words, 1);
    ConstantSection section;
    if (program_.generation != nullptr && constants_follow_tensors(*program_.generation)) {
      section.slot = kOpenSlot;
    }
    while (!values.done()) {
      if (values.take("slot")) {
        OPENANE_CHECK(values.into(section.slot, "a slot"));
      } else {
        OPENANE_TRY(section.name, values.name("the section's name or 'slot'"));
      }
    }
    DataAssembler data(source_, budget_, program_.generation, section.slot, labels_);
    source_.block(words.back(), [&data](const Words& inner) { return data.statement(inner); });
    section.data = Bytes(data.finish());
    program_.constants.push_back(std::move(section));
    return {};
  }

  Result<void> task_section(const Words& words) {
    WordValues values = values_of(words);
    if (values.take("size")) {
      OPENANE_TRY(section_size_, values.number(0xffffffffu, "bytes"));
      return values.finish();
    }
    if (!values.take("at")) {
      return values.error("'size BYTES' or 'at OFFSET hex ...'");
    }
    Filler filler{words[0], 0, {}};
    OPENANE_TRY(filler.offset, values.number(0xffffffffu, "an offset"));
    DataLabels none;
    DataAssembler data(source_, budget_, nullptr, 0, none);
    if (words.size() < 4) {
      return values.error("hex and bytes");
    }
    OPENANE_CHECK(data.statement(std::span(words).subspan(3)));
    filler.bytes = data.finish();
    fillers_.push_back(std::move(filler));
    return {};
  }

  Result<void> container(const Words& words) {
    if (carried_) {
      return error_at(words[0], "the container is described twice");
    }
    const bool block = words.back().kind == Word::Kind::block_open;
    WordValues values = values_of(words, block ? 1 : 0);
    OPENANE_CHECK(values.choice(program_.container, kContainerNames));
    OPENANE_CHECK(values.finish());
    if (block) {
      carried_ = parse_carried(source_, budget_, words.back());
    }
    return {};
  }

  // ------------------------------------------------------------------------------------------ procedures

  Result<void> procedure(const Words& words) {
    OPENANE_CHECK(needs_block(words));
    if (program_.generation == nullptr) {
      return error_at(words[0], "the generation must be named before a procedure");
    }
    WordValues values = values_of(words, 1);
    current_ = &procedures_.emplace_back();
    current_->place = words[0];
    OPENANE_TRY(current_->procedure.name, values.name("the procedure's name"));
    OPENANE_CHECK(values.finish());
    source_.block(words.back(), [this](const Words& inner) { return procedure_statement(inner); });
    return bind_tensors();
  }

  Result<void> procedure_statement(const Words& words) {
    static constexpr std::array<Keyword, 5> kKeywords = {{{"tensor", &Assembler::tensor},
                                                          {"buffer", &Assembler::buffer},
                                                          {"task", &Assembler::task},
                                                          {"scratch_used", &Assembler::scratch_used},
                                                          {"task_base", &Assembler::task_base}}};
    return dispatch(kKeywords, words, "a statement of a procedure");
  }

  Result<void> scratch_used(const Words& words) {
    WordValues values = values_of(words);
    OPENANE_CHECK(values.into(current_->procedure.scratch_used, "bytes"));
    return values.finish();
  }

  Result<void> task_base(const Words& words) {
    WordValues values = values_of(words);
    OPENANE_CHECK(values.into(current_->procedure.task_base, "an offset"));
    return values.finish();
  }

  Result<std::string> new_name(WordValues& values, const Words& words, std::string_view what) {
    OPENANE_TRY(std::string name, values.name(what));
    if (current_->storages.contains(name)) {
      return error_at(words[1], fmt::format("{} is named twice in this procedure", words[1].quoted()));
    }
    return name;
  }

  Result<void> tensor(const Words& words) {
    if (current_->bound) {
      return error_at(words[0], "tensors come before the tasks and buffers that use them");
    }
    WordValues values = values_of(words);
    TensorText text;
    TensorBinding& tensor = text.tensor;
    OPENANE_TRY(tensor.name, new_name(values, words, "the tensor's name"));
    tensor.symbol = tensor.name;
    constexpr std::array<std::string_view, 3> kRoles = {"input", "output", "scratch"};
    OPENANE_CHECK(values.choice(tensor.role, kRoles));
    LayoutText layout;
    OPENANE_CHECK(parse_shape(values, layout));
    while (!values.done()) {
      OPENANE_TRY(const bool stride, parse_stride(values, layout));
      if (stride) {
        continue;
      }
      if (values.take("slot")) {
        OPENANE_CHECK(values.into(tensor.slot, "a slot"));
        text.has_slot = true;
      } else if (values.take("symbol")) {
        OPENANE_TRY(tensor.symbol, values.name("the symbol"));
      } else if (values.take("address")) {
        OPENANE_CHECK(values.into(tensor.address, "an address"));
        text.has_address = true;
      } else if (values.take("total")) {
        OPENANE_CHECK(values.into(tensor.total_bytes, "bytes"));
        text.has_total = true;
      } else if (values.take("extent")) {
        OPENANE_CHECK(values.into(tensor.extent, "bytes"));
        text.has_extent = true;
      } else {
        return values.error(
            "slot, depth, row, plane, batch, depth_stride, element, interleave, symbol, address, total or extent");
      }
    }
    if (!text.has_slot && program_.generation->first_tensor_slot == 0) {
      return fail(ErrorCategory::missing_specification,
                  fmt::format("the slots of tensors of {} have not been published: say which, as in 'slot 4'",
                              program_.generation->id),
                  {{}, {}, words[1].line, words[1].column});
    }
    complete_strides(layout, kBufferAlign);
    tensor.layout = layout.layout;
    current_->storages[tensor.name] = {};
    current_->tensors.push_back(std::move(text));
    return {};
  }

  /// Slots of tensors that name none, by the profile's order; then what they are for the tasks.
  Result<void> bind_tensors() {
    if (current_->bound) {
      return {};
    }
    current_->bound = true;
    std::vector<TensorText*> open;
    std::set<std::uint32_t> taken;
    for (TensorText& text : current_->tensors) {
      if (text.has_slot && !taken.insert(text.tensor.slot).second) {
        return error_at(current_->place, fmt::format("two tensors are in slot {}", text.tensor.slot));
      }
      if (!text.has_slot) {
        open.push_back(&text);
      }
    }
    // Every published program of a packet generation with a slot table numbers its tensors by name.
    const bool by_name = program_.generation->stream == StreamForm::packet && program_.generation->slot_count != 0;
    if (profile_ != nullptr ? profile_->alphabetical : by_name) {
      std::ranges::sort(open, {}, [](const TensorText* text) { return text->tensor.symbol; });
    } else {
      std::ranges::stable_partition(open,
                                    [](const TensorText* text) { return text->tensor.role == TensorRole::output; });
    }
    for (const ConstantSection& section : program_.constants) {
      taken.insert(section.slot);
    }
    std::uint32_t slot = program_.generation->first_tensor_slot;
    for (TensorText* text : open) {
      while (taken.contains(slot)) {
        ++slot;
      }
      text->tensor.slot = slot;
      taken.insert(slot);
    }
    place_constants();
    for (const TensorText& text : current_->tensors) {
      current_->storages[text.tensor.name] = {Storage::Kind::surface, text.tensor.slot, 0, text.tensor.layout};
    }
    return {};
  }

  /// Constants that name no slot, where they stand behind the tensors: those of the first procedure that is known.
  void place_constants() {
    std::uint32_t slot = program_.generation->first_tensor_slot;
    for (const ProcedureText& procedure : procedures_) {
      for (const TensorText& text : procedure.tensors) {
        slot = std::max(slot, text.tensor.slot + 1);
      }
    }
    slot = std::min<std::uint32_t>(slot, 0xff);  // no address packet can say that; the encoder says so
    for (ConstantSection& section : program_.constants) {
      section.slot = section.slot == kOpenSlot ? slot : section.slot;
    }
    for (auto& [name, label] : labels_) {
      if (label.slot == kOpenSlot) {
        label.slot = slot;
        label.kernel.stream.slot = static_cast<std::uint8_t>(slot);
      }
    }
  }

  /// `buffer NAME scratch|on_chip|constants ...`: storage that tasks share and no caller sees.
  Result<void> buffer(const Words& words) {
    OPENANE_CHECK(bind_tensors());
    WordValues values = values_of(words);
    OPENANE_TRY(const std::string name, new_name(values, words, "the buffer's name"));
    Storage storage;
    if (values.take("on_chip")) {
      OPENANE_CHECK(on_chip_buffer(values, storage));
    } else if (values.take("scratch")) {
      OPENANE_CHECK(scratch_buffer(values, storage));
    } else if (values.take("constants")) {
      OPENANE_CHECK(constant_buffer(values, storage));
    } else {
      return values.error("scratch, on_chip or constants");
    }
    current_->storages[name] = storage;
    return {};
  }

  /// Shape, strides and, after `keyword`, a place of its own.
  Result<std::optional<std::uint64_t>> parse_buffer(WordValues& values, Storage& storage, std::string_view keyword,
                                                    std::uint64_t align) {
    LayoutText layout;
    std::optional<std::uint64_t> place;
    OPENANE_CHECK(parse_shape(values, layout));
    while (!values.done()) {
      if (values.take(keyword)) {
        OPENANE_TRY(place, values.number(0xffffffffu, "bytes"));
        continue;
      }
      OPENANE_TRY(const bool stride, parse_stride(values, layout));
      if (!stride) {
        return values.error(fmt::format("{}, depth, row, plane, batch, depth_stride, element or interleave", keyword));
      }
    }
    complete_strides(layout, align);
    storage.layout = layout.layout;
    return place;
  }

  /// Channels stand side by side in each row (h13-isa.md 3.2), unless the text says otherwise.
  Result<void> on_chip_buffer(WordValues& values, Storage& storage) {
    storage.kind = Storage::Kind::on_chip;
    const Word place = values.current();
    LayoutText text;
    std::optional<std::uint64_t> base;
    bool channel = false;
    OPENANE_CHECK(parse_shape(values, text));
    while (!values.done()) {
      if (values.take("at")) {
        OPENANE_TRY(base, values.number(kOnChipBytes - 1, "a place on chip"));
      } else if (values.take("channel")) {
        OPENANE_CHECK(values.into(text.layout.strides.c, "bytes"));
        channel = true;
      } else if (values.take("group")) {
        OPENANE_CHECK(values.into(text.layout.strides.n, "bytes"));
        text.batch = true;
      } else {
        OPENANE_TRY(const bool stride, parse_stride(values, text));
        if (!stride) {
          return values.error("at, channel, row, depth, depth_stride or group");
        }
      }
    }
    SurfaceLayout& layout = text.layout;
    const auto number = [](std::int64_t value) { return static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0)); };
    const auto product = [](std::uint64_t a, std::uint64_t b) {
      return static_cast<std::int64_t>(std::min(saturating_multiply(a, b), kMostBytes));
    };
    if (!channel) {
      layout.strides.c =
          product(align_up(number(layout.shape.w) * element_bytes(layout.type).value_or(0), kOnChipAlign), 1);
    }
    layout.strides.h = text.row ? layout.strides.h : product(number(layout.strides.c), number(layout.shape.c));
    layout.strides.d = text.depth ? layout.strides.d : product(number(layout.strides.h), number(layout.shape.h));
    layout.strides.n = text.batch ? layout.strides.n : product(number(layout.strides.d), number(layout.shape.d));
    const std::uint64_t bytes = saturating_multiply(number(layout.strides.n), number(layout.shape.n));
    const std::uint64_t start = base.value_or(align_up(on_chip_end_, kOnChipAlign));
    if (saturating_add(start, bytes) > kOnChipBytes) {
      return error_at(
          place, fmt::format("{} bytes from {:#x} on pass the on-chip memory of {:#x}", bytes, start, kOnChipBytes));
    }
    on_chip_end_ = base ? on_chip_end_ : start + bytes;
    storage.layout = layout;
    storage.offset = static_cast<std::uint32_t>(start);
    return {};
  }

  Result<void> scratch_buffer(WordValues& values, Storage& storage) {
    const Word place = values.current();
    OPENANE_TRY(const std::optional<std::uint64_t> offset, parse_buffer(values, storage, "offset", kBufferAlign));
    storage.slot = program_.scratch_slot;
    const std::uint64_t start = offset.value_or(align_up(scratch_end_, kBufferAlign));
    const std::uint64_t end =
        saturating_add(start, saturating_multiply(static_cast<std::uint64_t>(storage.layout.strides.n),
                                                  static_cast<std::uint64_t>(storage.layout.shape.n)));
    if (end > 0xffffffffu) {
      return error_at(place, "the scratch buffers pass 4 GiB");
    }
    scratch_end_ = std::max(scratch_end_, end);
    storage.offset = static_cast<std::uint32_t>(start);
    return {};
  }

  Result<void> constant_buffer(WordValues& values, Storage& storage) {
    const Word place = values.current();
    OPENANE_TRY(const std::string name, values.name("the label of the data"));
    const auto label = labels_.find(name);
    if (label == labels_.end()) {
      std::vector<std::string_view> names;
      for (const auto& [known, data] : labels_) {
        names.push_back(known);
      }
      return error_at(place, fmt::format("no data is labelled {}{}", place.quoted(), suggestion(name, names)));
    }
    OPENANE_TRY(const std::optional<std::uint64_t> offset, parse_buffer(values, storage, "offset", kBufferAlign));
    storage.slot = label->second.slot;
    storage.offset = static_cast<std::uint32_t>(label->second.offset + offset.value_or(0));
    return {};
  }

  Result<void> task(const Words& words) {
    OPENANE_CHECK(bind_tensors());
    OPENANE_CHECK(needs_block(words));
    std::span<const Word> heading(words.data(), words.size() - 1);
    std::optional<std::uint32_t> offset;
    if (heading.size() >= 3 && heading[heading.size() - 2].is("at")) {
      const std::optional<std::uint64_t> value = parse_unsigned(heading.back().text);
      if (!value || *value > 0xffffffffu || *value % 4 != 0) {
        return error_at(heading.back(), "task: expected an offset, a multiple of 4, after 'at'");
      }
      offset = static_cast<std::uint32_t>(*value);
      heading = heading.first(heading.size() - 2);
    }
    TaskText text;
    if (heading.size() == 1) {
      text = parse_register_task(source_, *program_.generation, words.back());
      text.place = words.front();
      if (!source_.failed()) {
        const Result<EngineOp> op = lift(text.task);
        current_->last_op = op ? std::optional(*op) : std::nullopt;
      }
    } else {
      EngineOp op;
      OPENANE_TRY(text, parse_op_task(source_, *program_.generation, heading, words.back(), current_->storages, labels_,
                                      current_->last_op, op));
      current_->last_op = std::move(op);
    }
    text.offset = offset;
    current_->tasks.push_back(std::move(text));
    return {};
  }

  // ------------------------------------------------------------------------------------------ putting it together

  Result<void> finish() {
    if (program_.generation == nullptr) {
      return error_at(Word{Word::Kind::end, {}, 1, 1}, "the text names no generation, as in 'generation H13'");
    }
    if (procedures_.empty()) {
      return error_at(Word{Word::Kind::end, {}, 1, 1}, "the text has no procedure");
    }
    place_constants();  // a section behind the procedures
    if (program_.compiler.empty() && profile_ != nullptr) {
      program_.compiler = profile_->compiler;
    }
    if (scratch_end_ > program_.scratch_bytes) {
      if (has_scratch_) {
        return error_at(procedures_.front().place,
                        fmt::format("the scratch buffers take {:#x} bytes, 'scratch' gives {:#x}", scratch_end_,
                                    program_.scratch_bytes));
      }
      program_.scratch_bytes = align_up(scratch_end_, kScratchAlign);
    }
    OPENANE_CHECK(link());
    OPENANE_CHECK(fill_task_section());
    return attach_container();
  }

  Result<void> link() {
    std::uint64_t start = frame_bytes();
    for (ProcedureText& text : procedures_) {
      Procedure& procedure = text.procedure;
      if (text.tasks.empty()) {
        return error_at(text.place, "a procedure has at least one task");
      }
      if (start > 0xffffffffu) {
        return error_at(text.place, "the task section would pass 4 GiB");
      }
      const std::uint32_t base = procedure.task_base;
      OPENANE_TRY(procedure.tasks, link_procedure(std::move(text.tasks), *program_.generation,
                                                  std::max(static_cast<std::uint32_t>(start), base), base));
      const PlacedTask& last = procedure.tasks.back();
      start =
          align_up(std::uint64_t{last.offset} + last.task.size_bytes(), std::max(program_.generation->task_align, 4u));
    }
    return {};
  }

  [[nodiscard]] std::uint32_t frame_bytes() const { return program_.generation->lead_in_bytes; }

  Result<void> fill_task_section() {
    for (ProcedureText& text : procedures_) {
      for (TensorText& tensor : text.tensors) {
        if (!tensor.has_total) {
          tensor.tensor.total_bytes = static_cast<std::uint64_t>(tensor.tensor.layout.strides.n);
        }
        text.procedure.tensors.push_back(tensor.tensor);
      }
      program_.procedures.push_back(text.procedure);
    }
    OPENANE_CHECK(check_gaps());
    OPENANE_TRY(std::vector<std::uint8_t> section, program_.encode_task_section());
    if (section_size_) {
      if (*section_size_ < section.size()) {
        return error_at(
            procedures_.front().place,
            fmt::format("the tasks take {:#x} bytes, 'task_section size' gives {:#x}", section.size(), *section_size_));
      }
      if (!budget_.take(*section_size_ - section.size())) {
        return error_at(procedures_.front().place, "the task section is too large for this text");
      }
      section.resize(*section_size_);
    }
    for (const Filler& filler : fillers_) {
      if (!range_inside(filler.offset, filler.bytes.size(), section.size())) {
        return error_at(filler.place, fmt::format("bytes at {:#x} lie outside the task section of {:#x}", filler.offset,
                                                  section.size()));
      }
      std::ranges::copy(filler.bytes, section.begin() + static_cast<std::ptrdiff_t>(filler.offset));
    }
    program_.task_section = Bytes(std::move(section));
    return {};
  }

  /// Offsets that the text gives must not make a section of nothing.
  Result<void> check_gaps() {
    std::uint64_t end = 0, used = 0;
    for (const Procedure& procedure : program_.procedures) {
      for (const PlacedTask& placed : procedure.tasks) {
        end = std::max(end, std::uint64_t{placed.offset} + placed.task.size_bytes());
        used += placed.task.size_bytes();
      }
    }
    if (!budget_.take(end - std::min(end, used))) {
      return error_at(procedures_.front().place, fmt::format("the tasks stand too far apart: up to {:#x}", end));
    }
    return {};
  }

  /// Reads the carried container back for what it alone knows. It is left out, with a warning, when it no longer fits
  /// the program.
  Result<void> attach_container() {
    if (!carried_) {
      return {};
    }
    OPENANE_TRY(const std::vector<std::uint8_t> section, program_.encode_task_section());
    Result<Program> carrier = rebuild_carrier(*carried_, section, program_);
    if (!carrier) {
      program_.warnings.push_back("the container block no longer fits the program and is left out: " +
                                  carrier.error().message);
      return {};
    }
    program_.carried = carrier->carried;
    program_.warnings = carrier->warnings;
    for (std::size_t p = 0; p < program_.procedures.size() && p < carrier->procedures.size(); ++p) {
      for (std::size_t t = 0; t < program_.procedures[p].tensors.size(); ++t) {
        take_over(program_.procedures[p].tensors[t], procedures_[p].tensors[t], carrier->procedures[p]);
      }
    }
    return {};
  }

  static void take_over(TensorBinding& tensor, const TensorText& text, const Procedure& carrier) {
    const TensorBinding* other = carrier.find(tensor.name);
    if (other == nullptr) {
      return;
    }
    tensor.address = text.has_address ? tensor.address : other->address;
    tensor.total_bytes = text.has_total ? tensor.total_bytes : other->total_bytes;
    tensor.extent = text.has_extent ? tensor.extent : other->extent;
  }

  Source source_;
  ExpansionBudget budget_;
  Program program_;
  const ProfileName* profile_ = nullptr;
  DataLabels labels_;
  std::vector<ProcedureText> procedures_;
  ProcedureText* current_ = nullptr;
  std::vector<Filler> fillers_;
  std::optional<std::uint64_t> section_size_;
  std::optional<CarriedText> carried_;
  bool has_scratch_ = false;
  std::uint64_t scratch_end_ = 0, on_chip_end_ = 0;
};

}  // namespace

Result<Program> assemble(std::string_view text, const std::string& file) {
  // One error instead of one for each line of a binary file.
  if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos) {
    return in_file<Program>(fail_at(zero, "a byte 0, expected assembly text: this is a binary file"), file);
  }
  return Assembler(text, file).run();
}

}  // namespace openane
