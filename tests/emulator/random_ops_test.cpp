// Random ops against a slow evaluation in float64 that knows nothing of the emulator: addresses by the formula of
// h13-isa.md 3.1, values by those of sections 4 to 6. Every failure names its seed.
#include <fmt/format.h>

#include "target/h13/kernel_pack.h"
#include "workshop.h"

namespace openane {
namespace {

using test::Dice;
using test::Logical;
using test::Workshop;

/// What the engine reads for a stored code.
double value_of(std::uint16_t code, ElementType type) {
  if (type == ElementType::uint8) {
    return code;
  }
  if (type == ElementType::int8) {
    return static_cast<std::int8_t>(code);
  }
  const double sign = (code & 0x8000u) != 0 ? -1 : 1;
  const int exponent = code >> 10 & 31, mantissa = code & 0x3ff;
  if (exponent == 31) {
    return mantissa != 0 ? 65536.0 : sign * 65536.0;
  }
  return sign * (exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25));
}
double value_of(Half half) { return value_of(half.bits, ElementType::float16); }

std::uint16_t random_code(Dice& dice, ElementType type, bool specials) {
  if (type != ElementType::float16) {
    return static_cast<std::uint16_t>(dice.roll(0, 255));
  }
  constexpr std::uint16_t kSpecials[] = {0x0000, 0x8000, 0x7c00, 0xfc00, 0x7e01,
                                         0xfe00, 0x0001, 0x83ff, 0x7bff, 0x3c00};
  if (specials && dice.rarely(8)) {
    return kSpecials[dice.roll(0, 9)];
  }
  return to_half(dice.number(-4, 4)).bits;
}

Half random_half(Dice& dice, float low, float high) { return to_half(dice.number(low, high)); }

Logical random_tensor(Dice& dice, Logical shape, ElementType type, bool specials) {
  for (std::uint16_t& code : shape.codes) {
    code = random_code(dice, type, specials);
  }
  return shape;
}

/// Strides with gaps between rows, planes and groups.
SurfaceView loose_view(Dice& dice, std::uint8_t slot, const Logical& stored, ElementType type,
                       std::uint8_t interleave) {
  SurfaceView view = test::packed_view(slot, stored, type, interleave);
  view.offset = 64 * dice.roll(0, 3);
  view.strides.row += 64 * dice.roll(0, 2);
  view.strides.channel = view.strides.row * stored.height + 64 * dice.roll(0, 2);
  view.strides.group = view.strides.depth =
      view.strides.channel * ((stored.channels + interleave - 1u) / interleave) + 64 * dice.roll(0, 2);
  return view;
}

OnChipView loose_on_chip(Dice& dice, std::uint32_t base, const Logical& stored, ElementType type) {
  OnChipView view = test::on_chip_view(base, stored, type);
  view.strides.channel += 16 * dice.roll(0, 2);
  view.strides.row = view.strides.channel * stored.channels + 16 * dice.roll(0, 2);
  view.strides.group = view.strides.depth = view.strides.row * stored.height + 16 * dice.roll(0, 2);
  return view;
}

constexpr std::uint32_t kOnChipBase[] = {0x40000, 0x90000};
constexpr std::uint32_t kResultBase = 0xe0000;

/// Builds one op with its tensors and everything around it.
class Bench {
 public:
  explicit Bench(std::uint32_t seed) : dice(seed) {}

  Dice dice;
  Workshop shop;
  EngineOp op;
  Logical sources[2];

  /// Gives source `index` a tensor of the extents it is computed with, somewhere. `axes` = which of them are stored
  /// with extent 1 and repeat.
  void place_source(std::size_t index, const Logical& shape, ElementType type, bool specials) {
    Operand& operand = op.sources[index];
    const Broadcast repeat = operand.broadcast;
    Logical seen(shape.groups, repeat.channel ? 1 : shape.channels, repeat.height ? 1 : shape.height,
                 repeat.width ? 1 : shape.width);
    seen = random_tensor(dice, seen, type, specials);
    const Logical stored = operand.exchange_channel_width ? test::exchanged(seen) : seen;
    sources[index] = spread(seen, shape);
    // Only the DMA of source 1 takes channels apart that lie side by side.
    const auto interleave = static_cast<std::uint8_t>(index == 0 && dice.rarely(3) ? 1u << dice.roll(1, 2) : 1u);
    SurfaceView view = loose_view(dice, 0, stored, type, interleave);
    std::vector<std::uint8_t> memory(test::bytes_of(view, stored), 0xa5);
    test::store(memory, view, stored);
    view.slot = shop.add(TensorRole::input, std::move(memory));
    operand.type = type;
    const std::uint32_t kind = dice.roll(0, 3);
    if (kind == 0) {
      put_on_chip(operand, index, view, stored);
    } else if (kind == 1 && index == 0 && repeat == Broadcast{} && can_be_chained()) {
      hand_over(operand, view, stored);
    } else {
      operand.place = kind == 2 && index == 0 && repeat == Broadcast{} ? Place::surface_kept : Place::surface;
      operand.surface = view;
      operand.on_chip = loose_on_chip(dice, kOnChipBase[index], stored, type);
    }
  }

