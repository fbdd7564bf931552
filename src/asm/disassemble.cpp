// Program -> assembly text that `assemble` turns back into a program with the same bytes.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "asm/carried_text.h"
#include "asm/data_text.h"
#include "asm/listing_internal.h"
#include "asm/task_text.h"
#include "base/byte_reader.h"
#include "base/number_text.h"
#include "openane/assembly.h"
#include "program/constant_slot.h"
#include "target/h13/table_formulas.h"

namespace openane {
namespace {

void append_number(std::string& out, std::string_view name, std::int64_t value) {
  out += ' ';
  out += name;
  out += ' ';
  append_hex(out, static_cast<std::uint64_t>(value));
}

class Disassembler {
 public:
  explicit Disassembler(const Program& program) : program_(program), budget_(0) {}

  Result<std::string> run() {
    if (program_.generation == nullptr) {
      return fail(ErrorCategory::usage, "the program names no generation");
    }
    append_head();
    for (const ConstantSection& section : program_.constants) {
      append_constants(section);
    }
    std::uint64_t start = program_.generation->lead_in_bytes;
    for (const Procedure& procedure : program_.procedures) {
      OPENANE_CHECK(append_procedure(procedure, start));
    }
    OPENANE_CHECK(append_task_section());
    OPENANE_CHECK(append_carried(out_, program_, budget_));
    return std::move(out_);
  }

 private:
  void append_head() {
    out_ += "generation ";
    out_ += program_.generation->id;
    out_ += '\n';
    if (!program_.compiler.empty()) {
      out_ += "compiler ";
      append_name(out_, program_.compiler);
      out_ += '\n';
    }
    if (program_.scratch_bytes != 0 || program_.scratch_slot != Program{}.scratch_slot) {
      out_ += "scratch ";
      append_hex(out_, program_.scratch_bytes);
      if (program_.scratch_slot != Program{}.scratch_slot) {
        fmt::format_to(std::back_inserter(out_), " slot {}", program_.scratch_slot);
      }
      out_ += '\n';
    }
  }

  void append_constants(const ConstantSection& section) {
    out_ += "\nconstants";
    if (!section.name.empty()) {
      out_ += ' ';
      append_name(out_, section.name);
    }
    if (section.slot != ConstantSection{}.slot || constants_follow_tensors(*program_.generation)) {
      fmt::format_to(std::back_inserter(out_), " slot {}", section.slot);
    }
    out_ += " {\n";
    const std::span<const std::uint8_t> data = section.data.span();
    std::size_t at = 0;
    for (const auto& [place, formula] : formula_tables(section)) {
      if (place >= at) {
        append_data(out_, data.subspan(at, place - at), "  ", budget_);
        out_ += "  table ";
        out_ += formula;
        out_ += '\n';
        at = place + sizeof(h13::TableWords);
      }
    }
    append_data(out_, data.subspan(at), "  ", budget_);
    out_ += "}\n";
  }

  /// Tables that tasks look values up in and that a formula makes, by their place in the section.
  [[nodiscard]] std::map<std::size_t, std::string> formula_tables(const ConstantSection& section) const {
    std::map<std::size_t, std::string> tables;
    for (const Procedure& procedure : program_.procedures) {
      for (const PlacedTask& placed : procedure.tasks) {
        const Result<EngineOp> op = lift(placed.task);
        const NeuralCompute* neural = op ? op->neural() : nullptr;
        if (neural == nullptr || neural->activation != Activation::table ||
            (neural->kernel.table_apart ? neural->kernel.table_slot : neural->kernel.slot) != section.slot) {
          continue;
        }
        if (neural->kernel.table_apart) {
          add_table(tables, section, neural->kernel.table_offset);
          continue;
        }
        for (const KernelChannel& channel : neural->kernel.channels) {
          if (channel.enabled) {
            add_table(tables, section, std::uint64_t{neural->kernel.offset} + channel.offset);
          }
        }
      }
    }
    std::erase_if(tables, [](const auto& entry) { return entry.second.empty(); });
    return tables;
  }

  static void add_table(std::map<std::size_t, std::string>& tables, const ConstantSection& section,
                        std::uint64_t place) {
    constexpr std::uint64_t kPlaceAlign = 64;  // where `table` places one
    if (place % kPlaceAlign == 0 && !tables.contains(place) &&
        range_inside(place, sizeof(h13::TableWords), section.data.size())) {
      h13::TableWords words{};
      std::memcpy(words.data(), section.data.data() + place, sizeof words);
      tables[place] = h13::recognise_table(words);
    }
  }

