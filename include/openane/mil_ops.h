// The operation catalogue: every operation of the op sets ios15 to ios18, generated from data/mil/ops.toml
// (docs/ops.md).
//
// A row's `index` is its position in `ops()`; tables about operations elsewhere (kernels, lowering) are arrays of that
// length or look a row up by name. Nothing about an operation's signature is written down anywhere else.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "openane/mil_type.h"

namespace openane::mil {

enum class ParameterKind : std::uint8_t {
  tensor,    ///< One tensor (or scalar) of one of the element types.
  variadic,  ///< Any number of values: `values = (a, b)`.
  list,
  state,
  block,  ///< A nested block, not an argument.
  any,
};

/// Bit `1 << DataType` for each element type allowed.
using DataTypeSet = std::uint32_t;

struct Parameter {
  std::string_view name;
  ParameterKind kind;
  std::string_view
      variable;       ///< Type variable: parameters with the same one have the same element type. "" when alone.
  DataTypeSet types;  ///< Of a tensor.
  bool is_constant;   ///< Must be known before the program runs.
  bool is_optional;
  std::string_view fallback;  ///< Default as text: a number, true, "text", or one of ones, zeros, all, arange(N), not
                              ///< align_corners. "" when none.

  [[nodiscard]] bool allows(DataType type) const { return (types >> static_cast<unsigned>(type) & 1u) != 0; }
};

struct Signature {
  std::string_view since;  ///< First op set it holds for: "ios15".
  std::span<const Parameter> parameters;

  [[nodiscard]] const Parameter* find(std::string_view name) const;
};

enum class OutputKind : std::uint8_t {
  fixed,     ///< `type`.
  variable,  ///< The element type bound to type variable `of`.
  like,      ///< The element type of input `of`.
  named,     ///< The element type that the string input `of` names; int32 in signatures without it.
  rule,      ///< The shape rule gives the whole type.
};

struct OutputRule {
  std::string_view name;
  OutputKind kind;
  std::string_view of;
  DataType type;
  bool is_repeated;  ///< As many outputs as the shape rule says.
};

struct OpInfo {
  std::uint32_t index;
  std::string_view name;
  std::string_view category;
  std::string_view meaning;
  std::string_view shape_rule;
  std::span<const Signature> signatures;  ///< Oldest first.
  std::span<const OutputRule> outputs;
  bool is_public;  ///< False for what only converters write: custom_layer, write_state.

  /// The signature that holds in an op set; null when the operation is newer. Unknown op sets count as the newest.
  [[nodiscard]] const Signature* signature(std::string_view opset) const;
};

/// Sorted by name.
[[nodiscard]] std::span<const OpInfo> ops();
/// Null when there is no such operation.
[[nodiscard]] const OpInfo* find_op(std::string_view name);

/// A name Apple's converter is reported to know, without a published signature.
struct PrivateOp {
  std::string_view name;
  std::string_view note;
  std::string_view source;
};
[[nodiscard]] std::span<const PrivateOp> private_ops();
[[nodiscard]] const PrivateOp* find_private_op(std::string_view name);

}  // namespace openane::mil
