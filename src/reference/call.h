// One call of a kernel: the arguments of an operation by name, with the defaults of its signature, and the places its
// results go to.
//
// What the verifier has checked (presence of required arguments, element types, constness, ranks) a kernel need not
// check again. What only the run knows (an index out of range, an extent that became negative) it checks, and fails
// with a message; the executor puts place and operation to it.
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
#include "openane/reference.h"
#include "reference/array.h"
#include "reference/bounds.h"

namespace openane::reference {

/// A list value of MIL (`make_list`, `list_write`, ...).
using ListValue = std::vector<Array>;

class Call {
 public:
  virtual ~Call() = default;

  [[nodiscard]] virtual const mil::OpInfo& info() const = 0;
  /// The one that holds in the function's op set: what an operation means changed between op sets.
  [[nodiscard]] virtual const mil::Signature& signature() const = 0;
  [[nodiscard]] virtual Precision precision() const = 0;
  /// Threads a kernel may use.
  [[nodiscard]] virtual unsigned threads() const = 0;

  [[nodiscard]] virtual bool has(std::string_view name) const = 0;
  /// The array bound to an argument. Must be there (`has`), or have a number as default, which comes as an array of
  /// rank 0. Constants of weight files arrive decoded.
  [[nodiscard]] virtual const Array& array(std::string_view name) const = 0;
  /// Whether an argument has the same elements, under the same owner, in every run: kernels keep what they make of it.
  [[nodiscard]] virtual bool is_constant(std::string_view /*name*/) const { return false; }
  // What the executor asks of convolutions besides (merging.h).
  /// Whether an argument [N, C, H, W] is held as [N, H, W, C].
  [[nodiscard]] virtual bool is_channels_last(std::string_view /*name*/) const { return false; }
  /// Whether result 0 must be.
  [[nodiscard]] virtual bool gives_channels_last() const { return false; }
  /// Between which numbers the result must be kept.
  [[nodiscard]] virtual std::optional<Bounds<double>> bounds() const { return std::nullopt; }
  /// All arrays of a variadic argument.
  [[nodiscard]] virtual std::span<const Array> arrays(std::string_view name) const = 0;
  /// A constant as it is stored, elements packed: what the constexpr kernels decode.
  [[nodiscard]] virtual Result<mil::Value> stored(std::string_view name) const = 0;

  // Contents with the signature's default, known only now: computed or constant. Nothing when there is neither.
  [[nodiscard]] virtual std::optional<std::int64_t> integer(std::string_view name) const = 0;
  [[nodiscard]] virtual std::optional<double> number(std::string_view name) const = 0;
  [[nodiscard]] virtual std::optional<bool> boolean(std::string_view name) const = 0;
  [[nodiscard]] virtual std::optional<std::string> text(std::string_view name) const = 0;
  [[nodiscard]] virtual std::optional<std::vector<std::int64_t>> integers(std::string_view name) const = 0;
  [[nodiscard]] virtual std::optional<std::vector<bool>> booleans(std::string_view name) const = 0;

  [[nodiscard]] virtual std::size_t output_count() const = 0;
  /// The declared type of a result; extents may be unknown.
  [[nodiscard]] virtual const mil::Type& output_type(std::size_t index) const = 0;
  /// Memory for result `index`, uninitialised, of its declared element type: floating -> the run's Real, integers ->
  /// int32, bool -> uint8. Comes from the memory plan where the shape is the planned one. Fails when the shape
  /// contradicts the declared type or is too large.
  [[nodiscard]] virtual Result<Array> allocate(std::size_t index, const Shape& shape) = 0;
  /// `allocate` with the declared shape, which must be concrete.
  [[nodiscard]] virtual Result<Array> allocate(std::size_t index) = 0;
  /// Gives result `index`: an array made by `allocate`, or a view of an argument (`reshaped`).
  virtual void give(std::size_t index, Array array) = 0;

  /// Random numbers for ops without a seed of their own: the run's seed and a counter.
  [[nodiscard]] virtual std::uint64_t next_seed() = 0;
};

/// Does the whole work of one operation for arrays of the run's `Real`; most are function templates used through
/// `by_real`.
using Kernel = Result<void> (*)(Call&);

/// `kernel_for<float>` or `kernel_for<double>` by the precision of the run: a row says REAL_KERNEL(conv).
template <Result<void> (*Float)(Call&), Result<void> (*Double)(Call&)>
[[nodiscard]] Result<void> by_real(Call& call) {
  return call.precision() == Precision::fp64 ? Double(call) : Float(call);
}

struct NamedKernel {
  std::string_view name;  ///< Of the operation.
  Kernel kernel;
};

}  // namespace openane::reference
