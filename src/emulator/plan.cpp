// Three passes over the chain of tasks: what an op may not be, where its operands lie, and what was written when it
// reads. A program whose tasks would see memory of unknown content, or overwrite what they are reading, has no result
// that anyone could vouch for.
#include "emulator/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "emulator/blame.h"

namespace openane::emulator {
namespace {

std::unexpected<Error> unknown(std::string message) {
  return fail(ErrorCategory::missing_specification, std::move(message));
}

Result<void> check_extents(const EngineOp& op) {
  for (const Extent* extent : {&op.input, &op.output}) {
    if (extent->width == 0 || extent->height == 0 || extent->channels == 0 || extent->depth == 0) {
      return fail(ErrorCategory::malformed_input,
                  fmt::format("an extent of 0: {} x {} x {} x {} (channels, depth, height, width)", extent->channels,
                              extent->depth, extent->height, extent->width));
    }
    if (extent->depth != 1) {
      return unknown(fmt::format("depth {}; 1 is known", extent->depth));
    }
  }
  if (op.groups == 0) {
    return fail(ErrorCategory::malformed_input, "0 groups");
  }
  for (const Operand& source : op.sources) {
    if (source.broadcast.depth) {
      return unknown("broadcast along depth");
    }
  }
  return {};
}

Result<void> check_op(const EngineOp& op) {
  if (!op.unknowns.empty()) {
    return unknown(op.unknowns.front().to_string());
  }
  OPENANE_CHECK(check_extents(op));
  if (op.planar() != nullptr) {
    return check_planar(op);
  }
  if (op.neural() != nullptr) {
    return check_neural(op);
  }
  return unknown("the kind of the task");
}

bool needs_coefficients(const NeuralCompute& neural) {
  return neural.mode == NeuralMode::convolution || neural.activation == Activation::table;
}

std::size_t source_count(const EngineOp& op) {
  const PlanarCompute* planar = op.planar();
  const bool unary = planar == nullptr || planar->form == PlanarForm::unary || planar->form == PlanarForm::unary_reduce;
  return unary ? 1 : 2;
}

// ------------------------------------------------------------------------------------------------ overlap

/// Whether each element of the result depends on the elements at its own place alone.
bool is_elementwise(const EngineOp& op, std::size_t source) {
  if (const PlanarCompute* planar = op.planar()) {
    return planar->form == PlanarForm::unary || planar->form == PlanarForm::binary ||
           (planar->form == PlanarForm::affine && source == 0);
  }
  return op.neural()->mode == NeuralMode::bypass;
}

bool share_bytes(const View& a, const View& b) {
  if (a.memory != b.memory || a.end() <= b.offset || b.end() <= a.offset) {
    return false;
  }
  WrittenBytes bytes(a.memory->size);
  a.for_each_run([&](std::uint64_t begin, std::uint64_t end) { bytes.mark(begin, end); });
  bool shared = false;
  b.for_each_run(
      [&](std::uint64_t begin, std::uint64_t end) { shared = shared || bytes.first_marked(begin, end).has_value(); });
  return shared;
}

Result<void> check_overlap(const ReadyTask& task) {
  const auto refuse = [](std::string_view a, std::string_view b) {
    return unknown(fmt::format("{} and {} share bytes: which of them the engine takes first is unknown", a, b));
  };
  for (const View& result : task.results) {
    for (std::size_t i = 0; i < source_count(*task.op); ++i) {
      const View& source = task.sources[i];
      if (!(is_elementwise(*task.op, i) && source == result) && share_bytes(source, result)) {
        return refuse("the result", i == 0 ? "source 1" : "source 2");
      }
    }
    if (task.kept && share_bytes(*task.kept, result)) {
      return refuse("the result", "the copy of source 1 kept on chip");
    }
  }
  for (std::size_t i = 0; task.clobbered && i < source_count(*task.op); ++i) {
    if (share_bytes(task.sources[i], *task.clobbered)) {
      return refuse("the staging area of the result", i == 0 ? "source 1" : "source 2");
    }
  }
  if (task.kept && source_count(*task.op) == 2 && share_bytes(*task.kept, task.sources[1])) {
    return refuse("the copy of source 1 kept on chip", "source 2");
  }
  return {};
}

// ------------------------------------------------------------------------------------------------ written bytes

/// What the tasks so far wrote, for the memories whose content is theirs alone.
class History {
 public:
  Result<void> check_read(const View& view, std::string_view what) const {
    if (!view.memory->starts_unknown() || view.memory->kind == MemoryKind::chain) {
      return {};  // a chained tensor is whole by construction
    }
    const std::optional<std::uint64_t> missing = first_unwritten(view);
    return missing ? refuse(*view.memory, *missing, what) : Result<void>{};
  }

