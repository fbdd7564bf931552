// Files written out by hand, and the damage that readers must survive.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "openane/npy.h"

namespace openane::test {

using ByteVector = std::vector<std::uint8_t>;

inline ByteVector bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

inline ByteVector from_hex(std::string_view hex) {
  ByteVector bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

/// A .npy file of any version with this header text, not padded.
inline ByteVector npy_file(std::string_view header, const ByteVector& data, int version = 1) {
  ByteVector file = bytes_of("\x93NUMPY");
  file.push_back(static_cast<std::uint8_t>(version));
  file.push_back(0);
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) {
    file.push_back(static_cast<std::uint8_t>(header.size() >> (8 * i)));
  }
  file.insert(file.end(), header.begin(), header.end());
  file.insert(file.end(), data.begin(), data.end());
  return file;
}

/// Whatever a reader returns for damaged input must hold together.
inline void expect_sound(const Tensor& tensor) {
  const auto count = element_count(tensor.shape);
  ASSERT_TRUE(count);
  ASSERT_TRUE(element_bytes(tensor.type));
  ASSERT_EQ(tensor.data.size(), static_cast<std::uint64_t>(*count) * *element_bytes(tensor.type));
  unsigned sum = 0;
  for (const std::uint8_t byte : tensor.data.span()) {
    sum += byte;
  }
  ASSERT_LE(sum, 255 * tensor.data.size()) << "every byte can be read";
}

/// Calls `read` with every truncation of a file, then with each byte before `limit` set to 0, 0xff, its neighbours, its
/// complement and itself with each bit flipped. Each copy has its exact size, so that a sanitizer sees any step
/// outside.
template <typename Read>
void for_each_damage(const ByteVector& file, std::size_t limit, const Read& read) {
  for (std::size_t size = 0; size < file.size(); ++size) {
    SCOPED_TRACE("truncated to " + std::to_string(size));
    read(ByteVector(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size)));
  }
  for (std::size_t at = 0; at < std::min(limit, file.size()); ++at) {
    const std::uint8_t old = file[at];
    std::vector<int> values = {0, 0xff, old + 1, old - 1, ~old};
    for (int bit = 0; bit < 8; ++bit) {
      values.push_back(old ^ (1 << bit));
    }
    for (const int value : values) {
      SCOPED_TRACE("byte " + std::to_string(at) + " set to " + std::to_string(value & 0xff));
      ByteVector damaged = file;
      damaged[at] = static_cast<std::uint8_t>(value);
      read(std::move(damaged));
    }
  }
}

}  // namespace openane::test
