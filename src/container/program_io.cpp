// Programs from and to files: the container is told by its content when reading, by the extension when writing.
#include <fmt/format.h>

#include <array>
#include <filesystem>

#include "base/byte_reader.h"
#include "openane/anec.h"
#include "openane/hwx.h"
#include "openane/raw_kernel.h"

namespace openane {
namespace {

struct Magic {
  std::uint32_t value;
  std::string_view name;
};
/// Files that people hand over by mistake.
constexpr std::array<Magic, 8> kOthers = {{
    {0xfeedfacf, "a Mach-O file for a processor"},
    {0xfeedface, "a Mach-O file for a processor"},
    {0xcafebabe, "a universal Mach-O file or Java class"},
    {0xbebafeca, "a universal Mach-O file or Java class"},
    {0x464c457f, "an ELF file"},
    {0x04034b50, "a zip archive"},
    {0x73696c62, "a property list (bplist)"},
    {0xcefaefbe, "an HWX file with its bytes in the wrong order"},
}};

std::unexpected<Error> not_a_program(std::span<const std::uint8_t> data) {
  std::string what = data.empty() ? "the file is empty" : "this is neither an HWX (magic 0xbeefface) nor an ANEC file";
  if (data.size() >= 4) {
    const std::uint32_t magic = load_le<std::uint32_t>(data.data());
    for (const Magic& other : kOthers) {
      if (magic == other.value) {
        what = fmt::format("this is {}, expected an HWX (magic 0xbeefface) or an ANEC file", other.name);
      }
    }
  }
  return fail_at(0, data.empty() ? what : what + "; a raw kernel needs a layout file");
}

Result<Program> read_bytes(const Bytes& data) {
  if (looks_like_hwx(data.span())) {
    return read_hwx(data);
  }
  if (looks_like_anec(data.span())) {
    return read_anec(data);
  }
  return not_a_program(data.span());
}

Result<Program> read_raw(const std::string& path, const Bytes& data, const std::string& layout) {
  OPENANE_TRY(const Bytes text, read_file(layout));
  const std::string_view view(reinterpret_cast<const char*>(text.data()), text.size());
  // Errors of the layout name the layout file, all others the kernel.
  return in_file(read_raw_kernel(data, view, layout), path);
}

using ByteVector = std::vector<std::uint8_t>;
using Images = Result<std::vector<FileImage>>;

Images single(const std::string& path, Result<ByteVector> bytes) {
  OPENANE_TRY(ByteVector image, std::move(bytes));
  std::vector<FileImage> images;
  images.push_back({path, std::move(image)});
  return images;
}

Images hwx_files(const std::string& path, const Program& program, const WriteOptions& options) {
  return single(path, write_hwx(program, options.profile));
}

Images anec_files(const std::string& path, const Program& program, const WriteOptions& options) {
  return single(path, write_anec(program, options.header));
}

/// A raw kernel says nothing about itself.
Images raw_files(const std::string& path, const Program& program, const WriteOptions& options) {
  OPENANE_TRY(std::vector<FileImage> images, single(path, write_raw_kernel(program)));
  OPENANE_TRY(const std::string layout, write_raw_layout(program));
  const std::string layout_path =
      options.layout.empty() ? std::filesystem::path(path).replace_extension(".toml").string() : options.layout;
  images.push_back({layout_path, {layout.begin(), layout.end()}});
  return images;
}

struct Writer {
  std::string_view extension;
  Images (*files)(const std::string&, const Program&, const WriteOptions&);
  bool takes_profile, takes_header, takes_layout;
};
constexpr std::array<Writer, 4> kWriters = {{
    {".hwx", hwx_files, true, false, false},
    {".anec", anec_files, false, true, false},
    {".ane", anec_files, false, true, false},
    {".bin", raw_files, false, false, true},
}};

Result<void> check_options(const Writer& writer, const WriteOptions& options) {
  const auto refuse = [&](std::string_view what, std::string_view container) -> Result<void> {
    return fail(ErrorCategory::usage,
                fmt::format("{} is a choice of {}, this is {}", what, container, writer.extension));
  };
  if (options.profile && !writer.takes_profile) {
    return refuse("the profile", "HWX files");
  }
  if (options.header && !writer.takes_header) {
    return refuse("the header size", "ANEC files");
  }
  if (!options.layout.empty() && !writer.takes_layout) {
    return refuse("a layout file", "raw kernels");
  }
  return {};
}

}  // namespace

Result<Program> read_program(const std::string& path, const std::string& raw_layout) {
  OPENANE_TRY(const Bytes data, read_file(path));
  return raw_layout.empty() ? in_file(read_bytes(data), path) : read_raw(path, data, raw_layout);
}

Result<std::vector<FileImage>> encode_program(const std::string& path, const Program& program,
                                              const WriteOptions& options) {
  const std::string extension = std::filesystem::path(path).extension().string();
  for (const Writer& writer : kWriters) {
    if (extension == writer.extension) {
      OPENANE_CHECK(in_file(check_options(writer, options), path));
      return in_file(writer.files(path, program, options), path);
    }
  }
  return fail(ErrorCategory::usage,
              fmt::format("the extension '{}' names no container, expected .hwx, .anec, .ane or .bin", extension),
              Location{path, {}, 0, 0});
}

Result<void> write_program(const std::string& path, const Program& program, const WriteOptions& options) {
  OPENANE_TRY(const std::vector<FileImage> images, encode_program(path, program, options));
  for (const FileImage& image : images) {
    OPENANE_CHECK(write_file(image.path, image.bytes));
  }
  return {};
}

}  // namespace openane
