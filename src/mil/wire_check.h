// A walk over the wire form of a program before it is parsed: counts messages, bounds nesting, names the fields nobody
// knows.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "openane/error.h"

namespace openane::mil {

struct WireSummary {
  std::uint64_t messages = 0;
  std::vector<std::string> unknown;  ///< "Operation: field 17", each once, at most 20.
};

/// Walks a `Program` message. Errors carry the offset of the field that is wrong.
[[nodiscard]] Result<WireSummary> check_program_wire(std::span<const std::uint8_t> data, std::uint64_t max_messages);

}  // namespace openane::mil
