// `ane info`: what a program is, and what Apple's runtime says of it; models are in info_model.cpp.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/console.h"
#include "cli/info_model.h"
#include "cli/model_files.h"
#include "cli/program_files.h"
#include "openane/chips.h"
#include "openane/program.h"
#include "openane/runtime_description.h"

namespace openane::cli {
namespace {

constexpr const char* kExamples = R"(examples:
  ane info model.hwx                           exit code 1 when something in it is wrong
  ane info kernel.bin --raw kernel.toml
  ane info model.mlpackage --shape 1x3x512x512 figures for a shape the model leaves open
  ane info model.mlpackage                     a model: inputs, operations, arithmetic, memory, compression
  ane info model.hwx --json | jq '.procedures[].tensors[] | {name, slot, shape}')";

struct Options {
  std::string input;
  std::string raw_layout;
  std::vector<std::string> shapes;
  bool json = false;
};

std::string shape_text(const SurfaceShape& s) {
  return s.d == 1 ? fmt::format("{}x{}x{}x{}", s.n, s.c, s.h, s.w)
                  : fmt::format("{}x{}x{}x{}x{}", s.n, s.c, s.d, s.h, s.w);
}

/// Bytes of a program's tasks, from the first to the end of the last.
std::uint64_t task_bytes(const Procedure& procedure) {
  std::uint64_t bytes = 0;
  for (const PlacedTask& placed : procedure.tasks) {
    bytes += placed.task.size_bytes();
  }
  return bytes;
}

using Row = std::vector<std::string>;

/// Left-aligned columns, two blanks apart; numbers would gain nothing from the right as names dominate.
std::string table_text(const std::vector<Row>& rows, std::string_view indent) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string out;
  for (const Row& row : rows) {
    std::string line(indent);
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += i + 1 == row.size() ? row[i] : fmt::format("{:<{}}  ", row[i], widths[i]);
    }
    out += line + "\n";
  }
  return out;
}

/// Chips whose programs have the generation's form.
std::vector<std::string_view> chips_of(const Generation& generation) {
  std::vector<std::string_view> names;
  for (const Chip& chip : chips()) {
    if (chip.generation() == &generation) {
      names.push_back(chip.name);
    }
  }
  return names;
}

std::string head_text(const Program& program, const std::string& path) {
  std::string out = fmt::format("{}: {}", path, to_string(program.container));
  if (program.generation != nullptr) {
    out += fmt::format(", {} ({})", program.generation->id, fmt::join(chips_of(*program.generation), ", "));
  }
  return out + fmt::format(", compiler {}\n", program.compiler.empty() ? "unknown" : program.compiler);
}

std::string procedure_text(const Procedure& procedure, std::size_t index) {
  std::string out = fmt::format("procedure {} \"{}\": {} task{}, {} bytes\n", index, printable(procedure.name),
                                procedure.tasks.size(), procedure.tasks.size() == 1 ? "" : "s", task_bytes(procedure));
  std::vector<Row> rows = {
      {"role", "name", "symbol", "slot", "shape", "type", "row", "plane", "batch", "interleave", "bytes"}};
  for (const TensorBinding& t : procedure.tensors) {
    const SurfaceLayout& layout = t.layout;
    rows.push_back({std::string(to_string(t.role)), printable(t.name), printable(t.symbol), std::to_string(t.slot),
                    shape_text(layout.shape), std::string(to_string(layout.type)), std::to_string(layout.strides.h),
                    std::to_string(layout.strides.c), std::to_string(layout.strides.n),
                    std::to_string(layout.interleave), std::to_string(t.byte_size())});
  }
  out += table_text(rows, "  ");
  if (procedure.scratch_used != 0) {
    out += fmt::format("  scratch used: {} bytes\n", procedure.scratch_used);
  }
  return out;
}

std::string memory_text(const Program& program) {
  std::string out;
  for (const ConstantSection& section : program.constants) {
    out += fmt::format("constants: {} bytes in slot {}{}{}\n", section.data.size(), section.slot,
                       section.name.empty() ? "" : ", ", printable(section.name));
  }
  if (program.scratch_bytes != 0) {
    out += fmt::format("scratch: {} bytes in slot {}\n", program.scratch_bytes, program.scratch_slot);
  }
  return out;
}

