// A few threads that wait for work together: the only threads of the emulator.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace openane {

class WorkerPool {
 public:
  /// 0 = one thread per core. The calling thread is one of them: a pool of 1 starts none.
  explicit WorkerPool(unsigned threads = 0);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  [[nodiscard]] unsigned threads() const { return threads_; }

  /// Calls `work(index, worker)` once for each index below `count`, each on some worker below threads(), and returns
  /// when all are done. Indices are handed out in order, one at a time. Not reentrant; `work` must not throw.
  void run(std::size_t count, const std::function<void(std::size_t index, unsigned worker)>& work);

 private:
  struct Shared;
  unsigned threads_;
  std::unique_ptr<Shared> shared_;
};

}  // namespace openane
