// What the tables of elementwise kernels are made of: a functor with `operator()` on one element gives a kernel.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <span>
#include <utility>

#include "openane/error.h"
#include "reference/broadcast.h"
#include "reference/call.h"
#include "reference/parallel.h"

namespace openane::reference {

/// out[i] = f(x[i]). A functor for whole spans at once (`f(span, span)`) is preferred to one for elements.
template <typename In, typename Out, typename F>
void map(std::span<const In> x, std::span<Out> out, unsigned threads, const F& f) {
  parallel_for(std::ssize(x), kElementGrain, threads, [&](std::int64_t begin, std::int64_t end) {
    const auto first = static_cast<std::size_t>(begin);
    const auto length = static_cast<std::size_t>(end - begin);
    if constexpr (requires { f(x, out); }) {
      f(x.subspan(first, length), out.subspan(first, length));
    } else {
      const In* const from = x.data() + first;
      Out* const to = out.data() + first;
      for (std::size_t i = 0; i < length; ++i) {
        to[i] = f(from[i]);
      }
    }
  });
}

/// Functors take their parameters from the call when they have such a constructor.
template <typename F>
[[nodiscard]] F functor_of(const Call& call) {
  if constexpr (std::constructible_from<F, const Call&>) {
    return F(call);
  } else {
    return F();
  }
}

template <typename F, typename T>
Result<void> map_x(Call& call) {
  const Array& x = call.array("x");
  OPENANE_TRY(Array out, call.allocate(0, x.shape()));
  map(x.elements<T>(), out.writable<T>(), call.threads(), functor_of<F>(call));
  call.give(0, std::move(out));
  return {};
}

/// The kernel of a function of `x`, for floating elements.
template <template <typename> typename F>
Result<void> unary(Call& call) {
  return call.precision() == Precision::fp64 ? map_x<F<double>, double>(call) : map_x<F<float>, float>(call);
}

/// The same where `x` may also have integers.
template <template <typename> typename F>
Result<void> unary_or_integer(Call& call) {
  return call.array("x").holding() == Holding::int32 ? map_x<F<std::int32_t>, std::int32_t>(call) : unary<F>(call);
}

/// out = f(x, y) under broadcasting.
template <typename T, typename Out, typename F>
void combine(const Broadcast<2>& broadcast, const T* x, const T* y, Out* out, unsigned threads, const F& f) {
  const auto [x_runs, y_runs] = broadcast.inner_steps;
  broadcast.walk_all(threads, [&](std::int64_t begin, const std::array<std::int64_t, 2>& at, std::int64_t length) {
    const T* const left = x + at[0];
    const T* const right = y + at[1];
    Out* const to = out + begin;
    if (x_runs != 0 && y_runs != 0) {
      for (std::int64_t i = 0; i < length; ++i) {
        to[i] = f(left[i], right[i]);
      }
    } else if (x_runs != 0) {
      for (std::int64_t i = 0; i < length; ++i) {
        to[i] = f(left[i], *right);
      }
    } else {
      for (std::int64_t i = 0; i < length; ++i) {
        to[i] = f(*left, right[i * y_runs]);
      }
    }
  });
}

}  // namespace openane::reference
