// Lift, place by the target's rules, encode. Tensors follow one another from the target's first tensor slot on;
// coefficients are decoded to plain weights and packed anew, so that each generation's dealing of channels to engines
// and place of tables is its own.
#include "openane/migrate.h"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/migrate_kernel.h"
#include "analysis/migrate_on_chip.h"
#include "base/quote.h"
#include "openane/engine_op.h"
#include "program/constant_slot.h"

namespace openane {
namespace migration {
namespace {

constexpr std::uint32_t kScratchSlot = 3;

/// The slot of constants that stand behind the tensors; the same for all procedures, which share the constants.
std::uint32_t constant_slot(const Program& program, const Generation& to) {
  if (!constants_follow_tensors(to) || program.constants.empty()) {
    return Places{}.constant_slot;
  }
  std::size_t most = 0;
  for (const Procedure& procedure : program.procedures) {
    most = std::max(most, procedure.tensors.size());
  }
  return to.first_tensor_slot + static_cast<std::uint32_t>(most);
}

/// In the order of their slots; for packet generations by symbol, which is the order in all their published programs.
Places place(const Program& program, const Procedure& procedure, const Generation& to) {
  std::vector<const TensorBinding*> tensors;
  tensors.reserve(procedure.tensors.size());
  for (const TensorBinding& tensor : procedure.tensors) {
    tensors.push_back(&tensor);
  }
  std::ranges::sort(tensors, [&](const TensorBinding* a, const TensorBinding* b) {
    return to.stream == StreamForm::packet && a->symbol != b->symbol ? a->symbol < b->symbol : a->slot < b->slot;
  });
  Places places;
  for (const TensorBinding* tensor : tensors) {
    const std::uint32_t next = to.first_tensor_slot + static_cast<std::uint32_t>(places.tensor_slots.size());
    places.tensor_slots.emplace(tensor->slot, next);
  }
  places.constant_slot = constant_slot(program, to);
  return places;
}

Result<void> move_surface(SurfaceView& view, Place place, const Places& places, Constants& constants) {
  if (place != Place::surface && place != Place::surface_kept) {
    return {};
  }
  if (const auto found = places.tensor_slots.find(view.slot); found != places.tensor_slots.end()) {
    view.slot = static_cast<std::uint8_t>(found->second);
  } else if (const std::optional<std::uint32_t> base = constants.base(view.slot)) {
    view.offset += *base;
    view.slot = static_cast<std::uint8_t>(places.constant_slot);
  } else if (view.slot != kScratchSlot) {
    return fail(ErrorCategory::malformed_input, fmt::format("slot {} is not bound to anything", view.slot));
  }
  return {};
}

void note_words(const Task& residue, std::size_t procedure, std::size_t task, std::vector<MigrationNote>& notes) {
  const auto note = [&](std::string_view block, const Register& row, std::uint32_t word) {
    for (const Field& field : row.fields) {
      if (const std::uint32_t value = field.get(word); value != 0) {
        const std::string name = fmt::format("{}{}{}.{}", block, block.empty() ? "" : ".", row.name, field.name);
        const std::string_view reason = field.effect == Effect::data
                                            ? "the op does not look at it"
                                            : "scheduling of the old generation; no effect on results is known";
        notes.push_back({procedure, task, name, value, std::string(reason)});
      }
    }
    if (const std::uint32_t rest = word & ~row.named_bits(); rest != 0) {
      notes.push_back({procedure, task, fmt::format("{}{}{}", block, block.empty() ? "" : ".", row.name), rest,
                       "bits without a name"});
    }
  };
  const Generation& generation = residue.generation();
  for (std::uint32_t i = 0; i < residue.header_size() && i < generation.header.size(); ++i) {
    note({}, generation.header[i], residue.words()[i]);
  }
  for (const Block& block : generation.blocks) {
    for (const Register& row : block.registers) {
      if (const auto word = residue.find(row.address)) {
        note(block.name, row, *word);
      }
    }
  }
}

std::unexpected<Error> in_task(Error error, std::size_t task) {
  error.message = fmt::format("task {}: {}", task, error.message);
  return std::unexpected(std::move(error));
}

Result<Task> migrate_task(EngineOp op, const emulator::MemoryMap& memories, const Generation& to, const Places& places,
                          Constants& constants) {
  for (Operand& source : op.sources) {
    OPENANE_CHECK(move_surface(source.surface, source.place, places, constants));
  }
  OPENANE_CHECK(move_surface(op.result.surface, op.result.place, places, constants));
  if (op.neural() != nullptr) {
    OPENANE_CHECK(move_kernel(op, memories, to, places, constants));
  }
  return encode(op, to);
}

/// The ops of a procedure's tasks without their side records, which are noted down.
Result<std::vector<EngineOp>> lift_tasks(const Procedure& procedure, std::size_t index,
                                         std::vector<MigrationNote>& notes) {
  std::vector<EngineOp> ops;
  for (std::size_t i = 0; i < procedure.tasks.size(); ++i) {
    Result<EngineOp> op = lift(procedure.tasks[i].task);
    if (!op) {
      return in_task(std::move(op).error(), i);
    }
    if (!op->unknowns.empty()) {
      return in_task({ErrorCategory::missing_specification, op->unknowns.front().to_string(), {}}, i);
    }
    note_words(op->side.residue, index, i, notes);
    op->side = {};
    ops.push_back(*std::move(op));
  }
  return ops;
}

Result<Procedure> migrate_procedure(const Program& program, std::size_t index, const Generation& to,
                                    Constants& constants, std::uint64_t& scratch_bytes,
                                    std::vector<MigrationNote>& notes) {
  const Procedure& from = program.procedures[index];
  const Places places = place(program, from, to);
  OPENANE_TRY(const emulator::MemoryMap memories, emulator::MemoryMap::create(program, from));
  OPENANE_TRY(std::vector<EngineOp> ops, lift_tasks(from, index, notes));
  std::vector<SettledOp> settled;
  if (to.stream == StreamForm::packet) {
    Scratch scratch{kScratchSlot, program.scratch_bytes};
    OPENANE_TRY(settled, settle_on_chip(std::move(ops), scratch));
    scratch_bytes = std::max(scratch_bytes, scratch.bytes);
  } else {
    for (std::size_t i = 0; i < ops.size(); ++i) {
      settled.push_back({std::move(ops[i]), i, {}});
    }
  }
  std::vector<Task> tasks;
  for (SettledOp& each : settled) {
    if (!each.change.empty()) {
      notes.push_back({index, each.task, {}, 0, each.change});
    }
    Result<Task> task = migrate_task(std::move(each.op), memories, to, places, constants);
    if (!task) {
      return in_task(std::move(task).error(), each.task);
    }
    tasks.push_back(*std::move(task));
  }
  Procedure made = from;
  made.task_base = 0;
  made.scratch_used = scratch_bytes != program.scratch_bytes ? 0 : made.scratch_used;
  OPENANE_TRY(made.tasks, link_tasks(std::move(tasks)));
  for (TensorBinding& tensor : made.tensors) {
    tensor.slot = places.tensor_slots.at(tensor.slot);
    tensor.address = 0;
  }
  return made;
}

/// Puts the tasks of a procedure behind those of the one before. Chains count from where they begin.
void append_procedure(Program& program, Procedure procedure) {
  if (!program.procedures.empty()) {
    const Generation& generation = *program.generation;
    const PlacedTask& last = program.procedures.back().tasks.back();
    const auto begin = static_cast<std::uint32_t>(
        align_up(std::uint64_t{last.offset} + last.task.size_bytes(), std::max(generation.task_align, 4U)));
    for (PlacedTask& placed : procedure.tasks) {
      placed.offset += begin - generation.lead_in_bytes;
    }
    procedure.task_base = generation.stream == StreamForm::linked ? begin : 0;
  }
  program.procedures.push_back(std::move(procedure));
}

}  // namespace
}  // namespace migration

Result<Migration> migrate(const Program& program, const Generation& to) {
  if (program.generation == nullptr || find_target(*program.generation) == nullptr || find_target(to) == nullptr) {
    const bool source = program.generation != nullptr && find_target(*program.generation) == nullptr;
    return fail(ErrorCategory::not_implemented,
                fmt::format("the meaning of {} tasks is not implemented", source ? program.generation->id : to.id));
  }
  Migration result;
  result.program.generation = &to;
  result.program.scratch_bytes = program.scratch_bytes;
  result.program.scratch_slot = migration::kScratchSlot;
  migration::Constants constants(program);
  for (std::size_t i = 0; i < program.procedures.size(); ++i) {
    Result<Procedure> made =
        migration::migrate_procedure(program, i, to, constants, result.program.scratch_bytes, result.notes);
    if (!made) {
      Error error = std::move(made).error();
      if (program.procedures.size() > 1) {
        error.message = fmt::format("procedure {}: {}", quoted(program.procedures[i].name), error.message);
      }
      return std::unexpected(std::move(error));
    }
    migration::append_procedure(result.program, *std::move(made));
  }
  if (std::vector<std::uint8_t> bytes = constants.take(); !bytes.empty()) {
    result.program.constants.push_back({{}, migration::constant_slot(program, to), Bytes(std::move(bytes))});
  }
  return result;
}

}  // namespace openane
