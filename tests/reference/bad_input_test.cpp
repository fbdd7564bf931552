// Programs with damaged tokens: whatever still passes the verifier gives results or an error, in bounded memory and
// time.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "openane/mil_text.h"
#include "openane/reference.h"

namespace openane::reference {
namespace {

/// One program with an operation of every kind the executor and the kernels of constants have.
constexpr std::string_view kProgram = R"(program(1.3)
{
  func main<ios18>(tensor<fp32, [1, 4, 6, 6]> x, tensor<fp16, [2, ?]> y, int32 n, state<tensor<fp16, [2, 3]>> s) {
    tensor<int32, [2]> ones = const()[name = string("ones"), val = tensor<int32, [2]>([1, 1])];
    tensor<int32, [4]> pads = const()[name = string("pads"), val = tensor<int32, [4]>([1, 1, 1, 1])];
    tensor<int8, [4, 4]> q = const()[name = string("q"), val = tensor<int8, [4, 4]>([[1,2,3,4],[5,6,7,8],[-1,-2,-3,-4],[0,0,9,9]])];
    tensor<fp16, [4, 1]> scale = const()[name = string("scale"), val = tensor<fp16, [4, 1]>([[0.5],[0.25],[1],[2]])];
    tensor<fp16, [4, 4]> w = constexpr_blockwise_shift_scale(data = q, scale = scale)[name = string("w")];
    tensor<uint2, [4, 4]> indices = const()[name = string("indices"), val = tensor<uint2, [4, 4]>([[0,1,2,3],[3,2,1,0],[0,0,0,0],[1,1,1,1]])];
    tensor<fp16, [2, 1, 4, 1]> lut = const()[name = string("lut"), val = tensor<fp16, [2, 1, 4, 1]>([[[[1],[2],[3],[4]]],[[[5],[6],[7],[8]]]])];
    tensor<fp16, [4, 4]> table = constexpr_lut_to_dense(indices = indices, lut = lut)[name = string("table")];
    tensor<uint1, [2, 3]> mask = const()[name = string("mask"), val = tensor<uint1, [2, 3]>([[1,0,1],[0,1,0]])];
    tensor<fp16, [3]> nonzero = const()[name = string("nonzero"), val = tensor<fp16, [3]>([1, 2, 3])];
    tensor<fp16, [2, 3]> sparse = constexpr_sparse_to_dense(nonzero_data = nonzero, mask = mask)[name = string("sparse")];
    tensor<fp16, [4, 4]> both = matmul(x = w, y = table)[name = string("both")];
    tensor<fp32, [4, 4, 1, 1]> kernel = const()[name = string("kernel"), val = tensor<fp32, [4, 4, 1, 1]>([[[[1]],[[2]],[[3]],[[4]]],[[[1]],[[2]],[[3]],[[4]]],[[[1]],[[2]],[[3]],[[4]]],[[[1]],[[2]],[[3]],[[4]]]])];
    tensor<fp32, [1, 4, 8, 8]> c = conv(x = x, weight = kernel, strides = ones, pad_type = string("custom"), pad = pads, dilations = ones, groups = int32(1))[name = string("c")];
    tensor<fp32, [1, 4, 4, 4]> m = max_pool(x = c, kernel_sizes = tensor<int32, [2]>([2, 2]), strides = tensor<int32, [2]>([2, 2]), pad_type = string("valid"))[name = string("m")];
    tensor<fp32, [1, 4, 4, 4]> p = softmax(x = m, axis = int32(1))[name = string("p")];
    tensor<fp32, [4, 4, 4]> v = reshape(x = p, shape = tensor<int32, [3]>([4, 4, 4]))[name = string("v")];
    tensor<fp32, [4, 4, 4]> t = transpose(x = v, perm = tensor<int32, [3]>([2, 0, 1]))[name = string("t")];
    tensor<fp32, [2, 4, 4]> g = gather(x = t, indices = ones, axis = int32(0), validate_indices = bool(true))[name = string("g")];
    tensor<fp32, [2, 2, 2]> b = slice_by_index(x = g, begin = tensor<int32, [3]>([0, 0, 0]), end = tensor<int32, [3]>([2, 4, 4]), stride = tensor<int32, [3]>([1, 2, 2]))[name = string("b")];
    tensor<fp32, [8, 2, 2]> k = concat(values = (b, b, b, b), axis = int32(0), interleave = bool(false))[name = string("k")];
    tensor<fp32, [2, 2]> r = reduce_sum(x = k, axes = tensor<int32, [1]>([0]), keep_dims = bool(false))[name = string("r")];
    tensor<fp16, [2, 3]> before = read_state(input = s)[name = string("before")];
    tensor<fp16, [2, 3]> after = add(x = before, y = sparse)[name = string("after")];
    write_state(data = after, input = s)[name = string("write")];
    int32 zero = const()[name = string("zero"), val = int32(0)];
    list<tensor<fp32, [2, 2]>, ?> empty = make_list(init_length = n, elem_shape = (int32(2), int32(2)))[name = string("empty")];
    int32 steps, list<tensor<fp32, [2, 2]>, ?> filled = while_loop(loop_vars = (zero, empty))[name = string("loop")]
      (int32 i, list<tensor<fp32, [2, 2]>, ?> l) {
        bool more = less(x = i, y = int32(5))[name = string("more")];
      } -> (more)
      (int32 j, list<tensor<fp32, [2, 2]>, ?> u) {
        list<tensor<fp32, [2, 2]>, ?> longer = list_write(ls = u, index = j, value = r)[name = string("longer")];
        int32 next = add(x = j, y = int32(1))[name = string("next")];
      } -> (next, longer);
    tensor<fp32, [2, 2, 2]> all = list_gather(ls = filled, indices = ones)[name = string("all")];
    tensor<fp16, [2, ?]> yy = mul(x = y, y = y)[name = string("yy")];
    tensor<fp32, [3]> range = range_1d(start = fp32(0), end = fp32(3), step = fp32(1))[name = string("range")];
    tensor<fp32, [4, 4]> picked = fill(shape = tensor<int32, [2]>([4, 4]), value = fp32(2))[name = string("picked")];
  } -> (both, all, after, yy, range, picked, steps);
}
)";

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.'; }

struct Token {
  std::size_t at = 0;
  std::size_t size = 0;
};

std::vector<Token> tokens_of(std::string_view text) {
  std::vector<Token> tokens;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t size = 1;
    while (is_word(text[at]) && at + size < text.size() && is_word(text[at + size])) {
      ++size;
    }
    if (text[at] != ' ' && text[at] != '\n') {
      tokens.push_back({at, size});
    }
    at += size;
  }
  return tokens;
}

