// The conversions of half.h over numbers at any address: tensors inside archives and surfaces need not be aligned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace openane {

/// `count` fp16 numbers at `from` to `count` float32 numbers at `to`. The two must not overlap.
void half_to_float_bytes(const std::uint8_t* from, std::uint8_t* to, std::size_t count);
void float_to_half_bytes(const std::uint8_t* from, std::uint8_t* to, std::size_t count);

/// The SIMD target both run on, as Highway names it ("AVX2").
[[nodiscard]] std::string_view half_conversion_target();

}  // namespace openane
