// `ane completion`: scripts for bash, zsh and fish, written from the options that the subcommands declare.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/command.h"
#include "cli/console.h"

namespace openane::cli {
namespace {

constexpr const char* kExamples = R"(examples:
  ane completion bash > ~/.local/share/bash-completion/completions/ane
  ane completion zsh > "${fpath[1]}/_ane"
  ane completion fish > ~/.config/fish/completions/ane.fish)";

/// What a shell needs to know of one option or positional argument.
struct Word {
  std::vector<std::string> spellings;  ///< "-o", "--output"; empty for positionals.
  std::string help;
  std::vector<std::string> choices;  ///< Empty: files.
  bool takes_value = false;
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

Word word_of(const CLI::Option& option) {
  Word word;
  for (const std::string& name : option.get_snames()) {
    word.spellings.push_back("-" + name);
  }
  for (const std::string& name : option.get_lnames()) {
    word.spellings.push_back("--" + name);
  }
  word.help = option.get_description();
  word.choices = choices_of(option);
  word.takes_value = option.get_items_expected_max() > 0;
  return word;
}

std::vector<Sub> subcommands_of(const CLI::App& root) {
  std::vector<Sub> subs;
  for (const CLI::App* app : root.get_subcommands([](const CLI::App*) { return true; })) {
    Sub sub{app->get_name(), app->get_description(), {}, {}};
    for (const CLI::Option* option : app->get_options()) {
      (option->get_positional() ? sub.positionals : sub.options).push_back(word_of(*option));
    }
    // Option groups are nameless subcommands.
    for (const CLI::App* group : app->get_subcommands([](const CLI::App* a) { return a->get_name().empty(); })) {
      for (const CLI::Option* option :
           group->get_options([](const CLI::Option* o) { return !o->get_lnames().empty(); })) {
        if (option->check_lname("help")) {
          continue;
        }
        sub.options.push_back(word_of(*option));
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

std::string bash_script(const std::vector<Sub>& subs) {
  std::string out = "# bash completion for ane; written by `ane completion bash`\n_ane() {\n";
  out +=
      "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}\n  "
      "COMPREPLY=()\n";
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
        out += option.choices.empty()
                   ? fmt::format("    {}) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n", patterns)
                   : fmt::format("    {}) COMPREPLY=($(compgen -W \"{}\" -- \"$cur\")); return ;;\n", patterns,
                                 fmt::join(option.choices, " "));
      }
    }
  }
  out += "  esac\n  case \"$command\" in\n";
  for (const Sub& sub : subs) {
    std::string words;
    for (const Word& option : sub.options) {
      words += fmt::format("{}{}", words.empty() ? "" : " ", fmt::join(option.spellings, " "));
    }
    std::string choices;
    for (const Word& positional : sub.positionals) {
      choices += fmt::format(" {}", fmt::join(positional.choices, " "));
    }
    out += fmt::format("    {}) case \"$cur\" in\n      -*) COMPREPLY=($(compgen -W \"{}\" -- \"$cur\")) ;;\n",
                       sub.name, words);
    out += choices.find_first_not_of(' ') == std::string::npos
               ? "      *) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
               : fmt::format("      *) COMPREPLY=($(compgen -W \"{}\" -- \"$cur\")) ;;\n", choices.substr(1));
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
  return word.choices.empty() ? ":file:_files" : fmt::format(":value:({})", fmt::join(word.choices, " "));
}

std::string zsh_script(const std::vector<Sub>& subs) {
  std::string out =
      "#compdef ane\n# zsh completion for ane; written by `ane completion zsh`\n_ane() {\n  local -a commands\n  "
      "commands=(\n";
  for (const Sub& sub : subs) {
    out += fmt::format("    '{}:{}'\n", sub.name, zsh_text(sub.help));
  }
  out += "  )\n  if (( CURRENT == 2 )); then\n    _describe command commands\n    return\n  fi\n";
  out += "  local command=$words[2]\n  shift words\n  (( CURRENT-- ))\n  case $command in\n";
  for (const Sub& sub : subs) {
    out += fmt::format("    {})\n      _arguments", sub.name);
    for (const Word& option : sub.options) {
      for (const std::string& spelling : option.spellings) {
        out += fmt::format(" \\\n        '*{}[{}]{}'", spelling, zsh_text(option.help),
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
      if (!option.choices.empty()) {
        out += fmt::format(" -x -a '{}'", fmt::join(option.choices, " "));
      } else if (option.takes_value) {
        out += " -r";
      }
      out += fmt::format(" -d '{}'\n", fish_text(option.help));
    }
    for (const Word& positional : sub.positionals) {
      if (!positional.choices.empty()) {
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
