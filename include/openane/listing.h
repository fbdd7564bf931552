// Listings: what a program does, for a person. Four views of a task, each also as JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "openane/engine_op.h"
#include "openane/program.h"

namespace openane {

struct ListingOptions {
  enum class View : std::uint8_t {
    meaning,  ///< Per task what it does, in the field's words: sources, kernel, compute, result, bytes moved, MACs.
    fields,   ///< Every named field with its decoded value; unknown bits as such.
    words,    ///< Raw words beside register names.
    assembly  ///< The assembly text (assembly.h).
  };
  View view = View::meaning;
  /// Only this task of every procedure; `usage` when no procedure has it. Assembly is whole programs only and ignores
  /// it.
  std::optional<std::size_t> task;
  bool color = false;
};

/// Text of a whole program.
[[nodiscard]] Result<std::string> list_program(const Program& program, const ListingOptions& options = {});
/// Text of one task, as `list_program` prints it.
[[nodiscard]] std::string list_task(const Task& task, const EngineOp* op, std::size_t index, const Procedure* procedure,
                                    const ListingOptions& options = {});
/// The operations of a listing's meaning view, in order: comments carry derived figures only, so nothing is lost but
/// the side records and the unknowns.
[[nodiscard]] Result<std::vector<EngineOp>> parse_listing(std::string_view text, const std::string& file = {});
/// The same content as JSON text.
[[nodiscard]] Result<std::string> list_program_json(const Program& program, const ListingOptions& options = {});

}  // namespace openane
