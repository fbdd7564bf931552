// Runs the built `ane` as a person does and reports what it printed, how it ended and what it cost.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace openane::test {

struct Outcome {
  int exit = -1;    ///< Exit code; -N when signal N ended it.
  std::string out;  ///< Standard output.
  std::string err;  ///< Standard error.
  double cpu_seconds = 0;
  long peak_kilobytes = 0;  ///< Largest resident set.
};

struct RunOptions {
  bool terminal = false;                 ///< Standard output and standard error are one terminal; all is in `out`.
  std::vector<std::string> environment;  ///< "NAME=value", on top of this process's.
  std::string folder;                    ///< Working directory; empty: this process's.
};

/// Runs `program` (found by path) with arguments.
Outcome run_command(const std::string& program, const std::vector<std::string>& arguments,
                    const RunOptions& options = {});
/// Runs the tool.
Outcome run_ane(const std::vector<std::string>& arguments, const RunOptions& options = {});

/// An empty folder that lives as long as the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  [[nodiscard]] std::string path(std::string_view name) const { return (path_ / name).string(); }
  [[nodiscard]] const std::filesystem::path& root() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::string read_text(const std::string& path);
void write_text(const std::string& path, std::string_view text);

/// The folder of real programs that OPENANE_CORPUS names; empty when it is not set.
std::string corpus();
/// A file of the project.
std::string project_file(std::string_view name);
/// Assembles examples/NAME.anes into `folder`; gives the path of the program.
std::string assemble_example(const TemporaryFolder& folder, const std::string& name);

}  // namespace openane::test
