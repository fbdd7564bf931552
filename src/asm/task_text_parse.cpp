#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

#include "asm/field_text.h"
#include "asm/task_text.h"
#include "base/byte_reader.h"
#include "base/number_text.h"
#include "base/word_values.h"

namespace openane {
namespace {

// ------------------------------------------------------------------------------------------------- names

std::vector<std::string_view> register_names(std::span<const Register> rows) {
  std::vector<std::string_view> names;
  for (const Register& row : rows) {
    names.push_back(row.name);
  }
  return names;
}

std::unexpected<Error> no_block(const Generation& generation, const Word& word, std::string_view name) {
  std::vector<std::string_view> names;
  for (const Block& block : generation.blocks) {
    names.push_back(block.name);
  }
  const std::string hint = suggestion(name, names);
  return error_at(word, fmt::format("{} has no block '{}'{}", generation.id, name,
                                    hint.empty() ? fmt::format("; it has {}", fmt::join(names, ", ")) : hint));
}

/// What a dotted name names: a register or header word, perhaps one field of it.
struct Named {
  const Register* row = nullptr;  ///< Null for an address outside the table.
  std::uint32_t address = 0;
  bool in_header = false;
  const Field* field = nullptr;
};

Result<const Field*> find_field(const Word& word, const Register& row, std::string_view name) {
  const Field* field = row.find(name);
  if (field != nullptr) {
    return field;
  }
  std::vector<std::string_view> names;
  for (const Field& known : row.fields) {
    names.push_back(known.name);
  }
  const std::string hint = suggestion(name, names);
  return error_at(word, fmt::format("{} has no field '{}'{}", row.name, name,
                                    !hint.empty()   ? hint
                                    : names.empty() ? "; none of its bits has a name"
                                                    : fmt::format("; it has {}", fmt::join(names, ", "))));
}

Result<Named> find_in_header(const Generation& generation, const Word& word, std::string_view name) {
  const auto found = std::ranges::find(generation.header, name, &Register::name);
  if (found == generation.header.end()) {
    return error_at(word, fmt::format("{} has no header word '{}'{}", generation.id, name,
                                      suggestion(name, register_names(generation.header))));
  }
  return Named{&*found, found->address, true, nullptr};
}

Result<Named> find_in_block(const Block& block, const Word& word, std::string_view name) {
  const auto found = std::ranges::find(block.registers, name, &Register::name);
  if (found == block.registers.end()) {
    return error_at(word, fmt::format("{} has no register '{}'{}", block.name, name,
                                      suggestion(name, register_names(block.registers))));
  }
  return Named{&*found, found->address, false, nullptr};
}

Result<Named> find_address(const Generation& generation, const Word& word) {
  const std::optional<std::uint64_t> address = parse_unsigned(word.text);
  if (!address || *address % 4 != 0 || *address > 0xffffffffu) {
    return error_at(word, fmt::format("expected a register or its address, a multiple of 4, got {}", word.quoted()));
  }
  return Named{generation.find(static_cast<std::uint32_t>(*address)), static_cast<std::uint32_t>(*address), false,
               nullptr};
}

bool is_number(std::string_view text) { return !text.empty() && text.front() >= '0' && text.front() <= '9'; }

/// "Block.Register[.Field]", "HeaderN[.Field]" or an address.
Result<Named> find_named(const Generation& generation, const Word& word) {
  if (is_number(word.text)) {
    return find_address(generation, word);
  }
  const std::size_t dot = word.text.find('.');
  const std::string_view first = word.text.substr(0, dot);
  const std::string_view rest = dot == std::string_view::npos ? std::string_view{} : word.text.substr(dot + 1);
  Named named;
  std::string_view field;
  if (const Block* block = generation.find_block(first); block != nullptr) {
    const std::size_t second = rest.find('.');
    OPENANE_TRY(named, find_in_block(*block, word, rest.substr(0, second)));
    field = second == std::string_view::npos ? std::string_view{} : rest.substr(second + 1);
  } else {
    const bool in_header = std::ranges::find(generation.header, first, &Register::name) != generation.header.end();
    if (!in_header) {
      return no_block(generation, word, first);
    }
    OPENANE_TRY(named, find_in_header(generation, word, first));
    field = rest;
  }
  if (!field.empty()) {
    OPENANE_TRY(named.field, find_field(word, *named.row, field));
  }
  return named;
}

// ------------------------------------------------------------------------------------------------- values

/// The words of `count` registers that one statement sets, and which bits of each it names.
struct WordRun {
  std::vector<std::uint32_t> words;
  std::uint32_t mask = 0;
};

std::unexpected<Error> leaves_range(const Word& word, std::size_t index) {
  return error_at(word, fmt::format("the value leaves its range at the register number {} of the run", index));
}

/// `VALUE [step VALUE]` for the bits of one field, or for whole words.
Result<void> add_stepped(WordValues& values, WordRun& run, const Field* field) {
  const Word& word = values.current();
  const auto read = [&]() -> Result<std::uint64_t> {
    if (field == nullptr) {
      return values.number(0xffffffffu, "a word");
    }
    Result<std::uint32_t> raw = parse_field_value(*field, values.done() ? std::string_view{} : values.current().text);
    if (!raw) {
      return error_at(values.current(), raw.error().message);
    }
    values.advance();
    return *raw;
  };
  OPENANE_TRY(const std::uint64_t first, read());
  std::uint64_t step = 0;
  if (values.take("step")) {
    OPENANE_TRY(step, read());
  }
  const std::uint64_t limit = field == nullptr ? 0xffffffffu : field->mask() >> field->lsb;
  for (std::size_t i = 0; i < run.words.size(); ++i) {
    const std::uint64_t value = first + i * step;
    if (value > limit) {
      return leaves_range(word, i);
    }
    run.words[i] |= static_cast<std::uint32_t>(value) << (field == nullptr ? 0 : field->lsb);
  }
  run.mask |= field == nullptr ? 0xffffffffu : field->mask();
  return {};
}

Result<void> add_assignment(WordValues& values, WordRun& run, const Register* row) {
  const Word& name = values.current();
  if (values.take("unnamed")) {
    const std::uint32_t named = row == nullptr ? 0 : row->named_bits();
    OPENANE_TRY(const std::uint64_t bits, values.number(0xffffffffu, "bits"));
    if ((bits & named) != 0) {
      return error_at(name, fmt::format("{:#x} are bits of named fields; name them", bits & named));
    }
    for (std::uint32_t& word : run.words) {
      word |= static_cast<std::uint32_t>(bits);
    }
    run.mask |= ~named;
    return {};
  }
  if (row == nullptr) {
    return values.error("a number: this register has no named fields");
  }
  OPENANE_TRY(const Field* field, find_field(name, *row, values.done() ? std::string_view{} : name.text));
  if ((run.mask & field->mask()) != 0) {
    return error_at(name, fmt::format("field {} is set twice", field->name));
  }
  values.advance();
  return add_stepped(values, run, field);
}

/// `0x1234`, or `Field value, Field value, unnamed 0x80`.
Result<WordRun> parse_words(const Word& key, std::span<const Word> words, const Register* row, std::size_t count) {
  WordValues values(key, words);
  WordRun run{std::vector<std::uint32_t>(count), 0};
  if (!values.done() && is_number(values.current().text)) {
    OPENANE_CHECK(add_stepped(values, run, nullptr));
  } else {
    do {
      OPENANE_CHECK(add_assignment(values, run, row));
    } while (values.take(Word::Kind::comma));
  }
  OPENANE_CHECK(values.finish());
  return run;
}

Result<std::span<const Word>> assigned_values(std::span<const Word> words, std::string_view expected) {
  if (words.size() < 3 || words.front().kind != Word::Kind::word || words[1].kind != Word::Kind::equals) {
    return error_at(words.front(), fmt::format("expected {}, got {}", expected, words.front().quoted()));
  }
  return words.subspan(2);
}

// ------------------------------------------------------------------------------------------------- header

std::size_t header_size(const Generation& generation, std::span<const std::uint32_t> header) {
  const FieldRef extra = generation.roles.extra_word;
  const bool present =
      extra.width != 0 && extra.address / 4 < header.size() && (header[extra.address / 4] & extra.mask()) != 0;
  return generation.header_words + (present ? 1 : 0);
}

struct HeaderText {
  std::vector<std::uint32_t> words, masks;
};

Result<void> header_statement(HeaderText& header, const Generation& generation, std::span<const Word> words) {
  OPENANE_TRY(const std::span<const Word> values, assigned_values(words, "'HeaderN = ...' or '}'"));
  const Word& key = words.front();
  const std::size_t dot = key.text.find('.');
  OPENANE_TRY(const Named named, find_in_header(generation, key, key.text.substr(0, dot)));
  const std::size_t index = named.address / 4;
  WordRun run;
  if (dot == std::string_view::npos) {
    OPENANE_TRY(run, parse_words(key, values, named.row, 1));
  } else {
    OPENANE_TRY(const Field* field, find_field(key, *named.row, key.text.substr(dot + 1)));
    WordValues one(key, values);
    run.words.resize(1);
    OPENANE_CHECK(add_stepped(one, run, field));
    OPENANE_CHECK(one.finish());
  }
  header.words[index] = (header.words[index] & ~run.mask) | run.words[0];
  header.masks[index] |= run.mask;
  return {};
}

// ------------------------------------------------------------------------------------------------- records

struct RecordHeading {
  Record::Form form = Record::Form::dense;
  std::uint32_t address = 0;                    ///< In the register table.
  std::optional<std::uint32_t> stream_address;  ///< In the stream, where that differs (H11).
  const Block* block = nullptr;                 ///< Names inside may leave the block out.
  std::uint32_t count = 0;
  std::uint8_t slot = 0;
};

constexpr std::uint32_t kMostRegisters = 64;

Result<RecordHeading> parse_heading(const Generation& generation, std::span<const Word> words) {
  RecordHeading heading;
  WordValues values(words.front(), words.first(words.size() - 1));
  if (values.take("scatter")) {
    heading.form = Record::Form::scatter;
  } else if (values.take("address")) {
    heading.form = Record::Form::address;
  }
  const Word& place = values.current();
  if (values.done() || place.kind != Word::Kind::word) {
    return values.error("a block, a register or an address");
  }
  if (const Block* block = generation.find_block(place.text); block != nullptr) {
    heading.block = block;
    heading.address = block->base;
    heading.count = block->words;
  } else {
    OPENANE_TRY(const Named named, find_named(generation, place));
    if (named.in_header || named.field != nullptr) {
      return error_at(place, fmt::format("a record begins at a register, got {}", place.quoted()));
    }
    heading.address = named.address;
    heading.block = generation.block_of(named.address);
    heading.count = 1;
  }
  values.advance();
  while (!values.done()) {
    const std::string_view text = values.current().text;
    if (heading.form == Record::Form::address && values.take("slot")) {
      OPENANE_CHECK(values.into(heading.slot, "a slot"));
    } else if (values.take("at")) {
      OPENANE_TRY(const std::uint64_t address, values.number(0xffffffffu, "an address"));
      heading.stream_address = static_cast<std::uint32_t>(address);
    } else if (heading.form != Record::Form::scatter && text.starts_with('x') && parse_unsigned(text.substr(1))) {
      heading.count = static_cast<std::uint32_t>(std::min<std::uint64_t>(*parse_unsigned(text.substr(1)), 0xffff));
      values.advance();
    } else {
      return values.error(heading.form == Record::Form::address ? "'slot N', 'xN', 'at ADDRESS' or '{'"
                                                                : "'xN', 'at ADDRESS' or '{'");
    }
  }
  if (heading.count == 0 || (heading.form != Record::Form::scatter && heading.count > kMostRegisters)) {
    return error_at(place, fmt::format("a record holds 1 to {} registers, got {}", kMostRegisters, heading.count));
  }
  return heading;
}

/// The registers that a statement inside a record names: one, or a run as `CoeffBaseAddr0..15`.
struct RegisterRun {
  const Register* row = nullptr;
  std::uint32_t address = 0;
  std::size_t count = 1;
};

Result<RegisterRun> find_run(const Generation& generation, const RecordHeading& heading, const Word& word) {
  const std::size_t dots = word.text.find("..");
  Word first = word;
  first.text = word.text.substr(0, dots);
  Named named;
  if (heading.block != nullptr && !is_number(first.text) && first.text.find('.') == std::string_view::npos) {
    OPENANE_TRY(named, find_in_block(*heading.block, first, first.text));
  } else {
    OPENANE_TRY(named, find_named(generation, first));
  }
  if (named.in_header || named.field != nullptr) {
    return error_at(word, fmt::format("expected a register of this record, got {}", word.quoted()));
  }
  RegisterRun run{named.row, named.address, 1};
  if (dots != std::string_view::npos) {
    const std::size_t digits = first.text.find_last_not_of("0123456789") + 1;
    const std::optional<std::uint64_t> from = parse_unsigned(first.text.substr(digits));
    const std::optional<std::uint64_t> to = parse_unsigned(word.text.substr(dots + 2));
    if (!from || !to || *to < *from || *to - *from >= kMostRegisters) {
      return error_at(word, fmt::format("expected a run of registers, as CoeffBaseAddr0..15, got {}", word.quoted()));
    }
    run.count = static_cast<std::size_t>(*to - *from) + 1;
  }
  return run;
}

class RecordText {
 public:
  RecordText(const Generation& generation, const RecordHeading& heading) : generation_(generation), heading_(heading) {}

