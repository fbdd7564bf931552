// The vectorised inner loops of the multiply-accumulate models, compiled for several SIMD targets; the host's best is
// picked at run time.
//
// A kernel adds `terms` products to a tile of `rows` x `columns` sums. Vectors run over neighbouring sums of one row,
// so that every sum sees its terms one after the other, in stream order, whatever the vector's width.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace openane {

struct MacTile {
  std::size_t rows = 1;  ///< A power of two, up to 2^rows_log2.
  std::size_t terms = 0;
  const float* factors = nullptr;  ///< [term][row]
  const float* source = nullptr;   ///< Column j of term t is source[offsets[t] + j].
  const std::uint32_t* offsets = nullptr;
  float* sums = nullptr;  ///< Row i starts at sums + i*sum_stride.
  std::size_t sum_stride = 0;
  bool first = true;  ///< The sums start at zero; otherwise at what is there.
};

/// A 3x3 kernel slides over one plane, in steps of 1.
struct MacPlane {
  const float* factors = nullptr;  ///< [row][column] of the kernel.
  const float* source = nullptr;   ///< Rows `source_stride` apart.
  std::size_t source_stride = 0;
  float* sums = nullptr;  ///< Rows `sum_stride` apart; whole vectors are written, so that rows may run over.
  std::size_t sum_stride = 0;
  std::size_t width = 0, height = 0;  ///< Of the sums.
};

enum class MacArithmetic : std::uint8_t {
  ideal,
  h13,  ///< Without the clamp: for sums that are known to stay below 2^15. `terms` of all tiles but the last is a
        ///< multiple of 4.
  h13_clamped,  ///< A sum that has reached 2^15 stays as it is, with some magnitude of at least 2^15.
};

struct MacKernels {
  static constexpr std::size_t kMaxRowsLog2 = 3;
  using Kernel = void (*)(const MacTile& tile);

  const char* target = "";
  std::size_t rows_log2 = 0;  ///< Of the tallest kernel.
  std::size_t columns = 0;
  std::array<Kernel, kMaxRowsLog2 + 1> ideal{};  ///< By log2 of the rows.
  Kernel h13 = nullptr, h13_clamped = nullptr;   ///< For any number of rows.

  /// What `ideal` does too, with a third of the loads.
  void (*ideal_3x3)(const MacPlane& plane) = nullptr;

  /// Reads fp16 from memory of any alignment: exponent 31 reads as +-65536, NaN as +65536; `relu` turns negative
  /// elements to +0.
  void (*read_half)(const std::uint8_t* from, std::size_t count, bool relu, float* to) = nullptr;
  /// Replaces fp16 denormals by +0 and returns the largest magnitude.
  float (*flush_denormals)(float* values, std::size_t count) = nullptr;

  void add(MacArithmetic arithmetic, const MacTile& tile) const {
    switch (arithmetic) {
      case MacArithmetic::ideal:
        return ideal[static_cast<std::size_t>(std::countr_zero(tile.rows))](tile);
      case MacArithmetic::h13:
        return h13(tile);
      case MacArithmetic::h13_clamped:
        return h13_clamped(tile);
    }
  }
};

/// Of the best target this host has.
[[nodiscard]] MacKernels mac_kernels();

}  // namespace openane
