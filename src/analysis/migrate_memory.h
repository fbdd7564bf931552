// Where things lie in a migrated program.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "base/byte_reader.h"
#include "openane/program.h"

namespace openane::migration {

inline constexpr std::uint32_t kConstantSlot = 1;
inline constexpr std::uint64_t kStreamAlignment = 64;

/// Where the target expects things.
struct Places {
  std::map<std::uint32_t, std::uint32_t> tensor_slots;
  std::uint32_t constant_slot = kConstantSlot;
};

/// The constants of the migrated program: those that tasks read as tensors, and the coefficients packed anew.
class Constants {
 public:
  explicit Constants(const Program& program) : program_(program) {}
  /// Where the bytes of an old section begin; it is taken over when it is first asked for. Nothing for other slots.
  [[nodiscard]] std::optional<std::uint32_t> base(std::uint32_t slot) {
    if (const auto known = bases_.find(slot); known != bases_.end()) {
      return known->second;
    }
    for (const ConstantSection& section : program_.constants) {
      if (section.slot == slot) {
        return bases_[slot] = add(section.data.span());
      }
    }
    return std::nullopt;
  }
  /// Returns where the bytes went.
  std::uint32_t add(std::span<const std::uint8_t> data) {
    bytes_.resize(align_up(bytes_.size(), kStreamAlignment));
    const auto at = static_cast<std::uint32_t>(bytes_.size());
    bytes_.insert(bytes_.end(), data.begin(), data.end());
    return at;
  }
  [[nodiscard]] std::vector<std::uint8_t> take() {
    bytes_.resize(align_up(bytes_.size(), kStreamAlignment));
    return std::move(bytes_);
  }

 private:
  const Program& program_;
  std::vector<std::uint8_t> bytes_;
  std::map<std::uint32_t, std::uint32_t> bases_;
};

}  // namespace openane::migration
