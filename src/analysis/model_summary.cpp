#include "openane/model_summary.h"

#include <algorithm>
#include <set>

#include "analysis/activation_memory.h"
#include "base/saturating.h"

namespace openane {
namespace {

using mil::Binding;
using mil::Block;
using mil::BlockId;
using mil::Function;
using mil::Operation;
using mil::OperationId;
using mil::Value;
using mil::VariableId;

bool is_compressed(const Operation& operation) { return operation.type.starts_with("constexpr_"); }

std::uint64_t bytes_of(const mil::Type& type) {
  const auto count = type.is_tensor() ? type.element_count() : std::nullopt;
  return count ? mil::packed_bytes(type.data_type(), *count).value_or(0) : 0;
}

/// The argument whose element type names a compressed form: what is stored once per element.
constexpr std::string_view kStoredArguments[] = {"quantized_data", "indices", "indices_nonzero_data",
                                                 "nonzero_data",   "data",    "source_val"};

class Summariser {
 public:
  explicit Summariser(const Function& function) : function_(function), feeds_(function.variable_count()) {}

  FunctionSummary summarise() {
    out_.name = function_.name;
    out_.opset = function_.opset;
    list(function_.body().inputs, out_.inputs);
    list(function_.body().outputs, out_.outputs);
    find_feeders(function_.body());
    block(function_.body());
    const ActivationMemory memory = measure_activations(function_);
    out_.peak_activation_bytes = memory.peak_bytes;
    out_.has_open_tensors = memory.has_open_tensors;
    if (memory.peak_at && !function_[memory.peak_at].outputs.empty()) {
      out_.peak_at = function_[function_[memory.peak_at].outputs[0]].name;
    }
    std::ranges::sort(out_.constants, [](const ConstantGroup& a, const ConstantGroup& b) {
      return std::pair(a.storage, a.type) < std::pair(b.storage, b.type);
    });
    return std::move(out_);
  }

 private:
  void list(const std::vector<VariableId>& ids, std::vector<std::pair<std::string, mil::Type>>& out) const {
    for (const VariableId id : ids) {
      out.emplace_back(function_[id].name, function_[id].type);
    }
  }

  /// Marks what compressed constants are made from: parts of one, not constants of their own.
  void find_feeders(const Block& block) {
    for (const OperationId id : block.operations) {
      const Operation& operation = function_[id];
      for (const mil::Argument& argument : operation.arguments) {
        for (const Binding& binding : argument.bindings) {
          if (is_compressed(operation) && binding.is_variable()) {
            feeds_[binding.variable().index] = true;
          }
        }
      }
      for (const BlockId nested : operation.blocks) {
        find_feeders(function_[nested]);
      }
    }
  }

  void block(const Block& block) {
    for (const OperationId id : block.operations) {
      const Operation& operation = function_[id];
      ++out_.operations[operation.type];
      const OperationCost cost = cost_of(function_, operation);
      out_.multiply_adds = saturating_add(out_.multiply_adds, cost.multiply_adds);
      out_.element_operations = saturating_add(out_.element_operations, cost.element_operations);
      out_.uncounted += cost.is_known ? 0 : 1;
      constant(operation);
      for (const BlockId nested : operation.blocks) {
        this->block(function_[nested]);
      }
    }
  }

  void constant(const Operation& operation) {
    const bool is_const = operation.type == "const";
    const auto feeds = [&](VariableId id) { return feeds_[id.index]; };
    if ((!is_const && !is_compressed(operation)) || operation.outputs.empty() ||
        std::ranges::any_of(operation.outputs, feeds)) {
      return;
    }
    const mil::Type& type = function_[operation.outputs[0]].type;
    if (!type.is_tensor() || type.data_type() == mil::DataType::string || (is_const && type.shape().empty())) {
      return;
    }
    const std::uint64_t elements = type.element_count().value_or(0);
    if (mil::is_floating(type.data_type())) {
      out_.parameters = saturating_add(out_.parameters, elements);
    }
    ConstantGroup& group = group_of(is_const ? std::string("const") : form_of(operation),
                                    is_const ? type.data_type() : stored_type(operation));
    ++group.tensors;
    group.elements = saturating_add(group.elements, elements);
    group.bytes = saturating_add(group.bytes, is_const ? bytes_of(type) : stored_bytes(operation));
  }

