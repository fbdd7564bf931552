// Weight files, version 2: the constants of an ML Program that are too large for the program itself (facts/mil.md,
// sections 8 and 9).
//
//     0x00  u32 number of records, u32 version 2, 56 bytes of zeros
//     0x40  record: u32 0xDEADBEEF, u32 type code, u64 bytes, u64 offset of the data, u64 unused bits of the last byte,
//     32 bytes of zeros 0x80  data; the next record starts at the next multiple of 64; the file ends with the last byte
//     of data
//
// A file is mapped, never copied: opening one costs nothing, and data is touched when somebody looks at it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "openane/bytes.h"
#include "openane/error.h"
#include "openane/mil_type.h"
#include "openane/mil_value.h"

namespace openane::mil {

inline constexpr std::uint64_t kFirstWeightRecord = 64;
/// How programs name the weight file of their model.
inline constexpr std::string_view kWeightPath = "@model_path/weights/weight.bin";

struct WeightRecord {
  std::uint64_t offset = 0;  ///< Of the record: what `BLOBFILE` names.
  DataType type = DataType::invalid;
  Bytes data;
  std::uint32_t padding_bits = 0;  ///< Unused high bits of the last byte; only below 8 bits an element.

  [[nodiscard]] std::uint64_t element_count() const;
};

class WeightFile {
 public:
  /// Checks the file header; records are checked when they are read.
  [[nodiscard]] static Result<WeightFile> open(Bytes file);
  [[nodiscard]] Result<WeightRecord> record(std::uint64_t offset) const;
  /// All records in order. Files whose header counts too few (private-API projects write 1) are walked to their end.
  [[nodiscard]] Result<std::vector<WeightRecord>> records() const;
  /// What the header says.
  [[nodiscard]] std::uint32_t declared_count() const { return declared_count_; }
  [[nodiscard]] const Bytes& bytes() const { return file_; }

 private:
  Bytes file_;
  std::uint32_t declared_count_ = 0;
};

/// The layouts in use. They differ in what the file header counts: Core ML counts the records, the chunked files of
/// private-API projects always say 1. A file with one record is the same in both.
enum class WeightLayout : std::uint8_t { core_ml, chunked };

/// Collects constants and lays them out. Data is referred to, not copied, until `finish`.
class WeightWriter {
 public:
  explicit WeightWriter(WeightLayout layout = WeightLayout::core_ml) : layout_(layout) {}

  /// Adds packed data and gives the offset to refer to it by. Fails when weight files have no code for the type or the
  /// size does not agree with the number of elements.
  [[nodiscard]] Result<std::uint64_t> add(DataType type, std::uint64_t element_count, Bytes data);
  /// Adds an immediate tensor and gives the blob that replaces it.
  [[nodiscard]] Result<Value> add(const Value& tensor, std::string_view path = kWeightPath);
  [[nodiscard]] bool empty() const { return records_.empty(); }
  [[nodiscard]] std::vector<std::uint8_t> finish() const;

 private:
  WeightLayout layout_;
  std::vector<WeightRecord> records_;
  std::uint64_t end_ = kFirstWeightRecord;
};

/// The weight files of one model, by the path its program names them with.
class Weights {
 public:
  void add(std::string path, WeightFile file) { files_.insert_or_assign(std::move(path), std::move(file)); }
  [[nodiscard]] const WeightFile* find(std::string_view path) const;
  [[nodiscard]] const std::map<std::string, WeightFile, std::less<>>& files() const { return files_; }

  /// Packed elements of a tensor constant: its own, or those of the record it refers to. Fails when there is no such
  /// file or record, or when type or size of the record disagree with the constant's type.
  [[nodiscard]] Result<Bytes> resolve(const Value& value) const;
  /// The same constant as an immediate value.
  [[nodiscard]] Result<Value> load(const Value& value) const;

 private:
  std::map<std::string, WeightFile, std::less<>> files_;
};

}  // namespace openane::mil
