// A Core ML model file: an ML Program in it must survive writing, and its text.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "openane/mil_model.h"
#include "openane/mil_protobuf.h"
#include "openane/mil_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace openane;
  using namespace openane::mil;
  const auto message = parse_model_message(Bytes(std::vector<std::uint8_t>(data, data + size)));
  if (!message) {
    return 0;
  }
  (void)format_model_message(*message);
  const auto program = parse_program_message(message->payload);
  if (!program) {
    return 0;
  }
  const auto written = format_program_message(*program);
  if (written) {
    const auto again = parse_program_message(Bytes(*written));
    if (!again || !(*again == *program)) {
      std::abort();
    }
  }
  const auto text = parse_text(print_text(*program));
  if (text_losses(*program).empty() && (!text || !(*text == *program))) {
    std::abort();
  }
  return 0;
}
