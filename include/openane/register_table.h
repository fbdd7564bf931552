// Generations and their register tables.
//
// A task is a header and a list of register writes. What each word and bit of them is called, and how sure we are,
// stands in `data/isa/<generation>.toml`; the build turns those files into the constant tables seen here. Decoder,
// encoder, listing, assembler, diff, checker and documentation all read these tables and nothing else.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace openane {

/// How a claim is known. `unknown` is also the grade of what nobody has named.
enum class Grade : std::uint8_t { unknown, guess, reported, file, hardware };
[[nodiscard]] std::string_view to_string(Grade grade);

enum class FieldType : std::uint8_t { unsigned_integer, signed_integer, fp16, fp32, fp32_top19 };
/// "unsigned", "signed", "fp16", "fp32", "fp32_top19" (an fp32 whose low 13 bits are dropped).
[[nodiscard]] std::string_view to_string(FieldType type);

/// What a field does to the numbers a task computes.
enum class Effect : std::uint8_t {
  data,     ///< Part of the meaning: the lift puts it into the EngineOp.
  none,     ///< Scheduling, tiling, logging, caching: no effect on results is known.
  neutral,  ///< Meaning unknown, but the listed values are those of programs that are understood; others stop the
            ///< emulator.
};
[[nodiscard]] std::string_view to_string(Effect effect);

struct Enumerator {
  std::uint32_t value = 0;
  Grade grade = Grade::unknown;  ///< `unknown`: as sure as the field it stands in.
  std::string_view name;
  std::string_view meaning;
};

struct Field {
  std::string_view name;
  std::uint8_t lsb = 0;
  std::uint8_t width = 32;
  FieldType type = FieldType::unsigned_integer;
  std::uint32_t unit = 1;  ///< The quantity in bytes is field * unit where the table gives a unit; else 1.
  Grade grade = Grade::unknown;
  Effect effect = Effect::neutral;
  std::span<const std::uint32_t> neutral;  ///< For Effect::neutral: the understood values. Never empty there.
  std::span<const Enumerator> enumerators;
  std::string_view meaning;

  [[nodiscard]] constexpr std::uint32_t mask() const {
    return (width >= 32 ? 0xffffffffu : ((1u << width) - 1u)) << lsb;
  }
  [[nodiscard]] constexpr std::uint32_t get(std::uint32_t word) const { return (word & mask()) >> lsb; }
  [[nodiscard]] constexpr std::uint32_t set(std::uint32_t word, std::uint32_t value) const {
    return (word & ~mask()) | ((value << lsb) & mask());
  }
};

/// `reserved` words are known to be padding; `unknown` words have a position and nothing else.
enum class RegisterStatus : std::uint8_t { named, reserved, unknown };
[[nodiscard]] std::string_view to_string(RegisterStatus status);

/// What the loader puts into a register that an address packet writes.
enum class Relocation : std::uint8_t {
  none,
  low,         ///< Low half of a 64-bit address; all of it on linked generations.
  high,        ///< High half of a 64-bit address.
  dma_config,  ///< The data set id inside a DMA configuration word.
  data_set,    ///< A whole data set id word.
};
[[nodiscard]] std::string_view to_string(Relocation relocation);

/// What an unwritten register holds.
struct RegisterDefault {
  std::uint32_t value = 0;
  Grade grade = Grade::unknown;
  friend bool operator==(const RegisterDefault&, const RegisterDefault&) = default;
};

struct Register {
  std::string_view name;
  std::uint32_t address = 0;  ///< Byte address; for header words the byte offset from the start of the task.
  RegisterStatus status = RegisterStatus::named;
  Grade grade = Grade::unknown;            ///< Of name and position; the fields have grades of their own.
  std::span<const Field> fields;           ///< Ascending by lsb, never overlapping.
  std::span<const std::uint32_t> neutral;  ///< For the bits no field covers: the understood values ({0} unless listed).
  std::optional<RegisterDefault>
      fallback;  ///< What the engine assumes when no record writes the word, where that is known.
  Relocation relocation = Relocation::none;
  std::string_view alias;  ///< Another name in use; empty when there is none.
  std::string_view meaning;

  [[nodiscard]] std::uint32_t named_bits() const;
  [[nodiscard]] const Field* find(std::string_view field_name) const;
};

/// Which computing path reads a block; the other path ignores it.
enum class BlockPath : std::uint8_t { both, neural, planar };

struct Block {
  std::string_view name;
  std::uint32_t base = 0;   ///< Byte address.
  std::uint32_t words = 0;  ///< Registers the full block spans.
  bool base_known = true;   ///< False: `base` is only a position; nobody has published the hardware address.
  BlockPath path = BlockPath::both;
  Grade grade = Grade::unknown;
  std::uint32_t object_offset =
      0;  ///< Where the compiler's descriptor object keeps the block, informative; 0 = not known.
  std::span<const Register> registers;
  std::string_view meaning;
};

/// A field with the place of its register: what generated constants such as `h13::kCommon_InDim_Win` are.
struct FieldRef {
  std::uint32_t address = 0;  ///< Byte address; byte offset in the header when `in_header`.
  std::uint8_t lsb = 0;
  std::uint8_t width = 32;
  bool in_header = false;
  std::uint16_t ordinal =
      0;  ///< The register's number, counted through all blocks of the table; the word's index in the header.
  [[nodiscard]] constexpr std::uint32_t mask() const {
    return (width >= 32 ? 0xffffffffu : ((1u << width) - 1u)) << lsb;
  }
};

