// Operations of the whole catalogue with arguments drawn at random, most of them absurd: huge and negative extents,
// axes and indices out of range, numbers that are none, strings from other operations. Whatever the verifier lets pass
// must run, or be refused with a reason that is not our mistake, in bounded memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <random>

#include "openane/mil_builder.h"
#include "openane/mil_ops.h"
#include "openane/reference.h"

namespace openane::reference {
namespace {

using mil::DataType;
using mil::Parameter;
using mil::ParameterKind;
using mil::Type;

constexpr std::array kWords{"constant",
                            "reflect",
                            "replicate",
                            "valid",
                            "same",
                            "same_lower",
                            "custom",
                            "logits",
                            "probs",
                            "update",
                            "add",
                            "mul",
                            "div",
                            "min",
                            "bilinear",
                            "nearest",
                            "border",
                            "symmetric",
                            "unnormalized",
                            "normalized_minus_one_to_one",
                            "normalized_zero_to_one",
                            "reflection",
                            "DEFAULT",
                            "ALIGN_CORNERS",
                            "UNALIGN_CORNERS",
                            "STRICT_ALIGN_CORNERS",
                            "OFFSET_CORNERS",
                            "LINEAR",
                            "NEAREST_NEIGHBOR",
                            "CORNERS_HEIGHT_FIRST",
                            "CENTER_SIZE_WIDTH_FIRST",
                            "forward",
                            "reverse",
                            "bidirectional",
                            "sigmoid",
                            "tanh",
                            "relu",
                            "EXACT",
                            "TANH_APPROXIMATION",
                            "SIGMOID_APPROXIMATION",
                            "fp16",
                            "fp32",
                            "int32",
                            "int8",
                            "uint16",
                            "bool",
                            "abcd,adce->abce",
                            "nchw,nwhu->nchu",
                            "",
                            "nonsense"};

/// One call of an operation, its arguments drawn from `seed`.
class Drawing {
 public:
  Drawing(const mil::OpInfo& info, std::uint64_t seed)
      : info_(info), random_(seed), opset_(opset()), builder_("main", opset_), shape_(shape()) {}

  /// The program around the call; an error when the verifier would not have it.
  Result<mil::Program> program() {
    const mil::Signature* signature = info_.signature(opset_);
    if (signature == nullptr) {
      return fail(ErrorCategory::usage, "not in this op set");
    }
    std::vector<mil::NamedOperand> arguments;
    operands_.reserve(signature->parameters.size());
    several_.reserve(signature->parameters.size());
    for (const Parameter& parameter : signature->parameters) {
      if (parameter.is_optional && among(0, 1) == 0) {
        continue;
      }
      if (parameter.kind == ParameterKind::variadic) {
        const std::size_t count = static_cast<std::size_t>(among(1, 3));
        const Parameter one = variadic(parameter);
        std::vector<mil::Var> parts;
        for (std::size_t i = 0; i < count; ++i) {
          parts.push_back(variable(one));
        }
        several_.emplace_back(parts);
        arguments.emplace_back(parameter.name, several_.back());
      } else {
        operands_.push_back(operand(parameter));
        arguments.emplace_back(parameter.name, operands_.back());
      }
    }
    const mil::Vars results = builder_.op(info_.name, arguments);
    OPENANE_CHECK(builder_.status());
    return builder_.finish({results.begin(), results.end()});
  }

  [[nodiscard]] const std::vector<NamedTensor>& inputs() const { return inputs_; }

 private:
  std::int64_t among(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(high - low + 1));
  }
  std::string opset() { return std::array{"ios15", "ios16", "ios17", "ios18"}[static_cast<std::size_t>(among(0, 3))]; }
  Shape shape() {
    Shape out(static_cast<std::size_t>(among(0, 9) == 0 ? among(0, 5) : among(2, 4)));
    for (std::int64_t& extent : out) {
      extent = among(0, 30) == 0 ? 0 : among(1, 4);
    }
    return out;
  }
  /// The shape most arguments have, or one near it.
  Shape near() {
    Shape out = shape_;
    const std::int64_t change = among(0, 9);
    if (change == 0) {
      return shape();
    }
    if (change == 1 && !out.empty()) {
      out.pop_back();
    } else if (change == 2 && !out.empty()) {
      out[static_cast<std::size_t>(among(0, std::ssize(out) - 1))] = among(1, 3);
    } else if (change == 3) {
      out.assign(static_cast<std::size_t>(among(1, 2)), among(1, 4));
    }
    return out;
  }

  std::int64_t integer() {
    constexpr std::array kHuge{std::int64_t{INT32_MAX}, std::int64_t{INT32_MIN}, std::int64_t{65536},
                               std::int64_t{-65537},    std::int64_t{1} << 30,   std::int64_t{1000003}};
    return among(0, 5) == 0 ? kHuge[static_cast<std::size_t>(among(0, std::ssize(kHuge) - 1))] : among(-2, 4);
  }
  double number() {
    constexpr std::array kStrange{std::numeric_limits<double>::infinity(),
                                  std::numeric_limits<double>::quiet_NaN(),
                                  1e30,
                                  -1e30,
                                  0.0,
                                  -0.0,
                                  65504.0};
    return among(0, 9) == 0 ? kStrange[static_cast<std::size_t>(among(0, std::ssize(kStrange) - 1))]
                            : static_cast<double>(among(-300, 300)) / 100;
  }

  DataType type_of(const Parameter& parameter) {
    if (const auto bound = bound_.find(parameter.variable); !parameter.variable.empty() && bound != bound_.end()) {
      return bound->second;
    }
    std::vector<DataType> allowed;
    for (const mil::DataTypeInfo& row : mil::data_types()) {
      if (parameter.allows(row.type)) {
        allowed.push_back(row.type);
      }
    }
    const DataType type =
        allowed.empty() ? DataType::fp32 : allowed[static_cast<std::size_t>(among(0, std::ssize(allowed) - 1))];
    bound_.emplace(parameter.variable, type);
    return type;
  }

