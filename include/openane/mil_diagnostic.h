// What a parser or the verifier has to say about a program: several findings per run, each with its place and the line
// it stands on.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "openane/error.h"
#include "openane/mil_program.h"

namespace openane::mil {

enum class Severity : std::uint8_t { error, warning };

struct Diagnostic {
  Severity severity = Severity::error;
  std::string message;
  SourceLocation location;
};

[[nodiscard]] bool has_errors(std::span<const Diagnostic> diagnostics);

/// "FILE:LINE:COLUMN: error: MESSAGE", the source line and a caret under the place:
///
///     model.mil:5:20: error: 'y' is not defined
///       tensor<fp16, [1, 10]> z = mul(x = x, y = y)[name = string("z")];
///                                                ^
///
/// Long lines are cut around the caret. Without source text, or without a place, the first line stands alone.
[[nodiscard]] std::string to_string(const Diagnostic& diagnostic, const SourceText* source);

/// The first error as an `Error`. There must be one. With the source text, the message shows its line and the errors
/// that follow (20 in all), each with its place, on lines of their own; without, it tells how many follow.
[[nodiscard]] Error to_error(std::span<const Diagnostic> diagnostics, std::string_view file,
                             const SourceText* source = nullptr);

}  // namespace openane::mil
