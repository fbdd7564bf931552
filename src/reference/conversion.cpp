#include "reference/conversion.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "openane/half.h"

namespace openane::reference {
namespace {

using mil::DataType;

bool is_aligned(const std::uint8_t* data, Holding holding) {
  return reinterpret_cast<std::uintptr_t>(data) % bytes_of(holding) == 0;
}

/// Whether packed elements of a type are already what an array of that holding has.
bool is_held_as_stored(DataType type, Precision precision) {
  return (type == DataType::fp32 && precision == Precision::fp32) ||
         (type == DataType::fp64 && precision == Precision::fp64) || type == DataType::int32;
}

std::span<const Half> as_halves(const Bytes& packed) {
  return {reinterpret_cast<const Half*>(packed.data()), packed.size() / sizeof(Half)};
}

template <typename Real>
void decode_numbers(DataType type, const Bytes& packed, std::span<Real> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<Real>(mil::load_number(type, packed.span(), i));
  }
}

void decode_floats(DataType type, const Bytes& packed, std::span<float> out) {
  if (type == DataType::fp16 && reinterpret_cast<std::uintptr_t>(packed.data()) % alignof(Half) == 0) {
    convert(as_halves(packed), out);
  } else {
    decode_numbers(type, packed, out);
  }
}

Result<void> decode_integers(DataType type, const Bytes& packed, std::span<std::int32_t> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::int64_t value = mil::load_integer(type, packed.span(), i);
    // uint64 comes as its bits: what is negative then is too large as well.
    const bool is_wrapped = type == DataType::uint64 && value < 0;
    if (is_wrapped || value < std::numeric_limits<std::int32_t>::min() ||
        value > std::numeric_limits<std::int32_t>::max()) {
      return fail(ErrorCategory::unsupported,
                  fmt::format("element {} of a tensor of {} is beyond 32 bits: no operation of MIL computes with such",
                              i, mil::to_string(type)));
    }
    out[i] = static_cast<std::int32_t>(value);
  }
  return {};
}

/// Rounds a wider constant to fp16 as coremltools does when it makes an fp16 program of an fp32 one: in tensors of less
/// than 400 elements, what would vanish (an epsilon) becomes the least number fp16 has
/// (apple/coremltools:coremltools/converters/mil/mil/passes/defs/quantization.py, `_check_underflow_to_zero`).
void round_constant(std::span<float> numbers) {
  constexpr std::size_t kMany = 400;
  constexpr float kLeastHalf = 0x1p-24F;
  const std::vector<float> exact(numbers.begin(), numbers.size() < kMany ? numbers.end() : numbers.begin());
  round_to_half(numbers);
  for (std::size_t i = 0; i < exact.size(); ++i) {
    if (numbers[i] == 0 && std::abs(exact[i]) > std::numeric_limits<float>::denorm_min()) {
      numbers[i] = std::copysign(kLeastHalf, exact[i]);
    }
  }
}

/// Packed elements of `type` as an array of that type.
Result<Array> unpack(DataType type, const Shape& shape, const Bytes& packed, Precision precision, MemoryMeter& meter) {
  const Holding holding = holding_of(type, precision);
  if (is_held_as_stored(type, precision) && is_aligned(packed.data(), holding)) {
    const auto owner = std::make_shared<const Bytes>(packed);
    return Array(type, shape, holding, owner, owner->data());
  }
  OPENANE_TRY(Array out, make_array(type, shape, precision, meter));
  switch (holding) {
    case Holding::fp32:
      decode_floats(type, packed, out.writable<float>());
      if (precision == Precision::fp16 && type != DataType::fp16) {
        round_constant(out.writable<float>());
      }
      break;
    case Holding::fp64:
      decode_numbers(type, packed, out.writable<double>());
      break;
    case Holding::int32:
      OPENANE_CHECK(decode_integers(type, packed, out.writable<std::int32_t>()));
      break;
    case Holding::boolean:
      std::ranges::transform(packed.span(), out.writable<std::uint8_t>().begin(),
                             [](std::uint8_t byte) { return static_cast<std::uint8_t>(byte != 0 ? 1 : 0); });
      break;
    case Holding::text:
      return fail(ErrorCategory::internal, "strings are not packed");
  }
  return out;
}

/// The numbers an integer type holds; nothing when it holds every int32.
struct IntegerRange {
  std::int64_t lowest;
  std::int64_t highest;
};
IntegerRange range_of(DataType type) {
  const mil::DataTypeInfo& row = mil::info(type);
  const std::uint32_t bits = std::min(row.bits, 32U);
  return row.kind == mil::NumberKind::signed_integer
             ? IntegerRange{-(std::int64_t{1} << (bits - 1)), (std::int64_t{1} << (bits - 1)) - 1}
             : IntegerRange{0, (std::int64_t{1} << bits) - 1};
}

