// Figures that a program descriptor repeats from its tasks' headers (hwx-container.md 6). The header words have the
// same meaning in all generations whose headers are published.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "openane/program.h"

namespace openane::hwx {

struct EventCounts {
  std::uint64_t debug = 0;
  std::uint64_t log = 0;
  std::uint32_t cycles = 0;  ///< Largest ExeCycles.
  friend bool operator==(const EventCounts&, const EventCounts&) = default;
};

[[nodiscard]] inline EventCounts count_events(const Procedure& procedure) {
  EventCounts counts;
  for (const PlacedTask& placed : procedure.tasks) {
    counts.log += static_cast<std::uint64_t>(std::popcount(placed.task.header(2)));
    counts.debug += static_cast<std::uint64_t>(std::popcount(placed.task.header(4))) +
                    placed.task.generation().debug_events_per_task;
    counts.cycles = std::max(counts.cycles, placed.task.header(1) & 0xffffU);
  }
  return counts;
}

}  // namespace openane::hwx
