// `ane chips`: every chip with its target, figures, clocks, memory and limits.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/columns.h"
#include "cli/chip_text.h"
#include "cli/command.h"
#include "cli/console.h"

namespace openane::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kExamples = R"(examples:
  ane chips                    every chip, one line each
  ane chips "M1 Pro" a17pro    figures, clocks, memory, limits and features, with grade and source
  ane chips h16                every chip of a target or generation
  ane chips --targets          the vendor compiler's targets and container subtypes
  ane chips m4 --json)";

struct Options {
  std::vector<std::string> names;
  bool targets = false;
  bool json = false;
};

std::string generation_id(const Chip& chip) {
  return chip.generation() == nullptr ? "" : std::string(chip.generation()->id);
}

std::string overview() {
  Rows rows = {{"chip", "soc", "target", "generation", "cores", "engines", "TOPS", "GHz", "grade", "devices"}};
  for (const Chip& chip : chips()) {
    rows.push_back({std::string(chip.name), std::string(chip.soc), std::string(chip.target), generation_id(chip),
                    figure_value(chip, "cores"), figure_value(chip, "engines"), figure_value(chip, "tops"),
                    figure_value(chip, "clock_ghz"), std::string(chip.evidence.grade), std::string(chip.devices)});
  }
  return columns_text(rows);
}

std::string targets_text() {
  Rows rows = {{"target", "subtype", "version", "table", "units 9.x", "units 10.26", "grade", "note"}};
  const auto number = [](std::uint32_t value) { return value == 0 ? std::string() : std::to_string(value); };
  for (const CompilerTarget& target : compiler_targets()) {
    rows.push_back({std::string(target.name), std::to_string(target.cpu_subtype), std::to_string(target.td_version),
                    std::string(target.generation), number(target.units_9), number(target.units_10),
                    std::string(target.evidence.grade), std::string(target.evidence.note)});
  }
  return columns_text(rows) + fmt::format("\nrefused by the compiler: {}\n", fmt::join(refused_targets(), ", "));
}

std::string limit_text(std::int64_t value) {
  return value == -1 ? "no limit" : value == 0 ? "not supported" : std::to_string(value);
}

std::string clocks_text(const Chip& chip) {
  const ClockTable* clocks = find_clock_table(chip.target);
  if (clocks == nullptr) {
    return "";
  }
  Rows rows = {{"engine", fmt::format("{} MHz", fmt::join(clocks->mhz, " "))}};
  if (!clocks->second_mhz.empty()) {
    rows.push_back({"second", fmt::format("{} MHz", fmt::join(clocks->second_mhz, " "))});
  }
  rows.push_back({"DMA", fmt::format("{} MHz", fmt::join(clocks->dma_mhz, " "))});
  rows.push_back({"DRAM", fmt::format("{} MT/s", fmt::join(clocks->dram_mts, " "))});
  return fmt::format("\nclock table of {} ({})\n", clocks->target, evidence_text(clocks->evidence)) +
         columns_text(rows, "  ");
}

std::string memory_text(const Generation& generation) {
  Rows rows;
  for (const MemorySize& memory : memory_sizes()) {
    if (memory.generation == generation.id) {
      rows.push_back({std::string(memory.item), fmt::format("{} bytes", memory.bytes), evidence_text(memory.evidence)});
    }
  }
  return rows.empty() ? "" : "\nmemory\n" + columns_text(rows, "  ");
}

std::string limits_text(const Generation& generation) {
  Rows rows;
  for (const Limit& limit : limits()) {
    if (const std::optional<std::int64_t> value = limit.of(generation)) {
      rows.push_back({std::string(limit.name), limit_text(*value), evidence_text(limit.evidence)});
    }
  }
  return rows.empty() ? "" : "\nlimits of the vendor compiler\n" + columns_text(rows, "  ");
}

std::string features_text(const Generation& generation) {
  Rows rows;
  for (const Feature& feature : features()) {
    if (const std::optional<bool> in = feature.in(generation)) {
      rows.push_back({std::string(feature.name), *in ? "yes" : "no", std::string(feature.meaning)});
    }
  }
  return rows.empty() ? "" : "\nfeatures\n" + columns_text(rows, "  ");
}