  /// What stands in a variadic argument: tensors like the others, or integers and masks for `begins` and its like.
  static Parameter variadic(Parameter parameter) {
    const bool are_masks = parameter.name == "end_masks";
    const bool are_integers = parameter.name == "begins" || parameter.name == "ends";
    const DataType type = are_masks ? DataType::boolean : (are_integers ? DataType::int32 : DataType::fp32);
    parameter.kind = ParameterKind::tensor;
    parameter.types = mil::DataTypeSet{1} << static_cast<unsigned>(type);
    parameter.is_constant = are_masks || are_integers;
    return parameter;
  }

  std::vector<double> values(DataType type, std::size_t count) {
    std::vector<double> out(count);
    for (double& value : out) {
      value = type == DataType::boolean ? static_cast<double>(among(0, 1))
              : mil::is_integer(type)   ? static_cast<double>(integer())
                                        : number();
    }
    return out;
  }

  /// Shapes, axes and indices are short vectors or scalars; everything else is a tensor.
  Shape shape_for(const Parameter& parameter, DataType type) {
    if (mil::is_floating(type)) {
      return parameter.is_constant && among(0, 3) > 0 ? Shape{} : near();
    }
    const auto rank = std::ssize(shape_);
    const std::array<Shape, 7> choices{Shape{}, Shape{}, {rank}, {rank}, {2 * rank}, {2}, near()};
    return choices[static_cast<std::size_t>(among(0, 6))];
  }

  mil::Value constant(const Parameter& parameter) {
    const DataType type = type_of(parameter);
    if (type == DataType::string) {
      return mil::Value::string(kWords[static_cast<std::size_t>(among(0, std::ssize(kWords) - 1))]);
    }
    const Shape shape = shape_for(parameter, type);
    const auto count = static_cast<std::size_t>(mil::count_elements(shape).value_or(0));
    return mil::Value::numbers(Type::tensor(type, shape), values(type, count)).value_or(mil::Value());
  }

  mil::Var variable(const Parameter& parameter) {
    if (parameter.is_constant) {
      return builder_.constant(constant(parameter));
    }
    const DataType type = type_of(parameter);
    const Shape shape = shape_for(parameter, type);
    const auto count = static_cast<std::size_t>(mil::count_elements(shape).value_or(0));
    const std::vector<double> numbers = values(type, count);
    const Result<mil::Value> value = mil::Value::numbers(Type::tensor(type, shape), numbers);
    const ElementType element = mil::info(type).element;
    if (!value || element == ElementType::invalid) {
      return builder_.constant(constant(parameter));
    }
    const std::string name = "in" + std::to_string(inputs_.size());
    inputs_.push_back({name, Tensor::create(element, shape, value->bytes()).value_or(Tensor())});
    return builder_.input(name, Type::tensor(type, shape));
  }

  mil::Operand operand(const Parameter& parameter) {
    return parameter.is_constant || among(0, 2) == 0 ? mil::Operand(constant(parameter))
                                                     : mil::Operand(variable(parameter));
  }

  const mil::OpInfo& info_;
  std::mt19937_64 random_;
  std::string opset_;
  mil::Builder builder_;
  Shape shape_;
  std::map<std::string_view, DataType> bound_;
  std::vector<mil::Operand> operands_;
  std::vector<mil::Operands> several_;
  std::vector<NamedTensor> inputs_;
};

/// What an argument is to blame for; `internal` would be our mistake.
void expect_reason(const Error& error, const std::string& where) {
  EXPECT_NE(error.category, ErrorCategory::internal) << where << ": " << error.to_string();
  EXPECT_FALSE(error.message.empty()) << where;
}

Result<void> run(const mil::OpInfo& info, std::uint64_t seed) {
  Drawing drawing(info, seed);
  OPENANE_TRY(const mil::Program program, drawing.program());
  Options options;
  options.precision = std::array{Precision::fp32, Precision::fp64, Precision::fp16}[seed % 3];
  options.threads = 1;
  options.memory_limit = 64 << 20;
  options.loop_limit = 20;
  OPENANE_TRY(Session session, Session::create(program, mil::Weights(), options));
  OPENANE_TRY(const std::vector<Output> outputs, session.run(drawing.inputs()));
  EXPECT_EQ(outputs.size(), session.outputs().size());
  return {};
}

TEST(Hostile, EveryOperationRunsOrSaysWhyNot) {
  std::size_t operations_that_ran = 0;
  std::size_t refused_at_run = 0;
  for (const mil::OpInfo& info : mil::ops()) {
    const bool has_tensors_only = std::ranges::all_of(info.signatures, [](const mil::Signature& signature) {
      return std::ranges::all_of(signature.parameters, [](const Parameter& parameter) {
        return parameter.kind == ParameterKind::tensor || parameter.kind == ParameterKind::variadic;
      });
    });
    if (!has_tensors_only || !info.is_public) {
      continue;
    }
    std::size_t ran = 0;
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
      const std::string where = std::string(info.name) + " seed " + std::to_string(seed);
      const Result<void> done = run(info, seed);
      ran += done ? 1 : 0;
      if (!done) {
        expect_reason(done.error(), where);
        ++refused_at_run;
      }
    }
    operations_that_ran += ran > 0 ? 1 : 0;
  }
  EXPECT_GT(operations_that_ran, 120u);
  EXPECT_GT(refused_at_run, 1000u);
}

}  // namespace
}  // namespace openane::reference