  Result<void> statement(std::span<const Word> words) {
    OPENANE_TRY(const std::span<const Word> values, assigned_values(words, "'Register = ...' or '}'"));
    const Word& key = words.front();
    OPENANE_TRY(const RegisterRun run, find_run(generation_, heading_, key));
    OPENANE_TRY(const WordRun parsed, parse_words(key, values, run.row, run.count));
    for (std::size_t i = 0; i < run.count; ++i) {
      const std::uint32_t address = run.address + 4 * static_cast<std::uint32_t>(i);
      const bool scatter = heading_.form == Record::Form::scatter;
      if (address < heading_.address || (!scatter && (address - heading_.address) / 4 >= heading_.count)) {
        return error_at(key,
                        fmt::format("{} is no register of this record", register_name(generation_, address, false)));
      }
      if (!values_.emplace(address, parsed.words[i]).second) {
        return error_at(key, fmt::format("{} is set twice in this record", register_name(generation_, address, false)));
      }
    }
    return {};
  }

  Result<void> add_to(Task& task) {
    OPENANE_CHECK(heading_.form == Record::Form::scatter ? add_scatter(task) : add_run(task));
    if (const std::uint32_t place = task.records().back().place; place != first_) {
      return fail(ErrorCategory::usage,
                  fmt::format("the record at this place of a task writes {} on, not {}",
                              register_name(generation_, place, false), register_name(generation_, first_, false)));
    }
    return {};
  }