std::string chip_page(const Chip& chip) {
  std::string text = fmt::format("{}: target {}, generation {} ({})\n", chip.name, chip.target, generation_id(chip),
                                 evidence_text(chip.evidence)) +
                     figures_text(chip) + clocks_text(chip);
  if (const Generation* generation = chip.generation()) {
    text += memory_text(*generation) + limits_text(*generation) + features_text(*generation);
  }
  return text;
}

Json clocks_json(const ClockTable& clocks) {
  return {{"target", clocks.target},
          {"mhz", list_json(clocks.mhz)},
          {"second_mhz", list_json(clocks.second_mhz)},
          {"dma_mhz", list_json(clocks.dma_mhz)},
          {"dram_mts", list_json(clocks.dram_mts)},
          {"evidence", evidence_json(clocks.evidence)}};
}

Json chip_json(const Chip& chip) {
  Json json{{"name", chip.name}, {"soc", chip.soc}, {"target", chip.target}, {"generation", generation_id(chip)}};
  json["devices"] = chip.devices;
  json["evidence"] = evidence_json(chip.evidence);
  json["figures"] = figures_json(chip);
  const ClockTable* clocks = find_clock_table(chip.target);
  json["clocks"] = clocks == nullptr ? Json(nullptr) : clocks_json(*clocks);
  const Generation* generation = chip.generation();
  json["limits"] = json["features"] = Json::object();
  json["memory"] = Json::array();
  if (generation == nullptr) {
    return json;
  }
  for (const MemorySize& memory : memory_sizes()) {
    if (memory.generation == generation->id) {
      json["memory"].push_back(
          {{"item", memory.item}, {"bytes", memory.bytes}, {"evidence", evidence_json(memory.evidence)}});
    }
  }
  for (const Limit& limit : limits()) {
    if (const std::optional<std::int64_t> value = limit.of(*generation)) {
      json["limits"][std::string(limit.name)] = {{"value", *value}, {"evidence", evidence_json(limit.evidence)}};
    }
  }
  for (const Feature& feature : features()) {
    if (const std::optional<bool> in = feature.in(*generation)) {
      json["features"][std::string(feature.name)] = {{"present", *in}, {"evidence", evidence_json(feature.evidence)}};
    }
  }
  return json;
}

Json targets_json() {
  Json json = Json::array();
  for (const CompilerTarget& target : compiler_targets()) {
    json.push_back({{"name", target.name},
                    {"cpu_subtype", target.cpu_subtype},
                    {"td_version", target.td_version},
                    {"generation", target.generation},
                    {"units_9", target.units_9},
                    {"units_10", target.units_10},
                    {"evidence", evidence_json(target.evidence)}});
  }
  return json;
}

Result<Exit> show(const Options& options) {
  if (options.targets) {
    options.json ? print_json(targets_json()) : print(targets_text());
    return Exit::ok;
  }
  std::vector<const Chip*> wanted;
  for (const std::string& name : options.names) {
    OPENANE_TRY(const std::vector<const Chip*> named, chips_named(name));
    std::ranges::copy_if(named, std::back_inserter(wanted),
                         [&](const Chip* chip) { return std::ranges::find(wanted, chip) == wanted.end(); });
  }
  if (options.json) {
    Json json = Json::array();
    for (const Chip& chip : chips()) {
      if (wanted.empty() || std::ranges::find(wanted, &chip) != wanted.end()) {
        json.push_back(chip_json(chip));
      }
    }
    print_json(json);
    return Exit::ok;
  }
  if (wanted.empty()) {
    print(overview());
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    print((i == 0 ? "" : "\n") + chip_page(*wanted[i]));
  }
  return Exit::ok;
}

}  // namespace

Action declare_chips(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.footer(kExamples);
  app.add_option("CHIP", options->names, "Chips by name, SoC, target or generation; all when none is named");
  app.add_flag("--targets", options->targets, "The vendor compiler's targets instead of chips");
  app.add_flag("--json", options->json, "The same content as JSON, always with evidence");
  return [options] { return show(*options); };
}

}  // namespace openane::cli
