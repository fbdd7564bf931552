// classify: the label of the most likely class, and the dictionary of all of them.
#include <algorithm>
#include <limits>

#include "reference/conversion.h"
#include "reference/execution.h"

namespace openane::reference {
namespace {

template <typename Real>
std::size_t most_likely(const Array& probabilities) {
  const auto elements = probabilities.elements<Real>();
  return static_cast<std::size_t>(std::ranges::max_element(elements) - elements.begin());
}

std::string label_text(const mil::Value& label) {
  const std::string* text = label.as_string();
  return text != nullptr ? *text : std::to_string(label.as_int().value_or(0));
}

Result<Array> label_array(const mil::Value& label, Execution& execution) {
  Environment& environment = execution.environment();
  return decode(label, environment.weights, environment.options.precision, environment.meter);
}

Result<void> classify(Execution& execution, const Step& step) {
  const Array& probabilities = execution.operand(step.find("probabilities")->operands.front()).array;
  const mil::Value& classes = execution.operand(step.find("classes")->operands.front()).constant;
  const std::span<const mil::Value> labels = classes.elements();
  if (probabilities.count() < 1 || static_cast<std::size_t>(probabilities.count()) != labels.size()) {
    return fail(ErrorCategory::malformed_input, "there must be as many probabilities as classes");
  }
  const std::size_t best =
      probabilities.holding() == Holding::fp64 ? most_likely<double>(probabilities) : most_likely<float>(probabilities);
  auto keys = std::make_shared<std::vector<std::string>>();
  std::ranges::transform(labels, std::back_inserter(*keys), label_text);
  OPENANE_TRY(Array label, label_array(labels[best], execution));
  OPENANE_CHECK(execution.set(step.operation->outputs[0], {.array = std::move(label)}));
  return execution.set(step.operation->outputs[1], {.array = probabilities, .keys = std::move(keys)});
}

constexpr NamedExecutorOperation kOperations[] = {{"classify", classify}};

}  // namespace

std::span<const NamedExecutorOperation> classifier_operations() { return kOperations; }

}  // namespace openane::reference
