// The planar path (h13-isa.md 5): elementwise operations of one or two sources, offset and gain per channel, and
// reductions over the pixels of each channel.
//
// Inside a task everything is fp32. Sums are wider: double, in an order that depends on the tensor's shape alone, so
// that neither the host nor the number of threads shows. Sixteen running sums take a row's elements in turn and are
// added pairwise at its end; rows are added in order.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "emulator/rows.h"
#include "emulator/task.h"

namespace openane::emulator {
namespace {

std::unexpected<Error> unknown(std::string message) {
  return fail(ErrorCategory::missing_specification, "planar path: " + std::move(message));
}

bool reduces(const PlanarCompute& planar) {
  return planar.form == PlanarForm::unary_reduce || planar.form == PlanarForm::binary_reduce;
}
bool is_unary(const PlanarCompute& planar) {
  return planar.form == PlanarForm::unary || planar.form == PlanarForm::unary_reduce;
}

Result<void> check_operation(const PlanarCompute& planar) {
  if (is_unary(planar) == planar.second_enabled) {
    return unknown(planar.second_enabled ? "a second source is switched on in a task of one source"
                                         : "the second source is switched off in a task of two sources");
  }
  if (is_unary(planar) && planar.op != PlanarOp::add && planar.op != PlanarOp::square) {
    return unknown(fmt::format("operation code {} on one source; 0 and 4 are known", static_cast<int>(planar.op)));
  }
  if (is_unary(planar) && planar.negate_second) {
    return unknown("the second source is negated in a task of one source");
  }
  if (planar.form == PlanarForm::affine && planar.op != PlanarOp::add) {
    return unknown(fmt::format("operation code {} with offset and gain rows; 0 is known", static_cast<int>(planar.op)));
  }
  if (planar.condition > 1) {
    return unknown(fmt::format("condition code {}; 0 and 1 (absolute value) are known", planar.condition));
  }
  return {};
}

Result<void> check_reduction(const PlanarCompute& planar) {
  const bool sums = planar.reduction == Reduction::sum;
  if (!reduces(planar)) {
    if (!sums || planar.post != 0) {
      return unknown(fmt::format("reduction code {} and post function {} in a task that does not reduce",
                                 static_cast<int>(planar.reduction), planar.post));
    }
    if (planar.final_scale != 1.0F || planar.epsilon != 0.0F) {
      return unknown("a final scale or epsilon in a task that does not reduce");
    }
    return {};
  }
  if (!sums && planar.reduction != Reduction::max) {
    return unknown(
        fmt::format("reduction code {}; 0 (sum) and 2 (maximum) are known", static_cast<int>(planar.reduction)));
  }
  if (!sums && planar.final_scale != 1.0F) {
    return unknown(fmt::format("a maximum with final scale {}", planar.final_scale));
  }
  if (!std::isfinite(planar.final_scale)) {
    return unknown(fmt::format("final scale {}", planar.final_scale));
  }
  if (planar.post > static_cast<int>(PostFunction::reciprocal_square_root)) {
    return unknown(
        fmt::format("post function {}; 0, 1 (reciprocal) and 2 (reciprocal square root) are known", planar.post));
  }
  if (planar.epsilon != 0.0F && planar.post != static_cast<int>(PostFunction::reciprocal_square_root)) {
    return unknown(fmt::format("epsilon {} without the reciprocal square root", planar.epsilon));
  }
  return {};
}

RowOp row_op(const PlanarCompute& planar) {
  if (planar.form == PlanarForm::affine) {
    return RowOp::affine;
  }
  const bool unary = is_unary(planar);
  switch (planar.op) {
    case PlanarOp::mul:
      return RowOp::mul;
    case PlanarOp::max:
      return RowOp::max;
    case PlanarOp::min:
      return RowOp::min;
    case PlanarOp::square:
      return unary ? RowOp::square : RowOp::square_of_sum;
    default:
      return unary ? RowOp::first : RowOp::add;
  }
}

RowFormula formula_of(const PlanarCompute& planar) {
  RowFormula formula;
  formula.op = row_op(planar);
  formula.absolute = planar.condition == 1;
  formula.negate_first = planar.negate_first;
  formula.negate_second = planar.negate_second;
  formula.relu = planar.relu;
  formula.pre_scale = read_boundary(planar.pre_scale);
  formula.bias = read_boundary(planar.bias);
  formula.scale = read_boundary(planar.scale);
  return formula;
}

/// The elementwise part of a task: what stands before the reduction, or all of it.
class Elements {
 public:
  Elements(const PlanarCompute& planar, const std::array<View, 2>& sources)
      : formula_(formula_of(planar)),
        affine_(planar.form == PlanarForm::affine),
        two_sources_(!is_unary(planar)),
        first_(sources[0]),
        second_(sources[two_sources_ ? 1 : 0]) {}

