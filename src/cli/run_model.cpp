// `ane run` on a model: the reference executor on your data.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "cli/console.h"
#include "cli/model_files.h"
#include "cli/model_input.h"
#include "cli/run.h"
#include "cli/tensor_files.h"
#include "cli/tensor_source.h"
#include "cli/tensor_text.h"
#include "openane/mil_model.h"
#include "openane/reference.h"

namespace openane::cli {
namespace {

using reference::Output;
using reference::Port;
using reference::Session;

std::vector<std::string> names_of(const std::vector<Port>& ports) {
  std::vector<std::string> names;
  names.reserve(ports.size());
  std::ranges::transform(ports, std::back_inserter(names), &Port::name);
  return names;
}

std::vector<Port> joined(std::vector<Port> a, const std::vector<Port>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

const mil::Function* function_of(const mil::Model& model, const std::string& name) {
  return name.empty() ? model.main_function() : model.program.find_function(name);
}

const mil::Feature* find_feature(const mil::ModelDescription& description, const std::string& function,
                                 const std::string& name) {
  const auto described = std::ranges::find(description.functions, function, &mil::FunctionDescription::name);
  const std::vector<mil::Feature>& inputs =
      described != description.functions.end() ? described->inputs : description.inputs;
  const auto at = std::ranges::find(inputs, name, &mil::Feature::name);
  return at != inputs.end() ? &*at : nullptr;
}

TensorStatistics statistics_of(const Tensor& tensor) {
  const Result<std::vector<float>> values = tensor.to_floats();
  return values ? openane::statistics_of(*values) : TensorStatistics{};
}

std::string quoted(const std::string& text) { return nlohmann::json(text).dump(); }

/// What `--trace` prints of each operation.
class Tracer {
 public:
  explicit Tracer(const RunOptions& options) : options_(options) {}

  void see(const reference::Observation& seen) {
    const Tensor& tensor = seen.output.tensor;
    const bool is_text = tensor.type == ElementType::invalid;
    const TensorStatistics statistics = is_text ? TensorStatistics{} : statistics_of(tensor);
    if (!options_.json) {
      print(fmt::format("{:<24} {} {} {}  {}  {:.3f} ms\n", seen.operation.type, seen.output.name,
                        to_string(tensor.shape), to_string(tensor.type),
                        is_text ? std::string() : statistics_text(statistics), seen.seconds * 1e3));
      return;
    }
    json_.push_back({{"operation", seen.operation.type},
                     {"name", seen.output.name},
                     {"line", seen.operation.location.line},
                     {"shape", tensor.shape},
                     {"type", to_string(tensor.type)},
                     {"statistics", statistics_json(statistics)},
                     {"seconds", seen.seconds}});
  }
  [[nodiscard]] const nlohmann::ordered_json& json() const { return json_; }

 private:
  const RunOptions& options_;
  nlohmann::ordered_json json_ = nlohmann::ordered_json::array();
};

/// The tensors of the inputs, and the states that an argument sets.
Result<std::vector<NamedTensor>> make_inputs(const RunOptions& options, const mil::Model& model,
                                             const std::string& function, Session& session) {
  const std::vector<Port> ports = joined(session.inputs(), session.states());
  const std::vector<std::string> names = names_of(ports);
  const std::vector<std::string> given = spread_archives(options.inputs, names_of(session.inputs()));
  using Sources = std::map<std::string, std::string>;
  // Where there is one input beside states, its name may be left out all the same.
  const std::vector<std::string> arguments = [&] {
    std::vector<std::string> named = given;
    for (std::string& argument : named) {
      if (session.inputs().size() == 1 && argument.find('=') == std::string::npos) {
        argument.insert(0, names.front() + "=");
      }
    }
    return named;
  }();
  OPENANE_TRY(const Sources sources, match_names(arguments, names, "input"));
  std::vector<NamedTensor> inputs;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const auto source = sources.find(names[i]);
    const bool is_state = i >= session.inputs().size();
    if (source == sources.end()) {
      if (is_state) {
        continue;
      }
      return fail(ErrorCategory::usage,
                  fmt::format("input '{}' has no value: give --input {}=...", names[i], names[i]));
    }
    OPENANE_TRY(Tensor tensor,
                make_model_input(source->second, ports[i], find_feature(model.description, function, names[i]), i,
                                 options.resize));
    if (is_state) {
      OPENANE_CHECK(session.set_state(names[i], tensor));
    } else {
      inputs.push_back({names[i], std::move(tensor)});
    }
  }
  return inputs;
}

Result<nlohmann::ordered_json> output_json(const Output& output, bool values) {
  if (output.tensor.type == ElementType::invalid) {
    return nlohmann::ordered_json{
        {"name", output.name}, {"shape", output.tensor.shape}, {"type", "string"}, {"values", output.texts}};
  }
  OPENANE_TRY(nlohmann::ordered_json json, tensor_json(output.name, output.tensor, values));
  if (!output.texts.empty()) {
    json["keys"] = output.texts;
  }
  return json;
}

Result<std::string> output_text(const Output& output) {
  if (output.tensor.type == ElementType::invalid) {
    std::vector<std::string> texts;
    std::ranges::transform(output.texts, std::back_inserter(texts), quoted);
    return fmt::format("{}: {} string\n  {}\n", output.name, to_string(output.tensor.shape), fmt::join(texts, " "));
  }
  if (output.texts.empty()) {
    return tensor_text(output.name, output.tensor);
  }
  OPENANE_TRY(const std::vector<float> values, output.tensor.to_floats());
  std::vector<std::size_t> order(std::min(values.size(), output.texts.size()));
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i] = i;
  }
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return values[a] > values[b]; });
  constexpr std::size_t kShown = 10;
  std::string text = fmt::format("{}: {} classes\n", output.name, order.size());
  for (std::size_t i = 0; i < std::min(order.size(), kShown); ++i) {
    text += fmt::format("  {} {}\n", quoted(output.texts[order[i]]), values[order[i]]);
  }
  return order.size() > kShown ? text + fmt::format("  ... {} more\n", order.size() - kShown) : text;
}

