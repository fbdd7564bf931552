// The register tables as a person reads them: text, JSON and the pages of docs/isa/. `ane isa` prints what these
// functions return.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "openane/register_table.h"

namespace openane {

/// A place in a table. Without a row the whole block, without a block the header word `row`, with neither the whole
/// generation.
struct IsaPlace {
  const Generation* generation = nullptr;
  const Block* block = nullptr;
  const Register* row = nullptr;
  friend bool operator==(const IsaPlace&, const IsaPlace&) = default;
};

/// What `what` names in the given generations: a block, "Block.Register", a register, alias or header word (all that
/// are called so), or a byte address ("0x4d10"). Case does not matter. Empty when it names nothing.
[[nodiscard]] std::vector<IsaPlace> find_in_tables(std::span<const Generation* const> generations,
                                                   std::string_view what);

/// How much of a table is known.
struct IsaCoverage {
  std::uint32_t words = 0, named = 0, reserved = 0, unknown = 0;  ///< Register words; the header is not counted.
  std::uint32_t named_bits = 0;                                   ///< Bits of named words that a field covers.
  std::uint32_t fields[5] = {};                                   ///< Fields (the header's too) by `Grade`.
};
[[nodiscard]] IsaCoverage coverage_of(const Generation& generation);

/// Registers that differ only in a number at the end of their names, one after the other.
[[nodiscard]] std::vector<std::span<const Register>> runs_of(std::span<const Register> registers);

/// One line per generation.
[[nodiscard]] std::string isa_overview_text();
[[nodiscard]] std::string isa_overview_json();
[[nodiscard]] std::string isa_text(const IsaPlace& place);
/// A JSON array, one object per place.
[[nodiscard]] std::string isa_json(std::span<const IsaPlace> places);

/// The reference page of a generation, and the page that leads to them.
[[nodiscard]] std::string isa_markdown(const Generation& generation);
[[nodiscard]] std::string isa_markdown_index();

}  // namespace openane
