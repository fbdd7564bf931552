#include "hwx/image.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/byte_reader.h"
#include "base/quote.h"

namespace openane::hwx {
namespace {

constexpr std::size_t kMaximumWarnings = 64;
/// Names overlap in a hostile string table; without a limit, reading them would take time squared.
constexpr std::uint64_t kMaximumName = 0x1000;

/// A fixed-size, zero-padded name field.
std::string_view padded_name(std::span<const std::uint8_t> file, std::uint64_t offset) {
  const std::string_view field(reinterpret_cast<const char*>(file.data() + offset), 16);
  return field.substr(0, std::min(field.find('\0'), field.size()));
}

/// A NUL-terminated string inside [offset, limit) of the file, as a view.
Result<std::string_view> string_inside(std::span<const std::uint8_t> file, std::uint64_t offset, std::uint64_t limit,
                                       std::string_view what) {
  const std::uint64_t room = std::min(limit - offset, kMaximumName + 1);
  const std::string_view part(reinterpret_cast<const char*>(file.data() + offset), room);
  const std::size_t end = part.find('\0');
  if (end == std::string_view::npos) {
    return fail_at(offset, fmt::format("{} has no terminating NUL before {:#x}", what, offset + room));
  }
  return part.substr(0, end);
}

/// A half-open range of bytes and whose it is; the text is only put together for an error.
struct Range {
  std::uint64_t begin = 0, end = 0;
  std::string_view kind, name;
  std::uint64_t header = 0;

  [[nodiscard]] std::string what() const {
    return name.empty() ? std::string(kind) : fmt::format("{} {}", kind, quoted(name));
  }
};

std::string full_name(const Segment& segment, const Section& section) {
  return quoted(fmt::format("{},{}", segment.name, section.name));
}

/// Fails when two of the ranges share a byte. Empty ranges are skipped.
Result<void> check_disjoint(std::vector<Range> ranges, std::string_view space) {
  std::erase_if(ranges, [](const Range& range) { return range.begin == range.end; });
  std::ranges::sort(ranges, {}, &Range::begin);
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    const Range& before = ranges[i - 1];
    const Range& after = ranges[i];
    if (after.begin < before.end) {
      return fail_at(after.header,
                     fmt::format("{} range {:#x}..{:#x} of {} overlaps {:#x}..{:#x} of {}", space, after.begin,
                                 after.end, after.what(), before.begin, before.end, before.what()));
    }
  }
  return {};
}

class Parser {
 public:
  Parser(std::span<const std::uint8_t> file, Warnings& warnings) : file_(file), warnings_(warnings) {}

  Result<Image> parse() {
    OPENANE_CHECK(parse_header());
    OPENANE_CHECK(parse_commands());
    OPENANE_CHECK(check_address_ranges());
    OPENANE_CHECK(check_file_ranges());
    OPENANE_CHECK(parse_symbols());
    return std::move(image_);
  }

 private:
  template <typename T>
  [[nodiscard]] T load(std::uint64_t offset) const {
    return load_le<T>(file_.data() + offset);
  }

  Result<void> parse_header() {
    if (file_.size() < kHeaderSize) {
      return fail_at(0, fmt::format("an HWX header takes {} bytes, the input has {}", kHeaderSize, file_.size()));
    }
    struct Expected {
      std::uint64_t offset;
      std::uint32_t value;
      std::string_view what;
    };
    constexpr std::array<Expected, 3> kExpected = {
        {{0, kMagic, "magic"}, {4, kCpuType, "cputype"}, {12, kFileType, "filetype"}}};
    for (const Expected& expected : kExpected) {
      if (load<std::uint32_t>(expected.offset) != expected.value) {
        return fail_at(expected.offset, fmt::format("{} is {:#x}, expected {:#x}", expected.what,
                                                    load<std::uint32_t>(expected.offset), expected.value));
      }
    }
    image_.subtype = load<std::uint32_t>(8);
    command_count_ = load<std::uint32_t>(16);
    const std::uint32_t size = load<std::uint32_t>(20);
    commands_end_ = kHeaderSize + std::uint64_t{size};
    if (commands_end_ > file_.size()) {
      return fail_at(20, fmt::format("sizeofcmds is {:#x}, but only {:#x} bytes follow the header", size,
                                     file_.size() - kHeaderSize));
    }
    image_.tables_end = commands_end_;
    return {};
  }

