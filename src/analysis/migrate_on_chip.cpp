#include "analysis/migrate_on_chip.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/byte_reader.h"
#include "base/saturating.h"
#include "emulator/memory.h"
#include "program/footprint.h"

namespace openane::migration {
namespace {

constexpr std::uint64_t kGranule = 16;

std::uint64_t bytes_of(ElementType type) { return type == ElementType::float16 ? 2 : 1; }

bool lies_on_chip(Place place) { return place == Place::on_chip || place == Place::surface_kept; }

std::uint64_t end_of(const OnChipView& view, const Extent& stored, std::uint32_t groups, ElementType type) {
  const auto reach = [](std::uint64_t count, std::uint64_t stride) {
    return saturating_multiply(count == 0 ? 0 : count - 1, stride);
  };
  std::uint64_t end = view.base + stored.width * bytes_of(type);
  end = saturating_add(end, reach(stored.channels, view.strides.channel));
  end = saturating_add(end, reach(stored.height, view.strides.row));
  end = saturating_add(end, reach(stored.depth, view.strides.depth));
  return saturating_add(end, reach(groups, view.strides.group));
}

/// Where everything that the program places itself ends.
std::uint64_t used_bytes(const std::vector<EngineOp>& ops) {
  std::uint64_t used = 0;
  for (const EngineOp& op : ops) {
    for (std::size_t i = 0; i < op.sources.size(); ++i) {
      const Operand& source = op.sources[i];
      if (lies_on_chip(source.place)) {
        used = std::max(used, end_of(source.on_chip, stored_source_extent(op, i), op.groups, source.type));
      }
    }
    if (lies_on_chip(op.result.place)) {
      used = std::max(used, end_of(op.result.on_chip, stored_result_extent(op), op.groups, op.result.type));
    }
  }
  return align_up(std::min<std::uint64_t>(used, emulator::kOnChipBytes), kGranule);
}

/// Channels side by side, rows after another: the order in which compilers lay tensors out on chip.
OnChipView packed_view(std::uint64_t base, const Extent& stored, ElementType type) {
  const auto u32 = [](std::uint64_t n) { return static_cast<std::uint32_t>(std::min<std::uint64_t>(n, 0xffffffff)); };
  OnChipView view;
  view.base = u32(base);
  view.strides.channel = u32(align_up(stored.width * bytes_of(type), kGranule));
  view.strides.row = u32(saturating_multiply(view.strides.channel, stored.channels));
  view.strides.depth = u32(saturating_multiply(view.strides.row, stored.height));
  view.strides.group = u32(saturating_multiply(view.strides.depth, stored.depth));
  return view;
}

std::uint32_t end_of_result(const EngineOp& op, std::uint64_t base) {
  OnChipView view = packed_view(base, stored_result_extent(op), op.result.type);
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(end_of(view, stored_result_extent(op), op.groups, op.result.type), 0xffffffff));
}

std::unexpected<Error> refuse(std::size_t task, std::string_view why) {
  return fail(ErrorCategory::unsupported, fmt::format("task {}: {}", task, why));
}

/// Rows of whole 64 bytes, planes after one another: a surface as compilers lay it out.
SurfaceView scratch_view(const Scratch& scratch, const Extent& stored, ElementType type) {
  constexpr std::uint64_t kRow = 64;
  const auto u32 = [](std::uint64_t n) { return static_cast<std::uint32_t>(std::min<std::uint64_t>(n, 0xffffffff)); };
  SurfaceView view;
  view.slot = scratch.slot;
  view.offset = u32(scratch.bytes);
  view.type = type;
  view.strides.row = u32(align_up(stored.width * bytes_of(type), kRow));
  view.strides.channel = u32(saturating_multiply(view.strides.row, stored.height));
  view.strides.depth = u32(saturating_multiply(view.strides.channel, stored.channels));
  view.strides.group = u32(saturating_multiply(view.strides.depth, stored.depth));
  return view;
}

/// Gives every chained tensor a place: on chip behind everything else if there is room for it and its neighbour, which
/// take turns; else in scratch.
class Chains {
 public:
  Chains(std::vector<EngineOp>& ops, Scratch& scratch) : ops_(ops), scratch_(scratch), used_(used_bytes(ops)) {}

  Result<void> place(std::vector<std::string>& changes) {
    if (!ops_.empty() && ops_.front().sources[0].place == Place::chained) {
      return refuse(0, "a chained source without a task that hands it over");
    }
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      if (ops_[i].result.place == Place::chained) {
        OPENANE_CHECK(check(i));
        changes[i] = settle(ops_[i], ops_[i + 1].sources[0], i % 2 == 0);
      } else if (ops_[i].sources[1].place == Place::chained) {
        return refuse(i, "source 2 is chained");
      }
    }
    return {};
  }

 private:
  Result<void> check(std::size_t i) const {
    const EngineOp& op = ops_[i];
    if (i + 1 == ops_.size() || ops_[i + 1].sources[0].place != Place::chained ||
        stored_source_extent(ops_[i + 1], 0) != stored_result_extent(op) || ops_[i + 1].groups != op.groups ||
        ops_[i + 1].sources[0].type != op.result.type) {
      return refuse(i, "a chained result that the next task takes in another shape");
    }
    return {};
  }

