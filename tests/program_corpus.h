// The programs of the corpus and what its manifest says about them.
#pragma once

#include <gtest/gtest.h>

#include <toml++/toml.h>
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "corpus.h"
#include "openane/bytes.h"

namespace openane::test {

/// The entries of hwx/manifest.toml of one kind: "hwx", "anec" or "raw".
inline std::vector<toml::table> manifest_files(std::string_view kind) {
  std::vector<toml::table> files;
  const toml::table manifest = toml::parse_file((corpus_folder() / "hwx" / "manifest.toml").string());
  for (const toml::node& node : *manifest["file"].as_array()) {
    if ((*node.as_table())["kind"].value_or(std::string()) == kind) {
      files.push_back(*node.as_table());
    }
  }
  return files;
}

inline std::string manifest_path(const toml::table& file) {
  return (corpus_folder() / "hwx" / file["path"].value_or(std::string())).string();
}

/// All HWX files: the manifest's and those beside the network descriptions they were compiled from. 24 paths, 17
/// contents.
inline std::vector<std::string> all_hwx_files() {
  std::vector<std::string> paths;
  for (const toml::table& file : manifest_files("hwx")) {
    paths.push_back(manifest_path(file));
  }
  for (const auto& entry : std::filesystem::directory_iterator(corpus_folder() / "netplist" / "tinygrad-pairs")) {
    paths.push_back((entry.path() / "model.hwx").string());
  }
  std::ranges::sort(paths);
  return paths;
}

inline Bytes load(const std::string& path) {
  Result<Bytes> bytes = read_file(path);
  EXPECT_TRUE(bytes) << bytes.error().to_string();
  return bytes ? *bytes : Bytes{};
}

/// A copy that a test may change.
inline std::vector<std::uint8_t> copy_of(const Bytes& bytes) { return {bytes.span().begin(), bytes.span().end()}; }

}  // namespace openane::test