  Result<void> parse_commands() {
    std::uint64_t offset = kHeaderSize;
    std::uint32_t count = 0;
    for (; offset < commands_end_; ++count) {
      if (commands_end_ - offset < 8) {
        return fail_at(offset, fmt::format("{} bytes are left of the load commands, fewer than a command header",
                                           commands_end_ - offset));
      }
      const Command command = {offset, load<std::uint32_t>(offset), load<std::uint32_t>(offset + 4)};
      if (command.size < 8 || command.size % 8 != 0 || command.size > commands_end_ - offset) {
        return fail_at(offset + 4,
                       fmt::format("cmdsize is {:#x}, expected a multiple of 8 from 8 to the {:#x} bytes that are left",
                                   command.size, commands_end_ - offset));
      }
      OPENANE_CHECK(parse_command(command));
      image_.commands.push_back(command);
      offset += command.size;
    }
    if (count != command_count_) {
      return fail_at(16, fmt::format("ncmds is {}, but sizeofcmds holds {} commands", command_count_, count));
    }
    return {};
  }

  Result<void> parse_command(const Command& command) {
    switch (command.type) {
      case kSegment:
        return parse_segment(command);
      case kBufferReference:
        return parse_reference(command, 0x14);
      case kBufferReference64:
        return parse_reference(command, 0x18);
      case kThread:
        return parse_thread(command);
      case kIdent:
        return parse_ident(command);
      case kNote:
        return {};
      case kSymtab:
        return parse_symtab(command);
      default:
        warnings_.add(fmt::format("at {:#x}: unknown load command {:#x} of {} bytes is carried along", command.offset,
                                  command.type, command.size));
        return {};
    }
  }

  static Result<void> require_size(const Command& command, std::uint64_t needed, std::string_view what) {
    if (command.size < needed) {
      return fail_at(command.offset + 4,
                     fmt::format("cmdsize of a {} is {:#x}, expected at least {:#x}", what, command.size, needed));
    }
    return {};
  }

  Result<void> parse_segment(const Command& command) {
    OPENANE_CHECK(require_size(command, kSegmentCommandSize, "segment"));
    const std::uint64_t at = command.offset;
    Segment segment;
    segment.header = at;
    segment.name = padded_name(file_, at + 8);
    segment.address = load<std::uint64_t>(at + 24);
    segment.size = load<std::uint64_t>(at + 32);
    segment.file_offset = load<std::uint64_t>(at + 40);
    segment.file_size = load<std::uint64_t>(at + 48);
    segment.maximum_protection = load<std::uint32_t>(at + 56);
    segment.protection = load<std::uint32_t>(at + 60);
    segment.flags = load<std::uint32_t>(at + 68);
    const std::uint32_t count = load<std::uint32_t>(at + 64);
    const std::uint64_t expected = kSegmentCommandSize + std::uint64_t{kSectionSize} * count;
    if (command.size != expected) {
      return fail_at(at + 64,
                     fmt::format("segment {} says it has {} sections, which take {:#x} bytes; its cmdsize is {:#x}",
                                 quoted(segment.name), count, expected, command.size));
    }
    if (!range_inside(segment.address, segment.size, kMaximumAddressSpace)) {
      return fail_at(at + 24,
                     fmt::format("segment {} spans {:#x} bytes from {:#x}, past the {:#x} that any program may use",
                                 quoted(segment.name), segment.size, segment.address, kMaximumAddressSpace));
    }
    if (!range_inside(segment.file_offset, segment.file_size, file_.size())) {
      return fail_at(at + 40, fmt::format("segment {} needs {:#x} bytes from {:#x}, but the file has {:#x}",
                                          quoted(segment.name), segment.file_size, segment.file_offset, file_.size()));
    }
    if (segment.file_size > segment.size) {
      return fail_at(at + 48, fmt::format("segment {} has {:#x} file bytes for {:#x} bytes of memory",
                                          quoted(segment.name), segment.file_size, segment.size));
    }
    for (std::uint32_t i = 0; i < count; ++i) {
      OPENANE_CHECK(parse_section(segment, at + kSegmentCommandSize + std::uint64_t{i} * kSectionSize));
    }
    image_.segments.push_back(segment);
    return {};
  }

