// The register tables on a terminal.
#include <fmt/format.h>

#include <vector>

#include "base/columns.h"
#include "isa/reference.h"

namespace openane {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) {
    if (!part.empty()) {
      text += (text.empty() ? "" : "; ") + part;
    }
  }
  return text;
}

std::string default_of(const Register& row) {
  return row.fallback ? fmt::format("unwritten: {:#x} ({})", row.fallback->value, to_string(row.fallback->grade)) : "";
}

std::string alias_of(const Register& row) { return row.alias.empty() ? "" : fmt::format("also {}", row.alias); }

std::string address_of(const Generation& generation, const Block* block, std::uint32_t address) {
  if (block == nullptr) {
    return fmt::format("word {}", address / 4);
  }
  if (!block->base_known) {
    return fmt::format("+{:#05x}", address);
  }
  return generation.stream == StreamForm::packet ? fmt::format("{:#06x}", address) : fmt::format("{:#07x}", address);
}

std::vector<std::string> field_row(const Field& field) {
  return {fmt::format("{} {}", bits_of(field), field.name), std::string(to_string(field.grade)),
          joined({type_of(field), enumerators_of(field), std::string(field.meaning), effect_of(field)})};
}

/// Registers with their fields under them, as one table.
std::string registers_text(const Generation& generation, const Block* block, std::span<const Register> registers) {
  Rows columns;
  for (const std::span<const Register> run : runs_of(registers)) {
    const Register& row = run.front();
    const std::string state = row.status == RegisterStatus::named ? "" : std::string(to_string(row.status));
    columns.push_back({address_of(generation, block, row.address), run_name(run), std::string(to_string(row.grade)),
                       joined({state, std::string(row.meaning), default_of(row), relocation_of(row), alias_of(row)})});
    for (const Field& field : row.fields) {
      std::vector<std::string> cells = field_row(field);
      cells.insert(cells.begin(), "");
      cells[1].insert(0, "  ");
      columns.push_back(std::move(cells));
    }
  }
  return columns_text(columns);
}

std::string list_of(std::span<const std::uint32_t> values, std::string_view format) {
  std::string text;
  for (const std::uint32_t value : values) {
    text += (text.empty() ? "" : ", ") + fmt::format(fmt::runtime(format), value);
  }
  return text;
}

int percent(std::uint32_t part, std::uint32_t whole) {
  return whole == 0 ? 0 : static_cast<int>((200 * part + whole) / (2 * whole));
}

std::string generation_text(const Generation& generation) {
  const IsaCoverage known = coverage_of(generation);
  Rows facts;
  facts.push_back({"status", std::string(generation.status)});
  facts.push_back({"grade", std::string(to_string(generation.grade))});
  facts.push_back({"targets", fmt::format("{}", fmt::join(generation.targets, ", "))});
  facts.push_back({"container subtype", list_of(generation.cpu_subtypes, "{}")});
  facts.push_back({"descriptor version", fmt::format("{}", generation.td_version)});
  facts.push_back({"stream", stream_of(generation)});
  facts.push_back(
      {"task", fmt::format("{} header words{}, aligned to {:#x}, frame of {} bytes", generation.header_words,
                           generation.roles.extra_word.width != 0 ? " and one optional" : "", generation.task_align,
                           generation.lead_in_bytes)});
  if (!generation.default_format.empty()) {
    facts.push_back({"default format",
                     fmt::format("{} ({})", generation.default_format, to_string(generation.default_format_grade))});
  }
  facts.push_back({"unwritten register", generation.absent_is_zero ? "0" : "the default its row gives, else unknown"});
  facts.push_back(
      {"register words", fmt::format("{}: {} named ({} %), {} reserved, {} unknown", known.words, known.named,
                                     percent(known.named, known.words), known.reserved, known.unknown)});
  std::string text = fmt::format("{}\n\n{}", generation.id, columns_text(facts));
  if (!generation.open.empty()) {
    text += "\nnot known\n";
    for (const std::string_view open : generation.open) {
      text += fmt::format("  {}\n", open);
    }
  }
  if (!generation.slots.empty()) {
    Rows slots;
    for (const Slot& slot : generation.slots) {
      slots.push_back({fmt::format("{}", slot.index), std::string(to_string(slot.grade)), std::string(slot.meaning)});
    }
    text += "\nslots\n" + columns_text(slots, "  ");
  }
  text += "\nheader\n" + registers_text(generation, nullptr, generation.header) + "\nblocks\n";
  Rows blocks;
  for (const Block& block : generation.blocks) {
    blocks.push_back({address_of(generation, &block, block.base), std::string(block.name),
                      fmt::format("{} words", block.words), std::string(to_string(block.grade)),
                      std::string(block.meaning)});
  }
  return text + columns_text(blocks, "  ");
}

}  // namespace

std::string isa_overview_text() {
  Rows columns;
  columns.push_back({"", "version", "subtype", "stream", "words", "named", "grade", "targets"});
  for (const Generation* generation : generations()) {
    const IsaCoverage known = coverage_of(*generation);
    columns.push_back({std::string(generation->id), fmt::format("{}", generation->td_version),
                       list_of(generation->cpu_subtypes, "{}"), std::string(to_string(generation->stream)),
                       fmt::format("{}", known.words), fmt::format("{} %", percent(known.named, known.words)),
                       std::string(to_string(generation->grade)),
                       fmt::format("{}", fmt::join(generation->targets, ", "))});
  }
  return columns_text(columns);
}

std::string isa_text(const IsaPlace& place) {
  const Generation& generation = *place.generation;
  if (place.row != nullptr) {
    const std::string block = place.block == nullptr ? "" : fmt::format("{}.", place.block->name);
    std::string text = fmt::format("{} {}{}\n", generation.id, block, place.row->name) +
                       registers_text(generation, place.block, {place.row, 1});
    if (const std::uint32_t rest = ~place.row->named_bits(); rest != 0 && !place.row->fields.empty()) {
      text += fmt::format("bits without a field: {}\n", bit_ranges(rest));
    }
    return text;
  }
  if (place.block != nullptr) {
    return fmt::format("{} {}: {}\n", generation.id, place.block->name,
                       place.block->meaning.empty() ? "no meaning is recorded" : place.block->meaning) +
           registers_text(generation, place.block, place.block->registers);
  }
  return generation_text(generation);
}

}  // namespace openane
