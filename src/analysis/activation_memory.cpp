#include "analysis/activation_memory.h"

#include <algorithm>
#include <map>
#include <vector>

#include "base/saturating.h"

namespace openane {
namespace {

using mil::Block;
using mil::BlockId;
using mil::Function;
using mil::Operation;
using mil::OperationId;
using mil::VariableId;

class Lifetimes {
 public:
  explicit Lifetimes(const Function& function) : function_(function), bytes_(function.variable_count()) {
    for (std::uint32_t i = 0; i < function.variable_count(); ++i) {
      bytes_[i] = bytes_of(VariableId{i});
    }
  }

  ActivationMemory measure() {
    block(function_.body_id(), 0);
    return result_;
  }

 private:
  std::uint64_t bytes_of(VariableId id) {
    const mil::Variable& variable = function_[id];
    const bool is_constant = variable.definition && (function_[variable.definition].type == "const" ||
                                                     function_[variable.definition].type.starts_with("constexpr_"));
    if (is_constant || !variable.type.is_tensor() || variable.type.data_type() == mil::DataType::string) {
      return 0;
    }
    const auto count = variable.type.element_count();
    const auto bytes = count ? mil::packed_bytes(variable.type.data_type(), *count) : std::nullopt;
    result_.has_open_tensors |= !bytes;
    return bytes.value_or(0);
  }

  /// Calls `visit(variable)` for everything the operation reads, its nested blocks included.
  template <typename Visit>
  void for_each_read(const Operation& operation, Visit visit) const {
    for (const mil::Argument& argument : operation.arguments) {
      for (const mil::Binding& binding : argument.bindings) {
        if (binding.is_variable()) {
          visit(binding.variable());
        }
      }
    }
    for (const BlockId nested : operation.blocks) {
      for (const OperationId inner : function_[nested].operations) {
        for_each_read(function_[inner], visit);
      }
      std::ranges::for_each(function_[nested].outputs, visit);
    }
  }

  void block(BlockId id, std::uint64_t around) {
    const Block& block = function_[id];
    // Position of the last reader of each variable of this block; its results are read by the end.
    std::map<VariableId, std::size_t> last;
    for (const VariableId input : block.inputs) {
      last[input] = 0;
    }
    for (std::size_t i = 0; i < block.operations.size(); ++i) {
      for (const VariableId output : function_[block.operations[i]].outputs) {
        last[output] = i;
      }
      for_each_read(function_[block.operations[i]], [&](VariableId read) {
        if (const auto own = last.find(read); own != last.end()) {
          own->second = i;
        }
      });
    }
    for (const VariableId output : block.outputs) {
      if (const auto own = last.find(output); own != last.end()) {
        own->second = block.operations.size();
      }
    }
    std::vector<std::uint64_t> freed(block.operations.size() + 1);
    for (const auto& [variable, position] : last) {
      freed[position] = saturating_add(freed[position], bytes_[variable.index]);
    }
    std::uint64_t live = around;
    for (const VariableId input : block.inputs) {
      live = saturating_add(live, bytes_[input.index]);
    }
    for (std::size_t i = 0; i < block.operations.size(); ++i) {
      const Operation& operation = function_[block.operations[i]];
      for (const BlockId nested : operation.blocks) {
        this->block(nested, live);
      }
      for (const VariableId output : operation.outputs) {
        live = saturating_add(live, bytes_[output.index]);
      }
      if (live > result_.peak_bytes) {
        result_.peak_bytes = live;
        result_.peak_at = block.operations[i];
      }
      live -= std::min(live, freed[i]);
    }
  }

  const Function& function_;
  ActivationMemory result_;
  std::vector<std::uint64_t> bytes_;
};

}  // namespace

ActivationMemory measure_activations(const Function& function) { return Lifetimes(function).measure(); }

}  // namespace openane
