// Which intermediate tensors share memory.
//
// The plan is made in the order of execution: a value takes the smallest gap that holds it among what earlier values
// have given back (best fit), or grows the arena. Only the values of the outermost block whose types are concrete take
// part; the rest lives on the heap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "openane/mil_program.h"

namespace openane::reference {

/// A value that lives from step `begin` to step `end`, both included.
struct Lifetime {
  std::uint64_t bytes = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
};

struct MemoryPlan {
  std::vector<std::uint64_t> offsets;  ///< One for each lifetime, multiples of kAlignment.
  std::uint64_t arena_bytes = 0;
  std::uint64_t unshared_bytes = 0;  ///< The sum of all.
};

/// `lifetimes` are sorted by `begin`. Values of which one begins in the step in which the other ends do not share: an
/// operation reads its arguments while it writes its results. Saturates instead of overflowing.
[[nodiscard]] MemoryPlan plan_memory(std::span<const Lifetime> lifetimes);

}  // namespace openane::reference
