#include "emulator/mac_pool.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

#include "emulator/float_buffer.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace openane {
namespace {

/// Kernels follow each other within microseconds and waking a sleeper takes tens of them: who waits looks about so
/// often before it sleeps.
constexpr int kSpins = 2000;

void spin() {
#if defined(__x86_64__) || defined(__i386__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Waits until `value` is something else than `old`, and returns that.
std::uint64_t wait_for_change(const std::atomic<std::uint64_t>& value, std::uint64_t old) {
  for (int i = 0; i < kSpins; ++i) {
    if (const std::uint64_t now = value.load(std::memory_order_acquire); now != old) {
      return now;
    }
    spin();
  }
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

/// Indices of one worker that nobody has begun: it takes them from the front, others from the back. Who has begun keeps
/// the last for itself: what it works on is in its core's caches, and hardly waits longer there than it takes to move.
class alignas(kApart) Share {
 public:
  static constexpr std::size_t kMost = std::size_t{1} << 31;  ///< Ends fit half a word.

  void set(std::size_t begin, std::size_t end) {
    first_ = begin;
    ends_.store(end << 32 | begin, std::memory_order_relaxed);
  }
  std::optional<std::size_t> take_first() {
    return take(1, [](std::size_t begin, std::size_t end) { return begin < end; });
  }
  std::optional<std::size_t> take_last() {
    return take(-kEnd, [first = first_](std::size_t begin, std::size_t end) { return begin + (begin != first) < end; });
  }

 private:
  static constexpr std::uint64_t kEnd = std::uint64_t{1} << 32;

  template <class May>
  std::optional<std::size_t> take(std::uint64_t step, May may) {
    std::uint64_t ends = ends_.load(std::memory_order_relaxed);
    while (may(ends % kEnd, ends / kEnd)) {
      if (ends_.compare_exchange_weak(ends, ends + step, std::memory_order_relaxed)) {
        return step == 1 ? ends % kEnd : ends / kEnd - 1;
      }
    }
    return std::nullopt;
  }

  std::atomic<std::uint64_t> ends_ = 0;  ///< The end in the high half.
  std::size_t first_ = 0;
};

}  // namespace

struct WorkerPool::Shared {
  // How many helpers are at work (low 16 bits), and a number that each run() makes odd when its work can be joined and
  // even when no more helper may join. A helper that sleeps through a run is not waited for.
  static constexpr std::uint64_t kStep = 1U << 16;
  static constexpr std::uint64_t kActive = kStep - 1;
  std::atomic<std::uint64_t> state = 0;
  std::atomic<bool> stop = false;
  // Written while no helper is at work.
  std::vector<Share> shares;  ///< One per worker.
  std::size_t first = 0;      ///< What their indices count from.
  const std::function<void(std::size_t, unsigned)>* work = nullptr;
  std::vector<std::thread> helpers;
  std::vector<FloatBuffer> memories;  ///< One per worker.

  static bool is_open(std::uint64_t state) { return (state & kStep) != 0; }

  explicit Shared(unsigned threads) : shares(threads), memories(threads) {}

  void deal(std::size_t count) {
    for (std::size_t worker = 0; worker < shares.size(); ++worker) {
      shares[worker].set(count * worker / shares.size(), count * (worker + 1) / shares.size());
    }
  }

  void take_indices(unsigned worker) {
    while (const auto index = shares[worker].take_first()) {
      (*work)(first + *index, worker);
    }
    for (std::size_t step = 1; step < shares.size(); ++step) {
      Share& other = shares[(worker + step) % shares.size()];
      while (const auto index = other.take_last()) {
        (*work)(first + *index, worker);
      }
    }
  }

  void help(unsigned worker) {
    std::uint64_t done = 0;  // the last run this helper joined
    std::uint64_t now = state.load(std::memory_order_acquire);
    while (!stop.load(std::memory_order_acquire)) {
      if (!is_open(now) || now / kStep == done) {
        now = wait_for_change(state, now);
      } else if (state.compare_exchange_weak(now, now + 1, std::memory_order_acq_rel)) {
        done = now / kStep;
        take_indices(worker);
        now = state.fetch_sub(1, std::memory_order_acq_rel) - 1;
        state.notify_all();
      }
    }
  }

  void leave_to_helpers(std::uint64_t step) {
    state.fetch_add(step, std::memory_order_acq_rel);
    state.notify_all();
  }
};

WorkerPool::WorkerPool(unsigned threads)
    : threads_(threads != 0 ? threads : std::max(1U, std::thread::hardware_concurrency())),
      shared_(std::make_unique<Shared>(threads_)) {
  for (unsigned worker = 1; worker < threads_; ++worker) {
    shared_->helpers.emplace_back([shared = shared_.get(), worker] { shared->help(worker); });
  }
}

WorkerPool::~WorkerPool() {
  shared_->stop.store(true, std::memory_order_release);
  shared_->leave_to_helpers(2 * Shared::kStep);
  for (std::thread& helper : shared_->helpers) {
    helper.join();
  }
}

float* WorkerPool::memory(unsigned worker, std::size_t count) {
  FloatBuffer& memory = shared_->memories[worker];
  if (memory.size() < count) {
    memory = {};  // before the larger one is there
    memory = FloatBuffer(count);
  }
  return memory.data();
}

void WorkerPool::release_memory() { shared_->memories = std::vector<FloatBuffer>(threads_); }

void WorkerPool::run(std::size_t count, const std::function<void(std::size_t, unsigned)>& work) {
  if (threads_ == 1 || count <= 1) {
    for (std::size_t index = 0; index < count; ++index) {
      work(index, 0);
    }
    return;
  }
  for (std::size_t first = 0; first < count; first += Share::kMost) {
    run_some(first, std::min(Share::kMost, count - first), work);
  }
}

void WorkerPool::run_some(std::size_t first, std::size_t count,
                          const std::function<void(std::size_t, unsigned)>& work) {
  shared_->work = &work;
  shared_->first = first;
  shared_->deal(count);
  shared_->leave_to_helpers(Shared::kStep);
  shared_->take_indices(0);
  std::uint64_t now = shared_->state.fetch_add(Shared::kStep, std::memory_order_acq_rel) + Shared::kStep;
  while ((now & Shared::kActive) != 0) {
    now = wait_for_change(shared_->state, now);
  }
}

}  // namespace openane
