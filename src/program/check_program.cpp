// What must hold between the parts of a program before it may run (hwx-container.md 12, H14 and H15). A container's
// reader takes files that break these rules: they can be looked at, but running them reads or writes memory that is
// not theirs, or computes nothing.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/quote.h"
#include "openane/program.h"
#include "program/footprint.h"
#include "program/selectors.h"

namespace openane {
namespace {

struct BoundSlot {
  enum class Kind : std::uint8_t { tasks, constants, scratch, input, output };
  Kind kind = Kind::tasks;
  std::string name;
  std::uint64_t bytes = 0;
};

using Slots = std::map<std::uint32_t, BoundSlot>;

class ProcedureChecker {
 public:
  ProcedureChecker(const Program& program, const Procedure& procedure, std::vector<Finding>& findings)
      : program_(program),
        procedure_(procedure),
        findings_(findings),
        prefix_(program.procedures.size() > 1 ? fmt::format("procedure {}: ", quoted(procedure.name)) : std::string()) {
  }

  void check() {
    bind_slots();
    if (procedure_.tasks.empty()) {
      report(true, "there is no task");
    }
    for (task_ = 0; task_ < procedure_.tasks.size(); ++task_) {
      check_chain();
      check_selectors();
      check_engine_op();
      // Task by task: what this one writes, the next may read.
      written_.insert(written_by_task_.begin(), written_by_task_.end());
      written_by_task_.clear();
    }
    check_outputs_are_written();
  }

 private:
  [[nodiscard]] const Task& task() const { return procedure_.tasks[task_].task; }

  void report(bool fatal, std::string message) { findings_.push_back({fatal, prefix_ + std::move(message)}); }
  void report_task(bool fatal, const std::string& message) {
    report(fatal, fmt::format("task {}: {}", task_, message));
  }

  void bind(std::uint32_t slot, BoundSlot bound) {
    const auto [it, added] = slots_.emplace(slot, std::move(bound));
    if (!added) {
      report(true, fmt::format("slot {} is bound twice, to {} and to another", slot, it->second.name));
    }
  }

  void bind_slots() {
    std::uint64_t task_bytes = program_.task_section.size();
    for (const PlacedTask& placed : procedure_.tasks) {
      task_bytes = std::max(task_bytes, std::uint64_t{placed.offset} + placed.task.size_bytes());
    }
    bind(0, {BoundSlot::Kind::tasks, "the tasks", task_bytes});
    for (const ConstantSection& section : program_.constants) {
      bind(section.slot, {BoundSlot::Kind::constants, "the constants", section.data.size()});
    }
    if (program_.scratch_bytes != 0) {
      bind(program_.scratch_slot, {BoundSlot::Kind::scratch, "the scratch buffer", program_.scratch_bytes});
    }
    for (const TensorBinding& tensor : procedure_.tensors) {
      const bool output = tensor.role == TensorRole::output;
      bind(tensor.slot, {output ? BoundSlot::Kind::output : BoundSlot::Kind::input,
                         fmt::format("{} {}", to_string(tensor.role), quoted(tensor.name)), tensor.byte_size()});
    }
  }

  [[nodiscard]] const BoundSlot* find(std::uint32_t slot) const {
    const auto found = slots_.find(slot);
    return found == slots_.end() ? nullptr : &found->second;
  }

  /// Linked streams: each task says where the next one is and how long.
  void check_chain() {
    const HeaderRoles& roles = task().generation().roles;
    if (roles.next_offset.width == 0 || roles.next_words.width == 0) {
      return;
    }
    const bool last = task_ + 1 == procedure_.tasks.size();
    const std::uint64_t expected = last ? 0 : procedure_.tasks[task_ + 1].offset - std::uint64_t{procedure_.task_base};
    if (task().get(roles.next_offset) != expected) {
      report_task(true, fmt::format("its header has the next task at {:#x}, it is at {:#x}",
                                    task().get(roles.next_offset), expected));
    }
    const std::uint32_t words = last ? 0 : procedure_.tasks[task_ + 1].task.size_bytes() / 4 - 1;
    if (task().get(roles.next_words) != words) {
      report_task(true, fmt::format("its header gives the next task {} words, it has {}",
                                    task().get(roles.next_words) + 1, words + 1));
    }
  }

  void check_selectors() {
    for (const Selector& selector : selectors_of(task().generation())) {
      if (task().get(selector.enable) == 0) {
        continue;
      }
      const std::uint32_t slot = task().get(selector.slot);
      const BoundSlot* bound = find(slot);
      if (bound == nullptr) {
        report_task(true, fmt::format("{} selects slot {}, which is bound to nothing", selector.name, slot));
      } else if (selector.use == SelectorUse::tasks && bound->kind != BoundSlot::Kind::tasks) {
        report_task(true, fmt::format("{} selects slot {} ({}), expected 0", selector.name, slot, bound->name));
      }
    }
    for (const Record& record : task().records()) {
      if (record.form == Record::Form::address && !is_data_set(record) && find(record.slot) == nullptr) {
        report_task(true, fmt::format("the address packet at {:#x} names slot {}, which is bound to nothing",
                                      record.address, record.slot));
      }
    }
    check_extra_word();
  }

