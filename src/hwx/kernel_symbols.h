// Which words of a program's tasks hold addresses of coefficient streams, and what those streams are called.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "openane/program.h"

namespace openane::hwx {

/// A word that a relocation names.
struct KernelReference {
  std::uint64_t address = 0;  ///< Offset of the word in the task section.
  std::size_t section = 0;    ///< Index in Program::constants.
  std::uint64_t value = 0;    ///< Offset of the stream in that section: the word.
  friend bool operator==(const KernelReference&, const KernelReference&) = default;
};

/// In ascending order. Streams that come from anywhere but the constants (weights made at run time) have no relocation.
[[nodiscard]] std::vector<KernelReference> kernel_references(const Program& program);

struct KernelSymbol {
  std::string name;
  std::size_t section = 0;
  std::uint64_t value = 0;
};

/// One per stream, in the order of the tasks.
[[nodiscard]] std::vector<KernelSymbol> kernel_symbols(const Program& program);

}  // namespace openane::hwx
