// Where the corpus of real files is; tests that need it skip when the variable OPENANE_CORPUS is not set.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace openane::mil::test {

inline std::optional<std::filesystem::path> corpus() {
  const char* root = std::getenv("OPENANE_CORPUS");
  return root != nullptr ? std::optional<std::filesystem::path>(root) : std::nullopt;
}

/// All files (or directories) below `folder` of the corpus whose name ends in `suffix`, sorted.
inline std::vector<std::filesystem::path> find_all(const std::filesystem::path& folder, const std::string& suffix) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().filename().string().ends_with(suffix)) {
      found.push_back(entry.path());
    }
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace openane::mil::test

#define OPENANE_NEED_CORPUS(root)                                                 \
  const std::optional<std::filesystem::path> root = openane::mil::test::corpus(); \
  if (!(root)) {                                                                  \
    GTEST_SKIP() << "OPENANE_CORPUS is not set: no real files to test against";   \
  }
