// Kernels and nonlinear tables as text.
//
//   conv: kernel {                          t: table sigmoid
//     shape = 64x64x3x3                     u: table {
//     weights = npy "w.npy"                   below = -4 0;  above = inf inf
//     bias = [0.5, ...]                       knots = [33 numbers]
//     table = relu6                           left = 0 0;  right = 1 0
//   }                                         density = 2;  mode = 0x01
//                                           }
#pragma once

#include "asm/data_text.h"
#include "target/h13/kernel_pack.h"

namespace openane {

struct KernelText {
  KernelLabel label;  ///< Offsets from the kernel's own start.
  std::vector<std::uint8_t> bytes;
};

/// `words` is the statement that begins with `table`: a formula with its parameters, or a block.
[[nodiscard]] Result<h13::TableWords> parse_table(Source& source, std::span<const Word> words);
/// `words` is the statement `kernel {`.
[[nodiscard]] Result<KernelText> parse_kernel(Source& source, ExpansionBudget& budget, const Generation* generation,
                                              std::span<const Word> words);

}  // namespace openane
