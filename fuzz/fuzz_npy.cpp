// .npy and .npz from anyone: a value or an error; and what was read, written and read again is the same.
#include <cstdlib>

#include "openane/npy.h"

namespace {

using openane::Bytes;
using openane::Tensor;

void check_round_trip(const Tensor& tensor) {
  const auto file = openane::format_npy(tensor);
  if (!file) {
    std::abort();
  }
  const auto back = openane::parse_npy(Bytes(*file));
  if (!back || back->type != tensor.type || back->shape != tensor.shape || back->data != tensor.data) {
    std::abort();
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(std::vector<std::uint8_t>(data, data + size));
  if (const auto tensor = openane::parse_npy(input)) {
    check_round_trip(*tensor);
  }
  if (const auto tensors = openane::parse_npz(input)) {
    for (const openane::NamedTensor& named : *tensors) {
      check_round_trip(named.tensor);
    }
  }
  return 0;
}
