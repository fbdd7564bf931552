// `ane diff`: two programs, by task and field.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/console.h"
#include "cli/program_files.h"
#include "openane/anec.h"
#include "openane/hwx.h"
#include "openane/program_diff.h"

namespace openane::cli {
namespace {

constexpr const char* kExamples = R"(examples:
  ane diff before.hwx after.hwx      exit code 0 when equal, 1 when different
  ane diff model.hwx model.anec      the containers may differ
  ane diff a.bin b.bin --raw a.toml  two raw kernels of one layout)";

struct Options {
  std::string left, right;
  std::string raw_layout;
  bool json = false;
};

/// A layout file describes raw kernels only; the other side of a comparison may say by itself what it is.
Result<Program> load_side(const std::string& path, const std::string& raw_layout) {
  if (!raw_layout.empty()) {
    OPENANE_TRY(const Bytes data, read_file(path));
    if (looks_like_hwx(data.span()) || looks_like_anec(data.span()) || path.ends_with(".anes")) {
      return load_program(path, {});
    }
  }
  return load_program(path, raw_layout);
}

Result<Exit> compare(const Options& options) {
  OPENANE_TRY(const Program left, load_side(options.left, options.raw_layout));
  OPENANE_TRY(const Program right, load_side(options.right, options.raw_layout));
  std::vector<ProgramDifference> differences;
  {
    const Progress progress("comparing");
    differences = diff_programs(left, right);
  }
  if (options.json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const ProgramDifference& difference : differences) {
      list.push_back({{"where", difference.where}, {"left", difference.left}, {"right", difference.right}});
    }
    print_json(
        {{"left", options.left}, {"right", options.right}, {"equal", differences.empty()}, {"differences", list}});
  } else if (!differences.empty()) {
    const bool color = use_color();
    const char* const red = color ? "\x1b[31m" : "";
    const char* const green = color ? "\x1b[32m" : "";
    const char* const plain = color ? "\x1b[0m" : "";
    print(fmt::format("{}--- {}{}\n{}+++ {}{}\n", red, options.left, plain, green, options.right, plain));
    for (const ProgramDifference& difference : differences) {
      print(fmt::format("{}: {}{}{} -> {}{}{}\n", difference.where, red, difference.left, plain, green,
                        difference.right, plain));
    }
  }
  return differences.empty() ? Exit::ok : Exit::different;
}

}  // namespace

Action declare_diff(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.footer(kExamples);
  app.add_option("A", options->left, "Program")->required();
  app.add_option("B", options->right, "Program")->required();
  add_raw_option(app, options->raw_layout);
  app.add_flag("--json", options->json, "Report as JSON");
  return [options] { return compare(*options); };
}

}  // namespace openane::cli
