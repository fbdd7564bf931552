// Numbers of every element type, one at a time: packed bits to double or integer and back.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/byte_reader.h"
#include "openane/half.h"
#include "openane/mil_value.h"

namespace openane::mil {
namespace {

/// Rounds to float so that a second rounding, to fewer bits, gives what one rounding of the double would: an inexact
/// result gets its last bit set ("round to odd").
float round_to_odd(double value) {
  const auto nearest = static_cast<float>(value);
  const auto back = static_cast<double>(nearest);
  if (back == value || std::isnan(value)) {
    return nearest;
  }
  if (std::isinf(nearest)) {  // every narrower type overflows as well
    return nearest;
  }
  auto bits = std::bit_cast<std::uint32_t>(nearest);
  if ((bits & 1u) != 0) {
    return nearest;
  }
  const bool magnitude_was_raised = std::fabs(back) > std::fabs(value);
  bits = magnitude_was_raised ? bits - 1 : bits + 1;
  return std::bit_cast<float>(bits);
}

std::uint64_t encode_bf16(double value) {
  const auto bits = std::bit_cast<std::uint32_t>(round_to_odd(value));
  if (std::isnan(value)) {
    return (bits >> 16) | 0x40u;
  }
  return (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
}

/// The 8-bit floats of the OCP specification: e4m3fn has no infinity (0x7f is NaN, overflow saturates to NaN), e5m2 is
/// a short fp16.
struct SmallFloat {
  int mantissa_bits;
  int bias;
  std::uint32_t largest;   ///< Bits of the largest finite number.
  std::uint32_t overflow;  ///< Bits of what lies beyond it.
  std::uint32_t nan;
};

constexpr SmallFloat kE4m3fn{3, 7, 0x7e, 0x7f, 0x7f};
constexpr SmallFloat kE5m2{2, 15, 0x7b, 0x7c, 0x7e};

double decode_small(const SmallFloat& format, std::uint32_t bits) {
  const std::uint32_t magnitude = bits & 0x7fu;
  const double sign = (bits & 0x80u) != 0 ? -1.0 : 1.0;
  if (magnitude > format.largest) {
    return magnitude == format.overflow && format.overflow != format.nan
               ? sign * std::numeric_limits<double>::infinity()
               : std::copysign(std::numeric_limits<double>::quiet_NaN(), sign);
  }
  const auto exponent = static_cast<int>(magnitude >> format.mantissa_bits);
  const double mantissa = magnitude & ((1u << format.mantissa_bits) - 1u);
  const double one = 1 << format.mantissa_bits;
  return exponent == 0 ? sign * std::ldexp(mantissa, 1 - format.bias - format.mantissa_bits)
                       : sign * std::ldexp(mantissa + one, exponent - format.bias - format.mantissa_bits);
}

std::uint64_t encode_small(const SmallFloat& format, double value) {
  const std::uint32_t sign = std::signbit(value) ? 0x80u : 0u;
  if (std::isnan(value)) {
    return sign | format.nan;
  }
  const double magnitude = std::fabs(value);
  if (std::isinf(value)) {
    return sign | format.overflow;
  }
  int exponent = 0;
  std::frexp(magnitude, &exponent);
  // The unit in the last place of the result: that of the smallest normal number and below it does not shrink further.
  const int unit = std::max(exponent - 1, 1 - format.bias) - format.mantissa_bits;
  const double units = std::nearbyint(std::ldexp(magnitude, -unit));
  const double rounded = std::ldexp(units, unit);
  if (rounded > decode_small(format, format.largest)) {
    return sign | format.overflow;
  }
  if (rounded == 0) {
    return sign;
  }
  std::frexp(rounded, &exponent);
  if (exponent - 1 < 1 - format.bias) {
    return sign | static_cast<std::uint32_t>(std::ldexp(rounded, format.bias - 1 + format.mantissa_bits));
  }
  const auto mantissa = static_cast<std::uint32_t>(std::ldexp(rounded, format.mantissa_bits - (exponent - 1)));
  const auto biased = static_cast<std::uint32_t>(exponent - 1 + format.bias);
  return sign | (biased << format.mantissa_bits) | (mantissa & ((1u << format.mantissa_bits) - 1u));
}

std::uint64_t load_bits(std::uint32_t bits, std::span<const std::uint8_t> packed, std::uint64_t index) {
  const std::uint8_t* data = packed.data();
  switch (bits) {
    case 8:
      return data[index];
    case 16:
      return load_le<std::uint16_t>(data + 2 * index);
    case 32:
      return load_le<std::uint32_t>(data + 4 * index);
    case 64:
      return load_le<std::uint64_t>(data + 8 * index);
    default:
      break;
  }
  const std::uint64_t first = index * bits;
  std::uint32_t window = data[first / 8];
  if (first % 8 + bits > 8) {
    window |= static_cast<std::uint32_t>(data[first / 8 + 1]) << 8;
  }
  return (window >> (first % 8)) & ((1u << bits) - 1u);
}

void store_bits(std::uint32_t bits, std::span<std::uint8_t> packed, std::uint64_t index, std::uint64_t value) {
  std::uint8_t* data = packed.data();
  switch (bits) {
    case 8:
      data[index] = static_cast<std::uint8_t>(value);
      return;
    case 16:
      store_le(data + 2 * index, static_cast<std::uint16_t>(value));
      return;
    case 32:
      store_le(data + 4 * index, static_cast<std::uint32_t>(value));
      return;
    case 64:
      store_le(data + 8 * index, value);
      return;
    default:
      break;
  }
  const std::uint64_t first = index * bits;
  const std::uint32_t shifted = (static_cast<std::uint32_t>(value) & ((1u << bits) - 1u)) << (first % 8);
  data[first / 8] = static_cast<std::uint8_t>(data[first / 8] | shifted);
  if (first % 8 + bits > 8) {
    data[first / 8 + 1] = static_cast<std::uint8_t>(data[first / 8 + 1] | (shifted >> 8));
  }
}

}  // namespace

std::uint64_t encode_floating(DataType type, double value) {
  switch (type) {
    case DataType::fp16:
      return to_half(round_to_odd(value)).bits;
    case DataType::fp32:
      return std::bit_cast<std::uint32_t>(static_cast<float>(value));
    case DataType::fp64:
      return std::bit_cast<std::uint64_t>(value);
    case DataType::bf16:
      return encode_bf16(value);
    case DataType::fp8e4m3fn:
      return encode_small(kE4m3fn, value);
    case DataType::fp8e5m2:
      return encode_small(kE5m2, value);
    default:
      return 0;
  }
}

double decode_floating(DataType type, std::uint64_t bits) {
  switch (type) {
    case DataType::fp16:
      return static_cast<double>(to_float(Half{static_cast<std::uint16_t>(bits)}));
    case DataType::fp32:
      return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
    case DataType::fp64:
      return std::bit_cast<double>(bits);
    case DataType::bf16:
      return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16));
    case DataType::fp8e4m3fn:
      return decode_small(kE4m3fn, static_cast<std::uint32_t>(bits));
    case DataType::fp8e5m2:
      return decode_small(kE5m2, static_cast<std::uint32_t>(bits));
    default:
      return 0;
  }
}

