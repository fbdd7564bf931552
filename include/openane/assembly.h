// ANE assembly (.anes): a program as text a person can read, edit and write by hand. `docs/assembly.md` has the
// grammar.
//
// assemble(disassemble(p)) writes the same container bytes as p.
#pragma once

#include <string>
#include <string_view>

#include "openane/program.h"

namespace openane {

[[nodiscard]] Result<std::string> disassemble(const Program& program);
/// `file` names the text in errors (line:column) and is the folder that data files are looked up from.
[[nodiscard]] Result<Program> assemble(std::string_view text, const std::string& file);

}  // namespace openane
