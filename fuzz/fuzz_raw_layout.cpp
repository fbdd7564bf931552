// A layout file and a raw kernel, parted by the first NUL. What was read is written back, and its own layout reads it.
#include <algorithm>
#include "require.h"

#include "openane/raw_kernel.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using openane::Bytes;
  using openane::fuzz::error_text;
  using openane::fuzz::require;
  const auto* const end = std::find(data, data + size, std::uint8_t{0});
  const std::string_view text(reinterpret_cast<const char*>(data), static_cast<std::size_t>(end - data));
  const std::uint8_t* const kernel = end == data + size ? end : end + 1;
  const Bytes input(std::vector<std::uint8_t>(kernel, data + size));
  const auto program = openane::read_raw_kernel(input, text, "layout");
  if (!program) {
    require(!program.error().message.empty(), "an error has a message");
    return 0;
  }
  static_cast<void>(openane::check_program(*program));
  const auto written = openane::write_raw_kernel(*program);
  require(written.has_value(), "what was read can be written:", error_text(written));
  // Without constants the file may end before the padding that the writer adds; the padding between tasks and constants
  // is the writer's.
  require(written->size() >= program->task_section.size() &&
              std::equal(program->task_section.data(), program->task_section.data() + program->task_section.size(),
                         written->begin()),
          "reading and writing gives the same tasks");
  const auto layout = openane::write_raw_layout(*program);
  require(layout.has_value(), "what was read has a layout:", error_text(layout));
  const auto again = openane::read_raw_kernel(Bytes(*written), *layout, "layout");
  require(again && again->procedures[0].tasks == program->procedures[0].tasks &&
              again->procedures[0].tensors == program->procedures[0].tensors,
          "the layout reads the kernel back:", error_text(again));
  return 0;
}