/// Base (byte address) and size of a block, for constant tables: what generated headers call `kBlocks`.
struct BlockRange {
  std::uint32_t base, words;
};

/// How register writes are written in the stream.
enum class StreamForm : std::uint8_t {
  unknown,
  linked,  ///< H11..H13: dense records, byte addresses, tasks linked by offsets.
  packet,  ///< H14 and later: dense, scatter and address packets, word addresses, tasks in sequence.
};
[[nodiscard]] std::string_view to_string(StreamForm form);

/// The header fields a task walk needs. A field of width 0 does not exist in the generation.
struct HeaderRoles {
  FieldRef task_id;      ///< Index of the task.
  FieldRef task_words;   ///< Packet streams: words of this task.
  FieldRef next_words;   ///< Linked streams: words of the next task minus 1; 0 on the last.
  FieldRef next_offset;  ///< Linked streams: byte offset of the next task; 0 on the last.
  FieldRef next_enable;  ///< Linked streams: 1 on every task but the last.
  FieldRef not_first;    ///< 0 on the first task, 1 on later ones.
  FieldRef last;         ///< 1 on the last task.
  FieldRef extra_word;   ///< 1: one extra header word follows.
};

/// Packet streams: the registers that hold the addresses of a task's operands (the low half). 0 = not in the table.
struct AddressRegisters {
  std::uint32_t source1 = 0;
  std::uint32_t source2 = 0;
  std::uint32_t destination = 0;
  std::uint32_t kernel = 0;  ///< The coefficients.
  std::uint32_t table = 0;   ///< The activation table.
};

/// Linked streams whose block addresses nobody has published: what the records of a task write, in their order.
struct RecordPlace {
  std::uint32_t address = 0;  ///< Of the first register, in this table.
  std::uint32_t words = 0;
};

/// What an entry of the program descriptor's slot table, or of an address packet, stands for.
struct Slot {
  std::uint32_t index = 0;
  Grade grade = Grade::unknown;
  std::string_view meaning;
};

struct Generation {
  std::string_view id;      ///< "H13"
  std::string_view target;  ///< "h13"
  std::span<const std::string_view> targets;
  std::span<const std::uint32_t> cpu_subtypes;
  std::uint32_t td_version = 0;
  std::string_view family;  ///< Name of the compiler's family index; empty when not published.
  StreamForm stream = StreamForm::unknown;
  std::uint32_t header_words = 0;  ///< Without the optional extra word; 0 = unknown.
  HeaderRoles roles;
  AddressRegisters addresses;
  std::uint32_t task_align = 0;                   ///< Bytes.
  std::uint32_t lead_in_bytes = 0;                ///< Frame before the first task.
  std::uint32_t frame_word = 0;                   ///< First word of that frame in decoded programs; meaning unknown.
  std::uint32_t slot_count = 0;                   ///< Entries of the program descriptor's slot table.
  std::uint32_t slot_bytes = 0;                   ///< Bytes of one entry.
  std::uint32_t first_tensor_slot = 0;            ///< Slot of the first input or output.
  std::uint32_t program_flavor = 0;               ///< Of the program's LC_THREAD; 0 = not known.
  std::span<const std::uint32_t> program_counts;  ///< Word counts of that command that were seen.
  std::uint32_t debug_events_per_task = 0;        ///< What the descriptor counts for a task besides its header's bits.
  std::uint32_t relocation_byte = 0;              ///< Top byte of a text relocation's second word; 0 = not known.
  std::string_view kernel_location;               ///< Sections that hold coefficients.
  std::string_view default_format;                ///< Element format of an unwritten format word; empty when not known.
  Grade default_format_grade = Grade::unknown;
  bool absent_is_zero = false;  ///< An unwritten register may be read as 0 (H13); else its value is unknown.
  Grade grade = Grade::unknown;
  std::span<const Register> header;           ///< Header words in order, the optional one last.
  std::span<const Block> blocks;              ///< Ascending by base.
  std::span<const RecordPlace> record_order;  ///< Empty where the block addresses are known.
  std::span<const Slot> slots;
  std::string_view status;
  std::span<const std::string_view> open;  ///< What is not known, in sentences.
  std::span<const std::string_view> sources;

  /// The register at a byte address, or null.
  [[nodiscard]] const Register* find(std::uint32_t address) const;
  [[nodiscard]] const Block* block_of(std::uint32_t address) const;
  [[nodiscard]] const Block* find_block(std::string_view name) const;
  /// By "Block.Register", or a bare register name or alias that is unique in the generation, or a header word's name.
  [[nodiscard]] const Register* find(std::string_view name) const;
};

/// All generations with a table, ordered by id.
[[nodiscard]] std::span<const Generation* const> generations();
/// By id, target or chip name, without regard to case, spaces and dashes: "H13", "h13g", "m1", "M1 Pro", "a17pro". Null
/// when there is none.
[[nodiscard]] const Generation* find_generation(std::string_view name);
[[nodiscard]] const Generation* find_generation_by_subtype(std::uint32_t cpu_subtype);

}  // namespace openane
