#include "reference/parallel.h"

#include <atomic>

// The entry that compilers call for `#pragma omp parallel`. Called by its name because Clang would bring an OpenMP
// runtime of its own beside the one oneDNN is linked to.
extern "C" void GOMP_parallel(void (*work)(void*), void* data, unsigned threads, unsigned flags);  // NOLINT

namespace openane::reference {
namespace {

struct Loop {
  void (*work)(const void*, std::int64_t);
  const void* context;
  std::int64_t count;
  std::atomic<std::int64_t> next = 0;
};

/// The runtime may give fewer threads than asked for: each takes indices until none is left.
void take_indices(void* opaque) {
  Loop& loop = *static_cast<Loop*>(opaque);
  for (std::int64_t index = loop.next.fetch_add(1); index < loop.count; index = loop.next.fetch_add(1)) {
    loop.work(loop.context, index);
  }
}

}  // namespace

void run_parallel(std::int64_t count, unsigned threads, void (*work)(const void*, std::int64_t), const void* context) {
  Loop loop{work, context, count};
  if (threads <= 1 || count <= 1) {
    take_indices(&loop);
  } else {
    GOMP_parallel(take_indices, &loop, threads, 0);
  }
}

}  // namespace openane::reference
