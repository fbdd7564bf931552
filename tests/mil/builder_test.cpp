// The builder: what it makes verifies, prints and parses back equal; every program of the corpus can be rebuilt with it
// and gets the types Apple's tools wrote; what breaks a rule is refused with operation, reason and place.
#include "openane/mil_builder.h"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>

#include "mil/corpus.h"
#include "openane/mil_infer.h"
#include "openane/mil_model.h"
#include "openane/mil_ops.h"
#include "openane/mil_text.h"

namespace openane::mil {
namespace {

Type fp16(Shape shape) { return Type::tensor(DataType::fp16, std::move(shape)); }
Type fp32(Shape shape) { return Type::tensor(DataType::fp32, std::move(shape)); }

Var weights(Builder& b, Shape shape, DataType type = DataType::fp16) {
  const std::vector<float> values(static_cast<std::size_t>(*count_elements(shape)), 0.5F);
  return b.constant(type, shape, values);
}

void expect_sound(const Result<Program>& program) {
  ASSERT_TRUE(program) << program.error().to_string();
  EXPECT_TRUE(verify(*program).empty());
  const std::string text = print_text(*program);
  const Result<Program> again = parse_text(text);
  ASSERT_TRUE(again) << again.error().to_string() << "\n" << text;
  EXPECT_TRUE(*again == *program) << text;
}

TEST(MilBuilder, SmallNetworkIsTheExpectedText) {
  Builder b("main", "ios18");
  const Var x = b.input("x", fp16({1, 2, 4, 4}));
  const std::vector<float> ones(8, 1.0F);
  const Var w = b.constant(DataType::fp16, {4, 2, 1, 1}, ones, "w");
  const Var y = b.conv(x, w, {.strides = {2, 2}, .pad_type = "valid"});
  const Var z = b.mul(y, 0.5, {.name = "z"});
  const Result<Program> program = b.finish({z});
  expect_sound(program);
  EXPECT_EQ(print_text(*program), R"(program(1.3)
{
    func main<ios18>(tensor<fp16, [1, 2, 4, 4]> x) {
            tensor<fp16, [4, 2, 1, 1]> w = const()[name = string("w"), val = tensor<fp16, [4, 2, 1, 1]>([[[[0x1p+0]], [[0x1p+0]]], [[[0x1p+0]], [[0x1p+0]]], [[[0x1p+0]], [[0x1p+0]]], [[[0x1p+0]], [[0x1p+0]]]])];
            tensor<int32, [2]> conv_0_strides_0 = const()[name = string("conv_0_strides_0"), val = tensor<int32, [2]>([2, 2])];
            string conv_0_pad_type_0 = const()[name = string("conv_0_pad_type_0"), val = string("valid")];
            tensor<fp16, [1, 4, 2, 2]> conv_0 = conv(pad_type = conv_0_pad_type_0, strides = conv_0_strides_0, weight = w, x = x)[name = string("conv_0")];
            fp16 z_y_0 = const()[name = string("z_y_0"), val = fp16(0x1p-1)];
            tensor<fp16, [1, 4, 2, 2]> z = mul(x = conv_0, y = z_y_0)[name = string("z")];
        } -> (z);
})");
}

TEST(MilBuilder, TransformerBlock) {
  Builder b("main", "ios18");
  const Var x = b.input("x", fp16({1, 16, 64}));
  const Var n = b.layer_norm(x, {.axes = {-1}, .epsilon = 1e-5});
  std::vector<Var> heads;
  for (int i = 0; i < 3; ++i) {
    const Var projected = b.linear(n, weights(b, {64, 64}));
    heads.push_back(b.transpose(b.reshape(projected, {1, 16, 4, 16}), {0, 2, 1, 3}));
  }
  const Var attended = b.scaled_dot_product_attention(heads[0], heads[1], heads[2]);
  const Var joined = b.reshape(b.transpose(attended, {0, 2, 1, 3}), {1, 16, 64});
  const Var sum = b.add(x, joined);
  EXPECT_EQ(sum.type(), fp16({1, 16, 64}));
  const Vars parts = b.split(b.gelu(sum, {.mode = "TANH_APPROXIMATION"}), -1, {.num_splits = 2});
  ASSERT_EQ(parts.size(), 2U);
  const Var out = b.concat({parts[1], parts[0]}, -1);
  const auto [values, indices] = b.topk(out, {.k = 3, .axis = -1});
  EXPECT_EQ(values.shape(), (Shape{1, 16, 3}));
  EXPECT_EQ(indices.type().data_type(), DataType::int32);
  expect_sound(b.finish({out, values, indices}));
}

TEST(MilBuilder, ControlFlowIsBuiltByFunctions) {
  Builder b("main", "ios16");
  const Var x = b.input("x", fp32({1, 4}));
  const Var flag = b.input("flag", Type::scalar(DataType::boolean));
  const Vars chosen =
      b.cond(flag, [&] { return std::vector{b.add(x, 1.0)}; }, [&] { return std::vector{b.mul(x, 2.0)}; });
  const Vars looped = b.while_loop(
      {b.constant(0), chosen[0]}, [&](std::span<const Var> v) { return b.less(v[0], 3); },
      [&](std::span<const Var> v) { return std::vector{b.add(v[0], 1), b.add(v[1], x)}; });
  ASSERT_EQ(looped.size(), 2U);
  EXPECT_EQ(looped[1].type(), fp32({1, 4}));
  expect_sound(b.finish({looped[1]}));
}

TEST(MilBuilder, StatesListsAndCompressedConstants) {
  Builder b("main", "ios18");
  const Var x = b.input("x", fp16({1, 8}));
  const Var cache = b.input("cache", Type::state(fp16({1, 8})));
  const Var old = b.read_state(cache);
  b.write_state(cache, b.add(old, x));
  const std::vector<double> codes = {1, 2, 3, 4, 5, 6, 7, -8};
  const Value data = *Value::numbers(Type::tensor(DataType::int4, {1, 8}), codes);
  const std::vector<float> scale(2, 0.25F);
  const Var w = b.constexpr_blockwise_shift_scale(b.constant(data), b.constant(DataType::fp16, {1, 2}, scale));
  EXPECT_EQ(w.type(), fp16({1, 8}));
  expect_sound(b.finish({b.mul(old, w)}));

  Builder old_form("main", "ios16");
  const Var y = old_form.input("y", fp32({1, 8}));
  const std::vector<double> bytes = {0, 1, 2, 3, 4, 5, 6, 255};
  const Value quantized = *Value::numbers(Type::tensor(DataType::uint8, {8, 1}), bytes);
  const Var d =
      old_form.constexpr_affine_dequantize(quantized, *Value::numbers(Type::scalar(DataType::uint8), {{128}}), 0.5, 0);
  expect_sound(old_form.finish({old_form.matmul(y, d)}));
}

TEST(MilBuilder, LiteralsTakeTheTypeOfTheirArgument) {
  Builder b("main", "ios17");
  const Var half = b.input("half", fp16({4}));
  const Var count = b.input("count", Type::tensor(DataType::int32, {4}));
  EXPECT_EQ(b.add(half, 1).type(), fp16({4}));
  EXPECT_EQ(b.add(count, 1).type().data_type(), DataType::int32);
  EXPECT_EQ(b.leaky_relu(half, 0.1).type(), fp16({4}));
  EXPECT_EQ(b.range_1d(3, 0, 0.5).type().data_type(), DataType::fp32);
  EXPECT_EQ(b.range_1d(3, 0, 1).type().data_type(), DataType::int32);
  EXPECT_EQ(b.cast(half, "int32").type().data_type(), DataType::int32);
  EXPECT_TRUE(b.status()) << b.status().error().to_string();
}

TEST(MilBuilder, NamesAreUnique) {
  Builder b;
  const Var x = b.input("x", fp32({2}));
  const Var a = b.relu(x, {.name = "x"});
  const Var c = b.relu(a, {.name = "relu_0"});
  const Var d = b.relu(c);
  const Result<Program> program = b.finish({d});
  expect_sound(program);
  const Function& main = program->functions[0];
  std::vector<std::string> names;
  for (const OperationId id : main.body().operations) {
    names.emplace_back(main[id].label());
  }
  EXPECT_EQ(names, (std::vector<std::string>{"x_1", "relu_0", "relu_0_1"}));
}

struct Refusal {
  const char* message;
  std::function<void(Builder&, const Var&)> build;
};

TEST(MilBuilder, RefusesWithOperationReasonAndPlace) {
  const Refusal refusals[] = {
      {"conv 'conv_0': x 1x2x8x8 has 2 channels, weight 4x5x1x1 with 1 groups takes 5",
       [](Builder& b, const Var& x) { b.conv(x, weights(b, {4, 5, 1, 1}, DataType::fp32)); }},
      {"conv 'c': conv: argument 'weight' is fp16, but 'x' is fp32: they must have one element type",
       [](Builder& b, const Var& x) { b.conv(x, weights(b, {4, 2, 1, 1}), {.name = "c"}); }},
      {"must be a constant", [](Builder& b, const Var& x) { b.transpose(x, b.shape(x)); }},
      {"argument 'strides' cannot be written as tensor<fp32, [2]>",
       [](Builder& b, const Var& x) { b.max_pool(x, {2, 2}, "valid", {.strides = {0.5, 0.5}}); }},
      {"argument 'y': an empty variable", [](Builder& b, const Var& x) { b.add(x, Var()); }},
      {"needs op set ios18, the function has ios16",
       [](Builder& b, const Var& x) { b.scaled_dot_product_attention(x, x, x); }},
      {"argument 'y' is missing", [](Builder& b, const Var& x) { b.add(x, {}); }},
      {"'frobnicate' is not an operation", [](Builder& b, const Var& x) { b.op("frobnicate", {{"x", x}}); }},
      {"'a b' is not a name", [](Builder& b, const Var& x) { b.relu(x, {.name = "a b"}); }},
      {"a variable of another builder",
       [](Builder& b, const Var& /*x*/) {
         Builder other;
         b.relu(other.input("x", fp32({1})));
       }},
      {"belongs to a nested block that has ended",
       [](Builder& b, const Var& x) {
         Var inner;
         const Var flag = b.constant(true);
         b.cond(flag, [&] { return std::vector{inner = b.relu(x)}; }, [&] { return std::vector{x}; });
         b.relu(inner);
       }},
      {"result 0 is tensor<fp32, [1, 2, 8, 8]> in one branch and tensor<bool, [1, 2, 8, 8]> in the other",
       [](Builder& b, const Var& x) {
         b.cond(b.constant(true), [&] { return std::vector{x}; }, [&] { return std::vector{b.greater(x, 0)}; });
       }},
      {"input 'x': the name is taken", [](Builder& b, const Var& /*x*/) { b.input("x", fp32({1})); }},
      {"cannot hold 2 numbers",
       [](Builder& b, const Var& /*x*/) { b.constant(DataType::fp16, {3}, std::vector<float>(2)); }},
  };
  for (const Refusal& refusal : refusals) {
    SCOPED_TRACE(refusal.message);
    Builder b;
    const Var x = b.input("x", fp32({1, 2, 8, 8}));
    refusal.build(b, x);
    const Var after = b.relu(x);
    EXPECT_FALSE(after) << "what follows an error does nothing";
    const Result<Program> program = b.finish({x});
    ASSERT_FALSE(program);
    EXPECT_EQ(program.error().category, ErrorCategory::usage);
    EXPECT_NE(program.error().message.find(refusal.message), std::string::npos) << program.error().message;
    EXPECT_NE(program.error().location.file.find("builder_test.cpp"), std::string::npos);
    EXPECT_GT(program.error().location.line, 100U);
  }
  EXPECT_FALSE(Builder("main", "ios14").status());
  EXPECT_FALSE(Builder().finish({}));
}

// --------------------------------------------------------------------------------------- programs of the corpus again

/// Makes a function anew, one builder call per operation.
class Rebuilder {
 public:
  explicit Rebuilder(const Function& from) : from_(from), builder_(from.name, from.opset) {}

