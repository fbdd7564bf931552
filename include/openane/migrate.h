// Migration: the same program for another generation, where the meaning of both is known.
//
// Every task is lifted, its operands and coefficients are placed by the target's rules, and it is encoded anew. What a
// task says beyond its meaning (tiling, scheduling, caching) is not carried: the notes list it word by word.
#pragma once

#include <string>
#include <vector>

#include "openane/program.h"

namespace openane {

struct MigrationNote {
  std::size_t procedure = 0, task = 0;
  std::string word;  ///< "Common.TileCfg.TileHeight"; empty for a change that the target needed.
  std::uint32_t value = 0;
  std::string reason;  ///< Why it was not carried, or what was done instead.
};

struct Migration {
  Program program;
  std::vector<MigrationNote> notes;
};

/// Fails with the first task that cannot be carried: an unexplained word, a feature the target's encoding is not known
/// for, a value that does not fit. The numbers a migrated program computes are those of the ops; the target's own
/// arithmetic may round otherwise.
[[nodiscard]] Result<Migration> migrate(const Program& program, const Generation& to);

}  // namespace openane
