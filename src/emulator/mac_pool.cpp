#include "emulator/mac_pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace openane {

struct WorkerPool::Shared {
  std::mutex mutex;
  std::condition_variable wake, idle;
  std::vector<std::thread> helpers;
  // One run at a time: guarded by the mutex but for `next`.
  std::uint64_t generation = 0;
  bool stop = false;
  std::size_t busy = 0;
  std::size_t count = 0;
  const std::function<void(std::size_t, unsigned)>* work = nullptr;
  std::atomic<std::size_t> next = 0;

  void take_indices(unsigned worker) {
    for (std::size_t index = next.fetch_add(1); index < count; index = next.fetch_add(1)) {
      (*work)(index, worker);
    }
  }

  void help(unsigned worker) {
    std::uint64_t seen = 0;
    std::unique_lock lock(mutex);
    for (;;) {
      wake.wait(lock, [&] { return stop || generation != seen; });
      if (stop) {
        return;
      }
      seen = generation;
      lock.unlock();
      take_indices(worker);
      lock.lock();
      if (--busy == 0) {
        idle.notify_one();
      }
    }
  }
};

WorkerPool::WorkerPool(unsigned threads)
    : threads_(threads != 0 ? threads : std::max(1U, std::thread::hardware_concurrency())),
      shared_(std::make_unique<Shared>()) {
  for (unsigned worker = 1; worker < threads_; ++worker) {
    shared_->helpers.emplace_back([shared = shared_.get(), worker] { shared->help(worker); });
  }
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stop = true;
  }
  shared_->wake.notify_all();
  for (std::thread& helper : shared_->helpers) {
    helper.join();
  }
}

void WorkerPool::run(std::size_t count, const std::function<void(std::size_t, unsigned)>& work) {
  if (threads_ == 1 || count <= 1) {
    for (std::size_t index = 0; index < count; ++index) {
      work(index, 0);
    }
    return;
  }
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->work = &work;
    shared_->count = count;
    shared_->next = 0;
    shared_->busy = shared_->helpers.size();
    ++shared_->generation;
  }
  shared_->wake.notify_all();
  shared_->take_indices(0);
  std::unique_lock lock(shared_->mutex);
  shared_->idle.wait(lock, [&] { return shared_->busy == 0; });
}

}  // namespace openane
