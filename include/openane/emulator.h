// The emulator: executes a program's register programs with the engine's own numerics, on any host.
//
// Contract. Every result is either what the published evidence says the engine computes under the chosen numerics
// model, or an error: a program that reads or writes outside its surfaces, or needs what is unknown, stops with
// category, task, register and value. The numerics models give the same bits on every host and for every number of
// threads.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "openane/engine_op.h"
#include "openane/program.h"
#include "openane/tensor.h"

namespace openane {

enum class Numerics : std::uint8_t {
  h13,  ///< The engine as published readings show it: boundary rules, table arithmetic, tile-of-4 multiply-accumulate,
        ///< output clamp.
  ideal,  ///< The same boundary rules and tables, products summed in fp32 without clamp.
};
[[nodiscard]] std::string_view to_string(Numerics numerics);
[[nodiscard]] std::optional<Numerics> numerics_from_string(std::string_view name);
/// h13 for H13, on which it was measured; ideal for every other generation, of whose arithmetic nothing was published.
[[nodiscard]] Numerics default_numerics(const Generation& generation);

/// Statistics of one tensor, over its finite elements.
struct TensorStatistics {
  std::uint64_t count = 0, nan = 0, infinite = 0;
  double minimum = 0, maximum = 0, mean = 0;
};

[[nodiscard]] TensorStatistics statistics_of(std::span<const float> values);

/// What a trace sees of one tensor that a task read or wrote: "source 1", "source 2", "result".
struct TracedTensor {
  std::string label;
  Tensor tensor;  ///< N x C x H x W with N the groups, as the computing path saw or made it.
  TensorStatistics statistics;
};

struct TraceStep {
  std::size_t procedure = 0, task = 0;
  const EngineOp* op = nullptr;
  double seconds = 0;
  std::vector<TracedTensor> tensors;
};

struct EmulatorOptions {
  std::optional<Numerics> numerics;  ///< Unset: that of the program's generation.
  unsigned threads = 0;              ///< 0 = all cores.
  /// Called after each task; when set, the tensors of every task are gathered (which costs time and memory).
  std::function<void(const TraceStep&)> trace;
  /// Called before each task with its index and the number of tasks.
  std::function<void(std::size_t, std::size_t)> progress;
};

/// Holds the surfaces of one procedure and runs it.
class Emulator {
 public:
  /// Lifts and checks every task: a program that cannot run fails here. `program` must outlive the emulator.
  [[nodiscard]] static Result<Emulator> create(const Program& program, std::size_t procedure = 0,
                                               EmulatorOptions options = {});
  Emulator(Emulator&&) noexcept;
  Emulator& operator=(Emulator&&) noexcept;
  ~Emulator();

  /// Packs a tensor of the binding's logical N x C x H x W shape (missing leading 1s are added) into its surface.
  [[nodiscard]] Result<void> set_input(std::string_view name, const Tensor& tensor);
  [[nodiscard]] Result<void> run();
  /// Gives the memory of inputs and of the computation back before the outputs take theirs. Nothing can run afterwards.
  void release_inputs();
  /// Fails when no task writes some of its elements.
  [[nodiscard]] Result<Tensor> output(std::string_view name) const;
  /// The bytes of any slot's surface, as the tasks see them.
  [[nodiscard]] std::span<std::uint8_t> surface(std::uint32_t slot);
  [[nodiscard]] const std::vector<EngineOp>& ops() const;

 private:
  struct State;
  explicit Emulator(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// One call: inputs by name, all outputs back.
[[nodiscard]] Result<std::vector<NamedTensor>> run_program(const Program& program, std::span<const NamedTensor> inputs,
                                                           EmulatorOptions options = {}, std::size_t procedure = 0);

// ------------------------------------------------------------------------------------- pieces with a life of their own

/// A 128-byte nonlinear table (h13-isa.md 8), as 64 half-words.
struct LookupTable {
  std::array<std::uint16_t, 64> words{};
  /// Refuses codes that nobody has seen (function 8, symmetries other than 0, 3, 6) with `missing_specification`.
  [[nodiscard]] Result<void> check() const;
  /// The table's value for x, before rounding to fp16. `x` is what the engine computes with: never NaN or infinity.
  [[nodiscard]] float evaluate(float x) const;
};

/// What the engine reads for the bits of an fp16 element: exponent-31 codes become +-65536 (NaN: +65536), all else
/// exact.
[[nodiscard]] float read_boundary(Half stored);
/// The same rule for a constant of a register.
[[nodiscard]] float read_boundary(float constant);
/// What the engine writes: fp16, half to even, infinity beyond 65504.
[[nodiscard]] Half write_boundary(float value);

/// One dot product as a numerics model computes it: the terms in stream order, before bias and scale. `b` is at least
/// as long as `a`.
[[nodiscard]] float dot_product(Numerics numerics, std::span<const Half> a, std::span<const Half> b);

}  // namespace openane