  Result<Function> rebuild() {
    for (const VariableId id : from_.body().inputs) {
      variables_[id] = builder_.input(from_[id].name, from_[id].type);
    }
    return builder_.finish_function(block(from_.body()));
  }

 private:
  std::vector<Var> block(const Block& block) {
    for (const OperationId id : block.operations) {
      operation(from_[id]);
    }
    std::vector<Var> out;
    for (const VariableId id : block.outputs) {
      out.push_back(variables_[id]);
    }
    return out;
  }

  Operand operand(const Binding& binding) {
    return binding.is_variable() ? Operand(variables_[binding.variable()]) : Operand(binding.value());
  }

  Vars call(const Operation& operation) {
    const std::string name = from_[operation.outputs.empty() ? VariableId{0} : operation.outputs[0]].name;
    const auto enter = [&](BlockId id, std::span<const Var> inputs) {
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        variables_[from_[id].inputs[i]] = inputs[i];
      }
      return block(from_[id]);
    };
    if (operation.type == "const") {
      return Vars({builder_.constant(*operation.find_attribute("val"), name)});
    }
    if (operation.type == "cond") {
      return builder_.cond(
          operand(operation.find_argument("pred")->bindings[0]), [&] { return enter(operation.blocks[0], {}); },
          [&] { return enter(operation.blocks[1], {}); });
    }
    std::map<std::string, std::vector<Var>> several;
    if (operation.type == "while_loop") {
      std::vector<Var> initial;
      for (const Binding& binding : operation.find_argument("loop_vars")->bindings) {
        initial.push_back(variables_[binding.variable()]);
      }
      return builder_.while_loop(
          initial, [&](std::span<const Var> v) { return enter(operation.blocks[0], v).at(0); },
          [&](std::span<const Var> v) { return enter(operation.blocks[1], v); });
    }
    return generic(operation, name);
  }

