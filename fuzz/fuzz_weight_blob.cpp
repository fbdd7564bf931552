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
  std::size_t kept = 0;
  for (const WeightRecord& record : *records) {
    sum = std::accumulate(record.data.span().begin(), record.data.span().end(), sum);
    kept += writer.add(record.type, record.element_count(), record.data).has_value() ? 1 : 0;
  }
  const auto file_again = WeightFile::open(Bytes(writer.finish()));
  if (!file_again) {
    std::abort();
  }
  const auto records_again = file_again->records();
  if (!records_again || records_again->size() != kept) {
    std::abort();
  }
  return static_cast<int>(sum & 0);
}
