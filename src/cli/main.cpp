// The `ane` command: a table of subcommands, one file each. Only this folder prints and exits.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <new>
#include <span>

#include "cli/command.h"
#include "cli/console.h"

namespace openane::cli {
namespace {

constexpr Command kCommands[] = {
    {"info", "What a program is: generation, tensors, tasks, constants, findings", declare_info},
    {"disasm", "What a program does, task by task; its fields, words or assembly text", declare_disasm},
    {"asm", "Assembly text to a program", declare_asm},
    {"run", "Run a program on your data with the engine's numerics", declare_run},
    {"diff", "Compare two programs by task and field", declare_diff},
    {"convert", "Write a program in another container", declare_convert},
    {"graph", "A picture of a model: operations, values, shapes", declare_graph},
    {"migrate", "The same program for another generation", declare_migrate},
    {"isa", "Registers and fields of a generation, with what is known and how", declare_isa},
    {"ops", "Operations of MIL: meaning, signatures by op set, results", declare_ops},
    {"chips", "Chips: target, cores, clocks, memory, limits, with their evidence", declare_chips},
    {"device", "What a device answers: compute units, cores, TOPS, memory, device class", declare_device},
    {"completion", "Print a shell's completion script", declare_completion},
};

constexpr const char* kFooter = R"(exit codes:
  0 ok    1 different or check failed    2 usage    3 bad input    4 unsupported or unknown

`ane COMMAND --help` shows each command's options with examples.)";

/// Says what is wrong, with --json also for programs, and gives the exit code that goes with it.
Exit report(const Error& error, std::span<char* const> arguments) {
  std::fflush(stdout);  // What was printed stands before the error.
  print_error(error);
  const Exit exit = exit_code(error.category);
  if (std::ranges::any_of(arguments, [](std::string_view argument) { return argument == "--json"; })) {
    print_error_json(error, static_cast<int>(exit));
  }
  return exit;
}

Exit run_tool(std::span<char* const> arguments) {
  CLI::App app("OpenANE: read, change and run programs of the Apple Neural Engine.", "ane");
  app.set_version_flag("--version", std::string("ane ") + OPENANE_VERSION);
  app.require_subcommand(1);
  app.footer(kFooter);
  app.get_formatter()->column_width(34);

  std::vector<std::pair<CLI::App*, Action>> actions;
  for (const Command& command : kCommands) {
    CLI::App* sub = app.add_subcommand(command.name, command.summary);
    actions.emplace_back(sub, command.declare(*sub));
  }
  if (arguments.size() < 2) {
    std::fputs(app.help().c_str(), stderr);
    return Exit::usage;
  }
  const std::string_view first = arguments[1];
  if (!first.starts_with('-') &&
      std::ranges::none_of(kCommands, [&](const Command& command) { return first == command.name; })) {
    return report({ErrorCategory::usage, fmt::format("there is no command '{}' (see ane --help)", first), {}},
                  arguments);
  }
  try {
    app.parse(static_cast<int>(arguments.size()), arguments.data());
  } catch (const CLI::Success& request) {  // --help, --version: the text goes to standard output.
    app.exit(request);
    return Exit::ok;
  } catch (const CLI::ParseError& error) {
    const std::vector<CLI::App*> chosen = app.get_subcommands();
    const std::string command = chosen.empty() ? "ane" : "ane " + chosen.front()->get_name();
    return report({ErrorCategory::usage, fmt::format("{} (see {} --help)", error.what(), command), {}}, arguments);
  }
  for (const auto& [sub, action] : actions) {
    if (!sub->parsed()) {
      continue;
    }
    Result<Exit> exit = action();
    if (exit) {
      if (Result<void> written = finish_output(); !written) {
        exit = std::unexpected(written.error());
      }
    }
    if (!exit) {
      return report(exit.error(), arguments);
    }
    return *exit;
  }
  return Exit::usage;
}

}  // namespace

Exit exit_code(ErrorCategory category) {
  switch (category) {
    case ErrorCategory::usage:
      return Exit::usage;
    case ErrorCategory::malformed_input:
    case ErrorCategory::system:
      return Exit::bad_input;
    case ErrorCategory::unsupported:
    case ErrorCategory::not_implemented:
    case ErrorCategory::untested:
    case ErrorCategory::missing_specification:
    case ErrorCategory::internal:
      return Exit::unsupported;
  }
  return Exit::unsupported;
}

}  // namespace openane::cli

int main(int argc, char** argv) {
  using openane::ErrorCategory;
  using openane::cli::report;
  const std::span<char* const> arguments(argv, static_cast<std::size_t>(argc));
  try {
    return static_cast<int>(openane::cli::run_tool(arguments));
  } catch (const std::bad_alloc&) {
    return static_cast<int>(report({ErrorCategory::system, "not enough memory", {}}, arguments));
  } catch (const std::exception& error) {
    return static_cast<int>(report({ErrorCategory::internal, error.what(), {}}, arguments));
  }
}
