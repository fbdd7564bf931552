// H13 (A14, M1): lift and encode.
#pragma once

#include <array>

#include "openane/engine_op.h"

namespace openane::h13 {

[[nodiscard]] EngineOp lift(const Task& task);
[[nodiscard]] Result<Task> encode(const EngineOp& op);

/// The side record of an op that was not lifted: the values all decoded programs share (h13-isa.md 11), with tiling
/// words by the compiler's conventions (3.2). Proven on the emulator only; hardware may want the tiling of a decoded
/// program of the same shape.
[[nodiscard]] Task default_residue(const EngineOp& op);

/// The order in which full records stand in a classic task, as ordinals of the block table.
inline constexpr std::array<std::size_t, 7> kStreamOrder{6, 0, 4, 1, 2, 3, 5};

}  // namespace openane::h13
