// Tensors on the host: dense, row-major, with an element type and a shape of any rank. What `.npy` files hold, what
// programs are fed with and what they return. Packing into the engine's strided surfaces is in surface.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "openane/bytes.h"
#include "openane/element_type.h"
#include "openane/error.h"
#include "openane/half.h"

namespace openane {

using Shape = std::vector<std::int64_t>;

/// The product of the extents (1 for a scalar), or an error when an extent is negative or the product passes 2^62.
[[nodiscard]] Result<std::int64_t> element_count(const Shape& shape);
/// "1x64x8x8"; "scalar" for rank 0.
[[nodiscard]] std::string to_string(const Shape& shape);

struct Tensor {
  ElementType type = ElementType::float16;
  Shape shape;
  /// Dense, row-major, little-endian; `element_count(shape) * element_bytes(type)` bytes, aligned for one element.
  /// Often a piece of a mapped file: copying a tensor does not copy it.
  Bytes data;

  [[nodiscard]] std::int64_t count() const;

  /// Builds a tensor and checks that the sizes agree. Shares `data`, or copies it where it is not aligned for one
  /// element.
  [[nodiscard]] static Result<Tensor> create(ElementType type, Shape shape, Bytes data);
  /// As `cast` does. `values` must have as many elements as the shape and `type` an encoding that is published;
  /// otherwise the result is an empty tensor of type `invalid`.
  [[nodiscard]] static Tensor from_floats(const Shape& shape, std::span<const float> values, ElementType type);
  /// All elements as float (exact for 8 and 16 bit types and float32; rounded for 32 and 64 bit integers and float64).
  [[nodiscard]] Result<std::vector<float>> to_floats() const;
  /// Converts to another type. Floating point rounds half to even; integers round half to even and saturate, and a NaN
  /// becomes 0; a boolean is true for everything but zero. `missing_specification` for types whose encoding nobody has
  /// published.
  [[nodiscard]] Result<Tensor> cast(ElementType to) const;
};

/// A tensor under the name a program gives it.
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

/// A file that holds nothing but a tensor's data. Its size must be exactly what type and shape take.
[[nodiscard]] Result<Tensor> read_raw_tensor(const std::string& path, ElementType type, const Shape& shape);
[[nodiscard]] Result<void> write_raw_tensor(const std::string& path, const Tensor& tensor);

}  // namespace openane
