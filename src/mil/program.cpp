#include "openane/mil_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>

namespace openane::mil {
namespace {

template <typename Named>
auto lower_bound_by_name(Named& items, std::string_view name) {
  return std::lower_bound(items.begin(), items.end(), name,
                          [](const auto& item, std::string_view wanted) { return item.name < wanted; });
}

template <typename Named>
auto* find_by_name(Named& items, std::string_view name) {
  const auto at = lower_bound_by_name(items, name);
  return at != items.end() && at->name == name ? &*at : nullptr;
}

}  // namespace

const Value* find_attribute(std::span<const Attribute> attributes, std::string_view name) {
  const Attribute* found = find_by_name(attributes, name);
  return found != nullptr ? &found->value : nullptr;
}

void set_attribute(std::vector<Attribute>& attributes, std::string_view name, Value value) {
  const auto at = lower_bound_by_name(attributes, name);
  if (at != attributes.end() && at->name == name) {
    at->value = std::move(value);
  } else {
    attributes.insert(at, Attribute{std::string(name), std::move(value)});
  }
}

void remove_attribute(std::vector<Attribute>& attributes, std::string_view name) {
  std::erase_if(attributes, [&](const Attribute& attribute) { return attribute.name == name; });
}

const Argument* Operation::find_argument(std::string_view name) const { return find_by_name(arguments, name); }

void Operation::set_argument(std::string_view name, std::vector<Binding> bindings) {
  const auto at = lower_bound_by_name(arguments, name);
  if (at != arguments.end() && at->name == name) {
    at->bindings = std::move(bindings);
  } else {
    arguments.insert(at, Argument{std::string(name), std::move(bindings)});
  }
}

const Value* Operation::find_attribute(std::string_view name) const { return mil::find_attribute(attributes, name); }

std::string_view Operation::label() const {
  const Value* value = find_attribute("name");
  const std::string* text = value != nullptr ? value->as_string() : nullptr;
  return text != nullptr ? std::string_view(*text) : std::string_view();
}

std::optional<VariableId> Function::find_input(std::string_view input_name) const {
  for (const VariableId input : body().inputs) {
    if ((*this)[input].name == input_name) {
      return input;
    }
  }
  return std::nullopt;
}

VariableId Function::add_variable(std::string variable_name, Type type, SourceLocation at) {
  const VariableId id{static_cast<std::uint32_t>(variables_.size())};
  variables_.push_back(Variable{std::move(variable_name), std::move(type), {}, at});
  return id;
}

VariableId Function::add_input(BlockId block, std::string variable_name, Type type, SourceLocation at) {
  const VariableId id = add_variable(std::move(variable_name), std::move(type), at);
  blocks_[block.index].inputs.push_back(id);
  return id;
}

BlockId Function::add_block() {
  const BlockId id{static_cast<std::uint32_t>(blocks_.size())};
  blocks_.emplace_back();
  return id;
}

OperationId Function::append(BlockId block, Operation operation) {
  return insert(block, blocks_[block.index].operations.size(), std::move(operation));
}

OperationId Function::insert(BlockId block, std::size_t position, Operation operation) {
  const OperationId id{static_cast<std::uint32_t>(operations_.size())};
  for (const VariableId output : operation.outputs) {
    variables_[output.index].definition = id;
  }
  operations_.push_back(std::move(operation));
  std::vector<OperationId>& order = blocks_[block.index].operations;
  order.insert(order.begin() + static_cast<std::ptrdiff_t>(position), id);
  return id;
}

const Value* Function::constant(const Binding& binding) const {
  if (!binding.is_variable()) {
    return &binding.value();
  }
  const OperationId definition = (*this)[binding.variable()].definition;
  if (!definition || (*this)[definition].type != "const") {
    return nullptr;
  }
  return (*this)[definition].find_attribute("val");
}

const Value* Function::constant(const Operation& operation, std::string_view argument) const {
  const Argument* found = operation.find_argument(argument);
  return found != nullptr && found->bindings.size() == 1 ? constant(found->bindings.front()) : nullptr;
}

void Function::replace_uses(VariableId from, VariableId to) {
  for (Operation& operation : operations_) {
    for (Argument& argument : operation.arguments) {
      for (Binding& binding : argument.bindings) {
        if (binding.variable() == from) {
          binding = to;
        }
      }
    }
  }
  for (Block& block : blocks_) {
    std::ranges::replace(block.outputs, from, to);
  }
}

namespace {

/// Calls `visit(block)` for the body and every block nested in it, outer ones first.
template <typename Visit>
void for_each_block(const Function& function, Visit visit) {
  std::vector<BlockId> pending{function.body_id()};
  while (!pending.empty()) {
    const Block& block = function[pending.back()];
    pending.pop_back();
    visit(block);
    for (const OperationId id : block.operations) {
      const std::vector<BlockId>& nested = function[id].blocks;
      pending.insert(pending.end(), nested.rbegin(), nested.rend());
    }
  }
}

}  // namespace

std::vector<std::uint32_t> Function::count_uses() const {
  std::vector<std::uint32_t> uses(variables_.size());
  for_each_block(*this, [&](const Block& block) {
    for (const OperationId id : block.operations) {
      for (const Argument& argument : (*this)[id].arguments) {
        for (const Binding& binding : argument.bindings) {
          if (binding.is_variable()) {
            ++uses[binding.variable().index];
          }
        }
      }
    }
    for (const VariableId output : block.outputs) {
      ++uses[output.index];
    }
  });
  return uses;
}

namespace {

/// Copies what a block reaches into a fresh function, numbering things in the order met.
class Compactor {
 public:
  Compactor(const Function& from, Function& to) : from_(from), to_(to), variables_(from.variable_count()) {}

