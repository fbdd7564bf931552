// The fields view (every named field with its value and how it is known) and the words view (the stream word by word).
#include "asm/field_text.h"
#include "asm/listing_internal.h"
#include "base/number_text.h"

namespace openane {
namespace {

constexpr std::size_t kFieldColumn = 34, kValueColumn = 20;

void pad_to(std::string& out, std::size_t line_start, std::size_t column) {
  const std::size_t width = out.size() - line_start;
  out.append(width < column ? column - width : 1, ' ');
}

void end_field_line(std::string& out, std::size_t start, Grade grade) {
  pad_to(out, start, 4 + kFieldColumn + kValueColumn);
  out += '[';
  out += to_string(grade);
  out += "]\n";
}

void append_register(std::string& out, const Task& task, std::uint32_t address, bool in_header, std::uint32_t word) {
  const Generation& generation = task.generation();
  const Register* row = in_header ? (address / 4 < generation.header.size() ? &generation.header[address / 4] : nullptr)
                                  : generation.find(address);
  const std::size_t line = out.size();
  out += "  ";
  append_register_name(out, generation, address, in_header);
  pad_to(out, line, 2 + kFieldColumn + 2);
  append_word(out, word);
  if (row != nullptr && row->status != RegisterStatus::named) {
    out += row->status == RegisterStatus::reserved ? "  reserved" : "  unknown";
  }
  out += '\n';
  std::uint32_t unnamed = word;
  if (row != nullptr) {
    for (const Field& field : row->fields) {
      unnamed &= ~field.mask();
      const std::size_t start = out.size();
      out += "    ";
      out += field.name;
      pad_to(out, start, 4 + kFieldColumn);
      const std::uint32_t raw = field.get(word);
      append_field_value(out, field, raw);
      if (!field.enumerators.empty()) {
        out += " (";
        append_decimal(out, raw);
        out += ')';
      }
      end_field_line(out, start, field.grade);
    }
  }
  if (unnamed != 0) {
    const std::size_t start = out.size();
    out += "    unnamed bits";
    pad_to(out, start, 4 + kFieldColumn);
    append_hex(out, unnamed);
    end_field_line(out, start, Grade::unknown);
  }
}

void append_title(std::string& out, const ListedTask& listed) {
  out += "task ";
  append_decimal(out, listed.index);
  if (listed.offset) {
    out += " at ";
    append_hex(out, *listed.offset);
  }
  out += ": ";
  append_decimal(out, listed.task->words().size());
  out += " words\n";
}

std::string_view form_name(Record::Form form) {
  switch (form) {
    case Record::Form::dense:
      return "dense";
    case Record::Form::scatter:
      return "scatter";
    case Record::Form::address:
      return "address";
  }
  return "?";
}

void append_record(std::string& out, const Task& task, const Record& record) {
  out += form_name(record.form);
  out += ' ';
  append_register_name(out, task.generation(), record.place, false);
  out += " x";
  append_decimal(out, record.count);
  if (record.form == Record::Form::address) {
    out += " slot ";
    append_decimal(out, record.slot);
  }
}

void append_word_line(std::string& out, std::size_t index, std::uint32_t word) {
  out += "  +";
  std::string_view digits = "0123456789abcdef";
  for (const unsigned shift : {8u, 4u, 0u}) {
    out += digits[((index * 4) >> shift) & 15u];
  }
  out += "  ";
  append_word(out, word);
  out += "  ";
}

}  // namespace

void append_fields(std::string& out, const ListedTask& listed) {
  const Task& task = *listed.task;
  append_title(out, listed);
  for (std::uint32_t i = 0; i < task.header_size(); ++i) {
    append_register(out, task, 4 * i, true, task.words()[i]);
  }
  for (const Record& record : task.records()) {
    if (record.form == Record::Form::address) {
      out += "  # relative to slot ";
      append_decimal(out, record.slot);
      out += '\n';
    }
    for (std::uint32_t i = 0; i < record.count; ++i) {
      append_register(out, task, record.address_of(i), false, task.words()[record.first + i]);
    }
  }
  if (listed.op != nullptr) {
    for (const Unknown& unknown : listed.op->unknowns) {
      out += "  # unknown: ";
      out += unknown.to_string();
      out += '\n';
    }
  }
}

void append_words(std::string& out, const ListedTask& listed) {
  const Task& task = *listed.task;
  const Generation& generation = task.generation();
  append_title(out, listed);
  const auto line = [&](std::size_t index, std::uint32_t address, bool in_header) {
    const std::uint32_t word = task.words()[index];
    const Register* row = nullptr;
    if (!in_header) {
      row = generation.find(address);
    } else if (address / 4 < generation.header.size()) {
      row = &generation.header[address / 4];
    }
    const std::size_t start = out.size();
    append_word_line(out, index, word);
    append_register_name(out, generation, address, in_header);
    if (word != 0) {
      pad_to(out, start, 20 + kFieldColumn + 6);
      append_word_fields(out, row, word);
    }
    out += '\n';
  };
  for (std::uint32_t i = 0; i < task.header_size(); ++i) {
    line(i, 4 * i, true);
  }
  for (const Record& record : task.records()) {
    append_word_line(out, record.first - 1, task.words()[record.first - 1]);
    append_record(out, task, record);
    out += '\n';
    for (std::uint32_t i = 0; i < record.count; ++i) {
      line(record.first + i, record.address_of(i), false);
    }
  }
}

}  // namespace openane
