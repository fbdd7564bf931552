// MIL text: whatever is read must survive printing.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "openane/mil_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace openane::mil;
  std::vector<Diagnostic> diagnostics;
  const auto program = parse_text(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz", &diagnostics);
  if (!program) {
    for (const Diagnostic& diagnostic : diagnostics) {
      (void)to_string(diagnostic, nullptr);
    }
    return 0;
  }
  const std::string printed = print_text(*program);
  const auto again = parse_text(printed);
  if (!again || !(*again == *program)) {
    std::abort();
  }
  return 0;
}