  void copy_block(BlockId from, BlockId to) {
    const Block& source = from_[from];
    to_[to].attributes = source.attributes;
    to_[to].location = source.location;
    for (const VariableId input : source.inputs) {
      to_[to].inputs.push_back(copy_variable(input));
    }
    for (const OperationId id : source.operations) {
      to_.append(to, copy_operation(from_[id]));
    }
    for (const VariableId output : source.outputs) {
      to_[to].outputs.push_back(copy_variable(output));
    }
  }

 private:
  VariableId copy_variable(VariableId id) {
    VariableId& copy = variables_[id.index];
    if (!copy) {
      const Variable& source = from_[id];
      copy = to_.add_variable(source.name, source.type, source.location);
    }
    return copy;
  }

  Operation copy_operation(const Operation& source) {
    Operation copy = source;
    for (Argument& argument : copy.arguments) {
      for (Binding& binding : argument.bindings) {
        if (binding.is_variable()) {
          binding = copy_variable(binding.variable());
        }
      }
    }
    for (BlockId& block : copy.blocks) {
      const BlockId nested = to_.add_block();
      copy_block(block, nested);
      block = nested;
    }
    for (VariableId& output : copy.outputs) {
      output = copy_variable(output);
    }
    return copy;
  }

  const Function& from_;
  Function& to_;
  std::vector<VariableId> variables_;
};

}  // namespace

void Function::compact() {
  Function fresh;
  fresh.name = name;
  fresh.opset = opset;
  fresh.attributes = attributes;
  fresh.location = location;
  Compactor(*this, fresh).copy_block(body_id(), fresh.body_id());
  *this = std::move(fresh);
}

const Function* Program::find_function(std::string_view name) const {
  const auto at = std::ranges::find(functions, name, &Function::name);
  return at != functions.end() ? &*at : nullptr;
}

Function* Program::find_function(std::string_view name) {
  const auto at = std::ranges::find(functions, name, &Function::name);
  return at != functions.end() ? &*at : nullptr;
}

namespace {

/// Compares two functions block by block, pairing variables where they are defined.
class Comparison {
 public:
  Comparison(const Function& a, const Function& b) : a_(a), b_(b), partner_(a.variable_count()) {}

