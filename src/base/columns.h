// Text tables for a terminal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace openane {

/// Rows of cells as lines, columns padded to their widest cell and two blanks apart. The last cell of a row is not
/// padded.
[[nodiscard]] std::string columns_text(const std::vector<std::vector<std::string>>& rows, std::string_view indent = {});

}  // namespace openane
