#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <variant>

#include "base/byte_reader.h"
#include "openane/mil_value.h"

namespace openane::mil {

struct Value::Data {
  Type type;
  Shape open_extents;  ///< Only for a tensor type that is not concrete.
  std::variant<Bytes, std::vector<std::string>, std::vector<Value>, std::vector<Pair>, BlobReference> content;
};

namespace {

const Type kNoType;
const Shape kNoExtents;
const Bytes kNoBytes;

/// True when `extents` is an instance of `shape`: equal where the shape is known.
bool fits(const Shape& shape, const Shape& extents) {
  if (std::ranges::find(shape, kVariadicExtent) != shape.end()) {
    return true;
  }
  return shape.size() == extents.size() &&
         std::equal(shape.begin(), shape.end(), extents.begin(),
                    [](std::int64_t open, std::int64_t extent) { return extent >= 0 && (open < 0 || open == extent); });
}

Bytes copy_bytes(std::span<const std::uint8_t> data) {
  return Bytes(std::vector<std::uint8_t>(data.begin(), data.end()));
}

}  // namespace

Result<Value> Value::tensor(Type type, Bytes data) {
  Shape extents = type.shape();
  return tensor(std::move(type), std::move(extents), std::move(data));
}

Result<Value> Value::tensor(Type type, Shape extents, Bytes data) {
  const DataTypeInfo& row = info(type.data_type());
  if (row.bits == 0 || !fits(type.shape(), extents)) {
    return fail(ErrorCategory::usage,
                fmt::format("{} cannot hold {} numbers", to_string(type), fmt::join(extents, "x")));
  }
  const std::optional<std::uint64_t> count = count_elements(extents);
  const std::optional<std::uint64_t> size = count ? packed_bytes(type.data_type(), *count) : std::nullopt;
  if (!size || *size != data.size()) {
    return fail(ErrorCategory::malformed_input,
                fmt::format("{} needs {} bytes, found {}", to_string(type),
                            size ? std::to_string(*size) : std::string("more than 2^62"), data.size()));
  }
  const bool open = !type.is_concrete();
  return Value(std::make_shared<const Data>(std::move(type), open ? std::move(extents) : Shape{}, std::move(data)));
}

Result<Value> Value::tensor(const Tensor& tensor) {
  const std::optional<DataType> type = data_type_of(tensor.type);
  if (!type) {
    return fail(ErrorCategory::unsupported, fmt::format("MIL has no element type {}", openane::to_string(tensor.type)));
  }
  return Value::tensor(Type::tensor(*type, tensor.shape), tensor.data);
}

Result<Value> Value::strings(Type type, std::vector<std::string> elements) {
  Shape extents = type.shape();
  if (!type.is_concrete()) {
    extents = {static_cast<std::int64_t>(elements.size())};
  }
  const std::optional<std::uint64_t> count = count_elements(extents);
  if (type.data_type() != DataType::string || !fits(type.shape(), extents) || count != elements.size()) {
    return fail(ErrorCategory::malformed_input,
                fmt::format("{} cannot hold {} strings", to_string(type), elements.size()));
  }
  const bool open = !type.is_concrete();
  return Value(std::make_shared<const Data>(std::move(type), open ? std::move(extents) : Shape{}, std::move(elements)));
}

Value Value::blob(Type type, BlobReference reference) {
  return Value(std::make_shared<const Data>(std::move(type), Shape{}, std::move(reference)));
}

Value Value::aggregate(Type type, std::vector<Value> elements) {
  return Value(std::make_shared<const Data>(std::move(type), Shape{}, std::move(elements)));
}

Value Value::list(Type type, std::vector<Value> elements) { return aggregate(std::move(type), std::move(elements)); }

Value Value::tuple(Type type, std::vector<Value> elements) { return aggregate(std::move(type), std::move(elements)); }

Value Value::dictionary(Type type, std::vector<Pair> pairs) {
  return Value(std::make_shared<const Data>(std::move(type), Shape{}, std::move(pairs)));
}

Value Value::string(std::string text) {
  static const Type kString = Type::scalar(DataType::string);
  std::vector<std::string> one;
  one.push_back(std::move(text));
  return Value(std::make_shared<const Data>(kString, Shape{}, std::move(one)));
}

Value Value::boolean(bool value) {
  static const Type kBoolean = Type::scalar(DataType::boolean);
  const std::uint8_t byte = value ? 1 : 0;
  return Value(std::make_shared<const Data>(kBoolean, Shape{}, copy_bytes({&byte, 1})));
}

Value Value::int32(std::int32_t value) {
  static const Type kInt32 = Type::scalar(DataType::int32);
  std::vector<std::uint8_t> data(4);
  store_le(data.data(), value);
  return Value(std::make_shared<const Data>(kInt32, Shape{}, Bytes(std::move(data))));
}

Value Value::int32s(std::span<const std::int32_t> values) {
  std::vector<std::uint8_t> data(4 * values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    store_le(data.data() + 4 * i, values[i]);
  }
  return Value(std::make_shared<const Data>(Type::tensor(DataType::int32, {static_cast<std::int64_t>(values.size())}),
                                            Shape{}, Bytes(std::move(data))));
}

Value Value::booleans(std::span<const bool> values) {
  std::vector<std::uint8_t> data(values.size());
  std::ranges::transform(values, data.begin(), [](bool value) { return static_cast<std::uint8_t>(value ? 1 : 0); });
  return Value(std::make_shared<const Data>(Type::tensor(DataType::boolean, {static_cast<std::int64_t>(values.size())}),
                                            Shape{}, Bytes(std::move(data))));
}

Value Value::number(DataType type, double value) {
  std::vector<std::uint8_t> data((info(type).bits + 7) / 8);
  store_number(type, data, 0, value);
  return Value(std::make_shared<const Data>(Type::scalar(type), Shape{}, Bytes(std::move(data))));
}

Result<Value> Value::numbers(Type type, std::span<const double> values) {
  const std::optional<std::uint64_t> size = packed_bytes(type.data_type(), values.size());
  if (!size || type.element_count() != values.size()) {
    return fail(ErrorCategory::usage, fmt::format("{} cannot hold {} numbers", to_string(type), values.size()));
  }
  std::vector<std::uint8_t> data(*size);
  for (std::size_t i = 0; i < values.size(); ++i) {
    store_number(type.data_type(), data, i, values[i]);
  }
  return tensor(std::move(type), Bytes(std::move(data)));
}

const Type& Value::type() const { return data_ ? data_->type : kNoType; }

bool Value::is_blob() const { return blob() != nullptr; }

const BlobReference* Value::blob() const { return data_ ? std::get_if<BlobReference>(&data_->content) : nullptr; }

const Shape& Value::extents() const {
  if (!data_) {
    return kNoExtents;
  }
  return data_->type.is_concrete() ? data_->type.shape() : data_->open_extents;
}

const Bytes& Value::bytes() const {
  const auto* bytes = data_ ? std::get_if<Bytes>(&data_->content) : nullptr;
  return bytes != nullptr ? *bytes : kNoBytes;
}

std::span<const std::string> Value::texts() const {
  const auto* texts = data_ ? std::get_if<std::vector<std::string>>(&data_->content) : nullptr;
  return texts != nullptr ? std::span<const std::string>(*texts) : std::span<const std::string>{};
}

std::span<const Value> Value::elements() const {
  const auto* values = data_ ? std::get_if<std::vector<Value>>(&data_->content) : nullptr;
  return values != nullptr ? std::span<const Value>(*values) : std::span<const Value>{};
}

std::span<const Value::Pair> Value::pairs() const {
  const auto* pairs = data_ ? std::get_if<std::vector<Pair>>(&data_->content) : nullptr;
  return pairs != nullptr ? std::span<const Pair>(*pairs) : std::span<const Pair>{};
}

const std::string* Value::as_string() const { return texts().size() == 1 ? texts().data() : nullptr; }

std::optional<std::vector<std::int64_t>> Value::as_ints() const {
  const DataType type = this->type().data_type();
  if (!data_ || !std::holds_alternative<Bytes>(data_->content) || (!is_integer(type) && type != DataType::boolean)) {
    return std::nullopt;
  }
  std::vector<std::int64_t> out(count_elements(extents()).value_or(0));
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = load_integer(type, bytes().span(), i);
  }
  return out;
}

