// The header fields in which a task names slots of the slot table.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "openane/task.h"

namespace openane {

enum class SelectorUse : std::uint8_t { source, destination, kernel, tasks };

struct Selector {
  std::string_view name;  ///< "Header8.RBase0"
  SelectorUse use = SelectorUse::source;
  FieldRef slot;
  FieldRef enable;
};

/// Empty for generations that name slots in address packets.
[[nodiscard]] std::vector<Selector> selectors_of(const Generation& generation);

}  // namespace openane
