// A zip archive is read from its end: the end record names the central directory, its entries name the members, and
// each member's local header, whose name and extra field may have another length than in the directory, precedes its
// data. Sizes are taken from the directory alone; a local header may leave them to a "data descriptor" behind the data.
//
// Hostile archives declare sizes that they cannot hold or let members overlap to multiply a small file into a huge one;
// both are found before anything is inflated.
#include "tensor/zip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/byte_reader.h"
#include "tensor/buffer.h"
#include "tensor/zip_format.h"

namespace openane {
namespace {

using namespace zip;

constexpr std::uint16_t kDeflated = 8;
constexpr std::uint16_t kEncryptionFlags = 0x2041;  // encrypted, strongly encrypted, directory masked
constexpr std::uint16_t kPatchFlag = 0x20;
// Deflate's longest match, 258 bytes, takes at least two bits.
constexpr std::uint64_t kMaxRatio = 258 * 8 / 2;

struct MethodName {
  std::uint16_t method;
  std::string_view name;
};

constexpr std::array kRefusedMethods = {MethodName{9, "deflate64"}, MethodName{12, "bzip2"}, MethodName{14, "LZMA"},
                                        MethodName{93, "Zstandard"}, MethodName{95, "XZ"}};

std::string method_name(std::uint16_t method) {
  const auto* found = std::ranges::find(kRefusedMethods, method, &MethodName::method);
  return found == kRefusedMethods.end() ? fmt::format("{}", method) : fmt::format("{} ({})", method, found->name);
}

// The end record lies behind everything but its own comment, whose length it gives.
Result<std::uint64_t> find_end(std::span<const std::uint8_t> archive) {
  if (archive.size() >= kEndBytes) {
    const std::uint64_t last = archive.size() - kEndBytes;
    const std::uint64_t first = last - std::min<std::uint64_t>(last, kSaturated16);
    for (std::uint64_t at = last + 1; at-- > first;) {
      if (load_le<std::uint32_t>(archive.data() + at) == kEndMagic &&
          load_le<std::uint16_t>(archive.data() + at + 20) == last - at) {
        return at;
      }
    }
  }
  return fail(ErrorCategory::malformed_input, "not a zip archive, or a truncated one: it has no end record");
}

Result<Directory> read_end64(const ByteReader& reader, std::uint64_t end) {
  const std::uint64_t locator = end - kLocator64Bytes;
  OPENANE_TRY(const auto offset, reader.read<std::uint64_t>(locator + 8, "the zip64 end record's offset"));
  OPENANE_TRY(const auto record, reader.bytes(offset, kEnd64Bytes, "the zip64 end record"));
  if (load_le<std::uint32_t>(record.data()) != kEnd64Magic) {
    return fail_at(offset, "no zip64 end record where its locator points");
  }
  if (load_le<std::uint32_t>(record.data() + 16) != 0 || load_le<std::uint32_t>(record.data() + 20) != 0) {
    return fail_at(offset, "the archive has several volumes", ErrorCategory::unsupported);
  }
  return Directory{load_le<std::uint64_t>(record.data() + 48), load_le<std::uint64_t>(record.data() + 40),
                   load_le<std::uint64_t>(record.data() + 32), offset};
}

Result<Directory> read_end(std::span<const std::uint8_t> archive) {
  OPENANE_TRY(const std::uint64_t end, find_end(archive));
  const std::uint8_t* record = archive.data() + end;
  const auto disk = load_le<std::uint16_t>(record + 4);
  const auto directory_disk = load_le<std::uint16_t>(record + 6);
  Directory directory{load_le<std::uint32_t>(record + 16), load_le<std::uint32_t>(record + 12),
                      load_le<std::uint16_t>(record + 10), end};
  const bool is_saturated =
      directory.offset == kSaturated32 || directory.size == kSaturated32 || directory.entries == kSaturated16;
  if (is_saturated && end >= kLocator64Bytes && load_le<std::uint32_t>(record - kLocator64Bytes) == kLocator64Magic) {
    OPENANE_TRY(directory, read_end64(ByteReader(archive), end));
  } else if (disk != 0 || directory_disk != 0) {
    return fail_at(end, "the archive has several volumes", ErrorCategory::unsupported);
  }
  if (!range_inside(directory.offset, directory.size, directory.limit)) {
    return fail_at(end, fmt::format("the central directory at {:#x} of {} bytes does not lie before the end record",
                                    directory.offset, directory.size));
  }
  if (directory.entries > directory.size / kCentralBytes) {
    return fail_at(end, fmt::format("{} members do not fit in a central directory of {} bytes", directory.entries,
                                    directory.size));
  }
  return directory;
}

// Replaces the saturated ones of `values`, in this order, from the zip64 field among the extra fields.
Result<void> read_zip64_field(std::span<const std::uint8_t> extra, std::uint64_t offset,
                              std::array<std::uint64_t*, 3> values) {
  if (std::ranges::none_of(values, [](const std::uint64_t* value) { return *value == kSaturated32; })) {
    return {};
  }
  const ByteReader reader(extra);
  std::uint64_t at = 0;
  while (range_inside(at, 4, extra.size())) {
    const auto id = load_le<std::uint16_t>(extra.data() + at);
    const std::uint64_t end = at + 4 + load_le<std::uint16_t>(extra.data() + at + 2);
    at += 4;
    if (id != kZip64Field || end > extra.size()) {
      at = end;
      continue;
    }
    for (std::uint64_t* value : values) {
      if (*value != kSaturated32) {
        continue;
      }
      if (!range_inside(at, 8, end)) {
        return fail_at(offset, "the zip64 field lacks a size");
      }
      *value = load_le<std::uint64_t>(extra.data() + at);
      at += 8;
    }
    return {};
  }
  return {};
}

struct CentralEntry {
  ZipMember member;
  std::uint64_t bytes = 0;
};

Result<CentralEntry> read_central_entry(std::span<const std::uint8_t> archive, std::uint64_t at, std::uint64_t limit) {
  const ByteReader reader(archive.first(limit));
  OPENANE_TRY(const auto fixed, reader.bytes(at, kCentralBytes, "a member's central directory entry"));
  const std::uint8_t* entry = fixed.data();
  if (load_le<std::uint32_t>(entry) != kCentralMagic) {
    return fail_at(at, "no central directory entry here");
  }
  const auto name_size = load_le<std::uint16_t>(entry + 28);
  const auto extra_size = load_le<std::uint16_t>(entry + 30);
  const auto comment_size = load_le<std::uint16_t>(entry + 32);
  const std::uint64_t tail_size = std::uint64_t{name_size} + extra_size + comment_size;
  OPENANE_TRY(const auto tail, reader.bytes(at + kCentralBytes, tail_size, "a member's name, extra field and comment"));
  CentralEntry result;
  result.bytes = kCentralBytes + tail_size;
  ZipMember& member = result.member;
  member.name.assign(tail.begin(), tail.begin() + name_size);
  member.method = load_le<std::uint16_t>(entry + 10);
  member.crc = load_le<std::uint32_t>(entry + 16);
  member.compressed_size = load_le<std::uint32_t>(entry + 20);
  member.size = load_le<std::uint32_t>(entry + 24);
  member.header_offset = load_le<std::uint32_t>(entry + 42);
  OPENANE_CHECK(read_zip64_field(tail.subspan(name_size, extra_size), at,
                                 {&member.size, &member.compressed_size, &member.header_offset}));
  const auto flags = load_le<std::uint16_t>(entry + 8);
  if ((flags & kEncryptionFlags) != 0 || (flags & kPatchFlag) != 0) {
    return fail_at(at, "the member is encrypted or a patch", ErrorCategory::unsupported);
  }
  if (!member.is_stored() && member.method != kDeflated) {
    return fail_at(at, fmt::format("compression method {}, expected stored or deflate", method_name(member.method)),
                   ErrorCategory::unsupported);
  }
  return result;
}

Result<void> check_sizes(const ZipMember& member, std::uint64_t at) {
  if (member.is_stored() && member.size != member.compressed_size) {
    return fail_at(at,
                   fmt::format("a stored member of {} bytes claims {} of data", member.compressed_size, member.size));
  }
  if (member.size / kMaxRatio > member.compressed_size) {
    return fail_at(at, fmt::format("deflate cannot make {} bytes of {}", member.size, member.compressed_size));
  }
  return {};
}

// The data follows the local header; all of it must lie before the central directory.
Result<void> locate_data(std::span<const std::uint8_t> archive, std::uint64_t directory, ZipMember& member) {
  const ByteReader reader(archive.first(directory));
  OPENANE_TRY(const auto header, reader.bytes(member.header_offset, kLocalBytes, "a member's local header"));
  if (load_le<std::uint32_t>(header.data()) != kLocalMagic) {
    return fail_at(member.header_offset, "no local header where the central directory says");
  }
  const auto name_size = load_le<std::uint16_t>(header.data() + 26);
  const auto extra_size = load_le<std::uint16_t>(header.data() + 28);
  OPENANE_TRY(const auto name, reader.bytes(member.header_offset + kLocalBytes, name_size, "a member's local name"));
  if (!std::ranges::equal(name, member.name, {}, {}, [](char c) { return static_cast<std::uint8_t>(c); })) {
    return fail_at(member.header_offset, "the local header and the central directory name the member differently");
  }
  member.data_offset = member.header_offset + kLocalBytes + name_size + extra_size;
  OPENANE_CHECK(reader.bytes(member.data_offset, member.compressed_size, "a member's data"));
  return {};
}

Result<void> check_overlaps(const std::vector<ZipMember>& members) {
  std::vector<const ZipMember*> sorted;
  sorted.reserve(members.size());
  for (const ZipMember& member : members) {
    sorted.push_back(&member);
  }
  std::ranges::sort(sorted, {}, &ZipMember::header_offset);
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    if (sorted[i]->header_offset < sorted[i - 1]->data_offset + sorted[i - 1]->compressed_size) {
      return fail_at(sorted[i]->header_offset, "two members overlap");
    }
  }
  return {};
}

// zlib counts in 32 bits: both sides are handed over in pieces.
class Inflater {
 public:
  Inflater() : is_ready_(inflateInit2(&stream_, -MAX_WBITS) == Z_OK) {}
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() {
    if (is_ready_) {
      inflateEnd(&stream_);
    }
  }

