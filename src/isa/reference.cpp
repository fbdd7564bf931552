// What the forms of the reference share: looking places up, counting what is known, words for small things.
#include "isa/reference.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <optional>

#include "isa/plain_name.h"

namespace openane {
namespace {

struct NumberedName {
  std::string_view stem;
  std::uint32_t number = 0;
  bool numbered = false;
};

NumberedName split_number(std::string_view name) {
  const std::size_t stem = name.find_last_not_of("0123456789") + 1;
  NumberedName split{name.substr(0, stem), 0, stem < name.size()};
  std::from_chars(name.data() + stem, name.data() + name.size(), split.number);
  return split;
}

/// Whether `next` says the same of the next word. The tables share equal arrays, so fields need no comparison one by
/// one.
bool continues(const Register& row, const Register& next) {
  const NumberedName a = split_number(row.name), b = split_number(next.name);
  return a.numbered && b.numbered && a.stem == b.stem && a.number + 1 == b.number && row.status == next.status &&
         row.grade == next.grade && row.fields.data() == next.fields.data() && row.meaning == next.meaning &&
         row.relocation == next.relocation && row.fallback == next.fallback;
}

std::optional<std::uint32_t> parse_address(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    text.remove_prefix(2);
    base = 16;
  }
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty() ? std::optional(value)
                                                                                   : std::nullopt;
}

void find_name(const Generation& generation, std::string_view what, std::vector<IsaPlace>& places) {
  const std::size_t dot = what.find('.');
  const bool qualified = dot != std::string_view::npos;
  const std::string wanted = plain_name(qualified ? what.substr(dot + 1) : what);
  const std::string wanted_block = plain_name(qualified ? what.substr(0, dot) : what);
  if (wanted.empty()) {
    return;
  }
  for (const Register& row : generation.header) {
    if (!qualified && plain_name(row.name) == wanted) {
      places.push_back({&generation, nullptr, &row});
    }
  }
  for (const Block& block : generation.blocks) {
    const bool this_block = plain_name(block.name) == wanted_block;
    if (this_block && !qualified) {
      places.push_back({&generation, &block, nullptr});
    }
    for (const Register& row : block.registers) {
      const bool same = plain_name(row.name) == wanted || (!row.alias.empty() && plain_name(row.alias) == wanted);
      if (same && (this_block || !qualified)) {
        places.push_back({&generation, &block, &row});
      }
    }
  }
}

void count_fields(std::span<const Register> registers, IsaCoverage& coverage) {
  for (const Register& row : registers) {
    for (const Field& field : row.fields) {
      ++coverage.fields[static_cast<std::size_t>(field.grade)];
    }
  }
}

}  // namespace

std::vector<IsaPlace> find_in_tables(std::span<const Generation* const> generations, std::string_view what) {
  std::vector<IsaPlace> places;
  const std::optional<std::uint32_t> address = parse_address(what);
  for (const Generation* generation : generations) {
    if (!address) {
      find_name(*generation, what, places);
    } else if (const Register* row = generation->find(*address)) {
      places.push_back({generation, generation->block_of(*address), row});
    }
  }
  return places;
}

IsaCoverage coverage_of(const Generation& generation) {
  IsaCoverage coverage;
  count_fields(generation.header, coverage);
  for (const Block& block : generation.blocks) {
    count_fields(block.registers, coverage);
    for (const Register& row : block.registers) {
      ++coverage.words;
      coverage.named += row.status == RegisterStatus::named ? 1 : 0;
      coverage.reserved += row.status == RegisterStatus::reserved ? 1 : 0;
      coverage.unknown += row.status == RegisterStatus::unknown ? 1 : 0;
      coverage.named_bits += static_cast<std::uint32_t>(std::popcount(row.named_bits()));
    }
  }
  return coverage;
}

std::vector<std::span<const Register>> runs_of(std::span<const Register> registers) {
  std::vector<std::span<const Register>> runs;
  for (std::size_t start = 0; start < registers.size();) {
    std::size_t end = start + 1;
    while (end < registers.size() && continues(registers[end - 1], registers[end])) {
      ++end;
    }
    runs.push_back(registers.subspan(start, end - start));
    start = end;
  }
  return runs;
}

std::string run_name(std::span<const Register> run) {
  if (run.size() == 1) {
    return std::string(run.front().name);
  }
  return fmt::format("{}..{}", run.front().name, split_number(run.back().name).number);
}

std::string bits_of(const Field& field) {
  return field.width == 1 ? fmt::format("[{}]", field.lsb)
                          : fmt::format("[{}:{}]", field.lsb + field.width - 1, field.lsb);
}

std::string bit_ranges(std::uint32_t bits) {
  std::string text;
  for (int high = 31; high >= 0; --high) {
    if (((bits >> high) & 1u) == 0) {
      continue;
    }
    int low = high;
    while (low > 0 && ((bits >> (low - 1)) & 1u) != 0) {
      --low;
    }
    text += fmt::format("{}{}", text.empty() ? "" : ", ",
                        high == low ? fmt::format("{}", high) : fmt::format("{}:{}", high, low));
    high = low;
  }
  return text;
}

std::string type_of(const Field& field) {
  std::string text = field.type == FieldType::unsigned_integer ? "" : std::string(to_string(field.type));
  if (field.unit != 1) {
    text += fmt::format("{}x {} bytes", text.empty() ? "" : ", ", field.unit);
  }
  return text;
}

std::string enumerators_of(const Field& field) {
  std::string text;
  for (const Enumerator& value : field.enumerators) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", value.value, value.name);
  }
  return text;
}

std::string effect_of(const Field& field) {
  if (field.effect != Effect::neutral) {
    return field.effect == Effect::data ? "part of the result" : "no effect on results";
  }
  // Without a statement the table has {0}, which says nothing.
  if (field.neutral.size() == 1 && field.neutral.front() == 0) {
    return {};
  }
  return fmt::format("understood at {}", fmt::join(field.neutral, ", "));
}

std::string relocation_of(const Register& row) {
  switch (row.relocation) {
    case Relocation::none:
      return {};
    case Relocation::low:
      return "address, low half";
    case Relocation::high:
      return "address, high half";
    case Relocation::dma_config:
      return "patched by the loader (data set in a DMA configuration)";
    case Relocation::data_set:
      return "patched by the loader (data set)";
  }
  return {};
}

std::string stream_of(const Generation& generation) {
  switch (generation.stream) {
    case StreamForm::linked:
      return "dense records of byte addresses, tasks linked by offsets";
    case StreamForm::packet:
      return "packets of word addresses (dense, scatter, address), tasks in sequence";
    case StreamForm::unknown:
      break;
  }
  return "not published";
}

}  // namespace openane
