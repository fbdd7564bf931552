// Types of MIL: element types, tensors, lists, tuples, dictionaries and states.
//
// `tensor<fp16, []>` and the bare `fp16` of newer texts are one type: the tensor of rank 0. A `Type` is a shared handle
// to an immutable description: copying one costs a reference count, and equal types compare equal whatever text they
// came from.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "openane/element_type.h"
#include "openane/tensor.h"

namespace openane::mil {

enum class DataType : std::uint8_t {
  invalid,
  boolean,
  string,
  fp16,
  fp32,
  fp64,
  bf16,
  fp8e4m3fn,
  fp8e5m2,
  int4,
  int8,
  int16,
  int32,
  int64,
  uint1,
  uint2,
  uint3,
  uint4,
  uint6,
  uint8,
  uint16,
  uint32,
  uint64,
};

enum class NumberKind : std::uint8_t { none, boolean, string, floating, signed_integer, unsigned_integer };

/// Where the protobuf form keeps the elements of an immediate tensor of this type.
enum class TensorField : std::uint8_t { none, floats, ints, bools, strings, long_ints, doubles, bytes };

/// One row per element type: every form of MIL reads this table (facts/mil.md, sections 3, 5 and 8).
struct DataTypeInfo {
  DataType type;
  std::string_view name;  ///< As MIL text spells it.
  NumberKind kind;
  std::uint32_t bits;      ///< Of one element in a weight file; 8 for bool, 0 for strings.
  std::uint32_t protobuf;  ///< Number in the DataType enum of the protobuf form.
  std::uint32_t blob;      ///< Code in a weight record; 0 when weight files cannot hold it.
  TensorField field;
  ElementType element;  ///< The same type as a host tensor; `invalid` when there is none.
};

[[nodiscard]] std::span<const DataTypeInfo> data_types();
[[nodiscard]] const DataTypeInfo& info(DataType type);
[[nodiscard]] std::string_view to_string(DataType type);
[[nodiscard]] std::optional<DataType> data_type_from_string(std::string_view name);
[[nodiscard]] std::optional<DataType> data_type_from_protobuf(std::uint32_t number);
[[nodiscard]] std::optional<DataType> data_type_from_blob(std::uint32_t code);
[[nodiscard]] std::optional<DataType> data_type_of(ElementType element);
[[nodiscard]] inline bool is_floating(DataType type) { return info(type).kind == NumberKind::floating; }
[[nodiscard]] inline bool is_integer(DataType type) {
  return info(type).kind == NumberKind::signed_integer || info(type).kind == NumberKind::unsigned_integer;
}
/// Bytes that `count` elements occupy, packed; nothing for strings or when the product overflows.
[[nodiscard]] std::optional<std::uint64_t> packed_bytes(DataType type, std::uint64_t count);

/// The product of the extents (1 for rank 0); nothing when one is negative or the product passes 2^62.
[[nodiscard]] std::optional<std::uint64_t> count_elements(std::span<const std::int64_t> extents);

/// Extents below zero in the shape of a type. `?` in text: an extent only known when the program runs.
inline constexpr std::int64_t kUnknownExtent = -1;
/// `*` in text: any number of dimensions.
inline constexpr std::int64_t kVariadicExtent = -2;

enum class TypeKind : std::uint8_t { none, tensor, list, tuple, dictionary, state };

/// How scalars are spelled: `tensor<int32, []>` (program 1.0) or `int32` (program 1.3).
enum class Spelling : std::uint8_t { full, brief };

class Type {
 public:
  Type() = default;
  [[nodiscard]] static Type tensor(DataType type, Shape shape);
  [[nodiscard]] static Type scalar(DataType type) { return tensor(type, {}); }
  /// `length` is `kUnknownExtent` for a list that grows.
  [[nodiscard]] static Type list(Type element, std::int64_t length);
  [[nodiscard]] static Type tuple(std::vector<Type> elements);
  [[nodiscard]] static Type dictionary(Type key, Type value);
  [[nodiscard]] static Type state(Type wrapped);

  [[nodiscard]] TypeKind kind() const;
  [[nodiscard]] bool is_tensor() const { return kind() == TypeKind::tensor; }
  [[nodiscard]] bool is_scalar() const { return is_tensor() && shape().empty(); }
  [[nodiscard]] bool is_scalar(DataType type) const { return is_scalar() && data_type() == type; }
  explicit operator bool() const { return node_ != nullptr; }

  /// Element type of a tensor; `invalid` for every other kind.
  [[nodiscard]] DataType data_type() const;
  /// Extents of a tensor (negative ones as above); empty for every other kind.
  [[nodiscard]] const Shape& shape() const;
  /// True for a tensor whose every extent is known.
  [[nodiscard]] bool is_concrete() const;
  /// Elements of a concrete tensor; nothing for other types and when the product passes 2^62.
  [[nodiscard]] std::optional<std::uint64_t> element_count() const;
  /// Length of a list.
  [[nodiscard]] std::int64_t length() const;
  /// Element of a list, elements of a tuple, key and value of a dictionary, wrapped type of a state.
  [[nodiscard]] std::span<const Type> parameters() const;

  friend bool operator==(const Type& a, const Type& b);

 private:
  struct Node;
  explicit Type(std::shared_ptr<const Node> node) : node_(std::move(node)) {}
  std::shared_ptr<const Node> node_;
};

[[nodiscard]] std::string to_string(const Type& type, Spelling spelling = Spelling::brief);
/// Appends instead of allocating a string of its own.
void append(std::string& out, const Type& type, Spelling spelling);

}  // namespace openane::mil
