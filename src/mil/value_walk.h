// Every constant of a program: of attributes, given in place as arguments, and nested in lists, tuples and
// dictionaries.
#pragma once

#include <functional>
#include <string_view>

#include "openane/mil_program.h"

namespace openane::mil {

/// Calls `visit` for every constant of the program, those inside others first.
void for_each_value(const Program& program, const std::function<void(const Value&)>& visit);

/// Position of an argument (or attribute that serves as one) among those of its operation.
using ArgumentRank = std::function<int(std::string_view operation, std::string_view argument)>;

/// Replaces constants of operations by what `replace` makes of them, in the order in which the operations run; within
/// an operation in the order of `rank`. Constants nested in others, and those of programs and functions, are never in
/// weight files and are left alone.
[[nodiscard]] Result<void> replace_values(Program& program, const ArgumentRank& rank,
                                          const std::function<Result<Value>(const Value&)>& replace);

}  // namespace openane::mil
