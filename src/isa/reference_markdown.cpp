// The pages of docs/isa/: one per generation, made from its table and the chips alone.
#include <fmt/format.h>

#include <set>

#include "isa/reference.h"
#include "openane/chips.h"

namespace openane {
namespace {

constexpr std::string_view kGenerated =
    "<!-- Made by `ane isa --markdown docs/isa`. Do not edit: change data/isa/ or data/chips.toml. -->\n";

/// Text inside a table cell.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    escaped += c == '|' ? std::string("\\|") : std::string(1, c);
  }
  return escaped;
}

std::string row_of(std::initializer_list<std::string_view> cells) {
  std::string line = "|";
  for (const std::string_view text : cells) {
    line += fmt::format(" {} |", cell(text));
  }
  return line + "\n";
}

std::string head_of(std::initializer_list<std::string_view> cells) {
  std::string line = row_of(cells) + "|";
  for (std::size_t i = 0; i < cells.size(); ++i) {
    line += "---|";
  }
  return line + "\n";
}

void join_to(std::string& text, std::string_view more) {
  if (!more.empty()) {
    text += text.empty() ? "" : "; ";
    text += more;
  }
}

std::string percent(std::uint32_t part, std::uint32_t whole) {
  return fmt::format("{} %", whole == 0 ? 0 : (200 * part + whole) / (2 * whole));
}

std::string page_name(const Generation& generation) { return fmt::format("{}.md", generation.target); }

/// "A14, M1, M1 Pro"
std::string chips_of(const Generation& generation) {
  std::string text;
  for (const Chip& chip : chips()) {
    if (chip.generation() == &generation) {
      text += (text.empty() ? "" : ", ") + std::string(chip.name);
    }
  }
  return text;
}

std::string summary(const Generation& generation) {
  std::string text = head_of({"", ""});
  text += row_of({"targets", fmt::format("{}", fmt::join(generation.targets, ", "))});
  text += row_of({"chips", chips_of(generation)});
  text += row_of({"container subtype", fmt::format("{}", fmt::join(generation.cpu_subtypes, ", "))});
  text += row_of({"descriptor version", fmt::format("{}", generation.td_version)});
  text += row_of({"evidence", fmt::format("{} ({})", generation.status, to_string(generation.grade))});
  text += row_of({"stream", stream_of(generation)});
  if (generation.stream != StreamForm::unknown) {
    text += row_of(
        {"task", fmt::format("{} header words{}, aligned to {:#x} bytes{}", generation.header_words,
                             generation.roles.extra_word.width != 0 ? " and one optional" : "", generation.task_align,
                             generation.lead_in_bytes == 0
                                 ? ""
                                 : fmt::format(", after a frame of {} bytes", generation.lead_in_bytes))});
  }
  if (generation.slot_count != 0) {
    text += row_of({"slot table", fmt::format("{} entries of {} bytes, tensors from slot {}", generation.slot_count,
                                              generation.slot_bytes, generation.first_tensor_slot)});
  }
  if (!generation.kernel_location.empty()) {
    text += row_of({"coefficients in", fmt::format("`{}`", generation.kernel_location)});
  }
  text += row_of({"default element format",
                  generation.default_format.empty()
                      ? "not known"
                      : fmt::format("{} ({})", generation.default_format, to_string(generation.default_format_grade))});
  text += row_of(
      {"unwritten register", generation.absent_is_zero ? "0" : "the default its row gives; without one, unknown"});
  return text;
}

std::string coverage(const Generation& generation) {
  const IsaCoverage known = coverage_of(generation);
  std::string text = fmt::format(
      "{} register words: {} named ({}), {} reserved, {} unknown. Fields name {} of the {} bits of named words. Fields "
      "by grade: ",
      known.words, known.named, percent(known.named, known.words), known.reserved, known.unknown, known.named_bits,
      32 * known.named);
  for (const Grade grade : {Grade::hardware, Grade::file, Grade::reported, Grade::guess}) {
    text += fmt::format("{} {}{}", known.fields[static_cast<std::size_t>(grade)], to_string(grade),
                        grade == Grade::guess ? ".\n" : ", ");
  }
  return text;
}

std::string not_known(const Generation& generation) {
  std::string text;
  for (const std::string_view open : generation.open) {
    text += fmt::format("* {}\n", open);
  }
  std::string words, bits;
  for (const Block& block : generation.blocks) {
    for (const std::span<const Register> run : runs_of(block.registers)) {
      const Register& row = run.front();
      const std::string name = fmt::format("{}.{}", block.name, run_name(run));
      if (row.status == RegisterStatus::unknown) {
        join_to(words, name);
      } else if (row.status == RegisterStatus::named && row.fields.empty()) {
        join_to(bits, fmt::format("{} (all)", name));
      }
    }
  }
  text += words.empty() ? "" : fmt::format("* Words with a position and no name: {}.\n", words);
  text += bits.empty() ? "" : fmt::format("* Named words without a field: {}.\n", bits);
  return text.empty() ? "* Nothing is listed.\n" : text;
}

