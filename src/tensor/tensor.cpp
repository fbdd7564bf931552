#include "openane/tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <bit>
#include <cstring>

#include "tensor/buffer.h"
#include "tensor/element_cast.h"

namespace openane {
namespace {

constexpr std::int64_t kMaxCount = std::int64_t{1} << 62;

Result<std::uint64_t> data_bytes(ElementType type, const Shape& shape) {
  OPENANE_TRY(const std::uint32_t size, required_element_bytes(type));
  OPENANE_TRY(const std::int64_t count, element_count(shape));
  if (count > kMaxCount / size) {
    return fail(ErrorCategory::malformed_input,
                fmt::format("a tensor of {} {} elements is too large", to_string(shape), to_string(type)));
  }
  return static_cast<std::uint64_t>(count) * size;
}

Result<Buffer> cast_data(ElementType from, ElementType to, std::span<const std::uint8_t> data) {
  OPENANE_TRY(const ElementCast cast, find_element_cast(from, to));
  OPENANE_TRY(const std::uint32_t from_bytes, required_element_bytes(from));
  OPENANE_TRY(const std::uint32_t to_bytes, required_element_bytes(to));
  const std::size_t count = data.size() / from_bytes;
  OPENANE_TRY(Buffer buffer, Buffer::allocate(count * to_bytes));
  cast(data.data(), buffer.data(), count);
  return buffer;
}

}  // namespace

Result<std::int64_t> element_count(const Shape& shape) {
  bool is_empty = false;
  std::int64_t count = 1;
  bool too_large = false;
  for (const std::int64_t extent : shape) {
    if (extent < 0) {
      return fail(ErrorCategory::malformed_input, fmt::format("shape {} has a negative extent", to_string(shape)));
    }
    is_empty |= extent == 0;
    too_large |= extent != 0 && count > kMaxCount / extent;
    count = too_large || extent == 0 ? count : count * extent;
  }
  if (is_empty) {
    return 0;
  }
  if (too_large) {
    return fail(ErrorCategory::malformed_input, fmt::format("shape {} has more than 2^62 elements", to_string(shape)));
  }
  return count;
}

std::string to_string(const Shape& shape) {
  return shape.empty() ? "scalar" : fmt::format("{}", fmt::join(shape, "x"));
}

std::int64_t Tensor::count() const { return element_count(shape).value_or(0); }

Result<Tensor> Tensor::create(ElementType type, Shape shape, Bytes data) {
  OPENANE_TRY(const std::uint64_t expected, data_bytes(type, shape));
  if (data.size() != expected) {
    return fail(ErrorCategory::malformed_input, fmt::format("a tensor of {} {} elements takes {} bytes, got {}",
                                                            to_string(shape), to_string(type), expected, data.size()));
  }
  OPENANE_TRY(const std::uint32_t alignment, required_element_bytes(type));
  if (reinterpret_cast<std::uintptr_t>(data.data()) % alignment != 0) {
    OPENANE_TRY(Buffer aligned, Buffer::allocate(data.size()));
    std::memcpy(aligned.data(), data.data(), data.size());
    data = aligned.bytes();
  }
  return Tensor{type, std::move(shape), std::move(data)};
}

Tensor Tensor::from_floats(const Shape& shape, std::span<const float> values, ElementType type) {
  const std::span<const std::uint8_t> bytes(reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes());
  const auto count = element_count(shape);
  const auto data = cast_data(ElementType::float32, type, bytes);
  if (!data || !count || static_cast<std::uint64_t>(*count) != values.size()) {
    return Tensor{ElementType::invalid, {0}, {}};
  }
  return Tensor{type, shape, data->bytes()};
}

Result<std::vector<float>> Tensor::to_floats() const {
  OPENANE_TRY(const ElementCast convert_all, find_element_cast(type, ElementType::float32));
  OPENANE_TRY(const std::uint64_t expected, data_bytes(type, shape));
  if (expected != data.size()) {
    return fail(ErrorCategory::internal, fmt::format("a {} tensor of shape {} holds {} bytes, expected {}",
                                                     to_string(type), to_string(shape), data.size(), expected));
  }
  std::vector<float> values(static_cast<std::size_t>(count()));
  convert_all(data.data(), reinterpret_cast<std::uint8_t*>(values.data()), values.size());
  return values;
}

Result<Tensor> Tensor::cast(ElementType to) const {
  if (to == type) {
    return *this;
  }
  OPENANE_TRY(const Buffer converted, cast_data(type, to, data.span()));
  return Tensor::create(to, shape, converted.bytes());
}

Result<Tensor> read_raw_tensor(const std::string& path, ElementType type, const Shape& shape) {
  OPENANE_TRY(Bytes data, read_file(path));
  return in_file(Tensor::create(type, shape, std::move(data)), path);
}

Result<void> write_raw_tensor(const std::string& path, const Tensor& tensor) {
  return write_file(path, tensor.data.span());
}

}  // namespace openane
