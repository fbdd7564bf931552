// Programs from and to files, for every subcommand: any container, raw kernels by a layout file, and assembly text.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "openane/program.h"

namespace openane::cli {

/// Reads a program: by its content, as assembly when the name ends in ".anes", as a raw kernel when `raw_layout` names
/// its layout file.
[[nodiscard]] Result<Program> load_program(const std::string& path, const std::string& raw_layout);
/// Reads assembly text, whatever the file is called.
[[nodiscard]] Result<Program> load_assembly(const std::string& path);
/// Declares `--raw LAYOUT`.
void add_raw_option(CLI::App& app, std::string& raw_layout);

/// Where a program goes and by which conventions, as the options give it. The ending of `path` chooses the container.
struct OutputOptions {
  std::string path;
  std::string profile;  ///< "", "v4", "v5", "v7", "v9"
  std::string header;   ///< "", "0x800", "0x1000"
  std::string layout;   ///< Layout file of a raw kernel; "" = beside it.
};
/// Declares `-o`, `--profile`, `--header`, `--layout`.
void add_output_options(CLI::App& app, OutputOptions& options);

/// Writes a program; gives what was written. Nothing is written when anything fails before the first byte.
[[nodiscard]] Result<std::vector<FileImage>> save_program(const Program& program, const OutputOptions& options);
/// One line, or JSON, per file written.
void report_written(const std::vector<FileImage>& files, const Program& program, bool json);

}  // namespace openane::cli
