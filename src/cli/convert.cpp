// `ane convert`: the same program in another container; models are in convert_model.cpp.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/command.h"
#include "cli/convert_model.h"
#include "cli/model_files.h"
#include "cli/program_files.h"

namespace openane::cli {
namespace {

constexpr const char* kExamples = R"(examples:
  ane convert model.hwx -o model.anec                    for the Asahi Linux driver
  ane convert model.hwx -o model.anec --header 0x800     for a libane newer than June 2023
  ane convert model.anec -o model.hwx --profile v9       as macOS 15 writes it
  ane convert kernel.bin --raw kernel.toml -o kernel.hwx
  ane convert model.hwx -o model.bin                     also writes model.toml
  ane convert model.mlpackage -o model.mil               MIL text, the weights beside it
  ane convert model.mil -o model.mlpackage               with a description made from the program's types
  ane convert model.mlpackage -o model.mlmodelc          a compiled bundle
  ane convert model.mlmodelc -o model.mil --inline       constants in the text)";

struct Options {
  std::string input;
  std::string raw_layout;
  OutputOptions output;
  bool inline_constants = false;
  bool json = false;
};

Result<Exit> convert(const Options& options) {
  if (options.raw_layout.empty() && is_model_path(options.input)) {
    if (!(options.output.profile + options.output.header + options.output.layout).empty()) {
      return fail(ErrorCategory::usage, "--profile, --header and --layout are choices of programs, this is a model");
    }
    return convert_model({options.input, options.output.path, options.inline_constants, options.json});
  }
  if (options.inline_constants) {
    return fail(ErrorCategory::usage, "--inline is a choice of models, this is a program");
  }
  OPENANE_TRY(const Program program, load_program(options.input, options.raw_layout));
  OPENANE_TRY(const std::vector<FileImage> files, save_program(program, options.output));
  report_written(files, program, options.json);
  return Exit::ok;
}

}  // namespace

Action declare_convert(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.footer(kExamples);
  app.add_option("IN", options->input,
                 "Program (.hwx, .anec, .ane, .anes, or a raw kernel with --raw) or model (.mil, .mlmodel, .mlpackage, "
                 ".mlmodelc)")
      ->required();
  add_raw_option(app, options->raw_layout);
  add_output_options(app, options->output);
  app.get_option("--output")
      ->description(
          "File to write: .hwx, .anec, .ane, .bin (raw kernel) or .anes; of a model .mil, .mlmodel, .mlpackage or "
          ".mlmodelc");
  app.add_flag("--inline", options->inline_constants, "Model: constants in the program, no weight files");
  app.add_flag("--json", options->json, "Report as JSON");
  return [options] { return convert(*options); };
}

}  // namespace openane::cli
