// Memory for a tensor's data that is written once: not zeroed first, because tensors may have hundreds of megabytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "openane/bytes.h"

namespace openane {

class Buffer {
 public:
  explicit Buffer(std::size_t size) : memory_(std::make_shared_for_overwrite<std::uint8_t[]>(size)), size_(size) {}

  [[nodiscard]] std::uint8_t* data() { return memory_.get(); }
  [[nodiscard]] std::span<std::uint8_t> span() { return {memory_.get(), size_}; }
  /// The finished bytes, which share this memory.
  [[nodiscard]] Bytes bytes() const { return {memory_, {memory_.get(), size_}}; }

 private:
  std::shared_ptr<std::uint8_t[]> memory_;
  std::size_t size_;
};

}  // namespace openane
