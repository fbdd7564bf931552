// `ane convert` for models: MIL text, .mlmodel, .mlpackage and .mlmodelc into each other.
#pragma once

#include <string>

#include "cli/command.h"

namespace openane::cli {

struct ModelConversion {
  std::string input;
  std::string output;
  bool inline_constants = false;  ///< Constants in the program instead of weight files.
  bool json = false;
};

/// Writes the model in the form that the ending of `output` names, and reports what was written and what got lost.
[[nodiscard]] Result<Exit> convert_model(const ModelConversion& conversion);

}  // namespace openane::cli
