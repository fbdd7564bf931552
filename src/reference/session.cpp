#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "openane/mil_diagnostic.h"
#include "openane/mil_infer.h"
#include "openane/reference.h"
#include "reference/constants.h"
#include "reference/conversion.h"
#include "reference/execution.h"
#include "reference/input_shapes.h"
#include "reference/prepared.h"

namespace openane::reference {
namespace {

using Shapes = std::map<std::string, Shape>;

constexpr std::string_view kPrecisionNames[] = {"fp32", "fp64", "fp16"};

std::string_view file_of(const mil::Program& program) {
  return program.source != nullptr ? std::string_view(program.source->file) : std::string_view();
}

Result<const mil::Function*> find_function(const mil::Program& program, const std::string& name,
                                           const mil::Function* main_function) {
  const mil::Function* found = name.empty() ? main_function : program.find_function(name);
  if (found == nullptr) {
    std::vector<std::string> names;
    names.reserve(program.functions.size());
    for (const mil::Function& function : program.functions) {
      names.push_back(function.name);
    }
    return fail(ErrorCategory::usage, name.empty() ? fmt::format("choose a function: {}", fmt::join(names, ", "))
                                                   : fmt::format("there is no function '{}': the program has {}", name,
                                                                 fmt::join(names, ", ")));
  }
  return found;
}

const mil::Function* only_function(const mil::Program& program) {
  const mil::Function* main = program.find_function("main");
  return main != nullptr || program.functions.size() != 1 ? main : &program.functions.front();
}

std::vector<mil::Feature> input_features(const mil::ModelDescription& description, const std::string& function) {
  const auto described = std::ranges::find(description.functions, function, &mil::FunctionDescription::name);
  return described != description.functions.end() ? described->inputs : description.inputs;
}

std::vector<Port> ports(const mil::Function& function, const std::vector<mil::VariableId>& variables, bool states) {
  std::vector<Port> out;
  for (const mil::VariableId id : variables) {
    const mil::Variable& variable = function[id];
    const bool is_state = variable.type.kind() == mil::TypeKind::state;
    if (is_state == states) {
      out.push_back({variable.name, is_state ? variable.type.parameters()[0] : variable.type});
    }
  }
  return out;
}

std::string names_of(const std::vector<Port>& ports) {
  std::vector<std::string> names;
  std::ranges::transform(ports, std::back_inserter(names), &Port::name);
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

Error about(std::string_view what, std::string_view name, Error error) {
  error.message = fmt::format("{} '{}': {}", what, name, error.message);
  return error;
}

}  // namespace

std::string_view to_string(Precision precision) { return kPrecisionNames[static_cast<std::size_t>(precision)]; }

std::optional<Precision> precision_from_string(std::string_view name) {
  const auto* at = std::ranges::find(kPrecisionNames, name);
  return at != std::end(kPrecisionNames) ? std::optional(static_cast<Precision>(at - std::begin(kPrecisionNames)))
                                         : std::nullopt;
}

Result<MemoryFigures> measure_memory(const mil::Function& function, const mil::Weights& weights, Precision precision) {
  Environment environment{.options = {.precision = precision},
                          .threads = 1,
                          .weights = weights,
                          .meter = MemoryMeter(0),
                          .constants = {},
                          .is_constant = {}};
  mark_constants(function, environment);
  OPENANE_TRY(const std::unique_ptr<const Prepared> prepared, prepare(function, environment));
  return MemoryFigures{0, prepared->plan.arena_bytes, prepared->plan.unshared_bytes};
}

struct Session::State {
  State(const mil::Function& of, const mil::Weights& weights, Options options, std::string from_file)
      : function(of),
        file(std::move(from_file)),
        environment{.options = std::move(options),
                    .threads = 1,
                    .weights = weights,
                    .meter = MemoryMeter(0),
                    .constants = {},
                    .is_constant = {}} {
    environment.meter = MemoryMeter(environment.options.memory_limit);
    environment.threads = environment.options.threads != 0 ? environment.options.threads
                                                           : std::max(1U, std::thread::hardware_concurrency());
  }

  Result<void> make_ready(std::vector<mil::Feature> described);
  Result<void> specialise(const Shapes& shapes);
  Result<void> fit(std::span<const NamedTensor> tensors);
  [[nodiscard]] const mil::Feature* feature(std::string_view name) const;
  Result<const Port*> input_port(const NamedTensor& tensor) const;
  Result<void> check_complete(std::span<const NamedTensor> tensors) const;
  Result<void> bind(Execution& execution, std::span<const NamedTensor> tensors);
  Result<std::vector<Output>> execute(std::span<const NamedTensor> tensors);
  Result<std::size_t> state_index(std::string_view name) const;
  Result<void> clear_states();
  void refresh_ports();

