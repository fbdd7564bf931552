#include "mil/op_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "mil/default_value.h"

namespace openane::mil {
namespace {

bool is_huge(std::int64_t value) { return value > kLargestInteger || value < -kLargestInteger; }

}  // namespace

std::unexpected<Error> mismatch(std::string message) {
  return fail(ErrorCategory::malformed_input, std::move(message));
}

const std::vector<Binding>* OpView::bindings(std::string_view name) const {
  const Argument* argument = operation_.find_argument(name);
  return argument != nullptr ? &argument->bindings : nullptr;
}

std::string_view OpView::fallback(std::string_view name) const {
  const Parameter* parameter = signature_.find(name);
  return parameter != nullptr ? parameter->fallback : std::string_view();
}

const Type& OpView::hold(Type type) const {
  held_.reserve(64);
  if (held_.size() == held_.capacity()) {
    held_.clear();
  }
  return held_.emplace_back(std::move(type));
}

bool OpView::has(std::string_view name) const {
  const std::vector<Binding>* bound = bindings(name);
  return (bound != nullptr && !bound->empty()) || operation_.find_attribute(name) != nullptr;
}

std::vector<Type> OpView::types(std::string_view name) const {
  std::vector<Type> out;
  if (const std::vector<Binding>* bound = bindings(name)) {
    for (const Binding& binding : *bound) {
      out.push_back(binding.is_variable() ? function_[binding.variable()].type : binding.value().type());
    }
  } else if (const Value* attribute = operation_.find_attribute(name)) {
    out.push_back(attribute->type());
  }
  return out;
}

Type OpView::type(std::string_view name) const {
  const std::vector<Type> all = types(name);
  return all.size() == 1 ? all.front() : Type();
}

const Shape& OpView::main_shape() const {
  for (const std::string_view name : {"x", "input", "data"}) {
    if (has(name)) {
      return shape(name);
    }
  }
  return shape("x");
}

const Value* OpView::constant(std::string_view name) const {
  const Value* value = operation_.find_argument(name) != nullptr ? function_.constant(operation_, name)
                                                                 : operation_.find_attribute(name);
  return value != nullptr && !value->is_blob() ? value : nullptr;
}

std::optional<std::int64_t> OpView::integer(std::string_view name) const {
  if (const Value* value = constant(name)) {
    const std::optional<std::int64_t> integer = value->as_int();
    return integer && !is_huge(*integer) ? integer : std::nullopt;
  }
  const std::optional<double> number = has(name) ? std::nullopt : default_number(fallback(name));
  return number ? std::optional(static_cast<std::int64_t>(*number)) : std::nullopt;
}

std::optional<double> OpView::number(std::string_view name) const {
  if (const Value* value = constant(name)) {
    return value->as_number();
  }
  return has(name) ? std::nullopt : default_number(fallback(name));
}

std::optional<bool> OpView::boolean(std::string_view name) const {
  if (const Value* value = constant(name)) {
    return value->as_bool();
  }
  return has(name) ? std::nullopt : default_boolean(fallback(name));
}

std::optional<std::string> OpView::text(std::string_view name) const {
  if (const Value* value = constant(name)) {
    return value->as_string() != nullptr ? std::optional(*value->as_string()) : std::nullopt;
  }
  return has(name) ? std::nullopt : default_text(fallback(name));
}

std::optional<std::vector<std::int64_t>> OpView::integers(std::string_view name) const {
  std::optional<std::vector<std::int64_t>> out;
  const std::vector<Binding>* bound = bindings(name);
  if (bound != nullptr) {
    out.emplace();
    for (const Binding& binding : *bound) {
      const Value* value = function_.constant(binding);
      if (value == nullptr || !out) {
        return std::nullopt;
      }
      append_integers(*value, out);
    }
  } else if (const Value* attribute = operation_.find_attribute(name)) {
    out.emplace();
    append_integers(*attribute, out);
  }
  return out;
}

std::optional<std::vector<bool>> OpView::booleans(std::string_view name) const {
  const auto integers = this->integers(name);
  if (!integers) {
    return std::nullopt;
  }
  std::vector<bool> out;
  std::ranges::transform(*integers, std::back_inserter(out), [](std::int64_t value) { return value != 0; });
  return out;
}

Result<std::optional<std::vector<std::int64_t>>> OpView::integers_of(std::string_view name, std::size_t count,
                                                                     std::int64_t fallback) const {
  if (!has(name)) {
    return std::vector<std::int64_t>(count, fallback);
  }
  auto values = integers(name);
  if (values && values->size() != count) {
    return mismatch(fmt::format("{} must have {} elements, found {}", name, count, values->size()));
  }
  return values;
}

}  // namespace openane::mil
