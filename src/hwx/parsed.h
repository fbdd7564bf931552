// A program together with the places in its HWX file that it came from: what the writer needs to put changes back.
#pragma once

#include <vector>

#include "hwx/descriptors.h"
#include "hwx/image.h"
#include "openane/bytes.h"
#include "openane/program.h"

namespace openane::hwx {

struct HwxContainer final : CarriedContainer {
  explicit HwxContainer(Bytes bytes) : file(std::move(bytes)) {}
  Bytes file;
};

struct Parsed {
  Image image;
  std::vector<ProgramDescriptor> programs;  ///< In the order of Program::procedures.
  const Section* text = nullptr;            ///< Points into `image`; so do the next ones.
  std::vector<const Section*> constants;    ///< In the order of Program::constants.
  Program program;
};

/// Reads and checks everything (hwx-container.md 12, H1 to H13 and H16). The views in `image` live as long as `file`'s
/// bytes.
[[nodiscard]] Result<Parsed> parse_hwx(const Bytes& file);

}  // namespace openane::hwx
