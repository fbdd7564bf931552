// The tensors a program computes with while it runs.
//
// An element is held as wide as the arithmetic that is done on it, not as wide as its type is stored: every floating
// type as the `Real` of the run (float, or double in fp64 runs), every integer type as std::int32_t, booleans as
// std::uint8_t (0 or 1). `type` keeps the declared element type: integers are inside its range, and in fp16 runs
// floating elements are numbers of fp16. No op of MIL computes with integers wider than 32 bits; uint32 data is refused
// when it enters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "openane/mil_type.h"
#include "openane/tensor.h"

namespace openane::reference {

enum class Holding : std::uint8_t { fp32, fp64, int32, boolean, text };

[[nodiscard]] std::size_t bytes_of(Holding holding);

template <typename T>
inline constexpr Holding kHolding = Holding::text;
template <>
inline constexpr Holding kHolding<float> = Holding::fp32;
template <>
inline constexpr Holding kHolding<double> = Holding::fp64;
template <>
inline constexpr Holding kHolding<std::int32_t> = Holding::int32;
template <>
inline constexpr Holding kHolding<std::uint8_t> = Holding::boolean;

/// A shared handle to elements: copying one copies no data, `reshape` and friends are free. Dense, row-major. Data is
/// written by the kernel that makes it and by nobody afterwards.
class Array {
 public:
  Array() = default;
  /// `elements` must hold the elements of `shape` in the given holding (aligned to it) while `owner` lives.
  Array(mil::DataType type, Shape shape, Holding holding, std::shared_ptr<const void> owner, const void* elements);
  [[nodiscard]] static Array strings(Shape shape, std::vector<std::string> elements);

  [[nodiscard]] mil::DataType type() const { return type_; }
  [[nodiscard]] const Shape& shape() const { return shape_; }
  [[nodiscard]] std::size_t rank() const { return shape_.size(); }
  [[nodiscard]] std::int64_t count() const { return count_; }
  [[nodiscard]] Holding holding() const { return holding_; }
  /// The elements; `T` must be what they are held as.
  template <typename T>
  [[nodiscard]] std::span<const T> elements() const {
    return {static_cast<const T*>(elements_), static_cast<std::size_t>(count_)};
  }
  /// For the kernel that makes this array, before anybody else has seen it.
  template <typename T>
  [[nodiscard]] std::span<T> writable() const {
    return {static_cast<T*>(const_cast<void*>(elements_)), static_cast<std::size_t>(count_)};  // NOLINT
  }
  [[nodiscard]] std::span<const std::string> texts() const;
  /// The same elements under another shape of the same count, or another element type held the same way.
  [[nodiscard]] Array reshaped(Shape shape) const;
  [[nodiscard]] Array retyped(mil::DataType type) const;
  /// How many handles share the elements; 1 means nobody else looks at them.
  [[nodiscard]] const std::shared_ptr<const void>& owner() const { return owner_; }

 private:
  mil::DataType type_ = mil::DataType::invalid;
  Holding holding_ = Holding::fp32;
  Shape shape_;
  std::int64_t count_ = 0;
  std::shared_ptr<const void> owner_;
  const void* elements_ = nullptr;
};

}  // namespace openane::reference
