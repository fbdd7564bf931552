// One operation against its catalogue row: what the verifier does for every operation of a program, and the builder for
// each as it is made.
#pragma once

#include <vector>

#include "openane/mil_diagnostic.h"
#include "openane/mil_program.h"

namespace openane::mil {

/// Whether the catalogue has the operation in the function's op set, and its arguments: none missing, none unknown,
/// kinds, element types, type variables, constness. Findings are appended to `out`.
void check_arguments(const Function& function, const Operation& operation, std::vector<Diagnostic>& out);

/// The same and, when nothing was found, the results: as many as inference gives, of types compatible with it.
void check_operation(const Function& function, const Operation& operation, std::vector<Diagnostic>& out);

}  // namespace openane::mil