  Result<void> parse_section(const Segment& segment, std::uint64_t at) {
    Section section;
    section.header = at;
    section.name = padded_name(file_, at);
    section.segment = padded_name(file_, at + 16);
    section.address = load<std::uint64_t>(at + 32);
    section.size = load<std::uint64_t>(at + 40);
    section.file_offset = load<std::uint32_t>(at + 48);
    section.alignment = load<std::uint32_t>(at + 52);
    section.relocation_offset = load<std::uint32_t>(at + 56);
    section.relocation_count = load<std::uint32_t>(at + 60);
    section.flags = load<std::uint32_t>(at + 64);
    const auto name = [&] { return full_name(segment, section); };
    if (section.segment != segment.name) {
      warnings_.add(
          fmt::format("at {:#x}: section {} says it belongs to segment {}", at, name(), quoted(section.segment)));
    }
    if (section.address < segment.address ||
        !range_inside(section.address - segment.address, section.size, segment.size)) {
      return fail_at(
          at + 32, fmt::format("section {} spans {:#x} bytes from {:#x}, outside its segment ({:#x} bytes from {:#x})",
                               name(), section.size, section.address, segment.size, segment.address));
    }
    if (section.alignment > kMaximumAlignment || section.address % (std::uint64_t{1} << section.alignment) != 0) {
      return fail_at(
          at + 52,
          fmt::format("section {} at {:#x} has alignment exponent {}, expected one up to {} that fits its address",
                      name(), section.address, section.alignment, kMaximumAlignment));
    }
    OPENANE_CHECK(check_section_bytes(segment, section));
    if (section.relocation_count != 0) {
      const std::uint64_t bytes = std::uint64_t{section.relocation_count} * kRelocationSize;
      if (!range_inside(section.relocation_offset, bytes, file_.size())) {
        return fail_at(at + 56, fmt::format("section {} has {} relocations at {:#x}, past the end of the file ({:#x})",
                                            name(), section.relocation_count, section.relocation_offset, file_.size()));
      }
    }
    image_.sections.push_back(section);
    return {};
  }

  static Result<void> check_section_bytes(const Segment& segment, const Section& section) {
    const auto name = [&] { return full_name(segment, section); };
    if (segment.file_size == 0) {
      if (section.file_offset != 0) {
        return fail_at(section.header + 48,
                       fmt::format("section {} has file offset {:#x}, but its segment has no file bytes", name(),
                                   section.file_offset));
      }
      return {};
    }
    const std::uint64_t expected = segment.file_offset + (section.address - segment.address);
    if (section.file_offset != expected) {
      return fail_at(section.header + 48, fmt::format("section {} has file offset {:#x}; its address asks for {:#x}",
                                                      name(), section.file_offset, expected));
    }
    if (!range_inside(section.address - segment.address, section.size, segment.file_size)) {
      return fail_at(section.header + 40,
                     fmt::format("section {} has {:#x} bytes, past the file bytes of its segment ({:#x})", name(),
                                 section.size, segment.file_size));
    }
    return {};
  }

  Result<void> parse_reference(const Command& command, std::uint32_t strings) {
    OPENANE_CHECK(require_size(command, strings + 1, "buffer reference"));
    const std::uint64_t at = command.offset;
    const std::uint32_t name = load<std::uint32_t>(at + 8);
    if (name < strings || name >= command.size) {
      return fail_at(
          at + 8,
          fmt::format("buffer reference has its name at {:#x}, expected {:#x} to the end of the command ({:#x})", name,
                      strings, command.size));
    }
    BufferReference reference;
    reference.header = at;
    reference.address = strings == 0x14 ? load<std::uint32_t>(at + 0x10) : load<std::uint64_t>(at + 0x10);
    OPENANE_TRY(reference.name, string_inside(file_, at + name, at + command.size, "name of a buffer reference"));
    image_.references.push_back(reference);
    return {};
  }

