// The corpus: real programs, found through the environment variable OPENANE_CORPUS. Tests that need it skip and say so.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#define OPENANE_NEEDS_CORPUS()                                                                          \
  if (::openane::test::corpus_folder().empty()) {                                                       \
    GTEST_SKIP() << "OPENANE_CORPUS is not set to a folder: the programs of other people are not here"; \
  }

namespace openane::test {

/// Empty when there is none.
inline std::filesystem::path corpus_folder() {
  const char* folder = std::getenv("OPENANE_CORPUS");
  return folder != nullptr && std::filesystem::is_directory(folder) ? std::filesystem::path(folder)
                                                                    : std::filesystem::path();
}

}  // namespace openane::test
