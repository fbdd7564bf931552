// Messages that hold parts of untrusted files, made fit for a terminal.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace openane {

/// What is not printable ASCII is escaped as \xNN.
[[nodiscard]] inline std::string printable(std::string_view message) {
  std::string out;
  out.reserve(message.size());
  for (const char c : message) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace openane
