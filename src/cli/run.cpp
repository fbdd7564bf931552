// `ane run`: a program on your data, with the engine's own numerics.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/console.h"
#include "cli/model_files.h"
#include "cli/program_files.h"
#include "cli/run.h"
#include "cli/tensor_files.h"
#include "cli/tensor_source.h"
#include "cli/tensor_text.h"
#include "openane/emulator.h"
#include "openane/listing.h"
#include "openane/npy.h"

namespace openane::cli {
namespace {

constexpr const char* kExamples =
    R"(inputs are tensors: of a program in logical N x C x H x W shape, of a model in the shape it declares:
  x.npy          an array of the input's shape; extents of 1 may be left out
  x.npz          of an archive, the array of the input's name; without NAME= it feeds every input
  x.bin, x.raw   dense elements of the input's type, no header
  x.png, x.jpg   of a model that declares an image: the picture in its colours; --resize scales it to the declared size
  random[:SEED]  multiples of 1/1024 from -1 to 1023/1024, the same on every host; SEED is the input's number if left out
  fill:V         the number V everywhere
  ramp           0, 1, 2, ...

examples:
  ane run sigmoid.hwx --input fill:3                       prints the outputs
  ane run add.hwx --input a=x.npy --input b=random:7 --output y.npy
  ane run model.anec --input x.npz --output y.npz --print
  ane run model.hwx --input random --trace                 each task with the statistics of its tensors
  ane run model.hwx --input random --dump-task 2 folder    writes task 2's tensors as .npy
  ane run kernel.bin --raw kernel.toml --input ramp --numerics ideal
  ane run model.mlpackage --input x=x.npy --output y.npy      a model, on the reference executor
  ane run model.mlpackage --input photo.jpg --resize
  ane run model.mil --shape x=1x3x224x224 --input random --precision fp16 --trace)";

Numerics numerics_of(const RunOptions& options, const Program& program) {
  return numerics_from_string(options.numerics).value_or(default_numerics(*program.generation));
}

Result<std::size_t> procedure_index(const Program& program, const std::string& name) {
  std::vector<std::string> names;
  names.reserve(program.procedures.size());
  for (const Procedure& procedure : program.procedures) {
    names.push_back(procedure.name);
  }
  if (names.empty()) {
    return fail(ErrorCategory::malformed_input, "the program has no procedure");
  }
  if (name.empty()) {
    if (names.size() > 1) {
      return fail(ErrorCategory::usage, fmt::format("choose one with --procedure: {}", fmt::join(names, ", ")));
    }
    return 0;
  }
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) {
    return fail(ErrorCategory::usage, fmt::format("--procedure {}: the program has {}", name, fmt::join(names, ", ")));
  }
  return static_cast<std::size_t>(found - names.begin());
}

std::vector<const TensorBinding*> bindings_of(const Procedure& procedure, TensorRole role) {
  std::vector<const TensorBinding*> found;
  for (const TensorBinding& binding : procedure.tensors) {
    if (binding.role == role) {
      found.push_back(&binding);
    }
  }
  return found;
}

std::vector<std::string> names_of(const std::vector<const TensorBinding*>& bindings) {
  std::vector<std::string> names;
  names.reserve(bindings.size());
  for (const TensorBinding* binding : bindings) {
    names.push_back(binding->name);
  }
  return names;
}

Result<void> set_inputs(Emulator& emulator, const Procedure& procedure, const std::vector<std::string>& arguments) {
  const std::vector<const TensorBinding*> inputs = bindings_of(procedure, TensorRole::input);
  const std::vector<std::string> names = names_of(inputs);
  using Sources = std::map<std::string, std::string>;
  OPENANE_TRY(const Sources sources, match_names(spread_archives(arguments, names), names, "input"));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto source = sources.find(names[i]);
    if (source == sources.end()) {
      return fail(ErrorCategory::usage,
                  fmt::format("input '{}' has no value: give --input {}=...", names[i], names[i]));
    }
    OPENANE_TRY(const Tensor tensor, make_tensor(source->second, names[i], inputs[i]->layout, i));
    OPENANE_CHECK(in_file(emulator.set_input(names[i], tensor), source->second));
  }
  return {};
}

/// Where each output goes, checked before the program runs.
Result<std::map<std::string, std::string>> output_files(const Procedure& procedure,
                                                        const std::vector<std::string>& arguments) {
  const std::vector<std::string> names = names_of(bindings_of(procedure, TensorRole::output));
  return match_names(spread_archives(arguments, names), names, "output");
}

/// What `--trace` and `--dump-task` take from the steps of a run.
class Observer {
 public:
  Observer(const RunOptions& options, const Procedure& procedure) : options_(options), procedure_(procedure) {}

  void step(const TraceStep& step) {
    if (options_.trace) {
      options_.json ? add_json(step) : print_text(step);
    }
    for (const auto& [task, folder] : options_.dumps) {
      if (task == step.task && dumped_) {
        dumped_ = dump(step, folder);
      }
    }
  }
  [[nodiscard]] Result<void> dumped() const { return dumped_; }
  [[nodiscard]] const nlohmann::ordered_json& json() const { return json_; }