std::string indices_text(const std::vector<std::uint32_t>& indices) {
  return fmt::format("[{}]", fmt::join(indices, ", "));
}

std::vector<std::string> printable_all(std::vector<std::string> names) {
  for (std::string& name : names) {
    name = printable(name);
  }
  return names;
}

Row runtime_row(std::string_view list, const RuntimeTensor& t) {
  Row row = {std::string(list), printable(t.name), printable(t.symbol), std::string(to_string(t.type))};
  for (const std::int64_t number : {t.batches, t.channels, t.depth, t.height, t.width, t.batch_stride, t.plane_stride,
                                    t.row_stride, std::int64_t{t.interleave}}) {
    row.push_back(std::to_string(number));
  }
  return row;
}

/// What Apple's runtime says of the loaded program, under its own key names.
std::string runtime_text(const RuntimeDescription& runtime) {
  std::string out = "as Apple's runtime describes it:\n";
  out += fmt::format("  InputSymbols [{}], OutputSymbols [{}]\n", fmt::join(printable_all(runtime.input_symbols), ", "),
                     fmt::join(printable_all(runtime.output_symbols), ", "));
  for (const RuntimeProcedure& procedure : runtime.procedures) {
    out += fmt::format("  ProcedureID {} \"{}\": InputSymbolIndexArray {}, OutputSymbolIndexArray {}\n", procedure.id,
                       printable(procedure.name), indices_text(procedure.input_symbol_indices),
                       indices_text(procedure.output_symbol_indices));
    std::vector<Row> rows = {{"", "Name", "Symbol", "Type", "Batches", "Channels", "Depth", "Height", "Width",
                              "BatchStride", "PlaneStride", "RowStride", "Interleave"}};
    for (const RuntimeTensor& tensor : procedure.inputs) {
      rows.push_back(runtime_row("LiveInput", tensor));
    }
    for (const RuntimeTensor& tensor : procedure.outputs) {
      rows.push_back(runtime_row("LiveOutput", tensor));
    }
    out += table_text(rows, "    ");
  }
  return out;
}

std::string findings_text(const Program& program, const std::vector<Finding>& findings) {
  std::string out;
  for (const std::string& warning : program.warnings) {
    out += fmt::format("warning: {}\n", warning);
  }
  for (const Finding& finding : findings) {
    out += fmt::format("{}: {}\n", finding.fatal ? "wrong" : "warning", finding.message);
  }
  return out;
}

nlohmann::ordered_json tensor_json(const TensorBinding& t) {
  const SurfaceShape& s = t.layout.shape;
  const SurfaceStrides& b = t.layout.strides;
  return {{"name", t.name},
          {"symbol", t.symbol},
          {"role", to_string(t.role)},
          {"slot", t.slot},
          {"type", to_string(t.layout.type)},
          {"shape", {{"n", s.n}, {"c", s.c}, {"d", s.d}, {"h", s.h}, {"w", s.w}}},
          {"strides", {{"batch", b.n}, {"plane", b.c}, {"row", b.h}, {"element", b.w}}},
          {"interleave", t.layout.interleave},
          {"bytes", t.byte_size()},
          {"address", t.address}};
}

nlohmann::ordered_json procedure_json(const Procedure& procedure) {
  nlohmann::ordered_json tensors = nlohmann::ordered_json::array();
  for (const TensorBinding& t : procedure.tensors) {
    tensors.push_back(tensor_json(t));
  }
  return {{"name", procedure.name},
          {"tasks", procedure.tasks.size()},
          {"task_bytes", task_bytes(procedure)},
          {"scratch_used", procedure.scratch_used},
          {"tensors", tensors}};
}

nlohmann::ordered_json runtime_list(const std::vector<RuntimeTensor>& tensors) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const RuntimeTensor& t : tensors) {
    list.push_back({{"Name", t.name},
                    {"Symbol", t.symbol},
                    {"Type", to_string(t.type)},
                    {"Batches", t.batches},
                    {"Channels", t.channels},
                    {"Depth", t.depth},
                    {"Height", t.height},
                    {"Width", t.width},
                    {"BatchStride", t.batch_stride},
                    {"PlaneStride", t.plane_stride},
                    {"RowStride", t.row_stride},
                    {"Interleave", t.interleave}});
  }
  return list;
}

