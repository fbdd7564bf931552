#include "reference/kernel_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mil/default_value.h"
#include "mil/extents.h"
#include "mil/op_view.h"
#include "reference/conversion.h"
#include "reference/merging.h"

namespace openane::reference {
namespace {

const Array kNoArray;

/// One element, whatever it is held as.
double element(const Array& array, std::size_t index) {
  switch (array.holding()) {
    case Holding::fp32:
      return static_cast<double>(array.elements<float>()[index]);
    case Holding::fp64:
      return array.elements<double>()[index];
    case Holding::int32:
      return array.elements<std::int32_t>()[index];
    case Holding::boolean:
      return array.elements<std::uint8_t>()[index];
    case Holding::text:
      break;
  }
  return 0;
}

bool holds_integers(const Array& array) {
  return array.holding() == Holding::int32 || array.holding() == Holding::boolean;
}

bool holds_numbers(const Array& array) { return array.count() > 0 && array.holding() != Holding::text; }

/// Integers of a value, computed or constant; `out` becomes nothing when it holds something else.
void collect_integers(const RuntimeValue& value, std::optional<std::vector<std::int64_t>>& out) {
  if (value.constant && !value.constant.is_blob()) {
    mil::append_integers(value.constant, out);
    return;
  }
  if (!value.has_array() || !holds_integers(value.array)) {
    out.reset();
    return;
  }
  for (std::size_t i = 0; out && i < static_cast<std::size_t>(value.array.count()); ++i) {
    out->push_back(static_cast<std::int64_t>(element(value.array, i)));
  }
}

Array scalar_default(double number, std::string_view text, Precision precision) {
  const bool is_integer = text.find_first_of(".e") == std::string_view::npos;
  if (is_integer) {
    const auto owner = std::make_shared<const std::int32_t>(static_cast<std::int32_t>(number));
    return {mil::DataType::int32, {}, Holding::int32, owner, owner.get()};
  }
  if (precision == Precision::fp64) {
    const auto owner = std::make_shared<const double>(number);
    return {mil::DataType::fp32, {}, Holding::fp64, owner, owner.get()};
  }
  const auto owner = std::make_shared<const float>(static_cast<float>(number));
  return {mil::DataType::fp32, {}, Holding::fp32, owner, owner.get()};
}

bool fits(const Shape& declared, const Shape& shape) {
  return std::ranges::find(declared, mil::kVariadicExtent) != declared.end() ||
         std::ranges::equal(declared, shape, mil::may_be_equal);
}

}  // namespace

KernelCall::KernelCall(Execution& execution, const Step& step)
    : execution_(execution), step_(step), results_(step.results.size()) {}

Precision KernelCall::precision() const { return execution_.environment().options.precision; }

unsigned KernelCall::threads() const { return execution_.environment().threads; }

std::string_view KernelCall::fallback(std::string_view name) const {
  const mil::Parameter* parameter = step_.signature->find(name);
  return parameter != nullptr && !has(name) ? parameter->fallback : std::string_view();
}

bool KernelCall::has(std::string_view name) const {
  const BoundArgument* argument = step_.find(name);
  return argument != nullptr && !argument->operands.empty();
}

const RuntimeValue* KernelCall::value(std::string_view name) const {
  const BoundArgument* argument = step_.find(name);
  return argument != nullptr && argument->operands.size() == 1 ? &execution_.operand(argument->operands.front())
                                                               : nullptr;
}

const Array& KernelCall::array(std::string_view name) const {
  if (const RuntimeValue* bound = value(name)) {
    return bound->array;
  }
  if (const auto known = std::ranges::find(defaults_, name, &Default::name); known != defaults_.end()) {
    return known->array;
  }
  const std::string_view text = fallback(name);
  const std::optional<double> number = mil::default_number(text);
  return number ? defaults_.emplace_back(name, scalar_default(*number, text, precision())).array : kNoArray;
}

bool KernelCall::is_constant(std::string_view name) const {
  const BoundArgument* argument = step_.find(name);
  const auto is_fixed = [&](const Operand& operand) {
    return !operand.variable || execution_.environment().is_constant[operand.variable.index];
  };
  return argument != nullptr && std::ranges::all_of(argument->operands, is_fixed);
}

bool KernelCall::is_channels_last(std::string_view name) const {
  const BoundArgument* argument = step_.find(name);
  return argument != nullptr && argument->operands.size() == 1 &&
         execution_.is_channels_last(argument->operands.front().variable);
}

std::optional<Bounds<double>> KernelCall::bounds() const {
  return step_.activation != nullptr ? std::optional(bounds_of(KernelCall(execution_, *step_.activation)))
                                     : std::nullopt;
}

std::span<const Array> KernelCall::arrays(std::string_view name) const {
  if (const auto known = std::ranges::find(gathered_, name, &Gathered::name); known != gathered_.end()) {
    return known->arrays;
  }
  Gathered& gathered = gathered_.emplace_back();
  gathered.name = name;
  if (const BoundArgument* argument = step_.find(name)) {
    for (const Operand& operand : argument->operands) {
      gathered.arrays.push_back(execution_.operand(operand).array);
    }
  }
  return gathered.arrays;
}

Result<mil::Value> KernelCall::stored(std::string_view name) const {
  const RuntimeValue* bound = value(name);
  if (bound == nullptr || !bound->constant) {
    return fail(ErrorCategory::malformed_input, fmt::format("{} must be a constant", name));
  }
  return bound->constant.is_blob() ? execution_.environment().weights.load(bound->constant) : bound->constant;
}

std::optional<std::int64_t> KernelCall::integer(std::string_view name) const {
  if (has(name)) {
    const auto all = integers(name);
    return all && all->size() == 1 ? std::optional(all->front()) : std::nullopt;
  }
  const std::optional<double> number = mil::default_number(fallback(name));
  return number ? std::optional(static_cast<std::int64_t>(*number)) : std::nullopt;
}

std::optional<double> KernelCall::number(std::string_view name) const {
  if (const RuntimeValue* bound = value(name)) {
    return holds_numbers(bound->array) ? std::optional(element(bound->array, 0)) : bound->constant.as_number();
  }
  return mil::default_number(fallback(name));
}

std::optional<bool> KernelCall::boolean(std::string_view name) const {
  if (const RuntimeValue* bound = value(name)) {
    return holds_numbers(bound->array) ? std::optional(element(bound->array, 0) != 0) : bound->constant.as_bool();
  }
  return mil::default_boolean(fallback(name));
}

std::optional<std::string> KernelCall::text(std::string_view name) const {
  if (const RuntimeValue* bound = value(name)) {
    const std::span<const std::string> texts = bound->constant ? bound->constant.texts() : bound->array.texts();
    return texts.size() == 1 ? std::optional(texts.front()) : std::nullopt;
  }
  return mil::default_text(fallback(name));
}

std::optional<std::vector<std::int64_t>> KernelCall::integers(std::string_view name) const {
  const BoundArgument* argument = step_.find(name);
  if (argument == nullptr) {
    return std::nullopt;
  }
  std::optional<std::vector<std::int64_t>> out(std::in_place);
  for (const Operand& operand : argument->operands) {
    collect_integers(execution_.operand(operand), out);
  }
  return out;
}

std::optional<std::vector<bool>> KernelCall::booleans(std::string_view name) const {
  const auto all = integers(name);
  if (!all) {
    return std::nullopt;
  }
  std::vector<bool> out;
  std::ranges::transform(*all, std::back_inserter(out), [](std::int64_t value) { return value != 0; });
  return out;
}

const mil::Type& KernelCall::output_type(std::size_t index) const { return execution_.function()[output(index)].type; }

Result<Array> KernelCall::allocate(std::size_t index, const Shape& shape) {
  const mil::Type& type = output_type(index);
  if (!fits(type.shape(), shape)) {
    return fail(ErrorCategory::malformed_input,
                fmt::format("the result is {}, declared is {}", mil::describe(shape), mil::to_string(type)));
  }
  const Holding holding = holding_of(type.data_type(), precision());
  const std::optional<std::uint64_t> count = mil::count_elements(shape);
  if (count && type.is_concrete()) {
    if (std::shared_ptr<void> memory = execution_.arena().place(output(index), *count * bytes_of(holding))) {
      fresh_.push_back(memory.get());
      const void* const elements = memory.get();
      return Array(type.data_type(), shape, holding, std::move(memory), elements);
    }
  }
  OPENANE_TRY(Array array, make_array(type.data_type(), shape, precision(), execution_.environment().meter));
  fresh_.push_back(array.owner().get());
  return array;
}

Result<Array> KernelCall::allocate(std::size_t index) {
  const mil::Type& type = output_type(index);
  if (!type.is_concrete()) {
    return fail(ErrorCategory::internal,
                fmt::format("the kernel needs a concrete result, declared is {}", mil::to_string(type)));
  }
  return allocate(index, type.shape());
}

void KernelCall::give(std::size_t index, Array array) { results_[index] = std::move(array); }

Result<void> KernelCall::finish() {
  for (std::size_t i = 0; i < results_.size(); ++i) {
    Array& array = results_[i];
    if (array.type() == mil::DataType::invalid) {
      return fail(ErrorCategory::internal, fmt::format("the kernel has not given result {}", i));
    }
    const bool is_fresh = std::ranges::find(fresh_, array.owner().get()) != fresh_.end();
    if (precision() == Precision::fp16 && is_fresh && array.holding() == Holding::fp32) {
      round_to_half(array.writable<float>());
    }
    OPENANE_CHECK(execution_.set(output(i), {.array = std::move(array)}));
  }
  return {};
}

}  // namespace openane::reference