  Result<void> parse_thread(const Command& command) {
    OPENANE_CHECK(require_size(command, kThreadPayload, "thread"));
    const std::uint64_t at = command.offset;
    const Thread thread = {at, command.size, load<std::uint32_t>(at + 8), load<std::uint32_t>(at + 12)};
    if (thread.payload_end() > command.size) {
      return fail_at(at + 12, fmt::format("thread says it has {:#x} payload words, but its command has room for {:#x}",
                                          thread.count, (command.size - kThreadPayload) / 4));
    }
    struct Kind {
      std::uint32_t flavor, minimum_count;
    };
    constexpr std::array<Kind, 3> kKinds = {{{kProgramFlavor, kProgramFields.minimum_count},
                                             {kTensorFlavor, kTensorMinimumCount},
                                             {kProgramFlavorModern, kProgramFieldsModern.minimum_count}}};
    const auto* const kind = std::ranges::find(kKinds, thread.flavor, &Kind::flavor);
    if (kind == kKinds.end()) {
      return fail_at(at + 8,
                     fmt::format("thread flavor is {}, expected 1 or 4 (program) or 3 (tensor)", thread.flavor));
    }
    if (thread.count < kind->minimum_count) {
      return fail_at(at + 12, fmt::format("thread of flavor {} has {:#x} payload words, expected at least {:#x}",
                                          thread.flavor, thread.count, kind->minimum_count));
    }
    image_.threads.push_back(thread);
    return {};
  }

  Result<void> parse_ident(const Command& command) {
    const std::string_view text(reinterpret_cast<const char*>(file_.data() + command.offset + 8), command.size - 8);
    image_.ident = text.substr(0, std::min(text.find('\0'), text.size()));
    return {};
  }

  Result<void> parse_symtab(const Command& command) {
    OPENANE_CHECK(require_size(command, kSymtabCommandSize, "symbol table"));
    if (symtab_) {
      return fail_at(command.offset, fmt::format("a second symbol table; the first is at {:#x}", symtab_->offset));
    }
    symtab_ = command;
    return {};
  }

  Result<void> check_address_ranges() {
    std::vector<Range> segments;
    segments.reserve(image_.segments.size());
    for (const Segment& segment : image_.segments) {
      segments.push_back({segment.address, segment.address + segment.size, "segment", segment.name, segment.header});
    }
    OPENANE_CHECK(check_disjoint(std::move(segments), "address"));
    std::vector<Range> sections;
    sections.reserve(image_.sections.size());
    for (const Section& section : image_.sections) {
      sections.push_back({section.address, section.address + section.size, "section", section.name, section.header});
    }
    return check_disjoint(std::move(sections), "address");
  }

  Result<void> check_file_ranges() {
    std::vector<Range> ranges = {{0, commands_end_, "the header and load commands", {}, 0}};
    const auto add_table = [&](const Range& range) {
      ranges.push_back(range);
      if (range.begin != range.end) {
        image_.tables_end = std::max(image_.tables_end, range.end);
      }
    };
    if (symtab_) {
      const std::uint64_t at = symtab_->offset;
      const std::uint64_t symbols = load<std::uint32_t>(at + 8);
      const std::uint64_t symbol_bytes = std::uint64_t{load<std::uint32_t>(at + 12)} * kSymbolSize;
      const std::uint64_t strings = load<std::uint32_t>(at + 16);
      const std::uint64_t string_bytes = load<std::uint32_t>(at + 20);
      OPENANE_CHECK(check_table(at + 8, symbols, symbol_bytes, "symbol"));
      OPENANE_CHECK(check_table(at + 16, strings, string_bytes, "string"));
      add_table({symbols, symbols + symbol_bytes, "the symbol table", {}, at});
      add_table({strings, strings + string_bytes, "the string table", {}, at});
    }
    for (const Section& section : image_.sections) {
      const std::uint64_t bytes = std::uint64_t{section.relocation_count} * kRelocationSize;
      add_table({section.relocation_offset, section.relocation_offset + bytes, "the relocations of", section.name,
                 section.header});
    }
    for (const Segment& segment : image_.segments) {
      if (segment.file_size != 0 && segment.file_offset < image_.tables_end) {
        return fail_at(segment.header + 40,
                       fmt::format("segment {} begins at {:#x} of the file, inside the tables, which end at {:#x}",
                                   quoted(segment.name), segment.file_offset, image_.tables_end));
      }
      ranges.push_back(
          {segment.file_offset, segment.file_offset + segment.file_size, "segment", segment.name, segment.header});
    }
    return check_disjoint(std::move(ranges), "file");
  }

  [[nodiscard]] Result<void> check_table(std::uint64_t field, std::uint64_t offset, std::uint64_t size,
                                         std::string_view kind) const {
    if (!range_inside(offset, size, file_.size())) {
      return fail_at(field, fmt::format("the {} table takes {:#x} bytes from {:#x}, but the file has {:#x}", kind, size,
                                        offset, file_.size()));
    }
    return {};
  }