  ConstantGroup& group_of(const std::string& storage, mil::DataType type) {
    const auto found = std::ranges::find_if(
        out_.constants, [&](const ConstantGroup& group) { return group.storage == storage && group.type == type; });
    if (found != out_.constants.end()) {
      return *found;
    }
    return out_.constants.emplace_back(ConstantGroup{storage, type});
  }

  /// The compressed constant that an argument comes from; null when it is plain.
  const Operation* inner(const Binding& binding) const {
    if (!binding.is_variable() || !function_[binding.variable()].definition) {
      return nullptr;
    }
    const Operation& definition = function_[function_[binding.variable()].definition];
    return is_compressed(definition) ? &definition : nullptr;
  }

  /// "constexpr_sparse_to_dense of constexpr_lut_to_sparse": forms may be stacked.
  std::string form_of(const Operation& operation, int depth = 0) const {
    std::string form = operation.type;
    for (const mil::Argument& argument : operation.arguments) {
      for (const Binding& binding : argument.bindings) {
        const Operation* from = depth < 4 ? inner(binding) : nullptr;
        if (from != nullptr && form == operation.type) {
          form += " of " + form_of(*from, depth + 1);
        }
      }
    }
    return form;
  }

  mil::DataType stored_type(const Operation& operation, int depth = 0) const {
    for (const std::string_view name : kStoredArguments) {
      if (const Value* value = operation.find_attribute(name)) {
        return packed_type(operation, name, *value);
      }
      const mil::Argument* argument = operation.find_argument(name);
      if (argument == nullptr || argument->bindings.empty()) {
        continue;
      }
      const Binding& binding = argument->bindings[0];
      if (const Operation* from = depth < 4 ? inner(binding) : nullptr) {
        return stored_type(*from, depth + 1);
      }
      return binding.is_variable() ? function_[binding.variable()].type.data_type()
                                   : binding.value().type().data_type();
    }
    return mil::DataType::invalid;
  }

  /// The iOS 16 form packs indices of a table of 2^n entries into bytes: n bits each, whatever the type says.
  static mil::DataType packed_type(const Operation& operation, std::string_view name, const Value& value) {
    const Value* lut = name == "indices" ? operation.find_attribute("lut") : nullptr;
    const std::uint64_t entries = lut != nullptr ? lut->type().element_count().value_or(0) : 0;
    for (const mil::DataType narrow :
         {mil::DataType::uint1, mil::DataType::uint2, mil::DataType::uint4, mil::DataType::uint6}) {
      if (entries == std::uint64_t{1} << mil::info(narrow).bits) {
        return narrow;
      }
    }
    return value.type().data_type();
  }

  /// Bytes of everything a compressed constant is made from. Parts may be shared: two arguments that come from one
  /// operation or refer to one record count once.
  std::uint64_t stored_bytes(const Operation& operation) const {
    std::uint64_t bytes = 0;
    std::vector<const Operation*> pending{&operation};
    std::set<const Operation*> seen{&operation};
    std::set<std::pair<std::string, std::uint64_t>> records;
    const auto add = [&](const Value* value, const mil::Type& type) {
      const mil::BlobReference* blob = value != nullptr ? value->blob() : nullptr;
      if (blob == nullptr || records.emplace(blob->path, blob->offset).second) {
        bytes = saturating_add(bytes, bytes_of(type));
      }
    };
    while (!pending.empty()) {
      const Operation& part = *pending.back();
      pending.pop_back();
      for (const mil::Attribute& attribute : part.attributes) {
        if (attribute.name != "name" && attribute.name != "shape") {
          add(&attribute.value, attribute.value.type());
        }
      }
      for (const mil::Argument& argument : part.arguments) {
        for (const Binding& binding : argument.bindings) {
          const Operation* from = inner(binding);
          if (from == nullptr) {
            add(function_.constant(binding),
                binding.is_variable() ? function_[binding.variable()].type : binding.value().type());
          } else if (seen.insert(from).second) {
            pending.push_back(from);
          }
        }
      }
    }
    return bytes;
  }

  const Function& function_;
  std::vector<bool> feeds_;
  FunctionSummary out_;
};

}  // namespace

FunctionSummary summarise(const Function& function) { return Summariser(function).summarise(); }

}  // namespace openane
