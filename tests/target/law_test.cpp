// The law of every target: encode(lift(t)) == t, word for word, whatever registers a task writes and leaves out.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "isa/random_task.h"
#include "openane/engine_op.h"

namespace openane {
namespace {

std::vector<const Target*> targets() {
  std::vector<const Target*> found;
  for (const Generation* generation : generations()) {
    if (const Target* target = find_target(*generation)) {
      found.push_back(target);
    }
  }
  return found;
}

class Law : public testing::TestWithParam<const Target*> {};

TEST_P(Law, EncodeOfLiftIsTheTask) {
  const Target& target = *GetParam();
  std::size_t neural = 0, planar = 0;
  for (std::uint32_t seed = 1; seed <= 20000; ++seed) {
    test::Random random(seed);
    const Task task = test::plausible_task(random, *target.generation);
    const EngineOp op = target.lift(task);
    neural += op.neural() != nullptr ? 1 : 0;
    planar += op.planar() != nullptr ? 1 : 0;
    const Result<Task> again = target.encode(op);
    ASSERT_TRUE(again) << "seed " << seed << ": " << again.error().to_string() << "\n"
                       << fmt::format("{:#010x}", fmt::join(task.words(), " "));
    ASSERT_EQ(*again, task) << "seed " << seed << "\n"
                            << fmt::format("{:#010x}\n{:#010x}", fmt::join(task.words(), " "),
                                           fmt::join(again->words(), " "));
  }
  // The generator reaches both paths.
  EXPECT_GT(neural, 1000U);
  EXPECT_GT(planar, 1000U);
}

INSTANTIATE_TEST_SUITE_P(EveryTarget, Law, testing::ValuesIn(targets()),
                         [](const auto& each) { return std::string(each.param->generation->id); });

}  // namespace
}  // namespace openane
