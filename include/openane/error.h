// Errors are values. Every reader, parser and compiler of OpenANE returns `Result<T>`; only the command line prints and
// exits.
//
// An `Error` says whose fault it is (`ErrorCategory`), what is wrong and what was expected (`message`), and where in
// the *input* it was found: a file, and either a byte offset or a line and column.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace openane {

enum class ErrorCategory : std::uint8_t {
  malformed_input,        ///< The input breaks a rule of its format.
  unsupported,            ///< A legal input that OpenANE will never take.
  not_implemented,        ///< A legal input that OpenANE does not take yet.
  untested,               ///< Code for it exists, but no real program ever exercised it.
  missing_specification,  ///< Nobody has published what the engine does here.
  internal,               ///< A mistake in OpenANE.
  system,                 ///< The operating system refused: no such file, no memory, no permission.
  usage,                  ///< The caller asked for something that does not exist (a name, an option).
};

/// "malformed input", "missing specification", ... as printed in messages.
[[nodiscard]] std::string_view to_string(ErrorCategory category);

/// Where in an input an error was found. All parts are optional; `line` and `column` count from 1, 0 means unset.
struct Location {
  std::string file;
  std::optional<std::uint64_t> offset;  ///< Byte offset from the start of `file`.
  std::uint32_t line = 0;
  std::uint32_t column = 0;

  friend bool operator==(const Location&, const Location&) = default;
};

struct Error {
  ErrorCategory category = ErrorCategory::internal;
  std::string message;
  Location location;

  /// "FILE:LINE:COLUMN: CATEGORY: MESSAGE" or "FILE: at 0xOFFSET: CATEGORY: MESSAGE"; absent parts are left out.
  [[nodiscard]] std::string to_string() const;
};

template <typename T>
using Result = std::expected<T, Error>;

/// Builds the error arm of a `Result`.
[[nodiscard]] inline std::unexpected<Error> fail(ErrorCategory category, std::string message, Location location = {}) {
  return std::unexpected<Error>(Error{category, std::move(message), std::move(location)});
}

/// The same, at a byte offset of the input.
[[nodiscard]] inline std::unexpected<Error> fail_at(std::uint64_t offset, std::string message,
                                                    ErrorCategory category = ErrorCategory::malformed_input) {
  return std::unexpected<Error>(Error{category, std::move(message), Location{{}, offset, 0, 0}});
}

/// Fills in the file of an error that does not name one yet.
template <typename T>
[[nodiscard]] Result<T> in_file(Result<T> result, std::string_view file) {
  if (!result && result.error().location.file.empty()) {
    result.error().location.file = file;
  }
  return result;
}

}  // namespace openane

#define OPENANE_CONCAT_(a, b) a##b
#define OPENANE_CONCAT(a, b) OPENANE_CONCAT_(a, b)
/// `OPENANE_TRY(auto x, f());` declares `x` from the value of `f()`, or returns its error from the enclosing function.
#define OPENANE_TRY(declaration, ...) OPENANE_TRY_(OPENANE_CONCAT(openane_result_, __LINE__), declaration, __VA_ARGS__)
#define OPENANE_TRY_(result, declaration, ...)         \
  auto&& result = (__VA_ARGS__);                       \
  if (!result) {                                       \
    return std::unexpected(std::move(result).error()); \
  }                                                    \
  declaration = *std::move(result)
/// `OPENANE_CHECK(f());` returns the error of a `Result<void>` from the enclosing function.
#define OPENANE_CHECK(...)                                        \
  do {                                                            \
    if (auto&& openane_status = (__VA_ARGS__); !openane_status) { \
      return std::unexpected(std::move(openane_status).error());  \
    }                                                             \
  } while (false)
