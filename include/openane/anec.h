// ANEC: the container of the Asahi Linux tools (eiln/anecc, libane): a fixed header, then tasks and constants
// (hwx-container.md 15).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "openane/program.h"

namespace openane {

/// Bytes from the start of the file to its body. anecc writes 0x1000, newer libane reads 0x800.
enum class AnecHeader : std::uint32_t { bytes_0x1000 = 0x1000, bytes_0x800 = 0x800 };

[[nodiscard]] bool looks_like_anec(std::span<const std::uint8_t> data);
[[nodiscard]] Result<Program> read_anec(const Bytes& data);
/// Channels are slots: outputs must stand at 4 and up, inputs after them. A program bound otherwise has its slots
/// renumbered in the task headers. The header size is the carried one's, else 0x1000.
[[nodiscard]] Result<std::vector<std::uint8_t>> write_anec(const Program& program,
                                                           std::optional<AnecHeader> header = {});

}  // namespace openane
