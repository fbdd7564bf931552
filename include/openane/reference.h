// The reference executor: runs ML Programs on the CPU, every operation of the catalogue, in arithmetic that can be
// trusted.
//
// Precision. fp32 and fp64 compute in that type whatever element types the program declares: an fp16 tensor is then not
// rounded, so that a result differs from the exact one only by the rounding of single (double) precision. fp16 rounds
// every floating tensor - inputs, constants and the result of each operation - to fp16, as tensors on the engine are;
// sums inside an operation are kept in fp32. Constants are always decoded to the type the program declares.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "openane/error.h"
#include "openane/mil_model.h"
#include "openane/mil_program.h"
#include "openane/mil_weights.h"
#include "openane/tensor.h"

namespace openane::reference {

enum class Precision : std::uint8_t { fp32, fp64, fp16 };
[[nodiscard]] std::string_view to_string(Precision precision);
[[nodiscard]] std::optional<Precision> precision_from_string(std::string_view name);

/// One result of a run. Floating tensors come as float32 (fp32 runs), float64 (fp64 runs), or as declared (fp16 runs).
struct Output {
  std::string name;
  Tensor tensor;                   ///< Of type `invalid` for a tensor of strings. Of a dictionary, the numbers.
  std::vector<std::string> texts;  ///< Elements of a tensor of strings; of a dictionary, the keys.
};

/// A result of one operation, as an observer sees it.
struct Observation {
  const mil::Function& function;
  const mil::Operation& operation;
  std::size_t result = 0;  ///< Which of the operation's results.
  const Output& output;    ///< Named by the variable.
  double seconds = 0;      ///< That the whole operation took.
};

struct Options {
  Precision precision = Precision::fp32;
  unsigned threads = 0;    ///< 0: all cores. Results are the same for every number.
  std::uint64_t seed = 0;  ///< Of random operations that bring none.
  std::string function;    ///< Empty: the model's main function.
  /// Shapes of inputs whose extents the program leaves open. What is left out follows from the inputs of a run.
  std::map<std::string, Shape> shapes;
  std::uint64_t memory_limit = 0;        ///< Bytes for tensors; 0: three quarters of the physical memory.
  std::uint64_t loop_limit = 1'000'000;  ///< Iterations of one while_loop.
  bool keep_all_constants = false;       ///< Also those that only served to compute others: see `Session::constant`.
  /// Called for every result of every operation that is not constant.
  std::function<void(const Observation&)> observer;
};

/// An input, output or state of the function that runs.
struct Port {
  std::string name;
  mil::Type type;  ///< Of a state, the type it holds. Extents may be unknown until an input settles them.
};

struct MemoryFigures {
  std::uint64_t constant_bytes = 0;  ///< Decoded constants. What is used straight from a mapped file does not count.
  std::uint64_t arena_bytes = 0;     ///< The planned arena: intermediate tensors whose lifetimes do not meet share it.
  std::uint64_t unshared_bytes = 0;  ///< What these tensors would take without sharing.
};

/// The memory plan of a function, without decoding its constants (`constant_bytes` stays 0). Tensors with unknown
/// extents do not count.
[[nodiscard]] Result<MemoryFigures> measure_memory(const mil::Function& function, const mil::Weights& weights,
                                                   Precision precision = Precision::fp32);

class Session {
 public:
  /// Verifies the program, decodes the constants and computes everything that depends on them alone. The model need not
  /// outlive the session.
  [[nodiscard]] static Result<Session> create(const mil::Model& model, Options options = {});
  [[nodiscard]] static Result<Session> create(const mil::Program& program, const mil::Weights& weights,
                                              Options options = {});
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  [[nodiscard]] const std::vector<Port>& inputs() const;
  [[nodiscard]] const std::vector<Port>& outputs() const;
  [[nodiscard]] const std::vector<Port>& states() const;

  /// Runs the function. Every input must be given, by name and with its exact shape. Floating element types are
  /// converted into each other, integer types where every number fits; nothing else. An input whose shape the program
  /// or the model's description leaves open may have any shape they allow. States keep what a run that succeeds wrote.
  [[nodiscard]] Result<std::vector<Output>> run(std::span<const NamedTensor> inputs);

  /// What a state holds; zeros before the first run.
  [[nodiscard]] Result<Tensor> state(std::string_view name) const;
  [[nodiscard]] Result<void> set_state(std::string_view name, const Tensor& tensor);
  [[nodiscard]] Result<void> reset_states();

  /// The content of a constant, or of an operation's result that depends on constants alone, by the name of the
  /// variable, in its declared element type. Those that only served to compute others are gone unless
  /// the options keep them.
  [[nodiscard]] Result<Tensor> constant(std::string_view name) const;
  [[nodiscard]] const MemoryFigures& memory() const;

 private:
  struct State;
  [[nodiscard]] static Result<Session> create(const mil::Program& program, const mil::Weights& weights,
                                              std::vector<mil::Feature> features, Options options);
  explicit Session(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace openane::reference
