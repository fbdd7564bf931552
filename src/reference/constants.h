// What a function computes from constants alone: computed once, when a session is made.
#pragma once

#include "openane/error.h"
#include "openane/mil_program.h"
#include "reference/execution.h"

namespace openane::reference {

/// Fills in the constants of the environment: those written down, and every result that follows from constants alone,
/// in nested blocks too. What only served to compute others is given up again.
[[nodiscard]] Result<void> fold_constants(const mil::Function& function, Environment& environment);

/// Only finds out which results follow from constants alone, without computing one.
void mark_constants(const mil::Function& function, Environment& environment);

}  // namespace openane::reference
