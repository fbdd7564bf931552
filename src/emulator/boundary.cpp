// What happens to a number at the edge of a task (h13-isa.md 4): DRAM, on-chip memory and chained tensors hold fp16
// alike, and the engine knows no infinity and no NaN inside. The rows of the planar and neural paths apply the same two
// rules to whole vectors; rows.cpp.
#include <cmath>

#include "openane/emulator.h"

namespace openane {

std::string_view to_string(Numerics numerics) { return numerics == Numerics::h13 ? "h13" : "ideal"; }

std::optional<Numerics> numerics_from_string(std::string_view name) {
  for (const Numerics numerics : {Numerics::h13, Numerics::ideal}) {
    if (name == to_string(numerics)) {
      return numerics;
    }
  }
  return std::nullopt;
}

Numerics default_numerics(const Generation& generation) {
  return generation.id == "H13" ? Numerics::h13 : Numerics::ideal;
}

float read_boundary(Half stored) {
  constexpr std::uint16_t kMinusInfinity = 0xfc00;
  if ((stored.bits & 0x7c00u) != 0x7c00u) {
    return to_float(stored);
  }
  return stored.bits == kMinusInfinity ? -65536.0F : 65536.0F;
}

float read_boundary(float constant) {
  if (std::isfinite(constant)) {
    return constant;
  }
  return std::isinf(constant) && constant < 0 ? -65536.0F : 65536.0F;
}

Half write_boundary(float value) { return std::isnan(value) ? Half{0x7c00} : to_half(value); }

}  // namespace openane
