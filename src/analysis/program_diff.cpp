// Two programs side by side: what a run depends on, then every task word, by the names of its fields.
#include "openane/program_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "asm/field_text.h"
#include "base/words.h"

namespace openane {
namespace {

using Differences = std::vector<ProgramDifference>;

std::string name_text(std::string_view name) {
  std::string text;
  append_name(text, name);
  return text;
}

class Comparison {
 public:
  Differences take() { return std::move(differences_); }
  [[nodiscard]] std::size_t count() const { return differences_.size(); }

  void text(std::string where, std::string left, std::string right) {
    if (left != right) {
      differences_.push_back({std::move(where), std::move(left), std::move(right)});
    }
  }
  template <typename T>
  void number(std::string where, T left, T right) {
    if (left != right) {
      differences_.push_back({std::move(where), fmt::format("{}", left), fmt::format("{}", right)});
    }
  }
  template <typename T>
  void bytes(std::string where, T left, T right) {
    if (left != right) {
      differences_.push_back({std::move(where), fmt::format("{:#x}", left), fmt::format("{:#x}", right)});
    }
  }

 private:
  Differences differences_;
};

std::string shape_text(const SurfaceShape& s) {
  return s.d == 1 ? fmt::format("{}x{}x{}x{}", s.n, s.c, s.h, s.w)
                  : fmt::format("{}x{}x{}x{} depth {}", s.n, s.c, s.h, s.w, s.d);
}

void compare_tensors(Comparison& out, const std::string& where, const TensorBinding& a, const TensorBinding& b) {
  out.text(where + " role", std::string(to_string(a.role)), std::string(to_string(b.role)));
  out.number(where + " slot", a.slot, b.slot);
  out.text(where + " type", std::string(to_string(a.layout.type)), std::string(to_string(b.layout.type)));
  out.text(where + " shape", shape_text(a.layout.shape), shape_text(b.layout.shape));
  out.bytes(where + " row stride", a.layout.strides.h, b.layout.strides.h);
  out.bytes(where + " plane stride", a.layout.strides.c, b.layout.strides.c);
  out.bytes(where + " batch stride", a.layout.strides.n, b.layout.strides.n);
  out.bytes(where + " depth stride", a.layout.strides.d, b.layout.strides.d);
  out.bytes(where + " element stride", a.layout.strides.w, b.layout.strides.w);
  out.number(where + " interleave", a.layout.interleave, b.layout.interleave);
  out.bytes(where + " bytes", a.byte_size(), b.byte_size());
}

void compare_all_tensors(Comparison& out, const std::string& where, const Procedure& a, const Procedure& b) {
  const auto find = [](const Procedure& procedure, const std::string& name) {
    const auto found = std::ranges::find(procedure.tensors, name, &TensorBinding::name);
    return found == procedure.tensors.end() ? nullptr : &*found;
  };
  for (const TensorBinding& tensor : a.tensors) {
    const TensorBinding* other = find(b, tensor.name);
    const std::string place = where + "tensor " + name_text(tensor.name);
    if (other == nullptr) {
      out.text(place, "present", "absent");
    } else {
      compare_tensors(out, place, tensor, *other);
    }
  }
  for (const TensorBinding& tensor : b.tensors) {
    if (find(a, tensor.name) == nullptr) {
      out.text(where + "tensor " + name_text(tensor.name), "absent", "present");
    }
  }
}

/// Every field of a word that differs, then the bits without a name.
void compare_words(Comparison& out, const std::string& where, const Generation& generation, std::uint32_t address,
                   bool in_header, std::uint32_t a, std::uint32_t b) {
  if (a == b) {
    return;
  }
  const Register* row = nullptr;
  if (!in_header) {
    row = generation.find(address);
  } else if (address / 4 < generation.header.size()) {
    row = &generation.header[address / 4];
  }
  const std::string name = where + register_name(generation, address, in_header);
  std::uint32_t rest = a ^ b;
  for (const Field& field : row == nullptr ? std::span<const Field>{} : row->fields) {
    if ((rest & field.mask()) != 0) {
      std::string left, right;
      append_field_value(left, field, field.get(a));
      append_field_value(right, field, field.get(b));
      out.text(fmt::format("{}.{}", name, field.name), std::move(left), std::move(right));
      rest &= ~field.mask();
    }
  }
  if (rest != 0) {
    out.bytes(name + " unnamed bits", a & rest, b & rest);
  }
}

std::set<std::uint32_t> written_registers(const Task& task) {
  std::set<std::uint32_t> addresses;
  for (const Record& record : task.records()) {
    for (std::uint32_t i = 0; i < record.count; ++i) {
      addresses.insert(record.address_of(i));
    }
  }
  return addresses;
}

std::string records_text(const Task& task) {
  constexpr std::array<std::string_view, 3> kForms = {"", "scatter ", "address "};
  std::string text;
  for (const Record& record : task.records()) {
    fmt::format_to(std::back_inserter(text), "{}{}{} x{}", text.empty() ? "" : ", ",
                   kForms.at(static_cast<std::size_t>(record.form)),
                   register_name(task.generation(), record.place, false), record.count);
    if (record.form == Record::Form::address) {
      fmt::format_to(std::back_inserter(text), " slot {}", record.slot);
    }
    if (record.address != record.place) {
      fmt::format_to(std::back_inserter(text), " at {:#x}", record.address);
    }
  }
  return text;
}

void compare_tasks(Comparison& out, const std::string& where, const PlacedTask& a, const PlacedTask& b) {
  out.bytes(where + "offset", a.offset, b.offset);
  if (std::ranges::equal(a.task.words(), b.task.words())) {
    return;
  }
  const std::size_t before = out.count();
  const Generation& generation = a.task.generation();
  const std::uint32_t header = std::max(a.task.header_size(), b.task.header_size());
  for (std::uint32_t i = 0; i < header; ++i) {
    compare_words(out, where, generation, 4 * i, true, a.task.header(i), b.task.header(i));
  }
  const std::string left_records = records_text(a.task), right_records = records_text(b.task);
  out.text(where + "records", left_records, right_records);
  std::set<std::uint32_t> addresses = written_registers(a.task);
  addresses.merge(written_registers(b.task));
  for (const std::uint32_t address : addresses) {
    const std::optional<std::uint32_t> left = a.task.find(address), right = b.task.find(address);
    if (left && right) {
      compare_words(out, where, generation, address, false, *left, *right);
    } else {
      const auto text = [](std::optional<std::uint32_t> word) {
        return word ? fmt::format("{:#x}", *word) : "not written";
      };
      out.text(where + register_name(generation, address, false), text(left), text(right));
    }
  }
  if (out.count() == before) {  // a value that a later record of the task overwrites
    const auto words = std::ranges::mismatch(a.task.words(), b.task.words());
    const auto at = 4 * (words.in1 - a.task.words().begin());
    out.bytes(fmt::format("{}word +{:#x} (overwritten later)", where, at), *words.in1, *words.in2);
  }
}

void compare_procedures(Comparison& out, const std::string& where, const Procedure& a, const Procedure& b,
                        bool same_generation) {
  compare_all_tensors(out, where, a, b);
  out.number(where + "number of tasks", a.tasks.size(), b.tasks.size());
  for (std::size_t i = 0; same_generation && i < std::min(a.tasks.size(), b.tasks.size()); ++i) {
    compare_tasks(out, fmt::format("{}task {} ", where, i), a.tasks[i], b.tasks[i]);
  }
}

void compare_constants(Comparison& out, const ConstantSection* a, const ConstantSection* b, std::uint32_t slot) {
  const std::string where = fmt::format("constants in slot {}", slot);
  const std::span<const std::uint8_t> left = a == nullptr ? std::span<const std::uint8_t>{} : a->data.span();
  const std::span<const std::uint8_t> right = b == nullptr ? std::span<const std::uint8_t>{} : b->data.span();
  out.number(where + " size", left.size(), right.size());
  const std::size_t common = std::min(left.size(), right.size());
  std::size_t first = common, count = 0;
  for (std::size_t i = 0; i < common; ++i) {
    if (left[i] != right[i]) {
      first = std::min(first, i);
      ++count;
    }
  }
  if (count != 0) {
    const std::string at = fmt::format("{}: {} byte{} from {:#x} on", where, count, count == 1 ? "" : "s", first);
    out.bytes(at, static_cast<unsigned>(left[first]), static_cast<unsigned>(right[first]));
  }
}

void compare_all_constants(Comparison& out, const Program& a, const Program& b) {
  std::set<std::uint32_t> slots;
  for (const Program* program : {&a, &b}) {
    for (const ConstantSection& section : program->constants) {
      slots.insert(section.slot);
    }
  }
  const auto find = [](const Program& program, std::uint32_t slot) {
    const auto found = std::ranges::find(program.constants, slot, &ConstantSection::slot);
    return found == program.constants.end() ? nullptr : &*found;
  };
  for (const std::uint32_t slot : slots) {
    compare_constants(out, find(a, slot), find(b, slot), slot);
  }
}

/// What stands between the tasks and behind the last one; the frame before the first is there, too.
std::vector<std::uint8_t> between_tasks(const Program& program) {
  std::vector<std::uint8_t> bytes(program.task_section.span().begin(), program.task_section.span().end());
  for (const Procedure& procedure : program.procedures) {
    for (const PlacedTask& placed : procedure.tasks) {
      const std::size_t begin = std::min<std::size_t>(placed.offset, bytes.size());
      const std::size_t end = std::min<std::size_t>(begin + placed.task.size_bytes(), bytes.size());
      std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(begin), bytes.begin() + static_cast<std::ptrdiff_t>(end),
                0);
    }
  }
  return bytes;
}

/// Zeros are padding, of which there may be more or less.
void compare_gaps(Comparison& out, const Program& a, const Program& b) {
  std::vector<std::uint8_t> left = between_tasks(a), right = between_tasks(b);
  const std::size_t size = std::max(left.size(), right.size());
  left.resize(size);
  right.resize(size);
  const auto at = std::ranges::mismatch(left, right);
  if (at.in1 != left.end()) {
    out.bytes(fmt::format("task section outside its tasks, from {:#x} on", at.in1 - left.begin()),
              static_cast<unsigned>(*at.in1), static_cast<unsigned>(*at.in2));
  }
}

std::string generation_text(const Program& program) {
  return program.generation == nullptr ? "none" : std::string(program.generation->id);
}

}  // namespace

std::vector<ProgramDifference> diff_programs(const Program& left, const Program& right) {
  Comparison out;
  out.text("generation", generation_text(left), generation_text(right));
  out.bytes("scratch bytes", left.scratch_bytes, right.scratch_bytes);
  out.number("scratch slot", left.scratch_slot, right.scratch_slot);
  const std::size_t common = std::min(left.procedures.size(), right.procedures.size());
  const bool several = std::max(left.procedures.size(), right.procedures.size()) > 1;
  out.number("number of procedures", left.procedures.size(), right.procedures.size());
  for (std::size_t i = 0; i < common; ++i) {
    const Procedure &a = left.procedures[i], &b = right.procedures[i];
    const std::string where = several ? fmt::format("procedure {} ", i) : std::string();
    out.text(where + "procedure name", name_text(a.name), name_text(b.name));
    compare_procedures(out, where, a, b, left.generation == right.generation);
  }
  if (left.generation == right.generation) {
    compare_gaps(out, left, right);
  }
  compare_all_constants(out, left, right);
  return out.take();
}

}  // namespace openane
