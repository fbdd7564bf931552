// Where `ane run` takes an input of a model from.
#pragma once

#include <cstdint>
#include <string>

#include "openane/mil_model.h"
#include "openane/reference.h"

namespace openane::cli {

/// Makes the tensor that `source` describes for an input or state (tensor_source.h says what sources there are). An
/// array from a file may leave out leading extents of 1, or have too many. `feature` is the model's description of the
/// input; null when there is none. `default_seed` serves a bare "random". A .png or .jpg fills an input that is
/// declared as an image; it must have a size the model takes, or is scaled to the declared one when `may_resize`.
[[nodiscard]] Result<Tensor> make_model_input(const std::string& source, const reference::Port& port,
                                              const mil::Feature* feature, std::uint64_t default_seed, bool may_resize);

}  // namespace openane::cli
