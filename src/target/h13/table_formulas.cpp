#include "target/h13/table_formulas.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/number_text.h"
#include "base/words.h"

namespace openane::h13 {
namespace {

constexpr std::size_t kKnots = 33;
constexpr double kInfinity = HUGE_VAL;
/// Knot spacing 2^-64: only x = 0 meets a knot, the lines do the rest.
constexpr std::int16_t kNoKnots = 0x40;

// The mode word: function in bits 3:0, symmetry in bits 7:5 (h13-isa.md 8). Bit 4 and bits 15:8 are 0 in every table.
constexpr std::uint16_t kCentred = 0x01;
constexpr std::uint16_t kBelowZero = 0x02;
constexpr std::uint16_t kOdd = 0x60;
constexpr std::uint16_t kExp2 = 0x0a;
constexpr std::uint16_t kLog2 = 0xc9;
constexpr std::uint16_t kReciprocal = 0x67;
constexpr std::uint16_t kSquareRoot = 0xc5;
constexpr std::uint16_t kReciprocalSquareRoot = 0xc6;

struct Line {
  double slope = 0, offset = 0;
};

/// A table before rounding.
struct Shape {
  double x0 = 0, x1 = 0, y0 = 0, y1 = 0;
  Line left, right;
  std::int16_t density = kNoKnots;
  std::uint16_t mode = kCentred;
};

std::uint16_t fp16(double value) { return round_to_half(value).bits; }

template <typename Knot>
TableWords make(const Shape& shape, Knot knot) {
  TableWords words{};
  words[0] = fp16(shape.x0);
  words[1] = fp16(shape.x1);
  words[2] = fp16(shape.y0);
  words[3] = fp16(shape.y1);
  for (std::size_t i = 0; i < kKnots; ++i) {
    words[4 + i] = fp16(knot(static_cast<double>(i)));
  }
  words[37] = fp16(shape.left.slope);
  words[38] = fp16(shape.left.offset);
  words[39] = fp16(shape.right.slope);
  words[40] = fp16(shape.right.offset);
  words[41] = static_cast<std::uint16_t>(shape.density);
  words[42] = shape.mode;
  return words;
}

TableWords lines(const Shape& shape) {
  return make(shape, [](double /*i*/) { return 0; });
}

double rounded(double value) { return static_cast<double>(to_float(round_to_half(value))); }

/// The line from a knot to a saturation point, through numbers as the table stores them.
Line ramp(double knot_x, double knot_y, double x, double y) {
  const double slope = (y - rounded(knot_y)) / (x - knot_x);
  return {slope, y - slope * x};
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TableWords sigmoid_table(std::span<const double> /*parameters*/) {
  constexpr double kX0 = -9.9375, kX1 = 8.3203125;
  const Shape shape{kX0, kX1, 0, 1, ramp(-8, sigmoid(-8), kX0, 0), ramp(8, sigmoid(8), kX1, 1), 1, kCentred};
  return make(shape, [](double i) { return sigmoid((i - 16) / 2); });
}

TableWords sigmoid_minus_half(std::span<const double> /*parameters*/) {
  const Shape shape{-1, 10, 0, 0.5, {}, ramp(8, sigmoid(8) - 0.5, 10, 0.5), 2, kOdd};
  return make(shape, [](double i) { return sigmoid(i / 4) - 0.5; });
}

TableWords tanh_table(std::span<const double> /*parameters*/) {
  return make({0, 4, 0, 1, {}, {0, 1}, 3, kOdd}, [](double i) { return std::tanh(i / 8); });
}

TableWords exp2_table(std::span<const double> /*parameters*/) {
  return make({-25, 16, 0, kInfinity, {}, {}, 5, kExp2}, [](double i) { return std::exp2(i / 32); });
}

TableWords log2_table(std::span<const double> /*parameters*/) {
  return make({0, kInfinity, -kInfinity, 0, {}, {}, 6, kLog2}, [](double i) { return std::log2((32 + i) / 64); });
}

TableWords reciprocal_table(std::span<const double> /*parameters*/) {
  return make({0, kInfinity, kInfinity, 0, {}, {}, 6, kReciprocal}, [](double i) { return 64 / (32 + i); });
}

/// The mantissa is in [0.5, 2), so the first eight knots are never met.
TableWords sqrt_table(std::span<const double> /*parameters*/) {
  return make({0, kInfinity, 0, kInfinity, {}, {}, 4, kSquareRoot},
              [](double i) { return i < 8 ? 0 : std::sqrt(i / 16); });
}

TableWords rsqrt_table(std::span<const double> /*parameters*/) {
  return make({0, kInfinity, kInfinity, 0, {}, {}, 4, kReciprocalSquareRoot},
              [](double i) { return i < 8 ? 0 : 1 / std::sqrt(i / 16); });
}

TableWords clamp_table(std::span<const double> parameters) {
  const double low = parameters[0], high = parameters[1];
  return lines({low, high, low, high, {1, 0}, {1, 0}});
}

TableWords leaky_relu_table(std::span<const double> parameters) {
  return lines({-kInfinity, kInfinity, -kInfinity, kInfinity, {parameters[0], 0}, {1, 0}});
}

TableWords sign_table(std::span<const double> /*parameters*/) {
  return lines({0, 1, 0, 1, {}, {0, 1}, kNoKnots, kOdd});
}

constexpr double kSmallest = 0x1p-24;

TableWords step_table(std::span<const double> /*parameters*/) {
  return lines({-kSmallest, kSmallest, 0, 1, {}, {0, 1}});
}

TableWords step_below_table(std::span<const double> /*parameters*/) {
  return lines({-kSmallest, kSmallest, 1, 0, {0, 1}, {}});
}

TableWords is_zero_table(std::span<const double> /*parameters*/) {
  // x = 0 takes the centre knot; the compiler fills all but the last.
  return make({-kSmallest, kSmallest, 0, 0, {}, {}}, [](double i) { return i < 32 ? 1 : 0; });
}

TableWords selu_table(std::span<const double> /*parameters*/) {
  constexpr double kScale = 1.0507009873554805, kAlpha = 1.6732632423543772;
  return make({-8, kInfinity, -kScale * kAlpha, kInfinity, {}, {kScale, 0}, 2, kBelowZero},
              [](double i) { return kScale * kAlpha * std::expm1((i - 32) / 4); });
}

// Two tables whose knots Apple's compiler adjusts by a rule nobody has published: the words themselves, as they stand
// in compiled programs (h13-isa.md 8; corpus/oracles/h13/luts.toml gives each program). They stray from the function by
// less than 0.0062 (gelu) and 0.015 (silu).
TableWords gelu_table(std::span<const double> /*parameters*/) {
  return {
      0xc466, 0x7c00, 0x0000, 0x7c00, 0x0000, 0x8e8a, 0x9230, 0x9757, 0x9bf0, 0xa011, 0xa3bf,
      0xa6ec, 0xa9bf, 0xac75, 0xae67, 0xb03d, 0xb11e, 0xb184, 0xb104, 0xaecf, 0x922d, 0x3098,
      0x357e, 0x389f, 0x3ab8, 0x3c78, 0x3d9a, 0x3eb9, 0x3fd2, 0x4072, 0x40f8, 0x417c, 0x41fe,
      0x427f, 0x4300, 0x4380, 0x4400, 0x0000, 0x0000, 0x3c00, 0x0000, 0x0002, 0x0001,
  };
}

TableWords silu_table(std::span<const double> /*parameters*/) {
  return {
      0xc91a, 0x7c00, 0x0000, 0x7c00, 0x98cd, 0x9c5e, 0x9e65, 0xa0ef, 0xa37b, 0xa5a9, 0xa83b,
      0xaa45, 0xac8e, 0xae85, 0xb088, 0xb210, 0xb3a9, 0xb470, 0xb460, 0xb284, 0x96fb, 0x34be,
      0x39d0, 0x3ce4, 0x3f0b, 0x409f, 0x41b7, 0x42cc, 0x43dc, 0x4473, 0x44f8, 0x457a, 0x45fc,
      0x467e, 0x46fe, 0x477f, 0x47ff, 0x945d, 0xa191, 0x3c00, 0x9c00, 0x0001, 0x0001,
  };
}

struct Row {
  TableFormula formula;
  std::size_t parameters;
  TableWords (*build)(std::span<const double> parameters);
};

constexpr std::array<Row, 19> kRows{{
    {{"sigmoid", "", "1 / (1 + e^-x)"}, 0, sigmoid_table},
    {{"sigmoid_minus_half", "", "1 / (1 + e^-x) - 1/2: the form of macOS 12 compilers"}, 0, sigmoid_minus_half},
    {{"tanh", "", "hyperbolic tangent"}, 0, tanh_table},
    {{"exp2", "", "2^x; with post_scale 1.442 (log2 e) it is e^x"}, 0, exp2_table},
    {{"log2", "", "binary logarithm"}, 0, log2_table},
    {{"reciprocal", "", "1 / x"}, 0, reciprocal_table},
    {{"sqrt", "", "square root"}, 0, sqrt_table},
    {{"rsqrt", "", "1 / square root"}, 0, rsqrt_table},
    {{"gelu", "", "x * (1 + erf(x / sqrt 2)) / 2"}, 0, gelu_table},
    {{"silu", "", "x / (1 + e^-x)"}, 0, silu_table},
    {{"selu", "", "1.0507 x for x > 0, 1.7581 (e^x - 1) below"}, 0, selu_table},
    {{"relu6", "", "x limited to 0..6"}, 0, [](std::span<const double>) { return clamp_table(std::array{0.0, 6.0}); }},
    {{"hardtanh", "", "x limited to -1..1"},
     0,
     [](std::span<const double>) { return clamp_table(std::array{-1.0, 1.0}); }},
    {{"clamp", "low high", "x limited to low..high"}, 2, clamp_table},
    {{"leaky_relu", "slope", "x for x >= 0, slope * x below"}, 1, leaky_relu_table},
    {{"sign", "", "-1, 0 or 1"}, 0, sign_table},
    {{"step", "", "1 for x > 0, else 0"}, 0, step_table},
    {{"step_below", "", "1 for x < 0, else 0"}, 0, step_below_table},
    {{"is_zero", "", "1 for x = 0, else 0"}, 0, is_zero_table},
}};

constexpr std::array<TableFormula, kRows.size()> kFormulas = [] {
  std::array<TableFormula, kRows.size()> formulas{};
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    formulas[i] = kRows[i].formula;
  }
  return formulas;
}();

const Row* find_row(std::string_view name) {
  const auto found = std::ranges::find(kRows, name, [](const Row& row) { return row.formula.name; });
  return found == kRows.end() ? nullptr : &*found;
}

/// The parameters a formula's table would have been made with, read off the words that hold them.
std::vector<double> guess_parameters(const Row& row, std::span<const std::uint16_t, 64> words) {
  const auto number = [&words](std::size_t i) { return static_cast<double>(to_float(Half{words[i]})); };
  if (row.parameters == 2) {
    return {number(0), number(1)};
  }
  return row.parameters == 1 ? std::vector<double>{number(37)} : std::vector<double>{};
}

}  // namespace

std::span<const TableFormula> table_formulas() { return kFormulas; }

Result<TableWords> build_table(std::string_view name, std::span<const double> parameters) {
  const Row* row = find_row(name);
  if (row == nullptr) {
    std::vector<std::string_view> names;
    names.reserve(kFormulas.size());
    for (const TableFormula& formula : kFormulas) {
      names.push_back(formula.name);
    }
    return fail(ErrorCategory::usage, fmt::format("no table formula is called '{}'{}; there are {}", name,
                                                  suggestion(name, names), fmt::join(names, ", ")));
  }
  if (parameters.size() != row->parameters) {
    return fail(ErrorCategory::usage,
                row->parameters == 0
                    ? fmt::format("table '{}' takes no parameters", name)
                    : fmt::format("table '{}' takes {} parameter{} ({}), {} given", name, row->parameters,
                                  row->parameters == 1 ? "" : "s", row->formula.parameters, parameters.size()));
  }
  if (row->build == clamp_table && !(parameters[0] < parameters[1])) {
    return fail(ErrorCategory::usage, "table 'clamp' takes low before high");
  }
  return row->build(parameters);
}

std::string recognise_table(std::span<const std::uint16_t, 64> words) {
  for (const Row& row : kRows) {
    const TableFormula& formula = row.formula;
    const std::vector<double> parameters = guess_parameters(row, words);
    const Result<TableWords> table = build_table(formula.name, parameters);
    if (table && std::equal(table->begin(), table->end(), words.begin())) {
      std::string text(formula.name);
      for (const double parameter : parameters) {
        text += ' ';
        append_half(text, round_to_half(parameter));
      }
      return text;
    }
  }
  return {};
}

std::string describe_table(std::span<const std::uint16_t, 64> words) {
  constexpr std::array<std::string_view, 16> kFunctions = {"knots from 0 up",
                                                           "knots around 0",
                                                           "knots up to 0",
                                                           "fraction",
                                                           "integer part",
                                                           "square root",
                                                           "reciprocal square root",
                                                           "reciprocal",
                                                           "function 8 (unknown)",
                                                           "log2",
                                                           "exp2",
                                                           "function 11 (unknown)",
                                                           "function 12 (unknown)",
                                                           "function 13 (unknown)",
                                                           "function 14 (unknown)",
                                                           "function 15 (unknown)"};
  const unsigned symmetry = (words[42] >> 5) & 7u;
  const auto density = static_cast<std::int16_t>(words[41]);
  std::string text(kFunctions.at(words[42] & 15u));
  text += symmetry == 0   ? ""
          : symmetry == 3 ? ", odd"
          : symmetry == 6 ? ", 0 below 0"
                          : fmt::format(", symmetry {} (unknown)", symmetry);
  text += density == kNoKnots ? ", lines only" : fmt::format(", spacing 2^{}", -density);
  text += ", x ";
  append_half(text, Half{words[0]});
  text += "..";
  append_half(text, Half{words[1]});
  text += ", outside ";
  append_half(text, Half{words[2]});
  text += " and ";
  append_half(text, Half{words[3]});
  return text;
}

}  // namespace openane::h13
