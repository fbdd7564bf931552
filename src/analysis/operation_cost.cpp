// The cost of operations as one table: operation (or category) -> rule and factor.
//
// Multiply-adds are exact counts of the textbook algorithm, padding included. Element operations are a coarse measure:
// one is one result of an arithmetic unit, whatever its difficulty. A softmax counts 4 per element (maximum, difference
// and exponential, sum, quotient), a normalization 5 (sum, difference, square and sum, scale, shift). Moving data
// counts nothing.
#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "base/saturating.h"
#include "openane/mil_ops.h"
#include "openane/model_summary.h"

namespace openane {
namespace {

using mil::Function;
using mil::Operation;
using mil::Type;

/// An operation's types; counts are nothing when an extent is open.
class Types {
 public:
  using Count = std::optional<std::uint64_t>;
  Types(const Function& function, const Operation& operation) : function_(function), operation_(operation) {}

  [[nodiscard]] Type argument(std::string_view name, std::size_t index = 0) const {
    const mil::Argument* found = operation_.find_argument(name);
    if (found == nullptr || index >= found->bindings.size()) {
      return {};
    }
    const mil::Binding& binding = found->bindings[index];
    return binding.is_variable() ? function_[binding.variable()].type : binding.value().type();
  }
  [[nodiscard]] Count elements(std::string_view name) const { return argument(name).element_count(); }
  [[nodiscard]] Count result() const {
    return operation_.outputs.empty() ? Count(0) : function_[operation_.outputs[0]].type.element_count();
  }
  /// An extent of an argument, from the end when negative.
  [[nodiscard]] Count extent(std::string_view name, std::int64_t axis) const {
    const Type type = argument(name);
    const auto rank = static_cast<std::int64_t>(type.shape().size());
    axis += axis < 0 ? rank : 0;
    return axis < 0 || axis >= rank ? Count() : known(type.shape()[static_cast<std::size_t>(axis)]);
  }
  /// Product of the extents of an argument from `first` on.
  [[nodiscard]] Count extents_from(std::string_view name, std::size_t first) const {
    const Type type = argument(name);
    Count product = 1;
    for (std::size_t i = first; i < type.shape().size(); ++i) {
      product = times({product, known(type.shape()[i])});
    }
    return type.is_tensor() && type.shape().size() >= first ? product : Count();
  }
  [[nodiscard]] const mil::Value* constant(std::string_view name) const { return function_.constant(operation_, name); }
  [[nodiscard]] bool flag(std::string_view name) const {
    const mil::Value* value = constant(name);
    return value != nullptr && value->as_bool().value_or(false);
  }

  static Count times(std::initializer_list<Count> factors) {
    std::uint64_t product = 1;
    for (const Count& factor : factors) {
      if (!factor) {
        return std::nullopt;
      }
      product = saturating_multiply(product, *factor);
    }
    return product;
  }

