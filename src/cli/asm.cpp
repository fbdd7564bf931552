// `ane asm`: assembly text to a program.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/command.h"
#include "cli/program_files.h"

namespace openane::cli {
namespace {

constexpr const char* kExamples = R"(examples:
  ane asm sigmoid.anes -o sigmoid.hwx
  ane asm sigmoid.anes -o sigmoid.anec --header 0x800
  ane disasm --asm model.hwx -o model.anes && ane asm model.anes -o same.hwx   gives the same bytes back)";

struct Options {
  std::string input;
  OutputOptions output;
  bool json = false;
};

Result<Exit> assemble_and_save(const Options& options) {
  OPENANE_TRY(const Program program, load_assembly(options.input));
  OPENANE_TRY(const std::vector<FileImage> files, save_program(program, options.output));
  report_written(files, program, options.json);
  return Exit::ok;
}

}  // namespace

Action declare_asm(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.footer(kExamples);
  app.add_option("FILE", options->input, "Assembly text (.anes)")->required();
  add_output_options(app, options->output);
  app.add_flag("--json", options->json, "Report as JSON");
  return [options] { return assemble_and_save(*options); };
}

}  // namespace openane::cli