 private:
  void print_text(const TraceStep& step) {
    print(list_task(procedure_.tasks[step.task].task, step.op, step.task, &procedure_, {.color = use_color()}));
    for (const TracedTensor& traced : step.tensors) {
      print(fmt::format("    {:<9} {:<16} {}\n", traced.label, to_string(traced.tensor.shape),
                        statistics_text(traced.statistics)));
    }
    print(fmt::format("    {:<9} {:.3f} ms\n", "time", step.seconds * 1e3));
  }

  void add_json(const TraceStep& step) {
    nlohmann::ordered_json tensors = nlohmann::ordered_json::array();
    for (const TracedTensor& traced : step.tensors) {
      tensors.push_back({{"label", traced.label},
                         {"shape", traced.tensor.shape},
                         {"type", to_string(traced.tensor.type)},
                         {"statistics", statistics_json(traced.statistics)}});
    }
    json_.push_back({{"task", step.task}, {"seconds", step.seconds}, {"tensors", tensors}});
  }

  static Result<void> dump(const TraceStep& step, const std::string& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) {
      return fail(ErrorCategory::system, "cannot create the folder: " + error.message(), Location{folder, {}, 0, 0});
    }
    for (const TracedTensor& traced : step.tensors) {
      std::string label = traced.label;
      std::ranges::replace(label, ' ', '-');
      OPENANE_CHECK(write_npy(fmt::format("{}/task{}-{}.npy", folder, step.task, label), traced.tensor));
    }
    return {};
  }

  const RunOptions& options_;
  const Procedure& procedure_;
  Result<void> dumped_;
  nlohmann::ordered_json json_ = nlohmann::ordered_json::array();
};

Result<void> check_dumps(const RunOptions& options, std::size_t tasks) {
  for (const auto& [task, folder] : options.dumps) {
    if (task >= tasks) {
      return fail(ErrorCategory::usage, fmt::format("--dump-task {}: the program has tasks 0 to {}", task, tasks - 1));
    }
  }
  return {};
}

Result<void> report(const RunOptions& options, const Procedure& procedure, Numerics numerics,
                    const std::vector<NamedTensor>& outputs, const std::map<std::string, std::string>& files,
                    double seconds, const nlohmann::ordered_json& trace) {
  const bool values = options.print || files.empty();
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const NamedTensor& output : outputs) {
    if (!options.json) {
      if (values) {
        OPENANE_TRY(const std::string text, tensor_text(output.name, output.tensor));
        print(text);
      }
      continue;
    }
    OPENANE_TRY(nlohmann::ordered_json entry, tensor_json(output.name, output.tensor, values));
    if (const auto file = files.find(output.name); file != files.end()) {
      entry["file"] = file->second;
    }
    list.push_back(std::move(entry));
  }
  if (options.json) {
    nlohmann::ordered_json json = {
        {"program", options.program},      {"procedure", procedure.name}, {"numerics", to_string(numerics)},
        {"tasks", procedure.tasks.size()}, {"seconds", seconds},          {"outputs", list}};
    if (options.trace) {
      json["trace"] = trace;
    }
    print_json(json);
  }
  return {};
}

Result<Exit> run_on_emulator(const RunOptions& options) {
  OPENANE_TRY(const Program program, load_program(options.program, options.raw_layout));
  OPENANE_TRY(const std::size_t index, in_file(procedure_index(program, options.procedure), options.program));
  const Procedure& procedure = program.procedures[index];
  using Files = std::map<std::string, std::string>;
  OPENANE_TRY(const Files files, output_files(procedure, options.outputs));

  Observer observer(options, procedure);
  Progress progress("running " + options.program);
  const Numerics numerics = numerics_of(options, program);
  if (options.numerics.empty() && numerics != Numerics::h13) {
    print_note(
        fmt::format("nothing is published about the arithmetic of {}; products are summed in fp32 (--numerics {})",
                    program.generation->id, to_string(numerics)));
  }
  EmulatorOptions emulation{.numerics = numerics, .threads = options.threads, .trace = {}, .progress = {}};
  emulation.progress = [&](std::size_t task, std::size_t count) { progress.step(task, count); };
  if (options.trace || !options.dumps.empty()) {
    emulation.trace = [&](const TraceStep& step) { observer.step(step); };
  }
  OPENANE_TRY(Emulator emulator, in_file(Emulator::create(program, index, std::move(emulation)), options.program));
  OPENANE_CHECK(check_dumps(options, emulator.ops().size()));
  OPENANE_CHECK(set_inputs(emulator, procedure, options.inputs));

  const auto start = std::chrono::steady_clock::now();
  OPENANE_CHECK(in_file(emulator.run(), options.program));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  OPENANE_CHECK(observer.dumped());
  emulator.release_inputs();

  std::vector<NamedTensor> outputs;
  for (const TensorBinding* binding : bindings_of(procedure, TensorRole::output)) {
    OPENANE_TRY(Tensor tensor, in_file(emulator.output(binding->name), options.program));
    outputs.push_back({binding->name, std::move(tensor)});
  }
  OPENANE_CHECK(write_outputs(outputs, files));
  OPENANE_CHECK(report(options, procedure, numerics, outputs, files, seconds, observer.json()));
  return Exit::ok;
}

