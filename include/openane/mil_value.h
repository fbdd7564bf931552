// Values of MIL: constants known before the program runs, each with its type.
//
// A `Value` is a shared handle to immutable data; copying a program never copies a constant. Tensors are packed as
// weight files pack them: row-major, little-endian, and below 8 bits element 0 in the least significant bits of byte 0,
// elements straddling bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "openane/bytes.h"
#include "openane/error.h"
#include "openane/mil_type.h"
#include "openane/tensor.h"

namespace openane::mil {

/// A tensor that stays in a weight file: `BLOBFILE(path = ..., offset = ...)`. The offset is that of the record, not of
/// the data.
struct BlobReference {
  std::string path;
  std::uint64_t offset = 0;
  friend bool operator==(const BlobReference&, const BlobReference&) = default;
};

class Value {
 public:
  using Pair = std::pair<Value, Value>;

  Value() = default;
  /// An immediate tensor of numbers or booleans (one byte each). Fails when `data` is not exactly as long as type and
  /// extents ask.
  [[nodiscard]] static Result<Value> tensor(Type type, Bytes data);
  /// A tensor whose type leaves extents open (`tensor<int32, [?]>`); `extents` are those of the data.
  [[nodiscard]] static Result<Value> tensor(Type type, Shape extents, Bytes data);
  [[nodiscard]] static Result<Value> tensor(const Tensor& tensor);
  /// An immediate tensor of strings.
  [[nodiscard]] static Result<Value> strings(Type type, std::vector<std::string> elements);
  [[nodiscard]] static Value blob(Type type, BlobReference reference);
  [[nodiscard]] static Value list(Type type, std::vector<Value> elements);
  [[nodiscard]] static Value tuple(Type type, std::vector<Value> elements);
  [[nodiscard]] static Value dictionary(Type type, std::vector<Pair> pairs);

  [[nodiscard]] static Value string(std::string text);
  [[nodiscard]] static Value boolean(bool value);
  [[nodiscard]] static Value int32(std::int32_t value);
  /// Rank 1.
  [[nodiscard]] static Value int32s(std::span<const std::int32_t> values);
  [[nodiscard]] static Value booleans(std::span<const bool> values);
  /// A scalar of any floating type, rounded half to even.
  [[nodiscard]] static Value number(DataType type, double value);
  /// Numbers of any type, row-major. Each is rounded to the type, or saturated when it is an integer type.
  [[nodiscard]] static Result<Value> numbers(Type type, std::span<const double> values);

  explicit operator bool() const { return data_ != nullptr; }
  [[nodiscard]] const Type& type() const;
  [[nodiscard]] bool is_blob() const;
  /// Null unless `is_blob()`.
  [[nodiscard]] const BlobReference* blob() const;
  /// Extents of the elements at hand; equal to the type's shape when that is concrete.
  [[nodiscard]] const Shape& extents() const;
  /// Packed elements of an immediate tensor; empty for every other value.
  [[nodiscard]] const Bytes& bytes() const;
  /// Elements of an immediate string tensor.
  [[nodiscard]] std::span<const std::string> texts() const;
  /// Elements of a list or tuple.
  [[nodiscard]] std::span<const Value> elements() const;
  /// Entries of a dictionary, in the order given.
  [[nodiscard]] std::span<const Pair> pairs() const;

  /// One string / integer / boolean / number, when that is what the value holds (an immediate with a single element).
  [[nodiscard]] const std::string* as_string() const;
  [[nodiscard]] std::optional<std::int64_t> as_int() const;
  [[nodiscard]] std::optional<bool> as_bool() const;
  [[nodiscard]] std::optional<double> as_number() const;
  /// All elements of an immediate tensor of integers or booleans; nothing for other values.
  [[nodiscard]] std::optional<std::vector<std::int64_t>> as_ints() const;
  /// All elements of an immediate tensor of numbers; nothing for other values. 64-bit integers are rounded.
  [[nodiscard]] std::optional<std::vector<double>> as_numbers() const;

  /// Same type and same content, bit for bit.
  friend bool operator==(const Value& a, const Value& b);

 private:
  struct Data;
  explicit Value(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
  [[nodiscard]] static Value aggregate(Type type, std::vector<Value> elements);
  std::shared_ptr<const Data> data_;
};

/// Element `index` of packed data. The caller has checked the bounds.
[[nodiscard]] std::int64_t load_integer(DataType type, std::span<const std::uint8_t> packed, std::uint64_t index);
[[nodiscard]] double load_number(DataType type, std::span<const std::uint8_t> packed, std::uint64_t index);
/// The inverse. Integers keep their low bits; numbers are rounded half to even. Packed sub-byte data must start as
/// zeros.
void store_integer(DataType type, std::span<std::uint8_t> packed, std::uint64_t index, std::int64_t value);
void store_number(DataType type, std::span<std::uint8_t> packed, std::uint64_t index, double value);

/// The bits of `value` in a floating type, rounded half to even; and back, exactly.
[[nodiscard]] std::uint64_t encode_floating(DataType type, double value);
[[nodiscard]] double decode_floating(DataType type, std::uint64_t bits);

}  // namespace openane::mil