  /// A word with the id of a data set, which the loader puts in; its slot holds no memory (H15 and later).
  [[nodiscard]] bool is_data_set(const Record& record) const {
    const Register* row = task().generation().find(record.place);
    return row != nullptr && (row->relocation == Relocation::dma_config || row->relocation == Relocation::data_set);
  }

  /// In every known program the extra header word goes with weights made at run time, in scratch (h13-isa.md 2.1).
  void check_extra_word() {
    const Register* word = task().generation().find("Header9");
    const Field* slot = word != nullptr ? word->find("KBase0") : nullptr;
    const Field* enable = word != nullptr ? word->find("KBE0") : nullptr;
    const FieldRef extra = task().generation().roles.extra_word;
    if (slot == nullptr || enable == nullptr || extra.width == 0) {
      return;
    }
    const std::uint32_t value = task().header(word->address / 4);
    const bool from_scratch = slot->get(value) == program_.scratch_slot && enable->get(value) != 0;
    if (from_scratch != (task().get(extra) != 0)) {
      report_task(false, from_scratch
                             ? "its weights come from scratch, but no extra header word names the task that makes them"
                             : "it has an extra header word, but its weights do not come from scratch");
    }
  }

  void check_engine_op() {
    const Target* target = find_target(task().generation());
    if (target == nullptr) {
      return;
    }
    const EngineOp op = target->lift(task());
    if (std::holds_alternative<std::monostate>(op.compute)) {
      report_task(false, "what it computes is unknown; what it reads and writes cannot be checked");
      return;
    }
    const auto has_zero = [](const Extent& e) {
      return e.width == 0 || e.height == 0 || e.depth == 0 || e.channels == 0;
    };
    if (has_zero(op.input) || has_zero(op.output) || op.groups == 0) {
      report_task(true, "an extent of its tensors is 0");
      return;
    }
    for (std::size_t i = 0; i < op.sources.size(); ++i) {
      if (on_surface(op.sources[i].place)) {
        check_source(op, i);
      }
    }
    if (const NeuralCompute* neural = op.neural(); neural != nullptr && neural->kernel.enabled) {
      check_kernel(*neural);
    }
    if (on_surface(op.result.place)) {
      check_result(op);
    }
  }

  [[nodiscard]] static bool on_surface(Place place) { return place == Place::surface || place == Place::surface_kept; }

  void check_source(const EngineOp& op, std::size_t index) {
    const Operand& operand = op.sources[index];
    const std::string what = fmt::format("source {}", index + 1);
    const BoundSlot* bound = find_or_report(operand.surface.slot, what + " is read from");
    if (bound == nullptr) {
      return;
    }
    if (!check_readable(operand.surface.slot, *bound, what)) {
      return;
    }
    if (operand.exchange_channel_width && operand.broadcast != Broadcast{}) {
      report_task(false, what + " is broadcast and exchanged at once; which bytes it reads is unknown");
      return;
    }
    check_inside(operand.surface, stored_source_extent(op, index), op.groups, *bound, what + " reads");
  }

  /// False when the slot holds nothing that a task may read.
  bool check_readable(std::uint32_t slot, const BoundSlot& bound, const std::string& what) {
    if (bound.kind == BoundSlot::Kind::output && !written_.contains(slot)) {
      report_task(true,
                  fmt::format("{} is read from slot {} ({}), which no earlier task writes", what, slot, bound.name));
    }
    if (bound.kind == BoundSlot::Kind::scratch && !written_.contains(slot)) {
      report_task(false,
                  fmt::format("{} is read from slot {} ({}), which no earlier task writes", what, slot, bound.name));
    }
    if (bound.kind == BoundSlot::Kind::tasks) {
      report_task(true, fmt::format("{} is read from slot {}, the tasks themselves", what, slot));
      return false;
    }
    return true;
  }

  void check_kernel(const NeuralCompute& neural) {
    const KernelStream& kernel = neural.kernel;
    if (kernel.table_apart) {
      check_table(kernel);
      if (neural.mode != NeuralMode::convolution) {
        return;  // no engine stream is read
      }
    }
    const BoundSlot* bound = find_or_report(kernel.slot, "the coefficients are read from");
    if (bound == nullptr) {
      return;
    }
    if (!check_readable(kernel.slot, *bound, "a coefficient stream")) {
      return;
    }
    for (std::size_t i = 0; i < kernel.channels.size(); ++i) {
      const KernelChannel& channel = kernel.channels[i];
      if (channel.enabled && std::uint64_t{kernel.offset} + channel.offset + channel.size > bound->bytes) {
        report_task(true,
                    fmt::format("coefficient stream {} takes {:#x} bytes at {:#x} of slot {} ({}), which has {:#x}", i,
                                channel.size, channel.offset, kernel.slot, bound->name, bound->bytes));
      }
    }
  }

