// What the executor does itself: control flow, lists, states, inputs, limits, and how mistakes are told. Values are
// those the definition of each operation gives, worked out by hand.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "openane/half.h"
#include "openane/mil_text.h"
#include "openane/reference.h"

namespace openane::reference {
namespace {

std::string program(const std::string& function) { return "program(1.3)\n{\n" + function + "\n}\n"; }

Result<Session> open(const std::string& function, Options options = {}) {
  OPENANE_TRY(const mil::Program parsed, mil::parse_text(std::string_view(program(function)), "test.mil"));
  return Session::create(parsed, mil::Weights(), std::move(options));
}

Tensor floats(const Shape& shape, const std::vector<float>& values) {
  return Tensor::from_floats(shape, values, ElementType::float32);
}

Tensor integers(const Shape& shape, const std::vector<float>& values) {
  return Tensor::from_floats(shape, values, ElementType::int32);
}

std::vector<float> numbers(const Output& output) {
  const auto values = output.tensor.to_floats();
  return values ? *values : std::vector<float>();
}

std::string message(const auto& result) { return result ? std::string("no error") : result.error().to_string(); }

testing::AssertionResult has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos ? testing::AssertionSuccess()
                                              : testing::AssertionFailure() << "'" << part << "' not in: " << text;
}

// ---- control flow ----

constexpr const char* kCond = R"(
  func main<ios17>(tensor<fp32, [2]> x, bool p) {
    tensor<fp32, [2]> y = cond(pred = p)[name = string("y")]
      () { tensor<fp32, [2]> a = add(x = x, y = x)[name = string("a")]; } -> (a)
      () { } -> (x);
    tensor<fp32, [2]> z = add(x = y, y = x)[name = string("z")];
  } -> (y, z);)";

TEST(Session, cond_runs_one_branch) {
  auto session = open(kCond);
  ASSERT_TRUE(session) << message(session);
  const Tensor yes = Tensor::from_floats({}, std::vector<float>{1}, ElementType::boolean);
  const Tensor no = Tensor::from_floats({}, std::vector<float>{0}, ElementType::boolean);
  const auto taken = session->run(std::vector<NamedTensor>{{"x", floats({2}, {1, 2})}, {"p", yes}});
  ASSERT_TRUE(taken) << message(taken);
  EXPECT_EQ(numbers((*taken)[0]), (std::vector<float>{2, 4}));
  EXPECT_EQ(numbers((*taken)[1]), (std::vector<float>{3, 6}));
  const auto other = session->run(std::vector<NamedTensor>{{"x", floats({2}, {1, 2})}, {"p", no}});
  ASSERT_TRUE(other) << message(other);
  EXPECT_EQ(numbers((*other)[0]), (std::vector<float>{1, 2}));
  EXPECT_EQ(numbers((*other)[1]), (std::vector<float>{2, 4}));
}

/// Doubles x while it is below a bound; the bound is seen from outside the blocks, and so is one constant.
constexpr const char* kLoop = R"(
  func main<ios17>(tensor<fp32, [1]> x, tensor<fp32, [1]> bound) {
    int32 zero = const()[name = string("zero"), val = int32(0)];
    int32 one = const()[name = string("one"), val = int32(1)];
    int32 n, tensor<fp32, [1]> y = while_loop(loop_vars = (zero, x))[name = string("loop")]
      (int32 i, tensor<fp32, [1]> v) {
        tensor<bool, [1]> small = less(x = v, y = bound)[name = string("small")];
      } -> (small)
      (int32 j, tensor<fp32, [1]> w) {
        int32 k = add(x = j, y = one)[name = string("k")];
        tensor<fp32, [1]> twice = add(x = w, y = w)[name = string("twice")];
      } -> (k, twice);
  } -> (n, y);)";

TEST(Session, while_loop_runs_until_its_condition_is_false) {
  auto session = open(kLoop);
  ASSERT_TRUE(session) << message(session);
  const auto done = session->run(std::vector<NamedTensor>{{"x", floats({1}, {3})}, {"bound", floats({1}, {100})}});
  ASSERT_TRUE(done) << message(done);
  EXPECT_EQ(numbers((*done)[0]), std::vector<float>{6});
  EXPECT_EQ(numbers((*done)[1]), std::vector<float>{192});
}

