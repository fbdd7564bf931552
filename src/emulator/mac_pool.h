// A few threads that wait for work together: the only threads of the emulator.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace openane {

/// What two workers write lies this far apart: a cache line and the one that is fetched along with it.
inline constexpr std::size_t kApart = 128;

class WorkerPool {
 public:
  /// 0 = one thread per core. The calling thread is one of them: a pool of 1 starts none.
  explicit WorkerPool(unsigned threads = 0);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  [[nodiscard]] unsigned threads() const { return threads_; }

  /// Calls `work(index, worker)` once for each index below `count`, each on some worker below threads(), and returns
  /// when all are done. Each worker begins with a share of neighbouring indices, the same for the same count, so that
  /// it finds in its core's caches what it did in the run before; then it takes what others have not begun. Not
  /// reentrant; `work` must not throw.
  void run(std::size_t count, const std::function<void(std::size_t index, unsigned worker)>& work);

  /// `count` numbers of a worker's own, on a page's boundary. They stay where they are from run to run, so that they
  /// stay in its core's caches; only a larger count moves them. Not while work is running.
  [[nodiscard]] float* memory(unsigned worker, std::size_t count);
  /// Gives back the memory of all workers.
  void release_memory();

 private:
  struct Shared;
  void run_some(std::size_t first, std::size_t count, const std::function<void(std::size_t, unsigned)>& work);
  unsigned threads_;
  std::unique_ptr<Shared> shared_;
};

}  // namespace openane
