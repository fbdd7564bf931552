#include <algorithm>
#include <vector>

#include "emulator/mac_reference.h"
#include "openane/emulator.h"

namespace openane {

float dot_product(Numerics numerics, std::span<const Half> a, std::span<const Half> b) {
  std::vector<float> x(a.size()), w(a.size());
  const auto read = [](Half stored) { return read_boundary(stored); };
  std::ranges::transform(a, x.begin(), read);
  std::ranges::transform(b.first(a.size()), w.begin(), read);
  return mac_reference(numerics, x, w);
}

}  // namespace openane