  void append_tensor(const TensorBinding& tensor, const Procedure* carrier) {
    const SurfaceLayout& layout = tensor.layout;
    const SurfaceShape& shape = layout.shape;
    out_ += "  tensor ";
    append_name(out_, tensor.name);
    fmt::format_to(std::back_inserter(out_), " {} {} {}x{}x{}x{} slot {}", to_string(tensor.role),
                   to_string(layout.type), shape.n, shape.c, shape.h, shape.w, tensor.slot);
    if (shape.d != 1) {
      fmt::format_to(std::back_inserter(out_), " depth {}", shape.d);
    }
    if (layout.interleave != 1) {
      fmt::format_to(std::back_inserter(out_), " interleave {}", layout.interleave);
    }
    append_number(out_, "row", layout.strides.h);
    append_number(out_, "plane", layout.strides.c);
    append_number(out_, "batch", layout.strides.n);
    if (layout.strides.d != 0 || shape.d > 1) {
      append_number(out_, "depth_stride", layout.strides.d);
    }
    const std::uint64_t element = std::uint64_t{layout.interleave} * element_bytes(layout.type).value_or(0);
    if (static_cast<std::uint64_t>(layout.strides.w) != element) {
      append_number(out_, "element", layout.strides.w);
    }
    if (tensor.symbol != tensor.name) {
      out_ += " symbol ";
      append_name(out_, tensor.symbol);
    }
    // The container block repeats these; what it says need not stand here.
    const TensorBinding* other = carrier != nullptr ? carrier->find(tensor.name) : nullptr;
    const std::uint64_t total = other != nullptr ? other->total_bytes : static_cast<std::uint64_t>(layout.strides.n);
    if (tensor.address != (other != nullptr ? other->address : 0)) {
      append_number(out_, "address", static_cast<std::int64_t>(tensor.address));
    }
    if (tensor.total_bytes != total) {
      append_number(out_, "total", static_cast<std::int64_t>(tensor.total_bytes));
    }
    if (tensor.extent != (other != nullptr ? other->extent : 0)) {
      append_number(out_, "extent", static_cast<std::int64_t>(tensor.extent));
    }
    out_ += '\n';
  }

  Result<void> append_procedure(const Procedure& procedure, std::uint64_t& start) {
    out_ += "\nprocedure ";
    append_name(out_, procedure.name);
    out_ += " {\n";
    if (procedure.scratch_used != 0) {
      fmt::format_to(std::back_inserter(out_), "  scratch_used {:#x}\n", procedure.scratch_used);
    }
    if (procedure.task_base != 0) {
      fmt::format_to(std::back_inserter(out_), "  task_base {:#x}\n", procedure.task_base);
      start = std::max<std::uint64_t>(start, procedure.task_base);
    }
    OPENANE_TRY(const Procedure* carrier, carrier_of(procedure));
    for (const TensorBinding& tensor : procedure.tensors) {
      append_tensor(tensor, carrier);
    }
    OPENANE_CHECK(append_tasks(procedure, start));
    out_ += "}\n";
    return {};
  }

  /// The procedure as the container block alone would give it.
  Result<const Procedure*> carrier_of(const Procedure& procedure) {
    if (!carrier_read_) {
      carrier_read_ = true;
      OPENANE_TRY(const CarriedText pieces, split_carrier(program_));
      if (!pieces.empty()) {
        OPENANE_TRY(const std::vector<std::uint8_t> section, program_.encode_task_section());
        OPENANE_TRY(carrier_, rebuild_carrier(pieces, section, program_));
      }
    }
    const auto index = static_cast<std::size_t>(&procedure - program_.procedures.data());
    return index < carrier_.procedures.size() ? &carrier_.procedures[index] : nullptr;
  }

