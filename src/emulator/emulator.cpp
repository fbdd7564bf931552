#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include "emulator/mac_pool.h"
#include "emulator/plan.h"
#include "emulator/trace.h"
#include "openane/emulator.h"

namespace openane {

using emulator::Engine;
using emulator::MemoryMap;
using emulator::ReadyTask;
using emulator::RowReader;
using emulator::RowWriter;
using emulator::View;

struct Emulator::State {
  const Program* program = nullptr;
  std::size_t procedure_index = 0;
  EmulatorOptions options;
  std::vector<EngineOp> ops;
  MemoryMap memories;
  emulator::Plan plan;
  std::unique_ptr<WorkerPool> pool;
  bool inputs_released = false;

  [[nodiscard]] const Procedure& procedure() const { return program->procedures[procedure_index]; }
  [[nodiscard]] Result<const TensorBinding*> find(std::string_view name, TensorRole role) const;
  [[nodiscard]] Result<void> check_inputs() const;
  [[nodiscard]] Result<void> run_task(ReadyTask& task);
  [[nodiscard]] Result<void> run_traced(std::size_t index);
};

namespace {

/// The tensor the computing path reads also lands on chip, element for element.
void keep_source(const View& source, const View& kept) {
  const RowReader reader(source);
  const RowWriter writer(kept);
  std::vector<std::uint16_t> halves(source.column.count);
  std::vector<float> values(source.column.count);
  for (std::uint32_t g = 0; g < source.group.count; ++g) {
    for (std::uint32_t c = 0; c < source.channel.count; ++c) {
      for (std::uint32_t y = 0; y < source.row.count; ++y) {
        const std::uint16_t* row = reader.row(g, c, y, 0, source.column.count, halves.data());
        if (writer.takes_halves()) {
          writer.put(g, c, y, 0, std::span(row, source.column.count));
          continue;
        }
        for (std::uint32_t x = 0; x < source.column.count; ++x) {
          values[x] = to_float(Half{row[x]});
        }
        // Integers of the same type as the source's: every one of them converts.
        static_cast<void>(writer.put(g, c, y, 0, std::span<const float>(values)));
      }
    }
  }
}

}  // namespace

Result<const TensorBinding*> Emulator::State::find(std::string_view name, TensorRole role) const {
  const TensorBinding* tensor = procedure().find(name);
  if (tensor != nullptr && tensor->role == role) {
    return tensor;
  }
  std::string names;
  for (const TensorBinding& candidate : procedure().tensors) {
    if (candidate.role == role) {
      names += (names.empty() ? "" : ", ") + candidate.name;
    }
  }
  return fail(ErrorCategory::usage, fmt::format("no {} named '{}'; the program has {}", to_string(role), name,
                                                names.empty() ? "none" : names));
}

Result<void> Emulator::State::check_inputs() const {
  if (inputs_released) {
    return fail(ErrorCategory::usage, "the inputs were released: nothing can run any more");
  }
  return {};
}

Result<void> Emulator::State::run_task(ReadyTask& task) {
  if (task.kept) {
    keep_source(task.sources[0], *task.kept);
  }
  const Engine engine{options.numerics.value_or(default_numerics(*program->generation)), pool.get()};
  return task.op->planar() != nullptr ? run_planar(task, engine) : run_neural(task, engine);
}

Result<void> Emulator::State::run_traced(std::size_t index) {
  ReadyTask& task = plan.tasks[index];
  TraceStep step{procedure_index, index, task.op, 0, {}};
  step.tensors.push_back(emulator::trace_tensor("source 1", task.sources[0]));
  if (task.sources[1].memory != nullptr) {
    step.tensors.push_back(emulator::trace_tensor("source 2", task.sources[1]));
  }
  const auto start = std::chrono::steady_clock::now();
  OPENANE_CHECK(run_task(task));
  step.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  step.tensors.push_back(emulator::trace_tensor("result", task.results.front()));
  options.trace(step);
  return {};
}

Emulator::Emulator(std::unique_ptr<State> state) : state_(std::move(state)) {}
Emulator::Emulator(Emulator&&) noexcept = default;
Emulator& Emulator::operator=(Emulator&&) noexcept = default;
Emulator::~Emulator() = default;

Result<Emulator> Emulator::create(const Program& program, std::size_t procedure, EmulatorOptions options) {
  if (procedure >= program.procedures.size()) {
    return fail(ErrorCategory::usage,
                fmt::format("procedure {} asked for, the program has {}", procedure, program.procedures.size()));
  }
  auto state = std::make_unique<State>();
  state->program = &program;
  state->procedure_index = procedure;
  state->options = std::move(options);
  const Procedure& chosen = state->procedure();
  for (std::size_t i = 0; i < chosen.tasks.size(); ++i) {
    auto op = lift(chosen.tasks[i].task);
    if (!op) {
      return fail(op.error().category, fmt::format("task {}: {}", i, op.error().message));
    }
    state->ops.push_back(*std::move(op));
  }
  OPENANE_TRY(state->memories, MemoryMap::create(program, chosen));
  OPENANE_TRY(state->plan, emulator::plan_tasks(state->ops, state->memories, chosen.tensors, *program.generation));
  state->pool = std::make_unique<WorkerPool>(state->options.threads);
  return Emulator(std::move(state));
}

Result<void> Emulator::set_input(std::string_view name, const Tensor& tensor) {
  OPENANE_CHECK(state_->check_inputs());
  OPENANE_TRY(const TensorBinding* binding, state_->find(name, TensorRole::input));
  auto packed = pack(tensor, binding->layout, surface(binding->slot));
  if (!packed) {
    return fail(packed.error().category, fmt::format("input '{}': {}", name, packed.error().message));
  }
  return {};
}

void Emulator::release_inputs() {
  state_->inputs_released = true;
  state_->memories.release_inputs();
  state_->pool->release_memory();
}

Result<void> Emulator::run() {
  OPENANE_CHECK(state_->check_inputs());
  for (std::size_t i = 0; i < state_->plan.tasks.size(); ++i) {
    if (state_->options.progress) {
      state_->options.progress(i, state_->plan.tasks.size());
    }
    auto done = state_->options.trace ? state_->run_traced(i) : state_->run_task(state_->plan.tasks[i]);
    if (!done) {
      return fail(done.error().category, fmt::format("task {}: {}", i, done.error().message));
    }
  }
  return {};
}

Result<Tensor> Emulator::output(std::string_view name) const {
  OPENANE_TRY(const TensorBinding* binding, state_->find(name, TensorRole::output));
  const emulator::Memory* memory = state_->memories.slot(binding->slot);
  if (const auto found = state_->plan.unwritten.find(binding->slot); found != state_->plan.unwritten.end()) {
    return fail(ErrorCategory::missing_specification,
                fmt::format("no task writes byte {:#x} of {}: what an engine leaves there is unknown", found->second,
                            memory->name));
  }
  return unpack({memory->data, memory->size}, binding->layout);
}

std::span<std::uint8_t> Emulator::surface(std::uint32_t slot) {
  const emulator::Memory* memory = state_->memories.slot(slot);
  return memory == nullptr || memory->writable == nullptr ? std::span<std::uint8_t>()
                                                          : std::span(memory->writable, memory->size);
}

const std::vector<EngineOp>& Emulator::ops() const { return state_->ops; }

Result<std::vector<NamedTensor>> run_program(const Program& program, std::span<const NamedTensor> inputs,
                                             EmulatorOptions options, std::size_t procedure) {
  OPENANE_TRY(Emulator emulator, Emulator::create(program, procedure, std::move(options)));
  for (const NamedTensor& input : inputs) {
    OPENANE_CHECK(emulator.set_input(input.name, input.tensor));
  }
  const Procedure& chosen = program.procedures[procedure];
  for (const TensorBinding& tensor : chosen.tensors) {
    const bool given =
        std::ranges::any_of(inputs, [&](const NamedTensor& input) { return chosen.find(input.name) == &tensor; });
    if (tensor.role == TensorRole::input && !given) {
      return fail(ErrorCategory::usage, fmt::format("no tensor for input '{}'", tensor.name));
    }
  }
  OPENANE_CHECK(emulator.run());
  emulator.release_inputs();
  std::vector<NamedTensor> outputs;
  for (const TensorBinding& tensor : chosen.tensors) {
    if (tensor.role == TensorRole::output) {
      OPENANE_TRY(Tensor value, emulator.output(tensor.name));
      outputs.push_back({tensor.name, std::move(value)});
    }
  }
  return outputs;
}

}  // namespace openane
