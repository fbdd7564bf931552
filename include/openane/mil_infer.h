// Types of results: what an operation makes of the types and constants of its arguments.
//
// Extents that are only known when the program runs (`?`) stay unknown in the result unless another argument settles
// them. An argument that must be constant but is not leaves the extents it decides unknown.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "openane/error.h"
#include "openane/mil_diagnostic.h"
#include "openane/mil_ops.h"
#include "openane/mil_program.h"
#include "openane/mil_weights.h"

namespace openane::mil {

/// The types of the results of `operation`, whose arguments belong to `function`. Checks what its rule needs (ranks,
/// extents that must agree); the message tells what was expected and found. An operation without a catalogue row, and
/// one whose results depend on what the program is run with, gives the declared types back.
[[nodiscard]] Result<std::vector<Type>> infer_types(const Function& function, const Operation& operation);

/// True when a value of type `inferred` may stand where `declared` is written: equal, or unknown where they differ.
[[nodiscard]] bool is_compatible(const Type& declared, const Type& inferred);

/// Gives function inputs concrete shapes and infers every type behind them anew. Fails with the place of the first
/// operation that does not take the new shapes.
[[nodiscard]] Result<void> specialise_shapes(Function& function, const std::map<std::string, Shape>& input_shapes);

/// Checks a whole program: names and single assignment, visibility, op set of every operation, arguments against the
/// signature (missing, unknown, element types, type variables, constness), results against inference, blocks of control
/// flow, results of functions, weight references (when `weights` is given: file, record, type and size). Findings are
/// in program order.
[[nodiscard]] std::vector<Diagnostic> verify(const Program& program, const Weights* weights = nullptr);

}  // namespace openane::mil
