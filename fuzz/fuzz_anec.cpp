// ANEC from anyone: a value or an error. What was read is written back byte for byte and survives as an HWX.
#include "require.h"

#include "openane/anec.h"
#include "openane/hwx.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using openane::Bytes;
  using openane::fuzz::error_text;
  using openane::fuzz::require;
  const Bytes input(std::vector<std::uint8_t>(data, data + size));
  const bool plausible = openane::looks_like_anec(input.span());
  const auto program = openane::read_anec(input);
  if (!program) {
    require(!program.error().message.empty(), "an error has a message");
    return 0;
  }
  require(plausible, "what is read looked like an ANEC");
  static_cast<void>(openane::check_program(*program));
  const auto written = openane::write_anec(*program);
  require(written && Bytes(*written) == input, "reading and writing gives the same bytes:", error_text(written));
  if (const auto hwx = openane::write_hwx(*program)) {
    const auto again = openane::read_hwx(Bytes(*hwx));
    require(again && again->procedures[0].tasks == program->procedures[0].tasks,
            "an HWX holds the tasks:", error_text(again));
  }
  return 0;
}
