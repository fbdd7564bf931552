#include "emulator/mac_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

namespace openane {
namespace {

TEST(WorkerPool, DoesEachIndexOnce) {
  for (const unsigned threads : {1U, 2U, 3U, 8U}) {
    WorkerPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const std::size_t count : {0U, 1U, 2U, 7U, 1000U}) {
      for (int again = 0; again < 50; ++again) {
        std::vector<std::atomic<int>> done(count);
        std::atomic<unsigned> highest = 0;
        pool.run(count, [&](std::size_t index, unsigned worker) {
          ++done[index];
          unsigned seen = highest;
          while (worker > seen && !highest.compare_exchange_weak(seen, worker)) {
          }
        });
        for (const std::atomic<int>& times : done) {
          ASSERT_EQ(times, 1);
        }
        ASSERT_LT(highest, threads);
      }
    }
  }
}

TEST(WorkerPool, WhatOneRunWroteTheNextReads) {
  WorkerPool pool(4);
  std::vector<int> values(500, 0);
  for (int round = 0; round < 200; ++round) {
    pool.run(values.size(), [&](std::size_t index, unsigned) { ++values[index]; });
  }
  EXPECT_EQ(values, std::vector<int>(500, 200));
}

TEST(WorkerPool, StopsWithoutHavingWorked) {
  for (int again = 0; again < 100; ++again) {
    const WorkerPool pool(3);
    EXPECT_EQ(pool.threads(), 3U);
  }
}

}  // namespace
}  // namespace openane
