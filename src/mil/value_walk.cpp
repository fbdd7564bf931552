#include "mil/value_walk.h"

#include <algorithm>

namespace openane::mil {
namespace {

using Visit = std::function<void(const Value&)>;
using Replace = std::function<Result<Value>(const Value&)>;

void walk_value(const Value& value, const Visit& visit) {
  for (const Value& element : value.elements()) {
    walk_value(element, visit);
  }
  for (const Value::Pair& pair : value.pairs()) {
    walk_value(pair.first, visit);
    walk_value(pair.second, visit);
  }
  visit(value);
}

void walk_attributes(std::span<const Attribute> attributes, const Visit& visit) {
  for (const Attribute& attribute : attributes) {
    walk_value(attribute.value, visit);
  }
}

void walk_block(const Function& function, const Block& block, const Visit& visit) {
  walk_attributes(block.attributes, visit);
  for (const OperationId id : block.operations) {
    const Operation& operation = function[id];
    walk_attributes(operation.attributes, visit);
    for (const Argument& argument : operation.arguments) {
      for (const Binding& binding : argument.bindings) {
        walk_value(binding.value(), visit);
      }
    }
    for (const BlockId nested : operation.blocks) {
      walk_block(function, function[nested], visit);
    }
  }
}

/// A constant of an operation: the value of an attribute, or one bound in place.
struct Place {
  std::string_view name;
  Value* attribute = nullptr;
  Binding* binding = nullptr;
  std::pair<int, std::size_t> order;  ///< Rank, then position.
};

std::vector<Place> places_of(Operation& operation, const ArgumentRank& rank) {
  std::vector<Place> places;
  places.reserve(operation.attributes.size());
  for (Attribute& attribute : operation.attributes) {
    places.push_back({attribute.name, &attribute.value, nullptr, {}});
  }
  for (Argument& argument : operation.arguments) {
    for (Binding& binding : argument.bindings) {
      if (!binding.is_variable()) {
        places.push_back({argument.name, nullptr, &binding, {}});
      }
    }
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    places[i].order = {rank(operation.type, places[i].name), i};
  }
  std::ranges::sort(places, {}, &Place::order);
  return places;
}

Result<void> replace_in_block(Function& function, BlockId block, const ArgumentRank& rank, const Replace& replace) {
  for (const OperationId id : function[block].operations) {
    Operation& operation = function[id];
    for (const Place& place : places_of(operation, rank)) {
      OPENANE_TRY(Value value, replace(place.attribute != nullptr ? *place.attribute : place.binding->value()));
      if (place.attribute != nullptr) {
        *place.attribute = std::move(value);
      } else {
        *place.binding = std::move(value);
      }
    }
    for (const BlockId nested : operation.blocks) {
      OPENANE_CHECK(replace_in_block(function, nested, rank, replace));
    }
  }
  return {};
}

}  // namespace

void for_each_value(const Program& program, const Visit& visit) {
  walk_attributes(program.attributes, visit);
  for (const Function& function : program.functions) {
    walk_attributes(function.attributes, visit);
    walk_block(function, function.body(), visit);
  }
}

Result<void> replace_values(Program& program, const ArgumentRank& rank, const Replace& replace) {
  for (Function& function : program.functions) {
    OPENANE_CHECK(replace_in_block(function, function.body_id(), rank, replace));
  }
  return {};
}

}  // namespace openane::mil
