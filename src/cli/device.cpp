// `ane device`: what Core ML and Apple's runtime would answer about a device, as far as anyone has published it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
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
  ane device                   compute-unit masks, codes, figures of every chip, device class
  ane device "M3 Pro"          one chip
  ane device h15               every chip of a target or generation
  ane device --mask 5          which devices a compute-unit mask allows
  ane device m4 --json)";

struct Options {
  std::string chip;
  std::optional<std::uint32_t> mask;
  bool json = false;
};

Result<const ComputeUnits*> units_of(std::uint32_t mask) {
  for (const ComputeUnits& units : compute_units()) {
    if (units.mask == mask) {
      return &units;
    }
  }
  return fail(ErrorCategory::usage,
              fmt::format("{} is no compute-unit mask: 1 to 7, bit 0 CPU, bit 1 GPU, bit 2 Neural Engine", mask));
}

std::vector<std::string> units_row(const ComputeUnits& units) {
  return {fmt::format("{}", units.mask), std::string(units.devices), std::string(units.public_name)};
}

std::string common_text() {
  Rows masks = {{"mask", "devices", "MLComputeUnits"}};
  for (const ComputeUnits& units : compute_units()) {
    masks.push_back(units_row(units));
  }
  Rows codes = {{"espresso", "code", "device"}};
  for (const EngineCode& code : engine_codes()) {
    codes.push_back({std::string(code.list), fmt::format("{}", code.value),
                     fmt::format("{}{}{}", code.name, code.note.empty() ? "" : ": ", code.note)});
  }
  return "compute units\n" + columns_text(masks, "  ") + "\ncodes\n" + columns_text(codes, "  ");
}

std::string figures_table() {
  Rows rows = {{"chip", "cores", "TOPS", "memory as repeated (MB)", "note"}};
  for (const Chip& chip : chips()) {
    const Figure* knee = chip.find("knee_mb");
    rows.push_back({std::string(chip.name), figure_value(chip, "cores"), figure_value(chip, "tops"),
                    figure_value(chip, "knee_mb"), knee == nullptr ? "" : std::string(knee->evidence.note)});
  }
  return "\nfigures (the memory is a throughput knee; the scratchpad is 2 MiB)\n" + columns_text(rows, "  ");
}

using Chips = std::vector<const Chip*>;

bool is_one_of(const Chips& chips, std::string_view name) {
  return std::ranges::any_of(chips, [name](const Chip* chip) { return chip->name == name; });
}

/// The answers of these chips; of all that were published when there are none.
std::string class_text(const Chips& of) {
  std::string text;
  for (const DeviceClass& answered : device_classes()) {
    if (!of.empty() && !is_one_of(of, answered.chip)) {
      continue;
    }
    Rows rows;
    for (const DeviceAnswer& answer : answered.answers) {
      rows.push_back({std::string(answer.key), std::string(answer.value)});
    }
    text += fmt::format("\n_ANEDeviceInfo on {}, build {} ({})\n", answered.chip, answered.build,
                        evidence_text(answered.evidence)) +
            columns_text(rows, "  ");
  }
  return text.empty() ? "\n_ANEDeviceInfo: nobody has published this device's answers\n" : text;
}

Json class_json(const DeviceClass& answered) {
  Json json{{"chip", answered.chip}, {"build", answered.build}, {"evidence", evidence_json(answered.evidence)}};
  for (const DeviceAnswer& answer : answered.answers) {
    json["answers"][std::string(answer.key)] = answer.value;
  }
  return json;
}

Json units_json(const ComputeUnits& units) {
  return {{"mask", units.mask}, {"devices", units.devices}, {"name", units.public_name}};
}

Json device_json(const Chips& only) {
  Json json;
  for (const ComputeUnits& units : compute_units()) {
    json["compute_units"].push_back(units_json(units));
  }
  for (const EngineCode& code : engine_codes()) {
    json["codes"].push_back({{"list", code.list}, {"value", code.value}, {"name", code.name}, {"note", code.note}});
  }
  for (const Chip& chip : chips()) {
    if (only.empty() || is_one_of(only, chip.name)) {
      json["chips"].push_back({{"name", chip.name}, {"figures", figures_json(chip)}});
    }
  }
  json["device_class"] = Json::array();
  for (const DeviceClass& answered : device_classes()) {
    if (only.empty() || is_one_of(only, answered.chip)) {
      json["device_class"].push_back(class_json(answered));
    }
  }
  return json;
}

Result<Exit> show(const Options& options) {
  if (options.mask) {
    OPENANE_TRY(const ComputeUnits* units, units_of(*options.mask));
    options.json ? print_json(units_json(*units)) : print(columns_text({units_row(*units)}));
    return Exit::ok;
  }
  Chips named;
  if (!options.chip.empty()) {
    OPENANE_TRY(named, chips_named(options.chip));
  }
  if (options.json) {
    print_json(device_json(named));
    return Exit::ok;
  }
  if (named.empty()) {
    print(common_text() + figures_table() + class_text({}));
  }
  for (std::size_t i = 0; i < named.size(); ++i) {
    print(fmt::format("{}{}\n", i == 0 ? "" : "\n", named[i]->name) + figures_text(*named[i]) + class_text({named[i]}));
  }
  return Exit::ok;
}

}  // namespace

Action declare_device(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.footer(kExamples);
  app.add_option("CHIP", options->chip,
                 "A chip by name or SoC, or all of a target or generation; all when none is named");
  app.add_option("--mask", options->mask, "Say what a compute-unit mask stands for")->type_name("MASK");
  app.add_flag("--json", options->json, "The same content as JSON");
  return [options] { return show(*options); };
}

}  // namespace openane::cli
