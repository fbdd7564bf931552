// MIL text: how fast a real one is read, printed and verified. Prints a table; times are the best of several runs.
// OPENANE_CORPUS names the corpus, whose largest text (996 operations) is taken.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>

#include "openane/mil_infer.h"
#include "openane/mil_text.h"

namespace openane::bench {
namespace {

double best_of(int runs, const std::function<void()>& work) {
  double best = 1e30;
  for (int i = 0; i < runs; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

int run() {
  const char* root = std::getenv("OPENANE_CORPUS");
  if (root == nullptr) {
    fmt::print("bench_mil: OPENANE_CORPUS is not set: no text to read\n");
    return 0;
  }
  const Result<Bytes> text = read_file(std::string(root) + "/mil/apple/unified_256ms_palette_4bit.mil");
  const Result<mil::Program> program =
      text ? mil::parse_text(*text) : Result<mil::Program>(std::unexpected(text.error()));
  if (!program) {
    fmt::print(stderr, "{}\n", program.error().to_string());
    return 1;
  }
  const double megabytes = static_cast<double>(text->size()) * 1e-6;
  constexpr int kRuns = 50;
  std::size_t seen = 0;  // so that no call is dropped
  const double parse = best_of(kRuns, [&] { seen += mil::parse_text(*text)->functions.size(); });
  const double print = best_of(kRuns, [&] { seen += mil::print_text(*program).size(); });
  const double verify = best_of(kRuns, [&] { seen += mil::verify(*program).size(); });
  fmt::print("| MIL text of {:.0f} kB | measured |\n|---|---:|\n", megabytes * 1e3);
  fmt::print("| parse | {:.0f} MB/s |\n", megabytes / parse);
  fmt::print("| print | {:.0f} MB/s |\n", megabytes / print);
  fmt::print("| verify, inference included | {:.0f} MB/s |\n", megabytes / verify);
  return seen > 0 ? 0 : 1;
}

}  // namespace
}  // namespace openane::bench

int main() { return openane::bench::run(); }
