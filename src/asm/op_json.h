// An EngineOp as JSON: the same names as its text, every value written out.
#pragma once

#include <nlohmann/json.hpp>

#include "openane/engine_op.h"
#include "openane/surface.h"

namespace openane {

[[nodiscard]] nlohmann::ordered_json op_to_json(const EngineOp& op);
[[nodiscard]] nlohmann::ordered_json cost_to_json(const OpCost& figures);
[[nodiscard]] nlohmann::ordered_json layout_to_json(const SurfaceLayout& layout);
/// Finite numbers as numbers; "inf", "-inf" and NaN bits as their text.
[[nodiscard]] nlohmann::ordered_json half_to_json(Half value);

}  // namespace openane
