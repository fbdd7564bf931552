// `ane disasm`: what a program does, at four depths.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/command.h"
#include "cli/console.h"
#include "cli/program_files.h"
#include "openane/listing.h"

namespace openane::cli {
namespace {

constexpr const char* kExamples = R"(examples:
  ane disasm model.hwx                     per task: sources, kernel, compute, result, bytes moved, MACs
  ane disasm model.hwx --fields --task 2   every named field of task 2
  ane disasm model.hwx --words             raw words beside their register names
  ane disasm model.hwx --asm -o model.anes text that `ane asm` turns back into the same bytes
  ane disasm model.hwx --json | jq '.procedures[0].tasks | length')";

struct Options {
  std::string input;
  std::string raw_layout;
  std::string output;
  bool fields = false, words = false, assembly = false, json = false;
  std::optional<std::size_t> task;
};

ListingOptions::View view_of(const Options& options) {
  using View = ListingOptions::View;
  return options.fields     ? View::fields
         : options.words    ? View::words
         : options.assembly ? View::assembly
                            : View::meaning;
}

Result<Exit> disassemble_file(const Options& options) {
  OPENANE_TRY(const Program program, load_program(options.input, options.raw_layout));
  const bool to_file = !options.output.empty();
  const ListingOptions listing{.view = view_of(options), .task = options.task, .color = !to_file && use_color()};
  std::string text;
  {
    const Progress progress("listing " + options.input);
    OPENANE_TRY(text, in_file(options.json ? list_program_json(program, listing) : list_program(program, listing),
                              options.input));
  }
  if (to_file) {
    OPENANE_CHECK(write_file(options.output, text));
  } else {
    print(text);
  }
  return Exit::ok;
}

}  // namespace

Action declare_disasm(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.footer(kExamples);
  app.add_option("FILE", options->input, "Program: .hwx, .anec, .ane, .anes, or a raw kernel with --raw")->required();
  CLI::Option_group* view = app.add_option_group("view");
  view->add_flag("--fields", options->fields, "Every named field with its decoded value");
  view->add_flag("--words", options->words, "Raw words beside register names");
  CLI::Option* assembly = view->add_flag("--asm", options->assembly, "Assembly text");
  view->require_option(0, 1);
  app.add_option("--task", options->task, "Only task N")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber.description(""))
      ->excludes(assembly);
  app.add_flag("--json", options->json, "The same content as JSON");
  app.add_option("-o,--output", options->output, "Write to a file instead of standard output")->type_name("OUT");
  add_raw_option(app, options->raw_layout);
  return [options] { return disassemble_file(*options); };
}

}  // namespace openane::cli
