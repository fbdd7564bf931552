// MIL in every form with something broken in it: a million random edits of tokens, every file of the corpus cut and
// edited, huge literals, extents that overflow. An error with its place, no crash, bounded memory.
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

#include "bad_input.h"
#include "mil/corpus.h"
#include "openane/mil_infer.h"
#include "openane/mil_model.h"
#include "openane/mil_protobuf.h"
#include "openane/mil_text.h"
#include "openane/mil_weights.h"

namespace openane::mil {
namespace {

using test::corpus;
using test::find_all;

/// Words, numbers, quoted strings, single characters; blanks go with what they follow, so that joining tokens gives the
/// text back.
std::vector<std::string> tokens_of(std::string_view text) {
  const auto is_word = [](char c) {
    return (std::isalnum(static_cast<unsigned char>(c)) != 0) || c == '_' || c == '.' || c == '+' || c == '-';
  };
  std::vector<std::string> tokens;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t begin = at;
    if (text[at] == '"') {
      const std::size_t end = text.find('"', at + 1);
      at = end == std::string_view::npos ? text.size() : end + 1;
    } else if (is_word(text[at])) {
      while (at < text.size() && is_word(text[at])) {
        ++at;
      }
    } else {
      ++at;
    }
    while (at < text.size() && (text[at] == ' ' || text[at] == '\n')) {
      ++at;
    }
    tokens.emplace_back(text.substr(begin, at - begin));
  }
  return tokens;
}

/// Reads and verifies a text; what can be read must survive printing.
void expect_sane(const std::string& text, const std::string& where) {
  std::vector<Diagnostic> diagnostics;
  const Result<Program> program = parse_text(text, "edited.mil", &diagnostics);
  if (!program) {
    ASSERT_FALSE(diagnostics.empty()) << where;
    ASSERT_FALSE(diagnostics.front().message.empty()) << where;
    ASSERT_GT(diagnostics.front().location.line, 0U) << where << ": " << diagnostics.front().message;
    return;
  }
  const Result<Program> again = parse_text(print_text(*program));
  ASSERT_TRUE(again && *again == *program) << where << "\n" << text;
  for (const Diagnostic& diagnostic : verify(*program)) {
    ASSERT_FALSE(diagnostic.message.empty()) << where;
  }
}

/// Drops, doubles, exchanges and replaces tokens.
void edit_tokens(std::string_view text, std::uint32_t seed, int rounds) {
  const std::vector<std::string> original = tokens_of(text);
  const std::string strangers[] = {"-1",         "0",        "99999999999999999999",
                                   "2147483648", "?",        "*",
                                   "(",          ")",        "[",
                                   "]",          "{",        "}",
                                   "<",          ">",        "->",
                                   "tensor",     "fp8",      "int",
                                   "const",      "BLOBFILE", "\"",
                                   "while",      ",",        "="};
  std::mt19937 random(seed);
  const auto any = [&](const std::vector<std::string>& tokens) { return random() % tokens.size(); };
  for (int round = 0; round < rounds; ++round) {
    std::vector<std::string> tokens = original;
    for (std::size_t edits = 1 + random() % 3; edits > 0 && tokens.size() > 1; --edits) {
      const std::size_t at = any(tokens);
      switch (random() % 5) {
        case 0:
          tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(at));
          break;
        case 1:
          tokens.insert(tokens.begin() + static_cast<std::ptrdiff_t>(at), original[any(original)]);
          break;
        case 2:
          std::swap(tokens[at], tokens[any(tokens)]);
          break;
        case 3:
          tokens[at] = original[any(original)];
          break;
        default:
          tokens[at] = strangers[random() % std::size(strangers)];
          break;
      }
    }
    std::string edited;
    for (const std::string& token : tokens) {
      edited += token;
    }
    expect_sane(edited, "seed " + std::to_string(seed) + " round " + std::to_string(round));
    if (::testing::Test::HasFatalFailure()) {
      return;
    }
  }
}

constexpr std::string_view kSmall = R"(program(1.3)
{
    func main<ios18>(tensor<fp16, [1, 4]> x, state<tensor<fp16, [2]>> s) {
            tensor<int32, [2]> p = const()[name = string("p"), val = tensor<int32, [2]>([1, 0])];
            tensor<fp16, [4, 1]> y = transpose(perm = p, x = x)[name = string("y")];
            tensor<fp16, [2]> r = read_state(input = s)[name = string("r")];
            tensor<fp16, [1, 4]> w = const()[val = tensor<fp16, [1, 4]>(BLOBFILE(path = string("w"), offset = uint64(64)))];
        } -> (y, r);
}
)";

