// The description that Apple's runtime gives of a loaded program (hwx-container.md 9): what a client sees of it.
//
// A request names its surfaces by *global* symbol indices: positions in the concatenation of all procedures' symbols,
// in which a name may occur more than once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "openane/program.h"

namespace openane {

/// An entry of LiveInputList or LiveOutputList. Extents in elements, strides in bytes.
struct RuntimeTensor {
  std::string name;    ///< "Name"
  std::string symbol;  ///< "Symbol"
  ElementType type = ElementType::invalid;
  std::int64_t batches = 0, channels = 0, depth = 0, height = 0, width = 0;
  std::int64_t batch_stride = 0, plane_stride = 0, row_stride = 0;
  std::uint32_t interleave = 1;
  friend bool operator==(const RuntimeTensor&, const RuntimeTensor&) = default;
};

struct RuntimeProcedure {
  std::uint32_t id = 0;  ///< ANEFModelProcedureID: order of the program threads.
  std::string name;      ///< Key of kANEFModelProcedureNameToIDMapKey.
  /// ANEFModelInputSymbolIndexArray, ANEFModelOutputSymbolIndexArray: into the description's symbols.
  std::vector<std::uint32_t> input_symbol_indices, output_symbol_indices;
  std::vector<RuntimeTensor> inputs, outputs;  ///< LiveInputList, LiveOutputList.
};

struct RuntimeDescription {
  std::vector<RuntimeProcedure> procedures;
  /// kANEFModelInputSymbolsArrayKey, kANEFModelOutputSymbolsArrayKey: over all procedures, names may repeat.
  std::vector<std::string> input_symbols, output_symbols;
};

[[nodiscard]] RuntimeDescription describe_for_runtime(const Program& program);

}  // namespace openane
