#include "program/selectors.h"

#include <array>

namespace openane {
namespace {

struct Row {
  std::string_view name, register_name, slot, enable;
  SelectorUse use;
};

// KBase1..3 and their enables are zero in every known program.
constexpr std::array<Row, 8> kRows = {{
    {"Header8.RBase0", "Header8", "RBase0", "RBE0", SelectorUse::source},
    {"Header8.RBase1", "Header8", "RBase1", "RBE1", SelectorUse::source},
    {"Header8.WBase", "Header8", "WBase", "WBE", SelectorUse::destination},
    {"Header8.TBase", "Header8", "TBase", "TBE", SelectorUse::tasks},
    {"Header9.KBase0", "Header9", "KBase0", "KBE0", SelectorUse::kernel},
    {"Header9.KBase1", "Header9", "KBase1", "KBE1", SelectorUse::kernel},
    {"Header9.KBase2", "Header9", "KBase2", "KBE2", SelectorUse::kernel},
    {"Header9.KBase3", "Header9", "KBase3", "KBE3", SelectorUse::kernel},
}};

}  // namespace

std::vector<Selector> selectors_of(const Generation& generation) {
  std::vector<Selector> selectors;
  for (const Row& row : kRows) {
    const Register* word = generation.find(row.register_name);
    const Field* slot = word != nullptr ? word->find(row.slot) : nullptr;
    const Field* enable = word != nullptr ? word->find(row.enable) : nullptr;
    if (slot != nullptr && enable != nullptr) {
      selectors.push_back({row.name, row.use, FieldRef{word->address, slot->lsb, slot->width, true},
                           FieldRef{word->address, enable->lsb, enable->width, true}});
    }
  }
  return selectors;
}

}  // namespace openane
