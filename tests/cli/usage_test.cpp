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
