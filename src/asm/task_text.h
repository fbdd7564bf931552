// Tasks as text, register by register.
//
//   task {
//     header { Header2 = LogEvents 0x422 }
//     Common {                                  one dense record of the whole block; registers left out are 0
//       InDim = Win 512, Hin 32
//     }
//     KernelDMASrc.MasterConfig x18 { ... }     a dense record of 18 registers
//     scatter L2.L2Cfg { ... }                  exactly the registers listed
//     address TileDMASrc.Src1BaseAddr slot 5 x2 { ... }
//   }
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "asm/source.h"
#include "openane/task.h"

namespace openane {

/// A task before linking. Header bits that follow from the order of tasks are filled in by the linker where the text
/// does not set them.
struct TaskText {
  Task task;
  std::vector<std::uint32_t> explicit_header;  ///< Per header word, the bits that the text sets.
  std::optional<std::uint32_t> offset;
  Word place;  ///< The word `task`.
};

/// The statements inside `task {`. Errors go to the source; the result is usable when the source has not failed.
[[nodiscard]] TaskText parse_register_task(Source& source, const Generation& generation, const Word& opening);

/// One `Block.Register = ...`, `Block.Register.Field = ...`, `HeaderN = ...` or `HeaderN.Field = ...` on a finished
/// task.
[[nodiscard]] Result<void> override_register(TaskText& text, std::span<const Word> words);
/// True when the word names a header word or has a dot: it is no key of an operation.
[[nodiscard]] bool names_register(const Generation& generation, std::string_view word);

/// Places the tasks of one procedure from `start` on, at the generation's alignment or where the text says, and fills
/// the header bits that depend on the order. Chain offsets count from `task_base`.
[[nodiscard]] Result<std::vector<PlacedTask>> link_procedure(std::vector<TaskText> tasks, const Generation& generation,
                                                             std::uint32_t start, std::uint32_t task_base);

/// Appends a task that `link_procedure` turns back into the same words. `linked` is the task with all order-dependent
/// bits as the linker would set them.
void append_register_task(std::string& out, const Task& task, const Task& linked, std::string_view indent);

}  // namespace openane
