#include "reference/array.h"

#include <functional>
#include <numeric>
#include <utility>

namespace openane::reference {
namespace {

std::int64_t product(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

}  // namespace

std::size_t bytes_of(Holding holding) {
  switch (holding) {
    case Holding::fp32:
    case Holding::int32:
      return 4;
    case Holding::fp64:
      return 8;
    case Holding::boolean:
      return 1;
    case Holding::text:
      return sizeof(std::string);
  }
  return 0;
}

Array::Array(mil::DataType type, Shape shape, Holding holding, std::shared_ptr<const void> owner, const void* elements)
    : type_(type),
      holding_(holding),
      shape_(std::move(shape)),
      count_(product(shape_)),
      owner_(std::move(owner)),
      elements_(elements) {}

Array Array::strings(Shape shape, std::vector<std::string> elements) {
  auto owner = std::make_shared<const std::vector<std::string>>(std::move(elements));
  const void* const first = owner->data();
  return {mil::DataType::string, std::move(shape), Holding::text, std::move(owner), first};
}

std::span<const std::string> Array::texts() const {
  return holding_ == Holding::text ? elements<std::string>() : std::span<const std::string>{};
}

Array Array::reshaped(Shape shape) const {
  Array out = *this;
  out.shape_ = std::move(shape);
  out.count_ = product(out.shape_);
  return out;
}

Array Array::retyped(mil::DataType type) const {
  Array out = *this;
  out.type_ = type;
  return out;
}

}  // namespace openane::reference
