// The neural path (h13-isa.md 6): convolutions and matrix products through the multiply-accumulate kernels, sums and
// maxima over channels, and copies, each followed by bias, scale and activation.
//
//   v = (acc + bias + accumulator bias) * post scale;  result = activation(v)
//
// Bias before scale is the order assumed where it is unknown: every program with channel biases has scale 1.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "emulator/mac.h"
#include "emulator/rows.h"
#include "emulator/task.h"

namespace openane::emulator {
namespace {

std::unexpected<Error> unknown(std::string message) {
  return fail(ErrorCategory::missing_specification, "neural path: " + std::move(message));
}

bool is_zero(Half value) { return (value.bits & 0x7fffu) == 0; }

std::uint32_t inputs_of(const EngineOp& op) {
  const NeuralCompute& neural = *op.neural();
  return neural.unicast ? neural.unicast_inputs : op.input.channels;
}

Result<void> check_unicast(const EngineOp& op) {
  const NeuralCompute& neural = *op.neural();
  const std::uint64_t read = std::uint64_t{op.output.channels} * neural.unicast_inputs;
  if (neural.unicast && (read == 0 || read > op.input.channels)) {
    return fail(ErrorCategory::malformed_input,
                fmt::format("neural path: {} output channels read {} inputs each, there are {}", op.output.channels,
                            neural.unicast_inputs, op.input.channels));
  }
  return {};
}

/// Tasks without weights: one pixel in, one pixel out.
Result<void> check_weightless(const EngineOp& op) {
  const NeuralCompute& neural = *op.neural();
  if (neural.window != Window{}) {
    return unknown("a window, stride or padding in a task without weights");
  }
  if (op.output.width != op.input.width || op.output.height != op.input.height) {
    return unknown("output width or height that differ from the input's in a task without weights");
  }
  if (neural.channel_bias) {
    return unknown("channel biases in a task without weights");
  }
  if (neural.kernel.enabled && neural.activation != Activation::table) {
    return unknown("coefficients that no part of the task uses");
  }
  if (neural.mode != NeuralMode::sum && !is_zero(neural.accumulator_bias)) {
    return unknown(fmt::format("accumulator bias {} in a task that sums nothing", to_float(neural.accumulator_bias)));
  }
  if (neural.mode == NeuralMode::bypass) {
    if (op.output.channels != op.input.channels || (neural.unicast && neural.unicast_inputs != 1)) {
      return unknown(fmt::format("a copy from {} to {} channels with {} inputs each", op.input.channels,
                                 op.output.channels, neural.unicast_inputs));
    }
    return {};
  }
  return check_unicast(op);
}

/// The far padding follows from the output extent. What is known: stride 1 with the same padding on both sides, and
/// stride 2 without near padding.
Result<void> check_axis(char axis, std::uint32_t input, std::uint32_t output, std::int64_t kernel, std::int64_t stride,
                        std::int64_t near) {
  const std::int64_t far = (std::int64_t{output} - 1) * stride + kernel - near - input;
  if (kernel == 0) {
    return fail(ErrorCategory::malformed_input, fmt::format("neural path: kernel extent 0 along {}", axis));
  }
  if (stride != 1 && stride != 2) {
    return unknown(fmt::format("stride {} along {}; 1 and 2 are known", stride, axis));
  }
  const bool known = stride == 1 ? far == near : near == 0 && far >= -1 && far < kernel;
  if (!known) {
    return unknown(
        fmt::format("{} elements of padding before and {} after, along {} with stride {}: the order of weights is "
                    "known for symmetric padding at stride 1 and none before at stride 2",
                    near, far, axis, stride));
  }
  return {};
}

Result<void> check_convolution(const EngineOp& op) {
  const NeuralCompute& neural = *op.neural();
  const Window& window = neural.window;
  OPENANE_CHECK(check_unicast(op));
  if (window.stride_x != window.stride_y) {
    return unknown(fmt::format("stride {}x{}; equal ones are known", window.stride_x, window.stride_y));
  }
  if (neural.unicast && neural.unicast_inputs == 1 && window.kernel_width != window.kernel_height) {
    return unknown(fmt::format("weight order of a depthwise {}x{} kernel; square ones are known", window.kernel_width,
                               window.kernel_height));
  }
  const bool windowed = window.kernel_width > 1 || window.kernel_height > 1;
  if (windowed && op.sources[0].place == Place::chained) {
    return unknown("a window over a chained source: nobody has seen how rows beyond the tile get there");
  }
  OPENANE_CHECK(
      check_axis('x', op.input.width, op.output.width, window.kernel_width, window.stride_x, window.pad_left));
  return check_axis('y', op.input.height, op.output.height, window.kernel_height, window.stride_y, window.pad_top);
}

/// Bias, scale and activation of one task.
class Epilogue {
 public:
  explicit Epilogue(const NeuralCompute& neural)
      : accumulator_bias_(read_boundary(neural.accumulator_bias)),
        scale_(read_boundary(neural.post_scale)),
        activation_(neural.activation) {}

