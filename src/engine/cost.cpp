// Figures that follow from an op alone. Products saturate: a hostile task may name 2^75 elements.
#include <algorithm>

#include "base/saturating.h"
#include "openane/engine_op.h"

namespace openane {
namespace {

template <typename... Factors>
std::uint64_t product(std::uint64_t first, Factors... rest) {
  std::uint64_t result = first;
  ((result = saturating_multiply(result, rest)), ...);
  return result;
}

std::uint64_t elements(const Extent& extent) {
  return product(extent.width, extent.height, extent.depth, extent.channels);
}

bool reduces(const EngineOp& op) {
  const PlanarCompute* planar = op.planar();
  return planar != nullptr && (planar->form == PlanarForm::unary_reduce || planar->form == PlanarForm::binary_reduce);
}

/// The extent a source has in memory: 1 along broadcast axes; the affine form's second source is two rows.
Extent stored_extent(const EngineOp& op, std::size_t index) {
  Extent extent = op.input;
  const Broadcast& broadcast = op.sources.at(index).broadcast;
  const PlanarCompute* planar = op.planar();
  extent.width = broadcast.width ? 1 : extent.width;
  extent.height = broadcast.height ? 1 : extent.height;
  extent.depth = broadcast.depth ? 1 : extent.depth;
  extent.channels = broadcast.channel ? 1 : extent.channels;
  if (index == 1 && planar != nullptr && planar->form == PlanarForm::affine) {
    extent.width = 1;
    extent.height = 2;
  }
  return extent;
}

bool on_surface(Place place) { return place == Place::surface || place == Place::surface_kept; }

std::uint64_t surface_bytes(const SurfaceView& surface, const Extent& extent, std::uint32_t groups) {
  // Groups that do not step read or write the same elements again.
  const std::uint64_t times = surface.strides.group == 0 ? std::min(groups, 1u) : groups;
  return product(elements(extent), times, element_bytes(surface.type).value_or(0));
}

/// Terms summed (or compared) for one output element.
std::uint64_t terms(const EngineOp& op, const NeuralCompute& neural) {
  const std::uint64_t inputs = neural.unicast ? neural.unicast_inputs : op.input.channels;
  switch (neural.mode) {
    case NeuralMode::convolution:
      return product(inputs, neural.window.kernel_width, neural.window.kernel_height);
    case NeuralMode::sum:
    case NeuralMode::maximum:
      return inputs;
    case NeuralMode::bypass:
      break;
  }
  return 0;
}

}  // namespace

OpCost cost(const EngineOp& op) {
  OpCost cost;
  for (std::size_t i = 0; i < op.sources.size(); ++i) {
    if (on_surface(op.sources[i].place)) {
      const std::uint64_t bytes = surface_bytes(op.sources[i].surface, stored_extent(op, i), op.groups);
      cost.bytes_read = saturating_add(cost.bytes_read, bytes);
    }
  }
  if (on_surface(op.result.place)) {
    Extent written = op.output;
    if (reduces(op)) {
      written.width = written.height = 1;
    }
    cost.bytes_written = surface_bytes(op.result.surface, written, op.groups);
  }
  if (const NeuralCompute* neural = op.neural()) {
    cost.multiply_adds = product(elements(op.output), op.groups, terms(op, *neural));
    if (neural->kernel.enabled) {
      for (const KernelChannel& channel : neural->kernel.channels) {
        cost.kernel_bytes += channel.enabled ? channel.size : 0;
      }
    }
  } else if (op.planar() != nullptr) {
    cost.planar_operations = product(elements(op.input), op.groups);
  }
  return cost;
}

}  // namespace openane
