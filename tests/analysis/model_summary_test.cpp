// Figures of programs against counts made by hand from the definitions, and against a naive simulation of lifetimes.
#include "openane/model_summary.h"

#include <gtest/gtest.h>

#include <set>

#include "analysis/activation_memory.h"
#include "mil/corpus.h"
#include "openane/mil_builder.h"

namespace openane {
namespace {

using mil::Builder;
using mil::DataType;
using mil::Type;
using mil::Var;

Type fp32(Shape shape) { return Type::tensor(DataType::fp32, std::move(shape)); }

Var weights(Builder& b, const Shape& shape) {
  const std::vector<float> values(static_cast<std::size_t>(*mil::count_elements(shape)), 1.0F);
  return b.constant(DataType::fp32, shape, values);
}

FunctionSummary summary_of(Builder& b, const Var& result) {
  const Result<mil::Function> function = b.finish_function({result});
  EXPECT_TRUE(function) << function.error().to_string();
  return function ? summarise(*function) : FunctionSummary{};
}

TEST(ModelSummary, MultiplyAddsByTheDefinitions) {
  {  // ResNet-18's first layer: 64 x 112 x 112 results of 3 x 7 x 7 products.
    Builder b;
    const Var x = b.input("x", fp32({1, 3, 224, 224}));
    const Var y = b.conv(x, weights(b, {64, 3, 7, 7}), {.strides = {2, 2}, .pad_type = "custom", .pad = {3, 3, 3, 3}});
    EXPECT_EQ(summary_of(b, y).multiply_adds, 118013952U);
  }
  {  // Depthwise: every result of 3 x 3 products.
    Builder b;
    const Var x = b.input("x", fp32({1, 32, 112, 112}));
    const Var y = b.conv(x, weights(b, {32, 1, 3, 3}), {.pad_type = "same", .groups = 32});
    EXPECT_EQ(summary_of(b, y).multiply_adds, 32U * 112 * 112 * 9);
  }
  {  // Transposed: every input element spreads over Cout x 2 x 2.
    Builder b;
    const Var x = b.input("x", fp32({1, 8, 5, 7}));
    const Var y = b.conv_transpose(x, weights(b, {8, 6, 2, 2}), {.strides = {2, 2}});
    EXPECT_EQ(summary_of(b, y).multiply_adds, 8U * 5 * 7 * 6 * 4);
  }
  {
    Builder b;
    const Var x = b.input("x", fp32({5, 7, 11}));
    const Var y = b.matmul(x, weights(b, {13, 7}), {.transpose_x = true, .transpose_y = true});
    EXPECT_EQ(y.shape(), (Shape{5, 11, 13}));
    EXPECT_EQ(summary_of(b, y).multiply_adds, 5U * 11 * 13 * 7);
  }
  {
    Builder b;
    const Var x = b.input("x", fp32({5, 7}));
    EXPECT_EQ(summary_of(b, b.linear(x, weights(b, {3, 7}))).multiply_adds, 5U * 7 * 3);
  }
  {
    Builder b;
    const Var x = b.input("x", fp32({2, 3, 4, 5}));
    const Var y = b.input("y", fp32({2, 5, 4, 6}));
    EXPECT_EQ(summary_of(b, b.einsum({x, y}, "nchw,nwhu->nchu")).multiply_adds, 2U * 3 * 4 * 5 * 6);
  }
  {  // L = 9, S = 11, E = 4, EV = 6.
    Builder b("main", "ios18");
    const Var q = b.input("q", fp32({2, 9, 4}));
    const Var k = b.input("k", fp32({2, 11, 4}));
    const Var v = b.input("v", fp32({2, 11, 6}));
    EXPECT_EQ(summary_of(b, b.scaled_dot_product_attention(q, k, v)).multiply_adds, 2U * (9 * 11 * 4 + 9 * 11 * 6));
  }
  {  // 10 steps of a batch of 3: four gates of 6, from 5 inputs and 6 states.
    Builder b;
    const Var x = b.input("x", fp32({10, 3, 5}));
    const Var state = weights(b, {3, 6});
    const auto [sequence, h, c] = b.lstm(x, state, state, weights(b, {24, 5}), weights(b, {24, 6}));
    EXPECT_EQ(summary_of(b, sequence).multiply_adds, 10U * 3 * 24 * (5 + 6));
  }
}

TEST(ModelSummary, ElementOperations) {
  Builder b;
  const Var x = b.input("x", fp32({1, 4, 8, 8}));
  const Var pooled = b.max_pool(b.relu(x), {2, 2}, "valid", {.strides = {2, 2}});  // 256, then 64 results of 4
  const Var y = b.softmax(b.reduce_mean(pooled, {.axes = {2, 3}}), {.axis = -1});  // 64 inputs, then 4 per result
  EXPECT_EQ(summary_of(b, y).element_operations, 256U + 64 * 4 + 64 + 4 * 4);
}

TEST(ModelSummary, OpenShapesAreSaidToBeUncounted) {
  Builder b;
  const Var x = b.input("x", fp32({mil::kUnknownExtent, 8}));
  const FunctionSummary summary = summary_of(b, b.relu(b.linear(x, weights(b, {4, 8}))));
  EXPECT_EQ(summary.uncounted, 2U);
  EXPECT_TRUE(summary.has_open_tensors);
  EXPECT_EQ(summary.parameters, 32U);
}

TEST(ModelSummary, ActivationsAreFreedAfterTheirLastUse) {
  Builder b;
  const Var x = b.input("x", fp32({10}));            // 40 bytes
  const Var wide = b.concat({x, x, x}, 0);           // 120: with x, 160
  const Var half = b.slice_by_size(wide, {0}, {5});  // 20: wide + half, x is gone, 140
  const FunctionSummary summary = summary_of(b, half);
  EXPECT_EQ(summary.peak_activation_bytes, 160U);
  EXPECT_EQ(summary.peak_at, "concat_0");
}

/// What lives when an operation runs, found by looking at every variable for every operation.
std::uint64_t naive_peak(const mil::Function& function) {
  const auto& order = function.body().operations;
  const auto reads = [&](const mil::Operation& operation, mil::VariableId id) {
    return std::ranges::any_of(operation.arguments, [&](const mil::Argument& argument) {
      return std::ranges::any_of(argument.bindings, [&](const mil::Binding& bound) { return bound.variable() == id; });
    });
  };
  std::uint64_t peak = 0;
  for (std::size_t at = 0; at < order.size(); ++at) {
    std::uint64_t live = 0;
    for (std::uint32_t i = 0; i < function.variable_count(); ++i) {
      const mil::VariableId id{i};
      const mil::Variable& variable = function[id];
      if (!variable.type.is_tensor() ||
          (variable.definition && (function[variable.definition].type == "const" ||
                                   function[variable.definition].type.starts_with("constexpr_")))) {
        continue;
      }
      std::size_t begin = 0;
      std::size_t end = 0;
      for (std::size_t k = 0; k < order.size(); ++k) {
        if (order[k] == variable.definition) {
          begin = end = k;
        }
        end = reads(function[order[k]], id) ? k : end;
      }
      const auto& outputs = function.body().outputs;
      end = std::ranges::find(outputs, id) != outputs.end() ? order.size() : end;
      live +=
          begin <= at && at <= end ? *mil::packed_bytes(variable.type.data_type(), *variable.type.element_count()) : 0;
    }
    peak = std::max(peak, live);
  }
  return peak;
}

TEST(ModelSummary, PeakOfRealProgramsIsThatOfANaiveSimulation) {
  OPENANE_NEED_CORPUS(root);
  std::size_t compared = 0;
  for (const auto& package : mil::test::find_all(*root / "coreml", ".mlpackage")) {
    const Result<mil::Model> model = mil::read_model(package.string());
    ASSERT_TRUE(model) << package;
    for (const mil::Function& function : model->program.functions) {
      const ActivationMemory measured = measure_activations(function);
      if (function.block_count() > 1 || measured.has_open_tensors || function.operation_count() > 200) {
        continue;  // The simulation takes the cube of the number of operations.
      }
      EXPECT_EQ(measured.peak_bytes, naive_peak(function)) << package;
      ++compared;
    }
  }
  EXPECT_GT(compared, 40U);
}

/// Weight files hold the compressed constants and nothing else of size: stored bytes and file bytes differ by headers
/// and padding.
TEST(ModelSummary, StoredBytesAreThoseOfTheWeightFile) {
  OPENANE_NEED_CORPUS(root);
  std::size_t compared = 0;
  for (const auto& package : mil::test::find_all(*root / "coreml" / "synthetic", ".mlpackage")) {
    const Result<mil::Model> model = mil::read_model(package.string());
    ASSERT_TRUE(model) << package;
    const mil::WeightFile* file = model->weights.find(mil::kWeightPath);
    if (file == nullptr || model->program.functions.size() > 1) {
      continue;
    }
    std::uint64_t in_file = 0;
    const Result<std::vector<mil::WeightRecord>> records = file->records();
    ASSERT_TRUE(records) << package;
    for (const mil::WeightRecord& record : *records) {
      in_file += record.data.size();
    }
    std::uint64_t stored = 0;
    for (const ConstantGroup& group : summarise(model->program.functions[0]).constants) {
      stored += group.bytes;
    }
    EXPECT_GE(stored, in_file) << package;
    EXPECT_LE(stored, in_file + 256) << package << ": small constants stay in the program";
    ++compared;
  }
  EXPECT_GT(compared, 30U);
}

}  // namespace
}  // namespace openane