  Result<void> append_tasks(const Procedure& procedure, std::uint64_t& start) {
    const Generation& generation = *program_.generation;
    const std::uint32_t align = std::max(generation.task_align, 4u);
    std::vector<TaskText> texts;
    std::uint64_t expected = start;
    for (const PlacedTask& placed : procedure.tasks) {
      TaskText& text = texts.emplace_back();
      text.task = placed.task;
      if (placed.offset != expected) {
        text.offset = placed.offset;
      }
      expected = align_up(std::uint64_t{placed.offset} + placed.task.size_bytes(), align);
    }
    const std::vector<std::optional<std::uint32_t>> offsets = [&texts] {
      std::vector<std::optional<std::uint32_t>> all;
      all.reserve(texts.size());
      for (const TaskText& text : texts) {
        all.push_back(text.offset);
      }
      return all;
    }();
    OPENANE_TRY(const std::vector<PlacedTask> linked,
                link_procedure(std::move(texts), generation, static_cast<std::uint32_t>(start), procedure.task_base));
    for (std::size_t i = 0; i < procedure.tasks.size(); ++i) {
      append_task(procedure, i, linked[i].task, offsets[i]);
    }
    start = expected;
    return {};
  }

  void append_task(const Procedure& procedure, std::size_t index, const Task& linked,
                   std::optional<std::uint32_t> offset) {
    const PlacedTask& placed = procedure.tasks[index];
    fmt::format_to(std::back_inserter(out_), "\n  # {}: ", index);
    append_summary(procedure, placed.task);
    out_ += "\n  task ";
    if (offset) {
      fmt::format_to(std::back_inserter(out_), "at {:#x} ", *offset);
    }
    out_ += "{\n";
    append_register_task(out_, placed.task, linked, "    ");
    out_ += "  }\n";
  }

  /// "planar binary mul: x, y -> z", as a comment.
  void append_summary(const Procedure& procedure, const Task& task) {
    const Result<EngineOp> op = lift(task);
    if (!op) {
      out_ += task.generation().id;
      out_ += " task";
      return;
    }
    const ListedTask listed{&program_, &procedure, &task, 0, std::nullopt, nullptr};
    out_ += compute_name(*op);
    if (const PlanarCompute* planar = op->planar(); planar != nullptr && planar->form != PlanarForm::unary) {
      out_ += ' ';
      out_ += to_string(planar->op);
    } else if (op->neural() != nullptr && op->neural()->activation != Activation::none) {
      const std::string table =
          op->neural()->activation == Activation::table ? table_name(listed, op->neural()->kernel) : "";
      out_ += ' ';
      out_ += table.empty() ? to_string(op->neural()->activation) : std::string_view(table);
    }
    out_ += ": ";
    std::string_view comma;
    for (const Operand& source : op->sources) {
      if (source.place != Place::none) {
        out_ += comma;
        append_place(listed, source.place, source.surface);
        comma = ", ";
      }
    }
    out_ += " -> ";
    append_place(listed, op->result.place, op->result.surface);
  }

  void append_place(const ListedTask& listed, Place place, const SurfaceView& view) {
    if (place != Place::surface && place != Place::surface_kept) {
      out_ += to_string(place);
      return;
    }
    const std::string_view name = slot_name(listed, view.slot);
    if (name.empty()) {
      fmt::format_to(std::back_inserter(out_), "slot {}", view.slot);
    } else {
      append_name(out_, name);
    }
  }

  /// What lies between the tasks and is not zero, and the size where it is not the end of the last task.
  Result<void> append_task_section() {
    OPENANE_TRY(const std::vector<std::uint8_t> section, program_.encode_task_section());
    Program bare;
    bare.procedures = program_.procedures;
    OPENANE_TRY(std::vector<std::uint8_t> tasks, bare.encode_task_section());
    if (section.size() != tasks.size()) {
      fmt::format_to(std::back_inserter(out_), "\ntask_section size {:#x}\n", section.size());
      tasks.resize(section.size());
    }
    constexpr std::size_t kLine = 32;
    for (std::size_t i = 0; i < section.size();) {
      if (section[i] == tasks[i]) {
        ++i;
        continue;
      }
      const std::size_t count = std::min(kLine, section.size() - i);
      fmt::format_to(std::back_inserter(out_), "task_section at {:#x} hex", i);
      for (std::size_t j = i; j < i + count; ++j) {
        out_ += j % 8 == i % 8 ? " " : "";
        fmt::format_to(std::back_inserter(out_), "{:02x}", section[j]);
      }
      out_ += '\n';
      i += count;
    }
    return {};
  }

  const Program& program_;
  ExpansionBudget budget_;
  std::string out_;
  bool carrier_read_ = false;
  Program carrier_;
};

}  // namespace

Result<std::string> disassemble(const Program& program) { return Disassembler(program).run(); }

}  // namespace openane