  bool functions_equal() {
    return a_.name == b_.name && a_.opset == b_.opset && a_.attributes == b_.attributes && pair_function_inputs() &&
           blocks_equal(a_.body(), b_.body());
  }

 private:
  bool pair(VariableId a, VariableId b) {
    if (a_[a].name != b_[b].name || a_[a].type != b_[b].type) {
      return false;
    }
    partner_[a.index] = b;
    return true;
  }

  static std::vector<VariableId> sorted_inputs(const Function& function) {
    std::vector<VariableId> inputs = function.body().inputs;
    std::ranges::sort(inputs, {}, [&](VariableId id) -> const std::string& { return function[id].name; });
    return inputs;
  }

  bool pair_all(const std::vector<VariableId>& a, const std::vector<VariableId>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [this](VariableId left, VariableId right) { return pair(left, right); });
  }

  bool pair_function_inputs() { return pair_all(sorted_inputs(a_), sorted_inputs(b_)); }

  bool bindings_equal(const Binding& a, const Binding& b) const {
    if (a.is_variable() != b.is_variable()) {
      return false;
    }
    return a.is_variable() ? partner_[a.variable().index] == b.variable() : a.value() == b.value();
  }

  bool arguments_equal(const Argument& a, const Argument& b) const {
    return a.name == b.name &&
           std::equal(a.bindings.begin(), a.bindings.end(), b.bindings.begin(), b.bindings.end(),
                      [this](const Binding& left, const Binding& right) { return bindings_equal(left, right); });
  }

  bool operations_equal(const Operation& a, const Operation& b) {
    if (a.type != b.type || a.attributes != b.attributes ||
        !std::equal(a.arguments.begin(), a.arguments.end(), b.arguments.begin(), b.arguments.end(),
                    [this](const Argument& left, const Argument& right) { return arguments_equal(left, right); })) {
      return false;
    }
    const bool nested_equal = std::equal(
        a.blocks.begin(), a.blocks.end(), b.blocks.begin(), b.blocks.end(), [this](BlockId left, BlockId right) {
          return pair_all(a_[left].inputs, b_[right].inputs) && blocks_equal(a_[left], b_[right]);
        });
    return nested_equal && pair_all(a.outputs, b.outputs);
  }

  bool blocks_equal(const Block& a, const Block& b) {
    return a.attributes == b.attributes &&
           std::equal(a.operations.begin(), a.operations.end(), b.operations.begin(), b.operations.end(),
                      [this](OperationId left, OperationId right) { return operations_equal(a_[left], b_[right]); }) &&
           std::equal(a.outputs.begin(), a.outputs.end(), b.outputs.begin(), b.outputs.end(),
                      [this](VariableId left, VariableId right) { return partner_[left.index] == right; });
  }

  const Function& a_;
  const Function& b_;
  std::vector<VariableId> partner_;  ///< Of each variable of `a`.
};

}  // namespace

bool operator==(const Program& a, const Program& b) {
  if (a.version_major != b.version_major || a.version_minor != b.version_minor || a.attributes != b.attributes ||
      a.doc_string != b.doc_string || a.functions.size() != b.functions.size()) {
    return false;
  }
  return std::ranges::all_of(a.functions, [&](const Function& function) {
    const Function* other = b.find_function(function.name);
    return other != nullptr && Comparison(function, *other).functions_equal();
  });
}

std::vector<std::string> text_losses(const Program& program) {
  std::vector<std::string> losses;
  if (!program.doc_string.empty()) {
    losses.emplace_back("the doc string of the program");
  }
  for (const Function& function : program.functions) {
    std::size_t count = 0;
    for_each_block(function, [&](const Block& block) { count += block.attributes.size(); });
    if (count != 0) {
      losses.push_back(fmt::format("{} attributes of blocks in function {}", count, function.name));
    }
  }
  return losses;
}

}  // namespace openane::mil
