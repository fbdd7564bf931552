// `ane graph`: a picture of a model's function.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/console.h"
#include "openane/bytes.h"
#include "openane/mil_model.h"
#include "openane/model_graph.h"

namespace openane::cli {
namespace {

constexpr const char* kExamples = R"(examples:
  ane graph model.mlpackage -o model.svg                 boxes and edges with their types, for a browser
  ane graph model.mil -o model.dot && dot -Tpdf model.dot -o model.pdf
  ane graph model.mlpackage --function decode -o -       SVG to standard output)";

struct Options {
  std::string input;
  std::string output;
  std::string function;
  bool json = false;
};

Result<const mil::Function*> chosen_function(const mil::Model& model, const std::string& name) {
  std::vector<std::string_view> names;
  names.reserve(model.program.functions.size());
  for (const mil::Function& function : model.program.functions) {
    names.push_back(function.name);
  }
  const mil::Function* found = name.empty() ? model.main_function() : model.program.find_function(name);
  if (found == nullptr) {
    return fail(ErrorCategory::usage,
                name.empty() ? fmt::format("choose one with --function: {}", fmt::join(names, ", "))
                             : fmt::format("--function {}: the model has {}", name, fmt::join(names, ", ")));
  }
  return found;
}

Result<Exit> draw(const Options& options) {
  const std::string ending = std::filesystem::path(options.output).extension().string();
  if (options.output != "-" && ending != ".svg" && ending != ".dot") {
    return fail(ErrorCategory::usage, "expected a file name ending in .svg or .dot, or -",
                Location{options.output, {}, 0, 0});
  }
  if (options.json && options.output == "-") {
    return fail(ErrorCategory::usage, "--json reports what was written to a file; -o - prints the picture itself");
  }
  const Progress progress("drawing " + options.input);
  OPENANE_TRY(const mil::Model model, in_file(mil::read_model(options.input), options.input));
  OPENANE_TRY(const mil::Function* function, in_file(chosen_function(model, options.function), options.input));
  const std::string picture = ending == ".dot" ? graph_dot(*function) : graph_svg(*function);
  if (options.output == "-") {
    print(picture);
    return Exit::ok;
  }
  OPENANE_CHECK(write_file(options.output, picture));
  if (options.json) {
    print_json({{"written", {{{"path", options.output}, {"bytes", picture.size()}}}}});
  } else {
    print(fmt::format("{}: {} bytes\n", options.output, picture.size()));
  }
  return Exit::ok;
}

}  // namespace

Action declare_graph(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.footer(kExamples);
  app.add_option("IN", options->input, "Model: .mil, .mlmodel, .mlpackage, .mlmodelc")->required();
  app.add_option("-o,--output", options->output, "Picture to write: .svg or .dot (Graphviz); - prints SVG")
      ->type_name("OUT")
      ->required();
  app.add_option("--function", options->function, "Which function, where there are several")->type_name("NAME");
  app.add_flag("--json", options->json, "Report as JSON");
  return [options] { return draw(*options); };
}

}  // namespace openane::cli
