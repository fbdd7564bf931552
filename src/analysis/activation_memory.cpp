#include "analysis/activation_memory.h"

#include <algorithm>
#include <vector>

#include "base/saturating.h"
#include "mil/lifetimes.h"

namespace openane {
namespace {

using mil::Block;
using mil::BlockId;
using mil::Function;
using mil::Operation;
using mil::OperationId;
using mil::VariableId;

class Measurement {
 public:
  explicit Measurement(const Function& function)
      : function_(function), lifetimes_(function), bytes_(function.variable_count()) {
    for (std::uint32_t i = 0; i < function.variable_count(); ++i) {
      bytes_[i] = bytes_of(VariableId{i});
    }
  }

  ActivationMemory measure() {
    walk(function_.body_id());
    add_up(function_.body_id(), 0);
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

  /// Every operation is a step.
  void walk(BlockId id) {
    lifetimes_.begin(id);
    const std::vector<OperationId>& operations = function_[id].operations;
    for (std::size_t i = 0; i < operations.size(); ++i) {
      const Operation& operation = function_[operations[i]];
      lifetimes_.read_arguments(operation, id, i);
      for (const BlockId nested : operation.blocks) {
        lifetimes_.enter(nested, id, i);
        walk(nested);
      }
      for (const VariableId output : operation.outputs) {
        lifetimes_.define(output, id, i);
      }
    }
    lifetimes_.end(id, operations.size());
  }

  /// Bytes of the variables of a block that nobody reads after a step.
  [[nodiscard]] std::vector<std::uint64_t> freed_bytes(const Block& block) const {
    std::vector<std::uint64_t> freed(block.operations.size());
    const auto free = [&](VariableId variable) {
      const mil::Lifetimes::Place& place = lifetimes_.of(variable);
      if (!place.is_output && place.end() < freed.size()) {
        freed[place.end()] = saturating_add(freed[place.end()], bytes_[variable.index]);
      }
    };
    std::ranges::for_each(block.inputs, free);
    for (const OperationId operation : block.operations) {
      std::ranges::for_each(function_[operation].outputs, free);
    }
    return freed;
  }

  void add_up(BlockId id, std::uint64_t around) {
    const Block& block = function_[id];
    const std::vector<std::uint64_t> freed = freed_bytes(block);
    std::uint64_t live = around;
    for (const VariableId input : block.inputs) {
      live = saturating_add(live, bytes_[input.index]);
    }
    for (std::size_t i = 0; i < block.operations.size(); ++i) {
      const Operation& operation = function_[block.operations[i]];
      for (const BlockId nested : operation.blocks) {
        add_up(nested, live);
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
  mil::Lifetimes lifetimes_;
  ActivationMemory result_;
  std::vector<std::uint64_t> bytes_;
};

}  // namespace

ActivationMemory measure_activations(const Function& function) { return Measurement(function).measure(); }

}  // namespace openane