  void apply(float bias, const PreparedTable* table, std::span<const float> sums, float* to) const {
    if (scale_ == 0) {
      // On hardware everything becomes 0; an infinite sum must not make NaN of it.
      std::fill_n(to, sums.size(), 0.0F);
    } else {
      for (std::size_t i = 0; i < sums.size(); ++i) {
        to[i] = ((sums[i] + bias) + accumulator_bias_) * scale_;
      }
    }
    if (activation_ == Activation::relu) {
      for (std::size_t i = 0; i < sums.size(); ++i) {
        to[i] = to[i] > 0 ? to[i] : 0.0F;
      }
    } else if (activation_ == Activation::table) {
      for (std::size_t i = 0; i < sums.size(); ++i) {
        to[i] = table->evaluate(to[i]);
      }
    }
  }

 private:
  float accumulator_bias_, scale_;
  Activation activation_;
};

// ------------------------------------------------------------------------------------------------ element by element

/// fp16 in, fp16 out, as a table of all 65,536 inputs: worth it for large tensors.
class ElementMap {
 public:
  ElementMap(const RowFormula& formula, const PreparedTable& table) : results_(kCodes) {
    std::vector<std::uint16_t> codes(kCodes);
    for (std::size_t i = 0; i < kCodes; ++i) {
      codes[i] = static_cast<std::uint16_t>(i);
    }
    std::vector<float> values(kCodes);
    compute_row(formula, codes.data(), nullptr, kCodes, values.data());
    for (std::size_t i = 0; i < kCodes; ++i) {
      results_[i] = write_boundary(table.evaluate(values[i])).bits;
    }
  }
  void apply(const std::uint16_t* from, std::size_t count, std::uint16_t* to) const {
    for (std::size_t i = 0; i < count; ++i) {
      to[i] = results_[from[i]];
    }
  }

