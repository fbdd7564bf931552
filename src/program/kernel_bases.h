// Where a task holds addresses of constants: the words that relocations name and that tools patch.
#pragma once

#include <cstdint>
#include <vector>

#include "openane/task.h"

namespace openane {

struct KernelBase {
  std::uint32_t channel = 0;
  std::uint32_t task_offset = 0;  ///< Byte offset of the word from the start of the task.
  std::uint32_t value = 0;        ///< Byte offset of the stream from the start of the kernel slot.
  std::uint32_t size = 0;         ///< Bytes of the stream; 0 in packet tasks.
  bool enabled = false;
  std::uint8_t slot = 0;  ///< Packet tasks: what the address packet names. Linked tasks have one slot in their header.
};

/// One entry per channel whose base the task writes; empty for generations whose kernel registers have no names. Packet
/// tasks: one per 64-bit address packet, of coefficients or any other operand (constants may be a source).
[[nodiscard]] std::vector<KernelBase> kernel_bases(const Task& task);

}  // namespace openane
