// Room for the numbers of sums.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace openane {

/// Uninitialised floats on a page's boundary: no cache line is shared with what another worker writes.
class FloatBuffer {
 public:
  FloatBuffer() = default;
  explicit FloatBuffer(std::size_t count)
      : data_(static_cast<float*>(::operator new(count * sizeof(float), kAlignment))), count_(count) {}
  [[nodiscard]] float* data() const { return data_.get(); }
  [[nodiscard]] std::size_t size() const { return count_; }

 private:
  static constexpr std::align_val_t kAlignment{4096};
  struct Free {
    void operator()(float* data) const { ::operator delete(data, kAlignment); }
  };
  std::unique_ptr<float, Free> data_;
  std::size_t count_ = 0;
};

}  // namespace openane
