// Memory for a tensor's data that is written once: not zeroed first, because tensors may have hundreds of megabytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "openane/bytes.h"
#include "openane/error.h"

namespace openane {

class Buffer {
 public:
  /// Aligned for any element; fails with `system` when there is no memory.
  [[nodiscard]] static Result<Buffer> allocate(std::size_t size);

  [[nodiscard]] std::uint8_t* data() { return memory_.get(); }
  [[nodiscard]] std::span<std::uint8_t> span() { return {memory_.get(), size_}; }
  /// The finished bytes, which share this memory.
  [[nodiscard]] Bytes bytes() const { return {memory_, {memory_.get(), size_}}; }

 private:
  Buffer(std::shared_ptr<std::uint8_t> memory, std::size_t size) : memory_(std::move(memory)), size_(size) {}

  std::shared_ptr<std::uint8_t> memory_;
  std::size_t size_;
};

}  // namespace openane
