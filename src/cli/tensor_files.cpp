#include "cli/tensor_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "openane/npy.h"

namespace openane::cli {
namespace {

Result<void> write_tensor(const std::string& path, const NamedTensor& output) {
  const std::string extension = std::filesystem::path(path).extension().string();
  if (extension == ".npy") {
    return write_npy(path, output.tensor);
  }
  if (extension == ".bin" || extension == ".raw") {
    return write_raw_tensor(path, output.tensor);
  }
  return fail(ErrorCategory::usage, "expected a file name ending in .npy, .npz, .bin or .raw",
              Location{path, {}, 0, 0});
}

}  // namespace

bool is_archive(const std::string& argument) { return argument.ends_with(".npz"); }

std::vector<std::string> spread_archives(const std::vector<std::string>& arguments,
                                         const std::vector<std::string>& names) {
  std::vector<std::string> spread;
  for (const std::string& argument : arguments) {
    if (!is_archive(argument) || argument.find('=') != std::string::npos) {
      spread.push_back(argument);
      continue;
    }
    for (const std::string& name : names) {
      if (std::ranges::none_of(arguments, [&](const std::string& other) { return other.starts_with(name + "="); })) {
        spread.push_back(fmt::format("{}={}", name, argument));
      }
    }
  }
  return spread;
}

Result<void> write_outputs(const std::vector<NamedTensor>& outputs, const std::map<std::string, std::string>& files) {
  std::map<std::string, std::vector<NamedTensor>> archives;
  for (const NamedTensor& output : outputs) {
    const auto file = files.find(output.name);
    if (file == files.end()) {
      continue;
    }
    if (is_archive(file->second)) {
      archives[file->second].push_back(output);
    } else {
      OPENANE_CHECK(write_tensor(file->second, output));
    }
  }
  for (const auto& [path, tensors] : archives) {
    OPENANE_CHECK(write_npz(path, tensors));
  }
  return {};
}

}  // namespace openane::cli
