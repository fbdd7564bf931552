// MIL text against texts by Apple's compiler, against the grammar of facts/mil.md, and against itself.
#include "openane/mil_text.h"

#include <gtest/gtest.h>

#include <toml++/toml.h>
#include <random>
#include <string>

#include "mil/corpus.h"

namespace openane::mil {
namespace {

std::string read(const std::filesystem::path& path) {
  const Result<Bytes> bytes = read_file(path.string());
  EXPECT_TRUE(bytes) << path;
  return bytes ? std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()) : std::string();
}

Program parse(std::string_view text) {
  std::vector<Diagnostic> diagnostics;
  Result<Program> program = parse_text(text, "test.mil", &diagnostics);
  EXPECT_TRUE(program) << to_string(diagnostics.at(0), nullptr) << "\n" << text;
  return program ? *std::move(program) : Program{};
}

/// A program around the statements of one function.
std::string wrap(std::string_view statements, std::string_view outputs = "x") {
  return "program(1.3)\n{\n    func main<ios18>(tensor<fp16, [1, 4]> x) {\n" + std::string(statements) +
         "        } -> (" + std::string(outputs) + ");\n}";
}

/// A constant written into a program, read back.
std::optional<Value> read_constant(const std::string& literal) {
  const Result<Program> program = parse_text(wrap("            int32 v = const()[val = " + literal + "];\n"));
  if (!program) {
    return std::nullopt;
  }
  const Function& function = program->functions.at(0);
  return *function[function.body().operations.at(0)].find_attribute("val");
}

std::vector<std::string> messages(std::string_view text) {
  std::vector<Diagnostic> diagnostics;
  EXPECT_FALSE(parse_text(text, "bad.mil", &diagnostics)) << text;
  std::vector<std::string> out;
  for (const Diagnostic& diagnostic : diagnostics) {
    out.push_back(to_string(diagnostic, nullptr));
  }
  return out;
}

TEST(MilText, AppleTextsPrintBackByteForByte) {
  OPENANE_NEED_CORPUS(root);
  const auto texts = test::find_all(*root / "mil" / "apple", ".mil");
  EXPECT_EQ(texts.size(), 12U);
  for (const auto& path : texts) {
    const std::string text = read(path);
    EXPECT_TRUE(print_text(parse(text)) == text) << path;
  }
}

TEST(MilText, EveryTextOfTheCorpusSurvivesPrinting) {
  OPENANE_NEED_CORPUS(root);
  const auto texts = test::find_all(*root / "mil" / "spelled", "model.mil");
  EXPECT_EQ(texts.size(), 22U);
  for (const auto& path : texts) {
    const Program program = parse(read(path));
    const std::string printed = print_text(program);
    EXPECT_TRUE(printed == read(path)) << path;
    EXPECT_TRUE(parse(printed) == program) << path;
  }
}

std::size_t count_statements(const Function& function, const Block& block, std::map<std::string, std::int64_t>& ops) {
  std::size_t count = block.operations.size();
  for (const OperationId id : block.operations) {
    ++ops[function[id].type];
    for (const BlockId nested : function[id].blocks) {
      count += count_statements(function, function[nested], ops);
    }
  }
  return count;
}

TEST(MilText, StatementsAndSignaturesMatchTheManifest) {
  OPENANE_NEED_CORPUS(root);
  const toml::table manifest = toml::parse_file((*root / "mil" / "manifest.toml").string());
  for (const auto& node : *manifest["text"].as_array()) {
    const toml::table& text = *node.as_table();
    const Program program = parse(read(*root / "mil" / *text["file"].value<std::string>()));
    std::map<std::string, std::int64_t> ops;
    std::size_t statements = 0;
    for (const Function& function : program.functions) {
      statements += count_statements(function, function.body(), ops);
    }
    EXPECT_EQ(statements, text["statements"].value<std::size_t>()) << text["file"];
    std::map<std::string, std::int64_t> expected;
    for (const auto& [name, count] : *text["ops"].as_table()) {
      expected[std::string(name.str())] = *count.value<std::int64_t>();
    }
    EXPECT_EQ(ops, expected) << text["file"];
    EXPECT_EQ(program.functions.at(0).opset, text["opset"].value<std::string>()) << text["file"];
    const toml::array* outputs = text["outputs"].as_array();
    if (outputs == nullptr) {
      continue;
    }
    const Function& main = program.functions.at(0);
    ASSERT_EQ(main.body().outputs.size(), outputs->size());
    for (std::size_t i = 0; i < outputs->size(); ++i) {
      const std::string declared = *(*outputs)[i].value<std::string>();
      EXPECT_EQ(main[main.body().outputs[i]].name, declared.substr(0, declared.find(':')));
    }
  }
}

TEST(MilText, BothSpellingsAreOneType) {
  const Program brief = parse(wrap("            int32 a = const()[name = string(\"a\"), val = int32(7)];\n"));
  const Program full = parse(wrap(
      "            tensor<int32, []> a = const()[name = tensor<string, []>(\"a\"), val = tensor<int32, []>(7)];\n"));
  EXPECT_TRUE(brief == full);
  EXPECT_NE(print_text(brief).find("int32 a = const()[name = string(\"a\"), val = int32(7)];"), std::string::npos);
  Program old = brief;
  old.version_minor = 0;
  EXPECT_NE(print_text(old).find(
                "tensor<int32, []> a = const()[name = tensor<string, []>(\"a\"), val = tensor<int32, []>(7)];"),
            std::string::npos);
}

TEST(MilText, HandWrittenLooseTextIsTaken) {
  const Program program = parse(
      "program(1.0)[buildInfo=dict<string,string>({{\"coremlc-version\",\"1\"}})]{func "
      "main<ios16>(tensor<fp16,[1,4]>x)// a comment\n"
      "{tensor<fp16,[1,4]>y=mul(y=fp16(0.5),x=x)[name=string(\"half\")];}->(y);}");
  const Function& function = program.functions.at(0);
  const Operation& mul = function[function.body().operations.at(0)];
  EXPECT_EQ(mul.arguments.at(0).name, "x");  // sorted
  EXPECT_EQ(function.constant(mul, "y")->as_number(), 0.5);
  EXPECT_EQ(mul.label(), "half");
  EXPECT_EQ(mul.location.line, 2U);
}

TEST(MilText, Literals) {
  struct Case {
    const char* literal;
    const char* printed;
  };
  const Case cases[] = {
      {"fp16(1)", "fp16(0x1p+0)"},
      {"fp16(0x1p-24)", "fp16(0x1p-24)"},
      {"fp16(-0x1.c4p-2)", "fp16(-0x1.c4p-2)"},
      {"fp16(0x3c00)", "fp16(0x1p+0)"},  // a bit pattern
      {"fp16(0x7e01)", "fp16(0x7e01)"},  // a NaN with a payload
      {"fp16(nan)", "fp16(nan)"},
      {"fp16(-inf)", "fp16(-inf)"},
      {"fp16(65519.9)", "fp16(0x1.ffcp+15)"},
      {"fp16(65520)", "fp16(inf)"},
      {"fp16(1e-5)", "fp16(0x1.5p-17)"},
      {"fp16(0.1)", "fp16(0x1.998p-4)"},
      {"fp32(0.1)", "fp32(0x1.99999ap-4)"},
      {"fp32(-0.0)", "fp32(-0x0p+0)"},
      {"fp64(0.1)", "fp64(0x1.999999999999ap-4)"},
      {"fp64(0x1p-1074)", "fp64(0x1p-1074)"},
      {"bf16(0.1)", "bf16(0x1.9ap-4)"},
      {"fp64(1e400)", "fp64(inf)"},
      {"fp64(1e-400)", "fp64(0x0p+0)"},
      {"int4(-8)", "int4(-8)"},
      {"uint1(1)", "uint1(1)"},
      {"uint64(18446744073709551615)", "uint64(18446744073709551615)"},
      {"int64(-9223372036854775808)", "int64(-9223372036854775808)"},
      {"tensor<uint3, [5]>([0, 7, 1, 6, 2])", "tensor<uint3, [5]>([0, 7, 1, 6, 2])"},
      {"tensor<int4, [3]>([-8, 7, -1])", "tensor<int4, [3]>([-8, 7, -1])"},
      {"tensor<bool, [2, 1]>([[true], [false]])", "tensor<bool, [2, 1]>([[true], [false]])"},
      {"tensor<fp32, [0]>([])", "tensor<fp32, [0]>([])"},
      {"tensor<fp32, [2, 0]>([[], []])", "tensor<fp32, [2, 0]>([[], []])"},
      {"tensor<int32, [?]>([1, 64])", "tensor<int32, [?]>([1, 64])"},
      {"tensor<string, [2]>([\"a\", \"b\\\"\\\\\\n\"])", "tensor<string, [2]>([\"a\", \"b\\\"\\\\\\n\"])"},
      {"list<tensor<int32, [2]>, ?>([[1, 1], [1, 512]])", "list<tensor<int32, [2]>, ?>([[1, 1], [1, 512]])"},
      {"tuple<int32, tuple<string>>((3, (\"x\")))", "tuple<int32, tuple<string>>((3, (\"x\")))"},
      {"tuple<>(())", "tuple<>(())"},
      {"dict<string, tensor<int32, [1]>>({{\"k\", [1]}, {\"l\", [2]}})",
       "dict<string, tensor<int32, [1]>>({{\"k\", [1]}, {\"l\", [2]}})"},
      {"dict<string, string>({})", "dict<string, string>({})"},
      {"tensor<uint4, [3]>(BLOBFILE(offset = tensor<uint64, []>(64), path = string(\"@model_path/w.bin\")))",
       "tensor<uint4, [3]>(BLOBFILE(path = string(\"@model_path/w.bin\"), offset = uint64(64)))"},
  };
  for (const Case& example : cases) {
    const std::optional<Value> value = read_constant(example.literal);
    ASSERT_TRUE(value) << example.literal;
    EXPECT_EQ(print_value(*value), example.printed) << example.literal;
    const std::optional<Value> again = read_constant(print_value(*value));
    ASSERT_TRUE(again) << example.printed;
    EXPECT_TRUE(*again == *value) << example.printed;
  }
}

TEST(MilText, EveryHalfSurvives) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const Value value = *Value::tensor(
        Type::scalar(DataType::fp16),
        Bytes(std::vector<std::uint8_t>{static_cast<std::uint8_t>(bits), static_cast<std::uint8_t>(bits >> 8)}));
    if (bits % 64 == 0 || (bits & 0x7c00) == 0x7c00) {
      const std::optional<Value> again = read_constant(print_value(value));
      ASSERT_TRUE(again && *again == value) << bits;
    }
    ASSERT_EQ(encode_floating(DataType::fp16, decode_floating(DataType::fp16, bits)) & 0x7fffU,
              (bits & 0x7fff) > 0x7c00 ? (bits | 0x200U) & 0x7fffU : bits & 0x7fffU);
  }
}