  // True when `from` is one whole deflate stream that fills `to` exactly.
  [[nodiscard]] bool run(std::span<const std::uint8_t> from, std::span<std::uint8_t> to) {
    constexpr std::size_t kPiece = std::size_t{1} << 30;
    int status = is_ready_ ? Z_OK : Z_MEM_ERROR;
    // A stream may end with bits that give no byte: zlib wants a place to put none.
    std::uint8_t nowhere = 0;
    std::size_t taken = 0;
    std::size_t given = 0;
    while (status == Z_OK) {
      const std::size_t input = std::min(kPiece, from.size() - taken);
      const std::size_t output = std::min(kPiece, to.size() - given);
      stream_.next_in = const_cast<Bytef*>(from.data() + taken);
      stream_.avail_in = static_cast<uInt>(input);
      stream_.next_out = output == 0 ? &nowhere : to.data() + given;
      stream_.avail_out = output == 0 ? 1 : static_cast<uInt>(output);
      const uInt offered = stream_.avail_out;
      status = inflate(&stream_, Z_NO_FLUSH);
      taken += input - stream_.avail_in;
      const std::size_t made = offered - stream_.avail_out;
      if (made > output || (status == Z_OK && made == 0 && input == stream_.avail_in)) {
        return false;
      }
      given += made;
    }
    return status == Z_STREAM_END && taken == from.size() && given == to.size();
  }

