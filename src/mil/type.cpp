#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "openane/mil_type.h"

namespace openane::mil {
namespace {

using enum NumberKind;

// Two spellings are our guess, because no MIL text with 8-bit floats has been published: fp8e4m3fn and fp8e5m2.
constexpr DataTypeInfo kDataTypes[] = {
    {DataType::invalid, "?", none, 0, 0, 0, TensorField::none, ElementType::invalid},
    {DataType::boolean, "bool", boolean, 8, 1, 0, TensorField::bools, ElementType::boolean},
    {DataType::string, "string", string, 0, 2, 0, TensorField::strings, ElementType::invalid},
    {DataType::fp16, "fp16", floating, 16, 10, 1, TensorField::bytes, ElementType::float16},
    {DataType::fp32, "fp32", floating, 32, 11, 2, TensorField::floats, ElementType::float32},
    {DataType::fp64, "fp64", floating, 64, 12, 0, TensorField::doubles, ElementType::float64},
    {DataType::bf16, "bf16", floating, 16, 13, 5, TensorField::bytes, ElementType::invalid},
    {DataType::fp8e4m3fn, "fp8e4m3fn", floating, 8, 40, 16, TensorField::bytes, ElementType::e4m3},
    {DataType::fp8e5m2, "fp8e5m2", floating, 8, 41, 17, TensorField::bytes, ElementType::invalid},
    {DataType::int4, "int4", signed_integer, 4, 25, 8, TensorField::bytes, ElementType::int4},
    {DataType::int8, "int8", signed_integer, 8, 21, 4, TensorField::bytes, ElementType::int8},
    {DataType::int16, "int16", signed_integer, 16, 22, 6, TensorField::ints, ElementType::int16},
    {DataType::int32, "int32", signed_integer, 32, 23, 14, TensorField::ints, ElementType::int32},
    {DataType::int64, "int64", signed_integer, 64, 24, 0, TensorField::long_ints, ElementType::int64},
    {DataType::uint1, "uint1", unsigned_integer, 1, 37, 9, TensorField::bytes, ElementType::uint1},
    {DataType::uint2, "uint2", unsigned_integer, 2, 36, 10, TensorField::bytes, ElementType::uint2},
    {DataType::uint3, "uint3", unsigned_integer, 3, 39, 12, TensorField::bytes, ElementType::invalid},
    {DataType::uint4, "uint4", unsigned_integer, 4, 35, 11, TensorField::bytes, ElementType::uint4},
    {DataType::uint6, "uint6", unsigned_integer, 6, 38, 13, TensorField::bytes, ElementType::uint6},
    {DataType::uint8, "uint8", unsigned_integer, 8, 31, 3, TensorField::bytes, ElementType::uint8},
    {DataType::uint16, "uint16", unsigned_integer, 16, 32, 7, TensorField::ints, ElementType::uint16},
    {DataType::uint32, "uint32", unsigned_integer, 32, 33, 15, TensorField::bytes, ElementType::uint32},
    {DataType::uint64, "uint64", unsigned_integer, 64, 34, 0, TensorField::long_ints, ElementType::uint64},
};

template <typename Member, typename T>
std::optional<DataType> find_type(Member member, const T& wanted) {
  const auto* row = std::find_if(std::next(std::begin(kDataTypes)), std::end(kDataTypes),
                                 [&](const DataTypeInfo& entry) { return entry.*member == wanted; });
  return row == std::end(kDataTypes) ? std::nullopt : std::optional(row->type);
}

const Shape kNoShape;

}  // namespace

std::span<const DataTypeInfo> data_types() { return kDataTypes; }

const DataTypeInfo& info(DataType type) { return kDataTypes[static_cast<std::size_t>(type)]; }

std::string_view to_string(DataType type) { return info(type).name; }

std::optional<DataType> data_type_from_string(std::string_view name) { return find_type(&DataTypeInfo::name, name); }

std::optional<DataType> data_type_from_protobuf(std::uint32_t number) {
  return find_type(&DataTypeInfo::protobuf, number);
}

std::optional<DataType> data_type_from_blob(std::uint32_t code) {
  return code == 0 ? std::nullopt : find_type(&DataTypeInfo::blob, code);
}

std::optional<DataType> data_type_of(ElementType element) {
  return element == ElementType::invalid ? std::nullopt : find_type(&DataTypeInfo::element, element);
}

std::optional<std::uint64_t> packed_bytes(DataType type, std::uint64_t count) {
  const std::uint64_t bits = info(type).bits;
  if (bits == 0 || count > (UINT64_MAX - 7) / bits) {
    return std::nullopt;
  }
  return (count * bits + 7) / 8;
}

std::optional<std::uint64_t> count_elements(std::span<const std::int64_t> extents) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
  std::uint64_t count = 1;
  for (const std::int64_t extent : extents) {
    if (extent < 0 || (extent != 0 && count > kMost / static_cast<std::uint64_t>(extent))) {
      return std::nullopt;
    }
    count *= static_cast<std::uint64_t>(extent);
  }
  return count;
}

