// Where a task holds the addresses of its coefficient streams: the words that relocations name and that tools patch.
#pragma once

#include <cstdint>
#include <vector>

#include "openane/task.h"

namespace openane {

struct KernelBase {
  std::uint32_t channel = 0;
  std::uint32_t task_offset = 0;  ///< Byte offset of the word from the start of the task.
  std::uint32_t value = 0;        ///< Byte offset of the stream from the start of the kernel slot.
  std::uint32_t size = 0;         ///< Bytes of the stream.
  bool enabled = false;
};

/// One entry per channel whose base the task writes; empty for generations whose kernel registers have no names.
[[nodiscard]] std::vector<KernelBase> kernel_bases(const Task& task);

}  // namespace openane
