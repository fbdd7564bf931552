#include "reference/parallel.h"

#include <memory>
#include <mutex>

#include "emulator/mac_pool.h"

namespace openane::reference {
namespace {

/// The threads that all kernels share. One loop at a time has them.
struct Threads {
  std::mutex mutex;
  std::unique_ptr<WorkerPool> pool;
};

Threads& shared_threads() {
  static Threads threads;
  return threads;
}

thread_local bool is_inside = false;

}  // namespace

void run_parallel(std::int64_t count, unsigned threads, void (*work)(const void*, std::int64_t), const void* context) {
  std::unique_lock<std::mutex> lock;
  if (threads > 1 && count > 1 && !is_inside) {
    lock = std::unique_lock(shared_threads().mutex, std::try_to_lock);
  }
  if (!lock.owns_lock()) {
    for (std::int64_t index = 0; index < count; ++index) {
      work(context, index);
    }
    return;
  }
  std::unique_ptr<WorkerPool>& pool = shared_threads().pool;
  if (pool == nullptr || pool->threads() != threads) {
    pool = std::make_unique<WorkerPool>(threads);
  }
  pool->run(static_cast<std::size_t>(count), [&](std::size_t index, unsigned /*worker*/) {
    is_inside = true;
    work(context, static_cast<std::int64_t>(index));
    is_inside = false;
  });
}

}  // namespace openane::reference
