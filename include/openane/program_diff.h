// Differences between two programs, by task and field.
#pragma once

#include <string>
#include <vector>

#include "openane/program.h"

namespace openane {

struct ProgramDifference {
  std::string where;  ///< "task 0 Common.InDim.Win", "tensor image shape", "constants", ...
  std::string left, right;
};

/// Empty when the programs are equal in everything a run depends on, and in every task word.
[[nodiscard]] std::vector<ProgramDifference> diff_programs(const Program& left, const Program& right);

}  // namespace openane
