// MIL text: how fast real texts are read and printed. OPENANE_CORPUS names the corpus.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include "openane/mil_infer.h"
#include "openane/mil_text.h"

namespace {

using namespace openane;

/// The largest text of the corpus (996 operations), or nothing.
Bytes text() {
  const char* root = std::getenv("OPENANE_CORPUS");
  const Result<Bytes> bytes =
      root != nullptr ? read_file(std::string(root) + "/mil/apple/unified_256ms_palette_4bit.mil") : Bytes();
  return bytes ? *bytes : Bytes();
}

void skip_without_text(benchmark::State& state, const Bytes& bytes) {
  if (bytes.empty()) {
    state.SkipWithError("OPENANE_CORPUS is not set");
  }
}

void parse(benchmark::State& state) {
  const Bytes bytes = text();
  skip_without_text(state, bytes);
  for (auto _ : state) {
    benchmark::DoNotOptimize(mil::parse_text(bytes));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes.size()));
}
BENCHMARK(parse);

void print(benchmark::State& state) {
  const Bytes bytes = text();
  skip_without_text(state, bytes);
  const Result<mil::Program> program = mil::parse_text(bytes);
  for (auto _ : state) {
    benchmark::DoNotOptimize(mil::print_text(*program));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes.size()));
}
BENCHMARK(print);

void verify(benchmark::State& state) {
  const Bytes bytes = text();
  skip_without_text(state, bytes);
  const Result<mil::Program> program = mil::parse_text(bytes);
  for (auto _ : state) {
    benchmark::DoNotOptimize(mil::verify(*program));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes.size()));
}
BENCHMARK(verify);

}  // namespace

BENCHMARK_MAIN();
