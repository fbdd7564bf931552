// Archives of stored members. The date is the earliest there is, so that the same tensors give the same file.
#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <string_view>

#include "base/byte_reader.h"
#include "tensor/zip.h"
#include "tensor/zip_format.h"

namespace openane {
namespace {

using namespace zip;

constexpr std::uint16_t kAlignmentField = 0xd935;  // Android's zipalign: an alignment and zeros
constexpr std::uint64_t kAlignment = 64;
constexpr std::uint16_t kVersion = 20;
constexpr std::uint16_t kVersionZip64 = 45;
constexpr std::uint16_t kFirstDate = 0x21;  // 1980-01-01

std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

struct Stored {
  const ZipSource* source;
  std::uint64_t size = 0;
  std::uint32_t crc = 0;
  std::uint64_t header_offset = 0;
};

Stored measure(const ZipSource& source) {
  Stored result{&source};
  uLong crc = 0;
  for (const std::span<const std::uint8_t> part : source.parts) {
    crc = part.empty() ? crc : crc32_z(crc, part.data(), part.size());
    result.size += part.size();
  }
  result.crc = static_cast<std::uint32_t>(crc);
  return result;
}

std::string taken_text(ByteWriter& writer) {
  const std::vector<std::uint8_t> bytes = writer.take();
  return {bytes.begin(), bytes.end()};
}

// The fields from "version needed" to "size of the extra field", which the local header and the directory share.
void put_common(ByteWriter& writer, const Stored& stored, bool is_zip64, std::uint64_t limit,
                std::uint64_t extra_size) {
  const bool is_ascii =
      std::ranges::all_of(stored.source->name, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  const auto size = stored.size >= limit ? kSaturated32 : static_cast<std::uint32_t>(stored.size);
  writer.put(is_zip64 ? kVersionZip64 : kVersion);
  writer.put(is_ascii ? std::uint16_t{0} : kUtf8Flag);
  writer.put(kStored);
  writer.put(std::uint16_t{0});  // midnight
  writer.put(kFirstDate);
  writer.put(stored.crc);
  writer.put(size);
  writer.put(size);
  writer.put(static_cast<std::uint16_t>(stored.source->name.size()));
  writer.put(static_cast<std::uint16_t>(extra_size));
}

std::string local_header(const Stored& stored, std::uint64_t limit) {
  const bool is_zip64 = stored.size >= limit;
  const std::uint64_t zip64_size = is_zip64 ? 20 : 0;
  constexpr std::uint64_t kFieldHead = 6;
  const std::uint64_t before =
      stored.header_offset + kLocalBytes + stored.source->name.size() + zip64_size + kFieldHead;
  const std::uint64_t padding = align_up(before, kAlignment) - before;
  ByteWriter writer;
  writer.put(kLocalMagic);
  put_common(writer, stored, is_zip64, limit, zip64_size + kFieldHead + padding);
  writer.put_text(stored.source->name);
  if (is_zip64) {
    writer.put(kZip64Field);
    writer.put(std::uint16_t{16});
    writer.put(stored.size);
    writer.put(stored.size);
  }
  writer.put(kAlignmentField);
  writer.put(static_cast<std::uint16_t>(2 + padding));
  writer.put(static_cast<std::uint16_t>(kAlignment));
  writer.zero_to(writer.size() + padding);
  return taken_text(writer);
}

std::string central_entry(const Stored& stored, std::uint64_t limit) {
  const bool is_size64 = stored.size >= limit;
  const bool is_offset64 = stored.header_offset >= limit;
  const std::uint64_t payload = (is_size64 ? 16u : 0u) + (is_offset64 ? 8u : 0u);
  ByteWriter writer;
  writer.put(kCentralMagic);
  constexpr std::uint16_t kMadeOnUnix = 3 << 8;
  writer.put(static_cast<std::uint16_t>(kMadeOnUnix | (payload != 0 ? kVersionZip64 : kVersion)));
  put_common(writer, stored, payload != 0, limit, payload == 0 ? 0 : payload + 4);
  writer.put(std::uint16_t{0});  // comment
  writer.put(std::uint16_t{0});  // volume
  writer.put(std::uint16_t{0});  // text or binary
  constexpr std::uint32_t kOwnerReadsAndWrites = 0600u << 16;
  writer.put(kOwnerReadsAndWrites);
  writer.put(is_offset64 ? kSaturated32 : static_cast<std::uint32_t>(stored.header_offset));
  writer.put_text(stored.source->name);
  if (payload != 0) {
    writer.put(kZip64Field);
    writer.put(static_cast<std::uint16_t>(payload));
    if (is_size64) {
      writer.put(stored.size);
      writer.put(stored.size);
    }
    if (is_offset64) {
      writer.put(stored.header_offset);
    }
  }
  return taken_text(writer);
}

std::string end_records(const Directory& directory, std::uint64_t limit) {
  const bool is_zip64 = directory.offset >= limit || directory.size >= limit || directory.entries >= kSaturated16;
  ByteWriter writer;
  if (is_zip64) {
    writer.put(kEnd64Magic);
    writer.put(kEnd64Bytes - 12);
    writer.put(kVersionZip64);
    writer.put(kVersionZip64);
    writer.put(std::uint64_t{0});  // volumes
    writer.put(directory.entries);
    writer.put(directory.entries);
    writer.put(directory.size);
    writer.put(directory.offset);
    writer.put(kLocator64Magic);
    writer.put(std::uint32_t{0});
    writer.put(directory.limit);
    writer.put(std::uint32_t{1});
  }
  const auto saturated = [&](std::uint64_t value) {
    return is_zip64 ? kSaturated32 : static_cast<std::uint32_t>(value);
  };
  const auto entries = is_zip64 ? kSaturated16 : static_cast<std::uint16_t>(directory.entries);
  writer.put(kEndMagic);
  writer.put(std::uint32_t{0});  // volumes
  writer.put(entries);
  writer.put(entries);
  writer.put(saturated(directory.size));
  writer.put(saturated(directory.offset));
  writer.put(std::uint16_t{0});  // comment
  return taken_text(writer);
}

}  // namespace

Result<ZipImage> format_zip(std::span<const ZipSource> sources, std::uint64_t zip64_limit) {
  ZipImage image;
  std::vector<Stored> members;
  std::uint64_t offset = 0;
  for (const ZipSource& source : sources) {
    if (source.name.size() > std::numeric_limits<std::uint16_t>::max()) {
      return fail(ErrorCategory::usage,
                  fmt::format("a name of {} bytes is too long for a zip archive", source.name.size()));
    }
    members.push_back(measure(source));
    members.back().header_offset = offset;
    image.headers.push_back(local_header(members.back(), zip64_limit));
    offset += image.headers.back().size() + members.back().size;
  }
  Directory directory{offset, 0, members.size(), 0};
  std::string& tail = image.headers.emplace_back();
  for (const Stored& member : members) {
    tail += central_entry(member, zip64_limit);
  }
  directory.size = tail.size();
  directory.limit = directory.offset + directory.size;
  tail += end_records(directory, zip64_limit);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    image.parts.push_back(as_bytes(image.headers[i]));
    image.parts.insert(image.parts.end(), sources[i].parts.begin(), sources[i].parts.end());
  }
  image.parts.push_back(as_bytes(tail));
  return image;
}

}  // namespace openane
