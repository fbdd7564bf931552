// What is odd about one task without being wrong: records outside the known blocks, registers written twice.
#pragma once

#include <string>
#include <vector>

#include "openane/task.h"

namespace openane {

/// At most one sentence of each kind.
[[nodiscard]] std::vector<std::string> task_warnings(const Task& task);

}  // namespace openane
