// gru, lstm and rnn against their equations, step by step for each element, and the orders of their sequences.
#include <algorithm>
#include <cmath>
#include <functional>

#include "stub_call.h"

namespace openane::reference {
namespace {

using test::array_of;
using test::kPrecision;
using test::random_array;
using test::StubCall;

using Row = std::vector<double>;
using Function = std::function<double(double)>;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

const std::map<std::string, Function>& activations() {
  static const std::map<std::string, Function> all = {
      {"sigmoid", sigmoid},
      {"tanh", [](double x) { return std::tanh(x); }},
      {"relu", [](double x) { return std::max(x, 0.0); }},
      {"linear", [](double x) { return x; }},
      {"scaled_tanh", [](double x) { return std::tanh(x); }},
      {"hard_sigmoid", [](double x) { return std::clamp(0.2 * x + 0.5, 0.0, 1.0); }},
  };
  return all;
}

struct Layer {
  std::int64_t steps = 4, batch = 3, width = 5, hidden = 6;
  bool reversed = false;
};

/// The arguments of a layer in the Real of the run.
template <typename Real>
struct Arguments {
  explicit Arguments(const Layer& layer, std::int64_t gates, std::uint64_t seed)
      : x(random_array<Real>({layer.steps, layer.batch, layer.width}, seed, -1, 1)),
        h(random_array<Real>({layer.batch, layer.hidden}, seed + 1, -1, 1)),
        c(random_array<Real>({layer.batch, layer.hidden}, seed + 2, -1, 1)),
        weight_ih(random_array<Real>({gates * layer.hidden, layer.width}, seed + 3, -1, 1)),
        weight_hh(random_array<Real>({gates * layer.hidden, layer.hidden}, seed + 4, -1, 1)),
        bias(random_array<Real>({gates * layer.hidden}, seed + 5, -1, 1)),
        input_bias(random_array<Real>({gates * layer.hidden}, seed + 6, -1, 1)),
        peephole(random_array<Real>({3 * layer.hidden}, seed + 7, -1, 1)) {}
  Array x, h, c, weight_ih, weight_hh, bias, input_bias, peephole;
};

template <typename Real>
double element(const Array& array, std::int64_t index) {
  return static_cast<double>(array.elements<Real>()[static_cast<std::size_t>(index)]);
}

/// Row `row` of a matrix times `vector` (of elements starting at `from`).
template <typename Real>
double product(const Array& matrix, std::int64_t row, const std::function<double(std::int64_t)>& vector) {
  double sum = 0;
  const std::int64_t columns = matrix.shape()[1];
  for (std::int64_t i = 0; i < columns; ++i) {
    sum += element<Real>(matrix, row * columns + i) * vector(i);
  }
  return sum;
}

/// h after each step, in the order of the steps: [step][batch * hidden].
using Sequence = std::vector<Row>;

/// Runs `next(x of the step and batch, h)` for one direction.
template <typename Real>
Sequence run(const Layer& layer, const Arguments<Real>& a,
             const std::function<Row(std::int64_t batch, const Function& x, const Row& h)>& next) {
  Sequence out;
  std::vector<Row> states;
  for (std::int64_t b = 0; b < layer.batch; ++b) {
    Row state;
    for (std::int64_t i = 0; i < layer.hidden; ++i) {
      state.push_back(element<Real>(a.h, b * layer.hidden + i));
    }
    states.push_back(state);
  }
  for (std::int64_t step = 0; step < layer.steps; ++step) {
    const std::int64_t at = layer.reversed ? layer.steps - 1 - step : step;
    Row all;
    for (std::int64_t b = 0; b < layer.batch; ++b) {
      const auto x = [&](double i) {
        return element<Real>(a.x, (at * layer.batch + b) * layer.width + static_cast<std::int64_t>(i));
      };
      Row& state = states[static_cast<std::size_t>(b)];
      state = next(b, x, state);
      all.insert(all.end(), state.begin(), state.end());
    }
    out.push_back(all);
  }
  return out;
}

template <typename Real>
void expect_rows(const Array& found, const Sequence& expected, double tolerance, const std::string& what) {
  std::size_t i = 0;
  for (const Row& row : expected) {
    for (const double value : row) {
      ASSERT_NEAR(found.elements<Real>()[i], value, tolerance) << what << " at " << i;
      ++i;
    }
  }
  ASSERT_EQ(i, static_cast<std::size_t>(found.count())) << what;
}

/// Runs the call with and without `output_sequence` and compares everything.
template <typename Real>
void expect_layer(StubCall call, const Sequence& expected, double tolerance, const std::string& what) {
  for (const bool sequence : {true, false}) {
    call.with_boolean("output_sequence", sequence);
    expect_rows<Real>(call.result(), sequence ? expected : Sequence{expected.back()}, tolerance, what);
    expect_rows<Real>(call.output(1), {expected.back()}, tolerance, what + ", last h");
  }
}

template <typename Real>
StubCall call_of(const char* name, const Arguments<Real>& a, bool reversed) {
  StubCall call(name, kPrecision<Real>);
  call.with("x", a.x).with("initial_h", a.h).with("weight_ih", a.weight_ih).with("weight_hh", a.weight_hh);
  call.with("bias", a.bias).with("direction", reversed ? "reverse" : "forward");
  return call;
}

template <typename Real>
void expect_rnn(double tolerance) {
  for (const bool reversed : {false, true}) {
    for (const char* activation : {"tanh", "relu", "sigmoid", "linear"}) {
      const Layer layer{.reversed = reversed};
      const Arguments<Real> a(layer, 1, 40);
      const Function act = activations().at(activation);
      const Sequence expected = run<Real>(layer, a, [&](std::int64_t, const Function& x, const Row& h) {
        Row out;
        for (std::int64_t i = 0; i < layer.hidden; ++i) {
          out.push_back(
              act(product<Real>(a.weight_ih, i, [&](std::int64_t k) { return x(static_cast<double>(k)); }) +
                  product<Real>(a.weight_hh, i, [&](std::int64_t k) { return h[static_cast<std::size_t>(k)]; }) +
                  element<Real>(a.bias, i)));
        }
        return out;
      });
      StubCall call = call_of("rnn", a, reversed);
      expect_layer<Real>(call.with("activation", activation), expected, tolerance, activation);
    }
  }
}

TEST(Rnn, IsItsEquation) {
  expect_rnn<float>(5e-4);  // linear grows
  expect_rnn<double>(1e-11);
}

/// What lstm's equations give, for one direction.
template <typename Real>
Sequence lstm_by_hand(const Layer& layer, const Arguments<Real>& a, bool has_peephole, double clip,
                      const std::string& outer, Row* last_c) {
  const std::int64_t n = layer.hidden;
  last_c->clear();
  for (std::int64_t i = 0; i < layer.batch * n; ++i) {
    last_c->push_back(element<Real>(a.c, i));
  }
  const auto peep = [&](std::int64_t i) { return has_peephole ? element<Real>(a.peephole, i) : 0; };
  return run<Real>(layer, a, [&](std::int64_t b, const Function& x, const Row& h) {
    const auto gate = [&](std::int64_t row) {
      return product<Real>(a.weight_ih, row, [&](std::int64_t k) { return x(static_cast<double>(k)); }) +
             product<Real>(a.weight_hh, row, [&](std::int64_t k) { return h[static_cast<std::size_t>(k)]; }) +
             element<Real>(a.bias, row);
    };
    Row out;
    for (std::int64_t i = 0; i < n; ++i) {
      double& c = (*last_c)[static_cast<std::size_t>(b * n + i)];
      const double in = sigmoid(gate(i) + c * peep(i));
      const double forget = sigmoid(gate(n + i) + c * peep(n + i));
      c = std::clamp(forget * c + in * std::tanh(gate(3 * n + i)), -clip, clip);
      out.push_back(sigmoid(gate(2 * n + i) + c * peep(2 * n + i)) * activations().at(outer)(c));
    }
    return out;
  });
}

template <typename Real>
void expect_lstm(double tolerance) {
  for (const bool reversed : {false, true}) {
    for (const bool has_peephole : {false, true}) {
      for (const double clip : {1e9, 0.25}) {
        for (const char* outer : {"tanh", "relu", "hard_sigmoid", "scaled_tanh", "linear"}) {
          const Layer layer{.reversed = reversed};
          const Arguments<Real> a(layer, 4, 60);
          Row c;
          const Sequence expected = lstm_by_hand(layer, a, has_peephole, clip, outer, &c);
          StubCall call = call_of("lstm", a, reversed);
          call.with("initial_c", a.c).with("activation", outer);
          if (has_peephole) {
            call.with("peephole", a.peephole);
          }
          if (clip < 1) {
            call.with_number("clip", clip);
          }
          expect_layer<Real>(call, expected, tolerance, outer);
          static_cast<void>(call.result());
          expect_rows<Real>(call.output(2), {c}, tolerance, "last c");
        }
      }
    }
  }
}

TEST(Lstm, IsItsEquations) {
  expect_lstm<float>(5e-6);
  expect_lstm<double>(1e-13);
}

// Both directions at once are both directions alone, side by side, and both in the order of x.
TEST(Lstm, BidirectionalIsBothDirections) {
  const Layer layer;
  const std::int64_t n = layer.hidden;
  const Arguments<double> ahead(layer, 4, 80);
  Arguments<double> back(layer, 4, 90);
  back.x = ahead.x;
  StubCall first = call_of("lstm", ahead, false);
  StubCall second = call_of("lstm", back, true);
  const auto beside = [&](const Array& a, const Array& b) {
    std::vector<double> out;
    for (std::int64_t row = 0; row < layer.batch; ++row) {
      for (const Array& state : {a, b}) {
        for (std::int64_t i = 0; i < n; ++i) {
          out.push_back(element<double>(state, row * n + i));
        }
      }
    }
    return array_of<double>({layer.batch, 2 * n}, out);
  };
  StubCall both("lstm", Precision::fp64);
  both.with("x", ahead.x).with("initial_h", beside(ahead.h, back.h)).with("initial_c", beside(ahead.c, back.c));
  both.with("weight_ih", ahead.weight_ih).with("weight_hh", ahead.weight_hh).with("bias", ahead.bias);
  both.with("weight_ih_back", back.weight_ih).with("weight_hh_back", back.weight_hh).with("bias_back", back.bias);
  both.with("direction", "bidirectional");
  first.with("initial_c", ahead.c);
  second.with("initial_c", back.c);
  for (const bool sequence : {true, false}) {
    for (StubCall* call : {&first, &second, &both}) {
      call->with_boolean("output_sequence", sequence);
      static_cast<void>(call->result());
    }
    const std::int64_t steps = sequence ? layer.steps : 1;
    for (std::int64_t step = 0; step < steps; ++step) {
      for (std::int64_t b = 0; b < layer.batch; ++b) {
        for (std::int64_t i = 0; i < n; ++i) {
          const std::int64_t at = (step * layer.batch + b) * n + i;
          const std::int64_t turned = ((steps - 1 - step) * layer.batch + b) * n + i;
          const std::int64_t wide = (step * layer.batch + b) * 2 * n + i;
          ASSERT_NEAR(element<double>(both.output(0), wide), element<double>(first.output(0), at), 1e-13);
          ASSERT_NEAR(element<double>(both.output(0), wide + n), element<double>(second.output(0), turned), 1e-13);
        }
      }
    }
    for (const std::size_t index : {1, 2}) {
      const Array expected = beside(first.output(index), second.output(index));
      for (std::int64_t i = 0; i < expected.count(); ++i) {
        ASSERT_NEAR(element<double>(both.output(index), i), element<double>(expected, i), 1e-13);
      }
    }
  }
}

template <typename Real>
void expect_gru(double tolerance) {
  for (const bool reversed : {false, true}) {
    for (const bool resets_after : {false, true}) {
      const Layer layer{.reversed = reversed};
      const std::int64_t n = layer.hidden;
      const Arguments<Real> a(layer, 3, 70);
      const Sequence expected = run<Real>(layer, a, [&](std::int64_t, const Function& x, const Row& h) {
        const auto from_x = [&](std::int64_t row) {
          return product<Real>(a.weight_ih, row, [&](std::int64_t k) { return x(static_cast<double>(k)); }) +
                 element<Real>(a.input_bias, row);
        };
        const auto from_h = [&](std::int64_t row, const Row& state) {
          return product<Real>(a.weight_hh, row, [&](std::int64_t k) { return state[static_cast<std::size_t>(k)]; }) +
                 element<Real>(a.bias, row);
        };
        Row reset;
        Row reset_h;
        for (std::int64_t i = 0; i < n; ++i) {
          reset.push_back(sigmoid(from_x(i) + from_h(i, h)));
          reset_h.push_back(reset.back() * h[static_cast<std::size_t>(i)]);
        }
        Row out;
        for (std::int64_t i = 0; i < n; ++i) {
          const auto at = static_cast<std::size_t>(i);
          const double update = sigmoid(from_x(2 * n + i) + from_h(2 * n + i, h));
          const double recurrent = resets_after ? reset[at] * from_h(n + i, h) : from_h(n + i, reset_h);
          out.push_back((1 - update) * std::tanh(from_x(n + i) + recurrent) + update * h[at]);
        }
        return out;
      });
      StubCall call = call_of("gru", a, reversed);
      call.with("input_bias", a.input_bias).with_boolean("reset_after", resets_after);
      expect_layer<Real>(call, expected, tolerance, resets_after ? "reset after" : "reset before");
    }
  }
}

TEST(Gru, IsItsEquations) {
  expect_gru<float>(3e-6);
  expect_gru<double>(1e-13);
}

TEST(Recurrent, ArgumentsThatDoNotFitAreErrors) {
  const Layer layer;
  const Arguments<float> a(layer, 4, 1);
  const auto lstm = [&] {
    StubCall call = call_of("lstm", a, false);
    call.with("initial_c", a.c);
    return call;
  };
  EXPECT_TRUE(lstm().run());
  EXPECT_FALSE(lstm().with("direction", "bidirectional").run());
  EXPECT_FALSE(lstm().with("direction", "sideways").run());
  EXPECT_FALSE(lstm().with("activation", "dummy").run());
  EXPECT_FALSE(lstm().with("bias", random_array<float>({3}, 1)).run());
  EXPECT_FALSE(lstm().with("initial_h", random_array<float>({2, 6}, 1)).run());
  EXPECT_FALSE(call_of("gru", a, false).run());
  EXPECT_FALSE(call_of("rnn", a, false).with("direction", "bidirectional").run());
}

}  // namespace
}  // namespace openane::reference
