#include "reference/arguments.h"

#include <fmt/format.h>

#include <utility>

#include "mil/extents.h"

namespace openane::reference {
namespace {

template <typename T>
Result<T> present(std::optional<T> value, std::string_view name) {
  if (!value) {
    return refuse(fmt::format("argument {} has no value", name));
  }
  return *std::move(value);
}

template <typename T>
Result<std::vector<T>> counted(Result<std::vector<T>> values, std::string_view name, std::size_t count) {
  if (values && values->size() != count) {
    return refuse(fmt::format("{} must have {} elements, found {}", name, count, values->size()));
  }
  return values;
}

}  // namespace

std::unexpected<Error> refuse(std::string message) { return fail(ErrorCategory::malformed_input, std::move(message)); }

std::unexpected<Error> unpublished(std::string message) {
  return fail(ErrorCategory::missing_specification, std::move(message));
}

Result<std::int64_t> integer_argument(const Call& call, std::string_view name) {
  return present(call.integer(name), name);
}

Result<double> number_argument(const Call& call, std::string_view name) { return present(call.number(name), name); }

Result<std::string> text_argument(const Call& call, std::string_view name) { return present(call.text(name), name); }

Result<std::vector<std::int64_t>> integers_argument(const Call& call, std::string_view name) {
  return present(call.integers(name), name);
}

Result<std::vector<std::int64_t>> integers_argument(const Call& call, std::string_view name, std::size_t count,
                                                    std::int64_t fallback) {
  if (!call.has(name)) {
    return std::vector<std::int64_t>(count, fallback);
  }
  return counted(integers_argument(call, name), name, count);
}

Result<std::vector<bool>> mask_argument(const Call& call, std::string_view name, std::size_t count) {
  if (!call.has(name)) {
    return std::vector<bool>(count, false);
  }
  return counted(present(call.booleans(name), name), name, count);
}

Result<std::size_t> axis_argument(const Call& call, std::string_view name, std::size_t rank) {
  OPENANE_TRY(const std::int64_t axis, integer_argument(call, name));
  return mil::normalise_axis(axis, rank);
}

Result<double> scalar_argument(const Call& call, std::string_view name) {
  if (call.has(name) && call.array(name).holding() == Holding::boolean) {
    OPENANE_TRY(const bool value, present(call.boolean(name), name));
    return value ? 1.0 : 0.0;
  }
  return number_argument(call, name);
}

}  // namespace openane::reference
