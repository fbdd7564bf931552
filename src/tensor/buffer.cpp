#include "tensor/buffer.h"

#include <fmt/format.h>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <new>

namespace openane {
namespace {

// From here on the kernel is asked for large pages: filling fresh memory is otherwise several times slower than
// copying.
constexpr std::size_t kLargeSize = std::size_t{8} << 20;
constexpr std::align_val_t kLargePage{std::size_t{2} << 20};
constexpr std::align_val_t kSmallAlignment{64};

}  // namespace

Result<Buffer> Buffer::allocate(std::size_t size) {
  const std::align_val_t alignment = size < kLargeSize ? kSmallAlignment : kLargePage;
  void* memory = ::operator new(size, alignment, std::nothrow);
  if (memory == nullptr) {
    return fail(ErrorCategory::system, fmt::format("no memory for a tensor of {} bytes", size));
  }
#ifdef __linux__
  if (size >= kLargeSize) {
    madvise(memory, size, MADV_HUGEPAGE);
  }
#endif
  const auto release = [alignment](std::uint8_t* address) { ::operator delete(address, alignment); };
  return Buffer(std::shared_ptr<std::uint8_t>(static_cast<std::uint8_t*>(memory), release), size);
}

}  // namespace openane
