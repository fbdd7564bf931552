// The numbers of the HWX format (hwx-container.md sections 1 to 7). Everything is little-endian.
//
// An HWX is a 64-bit Mach-O with another magic: header, load commands, symbol table, strings, relocations, padding to a
// page, then the file-backed segments. What is peculiar to it are the segments (one of type __FVMLIB, without file
// bytes, per tensor) and the LC_THREAD commands, whose payload is not a register state but a program descriptor (flavor
// 1 or 4) or a tensor descriptor (flavor 3), followed by the strings it names. Offsets below count from the start of
// the load command.
#pragma once

#include <cstdint>
#include <string_view>

namespace openane::hwx {

inline constexpr std::uint32_t kMagic = 0xbeefface;
inline constexpr std::uint32_t kCpuType = 0x80;
inline constexpr std::uint32_t kFileType = 2;
inline constexpr std::uint32_t kFlags = 0x200000;
inline constexpr std::uint32_t kHeaderSize = 32;
inline constexpr std::uint64_t kPage = 0x4000;
inline constexpr std::uint64_t kBaseAddress = 0x30000000;
/// No known program spans more than a few GB; an address space beyond this is a damaged or hostile file.
inline constexpr std::uint64_t kMaximumAddressSpace = std::uint64_t{1} << 40;

// Load commands.
inline constexpr std::uint32_t kSegment = 0x19;
inline constexpr std::uint32_t kBufferReference = 0x06;    ///< LC_LOADFVMLIB; compilers v4 and v5.
inline constexpr std::uint32_t kBufferReference64 = 0x40;  ///< The same with a 64-bit address; v7 and later.
inline constexpr std::uint32_t kThread = 0x04;
inline constexpr std::uint32_t kIdent = 0x08;
inline constexpr std::uint32_t kNote = 0x31;
inline constexpr std::uint32_t kSymtab = 0x02;

inline constexpr std::uint32_t kSegmentCommandSize = 72;
inline constexpr std::uint32_t kSectionSize = 80;
inline constexpr std::uint32_t kSymtabCommandSize = 24;
inline constexpr std::uint32_t kSymbolSize = 16;
inline constexpr std::uint32_t kRelocationSize = 8;
inline constexpr std::uint32_t kMaximumAlignment = 14;  ///< Exponent.

/// The low byte of section flags.
enum class SectionType : std::uint8_t {
  input = 0x21,
  output = 0x23,
  scratch = 0x25,
  kernel = 0x26,
  text = 0x28,
  init = 0x2c,
  debug = 0x32
};
inline constexpr std::uint32_t kHasRelocations = 0x100;

// Thread flavors and where their fields stand.
inline constexpr std::uint32_t kProgramFlavor = 1;  ///< H13 and earlier.
inline constexpr std::uint32_t kTensorFlavor = 3;
inline constexpr std::uint32_t kProgramFlavorModern = 4;  ///< H14 and later.
inline constexpr std::uint32_t kThreadPayload = 0x10;

inline constexpr std::uint32_t kSlots = 0x10;
inline constexpr std::uint32_t kSlotTableBytes = 0x800;
inline constexpr std::uint32_t kTextAddress = 0x810;

/// Offsets of a program descriptor that differ between the two flavors.
struct ProgramFields {
  std::uint32_t minimum_count;  ///< Payload words without TLVs.
  std::uint32_t slot_bytes;
  std::uint32_t first_task_words;  ///< Words of the first task minus 1; 0 = the flavor has none.
  std::uint32_t task_count;
  std::uint32_t name_offset;
  std::uint32_t scratch_used;
  std::uint32_t debug_events;
  std::uint32_t log_events;
  std::uint32_t tlv_count;  ///< TLVs follow it.
};
inline constexpr ProgramFields kProgramFields = {0x214, 8, 0x818, 0x81c, 0x83c, 0x848, 0x850, 0x858, 0x860};
inline constexpr ProgramFields kProgramFieldsModern = {0x21e, 16, 0, 0x830, 0x848, 0x858, 0x860, 0x868, 0x870};
inline constexpr std::uint32_t kTlvExeCycles = 9;
// The next ones stand in descriptors of H16 and later. Their meaning is not known; in every published program they have
// these values.
inline constexpr std::uint32_t kTlvScratch = 2;  ///< Bytes of scratch used, where there is scratch; as is the next one.
inline constexpr std::uint32_t kTlvWithScratch = 3;
inline constexpr std::uint64_t kTlvWithScratchValue = 0x0000000808020004;
inline constexpr std::uint32_t kTlvAlways = 7;
inline constexpr std::uint64_t kTlvAlwaysValue = 0x461c4000;

inline constexpr std::uint32_t kProgramFfff = 0x824;  ///< 0xffff in every file of flavor 1; meaning unknown.
/// Words of modern descriptors with the same value in every published program. Their meaning is not known.
inline constexpr std::uint32_t kModernFour = 0x820;
inline constexpr std::uint32_t kModernTextWords = 0x824;  ///< This one is known: words of the text section.
inline constexpr std::uint32_t kModernOnes = 0x838;       ///< 8 bytes, all ones.
inline constexpr std::uint32_t kModernFfff = 0x844;

// Tensor descriptor.
inline constexpr std::uint32_t kTensorMinimumCount = 0x1e;
inline constexpr std::uint32_t kTensorCountLong = 0x34a;
inline constexpr std::uint32_t kTensorVersion = 0x10;
inline constexpr std::uint32_t kTensorDirection = 0x14;
inline constexpr std::uint32_t kTensorProcedure = 0x18;
inline constexpr std::uint32_t kTensorName = 0x20;
inline constexpr std::uint32_t kTensorType = 0x24;
inline constexpr std::uint32_t kTensorShape = 0x28;    ///< u32 N, C, H, W, D
inline constexpr std::uint32_t kTensorStrides = 0x50;  ///< u64 N, C, H, W
inline constexpr std::uint32_t kTensorTotal = 0x70;
inline constexpr std::uint32_t kTensorInterleave = 0x78;
inline constexpr std::uint32_t kTensorSymbol = 0x7c;
inline constexpr std::uint32_t kTensorExtent = 0x80;
inline constexpr std::uint32_t kDirectionInput = 1;
inline constexpr std::uint32_t kDirectionOutput = 2;

// Symbol types.
inline constexpr std::uint8_t kSymbolExternal = 0x0f;  ///< Kernel tile or tensor.
inline constexpr std::uint8_t kSymbolLocal = 0x0e;     ///< Debug section.
inline constexpr std::uint8_t kSymbolStab = 0x20;      ///< Tensor shape.
inline constexpr std::uint8_t kSymbolType = 0x80;      ///< Type table entry, on-chip buffer.

/// Public family name of a cpusubtype, empty when nobody has named it; null for numbers no compiler is known to write.
struct Family {
  std::string_view name;
  std::uint32_t subtype;
  std::uint32_t td_version;
};
inline constexpr Family kFamilies[] = {
    {"H11", 0, 5},  {"H11", 1, 5},  {"T0", 2, 4},    {"H12", 3, 6},   {"H13", 4, 7},    {"H14", 5, 11}, {"H15", 6, 8},
    {"H16", 7, 17}, {"M11", 8, 10}, {"H17", 9, 19},  {"H18", 10, 20}, {"H18G", 11, 24}, {"", 12, 31},   {"", 14, 36},
    {"U1", 15, 1},  {"", 16, 28},   {"M12", 17, 26}, {"U2", 18, 1},   {"U3", 19, 1},    {"U4", 20, 1},
};
inline constexpr std::uint32_t kRuntimeSubtype = 11;

}  // namespace openane::hwx
