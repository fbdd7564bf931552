// Between what the executor computes with (`Array`) and what goes in and out: constants of programs and host tensors.
#pragma once

#include <string>
#include <vector>

#include "openane/error.h"
#include "openane/mil_value.h"
#include "openane/mil_weights.h"
#include "openane/reference.h"
#include "openane/tensor.h"
#include "reference/array.h"
#include "reference/memory_meter.h"

namespace openane::reference {

/// How a run holds elements of a type.
[[nodiscard]] Holding holding_of(mil::DataType type, Precision precision);

/// Uninitialised memory for a tensor.
[[nodiscard]] Result<Array> make_array(mil::DataType type, const Shape& shape, Precision precision, MemoryMeter& meter);

/// Decodes a tensor constant, wherever it lies. What is stored as it is held is used where it lies, without a copy.
[[nodiscard]] Result<Array> decode(const mil::Value& value, const mil::Weights& weights, Precision precision,
                                   MemoryMeter& meter);

/// A host tensor as an array of another element type: between floating types, and between integer types where every
/// element fits; everything else is refused. Shares the data where it is stored as it is held.
[[nodiscard]] Result<Array> from_tensor(const Tensor& tensor, mil::DataType type, Precision precision,
                                        MemoryMeter& meter);

/// An array as a host tensor of the given element type, which must be of the same kind. Shares the data where it is
/// stored so.
[[nodiscard]] Result<Tensor> to_tensor(const Array& array, ElementType type);
/// The element type in which results of a run are given: see `Output`.
[[nodiscard]] ElementType result_type(const Array& array, Precision precision);

/// Rounds numbers to fp16, in place.
void round_to_half(std::span<float> numbers);

}  // namespace openane::reference
