#include <algorithm>

#include "asm/field_text.h"
#include "asm/task_text.h"
#include "base/number_text.h"

namespace openane {
namespace {

/// Header bits that the linker sets.
std::uint32_t linked_bits(const HeaderRoles& roles, std::uint32_t index) {
  std::uint32_t bits = 0;
  for (const FieldRef role : {roles.task_id, roles.task_words, roles.next_words, roles.next_offset, roles.next_enable,
                              roles.not_first, roles.last}) {
    if (role.width != 0 && role.address / 4 == index) {
      bits |= role.mask();
    }
  }
  return bits;
}

/// The fields to print: nonzero ones the linker leaves alone, and those it would set otherwise.
std::uint32_t told_bits(const Register* row, std::uint32_t word, std::uint32_t linked, std::uint32_t linker_bits) {
  std::uint32_t told = word & ~linker_bits;
  const std::uint32_t differing = (word ^ linked) & linker_bits;
  for (const Field& field : row == nullptr ? std::span<const Field>{} : row->fields) {
    told |= (field.mask() & differing) != 0 ? field.mask() : 0;
  }
  return told;
}

/// Like `append_word_fields`, for the fields that touch `told`, zero or not.
void append_told(std::string& out, const Register* row, std::uint32_t word, std::uint32_t told) {
  std::uint32_t unnamed = word & told;
  std::string_view comma;
  for (const Field& field : row == nullptr ? std::span<const Field>{} : row->fields) {
    unnamed &= ~field.mask();
    if ((field.mask() & told) != 0) {
      out += comma;
      out += field.name;
      out += ' ';
      append_field_value(out, field, field.get(word));
      comma = ", ";
    }
  }
  if (unnamed != 0) {
    out += comma;
    out += "unnamed ";
    append_hex(out, unnamed);
  }
}

void append_header(std::string& out, const Task& task, const Task& linked, std::string_view indent) {
  const Generation& generation = task.generation();
  std::string lines;
  for (std::uint32_t i = 0; i < task.header_size(); ++i) {
    const Register* row = i < generation.header.size() ? &generation.header[i] : nullptr;
    const std::uint32_t told = told_bits(row, task.header(i), linked.header(i), linked_bits(generation.roles, i));
    if (told != 0 && row != nullptr) {
      lines += indent;
      lines += "  ";
      lines += row->name;
      lines += " = ";
      append_told(lines, row, task.header(i), told);
      lines += '\n';
    }
  }
  if (!lines.empty()) {
    out += indent;
    out += "header {\n";
    out += lines;
    out += indent;
    out += "}\n";
  }
}

bool same_fields(const Register& a, const Register& b) {
  return std::ranges::equal(a.fields, b.fields, [](const Field& x, const Field& y) {
    return x.name == y.name && x.lsb == y.lsb && x.width == y.width && x.type == y.type && x.unit == y.unit &&
           x.enumerators.data() == y.enumerators.data() && x.enumerators.size() == y.enumerators.size();
  });
}

/// "CoeffBaseAddr12" -> ("CoeffBaseAddr", 12).
struct NumberedName {
  std::string_view stem;
  std::optional<std::uint64_t> number;
};
NumberedName numbered(std::string_view name) {
  const std::size_t digits = name.find_last_not_of("0123456789") + 1;
  const std::string_view number = name.substr(digits);
  const bool canonical = !number.empty() && (number.size() == 1 || number.front() != '0');
  return {name.substr(0, digits), canonical ? parse_unsigned(number) : std::nullopt};
}

/// How many registers from `first` on are a numbered run whose words are equal, or step by a constant in their only
/// field.
struct Run {
  std::size_t count = 1;
  std::uint32_t step = 0;
};
Run find_run(const Generation& generation, const Record& record, std::span<const std::uint32_t> values,
             std::size_t first) {
  const Register* row = generation.find(record.address_of(static_cast<std::uint32_t>(first)));
  const NumberedName name = row == nullptr ? NumberedName{} : numbered(row->name);
  Run run;
  if (!name.number) {
    return run;
  }
  const auto continues = [&](std::size_t i) {
    const Register* next = generation.find(record.address_of(static_cast<std::uint32_t>(i)));
    const NumberedName other = next == nullptr ? NumberedName{} : numbered(next->name);
    return next == row + (i - first) && other.number && other.stem == name.stem &&
           *other.number == *name.number + (i - first) && same_fields(*row, *next);
  };
  const bool steps = row->fields.size() == 1 && row->fields[0].type == FieldType::unsigned_integer &&
                     row->fields[0].enumerators.empty();
  if (first + 1 < values.size() && steps && values[first + 1] > values[first]) {
    const std::uint32_t mask = row->fields[0].mask();
    const std::uint32_t step = values[first + 1] - values[first];
    const auto inside = [mask](std::uint32_t word) { return (word & ~mask) == 0; };
    if (inside(values[first]) && (step & ~mask) == 0) {
      run.step = step;
    }
  }
  while (first + run.count < values.size() && continues(first + run.count) &&
         values[first + run.count] - values[first + run.count - 1] == run.step &&
         (run.step == 0 || (values[first + run.count] & ~row->fields[0].mask()) == 0)) {
    ++run.count;
  }
  if (run.count == 1) {
    run.step = 0;
  }
  return run;
}

void append_values(std::string& out, const Task& task, const Record& record, std::string_view indent) {
  const Generation& generation = task.generation();
  const Block* block = generation.block_of(record.place);
  const std::span<const std::uint32_t> values = task.words().subspan(record.first, record.count);
  const bool all = record.form == Record::Form::scatter;
  for (std::size_t i = 0; i < values.size();) {
    if (values[i] == 0 && !all && (i + 1 == values.size() || find_run(generation, record, values, i).step == 0)) {
      ++i;
      continue;
    }
    const Run run = all ? Run{} : find_run(generation, record, values, i);
    const std::uint32_t address = record.address_of(static_cast<std::uint32_t>(i));
    const Register* row = generation.find(address);
    out += indent;
    out += "  ";
    if (row == nullptr) {
      append_hex(out, address);
    } else if (generation.block_of(address) == block) {
      out += row->name;
    } else {
      append_register_name(out, generation, address, false);
    }
    if (run.count > 1) {
      out += "..";
      append_decimal(out, *numbered(row->name).number + run.count - 1);
    }
    out += " = ";
    if (run.step != 0) {
      const Field& field = row->fields[0];
      out += field.name;
      out += ' ';
      append_field_value(out, field, field.get(values[i]));
      out += " step ";
      append_field_value(out, field, field.get(run.step));
    } else {
      append_word_fields(out, row, values[i]);
    }
    out += '\n';
    i += run.count;
  }
}

void append_record(std::string& out, const Task& task, const Record& record, std::string_view indent) {
  const Generation& generation = task.generation();
  const Block* block = generation.block_of(record.place);
  const bool whole = record.form == Record::Form::dense && block != nullptr && block->base == record.place &&
                     block->words == record.count;
  out += indent;
  if (record.form != Record::Form::dense) {
    out += record.form == Record::Form::scatter ? "scatter " : "address ";
  }
  if (whole) {
    out += block->name;
  } else if (generation.find(record.place) != nullptr) {
    append_register_name(out, generation, record.place, false);
  } else {
    append_hex(out, record.place);
  }
  if (record.place != record.address) {
    out += " at ";
    append_hex(out, record.address);
  }
  if (record.form == Record::Form::address) {
    out += " slot ";
    append_decimal(out, record.slot);
  }
  if (!whole && record.form != Record::Form::scatter && record.count != 1) {
    out += " x";
    append_decimal(out, record.count);
  }
  const std::size_t opened = out.size();
  out += " {\n";
  const std::size_t empty = out.size();
  append_values(out, task, record, indent);
  if (out.size() == empty) {
    out.resize(opened);
    out += " {}\n";
    return;
  }
  out += indent;
  out += "}\n";
}

}  // namespace

void append_register_task(std::string& out, const Task& task, const Task& linked, std::string_view indent) {
  append_header(out, task, linked, indent);
  for (const Record& record : task.records()) {
    append_record(out, task, record, indent);
  }
}

}  // namespace openane
