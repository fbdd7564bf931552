#include "reference/memory_plan.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <queue>
#include <set>

#include "base/saturating.h"
#include "reference/memory_meter.h"

namespace openane::reference {
namespace {

/// The gaps of the arena, by size and by place.
class Gaps {
 public:
  /// The offset for so many bytes; the arena grows when no gap holds them.
  std::uint64_t take(std::uint64_t bytes) {
    if (const auto gap = by_size_.lower_bound({bytes, 0}); gap != by_size_.end()) {
      const auto [size, offset] = *gap;
      erase(offset, size);
      if (size > bytes) {
        insert(offset + bytes, size - bytes);
      }
      return offset;
    }
    const std::uint64_t offset = last_gap_at_end();
    if (offset < end_) {
      erase(offset, end_ - offset);
    }
    end_ = saturating_add(offset, bytes);
    return offset;
  }

  void give_back(std::uint64_t offset, std::uint64_t bytes) {
    auto after = by_offset_.lower_bound(offset);
    if (after != by_offset_.end() && after->first == offset + bytes) {
      const std::uint64_t size = after->second;
      erase(offset + bytes, size);
      bytes += size;
    }
    const auto next = by_offset_.lower_bound(offset);
    const auto before = next != by_offset_.begin() ? std::prev(next) : by_offset_.end();
    if (before != by_offset_.end() && before->first + before->second == offset) {
      const std::uint64_t start = before->first;
      bytes += before->second;
      erase(start, before->second);
      offset = start;
    }
    insert(offset, bytes);
  }

  [[nodiscard]] std::uint64_t end() const { return end_; }

 private:
  /// Where the free bytes before the end of the arena begin.
  [[nodiscard]] std::uint64_t last_gap_at_end() const {
    if (by_offset_.empty()) {
      return end_;
    }
    const auto& [offset, size] = *by_offset_.rbegin();
    return offset + size == end_ ? offset : end_;
  }
  void insert(std::uint64_t offset, std::uint64_t size) {
    by_offset_.emplace(offset, size);
    by_size_.emplace(size, offset);
  }
  void erase(std::uint64_t offset, std::uint64_t size) {
    by_offset_.erase(offset);
    by_size_.erase({size, offset});
  }

  std::map<std::uint64_t, std::uint64_t> by_offset_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> by_size_;
  std::uint64_t end_ = 0;
};

std::uint64_t aligned(std::uint64_t bytes) {
  return saturating_add(std::max<std::uint64_t>(bytes, 1), kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

MemoryPlan plan_memory(std::span<const Lifetime> lifetimes) {
  MemoryPlan plan;
  plan.offsets.reserve(lifetimes.size());
  Gaps gaps;
  using End = std::pair<std::size_t, std::size_t>;  // step, index
  std::priority_queue<End, std::vector<End>, std::greater<>> ends;
  for (std::size_t i = 0; i < lifetimes.size(); ++i) {
    while (!ends.empty() && ends.top().first < lifetimes[i].begin) {
      const std::size_t ended = ends.top().second;
      gaps.give_back(plan.offsets[ended], aligned(lifetimes[ended].bytes));
      ends.pop();
    }
    const std::uint64_t bytes = aligned(lifetimes[i].bytes);
    plan.offsets.push_back(gaps.take(bytes));
    plan.unshared_bytes = saturating_add(plan.unshared_bytes, bytes);
    ends.emplace(lifetimes[i].end, i);
  }
  plan.arena_bytes = gaps.end();
  return plan;
}

}  // namespace openane::reference
