// What the table leaves open in a task: one pass over its words.
#include <algorithm>
#include <array>
#include <vector>

#include "target/h13/h13.h"
#include "target/h13/register_index.h"

namespace openane::h13 {
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
  std::array<WatchedRegister, kRegisterCount> registers;
};

const Watches& watches() {
  static const Watches kWatches = [] {
    const Generation& generation = *find_generation("H13");
    Watches made;
    for (const Register& row : generation.header) {
      made.header.push_back(watch(row, nullptr));
    }
    for (const Block& block : generation.blocks) {
      for (const Register& row : block.registers) {
        made.registers[static_cast<std::size_t>(ordinal(row.address))] = watch(row, &block);
      }
    }
    return made;
  }();
  return kWatches;
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

void collect_unknowns(const Task& residue, bool planar, std::vector<Unknown>& unknowns) {
  const Watches& all = watches();
  for (std::uint32_t i = 0; i < residue.header_size(); ++i) {
    inspect(all.header[i], residue.words()[i], unknowns);
  }
  const RegisterIndex index(residue);
  const BlockPath other = planar ? BlockPath::neural : BlockPath::planar;
  for (std::size_t i = 0; i < kRegisterCount; ++i) {
    if (const std::uint32_t at = index.position_of_ordinal(i); at != 0 && all.registers[i].block->path != other) {
      inspect(all.registers[i], residue.words()[at], unknowns);
    }
  }
  for (const Record& record : residue.records()) {
    for (std::uint32_t i = 0; i < record.count; ++i) {
      if (ordinal(record.address + 4 * i) < 0) {
        unknowns.push_back(
            {{}, "register outside every known block", {}, record.address + 4 * i, "addresses of the register table"});
      }
    }
  }
}

}  // namespace openane::h13