 private:
  static constexpr std::size_t kCodes = 65536;
  std::vector<std::uint16_t> results_;
};

/// Copies, and sums of one input: no element meets another.
Result<void> run_elements(const ReadyTask& task, const Engine& engine) {
  const NeuralCompute& neural = *task.op->neural();
  RowFormula formula;
  formula.input_relu = neural.input_relu;
  formula.bias = neural.mode == NeuralMode::sum ? read_boundary(neural.accumulator_bias) : -0.0F;
  formula.scale = read_boundary(neural.post_scale);
  formula.relu = neural.activation == Activation::relu;
  View source = task.sources[0];
  if (neural.mode == NeuralMode::sum) {
    // A sum over the only input channel: every output reads it, or each its own.
    source.channel = neural.unicast ? source.channel : Axis{};
    source.channel.count = task.op->output.channels;
  }
  std::vector<View> results = task.results;
  std::vector<View*> all{&source};
  for (View& view : results) {
    all.push_back(&view);
  }
  join_rows(all);
  const RowReader reader(source);
  ResultRows rows(results);
  const PreparedTable* table = neural.activation == Activation::table ? task.kernel->table(0, 0) : nullptr;
  const std::uint64_t elements =
      std::uint64_t{source.group.count} * source.channel.count * source.row.count * source.column.count;
  std::optional<ElementMap> map;
  if (table != nullptr && rows.takes_halves() && elements > 65536) {
    map.emplace(formula, *table);
  }
  const std::vector<const View*> shapes(all.begin(), all.end());
  for_each_piece(*engine.pool, shapes, [&](const Piece& piece) {
    std::array<std::uint16_t, kPieceElements> stored;
    const std::uint16_t* x = reader.row(piece.g, piece.c, piece.y, piece.x, piece.count, stored.data());
    if (map) {
      rows.put_halves(piece, [&](std::uint16_t* to) { map->apply(x, piece.count, to); });
    } else if (table == nullptr && rows.takes_halves()) {
      rows.put_halves(piece, [&](std::uint16_t* to) { compute_row(formula, x, nullptr, piece.count, to); });
    } else {
      std::array<float, kPieceElements> values;
      compute_row(formula, x, nullptr, piece.count, values.data());
      if (table != nullptr) {
        for (std::uint32_t i = 0; i < piece.count; ++i) {
          values[i] = table->evaluate(values[i]);
        }
      }
      rows.put(piece, values.data());
    }
  });
  return rows.result();
}

// ------------------------------------------------------------------------------------------------ maxima and sums

/// A row of the source as the engine reads it.
void read_source(const RowReader& reader, const Piece& piece, bool relu, float* to) {
  std::array<std::uint16_t, kPieceElements> stored;
  for (Piece part = piece; part.x < piece.x + piece.count; part.x += part.count) {
    part.count = std::min(kPieceElements, piece.x + piece.count - part.x);
    read_row(reader.row(part.g, part.c, part.y, part.x, part.count, stored.data()), part.count,
             to + (part.x - piece.x));
  }
  if (relu) {
    for (std::uint32_t i = 0; i < piece.count; ++i) {
      to[i] = to[i] > 0 ? to[i] : 0.0F;
    }
  }
}

Result<void> run_maximum(const ReadyTask& task, const Engine& engine) {
  const NeuralCompute& neural = *task.op->neural();
  const Epilogue epilogue(neural);
  const PreparedTable* table = neural.activation == Activation::table ? task.kernel->table(0, 0) : nullptr;
  const RowReader reader(task.sources[0]);
  const std::uint32_t inputs = inputs_of(*task.op);
  ResultRows rows(task.results);
  const View* const shape = task.results.data();
  for_each_piece(*engine.pool, {&shape, 1}, [&](const Piece& piece) {
    std::array<float, kPieceElements> largest, value;
    Piece from = piece;
    from.c = neural.unicast ? piece.c * inputs : 0;
    read_source(reader, from, neural.input_relu, largest.data());
    for (std::uint32_t i = 1; i < inputs; ++i) {
      ++from.c;
      read_source(reader, from, neural.input_relu, value.data());
      for (std::uint32_t x = 0; x < piece.count; ++x) {
        largest[x] = value[x] > largest[x] ? value[x] : largest[x];
      }
    }
    epilogue.apply(-0.0F, table, {largest.data(), piece.count}, largest.data());
    rows.put(piece, largest.data());
  });
  return rows.result();
}

MacJob job_of(const EngineOp& op, const Engine& engine) {
  const NeuralCompute& neural = *op.neural();
  MacJob job;
  job.numerics = engine.numerics;
  job.input_channels = op.input.channels;
  job.input_width = op.input.width;
  job.input_height = op.input.height;
  job.output_channels = op.output.channels;
  job.output_width = op.output.width;
  job.output_height = op.output.height;
  job.kernel_width = neural.window.kernel_width;
  job.kernel_height = neural.window.kernel_height;
  job.stride_x = neural.window.stride_x;
  job.stride_y = neural.window.stride_y;
  job.pad_left = neural.window.pad_left;
  job.pad_top = neural.window.pad_top;
  job.unicast_inputs = neural.unicast ? neural.unicast_inputs : 0;
  job.input_relu = neural.input_relu;
  return job;
}

/// What stands behind the sums of one group's output channels.
struct ChannelConstants {
  std::vector<float> biases;
  std::vector<const PreparedTable*> tables;

