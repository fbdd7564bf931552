// Little-endian reads and writes with every bound checked once, here.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "openane/error.h"

namespace openane {

/// Unchecked little-endian load; the caller has checked that `sizeof(T)` bytes follow.
template <typename T>
[[nodiscard]] inline T load_le(const std::uint8_t* at) {
  static_assert(std::is_integral_v<T>);
  std::make_unsigned_t<T> value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<std::make_unsigned_t<T>>(value | (static_cast<std::make_unsigned_t<T>>(at[i]) << (8 * i)));
  }
  return static_cast<T>(value);
}

template <typename T>
inline void store_le(std::uint8_t* at, T value) {
  static_assert(std::is_integral_v<T>);
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    at[i] = static_cast<std::uint8_t>(static_cast<std::make_unsigned_t<T>>(value) >> (8 * i));
  }
}

/// True when [offset, offset+size) lies inside [0, limit), without overflow.
[[nodiscard]] constexpr bool range_inside(std::uint64_t offset, std::uint64_t size, std::uint64_t limit) {
  return offset <= limit && size <= limit - offset;
}

[[nodiscard]] constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

/// Reads at absolute offsets of one input. Errors carry the offset.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::uint8_t> data) : data_(data) {}

  [[nodiscard]] std::uint64_t size() const { return data_.size(); }

  template <typename T>
  [[nodiscard]] Result<T> read(std::uint64_t offset, std::string_view what) const {
    if (!range_inside(offset, sizeof(T), data_.size())) {
      return past_end(offset, sizeof(T), what);
    }
    return load_le<T>(data_.data() + offset);
  }

  [[nodiscard]] Result<std::span<const std::uint8_t>> bytes(std::uint64_t offset, std::uint64_t count,
                                                            std::string_view what) const {
    if (!range_inside(offset, count, data_.size())) {
      return past_end(offset, count, what);
    }
    return data_.subspan(offset, count);
  }

  /// A NUL-terminated string that must end before `limit`.
  [[nodiscard]] Result<std::string> c_string(std::uint64_t offset, std::uint64_t limit, std::string_view what) const {
    if (limit > data_.size() || offset >= limit) {
      return past_end(offset, 1, what);
    }
    const auto part = data_.subspan(offset, limit - offset);
    const void* end = std::memchr(part.data(), 0, part.size());
    if (end == nullptr) {
      return fail_at(offset, fmt::format("{} has no terminating NUL before {:#x}", what, limit));
    }
    return std::string(reinterpret_cast<const char*>(part.data()),
                       static_cast<std::size_t>(static_cast<const std::uint8_t*>(end) - part.data()));
  }

 private:
  [[nodiscard]] std::unexpected<Error> past_end(std::uint64_t offset, std::uint64_t count,
                                                std::string_view what) const {
    return fail_at(offset, fmt::format("{} needs {} bytes, but the input ends at {:#x}", what, count, data_.size()));
  }
  std::span<const std::uint8_t> data_;
};

/// Appends little-endian values to a growing buffer.
class ByteWriter {
 public:
  template <typename T>
  void put(T value) {
    const std::size_t at = data_.size();
    data_.resize(at + sizeof(T));
    store_le(data_.data() + at, value);
  }
  void put_bytes(std::span<const std::uint8_t> bytes) { data_.insert(data_.end(), bytes.begin(), bytes.end()); }
  void put_text(std::string_view text) { data_.insert(data_.end(), text.begin(), text.end()); }
  /// Appends zeros up to `size`; does nothing when the buffer is already longer.
  void zero_to(std::uint64_t size) {
    if (data_.size() < size) {
      data_.resize(size);
    }
  }
  void align(std::uint64_t alignment) { zero_to(align_up(data_.size(), alignment)); }
  template <typename T>
  void patch(std::uint64_t offset, T value) {
    store_le(data_.data() + offset, value);
  }
  [[nodiscard]] std::uint64_t size() const { return data_.size(); }
  [[nodiscard]] std::vector<std::uint8_t> take() { return std::move(data_); }

 private:
  std::vector<std::uint8_t> data_;
};

}  // namespace openane