std::string packets(const Generation& generation) {
  std::string text;
  if (!generation.slots.empty()) {
    text += "## Slots\n\nWhat an address packet's slot, or a selector, stands for.\n\n" +
            head_of({"slot", "meaning", "grade"});
    for (const Slot& slot : generation.slots) {
      text += row_of({fmt::format("{}", slot.index), slot.meaning, to_string(slot.grade)});
    }
    text += "\n";
  }
  const AddressRegisters& at = generation.addresses;
  if (at.source1 != 0) {
    text +=
        "## Addresses\n\nThe registers that address packets write.\n\n" + head_of({"operand", "register", "address"});
    for (const auto& [name, address] : {std::pair<std::string_view, std::uint32_t>{"source 1", at.source1},
                                        {"source 2", at.source2},
                                        {"destination", at.destination},
                                        {"coefficients", at.kernel},
                                        {"activation table", at.table}}) {
      if (address != 0) {
        text += row_of({name, fmt::format("{}.{}", generation.block_of(address)->name, generation.find(address)->name),
                        fmt::format("{:#06x}", address)});
      }
    }
    text += "\n";
  }
  if (!generation.record_order.empty()) {
    text += "## Records\n\nThe records of a task, in order; their addresses have not been published.\n\n" +
            head_of({"record", "writes", "words"});
    for (std::size_t i = 0; i < generation.record_order.size(); ++i) {
      const RecordPlace& record = generation.record_order[i];
      text += row_of({fmt::format("{}", i),
                      fmt::format("{}.{} and on", generation.block_of(record.address)->name,
                                  generation.find(record.address)->name),
                      fmt::format("{}", record.words)});
    }
    text += "\n";
  }
  return text;
}

std::string field_meaning(const Field& field) {
  std::string text = type_of(field);
  join_to(text, enumerators_of(field));
  join_to(text, field.meaning);
  join_to(text, effect_of(field));
  return text;
}

std::string register_meaning(const Register& row) {
  std::string text = row.status == RegisterStatus::named ? "" : std::string(to_string(row.status));
  join_to(text, row.meaning);
  if (row.fallback) {
    join_to(text, fmt::format("unwritten: {:#x} ({})", row.fallback->value, to_string(row.fallback->grade)));
  }
  join_to(text, relocation_of(row));
  if (!row.alias.empty()) {
    join_to(text, fmt::format("also called {}", row.alias));
  }
  return text;
}

std::string place_of(const Block* block, std::span<const Register> run) {
  const std::uint32_t first = run.front().address, last = run.back().address;
  if (block == nullptr) {
    return fmt::format("word {}", first / 4);
  }
  return run.size() == 1 ? fmt::format("{:#06x}", first) : fmt::format("{:#06x}..{:#06x}", first, last);
}

std::string registers(const Block* block, std::span<const Register> all) {
  std::string text = head_of({block == nullptr ? "place" : "address", "register", "bits", "field", "grade", "meaning"});
  for (const std::span<const Register> run : runs_of(all)) {
    const Register& row = run.front();
    const std::uint32_t rest = ~row.named_bits();
    text += row_of({place_of(block, run), run_name(run), "", "", to_string(row.grade), register_meaning(row)});
    for (const Field& field : row.fields) {
      text += row_of({"", "", bits_of(field), field.name, to_string(field.grade), field_meaning(field)});
    }
    if (rest != 0 && !row.fields.empty()) {
      text += row_of({"", "", fmt::format("[{}]", bit_ranges(rest)), "", "", "no field"});
    }
  }
  return text + "\n";
}

std::string blocks(const Generation& generation) {
  std::string text = "## Header\n\n" + registers(nullptr, generation.header);
  for (const Block& block : generation.blocks) {
    text += fmt::format(
        "## {}\n\n{}{}. {} words {} ({}).\n\n", block.name, block.meaning.empty() ? "Registers" : block.meaning,
        block.path == BlockPath::both     ? ""
        : block.path == BlockPath::neural ? "; read by the neural path only"
                                          : "; read by the planar path only",
        block.words,
        block.base_known
            ? fmt::format("from {:#06x}", block.base)
            : fmt::format("at position {:#06x} of the register image; the address is not known", block.base),
        to_string(block.grade));
    text += registers(&block, block.registers);
  }
  return text;
}

