// `ane convert`: the same program in another container.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/command.h"
#include "cli/program_files.h"

namespace openane::cli {
namespace {

constexpr const char* kExamples = R"(examples:
  ane convert model.hwx -o model.anec                    for the Asahi Linux driver
  ane convert model.hwx -o model.anec --header 0x800     for a libane newer than June 2023
  ane convert model.anec -o model.hwx --profile v9       as macOS 15 writes it
  ane convert kernel.bin --raw kernel.toml -o kernel.hwx
  ane convert model.hwx -o model.bin                     also writes model.toml)";

struct Options {
  std::string input;
  std::string raw_layout;
  OutputOptions output;
  bool json = false;
};

Result<Exit> convert(const Options& options) {
  OPENANE_TRY(const Program program, load_program(options.input, options.raw_layout));
  OPENANE_TRY(const std::vector<FileImage> files, save_program(program, options.output));
  report_written(files, program, options.json);
  return Exit::ok;
}

}  // namespace

Action declare_convert(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.footer(kExamples);
  app.add_option("IN", options->input, "Program: .hwx, .anec, .ane, .anes, or a raw kernel with --raw")->required();
  add_raw_option(app, options->raw_layout);
  add_output_options(app, options->output);
  app.add_flag("--json", options->json, "Report as JSON");
  return [options] { return convert(*options); };
}

}  // namespace openane::cli
