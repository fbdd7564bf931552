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

#include <algorithm>
#include <array>
#include <bit>
#include <bitset>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/op_text.h"
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

// Codes and rules that every known generation shares.
inline constexpr Codes<PlanarForm, 5> kForms{{{{2, PlanarForm::unary},
                                               {3, PlanarForm::binary},
                                               {4, PlanarForm::affine},
                                               {5, PlanarForm::unary_reduce},
                                               {6, PlanarForm::binary_reduce}}}};
inline constexpr Codes<PlanarOp, 5> kPlanarOps{
    {{{0, PlanarOp::add}, {1, PlanarOp::mul}, {2, PlanarOp::max}, {3, PlanarOp::min}, {4, PlanarOp::square}}}};
inline constexpr Codes<Reduction, 4> kReductions{
    {{{0, Reduction::sum}, {1, Reduction::average}, {2, Reduction::max}, {3, Reduction::min}}}};
inline constexpr Codes<Activation, 3> kActivations{
    {{{0, Activation::none}, {1, Activation::relu}, {2, Activation::table}}}};
/// Bits 3:0 of the register that sets up the multiply-accumulate: KernelMode and OpMode together.
inline constexpr Codes<NeuralMode, 4> kNeuralModes{
    {{{0x0, NeuralMode::convolution}, {0x8, NeuralMode::sum}, {0xb, NeuralMode::maximum}, {0xc, NeuralMode::bypass}}}};
inline constexpr std::uint32_t kNeuralTask = 0;  ///< TaskType of the neural path; the planar forms have the others.
inline constexpr std::string_view kNoPath = "0 on this path";

constexpr bool takes_second_source(PlanarForm form) {
  return form == PlanarForm::binary || form == PlanarForm::affine || form == PlanarForm::binary_reduce;
}

/// The field of the i-th of sixteen equal registers, from that of the first.
constexpr FieldRef channel_field(FieldRef first, std::size_t i) {
  return {first.address + 4 * static_cast<std::uint32_t>(i), first.lsb, first.width, false,
          static_cast<std::uint16_t>(first.ordinal + i)};
}

/// The fp16 number that equals `value`, NaN payloads included; nothing when there is none.
[[nodiscard]] constexpr std::optional<Half> exact_half(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7f800000u) == 0x7f800000u) {
    const std::uint32_t half = ((bits >> 16) & 0x8000u) | 0x7c00u | ((bits >> 13) & 0x3ffu);
    return (bits & 0x1fffu) == 0 ? std::optional(Half{static_cast<std::uint16_t>(half)}) : std::nullopt;
  }
  const Half rounded = to_half(value);
  return std::bit_cast<std::uint32_t>(to_float(rounded)) == bits ? std::optional(rounded) : std::nullopt;
}

[[nodiscard]] inline std::uint32_t get_bits(FieldRef field, std::uint32_t word) {
  return (word & field.mask()) >> field.lsb;
}

/// A shortened fp32 has 1 bit of sign, 8 of exponent and 10 of mantissa.
inline constexpr std::uint8_t kDroppedBits = 13;
[[nodiscard]] constexpr FieldRef top_bits(FieldRef field) {
  field.lsb = kDroppedBits;
  field.width = 32 - kDroppedBits;
  return field;
}

/// Names a field for an `Unknown`.
[[nodiscard]] Unknown describe(const Generation& generation, FieldRef field, std::uint32_t value,
                               std::string_view known);

/// What registers hold that no record writes, by ordinal.
struct AbsentValues {
  std::array<std::uint32_t, RegisterIndex::kMaximumRegisters> words{};  ///< 0 where it is not known.
  RegisterIndex::Set known{};
};

/// What a generation's register table says, in the form in which tasks are read; made once.
struct Tables;
[[nodiscard]] const Tables& tables(const Generation& generation);
[[nodiscard]] const AbsentValues& absent_values(const Tables& tables);
template <typename G>
[[nodiscard]] const Tables& tables_of() {
  static const Tables& made = tables(G::generation());
  return made;
}

/// What the table leaves open in a residue: bits without a field, neutral fields with values that no understood program
/// has, registers outside every block. Blocks of the path that does not compute are ignored: the engine ignores them
/// too. `index` is that of the task the residue was left from: both have the same records.
void collect_unknowns(const Tables& tables, const Task& residue, const RegisterIndex& index, bool planar,
                      std::vector<Unknown>& unknowns);

