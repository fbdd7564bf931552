// The ANEC header (hwx-container.md 15.1): packed, little-endian, then zeros up to the body.
//
//   0x000 u64 size        bytes of the body: tasks padded to 16, then constants
//   0x008 u32 td_size     bytes of the first task
//   0x00c u32 td_count
//   0x010 u64 tsk_size    bytes of the task section
//   0x018 u64 krn_size    bytes of the constants
//   0x020 u32 src_count   inputs
//   0x024 u32 dst_count   outputs
//   0x028 u32 tiles[32]   buffer size of each channel in 0x4000-byte tiles
//   0x0a8 u64 nchw[32][6] N, C, H, W, plane stride, row stride of each tensor channel
//
// Channels are slots: 0 tasks, 1 constants (the driver places them behind the tasks), 3 scratch, outputs from 4, then
// inputs.
#pragma once

#include <cstdint>

namespace openane::anec {

inline constexpr std::uint32_t kSize = 0x00;
inline constexpr std::uint32_t kTaskSize = 0x08;
inline constexpr std::uint32_t kTaskCount = 0x0c;
inline constexpr std::uint32_t kTaskBytes = 0x10;
inline constexpr std::uint32_t kKernelBytes = 0x18;
inline constexpr std::uint32_t kSourceCount = 0x20;
inline constexpr std::uint32_t kDestinationCount = 0x24;
inline constexpr std::uint32_t kTiles = 0x28;
inline constexpr std::uint32_t kShapes = 0xa8;
inline constexpr std::uint32_t kHeaderEnd = 0x6a8;

inline constexpr std::uint32_t kChannels = 32;
inline constexpr std::uint32_t kCommandChannel = 0;
inline constexpr std::uint32_t kKernelChannel = 1;
inline constexpr std::uint32_t kScratchChannel = 3;
inline constexpr std::uint32_t kFirstTensor = 4;
inline constexpr std::uint64_t kTile = 0x4000;
/// No known program needs more; a sum beyond it is a damaged or hostile header.
inline constexpr std::uint64_t kMaximumBufferBytes = std::uint64_t{1} << 40;
inline constexpr std::uint64_t kMaximumTaskCount = 0xffff;
/// Inside the body the constants follow the tasks at this alignment; HWX has them at 64.
inline constexpr std::uint64_t kKernelAlignment = 16;
inline constexpr std::uint64_t kSurfaceAlignment = 64;

}  // namespace openane::anec
