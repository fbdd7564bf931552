// Which bytes of a surface a task's DMA touches (h13-isa.md 3.1).
#pragma once

#include <cstdint>

#include "openane/engine_op.h"

namespace openane {

/// addr(g,d,c,y,x) = offset + g*group + d*depth + (c / I)*channel + y*row + (x*I + c % I)*element bytes. One past the
/// last byte, saturating; 0 when an extent is 0 and nothing is touched.
[[nodiscard]] std::uint64_t surface_end(const SurfaceView& view, const Extent& stored, std::uint32_t groups);

/// Extents of source `index` as stored in memory: without the axes it repeats along, C and W exchanged where the DMA
/// exchanges them, two rows for the offsets and gains of the affine form.
[[nodiscard]] Extent stored_source_extent(const EngineOp& op, std::size_t index);
/// Extents of the result as stored in memory: 1 along what was reduced, C and W exchanged where the DMA exchanges them.
[[nodiscard]] Extent stored_result_extent(const EngineOp& op);

}  // namespace openane
