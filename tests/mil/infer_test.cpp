// Inference and verifier: against the shapes converters and Apple's compiler wrote into real programs, and against
// published rules.
#include "openane/mil_infer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "mil/corpus.h"
#include "mil/extents.h"
#include "mil/shape_rules.h"
#include "openane/mil_model.h"
#include "openane/mil_text.h"

namespace openane::mil {
namespace {

namespace fs = std::filesystem;

std::string all_messages(const std::vector<Diagnostic>& diagnostics, const SourceText* source = nullptr) {
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics) {
    out += (out.empty() ? "" : "\n") + to_string(diagnostic, source);
  }
  return out;
}

/// Every result type of the program, where the inferred one has no unknown extent, is the one written.
std::size_t count_equal_types(const Program& program, std::size_t& open) {
  std::size_t equal = 0;
  for (const Function& function : program.functions) {
    for (std::uint32_t i = 0; i < function.operation_count(); ++i) {
      const Operation& operation = function[OperationId{i}];
      const Result<std::vector<Type>> types = infer_types(function, operation);
      EXPECT_TRUE(types) << print_operation(function, operation) << "\n" << types.error().to_string();
      for (std::size_t k = 0; types && k < types->size(); ++k) {
        const Type& written = function[operation.outputs[k]].type;
        equal += written == (*types)[k] ? 1 : 0;
        open += written == (*types)[k] ? 0 : 1;
        EXPECT_TRUE(is_compatible(written, (*types)[k])) << print_operation(function, operation) << "\n"
                                                         << to_string((*types)[k]);
      }
    }
  }
  return equal;
}

TEST(MilInfer, RealProgramsVerifyAndTheirTypesAreInferred) {
  OPENANE_NEED_CORPUS(root);
  std::size_t equal = 0;
  std::size_t open = 0;
  std::vector<fs::path> models = test::find_all(*root / "coreml", ".mlpackage");
  for (const std::string suffix : {".mil", "model.mil"}) {
    const auto texts = test::find_all(*root / "mil" / (suffix == ".mil" ? "apple" : "spelled"), suffix);
    models.insert(models.end(), texts.begin(), texts.end());
  }
  for (const fs::path& path : models) {
    const Result<Model> model = read_model(path.string());
    ASSERT_TRUE(model) << path;
    // Weights that are not there are not the program's fault: two packages and the texts of apple/ come without.
    const bool has_weights = !model->weights.files().empty();
    const std::vector<Diagnostic> found = verify(model->program, has_weights ? &model->weights : nullptr);
    EXPECT_TRUE(found.empty()) << path << "\n" << all_messages(found, model->program.source.get());
    equal += count_equal_types(model->program, open);
  }
  EXPECT_GT(equal, 9500U);
  EXPECT_LT(open, 60U);  // dynamic shapes only
  RecordProperty("equal", static_cast<int>(equal));
  RecordProperty("open", static_cast<int>(open));
}

TEST(MilInfer, EveryCatalogueRowHasItsRule) {
  EXPECT_EQ(ops().size(), 169U);
  std::size_t signatures = 0;
  for (std::size_t i = 0; i < ops().size(); ++i) {
    const OpInfo& op = ops()[i];
    EXPECT_EQ(op.index, i);
    EXPECT_EQ(find_op(op.name), &op);
    EXPECT_NE(find_shape_rule(op.shape_rule), nullptr) << op.name << ": " << op.shape_rule;
    signatures += op.signatures.size();
  }
  EXPECT_EQ(signatures, 228U);
  EXPECT_EQ(find_op("nonsense"), nullptr);
  EXPECT_EQ(find_op("conv")->signature("ios16")->since, "ios15");
  EXPECT_EQ(find_op("conv")->signature("ios18")->since, "ios17");
  EXPECT_EQ(find_op("read_state")->signature("ios17"), nullptr);
}

/// A function around statements; `in` lists its parameters.
Result<Program> program_of(const std::string& in, const std::string& statements, const std::string& opset = "ios17") {
  return parse_text("program(1.3)\n{\n    func main<" + opset + ">(" + in + ") {\n" + statements +
                    "\n        } -> ();\n}");
}

/// The type of the last statement's first result.
std::string inferred(const std::string& in, const std::string& call, const std::string& opset = "ios17") {
  const Result<Program> program = program_of(in, "fp32 out = " + call + ";", opset);
  if (!program) {
    return program.error().to_string();
  }
  const Function& function = program->functions.front();
  const Result<std::vector<Type>> types = infer_types(function, function[function.body().operations.back()]);
  if (!types) {
    return types.error().message;
  }
  std::string out;
  for (const Type& type : *types) {
    out += (out.empty() ? "" : " ") + to_string(type);
  }
  return out;
}

TEST(MilInfer, Shapes) {
  struct Case {
    const char* in;
    const char* call;
    const char* expected;
  };
  const Case cases[] = {
      {"tensor<fp16, [2, 1, 4]> x, tensor<fp16, [3, 1]> y", "add(x = x, y = y)", "tensor<fp16, [2, 3, 4]>"},
      {"tensor<fp16, [2, ?]> x, tensor<fp16, [2, 5]> y", "less(x = x, y = y)", "tensor<bool, [2, 5]>"},
      {"tensor<fp16, [2, 3]> x, tensor<fp16, [2, 4]> y", "add(x = x, y = y)", "2x3 and 2x4 cannot be broadcast"},
      {"tensor<fp16, [1, 8, 10, 12]> x, tensor<fp16, [16, 4, 3, 3]> w",
       "conv(x = x, weight = w, groups = int32(2), strides = tensor<int32, [2]>([2, 1]), dilations = tensor<int32, "
       "[2]>([1, 2]))",
       "tensor<fp16, [1, 16, 4, 8]>"},
      {"tensor<fp16, [1, 8, 10, 12]> x, tensor<fp16, [16, 8, 3, 3]> w",
       "conv(x = x, weight = w, strides = tensor<int32, [2]>([3, 1]), pad_type = string(\"same\"))",
       "tensor<fp16, [1, 16, 4, 12]>"},
      {"tensor<fp16, [1, 8, ?]> x, tensor<fp16, [16, 8, 3]> w", "conv(x = x, weight = w)", "tensor<fp16, [1, 16, ?]>"},
      {"tensor<fp16, [1, 8, 2, 2]> x, tensor<fp16, [16, 8, 3, 3]> w", "conv(x = x, weight = w)",
       "a window of 3 on an axis of 2 with 0 of padding"},
      {"tensor<fp16, [1, 8, 4, 4]> x, tensor<fp16, [8, 4, 3, 3]> w",
       "conv_transpose(x = x, weight = w, strides = tensor<int32, [2]>([2, 2]), pad_type = string(\"custom\"), pad = "
       "tensor<int32, [4]>([1, "
       "1, 0, 0]))",
       "tensor<fp16, [1, 4, 7, 9]>"},
      // ceil_mode: a window that starts wholly in the padding behind is dropped.
      {"tensor<fp16, [1, 2, 5, 6]> x",
       "max_pool(x = x, kernel_sizes = tensor<int32, [2]>([2, 2]), strides = tensor<int32, [2]>([3, 3]), pad_type = "
       "string(\"custom\"), pad = "
       "tensor<int32, [4]>([1, 1, 0, 0]), ceil_mode = bool(true))",
       "tensor<fp16, [1, 2, 2, 3]>"},
      {"tensor<fp16, [4, 6]> x", "reshape(x = x, shape = tensor<int32, [3]>([2, -1, 3]))", "tensor<fp16, [2, 4, 3]>"},
      {"tensor<fp16, [4, 6]> x", "reshape(x = x, shape = tensor<int32, [3]>([5, -1, 3]))",
       "4x6 has 24 elements, not a multiple of 15"},
      {"tensor<fp16, [4, ?]> x", "reshape(x = x, shape = tensor<int32, [2]>([-1, 8]))", "tensor<fp16, [?, 8]>"},
      {"tensor<fp16, [4, 6]> x, tensor<int32, [3]> s", "reshape(x = x, shape = s)", "tensor<fp16, [?, ?, ?]>"},
      {"tensor<fp16, [4, 5, 6]> x",
       "slice_by_index(x = x, begin = tensor<int32, [3]>([1, -1, 5]), end = tensor<int32, [3]>([4, 0, 0]), stride = "
       "tensor<int32, [3]>([2, "
       "-2, 1]), end_mask = tensor<bool, [3]>([false, true, false]), squeeze_mask = tensor<bool, [3]>([false, false, "
       "true]))",
       "tensor<fp16, [2, 3]>"},
      // Of unknown extents, as coremltools infers them: neighbouring places decide, others do not.
      {"tensor<fp16, [?, ?, ?, ?]> x",
       "slice_by_index(x = x, begin = tensor<int32, [4]>([2, 2, -3, 0]), end = tensor<int32, [4]>([3, 4, -5, 3]), "
       "stride = "
       "tensor<int32, [4]>([1, 1, -2, -1]))",
       "tensor<fp16, [1, ?, 1, ?]>"},
      {"tensor<fp16, [?, ?, ?, ?]> x",
       "slice_by_index(x = x, begin = tensor<int32, [4]>([-1, 0, 4, 0]), end = tensor<int32, [4]>([0, 0, 4, 0]), "
       "stride = "
       "tensor<int32, [4]>([1, -2, 3, 1]), end_mask = tensor<bool, [4]>([true, true, false, true]))",
       "tensor<fp16, [1, 1, 0, ?]>"},
      {"tensor<fp16, [2, 3, 4, 5]> x, tensor<int32, [2]> s", "resize(x = x, shape = s, resized_dims = uint32(2))",
       "tensor<fp16, [2, 3, ?, ?]>"},
      {"tensor<fp16, [1, ?]> x", "squeeze(x = x, axes = tensor<int32, [1]>([0]))", "tensor<fp16, [?]>"},
      {"tensor<fp16, [1, ?]> x", "squeeze(x = x, axes = tensor<int32, [1]>([1]))", "tensor<fp16, [*]>"},
      {"tensor<fp16, [4, 5]> x",
       "slice_by_size(x = x, begin = tensor<int32, [2]>([1, 2]), size = tensor<int32, [2]>([2, -1]))",
       "tensor<fp16, [2, 3]>"},
      {"tensor<fp16, [4, 5, 6]> x", "reduce_sum(x = x, axes = tensor<int32, [2]>([0, -1]), keep_dims = bool(true))",
       "tensor<fp16, [1, 5, 1]>"},
      {"tensor<fp16, [4, 5, 6]> x", "reduce_max(x = x)", "fp16"},
      {"tensor<fp16, [4, 5, 6]> x", "reduce_argmax(x = x, axis = int32(1), output_dtype = string(\"uint16\"))",
       "tensor<uint16, [4, 6]>"},
      {"tensor<fp16, [4, 5]> x, tensor<int32, [2, 3]> i", "gather(x = x, indices = i, axis = int32(1))",
       "tensor<fp16, [4, 2, 3]>"},
      {"tensor<fp16, [4, 5]> x, tensor<int32, [3, 2]> i", "gather_nd(x = x, indices = i)", "tensor<fp16, [3]>"},
      {"tensor<fp16, [2, 3, 4]> x, tensor<fp16, [4, 5]> y", "matmul(x = x, y = y)", "tensor<fp16, [2, 3, 5]>"},
      {"tensor<fp16, [2, 4, 3]> x, tensor<fp16, [5, 4]> y",
       "matmul(x = x, y = y, transpose_x = bool(true), transpose_y = bool(true))", "tensor<fp16, [2, 3, 5]>"},
      {"tensor<fp16, [4]> x, tensor<fp16, [4, 5]> y", "matmul(x = x, y = y)", "tensor<fp16, [5]>"},
      {"tensor<fp16, [2, 3]> x, tensor<fp16, [4, 5]> y", "matmul(x = x, y = y)", "2x3 and 4x5 cannot be multiplied"},
      {"tensor<fp16, [2, 3]> x, tensor<fp16, [2, 5]> y", "concat(values = (x, y), axis = int32(-1))",
       "tensor<fp16, [2, 8]>"},
      {"tensor<fp16, [2, 3]> x, tensor<fp16, [2, 3]> y", "stack(values = (x, y), axis = int32(1))",
       "tensor<fp16, [2, 2, 3]>"},
      {"tensor<fp16, [2, 6]> x", "split(x = x, num_splits = int32(3), axis = int32(1))",
       "tensor<fp16, [2, 2]> tensor<fp16, [2, 2]> tensor<fp16, [2, 2]>"},
      {"tensor<fp16, [2, 6]> x", "split(x = x, split_sizes = tensor<int32, [2]>([1, 5]), axis = int32(1))",
       "tensor<fp16, [2, 1]> tensor<fp16, [2, 5]>"},
      {"tensor<fp16, [2, 6]> x", "topk(x = x, k = int32(2), axis = int32(1))",
       "tensor<fp16, [2, 2]> tensor<int32, [2, 2]>"},
      {"tensor<fp16, [1, 2, 6]> x", "transpose(x = x, perm = tensor<int32, [3]>([2, 0, -2]))",
       "tensor<fp16, [6, 1, 2]>"},
      {"tensor<fp16, [1, 2, 6]> x", "pad(x = x, pad = tensor<int32, [4]>([1, 2, 0, 3]))", "tensor<fp16, [1, 5, 9]>"},
      {"tensor<fp16, [1, 12, 2, 3]> x", "pixel_shuffle(x = x, upscale_factor = int32(2))",
       "tensor<fp16, [1, 3, 4, 6]>"},
      {"tensor<fp16, [1, 12, 2, 3]> x",
       "upsample_bilinear(x = x, scale_factor_height = fp32(2.5), scale_factor_width = fp32(2))",
       "tensor<fp16, [1, 12, 5, 6]>"},
      {"tensor<fp16, [3, 4]> x", "cast(x = x, dtype = string(\"int32\"))", "tensor<int32, [3, 4]>"},
      {"tensor<fp16, [3, 4]> x", "shape(x = x)", "tensor<int32, [2]>"},
      {"tensor<fp16, [3, 4]> x", "non_zero(x = x)", "tensor<int32, [?, 2]>"},
      {"tensor<fp16, [1, 2, 3, 4]> x, tensor<fp16, [1, 4, 3, 5]> y",
       "einsum(values = (x, y), equation = string(\"nchw,nwhu->nchu\"))", "tensor<fp16, [1, 2, 3, 5]>"},
      {"int32 i", "one_hot(indices = i, one_hot_vector_size = int32(7))", "tensor<int32, [7]>"},
      {"int32 i", "range_1d(start = int32(2), end = int32(9), step = int32(3))", "tensor<int32, [3]>"},
      {"int32 i", "fill(shape = tensor<int32, [2]>([2, 3]), value = fp16(1))", "tensor<fp16, [2, 3]>"},
      {"tensor<fp16, [?, 2]> x", "tile(x = x, reps = tensor<int32, [2]>([1, 4]))", "tensor<fp16, [?, 8]>"},
      {"tensor<fp32, [4, 3]> x", "flatten2d(x = x, axis = int32(-1))", "tensor<fp32, [4, 3]>"},
      {"tensor<fp32, [2, 3, 2]> x", "flatten2d(x = x, axis = int32(3))", "tensor<fp32, [12, 1]>"},
      {"tensor<fp32, [2, 8, 7]> x",
       "crop(x = x, crop_height = tensor<int32, [2]>([1, 2]), crop_width = tensor<int32, [2]>([0, 3]))",
       "tensor<fp32, [2, 5, 4]>"},
      {"tensor<fp16, [7, 2]> x", "sliding_windows(x = x, axis = int32(0), size = int32(3), stride = int32(2))",
       "tensor<fp16, [3, 3, 2]>"},
      {"tensor<fp16, [2, 281474976710656]> x", "tile(x = x, reps = tensor<int32, [2]>([4, 2147483647]))",
       "tensor<fp16, [8, ?]>"},
      {"tensor<fp16, [2, 9223372036854775807]> x", "relu(x = x)", "an axis of more than 281474976710656 elements"},
  };
  for (const Case& example : cases) {
    EXPECT_EQ(inferred(example.in, example.call), example.expected) << example.call;
  }
  EXPECT_EQ(inferred("tensor<fp16, [2, 3, 8]> q, tensor<fp16, [2, 5, 8]> k, tensor<fp16, [2, 5, 4]> v",
                     "scaled_dot_product_attention(query = q, key = k, value = v)", "ios18"),
            "tensor<fp16, [2, 3, 4]>");
}

TEST(MilInfer, SlicesAreNumPySlices) {
  // Every slice of axes of 0 to 5 elements, against the definition: the indices Python's range would visit.
  for (std::int64_t extent = 0; extent <= 5; ++extent) {
    for (std::int64_t begin = -7; begin <= 7; ++begin) {
      for (std::int64_t end = -7; end <= 7; ++end) {
        for (const std::int64_t stride : {-3, -2, -1, 1, 2, 3}) {
          const auto clip = [&](std::int64_t index) {
            index = index < 0 ? index + extent : index;
            return stride > 0 ? std::min(std::max<std::int64_t>(index, 0), extent)
                              : std::min(std::max<std::int64_t>(index, -1), extent - 1);
          };
          std::int64_t count = 0;
          for (std::int64_t i = clip(begin); stride > 0 ? i < clip(end) : i > clip(end); i += stride) {
            ++count;
          }
          Program program;
          Function& function = program.functions.emplace_back();
          Operation slice;
          slice.type = "slice_by_index";
          const auto vector_of = [](std::int64_t value) {
            const auto narrow = static_cast<std::int32_t>(value);
            return std::vector<Binding>{Value::int32s({&narrow, 1})};
          };
          slice.set_argument("x",
                             {function.add_input(function.body_id(), "x", Type::tensor(DataType::fp16, {extent}))});
          slice.set_argument("begin", vector_of(begin));
          slice.set_argument("end", vector_of(end));
          slice.set_argument("stride", vector_of(stride));
          const Result<std::vector<Type>> types = infer_types(function, slice);
          ASSERT_TRUE(types);
          ASSERT_EQ(types->front().shape(), Shape{count}) << extent << " " << begin << " " << end << " " << stride;
        }
      }
    }
  }
}

TEST(MilVerify, MessagesTellPlaceOperationExpectedAndFound) {
  const std::string statements =
      "tensor<fp16, [1, 4]> a = relu(x = x, alpha = fp16(1));\n"
      "tensor<fp16, [1, 4]> b = add(x = x);\n"
      "tensor<fp16, [1, 4]> c = add(x = x, y = fp32(1));\n"
      "tensor<fp16, [1, 5]> d = relu(x = x);\n"
      "tensor<fp16, [1, 4]> e = leaky_relu(x = x, alpha = p);\n"
      "tensor<fp16, [1, 4]> f = frobnicate(x = x);\n"
      "tensor<fp16, [1, 4]> g = read_state(input = x);\n"
      "tensor<fp16, [1, 4]> h = ne_conv(x = x);\n"
      "tensor<fp16, [1, 4]> i = logical_not(x = x);\n"
      "tensor<fp16, [1, 4]> j = softmax(x = x, axis = int32(2));\n"
      "tensor<fp16, [1, 4]> k, int32 l = relu(x = x);\n"
      "tensor<fp16, [1, 4]> m = relu(x = (x, x));";
  const Result<Program> program = program_of("fp16 p, tensor<fp16, [1, 4]> x", statements);
  ASSERT_TRUE(program) << program.error().to_string();
  EXPECT_EQ(all_messages(verify(*program)),
            "4:1: error: relu: has no argument 'alpha' in ios17\n"
            "5:1: error: add: argument 'y' is missing\n"
            "6:1: error: add: argument 'y' is fp32, but 'x' is fp16: they must have one element type\n"
            "7:1: error: relu: 'd' is written as tensor<fp16, [1, 5]>, but it is tensor<fp16, [1, 4]>\n"
            "8:1: error: leaky_relu: argument 'alpha' must be a constant\n"
            "9:1: error: 'frobnicate' is not an operation\n"
            "10:1: error: read_state needs op set ios18, the function has ios17\n"
            "11:1: warning: ne_conv: a private operation without a published signature (convolution pinned to the NE)\n"
            "12:1: error: logical_not: argument 'x' must be a tensor of bool, found tensor<fp16, [1, 4]>\n"
            "14:1: error: relu: gives 1 results, 2 are written\n"
            "15:1: error: relu: argument 'x' takes one value, found 2");
}

TEST(MilVerify, SingleAssignmentAndVisibility) {
  Program program;
  Function& function = program.functions.emplace_back();
  const Type type = Type::tensor(DataType::fp16, {4});
  const VariableId x = function.add_input(function.body_id(), "x", type);
  const VariableId y = function.add_variable("y", type);
  const VariableId z = function.add_variable("z", type);
  const auto relu = [&](VariableId in, VariableId out) {
    Operation operation;
    operation.type = "relu";
    operation.set_argument("x", {in});
    operation.outputs = {out};
    return operation;
  };
  function.append(function.body_id(), relu(y, z));
  function.append(function.body_id(), relu(x, y));
  function.body().outputs = {z};
  EXPECT_EQ(all_messages(verify(program)), "error: 'y' is used where it is not defined yet, or not visible");
  std::swap(function.body().operations[0], function.body().operations[1]);
  EXPECT_EQ(all_messages(verify(program)), "");
  function[z].name = "y";
  EXPECT_EQ(all_messages(verify(program)), "error: 'y' is defined twice");
  function[z].name = "1z";
  EXPECT_EQ(all_messages(verify(program)),
            "error: '1z' is not a name: letters, digits, _ and @, not starting with a digit");
  function[z].name = "z";
  function.append(function.body_id(), relu(x, z));
  EXPECT_NE(all_messages(verify(program)).find("'z' is defined twice"), std::string::npos);
}

TEST(MilVerify, BlobBounds) {
  const Result<Program> program = program_of("tensor<fp16, [4]> x",
                                             "tensor<fp16, [4]> w = const()[val = tensor<fp16, [4]>(BLOBFILE(path = "
                                             "string(\"@model_path/w.bin\"), offset = uint64(4096)))];");
  ASSERT_TRUE(program);
  WeightWriter writer;
  ASSERT_TRUE(writer.add(DataType::fp16, 4, Bytes(std::vector<std::uint8_t>(8))));
  Weights weights;
  weights.add("@model_path/w.bin", *WeightFile::open(Bytes(writer.finish())));
  EXPECT_EQ(all_messages(verify(*program)), "");
  EXPECT_EQ(all_messages(verify(*program, &weights)),
            "4:1: error: @model_path/w.bin at 0x1000: weight record needs 64 bytes, but the input ends at 0x88");
}

TEST(MilVerify, RandomEditsOfRealTextsNeverCrash) {
  OPENANE_NEED_CORPUS(root);
  std::mt19937 random(31);
  const char* const pieces[] = {
      "-1",   "0",        "?", "9223372036854775807", "-9223372036854775808", "int64", "fp16", "bool", "[]", "3",
      "true", "\"same\"", "x"};
  for (const fs::path& path : test::find_all(*root / "mil" / "spelled", "model.mil")) {
    const Bytes bytes = *read_file(path.string());
    const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    for (int round = 0; round < 150; ++round) {
      std::string edited = text;
      for (int i = 0; i < 3; ++i) {
        // Replace one number or word by another.
        std::size_t at = random() % edited.size();
        at = edited.find_first_of("0123456789abcdef", at);
        if (at == std::string::npos) {
          continue;
        }
        const std::size_t end = edited.find_first_of(" ,()[]<>\"", at);
        edited.replace(at, end - at, pieces[random() % std::size(pieces)]);
      }
      if (Result<Program> program = parse_text(edited)) {
        (void)verify(*program);
        (void)specialise_shapes(program->functions.front(), {{"x", {1, 64}}});
      }
    }
  }
}

TEST(MilInfer, ShapesAreSpecialised) {
  OPENANE_NEED_CORPUS(root);
  Model model = *read_model((*root / "coreml/synthetic/flex_range_ios16.mlpackage").string());
  Function& main = model.program.functions.front();
  ASSERT_TRUE(specialise_shapes(main, {{"x", {1, 7, 16}}}));
  EXPECT_EQ(main[main.body().outputs.front()].type, Type::tensor(DataType::fp32, {1, 7, 8}));
  EXPECT_TRUE(verify(model.program, &model.weights).empty());
  EXPECT_EQ(specialise_shapes(main, {{"x", {1, 7}}}).error().message,
            "input 'x' is tensor<fp32, [1, 7, 16]>, it cannot be 1x7");
  EXPECT_EQ(specialise_shapes(main, {{"q", {1}}}).error().message, "function main has no input 'q'");
  const Result<void> wrong = specialise_shapes(main, {{"x", {1, 7, 15}}});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message, "linear: weight must be [outputs, 15], found 8x16");
}

TEST(MilOps, DocumentationIsUpToDate) {
  const fs::path made = fs::temp_directory_path() / "openane-ops.md";
  const std::string source = OPENANE_SOURCE_DIR;
  const std::string command = std::string(OPENANE_BUILD_PYTHON) + " " + source + "/tools/generate_mil_ops.py " +
                              source + "/data/mil/ops.toml --docs " + made.string();
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_TRUE(*read_file(made.string()) == *read_file(source + "/docs/ops.md")) << "run: " << command;
  fs::remove(made);
}

}  // namespace
}  // namespace openane::mil
