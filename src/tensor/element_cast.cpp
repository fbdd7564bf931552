#include "tensor/element_cast.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "base/half_bytes.h"
#include "openane/half.h"

namespace openane {
namespace {

static_assert(std::endian::native == std::endian::little, "tensor data is little-endian and used in place");

struct Boolean {
  std::uint8_t value;
};

// The order of `kTypes` and of `Kinds` is the same.
constexpr std::array kTypes = {ElementType::boolean, ElementType::int8,    ElementType::uint8,   ElementType::int16,
                               ElementType::uint16,  ElementType::int32,   ElementType::uint32,  ElementType::int64,
                               ElementType::uint64,  ElementType::float16, ElementType::float32, ElementType::float64};
using Kinds = std::tuple<Boolean, std::int8_t, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t, std::uint32_t,
                         std::int64_t, std::uint64_t, Half, float, double>;
constexpr std::size_t kCount = kTypes.size();
static_assert(std::tuple_size_v<Kinds> == kCount);

// Adding and taking away the number whose last bit weighs one rounds to an integer, half to even; larger numbers are
// integers.
template <typename Float>
Float round_half_even(Float value) {
  constexpr Float kUnit = std::is_same_v<Float, float> ? static_cast<Float>(0x1p23) : static_cast<Float>(0x1p52);
  if (value >= kUnit || value <= -kUnit) {
    return value;
  }
  return value < 0 ? (value - kUnit) + kUnit : (value + kUnit) - kUnit;
}

template <typename Integer, typename Float>
Integer saturate(Float value) {
  using Limits = std::numeric_limits<Integer>;
  // 2^digits is the first number past the largest, and a power of two is exact in every floating-point type here.
  const auto past_max = static_cast<Float>(std::uint64_t{1} << (Limits::digits - 1)) * 2;
  const auto min = static_cast<Float>(Limits::min());
  const Float rounded = round_half_even(value);
  if (std::isnan(rounded)) {
    return 0;
  }
  if (rounded >= past_max) {
    return Limits::max();
  }
  return rounded <= min ? Limits::min() : static_cast<Integer>(rounded);
}

template <typename To, typename From>
To saturate_integer(From value) {
  using Limits = std::numeric_limits<To>;
  if (std::cmp_less(value, Limits::min())) {
    return Limits::min();
  }
  return std::cmp_greater(value, Limits::max()) ? Limits::max() : static_cast<To>(value);
}

// fp32 between double and fp16 would round twice. Rounded to odd, it keeps what the second rounding needs to know.
float round_to_odd(double value) {
  const auto rounded = static_cast<float>(value);
  const auto bits = std::bit_cast<std::uint32_t>(rounded);
  const auto back = static_cast<double>(rounded);
  if (std::isnan(value) || back == value || (bits & 1u) != 0) {
    return rounded;
  }
  const bool away_from_zero = (back < 0 ? -back : back) < (value < 0 ? -value : value);
  return std::bit_cast<float>(away_from_zero ? bits + 1 : bits - 1);
}

template <typename To, typename From>
To convert_one(From value) {
  if constexpr (std::is_same_v<From, To>) {
    return value;
  } else if constexpr (std::is_same_v<From, Boolean>) {
    return convert_one<To>(static_cast<std::uint8_t>(value.value != 0));
  } else if constexpr (std::is_same_v<From, Half>) {
    return convert_one<To>(to_float(value));
  } else if constexpr (std::is_same_v<To, Boolean>) {
    return Boolean{static_cast<std::uint8_t>(value != 0)};
  } else if constexpr (std::is_same_v<To, Half>) {
    if constexpr (std::is_same_v<From, double>) {
      return to_half(round_to_odd(value));
    } else {
      return to_half(static_cast<float>(value));  // integers that float32 rounds are beyond fp16 anyway
    }
  } else if constexpr (std::is_floating_point_v<To>) {
    return static_cast<To>(value);
  } else if constexpr (std::is_floating_point_v<From>) {
    return saturate<To>(value);
  } else {
    return saturate_integer<To>(value);
  }
}

template <typename From, typename To>
void cast_each(const std::uint8_t* from, std::uint8_t* to, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    From value;
    std::memcpy(&value, from + i * sizeof(From), sizeof(From));
    const To result = convert_one<To>(value);
    std::memcpy(to + i * sizeof(To), &result, sizeof(To));
  }
}

// fp16 goes to and from the others by way of float, a piece at a time, so that the vectorised conversion does its part.
constexpr std::size_t kPiece = 1024;

template <typename To>
void cast_from_half(const std::uint8_t* from, std::uint8_t* to, std::size_t count) {
  std::array<std::uint8_t, kPiece * sizeof(float)> piece;
  for (std::size_t i = 0; i < count; i += kPiece) {
    const std::size_t size = std::min(kPiece, count - i);
    half_to_float_bytes(from + i * sizeof(Half), piece.data(), size);
    cast_each<float, To>(piece.data(), to + i * sizeof(To), size);
  }
}

template <typename From>
void cast_to_half(const std::uint8_t* from, std::uint8_t* to, std::size_t count) {
  std::array<std::uint8_t, kPiece * sizeof(float)> piece;
  for (std::size_t i = 0; i < count; i += kPiece) {
    const std::size_t size = std::min(kPiece, count - i);
    cast_each<From, float>(from + i * sizeof(From), piece.data(), size);
    float_to_half_bytes(piece.data(), to + i * sizeof(Half), size);
  }
}

template <typename Element>
void copy_elements(const std::uint8_t* from, std::uint8_t* to, std::size_t count) {
  if (count != 0) {
    std::memcpy(to, from, count * sizeof(Element));
  }
}

template <typename From, typename To>
constexpr ElementCast cast_between() {
  if constexpr (std::is_same_v<From, To>) {
    return &copy_elements<From>;
  } else if constexpr (std::is_same_v<From, Half>) {
    return std::is_same_v<To, float> ? &half_to_float_bytes : &cast_from_half<To>;
  } else if constexpr (std::is_same_v<To, Half>) {
    if constexpr (std::is_same_v<From, double>) {
      return &cast_each<From, To>;
    } else {
      return std::is_same_v<From, float> ? &float_to_half_bytes : &cast_to_half<From>;
    }
  } else {
    return &cast_each<From, To>;
  }
}

template <std::size_t... Index>
constexpr std::array<ElementCast, kCount * kCount> make_table(std::index_sequence<Index...> /*pairs*/) {
  return {cast_between<std::tuple_element_t<Index / kCount, Kinds>, std::tuple_element_t<Index % kCount, Kinds>>()...};
}

constexpr auto kTable = make_table(std::make_index_sequence<kCount * kCount>{});

std::optional<std::size_t> index_of(ElementType type) {
  const auto* found = std::ranges::find(kTypes, type);
  return found == kTypes.end() ? std::nullopt : std::optional(static_cast<std::size_t>(found - kTypes.begin()));
}

}  // namespace

Result<ElementCast> find_element_cast(ElementType from, ElementType to) {
  if (from == to && element_bytes(from) == 1u) {
    return &copy_elements<std::uint8_t>;
  }
  const auto from_index = index_of(from);
  const auto to_index = index_of(to);
  if (!from_index || !to_index) {
    return fail(ErrorCategory::missing_specification,
                fmt::format("cannot convert {} to {}: the encoding of {} is not published", to_string(from),
                            to_string(to), to_string(from_index ? to : from)));
  }
  return kTable[*from_index * kCount + *to_index];
}

Result<std::uint32_t> required_element_bytes(ElementType type) {
  const auto bytes = element_bytes(type);
  if (!bytes) {
    return fail(ErrorCategory::missing_specification,
                fmt::format("the size of a {} element is not published", to_string(type)));
  }
  return *bytes;
}

}  // namespace openane
