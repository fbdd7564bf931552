// Names out of untrusted files, made fit for one line of a message: control bytes escaped, long names cut.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace openane {

/// 'name', with every byte outside printable ASCII as \xNN and everything after 100 bytes as "...".
[[nodiscard]] inline std::string quoted(std::string_view name) {
  constexpr std::size_t kLimit = 100;
  std::string out = "'";
  for (const char c : name.substr(0, kLimit)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f || c == '\'' || c == '\\') {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  out += name.size() > kLimit ? "...'" : "'";
  return out;
}

}  // namespace openane
