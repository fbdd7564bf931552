#include "openane/program.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/byte_reader.h"
#include "base/saturating.h"

namespace openane {

std::string_view to_string(TensorRole role) {
  switch (role) {
    case TensorRole::input:
      return "input";
    case TensorRole::output:
      return "output";
    case TensorRole::scratch:
      return "scratch";
  }
  return "?";
}

std::string_view to_string(Program::Container container) {
  switch (container) {
    case Program::Container::none:
      return "none";
    case Program::Container::hwx:
      return "HWX";
    case Program::Container::anec:
      return "ANEC";
    case Program::Container::raw:
      return "raw kernel";
  }
  return "?";
}

std::uint64_t TensorBinding::byte_size() const {
  const auto batches = static_cast<std::uint64_t>(std::max<std::int64_t>(layout.shape.n, 1));
  return saturating_multiply(total_bytes, batches);
}

const TensorBinding* Procedure::find(std::string_view name_or_symbol) const {
  const auto by_name = std::ranges::find(tensors, name_or_symbol, &TensorBinding::name);
  if (by_name != tensors.end()) {
    return &*by_name;
  }
  const auto by_symbol = std::ranges::find(tensors, name_or_symbol, &TensorBinding::symbol);
  return by_symbol != tensors.end() ? &*by_symbol : nullptr;
}

const TensorBinding* Procedure::find_slot(std::uint32_t slot) const {
  const auto found = std::ranges::find(tensors, slot, &TensorBinding::slot);
  return found != tensors.end() ? &*found : nullptr;
}

Result<std::vector<std::uint8_t>> Program::encode_task_section() const {
  std::vector<const PlacedTask*> tasks;
  for (const Procedure& procedure : procedures) {
    for (const PlacedTask& task : procedure.tasks) {
      tasks.push_back(&task);
    }
  }
  std::ranges::stable_sort(tasks, {}, [](const PlacedTask* task) { return task->offset; });

  std::vector<std::uint8_t> section(task_section.span().begin(), task_section.span().end());
  if (section.empty() && !tasks.empty()) {
    const Generation& of_tasks = tasks.front()->task.generation();
    if (of_tasks.frame_word != 0 && tasks.front()->offset >= of_tasks.lead_in_bytes) {
      section.resize(sizeof(std::uint32_t));
      store_le(section.data(), of_tasks.frame_word);
    }
  }
  std::uint64_t end_of_previous = 0;
  for (const PlacedTask* placed : tasks) {
    if (placed->offset < end_of_previous) {
      return fail(ErrorCategory::usage, fmt::format("the task at {:#x} overlaps the one before it, which ends at {:#x}",
                                                    placed->offset, end_of_previous));
    }
    end_of_previous = std::uint64_t{placed->offset} + placed->task.size_bytes();
    if (section.size() < end_of_previous) {
      section.resize(end_of_previous);
    }
    std::uint8_t* at = section.data() + placed->offset;
    for (const std::uint32_t word : placed->task.words()) {
      store_le(at, word);
      at += 4;
    }
  }
  return section;
}

}  // namespace openane
