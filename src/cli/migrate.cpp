// `ane migrate`: the same program for another generation, with a report of what was left behind.
#include "openane/migrate.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/chip_text.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/program_files.h"

namespace openane::cli {
namespace {

constexpr const char* kExamples = R"(examples:
  ane migrate model.hwx --to h14 -o model.anes    an H13 program for A15 and M2, as assembly text
  ane migrate model.hwx --to m4 -o model.anes     a chip's name will do
  ane migrate m4.anes --target m1 -o model.hwx --json

Tasks are lifted to what they mean and encoded anew; weights are packed by the target's rules. Words that steer the old
engine without changing results are left behind: the report names each.)";

struct Options {
  std::string input;
  std::string raw_layout;
  std::string target;
  OutputOptions output;
  bool json = false;
};

bool same_task(const MigrationNote& a, const MigrationNote& b) {
  return a.procedure == b.procedure && a.task == b.task;
}

std::string place(const MigrationNote& note) {
  return note.procedure == 0 ? fmt::format("task {}", note.task)
                             : fmt::format("procedure {}, task {}", note.procedure, note.task);
}

/// What the target needed otherwise, then one line per task and reason: the words are many, the reasons few.
std::string report(const std::vector<MigrationNote>& notes) {
  std::string text;
  for (std::size_t i = 0; i < notes.size();) {
    if (notes[i].word.empty()) {
      text += fmt::format("{}: {}\n", place(notes[i]), notes[i].reason);
      ++i;
      continue;
    }
    const MigrationNote& first = notes[i];
    std::string words;
    std::size_t next = i;
    for (; next < notes.size() && same_task(notes[next], first) && !notes[next].word.empty(); ++next) {
      if (notes[next].reason == first.reason) {
        words += fmt::format("\n    {} = {:#x}", notes[next].word, notes[next].value);
      }
    }
    // Words of the same task that were left behind for another reason follow in lines of their own.
    std::vector<MigrationNote> others;
    for (std::size_t j = i; j < next; ++j) {
      if (notes[j].reason != first.reason) {
        others.push_back(notes[j]);
      }
    }
    text += fmt::format("{}: left behind, {}:{}\n", place(first), first.reason, words);
    text += others.empty() ? "" : report(others);
    i = next;
  }
  return text;
}

Result<Exit> run(const Options& options) {
  const Generation* to = find_generation(options.target);
  if (to == nullptr) {
    return fail(ErrorCategory::usage, fmt::format("there is no generation, target or chip '{}'{} (see ane chips)",
                                                  options.target, target_suggestion(options.target)));
  }
  OPENANE_TRY(const Program program, load_program(options.input, options.raw_layout));
  OPENANE_TRY(const Migration migration, in_file(migrate(program, *to), options.input));
  OPENANE_TRY(const std::vector<FileImage> files, save_program(migration.program, options.output));
  if (!options.json) {
    print(report(migration.notes));
    report_written(files, migration.program, false);
    return Exit::ok;
  }
  nlohmann::ordered_json notes = nlohmann::ordered_json::array();
  for (const MigrationNote& note : migration.notes) {
    notes.push_back({{"procedure", note.procedure},
                     {"task", note.task},
                     {"word", note.word},
                     {"value", note.value},
                     {"reason", note.reason}});
  }
  print_json({{"input", options.input}, {"output", options.output.path}, {"to", to->id}, {"left_behind", notes}});
  return Exit::ok;
}

}  // namespace

Action declare_migrate(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.footer(kExamples);
  app.add_option("IN", options->input, "Program: .hwx, .anec, .ane, .anes, or a raw kernel with --raw")->required();
  app.add_option("--to,--target", options->target, "Generation, compiler target or chip: h14, h16g, m4")
      ->type_name("TARGET")
      ->required();
  add_raw_option(app, options->raw_layout);
  add_output_options(app, options->output);
  app.add_flag("--json", options->json, "Report as JSON");
  return [options] { return run(*options); };
}

}  // namespace openane::cli
