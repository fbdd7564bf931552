#include "openane/mil_weights.h"

#include <fmt/format.h>

#include "base/byte_reader.h"

namespace openane::mil {
namespace {

constexpr std::uint32_t kVersion = 2;
constexpr std::uint32_t kSentinel = 0xDEADBEEF;
constexpr std::uint64_t kHeaderBytes = 64;
constexpr std::uint64_t kRecordBytes = 64;
constexpr std::uint64_t kAlignment = 64;

/// Why a header is not that of version 2; projects in the field write several look-alikes.
std::string explain_version(std::uint32_t version, std::uint32_t third_word) {
  if (version == 1) {
    return "a weight file of version 1 (Espresso's); only version 2 is read";
  }
  if (version == 0 && third_word == kVersion) {
    return "the header has 64-bit words; in a version 2 weight file count and version are 32-bit words";
  }
  return fmt::format("weight file of version {}, expected 2", version);
}

}  // namespace

std::uint64_t WeightRecord::element_count() const {
  const std::uint32_t bits = info(type).bits;
  return bits == 0 ? 0 : (static_cast<std::uint64_t>(data.size()) * 8 - padding_bits) / bits;
}

Result<WeightFile> WeightFile::open(Bytes file) {
  const ByteReader reader(file.span());
  if (file.size() < kHeaderBytes) {
    return fail_at(0,
                   fmt::format("a weight file starts with a header of 64 bytes, this one has {} in all", file.size()));
  }
  OPENANE_TRY(const auto version, reader.read<std::uint32_t>(4, "version of the weight file"));
  OPENANE_TRY(const auto third, reader.read<std::uint32_t>(8, "header of the weight file"));
  if (version != kVersion) {
    return fail_at(4, explain_version(version, third));
  }
  WeightFile opened;
  OPENANE_TRY(opened.declared_count_, reader.read<std::uint32_t>(0, "number of weight records"));
  opened.file_ = std::move(file);
  return opened;
}

Result<WeightRecord> WeightFile::record(std::uint64_t offset) const {
  const ByteReader reader(file_.span());
  if (offset < kHeaderBytes) {
    return fail_at(offset, fmt::format("weight record at {}, but the first one stands at 64", offset));
  }
  OPENANE_TRY(const auto raw, reader.bytes(offset, kRecordBytes, "weight record"));
  if (const auto sentinel = load_le<std::uint32_t>(raw.data()); sentinel != kSentinel) {
    return fail_at(offset, fmt::format("no weight record here: expected 0xdeadbeef, found {:#010x}", sentinel));
  }
  const auto code = load_le<std::uint32_t>(raw.data() + 4);
  const std::optional<DataType> type = data_type_from_blob(code);
  if (!type) {
    return fail_at(offset + 4, fmt::format("unknown type code {} in a weight record, expected 1 to 17", code));
  }
  const auto size = load_le<std::uint64_t>(raw.data() + 8);
  const auto data_offset = load_le<std::uint64_t>(raw.data() + 16);
  if (data_offset < kHeaderBytes + kRecordBytes || !range_inside(data_offset, size, file_.size())) {
    return fail_at(offset + 8, fmt::format("weight data of {} bytes at {}, outside the file of {} bytes", size,
                                           data_offset, file_.size()));
  }
  WeightRecord record{offset, *type, file_.slice(data_offset, size), 0};
  if (info(*type).bits < 8) {
    const auto padding = load_le<std::uint64_t>(raw.data() + 24);
    if (padding >= 8 || (size == 0 && padding != 0)) {
      return fail_at(offset + 24, fmt::format("{} unused bits in the last byte of {} bytes of data", padding, size));
    }
    record.padding_bits = static_cast<std::uint32_t>(padding);
  }
  return record;
}

Result<std::vector<WeightRecord>> WeightFile::records() const {
  std::vector<WeightRecord> records;
  std::uint64_t offset = kFirstWeightRecord;
  while (true) {
    const bool has_record =
        range_inside(offset, kRecordBytes, file_.size()) && load_le<std::uint32_t>(file_.data() + offset) == kSentinel;
    if (!has_record && records.size() >= declared_count_) {
      return records;
    }
    OPENANE_TRY(WeightRecord record, this->record(offset));
    const auto data_begin = static_cast<std::uint64_t>(record.data.data() - file_.data());
    const std::uint64_t next = align_up(data_begin + record.data.size(), kAlignment);
    if (next <= offset) {
      return fail_at(offset + 16, fmt::format("the data at {} stands before its record", data_begin));
    }
    records.push_back(std::move(record));
    offset = next;
  }
}

Result<std::uint64_t> WeightWriter::add(DataType type, std::uint64_t element_count, Bytes data) {
  const std::optional<std::uint64_t> size = packed_bytes(type, element_count);
  if (info(type).blob == 0) {
    return fail(ErrorCategory::unsupported, fmt::format("weight files cannot hold {}", to_string(type)));
  }
  if (!size || *size != data.size()) {
    return fail(ErrorCategory::usage,
                fmt::format("{} elements of {} in {} bytes", element_count, to_string(type), data.size()));
  }
  const std::uint64_t offset = align_up(end_, kAlignment);
  end_ = offset + kRecordBytes + data.size();
  const auto padding = static_cast<std::uint32_t>(data.size() * 8 - element_count * info(type).bits);
  records_.push_back({offset, type, std::move(data), padding});
  return offset;
}

Result<Value> WeightWriter::add(const Value& tensor, std::string_view path) {
  const std::optional<std::uint64_t> count = tensor.type().element_count();
  if (!count || tensor.is_blob()) {
    return fail(ErrorCategory::usage, fmt::format("a {} is no immediate tensor", to_string(tensor.type())));
  }
  OPENANE_TRY(const std::uint64_t offset, add(tensor.type().data_type(), *count, tensor.bytes()));
  return Value::blob(tensor.type(), BlobReference{std::string(path), offset});
}

std::vector<std::uint8_t> WeightWriter::finish() const {
  ByteWriter out;
  out.put(layout_ == WeightLayout::chunked ? std::uint32_t{1} : static_cast<std::uint32_t>(records_.size()));
  out.put(kVersion);
  for (const WeightRecord& record : records_) {
    out.zero_to(record.offset);
    out.put(kSentinel);
    out.put(info(record.type).blob);
    out.put(static_cast<std::uint64_t>(record.data.size()));
    out.put(record.offset + kRecordBytes);
    out.put(static_cast<std::uint64_t>(record.padding_bits));
    out.zero_to(record.offset + kRecordBytes);
    out.put_bytes(record.data.span());
  }
  out.zero_to(kHeaderBytes);
  return out.take();
}

const WeightFile* Weights::find(std::string_view path) const {
  const auto at = files_.find(path);
  return at != files_.end() ? &at->second : nullptr;
}

Result<Bytes> Weights::resolve(const Value& value) const {
  const BlobReference* blob = value.blob();
  if (blob == nullptr) {
    return value.bytes();
  }
  const WeightFile* file = find(blob->path);
  if (file == nullptr) {
    return fail(ErrorCategory::system, fmt::format("no weight file '{}' beside this program", blob->path));
  }
  const auto in_blob = [&](Error error) {
    error.location.file = blob->path;
    return std::unexpected(std::move(error));
  };
  const Result<WeightRecord> record = file->record(blob->offset);
  if (!record) {
    return in_blob(record.error());
  }
  const Type& type = value.type();
  if (record->type != type.data_type()) {
    return in_blob(fail_at(blob->offset, fmt::format("the weight record holds {}, the program expects {}",
                                                     to_string(record->type), to_string(type)))
                       .error());
  }
  if (type.element_count() != record->element_count()) {
    return in_blob(fail_at(blob->offset, fmt::format("the weight record holds {} elements, the program expects {}",
                                                     record->element_count(), to_string(type)))
                       .error());
  }
  return record->data;
}

Result<Value> Weights::load(const Value& value) const {
  if (!value.is_blob()) {
    return value;
  }
  OPENANE_TRY(Bytes data, resolve(value));
  return Value::tensor(value.type(), std::move(data));
}

}  // namespace openane::mil
