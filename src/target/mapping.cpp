// What the table leaves open in a task: one pass over its words.
#include "target/mapping.h"

#include <algorithm>
#include <map>
#include <mutex>

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

struct Watches {
  std::vector<WatchedRegister> header;
  std::vector<WatchedRegister> registers;  ///< By ordinal.
};

Watches make_watches(const Generation& generation) {
  Watches made;
  for (const Register& row : generation.header) {
    made.header.push_back(watch(row, nullptr));
  }
  for (const Block& block : generation.blocks) {
    for (const Register& row : block.registers) {
      made.registers.push_back(watch(row, &block));
    }
  }
  return made;
}

const Watches& watches(const Generation& generation) {
  static const std::map<const Generation*, Watches> kWatches = [] {
    std::map<const Generation*, Watches> all;
    for (const Generation* each : generations()) {
      all.emplace(each, make_watches(*each));
    }
    return all;
  }();
  return kWatches.at(&generation);
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

void collect_unknowns(const Generation& generation, std::span<const BlockRange> blocks, const Task& residue,
                      bool planar, std::vector<Unknown>& unknowns) {
  const Watches& all = watches(generation);
  for (std::uint32_t i = 0; i < residue.header_size(); ++i) {
    inspect(all.header[i], residue.words()[i], unknowns);
  }
  const RegisterIndex index(residue, blocks);
  const BlockPath other = planar ? BlockPath::neural : BlockPath::planar;
  for (std::size_t i = 0; i < all.registers.size(); ++i) {
    if (const std::uint32_t at = index.position(i); at != 0 && all.registers[i].block->path != other) {
      inspect(all.registers[i], residue.words()[at], unknowns);
    }
  }
  for (const Record& record : residue.records()) {
    for (std::uint32_t i = 0; i < record.count; ++i) {
      if (register_ordinal(blocks, record.address_of(i)) < 0) {
        unknowns.push_back(
            {{}, "register outside every known block", {}, record.address_of(i), "addresses of the register table"});
      }
    }
  }
}

}  // namespace openane::mapping
