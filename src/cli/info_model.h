// `ane info` for models: what stands in a .mil, .mlmodel, .mlpackage or .mlmodelc.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace openane::cli {

struct ModelView {
  std::string path;
  std::vector<std::string> shapes;  ///< Of `--shape`, for the main function.
  bool json = false;
};

[[nodiscard]] Result<Exit> show_model(const ModelView& view);

}  // namespace openane::cli