  /// Places the result of these extents, runs, and returns what was written.
  Result<Logical> run(const Logical& shape, EmulatorOptions options) {
    ResultView& result = op.result;
    const Logical stored = result.exchange_channel_width ? test::exchanged(shape) : shape;
    const auto interleave = static_cast<std::uint8_t>(dice.rarely(3) ? 1u << dice.roll(1, 2) : 1u);
    SurfaceView view = loose_view(dice, 0, stored, result.type, interleave);
    view.slot = shop.add(TensorRole::output, std::vector<std::uint8_t>(test::bytes_of(view, stored), 0xa5));
    const std::uint32_t kind = dice.roll(0, 4);
    if (kind == 4) {
      return run_through_scratch(stored, view, options);
    }
    result.place = kind == 0   ? Place::on_chip
                   : kind == 1 ? Place::chained
                   : kind == 2 ? Place::surface_kept
                               : Place::surface;
    result.on_chip =
        result.place == Place::chained ? OnChipView{0x1230, {}} : loose_on_chip(dice, kResultBase, stored, result.type);
    const bool direct = result.place == Place::surface || result.place == Place::surface_kept;
    result.surface = direct ? view : SurfaceView{};
    shop.ops.push_back(op);
    if (!direct) {
      EngineOp copy = test::neural_copy(stored);
      copy.sources[0].place = result.place;
      copy.sources[0].on_chip = result.on_chip;
      copy.sources[0].type = result.type;
      copy.result = test::surface_result(view);
      shop.ops.push_back(copy);
    }
    OPENANE_CHECK(shop.run(std::move(options)));
    const Logical written = test::fetch(shop.content(view.slot), view, stored);
    return result.exchange_channel_width ? test::exchanged(written) : written;
  }

 private:
  /// The result goes to scratch, and from there to the output.
  Result<Logical> run_through_scratch(const Logical& stored, SurfaceView view, EmulatorOptions options) {
    shop.scratch_bytes = test::bytes_of(view, stored);
    const std::uint8_t output = view.slot;
    view.slot = 3;
    op.result.place = Place::surface;
    op.result.surface = view;
    shop.ops.push_back(op);
    EngineOp copy = test::neural_copy(stored);
    copy.sources[0] = test::surface_source(view);
    view.slot = output;
    copy.result = test::surface_result(view);
    shop.ops.push_back(copy);
    OPENANE_CHECK(shop.run(std::move(options)));
    const Logical written = test::fetch(shop.content(output), view, stored);
    return op.result.exchange_channel_width ? test::exchanged(written) : written;
  }

  static Logical spread(const Logical& seen, const Logical& shape) {
    Logical out = shape;
    for (std::uint32_t g = 0; g < shape.groups; ++g) {
      for (std::uint32_t c = 0; c < shape.channels; ++c) {
        for (std::uint32_t y = 0; y < shape.height; ++y) {
          for (std::uint32_t x = 0; x < shape.width; ++x) {
            out.at(g, c, y, x) =
                seen.at(g, std::min(c, seen.channels - 1), std::min(y, seen.height - 1), std::min(x, seen.width - 1));
          }
        }
      }
    }
    return out;
  }

  [[nodiscard]] bool can_be_chained() const {
    return op.neural() == nullptr || (op.neural()->window.kernel_width == 1 && op.neural()->window.kernel_height == 1);
  }

  void put_on_chip(Operand& operand, std::size_t index, const SurfaceView& view, const Logical& stored) {
    EngineOp copy = test::neural_copy(stored);
    copy.sources[0] = test::surface_source(view);
    copy.result.place = operand.place = Place::on_chip;
    copy.result.type = view.type;
    copy.result.on_chip = operand.on_chip = loose_on_chip(dice, kOnChipBase[index], stored, view.type);
    shop.ops.push_back(copy);
  }

