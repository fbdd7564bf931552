#include "cli/tensor_text.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

namespace openane::cli {
namespace {

constexpr std::size_t kRowEdge = 6;    ///< Values shown at each end of a long row.
constexpr std::size_t kTableEdge = 8;  ///< Rows shown at each end of a long table.

/// float16 and small integers are exact as double and then print in full: 0.95263671875. float32 prints its own
/// shortest form.
std::string number_text(float value, ElementType type) {
  return type == ElementType::float16 ? fmt::format("{}", static_cast<double>(value)) : fmt::format("{}", value);
}

std::string row_text(std::span<const float> row, ElementType type) {
  std::string out;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (row.size() > 2 * kRowEdge && i == kRowEdge) {
      out += " ...";
      i = row.size() - kRowEdge;
    }
    out += fmt::format(" {}", number_text(row[i], type));
  }
  return out;
}

/// The axis that runs along a printed line: the last one longer than 1.
std::size_t line_axis(const Shape& shape) {
  std::size_t axis = shape.empty() ? 0 : shape.size() - 1;
  while (axis > 0 && shape[axis] == 1) {
    --axis;
  }
  return axis;
}

/// "[0, :, 0, 0]" for row number `row`.
std::string row_index(const Shape& shape, std::size_t axis, std::size_t row) {
  std::string out;
  for (std::size_t i = shape.size(); i-- > 0;) {
    const auto extent = static_cast<std::size_t>(shape[i]);
    const std::string part = i == axis ? std::string(":") : fmt::format("{}", i < axis ? row % extent : 0);
    row = i < axis ? row / extent : row;
    out = out.empty() ? part : fmt::format("{}, {}", part, out);
  }
  return fmt::format("[{}]", out);
}

nlohmann::ordered_json number_json(double value) {
  if (std::isnan(value)) {
    return "NaN";
  }
  if (std::isinf(value)) {
    return value > 0 ? "Infinity" : "-Infinity";
  }
  return value;
}

}  // namespace

Result<std::string> tensor_text(const std::string& name, const Tensor& tensor) {
  OPENANE_TRY(const std::int64_t count, element_count(tensor.shape));
  std::string out = fmt::format("{}: {} {}\n", name, to_string(tensor.shape), to_string(tensor.type));
  const std::size_t axis = line_axis(tensor.shape);
  const std::size_t length = tensor.shape.empty() ? 1 : static_cast<std::size_t>(tensor.shape[axis]);
  const std::size_t rows = length == 0 ? 0 : static_cast<std::size_t>(count) / length;
  const std::size_t row_bytes = length * element_bytes(tensor.type).value_or(0);
  for (std::size_t row = 0; row < rows; ++row) {
    if (rows > 2 * kTableEdge && row == kTableEdge) {
      out += fmt::format("  ... {} rows ...\n", rows - 2 * kTableEdge);
      row = rows - kTableEdge;
    }
    const Bytes data = tensor.data.slice(row * row_bytes, row_bytes);
    OPENANE_TRY(const Tensor line, Tensor::create(tensor.type, {static_cast<std::int64_t>(length)}, data));
    OPENANE_TRY(const std::vector<float> values, line.to_floats());
    out += fmt::format("  {}{}\n", row_index(tensor.shape, axis, row), row_text(values, tensor.type));
  }
  return out;
}

Result<nlohmann::ordered_json> tensor_json(const std::string& name, const Tensor& tensor, bool values) {
  nlohmann::ordered_json json = {{"name", name}, {"shape", tensor.shape}, {"type", to_string(tensor.type)}};
  if (values) {
    OPENANE_TRY(const Tensor wide, tensor.cast(ElementType::float64));
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (std::size_t at = 0; at < wide.data.size(); at += sizeof(double)) {
      double number = 0;
      std::memcpy(&number, wide.data.data() + at, sizeof number);
      list.push_back(number_json(number));
    }
    json["values"] = std::move(list);
  }
  return json;
}

std::string statistics_text(const TensorStatistics& statistics) {
  std::string out;
  const std::uint64_t finite = statistics.count - statistics.nan - statistics.infinite;
  if (finite > 0) {
    out = fmt::format("min {} max {} mean {:.6g}", statistics.minimum, statistics.maximum, statistics.mean);
  }
  if (statistics.nan > 0) {
    out += fmt::format("{}{} NaN", out.empty() ? "" : ", ", statistics.nan);
  }
  if (statistics.infinite > 0) {
    out += fmt::format("{}{} infinite", out.empty() ? "" : ", ", statistics.infinite);
  }
  return out;
}

nlohmann::ordered_json statistics_json(const TensorStatistics& statistics) {
  return {{"count", statistics.count},
          {"minimum", number_json(statistics.minimum)},
          {"maximum", number_json(statistics.maximum)},
          {"mean", number_json(statistics.mean)},
          {"nan", statistics.nan},
          {"infinite", statistics.infinite}};
}

}  // namespace openane::cli
