#include "openane/mil_diagnostic.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

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

namespace {

/// The line a place is on, with its caret; nothing without a text or a place.
std::string shown_place(SourceLocation at, const SourceText* source) {
  if (source == nullptr || at.line == 0) {
    return {};
  }
  const auto bytes = source->text.span();
  const std::string_view line = find_line({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, at.line);
  return line.empty() ? std::string() : caret_lines(line, at.column);
}

}  // namespace

std::string to_string(const Diagnostic& diagnostic, const SourceText* source) {
  std::string out = source != nullptr ? source->file : std::string();
  const SourceLocation at = diagnostic.location;
  if (at.line != 0) {
    out += fmt::format("{}{}:{}", out.empty() ? "" : ":", at.line, at.column);
  }
  out += fmt::format("{}{}: {}", out.empty() ? "" : ": ", diagnostic.severity == Severity::error ? "error" : "warning",
                     printable(diagnostic.message));
  return out + shown_place(at, source);
}

Error to_error(std::span<const Diagnostic> diagnostics, std::string_view file, const SourceText* source) {
  constexpr std::size_t kShown = 20;
  std::vector<Diagnostic> errors;
  std::ranges::copy_if(diagnostics, std::back_inserter(errors),
                       [](const Diagnostic& d) { return d.severity == Severity::error; });
  const SourceLocation at = errors.front().location;
  std::string message = printable(errors.front().message) + shown_place(at, source);
  const std::size_t shown = source == nullptr ? 1 : std::min(errors.size(), kShown);
  for (std::size_t i = 1; i < shown; ++i) {
    message += fmt::format("\n{}", to_string(errors[i], source));
  }
  if (errors.size() > shown) {
    message += fmt::format("{}(and {} more)", source == nullptr ? " " : "\n", errors.size() - shown);
  }
  return Error{ErrorCategory::malformed_input, std::move(message), Location{std::string(file), {}, at.line, at.column}};
}

}  // namespace openane::mil