TEST(Session, an_endless_loop_ends_at_the_limit) {
  auto session = open(kLoop, {.loop_limit = 1000});
  ASSERT_TRUE(session) << message(session);
  const auto done = session->run(std::vector<NamedTensor>{{"x", floats({1}, {0})}, {"bound", floats({1}, {1})}});
  ASSERT_FALSE(done);
  EXPECT_TRUE(has(message(done), "test.mil:7:5: unsupported: while_loop 'loop': no end after 1000 iterations"));
}

// ---- lists ----

TEST(Session, lists_are_written_and_read) {
  auto session = open(R"(
  func main<ios17>(tensor<fp32, [2]> x) {
    int32 zero = const()[name = string("zero"), val = int32(0)];
    int32 one = const()[name = string("one"), val = int32(1)];
    int32 three = const()[name = string("three"), val = int32(3)];
    tensor<int32, [2]> both = const()[name = string("both"), val = tensor<int32, [2]>([3, 0])];
    string dtype = const()[name = string("dtype"), val = string("fp32")];
    bool grows = const()[name = string("grows"), val = bool(true)];
    int32 two = const()[name = string("two"), val = int32(2)];
    tensor<fp32, [2]> xx = add(x = x, y = x)[name = string("xx")];
    list<tensor<fp32, [2]>, ?> empty = make_list(init_length = one, dynamic_length = grows, elem_shape = (two), dtype = dtype)[name = string("empty")];
    list<tensor<fp32, [2]>, ?> first = list_write(ls = empty, index = zero, value = x)[name = string("first")];
    list<tensor<fp32, [2]>, ?> grown = list_write(ls = first, index = three, value = xx)[name = string("grown")];
    int32 before = list_length(ls = first)[name = string("before")];
    int32 after = list_length(ls = grown)[name = string("after")];
    tensor<fp32, [2]> last = list_read(ls = grown, index = three)[name = string("last")];
    tensor<fp32, [2]> never = list_read(ls = grown, index = one)[name = string("never")];
    tensor<fp32, [2, 2]> gathered = list_gather(ls = grown, indices = both)[name = string("gathered")];
    list<tensor<fp32, [2]>, ?> swapped = list_scatter(ls = grown, indices = both, value = gathered)[name = string("swapped")];
    tensor<fp32, [2]> head = list_read(ls = swapped, index = zero)[name = string("head")];
  } -> (before, after, last, never, gathered, head);)");
  ASSERT_TRUE(session) << message(session);
  const auto done = session->run(std::vector<NamedTensor>{{"x", floats({2}, {1, 2})}});
  ASSERT_TRUE(done) << message(done);
  EXPECT_EQ(numbers((*done)[0]), std::vector<float>{1});
  EXPECT_EQ(numbers((*done)[1]), std::vector<float>{4});
  EXPECT_EQ(numbers((*done)[2]), (std::vector<float>{2, 4}));
  EXPECT_EQ(numbers((*done)[3]), (std::vector<float>{0, 0}));
  EXPECT_EQ(numbers((*done)[4]), (std::vector<float>{2, 4, 1, 2}));
  EXPECT_EQ(numbers((*done)[5]), (std::vector<float>{1, 2}));
}

TEST(Session, a_list_does_not_take_the_machine) {
  auto session = open(R"(
  func main<ios17>(int32 n, tensor<fp32, [1]> x) {
    int32 one = const()[name = string("one"), val = int32(1)];
    list<tensor<fp32, [1]>, ?> empty = make_list(init_length = n, elem_shape = (one))[name = string("empty")];
    list<tensor<fp32, [1]>, ?> full = list_write(ls = empty, index = n, value = x)[name = string("full")];
    int32 length = list_length(ls = full)[name = string("length")];
  } -> (length);)",
                      {.memory_limit = 1 << 20});
  ASSERT_TRUE(session) << message(session);
  const std::vector<NamedTensor> huge = {{"n", integers({}, {2e9F})}, {"x", floats({1}, {1})}};
  const auto refused = session->run(huge);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(has(message(refused), "make_list 'empty': needs"));
  const auto done = session->run(std::vector<NamedTensor>{{"n", integers({}, {5})}, {"x", floats({1}, {1})}});
  ASSERT_TRUE(done) << message(done);
  EXPECT_EQ(numbers((*done)[0]), std::vector<float>{6});
}

