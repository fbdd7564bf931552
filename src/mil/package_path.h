// Paths that a model names: they must stay in the directory of the model.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "openane/error.h"

namespace openane::mil {

/// `folder/relative`, when that is written as a plain relative path and neither it nor a symbolic link on the way
/// leaves `root`. Fails with `malformed_input` when it does; a file that does not exist is no failure.
[[nodiscard]] Result<std::filesystem::path> path_inside(const std::filesystem::path& root,
                                                        const std::filesystem::path& folder, std::string_view relative);

/// What follows "@model_path/"; nothing for other paths.
[[nodiscard]] std::string_view below_model_path(std::string_view path);

/// Makes a directory to write into, to be put in place of `path` by `put_in_place`. An existing `path` must hold
/// `marker`.
[[nodiscard]] Result<std::filesystem::path> make_staging_directory(const std::string& path, std::string_view marker);
[[nodiscard]] Result<void> put_in_place(const std::filesystem::path& staging, const std::string& path);

}  // namespace openane::mil
