#include "openane/element_type.h"

#include <algorithm>
#include <array>

namespace openane {
namespace {

struct Row {
  ElementType type;
  std::string_view name;
  std::uint32_t bytes;  // 0: nobody has published how elements are packed
};

constexpr std::array kRows = {
    Row{ElementType::void_type, "void", 0},    Row{ElementType::int8, "int8", 1},
    Row{ElementType::uint8, "uint8", 1},       Row{ElementType::int16, "int16", 2},
    Row{ElementType::float16, "float16", 2},   Row{ElementType::float32, "float32", 4},
    Row{ElementType::raw10, "raw10", 0},       Row{ElementType::lut, "lut", 0},
    Row{ElementType::uint4, "uint4", 0},       Row{ElementType::uint6, "uint6", 0},
    Row{ElementType::uint1, "uint1", 0},       Row{ElementType::uint2, "uint2", 0},
    Row{ElementType::packed10, "packed10", 0}, Row{ElementType::y10, "y10", 0},
    Row{ElementType::uint16, "uint16", 2},     Row{ElementType::e4m3, "e4m3", 1},
    Row{ElementType::int32, "int32", 4},       Row{ElementType::uint32, "uint32", 4},
    Row{ElementType::int64, "int64", 8},       Row{ElementType::uint64, "uint64", 8},
    Row{ElementType::raw12, "raw12", 0},       Row{ElementType::y12, "y12", 0},
    Row{ElementType::int4, "int4", 0},         Row{ElementType::float64, "float64", 8},
    Row{ElementType::boolean, "boolean", 1},
};

struct Alias {
  std::string_view name;
  ElementType type;
};

constexpr std::array kAliases = {
    Alias{"fp16", ElementType::float16},  Alias{"half", ElementType::float16}, Alias{"fp32", ElementType::float32},
    Alias{"float", ElementType::float32}, Alias{"bool", ElementType::boolean},
};

}  // namespace

std::string_view to_string(ElementType type) {
  const auto* row = std::ranges::find(kRows, type, &Row::type);
  return row == kRows.end() ? "invalid" : row->name;
}

std::optional<ElementType> element_type_from_string(std::string_view name) {
  if (const auto* row = std::ranges::find(kRows, name, &Row::name); row != kRows.end()) {
    return row->type;
  }
  if (const auto* alias = std::ranges::find(kAliases, name, &Alias::name); alias != kAliases.end()) {
    return alias->type;
  }
  return std::nullopt;
}

std::optional<std::uint32_t> element_bytes(ElementType type) {
  const auto* row = std::ranges::find(kRows, type, &Row::type);
  if (row == kRows.end() || row->bytes == 0) {
    return std::nullopt;
  }
  return row->bytes;
}

}  // namespace openane
