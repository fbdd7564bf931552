#include "program/task_warnings.h"

#include <fmt/format.h>

#include <algorithm>

namespace openane {

std::vector<std::string> task_warnings(const Task& task) {
  std::vector<std::uint32_t> addresses;
  std::optional<std::uint32_t> outside;
  for (const Record& record : task.records()) {
    for (std::uint32_t i = 0; i < record.count; ++i) {
      addresses.push_back(record.address_of(i));
      if (!outside && task.generation().block_of(addresses.back()) == nullptr) {
        outside = addresses.back();
      }
    }
  }
  std::vector<std::string> warnings;
  if (outside) {
    warnings.push_back(
        fmt::format("a record writes {:#x}, which lies in no known block of {}", *outside, task.generation().id));
  }
  std::ranges::sort(addresses);
  if (const auto twice = std::ranges::adjacent_find(addresses); twice != addresses.end()) {
    warnings.push_back(fmt::format("register {:#x} is written twice; the last value counts", *twice));
  }
  return warnings;
}

}  // namespace openane
