// What a MIL program costs, from its types alone: operations, multiply-adds, parameters, bytes of constants and how
// they are compressed, peak memory of activations.
//
// Figures are those of one run with the extents the program declares. Operations whose extents are open are not counted
// and said to be so; blocks of control flow count once each, both branches of a `cond` included.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "openane/mil_model.h"
#include "openane/mil_program.h"

namespace openane {

/// Arithmetic of one operation.
struct OperationCost {
  /// Multiply-adds of convolutions, matrix products, attention and recurrent layers.
  std::uint64_t multiply_adds = 0;
  /// Results of single arithmetic steps outside multiply-adds, by the table in src/analysis/operation_cost.cpp: one per
  /// element for elementwise operations, one per input element for reductions, one per window element for pools, ...
  std::uint64_t element_operations = 0;
  bool is_known = true;  ///< False when an extent it depends on is open.
};

[[nodiscard]] OperationCost cost_of(const mil::Function& function, const mil::Operation& operation);

/// Constants that are stored alike.
struct ConstantGroup {
  std::string storage;  ///< "const", or the compressed form: "constexpr_lut_to_dense", ...
  mil::DataType type;   ///< Of the stored numbers: weights, indices, quantized values.
  std::uint64_t tensors = 0;
  std::uint64_t elements = 0;  ///< As the program computes with them.
  std::uint64_t bytes = 0;     ///< As stored, tables, scales and masks included.
};

struct FunctionSummary {
  std::string name;
  std::string opset;
  std::vector<std::pair<std::string, mil::Type>> inputs, outputs;
  std::map<std::string, std::uint64_t> operations;  ///< By type, constants included, nested blocks included.
  std::uint64_t multiply_adds = 0;
  std::uint64_t element_operations = 0;
  std::uint64_t uncounted = 0;  ///< Operations whose cost depends on open extents.
  /// Largest sum of the bytes of tensors alive at once, constants and states left out; from the function's inputs to
  /// the last use of each. Tensors with open extents count nothing.
  std::uint64_t peak_activation_bytes = 0;
  std::string peak_at;  ///< Name of the first result at that point.
  bool has_open_tensors = false;
  std::uint64_t parameters = 0;  ///< Elements of floating tensors of rank 1 or more among the constants, decompressed.
  std::vector<ConstantGroup> constants;
};

[[nodiscard]] FunctionSummary summarise(const mil::Function& function);

}  // namespace openane
