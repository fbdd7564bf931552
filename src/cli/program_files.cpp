#include "cli/program_files.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/console.h"
#include "openane/assembly.h"
#include "openane/raw_kernel.h"

namespace openane::cli {
namespace {

struct ProfileName {
  const char* name;
  HwxProfile profile;
};
constexpr ProfileName kProfiles[] = {
    {"v4", HwxProfile::v4}, {"v5", HwxProfile::v5}, {"v7", HwxProfile::v7}, {"v9", HwxProfile::v9}};

struct HeaderName {
  const char* name;
  AnecHeader header;
};
constexpr HeaderName kHeaders[] = {{"0x1000", AnecHeader::bytes_0x1000}, {"0x800", AnecHeader::bytes_0x800}};

std::string extension_of(const std::string& path) { return std::filesystem::path(path).extension().string(); }

Location at(const std::string& path) { return Location{path, {}, 0, 0}; }

/// A file and what goes into it.
struct Image {
  std::string path;
  std::vector<std::uint8_t> bytes;
};

Image text_image(const std::string& path, std::string_view text) { return {path, {text.begin(), text.end()}}; }

using Images = Result<std::vector<Image>>;

Images hwx_images(const Program& program, const OutputOptions& options) {
  std::optional<HwxProfile> profile;
  for (const ProfileName& known : kProfiles) {
    if (options.profile == known.name) {
      profile = known.profile;
    }
  }
  OPENANE_TRY(std::vector<std::uint8_t> bytes, write_hwx(program, profile));
  return std::vector<Image>{{options.path, std::move(bytes)}};
}

Images anec_images(const Program& program, const OutputOptions& options) {
  std::optional<AnecHeader> header;
  for (const HeaderName& known : kHeaders) {
    if (options.header == known.name) {
      header = known.header;
    }
  }
  OPENANE_TRY(std::vector<std::uint8_t> bytes, write_anec(program, header));
  return std::vector<Image>{{options.path, std::move(bytes)}};
}

/// A raw kernel says nothing about itself: its layout file goes with it.
Images raw_images(const Program& program, const OutputOptions& options) {
  OPENANE_TRY(std::vector<std::uint8_t> bytes, write_raw_kernel(program));
  OPENANE_TRY(const std::string layout, write_raw_layout(program));
  const std::string layout_path =
      options.layout.empty() ? std::filesystem::path(options.path).replace_extension(".toml").string() : options.layout;
  std::vector<Image> images;
  images.push_back({options.path, std::move(bytes)});
  images.push_back(text_image(layout_path, layout));
  return images;
}

Images assembly_images(const Program& program, const OutputOptions& options) {
  OPENANE_TRY(const std::string text, disassemble(program));
  return std::vector<Image>{text_image(options.path, text)};
}

struct Ending {
  const char* extension;
  Images (*images)(const Program&, const OutputOptions&);
  /// The one option of `OutputOptions` that means something for this container, if any.
  std::string OutputOptions::* option;
};
constexpr Ending kEndings[] = {
    {".hwx", hwx_images, &OutputOptions::profile}, {".anec", anec_images, &OutputOptions::header},
    {".ane", anec_images, &OutputOptions::header}, {".bin", raw_images, &OutputOptions::layout},
    {".anes", assembly_images, nullptr},
};

struct OptionName {
  std::string OutputOptions::* option;
  const char* name;
  const char* container;
};
constexpr OptionName kOptionNames[] = {
    {&OutputOptions::profile, "--profile", "HWX"},
    {&OutputOptions::header, "--header", "ANEC"},
    {&OutputOptions::layout, "--layout", "raw kernels"},
};

Result<const Ending*> ending_of(const OutputOptions& options) {
  const std::string extension = extension_of(options.path);
  const Ending* found = nullptr;
  for (const Ending& ending : kEndings) {
    if (extension == ending.extension) {
      found = &ending;
    }
  }
  if (found == nullptr) {
    return fail(ErrorCategory::usage,
                fmt::format("the ending '{}' names no container; expected .hwx, .anec, .ane, .bin or .anes", extension),
                at(options.path));
  }
  for (const OptionName& known : kOptionNames) {
    if (!(options.*known.option).empty() && found->option != known.option) {
      return fail(ErrorCategory::usage, fmt::format("{} is for {}, this is {}", known.name, known.container, extension),
                  at(options.path));
    }
  }
  return found;
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
  std::vector<std::string> profiles;
  for (const ProfileName& known : kProfiles) {
    profiles.emplace_back(known.name);
  }
  std::vector<std::string> headers;
  for (const HeaderName& known : kHeaders) {
    headers.emplace_back(known.name);
  }
  app.add_option("-o,--output", options.path, "File to write: .hwx, .anec, .ane, .bin (raw kernel) or .anes (assembly)")
      ->type_name("OUT")
      ->required();
  app.add_option("--profile", options.profile, "HWX: compiler whose conventions to follow")
      ->check(CLI::IsMember(profiles))
      ->type_name("PROFILE");
  app.add_option("--header", options.header, "ANEC: bytes before the body")
      ->check(CLI::IsMember(headers))
      ->type_name("BYTES");
  app.add_option("--layout", options.layout, "Raw kernel: its layout file (default: OUT with the ending .toml)")
      ->type_name("FILE");
}

Result<std::vector<WrittenFile>> save_program(const Program& program, const OutputOptions& options) {
  const Progress progress("writing " + options.path);
  OPENANE_TRY(const Ending* const ending, ending_of(options));
  OPENANE_TRY(const std::vector<Image> images, in_file(ending->images(program, options), options.path));
  std::vector<WrittenFile> written;
  for (const Image& image : images) {
    OPENANE_CHECK(write_file(image.path, image.bytes));
    written.push_back({image.path, image.bytes.size()});
  }
  return written;
}

void report_written(const std::vector<WrittenFile>& files, const Program& program, bool json) {
  std::size_t tasks = 0;
  for (const Procedure& procedure : program.procedures) {
    tasks += procedure.tasks.size();
  }
  if (json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const WrittenFile& file : files) {
      list.push_back({{"path", file.path}, {"bytes", file.bytes}});
    }
    print_json({{"written", list}, {"procedures", program.procedures.size()}, {"tasks", tasks}});
    return;
  }
  for (const WrittenFile& file : files) {
    print(fmt::format("{}: {} bytes\n", file.path, file.bytes));
  }
}

}  // namespace openane::cli
