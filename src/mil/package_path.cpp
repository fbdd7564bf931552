#include "mil/package_path.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace openane::mil {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kModelPath = "@model_path/";

std::unexpected<Error> system_error(const std::error_code& code, std::string_view what, const fs::path& path) {
  return fail(ErrorCategory::system, fmt::format("{}: {}", what, code.message()), Location{path.string(), {}, 0, 0});
}

bool is_inside(const fs::path& root, const fs::path& path) {
  return std::mismatch(root.begin(), root.end(), path.begin(), path.end()).first == root.end();
}

}  // namespace

Result<fs::path> path_inside(const fs::path& root, const fs::path& folder, std::string_view relative) {
  const fs::path part(relative);
  const bool plain = !relative.empty() && part.is_relative() && relative.find('\0') == std::string_view::npos &&
                     std::ranges::none_of(part, [](const fs::path& name) { return name == ".."; });
  const auto leaves = [&] {
    return fail(ErrorCategory::malformed_input,
                fmt::format("the path '{}' leaves the directory of the model", relative),
                Location{root.string(), {}, 0, 0});
  };
  if (!plain) {
    return leaves();
  }
  std::error_code code;
  const fs::path real_root = fs::canonical(root, code);
  if (code) {
    return system_error(code, "cannot open", root);
  }
  // Absolute first: of a relative path of which nothing exists, nothing would be made canonical.
  const fs::path real = fs::weakly_canonical(fs::absolute(folder / part, code), code);
  if (code) {
    return system_error(code, "cannot open", folder / part);
  }
  return is_inside(real_root, real) ? Result<fs::path>(folder / part) : leaves();
}

std::string_view below_model_path(std::string_view path) {
  return path.starts_with(kModelPath) ? path.substr(kModelPath.size()) : std::string_view();
}

Result<fs::path> make_staging_directory(const std::string& path, std::string_view marker) {
  std::error_code code;
  if (fs::exists(path, code) && !fs::exists(fs::path(path) / marker, code)) {
    return fail(ErrorCategory::usage, fmt::format("exists and holds no {}: not replaced", marker),
                Location{path, {}, 0, 0});
  }
  const fs::path named(path);
  const fs::path clean = named.has_filename() ? named : named.parent_path();
  std::string pattern = clean.string() + ".XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) {
    return system_error(std::error_code(errno, std::generic_category()), "cannot create a directory beside it", clean);
  }
  fs::permissions(pattern,
                  fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec | fs::perms::others_read |
                      fs::perms::others_exec,
                  code);
  return fs::path(pattern);
}

Result<void> put_in_place(const fs::path& staging, const std::string& path) {
  const fs::path named(path);
  const fs::path clean = named.has_filename() ? named : named.parent_path();
  std::error_code code;
  fs::remove_all(clean, code);
  if (!code) {
    fs::rename(staging, clean, code);
  }
  if (code) {
    std::error_code ignored;
    fs::remove_all(staging, ignored);
    return system_error(code, "cannot write", clean);
  }
  return {};
}

}  // namespace openane::mil
