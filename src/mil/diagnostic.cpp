#include "openane/mil_diagnostic.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"

namespace openane::mil {
namespace {

/// Line `number` of the text, without its end; empty when there is no such line.
std::string_view find_line(std::string_view text, std::uint32_t number) {
  for (std::uint32_t line = 1; line < number; ++line) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) {
      return {};
    }
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

/// The line and a caret line below it. Lines of compiled models are thousands of characters long: only a window is
/// shown.
std::string caret_lines(std::string_view line, std::uint32_t column) {
  constexpr std::size_t kWidth = 110;
  constexpr std::size_t kBefore = 70;
  const std::size_t indent = std::min(line.find_first_not_of(" \t"), line.size());
  const std::size_t caret = std::min<std::size_t>(column - 1, line.size());
  std::size_t begin = std::min(indent, caret);
  if (caret - begin >= kWidth) {
    begin = caret - kBefore;
  }
  std::string shown(line.substr(begin, kWidth));
  std::ranges::replace_if(shown, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return fmt::format("\n  {}\n  {:>{}}", shown, '^', caret - begin + 1);
}

}  // namespace

bool has_errors(std::span<const Diagnostic> diagnostics) {
  return std::ranges::any_of(diagnostics, [](const Diagnostic& d) { return d.severity == Severity::error; });
}

std::string to_string(const Diagnostic& diagnostic, const SourceText* source) {
  std::string out = source != nullptr ? source->file : std::string();
  const SourceLocation at = diagnostic.location;
  if (at.line != 0) {
    out += fmt::format("{}{}:{}", out.empty() ? "" : ":", at.line, at.column);
  }
  out += fmt::format("{}{}: {}", out.empty() ? "" : ": ", diagnostic.severity == Severity::error ? "error" : "warning",
                     printable(diagnostic.message));
  if (source != nullptr && at.line != 0) {
    const auto bytes = source->text.span();
    const std::string_view line = find_line({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, at.line);
    if (!line.empty()) {
      out += caret_lines(line, at.column);
    }
  }
  return out;
}

Error to_error(std::span<const Diagnostic> diagnostics, std::string_view file) {
  const auto is_error = [](const Diagnostic& d) { return d.severity == Severity::error; };
  const auto first = std::ranges::find_if(diagnostics, is_error);
  const auto count = std::ranges::count_if(diagnostics, is_error);
  std::string message = printable(first->message);
  if (count > 1) {
    message += fmt::format(" (and {} more)", count - 1);
  }
  return Error{ErrorCategory::malformed_input, std::move(message),
               Location{std::string(file), {}, first->location.line, first->location.column}};
}

}  // namespace openane::mil
