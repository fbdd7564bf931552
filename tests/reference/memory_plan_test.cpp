#include "reference/memory_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "reference/memory_meter.h"

namespace openane::reference {
namespace {

bool meet(const Lifetime& a, const Lifetime& b) { return a.begin <= b.end && b.begin <= a.end; }

std::uint64_t end_of(const MemoryPlan& plan, std::span<const Lifetime> lifetimes, std::size_t i) {
  return plan.offsets[i] + lifetimes[i].bytes;
}

/// The most bytes that live in one step: no plan can be smaller.
std::uint64_t most_alive(std::span<const Lifetime> lifetimes) {
  std::uint64_t most = 0;
  for (const Lifetime& at : lifetimes) {
    std::uint64_t alive = 0;
    for (const Lifetime& other : lifetimes) {
      alive += other.begin <= at.begin && at.begin <= other.end ? other.bytes : 0;
    }
    most = std::max(most, alive);
  }
  return most;
}

void expect_sound(std::span<const Lifetime> lifetimes, const MemoryPlan& plan) {
  ASSERT_EQ(plan.offsets.size(), lifetimes.size());
  for (std::size_t i = 0; i < lifetimes.size(); ++i) {
    EXPECT_EQ(plan.offsets[i] % kAlignment, 0U);
    EXPECT_LE(end_of(plan, lifetimes, i), plan.arena_bytes);
    for (std::size_t j = 0; j < i; ++j) {
      const bool share = plan.offsets[i] < end_of(plan, lifetimes, j) && plan.offsets[j] < end_of(plan, lifetimes, i);
      EXPECT_FALSE(share && meet(lifetimes[i], lifetimes[j])) << "values " << j << " and " << i;
    }
  }
  EXPECT_LE(plan.arena_bytes, plan.unshared_bytes);
}

TEST(MemoryPlan, a_chain_needs_two_buffers) {
  const Lifetime chain[] = {{640, 0, 1}, {640, 1, 2}, {640, 2, 3}, {640, 3, 4}, {640, 4, 5}};
  const MemoryPlan plan = plan_memory(chain);
  expect_sound(chain, plan);
  EXPECT_EQ(plan.arena_bytes, 1280U);
  EXPECT_EQ(plan.unshared_bytes, 3200U);
}

TEST(MemoryPlan, neighbouring_gaps_become_one) {
  const Lifetime lifetimes[] = {{64, 0, 1}, {64, 0, 1}, {64, 0, 9}, {128, 2, 3}};
  EXPECT_EQ(plan_memory(lifetimes).arena_bytes, 192U);
}

TEST(MemoryPlan, no_two_living_values_share_a_byte) {
  std::mt19937 random(20261);
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    std::vector<Lifetime> lifetimes(1 + random() % 60);
    for (Lifetime& one : lifetimes) {
      one.bytes = random() % 5 == 0 ? random() % 100'000 : random() % 300;
      one.begin = random() % 50;
      one.end = one.begin + random() % 12;
    }
    std::ranges::stable_sort(lifetimes, {}, &Lifetime::begin);
    const MemoryPlan plan = plan_memory(lifetimes);
    expect_sound(lifetimes, plan);
    EXPECT_GE(plan.arena_bytes, most_alive(lifetimes));
  }
}

TEST(MemoryPlan, sizes_that_overflow_saturate) {
  const Lifetime lifetimes[] = {{UINT64_MAX, 0, 3}, {UINT64_MAX - 7, 1, 3}};
  EXPECT_GE(plan_memory(lifetimes).unshared_bytes, UINT64_MAX - kAlignment);
  EXPECT_GE(plan_memory(lifetimes).arena_bytes, UINT64_MAX - kAlignment);
}

TEST(MemoryMeter, gives_back_what_is_freed_and_refuses_more_than_the_limit) {
  MemoryMeter meter(1024);
  auto first = meter.allocate(1000);
  ASSERT_TRUE(first);
  EXPECT_EQ(meter.used(), 1024U);
  EXPECT_FALSE(meter.allocate(1));
  EXPECT_FALSE(meter.charge(1));
  first->reset();
  EXPECT_EQ(meter.used(), 0U);
  EXPECT_TRUE(meter.allocate(1024));
  EXPECT_FALSE(meter.allocate(UINT64_MAX));
}

}  // namespace
}  // namespace openane::reference
