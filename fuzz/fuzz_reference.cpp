// MIL text that passes the verifier, run with little memory: it gives results or an error, and the same ones again.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "openane/mil_text.h"
#include "openane/reference.h"

namespace {

using openane::NamedTensor;
using openane::Result;
using openane::reference::Options;
using openane::reference::Output;
using openane::reference::Precision;
using openane::reference::Session;

constexpr std::uint64_t kMemory = 1U << 18;
constexpr std::uint64_t kLoops = 50;
constexpr std::int64_t kMostElements = 1 << 14;

/// Counting numbers for every input; nothing when one is not a small tensor of numbers.
std::vector<NamedTensor> make_inputs(const Session& session) {
  std::vector<NamedTensor> inputs;
  for (const auto& port : session.inputs()) {
    openane::Shape shape = port.type.shape();
    for (std::int64_t& extent : shape) {
      extent = extent < 0 ? 2 : extent;
    }
    const auto element = openane::mil::info(port.type.data_type()).element;
    const Result<std::int64_t> count = openane::element_count(shape);
    if (!count || *count > kMostElements || !openane::element_bytes(element)) {
      return {};
    }
    std::vector<float> numbers(static_cast<std::size_t>(*count));
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      numbers[i] = static_cast<float>(i % 5);
    }
    inputs.push_back({port.name, openane::Tensor::from_floats(shape, numbers, element)});
  }
  return inputs;
}

bool are_same(const std::vector<Output>& a, const std::vector<Output>& b) {
  bool same = a.size() == b.size();
  for (std::size_t i = 0; same && i < a.size(); ++i) {
    same = a[i].tensor.shape == b[i].tensor.shape && a[i].tensor.data == b[i].tensor.data && a[i].texts == b[i].texts;
  }
  return same;
}

void run(const openane::mil::Program& program, Precision precision) {
  const Options options{.precision = precision, .threads = 1, .memory_limit = kMemory, .loop_limit = kLoops};
  auto session = Session::create(program, openane::mil::Weights(), options);
  if (!session) {
    return;
  }
  const std::vector<NamedTensor> inputs = make_inputs(*session);
  const auto first = session->run(inputs);
  if (!first || !session->reset_states()) {
    return;
  }
  const auto second = session->run(inputs);
  if (second && !are_same(*first, *second)) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto program = openane::mil::parse_text(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz");
  if (program) {
    run(*program, Precision::fp32);
    run(*program, Precision::fp16);
  }
  return 0;
}
