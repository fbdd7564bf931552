// What `ane chips` and `ane device` print alike.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "openane/chips.h"
#include "openane/error.h"

namespace openane::cli {

using Rows = std::vector<std::vector<std::string>>;

/// The chip of that name or SoC, or all chips of a target ("h13g") or generation ("h16"); never empty.
[[nodiscard]] Result<std::vector<const Chip*>> chips_named(std::string_view name);
/// " (did you mean 'm1'?)" with the nearest chip, target or generation, or nothing.
[[nodiscard]] std::string target_suggestion(std::string_view name);
/// "15.8"; empty when the figure is not known.
[[nodiscard]] std::string figure_value(const Chip& chip, std::string_view name);
/// "reported, SOURCE: NOTE"
[[nodiscard]] std::string evidence_text(const Evidence& evidence);
/// One line per figure: name, value, evidence.
[[nodiscard]] std::string figures_text(const Chip& chip);

[[nodiscard]] nlohmann::ordered_json evidence_json(const Evidence& evidence);
[[nodiscard]] nlohmann::ordered_json figures_json(const Chip& chip);
[[nodiscard]] nlohmann::ordered_json list_json(std::span<const std::uint32_t> values);

}  // namespace openane::cli
