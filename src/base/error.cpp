#include "openane/error.h"

#include <fmt/format.h>

namespace openane {

std::string_view to_string(ErrorCategory category) {
  switch (category) {
    case ErrorCategory::malformed_input:
      return "malformed input";
    case ErrorCategory::unsupported:
      return "unsupported";
    case ErrorCategory::not_implemented:
      return "not implemented";
    case ErrorCategory::untested:
      return "untested";
    case ErrorCategory::missing_specification:
      return "missing specification";
    case ErrorCategory::internal:
      return "internal error";
    case ErrorCategory::system:
      return "system";
    case ErrorCategory::usage:
      return "usage";
  }
  return "?";
}

std::string Error::to_string() const {
  std::string out = location.file;
  if (location.line != 0) {
    out += fmt::format("{}{}:{}", out.empty() ? "" : ":", location.line, location.column);
  } else if (location.offset) {
    out += fmt::format("{}at {:#x}", out.empty() ? "" : ": ", *location.offset);
  }
  return fmt::format("{}{}{}: {}", out, out.empty() ? "" : ": ", openane::to_string(category), message);
}

}  // namespace openane
