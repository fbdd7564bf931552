// Bytes with an owner that may be shared: a mapped file, a piece of one, or a vector.
//
// Programs and models carry constant sections of hundreds of megabytes. They are mapped, never copied, and a `Bytes`
// keeps its mapping alive for as long as anyone looks at it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "openane/error.h"

namespace openane {

class Bytes {
 public:
  Bytes() = default;
  /// Takes a vector over.
  explicit Bytes(std::vector<std::uint8_t> data);
  /// `view` must stay valid while `owner` lives.
  Bytes(std::shared_ptr<const void> owner, std::span<const std::uint8_t> view)
      : owner_(std::move(owner)), view_(view) {}

  [[nodiscard]] std::span<const std::uint8_t> span() const { return view_; }
  [[nodiscard]] const std::uint8_t* data() const { return view_.data(); }
  [[nodiscard]] std::size_t size() const { return view_.size(); }
  [[nodiscard]] bool empty() const { return view_.empty(); }
  /// A part of these bytes that shares the owner. The caller has checked that it lies inside.
  [[nodiscard]] Bytes slice(std::size_t offset, std::size_t size) const {
    return {owner_, view_.subspan(offset, size)};
  }

  friend bool operator==(const Bytes& a, const Bytes& b);

 private:
  std::shared_ptr<const void> owner_;
  std::span<const std::uint8_t> view_;
};

/// Maps a regular file read-only. Fails with `system` when it cannot be opened, is a directory, or is no regular file.
[[nodiscard]] Result<Bytes> read_file(const std::string& path);

/// Writes beside `path`, then renames: a reader never sees half a file. The old file's permissions are kept.
[[nodiscard]] Result<void> write_file(const std::string& path, std::span<const std::uint8_t> data);
[[nodiscard]] Result<void> write_file(const std::string& path, std::string_view text);
/// Writes the parts one after the other.
[[nodiscard]] Result<void> write_file(const std::string& path, std::span<const std::span<const std::uint8_t>> parts);

}  // namespace openane
