// A law that a fuzz target holds its readers to. A broken one is named before the target stops.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace openane::fuzz {

inline void require(bool condition, std::string_view law, const std::string& detail = {}) {
  if (!condition) {
    std::fprintf(stderr, "broken law: %.*s %s\n", static_cast<int>(law.size()), law.data(), detail.c_str());
    std::abort();
  }
}

/// The error of a result as text, empty when there is none.
template <typename Result>
std::string error_text(const Result& result) {
  return result ? std::string() : result.error().to_string();
}

}  // namespace openane::fuzz