std::string limits_of(const Generation& generation) {
  std::string rows;
  for (const Limit& limit : limits()) {
    if (const std::optional<std::int64_t> value = limit.of(generation)) {
      const std::string shown = *value == -1 ? "none" : *value == 0 ? "0 (not supported)" : fmt::format("{}", *value);
      rows += row_of({fmt::format("`{}`", limit.name), shown, limit.evidence.grade, limit.evidence.note});
    }
  }
  std::string has, has_not;
  for (const Feature& feature : features()) {
    if (const std::optional<bool> in = feature.in(generation)) {
      join_to(*in ? has : has_not, feature.name);
    }
  }
  std::string text =
      "## Limits of the vendor compiler\n\n" + head_of({"limit", "value", "grade", "note"}) + rows + "\n";
  text += has.empty() ? "" : fmt::format("Has: {}.\n\n", has);
  text += has_not.empty() ? "" : fmt::format("Has not: {}.\n\n", has_not);
  return rows.empty() ? "" : text;
}

void add_values(std::string& text, const Field& field) {
  for (const Enumerator& value : field.enumerators) {
    const Grade grade = value.grade == Grade::unknown ? field.grade : value.grade;
    text += row_of({field.name, fmt::format("{}", value.value), value.name, to_string(grade), value.meaning});
  }
}

/// Values by name, once for each list of them: the field rows have no room for meanings and grades.
std::string values_of(const Generation& generation) {
  std::set<const Enumerator*> listed;  // the table shares equal lists
  std::string text;
  const auto add = [&](std::span<const Register> registers) {
    for (const Register& row : registers) {
      for (const Field& field : row.fields) {
        if (!field.enumerators.empty() && listed.insert(field.enumerators.data()).second) {
          add_values(text, field);
        }
      }
    }
  };
  add(generation.header);
  for (const Block& block : generation.blocks) {
    add(block.registers);
  }
  return text.empty() ? ""
                      : "## Values\n\n" + head_of({"first used by", "value", "name", "grade", "meaning"}) + text + "\n";
}

}  // namespace

std::string isa_markdown(const Generation& generation) {
  std::string text = fmt::format("{}\n# {}{}\n\n", kGenerated, generation.id,
                                 chips_of(generation).empty() ? "" : fmt::format(": {}", chips_of(generation)));
  text +=
      summary(generation) + "\n" + coverage(generation) + "\n## What is not known\n\n" + not_known(generation) + "\n";
  text += packets(generation) + blocks(generation) + values_of(generation) + limits_of(generation);
  text += "## Sources\n\n";
  for (const std::string_view source : generation.sources) {
    text += fmt::format("* {}\n", source);
  }
  return text;
}

std::string isa_markdown_index() {
  std::string text = fmt::format(
      "{}\n# Instruction sets of the Apple Neural Engine\n\n"
      "One page per generation, made from the tables in `data/isa/`, which every reader of the project uses too.\n"
      "[tables.md](tables.md) says how a table is written.\n\n",
      kGenerated);
  text += head_of({"generation", "chips", "version", "subtype", "stream", "register words", "named", "grade"});
  for (const Generation* generation : generations()) {
    const IsaCoverage known = coverage_of(*generation);
    text += row_of({fmt::format("[{}]({})", generation->id, page_name(*generation)), chips_of(*generation),
                    fmt::format("{}", generation->td_version),
                    fmt::format("{}", fmt::join(generation->cpu_subtypes, ", ")), to_string(generation->stream),
                    fmt::format("{}", known.words), percent(known.named, known.words), to_string(generation->grade)});
  }
  text +=
      "\n## Grades\n\n"
      "| grade | means |\n|---|---|\n"
      "| hardware | measured on hardware by the cited author |\n"
      "| file | checked on real programs, or on published word-by-word decodes of compiler output |\n"
      "| reported | reported by reverse engineers, not checked again |\n"
      "| guess | inferred; code that relies on it says so |\n"
      "\nA register's grade speaks of its name and position, a field's of its bits, a default's of the default.\n"
      "\n## Targets of the vendor compiler\n\n";
  text += head_of({"target", "subtype", "version", "table", "grade", "note"});
  for (const CompilerTarget& target : compiler_targets()) {
    text += row_of({target.name.empty() ? "(no name)" : target.name, fmt::format("{}", target.cpu_subtype),
                    fmt::format("{}", target.td_version), target.generation.empty() ? "none" : target.generation,
                    target.evidence.grade, target.evidence.note});
  }
  return text;
}

}  // namespace openane
