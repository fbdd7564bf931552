// Models (ML Programs and their kin) from and to files, for every subcommand.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "openane/error.h"
#include "openane/mil_model.h"

namespace openane::cli {

/// Whether a path is a model rather than a program of the engine: a directory (.mlpackage, .mlmodelc), a name that ends
/// in .mlmodel or .mil, or a file that starts like MIL text.
[[nodiscard]] bool is_model_path(const std::string& path);

/// Whether an ending is one models are written with: .mil, .mlmodel, .mlpackage, .mlmodelc.
[[nodiscard]] bool has_model_ending(const std::string& path);

/// The shapes of `--shape [NAME=]1x3x224x224`; the name may be left out where the function has one input.
[[nodiscard]] Result<std::map<std::string, Shape>> parse_shapes(const std::vector<std::string>& arguments,
                                                                const mil::Function* function);

/// "x: fp32 1x3x224x224", or the flexibility in place of the shape: "1x3x[64..512]x[64..512]", "one of 2x4, 4x4".
[[nodiscard]] std::string feature_shape_text(const mil::Feature& feature);
/// "multiArray fp32", "image RGB", "string", ...
[[nodiscard]] std::string feature_type_text(const mil::Feature& feature);

}  // namespace openane::cli
