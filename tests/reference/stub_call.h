// A call of one kernel with arguments given by hand: what the kernel tests run instead of a program.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mil/extents.h"
#include "reference/call.h"
#include "reference/kernels.h"

namespace openane::reference::test {

template <typename T>
struct Held {
  static constexpr mil::DataType kType = mil::DataType::fp32;
};
template <>
struct Held<std::int32_t> {
  static constexpr mil::DataType kType = mil::DataType::int32;
};
template <>
struct Held<std::uint8_t> {
  static constexpr mil::DataType kType = mil::DataType::boolean;
};

template <typename T>
Array array_of(Shape shape, const std::vector<T>& values, mil::DataType type = Held<T>::kType) {
  auto owner = std::make_shared<std::vector<T>>(values);
  owner->reserve(1);
  const void* const first = owner->data();
  Array array(type, std::move(shape), kHolding<T>, owner, first);
  EXPECT_EQ(static_cast<std::size_t>(array.count()), values.size());
  return array;
}

template <typename T>
Array scalar_of(T value) {
  return array_of<T>({}, {value});
}

template <typename T>
std::vector<T> values_of(const Array& array) {
  const auto elements = array.elements<T>();
  return {elements.begin(), elements.end()};
}

inline std::size_t count_of(const Shape& shape) {
  return static_cast<std::size_t>(mil::product(shape, 0, shape.size()));
}

/// Numbers of [low, high), the same for a seed everywhere.
template <typename T>
std::vector<T> random_values(const Shape& shape, std::uint64_t seed, double low = -2, double high = 2) {
  std::mt19937_64 random(seed);
  std::vector<T> values(count_of(shape));
  for (T& value : values) {
    const double unit = static_cast<double>(random() >> 11) * 0x1p-53;
    value = static_cast<T>(static_cast<float>(low + unit * (high - low)));
  }
  return values;
}

template <typename T>
Array random_array(const Shape& shape, std::uint64_t seed, double low = -2, double high = 2) {
  return array_of<T>(shape, random_values<T>(shape, seed, low, high));
}

class StubCall : public Call {
 public:
  explicit StubCall(std::string_view operation, Precision precision = Precision::fp32, unsigned threads = 2)
      : info_(*mil::find_op(operation)),
        signature_(&info_.signatures.back()),
        precision_(precision),
        threads_(threads) {
    outputs_.resize(std::max<std::size_t>(info_.outputs.size(), 1));
    types_.resize(outputs_.size(), mil::DataType::fp32);
  }

  StubCall& with(const std::string& name, Array array) {
    arrays_[name] = {std::move(array)};
    return *this;
  }
  StubCall& with(const std::string& name, std::vector<Array> arrays) {
    arrays_[name] = std::move(arrays);
    return *this;
  }
  StubCall& with(const std::string& name, const char* text) { return with(name, Array::strings({}, {text})); }
  StubCall& with_integers(const std::string& name, const std::vector<std::int32_t>& values) {
    return with(name, array_of<std::int32_t>({std::ssize(values)}, values));
  }
  StubCall& with_integer(const std::string& name, std::int32_t value) { return with(name, scalar_of(value)); }
  StubCall& with_boolean(const std::string& name, bool value) {
    return with(name, scalar_of<std::uint8_t>(value ? 1 : 0));
  }
  /// A floating number, in the Real of the run.
  StubCall& with_number(const std::string& name, double value) {
    return precision_ == Precision::fp64 ? with(name, array_of<double>({}, {value}))
                                         : with(name, array_of<float>({}, {static_cast<float>(value)}));
  }
  /// The op set whose signature holds; the newest otherwise.
  StubCall& in(std::string_view opset) {
    signature_ = info_.signature(opset);
    return *this;
  }
  /// The number of results, where it is not the catalogue's.
  StubCall& with_results(std::size_t count) {
    outputs_.resize(count);
    types_.resize(count, mil::DataType::fp32);
    return *this;
  }
  /// The element type of result `index`; fp32 otherwise.
  StubCall& gives(mil::DataType type, std::size_t index = 0) {
    types_[index] = type;
    return *this;
  }

  /// Says that an argument is the same in every run.
  StubCall& constant(const std::string& name) {
    constants_.insert(name);
    return *this;
  }

  Result<void> run() {
    const Kernel kernel = find_kernel(info_.name);
    if (kernel == nullptr) {
      return fail(ErrorCategory::internal, "no kernel");
    }
    return kernel(*this);
  }
  /// Runs, and expects that to succeed.
  Array result(std::size_t index = 0) {
    const Result<void> done = run();
    EXPECT_TRUE(done) << info_.name << ": " << (done ? "" : done.error().to_string());
    return outputs_[index];
  }
  [[nodiscard]] const Array& output(std::size_t index) const { return outputs_[index]; }

