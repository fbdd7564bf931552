// Convolutions in fp32 through oneDNN.
#pragma once

#include <optional>

#include "reference/bounds.h"
#include "reference/convolution.h"
#include "reference/onednn_engine.h"

namespace openane::reference {

enum class Direction : std::uint8_t { forward, transposed };

/// What one convolution reads and writes.
struct ConvolutionRun {
  Direction direction = Direction::forward;
  const float* source = nullptr;
  bool source_is_channels_last = false;  ///< 2-D and forward only, as `result_is_channels_last`.
  Operand weight;
  const float* bias = nullptr;
  float* result = nullptr;
  bool result_is_channels_last = false;
  std::optional<Bounds<float>> bounds;
  unsigned threads = 1;
};

/// `convolve` or, transposed, `convolve_transposed`: `source` and `result` are what those read and write. False when
/// oneDNN does not take these extents.
[[nodiscard]] Result<bool> onednn_convolve(const Convolution& conv, const ConvolutionRun& run);

}  // namespace openane::reference
