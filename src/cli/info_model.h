// `ane info` for models: what stands in a .mil, .mlmodel, .mlpackage or .mlmodelc.
#pragma once

#include <string>

#include "cli/command.h"

namespace openane::cli {

[[nodiscard]] Result<Exit> show_model(const std::string& path, bool json);

}  // namespace openane::cli