  void hand_over(Operand& operand, const SurfaceView& view, const Logical& stored) {
    EngineOp copy = test::neural_copy(stored);
    copy.sources[0] = test::surface_source(view);
    copy.result.place = operand.place = Place::chained;
    copy.result.type = view.type;
    copy.result.on_chip.base = operand.on_chip.base = 0x420;
    shop.ops.push_back(copy);
  }
};

struct Expected {
  double value = 0;
  double slack = 0;  ///< Beyond rounding to fp16.
};

/// Compares a written fp16 number with the exact one, for both the rounding and the overflow of the boundary.
void expect_close(std::uint16_t code, const Expected& expected, const std::string& where) {
  const double magnitude = std::fabs(expected.value);
  const double slack = expected.slack + magnitude * 0x1p-11 + 0x1p-25;
  const Half half{code};
  if ((code & 0x7fffu) == 0x7c00u) {
    EXPECT_GE(magnitude + expected.slack * 2, 65519) << where;
    EXPECT_EQ(std::signbit(expected.value), (code & 0x8000u) != 0) << where;
  } else {
    EXPECT_LE(std::fabs(static_cast<double>(to_float(half)) - expected.value), slack) << where;
  }
}

std::string place_name(std::uint32_t seed, std::uint32_t g, std::uint32_t c, std::uint32_t y, std::uint32_t x) {
  return fmt::format("seed {}, group {}, channel {}, row {}, column {}", seed, g, c, y, x);
}

// ------------------------------------------------------------------------------------------------ planar path

PlanarCompute random_planar(Dice& dice) {
  PlanarCompute planar;
  planar.form = static_cast<PlanarForm>(dice.roll(0, 4));
  const bool unary = planar.form == PlanarForm::unary || planar.form == PlanarForm::unary_reduce;
  planar.second_enabled = !unary;
  if (unary) {
    planar.op = dice.coin() ? PlanarOp::add : PlanarOp::square;
  } else if (planar.form != PlanarForm::affine) {
    planar.op = static_cast<PlanarOp>(dice.roll(0, 4));
    planar.negate_second = dice.coin();
  } else {
    planar.negate_second = dice.coin();
  }
  planar.condition = dice.coin() ? 1 : 0;
  planar.negate_first = dice.coin();
  planar.relu = dice.rarely(3);
  if (dice.coin()) {
    planar.pre_scale = to_float(random_half(dice, -2, 2));
    planar.bias = to_float(random_half(dice, -2, 2));
    planar.scale = to_float(random_half(dice, -2, 2));
  }
  if (planar.form == PlanarForm::unary_reduce || planar.form == PlanarForm::binary_reduce) {
    planar.reduction = dice.coin() ? Reduction::sum : Reduction::max;
    planar.post = static_cast<std::uint8_t>(dice.roll(0, 2));
    if (planar.reduction == Reduction::sum) {
      planar.final_scale = dice.number(0.01F, 1);
    }
    if (planar.post == 2) {
      planar.condition = 1;
      planar.relu = true;  // the argument of a square root
      planar.epsilon = to_float(random_half(dice, 0.5F, 1));
    }
  }
  return planar;
}

double planar_element(const PlanarCompute& planar, double first, double second, double offset, double gain) {
  double a = double{planar.pre_scale} * (planar.condition == 1 ? std::fabs(first) : first);
  a = planar.negate_first ? -a : a;
  const double b = planar.negate_second ? -second : second;
  double v = a;
  switch (planar.form) {
    case PlanarForm::affine:
      v = (a + (planar.negate_second ? -offset : offset)) * gain;
      break;
    case PlanarForm::unary:
    case PlanarForm::unary_reduce:
      v = planar.op == PlanarOp::square ? a * a : a;
      break;
    default:
      v = planar.op == PlanarOp::add   ? a + b
          : planar.op == PlanarOp::mul ? a * b
          : planar.op == PlanarOp::max ? std::max(a, b)
          : planar.op == PlanarOp::min ? std::min(a, b)
                                       : (a + b) * (a + b);
  }
  v = (v + double{planar.bias}) * double{planar.scale};
  return planar.relu ? std::max(v, 0.0) : v;
}

void try_planar(std::uint32_t seed) {
  Bench bench(seed);
  Dice& dice = bench.dice;
  const PlanarCompute planar = random_planar(dice);
  const bool affine = planar.form == PlanarForm::affine;
  const bool reduces = planar.form == PlanarForm::unary_reduce || planar.form == PlanarForm::binary_reduce;
  const bool two = planar.form == PlanarForm::binary || planar.form == PlanarForm::binary_reduce;
  const Logical shape(dice.roll(1, 3), dice.roll(1, 6), dice.roll(1, 5),
                      dice.rarely(4) ? dice.roll(90, 140) : dice.roll(1, 40));
  EngineOp& op = bench.op;
  op.input = op.output = test::extent_of(shape);
  op.groups = shape.groups;
  op.compute = planar;
  for (Operand& source : op.sources) {
    if (dice.rarely(3)) {
      source.exchange_channel_width = true;
    } else if (dice.coin()) {
      source.broadcast = {dice.coin(), dice.coin(), false, dice.coin()};
    }
  }
  op.result.exchange_channel_width = dice.rarely(3);
  const bool bytes = dice.rarely(5);
  // NaN and infinity are finite to the engine; what becomes of large numbers in sums is another test's matter.
  Logical rows(shape.groups, shape.channels, 2, 1);
  if (affine) {
    op.sources[1].broadcast = {false, false, false,
                               op.sources[1].broadcast.channel && !op.sources[1].exchange_channel_width};
    bench.place_source(1, rows, ElementType::float16, true);
  } else if (two) {
    bench.place_source(1, shape, dice.rarely(5) ? ElementType::int8 : ElementType::float16, !reduces);
  }
  // Last, because a chained tensor goes to the very next task.
  bench.place_source(0, shape, bytes ? ElementType::uint8 : ElementType::float16, !reduces);
  EmulatorOptions options;
  options.threads = dice.roll(1, 2);
  const Logical outcome(shape.groups, shape.channels, reduces ? 1 : shape.height, reduces ? 1 : shape.width);
  const auto result = bench.run(outcome, options);
  ASSERT_TRUE(result) << "seed " << seed << ": " << result.error().to_string();
  const auto element = [&](std::uint32_t g, std::uint32_t c, std::uint32_t y, std::uint32_t x) {
    const double first = value_of(bench.sources[0].at(g, c, y, x), op.sources[0].type);
    const double second = two ? value_of(bench.sources[1].at(g, c, y, x), op.sources[1].type) : 0;
    const double offset = affine ? value_of(bench.sources[1].at(g, c, 0, 0), ElementType::float16) : 0;
    const double gain = affine ? value_of(bench.sources[1].at(g, c, 1, 0), ElementType::float16) : 0;
    const double v = planar_element(planar, first, second, offset, gain);
    // fp32 steps: relative to the numbers that met, not to what was left of them.
    const double met = std::max({std::fabs(first) * 2, std::fabs(second), std::fabs(offset), 1.0});
    const double scale = std::max(std::fabs(double{planar.scale}), 1.0) * std::max(std::fabs(gain), 1.0);
    return Expected{v, met * met * scale * 0x1p-21};
  };
  for (std::uint32_t g = 0; g < shape.groups; ++g) {
    for (std::uint32_t c = 0; c < shape.channels; ++c) {
      if (!reduces) {
        for (std::uint32_t y = 0; y < shape.height; ++y) {
          for (std::uint32_t x = 0; x < shape.width; ++x) {
            expect_close(result->at(g, c, y, x), element(g, c, y, x), place_name(seed, g, c, y, x));
          }
        }
        continue;
      }
      const bool sums = planar.reduction == Reduction::sum;
      Expected total{sums ? 0.0 : -1e300, 0};
      for (std::uint32_t y = 0; y < shape.height; ++y) {
        for (std::uint32_t x = 0; x < shape.width; ++x) {
          const Expected each = element(g, c, y, x);
          total.value = sums ? total.value + each.value : std::max(total.value, each.value);
          total.slack = sums ? total.slack + each.slack : std::max(total.slack, each.slack);
        }
      }
      double r = total.value * (sums ? double{planar.final_scale} : 1.0);
      if (planar.post == 1) {
        total.slack = std::fabs(r) < 1e-3 ? 1e300 : total.slack / (r * r);
        r = 1 / r;
      } else if (planar.post == 2) {
        r = 1 / std::sqrt(r + double{planar.epsilon});
      }
      expect_close(result->at(g, c, 0, 0), {r, total.slack}, place_name(seed, g, c, 0, 0));
    }
  }
}

TEST(RandomOps, Planar) {
  for (std::uint32_t seed = 1; seed <= 2000 && !testing::Test::HasFailure(); ++seed) {
    try_planar(seed);
  }
}

// ------------------------------------------------------------------------------------------------ neural path

double activate(Activation activation, double v) {
  // The table of these tests is a leaky relu of slope 1/4: two straight lines.
  return activation == Activation::none ? v : activation == Activation::relu ? std::max(v, 0.0) : v > 0 ? v : v / 4;
}

h13::TableWords leaky_table() { return *h13::build_table("leaky_relu", std::vector<double>{0.25}); }

void set_kernel(NeuralCompute& neural, const h13::PackedKernel& packed, std::vector<std::uint8_t>& constants,
                Dice& dice) {
  // The streams lie behind something else.
  const std::uint32_t before = 64 * dice.roll(0, 3);
  constants.assign(before, 0xa5);
  constants.insert(constants.end(), packed.bytes.begin(), packed.bytes.end());
  neural.kernel.enabled = true;
  neural.kernel.slot = 1;
  neural.kernel.channels = packed.channels;
  for (KernelChannel& channel : neural.kernel.channels) {
    channel.offset += channel.enabled ? before : 0;
  }
  neural.kernel.lanes_log2 = packed.lanes_log2;
  neural.kernel.engines_log2 = packed.engines_log2;
}

void choose_epilogue(NeuralCompute& neural, Dice& dice) {
  neural.activation = static_cast<Activation>(dice.roll(0, 2));
  neural.input_relu = dice.rarely(4);
  if (dice.coin()) {
    neural.post_scale = random_half(dice, -2, 2);
  }
}

double read_input(const Bench& bench, bool relu, std::uint32_t g, std::uint32_t c, std::uint32_t y, std::uint32_t x) {
  const double v = value_of(bench.sources[0].at(g, c, y, x), bench.op.sources[0].type);
  return relu ? std::max(v, 0.0) : v;
}

void try_weightless(std::uint32_t seed) {
  Bench bench(seed);
  Dice& dice = bench.dice;
  NeuralCompute neural;
  neural.mode = static_cast<NeuralMode>(dice.roll(1, 3));
  choose_epilogue(neural, dice);
  const bool copies = neural.mode == NeuralMode::bypass;
  neural.unicast = copies || dice.coin();
  const std::uint32_t outputs = dice.roll(1, 5), inputs = copies ? 1 : dice.roll(1, 6);
  neural.unicast_inputs = static_cast<std::uint16_t>(inputs);
  if (neural.mode == NeuralMode::sum && dice.coin()) {
    neural.accumulator_bias = random_half(dice, -1, 1);
  }
  if (neural.activation == Activation::table) {
    set_kernel(neural, h13::pack_table(leaky_table(), static_cast<std::uint8_t>(dice.roll(0, 4))), bench.shop.constants,
               dice);
  }
  const Logical shape(dice.roll(1, 3), neural.unicast ? outputs * inputs : inputs, dice.roll(1, 4), dice.roll(1, 70));
  EngineOp& op = bench.op;
  op.input = test::extent_of(shape);
  op.output = op.input;
  op.output.channels = outputs;
  op.groups = shape.groups;
  op.compute = neural;
  op.result.exchange_channel_width = dice.rarely(3);
  bench.place_source(0, shape, dice.rarely(4) ? ElementType::uint8 : ElementType::float16, copies);
  EmulatorOptions options;
  options.threads = dice.roll(1, 2);
  options.numerics = Numerics::ideal;
  const Logical outcome(shape.groups, outputs, shape.height, shape.width);
  const auto result = bench.run(outcome, options);
  ASSERT_TRUE(result) << "seed " << seed << ": " << result.error().to_string();
  for (std::uint32_t g = 0; g < shape.groups; ++g) {
    for (std::uint32_t c = 0; c < outputs; ++c) {
      for (std::uint32_t y = 0; y < shape.height; ++y) {
        for (std::uint32_t x = 0; x < shape.width; ++x) {
          double total = neural.mode == NeuralMode::maximum ? -1e300 : 0;
          for (std::uint32_t i = 0; i < inputs; ++i) {
            const double v = read_input(bench, neural.input_relu, g, neural.unicast ? c * inputs + i : i, y, x);
            total = neural.mode == NeuralMode::maximum ? std::max(total, v) : total + v;
          }
          const double v = (total + value_of(neural.accumulator_bias)) * value_of(neural.post_scale);
          expect_close(result->at(g, c, y, x), {activate(neural.activation, v), 1e-4 + std::fabs(v) * 0x1p-20},
                       place_name(seed, g, c, y, x));
        }
      }
    }
  }
}

TEST(RandomOps, NeuralWithoutWeights) {
  for (std::uint32_t seed = 1; seed <= 1500 && !testing::Test::HasFailure(); ++seed) {
    try_weightless(seed);
  }
}

struct Kernel {
  h13::KernelWeights weights;
  [[nodiscard]] double at(std::uint32_t g, std::uint32_t n, std::uint32_t ci, std::uint32_t y, std::uint32_t x) const {
    const std::size_t index =
        (((std::size_t{g} * weights.outputs + n) * weights.inputs + ci) * weights.height + y) * weights.width + x;
    return value_of(weights.values[index]);
  }
};

Kernel random_kernel(Dice& dice, std::uint32_t groups, std::uint32_t outputs, std::uint32_t inputs,
                     std::uint32_t height, std::uint32_t width, KernelFormat format) {
  Kernel kernel;
  kernel.weights.groups = groups;
  kernel.weights.outputs = outputs;
  kernel.weights.inputs = inputs;
  kernel.weights.height = height;
  kernel.weights.width = width;
  kernel.weights.format = format;
  kernel.weights.values.resize(std::size_t{groups} * outputs * inputs * height * width);
  for (Half& value : kernel.weights.values) {
    const bool zero = dice.rarely(4);
    value = zero                           ? Half{}
            : format == KernelFormat::int8 ? to_half(static_cast<float>(dice.roll(0, 255)) - 128)
                                           : random_half(dice, -1, 1);
  }
  return kernel;
}

/// Shapes whose order of weights is known: dense, depthwise, unicast, grouped, and stride 2 with zero skipping.
void try_convolution(std::uint32_t seed, Numerics numerics) {
  Bench bench(seed);
  Dice& dice = bench.dice;
  NeuralCompute neural;
  neural.mode = NeuralMode::convolution;
  choose_epilogue(neural, dice);
  const std::uint32_t kind = dice.roll(0, 4);  // dense, depthwise, unicast, grouped, stride 2
  const bool strided = kind == 4;
  const std::uint32_t groups = kind == 3 ? dice.roll(2, 3) : 1;
  neural.unicast = kind == 1 || kind == 2;
  const std::uint32_t inputs = kind == 1 ? 1 : dice.roll(kind == 2 ? 2 : 1, 5);
  neural.unicast_inputs = static_cast<std::uint16_t>(neural.unicast ? inputs : 1);
  const std::uint32_t edge = strided ? 2 * dice.roll(0, 2) + 1 : dice.roll(0, 1) * 2 + 1;
  Window& window = neural.window;
  window.kernel_width = window.kernel_height = static_cast<std::uint8_t>(edge);
  window.stride_x = window.stride_y = strided ? 2 : 1;
  const bool same = dice.coin() && !strided;
  window.pad_left = window.pad_top = static_cast<std::uint8_t>(same ? edge / 2 : 0);
  // Engines and lanes: as many planes as fit whole rounds, or fewer than one.
  h13::KernelPacking packing{static_cast<std::uint8_t>(strided ? dice.roll(2, 3) : dice.roll(0, 3)),
                             static_cast<std::uint8_t>(dice.roll(0, 4))};
  const std::uint32_t lanes = 1u << packing.lanes_log2, engines = 1u << packing.engines_log2;
  const bool one_round = strided || dice.coin();
  const std::uint32_t outputs = lanes * (one_round ? dice.roll(1, engines) : engines * dice.roll(1, 2));
  const bool int8 = !strided && dice.rarely(4);
  Kernel kernel =
      random_kernel(dice, groups, outputs, inputs, edge, edge, int8 ? KernelFormat::int8 : KernelFormat::fp16);
  kernel.weights.zero_skipping = strided;
  neural.channel_bias = !int8 && (one_round || kind == 1) && dice.coin();
  if (neural.channel_bias) {
    kernel.weights.bias.resize(std::size_t{groups} * outputs);
    for (Half& bias : kernel.weights.bias) {
      bias = random_half(dice, -2, 2);
    }
  }
  if (neural.activation == Activation::table) {
    kernel.weights.table = leaky_table();
  }
  if (dice.rarely(4)) {
    neural.accumulator_bias = random_half(dice, -1, 1);
  }
  // One group with more than one plane per engine and biases is not known.
  const bool many_planes = groups > 1 && neural.channel_bias;
  if (many_planes) {
    neural.channel_bias = outputs <= lanes * engines;
    if (!neural.channel_bias) {
      kernel.weights.bias.clear();
    }
  }
  const auto packed = h13::pack_kernel(kernel.weights, packing);
  ASSERT_TRUE(packed) << "seed " << seed << ": " << packed.error().to_string();
  neural.kernel.format = int8 ? KernelFormat::int8 : KernelFormat::fp16;
  neural.kernel.zero_skipping = strided;
  set_kernel(neural, *packed, bench.shop.constants, dice);
  if (kind == 0 && !int8 && !neural.channel_bias && neural.activation != Activation::table && dice.coin()) {
    // Weights that another tensor holds: the second operand of a matrix product made at run time.
    neural.kernel.from_memory = true;
    neural.kernel.slot = bench.shop.add(TensorRole::input, bench.shop.constants);
    bench.shop.constants.clear();
  }

  const std::uint32_t channels = neural.unicast ? outputs * inputs : inputs;
  const Logical shape(groups, channels, edge + dice.roll(0, 5), edge + dice.roll(0, 20));
  const auto extent = [&](std::uint32_t n) { return strided ? (n + 1) / 2 : same ? n : n - edge + 1; };
  EngineOp& op = bench.op;
  op.input = test::extent_of(shape);
  op.output = {extent(shape.width), extent(shape.height), 1, outputs};
  op.groups = groups;
  op.compute = neural;
  op.result.exchange_channel_width = dice.rarely(4);
  bench.place_source(0, shape, dice.rarely(5) ? ElementType::uint8 : ElementType::float16, false);
  EmulatorOptions options;
  options.threads = dice.roll(1, 2);
  options.numerics = numerics;
  const Logical outcome(groups, outputs, op.output.height, op.output.width);
  const auto result = bench.run(outcome, options);
  ASSERT_TRUE(result) << "seed " << seed << ": " << result.error().to_string();

  const std::uint32_t stride = window.stride_x, pad = window.pad_left;
  for (std::uint32_t g = 0; g < groups; ++g) {
    for (std::uint32_t n = 0; n < outputs; ++n) {
      for (std::uint32_t y = 0; y < op.output.height; ++y) {
        for (std::uint32_t x = 0; x < op.output.width; ++x) {
          double total = 0, magnitude = 0;
          for (std::uint32_t ci = 0; ci < inputs; ++ci) {
            for (std::uint32_t ky = 0; ky < edge; ++ky) {
              for (std::uint32_t kx = 0; kx < edge; ++kx) {
                const std::int64_t sy = std::int64_t{y} * stride + ky - pad, sx = std::int64_t{x} * stride + kx - pad;
                if (sy < 0 || sx < 0 || sy >= shape.height || sx >= shape.width) {
                  continue;
                }
                const double product = kernel.at(g, n, ci, ky, kx) *
                                       read_input(bench, neural.input_relu, g, neural.unicast ? n * inputs + ci : ci,
                                                  static_cast<std::uint32_t>(sy), static_cast<std::uint32_t>(sx));
                total += product;
                magnitude += std::fabs(product);
              }
            }
          }
          const double bias = neural.channel_bias ? value_of(kernel.weights.bias[g * outputs + n]) : 0;
          const double scale = value_of(neural.post_scale);
          const double v = (total + bias + value_of(neural.accumulator_bias)) * scale;
          if (numerics == Numerics::h13 && magnitude >= 32000) {
            continue;  // partial sums may reach the clamp
          }
          const double step = numerics == Numerics::ideal ? 0x1p-20 : 0x1p-9;
          expect_close(result->at(g, n, y, x),
                       {activate(neural.activation, v), (magnitude + 4) * std::fabs(scale) * step + 1e-6},
                       place_name(seed, g, n, y, x));
        }
      }
    }
  }
}

TEST(RandomOps, Convolutions) {
  for (std::uint32_t seed = 1; seed <= 400 && !testing::Test::HasFailure(); ++seed) {
    try_convolution(seed, Numerics::ideal);
    try_convolution(seed, Numerics::h13);
  }
}

}  // namespace
}  // namespace openane