TEST(MilText, FlexibleShapesStandBehindTheParameters) {
  const std::string text =
      "program(1.0)\n{\n    func main<ios17>(tensor<fp32, [1, ?]> x) [FlexibleShapeInformation = "
      "tuple<tuple<tensor<string, []>, "
      "dict<tensor<string, []>, tensor<int32, [?]>>>, tuple<tensor<string, []>, dict<tensor<string, []>, "
      "list<tensor<int32, [2]>, "
      "?>>>>(((\"DefaultShapes\", {{\"x\", [1, 64]}}), (\"RangeDims\", {{\"x\", [[1, 1], [1, 512]]}})))] {\n"
      "            tensor<fp32, [1, ?]> y = relu(x = x)[name = tensor<string, []>(\"y\")];\n        } -> (y);\n}";
  EXPECT_EQ(print_text(parse(text)), text);
}

TEST(MilText, StateAndNestedBlocks) {
  const std::string text =
      "program(1.3)\n{\n    func main<ios18>(bool p, state<tensor<fp16, [4]>> s, tensor<fp16, [4]> x) {\n"
      "            write_state(data = x, input = s)[name = string(\"w\")];\n"
      "            tensor<fp16, [4]> c = cond(pred = p)[name = string(\"c\")]\n"
      "                () {\n"
      "                    tensor<fp16, [4]> t = relu(x = x);\n"
      "                } -> (t)\n"
      "                () {\n"
      "                    tensor<fp16, [4]> t = read_state(input = s);\n"
      "                } -> (t);\n"
      "            tensor<fp16, [8]> both = concat(axis = int32(0), interleave = bool(false), values = (c, x));\n"
      "            pair_up(values = ());\n"
      "        } -> (both);\n}";
  EXPECT_EQ(print_text(parse(text)), text);
}