Result<nlohmann::ordered_json> report(const RunOptions& options, const std::vector<Output>& outputs,
                                      const std::map<std::string, std::string>& files) {
  const bool values = options.print || files.empty();
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Output& output : outputs) {
    if (options.json) {
      OPENANE_TRY(nlohmann::ordered_json entry, output_json(output, values));
      if (const auto file = files.find(output.name); file != files.end()) {
        entry["file"] = file->second;
      }
      list.push_back(std::move(entry));
    } else if (values) {
      OPENANE_TRY(const std::string text, output_text(output));
      print(text);
    }
  }
  return list;
}

Result<void> write_files(const std::vector<Output>& outputs, const std::map<std::string, std::string>& files) {
  std::vector<NamedTensor> tensors;
  tensors.reserve(outputs.size());
  for (const Output& output : outputs) {
    if (output.tensor.type == ElementType::invalid && files.contains(output.name)) {
      return fail(ErrorCategory::usage, fmt::format("output '{}' is text: it is printed, not written", output.name));
    }
    tensors.push_back({output.name, output.tensor});
  }
  return write_outputs(tensors, files);
}

/// The outputs, and behind them the states that go to a file.
Result<std::vector<Output>> with_states(std::vector<Output> outputs, const Session& session,
                                        const std::map<std::string, std::string>& files) {
  for (const Port& state : session.states()) {
    if (files.contains(state.name)) {
      OPENANE_TRY(Tensor tensor, session.state(state.name));
      outputs.push_back({state.name, std::move(tensor), {}});
    }
  }
  return outputs;
}

}  // namespace

Result<Exit> run_model(const RunOptions& options) {
  OPENANE_TRY(const mil::Model model, in_file(mil::read_model(options.program), options.program));
  Tracer tracer(options);
  reference::Options execution;
  execution.precision = reference::precision_from_string(options.precision).value_or(reference::Precision::fp32);
  execution.threads = options.threads;
  execution.seed = options.seed;
  execution.function = options.function;
  execution.memory_limit = options.memory_limit;
  OPENANE_TRY(execution.shapes, parse_shapes(options.shapes, function_of(model, options.function)));
  if (options.trace) {
    execution.observer = [&](const reference::Observation& seen) { tracer.see(seen); };
  }
  const std::string precision(to_string(execution.precision));
  OPENANE_TRY(Session session, in_file(Session::create(model, std::move(execution)), options.program));
  const mil::Function* function = function_of(model, options.function);
  OPENANE_TRY(const std::vector<NamedTensor> inputs, make_inputs(options, model, function->name, session));
  const std::vector<std::string> names = names_of(joined(session.outputs(), session.states()));
  using Files = std::map<std::string, std::string>;
  OPENANE_TRY(const Files files,
              match_names(spread_archives(options.outputs, names_of(session.outputs())), names, "output"));

  std::vector<Output> outputs;
  const auto start = std::chrono::steady_clock::now();
  {
    Progress progress("running " + options.program);
    for (std::uint64_t run = 0; run < options.runs; ++run) {
      progress.step(run, options.runs);
      OPENANE_TRY(outputs, in_file(session.run(inputs), options.program));
    }
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  OPENANE_TRY(outputs, with_states(std::move(outputs), session, files));
  OPENANE_CHECK(write_files(outputs, files));
  OPENANE_TRY(const nlohmann::ordered_json list, report(options, outputs, files));
  if (options.json) {
    nlohmann::ordered_json json = {{"model", options.program}, {"function", function->name}, {"device", "reference"},
                                   {"precision", precision},   {"runs", options.runs},       {"seconds", seconds},
                                   {"outputs", list}};
    if (options.trace) {
      json["trace"] = tracer.json();
    }
    print_json(json);
  }
  return Exit::ok;
}

}  // namespace openane::cli