 private:
  z_stream stream_{};
  bool is_ready_;
};

}  // namespace

Result<std::vector<ZipMember>> list_zip(std::span<const std::uint8_t> archive) {
  OPENANE_TRY(const Directory directory, read_end(archive));
  std::vector<ZipMember> members;
  std::uint64_t at = directory.offset;
  const std::uint64_t end = directory.offset + directory.size;
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    OPENANE_TRY(CentralEntry entry, read_central_entry(archive, at, end));
    OPENANE_CHECK(check_sizes(entry.member, at));
    OPENANE_CHECK(locate_data(archive, directory.offset, entry.member));
    members.push_back(std::move(entry.member));
    at += entry.bytes;
  }
  if (at != end) {
    return fail_at(at, fmt::format("{} bytes of the central directory belong to no member", end - at));
  }
  OPENANE_CHECK(check_overlaps(members));
  return members;
}

Result<Bytes> extract_zip_member(const Bytes& archive, const ZipMember& member) {
  Bytes data = archive.slice(member.data_offset, member.compressed_size);
  if (!member.is_stored()) {
    OPENANE_TRY(Buffer buffer, Buffer::allocate(member.size));
    if (!Inflater().run(data.span(), buffer.span())) {
      return fail_at(member.data_offset, fmt::format("the deflated data is damaged or not {} bytes long", member.size));
    }
    data = buffer.bytes();
  }
  const auto crc = static_cast<std::uint32_t>(crc32_z(0, data.data(), data.size()));
  if (crc != member.crc) {
    return fail_at(member.data_offset, fmt::format("checksum {:#010x}, expected {:#010x}", crc, member.crc));
  }
  return data;
}

}  // namespace openane
