// What a variable holds while a program runs.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "openane/mil_value.h"
#include "reference/array.h"

namespace openane::reference {

/// A list value of MIL. Entries that nobody has written yet are arrays of type `invalid`.
struct ListContent {
  std::vector<Array> elements;
  std::shared_ptr<void> memory;  ///< What the entries themselves count in the memory meter.
};

struct RuntimeValue {
  Array array;                                           ///< Of a tensor; of a dictionary, its numbers.
  mil::Value constant;                                   ///< What `array` decodes, of constants only.
  std::shared_ptr<const ListContent> list;               ///< Of a list.
  std::shared_ptr<const std::vector<std::string>> keys;  ///< Of a dictionary.
  std::optional<std::size_t> state;                      ///< Of a state: its number.

  [[nodiscard]] bool has_array() const { return array.type() != mil::DataType::invalid; }
};

}  // namespace openane::reference
