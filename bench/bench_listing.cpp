// Decoding and listing task streams: megabytes of task words per second, from the section's bytes to the listing's
// text.
//
//   bench_listing [--tasks N] [--seconds S] [--cpu-time]
//
// The stream of H13 is a long chain of compiled-looking tasks: convolutions, table lookups and planar work in turn,
// made from the project's own text; those of other generations are the published ones, over and over. Gaps between
// tasks do not count. With --cpu-time the processor time of all threads counts: the speed of one core, for busy
// machines.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <string_view>
#include <thread>

#include "isa/sample_streams.h"
#include "openane/assembly.h"
#include "openane/listing.h"
#include "openane/program.h"

namespace openane::bench {
namespace {

constexpr std::string_view kText =
    "generation H13\n"
    "constants {\n"
    "  k: kernel { shape = 64x64x3x3; weights = fill 0.5; bias = fill 0 }\n"
    "  t: table sigmoid\n"
    "}\n"
    "procedure main {\n"
    "  tensor x input float16 1x64x16x16\n"
    "  tensor y output float16 1x64x16x16\n"
    "  buffer s scratch float16 1x64x16x16\n"
    "  buffer c on_chip float16 1x64x16x16\n"
    "  task neural convolution { source1 = x; result = s; kernel = k; window = 3x3 pad 1x1; activation = relu }\n"
    "  task neural { source1 = s; result = c; kernel = t }\n"
    "  task planar binary { op = mul; source1 = c; source2 = s; result = y; scale = 0.5 }\n"
    "  task planar { source1 = y; result = s; bias = 1 }\n"
    "}\n";

struct Settings {
  std::size_t tasks = 40000;
  double seconds = 2;
  bool cpu_time = false;
};

double now(const Settings& settings) {
  timespec time{};
  clock_gettime(settings.cpu_time ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

template <typename T>
T value_or_exit(Result<T> result) {
  if (!result) {
    fmt::print(stderr, "{}\n", result.error().to_string());
    std::exit(1);
  }
  return *std::move(result);
}

struct Stream {
  Program program;  ///< Without tasks.
  std::vector<std::uint8_t> section;
  std::size_t count = 0;
  std::uint32_t first_words = 0;
  double bytes = 0;
};

/// `stream.program` has the tasks to repeat.
Stream repeated(Program program, std::size_t count) {
  Stream stream;
  stream.program = std::move(program);
  std::vector<Task> tasks;
  for (std::size_t i = 0; i < count; ++i) {
    const std::vector<PlacedTask>& pattern = stream.program.procedures[0].tasks;
    tasks.push_back(pattern[i % pattern.size()].task);
    stream.bytes += tasks.back().size_bytes();
  }
  stream.first_words = tasks[0].size_bytes() / 4;
  const std::vector<PlacedTask> placed = value_or_exit(link_tasks(std::move(tasks)));
  stream.section = value_or_exit(encode_tasks(placed));
  stream.count = count;
  stream.program.procedures[0].tasks.clear();
  stream.program.task_section = {};
  return stream;
}

std::vector<PlacedTask> decode(const Stream& stream) {
  return value_or_exit(decode_tasks(*stream.program.generation, stream.section, 0, stream.first_words,
                                    static_cast<std::uint32_t>(stream.count)));
}

Program program_of_h13() { return value_or_exit(assemble(kText, "bench.anes")); }

/// The published tasks of a generation; none when there are none.
Program published_program(const Generation& generation) {
  Program program;
  program.generation = &generation;
  Procedure& procedure = program.procedures.emplace_back();
  procedure.name = "main";
  for (const test::SampleStream& stream : test::sample_streams()) {
    if (stream.generation == &generation) {
      for (PlacedTask& placed :
           value_or_exit(decode_tasks(generation, stream.bytes(), 4 * stream.lead_in_words, 0, 0))) {
        procedure.tasks.push_back(std::move(placed));
      }
    }
  }
  return program;
}

/// The best time of a few runs: noise only ever adds.
template <typename Work>
double best_seconds(const Settings& settings, Work work) {
  double best = 1e30, spent = 0;
  for (int round = 0; round < 3 || spent < settings.seconds; ++round) {
    const double start = now(settings);
    work();
    const double seconds = now(settings) - start;
    best = std::min(best, seconds);
    spent += seconds;
  }
  return best;
}

void report(std::string_view what, const Stream& stream, double seconds, std::size_t text) {
  fmt::print("{:<28} {:>8.1f} MB/s of tasks  {:>6.2f} us per task", what, stream.bytes / seconds * 1e-6,
             seconds / static_cast<double>(stream.count) * 1e6);
  if (text != 0) {
    fmt::print("  {:>7.1f} MB/s of text", static_cast<double>(text) / seconds * 1e-6);
  }
  fmt::print("\n");
}

void run(const Settings& settings, Program program) {
  Stream stream = repeated(std::move(program), settings.tasks);
  fmt::print("{}: {} tasks, {:.1f} MB of task words, {} cores{}\n", stream.program.generation->id, stream.count,
             stream.bytes * 1e-6, std::thread::hardware_concurrency(), settings.cpu_time ? ", time of one" : "");
  report("decode", stream, best_seconds(settings, [&] { static_cast<void>(decode(stream)); }), 0);
  const std::pair<std::string_view, ListingOptions::View> kViews[] = {
      {"decode, list meaning", ListingOptions::View::meaning},
      {"decode, list fields", ListingOptions::View::fields},
      {"decode, list words", ListingOptions::View::words}};
  for (const auto& [name, view] : kViews) {
    std::size_t text = 0;
    const double seconds = best_seconds(settings, [&, view = view] {
      stream.program.procedures[0].tasks = decode(stream);
      text = value_or_exit(list_program(stream.program, {.view = view})).size();
    });
    report(name, stream, seconds, text);
  }
}

}  // namespace
}  // namespace openane::bench

int main(int argc, char** argv) {
  openane::bench::Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    const std::string_view value = i + 1 < argc ? argv[i + 1] : "";
    if (option == "--cpu-time") {
      settings.cpu_time = true;
    } else if (option == "--tasks" || option == "--seconds") {
      std::size_t number = 0;
      std::from_chars(value.data(), value.data() + value.size(), number);
      (option == "--tasks" ? settings.tasks : number) = std::max<std::size_t>(number, 1);
      settings.seconds = option == "--seconds" ? static_cast<double>(number) : settings.seconds;
      ++i;
    } else {
      fmt::print(stderr, "usage: bench_listing [--tasks N] [--seconds S] [--cpu-time]\n");
      return 2;
    }
  }
  openane::bench::run(settings, openane::bench::program_of_h13());
  for (const openane::Generation* generation : openane::generations()) {
    if (openane::Program program = openane::bench::published_program(*generation);
        !program.procedures[0].tasks.empty()) {
      openane::bench::run(settings, std::move(program));
    }
  }
  return 0;
}
