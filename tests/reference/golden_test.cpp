// The ML Programs of corpus/coreml/golden: results, the statistics of every layer, and the decoded constants, as an
// independent evaluation in single precision found them.
#include <gtest/gtest.h>

#include <toml++/toml.h>
#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>

#include "base/sha256.h"
#include "corpus.h"
#include "openane/mil_model.h"
#include "openane/reference.h"

namespace openane::reference {
namespace {

/// What golden.toml states for fp32 implementations: a part of the output's range.
constexpr double kTolerance = 1e-4;
/// Of the same, for tensors rounded to fp16 after each operation.
constexpr double kHalfTolerance = 1e-2;

std::string folder() { return (test::corpus_folder() / "coreml").string() + "/"; }

struct Statistics {
  double minimum = 0, maximum = 0, mean = 0, l2 = 0;
};

struct Layer {
  std::string name, operation, shape;
  Statistics statistics;
};

Statistics statistics_of(const std::vector<float>& values) {
  Statistics out;
  if (values.empty()) {
    return out;
  }
  out.minimum = out.maximum = static_cast<double>(values[0]);
  for (const float value : values) {
    const auto number = static_cast<double>(value);
    out.minimum = std::min(out.minimum, number);
    out.maximum = std::max(out.maximum, number);
    out.mean += number;
    out.l2 += number * number;
  }
  out.mean /= static_cast<double>(values.size());
  out.l2 = std::sqrt(out.l2);
  return out;
}

Tensor read_tensor(const toml::table& entry) {
  const std::string dtype = *entry["dtype"].value<std::string>();
  Shape shape;
  for (const auto& extent : *entry["shape"].as_array()) {
    shape.push_back(*extent.value<std::int64_t>());
  }
  const ElementType type = dtype == "f32"   ? ElementType::float32
                           : dtype == "i32" ? ElementType::int32
                                            : ElementType::uint8;
  const std::string path = folder() + "golden/" + *entry["file"].value<std::string>();
  auto tensor = read_raw_tensor(path, type, shape);
  EXPECT_TRUE(tensor) << path << ": " << tensor.error().to_string();
  return tensor ? *tensor : Tensor{};
}

/// The cases whose model is an ML Program.
std::vector<toml::table> cases() {
  static const toml::table golden = toml::parse_file(folder() + "golden/golden.toml");
  std::vector<toml::table> out;
  for (const auto& entry : *golden["case"].as_array()) {
    const toml::table& one = *entry.as_table();
    if (one["model"].value<std::string>()->ends_with(".mlpackage")) {
      out.push_back(one);
    }
  }
  return out;
}

std::vector<Layer> read_layers(const std::string& path) {
  std::vector<Layer> layers;
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  EXPECT_EQ(line, "name,op,shape,min,max,mean,l2");
  while (std::getline(file, line)) {
    std::stringstream fields(line);
    std::string text[7];
    for (std::string& field : text) {
      std::getline(fields, field, ',');
    }
    layers.push_back(
        {text[0], text[1], text[2], {std::stod(text[3]), std::stod(text[4]), std::stod(text[5]), std::stod(text[6])}});
  }
  return layers;
}

std::string shape_text(const Shape& shape) { return shape.empty() ? "" : openane::to_string(shape); }

void expect_near(const Tensor& found, const Tensor& expected, double tolerance, const std::string& what) {
  const auto a = found.to_floats();
  const auto b = expected.to_floats();
  ASSERT_TRUE(a && b) << what;
  ASSERT_EQ(found.shape, expected.shape) << what;
  double range = 0;
  double worst = 0;
  for (std::size_t i = 0; i < b->size(); ++i) {
    range = std::max(range, std::abs(static_cast<double>((*b)[i])));
    const double difference = std::abs(static_cast<double>((*a)[i]) - static_cast<double>((*b)[i]));
    worst = std::isfinite(difference) ? std::max(worst, difference) : INFINITY;
  }
  EXPECT_LE(worst, tolerance * range) << what << ": the largest number is " << range;
}

void expect_near(const Layer& found, const Layer& expected, double tolerance = kTolerance) {
  const Statistics& a = found.statistics;
  const Statistics& b = expected.statistics;
  EXPECT_EQ(found.shape, expected.shape) << expected.name;
  EXPECT_EQ(found.operation, expected.operation) << expected.name;
  const double range = std::max({std::abs(b.minimum), std::abs(b.maximum), 1e-30});
  EXPECT_NEAR(a.minimum, b.minimum, tolerance * range) << expected.name;
  EXPECT_NEAR(a.maximum, b.maximum, tolerance * range) << expected.name;
  EXPECT_NEAR(a.mean, b.mean, tolerance * range) << expected.name;
  EXPECT_NEAR(a.l2, b.l2, tolerance * std::max(b.l2, 1e-30)) << expected.name;
}

/// Compressed constants are decoded before the first run, which no observer sees.
void expect_constant(const Session& session, const Layer& expected) {
  const auto constant = session.constant(expected.name);
  ASSERT_TRUE(constant) << expected.name << ": " << constant.error().to_string();
  const auto values = constant->to_floats();
  ASSERT_TRUE(values) << expected.name;
  // The figures of an intermediate form are those before its rounding to fp16; its hash is checked below.
  constexpr double kHalfUnit = 0x1p-11;
  expect_near({expected.name, expected.operation, shape_text(constant->shape), statistics_of(*values)}, expected,
              kHalfUnit);
}

/// Every row must be found, in order; what was not written down (shapes, loop counters) may stand between.
void expect_layers(const Session& session, const std::vector<Layer>& found, const std::vector<Layer>& expected) {
  std::size_t at = 0;
  for (const Layer& row : expected) {
    if (row.operation.starts_with("constexpr_")) {
      expect_constant(session, row);
      continue;
    }
    const auto from = found.begin() + static_cast<std::ptrdiff_t>(at);
    const auto match = std::find_if(from, found.end(), [&](const Layer& layer) { return layer.name == row.name; });
    if (match == found.end()) {
      ADD_FAILURE() << "no result '" << row.name << "' of " << row.operation;
      continue;
    }
    expect_near(*match, row);
    at = static_cast<std::size_t>(match - found.begin()) + 1;
  }
}

struct Finished {
  std::unique_ptr<Session> session;
  std::vector<Output> outputs;
  std::vector<Layer> layers;
};

Result<Finished> run(const toml::table& golden, Options options) {
  Finished out;
  OPENANE_TRY(const mil::Model model, mil::read_model(folder() + *golden["model"].value<std::string>()));
  options.function = golden["function"].value_or(std::string());
  options.observer = [&](const Observation& seen) {
    const auto values = seen.output.tensor.to_floats();
    out.layers.push_back({seen.output.name, seen.operation.type, shape_text(seen.output.tensor.shape),
                          statistics_of(values ? *values : std::vector<float>())});
  };
  options.keep_all_constants = true;
  OPENANE_TRY(Session session, Session::create(model, std::move(options)));
  std::vector<NamedTensor> inputs;
  for (const auto& entry : *golden["inputs"].as_array()) {
    const toml::table& one = *entry.as_table();
    const std::string name = *one["name"].value<std::string>();
    const bool is_state = std::ranges::find(session.states(), name, &Port::name) != session.states().end();
    if (is_state) {
      OPENANE_CHECK(session.set_state(name, read_tensor(one)));
    } else {
      inputs.push_back({name, read_tensor(one)});
    }
  }
  OPENANE_TRY(out.outputs, session.run(inputs));
  out.session = std::make_unique<Session>(std::move(session));
  return out;
}

void expect_outputs(const toml::table& golden, const std::vector<Output>& outputs, double tolerance) {
  for (const auto& entry : *golden["outputs"].as_array()) {
    const toml::table& one = *entry.as_table();
    const std::string name = *one["name"].value<std::string>();
    const auto at = std::ranges::find(outputs, name, &Output::name);
    ASSERT_NE(at, outputs.end()) << name;
    expect_near(at->tensor, read_tensor(one), tolerance, name);
  }
}

class Golden : public testing::Test {
 protected:
  void SetUp() override { OPENANE_NEEDS_CORPUS(); }
};

TEST_F(Golden, single_precision_gives_the_results_and_every_layer) {
  std::size_t passed = 0;
  for (const toml::table& golden : cases()) {
    const std::string name = *golden["name"].value<std::string>();
    SCOPED_TRACE(name);
    const Result<Finished> done = run(golden, {.precision = Precision::fp32});
    if (!done) {
      ADD_FAILURE() << done.error().to_string();
      continue;
    }
    expect_outputs(golden, done->outputs, kTolerance);
    expect_layers(*done->session, done->layers, read_layers(folder() + "golden/" + name + "/layers.csv"));
    ++passed;
  }
  EXPECT_EQ(passed, 53U);
}

/// Results in another precision than the reference's. `exceptions`: other tolerances by case; 0: cannot be compared.
void expect_agreement(Precision precision, double tolerance, const std::map<std::string, double>& exceptions) {
  for (const toml::table& golden : cases()) {
    const std::string name = *golden["name"].value<std::string>();
    SCOPED_TRACE(name);
    const auto exception = exceptions.find(name);
    const Result<Finished> done = run(golden, {.precision = precision});
    if (!done) {
      ADD_FAILURE() << done.error().to_string();
      continue;
    }
    expect_outputs(golden, done->outputs, exception != exceptions.end() ? exception->second : tolerance);
  }
}

TEST_F(Golden, double_precision_agrees) {
  // basic-pitch takes the logarithm of powers as small as 1e-10: that makes the reference's own rounding, and ours in
  // single precision, ten times as large as elsewhere.
  expect_agreement(Precision::fp64, kTolerance, {{"basic-pitch-nmp", 3e-3}});
}

TEST_F(Golden, tensors_rounded_to_fp16_stay_near) {
  // basic-pitch is an fp32 program: it adds 1e-10, which becomes 2^-24, before it takes a logarithm. w16a8 quantises in
  // steps of 0.1: a number that lies between two may fall to the other one.
  expect_agreement(Precision::fp16, kHalfTolerance, {{"basic-pitch-nmp", 0.4}, {"syn-w16a8_quantize_ios17", 0.05}});
}

TEST_F(Golden, the_number_of_threads_changes_no_bit) {
  for (const toml::table& golden : cases()) {
    SCOPED_TRACE(*golden["name"].value<std::string>());
    const Result<Finished> one = run(golden, {.threads = 1});
    const Result<Finished> three = run(golden, {.threads = 3});
    ASSERT_TRUE(one && three);
    ASSERT_EQ(one->outputs.size(), three->outputs.size());
    for (std::size_t i = 0; i < one->outputs.size(); ++i) {
      EXPECT_TRUE(one->outputs[i].tensor.data == three->outputs[i].tensor.data) << one->outputs[i].name;
    }
  }
}

TEST_F(Golden, every_decoded_constant_has_its_hash) {
  std::size_t checked = 0;
  for (const toml::table& golden : cases()) {
    SCOPED_TRACE(*golden["name"].value<std::string>());
    const auto* dense = golden["dense"].as_array();
    if (dense == nullptr) {
      continue;
    }
    const auto model = mil::read_model(folder() + *golden["model"].value<std::string>());
    ASSERT_TRUE(model) << model.error().to_string();
    const auto session =
        Session::create(*model, {.function = golden["function"].value_or(std::string()), .keep_all_constants = true});
    ASSERT_TRUE(session) << session.error().to_string();
    for (const auto& entry : *dense) {
      const toml::table& one = *entry.as_table();
      const std::string name = *one["name"].value<std::string>();
      const auto constant = session->constant(name);
      ASSERT_TRUE(constant) << name << ": " << constant.error().to_string();
      EXPECT_EQ(sha256_hex(constant->data.span()), *one["sha256"].value<std::string>()) << name;
      ++checked;
    }
  }
  EXPECT_EQ(checked, 125U);
}

}  // namespace
}  // namespace openane::reference
