#include "mil/default_value.h"

#include <algorithm>
#include <charconv>

#include "mil/op_view.h"

namespace openane::mil {

std::optional<double> default_number(std::string_view text) {
  double value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && status == std::errc() && end == text.data() + text.size() ? std::optional(value)
                                                                                    : std::nullopt;
}

std::optional<bool> default_boolean(std::string_view text) {
  return text == "true" || text == "false" ? std::optional(text == "true") : std::nullopt;
}

std::optional<std::string> default_text(std::string_view text) {
  return text.size() >= 2 && text.front() == '"' ? std::optional(std::string(text.substr(1, text.size() - 2)))
                                                 : std::nullopt;
}

void append_integers(const Value& value, std::optional<std::vector<std::int64_t>>& out) {
  if (!value.elements().empty()) {
    for (const Value& element : value.elements()) {
      append_integers(element, out);
    }
    return;
  }
  const auto integers = value.as_ints();
  const auto is_huge = [](std::int64_t integer) { return integer > kLargestInteger || integer < -kLargestInteger; };
  if (!integers || value.is_blob() || std::ranges::any_of(*integers, is_huge)) {
    out.reset();
  } else if (out) {
    out->insert(out->end(), integers->begin(), integers->end());
  }
}

}  // namespace openane::mil