/// Another number, or a token from elsewhere in the program.
std::string replacement(std::string_view text, const std::vector<Token>& tokens, const Token& token,
                        std::mt19937& random) {
  constexpr std::string_view kNumbers[] = {"0", "1", "-1", "2", "3", "5", "64", "-7", "100000", "2147483647", "0.5"};
  const bool is_number = std::isdigit(static_cast<unsigned char>(text[token.at])) != 0 || text[token.at] == '-';
  if (is_number && random() % 4 != 0) {
    return std::string(kNumbers[random() % std::size(kNumbers)]);
  }
  const Token& other = tokens[random() % tokens.size()];
  return std::string(text.substr(other.at, other.size));
}

/// Counting numbers; integers, which become lengths and indices, are `integer`.
std::vector<NamedTensor> make_inputs(const Session& session, float integer) {
  std::vector<NamedTensor> inputs;
  for (const Port& port : session.inputs()) {
    Shape shape = port.type.shape();
    for (std::int64_t& extent : shape) {
      extent = extent < 0 ? 3 : extent;
    }
    const Result<std::int64_t> count = element_count(shape);
    const ElementType type = mil::info(port.type.data_type()).element;
    if (!count || *count > 4096 || !element_bytes(type)) {
      return {};
    }
    std::vector<float> numbers(static_cast<std::size_t>(*count));
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      numbers[i] = type == ElementType::int32 ? integer : static_cast<float>(i % 3);
    }
    inputs.push_back({port.name, Tensor::from_floats(shape, numbers, type)});
  }
  return inputs;
}

struct Counts {
  std::size_t ran = 0, refused = 0, failed = 0;
};

void try_program(std::string_view text, float integer, Counts& counts) {
  const auto program = mil::parse_text(text, "damaged");
  auto session =
      program ? Session::create(*program, mil::Weights(), {.threads = 1, .memory_limit = 1 << 20, .loop_limit = 100})
              : Result<Session>(std::unexpected(program.error()));
  if (!session) {
    ++counts.refused;
    return;
  }
  const auto done = session->run(make_inputs(*session, integer));
  ++(done ? counts.ran : counts.failed);
  if (!done) {
    EXPECT_NE(done.error().category, ErrorCategory::internal) << done.error().to_string();
  }
}

TEST(BadInput, the_program_runs_before_it_is_damaged) {
  const auto program = mil::parse_text(kProgram, "whole");
  ASSERT_TRUE(program) << program.error().to_string();
  auto session = Session::create(*program, mil::Weights());
  ASSERT_TRUE(session) << session.error().to_string();
  const auto done = session->run(make_inputs(*session, 2));
  ASSERT_TRUE(done) << done.error().to_string();
}

TEST(BadInput, damaged_tokens_end_in_results_or_errors) {
  const std::vector<Token> tokens = tokens_of(kProgram);
  Counts counts;
  for (std::uint32_t seed = 0; seed < 16000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    std::string text(kProgram);
    // From the back, so that the places of the others stay.
    std::vector<std::size_t> places(1 + seed % 2);
    std::ranges::generate(places, [&] { return random() % tokens.size(); });
    std::ranges::sort(places, std::greater<>());
    for (const std::size_t place : places) {
      text.replace(tokens[place].at, tokens[place].size, replacement(kProgram, tokens, tokens[place], random));
    }
    constexpr float kIntegers[] = {0, 1, 2, -1, 2e9F};
    try_program(text, kIntegers[random() % std::size(kIntegers)], counts);
  }
  // The damage must be of all kinds, or nothing was tested.
  EXPECT_GT(counts.ran, 200U);
  EXPECT_GT(counts.refused, 200U);
  EXPECT_GT(counts.failed, 200U);
}

}  // namespace
}  // namespace openane::reference
