#include "program/footprint.h"

#include <algorithm>
#include <utility>

#include "base/saturating.h"

namespace openane {
namespace {

Extent exchanged(Extent extent, bool exchange) {
  if (exchange) {
    std::swap(extent.width, extent.channels);
  }
  return extent;
}

std::uint64_t reach(std::uint32_t count, std::uint32_t stride) { return std::uint64_t{count - 1} * stride; }

}  // namespace

std::uint64_t surface_end(const SurfaceView& view, const Extent& stored, std::uint32_t groups) {
  if (groups == 0 || stored.width == 0 || stored.height == 0 || stored.depth == 0 || stored.channels == 0) {
    return 0;
  }
  const std::uint64_t element = view.type == ElementType::float16 || view.type == ElementType::invalid ? 2 : 1;
  const std::uint64_t interleave = std::max<std::uint64_t>(view.interleave, 1);
  const auto planes = static_cast<std::uint32_t>((stored.channels + interleave - 1) / interleave);
  const std::uint64_t lanes_in_last = stored.channels - (planes - 1) * interleave;
  // Along the channels the last byte is in the last plane, or in the last full plane when planes lie closer than lanes.
  const auto lanes_end = [&](std::uint64_t lanes) { return ((stored.width - 1) * interleave + lanes) * element; };
  std::uint64_t across = saturating_add(reach(planes, view.strides.channel), lanes_end(lanes_in_last));
  if (planes > 1) {
    across = std::max(across, saturating_add(reach(planes - 1, view.strides.channel), lanes_end(interleave)));
  }
  std::uint64_t end = view.offset;
  end = saturating_add(end, reach(groups, view.strides.group));
  end = saturating_add(end, reach(stored.depth, view.strides.depth));
  end = saturating_add(end, reach(stored.height, view.strides.row));
  return saturating_add(end, across);
}

Extent stored_source_extent(const EngineOp& op, std::size_t index) {
  Extent extent = op.input;
  const Operand& operand = op.sources[index];
  const PlanarCompute* planar = op.planar();
  if (index == 1 && planar != nullptr && planar->form == PlanarForm::affine) {
    extent.width = 1;
    extent.height = 2;
  }
  extent.width = operand.broadcast.width ? 1 : extent.width;
  extent.height = operand.broadcast.height ? 1 : extent.height;
  extent.depth = operand.broadcast.depth ? 1 : extent.depth;
  extent.channels = operand.broadcast.channel ? 1 : extent.channels;
  return exchanged(extent, operand.exchange_channel_width);
}

Extent stored_result_extent(const EngineOp& op) {
  Extent extent = op.output;
  const PlanarCompute* planar = op.planar();
  if (planar != nullptr && (planar->form == PlanarForm::unary_reduce || planar->form == PlanarForm::binary_reduce)) {
    extent.width = extent.height = 1;
  }
  return exchanged(extent, op.result.exchange_channel_width);
}

}  // namespace openane
