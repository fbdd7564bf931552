// LC_THREAD payloads: what a program and its tensors are (hwx-container.md sections 6 and 7).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hwx/image.h"
#include "openane/error.h"

namespace openane::hwx {

struct Tlv {
  std::uint32_t tag = 0;
  std::uint64_t header = 0;  ///< Where it stands in the file.
  std::uint32_t size = 0;
};

struct ProgramDescriptor {
  std::uint64_t header = 0;  ///< Where the command stands in the file.
  const ProgramFields* fields = nullptr;
  std::string name;
  std::vector<std::uint64_t> slots;
  std::uint64_t text_address = 0;
  std::uint32_t first_task_words = 0;  ///< 0 where the flavor does not say.
  std::uint32_t task_count = 0;
  std::uint64_t scratch_used = 0;
  std::uint64_t debug_events = 0;
  std::uint64_t log_events = 0;
  std::vector<Tlv> tlvs;
};

struct TensorDescriptor {
  std::uint64_t header = 0;
  std::uint32_t direction = 0;
  std::string procedure, name, symbol;
  std::uint32_t type = 0;
  std::array<std::uint32_t, 5> shape{};    ///< N, C, H, W, D
  std::array<std::uint64_t, 4> strides{};  ///< N, C, H, W
  std::uint64_t total = 0;
  std::uint64_t extent = 0;
  std::uint32_t interleave = 0;
};

[[nodiscard]] Result<ProgramDescriptor> parse_program_descriptor(std::span<const std::uint8_t> file,
                                                                 const Thread& thread);
/// Checks everything that the descriptor says about itself (rule H11); sections and programs are for the caller.
[[nodiscard]] Result<TensorDescriptor> parse_tensor_descriptor(std::span<const std::uint8_t> file,
                                                               const Thread& thread);

}  // namespace openane::hwx
