// Files that tensors of a run come from and go to.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "openane/error.h"
#include "openane/tensor.h"

namespace openane::cli {

[[nodiscard]] bool is_archive(const std::string& argument);

/// An archive without a name stands for every tensor that no other argument names: "x.npz" becomes "a=x.npz",
/// "b=x.npz".
[[nodiscard]] std::vector<std::string> spread_archives(const std::vector<std::string>& arguments,
                                                       const std::vector<std::string>& names);

/// Writes the tensors that have a file: archives once, with all that goes into them, and single files.
[[nodiscard]] Result<void> write_outputs(const std::vector<NamedTensor>& outputs,
                                         const std::map<std::string, std::string>& files);

}  // namespace openane::cli
