#include "hwx/kernel_symbols.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "openane/engine_op.h"
#include "program/kernel_bases.h"
#include "program/selectors.h"

namespace openane::hwx {
namespace {

/// The section of constants that a task's coefficients come from, if it fetches any from there.
std::optional<std::size_t> kernel_section(const Program& program, const Task& task) {
  for (const Selector& selector : selectors_of(task.generation())) {
    if (selector.use != SelectorUse::kernel || task.get(selector.enable) == 0) {
      continue;
    }
    const auto found = std::ranges::find(program.constants, task.get(selector.slot), &ConstantSection::slot);
    if (found != program.constants.end()) {
      return static_cast<std::size_t>(found - program.constants.begin());
    }
  }
  return std::nullopt;
}

/// A task that reads a table and no weights: its stream's name has no channel number.
bool is_table_only(const Task& task) {
  const Result<EngineOp> op = lift(task);
  const NeuralCompute* compute = op ? op->neural() : nullptr;
  return compute != nullptr && compute->kernel.format == KernelFormat::none && compute->activation == Activation::table;
}

/// Apple's names carry a 256-bit hash of the content by an unknown algorithm. Ours only has to differ where the content
/// does: four FNV-1a sums from different starts.
class ContentHash {
 public:
  void add(std::span<const std::uint8_t> bytes) {
    for (const std::uint8_t byte : bytes) {
      for (std::uint64_t& part : parts_) {
        part = (part ^ byte) * 0x100000001b3;
      }
    }
  }
  [[nodiscard]] std::string text() const {
    return fmt::format("{:016X}{:016X}{:016X}{:016X}", parts_[0], parts_[1], parts_[2], parts_[3]);
  }

 private:
  std::array<std::uint64_t, 4> parts_ = {0xcbf29ce484222325, 0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f,
                                         0x165667b19e3779f9};
};

std::vector<KernelBase> enabled_bases(const Task& task) {
  std::vector<KernelBase> bases = kernel_bases(task);
  std::erase_if(bases, [](const KernelBase& base) { return !base.enabled; });
  return bases;
}

/// Calls with a task, a section of constants and the task's addresses in it.
template <typename Visit>
void for_each_kernel(const Program& program, const Visit& visit) {
  for (const Procedure& procedure : program.procedures) {
    for (const PlacedTask& placed : procedure.tasks) {
      if (placed.task.generation().stream == StreamForm::packet) {
        for (std::size_t section = 0; section < program.constants.size(); ++section) {
          std::vector<KernelBase> bases = kernel_bases(placed.task);
          std::erase_if(bases, [&](const KernelBase& base) { return base.slot != program.constants[section].slot; });
          visit(placed, section, bases);
        }
      } else if (const std::optional<std::size_t> section = kernel_section(program, placed.task)) {
        visit(placed, *section, enabled_bases(placed.task));
      }
    }
  }
}

/// Where in each section something begins, and where the section ends. Packet tasks give no sizes: what begins at an
/// address reaches to the next one.
std::map<std::size_t, std::set<std::uint64_t>> starts(const Program& program) {
  std::map<std::size_t, std::set<std::uint64_t>> all;
  for_each_kernel(program, [&](const PlacedTask&, std::size_t section, const std::vector<KernelBase>& bases) {
    all[section].insert(program.constants[section].data.size());
    for (const KernelBase& base : bases) {
      all[section].insert(base.value);
    }
  });
  return all;
}

}  // namespace

std::vector<KernelReference> kernel_references(const Program& program) {
  std::vector<KernelReference> references;
  for_each_kernel(program, [&](const PlacedTask& placed, std::size_t section, const std::vector<KernelBase>& bases) {
    for (const KernelBase& base : bases) {
      references.push_back({std::uint64_t{placed.offset} + base.task_offset, section, base.value});
    }
  });
  std::ranges::sort(references, {}, &KernelReference::address);
  return references;
}

std::vector<KernelSymbol> kernel_symbols(const Program& program) {
  std::vector<KernelSymbol> symbols;
  std::set<std::pair<std::size_t, std::uint64_t>> known;
  const std::map<std::size_t, std::set<std::uint64_t>> all = starts(program);
  for_each_kernel(program, [&](const PlacedTask& placed, std::size_t section, const std::vector<KernelBase>& bases) {
    const auto bytes = program.constants[section].data.span();
    const auto add = [&](ContentHash& hash, std::uint64_t begin, std::uint64_t size) {
      begin = std::min<std::uint64_t>(begin, bytes.size());
      hash.add(bytes.subspan(begin, std::min<std::uint64_t>(size, bytes.size() - begin)));
    };
    if (placed.task.generation().stream == StreamForm::packet) {
      for (const KernelBase& base : bases) {
        if (known.emplace(section, base.value).second) {
          ContentHash hash;
          const auto next = all.at(section).upper_bound(base.value);
          add(hash, base.value, next == all.at(section).end() ? 0 : *next - base.value);
          symbols.push_back({fmt::format("K{}", hash.text()), section, base.value});
        }
      }
      return;
    }
    ContentHash hash;
    for (const KernelBase& base : bases) {
      add(hash, base.value, base.size);
    }
    const bool table = is_table_only(placed.task);
    for (const KernelBase& base : bases) {
      if (known.emplace(section, base.value).second) {
        symbols.push_back(
            {table ? fmt::format("K{}", hash.text()) : fmt::format("K{}_ne_{}", hash.text(), base.channel), section,
             base.value});
      }
    }
  });
  return symbols;
}

}  // namespace openane::hwx
