// One operation seen through its catalogue row: arguments by name, with defaults, whether they stand as arguments or as
// attributes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "openane/error.h"
#include "openane/mil_ops.h"
#include "openane/mil_program.h"

namespace openane::mil {

/// Extents and integers above this (in magnitude) are refused or taken for unknown: nothing real comes near.
inline constexpr std::int64_t kLargestInteger = std::int64_t{1} << 48;

class OpView {
 public:
  OpView(const Function& function, const Operation& operation, const OpInfo& info, const Signature& signature)
      : function_(function), operation_(operation), info_(info), signature_(signature) {}

  [[nodiscard]] const Function& function() const { return function_; }
  [[nodiscard]] const Operation& operation() const { return operation_; }
  [[nodiscard]] const OpInfo& info() const { return info_; }
  [[nodiscard]] const Signature& signature() const { return signature_; }

  [[nodiscard]] bool has(std::string_view name) const;
  /// Types of everything bound to an argument; one for the usual ones, several for variadic ones.
  [[nodiscard]] std::vector<Type> types(std::string_view name) const;
  /// Type of a single-valued argument; none when it is absent.
  [[nodiscard]] Type type(std::string_view name) const;
  [[nodiscard]] const Shape& shape(std::string_view name) const { return hold(type(name)).shape(); }
  /// The tensor an operation works on: `x`, `input` or `data`.
  [[nodiscard]] const Shape& main_shape() const;

  /// The constant bound to an argument; null when it is absent, computed, or in a weight file.
  [[nodiscard]] const Value* constant(std::string_view name) const;
  /// Constant content with the signature's default; nothing when it is not known, or when there is neither.
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view name) const;
  [[nodiscard]] std::optional<double> number(std::string_view name) const;
  [[nodiscard]] std::optional<bool> boolean(std::string_view name) const;
  [[nodiscard]] std::optional<std::string> text(std::string_view name) const;
  /// All elements of a constant; a variadic argument gives one element for each of its bindings, a tuple the elements
  /// of its parts.
  [[nodiscard]] std::optional<std::vector<std::int64_t>> integers(std::string_view name) const;
  [[nodiscard]] std::optional<std::vector<bool>> booleans(std::string_view name) const;
  /// `integers`, or `count` times `fallback` when the argument is absent. Fails when it has another number of elements.
  [[nodiscard]] Result<std::optional<std::vector<std::int64_t>>> integers_of(std::string_view name, std::size_t count,
                                                                             std::int64_t fallback) const;

 private:
  [[nodiscard]] const std::vector<Binding>* bindings(std::string_view name) const;
  [[nodiscard]] std::string_view fallback(std::string_view name) const;
  [[nodiscard]] const Type& hold(Type type) const;

  const Function& function_;
  const Operation& operation_;
  const OpInfo& info_;
  const Signature& signature_;
  mutable std::vector<Type> held_;
};

/// A failed rule; the verifier puts the place to it.
[[nodiscard]] std::unexpected<Error> mismatch(std::string message);

}  // namespace openane::mil