 private:
  static Count known(std::int64_t extent) { return extent < 0 ? Count() : Count(static_cast<std::uint64_t>(extent)); }
  const Function& function_;
  const Operation& operation_;
};

using Count = Types::Count;

// Multiply-adds.

Count convolution(const Types& t) {  // weight [Cout, Cin / groups, kernel...]
  return Types::times({t.result(), t.extents_from("weight", 1)});
}
Count transposed_convolution(const Types& t) {  // weight [Cin, Cout / groups, kernel...]
  return Types::times({t.elements("x"), t.extents_from("weight", 1)});
}
Count linear(const Types& t) { return Types::times({t.result(), t.extent("weight", -1)}); }
Count matrix_product(const Types& t) {
  const bool is_vector = t.argument("x").shape().size() == 1;
  return Types::times({t.result(), t.extent("x", t.flag("transpose_x") && !is_vector ? -2 : -1)});
}
Count attention(const Types& t) {
  // Two products: [.., L, E] x [.., E, S], and [.., L, S] x [.., S, EV].
  const Count first = Types::times({t.elements("query"), t.extent("key", -2)});
  const Count second = Types::times({t.result(), t.extent("key", -2)});
  return first && second ? Count(saturating_add(*first, *second)) : Count();
}
/// Per step and direction: weight_ih and weight_hh, once for each sequence of the batch.
Count recurrent(const Types& t) {
  const Count steps = Types::times({t.extent("x", 0), t.extent("x", 1)});
  Count weights = 0;
  for (const std::string_view name : {"weight_ih", "weight_hh", "weight_ih_back", "weight_hh_back"}) {
    if (!t.argument(name)) {
      continue;
    }
    const Count more = t.elements(name);
    weights = weights && more ? Count(saturating_add(*weights, *more)) : Count();
  }
  return Types::times({steps, weights});
}
/// The product of the extents of all the labels of the equation.
Count einsum(const Types& t) {
  const mil::Value* equation = t.constant("equation");
  const std::string* text = equation != nullptr ? equation->as_string() : nullptr;
  if (text == nullptr || text->find('.') != std::string::npos) {
    return std::nullopt;
  }
  std::set<char> seen;
  Count product = 1;
  std::size_t operand = 0;
  std::size_t axis = 0;
  for (const char c : text->substr(0, text->find("->"))) {
    if (c == ',') {
      ++operand;
      axis = 0;
    } else if (c != ' ') {
      const Type type = t.argument("values", operand);
      if (axis >= type.shape().size()) {
        return std::nullopt;
      }
      const std::int64_t extent = type.shape()[axis++];
      if (seen.insert(c).second) {
        product = Types::times({product, extent < 0 ? Count() : Count(static_cast<std::uint64_t>(extent))});
      }
    }
  }
  return product;
}

// Element operations.

Count per_result(const Types& t) { return t.result(); }
Count per_input(const Types& t) {
  for (const std::string_view name : {"x", "data", "input"}) {
    if (t.argument(name)) {
      return t.elements(name);
    }
  }
  return t.result();
}
Count per_window(const Types& t) {
  const mil::Value* sizes = t.constant("kernel_sizes");
  const auto extents = sizes != nullptr ? sizes->as_ints() : std::nullopt;
  Count window = extents ? Count(1) : Count();
  for (std::size_t i = 0; extents && i < extents->size(); ++i) {
    window = Types::times({window, Count(static_cast<std::uint64_t>(std::max<std::int64_t>(0, (*extents)[i])))});
  }
  return Types::times({t.result(), window});
}

struct CostRule {
  std::string_view name;  ///< Operation or category; operations come first in the search.
  Count (*multiply_adds)(const Types&) = nullptr;
  Count (*element_operations)(const Types&) = nullptr;
  std::uint64_t factor = 1;  ///< Of the element operations.
};

constexpr CostRule kRules[] = {
    {"conv", convolution},
    {"conv_quantized", convolution},
    {"conv_transpose", transposed_convolution},
    {"linear", linear},
    {"matmul", matrix_product},
    {"einsum", einsum},
    {"scaled_dot_product_attention", attention},
    {"gru", recurrent},
    {"lstm", recurrent},
    {"rnn", recurrent},
    {"cast", nullptr, nullptr},
    {"softmax", nullptr, per_result, 4},
    {"batch_norm", nullptr, per_input, 2},
    {"cumsum", nullptr, per_input, 1},
    {"select", nullptr, per_result, 1},
    // Interpolation: four neighbours, each a product and a sum.
    {"resize_bilinear", nullptr, per_result, 8},
    {"upsample_bilinear", nullptr, per_result, 8},
    {"resample", nullptr, per_result, 8},
    {"affine", nullptr, per_result, 8},
    {"crop_resize", nullptr, per_result, 8},
    // Categories.
    {"elementwise_unary", nullptr, per_result, 1},
    {"elementwise_binary", nullptr, per_result, 1},
    {"activation", nullptr, per_result, 1},
    {"normalization", nullptr, per_input, 5},
    {"reduction", nullptr, per_input, 1},
    {"pool", nullptr, per_window, 1},
    {"quantization", nullptr, per_result, 2},
};

const CostRule* find_rule(std::string_view name) {
  const auto* row = std::ranges::find(kRules, name, &CostRule::name);
  return row != std::end(kRules) ? row : nullptr;
}

}  // namespace

OperationCost cost_of(const Function& function, const Operation& operation) {
  const mil::OpInfo* info = mil::find_op(operation.type);
  const CostRule* rule = find_rule(operation.type);
  rule = rule == nullptr && info != nullptr ? find_rule(info->category) : rule;
  OperationCost cost;
  if (rule == nullptr) {
    return cost;
  }
  const Types types(function, operation);
  const Count products = rule->multiply_adds != nullptr ? rule->multiply_adds(types) : Count(0);
  const Count elements = rule->element_operations != nullptr ? rule->element_operations(types) : Count(0);
  cost.is_known = products.has_value() && elements.has_value();
  if (cost.is_known) {
    cost.multiply_adds = *products;
    cost.element_operations = saturating_multiply(*elements, rule->factor);
  }
  return cost;
}

}  // namespace openane
