// One parallel loop for all kernels, on threads that wait for work together (emulator/mac_pool.h). oneDNN computes
// inside it, each call on one thread: its own OpenMP threads meet at barriers, where all wait for the one that other
// programs keep from running, while here a thread that does not come is not waited for.
#pragma once

#include <algorithm>
#include <cstdint>

namespace openane::reference {

/// Calls `work(context, index)` once for each index below `count`, on up to `threads` threads. Inside another loop, or
/// while another has the threads, it runs on the calling thread alone. `work` must not throw.
void run_parallel(std::int64_t count, unsigned threads, void (*work)(const void* context, std::int64_t index),
                  const void* context);

/// Ranges for each thread: with more than one, those that come early take more.
inline constexpr std::int64_t kRangesPerThread = 3;

/// Calls `body(begin, end)` for ranges that together are 0..count. A range smaller than `grain` is not worth a thread.
template <typename Body>
void parallel_for(std::int64_t count, std::int64_t grain, unsigned threads, const Body& body) {
  const std::int64_t pieces =
      threads <= 1 ? 1 : std::min(threads * kRangesPerThread, count / std::max<std::int64_t>(grain, 1));
  if (pieces <= 1) {
    if (count > 0) {
      body(std::int64_t{0}, count);
    }
    return;
  }
  struct Context {
    const Body& body;
    std::int64_t count;
    std::int64_t pieces;
  } const context{body, count, pieces};
  run_parallel(
      pieces, threads,
      [](const void* opaque, std::int64_t index) {
        const auto& all = *static_cast<const Context*>(opaque);
        const std::int64_t share = all.count / all.pieces;
        const std::int64_t extra = all.count % all.pieces;
        const std::int64_t begin = index * share + std::min(index, extra);
        all.body(begin, begin + share + (index < extra ? 1 : 0));
      },
      &context);
}

/// Calls `body(index)` for each index below `count`.
template <typename Body>
void parallel_indices(std::int64_t count, unsigned threads, const Body& body) {
  run_parallel(
      count, threads, [](const void* opaque, std::int64_t index) { (*static_cast<const Body*>(opaque))(index); },
      &body);
}

}  // namespace openane::reference
