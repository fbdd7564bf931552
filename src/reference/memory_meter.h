// Memory for tensors, counted against a limit: a hostile program fails with a message instead of taking the machine.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "openane/error.h"

namespace openane::reference {

/// Alignment of every tensor, in bytes.
inline constexpr std::uint64_t kAlignment = 64;

class MemoryMeter {
 public:
  /// 0: three quarters of the physical memory.
  explicit MemoryMeter(std::uint64_t limit);

  /// Uninitialised bytes; given back when the last owner goes. Fails when they are more than what is left.
  [[nodiscard]] Result<std::shared_ptr<void>> allocate(std::uint64_t bytes);
  /// Counts bytes that somebody else allocates, until the token goes.
  [[nodiscard]] Result<std::shared_ptr<void>> charge(std::uint64_t bytes);
  [[nodiscard]] std::uint64_t used() const { return *used_; }
  [[nodiscard]] std::uint64_t limit() const { return limit_; }

 private:
  [[nodiscard]] Result<void> take(std::uint64_t bytes);

  std::uint64_t limit_;
  std::shared_ptr<std::atomic<std::uint64_t>> used_ = std::make_shared<std::atomic<std::uint64_t>>(0);
};

}  // namespace openane::reference
