// Where `ane run` takes an input from: a file, or numbers made here, the same on every host.
//
// The generators write values that every element type they fill holds exactly, so that nothing is rounded on the way
// in:
//   random[:SEED]  element i is drawn from the bits of splitmix64(SEED * 2^32 + i). Floating types take k/1024 with k
//   the top 11 bits as
//                  a signed number: -1 up to 1023/1024. Integers take their top bits: the whole range of 8-bit types,
//                  -1024..1023 or 0..2047 of wider ones. Boolean: the top bit.
//   fill:V         V everywhere, rounded once to the element type.
//   ramp           0, 1, 2, ... in the order of the logical N x C x H x W tensor, starting again at 0 after the last
//   integer up to which
//                  the type counts exactly: 2048 for float16, 127 for int8, 255 for uint8, 2^24 for wider ones.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "openane/program.h"
#include "openane/tensor.h"

namespace openane::cli {

/// splitmix64 of `state + 0x9e3779b97f4a7c15` (Steele, Lea, Flood 2014): one well-mixed 64-bit word per counter.
[[nodiscard]] std::uint64_t splitmix64(std::uint64_t state);

/// Makes the tensor that `source` describes for a binding. `default_seed` serves a bare "random". Files: .npy; .npz,
/// from which the member `name` is taken; .bin and .raw, dense elements of the binding's type with no header.
[[nodiscard]] Result<Tensor> make_tensor(const std::string& source, const std::string& name,
                                         const SurfaceLayout& layout, std::uint64_t default_seed);

/// The same for any element type and shape; a bare file of dense elements must hold exactly these.
[[nodiscard]] Result<Tensor> make_tensor(const std::string& source, const std::string& name, ElementType type,
                                         const Shape& shape, std::uint64_t default_seed);

/// The binding's logical shape: N x C x H x W, with D before H where it is not 1.
[[nodiscard]] Shape logical_shape(const SurfaceLayout& layout);

/// "NAME=VALUE" arguments, sorted to the names of a program. The name may be left out where there is one.
/// Fails with `usage` when a name does not exist, is given twice, or is missing without being the only one.
[[nodiscard]] Result<std::map<std::string, std::string>> match_names(const std::vector<std::string>& arguments,
                                                                     const std::vector<std::string>& names,
                                                                     std::string_view what);

}  // namespace openane::cli
