#include "cli/model_input.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/tensor_source.h"

namespace openane::cli {
namespace {

bool is_array_file(const std::string& source) { return source.ends_with(".npy") || source.ends_with(".npz"); }

Shape without_leading_ones(const Shape& shape) {
  const auto first = std::ranges::find_if(shape, [](std::int64_t extent) { return extent != 1; });
  return {first, shape.end()};
}

}  // namespace

Result<Tensor> make_model_input(const std::string& source, const reference::Port& port, const mil::Feature* /*feature*/,
                                std::uint64_t default_seed) {
  const ElementType type = mil::info(port.type.data_type()).element;
  if (!port.type.is_tensor() || type == ElementType::invalid) {
    return fail(ErrorCategory::unsupported,
                fmt::format("'{}' is {}: there is no such tensor in a file", port.name, mil::to_string(port.type)));
  }
  if (!port.type.is_concrete() && !is_array_file(source)) {
    return fail(ErrorCategory::usage, fmt::format("'{}' is {}: give its shape, --shape {}=...", port.name,
                                                  mil::to_string(port.type), port.name));
  }
  OPENANE_TRY(Tensor tensor, make_tensor(source, port.name, type, port.type.shape(), default_seed));
  if (port.type.is_concrete() && without_leading_ones(tensor.shape) == without_leading_ones(port.type.shape())) {
    tensor.shape = port.type.shape();
  }
  return tensor;
}

}  // namespace openane::cli
