// HWX: Apple's program container, a 64-bit Mach-O with another magic (hwx-container.md). Read, validated by its rules,
// written.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "openane/program.h"

namespace openane {

/// Compiler whose conventions a newly built container follows (hwx-container.md 10).
enum class HwxProfile : std::uint8_t {
  v4,  ///< macOS 11: LC_LOADFVMLIB, short I/O descriptors, "x@output" symbols, outputs first.
  v5,  ///< macOS 12: the form both Apple's loader and the Asahi tools are known to take. The default.
  v7,  ///< macOS 14: 64-bit buffer references, TLVs.
  v9,  ///< macOS 15 and 26: text after the buffers, slots in alphabetical order.
};

[[nodiscard]] bool looks_like_hwx(std::span<const std::uint8_t> data);
[[nodiscard]] Result<Program> read_hwx(const Bytes& data);
/// A program that carries its HWX container, with sections of unchanged size, is written into that container: byte for
/// byte when nothing changed. Otherwise a container is built for `profile` (by default the carried compiler's own, else
/// v5; H14 and later are known from v9 only).
[[nodiscard]] Result<std::vector<std::uint8_t>> write_hwx(const Program& program,
                                                          std::optional<HwxProfile> profile = {});

}  // namespace openane