/// Words of a task, by field.
template <typename G>
class Words {
 public:
  explicit Words(const Task& task) : task_(task), index_(task, G::blocks()) {}

  [[nodiscard]] bool has(FieldRef field) const { return position(field) != kAbsent; }
  /// The word that a record writes, to be changed in place; null when none does.
  [[nodiscard]] std::uint32_t* written(FieldRef field) {
    const std::uint32_t at = position(field);
    return at == kAbsent ? nullptr : &task_.mutable_words()[at];
  }
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
    return field.in_header || ((absent_.known[field.ordinal / 64] >> (field.ordinal % 64)) & 1u) != 0;
  }
  [[nodiscard]] Task take() { return std::move(task_); }
  [[nodiscard]] Task& task() { return task_; }
  [[nodiscard]] const RegisterIndex& index() const { return index_; }

 private:
  static constexpr std::uint32_t kAbsent = 0xffffffffu;
  [[nodiscard]] std::uint32_t position(FieldRef field) const {
    if (field.in_header) {
      return field.address / 4 < task_.header_size() ? field.address / 4 : kAbsent;
    }
    const std::uint32_t at = index_.position(field.ordinal);
    return at == 0 ? kAbsent : at;
  }
  [[nodiscard]] std::uint32_t default_word(FieldRef field) const {
    return field.in_header ? 0 : absent_.words[field.ordinal];
  }
  Task task_;
  RegisterIndex index_;
  const AbsentValues& absent_ = absent_values(tables_of<G>());
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
  /// A field of several bits of which only 0 and 1 are understood keeps other values in the residue.
  void flag(FieldRef field, bool& value) {
    if (field.width > 1 && words_.peek(field) > 1) {
      value = false;
      unexplained(field, "0 or 1");
    } else {
      value = take(field) != 0;
    }
  }
  void half(FieldRef field, Half& value) { value.bits = static_cast<std::uint16_t>(take(field)); }
  void single(FieldRef field, float& value) { value = std::bit_cast<float>(take(field)); }
  /// An fp32 whose low 13 bits the register drops; they stay in the residue.
  void short_single(FieldRef field, float& value) {
    value = std::bit_cast<float>(take(top_bits(field)) << kDroppedBits);
  }
  /// A constant stored as fp16.
  void half_constant(FieldRef field, float& value) { value = to_float(Half{static_cast<std::uint16_t>(take(field))}); }
  /// What the generation cannot express, or what nobody knows how to express; nothing to check in a task that exists.
  void refuse_unless(bool /*possible*/, std::string_view /*what*/) {}
  void refuse_unknown(bool /*present*/, std::string_view /*what*/) {}
  /// A base address: slot and offset of the address packet that writes the register.
  void base(FieldRef field, std::uint8_t& slot, std::uint32_t& offset) {
    const std::optional<std::uint8_t> named = words_.task().slot_of(field.address);
    if (!named) {
      unexplained(field, "an address packet");
      return;
    }
    slot = *named;
    offset = words_.peek(field);
    words_.put(field, 0);
    bases_.at(base_count_++) = field.address;
  }
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
    if (const std::uint32_t raw = words_.peek(field); raw != expected) {
      unknowns_.push_back(describe(G::generation(), field, raw, known));
    }
    implied(field, expected);
  }
  void implied(FieldRef field, std::uint32_t expected) {
    if (std::uint32_t* const word = words_.written(field)) {
      *word ^= (expected << field.lsb) & field.mask();
    }
  }
  void unexplained(FieldRef field, std::string_view known) {
    unknowns_.push_back(describe(G::generation(), field, words_.peek(field), known));
  }
  /// What the op does not own; what is unexplained in it joins the unknowns. Ends the lift.
  [[nodiscard]] Task residue(bool planar) {
    // Not before: one packet may hold several base addresses, and all of them are read from its slot.
    for (std::size_t i = 0; i < base_count_; ++i) {
      words_.task().set_slot(bases_.at(i), 0);
    }
    collect_unknowns(tables_of<G>(), words_.task(), words_.index(), planar, unknowns_);
    return words_.take();
  }

 private:
  std::uint32_t take(FieldRef field) {
    if (std::uint32_t* const word = words_.written(field)) {
      const std::uint32_t value = get_bits(field, *word);
      *word &= ~field.mask();
      return value;
    }
    need(field);
    return words_.peek(field);
  }
  void need(FieldRef field) {
    if (!words_.has(field) && !words_.known_when_absent(field)) {
      unexplained(field, "written: the value of the absent register is not known");
    }
  }
  Words<G> words_;
  std::vector<Unknown>& unknowns_;
  std::array<std::uint32_t, 8> bases_{};  ///< A task has five: two sources, result, coefficients, table.
  std::size_t base_count_ = 0;
};