// ---- states ----

constexpr const char* kCounter = R"(
  func main<ios18>(state<tensor<fp16, [2]>> total, tensor<fp16, [2]> x, tensor<int32, [1]> index) {
    tensor<fp16, [2]> before = read_state(input = total)[name = string("before")];
    tensor<fp16, [2]> after = add(x = before, y = x)[name = string("after")];
    write_state(data = after, input = total)[name = string("write")];
    tensor<fp16, [2]> seen = read_state(input = total)[name = string("seen")];
    tensor<fp16, [1]> picked = gather(x = seen, indices = index, validate_indices = bool(true))[name = string("picked")];
  } -> (before, seen, picked);)";

TEST(Session, a_state_is_kept_between_runs) {
  auto session = open(kCounter);
  if (!session && has(message(session), "no kernel")) {
    GTEST_SKIP() << message(session);
  }
  ASSERT_TRUE(session) << message(session);
  const std::vector<NamedTensor> inputs = {{"x", floats({2}, {1, 2})}, {"index", integers({1}, {1})}};
  ASSERT_TRUE(session->run(inputs));
  const auto second = session->run(inputs);
  ASSERT_TRUE(second) << message(second);
  EXPECT_EQ(numbers((*second)[0]), (std::vector<float>{1, 2}));
  EXPECT_EQ(numbers((*second)[1]), (std::vector<float>{2, 4}));
  // A run that fails leaves the state alone, though it fails after the write.
  const auto failed = session->run(std::vector<NamedTensor>{{"x", floats({2}, {1, 2})}, {"index", integers({1}, {7})}});
  ASSERT_FALSE(failed);
  EXPECT_EQ(*session->state("total")->to_floats(), (std::vector<float>{2, 4}));
  ASSERT_TRUE(session->set_state("total", floats({2}, {10, 20})));
  const auto third = session->run(inputs);
  EXPECT_EQ(numbers((*third)[1]), (std::vector<float>{11, 22}));
  EXPECT_EQ(numbers((*second)[1]), (std::vector<float>{2, 4})) << "results of an earlier run are left alone";
  ASSERT_TRUE(session->reset_states());
  EXPECT_EQ(*session->state("total")->to_floats(), (std::vector<float>{0, 0}));
  EXPECT_TRUE(has(message(session->state("sum")), "there is no state 'sum': the states are total"));
  EXPECT_TRUE(has(message(session->set_state("total", floats({3}, {1, 2, 3}))), "shape 3, expected tensor<fp16, [2]>"));
}

// ---- inputs ----

constexpr const char* kAdd = R"(
  func main<ios17>(tensor<fp32, [2, ?]> x, tensor<int32, [2]> n) {
    tensor<fp32, [2, ?]> y = add(x = x, y = x)[name = string("y")];
    tensor<int32, [2]> m = add(x = n, y = n)[name = string("m")];
  } -> (y, m);)";

TEST(Session, unknown_extents_follow_from_the_inputs) {
  auto session = open(kAdd);
  ASSERT_TRUE(session) << message(session);
  for (const std::int64_t width : {1, 3, 2, 3}) {
    const std::vector<float> ones(static_cast<std::size_t>(2 * width), 1.0F);
    const auto done =
        session->run(std::vector<NamedTensor>{{"x", floats({2, width}, ones)}, {"n", integers({2}, {4, 5})}});
    ASSERT_TRUE(done) << message(done);
    EXPECT_EQ((*done)[0].tensor.shape, (Shape{2, width}));
    EXPECT_EQ(numbers((*done)[1]), (std::vector<float>{8, 10}));
    EXPECT_EQ((*done)[1].tensor.type, ElementType::int32);
  }
}

