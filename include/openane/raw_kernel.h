// Raw kernels: task bytes, padded to 16, then kernel bytes; no header. A layout file says what a header would:
//
//   task_bytes = 0x274        # bytes of the task section
//   kernel_bytes = 0x80       # bytes of constants, 0 if none
//   scratch_bytes = 0         # bytes of the scratch buffer (slot 3)
//   [[tensor]]
//   name = "x"                slot = 5        role = "input"     type = "float16"
//   shape = [1, 1, 2560, 1600]                row_stride = 0xc80 plane_stride = 0x7d0000
#pragma once

#include <string>
#include <vector>

#include "openane/program.h"

namespace openane {

/// `layout_text` is TOML; `layout_file` names it in errors.
[[nodiscard]] Result<Program> read_raw_kernel(const Bytes& data, std::string_view layout_text,
                                              const std::string& layout_file);
[[nodiscard]] Result<std::vector<std::uint8_t>> write_raw_kernel(const Program& program);
/// The layout file that reads a program back from `write_raw_kernel`'s bytes.
[[nodiscard]] Result<std::string> write_raw_layout(const Program& program);

}  // namespace openane