  Result<void> parse_symbols() {
    if (!symtab_) {
      return {};
    }
    const std::uint64_t at = symtab_->offset;
    const std::uint64_t symbols = load<std::uint32_t>(at + 8);
    const std::uint32_t count = load<std::uint32_t>(at + 12);
    const std::uint64_t strings = load<std::uint32_t>(at + 16);
    const std::uint32_t string_bytes = load<std::uint32_t>(at + 20);
    if (string_bytes != 0 && file_[strings + string_bytes - 1] != 0) {
      return fail_at(strings + string_bytes - 1, "the string table does not end with a NUL");
    }
    image_.symbols.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      OPENANE_TRY(const Symbol symbol, parse_symbol(symbols + std::uint64_t{i} * kSymbolSize, strings, string_bytes));
      image_.symbols.push_back(symbol);
    }
    return {};
  }

  Result<Symbol> parse_symbol(std::uint64_t at, std::uint64_t strings, std::uint32_t string_bytes) {
    const std::uint32_t index = load<std::uint32_t>(at);
    if (index >= string_bytes) {
      return fail_at(
          at, fmt::format("symbol name at {:#x} of the string table, which has {:#x} bytes", index, string_bytes));
    }
    Symbol symbol;
    OPENANE_TRY(symbol.name, string_inside(file_, strings + index, strings + string_bytes, "a symbol name"));
    symbol.type = file_[at + 4];
    symbol.section = file_[at + 5];
    symbol.description = load<std::uint16_t>(at + 6);
    symbol.value = load<std::uint64_t>(at + 8);
    if (symbol.section > image_.sections.size()) {
      return fail_at(at + 5, fmt::format("symbol {} names section {}, but the file has {}", quoted(symbol.name),
                                         symbol.section, image_.sections.size()));
    }
    if (symbol.section != 0 && (symbol.type == kSymbolExternal || symbol.type == kSymbolLocal)) {
      const Section& section = image_.sections[symbol.section - 1U];
      if (symbol.value < section.address || symbol.value - section.address > section.size) {
        return fail_at(
            at + 8,
            fmt::format("symbol {} has the value {:#x}, outside its section {} ({:#x} bytes from {:#x})",
                        quoted(symbol.name), symbol.value, quoted(section.name), section.size, section.address));
      }
    }
    return symbol;
  }

  std::span<const std::uint8_t> file_;
  Warnings& warnings_;
  Image image_;
  std::uint32_t command_count_ = 0;
  std::uint64_t commands_end_ = 0;
  std::optional<Command> symtab_;
};

}  // namespace

void Warnings::add(std::string message) {
  if (messages_.size() < kMaximumWarnings) {
    messages_.push_back(std::move(message));
  } else {
    ++left_out_;
  }
}

std::vector<std::string> Warnings::take() {
  if (left_out_ != 0) {
    messages_.push_back(fmt::format("{} further findings are left out", left_out_));
  }
  return std::move(messages_);
}

const Section* Image::find_section(std::string_view segment, std::string_view name) const {
  const auto found =
      std::ranges::find_if(sections, [&](const Section& s) { return s.segment == segment && s.name == name; });
  return found == sections.end() ? nullptr : &*found;
}

Result<Image> parse_image(std::span<const std::uint8_t> file, Warnings& warnings) {
  return Parser(file, warnings).parse();
}

std::vector<Relocation> relocations_of(std::span<const std::uint8_t> file, const Section& section) {
  std::vector<Relocation> relocations(section.relocation_count);
  for (std::uint32_t i = 0; i < section.relocation_count; ++i) {
    const std::uint64_t at = section.relocation_offset + std::uint64_t{i} * kRelocationSize;
    relocations[i] = {load_le<std::uint32_t>(file.data() + at), load_le<std::uint32_t>(file.data() + at + 4), at};
  }
  return relocations;
}

std::string compiler_version(std::string_view ident) {
  constexpr std::string_view kTool = "zin_ane_compiler ";
  const std::size_t at = ident.find(kTool);
  if (at == std::string_view::npos) {
    return {};
  }
  const std::string_view rest = ident.substr(at + kTool.size());
  std::size_t end = 0;
  while (end < rest.size() && end < 32 &&
         (std::isalnum(static_cast<unsigned char>(rest[end])) != 0 || rest[end] == '.')) {
    ++end;
  }
  return std::string(rest.substr(0, end));
}

}  // namespace openane::hwx