TEST(Session, shapes_that_an_operation_does_not_take_leave_the_session_usable) {
  auto session = open(R"(
  func main<ios17>(tensor<fp32, [?]> x, tensor<fp32, [?]> y) {
    tensor<fp32, [?]> z = add(x = x, y = y)[name = string("z")];
  } -> (z);)");
  ASSERT_TRUE(session) << message(session);
  const Tensor two = floats({2}, {1, 2});
  ASSERT_TRUE(session->run(std::vector<NamedTensor>{{"x", two}, {"y", two}}));
  const auto refused = session->run(std::vector<NamedTensor>{{"x", two}, {"y", floats({3}, {1, 2, 3})}});
  EXPECT_TRUE(has(message(refused), "test.mil:5:5: malformed input: add: 2 and 3 cannot be broadcast"));
  const auto done = session->run(std::vector<NamedTensor>{{"x", two}, {"y", two}});
  ASSERT_TRUE(done) << message(done);
  EXPECT_EQ(numbers((*done)[0]), (std::vector<float>{2, 4}));
}

TEST(Session, inputs_that_do_not_fit_are_refused) {
  auto session = open(kAdd);
  ASSERT_TRUE(session) << message(session);
  const NamedTensor x = {"x", floats({2, 1}, {1, 2})};
  const NamedTensor n = {"n", integers({2}, {1, 2})};
  const auto error = [&](std::vector<NamedTensor> inputs) { return message(session->run(inputs)); };
  EXPECT_TRUE(has(error({x}), "input 'n' is given no tensor"));
  EXPECT_TRUE(has(error({x, n, n}), "input 'n' is given several tensors"));
  EXPECT_TRUE(has(error({x, n, {"z", n.tensor}}), "there is no input 'z': the inputs are x, n"));
  EXPECT_TRUE(has(error({{"x", floats({3, 1}, {1, 2, 3})}, n}), "input 'x': shape 3x1, expected tensor<fp32, [2, ?]>"));
  EXPECT_TRUE(has(error({x, {"n", floats({2}, {1, 2})}}), "input 'n': expected elements of type int32, found float32"));
  EXPECT_EQ(error({x, n}), "no error");
}

TEST(Session, numbers_are_converted_where_they_fit) {
  auto session = open(kAdd);
  ASSERT_TRUE(session) << message(session);
  const auto run = [&](ElementType x_type, ElementType n_type, float number) {
    return session->run(
        std::vector<NamedTensor>{{"x", Tensor::from_floats({2, 1}, std::vector<float>{0.5F, 2}, x_type)},
                                 {"n", Tensor::from_floats({2}, std::vector<float>{number, 1}, n_type)}});
  };
  for (const ElementType x_type : {ElementType::float16, ElementType::float32, ElementType::float64}) {
    for (const ElementType n_type : {ElementType::int8, ElementType::uint16, ElementType::int64}) {
      const auto done = run(x_type, n_type, 100);
      ASSERT_TRUE(done) << message(done);
      EXPECT_EQ(numbers((*done)[0]), (std::vector<float>{1, 4}));
      EXPECT_EQ(numbers((*done)[1]), (std::vector<float>{200, 2}));
    }
  }
  EXPECT_TRUE(has(message(run(ElementType::float32, ElementType::int64, 1e10F)), "is beyond 32 bits"));
}

TEST(Session, shapes_given_beforehand_are_checked) {
  EXPECT_TRUE(has(message(open(kAdd, {.shapes = {{"x", {3, 4}}}})), "input 'x': shape 3x4, expected"));
  EXPECT_TRUE(has(message(open(kAdd, {.shapes = {{"y", {3, 4}}}})), "there is no input 'y'"));
  const auto session = open(kAdd, {.shapes = {{"x", {2, 4}}}});
  ASSERT_TRUE(session) << message(session);
  EXPECT_EQ(to_string(session->outputs()[0].type), "tensor<fp32, [2, 4]>");
}

// ---- precision ----

TEST(Session, precisions_round_as_they_say) {
  constexpr const char* kThird = R"(
  func main<ios17>(tensor<fp32, [1]> x) {
    tensor<fp32, [1]> three = const()[name = string("three"), val = tensor<fp32, [1]>([3])];
    tensor<fp32, [1]> y = real_div(x = x, y = three)[name = string("y")];
  } -> (y);)";
  const auto third = [&](Precision precision) {
    auto session = open(kThird, {.precision = precision});
    EXPECT_TRUE(session) << message(session);
    const auto done = session->run(std::vector<NamedTensor>{{"x", floats({1}, {1})}});
    EXPECT_TRUE(done) << message(done);
    return (*done)[0].tensor;
  };
  const Tensor single = third(Precision::fp32);
  const Tensor twice = third(Precision::fp64);
  const Tensor half = third(Precision::fp16);
  EXPECT_EQ(single.type, ElementType::float32);
  EXPECT_EQ((*single.to_floats())[0], 1.0F / 3.0F);
  EXPECT_EQ(twice.type, ElementType::float64);
  double exact = 0;
  std::memcpy(&exact, twice.data.data(), sizeof exact);
  EXPECT_EQ(exact, 1.0 / 3.0);
  EXPECT_EQ((*half.to_floats())[0], to_float(to_half(1.0F / 3.0F)));
}

