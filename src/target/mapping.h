// The machinery of a mapping: one description of how registers and an EngineOp correspond, read in both directions.
//
// A mapping is a function template over `M`. Run with a `Lifter` it moves bits out of a task into the op and leaves the
// rest in the residue; run with an `Encoder` it puts them back. Which bits the op owns may depend only on what was
// mapped before, so both runs take the same path and `encode(lift(t)) == t` holds by construction. Kinds of
// correspondence:
//   number, bytes, flag, half, single, code   the op owns the bits;
//   derived  the op implies the bits (an enable that follows from where an operand lives). The residue keeps the
//   difference to what is
//            implied, zero in every real program; a difference is reported as unknown;
//   implied  the same for bits without effect on results (header validity bits), where a difference is carried and not
//   reported.
// A register that no record writes has its generation's default where the table knows one; else it is reported, never
// assumed.
//
// `G` is a generation's traits: `static constexpr std::span<const BlockRange> blocks()` and `static const Generation&
// generation()`.
#pragma once

#include <fmt/format.h>

#include <array>
#include <bit>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "openane/engine_op.h"
#include "target/register_index.h"

namespace openane::mapping {

/// Raw register value <-> enumerator, for fields that map one to one.
template <typename E, std::size_t N>
struct Codes {
  std::array<std::pair<std::uint32_t, E>, N> rows;
  [[nodiscard]] constexpr std::optional<E> decode(std::uint32_t raw) const {
    for (const auto& [code, value] : rows) {
      if (code == raw) {
        return value;
      }
    }
    return std::nullopt;
  }
  [[nodiscard]] constexpr std::optional<std::uint32_t> encode(E value) const {
    for (const auto& [code, other] : rows) {
      if (other == value) {
        return code;
      }
    }
    return std::nullopt;
  }
};

[[nodiscard]] inline std::uint32_t get_bits(FieldRef field, std::uint32_t word) {
  return (word & field.mask()) >> field.lsb;
}

/// Names a field for an `Unknown`.
[[nodiscard]] Unknown describe(const Generation& generation, FieldRef field, std::uint32_t value,
                               std::string_view known);

/// Words of a task, by field.
template <typename G>
class Words {
 public:
  explicit Words(const Task& task) : task_(task), index_(task, G::blocks()) {}

  [[nodiscard]] bool has(FieldRef field) const { return position(field) != kAbsent; }
  /// The value the engine sees: the one written, else the default, else 0.
  [[nodiscard]] std::uint32_t peek(FieldRef field) const {
    const std::uint32_t at = position(field);
    return get_bits(field, at == kAbsent ? default_word(field) : task_.words()[at]);
  }
  /// False when no record writes the register and `value` is not what its absence means.
  bool put(FieldRef field, std::uint32_t value) {
    const std::uint32_t at = position(field);
    if (at == kAbsent) {
      return value == get_bits(field, default_word(field));
    }
    std::uint32_t& word = task_.mutable_words()[at];
    word = (word & ~field.mask()) | ((value << field.lsb) & field.mask());
    return true;
  }
  /// Whether an absent register may be read at all.
  [[nodiscard]] bool known_when_absent(FieldRef field) const {
    if (G::generation().absent_is_zero || field.in_header) {
      return true;
    }
    const Register* row = G::generation().find(field.address);
    return row != nullptr && row->fallback.has_value();
  }
  [[nodiscard]] Task take() { return std::move(task_); }
  [[nodiscard]] Task& task() { return task_; }

 private:
  static constexpr std::uint32_t kAbsent = 0xffffffffu;
  [[nodiscard]] std::uint32_t position(FieldRef field) const {
    if (field.in_header) {
      return field.address / 4 < task_.header_size() ? field.address / 4 : kAbsent;
    }
    const std::uint32_t at = index_.position(field.ordinal);
    return at == 0 ? kAbsent : at;
  }
  [[nodiscard]] static std::uint32_t default_word(FieldRef field) {
    if (G::generation().absent_is_zero || field.in_header) {
      return 0;
    }
    const Register* row = G::generation().find(field.address);
    return row != nullptr && row->fallback ? row->fallback->value : 0;
  }
  Task task_;
  RegisterIndex index_;
};

template <typename G>
class Lifter {
 public:
  static constexpr bool kLifting = true;
  Lifter(const Task& task, std::vector<Unknown>& unknowns) : words_(task), unknowns_(unknowns) {}

  [[nodiscard]] std::uint32_t peek(FieldRef field) const { return words_.peek(field); }