constexpr std::string_view kBlocks = R"(program(1.0)
[buildInfo = dict<tensor<string, []>, tensor<string, []>>({{"k", "v"}})]
{
    func main<ios15>(tensor<fp32, [?, 2]> x, tensor<bool, []> c) [FlexibleShapeInformation = tuple<tensor<string, []>, dict<tensor<string, []>, tensor<int32, [?]>>>((("DefaultShapes", {{"x", [1, 2]}})))] {
            tensor<fp32, [?, 2]> y = cond(pred = c) () {
                tensor<fp32, [?, 2]> a = add(x = x, y = x)[name = tensor<string, []>("a")];
            } -> (a) () {
            } -> (x)[name = tensor<string, []>("y")];
            tensor<fp32, [?, 4]> z = concat(axis = tensor<int32, []>(1), values = (x, y), interleave = tensor<bool, []>(false));
        } -> (z);
}
)";

TEST(HostileText, AMillionTokenEdits) {
  expect_sane(std::string(kSmall), "unedited");
  const std::size_t before = openane::test::peak_memory();
  edit_tokens(kSmall, 1, 600'000);
  edit_tokens(kBlocks, 2, 400'000);
  openane::test::expect_little_memory_since(before);
}

std::string read(const std::filesystem::path& path) {
  const Result<Bytes> bytes = read_file(path.string());
  EXPECT_TRUE(bytes) << path;
  return bytes ? std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()) : std::string();
}

/// As many rounds as read this many bytes in all, so that every file has its share.
int rounds_for(std::size_t size, std::size_t bytes, int most) {
  return std::clamp(static_cast<int>(bytes / (size + 1)), 3, most);
}

TEST(HostileText, EveryTextOfTheCorpusCutAndEdited) {
  OPENANE_NEED_CORPUS(root);
  for (const std::filesystem::path& path : find_all(*root, ".mil")) {
    SCOPED_TRACE(path.filename());
    const std::string text = read(path);
    const int rounds = rounds_for(text.size(), 2'000'000, 200);
    std::mt19937 random(static_cast<std::uint32_t>(text.size()));
    for (int round = 0; round < rounds; ++round) {
      expect_sane(text.substr(0, random() % text.size()), "cut " + std::to_string(round));
    }
    edit_tokens(text, 7, rounds);
  }
}

/// Everything that reads a model file; an error must be one that a person can use.
void read_all(const Bytes& file) {
  const Result<ModelMessage> message = parse_model_message(file);
  if (!message) {
    openane::test::expect_usable(message.error());
    return;
  }
  if (message->kind != kMlProgram) {
    return;
  }
  const Result<Program> program = parse_program_message(message->payload);
  if (!program) {
    openane::test::expect_usable(program.error());
    return;
  }
  for (const Diagnostic& diagnostic : verify(*program)) {
    ASSERT_FALSE(diagnostic.message.empty());
  }
}

TEST(HostileModel, EveryModelOfTheCorpusCutAndEdited) {
  OPENANE_NEED_CORPUS(root);
  const std::size_t before = openane::test::peak_memory();
  for (const std::filesystem::path& path : find_all(*root, ".mlmodel")) {
    SCOPED_TRACE(path);
    const Result<Bytes> good = read_file(path.string());
    ASSERT_TRUE(good);
    openane::test::Victim victim(good->span());
    std::mt19937 random(static_cast<std::uint32_t>(good->size()));
    // The head of the message, where every byte counts; then places all over the file.
    const std::size_t head = std::min<std::size_t>(good->size(), good->size() > 100'000 ? 8 : 64);
    victim.mutate_bytes(0, head, [&](const std::string&) { read_all(victim.file()); });
    const int rounds = rounds_for(good->size(), 4'000'000, 400);
    for (int round = 0; round < rounds; ++round) {
      read_all(victim.truncated(random() % good->size()));
      const std::size_t at = random() % good->size();
      const std::uint8_t original = victim.data()[at];
      victim.data()[at] = static_cast<std::uint8_t>(random());
      read_all(victim.file());
      victim.data()[at] = original;
    }
  }
  openane::test::expect_little_memory_since(before);
}

TEST(HostileModel, EveryWeightFileOfTheCorpusCutAndEdited) {
  OPENANE_NEED_CORPUS(root);
  for (const std::filesystem::path& path : find_all(*root, ".bin")) {
    const Result<Bytes> good = read_file(path.string());
    ASSERT_TRUE(good);
    if (!WeightFile::open(*good)) {
      continue;  // another kind of file
    }
    SCOPED_TRACE(path);
    openane::test::Victim victim(good->span());
    std::mt19937 random(static_cast<std::uint32_t>(good->size()));
    const auto walk = [&](const Bytes& bytes) {
      const Result<WeightFile> file = WeightFile::open(bytes);
      const Result<std::vector<WeightRecord>> records =
          file ? file->records() : Result<std::vector<WeightRecord>>(std::unexpected(file.error()));
      if (!records) {
        openane::test::expect_usable(records.error());
        return;
      }
      for (const WeightRecord& record : *records) {
        ASSERT_LE(record.data.size(), bytes.size());
      }
    };
    victim.mutate_bytes(0, std::min<std::size_t>(good->size(), 128), [&](const std::string&) { walk(victim.file()); });
    for (int round = 0; round < 200; ++round) {
      walk(victim.truncated(random() % good->size()));
      const std::size_t at = random() % good->size();
      const std::uint8_t original = victim.data()[at];
      victim.data()[at] = static_cast<std::uint8_t>(random());
      walk(victim.file());
      victim.data()[at] = original;
    }
  }
}

/// A program with one constant.
std::string with_constant(const std::string& literal) {
  return "program(1.3)\n{\n    func main<ios18>(tensor<fp16, [1]> x) {\n            int32 v = const()[val = " +
         literal + "];\n        } -> (x);\n}\n";
}

TEST(HostileText, HugeLiterals) {
  const std::size_t before = openane::test::peak_memory();
  const std::string digits(1'000'000, '9');
  for (const std::string& literal :
       {digits, "int32(" + digits + ")", "fp16(" + digits + ")", "fp16(0x1." + digits + "p+1)",
        "fp16(1e" + digits + ")", "fp32(0x" + digits + ")", "string(\"" + digits + "\")",
        "tensor<fp16, [" + digits + "]>([1])",
        "tensor<int8, [4]>(BLOBFILE(path = string(\"p\"), offset = uint64(" + digits + ")))",
        std::string(1'000'000, 'a'), "tensor<fp16, [" + digits, "\"" + digits}) {
    expect_sane(with_constant(literal), literal.substr(0, 40));
  }
  openane::test::expect_little_memory_since(before);
}

TEST(HostileText, ExtentsThatOverflow) {
  // 2^95 elements to begin with.
  const std::string huge = "tensor<fp16, [4294967296, 4, 1073741824, 2147483648]>";
  const std::string statements[] = {
      "y = reshape(x = x, shape = tensor<int32, [1]>([-1]))",
      "y = reshape(x = x, shape = tensor<int32, [2]>([2147483647, -1]))",
      "y = flatten2d(x = x, axis = int32(2))",
      "y = tile(x = x, reps = tensor<int32, [4]>([2147483647, 2147483647, 2147483647, 2147483647]))",
      "y = concat(values = (x, x, x), axis = int32(0))",
      "y = stack(values = (x, x), axis = int32(0))",
      "y = pad(x = x, pad = tensor<int32, [8]>([2147483647, 2147483647, 1, 1, 2147483647, 2147483647, 1, 1]))",
      "y = pixel_shuffle(x = x, upscale_factor = int32(2))",
      "y = pixel_shuffle(x = x, upscale_factor = int32(2147483647))",
      "y = space_to_depth(x = x, block_size = int32(1073741824))",
      "y = space_to_batch(x = x, block_shape = tensor<int32, [2]>([2147483647, 2147483647]), paddings = tensor<int32, "
      "[2, 2]>([[2147483647, 0], [0, 2147483647]]))",
      "y = batch_to_space(x = x, block_shape = tensor<int32, [2]>([65536, 65536]), crops = tensor<int32, [2, 2]>([[0, "
      "0], [0, 0]]))",
      "y = upsample_bilinear(x = x, scale_factor_height = fp32(1e30), scale_factor_width = fp32(1e30))",
      "y = sliding_windows(x = x, axis = int32(0), size = int32(2147483647), stride = int32(1))",
      "y = slice_by_index(x = x, begin = tensor<int32, [4]>([-2147483648, 0, 0, 0]), end = tensor<int32, "
      "[4]>([2147483647, 1, 1, 1]), stride = tensor<int32, [4]>([-2147483648, 1, 1, 1]))",
      "y = one_hot(indices = x, one_hot_vector_size = int32(2147483647))",
      "y = fill(shape = tensor<int32, [3]>([2147483647, 2147483647, 2147483647]), value = fp16(1))",
      "y = conv(x = x, weight = x, strides = tensor<int32, [2]>([1, 1]), dilations = tensor<int32, [2]>([2147483647, "
      "2147483647]), pad = tensor<int32, [4]>([2147483647, 2147483647, 0, 0]), pad_type = string(\"custom\"), groups = "
      "int32(2147483647))",
      "y = matmul(x = x, y = x)",
      "y = resize_bilinear(x = x, target_size_height = int32(2147483647), target_size_width = int32(2147483647))",
  };
  for (const std::string& statement : statements) {
    const std::string text = "program(1.3)\n{\n    func main<ios18>(" + huge + " x) {\n            tensor<fp16, [1]> " +
                             statement + "[name = string(\"y\")];\n" + "        } -> (y);\n}\n";
    const Result<Program> program = parse_text(text, "huge.mil");
    ASSERT_TRUE(program) << statement << ": " << (program ? "" : program.error().to_string());
    const std::vector<Diagnostic> found = verify(*program);
    ASSERT_FALSE(found.empty()) << statement;
    EXPECT_NE(found.front().message.find("'x' has more than 2^62 elements"), std::string::npos) << statement;
    for (const Diagnostic& diagnostic : found) {
      EXPECT_GT(diagnostic.location.line, 0U) << statement;
    }
  }
}

}  // namespace
}  // namespace openane::mil