std::optional<std::vector<double>> Value::as_numbers() const {
  const DataType type = this->type().data_type();
  if (!data_ || !std::holds_alternative<Bytes>(data_->content)) {
    return std::nullopt;
  }
  std::vector<double> out(count_elements(extents()).value_or(0));
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = load_number(type, bytes().span(), i);
  }
  return out;
}

std::optional<std::int64_t> Value::as_int() const {
  const DataType type = this->type().data_type();
  if (bytes().empty() || !is_integer(type) || count_elements(extents()) != 1) {
    return std::nullopt;
  }
  return load_integer(type, bytes().span(), 0);
}

std::optional<bool> Value::as_bool() const {
  if (bytes().size() != 1 || type().data_type() != DataType::boolean) {
    return std::nullopt;
  }
  return bytes().data()[0] != 0;
}

std::optional<double> Value::as_number() const {
  if (bytes().empty() || count_elements(extents()) != 1) {
    return std::nullopt;
  }
  return load_number(type().data_type(), bytes().span(), 0);
}

bool operator==(const Value& a, const Value& b) {
  if (a.data_ == b.data_) {
    return true;
  }
  if (!a.data_ || !b.data_) {
    return false;
  }
  return a.data_->type == b.data_->type && a.data_->open_extents == b.data_->open_extents &&
         a.data_->content == b.data_->content;
}

}  // namespace openane::mil