  /// By name, as `op` takes any operation; the number of its arguments is only known here.
  Vars generic(const Operation& operation, const std::string& name) {
    std::deque<Operand> operands;
    std::deque<Operands> lists;
    std::vector<NamedOperand> arguments;
    for (const Argument& argument : operation.arguments) {
      if (argument.bindings.size() == 1) {
        arguments.emplace_back(argument.name, operands.emplace_back(operand(argument.bindings[0])));
        continue;
      }
      std::vector<Var> all;
      for (const Binding& binding : argument.bindings) {
        all.push_back(variables_[binding.variable()]);
      }
      arguments.emplace_back(argument.name, lists.emplace_back(all));
    }
    for (const Attribute& attribute : operation.attributes) {
      if (attribute.name != "name") {
        arguments.emplace_back(attribute.name, operands.emplace_back(attribute.value));
      }
    }
    return builder_.op(operation.type, arguments, name);
  }

  void operation(const Operation& operation) {
    const Vars results = call(operation);
    for (std::size_t i = 0; builder_.status() && i < operation.outputs.size(); ++i) {
      const Type& written = from_[operation.outputs[i]].type;
      EXPECT_TRUE(is_compatible(written, results[i].type())) << print_operation(from_, operation);
      variables_[operation.outputs[i]] = results[i];
    }
  }

  const Function& from_;
  Builder builder_;
  std::map<VariableId, Var> variables_;
};

std::vector<std::string> operation_types(const Function& function) {
  std::vector<std::string> types;
  for (std::uint32_t i = 0; i < function.operation_count(); ++i) {
    types.push_back(function[OperationId{i}].type);
  }
  std::ranges::sort(types);
  return types;
}

TEST(MilBuilder, EveryProgramOfTheCorpusCanBeBuilt) {
  OPENANE_NEED_CORPUS(root);
  std::size_t functions = 0;
  std::size_t operations = 0;
  for (const std::filesystem::path& package : test::find_all(*root / "coreml", ".mlpackage")) {
    const Result<Model> model = read_model(package.string());
    ASSERT_TRUE(model) << package;
    for (const Function& function : model->program.functions) {
      SCOPED_TRACE(package.string() + " " + function.name);
      const Result<Function> built = Rebuilder(function).rebuild();
      ASSERT_TRUE(built) << built.error().to_string();
      EXPECT_EQ(operation_types(*built), operation_types(function));
      ++functions;
      operations += function.operation_count();
    }
  }
  EXPECT_EQ(functions, 56U);
  EXPECT_EQ(operations, 5498U);
}

}  // namespace
}  // namespace openane::mil
