// The records of a zip archive that the reader and the writer share (PKWARE's APPNOTE, sections 4.3 and 4.5.3).
#pragma once

#include <cstdint>

namespace openane::zip {

inline constexpr std::uint32_t kLocalMagic = 0x04034b50;
inline constexpr std::uint32_t kCentralMagic = 0x02014b50;
inline constexpr std::uint32_t kEndMagic = 0x06054b50;
inline constexpr std::uint32_t kEnd64Magic = 0x06064b50;
inline constexpr std::uint32_t kLocator64Magic = 0x07064b50;
inline constexpr std::uint64_t kLocalBytes = 30;
inline constexpr std::uint64_t kCentralBytes = 46;
inline constexpr std::uint64_t kEndBytes = 22;
inline constexpr std::uint64_t kEnd64Bytes = 56;
inline constexpr std::uint64_t kLocator64Bytes = 20;
inline constexpr std::uint16_t kZip64Field = 0x0001;
inline constexpr std::uint16_t kStored = 0;
inline constexpr std::uint16_t kUtf8Flag = 0x800;
/// Stands for a number that is in the zip64 field or record.
inline constexpr std::uint32_t kSaturated32 = 0xffffffff;
inline constexpr std::uint16_t kSaturated16 = 0xffff;

struct Directory {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t entries = 0;
  std::uint64_t limit = 0;  // where the end records begin
};

}  // namespace openane::zip
