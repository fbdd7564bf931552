// What is odd about a task without being wrong. Compilers write the same value to a register twice now and then (the
// address packet of source 2 on H17); two different ones would mean that somebody is mistaken.
#include "program/task_warnings.h"

#include <fmt/format.h>

#include <algorithm>

namespace openane {

std::vector<std::string> task_warnings(const Task& task) {
  struct Write {
    std::uint32_t address, value;
    auto operator<=>(const Write&) const = default;
  };
  std::vector<Write> writes;
  std::optional<std::uint32_t> outside;
  for (const Record& record : task.records()) {
    for (std::uint32_t i = 0; i < record.count; ++i) {
      writes.push_back({record.address_of(i), task.words()[record.first + i]});
      if (!outside && task.generation().block_of(writes.back().address) == nullptr) {
        outside = writes.back().address;
      }
    }
  }
  std::vector<std::string> warnings;
  if (outside) {
    warnings.push_back(
        fmt::format("a record writes {:#x}, which lies in no known block of {}", *outside, task.generation().id));
  }
  std::ranges::sort(writes);
  const auto differ = [](const Write& a, const Write& b) { return a.address == b.address && a.value != b.value; };
  if (const auto twice = std::ranges::adjacent_find(writes, differ); twice != writes.end()) {
    warnings.push_back(
        fmt::format("register {:#x} is written twice, with different values; the last one counts", twice->address));
  }
  return warnings;
}

}  // namespace openane