  template <typename T>
  void number(FieldRef field, T& value) {
    value = static_cast<T>(take(field));
  }
  /// A quantity in bytes whose low `lsb` bits are zero.
  void bytes(FieldRef field, std::uint32_t& value) { value = take(field) << field.lsb; }
  void flag(FieldRef field, bool& value) { value = take(field) != 0; }
  void half(FieldRef field, Half& value) { value.bits = static_cast<std::uint16_t>(take(field)); }
  void single(FieldRef field, float& value) { value = std::bit_cast<float>(take(field)); }
  /// An unexplained code becomes `unknown` and stays in the residue.
  template <typename E, std::size_t N>
  void code(FieldRef field, E& value, const Codes<E, N>& codes, E unknown, std::string_view known) {
    need(field);
    const std::uint32_t raw = words_.peek(field);
    if (const std::optional<E> decoded = codes.decode(raw)) {
      value = *decoded;
      words_.put(field, 0);
    } else {
      value = unknown;
      unknowns_.push_back(describe(G::generation(), field, raw, known));
    }
  }
  void derived(FieldRef field, std::uint32_t expected, std::string_view known) {
    const std::uint32_t raw = words_.peek(field);
    if (raw != expected) {
      unknowns_.push_back(describe(G::generation(), field, raw, known));
    }
    words_.put(field, raw ^ expected);
  }
  void implied(FieldRef field, std::uint32_t expected) { words_.put(field, words_.peek(field) ^ expected); }
  void unexplained(FieldRef field, std::string_view known) {
    unknowns_.push_back(describe(G::generation(), field, words_.peek(field), known));
  }
  [[nodiscard]] Task residue() { return words_.take(); }

 private:
  std::uint32_t take(FieldRef field) {
    need(field);
    const std::uint32_t value = words_.peek(field);
    words_.put(field, 0);
    return value;
  }
  void need(FieldRef field) {
    if (!words_.has(field) && !words_.known_when_absent(field)) {
      unexplained(field, "written: the value of the absent register is not known");
    }
  }
  Words<G> words_;
  std::vector<Unknown>& unknowns_;
};

template <typename G>
class Encoder {
 public:
  static constexpr bool kLifting = false;
  explicit Encoder(const Task& residue) : words_(residue) {}

  template <typename T>
  void number(FieldRef field, const T& value) {
    put(field, static_cast<std::uint32_t>(value));
  }
  void bytes(FieldRef field, std::uint32_t value) {
    if ((value & ((1u << field.lsb) - 1u)) != 0) {
      refuse(field, value, fmt::format("is not a multiple of {}", 1u << field.lsb));
      return;
    }
    put(field, value >> field.lsb);
  }
  void flag(FieldRef field, bool value) { put(field, value ? 1 : 0); }
  void half(FieldRef field, Half value) { put(field, value.bits); }
  void single(FieldRef field, float value) { put(field, std::bit_cast<std::uint32_t>(value)); }
  template <typename E, std::size_t N>
  void code(FieldRef field, E value, const Codes<E, N>& codes, E unknown, std::string_view known) {
    if (value == unknown) {
      return;
    }
    if (const std::optional<std::uint32_t> raw = codes.encode(value)) {
      put(field, *raw);
    } else {
      refuse(field, static_cast<std::uint32_t>(value), fmt::format("has no code ({})", known));
    }
  }
  void derived(FieldRef field, std::uint32_t expected, std::string_view /*known*/) { implied(field, expected); }
  /// A task that does not write the register cannot hold the bits, in either direction.
  void implied(FieldRef field, std::uint32_t expected) {
    if (words_.has(field)) {
      put(field, words_.peek(field) ^ expected);
    }
  }
  void unexplained(FieldRef /*field*/, std::string_view /*known*/) {}

  /// True when the op needs a register that the residue's records do not write.
  [[nodiscard]] bool needs_more_records() const { return missing_; }
  [[nodiscard]] Result<Task> finish() {
    if (error_) {
      return std::unexpected(*std::move(error_));
    }
    return words_.take();
  }

 private:
  void put(FieldRef field, std::uint32_t value) {
    if (field.width < 32 && (value >> field.width) != 0) {
      refuse(field, value, fmt::format("does not fit {} bits (at most {})", field.width, (1u << field.width) - 1u));
      return;
    }
    missing_ = !words_.put(field, value) || missing_;
  }
  void refuse(FieldRef field, std::uint32_t value, const std::string& why) {
    if (!error_) {
      const Unknown name = describe(G::generation(), field, value, {});
      error_ = Error{ErrorCategory::unsupported,
                     fmt::format("{} cannot encode {}{}{}.{}: {} {}", G::generation().id, name.block,
                                 name.block.empty() ? "" : ".", name.register_name, name.field, value, why),
                     {}};
    }
  }
  Words<G> words_;
  bool missing_ = false;
  std::optional<Error> error_;
};

/// What the table leaves open in a residue: bits without a field, neutral fields with values that no understood program
/// has, registers outside every block. Blocks of the path that does not compute are ignored: the engine ignores them
/// too.
void collect_unknowns(const Generation& generation, std::span<const BlockRange> blocks, const Task& residue,
                      bool planar, std::vector<Unknown>& unknowns);

}  // namespace openane::mapping
