// A weight file: every record lies inside it, and what is read can be written again.
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "openane/mil_weights.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace openane;
  using namespace openane::mil;
  const auto file = WeightFile::open(Bytes(std::vector<std::uint8_t>(data, data + size)));
  if (!file) {
    return 0;
  }
  const auto records = file->records();
  if (!records) {
    return 0;
  }
  WeightWriter writer;
  std::uint64_t sum = 0;
  for (const WeightRecord& record : *records) {
    sum = std::accumulate(record.data.span().begin(), record.data.span().end(), sum);
    (void)writer.add(record.type, record.element_count(), record.data);
  }
  const auto again = WeightFile::open(Bytes(writer.finish()));
  if (!again || !again->records()) {
    std::abort();
  }
  return static_cast<int>(sum & 0);
}
