// `ane run`: its options, and the two things it runs.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "cli/command.h"

namespace openane::cli {

struct RunOptions {
  std::string program;
  std::vector<std::string> inputs, outputs;
  bool print = false, trace = false, json = false;
  unsigned threads = 0;
  // Of programs. Empty: the default.
  std::string raw_layout;
  std::string numerics;
  std::string procedure;
  std::vector<std::pair<std::size_t, std::string>> dumps;
  // Of models.
  std::string device, precision, function;
  std::vector<std::string> shapes;
  bool resize = false;
  std::uint64_t runs = 1, seed = 0, memory_limit = 0;
};

/// Runs a model on the reference executor.
[[nodiscard]] Result<Exit> run_model(const RunOptions& options);

}  // namespace openane::cli
