// A task section of any generation: decode -> encode -> decode agree, records added one by one give the task again, and
// encode(lift(task)) is the task.
//
// The first byte picks the generation, the next two are the words of the first task, the fourth the number of tasks.
#include "require.h"

#include "openane/engine_op.h"

namespace {

using openane::PlacedTask;
using openane::Task;
using openane::fuzz::error_text;
using openane::fuzz::require;

void check_lift(const Task& task) {
  const openane::Target* target = openane::find_target(task.generation());
  if (target == nullptr) {
    return;
  }
  const auto encoded = target->encode(target->lift(task));
  require(encoded && *encoded == task, "encode(lift(task)) is the task:", error_text(encoded));
}

openane::Result<Task> rebuilt(const Task& task) {
  Task copy(task.generation());
  copy.set_header(task.words().first(task.header_size()));
  for (const openane::Record& record : task.records()) {
    const std::span<const std::uint32_t> values = task.words().subspan(record.first, record.count);
    switch (record.form) {
      case openane::Record::Form::dense:
        OPENANE_CHECK(copy.add_dense(record.address, values));
        break;
      case openane::Record::Form::scatter:
        OPENANE_CHECK(copy.add_scatter(record.address, record.mask, values));
        break;
      case openane::Record::Form::address:
        OPENANE_CHECK(copy.add_address(record.address, record.slot, values));
        break;
    }
  }
  return copy;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kPrefix = 4;
  if (size < kPrefix) {
    return 0;
  }
  const auto generations = openane::generations();
  const openane::Generation& generation = *generations[data[0] % generations.size()];
  const std::uint32_t words = data[1] + 256U * data[2];
  const std::uint32_t count = data[3];
  const std::span<const std::uint8_t> section(data + kPrefix, size - kPrefix);
  const auto tasks = openane::decode_tasks(generation, section, 0, words, count);
  if (!tasks) {
    require(!tasks.error().message.empty(), "an error has a message");
    return 0;
  }
  for (const PlacedTask& placed : *tasks) {
    const auto again = Task::decode(generation, placed.task.words());
    require(again && *again == placed.task, "the words of a task decode to it:", error_text(again));
    const auto copy = rebuilt(placed.task);
    require(copy && *copy == placed.task, "records added one by one give the task:", error_text(copy));
    check_lift(placed.task);
  }
  const auto encoded = openane::encode_tasks(*tasks);
  require(encoded.has_value(), "what was decoded can be encoded:", error_text(encoded));
  const auto again = openane::decode_tasks(generation, *encoded, 0, words, static_cast<std::uint32_t>(tasks->size()));
  require(again && *again == *tasks, "decode, encode, decode agree:", error_text(again));
  return 0;
}
