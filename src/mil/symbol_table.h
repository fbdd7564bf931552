// Names in scope while a text or a protobuf program is read.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "openane/mil_program.h"

namespace openane::mil {

/// Open addressing over views of names that outlive the table. A scope remembers what its names hid and puts it back.
class SymbolTable {
 public:
  SymbolTable() : slots_(256) {}

  /// The innermost variable of that name; none when there is none.
  [[nodiscard]] VariableId find(std::string_view name) const { return slots_[slot_of(name)].variable; }

  /// Defines a name in the innermost scope. False when that scope has it already.
  bool define(std::string_view name, VariableId variable) {
    std::size_t at = slot_of(name);
    if (slots_[at].variable && slots_[at].depth == depth_) {
      return false;
    }
    if (slots_[at].name.data() == nullptr) {
      if (4 * (used_ + 1) > 3 * slots_.size()) {
        grow();
        at = slot_of(name);
      }
      ++used_;
    }
    hidden_.push_back({name, slots_[at].variable, slots_[at].depth});
    slots_[at] = {name, variable, depth_};
    return true;
  }

  void open_scope() {
    ++depth_;
    scopes_.push_back(hidden_.size());
  }
  void close_scope() {
    while (hidden_.size() > scopes_.back()) {
      const Slot& old = hidden_.back();
      slots_[slot_of(old.name)] = old;
      hidden_.pop_back();
    }
    scopes_.pop_back();
    --depth_;
  }

 private:
  struct Slot {
    std::string_view name;
    VariableId variable;
    std::uint32_t depth = 0;
  };

  [[nodiscard]] std::size_t slot_of(std::string_view name) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = std::hash<std::string_view>{}(name)&mask;
    while (slots_[at].name.data() != nullptr && slots_[at].name != name) {
      at = (at + 1) & mask;
    }
    return at;
  }

  void grow() {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.name.data() != nullptr) {
        slots_[slot_of(slot.name)] = slot;
      }
    }
  }

  std::vector<Slot> slots_;
  std::size_t used_ = 0;
  std::uint32_t depth_ = 0;
  std::vector<Slot> hidden_;
  std::vector<std::size_t> scopes_;
};

}  // namespace openane::mil
