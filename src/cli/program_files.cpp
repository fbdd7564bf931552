#include "cli/program_files.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/console.h"
#include "openane/anec.h"
#include "openane/assembly.h"
#include "openane/hwx.h"

namespace openane::cli {
namespace {

template <typename Value>
struct Named {
  const char* name;
  Value value;
};
constexpr Named<HwxProfile> kProfiles[] = {
    {"v4", HwxProfile::v4}, {"v5", HwxProfile::v5}, {"v7", HwxProfile::v7}, {"v9", HwxProfile::v9}};
constexpr Named<AnecHeader> kHeaders[] = {{"0x1000", AnecHeader::bytes_0x1000}, {"0x800", AnecHeader::bytes_0x800}};

template <typename Value, std::size_t N>
std::optional<Value> value_of(const Named<Value> (&table)[N], const std::string& name) {
  for (const Named<Value>& row : table) {
    if (name == row.name) {
      return row.value;
    }
  }
  return std::nullopt;
}

template <typename Value, std::size_t N>
std::vector<std::string> names_of(const Named<Value> (&table)[N]) {
  std::vector<std::string> names;
  names.reserve(N);
  for (const Named<Value>& row : table) {
    names.emplace_back(row.name);
  }
  return names;
}

std::string extension_of(const std::string& path) { return std::filesystem::path(path).extension().string(); }

/// Assembly text is no container of the library's: it is above all of them.
Result<std::vector<FileImage>> images_of(const Program& program, const OutputOptions& options) {
  if (extension_of(options.path) == ".anes") {
    if (!(options.profile + options.header + options.layout).empty()) {
      return fail(ErrorCategory::usage, "--profile, --header and --layout are choices of containers, this is .anes");
    }
    OPENANE_TRY(const std::string text, disassemble(program));
    return std::vector<FileImage>{{options.path, {text.begin(), text.end()}}};
  }
  const WriteOptions choices = {.profile = value_of(kProfiles, options.profile),
                                .header = value_of(kHeaders, options.header),
                                .layout = options.layout};
  return encode_program(options.path, program, choices);
}

}  // namespace

Result<Program> load_program(const std::string& path, const std::string& raw_layout) {
  if (extension_of(path) == ".anes" && raw_layout.empty()) {
    return load_assembly(path);
  }
  const Progress progress("reading " + path);
  return in_file(read_program(path, raw_layout), path);
}

Result<Program> load_assembly(const std::string& path) {
  const Progress progress("assembling " + path);
  OPENANE_TRY(const Bytes text, read_file(path));
  return in_file(assemble({reinterpret_cast<const char*>(text.data()), text.size()}, path), path);
}

void add_raw_option(CLI::App& app, std::string& raw_layout) {
  app.add_option("--raw", raw_layout, "The file is a raw kernel with this layout file")->type_name("LAYOUT.toml");
}

void add_output_options(CLI::App& app, OutputOptions& options) {
  app.add_option("-o,--output", options.path, "File to write: .hwx, .anec, .ane, .bin (raw kernel) or .anes (assembly)")
      ->type_name("OUT")
      ->required();
  app.add_option("--profile", options.profile, "HWX: compiler whose conventions to follow")
      ->check(CLI::IsMember(names_of(kProfiles)))
      ->type_name("PROFILE");
  app.add_option("--header", options.header, "ANEC: bytes before the body")
      ->check(CLI::IsMember(names_of(kHeaders)))
      ->type_name("BYTES");
  app.add_option("--layout", options.layout, "Raw kernel: its layout file (default: OUT with the ending .toml)")
      ->type_name("FILE");
}

Result<std::vector<FileImage>> save_program(const Program& program, const OutputOptions& options) {
  const Progress progress("writing " + options.path);
  OPENANE_TRY(std::vector<FileImage> images, in_file(images_of(program, options), options.path));
  for (const FileImage& image : images) {
    OPENANE_CHECK(write_file(image.path, image.bytes));
  }
  return images;
}

void report_written(const std::vector<FileImage>& files, const Program& program, bool json) {
  std::size_t tasks = 0;
  for (const Procedure& procedure : program.procedures) {
    tasks += procedure.tasks.size();
  }
  if (json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const FileImage& file : files) {
      list.push_back({{"path", file.path}, {"bytes", file.bytes.size()}});
    }
    print_json({{"written", list}, {"procedures", program.procedures.size()}, {"tasks", tasks}});
    return;
  }
  for (const FileImage& file : files) {
    print(fmt::format("{}: {} bytes\n", file.path, file.bytes.size()));
  }
}

}  // namespace openane::cli
