// The meaning of a task: its EngineOp as text, with comments for what follows from it. `parse_listing` reads it back.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "asm/listing_internal.h"
#include "base/byte_reader.h"
#include "base/number_text.h"
#include "target/h13/table_formulas.h"

namespace openane {
namespace {

constexpr std::size_t kTableBytes = sizeof(h13::TableWords);

class Notes final : public OpNotes {
 public:
  Notes(const ListedTask& listed, const EngineOp& op) : listed_(listed), op_(op) {}

  void source(std::string& out, std::size_t index) const override {
    const Operand& operand = op_.sources.at(index);
    if (operand.place == Place::chained) {
      out += "  # from the task before";
    } else {
      surface(out, operand.place, operand.surface);
    }
  }
  void result(std::string& out) const override {
    if (op_.result.place == Place::chained) {
      out += "  # to the next task";
    } else {
      surface(out, op_.result.place, op_.result.surface);
    }
  }
  void kernel(std::string& out) const override {
    if (op_.neural()->kernel.enabled) {
      slot(out, op_.neural()->kernel.slot);
    }
  }
  void activation(std::string& out) const override {
    if (op_.neural()->activation == Activation::table) {
      const std::string name = table_name(listed_, op_.neural()->kernel);
      out += name.empty() ? "" : "  # ";
      out += name;
    }
  }

 private:
  void surface(std::string& out, Place place, const SurfaceView& view) const {
    if (place == Place::surface || place == Place::surface_kept) {
      slot(out, view.slot);
    }
  }
  void slot(std::string& out, std::uint32_t slot) const {
    const std::string_view name = slot_name(listed_, slot);
    if (!name.empty()) {
      out += "  # ";
      append_name(out, name);
    }
  }

  const ListedTask& listed_;
  const EngineOp& op_;
};

void append_cost(std::string& out, const EngineOp& op) {
  const OpCost figures = cost(op);
  out += "  # reads ";
  append_decimal(out, figures.bytes_read);
  out += " bytes, writes ";
  append_decimal(out, figures.bytes_written);
  if (figures.kernel_bytes != 0) {
    out += ", kernel ";
    append_decimal(out, figures.kernel_bytes);
  }
  if (op.neural() != nullptr) {
    out += "; ";
    append_decimal(out, figures.multiply_adds);
    out += " multiply-adds\n";
  } else {
    out += "; ";
    append_decimal(out, figures.planar_operations);
    out += " planar operations\n";
  }
}

}  // namespace

std::string_view slot_name(const ListedTask& listed, std::uint32_t slot) {
  if (listed.procedure != nullptr) {
    if (const TensorBinding* tensor = listed.procedure->find_slot(slot)) {
      return tensor->name;
    }
  }
  if (listed.program == nullptr) {
    return {};
  }
  if (std::ranges::any_of(listed.program->constants, [slot](const ConstantSection& s) { return s.slot == slot; })) {
    return "constants";
  }
  if (listed.program->scratch_bytes != 0 && slot == listed.program->scratch_slot) {
    return "scratch";
  }
  return slot == 0 ? "tasks" : "";
}

std::string table_name(const ListedTask& listed, const KernelStream& kernel) {
  const auto channel = std::ranges::find(kernel.channels, true, &KernelChannel::enabled);
  if (listed.program == nullptr || !kernel.enabled || (channel == kernel.channels.end() && !kernel.table_apart)) {
    return {};
  }
  const std::uint32_t slot = kernel.table_apart ? kernel.table_slot : kernel.slot;
  const std::uint64_t offset =
      kernel.table_apart ? kernel.table_offset : std::uint64_t{kernel.offset} + channel->offset;
  for (const ConstantSection& section : listed.program->constants) {
    if (section.slot == slot && range_inside(offset, kTableBytes, section.data.size())) {
      h13::TableWords words{};
      std::memcpy(words.data(), section.data.data() + offset, kTableBytes);
      const std::string name = h13::recognise_table(words);
      return name.empty() ? h13::describe_table(words) : name;
    }
  }
  return {};
}

void append_meaning(std::string& out, const ListedTask& listed) {
  out += "task ";
  append_decimal(out, listed.index);
  if (listed.offset) {
    out += " at ";
    append_hex(out, *listed.offset);
  }
  out += " {\n";
  if (listed.op == nullptr) {
    out += "  # the meaning of ";
    out += listed.task->generation().id;
    out += " tasks is not known; see their fields\n}\n";
    return;
  }
  const EngineOp& op = *listed.op;
  out += "  compute = ";
  out += compute_name(op);
  out += '\n';
  append_op_lines(out, op, "  ", Notes(listed, op));
  append_cost(out, op);
  for (const Unknown& unknown : op.unknowns) {
    out += "  # unknown: ";
    out += unknown.to_string();
    out += '\n';
  }
  out += "}\n";
}

void append_layout(std::string& out, const SurfaceLayout& layout) {
  const SurfaceShape& shape = layout.shape;
  fmt::format_to(std::back_inserter(out), "{} {}x{}x{}x{}", to_string(layout.type), shape.n, shape.c, shape.h, shape.w);
  if (shape.d != 1) {
    fmt::format_to(std::back_inserter(out), " depth {}", shape.d);
  }
  fmt::format_to(std::back_inserter(out), " row {:#x} plane {:#x} batch {:#x}", layout.strides.h, layout.strides.c,
                 layout.strides.n);
  if (layout.interleave != 1) {
    fmt::format_to(std::back_inserter(out), " interleave {}", layout.interleave);
  }
}

Result<std::vector<EngineOp>> parse_listing(std::string_view text, const std::string& file) {
  std::vector<EngineOp> ops;
  WordReader reader(text, file);
  OpNames none;
  bool inside = false;
  const auto wrong = [&reader](const Word& word, std::string_view expected) {
    return fail(ErrorCategory::malformed_input, fmt::format("expected {}, got {}", expected, word.quoted()),
                reader.location(word));
  };
  for (;;) {
    OPENANE_TRY(const std::vector<Word> words, reader.statement());
    if (words.empty()) {
      return inside ? fail(ErrorCategory::malformed_input, "the last task has no closing '}'", {file, {}, 0, 0})
                    : Result<std::vector<EngineOp>>(std::move(ops));
    }
    const Word& first = words.front();
    if (!inside) {
      if (first.is("procedure")) {
        continue;
      }
      if (!first.is("task") || words.back().kind != Word::Kind::block_open) {
        return wrong(first, "'task ... {' or 'procedure'");
      }
      ops.emplace_back();
      inside = true;
      continue;
    }
    if (first.kind == Word::Kind::block_close) {
      inside = false;
      continue;
    }
    if (first.kind != Word::Kind::word || words.size() < 3 || words[1].kind != Word::Kind::equals) {
      return wrong(first, "'key = value' or '}'");
    }
    const std::span<const Word> values(words.data() + 2, words.size() - 2);
    OPENANE_CHECK(in_file(
        first.is("compute") ? set_compute(ops.back(), values) : set_op_key(ops.back(), first, values, none), file));
  }
}

}  // namespace openane