  template <typename To>
  void compute(const Piece& piece, To* to) const {
    std::array<std::uint16_t, kPieceElements> first, second;
    const std::uint16_t* x = first_.row(piece.g, piece.c, piece.y, piece.x, piece.count, first.data());
    if (affine_) {
      RowFormula formula = formula_;
      const float offset = constant(piece, 0);
      formula.offset = formula.negate_second ? -offset : offset;
      formula.gain = constant(piece, 1);
      compute_row(formula, x, nullptr, piece.count, to);
      return;
    }
    const std::uint16_t* y =
        two_sources_ ? second_.row(piece.g, piece.c, piece.y, piece.x, piece.count, second.data()) : nullptr;
    compute_row(formula_, x, y, piece.count, to);
  }

 private:
  [[nodiscard]] float constant(const Piece& piece, std::uint32_t row) const {
    std::uint16_t buffer = 0;
    return read_boundary(Half{*second_.row(piece.g, piece.c, row, 0, 1, &buffer)});
  }

  RowFormula formula_;
  bool affine_, two_sources_;
  RowReader first_, second_;
};

Result<void> run_elementwise(const ReadyTask& task, const PlanarCompute& planar, const Engine& engine) {
  std::array<View, 2> sources = task.sources;
  std::vector<View> results = task.results;
  std::vector<View*> all{&sources[0]};
  if (planar.form == PlanarForm::binary) {
    all.push_back(&sources[1]);
  }
  for (View& view : results) {
    all.push_back(&view);
  }
  if (planar.form != PlanarForm::affine) {
    join_rows(all);
  }
  const Elements elements(planar, sources);
  ResultRows rows(results);
  const std::vector<const View*> shapes(all.begin(), all.end());
  for_each_piece(*engine.pool, shapes, [&](const Piece& piece) {
    if (rows.takes_halves()) {
      rows.put_halves(piece, [&](std::uint16_t* to) { elements.compute(piece, to); });
      return;
    }
    std::array<float, kPieceElements> values;
    elements.compute(piece, values.data());
    rows.put(piece, values.data());
  });
  return rows.result();
}

// ------------------------------------------------------------------------------------------------ reductions

constexpr std::size_t kRunningSums = 16;
static_assert(kPieceElements % kRunningSums == 0);

void add_row(std::span<const float> values, std::array<double, kRunningSums>& sums) {
  std::size_t i = 0;
  for (; i + kRunningSums <= values.size(); i += kRunningSums) {
    for (std::size_t lane = 0; lane < kRunningSums; ++lane) {
      sums[lane] += static_cast<double>(values[i + lane]);
    }
  }
  for (; i < values.size(); ++i) {
    sums[i % kRunningSums] += static_cast<double>(values[i]);
  }
}

double add_pairwise(std::array<double, kRunningSums> sums) {
  for (std::size_t step = kRunningSums / 2; step > 0; step /= 2) {
    for (std::size_t lane = 0; lane < step; ++lane) {
      sums[lane] += sums[lane + step];
    }
  }
  return sums[0];
}

class Reducer {
 public:
  Reducer(const ReadyTask& task, const PlanarCompute& planar)
      : planar_(planar), shape_(task.sources[0]), elements_(planar, task.sources), rows_(task.results) {}

