// `ane completion`: scripts for bash, zsh and fish, written from the options that the subcommands declare.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <memory>

#include "cli/command.h"
#include "cli/console.h"
#include "isa/plain_name.h"
#include "openane/chips.h"
#include "openane/mil_ops.h"
#include "openane/register_table.h"

namespace openane::cli {
namespace {

constexpr const char* kExamples = R"(examples:
  ane completion zsh > "${fpath[1]}/_ane"   `make install` puts it where every shell looks
  ane completion fish | source
  source <(ane completion bash)             for this shell)";

/// What a shell needs to know of one option or positional argument.
struct Word {
  std::vector<std::string> spellings;  ///< "-o", "--output"; empty for positionals.
  std::string help;
  std::vector<std::string> choices;
  bool takes_value = false;
  bool takes_file = false;  ///< Of any folder, besides the choices; NAME= may stand before it.
};

struct Sub {
  std::string name, help;
  std::vector<Word> options;
  std::vector<Word> positionals;
};

/// The values an option is restricted to: CLI11 prints them in the type's name, "PROFILE:{v4,v5,v7,v9}".
std::vector<std::string> choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t open = type.find('{'), close = type.rfind('}');
  if (open == std::string::npos || close == std::string::npos) {
    return {};
  }
  return CLI::detail::split(type.substr(open + 1, close - open - 1), ',');
}

std::vector<std::string> generation_names() {
  std::vector<std::string> names;
  for (const Generation* generation : generations()) {
    names.push_back(plain_name(generation->id));
  }
  return names;
}

std::vector<std::string> chip_names() {
  std::vector<std::string> names;
  for (const Chip& chip : chips()) {
    names.push_back(plain_name(chip.name));
  }
  return names;
}

std::vector<std::string> operation_names() {
  std::vector<std::string> names;
  for (const mil::OpInfo& op : mil::ops()) {
    names.emplace_back(op.name);
  }
  return names;
}

/// By the name of a value in a command's help.
struct ValueName {
  std::string_view command, name;
  std::vector<std::string> (*choices)();
};
constexpr ValueName kValueNames[] = {{"isa", "GEN", generation_names},
                                     {"migrate", "TARGET", generation_names},
                                     {"chips", "CHIP", chip_names},
                                     {"device", "CHIP", chip_names},
                                     {"ops", "NAME", operation_names}};

/// Whether a value is a file's name: FILE, OUT, "N DIR", "[NAME=]SOURCE", ...
bool names_file(std::string_view name) {
  return name == "IN" || name == "A" || name == "B" ||
         std::ranges::any_of(std::array<std::string_view, 6>{"FILE", "OUT", "DIR", "FOLDER", "LAYOUT", "SOURCE"},
                             [&](std::string_view part) { return name.find(part) != std::string_view::npos; });
}

void add_values(Word& word, const CLI::Option& option, std::string_view command) {
  const std::string name = option.get_positional() ? option.get_name(true) : option.get_type_name();
  word.choices = choices_of(option);
  word.takes_file = word.choices.empty() && names_file(name);
  if (name.find("SOURCE") != std::string::npos) {
    word.choices = {"ramp", "random", "fill:"};
  }
  for (const ValueName& known : kValueNames) {
    if (known.command == command && name.starts_with(known.name)) {
      word.choices = known.choices();
    }
  }
}

Word word_of(const CLI::Option& option, std::string_view command) {
  Word word;
  for (const std::string& name : option.get_snames()) {
    word.spellings.push_back("-" + name);
  }
  for (const std::string& name : option.get_lnames()) {
    word.spellings.push_back("--" + name);
  }
  word.help = option.get_description();
  add_values(word, option, command);
  word.takes_value = option.get_items_expected_max() > 0;
  return word;
}

std::vector<Sub> subcommands_of(const CLI::App& root) {
  std::vector<Sub> subs;
  for (const CLI::App* app : root.get_subcommands([](const CLI::App*) { return true; })) {
    Sub sub{app->get_name(), app->get_description(), {}, {}};
    for (const CLI::Option* option : app->get_options()) {
      (option->get_positional() ? sub.positionals : sub.options).push_back(word_of(*option, sub.name));
    }
    // Option groups are nameless subcommands.
    for (const CLI::App* group : app->get_subcommands([](const CLI::App* a) { return a->get_name().empty(); })) {
      for (const CLI::Option* option :
           group->get_options([](const CLI::Option* o) { return !o->get_lnames().empty(); })) {
        if (option->check_lname("help")) {
          continue;
        }
        sub.options.push_back(word_of(*option, sub.name));
      }
    }
    subs.push_back(std::move(sub));
  }
  return subs;
}

template <typename Get>
std::string join(const std::vector<Sub>& subs, Get get) {
  std::string out;
  for (const Sub& sub : subs) {
    out += (out.empty() ? "" : " ") + std::string(get(sub));
  }
  return out;
}

std::string bash_values(const Word& word) {
  std::string out;
  if (!word.choices.empty()) {
    out = fmt::format("COMPREPLY=($(compgen -W \"{}\" -- \"$cur\"))", fmt::join(word.choices, " "));
  }
  if (word.takes_file) {
    out += std::string(out.empty() ? "" : "; ") + "_ane_files";
  }
  return out.empty() ? ":" : out;
}

// A file's name may hold blanks, so only line ends part the names; readline breaks words at `=`.
constexpr const char* kBashHead = R"(# bash completion for ane; written by `ane completion bash`
_ane_files() {
  local IFS=$'\n'
  COMPREPLY+=($(compgen -f -- "$cur"))
}
_ane() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}
  COMPREPLY=()
  if [ "$cur" = "=" ]; then
    cur=
  elif [ "$prev" = "=" ]; then
    prev=${COMP_WORDS[COMP_CWORD-2]}
  fi
)";

