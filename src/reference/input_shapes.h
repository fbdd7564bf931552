// Which shapes an input may have: those of its type, or those the model's description allows beside the default.
#pragma once

#include "openane/error.h"
#include "openane/mil_model.h"
#include "openane/mil_type.h"

namespace openane::reference {

/// Fails, saying what is allowed, when an input of that type may not have the shape. `feature` is the input's
/// description; null when there is none.
[[nodiscard]] Result<void> check_input_shape(const mil::Type& type, const mil::Feature* feature, const Shape& shape);

}  // namespace openane::reference
