// What a user waits for and pays for beside the arithmetic: decoding and listing task streams, starting the tool,
// memory. Prints the second table of docs/performance.md. Times are processor time of one thread, the best of several
// runs.
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <functional>

#include "openane/hwx.h"
#include "openane/listing.h"
#include "openane/mil_builder.h"
#include "openane/mil_model.h"
#include "openane/npy.h"
#include "programs.h"

namespace openane::bench {
namespace {

double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double best_of(int runs, const std::function<void()>& work) {
  double best = 1e30;
  for (int i = 0; i < runs; ++i) {
    const double start = processor_seconds();
    work();
    best = std::min(best, processor_seconds() - start);
  }
  return best;
}

struct Spent {
  double wall = 0, processor = 0;
  long peak_kilobytes = 0;
};

/// Runs the tool with its output thrown away.
Spent run_tool(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), OPENANE_TOOL);
  std::vector<char*> pointers;
  for (std::string& argument : arguments) {
    pointers.push_back(argument.data());
  }
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  timespec start{}, end{};
  clock_gettime(CLOCK_MONOTONIC, &start);
  pid_t child = 0;
  int status = 0;
  rusage usage{};
  if (posix_spawn(&child, pointers[0], &actions, nullptr, pointers.data(), environ) != 0 ||
      wait4(child, &status, 0, &usage) != child || status != 0) {
    fmt::print(stderr, "{} {}: failed\n", arguments[0], arguments[1]);
    std::exit(1);
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  posix_spawn_file_actions_destroy(&actions);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return {static_cast<double>(end.tv_sec - start.tv_sec) + static_cast<double>(end.tv_nsec - start.tv_nsec) * 1e-9,
          seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss};
}

void measure_stream() {
  const Program one = layer_program({"", 64, 64, 56, 56, 3, false});
  const std::vector<Task> tasks(4000, one.procedures[0].tasks[0].task);
  Program many = one;
  many.procedures[0].tasks = value_or_die(link_tasks(tasks));
  const std::vector<std::uint8_t> stream = value_or_die(encode_tasks(many.procedures[0].tasks));
  const std::uint32_t words = many.procedures[0].tasks[0].task.size_bytes() / 4;
  const double megabytes = static_cast<double>(stream.size()) * 1e-6;
  const double decode =
      best_of(5, [&] { static_cast<void>(value_or_die(decode_tasks(*many.generation, stream, 0, words, 0))); });
  const double list = best_of(3, [&] { static_cast<void>(value_or_die(list_program(many))); });
  fmt::print("| decode {:.1f} MB of task stream | {:.0f} MB/s |\n", megabytes, megabytes / decode);
  fmt::print("| list it | {:.0f} MB/s |\n", megabytes / list);
  fmt::print("| decode and list it | {:.0f} MB/s |\n", megabytes / (decode + list));
}

constexpr std::uint32_t kLarge = 2048;

/// In a process of its own: what a process held when it starts another counts as the other's peak, so this one must
/// stay small.
void write_files(const std::string& small, const std::string& large, const std::string& input) {
  const pid_t child = fork();
  if (child == 0) {
    check_or_die(write_program(small, layer_program({"", 64, 64, 56, 56, 3, false})));
    check_or_die(write_program(large, layer_program({"", kLarge, kLarge, kLarge, 1, 1, false})));
    Tensor tensor{
        ElementType::float16, {1, kLarge, 1, kLarge}, Bytes(std::vector<std::uint8_t>(2UL * kLarge * kLarge))};
    check_or_die(write_npy(input, tensor));
    _exit(0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
    fmt::print(stderr, "nothing to run\n");
    std::exit(1);
  }
}

void measure_process(const std::string& folder) {
  const std::string small = folder + "/small.hwx", large = folder + "/large.hwx";
  const std::string input = folder + "/x.npy", output = folder + "/y.npy";
  write_files(small, large, input);
  Spent best{1e30, 1e30, 0};
  for (int i = 0; i < 30; ++i) {
    const Spent spent = run_tool({"info", small});
    best = {std::min(best.wall, spent.wall), std::min(best.processor, spent.processor), spent.peak_kilobytes};
  }
  fmt::print("| `ane info`, whole process | {:.1f} ms wall, {:.1f} ms processor |\n", best.wall * 1e3,
             best.processor * 1e3);
  const double tensors = 2.0 * kLarge * kLarge * 2;
  const double bytes = static_cast<double>(std::filesystem::file_size(large)) + tensors;
  const Spent spent = run_tool({"run", large, "--input", input, "--output", output, "--numerics", "ideal"});
  const double peak = static_cast<double>(spent.peak_kilobytes) * 1024;
  fmt::print(
      "| `ane run`, matrix product {}, .npy to .npy, peak memory | {:.1f} MB, {:.2f} x the {:.1f} MB of program and "
      "tensors |\n",
      kLarge, peak * 1e-6, peak / bytes, bytes * 1e-6);
  fmt::print("| `ane info`, peak memory | {:.1f} MB |\n", static_cast<double>(best.peak_kilobytes) * 1024e-6);
}

/// A package of 75 weight matrices, 4 MB each. In a process of its own, as above.
void write_package(const std::string& path) {
  const pid_t child = fork();
  if (child == 0) {
    constexpr std::int64_t kRows = 2048, kColumns = 1024;
    const Bytes zeros(std::vector<std::uint8_t>(2UL * kRows * kColumns));
    const mil::Type type = mil::Type::tensor(mil::DataType::fp16, {kRows, kColumns});
    mil::Builder builder("main", "ios16");
    mil::Var x = builder.input("x", mil::Type::tensor(mil::DataType::fp16, {1, kRows}));
    mil::WeightWriter writer;
    mil::Var y;
    for (int i = 0; i < 75; ++i) {
      const auto offset = writer.add(mil::DataType::fp16, kRows * kColumns, zeros);
      y = builder.matmul(x, mil::Value::blob(type, {std::string(mil::kWeightPath), offset.value_or(0)}));
    }
    mil::Model model;
    model.program = builder.finish({y}).value_or(mil::Program());
    model.weights.add(std::string(mil::kWeightPath), *mil::WeightFile::open(Bytes(writer.finish())));
    check_or_die(mil::describe_functions(model));
    check_or_die(mil::write_package(model, path));
    _exit(0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
    fmt::print(stderr, "no package to open\n");
    std::exit(1);
  }
}

void measure_package(const std::string& folder) {
  const std::string path = folder + "/large.mlpackage";
  write_package(path);
  Spent best{1e30, 1e30, 0};
  for (int i = 0; i < 30; ++i) {
    const Spent spent = run_tool({"info", path});
    best = {std::min(best.wall, spent.wall), std::min(best.processor, spent.processor), spent.peak_kilobytes};
  }
  fmt::print("| `ane info` of a package with 315 MB of weights | {:.1f} ms wall, {:.1f} ms processor |\n",
             best.wall * 1e3, best.processor * 1e3);
}

int run() {
  std::string folder = (std::filesystem::temp_directory_path() / "openane-bench-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) {
    fmt::print(stderr, "{}: cannot be made\n", folder);
    return 1;
  }
  fmt::print("| what | measured |\n|---|---:|\n");
  measure_process(folder);
  measure_package(folder);
  measure_stream();
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace openane::bench

int main() { return openane::bench::run(); }
