// The text form of an EngineOp, in pieces: the listing wraps it into tasks, the assembler gives names to its operands.
//
//   compute = neural convolution
//   input = 64x16x16                       channels x height x width
//   source1 = surface slot 4 row 0x40 plane 0x400 group 0x10000
//   window = 3x3 pad 1x1                   height x width
//
// One `key = value` per line; what has its default value is left out.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/words.h"
#include "openane/engine_op.h"

namespace openane {

/// What a listing adds behind a line, as a comment. The default adds nothing.
class OpNotes {
 public:
  virtual ~OpNotes() = default;
  virtual void source(std::string& /*out*/, std::size_t /*index*/) const {}
  virtual void result(std::string& /*out*/) const {}
  virtual void kernel(std::string& /*out*/) const {}
  virtual void activation(std::string& /*out*/) const {}
};

/// Appends the op's lines, each after `indent`, without the compute line.
void append_op_lines(std::string& out, const EngineOp& op, std::string_view indent, const OpNotes& notes);
/// "neural convolution", "planar binary", "unknown".
[[nodiscard]] std::string_view compute_name(const EngineOp& op);

[[nodiscard]] std::string_view to_string(Place place);
[[nodiscard]] std::string_view to_string(NeuralMode mode);
[[nodiscard]] std::string_view to_string(Activation activation);
[[nodiscard]] std::string_view to_string(KernelFormat format);
[[nodiscard]] std::string_view to_string(ChannelOrder order);
[[nodiscard]] std::string_view to_string(PlanarForm form);
[[nodiscard]] std::string_view to_string(PlanarOp op);
[[nodiscard]] std::string_view to_string(Reduction reduction);

/// What names mean where they may stand instead of a place or a kernel. The default knows none.
class OpNames {
 public:
  virtual ~OpNames() = default;
  /// Fill in what the named tensor says about an operand; `index` is 0 or 1 for sources. False when there is no such
  /// name.
  virtual bool source(std::string_view /*name*/, std::size_t /*index*/, Operand& /*operand*/) { return false; }
  virtual bool result(std::string_view /*name*/, ResultView& /*result*/) { return false; }
  virtual bool kernel(std::string_view /*name*/, NeuralCompute& /*compute*/) { return false; }
  virtual bool table(std::string_view /*name*/, NeuralCompute& /*compute*/) { return false; }
  /// All names, for suggestions.
  [[nodiscard]] virtual std::vector<std::string_view> known() const { return {}; }
};

/// Sets what "neural convolution", "planar", ... says. The words must not be empty.
[[nodiscard]] Result<void> set_compute(EngineOp& op, std::span<const Word> words);
/// Sets one key. `values` are the words after the `=`; a key that belongs to the other path, or to no op, is an error.
[[nodiscard]] Result<void> set_op_key(EngineOp& op, const Word& key, std::span<const Word> values, OpNames& names);
[[nodiscard]] bool is_op_key(std::string_view key);

}  // namespace openane
