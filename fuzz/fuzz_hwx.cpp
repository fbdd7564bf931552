// HWX from anyone: a value or an error. What was read is written back byte for byte, and rebuilt by every profile it is
// the same program.
#include "require.h"

#include <utility>

#include "openane/anec.h"
#include "openane/hwx.h"
#include "openane/runtime_description.h"

namespace {

using openane::Bytes;
using openane::HwxProfile;
using openane::Program;
using openane::fuzz::error_text;
using openane::fuzz::require;

/// Equal in what a run depends on; addresses, symbols and order of tensors are the container's.
bool same_program(const Program& a, const Program& b) {
  if (a.procedures.size() != b.procedures.size() || a.scratch_bytes != b.scratch_bytes) {
    return false;
  }
  for (std::size_t i = 0; i < a.procedures.size(); ++i) {
    if (a.procedures[i].tasks != b.procedures[i].tasks ||
        a.procedures[i].tensors.size() != b.procedures[i].tensors.size()) {
      return false;
    }
    for (const openane::TensorBinding& tensor : a.procedures[i].tensors) {
      const openane::TensorBinding* other = b.procedures[i].find_slot(tensor.slot);
      if (other == nullptr || other->layout != tensor.layout || other->role != tensor.role) {
        return false;
      }
    }
  }
  return true;
}

void check_rebuilt(Program program) {
  program.carried = nullptr;
  for (const HwxProfile profile : {HwxProfile::v4, HwxProfile::v5, HwxProfile::v7, HwxProfile::v9}) {
    const auto built = openane::write_hwx(program, profile);
    if (!built) {
      const openane::ErrorCategory category = built.error().category;
      require(category == openane::ErrorCategory::unsupported || category == openane::ErrorCategory::not_implemented,
              "what cannot be built is named so:", error_text(built));
      continue;
    }
    const auto again = openane::read_hwx(Bytes(*built));
    require(again.has_value(), "a built file can be read:", error_text(again));
    require(same_program(program, *again), "a built file holds the program");
  }
}

void check_converted(const Program& program) {
  if (const auto anec = openane::write_anec(program)) {
    const auto again = openane::read_anec(Bytes(*anec));
    require(again && again->procedures[0].tasks.size() == program.procedures[0].tasks.size(),
            "an ANEC holds the tasks:", error_text(again));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(std::vector<std::uint8_t>(data, data + size));
  const auto program = openane::read_hwx(input);
  if (!program) {
    openane::fuzz::require(!program.error().message.empty(), "an error has a message");
    return 0;
  }
  static_cast<void>(openane::check_program(*program));
  static_cast<void>(openane::describe_for_runtime(*program));
  const auto written = openane::write_hwx(*program);
  openane::fuzz::require(written && Bytes(*written) == input,
                         "reading and writing gives the same bytes:", openane::fuzz::error_text(written));
  check_rebuilt(*program);
  check_converted(*program);
  return 0;
}