  Result<void> run(WorkerPool& pool) {
    const std::uint64_t channels = std::uint64_t{shape_.group.count} * shape_.channel.count;
    const std::uint32_t height = shape_.row.count;
    if (channels >= 4 * std::uint64_t{pool.threads()}) {
      for_each_range(pool, channels, std::uint64_t{height} * shape_.column.count,
                     [&](std::uint64_t begin, std::uint64_t end) {
                       for (std::uint64_t i = begin; i < end; ++i) {
                         double value = start();
                         for (std::uint32_t y = 0; y < height; ++y) {
                           value = combine(value, reduce_row(i, y));
                         }
                         finish(i, value);
                       }
                     });
    } else {
      std::vector<double> partial(channels * height);
      for_each_range(pool, partial.size(), shape_.column.count, [&](std::uint64_t begin, std::uint64_t end) {
        for (std::uint64_t i = begin; i < end; ++i) {
          partial[i] = reduce_row(i / height, static_cast<std::uint32_t>(i % height));
        }
      });
      for (std::uint64_t i = 0; i < channels; ++i) {
        double value = start();
        for (std::uint32_t y = 0; y < height; ++y) {
          value = combine(value, partial[i * height + y]);
        }
        finish(i, value);
      }
    }
    OPENANE_CHECK(errors_.result());
    return rows_.result();
  }

 private:
  [[nodiscard]] bool sums() const { return planar_.reduction == Reduction::sum; }
  [[nodiscard]] double start() const { return sums() ? 0 : -std::numeric_limits<double>::infinity(); }
  [[nodiscard]] double combine(double a, double b) const { return sums() ? a + b : std::max(a, b); }
  [[nodiscard]] Piece piece_of(std::uint64_t channel) const {
    return {static_cast<std::uint32_t>(channel / shape_.channel.count),
            static_cast<std::uint32_t>(channel % shape_.channel.count), 0, 0, 1};
  }

  [[nodiscard]] double reduce_row(std::uint64_t channel, std::uint32_t y) const {
    std::array<float, kPieceElements> values;
    std::array<double, kRunningSums> running{};
    double largest = start();
    Piece piece = piece_of(channel);
    piece.y = y;
    for (; piece.x < shape_.column.count; piece.x += piece.count) {
      piece.count = std::min(kPieceElements, shape_.column.count - piece.x);
      elements_.compute(piece, values.data());
      const std::span<const float> row(values.data(), piece.count);
      if (sums()) {
        add_row(row, running);
      } else {
        largest = std::max(largest, static_cast<double>(*std::ranges::max_element(row)));
      }
    }
    return sums() ? add_pairwise(running) : largest;
  }

  void finish(std::uint64_t channel, double value) {
    const Piece piece = piece_of(channel);
    double r = sums() ? static_cast<double>(planar_.final_scale) * value : value;
    if (planar_.post == static_cast<int>(PostFunction::reciprocal)) {
      r = 1 / (r == 0 ? 0.0 : r);
    } else if (planar_.post == static_cast<int>(PostFunction::reciprocal_square_root)) {
      r += static_cast<double>(read_boundary(planar_.epsilon));
      if (r < 0) {
        errors_.set(unknown(fmt::format("reciprocal square root of {} in channel {}", r, piece.c)).error());
        return;
      }
      r = 1 / std::sqrt(r == 0 ? 0.0 : r);
    }
    const auto result = static_cast<float>(r);
    rows_.put(piece, &result);
  }

  const PlanarCompute& planar_;
  const View& shape_;
  Elements elements_;
  ResultRows rows_;
  FirstError errors_;
};

}  // namespace

Result<void> check_planar(const EngineOp& op) {
  const PlanarCompute& planar = *op.planar();
  OPENANE_CHECK(check_operation(planar));
  OPENANE_CHECK(check_reduction(planar));
  if (op.output != op.input) {
    return unknown("output extents that differ from the input's");
  }
  return {};
}

Result<void> run_planar(const ReadyTask& task, const Engine& engine) {
  const PlanarCompute& planar = *task.op->planar();
  if (reduces(planar)) {
    return Reducer(task, planar).run(*engine.pool);
  }
  return run_elementwise(task, planar, engine);
}

}  // namespace openane::emulator