  std::string settle(EngineOp& op, Operand& next, bool low) {
    const Extent stored = stored_result_extent(op);
    const std::uint64_t middle = align_up(used_ + (emulator::kOnChipBytes - used_) / 2, kGranule);
    const std::uint64_t base = low ? used_ : middle;
    if (end_of_result(op, base) <= (low ? middle : emulator::kOnChipBytes)) {
      op.result.place = next.place = Place::on_chip;
      op.result.on_chip = next.on_chip = packed_view(base, stored, op.result.type);
      return fmt::format("the chained result lies at {:#x} of on-chip memory", base);
    }
    op.result.place = next.place = Place::surface;
    op.result.surface = next.surface = scratch_view(scratch_, stored, op.result.type);
    const std::uint64_t begin = scratch_.bytes;
    scratch_.bytes = align_up(
        saturating_add(begin, saturating_multiply(op.groups, std::max(1u, op.result.surface.strides.group))), kPage);
    return fmt::format("the chained result lies at {:#x} of scratch", begin);
  }

  static constexpr std::uint64_t kPage = 0x4000;
  std::vector<EngineOp>& ops_;
  Scratch& scratch_;
  std::uint64_t used_;
};

/// Whether a task behind `first` reads what lies on chip at [begin, end).
bool read_later(const std::vector<EngineOp>& ops, std::size_t first, std::uint64_t begin, std::uint64_t end) {
  for (std::size_t i = first + 1; i < ops.size(); ++i) {
    for (std::size_t k = 0; k < ops[i].sources.size(); ++k) {
      const Operand& source = ops[i].sources[k];
      if (source.place == Place::on_chip && source.on_chip.base < end &&
          end_of(source.on_chip, stored_source_extent(ops[i], k), ops[i].groups, source.type) > begin) {
        return true;
      }
    }
  }
  return false;
}

/// Copies a tensor as it is stored.
EngineOp copy_of(const Extent& stored, std::uint32_t groups) {
  EngineOp copy;
  copy.input = copy.output = stored;
  copy.groups = groups;
  copy.compute = NeuralCompute{};
  return copy;
}

EngineOp load_of(const EngineOp& op, std::size_t index) {
  const Operand& source = op.sources[index];
  EngineOp copy = copy_of(stored_source_extent(op, index), op.groups);
  copy.sources[0].place = Place::surface;
  copy.sources[0].surface = source.surface;
  copy.sources[0].type = source.type;
  copy.result.place = Place::on_chip;
  copy.result.on_chip = source.on_chip;
  copy.result.type = source.type;
  return copy;
}

EngineOp store_of(const EngineOp& op) {
  EngineOp copy = copy_of(stored_result_extent(op), op.groups);
  copy.sources[0].place = Place::on_chip;
  copy.sources[0].on_chip = op.result.on_chip;
  copy.sources[0].type = op.result.type;
  copy.result.place = Place::surface;
  copy.result.surface = op.result.surface;
  copy.result.type = op.result.type;
  return copy;
}

}  // namespace

Result<std::vector<SettledOp>> settle_on_chip(std::vector<EngineOp> ops, Scratch& scratch) {
  std::vector<std::string> changes(ops.size());
  // Before chained tensors take places of their own.
  std::vector<std::array<bool, 3>> kept(ops.size());
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const EngineOp& op = ops[i];
    for (std::size_t k = 0; k < op.sources.size(); ++k) {
      const Operand& source = op.sources[k];
      kept[i][k] = source.place == Place::surface_kept &&
                   read_later(ops, i, source.on_chip.base,
                              end_of(source.on_chip, stored_source_extent(op, k), op.groups, source.type));
    }
    kept[i][2] = op.result.place == Place::surface_kept &&
                 read_later(ops, i, op.result.on_chip.base,
                            end_of(op.result.on_chip, stored_result_extent(op), op.groups, op.result.type));
  }
  OPENANE_CHECK(Chains(ops, scratch).place(changes));
  std::vector<SettledOp> settled;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    EngineOp& op = ops[i];
    for (std::size_t k = 0; k < op.sources.size(); ++k) {
      if (kept[i][k]) {
        settled.push_back({load_of(op, k), i, fmt::format("source {} is copied to on-chip memory", k + 1)});
        op.sources[k].place = Place::on_chip;
      } else if (op.sources[k].place == Place::surface_kept) {
        op.sources[k].place = Place::surface;
      }
    }
    const bool stored = kept[i][2];
    if (op.result.place == Place::surface_kept) {
      op.result.place = stored ? Place::on_chip : Place::surface;
    }
    EngineOp store = stored ? store_of(op) : EngineOp{};
    settled.push_back({std::move(op), i, std::move(changes[i])});
    if (stored) {
      settled.push_back({std::move(store), i, "the result is copied from on-chip memory"});
    }
  }
  return settled;
}

}  // namespace openane::migration
