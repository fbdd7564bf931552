// Damaged copies of real files, made one after the other in one buffer.
#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "openane/bytes.h"
#include "openane/error.h"

namespace openane::test {

/// One buffer that readers see as a file; the owner is nobody, the buffer outlives the reads.
class Victim {
 public:
  explicit Victim(std::span<const std::uint8_t> original) : data_(original.begin(), original.end()) {}

  [[nodiscard]] Bytes file() const { return truncated(data_.size()); }
  [[nodiscard]] Bytes truncated(std::size_t size) const {
    // An exact copy in memory of its own would let the sanitizer see a read past its end; the copy is what costs.
    return Bytes(nullptr, std::span<const std::uint8_t>(data_).first(size));
  }
  [[nodiscard]] std::vector<std::uint8_t>& data() { return data_; }

  /// Calls `visit(description)` with every byte of [begin, end) set to 0 and 0xff, one more, one less, each bit
  /// flipped.
  void mutate_bytes(std::size_t begin, std::size_t end, const std::function<void(const std::string&)>& visit) {
    for (std::size_t at = begin; at < end; ++at) {
      const std::uint8_t original = data_[at];
      std::set<std::uint8_t> values = {0, 0xff, static_cast<std::uint8_t>(original + 1),
                                       static_cast<std::uint8_t>(original - 1)};
      for (int bit = 0; bit < 8; ++bit) {
        values.insert(static_cast<std::uint8_t>(original ^ (1 << bit)));
      }
      values.erase(original);
      for (const std::uint8_t value : values) {
        data_[at] = value;
        visit("byte " + std::to_string(at) + " = " + std::to_string(value) + " instead of " + std::to_string(original));
      }
      data_[at] = original;
    }
  }

 private:
  std::vector<std::uint8_t> data_;
};

/// An error that a person can use: one line of plain text, a category that says the input is at fault or not
/// understood.
inline void expect_usable(const Error& error) {
  const std::set<ErrorCategory> allowed = {ErrorCategory::malformed_input, ErrorCategory::unsupported,
                                           ErrorCategory::not_implemented, ErrorCategory::missing_specification,
                                           ErrorCategory::untested};
  EXPECT_TRUE(allowed.contains(error.category)) << error.to_string();
  EXPECT_FALSE(error.message.empty());
  EXPECT_LT(error.message.size(), 700U) << error.message;
  for (const char c : error.message) {
    EXPECT_TRUE(c >= 0x20 && c < 0x7f) << error.message;
  }
}

/// The address sanitizer keeps freed memory for a while; what a process peaks at then says nothing about its readers.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kKeepsFreedMemory = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool kKeepsFreedMemory = true;
#else
inline constexpr bool kKeepsFreedMemory = false;
#endif
#else
inline constexpr bool kKeepsFreedMemory = false;
#endif

/// Peak memory of the process in bytes.
inline std::size_t peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

/// Fails when the process has peaked more than 64 MB above `before`.
inline void expect_little_memory_since(std::size_t before) {
  if (!kKeepsFreedMemory) {
    EXPECT_LT(peak_memory() - before, std::size_t{64} << 20);
  }
}

}  // namespace openane::test