  void check_table(const KernelStream& kernel) {
    constexpr std::uint64_t kTableBytes = 128;
    const BoundSlot* bound = find_or_report(kernel.table_slot, "the activation table is read from");
    if (bound == nullptr || !check_readable(kernel.table_slot, *bound, "the activation table")) {
      return;
    }
    if (std::uint64_t{kernel.table_offset} + kTableBytes > bound->bytes) {
      report_task(true, fmt::format("the activation table takes {:#x} bytes at {:#x} of slot {} ({}), which has {:#x}",
                                    kTableBytes, kernel.table_offset, kernel.table_slot, bound->name, bound->bytes));
    }
  }

  void check_result(const EngineOp& op) {
    const SurfaceView& surface = op.result.surface;
    const BoundSlot* bound = find_or_report(surface.slot, "the result is written to");
    if (bound == nullptr) {
      return;
    }
    if (bound->kind != BoundSlot::Kind::output && bound->kind != BoundSlot::Kind::scratch) {
      report_task(true, fmt::format("the result is written to slot {} ({}), expected an output or scratch",
                                    surface.slot, bound->name));
    }
    written_by_task_.insert(surface.slot);
    check_inside(surface, stored_result_extent(op), op.groups, *bound, "the result takes");
  }

  const BoundSlot* find_or_report(std::uint32_t slot, const std::string& what) {
    const BoundSlot* bound = find(slot);
    // An enabled selector of an empty slot has been reported with its name already.
    if (bound == nullptr && !selector_reported(slot)) {
      report_task(true, fmt::format("{} slot {}, which is bound to nothing", what, slot));
    }
    return bound;
  }

  [[nodiscard]] bool selector_reported(std::uint32_t slot) const {
    return std::ranges::any_of(selectors_of(task().generation()), [&](const Selector& selector) {
      return task().get(selector.enable) != 0 && task().get(selector.slot) == slot;
    });
  }

  void check_inside(const SurfaceView& view, const Extent& stored, std::uint32_t groups, const BoundSlot& bound,
                    const std::string& what) {
    if (view.type == ElementType::invalid) {
      report_task(false, fmt::format("{} elements of an unknown format; they are taken as 2 bytes each", what));
    }
    const std::uint64_t end = surface_end(view, stored, groups);
    if (end > bound.bytes) {
      report_task(
          true, fmt::format(
                    "{} {}x{}x{}x{} elements (C, H, W, groups) from {:#x} of slot {}, up to {:#x}; {} has {:#x} bytes",
                    what, stored.channels, stored.height, stored.width, groups, view.offset, view.slot, end, bound.name,
                    bound.bytes));
    }
  }

  void check_outputs_are_written() {
    if (procedure_.tasks.empty() || find_target(procedure_.tasks.front().task.generation()) == nullptr) {
      return;
    }
    for (const TensorBinding& tensor : procedure_.tensors) {
      if (tensor.role == TensorRole::output && !written_.contains(tensor.slot)) {
        report(true, fmt::format("output {} in slot {} is written by no task", quoted(tensor.name), tensor.slot));
      }
    }
  }

  const Program& program_;
  const Procedure& procedure_;
  std::vector<Finding>& findings_;
  std::string prefix_;
  Slots slots_;
  std::size_t task_ = 0;
  std::set<std::uint32_t> written_, written_by_task_;
};

void check_overlaps(const Program& program, std::vector<Finding>& findings) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> extents;
  for (const Procedure& procedure : program.procedures) {
    for (const PlacedTask& placed : procedure.tasks) {
      extents.emplace_back(placed.offset, std::uint64_t{placed.offset} + placed.task.size_bytes());
    }
  }
  std::ranges::sort(extents);
  for (std::size_t i = 1; i < extents.size(); ++i) {
    if (extents[i].first < extents[i - 1].second) {
      findings.push_back({true, fmt::format("the task at {:#x} overlaps another, which ends at {:#x}", extents[i].first,
                                            extents[i - 1].second)});
    }
  }
}

}  // namespace

std::vector<Finding> check_program(const Program& program) {
  std::vector<Finding> findings;
  if (program.procedures.empty()) {
    findings.push_back({true, "the program has no procedure"});
  }
  for (const Procedure& procedure : program.procedures) {
    ProcedureChecker(program, procedure, findings).check();
  }
  check_overlaps(program, findings);
  return findings;
}

}  // namespace openane
