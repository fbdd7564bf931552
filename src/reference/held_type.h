// From what an array holds to a type: the one branch behind every kernel that is a template over element types.
#pragma once

#include <cstdint>

#include "openane/error.h"
#include "reference/array.h"

namespace openane::reference {

/// Calls `f` with a value of the type the elements are held as.
template <typename F>
Result<void> with_held_type(Holding holding, const F& f) {
  switch (holding) {
    case Holding::fp32:
      return f(float{});
    case Holding::fp64:
      return f(double{});
    case Holding::int32:
      return f(std::int32_t{});
    case Holding::boolean:
      return f(std::uint8_t{});
    case Holding::text:
      break;
  }
  return fail(ErrorCategory::unsupported, "strings have neither arithmetic nor order here");
}

/// The same for operations whose signature admits numbers only.
template <typename F>
Result<void> with_number_type(Holding holding, const F& f) {
  switch (holding) {
    case Holding::fp64:
      return f(double{});
    case Holding::int32:
      return f(std::int32_t{});
    default:
      return f(float{});
  }
}

}  // namespace openane::reference