TEST(MilText, ErrorsTellPlaceAndExpectation) {
  std::vector<Diagnostic> diagnostics;
  const std::string text = wrap(
      "            tensor<fp16, [1, 4]> y = add(x = x, y = z)[name = string(\"y\")];\n"
      "            tensor<fp16, [1, 4]> w = relu(x y);\n"
      "            tensor<fp61, [1]> u = relu(x = y);\n"
      "            tensor<fp16, [1, 4]> x = relu(x = y);\n"
      "            tensor<fp16, [2]> v = const()[val = tensor<fp16, [2]>([1, 2, 3])];\n",
      "q");
  const Result<Program> program = parse_text(text, "bad.mil", &diagnostics);
  ASSERT_FALSE(program);
  const std::string shown = program.error().to_string();
  EXPECT_TRUE(
      shown.starts_with("bad.mil:4:53: malformed input: 'z' is not defined\n"
                        "  tensor<fp16, [1, 4]> y = add(x = x, y = z)[name = string(\"y\")];\n"
                        "                                          ^\n"
                        "bad.mil:5:45: error: expected '=' after the name of the argument, found 'y'\n"
                        "  tensor<fp16, [1, 4]> w = relu(x y);\n"
                        "                                  ^\n"))
      << shown;
  EXPECT_EQ(std::ranges::count(shown, '^'), 6) << shown;
  EXPECT_EQ(to_error(diagnostics, "bad.mil").to_string(),
            "bad.mil:4:53: malformed input: 'z' is not defined (and 5 more)");
  std::vector<std::string> found;
  for (const Diagnostic& diagnostic : diagnostics) {
    found.push_back(to_string(diagnostic, nullptr));
  }
  EXPECT_EQ(found, (std::vector<std::string>{
                       "4:53: error: 'z' is not defined",
                       "5:45: error: expected '=' after the name of the argument, found 'y'",
                       "6:20: error: 'fp61' is not an element type",
                       "7:34: error: 'x' is defined twice",
                       "8:67: error: axis 0 of a tensor<fp16, [2]> has 3 elements here, expected 2",
                       "9:15: error: 'q' is not defined",
                   }));
  const auto* data = reinterpret_cast<const std::uint8_t*>(text.data());
  const SourceText source{"bad.mil", Bytes(std::vector<std::uint8_t>(data, data + text.size()))};
  EXPECT_EQ(to_string(diagnostics.at(0), &source),
            "bad.mil:4:53: error: 'z' is not defined\n"
            "  tensor<fp16, [1, 4]> y = add(x = x, y = z)[name = string(\"y\")];\n"
            "                                          ^");
}

