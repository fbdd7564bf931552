// The shape rules of the catalogue: name -> function from arguments to result types.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "mil/op_view.h"
#include "openane/error.h"
#include "openane/mil_type.h"

namespace openane::mil {

/// Extents of each result. The element types come from the catalogue's output rules.
using ShapeRule = Result<std::vector<Shape>> (*)(const OpView&);
/// Whole types, for results that are no plain tensors or take their element type from elsewhere.
using TypeRule = Result<std::vector<Type>> (*)(const OpView&);

/// Exactly one of the two functions is set.
struct NamedRule {
  std::string_view name;
  ShapeRule shapes = nullptr;
  TypeRule types = nullptr;
};

// One table per file infer_*.cpp.
[[nodiscard]] std::span<const NamedRule> elementwise_rules();
[[nodiscard]] std::span<const NamedRule> layout_rules();
[[nodiscard]] std::span<const NamedRule> indexing_rules();
[[nodiscard]] std::span<const NamedRule> spatial_rules();
[[nodiscard]] std::span<const NamedRule> other_rules();

/// Null when there is no such rule.
[[nodiscard]] const NamedRule* find_shape_rule(std::string_view name);

}  // namespace openane::mil