  Result<void> check_coefficients(const KernelReader& kernel) const {
    const Memory* memory = kernel.memory();
    if (memory == nullptr || !memory->starts_unknown()) {
      return {};
    }
    for (const StreamRange& range : kernel.ranges()) {
      if (const auto missing = first_unwritten(*memory, range.begin, range.end)) {
        return refuse(*memory, *missing, fmt::format("the coefficient stream of engine {}", range.engine));
      }
    }
    return {};
  }

  /// The first byte of the view that was not written.
  [[nodiscard]] std::optional<std::uint64_t> first_unwritten(const View& view) const {
    std::optional<std::uint64_t> missing;
    view.for_each_run([&](std::uint64_t begin, std::uint64_t end) {
      if (!missing) {
        missing = first_unwritten(*view.memory, begin, end);
      }
    });
    return missing;
  }

  void note_unknown(const View& view) {
    WrittenBytes& written = of(*view.memory);
    view.for_each_run([&](std::uint64_t begin, std::uint64_t end) { written.unmark(begin, end); });
  }

  void note_write(const View& view) {
    if (view.memory->starts_unknown() && view.memory->kind != MemoryKind::chain) {
      WrittenBytes& written = of(*view.memory);
      view.for_each_run([&](std::uint64_t begin, std::uint64_t end) { written.mark(begin, end); });
    }
  }

 private:
  static Result<void> refuse(const Memory& memory, std::uint64_t at, std::string_view what) {
    return unknown(
        fmt::format("{} reads byte {:#x} of {}, which no task before it wrote: what an engine finds there is unknown",
                    what, at, memory.name));
  }
  [[nodiscard]] std::optional<std::uint64_t> first_unwritten(const Memory& memory, std::uint64_t begin,
                                                             std::uint64_t end) const {
    const auto found = written_.find(&memory);
    return found == written_.end() ? begin : found->second.first_unmarked(begin, end);
  }
  WrittenBytes& of(const Memory& memory) { return written_.try_emplace(&memory, memory.size).first->second; }
  std::map<const Memory*, WrittenBytes> written_;
};

void note_writes(const ReadyTask& task, History& history) {
  if (task.kept) {
    history.note_write(*task.kept);
  }
  if (task.clobbered) {
    history.note_unknown(*task.clobbered);
  }
  for (const View& result : task.results) {
    history.note_write(result);
  }
}

/// The checks of one task, step by step: each fills in what the next ones look at.
class Steps {
 public:
  static constexpr std::size_t kAll = 5;

  Steps(MemoryMap& memories, std::size_t index, const std::optional<Handover>& handover, const History& history)
      : memories_(memories), index_(index), handover_(handover), history_(history) {}

  /// Takes the first `count` steps; `step` becomes the one that fails.
  Result<ReadyTask> take(const EngineOp& op, std::size_t count, std::size_t& step) const {
    constexpr std::array<Result<void> (Steps::*)(ReadyTask&) const, kAll> kSteps = {
        &Steps::accept, &Steps::place, &Steps::find_coefficients, &Steps::separate, &Steps::read};
    ReadyTask task;
    task.op = &op;
    for (step = 0; step < count; ++step) {
      OPENANE_CHECK((this->*kSteps.at(step))(task));
    }
    return task;
  }

 private:
  Result<void> accept(ReadyTask& task) const { return check_op(*task.op); }

  Result<void> place(ReadyTask& task) const {
    const EngineOp& op = *task.op;
    for (std::size_t i = 0; i < source_count(op); ++i) {
      OPENANE_TRY(task.sources.at(i), source_view(op, i, memories_, index_, handover_));
    }
    if (op.sources[0].place == Place::surface_kept) {
      OPENANE_TRY(task.kept, kept_source_view(op, memories_));
    }
    if (op.sources[1].place == Place::surface_kept) {
      return unknown("source 2 kept on chip");
    }
    OPENANE_TRY(ResultPlaces places, result_places(op, memories_, index_));
    task.results = std::move(places.views);
    task.clobbered = places.clobbered;
    return {};
  }

