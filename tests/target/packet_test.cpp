// H14 and H16: the golden streams lifted, encoded back, understood; ops written once encode for every target.
#include <gtest/gtest.h>

#include "isa/sample_streams.h"
#include "openane/engine_op.h"

namespace openane {
namespace {

struct NamedTask {
  std::string name;
  Task task;
};

std::vector<NamedTask> tasks_with_a_target() {
  std::vector<NamedTask> named;
  for (const test::SampleStream& stream : test::sample_streams()) {
    if (find_target(*stream.generation) == nullptr) {
      continue;
    }
    Result<std::vector<PlacedTask>> tasks =
        decode_tasks(*stream.generation, stream.bytes(), 4 * stream.lead_in_words, 0, 0);
    EXPECT_TRUE(tasks) << stream.name << ": " << tasks.error().to_string();
    for (std::size_t i = 0; tasks && i < tasks->size(); ++i) {
      named.push_back({stream.name + " / task " + std::to_string(i), (*tasks)[i].task});
    }
  }
  return named;
}

std::vector<std::string> unknowns(const EngineOp& op) {
  std::vector<std::string> texts;
  for (const Unknown& unknown : op.unknowns) {
    texts.push_back(std::string(unknown.register_name) + "." + std::string(unknown.field));
  }
  return texts;
}

TEST(Packet, EncodeOfLiftIsTheTask) {
  const std::vector<NamedTask> tasks = tasks_with_a_target();
  ASSERT_EQ(tasks.size(), 7U);
  for (const NamedTask& each : tasks) {
    const Result<EngineOp> op = lift(each.task);
    ASSERT_TRUE(op) << each.name;
    const Result<Task> again = encode(*op, each.task.generation());
    ASSERT_TRUE(again) << each.name << ": " << again.error().to_string();
    EXPECT_EQ(*again, each.task) << each.name;
  }
}

TEST(Packet, EveryWordIsUnderstood) {
  for (const NamedTask& each : tasks_with_a_target()) {
    EXPECT_EQ(unknowns(*lift(each.task)), std::vector<std::string>{}) << each.name;
  }
}

TEST(Packet, OpWithoutSideRecordKeepsItsMeaning) {
  for (const NamedTask& each : tasks_with_a_target()) {
    EngineOp op = *lift(each.task);
    if (!op.unknowns.empty()) {
      continue;
    }
    op.side = {};
    const Result<Task> fresh = encode(op, each.task.generation());
    ASSERT_TRUE(fresh) << each.name << ": " << fresh.error().to_string();
    EngineOp again = *lift(*fresh);
    EXPECT_EQ(unknowns(again), std::vector<std::string>{}) << each.name;
    again.side = {};
    EXPECT_EQ(print_engine_op(again), print_engine_op(op)) << each.name;
    EXPECT_EQ(again, op) << each.name;
  }
}

}  // namespace
}  // namespace openane
