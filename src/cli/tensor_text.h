// Tensors for a person and for JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "openane/emulator.h"
#include "openane/tensor.h"

namespace openane::cli {

/// "NAME: 1x64x1x1 float16" and the values, one line per row along the last axis longer than 1; long rows and many rows
/// are elided in the middle. Numbers have as many digits as it takes to read them back exactly.
[[nodiscard]] Result<std::string> tensor_text(const std::string& name, const Tensor& tensor);
/// {"name", "shape", "type", "values"}: the values flat, in row-major order; "NaN", "Infinity" and "-Infinity" as
/// strings.
[[nodiscard]] Result<nlohmann::ordered_json> tensor_json(const std::string& name, const Tensor& tensor, bool values);
/// "min -1 max 0.9990234375 mean 0.0123"; says how many are NaN or infinite when any is.
[[nodiscard]] std::string statistics_text(const TensorStatistics& statistics);
[[nodiscard]] nlohmann::ordered_json statistics_json(const TensorStatistics& statistics);

}  // namespace openane::cli
