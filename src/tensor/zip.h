// Zip archives in memory, as far as .npz needs them: stored and deflated members, zip64 sizes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "openane/bytes.h"
#include "openane/error.h"

namespace openane {

struct ZipMember {
  std::string name;
  std::uint16_t method = 0;
  std::uint32_t crc = 0;
  std::uint64_t compressed_size = 0;
  std::uint64_t size = 0;
  std::uint64_t header_offset = 0;
  std::uint64_t data_offset = 0;

  [[nodiscard]] bool is_stored() const { return method == 0; }
};

/// The members in the order of the central directory. Their data lie inside the archive and do not overlap, methods are
/// ones that `extract_zip_member` knows, and no size is one that deflate cannot reach. Names may occur twice.
[[nodiscard]] Result<std::vector<ZipMember>> list_zip(std::span<const std::uint8_t> archive);

/// A member's bytes, their checksum compared. A stored member shares the archive's memory.
[[nodiscard]] Result<Bytes> extract_zip_member(const Bytes& archive, const ZipMember& member);

/// A member to write; its data is the parts one after the other.
struct ZipSource {
  std::string name;
  std::vector<std::span<const std::uint8_t>> parts;
};

/// An archive ready to be written. `parts` views `headers` and the sources' data.
struct ZipImage {
  ZipImage() = default;
  ZipImage(ZipImage&&) = default;
  ZipImage& operator=(ZipImage&&) = default;

  std::vector<std::string> headers;
  std::vector<std::span<const std::uint8_t>> parts;
};

/// Sizes and offsets from here up are written the zip64 way.
inline constexpr std::uint64_t kZip64Limit = 0xffffffff;

/// Stores the members, each at a multiple of 64 bytes: a reader that maps the archive can use them in place. The same
/// sources give the same bytes.
[[nodiscard]] Result<ZipImage> format_zip(std::span<const ZipSource> sources, std::uint64_t zip64_limit = kZip64Limit);

}  // namespace openane
