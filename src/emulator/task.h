// One task made ready to run: its op, where everything lies, and the pieces its work is cut into.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "emulator/kernel_stream.h"
#include "emulator/mac_pool.h"
#include "emulator/view.h"
#include "openane/emulator.h"

namespace openane::emulator {

struct ReadyTask {
  const EngineOp* op = nullptr;
  std::array<View, 2> sources;
  std::optional<View> kept;       ///< Where source 1 also stays on chip.
  std::vector<View> results;      ///< The same elements in each.
  std::optional<View> clobbered;  ///< Memory whose content the task leaves unknown.
  std::optional<KernelReader> kernel;
};

struct Engine {
  Numerics numerics = Numerics::h13;
  WorkerPool* pool = nullptr;
};

/// Refuses what the planar path would do that nobody has published.
[[nodiscard]] Result<void> check_planar(const EngineOp& op);
[[nodiscard]] Result<void> run_planar(const ReadyTask& task, const Engine& engine);
[[nodiscard]] Result<void> check_neural(const EngineOp& op);
[[nodiscard]] Result<void> run_neural(ReadyTask& task, const Engine& engine);

// ------------------------------------------------------------------------------------------------ pieces of work

/// Columns x .. x+count-1 of one row.
struct Piece {
  std::uint32_t g = 0, c = 0, y = 0, x = 0, count = 0;
};

/// A piece has at most this many elements, so that its rows stay in the nearest cache.
inline constexpr std::uint32_t kPieceElements = 4096;

/// Calls `work` for every piece of tensors of the same extents, from the pool's threads.
void for_each_piece(WorkerPool& pool, std::span<const View* const> views,
                    const std::function<void(const Piece&)>& work);

/// Calls `work(begin, end)` for ranges that together are 0 .. count-1; `cost` elements of work stand behind each.
void for_each_range(WorkerPool& pool, std::uint64_t count, std::uint64_t cost,
                    const std::function<void(std::uint64_t, std::uint64_t)>& work);

/// Makes rows longer where every view goes on in memory at the end of a row, a plane or a group, and elements do not
/// mind. All views have the same extents.
void join_rows(std::span<View* const> views);

/// The first error that any thread meets.
class FirstError {
 public:
  void set(Error error);
  [[nodiscard]] Result<void> result() const;

 private:
  mutable std::mutex mutex_;
  std::optional<Error> error_;
};

/// Writes float rows into all views of a result; conversions nobody has published end in `errors`.
class ResultRows {
 public:
  explicit ResultRows(std::span<const View> views);
  void put(const Piece& piece, const float* values);
  /// Rounds rows to fp16 as it computes them: `compute` fills fp16 numbers. Only when `takes_halves()`.
  void put_halves(const Piece& piece, const std::function<void(std::uint16_t*)>& compute);
  [[nodiscard]] bool takes_halves() const;
  [[nodiscard]] Result<void> result() const { return errors_.result(); }

 private:
  std::vector<RowWriter> writers_;
  FirstError errors_;
};

}  // namespace openane::emulator