  mil::Function function;  ///< As the program has it.
  std::string file;
  Environment environment;
  std::vector<mil::Feature> features;
  std::unique_ptr<const Prepared> prepared;  ///< None while extents are unknown.
  std::unique_ptr<Arena> arena;
  std::vector<Port> inputs;
  std::vector<Port> outputs;
  std::vector<Port> states;
  std::vector<Array> held_states;
  MemoryFigures figures;
};

void Session::State::refresh_ports() {
  const mil::Function& shown = prepared != nullptr ? prepared->function : function;
  inputs = ports(shown, shown.body().inputs, false);
  outputs = ports(shown, shown.body().outputs, false);
  states = ports(shown, shown.body().inputs, true);
}

Result<void> Session::State::make_ready(std::vector<mil::Feature> described) {
  features = std::move(described);
  refresh_ports();
  OPENANE_CHECK(fold_constants(function, environment));
  figures.constant_bytes = environment.meter.used();
  OPENANE_CHECK(clear_states());
  for (const auto& [name, shape] : environment.options.shapes) {
    const auto port = std::ranges::find(inputs, name, &Port::name);
    if (port == inputs.end()) {
      return fail(ErrorCategory::usage,
                  fmt::format("there is no input '{}': the inputs are {}", name, names_of(inputs)));
    }
    if (Result<void> allowed = check_input_shape(port->type, feature(name), shape); !allowed) {
      return std::unexpected(about("input", name, std::move(allowed).error()));
    }
  }
  return specialise(environment.options.shapes);
}

Result<void> Session::State::specialise(const Shapes& shapes) {
  mil::Function specialised = function;
  if (!shapes.empty()) {
    OPENANE_CHECK(mil::specialise_shapes(specialised, shapes));
  }
  OPENANE_TRY(std::unique_ptr<const Prepared> fresh, prepare(std::move(specialised), environment));
  arena.reset();
  prepared = std::move(fresh);
  arena = std::make_unique<Arena>(*prepared, environment.meter);
  figures.arena_bytes = prepared->plan.arena_bytes;
  figures.unshared_bytes = prepared->plan.unshared_bytes;
  refresh_ports();
  return {};
}

const mil::Feature* Session::State::feature(std::string_view name) const {
  const auto at = std::ranges::find(features, name, &mil::Feature::name);
  return at != features.end() ? &*at : nullptr;
}

Result<const Port*> Session::State::input_port(const NamedTensor& tensor) const {
  const auto port = std::ranges::find(inputs, tensor.name, &Port::name);
  if (port == inputs.end()) {
    const bool is_state = std::ranges::find(states, tensor.name, &Port::name) != states.end();
    return fail(ErrorCategory::usage,
                is_state ? fmt::format("'{}' is a state, not an input", tensor.name)
                         : fmt::format("there is no input '{}': the inputs are {}", tensor.name, names_of(inputs)));
  }
  if (!port->type.is_tensor()) {
    return fail(ErrorCategory::unsupported,
                fmt::format("input '{}' is {}, not a tensor", port->name, mil::to_string(port->type)));
  }
  return &*port;
}

Result<void> Session::State::check_complete(std::span<const NamedTensor> tensors) const {
  for (const Port& port : inputs) {
    const auto given = std::ranges::count(tensors, port.name, &NamedTensor::name);
    if (given != 1) {
      return fail(ErrorCategory::usage,
                  fmt::format("input '{}' is given {}", port.name, given == 0 ? "no tensor" : "several tensors"));
    }
  }
  return {};
}

/// Specialises the function when the tensors have other shapes than it is prepared for.
Result<void> Session::State::fit(std::span<const NamedTensor> tensors) {
  Shapes shapes;
  bool is_new = false;
  for (const NamedTensor& tensor : tensors) {
    OPENANE_TRY(const Port* const port, input_port(tensor));
    is_new = is_new || port->type.shape() != tensor.tensor.shape;
    const mil::Type& declared = function[*function.find_input(tensor.name)].type;
    if (Result<void> allowed = check_input_shape(declared, feature(tensor.name), tensor.tensor.shape); !allowed) {
      return std::unexpected(about("input", tensor.name, std::move(allowed).error()));
    }
    shapes.emplace(tensor.name, tensor.tensor.shape);
  }
  OPENANE_CHECK(check_complete(tensors));
  return is_new ? specialise(shapes) : Result<void>{};
}

Result<void> Session::State::bind(Execution& execution, std::span<const NamedTensor> tensors) {
  const mil::Function& prepared_function = prepared->function;
  std::size_t state = 0;
  for (const mil::VariableId id : prepared_function.body().inputs) {
    const mil::Variable& variable = prepared_function[id];
    if (variable.type.kind() == mil::TypeKind::state) {
      OPENANE_CHECK(execution.set(id, {.state = state++}));
      continue;
    }
    const NamedTensor& given = *std::ranges::find(tensors, variable.name, &NamedTensor::name);
    Result<Array> array =
        from_tensor(given.tensor, variable.type.data_type(), environment.options.precision, environment.meter);
    if (!array) {
      return std::unexpected(about("input", variable.name, std::move(array).error()));
    }
    OPENANE_CHECK(execution.set(id, {.array = *std::move(array)}));
  }
  return {};
}

Result<std::vector<Output>> Session::State::execute(std::span<const NamedTensor> tensors) {
  Execution execution(*prepared, environment, *arena, held_states);
  OPENANE_CHECK(bind(execution, tensors));
  const mil::Function& run = prepared->function;
  OPENANE_CHECK(execution.run_block(run.body_id()));
  const std::vector<RuntimeValue> values = execution.take_outputs(run.body_id());
  std::vector<Output> out;
  out.reserve(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string& name = run[run.body().outputs[i]].name;
    Result<Output> output = make_output(name, values[i], environment.options.precision);
    if (!output) {
      return std::unexpected(about("output", name, std::move(output).error()));
    }
    out.push_back(*std::move(output));
  }
  return out;
}

Result<void> Session::State::clear_states() {
  held_states.clear();
  for (const Port& port : states) {
    if (!port.type.is_concrete()) {
      return fail(ErrorCategory::unsupported,
                  fmt::format("state '{}' is {}: its extents must be known", port.name, mil::to_string(port.type)));
    }
    OPENANE_TRY(Array zeros,
                make_array(port.type.data_type(), port.type.shape(), environment.options.precision, environment.meter));
    std::memset(zeros.writable<std::uint8_t>().data(), 0,
                static_cast<std::size_t>(zeros.count()) * bytes_of(zeros.holding()));
    held_states.push_back(std::move(zeros));
  }
  return {};
}

Result<std::size_t> Session::State::state_index(std::string_view name) const {
  const auto at = std::ranges::find(states, name, &Port::name);
  if (at == states.end()) {
    return fail(ErrorCategory::usage, fmt::format("there is no state '{}': the states are {}", name, names_of(states)));
  }
  return static_cast<std::size_t>(at - states.begin());
}

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Result<Session> Session::create(const mil::Model& model, Options options) {
  OPENANE_TRY(const mil::Function* const function,
              find_function(model.program, options.function, model.main_function()));
  options.function = function->name;
  return create(model.program, model.weights, input_features(model.description, function->name), std::move(options));
}

Result<Session> Session::create(const mil::Program& program, const mil::Weights& weights, Options options) {
  OPENANE_TRY(const mil::Function* const function, find_function(program, options.function, only_function(program)));
  options.function = function->name;
  return create(program, weights, {}, std::move(options));
}

Result<Session> Session::create(const mil::Program& program, const mil::Weights& weights,
                                std::vector<mil::Feature> features, Options options) {
  const std::string file(file_of(program));
  if (const std::vector<mil::Diagnostic> findings = mil::verify(program, &weights); mil::has_errors(findings)) {
    return std::unexpected(mil::to_error(findings, file, program.source.get()));
  }
  const mil::Function& function = *program.find_function(options.function);
  auto state = std::make_unique<State>(function, weights, std::move(options), file);
  OPENANE_CHECK(in_file(state->make_ready(std::move(features)), file));
  return Session(std::move(state));
}

const std::vector<Port>& Session::inputs() const { return state_->inputs; }
const std::vector<Port>& Session::outputs() const { return state_->outputs; }
const std::vector<Port>& Session::states() const { return state_->states; }
const MemoryFigures& Session::memory() const { return state_->figures; }

Result<std::vector<Output>> Session::run(std::span<const NamedTensor> inputs) {
  OPENANE_CHECK(in_file(state_->fit(inputs), state_->file));
  std::vector<Array> before = state_->held_states;
  Result<std::vector<Output>> outputs = in_file(state_->execute(inputs), state_->file);
  if (!outputs) {
    state_->held_states = std::move(before);
  }
  return outputs;
}

Result<Tensor> Session::state(std::string_view name) const {
  OPENANE_TRY(const std::size_t index, state_->state_index(name));
  const Array& held = state_->held_states[index];
  return to_tensor(held, result_type(held, state_->environment.options.precision));
}

Result<void> Session::set_state(std::string_view name, const Tensor& tensor) {
  OPENANE_TRY(const std::size_t index, state_->state_index(name));
  const mil::Type& type = state_->states[index].type;
  if (tensor.shape != type.shape()) {
    return fail(ErrorCategory::usage, fmt::format("state '{}': shape {}, expected {}", name,
                                                  openane::to_string(tensor.shape), mil::to_string(type)));
  }
  Result<Array> array =
      from_tensor(tensor, type.data_type(), state_->environment.options.precision, state_->environment.meter);
  if (!array) {
    return std::unexpected(about("state", name, std::move(array).error()));
  }
  state_->held_states[index] = *std::move(array);
  return {};
}

Result<void> Session::reset_states() { return state_->clear_states(); }

Result<Tensor> Session::constant(std::string_view name) const {
  const mil::Function& function = state_->function;
  const std::vector<RuntimeValue>& constants = state_->environment.constants;
  for (std::uint32_t i = 0; i < constants.size(); ++i) {
    const Array& array = constants[i].array;
    if (constants[i].has_array() && array.holding() != Holding::text && function[mil::VariableId{i}].name == name) {
      const ElementType declared = mil::info(array.type()).element;
      return to_tensor(array, element_bytes(declared) ? declared : ElementType::int32);
    }
  }
  return fail(ErrorCategory::usage, fmt::format("there is no constant '{}'", name));
}

}  // namespace openane::reference