struct Type::Node {
  TypeKind kind = TypeKind::none;
  DataType data_type = DataType::invalid;
  std::int64_t length = 0;
  Shape shape;
  std::vector<Type> parameters;
};

Type Type::tensor(DataType type, Shape shape) {
  return Type(std::make_shared<const Node>(TypeKind::tensor, type, 0, std::move(shape), std::vector<Type>{}));
}

Type Type::list(Type element, std::int64_t length) {
  return Type(std::make_shared<const Node>(TypeKind::list, DataType::invalid, length, Shape{},
                                           std::vector<Type>{std::move(element)}));
}

Type Type::tuple(std::vector<Type> elements) {
  return Type(std::make_shared<const Node>(TypeKind::tuple, DataType::invalid, 0, Shape{}, std::move(elements)));
}

Type Type::dictionary(Type key, Type value) {
  return Type(std::make_shared<const Node>(TypeKind::dictionary, DataType::invalid, 0, Shape{},
                                           std::vector<Type>{std::move(key), std::move(value)}));
}

Type Type::state(Type wrapped) {
  return Type(std::make_shared<const Node>(TypeKind::state, DataType::invalid, 0, Shape{},
                                           std::vector<Type>{std::move(wrapped)}));
}

TypeKind Type::kind() const { return node_ ? node_->kind : TypeKind::none; }

DataType Type::data_type() const { return node_ ? node_->data_type : DataType::invalid; }

const Shape& Type::shape() const { return node_ ? node_->shape : kNoShape; }

bool Type::is_concrete() const {
  return is_tensor() && std::ranges::all_of(shape(), [](std::int64_t extent) { return extent >= 0; });
}

std::optional<std::uint64_t> Type::element_count() const {
  if (!is_concrete()) {
    return std::nullopt;
  }
  return count_elements(shape());
}

std::int64_t Type::length() const { return node_ ? node_->length : 0; }

std::span<const Type> Type::parameters() const {
  return node_ ? std::span<const Type>(node_->parameters) : std::span<const Type>{};
}

bool operator==(const Type& a, const Type& b) {
  if (a.node_ == b.node_) {
    return true;
  }
  if (!a.node_ || !b.node_) {
    return false;
  }
  return a.node_->kind == b.node_->kind && a.node_->data_type == b.node_->data_type &&
         a.node_->length == b.node_->length && a.node_->shape == b.node_->shape &&
         a.node_->parameters == b.node_->parameters;
}

namespace {

void append_extent(std::string& out, std::int64_t extent) {
  if (extent >= 0) {
    fmt::format_to(std::back_inserter(out), "{}", extent);
  } else {
    out += extent == kVariadicExtent ? '*' : '?';
  }
}

void append_tensor(std::string& out, const Type& type, Spelling spelling) {
  if (type.shape().empty() && spelling == Spelling::brief) {
    out += to_string(type.data_type());
    return;
  }
  out += "tensor<";
  out += to_string(type.data_type());
  out += ", [";
  bool first = true;
  for (const std::int64_t extent : type.shape()) {
    if (!first) {
      out += ", ";
    }
    first = false;
    append_extent(out, extent);
  }
  out += "]>";
}

std::string_view keyword(TypeKind kind) {
  switch (kind) {
    case TypeKind::list:
      return "list";
    case TypeKind::tuple:
      return "tuple";
    case TypeKind::dictionary:
      return "dict";
    case TypeKind::state:
      return "state";
    case TypeKind::none:
    case TypeKind::tensor:
      break;
  }
  return "?";
}

}  // namespace

void append(std::string& out, const Type& type, Spelling spelling) {
  if (type.is_tensor()) {
    append_tensor(out, type, spelling);
    return;
  }
  out += keyword(type.kind());
  if (type.kind() == TypeKind::none) {
    return;
  }
  out += '<';
  bool first = true;
  for (const Type& parameter : type.parameters()) {
    if (!first) {
      out += ", ";
    }
    first = false;
    append(out, parameter, spelling);
  }
  if (type.kind() == TypeKind::list) {
    out += ", ";
    append_extent(out, type.length());
  }
  out += '>';
}

std::string to_string(const Type& type, Spelling spelling) {
  std::string out;
  append(out, type, spelling);
  return out;
}

}  // namespace openane::mil
