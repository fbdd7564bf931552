// One parallel loop for all kernels. Its threads are those of the OpenMP runtime that oneDNN computes with: a second
// pool would spin against the first for the same cores between two operations.
#pragma once

#include <algorithm>
#include <cstdint>

namespace openane::reference {

/// Calls `work(context, index)` once for each index below `count`, on up to `threads` threads. Inside another loop it
/// runs on the calling thread alone. `work` must not throw.
void run_parallel(std::int64_t count, unsigned threads, void (*work)(const void* context, std::int64_t index),
                  const void* context);

/// Calls `body(begin, end)` for ranges that together are 0..count. A range smaller than `grain` is not worth a thread.
template <typename Body>
void parallel_for(std::int64_t count, std::int64_t grain, unsigned threads, const Body& body) {
  const std::int64_t pieces = std::min<std::int64_t>(threads, count / std::max<std::int64_t>(grain, 1));
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

}  // namespace openane::reference
