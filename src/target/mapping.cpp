// What the table leaves open in a task: one pass over its words.
#include "target/mapping.h"

#include <algorithm>
#include <bit>
#include <map>

namespace openane::mapping {

Unknown describe(const Generation& generation, FieldRef field, std::uint32_t value, std::string_view known) {
  const Register* row = field.in_header ? &generation.header[field.address / 4] : generation.find(field.address);
  Unknown unknown{{}, row->name, {}, value, known};
  if (!field.in_header) {
    unknown.block = generation.block_of(field.address)->name;
  }
  for (const Field& candidate : row->fields) {
    if (candidate.lsb <= field.lsb && field.lsb - candidate.lsb < candidate.width) {
      unknown.field = candidate.name;
    }
  }
  return unknown;
}

namespace {

/// One neutral field or the bits of a register that no field covers.
struct Watch {
  const Register* row = nullptr;
  const Field* field = nullptr;  ///< Null for the bits no field covers.
  std::uint32_t mask = 0;
  std::uint32_t lsb = 0;
  std::span<const std::uint32_t> neutral;
};

struct WatchedRegister {
  const Block* block = nullptr;
  std::uint32_t zero_mask = 0;  ///< Bits whose only understood value is 0: the common case, tested at once.
  std::vector<Watch> zeros, others;
};

WatchedRegister watch(const Register& row, const Block* block) {
  WatchedRegister watched;
  watched.block = block;
  const auto add = [&](Watch entry) {
    const bool zero_only = entry.neutral.size() == 1 && entry.neutral[0] == 0;
    if (zero_only) {
      watched.zero_mask |= entry.mask;
    }
    (zero_only ? watched.zeros : watched.others).push_back(entry);
  };
  for (const Field& field : row.fields) {
    if (field.effect == Effect::neutral) {
      add({&row, &field, field.mask(), field.lsb, field.neutral});
    }
  }
  if (const std::uint32_t rest = ~row.named_bits(); rest != 0) {
    add({&row, nullptr, rest, 0, row.neutral});
  }
  return watched;
}

}  // namespace

struct Tables {
  std::vector<WatchedRegister> header;
  std::vector<WatchedRegister> registers;  ///< By ordinal.
  RegisterIndex::Set planar{}, neural{};   ///< The registers that each path looks at.
  AbsentValues absent;
};

namespace {

void include(RegisterIndex::Set& set, std::size_t ordinal) {
  set.at(ordinal / 64) |= std::uint64_t{1} << (ordinal % 64);
}

Tables make_tables(const Generation& generation) {
  Tables made;
  for (const Register& row : generation.header) {
    made.header.push_back(watch(row, nullptr));
  }
  for (const Block& block : generation.blocks) {
    for (const Register& row : block.registers) {
      const std::size_t ordinal = made.registers.size();
      if (block.path != BlockPath::neural) {
        include(made.planar, ordinal);
      }
      if (block.path != BlockPath::planar) {
        include(made.neural, ordinal);
      }
      if (generation.absent_is_zero || row.fallback) {
        include(made.absent.known, ordinal);
        made.absent.words.at(ordinal) = generation.absent_is_zero ? 0 : row.fallback->value;
      }
      made.registers.push_back(watch(row, &block));
    }
  }
  return made;
}

void report(const WatchedRegister& watched, std::span<const Watch> entries, std::uint32_t word,
            std::vector<Unknown>& unknowns) {
  for (const Watch& entry : entries) {
    const std::uint32_t value = (word & entry.mask) >> entry.lsb;
    if (std::ranges::find(entry.neutral, value) == entry.neutral.end()) {
      unknowns.push_back({watched.block == nullptr ? std::string_view{} : watched.block->name, entry.row->name,
                          entry.field == nullptr ? std::string_view{} : entry.field->name, value,
                          entry.field == nullptr ? std::string_view{"bits without a name"} : entry.field->meaning});
    }
  }
}

void inspect(const WatchedRegister& watched, std::uint32_t word, std::vector<Unknown>& unknowns) {
  if ((word & watched.zero_mask) != 0) {
    report(watched, watched.zeros, word, unknowns);
  }
  if (!watched.others.empty()) {
    report(watched, watched.others, word, unknowns);
  }
}

}  // namespace

const Tables& tables(const Generation& generation) {
  static const std::map<const Generation*, Tables> kTables = [] {
    std::map<const Generation*, Tables> all;
    for (const Generation* each : generations()) {
      all.emplace(each, make_tables(*each));
    }
    return all;
  }();
  return kTables.at(&generation);
}

const AbsentValues& absent_values(const Tables& tables) { return tables.absent; }

void collect_unknowns(const Tables& tables, const Task& residue, const RegisterIndex& index, bool planar,
                      std::vector<Unknown>& unknowns) {
  for (std::uint32_t i = 0; i < residue.header_size(); ++i) {
    inspect(tables.header[i], residue.words()[i], unknowns);
  }
  const RegisterIndex::Set& path = planar ? tables.planar : tables.neural;
  for (std::size_t part = 0; part < path.size(); ++part) {
    for (std::uint64_t left = path.at(part) & index.written().at(part); left != 0; left &= left - 1) {
      const std::size_t ordinal = 64 * part + static_cast<std::size_t>(std::countr_zero(left));
      inspect(tables.registers[ordinal], residue.words()[index.position(ordinal)], unknowns);
    }
  }
  if (!index.strays()) {
    return;
  }
  for (const Record& record : residue.records()) {
    for (std::uint32_t i = 0; i < record.count; ++i) {
      if (residue.generation().block_of(record.address_of(i)) == nullptr) {
        unknowns.push_back(
            {{}, "register outside every known block", {}, record.address_of(i), "addresses of the register table"});
      }
    }
  }
}

}  // namespace openane::mapping