TEST(MilText, BadTextsAreRefused) {
  struct Case {
    std::string text;
    const char* message;
  };
  const Case cases[] = {
      {"", "1:1: error: not a MIL program: it must start with 'program(1.0)' or 'program(1.3)'"},
      {"program(2.0) {}", "1:9: error: program version 2.0: only versions 1.x are known"},
      {"program(1) {}", "1:9: error: '1' is not a version: expected 1.0 or 1.3"},
      {"program(1.0) {", "1:15: error: expected 'func' or '}' after the functions, found the end of the text"},
      {"program(1.0) {} x", "1:17: error: expected the end of the text after the program, found 'x'"},
      {wrap("int32 a = const()[val = int32(2147483648)];"), "4:41: error: '2147483648' is not an int32"},
      {wrap("int32 a = const()[val = uint2(4)];"), "4:32: error: '4' is not an uint2"},
      {wrap("int32 a = const()[val = int4(-9)];"), "4:32: error: '-9' is not an int4"},
      {wrap("int32 a = const()[val = fp16(0x12345)];"), "4:30: error: '0x12345' is not the bit pattern of a fp16"},
      {wrap("int32 a = const()[val = fp16(1.2.3)];"), "4:30: error: '1.2.3' is not a number"},
      {wrap("int32 a = const()[val = string(\"abc)];\n"), "4:32: error: a string that does not end on its line"},
      {wrap("int32 a = const()[val = tensor<fp16, [99999999999999999999]>([])];"),
       "4:39: error: '99999999999999999999' is not an extent: a number from 0 to 2^63-1, '?' or '*'"},
      {wrap("int32 a = const()[val = tensor<fp16, [9223372036854775807, 9223372036854775807]>([])];"),
       "4:82: error: axis 0 of a tensor<fp16, [9223372036854775807, 9223372036854775807]> has 0 elements here, "
       "expected "
       "9223372036854775807"},
      {wrap("int32 a = const()[val = int32(1), val = int32(2)];"), "4:18: error: attribute 'val' is given twice"},
      {wrap("int32 a = add(x = x, x = x);"), "4:1: error: argument 'x' is given twice"},
      {wrap("int32 a = concat(values = (x, (x)));"), "4:31: error: a list of operands inside a list of operands"},
      {wrap("int32 a = relu(x = const(const(int32(1))));"), "4:26: error: 'const' is not a type"},
  };
  for (const Case& example : cases) {
    const std::vector<std::string> found = messages(example.text);
    ASSERT_FALSE(found.empty()) << example.text;
    EXPECT_EQ(found.front(), example.message) << example.text;
  }
}

