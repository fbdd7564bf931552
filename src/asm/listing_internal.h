// What the views of a listing share.
#pragma once

#include <string>

#include "engine/op_text.h"
#include "openane/listing.h"
#include "openane/program.h"

namespace openane {

/// A task in its place. `op` is null for generations whose tasks have no meaning yet.
struct ListedTask {
  const Program* program = nullptr;      ///< Null when only a task is listed.
  const Procedure* procedure = nullptr;  ///< Null likewise.
  const Task* task = nullptr;
  std::size_t index = 0;
  std::optional<std::uint32_t> offset;
  const EngineOp* op = nullptr;
};

/// "image", "constants", "scratch", "tasks"; empty when the slot has no known meaning.
[[nodiscard]] std::string_view slot_name(const ListedTask& listed, std::uint32_t slot);
/// The table that the task's first enabled stream begins with: the formula's name, else what its words say. Empty when
/// it lies outside the constants at hand.
[[nodiscard]] std::string table_name(const ListedTask& listed, const KernelStream& kernel);

/// The error for a task that no procedure has.
[[nodiscard]] std::unexpected<Error> no_task(const Program& program, std::size_t task);
void append_meaning(std::string& out, const ListedTask& listed);
void append_fields(std::string& out, const ListedTask& listed);
void append_words(std::string& out, const ListedTask& listed);

/// A tensor's type, shape and strides: "float16 1x64x8x8 row 0x40 plane 0x200 batch 0x8000".
void append_layout(std::string& out, const SurfaceLayout& layout);

}  // namespace openane