/// The bounds are those of coremltools' conversion to fp16 (`_check_underflow_to_zero` in
/// converters/mil/mil/passes/defs/quantization.py): 1e-10 becomes 2^-24, of 400 elements or more it becomes 0, and the
/// least number of fp32 counts as 0 everywhere.
TEST(Session, few_constants_do_not_vanish_in_fp16) {
  const auto sum = [](std::size_t count, const char* constant) {
    const std::string type = fmt::format("tensor<fp32, [{}]>", count);
    std::string literal;
    for (std::size_t i = 0; i < count; ++i) {
      literal += (i == 0 ? "" : ", ") + std::string(constant);
    }
    auto session =
        open(fmt::format("func main<ios15>({0} x) {{ {0} e = const()[val = {0}([{1}])]; {0} y = add(x = x, y = "
                         "e); }} -> (y);",
                         type, literal),
             {.precision = Precision::fp16});
    EXPECT_TRUE(session) << message(session);
    const auto done = session->run(
        std::vector<NamedTensor>{{"x", floats({static_cast<std::int64_t>(count)}, std::vector<float>(count))}});
    EXPECT_TRUE(done) << message(done);
    return numbers((*done)[0]).back();
  };
  EXPECT_EQ(sum(1, "1e-10"), 0x1p-24F);
  EXPECT_EQ(sum(3, "-1e-10"), -0x1p-24F);
  EXPECT_EQ(sum(399, "1e-10"), 0x1p-24F);
  EXPECT_EQ(sum(400, "1e-10"), 0.0F);
  EXPECT_EQ(sum(1, "0x1p-149"), 0.0F);
  EXPECT_EQ(sum(1, "0.25"), 0.25F);
}

/// So an epsilon still does what it is there for.
TEST(Session, an_epsilon_keeps_fp16_finite) {
  auto session = open(R"(
  func main<ios15>(tensor<fp32, [1]> x) {
    fp32 epsilon = const()[val = fp32(1e-10)];
    tensor<fp32, [1]> y = log(x = x, epsilon = epsilon);
    tensor<fp32, [1]> z = rsqrt(x = x, epsilon = epsilon);
  } -> (y, z);)",
                      {.precision = Precision::fp16});
  ASSERT_TRUE(session) << message(session);
  const auto done = session->run(std::vector<NamedTensor>{{"x", floats({1}, {0})}});
  ASSERT_TRUE(done) << message(done);
  EXPECT_EQ(numbers((*done)[0])[0], to_float(to_half(std::log(0x1p-24F))));
  EXPECT_EQ(numbers((*done)[1])[0], 4096.0F);
}

// ---- memory ----

TEST(Session, huge_tensors_are_refused_instead_of_allocated) {
  auto session = open(R"(
  func main<ios17>(tensor<fp32, [1000000, 1]> x, tensor<fp32, [1, 1000000]> y) {
    tensor<fp32, [1000000, 1000000]> z = add(x = x, y = y)[name = string("z")];
  } -> (z);)");
  ASSERT_TRUE(session) << message(session);
  const std::vector<float> ones(1000000, 1.0F);
  const auto refused =
      session->run(std::vector<NamedTensor>{{"x", floats({1000000, 1}, ones)}, {"y", floats({1, 1000000}, ones)}});
  ASSERT_FALSE(refused);
  EXPECT_TRUE(has(message(refused), "test.mil:5:5: system: add 'z': needs 4000000000000 bytes"));
}

constexpr const char* kFiveSums = R"(
  func main<ios17>(tensor<fp32, [1000]> x) {
    tensor<fp32, [1000]> a = add(x = x, y = x)[name = string("a")];
    tensor<fp32, [1000]> b = add(x = a, y = x)[name = string("b")];
    tensor<fp32, [1000]> c = add(x = b, y = x)[name = string("c")];
    tensor<fp32, [1000]> d = add(x = c, y = x)[name = string("d")];
    tensor<fp32, [1000]> e = add(x = d, y = x)[name = string("e")];
  } -> (e);)";