 private:
  Result<void> add_run(Task& task) {
    std::vector<std::uint32_t> words(heading_.count);
    for (const auto& [address, word] : values_) {
      words[(address - heading_.address) / 4] = word;
    }
    first_ = heading_.address;
    const std::uint32_t address = heading_.stream_address.value_or(heading_.address);
    return heading_.form == Record::Form::dense ? task.add_dense(address, words)
                                                : task.add_address(address, heading_.slot, words);
  }

  Result<void> add_scatter(Task& task) {
    std::uint16_t mask = 0;
    std::vector<std::uint32_t> words;
    if (values_.empty()) {
      return fail(ErrorCategory::usage, "a scatter record writes its first register at least");
    }
    const std::uint32_t base = values_.begin()->first;
    for (const auto& [address, word] : values_) {
      const std::uint32_t distance = (address - base) / 4;
      if (distance > 16) {
        return fail(ErrorCategory::usage,
                    fmt::format("a scatter record reaches 16 registers beyond its first; {} is {} beyond",
                                register_name(generation_, address, false), distance));
      }
      mask = static_cast<std::uint16_t>(mask | (distance == 0 ? 0u : 1u << (distance - 1)));
      words.push_back(word);
    }
    first_ = base;
    return task.add_scatter(heading_.stream_address.value_or(base), mask, words);
  }

