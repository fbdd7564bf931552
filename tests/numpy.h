// NumPy as the reference for what tensors and their files mean. Tests that need it skip and say so where python3 has
// none.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#define OPENANE_NEEDS_NUMPY()                                                             \
  if (::openane::test::python_with_numpy().empty()) {                                     \
    GTEST_SKIP() << "python3 with NumPy is not installed (Debian package python3-numpy)"; \
  }

namespace openane::test {

/// The command that runs a Python that has NumPy, or nothing.
inline const std::string& python_with_numpy() {
  static const std::string command = [] {
    for (const char* candidate : {"/usr/bin/python3", "python3"}) {
      if (std::system((std::string(candidate) + " -c 'import numpy' 2>/dev/null").c_str()) == 0) {
        return std::string(candidate);
      }
    }
    return std::string();
  }();
  return command;
}

/// A folder of this test's own, removed with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string path = (std::filesystem::temp_directory_path() / "openane-test-XXXXXX").string();
    path_ = mkdtemp(path.data()) == nullptr ? std::filesystem::path() : std::filesystem::path(path);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// Runs a script inside `folder`, with NumPy as `np`. True when it exits with 0; what it prints goes to the test's
/// output.
inline bool run_numpy(const TemporaryFolder& folder, const std::string& script) {
  const std::string path = folder.file("script.py");
  std::ofstream(path) << "import numpy as np\n" << script;
  return std::system(("cd '" + folder.path().string() + "' && " + python_with_numpy() + " script.py").c_str()) == 0;
}

}  // namespace openane::test
