// What a subcommand of `ane` is: a name, a line of help, and a function that declares its options and gives back what
// to do.
#pragma once

#include <functional>

#include "openane/error.h"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's
class App;
}

namespace openane::cli {

/// The tool's exit codes. `exit_code` is the only place that knows which error gives which.
enum class Exit : int {
  ok = 0,
  different = 1,    ///< The programs differ; a check failed.
  usage = 2,        ///< An option, a name or a combination that does not exist.
  bad_input = 3,    ///< A file that is missing, unreadable or breaks its format.
  unsupported = 4,  ///< A legal input that OpenANE does not take, or that needs what nobody has published.
};
[[nodiscard]] Exit exit_code(ErrorCategory category);

using Action = std::function<Result<Exit>()>;

struct Command {
  const char* name;
  const char* summary;
  Action (*declare)(CLI::App& app);
};

Action declare_info(CLI::App& app);
Action declare_disasm(CLI::App& app);
Action declare_asm(CLI::App& app);
Action declare_run(CLI::App& app);
Action declare_diff(CLI::App& app);
Action declare_convert(CLI::App& app);
Action declare_migrate(CLI::App& app);
Action declare_graph(CLI::App& app);
Action declare_isa(CLI::App& app);
Action declare_ops(CLI::App& app);
Action declare_chips(CLI::App& app);
Action declare_device(CLI::App& app);
Action declare_completion(CLI::App& app);

}  // namespace openane::cli