  ChannelConstants(const ReadyTask& task, std::uint32_t group) {
    const NeuralCompute& neural = *task.op->neural();
    for (std::uint32_t channel = 0; channel < task.op->output.channels; ++channel) {
      biases.push_back(neural.channel_bias ? task.kernel->bias(group, channel) : -0.0F);
      tables.push_back(neural.activation == Activation::table ? task.kernel->table(group, channel) : nullptr);
    }
  }
};

/// Lets the kernels write a group's results themselves, where they are one tensor of fp16 rows and no table follows.
void write_in_place(MacJob& job, const ReadyTask& task, std::uint32_t group, const ChannelConstants& constants) {
  const NeuralCompute& neural = *task.op->neural();
  const View& view = task.results.front();
  std::uint16_t* const first = RowWriter(view).direct(group, 0, 0, 0);
  // Scale 0 makes 0 of everything, clamped sums included, which a multiplication would not.
  if (task.results.size() != 1 || neural.activation == Activation::table || first == nullptr ||
      read_boundary(neural.post_scale) == 0 || view.channel.interleave != 1 || view.channel.stride % 2 != 0 ||
      view.row.stride % 2 != 0) {
    return;
  }
  job.result = first;
  job.result_channel_stride = static_cast<std::ptrdiff_t>(view.channel.stride);
  job.result_row_stride = static_cast<std::ptrdiff_t>(view.row.stride);
  job.biases = constants.biases;
  job.accumulator_bias = read_boundary(neural.accumulator_bias);
  job.scale = read_boundary(neural.post_scale);
  job.relu = neural.activation == Activation::relu;
}

Result<void> run_sums(const ReadyTask& task, const Engine& engine) {
  const EngineOp& op = *task.op;
  const NeuralCompute& neural = *op.neural();
  const View& source = task.sources[0];
  const Epilogue epilogue(neural);
  const RowReader reader(source);
  ResultRows rows(task.results);
  const bool in_place = source.has_plain_rows() && source.channel.interleave == 1;
  for (std::uint32_t group = 0; group < op.groups; ++group) {
    const ChannelConstants constants(task, group);
    MacJob job = job_of(op, engine);
    if (in_place) {
      job.source = source.memory->data + source.row_offset(group, 0, 0);
      job.channel_stride = static_cast<std::ptrdiff_t>(source.channel.stride);
      job.row_stride = static_cast<std::ptrdiff_t>(source.row.stride);
    } else {
      job.read_row = [&](std::uint32_t channel, std::uint32_t row, float* out) {
        read_source(reader, {group, channel, row, 0, op.input.width}, neural.input_relu, out);
      };
    }
    if (neural.mode == NeuralMode::convolution) {
      job.read_weights = [&](std::uint32_t first, std::uint32_t count, std::size_t stride, float* out) {
        task.kernel->weights(group, first, count, stride, out);
      };
    }
    write_in_place(job, task, group, constants);
    job.write = [&](std::uint32_t channel, std::uint32_t row, std::uint32_t x, std::uint32_t count, const float* sums) {
      std::array<float, kPieceElements> values;
      for (std::uint32_t done = 0; done < count;) {
        const Piece piece{group, channel, row, x + done, std::min(kPieceElements, count - done)};
        epilogue.apply(constants.biases[channel], constants.tables[channel], {sums + done, piece.count}, values.data());
        rows.put(piece, values.data());
        done += piece.count;
      }
    };
    multiply_accumulate(job, *engine.pool);
  }
  return rows.result();
}

}  // namespace

Result<void> check_neural(const EngineOp& op) {
  return op.neural()->mode == NeuralMode::convolution ? check_convolution(op) : check_weightless(op);
}

Result<void> run_neural(ReadyTask& task, const Engine& engine) {
  const NeuralCompute& neural = *task.op->neural();
  if (task.kernel) {
    OPENANE_CHECK(task.kernel->load());
  }
  const bool single = neural.mode == NeuralMode::sum && inputs_of(*task.op) == 1;
  Result<void> result = neural.mode == NeuralMode::bypass || single ? run_elements(task, engine)
                        : neural.mode == NeuralMode::maximum        ? run_maximum(task, engine)
                                                                    : run_sums(task, engine);
  if (task.kernel) {
    task.kernel->unload();
  }
  return result;
}

}  // namespace openane::emulator
