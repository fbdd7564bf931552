#include "emulator/trace.h"

#include <algorithm>
#include <cmath>

namespace openane {

TensorStatistics statistics_of(std::span<const float> values) {
  TensorStatistics statistics;
  statistics.count = values.size();
  double sum = 0;
  std::uint64_t finite = 0;
  for (const float value : values) {
    if (std::isnan(value)) {
      ++statistics.nan;
    } else if (std::isinf(value)) {
      ++statistics.infinite;
    } else {
      const auto number = static_cast<double>(value);
      statistics.minimum = finite == 0 ? number : std::min(statistics.minimum, number);
      statistics.maximum = finite == 0 ? number : std::max(statistics.maximum, number);
      sum += number;
      ++finite;
    }
  }
  statistics.mean = finite == 0 ? 0 : sum / static_cast<double>(finite);
  return statistics;
}

}  // namespace openane

namespace openane::emulator {

TracedTensor trace_tensor(std::string label, const View& view) {
  const RowReader reader(view);
  std::vector<float> values;
  std::vector<std::uint16_t> row(view.column.count);
  for (std::uint32_t g = 0; g < view.group.count; ++g) {
    for (std::uint32_t c = 0; c < view.channel.count; ++c) {
      for (std::uint32_t y = 0; y < view.row.count; ++y) {
        const std::uint16_t* halves = reader.row(g, c, y, 0, view.column.count, row.data());
        for (std::uint32_t x = 0; x < view.column.count; ++x) {
          values.push_back(to_float(Half{halves[x]}));
        }
      }
    }
  }
  const Shape shape{view.group.count, view.channel.count, view.row.count, view.column.count};
  return {std::move(label), Tensor::from_floats(shape, values, view.type), statistics_of(values)};
}

}  // namespace openane::emulator
