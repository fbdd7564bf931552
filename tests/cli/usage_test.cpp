// The command line itself: help, exit codes, completion, what a terminal gets.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/tool.h"

namespace openane::test {
namespace {

const char* const kCommands[] = {"info",  "disasm", "asm", "run",   "diff",   "convert",   "migrate",
                                 "graph", "isa",    "ops", "chips", "device", "completion"};

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

/// Every error is one line that begins with the tool's name.
void expect_one_error_line(const Outcome& outcome) {
  EXPECT_TRUE(outcome.err.starts_with("ane: ")) << outcome.err;
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_EQ(outcome.out, "");
}

TEST(Usage, every_command_has_help_with_worked_examples) {
  for (const std::string command : kCommands) {
    const Outcome outcome = run_ane({command, "--help"});
    EXPECT_EQ(outcome.exit, 0) << command;
    EXPECT_TRUE(has(outcome.out, "examples:\n  ane " + command)) << outcome.out;
    EXPECT_EQ(outcome.err, "");
  }
}

TEST(Usage, version) {
  const Outcome outcome = run_ane({"--version"});
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_EQ(outcome.out, "ane " OPENANE_VERSION "\n");
}

TEST(Usage, no_command_prints_help_to_standard_error) {
  const Outcome outcome = run_ane({});
  EXPECT_EQ(outcome.exit, 2);
  EXPECT_EQ(outcome.out, "");
  for (const std::string command : kCommands) {
    EXPECT_TRUE(has(outcome.err, "\n  " + command + " ")) << command;
  }
}

TEST(Usage, mistakes_exit_with_2_and_one_line) {
  const TemporaryFolder folder;
  const std::vector<std::vector<std::string>> mistakes = {
      {"frobnicate"},
      {"info"},
      {"info", "a", "b"},
      {"info", "--frobnicate", "a"},
      {"disasm", "--fields", "--words", "a"},
      {"disasm", "--asm", "--task", "0", "a"},
      {"disasm", "--task", "minus", "a"},
      {"disasm", "--task", "-1", "a"},
      {"asm", "a.anes"},
      {"asm", "a.anes", "-o", folder.path("x.hwx"), "--profile", "v6"},
      {"run", "a.hwx", "--numerics", "wishful"},
      {"run", "a.hwx", "--threads", "-3"},
      {"diff", "a"},
      {"convert", "a.hwx"},
      {"convert", "a.hwx", "-o", "b.anec", "--inline"},
      {"convert", "a.mil", "-o", "b.mlpackage", "--profile", "v5"},
      {"graph", "a.mil", "-o", "a.pdf"},
      {"ops", "frobnicate"},
      {"ops", "conv", "--opset", "ios14"},
      {"completion", "tcsh"},
  };
  for (const std::vector<std::string>& arguments : mistakes) {
    SCOPED_TRACE(testing::PrintToString(arguments));
    const Outcome outcome = run_ane(arguments);
    EXPECT_EQ(outcome.exit, 2);
    expect_one_error_line(outcome);
  }
}

/// With --json every command's standard output is JSON, that of one that fails too.
TEST(Usage, errors_are_json_where_json_is_asked_for) {
  const TemporaryFolder folder;
  write_text(folder.path("bad.anes"), "generation H13\n\n  frobnicate\n");
  write_text(folder.path("bad.hwx"), "no program");
  const auto error_of = [](std::vector<std::string> arguments, int exit) {
    arguments.emplace_back("--json");
    SCOPED_TRACE(testing::PrintToString(arguments));
    const Outcome outcome = run_ane(arguments);
    EXPECT_EQ(outcome.exit, exit);
    EXPECT_TRUE(outcome.err.starts_with("ane: ")) << outcome.err;
    nlohmann::json error = nlohmann::json::parse(outcome.out).at("error");
    EXPECT_EQ(error.at("exit_code"), exit);
    EXPECT_TRUE(has(outcome.err, error.at("message").get<std::string>())) << outcome.err;
    return error;
  };
  const std::string text = folder.path("bad.anes");
  nlohmann::json error = error_of({"asm", text, "-o", folder.path("x.hwx")}, 3);
  EXPECT_EQ(error.at("category"), "malformed input");
  EXPECT_EQ(error.at("file"), text);
  EXPECT_EQ(error.at("line"), 3);
  EXPECT_EQ(error.at("column"), 3);
  error = error_of({"info", folder.path("bad.hwx")}, 3);
  EXPECT_EQ(error.at("offset"), 0);
  EXPECT_FALSE(error.contains("line"));
  EXPECT_EQ(error_of({"run", text, "--frobnicate"}, 2).at("category"), "usage");
  EXPECT_EQ(error_of({"frobnicate"}, 2).at("category"), "usage");
  EXPECT_EQ(error_of({"diff", text, folder.path("none")}, 3).at("file"), text);
  EXPECT_EQ(error_of({"graph", "a.mil", "-o", "-"}, 2).at("category"), "usage");
  EXPECT_EQ(error_of({"chips", "z80"}, 2).at("category"), "usage");
  EXPECT_EQ(error_of({"graph", folder.path("none.mil"), "-o", folder.path("x.svg")}, 3).at("category"), "system");
}

TEST(Usage, a_full_disk_is_an_error) {
  const Outcome outcome = run_command("/bin/sh", {"-c", std::string(OPENANE_TOOL) + " completion bash >/dev/full"});
  EXPECT_EQ(outcome.exit, 3);
  EXPECT_EQ(outcome.err, "ane: standard output: system: cannot write all of it\n");
}

// -------------------------------------------------------------------------------------------------------- completion

/// What bash offers for a line, by the script's own function.
std::string bash_offers(const std::string& words, int current) {
  const std::string script = "source <(" + std::string(OPENANE_TOOL) + " completion bash); COMP_WORDS=(" + words +
                             "); COMP_CWORD=" + std::to_string(current) + "; _ane; echo \"${COMPREPLY[*]}\"";
  const Outcome outcome = run_command("/bin/bash", {"-c", script});
  EXPECT_EQ(outcome.err, "") << script;
  return outcome.out;
}

TEST(Completion, bash_offers_commands_options_and_values) {
  EXPECT_EQ(bash_offers("ane di", 1), "disasm diff\n");
  EXPECT_EQ(bash_offers("ane run --num", 2), "--numerics\n");
  EXPECT_EQ(bash_offers("ane run --numerics ''", 3), "h13 ideal\n");
  EXPECT_EQ(bash_offers("ane asm x.anes --profile ''", 4), "v4 v5 v7 v9\n");
  EXPECT_EQ(bash_offers("ane disasm --f", 2), "--fields\n");
  EXPECT_EQ(bash_offers("ane completion ''", 2), "bash zsh fish\n");
  EXPECT_EQ(bash_offers("ane info /et", 2), "/etc\n");
  EXPECT_EQ(bash_offers("ane run --numerics =", 3), "h13 ideal\n");
  EXPECT_EQ(bash_offers("ane run --numerics = i", 4), "ideal\n");
  EXPECT_EQ(bash_offers("ane run --input ra", 3), "ramp random\n");
  EXPECT_EQ(bash_offers("ane run --input x = /et", 5), "/etc\n");
  EXPECT_EQ(bash_offers("ane isa h18", 2), "h18 h18g\n");
  EXPECT_EQ(bash_offers("ane migrate a.hwx --to h14", 4), "h14\n");
  EXPECT_EQ(bash_offers("ane ops einsu", 2), "einsum\n");
  EXPECT_EQ(bash_offers("ane chips m1u", 2), "m1ultra\n");
  EXPECT_EQ(bash_offers("ane disasm --task /et", 3), "\n") << "a number is no file";
}

TEST(Completion, bash_keeps_blanks_in_names_of_files) {
  const TemporaryFolder folder;
  write_text(folder.path("two words.hwx"), "");
  EXPECT_EQ(bash_offers("ane info " + folder.path("tw"), 2), folder.path("two words.hwx") + "\n");
}

TEST(Completion, scripts_hold_every_command_and_parse) {
  const TemporaryFolder folder;
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    SCOPED_TRACE(shell);
    const Outcome outcome = run_ane({"completion", shell});
    EXPECT_EQ(outcome.exit, 0);
    for (const std::string command : kCommands) {
      EXPECT_TRUE(has(outcome.out, command)) << command;
    }
    if (run_command("/bin/sh", {"-c", "command -v " + shell}).exit == 0) {
      const std::string script = folder.path(shell);
      write_text(script, outcome.out);
      const Outcome parsed = run_command(shell, {"-n", script});
      EXPECT_EQ(parsed.exit, 0) << parsed.err;
    }
  }
}

}  // namespace
}  // namespace openane::test