TEST(Session, intermediate_tensors_share_memory) {
  auto session = open(kFiveSums);
  ASSERT_TRUE(session) << message(session);
  EXPECT_EQ(session->memory().arena_bytes, 2U * 4032);
  EXPECT_EQ(session->memory().unshared_bytes, 4U * 4032);
  const auto parsed = mil::parse_text(std::string_view(program(kFiveSums)), "test.mil");
  ASSERT_TRUE(parsed);
  const auto measured = measure_memory(parsed->functions[0], mil::Weights(), Precision::fp64);
  ASSERT_TRUE(measured) << message(measured);
  EXPECT_EQ(measured->arena_bytes, 2U * 8000);
  const auto done = session->run(std::vector<NamedTensor>{{"x", floats({1000}, std::vector<float>(1000, 1.5F))}});
  ASSERT_TRUE(done) << message(done);
  EXPECT_EQ(numbers((*done)[0]), std::vector<float>(1000, 9.0F));
}

TEST(Session, what_an_observer_keeps_is_not_overwritten) {
  std::vector<Output> seen;
  Options options;
  options.observer = [&](const Observation& observation) { seen.push_back(observation.output); };
  auto session = open(R"(
  func main<ios17>(tensor<fp32, [4]> x) {
    tensor<fp32, [4]> a = add(x = x, y = x)[name = string("a")];
    tensor<fp32, [4]> b = add(x = a, y = x)[name = string("b")];
    tensor<fp32, [4]> c = add(x = b, y = x)[name = string("c")];
    tensor<fp32, [4]> d = add(x = c, y = x)[name = string("d")];
  } -> (d);)",
                      std::move(options));
  ASSERT_TRUE(session) << message(session);
  for (int run = 0; run < 2; ++run) {
    ASSERT_TRUE(session->run(std::vector<NamedTensor>{{"x", floats({4}, {1, 1, 1, 1})}}));
  }
  ASSERT_EQ(seen.size(), 8U);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    EXPECT_EQ(numbers(seen[i]), std::vector<float>(4, static_cast<float>(2 + i % 4))) << seen[i].name;
  }
}

// ---- what cannot run ----

TEST(Session, programs_that_cannot_run_say_why) {
  EXPECT_TRUE(has(message(open(R"(
  func main<ios17>(tensor<fp32, [1]> x) {
    tensor<fp32, [1]> y = custom_layer(x = x)[name = string("mine"), class_name = string("MyLayer")];
  } -> (y);)")),
                  "test.mil:5:5: unsupported: custom_layer 'mine': the layer 'MyLayer' is code of the application"));
  EXPECT_TRUE(has(message(open(R"(
  func main<ios17>(tensor<fp32, [1]> x) {
    tensor<fp32, [2]> y = add(x = x, y = x)[name = string("y")];
  } -> (y);)")),
                  "test.mil:5:5: malformed input: add: 'y' is written as"));
  EXPECT_TRUE(has(message(open(kAdd, {.function = "other"})), "there is no function 'other': the program has main"));
}

TEST(Session, classify_gives_the_label_and_all_probabilities) {
  auto session = open(R"(
  func main<ios15>(tensor<fp32, [1, 3]> p) {
    string label, dict<string, fp64> probabilities = classify(classes = list<string, 3>(["cat", "dog", "cow"]), probabilities = p)[name = string("c")];
  } -> (label, probabilities);)");
  ASSERT_TRUE(session) << message(session);
  const auto done = session->run(std::vector<NamedTensor>{{"p", floats({1, 3}, {0.2F, 0.5F, 0.3F})}});
  ASSERT_TRUE(done) << message(done);
  EXPECT_EQ((*done)[0].texts, std::vector<std::string>{"dog"});
  EXPECT_EQ((*done)[1].texts, (std::vector<std::string>{"cat", "dog", "cow"}));
  EXPECT_EQ(numbers((*done)[1]), (std::vector<float>{0.2F, 0.5F, 0.3F}));
}

}  // namespace
}  // namespace openane::reference