Result<void> check_range(const Array& array, DataType type) {
  const IntegerRange range = range_of(type);
  for (const std::int32_t value : array.elements<std::int32_t>()) {
    if (value < range.lowest || value > range.highest) {
      return fail(ErrorCategory::usage, fmt::format("{} is outside the range of {}", value, mil::to_string(type)));
    }
  }
  return {};
}

template <typename T>
Bytes share(const Array& array) {
  const auto elements = array.elements<T>();
  return {array.owner(), {reinterpret_cast<const std::uint8_t*>(elements.data()), elements.size_bytes()}};
}

Tensor as_held(const Array& array) {
  switch (array.holding()) {
    case Holding::fp32:
      return {ElementType::float32, array.shape(), share<float>(array)};
    case Holding::fp64:
      return {ElementType::float64, array.shape(), share<double>(array)};
    case Holding::int32:
      return {ElementType::int32, array.shape(), share<std::int32_t>(array)};
    case Holding::boolean:
      return {ElementType::boolean, array.shape(), share<std::uint8_t>(array)};
    case Holding::text:
      break;
  }
  return {ElementType::invalid, array.shape(), {}};
}

}  // namespace

Holding holding_of(DataType type, Precision precision) {
  switch (mil::info(type).kind) {
    case mil::NumberKind::floating:
      return precision == Precision::fp64 ? Holding::fp64 : Holding::fp32;
    case mil::NumberKind::signed_integer:
    case mil::NumberKind::unsigned_integer:
      return Holding::int32;
    case mil::NumberKind::boolean:
      return Holding::boolean;
    case mil::NumberKind::string:
    case mil::NumberKind::none:
      break;
  }
  return Holding::text;
}

Result<Array> make_array(DataType type, const Shape& shape, Precision precision, MemoryMeter& meter) {
  const Holding holding = holding_of(type, precision);
  const std::optional<std::uint64_t> count = mil::count_elements(shape);
  std::uint64_t bytes = 0;
  if (!count || holding == Holding::text || __builtin_mul_overflow(*count, bytes_of(holding), &bytes)) {
    return fail(ErrorCategory::system,
                fmt::format("a tensor of {} {} cannot be held", openane::to_string(shape), mil::to_string(type)));
  }
  OPENANE_TRY(std::shared_ptr<void> memory, meter.allocate(bytes));
  const void* const elements = memory.get();
  return Array(type, shape, holding, std::move(memory), elements);
}

Result<Array> decode(const mil::Value& value, const mil::Weights& weights, Precision precision, MemoryMeter& meter) {
  const DataType type = value.type().data_type();
  if (!value.type().is_tensor()) {
    return fail(ErrorCategory::malformed_input,
                fmt::format("expected a tensor, found {}", mil::to_string(value.type())));
  }
  if (type == DataType::string) {
    return Array::strings(value.extents(), {value.texts().begin(), value.texts().end()});
  }
  OPENANE_TRY(const Bytes packed, weights.resolve(value));
  return unpack(type, value.extents(), packed, precision, meter);
}

Result<Array> from_tensor(const Tensor& tensor, DataType type, Precision precision, MemoryMeter& meter) {
  const std::optional<DataType> given = mil::data_type_of(tensor.type);
  const bool both_floating = given && mil::is_floating(*given) && mil::is_floating(type);
  const bool both_integer = given && mil::is_integer(*given) && mil::is_integer(type);
  if (given != type && !both_floating && !both_integer) {
    return fail(ErrorCategory::usage,
                fmt::format("expected elements of type {}, found {}; only floating types are converted into each "
                            "other, and integer types",
                            mil::to_string(type), openane::to_string(tensor.type)));
  }
  OPENANE_TRY(Array array, unpack(*given, tensor.shape, tensor.data, precision, meter));
  if (both_integer && given != type) {
    OPENANE_CHECK(check_range(array, type));
  }
  return array.retyped(type);
}

Result<Tensor> to_tensor(const Array& array, ElementType type) {
  Tensor held = as_held(array);
  return held.type == type ? held : held.cast(type);
}

ElementType result_type(const Array& array, Precision precision) {
  const ElementType declared = mil::info(array.type()).element;
  switch (array.holding()) {
    case Holding::fp32:
      return precision == Precision::fp16 && declared == ElementType::float16 ? ElementType::float16
                                                                              : ElementType::float32;
    case Holding::fp64:
      return ElementType::float64;
    case Holding::int32:
      return element_bytes(declared) ? declared : ElementType::int32;
    case Holding::boolean:
      return ElementType::boolean;
    case Holding::text:
      break;
  }
  return ElementType::invalid;
}

void round_to_half(std::span<float> numbers) {
  std::array<Half, 1024> halves;
  for (std::size_t at = 0; at < numbers.size(); at += halves.size()) {
    const std::span<float> piece = numbers.subspan(at, std::min(halves.size(), numbers.size() - at));
    const std::span<Half> rounded(halves.data(), piece.size());
    convert(std::span<const float>(piece), rounded);
    convert(std::span<const Half>(rounded), piece);
  }
}

}  // namespace openane::reference
