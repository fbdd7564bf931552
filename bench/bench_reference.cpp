// Runs of one model on the reference executor: bench_reference MODEL [RUNS] [THREADS]. Prints one line of JSON: median
// and least time of a run after one that warms up, the time to open, and by how much memory grew at its peak.
// tools/conformance/speed.py compares it with ONNX Runtime.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "openane/mil_model.h"
#include "openane/reference.h"

namespace {

using openane::NamedTensor;
using openane::Result;
using openane::Tensor;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Not getrusage: that also counts what the process was before it became this program.
double peak_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) {
      return std::stod(line.substr(6)) / 1024;
    }
  }
  return 0;
}

Result<void> measure(const std::string& path, int runs, unsigned threads) {
  const double before = peak_mib();
  const auto opening = std::chrono::steady_clock::now();
  OPENANE_TRY(const openane::mil::Model model, openane::mil::read_model(path));
  OPENANE_TRY(auto session, openane::reference::Session::create(model, {.threads = threads}));
  const double opened = seconds_since(opening);

  std::vector<NamedTensor> inputs;
  std::mt19937 random(1);  // NOLINT: the same numbers on every run
  for (const openane::reference::Port& port : session.inputs()) {
    OPENANE_TRY(const std::int64_t count, openane::element_count(port.type.shape()));
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) {
      value = std::uniform_real_distribution<float>(0, 1)(random);
    }
    inputs.push_back({port.name, Tensor::from_floats(port.type.shape(), values, openane::ElementType::float32)});
  }
  std::vector<double> times;
  for (int i = 0; i <= runs; ++i) {
    const auto start = std::chrono::steady_clock::now();
    OPENANE_TRY(const auto outputs, session.run(inputs));
    times.push_back(seconds_since(start));
  }
  times.erase(times.begin());
  std::ranges::sort(times);
  fmt::print("{{\"median\": {:.6f}, \"least\": {:.6f}, \"open\": {:.6f}, \"grown_mib\": {:.1f}}}\n",
             times[times.size() / 2], times.front(), opened, peak_mib() - before);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::puts("bench_reference MODEL [RUNS] [THREADS]; tools/conformance/speed.py calls it");
    return 0;
  }
  const int runs = argc > 2 ? std::atoi(argv[2]) : 20;                             // NOLINT
  const auto threads = argc > 3 ? static_cast<unsigned>(std::atoi(argv[3])) : 0U;  // NOLINT
  if (const Result<void> done = measure(argv[1], std::max(runs, 1), threads); !done) {
    std::fputs((done.error().to_string() + "\n").c_str(), stderr);
    return 1;
  }
  return 0;
}