/// Whose records an op is encoded over: those of the task it was lifted from, or a template with every register, whose
/// address packets are still to be made.
enum class Over : std::uint8_t { residue, everything };

template <typename G>
class Encoder {
 public:
  static constexpr bool kLifting = false;
  explicit Encoder(const Task& residue, Over over = Over::residue) : words_(residue), over_(over) {}

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
  void flag(FieldRef field, bool value) {
    if (value || words_.peek(field) <= 1) {
      put(field, value ? 1 : 0);
    }
  }
  void half(FieldRef field, Half value) { put(field, value.bits); }
  void single(FieldRef field, float value) { put(field, std::bit_cast<std::uint32_t>(value)); }
  void half_constant(FieldRef field, float value) {
    if (const std::optional<Half> exact = exact_half(value)) {
      put(field, exact->bits);
    } else {
      refuse_text(field, fmt::format("{} is no fp16 number", value));
    }
  }
  void short_single(FieldRef field, float value) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
    if ((bits & ((1u << kDroppedBits) - 1)) != 0) {
      refuse_text(field, fmt::format("{} needs more than the 10 bits of mantissa there are", value));
      return;
    }
    put(top_bits(field), bits >> kDroppedBits);
  }
  void refuse_unless(bool possible, std::string_view what) {
    if (!possible && !error_) {
      error_ = Error{ErrorCategory::unsupported, fmt::format("{} {}", G::generation().id, what), {}};
    }
  }
  void refuse_unknown(bool present, std::string_view what) {
    if (present && !error_) {
      error_ = Error{ErrorCategory::missing_specification, fmt::format("{}: {}", G::generation().id, what), {}};
    }
  }
  void base(FieldRef field, std::uint8_t slot, std::uint32_t offset) {
    if (slot > 0x3f) {
      refuse(field, slot, "is no slot of an address packet (at most 63)");
    } else if (words_.task().set_slot(field.address, slot)) {
      put(field, offset);
      named_.emplace_back(field.address, slot);
    } else if (over_ == Over::everything || slot != 0 || offset != 0) {
      bases_[field.address] = {slot, offset};  // Slot 0 offset 0 is what a lifted task without the packet has.
    }
  }
  template <typename E, std::size_t N>
  void code(FieldRef field, E value, const Codes<E, N>& codes, E unknown, std::string_view known) {
    if (value == unknown) {
      return;
    }
    if (const std::optional<std::uint32_t> raw = codes.encode(value)) {
      put(field, *raw);
    } else {
      refuse_text(field, fmt::format("{} has no code ({})", to_string(value), known));
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
  [[nodiscard]] bool needs_more_records() {
    // A packet of several base addresses has one slot for all of them.
    const auto renamed = [&](const auto& base) { return words_.task().slot_of(base.first) != base.second; };
    return missing_ || !bases_.empty() || std::ranges::any_of(named_, renamed);
  }
  /// Base addresses that no address packet of the residue names, by register address.
  struct Base {
    std::uint8_t slot = 0;
    std::uint32_t offset = 0;
  };
  [[nodiscard]] const std::map<std::uint32_t, Base>& bases() const { return bases_; }
  /// Registers the op has written, by ordinal.
  [[nodiscard]] const std::bitset<RegisterIndex::kMaximumRegisters>& touched() const { return touched_; }
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
    if (!field.in_header) {
      touched_.set(field.ordinal);
    }
    missing_ = !words_.put(field, value) || missing_;
  }
  void refuse_text(FieldRef field, const std::string& why) {
    if (!error_) {
      const Unknown name = describe(G::generation(), field, 0, {});
      error_ = Error{ErrorCategory::unsupported,
                     fmt::format("{} cannot encode {}.{}.{}: {}", G::generation().id, name.block, name.register_name,
                                 name.field, why),
                     {}};
    }
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
  Over over_;
  std::map<std::uint32_t, Base> bases_;
  std::vector<std::pair<std::uint32_t, std::uint8_t>> named_;  ///< Base addresses in packets, with their slots.
  std::bitset<RegisterIndex::kMaximumRegisters> touched_;
  bool missing_ = false;
  std::optional<Error> error_;
};

}  // namespace openane::mapping