/// Options that only one of the two kinds of input takes.
Result<void> check_options(const RunOptions& options, bool is_model_file) {
  const std::pair<bool, const char*> of_models[] = {{!options.device.empty(), "--device"},
                                                    {!options.precision.empty(), "--precision"},
                                                    {!options.function.empty(), "--function"},
                                                    {!options.shapes.empty(), "--shape"},
                                                    {options.resize, "--resize"},
                                                    {options.runs != 1, "--runs"},
                                                    {options.seed != 0, "--seed"},
                                                    {options.memory_limit != 0, "--memory"}};
  const std::pair<bool, const char*> of_programs[] = {{!options.numerics.empty(), "--numerics"},
                                                      {!options.procedure.empty(), "--procedure"},
                                                      {!options.raw_layout.empty(), "--raw"},
                                                      {!options.dumps.empty(), "--dump-task"}};
  const auto given = [](const auto& list) {
    return std::ranges::find(list, true, [](const auto& o) { return o.first; });
  };
  if (const auto* option = given(of_programs); is_model_file && option != std::end(of_programs)) {
    return fail(ErrorCategory::usage,
                fmt::format("{} is for programs, and {} is a model", option->second, options.program));
  }
  if (const auto* option = given(of_models); !is_model_file && option != std::end(of_models)) {
    return fail(ErrorCategory::usage,
                fmt::format("{} is for models, and {} is a program", option->second, options.program));
  }
  return {};
}

Result<Exit> run(const RunOptions& options) {
  const bool is_model_file = options.raw_layout.empty() && is_model_path(options.program);
  OPENANE_CHECK(check_options(options, is_model_file));
  return is_model_file ? run_model(options) : run_on_emulator(options);
}

}  // namespace

Action declare_run(CLI::App& app) {
  auto options = std::make_shared<RunOptions>();
  app.footer(kExamples);
  std::vector<std::string> models;
  for (const Numerics numerics : {Numerics::h13, Numerics::ideal}) {
    models.emplace_back(to_string(numerics));
  }
  app.add_option("FILE", options->program,
                 "Program: .hwx, .anec, .ane, .anes, or a raw kernel with --raw; model: .mil, .mlmodel, .mlpackage, "
                 ".mlmodelc")
      ->required();
  app.add_option("-i,--input", options->inputs,
                 "[NAME=]x.npy | x.npz | x.bin | x.png | x.jpg | random[:SEED] | fill:V | ramp; once per input")
      ->type_name("[NAME=]SOURCE")
      ->allow_extra_args(false);
  app.add_option("-o,--output", options->outputs, "[NAME=]y.npy | y.npz | y.bin; once per output to keep")
      ->type_name("[NAME=]FILE")
      ->allow_extra_args(false);
  app.add_flag("--print", options->print, "Print the outputs (the default when none is written to a file)");
  app.add_option(
         "--numerics", options->numerics,
         "Of programs: h13: as published readings show an M1 (the default of H13); ideal: fp32 sums (of the others)")
      ->check(CLI::IsMember(models))
      ->type_name("MODEL");
  app.add_flag("--trace", options->trace, "Print each task (of a model: operation) with the statistics of its tensors");
  app.add_option("--dump-task", options->dumps, "Write the tensors of task N as .npy files into DIR")
      ->type_name("N DIR");
  app.add_option("--threads", options->threads, "Threads (default: all cores; the results are the same)")
      ->type_name("N");
  app.add_option("--procedure", options->procedure, "Which procedure, where there are several")->type_name("NAME");
  add_raw_option(app, options->raw_layout);
  app.add_option("--device", options->device, "Of models: where they run; reference: on the CPU (default)")
      ->check(CLI::IsMember({"reference"}))
      ->type_name("DEVICE");
  app.add_option("--precision", options->precision,
                 "Of models: fp32 (default), fp64, or fp16: every tensor rounded to fp16")
      ->check(CLI::IsMember({"fp32", "fp64", "fp16"}))
      ->type_name("TYPE");
  app.add_option("--function", options->function, "Of models: which function, where there are several")
      ->type_name("NAME");
  app.add_option("--shape", options->shapes, "Of models: the shape of an input that has several")
      ->type_name("[NAME=]1x3x224x224")
      ->allow_extra_args(false);
  app.add_flag("--resize", options->resize, "Of models: scale pictures to the size the model declares");
  app.add_option("--runs", options->runs, "Of models: runs, with the state of one kept for the next (default 1)")
      ->check(CLI::Range(1, 1'000'000'000))
      ->type_name("N");
  app.add_option("--seed", options->seed, "Of models: for random operations that bring none")->type_name("N");
  app.add_option("--memory", options->memory_limit,
                 "Of models: bytes that tensors may take (default: three quarters of the memory)")
      ->transform(CLI::AsSizeValue(false))
      ->type_name("BYTES");
  app.add_flag("--json", options->json,
               "Report as JSON; values are left out when they go to files, unless --print is given");
  return [options] { return run(*options); };
}

}  // namespace openane::cli
