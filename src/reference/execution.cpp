#include "reference/execution.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "mil/extents.h"
#include "reference/conversion.h"
#include "reference/kernel_call.h"

namespace openane::reference {
namespace {

bool is_of_type(const RuntimeValue& value, const mil::Type& type, Precision precision) {
  switch (type.kind()) {
    case mil::TypeKind::tensor:
      return value.array.type() == type.data_type() &&
             value.array.holding() == holding_of(type.data_type(), precision) &&
             (std::ranges::find(type.shape(), mil::kVariadicExtent) != type.shape().end() ||
              std::ranges::equal(type.shape(), value.array.shape(), mil::may_be_equal));
    case mil::TypeKind::list:
      return value.list != nullptr;
    case mil::TypeKind::dictionary:
      return value.keys != nullptr;
    case mil::TypeKind::state:
      return value.state.has_value();
    case mil::TypeKind::tuple:
    case mil::TypeKind::none:
      break;
  }
  return false;
}

std::string describe(const RuntimeValue& value) {
  if (value.has_array()) {
    return mil::to_string(mil::Type::tensor(value.array.type(), value.array.shape()));
  }
  return value.list != nullptr ? fmt::format("a list of {}", value.list->elements.size()) : "nothing";
}

Result<void> run_kernel(Execution& execution, const Step& step) {
  KernelCall call(execution, step);
  OPENANE_CHECK(step.kernel(call));
  return call.finish();
}

}  // namespace

std::shared_ptr<void> Arena::place(mil::VariableId variable, std::uint64_t bytes) {
  const auto planned = prepared_.planned.find(variable.index);
  if (planned == prepared_.planned.end() || is_refused_) {
    return nullptr;
  }
  if (memory_ == nullptr) {
    Result<std::shared_ptr<void>> memory = meter_.allocate(prepared_.plan.arena_bytes);
    is_refused_ = !memory;
    if (is_refused_) {
      return nullptr;
    }
    memory_ = *std::move(memory);
  }
  const std::uint64_t begin = prepared_.plan.offsets[planned->second];
  const std::uint64_t end = begin + bytes;
  if (end > prepared_.plan.arena_bytes) {
    return nullptr;
  }
  auto tenant = tenants_.upper_bound(begin);
  if (tenant != tenants_.begin() && std::prev(tenant)->second.end > begin) {
    --tenant;
  }
  while (tenant != tenants_.end() && tenant->first < end) {
    if (!tenant->second.memory.expired()) {
      return nullptr;
    }
    tenant = tenants_.erase(tenant);
  }
  auto* const at = static_cast<std::uint8_t*>(memory_.get()) + begin;
  std::shared_ptr<void> placed(at, [arena = memory_](void* /*part*/) {});
  tenants_.insert_or_assign(begin, Tenant{std::max(end, begin + 1), placed});
  return placed;
}

const RuntimeValue& Execution::value(mil::VariableId variable) const {
  return environment_.is_constant[variable.index] ? environment_.constants[variable.index] : values_[variable.index];
}

Result<void> Execution::set(mil::VariableId variable, RuntimeValue value) {
  const mil::Variable& declared = prepared_.function[variable];
  if (!is_of_type(value, declared.type, environment_.options.precision)) {
    return fail(ErrorCategory::malformed_input, fmt::format("'{}' is declared {}, its value is {}", declared.name,
                                                            mil::to_string(declared.type), describe(value)));
  }
  values_[variable.index] = std::move(value);
  return {};
}

std::vector<RuntimeValue> Execution::take_outputs(mil::BlockId block) {
  std::vector<RuntimeValue> out;
  out.reserve(prepared_.function[block].outputs.size());
  for (const mil::VariableId output : prepared_.function[block].outputs) {
    out.push_back(value(output));
  }
  for (const mil::VariableId owned : prepared_.blocks[block.index].last_owned) {
    values_[owned.index] = {};
  }
  return out;
}

Result<void> Execution::run_block(mil::BlockId block) {
  for (const Step& step : prepared_.blocks[block.index].steps) {
    const auto start = std::chrono::steady_clock::now();
    OPENANE_CHECK(run_step(step));
    if (environment_.options.observer) {
      observe(step, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    for (const mil::VariableId dead : step.last_uses) {
      values_[dead.index] = {};
    }
  }
  return {};
}

Result<void> Execution::run_step(const Step& step) {
  Result<void> done = step.kernel != nullptr ? run_kernel(*this, step) : step.executor_operation(*this, step);
  if (!done) {
    // An error of an operation in a nested block has its place already.
    const bool is_placed = !step.operation->blocks.empty() && done.error().location.line != 0;
    return std::unexpected(is_placed ? std::move(done).error()
                                     : at_operation(*step.operation, std::move(done).error()));
  }
  return {};
}

void Execution::observe(const Step& step, double seconds) const {
  for (std::size_t i = 0; i < step.operation->outputs.size(); ++i) {
    const mil::VariableId variable = step.operation->outputs[i];
    const Result<Output> output =
        make_output(prepared_.function[variable].name, value(variable), environment_.options.precision);
    if (output) {
      environment_.options.observer({prepared_.function, *step.operation, i, *output, seconds});
    }
  }
}

ExecutorOperation find_executor_operation(std::string_view operation) {
  for (const auto table : {control_flow_operations(), list_operations(), state_operations(), classifier_operations()}) {
    const auto at = std::ranges::find(table, operation, &NamedExecutorOperation::name);
    if (at != table.end()) {
      return at->run;
    }
  }
  return nullptr;
}

Result<Output> make_output(std::string name, const RuntimeValue& value, Precision precision) {
  Output output{std::move(name), {}, {}};
  if (!value.has_array()) {
    return fail(ErrorCategory::unsupported, "a list or state is no tensor");
  }
  if (value.array.holding() == Holding::text) {
    output.tensor = {ElementType::invalid, value.array.shape(), {}};
    output.texts.assign(value.array.texts().begin(), value.array.texts().end());
    return output;
  }
  OPENANE_TRY(output.tensor, to_tensor(value.array, result_type(value.array, precision)));
  if (value.keys != nullptr) {
    output.texts = *value.keys;
  }
  return output;
}

}  // namespace openane::reference
