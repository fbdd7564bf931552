// The element types that containers name, with the numbers that I/O descriptors and type tables use (hwx-container.md,
// section 5).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace openane {

enum class ElementType : std::uint8_t {
  invalid = 0,
  void_type = 1,
  int8 = 2,
  uint8 = 3,
  int16 = 4,
  float16 = 5,
  float32 = 6,
  raw10 = 7,
  lut = 8,
  uint4 = 9,
  uint6 = 10,
  uint1 = 11,
  uint2 = 12,
  packed10 = 13,
  y10 = 14,
  uint16 = 15,
  e4m3 = 16,
  int32 = 17,
  uint32 = 18,
  int64 = 19,
  uint64 = 20,
  raw12 = 21,
  y12 = 22,
  int4 = 23,
  // Not in containers; numpy files and model formats use them.
  float64 = 64,
  boolean = 65,
};

/// The name the containers' type table gives it ("float16"; float32 is "float" there and "float32" here).
[[nodiscard]] std::string_view to_string(ElementType type);
/// The inverse of `to_string`; also takes "fp16", "fp32", "half", "float", "bool".
[[nodiscard]] std::optional<ElementType> element_type_from_string(std::string_view name);
/// Bytes of one element; nothing for the packed types, whose size nobody has published.
[[nodiscard]] std::optional<std::uint32_t> element_bytes(ElementType type);

}  // namespace openane