/// The dictionary that the runtime keeps, with its keys.
nlohmann::ordered_json runtime_json(const RuntimeDescription& runtime) {
  nlohmann::ordered_json procedures = nlohmann::ordered_json::array();
  nlohmann::ordered_json status = nlohmann::ordered_json::array();
  nlohmann::ordered_json ids = nlohmann::ordered_json::object();
  for (const RuntimeProcedure& procedure : runtime.procedures) {
    procedures.push_back({{"ANEFModelProcedureID", procedure.id},
                          {"ANEFModelInputSymbolIndexArray", procedure.input_symbol_indices},
                          {"ANEFModelOutputSymbolIndexArray", procedure.output_symbol_indices}});
    status.push_back({{"Name", procedure.name},
                      {"LiveInputList", runtime_list(procedure.inputs)},
                      {"LiveOutputList", runtime_list(procedure.outputs)}});
    ids[procedure.name] = procedure.id;
  }
  return {{"ANEFModelProcedures", procedures},
          {"kANEFModelProcedureNameToIDMapKey", ids},
          {"kANEFModelInputSymbolsArrayKey", runtime.input_symbols},
          {"kANEFModelOutputSymbolsArrayKey", runtime.output_symbols},
          {"NetworkStatusList", status}};
}

/// Apple's runtime loads HWX files and nothing else.
bool has_runtime_description(const Program& program) { return program.container == Program::Container::hwx; }

nlohmann::ordered_json info_json(const Program& program, const std::vector<Finding>& findings) {
  nlohmann::ordered_json json = {{"container", to_string(program.container)}, {"compiler", program.compiler}};
  if (program.generation != nullptr) {
    json["generation"] = program.generation->id;
    json["chips"] = chips_of(*program.generation);
  }
  json["procedures"] = nlohmann::ordered_json::array();
  for (const Procedure& procedure : program.procedures) {
    json["procedures"].push_back(procedure_json(procedure));
  }
  json["constants"] = nlohmann::ordered_json::array();
  for (const ConstantSection& section : program.constants) {
    json["constants"].push_back({{"name", section.name}, {"slot", section.slot}, {"bytes", section.data.size()}});
  }
  json["scratch"] = {{"bytes", program.scratch_bytes}, {"slot", program.scratch_slot}};
  json["findings"] = nlohmann::ordered_json::array();
  for (const std::string& warning : program.warnings) {
    json["findings"].push_back({{"severity", "warning"}, {"message", warning}});
  }
  for (const Finding& finding : findings) {
    json["findings"].push_back({{"severity", finding.fatal ? "wrong" : "warning"}, {"message", finding.message}});
  }
  if (has_runtime_description(program)) {
    json["runtime"] = runtime_json(describe_for_runtime(program));
  }
  return json;
}

Result<Exit> show(const Options& options) {
  if (options.raw_layout.empty() && is_model_path(options.input)) {
    return show_model({options.input, options.shapes, options.json});
  }
  if (!options.shapes.empty()) {
    return fail(ErrorCategory::usage, fmt::format("--shape is for models, and {} is a program", options.input));
  }
  OPENANE_TRY(const Program program, load_program(options.input, options.raw_layout));
  const std::vector<Finding> findings = check_program(program);
  const Exit exit = std::ranges::any_of(findings, &Finding::fatal) ? Exit::different : Exit::ok;
  if (options.json) {
    print_json(info_json(program, findings));
    return exit;
  }
  std::string out = head_text(program, options.input);
  for (std::size_t i = 0; i < program.procedures.size(); ++i) {
    out += procedure_text(program.procedures[i], i);
  }
  out += memory_text(program);
  if (has_runtime_description(program)) {
    out += runtime_text(describe_for_runtime(program));
  }
  print(out + findings_text(program, findings));
  return exit;
}

}  // namespace

Action declare_info(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.footer(kExamples);
  app.add_option("FILE", options->input,
                 "Program (.hwx, .anec, .ane, .anes, or a raw kernel with --raw) or model (.mil, .mlmodel, .mlpackage, "
                 ".mlmodelc)")
      ->required();
  add_raw_option(app, options->raw_layout);
  app.add_option("--shape", options->shapes, "Of models: the shape of an input that has several")
      ->type_name("[NAME=]1x3x224x224")
      ->allow_extra_args(false);
  app.add_flag("--json", options->json, "The same content as JSON");
  return [options] { return show(*options); };
}

}  // namespace openane::cli
