// The header of a .npy file: magic, version, and a Python dictionary that says how the numbers behind it lie.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "openane/error.h"
#include "openane/tensor.h"

namespace openane {

struct NpyHeader {
  ElementType type = ElementType::invalid;
  bool is_big_endian = false;
  bool is_fortran_order = false;
  Shape shape;
  std::uint64_t data_offset = 0;
};

/// Reads versions 1.0, 2.0 and 3.0. The shape's elements are counted, but not yet compared with the file's size.
[[nodiscard]] Result<NpyHeader> parse_npy_header(std::span<const std::uint8_t> data);

/// The bytes that `numpy.save` writes before an array in C order: a multiple of 64.
[[nodiscard]] Result<std::string> format_npy_header(ElementType type, const Shape& shape);

}  // namespace openane
