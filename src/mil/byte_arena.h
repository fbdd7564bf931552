// Memory for the many small constants of one program: one allocation per chunk instead of one per constant.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "openane/bytes.h"

namespace openane::mil {

/// Copies data into chunks that live as long as any `Bytes` made here. Not safe for use from several threads.
class ByteArena {
 public:
  [[nodiscard]] Bytes copy(std::span<const std::uint8_t> data) {
    if (data.empty()) {
      return {};
    }
    if (data.size() > free_) {
      add_chunk(data.size());
    }
    std::memcpy(next_, data.data(), data.size());
    const std::span<const std::uint8_t> view(next_, data.size());
    next_ += data.size();
    free_ -= data.size();
    return {chunk_, view};
  }

 private:
  void add_chunk(std::size_t least) {
    const std::size_t size = std::max(least, chunk_size_);
    chunk_size_ = std::min<std::size_t>(2 * chunk_size_, 1U << 16);
    auto chunk = std::make_shared<std::vector<std::uint8_t>>(size);
    next_ = chunk->data();
    free_ = size;
    chunk_ = std::move(chunk);
  }

  std::shared_ptr<void> chunk_;
  std::uint8_t* next_ = nullptr;
  std::size_t free_ = 0;
  std::size_t chunk_size_ = 256;
};

}  // namespace openane::mil