std::int64_t load_integer(DataType type, std::span<const std::uint8_t> packed, std::uint64_t index) {
  const DataTypeInfo& row = info(type);
  const std::uint64_t bits = load_bits(row.bits, packed, index);
  if (row.kind != NumberKind::signed_integer) {
    return static_cast<std::int64_t>(bits);
  }
  const std::uint32_t unused = 64 - row.bits;
  return static_cast<std::int64_t>(bits << unused) >> unused;
}

double load_number(DataType type, std::span<const std::uint8_t> packed, std::uint64_t index) {
  if (is_floating(type)) {
    return decode_floating(type, load_bits(info(type).bits, packed, index));
  }
  const std::int64_t value = load_integer(type, packed, index);
  return type == DataType::uint64 ? static_cast<double>(static_cast<std::uint64_t>(value)) : static_cast<double>(value);
}

void store_integer(DataType type, std::span<std::uint8_t> packed, std::uint64_t index, std::int64_t value) {
  store_bits(info(type).bits, packed, index, static_cast<std::uint64_t>(value));
}

void store_number(DataType type, std::span<std::uint8_t> packed, std::uint64_t index, double value) {
  const DataTypeInfo& row = info(type);
  if (row.kind == NumberKind::floating) {
    store_bits(row.bits, packed, index, encode_floating(type, value));
    return;
  }
  if (row.kind == NumberKind::boolean) {
    store_bits(row.bits, packed, index, value != 0 ? 1 : 0);
    return;
  }
  const bool is_signed = row.kind == NumberKind::signed_integer;
  const double most = std::ldexp(1.0, static_cast<int>(is_signed ? row.bits - 1 : row.bits));  // one past the largest
  const double least = is_signed ? -most : 0;
  const double rounded = std::isnan(value) ? 0 : std::nearbyint(value);
  std::uint64_t bits = 0;
  if (rounded >= most) {
    bits = (is_signed ? std::uint64_t{1} << (row.bits - 1) : (row.bits == 64 ? 0 : std::uint64_t{1} << row.bits)) - 1;
  } else if (rounded <= least) {
    bits = is_signed ? std::uint64_t{1} << (row.bits - 1) : 0;
  } else {
    bits = rounded < 0 ? static_cast<std::uint64_t>(static_cast<std::int64_t>(rounded))
                       : static_cast<std::uint64_t>(rounded);
  }
  store_bits(row.bits, packed, index, bits);
}

}  // namespace openane::mil
