#include "asm/carried_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "anec/container.h"
#include "base/byte_reader.h"
#include "base/number_text.h"
#include "base/word_values.h"
#include "hwx/parsed.h"
#include "openane/anec.h"
#include "openane/hwx.h"

namespace openane {
namespace {

/// A place of the file that the program itself holds.
struct Hole {
  CarriedPiece::Kind kind = CarriedPiece::Kind::task_section;
  std::size_t index = 0;
  std::uint64_t offset = 0, size = 0;
};

CarriedText split(std::span<const std::uint8_t> file, std::vector<Hole> holes) {
  std::ranges::sort(holes, {}, &Hole::offset);
  CarriedText pieces;
  std::uint64_t at = 0;
  const auto keep = [&](std::uint64_t end) {
    if (end > at) {
      const std::span<const std::uint8_t> part = file.subspan(at, end - at);
      pieces.push_back({CarriedPiece::Kind::bytes, {part.begin(), part.end()}, 0, 0});
    }
  };
  for (const Hole& hole : holes) {
    keep(hole.offset);
    pieces.push_back({hole.kind, {}, hole.index, hole.size});
    at = hole.offset + hole.size;
  }
  keep(file.size());
  return pieces;
}

Result<CarriedText> split_hwx(const Program& program) {
  OPENANE_TRY(std::vector<std::uint8_t> bytes, write_hwx(program));
  const Bytes file(std::move(bytes));
  OPENANE_TRY(const hwx::Parsed parsed, hwx::parse_hwx(file));
  std::vector<Hole> holes = {{CarriedPiece::Kind::task_section, 0, parsed.text->file_offset, parsed.text->size}};
  for (std::size_t i = 0; i < parsed.constants.size(); ++i) {
    holes.push_back({CarriedPiece::Kind::constants, i, parsed.constants[i]->file_offset, parsed.constants[i]->size});
  }
  return split(file.span(), std::move(holes));
}

/// Where the reader found the sections: they are slices of the file it carries.
Result<CarriedText> split_anec(const Program& program) {
  OPENANE_TRY(std::vector<std::uint8_t> bytes, write_anec(program));
  const Bytes file(std::move(bytes));
  OPENANE_TRY(const Program read, read_anec(file));
  const auto hole = [&file](CarriedPiece::Kind kind, std::size_t index, const Bytes& part) {
    return Hole{kind, index, static_cast<std::uint64_t>(part.data() - file.data()), part.size()};
  };
  std::vector<Hole> holes = {hole(CarriedPiece::Kind::task_section, 0, read.task_section)};
  for (std::size_t i = 0; i < read.constants.size(); ++i) {
    holes.push_back(hole(CarriedPiece::Kind::constants, i, read.constants[i].data));
  }
  return split(file.span(), std::move(holes));
}

Result<std::uint64_t> hole_size(WordValues& values) { return values.number(0xffffffffu, "the size in bytes"); }

}  // namespace

CarriedText parse_carried(Source& source, ExpansionBudget& budget, const Word& opening) {
  CarriedText pieces;
  DataLabels labels;
  source.block(opening, [&](const std::vector<Word>& words) -> Result<void> {
    WordValues values(words.front(), std::span(words).subspan(1));
    if (words.front().is("task_section")) {
      OPENANE_TRY(const std::uint64_t size, hole_size(values));
      pieces.push_back({CarriedPiece::Kind::task_section, {}, 0, size});
      return values.finish();
    }
    if (words.front().is("constants")) {
      std::size_t index = 0;
      OPENANE_CHECK(values.into(index, "the number of the section"));
      OPENANE_TRY(const std::uint64_t size, hole_size(values));
      pieces.push_back({CarriedPiece::Kind::constants, {}, index, size});
      return values.finish();
    }
    DataAssembler data(source, budget, nullptr, 0, labels);
    OPENANE_CHECK(data.statement(words));
    const std::vector<std::uint8_t> bytes = data.finish();
    if (pieces.empty() || pieces.back().kind != CarriedPiece::Kind::bytes) {
      pieces.emplace_back();
    }
    pieces.back().bytes.insert(pieces.back().bytes.end(), bytes.begin(), bytes.end());
    return {};
  });
  return pieces;
}

Result<Program> rebuild_carrier(const CarriedText& carried, std::span<const std::uint8_t> task_section,
                                const Program& program) {
  std::vector<std::uint8_t> file;
  for (const CarriedPiece& piece : carried) {
    std::span<const std::uint8_t> part = piece.bytes;
    if (piece.kind == CarriedPiece::Kind::task_section) {
      part = task_section;
    } else if (piece.kind == CarriedPiece::Kind::constants) {
      if (piece.index >= program.constants.size()) {
        return fail(ErrorCategory::usage, fmt::format("there is no section of constants number {}", piece.index));
      }
      part = program.constants[piece.index].data.span();
    }
    if (piece.kind != CarriedPiece::Kind::bytes && part.size() != piece.size) {
      return fail(
          ErrorCategory::usage,
          fmt::format("{} has {:#x} bytes, the container has room for {:#x}",
                      piece.kind == CarriedPiece::Kind::constants ? "a section of constants" : "the task section",
                      part.size(), piece.size));
    }
    file.insert(file.end(), part.begin(), part.end());
  }
  const Bytes bytes(std::move(file));
  if (program.container == Program::Container::hwx) {
    return read_hwx(bytes);
  }
  if (program.container == Program::Container::anec) {
    return read_anec(bytes);
  }
  return fail(ErrorCategory::usage, "only hwx and anec containers carry bytes");
}

Result<CarriedText> split_carrier(const Program& program) {
  if (program.carried == nullptr) {
    return CarriedText{};
  }
  switch (program.container) {
    case Program::Container::hwx:
      return split_hwx(program);
    case Program::Container::anec:
      return split_anec(program);
    case Program::Container::none:
    case Program::Container::raw:
      break;
  }
  return CarriedText{};
}

Result<void> append_carried(std::string& out, const Program& program, ExpansionBudget& budget) {
  if (program.container == Program::Container::none) {
    return {};
  }
  OPENANE_TRY(const CarriedText pieces, split_carrier(program));
  out += "\ncontainer ";
  out += kContainerNames.at(static_cast<std::size_t>(program.container));
  if (pieces.empty()) {
    out += '\n';
    return {};
  }
  out += " {\n";
  for (const CarriedPiece& piece : pieces) {
    switch (piece.kind) {
      case CarriedPiece::Kind::bytes:
        append_data(out, piece.bytes, "  ", budget);
        continue;
      case CarriedPiece::Kind::task_section:
        out += "  task_section ";
        break;
      case CarriedPiece::Kind::constants:
        out += "  constants ";
        append_decimal(out, piece.index);
        out += ' ';
        break;
    }
    append_hex(out, piece.size);
    out += '\n';
  }
  out += "}\n";
  return {};
}

}  // namespace openane
