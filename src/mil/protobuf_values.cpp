#include "mil/protobuf_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <type_traits>

#include "base/byte_reader.h"

namespace openane::mil {
namespace {

std::unexpected<Error> malformed(std::string message) {
  return fail(ErrorCategory::malformed_input, std::move(message));
}

Result<std::int64_t> read_extent(const wire::Dimension& message) {
  switch (message.extent_case()) {
    case wire::Dimension::kKnown:
      if (message.known().size() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        return malformed(fmt::format("an extent of {}", message.known().size()));
      }
      return static_cast<std::int64_t>(message.known().size());
    case wire::Dimension::kUnknown:
      return message.unknown().variadic() ? kVariadicExtent : kUnknownExtent;
    case wire::Dimension::EXTENT_NOT_SET:
      break;
  }
  return malformed("a dimension that says neither its extent nor that it is unknown");
}

void write_extent(std::int64_t extent, wire::Dimension& message) {
  if (extent >= 0) {
    wire::KnownExtent& known = *message.mutable_known();
    if (extent != 0) {  // zero is what readers assume
      known.set_size(static_cast<std::uint64_t>(extent));
    }
  } else if (extent == kVariadicExtent) {
    message.mutable_unknown()->set_variadic(true);
  } else {
    message.mutable_unknown();
  }
}

/// The extents of `count` elements: those of the type, or, with one extent open, what is left for it.
std::optional<Shape> find_extents(const Type& type, std::uint64_t count) {
  Shape extents = type.shape();
  const auto open = std::ranges::find_if(extents, [](std::int64_t extent) { return extent < 0; });
  if (open == extents.end()) {
    return count_elements(extents) == count ? std::optional(extents) : std::nullopt;
  }
  if (*open != kUnknownExtent) {
    return std::nullopt;
  }
  *open = 1;
  const std::optional<std::uint64_t> rest = count_elements(extents);
  if (!rest) {
    return std::nullopt;
  }
  *open = *rest == 0 ? 0 : static_cast<std::int64_t>(count / *rest);
  return count_elements(extents) == count ? std::optional(extents) : std::nullopt;
}

std::unexpected<Error> wrong_count(const Type& type, std::uint64_t count) {
  return malformed(fmt::format("{} elements for a {}", count, to_string(type)));
}

/// True when an integer from a list of integers is a value of the type. 64-bit unsigned ones travel as their two's
/// complement.
bool fits(DataType type, std::int64_t value) {
  const DataTypeInfo& row = info(type);
  if (row.bits == 64) {
    return true;
  }
  if (row.kind == NumberKind::signed_integer) {
    const std::int64_t most = (std::int64_t{1} << (row.bits - 1)) - 1;
    return value <= most && value >= -most - 1;
  }
  // uint32 in a list of int32 has its bits, not its value.
  return (value >= 0 && value < std::int64_t{1} << row.bits) || (row.bits == 32 && value < 0 && value >= INT32_MIN);
}

}  // namespace

void Losses::add(std::string line) {
  if (std::ranges::find(lines_, line) == lines_.end()) {
    lines_.push_back(std::move(line));
  }
}

Result<Type> ValueReader::type(const wire::Type& message) {
  switch (message.kind_case()) {
    case wire::Type::kTensor:
      return tensor_type(message.tensor());
    case wire::Type::kList: {
      OPENANE_TRY(Type element, type(message.list().element()));
      OPENANE_TRY(const std::int64_t length, read_extent(message.list().length()));
      return Type::list(std::move(element), length);
    }
    case wire::Type::kTuple: {
      std::vector<Type> elements;
      for (const wire::Type& element : message.tuple().elements()) {
        OPENANE_TRY(Type read, type(element));
        elements.push_back(std::move(read));
      }
      return Type::tuple(std::move(elements));
    }
    case wire::Type::kDictionary: {
      OPENANE_TRY(Type key, type(message.dictionary().key()));
      OPENANE_TRY(Type value, type(message.dictionary().value()));
      return Type::dictionary(std::move(key), std::move(value));
    }
    case wire::Type::kState: {
      OPENANE_TRY(Type wrapped, type(message.state().wrapped()));
      return Type::state(std::move(wrapped));
    }
    case wire::Type::KIND_NOT_SET:
      break;
  }
  return malformed("a value type that is none of tensor, list, tuple, dictionary and state");
}

Result<Type> ValueReader::tensor_type(const wire::TensorType& message) {
  const std::optional<DataType> element = data_type_from_protobuf(static_cast<std::uint32_t>(message.data_type()));
  if (!element) {
    return malformed(fmt::format("unknown element type {}", message.data_type()));
  }
  if (!message.attributes().empty()) {
    losses_.add("attributes of tensor types");
  }
  Shape shape;
  for (const wire::Dimension& dimension : message.dimensions()) {
    OPENANE_TRY(const std::int64_t extent, read_extent(dimension));
    shape.push_back(extent);
  }
  const bool open_rank = std::ranges::find(shape, kVariadicExtent) != shape.end();
  if (message.rank() == -1 && shape.empty()) {
    shape.push_back(kVariadicExtent);
  } else if (message.rank() != static_cast<std::int64_t>(shape.size()) && !(message.rank() == -1 && open_rank)) {
    return malformed(fmt::format("a tensor type of rank {} with {} dimensions", message.rank(), shape.size()));
  }
  return Type::tensor(*element, std::move(shape));
}

Result<Value> ValueReader::value(const wire::Value& message) {
  OPENANE_TRY(const Type type, this->type(message.type()));
  if (!message.doc_string().empty()) {
    losses_.add("doc strings of values");
  }
  switch (message.content_case()) {
    case wire::Value::kImmediate:
      return immediate(type, message.immediate());
    case wire::Value::kBlob:
      if (!type.is_tensor()) {
        return malformed(fmt::format("a {} in a weight file", to_string(type)));
      }
      return Value::blob(type, BlobReference{message.blob().path(), message.blob().offset()});
    case wire::Value::CONTENT_NOT_SET:
      break;
  }
  return malformed(fmt::format("a {} without a value", to_string(type)));
}

Result<Value> ValueReader::immediate(const Type& type, const wire::Immediate& message) {
  switch (message.content_case()) {
    case wire::Immediate::kTensor:
      if (type.is_tensor()) {
        return tensor(type, message.tensor());
      }
      break;
    case wire::Immediate::kTuple:
      if (type.kind() == TypeKind::tuple &&
          static_cast<std::size_t>(message.tuple().values_size()) == type.parameters().size()) {
        OPENANE_TRY(std::vector<Value> elements, values(message.tuple()));
        return Value::tuple(type, std::move(elements));
      }
      break;
    case wire::Immediate::kList:
      if (type.kind() == TypeKind::list && (type.length() < 0 || message.list().values_size() == type.length())) {
        OPENANE_TRY(std::vector<Value> elements, values(message.list()));
        return Value::list(type, std::move(elements));
      }
      break;
    case wire::Immediate::kDictionary:
      if (type.kind() == TypeKind::dictionary) {
        std::vector<Value::Pair> pairs;
        for (const wire::Pair& pair : message.dictionary().pairs()) {
          OPENANE_TRY(Value key, value(pair.key()));
          OPENANE_TRY(Value held, value(pair.value()));
          pairs.emplace_back(std::move(key), std::move(held));
        }
        return Value::dictionary(type, std::move(pairs));
      }
      break;
    case wire::Immediate::CONTENT_NOT_SET:
      break;
  }
  return malformed(fmt::format("the value of a {} has another form than its type", to_string(type)));
}

Result<std::vector<Value>> ValueReader::values(const wire::Values& message) {
  std::vector<Value> elements;
  for (const wire::Value& element : message.values()) {
    OPENANE_TRY(Value read, value(element));
    elements.push_back(std::move(read));
  }
  return elements;
}

Result<Value> ValueReader::tensor(const Type& type, const wire::TensorData& message) {
  switch (message.elements_case()) {
    case wire::TensorData::kFloats:
      return number_tensor(type, message.floats().values());
    case wire::TensorData::kInts:
      return number_tensor(type, message.ints().values());
    case wire::TensorData::kBools:
      return number_tensor(type, message.bools().values());
    case wire::TensorData::kLongInts:
      return number_tensor(type, message.long_ints().values());
    case wire::TensorData::kDoubles:
      return number_tensor(type, message.doubles().values());
    case wire::TensorData::kBytes:
      return packed_tensor(type, message.bytes().values());
    case wire::TensorData::kStrings: {
      const auto& texts = message.strings().values();
      if (type.data_type() != DataType::string) {
        return malformed(fmt::format("strings in a {}", to_string(type)));
      }
      return Value::strings(type, std::vector<std::string>(texts.begin(), texts.end()));
    }
    case wire::TensorData::ELEMENTS_NOT_SET:
      break;
  }
  if (type.element_count() != 0) {
    return wrong_count(type, 0);
  }
  return type.data_type() == DataType::string ? Value::strings(type, {}) : Value::tensor(type, Bytes{});
}

Result<Value> ValueReader::packed_tensor(const Type& type, const std::string& bytes) {
  const std::uint32_t bits = info(type.data_type()).bits;
  if (bits == 0) {
    return malformed(fmt::format("packed bytes in a {}", to_string(type)));
  }
  const std::uint64_t whole = bits < 8 ? type.element_count().value_or(0) : bytes.size() * 8 / bits;
  const std::optional<Shape> extents = find_extents(type, whole);
  if (!extents) {
    return wrong_count(type, whole);
  }
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  return Value::tensor(type, *extents, arena_.copy({data, bytes.size()}));
}

template <typename Numbers>
Result<Value> ValueReader::number_tensor(const Type& type, const Numbers& numbers) {
  using Number = typename Numbers::value_type;
  const auto count = static_cast<std::uint64_t>(numbers.size());
  const std::optional<Shape> extents = find_extents(type, count);
  const NumberKind kind = info(type.data_type()).kind;
  if (kind == NumberKind::string || !extents) {
    return kind == NumberKind::string ? malformed(fmt::format("numbers in a {}", to_string(type)))
                                      : wrong_count(type, count);
  }
  constexpr bool kIsFloating = std::is_floating_point_v<Number>;
  if (kIsFloating != (kind == NumberKind::floating)) {
    return malformed(fmt::format("{} in a {}", kIsFloating ? "floating-point numbers" : "integers", to_string(type)));
  }
  std::vector<std::uint8_t> data(*packed_bytes(type.data_type(), count));
  std::uint64_t index = 0;
  for (const Number number : numbers) {
    if constexpr (kIsFloating) {
      store_number(type.data_type(), data, index++, static_cast<double>(number));
    } else {
      const auto integer = static_cast<std::int64_t>(number);
      if (!fits(type.data_type(), integer)) {
        return malformed(fmt::format("{} in a {}", integer, to_string(type)));
      }
      store_integer(type.data_type(), data, index++, integer);
    }
  }
  return Value::tensor(type, *extents, arena_.copy(data));
}

namespace {

void write_elements(const Value& value, wire::TensorData& message) {
  const DataType type = value.type().data_type();
  const std::span<const std::uint8_t> data = value.bytes().span();
  const std::uint64_t count = count_elements(value.extents()).value_or(0);
  const auto write_integers = [&](auto* field) {
    field->Reserve(static_cast<int>(count));
    for (std::uint64_t i = 0; i < count; ++i) {
      field->AddAlreadyReserved(
          static_cast<std::remove_pointer_t<decltype(field->AddAlreadyReserved())>>(load_integer(type, data, i)));
    }
  };
  switch (info(type).field) {
    case TensorField::bytes:
      message.mutable_bytes()->set_values(data.data(), data.size());
      return;
    case TensorField::ints:
      write_integers(message.mutable_ints()->mutable_values());
      return;
    case TensorField::long_ints:
      write_integers(message.mutable_long_ints()->mutable_values());
      return;
    case TensorField::bools:
      write_integers(message.mutable_bools()->mutable_values());
      return;
    case TensorField::floats:
      for (std::uint64_t i = 0; i < count; ++i) {
        message.mutable_floats()->add_values(std::bit_cast<float>(load_le<std::uint32_t>(data.data() + 4 * i)));
      }
      message.mutable_floats();
      return;
    case TensorField::doubles:
      for (std::uint64_t i = 0; i < count; ++i) {
        message.mutable_doubles()->add_values(std::bit_cast<double>(load_le<std::uint64_t>(data.data() + 8 * i)));
      }
      message.mutable_doubles();
      return;
    case TensorField::strings:
      for (const std::string& text : value.texts()) {
        message.mutable_strings()->add_values(text);
      }
      message.mutable_strings();
      return;
    case TensorField::none:
      return;
  }
}

}  // namespace

Result<void> ValueWriter::check_depth(int depth) {
  if (depth > kMaxDepth) {
    return fail(ErrorCategory::unsupported,
                fmt::format("the program nests messages deeper than {}, the most protobuf readers accept", kMaxDepth));
  }
  return {};
}

Result<void> ValueWriter::type(const Type& type, wire::Type& message, int depth) const {
  OPENANE_CHECK(check_depth(depth + 3));
  switch (type.kind()) {
    case TypeKind::tensor: {
      wire::TensorType& tensor = *message.mutable_tensor();
      tensor.set_data_type(static_cast<std::int32_t>(info(type.data_type()).protobuf));
      if (!type.shape().empty()) {
        tensor.set_rank(static_cast<std::int64_t>(type.shape().size()));
      }
      for (const std::int64_t extent : type.shape()) {
        write_extent(extent, *tensor.add_dimensions());
      }
      return {};
    }
    case TypeKind::list:
      write_extent(type.length(), *message.mutable_list()->mutable_length());
      return this->type(type.parameters()[0], *message.mutable_list()->mutable_element(), depth + 2);
    case TypeKind::tuple:
      message.mutable_tuple();
      for (const Type& element : type.parameters()) {
        OPENANE_CHECK(this->type(element, *message.mutable_tuple()->add_elements(), depth + 2));
      }
      return {};
    case TypeKind::dictionary:
      OPENANE_CHECK(this->type(type.parameters()[0], *message.mutable_dictionary()->mutable_key(), depth + 2));
      return this->type(type.parameters()[1], *message.mutable_dictionary()->mutable_value(), depth + 2);
    case TypeKind::state:
      return this->type(type.parameters()[0], *message.mutable_state()->mutable_wrapped(), depth + 2);
    case TypeKind::none:
      break;
  }
  return fail(ErrorCategory::usage, "a value without a type");
}

Result<void> ValueWriter::value(const Value& value, wire::Value& message, int depth) const {
  OPENANE_CHECK(check_depth(depth + 4));
  OPENANE_CHECK(type(value.type(), *message.mutable_type(), depth + 1));
  if (const BlobReference* blob = value.blob()) {
    message.mutable_blob()->set_path(blob->path);
    message.mutable_blob()->set_offset(blob->offset);
    return {};
  }
  return immediate(value, *message.mutable_immediate(), depth + 1);
}

Result<void> ValueWriter::immediate(const Value& value, wire::Immediate& message, int depth) const {
  switch (value.type().kind()) {
    case TypeKind::list:
      return values(value.elements(), *message.mutable_list(), depth + 1);
    case TypeKind::tuple:
      return values(value.elements(), *message.mutable_tuple(), depth + 1);
    case TypeKind::dictionary:
      message.mutable_dictionary();
      for (const Value::Pair& pair : value.pairs()) {
        wire::Pair& entry = *message.mutable_dictionary()->add_pairs();
        OPENANE_CHECK(this->value(pair.first, *entry.mutable_key(), depth + 3));
        OPENANE_CHECK(this->value(pair.second, *entry.mutable_value(), depth + 3));
      }
      return {};
    default:
      write_elements(value, *message.mutable_tensor());
      return {};
  }
}

Result<void> ValueWriter::values(std::span<const Value> values, wire::Values& message, int depth) const {
  for (const Value& value : values) {
    OPENANE_CHECK(this->value(value, *message.add_values(), depth + 1));
  }
  return {};
}

}  // namespace openane::mil
