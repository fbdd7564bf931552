// make_list and what works on its result. Lists share their elements; writing one makes a new list of handles.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "reference/conversion.h"
#include "reference/execution.h"
#include "reference/kernel_call.h"

namespace openane::reference {
namespace {

using Content = std::shared_ptr<const ListContent>;

Result<std::shared_ptr<ListContent>> new_list(std::uint64_t length, Execution& execution) {
  auto list = std::make_shared<ListContent>();
  // Longer lists than that would overflow the count of bytes; none fits a machine.
  constexpr std::uint64_t kLongest = std::uint64_t{1} << 48;
  OPENANE_TRY(list->memory, execution.environment().meter.charge(std::min(length, kLongest) * sizeof(Array)));
  list->elements.resize(length);
  return list;
}

Result<Content> list_argument(const KernelCall& call) {
  const RuntimeValue* value = call.value("ls");
  if (value == nullptr || value->list == nullptr) {
    return fail(ErrorCategory::malformed_input, "ls is not a list");
  }
  return value->list;
}

Result<std::vector<std::int64_t>> indices_argument(const KernelCall& call, std::string_view name) {
  auto indices = call.integers(name);
  if (!indices) {
    return fail(ErrorCategory::malformed_input, fmt::format("{} must be integers", name));
  }
  return *std::move(indices);
}

Result<std::int64_t> index_argument(const KernelCall& call, std::string_view name) {
  const std::optional<std::int64_t> index = call.integer(name);
  if (!index) {
    return fail(ErrorCategory::malformed_input, fmt::format("{} must be one integer", name));
  }
  return *index;
}

/// An entry that somebody has written; the zeros of the declared shape when nobody has.
Result<Array> element_at(const ListContent& list, std::int64_t index, const mil::Type& element, Execution& execution) {
  if (index < 0 || static_cast<std::size_t>(index) >= list.elements.size()) {
    return fail(ErrorCategory::malformed_input,
                fmt::format("index {} in a list of {} elements", index, list.elements.size()));
  }
  const Array& array = list.elements[static_cast<std::size_t>(index)];
  if (array.type() != mil::DataType::invalid) {
    return array;
  }
  if (!element.is_concrete()) {
    return fail(ErrorCategory::malformed_input,
                fmt::format("element {} was never written, and its shape is not known", index));
  }
  Environment& environment = execution.environment();
  OPENANE_TRY(Array zeros,
              make_array(element.data_type(), element.shape(), environment.options.precision, environment.meter));
  std::memset(zeros.writable<std::uint8_t>().data(), 0,
              static_cast<std::size_t>(zeros.count()) * bytes_of(zeros.holding()));
  return zeros;
}

const mil::Type& element_type(const Execution& execution, const Step& step) {
  const Operand& list = step.find("ls")->operands.front();
  return execution.function()[list.variable].type.parameters()[0];
}

/// A copy of the list, grown to hold `length` elements when it may grow.
Result<std::shared_ptr<ListContent>> grown_copy(const ListContent& list, std::int64_t highest, bool is_dynamic,
                                                Execution& execution) {
  const std::size_t old_length = list.elements.size();
  const auto needed = static_cast<std::size_t>(highest) + 1;
  if (needed > old_length && !is_dynamic) {
    return fail(ErrorCategory::malformed_input, fmt::format("index {} in a list of {} elements", highest, old_length));
  }
  OPENANE_TRY(std::shared_ptr<ListContent> copy, new_list(std::max(old_length, needed), execution));
  std::ranges::copy(list.elements, copy->elements.begin());
  return copy;
}

/// Rows of the outermost axis as arrays of their own that share its memory.
Array row(const Array& array, std::size_t index) {
  const Shape shape(array.shape().begin() + 1, array.shape().end());
  const Array first = array.reshaped(shape);
  const std::size_t bytes = static_cast<std::size_t>(first.count()) * bytes_of(array.holding());
  return {array.type(), shape, array.holding(), array.owner(), array.elements<std::uint8_t>().data() + index * bytes};
}

/// Puts the writes into a copy of the list and gives it to the result.
Result<void> give_written(Execution& execution, const Step& step, const KernelCall& call,
                          const std::vector<std::int64_t>& indices, const std::vector<Array>& values) {
  OPENANE_TRY(const Content list, list_argument(call));
  if (std::ranges::any_of(indices, [](std::int64_t index) { return index < 0; })) {
    return fail(ErrorCategory::malformed_input, "a negative index");
  }
  const bool is_dynamic = call.output_type(0).length() < 0;
  const std::int64_t highest = indices.empty() ? -1 : std::ranges::max(indices);
  OPENANE_TRY(std::shared_ptr<ListContent> copy, grown_copy(*list, highest, is_dynamic, execution));
  for (std::size_t i = 0; i < indices.size(); ++i) {
    copy->elements[static_cast<std::size_t>(indices[i])] = values[i];
  }
  return execution.set(step.operation->outputs[0], {.list = std::move(copy)});
}

Result<void> make_list(Execution& execution, const Step& step) {
  const KernelCall call(execution, step);
  OPENANE_TRY(const std::int64_t length, index_argument(call, "init_length"));
  if (length < 0) {
    return fail(ErrorCategory::malformed_input, fmt::format("init_length is {}", length));
  }
  OPENANE_TRY(std::shared_ptr<ListContent> list, new_list(static_cast<std::uint64_t>(length), execution));
  return execution.set(step.operation->outputs[0], {.list = std::move(list)});
}

Result<void> list_write(Execution& execution, const Step& step) {
  const KernelCall call(execution, step);
  OPENANE_TRY(const std::int64_t index, index_argument(call, "index"));
  return give_written(execution, step, call, {index}, {call.array("value")});
}

Result<void> list_scatter(Execution& execution, const Step& step) {
  const KernelCall call(execution, step);
  OPENANE_TRY(const std::vector<std::int64_t> indices, indices_argument(call, "indices"));
  const Array& value = call.array("value");
  if (value.rank() == 0 || value.shape()[0] != static_cast<std::int64_t>(indices.size())) {
    return fail(ErrorCategory::malformed_input, "value must have one row for each index");
  }
  std::vector<Array> rows;
  rows.reserve(indices.size());
  for (std::size_t i = 0; i < indices.size(); ++i) {
    rows.push_back(row(value, i));
  }
  return give_written(execution, step, call, indices, rows);
}

Result<void> list_read(Execution& execution, const Step& step) {
  const KernelCall call(execution, step);
  OPENANE_TRY(const Content list, list_argument(call));
  OPENANE_TRY(const std::int64_t index, index_argument(call, "index"));
  OPENANE_TRY(Array element, element_at(*list, index, element_type(execution, step), execution));
  return execution.set(step.operation->outputs[0], {.array = std::move(element)});
}

Result<void> list_gather(Execution& execution, const Step& step) {
  KernelCall call(execution, step);
  OPENANE_TRY(const Content list, list_argument(call));
  OPENANE_TRY(const std::vector<std::int64_t> indices, indices_argument(call, "indices"));
  std::vector<Array> elements;
  elements.reserve(indices.size());
  for (const std::int64_t index : indices) {
    OPENANE_TRY(Array element, element_at(*list, index, element_type(execution, step), execution));
    if (!elements.empty() && element.shape() != elements.front().shape()) {
      return fail(ErrorCategory::malformed_input, "the elements have different shapes");
    }
    elements.push_back(std::move(element));
  }
  Shape shape = elements.empty() ? element_type(execution, step).shape() : elements.front().shape();
  shape.insert(shape.begin(), static_cast<std::int64_t>(elements.size()));
  OPENANE_TRY(const Array out, call.allocate(0, shape));
  std::uint8_t* at = out.writable<std::uint8_t>().data();
  for (const Array& element : elements) {
    const std::size_t bytes = static_cast<std::size_t>(element.count()) * bytes_of(element.holding());
    std::memcpy(at, element.elements<std::uint8_t>().data(), bytes);
    at += bytes;
  }
  call.give(0, out);
  return call.finish();
}

Result<void> list_length(Execution& execution, const Step& step) {
  KernelCall call(execution, step);
  OPENANE_TRY(const Content list, list_argument(call));
  OPENANE_TRY(const Array out, call.allocate(0));
  out.writable<std::int32_t>()[0] = static_cast<std::int32_t>(list->elements.size());
  call.give(0, out);
  return call.finish();
}

constexpr NamedExecutorOperation kOperations[] = {
    {"list_gather", list_gather},   {"list_length", list_length}, {"list_read", list_read},
    {"list_scatter", list_scatter}, {"list_write", list_write},   {"make_list", make_list},
};

}  // namespace

std::span<const NamedExecutorOperation> list_operations() { return kOperations; }

}  // namespace openane::reference
