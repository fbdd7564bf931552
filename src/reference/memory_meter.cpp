#include "reference/memory_meter.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <new>

namespace openane::reference {
namespace {

std::uint64_t physical_memory() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page = sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page)
                               : std::uint64_t{1} << 32;
}

}  // namespace

MemoryMeter::MemoryMeter(std::uint64_t limit) : limit_(limit != 0 ? limit : physical_memory() / 4 * 3) {}

Result<void> MemoryMeter::take(std::uint64_t bytes) {
  const std::uint64_t before = used_->fetch_add(bytes);
  if (before > limit_ || bytes > limit_ - before) {
    used_->fetch_sub(bytes);
    return fail(ErrorCategory::system, fmt::format("needs {} bytes of memory for tensors; {} of {} allowed are in use",
                                                   bytes, before, limit_));
  }
  return {};
}

Result<std::shared_ptr<void>> MemoryMeter::allocate(std::uint64_t bytes) {
  constexpr std::uint64_t kLargest = std::uint64_t{1} << 62;
  if (bytes > kLargest) {
    return fail(ErrorCategory::system, fmt::format("a tensor of {} bytes", bytes));
  }
  const std::uint64_t rounded = (std::max<std::uint64_t>(bytes, 1) + kAlignment - 1) / kAlignment * kAlignment;
  OPENANE_CHECK(take(rounded));
  void* const memory = operator new(rounded, std::align_val_t{kAlignment}, std::nothrow);
  if (memory == nullptr) {
    used_->fetch_sub(rounded);
    return fail(ErrorCategory::system, fmt::format("no memory for a tensor of {} bytes", bytes));
  }
  return std::shared_ptr<void>(memory, [used = used_, rounded](void* freed) {
    operator delete(freed, std::align_val_t{kAlignment});
    used->fetch_sub(rounded);
  });
}

Result<std::shared_ptr<void>> MemoryMeter::charge(std::uint64_t bytes) {
  OPENANE_CHECK(take(bytes));
  return std::shared_ptr<void>(used_.get(), [used = used_, bytes](void* /*counter*/) { used->fetch_sub(bytes); });
}

}  // namespace openane::reference
