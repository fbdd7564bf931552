// Look-ups in the tables that tools/generate_chips.py makes from data/chips.toml.
#include "openane/chips.h"

#include <algorithm>
#include <string>

#include "isa/plain_name.h"

namespace openane {
namespace {

template <typename Row, typename Key>
const Row* find_row(std::span<const Row> rows, Key Row::* key, const Key& wanted) {
  const auto found = std::ranges::find(rows, wanted, key);
  return found == rows.end() ? nullptr : &*found;
}

/// H11, H12, ... H18, H18G follow one another; M11 stands aside.
bool in_line(std::string_view generation) { return generation.starts_with('H'); }

}  // namespace

const Figure* Chip::find(std::string_view figure) const { return find_row(figures, &Figure::name, figure); }

const Generation* Chip::generation() const {
  const CompilerTarget* row = find_compiler_target(target);
  return row == nullptr || row->generation.empty() ? nullptr : find_generation(row->generation);
}

std::optional<std::int64_t> Limit::of(const Generation& generation) const {
  const LimitValue* row = find_row(values, &LimitValue::generation, generation.id);
  return row == nullptr ? std::nullopt : std::optional(row->value);
}

std::optional<bool> Feature::in(const Generation& generation) const {
  if (!in_line(generation.id)) {
    return std::nullopt;
  }
  return !first.empty() && generation.id >= first && (last.empty() || generation.id <= last);
}

const Chip* find_chip(std::string_view name) {
  const std::string wanted = plain_name(name);
  const auto same = [&wanted](const Chip& chip) {
    return plain_name(chip.name) == wanted || (!chip.soc.empty() && plain_name(chip.soc) == wanted);
  };
  const auto found = wanted.empty() ? chips().end() : std::ranges::find_if(chips(), same);
  return found == chips().end() ? nullptr : &*found;
}

const CompilerTarget* find_compiler_target(std::string_view name) {
  const std::string wanted = plain_name(name);
  const auto found = wanted.empty() ? compiler_targets().end()
                                    : std::ranges::find_if(compiler_targets(), [&wanted](const CompilerTarget& target) {
                                        return plain_name(target.name) == wanted;
                                      });
  return found == compiler_targets().end() ? nullptr : &*found;
}

const CompilerTarget* find_compiler_target_by_subtype(std::uint32_t cpu_subtype) {
  return find_row(compiler_targets(), &CompilerTarget::cpu_subtype, cpu_subtype);
}

const ClockTable* find_clock_table(std::string_view target) {
  return find_row(clock_tables(), &ClockTable::target, target);
}

const Limit* find_limit(std::string_view name) { return find_row(limits(), &Limit::name, name); }

}  // namespace openane
