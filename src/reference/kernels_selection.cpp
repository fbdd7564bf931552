// cast and select: elements pass, at most in another form.
#include <algorithm>
#include <limits>

#include "reference/elementwise.h"
#include "reference/held_type.h"
#include "reference/kernels.h"
#include "reference/rounding.h"

namespace openane::reference {
namespace {

/// Smallest and largest number of an integer type that is held as int32.
struct IntegerRange {
  std::int32_t low;
  std::int32_t high;
  unsigned bits;
};

IntegerRange range_of(mil::DataType type) {
  const mil::DataTypeInfo& about = mil::info(type);
  if (about.bits >= 32) {
    return {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max(), 32};
  }
  const std::int32_t span = std::int32_t{1} << about.bits;
  return about.kind == mil::NumberKind::signed_integer ? IntegerRange{-span / 2, span / 2 - 1, about.bits}
                                                       : IntegerRange{0, span - 1, about.bits};
}

/// The number of the range that is the same modulo 2^bits.
std::int32_t wrap_into(std::int32_t value, const IntegerRange& range) {
  if (value >= range.low && value <= range.high) {
    return value;
  }
  const std::uint32_t mask = (std::uint32_t{1} << range.bits) - 1;
  const auto low_bits = static_cast<std::int32_t>(static_cast<std::uint32_t>(value) & mask);
  return low_bits > range.high ? low_bits - static_cast<std::int32_t>(mask) - 1 : low_bits;
}

template <typename To, typename From>
To convert(From value, const IntegerRange& range) {
  if constexpr (std::same_as<To, std::uint8_t>) {
    return value != From{0} ? 1 : 0;
  } else if constexpr (std::same_as<To, std::int32_t> && std::floating_point<From>) {
    return to_integer(static_cast<double>(value), range.low, range.high);
  } else if constexpr (std::same_as<To, std::int32_t>) {
    return wrap_into(value, range);
  } else {
    return static_cast<To>(value);
  }
}

template <typename From, typename To>
void cast_elements(const Array& x, const Array& out, unsigned threads) {
  const IntegerRange range = std::same_as<To, std::int32_t> ? range_of(out.type()) : IntegerRange{};
  map(x.elements<From>(), out.writable<To>(), threads, [&](From value) { return convert<To>(value, range); });
}

Result<void> cast(Call& call) {
  const Array& x = call.array("x");
  OPENANE_TRY(Array out, call.allocate(0, x.shape()));
  OPENANE_CHECK(with_held_type(x.holding(), [&]<typename From>(From) {
    return with_held_type(out.holding(), [&]<typename To>(To) -> Result<void> {
      cast_elements<From, To>(x, out, call.threads());
      return {};
    });
  }));
  call.give(0, std::move(out));
  return {};
}

template <typename T>
void select_elements(const Broadcast<3>& broadcast, const std::uint8_t* condition, const T* a, const T* b, T* out,
                     unsigned threads) {
  const auto [condition_step, a_step, b_step] = broadcast.inner_steps;
  broadcast.walk_all(threads, [&](std::int64_t begin, const std::array<std::int64_t, 3>& at, std::int64_t length) {
    const std::uint8_t* const choose = condition + at[0];
    const T* const yes = a + at[1];
    const T* const no = b + at[2];
    if (condition_step == 0) {
      const T* const from = *choose != 0 ? yes : no;
      const std::int64_t step = *choose != 0 ? a_step : b_step;
      for (std::int64_t i = 0; i < length; ++i) {
        out[begin + i] = from[i * step];
      }
      return;
    }
    for (std::int64_t i = 0; i < length; ++i) {
      out[begin + i] = choose[i] != 0 ? yes[i * a_step] : no[i * b_step];
    }
  });
}

Result<void> select(Call& call) {
  const Array& condition = call.array("cond");
  const Array& a = call.array("a");
  const Array& b = call.array("b");
  OPENANE_TRY(const auto broadcast, broadcast_shapes<3>({condition.shape(), a.shape(), b.shape()}));
  OPENANE_TRY(Array out, call.allocate(0, broadcast.shape));
  OPENANE_CHECK(with_held_type(a.holding(), [&]<typename T>(T) -> Result<void> {
    select_elements<T>(broadcast, condition.elements<std::uint8_t>().data(), a.elements<T>().data(),
                       b.elements<T>().data(), out.writable<T>().data(), call.threads());
    return {};
  }));
  call.give(0, std::move(out));
  return {};
}

constexpr NamedKernel kKernels[] = {{"cast", cast}, {"select", select}};

}  // namespace

std::span<const NamedKernel> selection_kernels() { return kKernels; }

}  // namespace openane::reference
