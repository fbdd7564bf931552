// The emulator beside what a user would compute the same layer with: oneDNN in fp32 on the same number of threads, and
// memcpy for elementwise work. Prints the table of docs/performance.md.
//
//   bench_emulator [--threads N] [--seconds S] [--cpu-time] [FILTER]
//
// With --cpu-time everything runs on one thread and its processor time counts: for busy machines.
//
// What is timed is Emulator::run: a whole task from fp16 surface to fp16 surface, weights decoded from the coefficient
// stream, numbers converted, packed and rounded. oneDNN gets fp32 tensors in the layout it likes best, weights packed
// beforehand. Contestants take turns, and the best time of each counts: noise only ever adds.
#include <omp.h>
#include <dnnl.hpp>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>
#include <functional>
#include <string_view>
#include <thread>
#include <unordered_map>

#include "emulator/mac_kernels.h"
#include "emulator/mac_pool.h"
#include "programs.h"

namespace openane::bench {
namespace {

struct Settings {
  unsigned threads = 2;
  double seconds = 1;  ///< For each contestant, at least.
  bool cpu_time = false;
  std::string_view filter;
};

double now(const Settings& settings) {
  timespec time{};
  clock_gettime(settings.cpu_time ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double seconds_of(const Settings& settings, const std::function<void()>& work) {
  const double start = now(settings);
  work();
  return now(settings) - start;
}

/// The best time of each contestant. They run in turns of a few milliseconds, with pauses in which idle threads of the
/// one before stop looking for work.
std::vector<double> best_times(const Settings& settings, const std::vector<std::function<void()>>& contestants) {
  std::vector<double> best(contestants.size(), 1e30), spent(contestants.size(), 0);
  for (int round = 0; round < 3 || *std::ranges::min_element(spent) < settings.seconds; ++round) {
    for (std::size_t i = 0; i < contestants.size(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      for (double turn = 0; turn < 0.01;) {
        const double seconds = seconds_of(settings, contestants[i]);
        best[i] = std::min(best[i], seconds);
        turn += seconds;
        spent[i] += seconds;
      }
    }
  }
  return best;
}

/// One layer in oneDNN.
class Competitor {
 public:
  explicit Competitor(const Layer& layer) : engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {
    using dnnl::memory;
    const auto f32 = memory::data_type::f32;
    if (layer.height == 1 && layer.kernel == 1) {
      const auto matrix = [&](std::int64_t rows, std::int64_t columns) {
        return memory::desc({rows, columns}, f32, memory::format_tag::ab);
      };
      const dnnl::matmul::primitive_desc product(
          {matrix(layer.outputs, layer.inputs), matrix(layer.inputs, layer.width), matrix(layer.outputs, layer.width)},
          engine_);
      set(product, dnnl::matmul(product));
      return;
    }
    const auto any = [&](const memory::dims& dims) { return memory::desc(dims, f32, memory::format_tag::any); };
    const std::int64_t n = layer.kernel, pad = layer.pad();
    const memory::dims kernel =
        layer.depthwise ? memory::dims{layer.outputs, 1, 1, n, n} : memory::dims{layer.outputs, layer.inputs, n, n};
    const dnnl::convolution_forward::primitive_desc convolution({dnnl::prop_kind::forward_inference,
                                                                 dnnl::algorithm::convolution_auto,
                                                                 any({1, layer.inputs, layer.height, layer.width}),
                                                                 any(kernel),
                                                                 any({1, layer.outputs, layer.height, layer.width}),
                                                                 {1, 1},
                                                                 {pad, pad},
                                                                 {pad, pad}},
                                                                engine_);
    set(convolution, dnnl::convolution_forward(convolution));
  }

  void run() {
    primitive_.execute(stream_, arguments_);
    stream_.wait();
  }

 private:
  template <typename Description>
  void set(const Description& description, dnnl::primitive primitive) {
    primitive_ = std::move(primitive);
    arguments_ = {{DNNL_ARG_SRC, dnnl::memory(description.src_desc(), engine_)},
                  {DNNL_ARG_WEIGHTS, dnnl::memory(description.weights_desc(), engine_)},
                  {DNNL_ARG_DST, dnnl::memory(description.dst_desc(), engine_)}};
    std::mt19937 random(1);
    for (auto& [index, memory] : arguments_) {
      float* const values = static_cast<float*>(memory.get_data_handle());
      std::generate_n(values, memory.get_desc().get_size() / sizeof(float),
                      [&] { return static_cast<float>(static_cast<std::int32_t>(random())) * 0x1p-31F; });
    }
  }

  dnnl::engine engine_;
  dnnl::stream stream_;
  dnnl::primitive primitive_;
  std::unordered_map<int, dnnl::memory> arguments_;
};

Emulator emulator_of(const Program& program, const Settings& settings, Numerics numerics) {
  EmulatorOptions options;
  options.numerics = numerics;
  options.threads = settings.threads;
  Emulator emulator = value_or_die(Emulator::create(program, 0, std::move(options)));
  for (const std::uint32_t slot : {kSourceSlot, kSecondSlot}) {
    fill_surface(emulator.surface(slot), slot);
  }
  return emulator;
}

const std::vector<Layer>& layers() {
  static const std::vector<Layer> all{{"convolution 3x3, 64 -> 64, 56x56", 64, 64, 56, 56, 3, false},
                                      {"convolution 1x1, 256 -> 64, 56x56", 256, 64, 56, 56, 1, false},
                                      {"depthwise 3x3, 96, 112x112", 96, 96, 112, 112, 3, true},
                                      {"matrix product 512", 512, 512, 512, 1, 1, false},
                                      {"matrix product 1024", 1024, 1024, 1024, 1, 1, false},
                                      {"matrix product 2048", 2048, 2048, 2048, 1, 1, false},
                                      {"matrix product 4096", 4096, 4096, 4096, 1, 1, false}};
  return all;
}

void measure_layers(const Settings& settings) {
  fmt::print(
      "| layer | oneDNN ms | GFLOP/s | ideal ms | ratio | h13 ms | ratio |\n|---|---:|---:|---:|---:|---:|---:|\n");
  for (const Layer& layer : layers()) {
    if (layer.name.find(settings.filter) == std::string::npos) {
      continue;
    }
    const Program program = layer_program(layer);
    Emulator ideal = emulator_of(program, settings, Numerics::ideal);
    Emulator h13 = emulator_of(program, settings, Numerics::h13);
    Competitor competitor(layer);
    const std::vector<double> best = best_times(
        settings, {[&] { competitor.run(); }, [&] { check_or_die(ideal.run()); }, [&] { check_or_die(h13.run()); }});
    fmt::print("| {} | {:.3f} | {:.0f} | {:.3f} | {:.2f} | {:.3f} | {:.2f} |\n", layer.name, best[0] * 1e3,
               layer.products() * 2e-9 / best[0], best[1] * 1e3, best[1] / best[0], best[2] * 1e3, best[2] / best[0]);
    std::fflush(stdout);
  }
}

/// y = x + z over 8 MB each, beside copying 8 MB.
void measure_elementwise(const Settings& settings) {
  const std::string name = "elementwise add, 8 MB";
  if (name.find(settings.filter) == std::string::npos) {
    return;
  }
  const SurfaceShape shape{1, 64, 256, 256};
  const Program program = add_program(shape);
  Emulator emulator = emulator_of(program, settings, Numerics::h13);
  const std::size_t bytes = emulator.surface(kSourceSlot).size();
  std::vector<std::uint8_t> from(bytes, 1), to(bytes);
  WorkerPool pool(settings.threads);
  const std::size_t part = bytes / settings.threads;
  const std::vector<double> best =
      best_times(settings, {[&] { std::memcpy(to.data(), from.data(), bytes); },
                            [&] {
                              pool.run(settings.threads, [&](std::size_t index, unsigned) {
                                std::memcpy(to.data() + index * part, from.data() + index * part, part);
                              });
                            },
                            [&] { check_or_die(emulator.run()); }});
  const auto rate = [](std::size_t moved, double seconds) { return static_cast<double>(moved) / seconds * 1e-9; };
  fmt::print("\n| 8 MB | moved | ms | GB/s |\n|---|---:|---:|---:|\n");
  fmt::print("| memcpy, 1 thread | 16 MB | {:.3f} | {:.1f} |\n", best[0] * 1e3, rate(2 * bytes, best[0]));
  fmt::print("| memcpy, {} threads | 16 MB | {:.3f} | {:.1f} |\n", settings.threads, best[1] * 1e3,
             rate(2 * bytes, best[1]));
  fmt::print("| {} | 24 MB | {:.3f} | {:.1f} |\n", name, best[2] * 1e3, rate(3 * bytes, best[2]));
}

int run(int count, char** arguments) {
  Settings settings;
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--threads" && i + 1 < count) {
      settings.threads = static_cast<unsigned>(std::atoi(arguments[++i]));
    } else if (argument == "--seconds" && i + 1 < count) {
      settings.seconds = std::atof(arguments[++i]);
    } else if (argument == "--cpu-time") {
      settings.cpu_time = true;
      settings.threads = 1;
    } else {
      settings.filter = argument;
    }
  }
  omp_set_num_threads(static_cast<int>(settings.threads));
  fmt::print("{} threads, {}, {} time\n\n", settings.threads, mac_kernels().target,
             settings.cpu_time ? "processor" : "wall");
  measure_layers(settings);
  measure_elementwise(settings);
  return 0;
}

}  // namespace
}  // namespace openane::bench

int main(int count, char** arguments) { return openane::bench::run(count, arguments); }
