// gru, lstm, rnn. What their definitions leave open is as Core ML's own tests have it (apple/coremltools@e0e2f42
// coremltools/converters/mil/mil/ops/tests/iOS14/test_recurrent.py, iOS18/test_recurrent.py): with direction `reverse`
// the sequence comes in the order it is computed in, not in the order of x; a bidirectional lstm gives both directions
// in the order of x; gru's reset gate acts on h before the product, after it with reset_after; lstm's clip acts on the
// cell state, its output gate's peephole sees the new one; hard_sigmoid is 0.2x + 0.5 cut to [0, 1], scaled_tanh tanh.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>
#include <type_traits>
#include <vector>

#include "mil/extents.h"
#include "reference/gemm.h"
#include "reference/kernels.h"
#include "reference/vector_math.h"

namespace openane::reference {
namespace {

template <typename Real>
using Activation = void (*)(std::span<Real>);

template <typename Real>
void sigmoid(std::span<Real> x) {
  if constexpr (std::is_same_v<Real, float>) {
    evaluate(VectorFunction::sigmoid, x, x);
  } else {
    std::ranges::transform(x, x.begin(), [](Real v) { return 1 / (1 + std::exp(-v)); });
  }
}
template <typename Real>
void tanh_of(std::span<Real> x) {
  if constexpr (std::is_same_v<Real, float>) {
    evaluate(VectorFunction::tanh, x, x);
  } else {
    std::ranges::transform(x, x.begin(), [](Real v) { return std::tanh(v); });
  }
}
template <typename Real>
void relu(std::span<Real> x) {
  std::ranges::transform(x, x.begin(), [](Real v) { return v < 0 ? Real{0} : v; });
}
template <typename Real>
void identity(std::span<Real> /*x*/) {}
template <typename Real>
void hard_sigmoid(std::span<Real> x) {
  std::ranges::transform(x, x.begin(), [](Real v) {
    const Real line = static_cast<Real>(0.2) * v + static_cast<Real>(0.5);
    return line < 0 ? Real{0} : line > 1 ? Real{1} : line;
  });
}

template <typename Real>
Result<Activation<Real>> activation_of(const Call& call, std::string_view argument, std::string_view fallback) {
  struct Named {
    std::string_view name;
    Activation<Real> function;
  };
  static constexpr Named kActivations[] = {
      {"sigmoid", sigmoid<Real>},           {"tanh", tanh_of<Real>},        {"relu", relu<Real>},
      {"linear", identity<Real>},           {"scaled_tanh", tanh_of<Real>}, {"hard_sigmoid", hard_sigmoid<Real>},
      {"sigmoid_hard", hard_sigmoid<Real>},
  };
  std::string name = call.text(argument).value_or(std::string(fallback));
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const auto* const row = std::ranges::find(kActivations, name, &Named::name);
  if (row == std::end(kActivations)) {
    return fail(ErrorCategory::malformed_input, fmt::format("unknown {} '{}'", argument, name));
  }
  return row->function;
}

struct Sizes {
  std::int64_t steps, batch, width, hidden;
  std::int64_t gates;       ///< Blocks of `hidden` rows in the weights.
  std::int64_t directions;  ///< 1 or 2.
  bool reversed;
  bool gives_sequence;
  [[nodiscard]] std::int64_t state() const { return batch * hidden; }
};

Result<Sizes> sizes_of(const Call& call, std::int64_t gates, bool may_be_bidirectional) {
  const Shape& x = call.array("x").shape();
  const Shape& recurrent = call.array("weight_hh").shape();
  if (x.size() != 3 || recurrent.size() != 2) {
    return fail(ErrorCategory::malformed_input,
                fmt::format("x must be [steps, batch, width] and weight_hh a matrix, found {} and {}", mil::describe(x),
                            mil::describe(recurrent)));
  }
  const std::string direction = call.text("direction").value_or("forward");
  const bool is_bidirectional = direction == "bidirectional" && may_be_bidirectional;
  if (direction != "forward" && direction != "reverse" && !is_bidirectional) {
    return fail(ErrorCategory::malformed_input, fmt::format("unknown direction '{}'", direction));
  }
  const Sizes sizes{x[0],
                    x[1],
                    x[2],
                    recurrent[1],
                    gates,
                    is_bidirectional ? 2 : 1,
                    direction == "reverse",
                    call.boolean("output_sequence").value_or(false)};
  if (sizes.steps == 0) {
    return fail(ErrorCategory::malformed_input, "x has no steps");
  }
  return sizes;
}

Result<void> check_count(const Call& call, std::string_view name, std::int64_t count) {
  if (call.array(name).count() != count) {
    return fail(ErrorCategory::malformed_input,
                fmt::format("{} is {}, expected {} elements", name, mil::describe(call.array(name).shape()), count));
  }
  return {};
}

template <typename Real>
std::span<const Real> optional_elements(const Call& call, const std::string& name) {
  return call.signature().find(name) != nullptr && call.has(name) ? call.array(name).elements<Real>()
                                                                  : std::span<const Real>();
}

/// The weights of one direction; names of the second one end in `_back`.
template <typename Real>
struct Weights {
  std::span<const Real> input, recurrent, bias;
};

template <typename Real>
Result<Weights<Real>> weights_of(const Call& call, const Sizes& sizes, const std::string& suffix) {
  if (!suffix.empty() && (!call.has("weight_ih" + suffix) || !call.has("weight_hh" + suffix))) {
    return fail(ErrorCategory::malformed_input, "a bidirectional operation needs weight_ih_back and weight_hh_back");
  }
  const std::int64_t rows = sizes.gates * sizes.hidden;
  OPENANE_CHECK(check_count(call, "weight_ih" + suffix, rows * sizes.width));
  OPENANE_CHECK(check_count(call, "weight_hh" + suffix, rows * sizes.hidden));
  Weights<Real> out{call.array("weight_ih" + suffix).elements<Real>(),
                    call.array("weight_hh" + suffix).elements<Real>(), optional_elements<Real>(call, "bias" + suffix)};
  if (!out.bias.empty()) {
    OPENANE_CHECK(check_count(call, "bias" + suffix, rows));
  }
  return out;
}

template <typename Real>
void add_rows(std::vector<Real>& to, std::span<const Real> row) {
  for (std::size_t i = 0; i < to.size() && !row.empty(); ++i) {
    to[i] += row[i % row.size()];
  }
}

/// What x adds to the gates of all steps: [steps, batch, gates * hidden].
template <typename Real>
std::vector<Real> input_gates(const Call& call, const Sizes& sizes, std::span<const Real> weight) {
  const std::int64_t rows = sizes.gates * sizes.hidden;
  std::vector<Real> out(static_cast<std::size_t>(sizes.steps * sizes.batch * rows));
  multiply<Real>({sizes.steps * sizes.batch, rows, sizes.width}, {call.array("x").elements<Real>().data(), sizes.width},
                 {weight.data(), sizes.width, true}, out.data(), rows, false, call.threads());
  return out;
}

/// to [batch, blocks * hidden] += h W^T, for the `blocks` blocks of rows of W from `first` on; `stride` is to's.
template <typename Real>
void add_recurrent(const Sizes& sizes, const std::vector<Real>& h, std::span<const Real> weight, std::int64_t first,
                   std::int64_t blocks, Real* to, std::int64_t stride, unsigned threads) {
  multiply<Real>({sizes.batch, blocks * sizes.hidden, sizes.hidden}, {h.data(), sizes.hidden},
                 {weight.data() + first * sizes.hidden * sizes.hidden, sizes.hidden, true}, to, stride, true, threads);
}

/// The columns of one direction in states [batch, directions * hidden].
template <typename Real>
std::vector<Real> take_state(const Array& states, const Sizes& sizes, std::int64_t direction) {
  const auto from = states.elements<Real>();
  std::vector<Real> out;
  out.reserve(static_cast<std::size_t>(sizes.state()));
  for (std::int64_t b = 0; b < sizes.batch; ++b) {
    const auto* const row = from.data() + (b * sizes.directions + direction) * sizes.hidden;
    out.insert(out.end(), row, row + sizes.hidden);
  }
  return out;
}

template <typename Real>
void put_state(const std::vector<Real>& state, const Sizes& sizes, std::int64_t direction, Real* to) {
  for (std::int64_t b = 0; b < sizes.batch; ++b) {
    std::copy_n(state.data() + b * sizes.hidden, sizes.hidden, to + (b * sizes.directions + direction) * sizes.hidden);
  }
}

/// The results: sequence, last h, and last c of an lstm.
template <typename Real>
struct Outputs {
  std::vector<Array> arrays;
  [[nodiscard]] Real* data(std::size_t index) const { return arrays[index].template writable<Real>().data(); }
};

template <typename Real>
Result<Outputs<Real>> allocate_outputs(Call& call, const Sizes& sizes) {
  const std::int64_t columns = sizes.directions * sizes.hidden;
  Outputs<Real> out;
  for (std::size_t index = 0; index < call.output_count(); ++index) {
    Shape shape{sizes.batch, columns};
    if (index == 0) {
      shape.insert(shape.begin(), sizes.gives_sequence ? sizes.steps : 1);
    }
    OPENANE_TRY(Array array, call.allocate(index, shape));
    out.arrays.push_back(std::move(array));
  }
  return out;
}

template <typename Real>
void give_all(Call& call, Outputs<Real>& outputs) {
  for (std::size_t index = 0; index < outputs.arrays.size(); ++index) {
    call.give(index, std::move(outputs.arrays[index]));
  }
}

/// Runs `step(gates of x at that step, h)` over the steps of one direction and writes the sequence and the last h.
template <typename Real, typename Step>
void run_steps(const Sizes& sizes, std::int64_t direction, std::vector<Real>& gates, std::vector<Real>& h,
               const Outputs<Real>& outputs, const Step& step) {
  const bool backwards = sizes.reversed || direction == 1;
  const std::int64_t block = sizes.batch * sizes.gates * sizes.hidden;
  const std::int64_t row = sizes.directions * sizes.state();
  for (std::int64_t i = 0; i < sizes.steps; ++i) {
    const std::int64_t at = backwards ? sizes.steps - 1 - i : i;
    step(gates.data() + at * block, h);
    if (sizes.gives_sequence) {
      put_state(h, sizes, direction, outputs.data(0) + (sizes.reversed ? i : at) * row);
    }
  }
  if (!sizes.gives_sequence) {
    put_state(h, sizes, direction, outputs.data(0));
  }
  put_state(h, sizes, direction, outputs.data(1));
}

template <typename Real>
Result<void> rnn(Call& call) {
  OPENANE_TRY(const Sizes sizes, sizes_of(call, 1, false));
  OPENANE_CHECK(check_count(call, "initial_h", sizes.state()));
  OPENANE_TRY(const auto activation, activation_of<Real>(call, "activation", "tanh"));
  OPENANE_TRY(const Weights<Real> weights, weights_of<Real>(call, sizes, ""));
  OPENANE_TRY(auto outputs, allocate_outputs<Real>(call, sizes));
  std::vector<Real> gates = input_gates<Real>(call, sizes, weights.input);
  add_rows(gates, weights.bias);
  std::vector<Real> h = take_state<Real>(call.array("initial_h"), sizes, 0);
  run_steps(sizes, 0, gates, h, outputs, [&](Real* gate, std::vector<Real>& state) {
    add_recurrent(sizes, state, weights.recurrent, 0, 1, gate, sizes.hidden, call.threads());
    std::copy_n(gate, sizes.state(), state.begin());
    activation(state);
  });
  give_all(call, outputs);
  return {};
}

/// What lstm knows besides its weights.
template <typename Real>
struct LstmRules {
  Activation<Real> recurrent, cell, output;
  Real clip;
};

template <typename Real>
void lstm_step(const LstmRules<Real>& rules, std::span<const Real> peephole, std::int64_t hidden, Real* gate, Real* h,
               Real* c) {
  const auto width = static_cast<std::size_t>(hidden);
  const std::span<Real> in(gate, width);
  const std::span<Real> forget(gate + hidden, width);
  const std::span<Real> out(gate + 2 * hidden, width);
  const std::span<Real> cell(gate + 3 * hidden, width);
  if (!peephole.empty()) {
    for (std::size_t i = 0; i < width; ++i) {
      in[i] += c[i] * peephole[i];
      forget[i] += c[i] * peephole[width + i];
    }
  }
  rules.recurrent(std::span<Real>(gate, 2 * width));
  rules.cell(cell);
  for (std::size_t i = 0; i < width; ++i) {
    c[i] = std::clamp(forget[i] * c[i] + in[i] * cell[i], -rules.clip, rules.clip);
  }
  if (!peephole.empty()) {
    for (std::size_t i = 0; i < width; ++i) {
      out[i] += c[i] * peephole[2 * width + i];
    }
  }
  rules.recurrent(out);
  std::copy_n(c, width, h);
  rules.output(std::span<Real>(h, width));
  for (std::size_t i = 0; i < width; ++i) {
    h[i] *= out[i];
  }
}

template <typename Real>
Result<void> lstm_direction(Call& call, const Sizes& sizes, std::int64_t direction, const LstmRules<Real>& rules,
                            const Outputs<Real>& outputs) {
  const std::string suffix = direction == 0 ? "" : "_back";
  OPENANE_TRY(const Weights<Real> weights, weights_of<Real>(call, sizes, suffix));
  const auto peephole = optional_elements<Real>(call, "peephole" + suffix);
  if (!peephole.empty()) {
    OPENANE_CHECK(check_count(call, "peephole" + suffix, 3 * sizes.hidden));
  }
  std::vector<Real> gates = input_gates<Real>(call, sizes, weights.input);
  add_rows(gates, weights.bias);
  std::vector<Real> h = take_state<Real>(call.array("initial_h"), sizes, direction);
  std::vector<Real> c = take_state<Real>(call.array("initial_c"), sizes, direction);
  const std::int64_t rows = 4 * sizes.hidden;
  run_steps(sizes, direction, gates, h, outputs, [&](Real* gate, std::vector<Real>& state) {
    add_recurrent(sizes, state, weights.recurrent, 0, 4, gate, rows, call.threads());
    for (std::int64_t b = 0; b < sizes.batch; ++b) {
      lstm_step(rules, peephole, sizes.hidden, gate + b * rows, state.data() + b * sizes.hidden,
                c.data() + b * sizes.hidden);
    }
  });
  put_state(c, sizes, direction, outputs.data(2));
  return {};
}

template <typename Real>
Result<void> lstm(Call& call) {
  OPENANE_TRY(const Sizes sizes, sizes_of(call, 4, true));
  OPENANE_CHECK(check_count(call, "initial_h", sizes.directions * sizes.state()));
  OPENANE_CHECK(check_count(call, "initial_c", sizes.directions * sizes.state()));
  LstmRules<Real> rules{};
  OPENANE_TRY(rules.recurrent, activation_of<Real>(call, "recurrent_activation", "sigmoid"));
  OPENANE_TRY(rules.cell, activation_of<Real>(call, "cell_activation", "tanh"));
  OPENANE_TRY(rules.output, activation_of<Real>(call, "activation", "tanh"));
  rules.clip = call.has("clip") ? static_cast<Real>(*call.number("clip")) : std::numeric_limits<Real>::infinity();
  if (!(rules.clip >= 0)) {
    return fail(ErrorCategory::malformed_input, fmt::format("clip must not be negative, found {}", rules.clip));
  }
  OPENANE_TRY(auto outputs, allocate_outputs<Real>(call, sizes));
  for (std::int64_t direction = 0; direction < sizes.directions; ++direction) {
    OPENANE_CHECK(lstm_direction(call, sizes, direction, rules, outputs));
  }
  give_all(call, outputs);
  return {};
}

/// Gates come in the order reset, output, update.
template <typename Real>
Result<void> gru(Call& call) {
  OPENANE_TRY(const Sizes sizes, sizes_of(call, 3, false));
  OPENANE_CHECK(check_count(call, "initial_h", sizes.state()));
  OPENANE_TRY(const auto recurrent, activation_of<Real>(call, "recurrent_activation", "sigmoid"));
  OPENANE_TRY(const auto activation, activation_of<Real>(call, "activation", "tanh"));
  OPENANE_TRY(const Weights<Real> weights, weights_of<Real>(call, sizes, ""));
  const bool resets_after =
      call.signature().find("reset_after") != nullptr && call.boolean("reset_after").value_or(false);
  const auto input_bias = optional_elements<Real>(call, "input_bias");
  if (!input_bias.empty()) {
    OPENANE_CHECK(check_count(call, "input_bias", 3 * sizes.hidden));
  }
  OPENANE_TRY(auto outputs, allocate_outputs<Real>(call, sizes));
  std::vector<Real> gates = input_gates<Real>(call, sizes, weights.input);
  add_rows(gates, input_bias);

  const std::int64_t hidden = sizes.hidden;
  const std::int64_t rows = 3 * hidden;
  const auto width = static_cast<std::size_t>(hidden);
  std::vector<Real> products(static_cast<std::size_t>(sizes.batch * rows));
  std::vector<Real> reset(static_cast<std::size_t>(sizes.state()));
  std::vector<Real> h = take_state<Real>(call.array("initial_h"), sizes, 0);
  run_steps(sizes, 0, gates, h, outputs, [&](Real* gate, std::vector<Real>& state) {
    // What h and the bias add, the output gate apart when its h is reset first.
    std::ranges::fill(products, Real{0});
    add_rows(products, weights.bias);
    add_recurrent(sizes, state, weights.recurrent, 0, 1, products.data(), rows, call.threads());
    add_recurrent(sizes, state, weights.recurrent, 2, 1, products.data() + 2 * hidden, rows, call.threads());
    if (resets_after) {
      add_recurrent(sizes, state, weights.recurrent, 1, 1, products.data() + hidden, rows, call.threads());
    }
    for (std::int64_t b = 0; b < sizes.batch; ++b) {
      Real* const own = gate + b * rows;
      const Real* const added = products.data() + b * rows;
      for (std::size_t i = 0; i < width; ++i) {
        own[i] += added[i];
        own[2 * width + i] += added[2 * width + i];
      }
      recurrent(std::span<Real>(own, width));
      recurrent(std::span<Real>(own + 2 * hidden, width));
      for (std::size_t i = 0; i < width; ++i) {
        reset[static_cast<std::size_t>(b) * width + i] = own[i] * state[static_cast<std::size_t>(b) * width + i];
      }
    }
    if (!resets_after) {
      add_recurrent(sizes, reset, weights.recurrent, 1, 1, products.data() + hidden, rows, call.threads());
    }
    for (std::int64_t b = 0; b < sizes.batch; ++b) {
      Real* const own = gate + b * rows;
      const Real* const added = products.data() + b * rows + hidden;
      for (std::size_t i = 0; i < width; ++i) {
        own[width + i] += resets_after ? own[i] * added[i] : added[i];
      }
      activation(std::span<Real>(own + hidden, width));
      for (std::size_t i = 0; i < width; ++i) {
        Real& held = state[static_cast<std::size_t>(b) * width + i];
        const Real update = own[2 * width + i];
        held = (1 - update) * own[width + i] + update * held;
      }
    }
  });
  give_all(call, outputs);
  return {};
}

constexpr NamedKernel kKernels[] = {
    {"gru", by_real<gru<float>, gru<double>>},
    {"lstm", by_real<lstm<float>, lstm<double>>},
    {"rnn", by_real<rnn<float>, rnn<double>>},
};

}  // namespace

std::span<const NamedKernel> recurrent_kernels() { return kKernels; }

}  // namespace openane::reference