  const Generation& generation_;
  RecordHeading heading_;
  std::map<std::uint32_t, std::uint32_t> values_;
  std::uint32_t first_ = 0;  ///< Of the registers, once added.
};

/// The task with another header and the same records.
Result<Task> with_header(const Task& task, std::span<const std::uint32_t> header) {
  Task changed(task.generation());
  changed.set_header(header);
  for (const Record& record : task.records()) {
    const std::span<const std::uint32_t> values = task.words().subspan(record.first, record.count);
    switch (record.form) {
      case Record::Form::dense:
        OPENANE_CHECK(changed.add_dense(record.address, values));
        break;
      case Record::Form::scatter:
        OPENANE_CHECK(changed.add_scatter(record.address, record.mask, values));
        break;
      case Record::Form::address:
        OPENANE_CHECK(changed.add_address(record.address, record.slot, values));
        break;
    }
  }
  return changed;
}

}  // namespace

TaskText parse_register_task(Source& source, const Generation& generation, const Word& opening) {
  TaskText text;
  text.place = opening;
  HeaderText header{std::vector<std::uint32_t>(generation.header.size()),
                    std::vector<std::uint32_t>(generation.header.size())};
  std::vector<std::pair<Word, RecordText>> records;
  std::vector<std::vector<Word>> overrides;
  source.block(opening, [&](const std::vector<Word>& words) -> Result<void> {
    const Word& first = words.front();
    if (words.back().kind != Word::Kind::block_open) {
      overrides.push_back(words);
      return {};
    }
    if (first.is("header") && words.size() == 2) {
      source.block(words.back(),
                   [&](const std::vector<Word>& inner) { return header_statement(header, generation, inner); });
      return {};
    }
    OPENANE_TRY(const RecordHeading heading, parse_heading(generation, words));
    RecordText record(generation, heading);
    source.block(words.back(), [&record](const std::vector<Word>& inner) { return record.statement(inner); });
    records.emplace_back(first, std::move(record));
    return {};
  });
  header.words.resize(header_size(generation, header.words));
  text.task = Task(generation);
  text.task.set_header(header.words);
  text.explicit_header = std::move(header.masks);
  for (auto& [place, record] : records) {
    if (const Result<void> added = record.add_to(text.task); !added) {
      source.report(error_at(place, added.error().message, added.error().category).error());
    }
  }
  for (const std::vector<Word>& words : overrides) {
    if (const Result<void> set = override_register(text, words); !set) {
      source.report(set.error());
    }
  }
  return text;
}

bool names_register(const Generation& generation, std::string_view word) {
  return word.find('.') != std::string_view::npos ||
         std::ranges::find(generation.header, word, &Register::name) != generation.header.end();
}

Result<void> override_register(TaskText& text, std::span<const Word> words) {
  OPENANE_TRY(const std::span<const Word> values,
              assigned_values(words, "'Block.Register.Field = value', a record or '}'"));
  const Generation& generation = text.task.generation();
  const Word& key = words.front();
  OPENANE_TRY(const Named named, find_named(generation, key));
  WordRun run;
  if (named.field != nullptr) {
    run.words.resize(1);
    WordValues one(key, values);
    OPENANE_CHECK(add_stepped(one, run, named.field));
    OPENANE_CHECK(one.finish());
  } else {
    OPENANE_TRY(run, parse_words(key, values, named.row, 1));
    run.mask = 0xffffffffu;
  }
  if (!named.in_header) {
    const std::uint32_t old = text.task.find(named.address).value_or(0);
    if (!text.task.set_word(named.address, (old & ~run.mask) | run.words[0])) {
      return error_at(key,
                      fmt::format("no record of this task writes {}", register_name(generation, named.address, false)));
    }
    return {};
  }
  const std::span<const std::uint32_t> old = text.task.words().first(text.task.header_size());
  std::vector<std::uint32_t> header(old.begin(), old.end());
  const std::size_t index = named.address / 4;
  if (index >= header.size()) {
    return error_at(key, fmt::format("this task has no {}: the bit that announces it is not set", named.row->name));
  }
  header[index] = (header[index] & ~run.mask) | run.words[0];
  text.explicit_header.resize(generation.header.size());
  text.explicit_header[index] |= run.mask;
  header.resize(header_size(generation, header));
  OPENANE_TRY(text.task, with_header(text.task, header));
  return {};
}

// ------------------------------------------------------------------------------------------------- linking

Result<std::vector<PlacedTask>> link_procedure(std::vector<TaskText> tasks, const Generation& generation,
                                               std::uint32_t start, std::uint32_t task_base) {
  std::vector<Task> bare(tasks.size());
  std::ranges::transform(tasks, bare.begin(), &TaskText::task);
  OPENANE_TRY(std::vector<PlacedTask> placed, link_tasks(std::move(bare)));
  std::uint64_t end = start;
  for (std::size_t i = 0; i < placed.size(); ++i) {
    const std::uint64_t offset = tasks[i].offset.value_or(static_cast<std::uint32_t>(end));
    if (i == 0 ? false : offset < std::uint64_t{placed[i - 1].offset} + placed[i - 1].task.size_bytes()) {
      return error_at(tasks[i].place, fmt::format("a task at {:#x} overlaps the one before it", offset));
    }
    placed[i].offset = static_cast<std::uint32_t>(offset);
    end = align_up(offset + placed[i].task.size_bytes(), std::max(generation.task_align, 4u));
    if (end > 0xffffffffu) {
      return error_at(tasks[i].place, "the task section would pass 4 GiB", ErrorCategory::unsupported);
    }
    if (i > 0 && generation.roles.next_offset.width != 0) {
      placed[i - 1].task.set(generation.roles.next_offset, placed[i].offset - task_base);
    }
  }
  for (std::size_t i = 0; i < placed.size(); ++i) {
    const std::span<std::uint32_t> words = placed[i].task.mutable_words();
    for (std::uint32_t h = 0; h < placed[i].task.header_size() && h < tasks[i].explicit_header.size(); ++h) {
      const std::uint32_t mask = tasks[i].explicit_header[h];
      words[h] = (words[h] & ~mask) | (tasks[i].task.words()[h] & mask);
    }
    // What the words say must be what the records are, or the stream would read differently.
    const Result<Task> checked = Task::decode(generation, placed[i].task.words());
    if (!checked) {
      return error_at(tasks[i].place, fmt::format("task {}: {}", i, checked.error().message));
    }
    placed[i].task = *checked;
  }
  return placed;
}

}  // namespace openane