std::string repeated(std::string_view piece, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    out += piece;
  }
  return out;
}

TEST(MilText, NestingIsBounded) {
  const std::string deep[] = {
      wrap("int32 a = const()[val = " + repeated("list<", 10000)),
      wrap("int32 a = const()[val = tuple<" + repeated("tuple<", 10000)),
      wrap("int32 a = relu(x = " + repeated("(", 10000)),
      wrap("int32 a = relu(x = " + repeated("const(", 10000)),
      wrap("int32 a = const()[val = tensor<fp16, [" + repeated("1, ", 9999) + "1]>(" + repeated("[", 10000) + "1" +
           repeated("]", 10000) + ")];"),
      wrap(repeated("int32 a = cond(pred = x) () {", 10000)),
  };
  for (const std::string& text : deep) {
    EXPECT_FALSE(messages(text).empty());
  }
  EXPECT_EQ(messages(deep[0]).front(), "4:1029: error: nested deeper than 200 levels");
}

TEST(MilText, AtMostTwentyErrors) {
  const std::vector<std::string> found = messages(wrap(repeated("int32 a = relu(x = nothing);\n", 1000)));
  EXPECT_EQ(found.size(), 20U);
}

/// Truncations and random edits of a text never crash, and what still parses survives printing.
void mutate(const std::string& text, std::uint32_t seed, int rounds) {
  const std::string pieces[] = {"(",     ")",  "[",           "]",     "{",        "}",    "<",     ">",
                                ",",     ";",  "=",           "->",    "tensor",   "fp16", "int32", "\"",
                                "0x",    "?",  "*",           "const", "BLOBFILE", "list", "tuple", "dict",
                                "state", "-1", "99999999999", "func",  "//",       "\n",   "\xff",  "nan"};
  std::mt19937 random(seed);
  for (int round = 0; round < rounds; ++round) {
    std::string edited = text;
    for (std::uint32_t edits = 1 + random() % 4; edits > 0; --edits) {
      const std::size_t at = random() % (edited.size() + 1);
      const std::size_t cut = std::min<std::size_t>(random() % 12, edited.size() - at);
      edited.replace(at, cut, random() % 2 == 0 ? pieces[random() % std::size(pieces)] : std::string());
    }
    if (random() % 8 == 0) {
      edited.resize(random() % (edited.size() + 1));
    }
    const Result<Program> program = parse_text(edited);
    if (program) {
      const std::string printed = print_text(*program);
      const Result<Program> again = parse_text(printed);
      ASSERT_TRUE(again && *again == *program) << "seed " << seed << " round " << round << "\n" << edited;
      ASSERT_EQ(print_text(*again), printed) << "seed " << seed << " round " << round;
    }
  }
}

TEST(MilText, RandomEditsOfARichText) {
  mutate(wrap("            tensor<fp16, [1, 4]> a, int32 b = foo(x = x, y = (x, fp16(0x1p+0), x))[k = dict<string, "
              "int32>({{\"a\", 1}}), "
              "name = string(\"q\")]\n                (int32 i, tensor<fp16, [?, 2]> j) {\n                    int32 t "
              "= bar(x = i);\n"
              "                } -> (t);\n            tensor<uint3, [2, 2]> c = const()[val = tensor<uint3, [2, "
              "2]>([[1, 2], [3, 4]])];\n"
              "            tensor<int8, [4]> d = const()[val = tensor<int8, [4]>(BLOBFILE(path = string(\"p\"), offset "
              "= uint64(64)))];\n",
              "a, b"),
         1, 20000);
}

TEST(MilText, RandomEditsOfRealTexts) {
  OPENANE_NEED_CORPUS(root);
  mutate(read(*root / "mil" / "apple" / "add_model.mil"), 2, 20000);
  mutate(read(*root / "mil" / "spelled" / "control_flow_ios15" / "model.mil"), 3, 2000);
  mutate(read(*root / "mil" / "spelled" / "kvcache_state_ios18" / "model.mil"), 4, 2000);
  mutate(read(*root / "mil" / "apple" / "unified_pruned_int8.mil"), 5, 300);
}

}  // namespace
}  // namespace openane::mil
