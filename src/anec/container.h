#pragma once

#include <utility>

#include "openane/anec.h"

namespace openane::anec {

struct AnecContainer final : CarriedContainer {
  AnecContainer(Bytes bytes, AnecHeader size) : file(std::move(bytes)), header(size) {}
  Bytes file;
  AnecHeader header;
};

}  // namespace openane::anec