  Result<void> find_coefficients(ReadyTask& task) const {
    if (task.op->neural() == nullptr || !needs_coefficients(*task.op->neural())) {
      return {};
    }
    OPENANE_TRY(task.kernel, KernelReader::create(*task.op, memories_));
    // Constants can be looked at now, what tasks write cannot.
    if (const Memory* memory = task.kernel->memory(); memory == nullptr || memory->kind == MemoryKind::constants) {
      OPENANE_CHECK(task.kernel->load());
      task.kernel->unload();
    }
    return {};
  }

  Result<void> separate(ReadyTask& task) const { return check_overlap(task); }

  Result<void> read(ReadyTask& task) const {
    for (std::size_t i = 0; i < source_count(*task.op); ++i) {
      OPENANE_CHECK(history_.check_read(task.sources.at(i), i == 0 ? "source 1" : "source 2"));
    }
    return task.kernel ? history_.check_coefficients(*task.kernel) : Result<void>{};
  }

  MemoryMap& memories_;
  std::size_t index_;
  const std::optional<Handover>& handover_;
  const History& history_;
};

Result<ReadyTask> plan_task(const EngineOp& op, MemoryMap& memories, std::size_t index,
                            const std::optional<Handover>& handover, History& history, const Generation& generation) {
  const Steps steps(memories, index, handover, history);
  std::size_t failed = 0;
  Result<ReadyTask> task = steps.take(op, Steps::kAll, failed);
  if (task) {
    note_writes(*task, history);
    return task;
  }
  if (!op.unknowns.empty()) {
    return task;  // The message is a register and its value.
  }
  const std::string registers =
      registers_behind(op, generation, [&](const EngineOp& changed) -> std::optional<std::string> {
        std::size_t step = 0;
        const Result<ReadyTask> taken = steps.take(changed, failed + 1, step);
        if (taken) {
          return std::nullopt;
        }
        // What an earlier check refuses is no better.
        return step < failed ? task.error().message : taken.error().message;
      });
  if (!registers.empty()) {
    task.error().message += fmt::format(" ({})", registers);
  }
  return task;
}

/// An output's elements in one of its depths.
View view_of(const SurfaceLayout& layout, const Memory& memory, std::int64_t depth) {
  const auto axis = [](std::int64_t count, std::int64_t stride) {
    return Axis{static_cast<std::uint32_t>(count), static_cast<std::uint64_t>(stride)};
  };
  const auto& [n, c, h, w, d] = layout.shape;
  View view{&memory,
            static_cast<std::uint64_t>(depth * layout.strides.d),
            layout.type,
            axis(n, layout.strides.n),
            axis(c, layout.strides.c),
            axis(h, layout.strides.h),
            axis(w, layout.strides.w)};
  view.channel.interleave = layout.interleave;
  view.channel.inner = layout.interleave == 1 ? 0 : view.element_bytes();
  return view;
}

std::map<std::uint32_t, std::uint64_t> unwritten_outputs(std::span<const TensorBinding> tensors,
                                                         const MemoryMap& memories, History& history) {
  std::map<std::uint32_t, std::uint64_t> unwritten;
  for (const TensorBinding& tensor : tensors) {
    const SurfaceLayout& layout = tensor.layout;
    const Memory* memory = memories.slot(tensor.slot);
    const bool checked = tensor.role == TensorRole::output && memory != nullptr && holds_results(layout.type) &&
                         layout.footprint().value_or(memory->size + 1) <= memory->size;
    for (std::int64_t depth = 0; checked && depth < layout.shape.d && !unwritten.contains(tensor.slot); ++depth) {
      if (const auto missing = history.first_unwritten(view_of(layout, *memory, depth))) {
        unwritten.emplace(tensor.slot, *missing);
      }
    }
  }
  return unwritten;
}

}  // namespace

Result<Plan> plan_tasks(const std::vector<EngineOp>& ops, MemoryMap& memories, std::span<const TensorBinding> tensors,
                        const Generation& generation) {
  Plan plan;
  History history;
  std::optional<Handover> handover;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    auto task = plan_task(ops[i], memories, i, handover, history, generation);
    if (!task) {
      return fail(task.error().category, fmt::format("task {}: {}", i, task.error().message));
    }
    plan.tasks.push_back(*std::move(task));
    handover = ops[i].result.place == Place::chained ? std::optional(handover_of(ops[i])) : std::nullopt;
  }
  plan.unwritten = unwritten_outputs(tensors, memories, history);
  return plan;
}

}  // namespace openane::emulator
