#include <fmt/format.h>

#include "openane/engine_op.h"

namespace openane {

std::string Unknown::to_string() const {
  return fmt::format("{}{}{}{}{} = {:#x}, understood: {}", block, block.empty() ? "" : ".", register_name,
                     field.empty() ? "" : ".", field.empty() ? " (unnamed bits)" : field, value, known);
}

}  // namespace openane
