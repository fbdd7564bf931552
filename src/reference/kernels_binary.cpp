// Functions of two tensors under broadcasting. Integers wrap around; dividing them by zero, which has no result, is an
// error.
#include <cmath>

#include "reference/elementwise.h"
#include "reference/kernels.h"
#include "reference/rounding.h"

namespace openane::reference {
namespace {

template <typename T>
constexpr bool kInteger = std::same_as<T, std::int32_t>;

std::int64_t wide(std::int32_t x) { return x; }

struct Add {
  template <typename T>
  T operator()(T x, T y) const {
    if constexpr (kInteger<T>) {
      return wrapped(wide(x) + y);
    } else {
      return x + y;
    }
  }
};
struct Sub {
  template <typename T>
  T operator()(T x, T y) const {
    if constexpr (kInteger<T>) {
      return wrapped(wide(x) - y);
    } else {
      return x - y;
    }
  }
};
struct Mul {
  template <typename T>
  T operator()(T x, T y) const {
    if constexpr (kInteger<T>) {
      return wrapped(wide(x) * y);
    } else {
      return x * y;
    }
  }
};

/// A NaN of either operand is the result, as NumPy has it.
struct Maximum {
  template <typename T>
  T operator()(T x, T y) const {
    return x > y || is_nan(x) ? x : y;
  }
};
struct Minimum {
  template <typename T>
  T operator()(T x, T y) const {
    return x < y || is_nan(x) ? x : y;
  }
};

/// The remainder that has the sign of the divisor, as in NumPy and Python. Exact for floating numbers, which
/// x - y floor(x/y) is not.
struct Mod {
  static constexpr bool kDivides = true;
  template <typename T>
  T operator()(T x, T y) const {
    if constexpr (kInteger<T>) {
      const std::int64_t rest = wide(x) % y;
      return wrapped(rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest);
    } else {
      const T rest = std::fmod(x, y);
      if (rest == 0) {
        return std::copysign(rest, y);
      }
      return (rest < 0) != (y < 0) ? rest + y : rest;
    }
  }
};

/// floor(x/y) of the exact quotient: 1 // 0.1 is 9, although 1 / 0.1 rounds to 10.
struct FloorDiv {
  static constexpr bool kDivides = true;
  template <typename T>
  T operator()(T x, T y) const {
    if constexpr (kInteger<T>) {
      const std::int64_t quotient = wide(x) / y;
      return wrapped(wide(x) % y != 0 && (x < 0) != (y < 0) ? quotient - 1 : quotient);
    } else {
      if (y == 0) {
        return x / y;
      }
      const T rest = Mod()(x, y);
      // A multiple of y up to one rounding: the nearest integer is the quotient.
      const T quotient =
          std::isinf(y) && std::isfinite(x) ? (rest == x ? T{0} : T{-1}) : std::nearbyint((x - rest) / y);
      return quotient == 0 ? std::copysign(T{0}, x / y) : quotient;
    }
  }
};

/// Integers: the quotient becomes an integer as `cast` makes one, by dropping its fraction.
struct RealDiv {
  static constexpr bool kDivides = true;
  template <typename T>
  T operator()(T x, T y) const {
    if constexpr (kInteger<T>) {
      return wrapped(wide(x) / y);
    } else {
      return x / y;
    }
  }
};

struct Pow {
  template <typename T>
  T operator()(T x, T y) const {
    if constexpr (kInteger<T>) {
      std::uint32_t result = 1;
      std::uint32_t power = static_cast<std::uint32_t>(x);
      for (std::uint32_t left = static_cast<std::uint32_t>(y); left != 0; left >>= 1) {
        result *= (left & 1) != 0 ? power : 1;
        power *= power;
      }
      return static_cast<std::int32_t>(result);
    } else {
      return y == 2 ? x * x : std::pow(x, y);
    }
  }
};

struct Equal {
  template <typename T>
  std::uint8_t operator()(T x, T y) const {
    return x == y ? 1 : 0;
  }
};
struct NotEqual {
  template <typename T>
  std::uint8_t operator()(T x, T y) const {
    return x != y ? 1 : 0;
  }
};
struct Greater {
  template <typename T>
  std::uint8_t operator()(T x, T y) const {
    return x > y ? 1 : 0;
  }
};
struct GreaterEqual {
  template <typename T>
  std::uint8_t operator()(T x, T y) const {
    return x >= y ? 1 : 0;
  }
};
struct Less {
  template <typename T>
  std::uint8_t operator()(T x, T y) const {
    return x < y ? 1 : 0;
  }
};
struct LessEqual {
  template <typename T>
  std::uint8_t operator()(T x, T y) const {
    return x <= y ? 1 : 0;
  }
};
struct And {
  std::uint8_t operator()(std::uint8_t x, std::uint8_t y) const { return x & y; }
};
struct Or {
  std::uint8_t operator()(std::uint8_t x, std::uint8_t y) const { return x | y; }
};
struct Xor {
  std::uint8_t operator()(std::uint8_t x, std::uint8_t y) const { return x ^ y; }
};

/// What integer operands must not be.
template <typename F>
Result<void> check_integers(std::span<const std::int32_t> y) {
  if constexpr (requires { F::kDivides; }) {
    if (std::ranges::find(y, 0) != y.end()) {
      return fail(ErrorCategory::malformed_input, "integer division by zero: y has an element that is 0");
    }
  } else if constexpr (std::same_as<F, Pow>) {
    if (const auto at = std::ranges::find_if(y, [](std::int32_t power) { return power < 0; }); at != y.end()) {
      return fail(ErrorCategory::malformed_input,
                  "an integer to the power of " + std::to_string(*at) + " is no integer: y must not be negative");
    }
  }
  return {};
}

template <typename F, typename T>
Result<void> combine_xy(Call& call) {
  using Out = decltype(F()(T{}, T{}));
  const Array& x = call.array("x");
  const Array& y = call.array("y");
  OPENANE_TRY(const auto broadcast, broadcast_shapes<2>({x.shape(), y.shape()}));
  OPENANE_TRY(Array out, call.allocate(0, broadcast.shape));
  if constexpr (kInteger<T>) {
    if (broadcast.count > 0) {
      OPENANE_CHECK(check_integers<F>(y.elements<T>()));
    }
  }
  combine(broadcast, x.elements<T>().data(), y.elements<T>().data(), out.writable<Out>().data(), call.threads(), F());
  call.give(0, std::move(out));
  return {};
}

template <typename F>
Result<void> binary(Call& call) {
  switch (call.array("x").holding()) {
    case Holding::int32:
      return combine_xy<F, std::int32_t>(call);
    case Holding::fp64:
      return combine_xy<F, double>(call);
    default:
      return combine_xy<F, float>(call);
  }
}

constexpr NamedKernel kKernels[] = {
    {"add", binary<Add>},
    {"equal", binary<Equal>},
    {"floor_div", binary<FloorDiv>},
    {"greater", binary<Greater>},
    {"greater_equal", binary<GreaterEqual>},
    {"less", binary<Less>},
    {"less_equal", binary<LessEqual>},
    {"logical_and", combine_xy<And, std::uint8_t>},
    {"logical_or", combine_xy<Or, std::uint8_t>},
    {"logical_xor", combine_xy<Xor, std::uint8_t>},
    {"maximum", binary<Maximum>},
    {"minimum", binary<Minimum>},
    {"mod", binary<Mod>},
    {"mul", binary<Mul>},
    {"not_equal", binary<NotEqual>},
    {"pow", binary<Pow>},
    {"real_div", binary<RealDiv>},
    {"sub", binary<Sub>},
};

}  // namespace

std::span<const NamedKernel> binary_kernels() { return kKernels; }

}  // namespace openane::reference
