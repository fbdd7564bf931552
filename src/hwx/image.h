// An HWX file taken apart: load commands, segments, sections, buffer references, threads, symbols, relocations, each
// checked on its own. What they mean together is the business of read_hwx.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hwx/format.h"
#include "openane/error.h"

namespace openane::hwx {

/// Findings that are wrong without being fatal. The list stops growing after some entries: a hostile file must not fill
/// the memory.
class Warnings {
 public:
  void add(std::string message);
  [[nodiscard]] std::vector<std::string> take();

 private:
  std::vector<std::string> messages_;
  std::uint64_t left_out_ = 0;
};

struct Command {
  std::uint64_t offset = 0;
  std::uint32_t type = 0;
  std::uint32_t size = 0;
};

struct Section {
  std::string_view name, segment;
  std::uint64_t address = 0, size = 0;
  std::uint64_t file_offset = 0;  ///< 0 when the section has no file bytes.
  std::uint32_t alignment = 0;    ///< Exponent.
  std::uint64_t relocation_offset = 0;
  std::uint32_t relocation_count = 0;
  std::uint32_t flags = 0;
  std::uint64_t header = 0;  ///< Where its header stands in the file.

  [[nodiscard]] SectionType type() const { return static_cast<SectionType>(flags & 0xff); }
  [[nodiscard]] bool file_backed() const { return file_offset != 0; }
};

struct Segment {
  std::string_view name;
  std::uint64_t address = 0, size = 0;
  std::uint64_t file_offset = 0, file_size = 0;
  std::uint32_t maximum_protection = 0, protection = 0, flags = 0;
  std::uint64_t header = 0;
};

/// Names one FVMLIB segment.
struct BufferReference {
  std::string_view name;
  std::uint64_t address = 0;
  std::uint64_t header = 0;
};

struct Thread {
  std::uint64_t header = 0;
  std::uint32_t size = 0;
  std::uint32_t flavor = 0;
  std::uint32_t count = 0;

  /// Bytes of the command before its strings.
  [[nodiscard]] std::uint64_t payload_end() const { return kThreadPayload + std::uint64_t{count} * 4; }
};

struct Symbol {
  std::string_view name;
  std::uint8_t type = 0;
  std::uint8_t section = 0;  ///< 1-based; 0 = none.
  std::uint16_t description = 0;
  std::uint64_t value = 0;
};

struct Relocation {
  std::uint32_t address = 0;  ///< Offset in the section it belongs to.
  std::uint32_t info = 0;
  std::uint64_t header = 0;

  [[nodiscard]] std::uint32_t ordinal() const { return info & 0xffffff; }
  [[nodiscard]] bool is_external() const { return ((info >> 27) & 1u) != 0; }
};

/// The views point into the file's bytes.
struct Image {
  std::uint32_t subtype = 0;
  std::vector<Command> commands;
  std::vector<Segment> segments;
  std::vector<Section> sections;  ///< In load-command order; ordinals are indices plus 1.
  std::vector<BufferReference> references;
  std::vector<Thread> threads;
  std::vector<Symbol> symbols;
  std::string_view ident;
  std::uint64_t tables_end = 0;  ///< End of header, commands, symbols, strings and relocations.

  [[nodiscard]] const Section* find_section(std::string_view segment, std::string_view name) const;
};

[[nodiscard]] Result<Image> parse_image(std::span<const std::uint8_t> file, Warnings& warnings);
/// The relocations of a section of an image of `file`.
[[nodiscard]] std::vector<Relocation> relocations_of(std::span<const std::uint8_t> file, const Section& section);
/// "v4.2.1" from "zin_ane_compiler v4.2.1"; empty when the text names none.
[[nodiscard]] std::string compiler_version(std::string_view ident);

}  // namespace openane::hwx