std::string bash_script(const std::vector<Sub>& subs) {
  std::string out = kBashHead;
  out += fmt::format(
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n    COMPREPLY=($(compgen -W \"{} --help --version\" -- \"$cur\"))\n    "
      "return\n  fi\n",
      join(subs, [](const Sub& sub) { return sub.name; }));
  out += "  case \"$command $prev\" in\n";
  for (const Sub& sub : subs) {
    for (const Word& option : sub.options) {
      if (option.takes_value) {
        std::string patterns;
        for (const std::string& spelling : option.spellings) {
          patterns += fmt::format("{}\"{} {}\"", patterns.empty() ? "" : "|", sub.name, spelling);
        }
        out += fmt::format("    {}) {}; return ;;\n", patterns, bash_values(option));
      }
    }
  }
  out += "  esac\n  case \"$command\" in\n";
  for (const Sub& sub : subs) {
    std::string words;
    for (const Word& option : sub.options) {
      words += fmt::format("{}{}", words.empty() ? "" : " ", fmt::join(option.spellings, " "));
    }
    out += fmt::format("    {}) case \"$cur\" in\n      -*) COMPREPLY=($(compgen -W \"{}\" -- \"$cur\")) ;;\n",
                       sub.name, words);
    if (!sub.positionals.empty()) {
      out += fmt::format("      *) {} ;;\n", bash_values(sub.positionals.front()));
    }
    out += "    esac ;;\n";
  }
  return out + "  esac\n}\ncomplete -o filenames -F _ane ane\n";
}

/// For use inside single quotes, in an _arguments specification.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += (c == ':' || c == '[' || c == ']' || c == '\\') ? std::string{'\\', c} : std::string(1, c);
    }
  }
  return out;
}

std::string zsh_values(const Word& word) {
  if (word.takes_file) {
    return fmt::format(":file:{{_ane_files {}}}", zsh_text(fmt::format("{}", fmt::join(word.choices, " "))));
  }
  return fmt::format(":value:({})", fmt::join(word.choices, " "));
}

// Behind NAME= a file's name begins anew. The words given are offered besides.
constexpr const char* kZshHead = R"(#compdef ane
# zsh completion for ane; written by `ane completion zsh`
_ane_files() {
  compset -P "*="
  (( $# )) && compadd -S "" -- "$@"
  _files
}
_ane() {
  local -a commands
  commands=(
)";

std::string zsh_script(const std::vector<Sub>& subs) {
  std::string out = kZshHead;
  for (const Sub& sub : subs) {
    out += fmt::format("    '{}:{}'\n", sub.name, zsh_text(sub.help));
  }
  out += "  )\n  if (( CURRENT == 2 )); then\n    _describe command commands\n    return\n  fi\n";
  out += "  local command=$words[2]\n  shift words\n  (( CURRENT-- ))\n  case $command in\n";
  for (const Sub& sub : subs) {
    out += fmt::format("    {})\n      _arguments", sub.name);
    for (const Word& option : sub.options) {
      for (const std::string& spelling : option.spellings) {
        const bool may_join = option.takes_value && spelling.starts_with("--");
        out += fmt::format(" \\\n        '*{}{}[{}]{}'", spelling, may_join ? "=" : "", zsh_text(option.help),
                           option.takes_value ? zsh_values(option) : "");
      }
    }
    for (const Word& positional : sub.positionals) {
      out += fmt::format(" \\\n        '{}'", zsh_values(positional));
    }
    out += "\n      ;;\n";
  }
  return out + "  esac\n}\n_ane \"$@\"\n";
}

std::string fish_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += (c == '\'' || c == '\\') ? std::string{'\\', c} : std::string(1, c);
  }
  return out;
}

std::string fish_script(const std::vector<Sub>& subs) {
  std::string out = "# fish completion for ane; written by `ane completion fish`\n";
  for (const Sub& sub : subs) {
    out += fmt::format("complete -c ane -n __fish_use_subcommand -f -a {} -d '{}'\n", sub.name, fish_text(sub.help));
  }
  for (const Sub& sub : subs) {
    const std::string here = fmt::format("complete -c ane -n '__fish_seen_subcommand_from {}'", sub.name);
    for (const Word& option : sub.options) {
      out += here;
      for (const std::string& spelling : option.spellings) {
        out += spelling.starts_with("--") ? " -l " + spelling.substr(2) : " -s " + spelling.substr(1);
      }
      if (option.takes_value) {
        out += option.takes_file ? " -r" : " -x";
      }
      if (!option.choices.empty()) {
        out += fmt::format(" -a '{}'", fmt::join(option.choices, " "));
      }
      out += fmt::format(" -d '{}'\n", fish_text(option.help));
    }
    for (const Word& positional : sub.positionals) {
      if (!positional.takes_file) {
        out += fmt::format("{} -f -a '{}'\n", here, fmt::join(positional.choices, " "));
      }
    }
  }
  return out;
}

struct Shell {
  const char* name;
  std::string (*script)(const std::vector<Sub>&);
};
constexpr Shell kShells[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};

}  // namespace

Action declare_completion(CLI::App& app) {
  auto chosen = std::make_shared<std::string>();
  app.footer(kExamples);
  std::vector<std::string> names;
  for (const Shell& shell : kShells) {
    names.emplace_back(shell.name);
  }
  app.add_option("SHELL", *chosen, "bash, zsh or fish")->required()->check(CLI::IsMember(names))->type_name("SHELL");
  return [chosen, &app]() -> Result<Exit> {
    for (const Shell& shell : kShells) {
      if (*chosen == shell.name) {
        print(shell.script(subcommands_of(*app.get_parent())));
      }
    }
    return Exit::ok;
  };
}

}  // namespace openane::cli
