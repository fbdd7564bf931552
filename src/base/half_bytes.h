// The conversions of half.h over numbers at any address: tensors inside archives and surfaces need not be aligned.
#pragma once

#include <cstddef>
#include <cstdint>

namespace openane {

/// `count` fp16 numbers at `from` to `count` float32 numbers at `to`. The two must not overlap.
void half_to_float_bytes(const std::uint8_t* from, std::uint8_t* to, std::size_t count);
void float_to_half_bytes(const std::uint8_t* from, std::uint8_t* to, std::size_t count);

}  // namespace openane
