#include "cli/chip_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/columns.h"
#include "base/words.h"

namespace openane::cli {
namespace {

/// What a figure's name stands for, and its unit.
struct FigureName {
  std::string_view name, shown, unit;
};

constexpr FigureName kFigureNames[] = {
    {"cores", "cores", ""},
    {"engines", "engines", ""},
    {"tops", "TOPS", ""},
    {"clock_ghz", "clock", "GHz"},
    {"clock_floor_ghz", "lowest clock", "GHz"},
    {"knee_mb", "memory as the literature repeats it", "MB"},
    {"on_chip_mb", "on-chip memory as reported", "MB"},
    {"measured_tflops", "measured", "TFLOPS"},
};

FigureName name_of(std::string_view name) {
  for (const FigureName& known : kFigureNames) {
    if (known.name == name) {
      return known;
    }
  }
  return {name, name, ""};
}

}  // namespace

std::string target_suggestion(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Generation* generation : generations()) {
    names.push_back(generation->id);
    names.insert(names.end(), generation->targets.begin(), generation->targets.end());
  }
  for (const Chip& chip : chips()) {
    names.push_back(chip.name);
  }
  return suggestion(name, names);
}

Result<std::vector<const Chip*>> chips_named(std::string_view name) {
  if (const Chip* chip = find_chip(name)) {
    return std::vector<const Chip*>{chip};
  }
  const CompilerTarget* target = find_compiler_target(name);
  const Generation* generation = find_generation(name);
  if (target == nullptr && generation == nullptr) {
    return fail(ErrorCategory::usage, fmt::format("'{}' is no chip, target or generation we know{} (see ane chips)",
                                                  name, target_suggestion(name)));
  }
  // "h13" is a target, too, but means the generation, as everywhere.
  const bool whole = generation != nullptr && (target == nullptr || target->name == generation->target);
  std::vector<const Chip*> found;
  for (const Chip& chip : chips()) {
    if (whole ? chip.generation() == generation : chip.target == target->name) {
      found.push_back(&chip);
    }
  }
  return found.empty()
             ? fail(ErrorCategory::missing_specification, fmt::format("no chip of target '{}' has been named", name))
             : Result<std::vector<const Chip*>>(std::move(found));
}

std::string figure_value(const Chip& chip, std::string_view name) {
  const Figure* figure = chip.find(name);
  return figure == nullptr ? "" : fmt::format("{}", figure->value);
}

std::string evidence_text(const Evidence& evidence) {
  return fmt::format("{}, {}{}{}", evidence.grade, evidence.source, evidence.note.empty() ? "" : ": ", evidence.note);
}

std::string figures_text(const Chip& chip) {
  Rows rows;
  for (const Figure& figure : chip.figures) {
    const FigureName name = name_of(figure.name);
    rows.push_back(
        {std::string(name.shown), fmt::format("{} {}", figure.value, name.unit), evidence_text(figure.evidence)});
  }
  return rows.empty() ? "  no figure is known\n" : columns_text(rows, "  ");
}

nlohmann::ordered_json evidence_json(const Evidence& evidence) {
  nlohmann::ordered_json json{{"grade", evidence.grade}, {"source", evidence.source}};
  if (!evidence.note.empty()) {
    json["note"] = evidence.note;
  }
  return json;
}

nlohmann::ordered_json figures_json(const Chip& chip) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const Figure& figure : chip.figures) {
    json[std::string(figure.name)] = {{"value", figure.value}, {"evidence", evidence_json(figure.evidence)}};
  }
  return json;
}

nlohmann::ordered_json list_json(std::span<const std::uint32_t> values) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const std::uint32_t value : values) {
    json.push_back(value);
  }
  return json;
}

}  // namespace openane::cli
