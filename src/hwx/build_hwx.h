// An HWX made from nothing but a Program, by the conventions of one compiler (hwx-container.md 16).
#pragma once

#include <string>
#include <vector>

#include "hwx/profile.h"
#include "openane/hwx.h"

namespace openane::hwx {

struct BuildOptions {
  HwxProfile profile = HwxProfile::v5;
  std::string ident;  ///< Identification text; empty = the profile's.
};

/// Fails with `unsupported` when the format cannot hold the program, `missing_specification` for generations and
/// profiles of which no container was published.
[[nodiscard]] Result<std::vector<std::uint8_t>> build_hwx(const Program& program, const BuildOptions& options);

}  // namespace openane::hwx