  const mil::OpInfo& info() const override { return info_; }
  const mil::Signature& signature() const override { return *signature_; }
  Precision precision() const override { return precision_; }
  unsigned threads() const override { return threads_; }
  bool has(std::string_view name) const override { return arrays_.contains(std::string(name)); }
  const Array& array(std::string_view name) const override { return arrays_.at(std::string(name)).front(); }
  bool is_constant(std::string_view name) const override { return constants_.contains(std::string(name)); }
  std::span<const Array> arrays(std::string_view name) const override { return arrays_.at(std::string(name)); }
  Result<mil::Value> stored(std::string_view /*name*/) const override {
    return fail(ErrorCategory::internal, "nothing is stored");
  }
  std::optional<std::int64_t> integer(std::string_view name) const override {
    if (has(name)) {
      return array(name).elements<std::int32_t>()[0];
    }
    const std::string text = fallback(name);
    return text.empty() ? std::nullopt : std::optional<std::int64_t>(std::stoll(text));
  }
  std::optional<double> number(std::string_view name) const override {
    if (has(name)) {
      const Array& held = array(name);
      return held.holding() == Holding::fp64    ? held.elements<double>()[0]
             : held.holding() == Holding::int32 ? held.elements<std::int32_t>()[0]
                                                : static_cast<double>(held.elements<float>()[0]);
    }
    const std::string text = fallback(name);
    return text.empty() ? std::nullopt : std::optional<double>(std::stod(text));
  }
  std::optional<bool> boolean(std::string_view name) const override {
    if (has(name)) {
      return array(name).elements<std::uint8_t>()[0] != 0;
    }
    const std::string text = fallback(name);
    return text == "true" || text == "false" ? std::optional<bool>(text == "true") : std::nullopt;
  }
  std::optional<std::string> text(std::string_view name) const override {
    if (has(name)) {
      return array(name).texts()[0];
    }
    const std::string text = fallback(name);
    return text.empty() ? std::nullopt : std::optional<std::string>(text.substr(1, text.size() - 2));
  }
  std::optional<std::vector<std::int64_t>> integers(std::string_view name) const override {
    if (!has(name)) {
      return std::nullopt;
    }
    std::vector<std::int64_t> out;
    for (const Array& bound : arrays(name)) {
      const auto elements = bound.elements<std::int32_t>();
      out.insert(out.end(), elements.begin(), elements.end());
    }
    return out;
  }
  std::optional<std::vector<bool>> booleans(std::string_view name) const override {
    if (!has(name)) {
      return std::nullopt;
    }
    std::vector<bool> out;
    for (const Array& bound : arrays(name)) {
      const auto elements = bound.elements<std::uint8_t>();
      out.insert(out.end(), elements.begin(), elements.end());
    }
    return out;
  }
  std::size_t output_count() const override { return outputs_.size(); }
  const mil::Type& output_type(std::size_t /*index*/) const override { return no_type_; }
  Result<Array> allocate(std::size_t index, const Shape& shape) override {
    const mil::DataType type = types_[index];
    const std::size_t count = count_of(shape);
    // Filled with what no test expects.
    if (type == mil::DataType::boolean) {
      return array_of<std::uint8_t>(shape, std::vector<std::uint8_t>(count, 77), type);
    }
    if (mil::is_integer(type)) {
      return array_of<std::int32_t>(shape, std::vector<std::int32_t>(count, -7777), type);
    }
    return precision_ == Precision::fp64 ? array_of<double>(shape, std::vector<double>(count, -7777.5), type)
                                         : array_of<float>(shape, std::vector<float>(count, -7777.5F), type);
  }
  Result<Array> allocate(std::size_t /*index*/) override { return fail(ErrorCategory::internal, "no declared shape"); }
  void give(std::size_t index, Array array) override { outputs_[index] = std::move(array); }
  std::uint64_t next_seed() override { return ++seed_; }

 private:
  [[nodiscard]] std::string fallback(std::string_view name) const {
    EXPECT_TRUE(std::ranges::any_of(info_.signatures,
                                    [&](const mil::Signature& signature) { return signature.find(name) != nullptr; }))
        << info_.name << " has no parameter " << name;
    const mil::Parameter* const parameter = signature().find(name);
    return parameter == nullptr ? std::string() : std::string(parameter->fallback);
  }

  const mil::OpInfo& info_;
  const mil::Signature* signature_;
  Precision precision_;
  unsigned threads_;
  std::map<std::string, std::vector<Array>> arrays_;
  std::set<std::string> constants_;
  std::vector<Array> outputs_;
  std::vector<mil::DataType> types_;
  mil::Type no_type_;
  std::uint64_t seed_ = 0;
};

template <typename Real>
inline constexpr Precision kPrecision = std::same_as<Real, double> ? Precision::fp64 : Precision::fp32;

}  // namespace openane::reference::test
