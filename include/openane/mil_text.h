// MIL text: the reader takes everything Apple's parser is known to take, the printer writes what Apple's compiler
// writes.
//
// Grammar: facts/mil.md, section 3. Both spellings of scalars may be mixed in one text; `//` starts a comment; a hex
// integer in a floating-point literal (`fp16(0x3c00)`) is the bit pattern. Nesting is bounded (kMaxNesting), and memory
// by the size of the text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "openane/bytes.h"
#include "openane/error.h"
#include "openane/mil_diagnostic.h"
#include "openane/mil_program.h"

namespace openane::mil {

/// Levels of brackets (types, literals, blocks) a text may nest.
inline constexpr std::uint32_t kMaxNesting = 200;

/// Parses a program. Every mistake found goes to `diagnostics` (when given), up to 20; the result shows them all.
/// Constants point into memory the program shares, never into `text`; the text itself is kept in `Program::source` for
/// messages.
[[nodiscard]] Result<Program> parse_text(Bytes text, std::string_view file = {},
                                         std::vector<Diagnostic>* diagnostics = nullptr);
[[nodiscard]] Result<Program> parse_text(std::string_view text, std::string_view file = {},
                                         std::vector<Diagnostic>* diagnostics = nullptr);

/// The canonical text: `parse_text(print_text(p)) == p`, except for what `text_losses(p)` names. No newline at the end,
/// as Apple's.
[[nodiscard]] std::string print_text(const Program& program);
/// One operation as it stands in the text, without indentation; nested blocks are left out.
[[nodiscard]] std::string print_operation(const Function& function, const Operation& operation,
                                          Spelling spelling = Spelling::brief);
/// A constant with its type: `tensor<fp16, [2]>([0x1p+0, 0x1p+1])`.
[[nodiscard]] std::string print_value(const Value& value, Spelling spelling = Spelling::brief);

}  // namespace openane::mil
