// What every use of oneDNN shares: the engine, a stream, its exceptions as errors, and the cache of prepared
// operations. Preparing one chooses and compiles its code, which takes longer than many an operation runs.
#pragma once

#include <cstdint>
#include <dnnl.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "openane/error.h"
#include "reference/parallel.h"

extern "C" void omp_set_num_threads(int threads);  // NOLINT

namespace openane::reference {

[[nodiscard]] const dnnl::engine& onednn_engine();
[[nodiscard]] dnnl::stream& onednn_stream();

/// Runs `work`, in which oneDNN takes no threads but the calling one.
template <typename Work>
Result<void> with_onednn(const Work& work) {
  omp_set_num_threads(1);
  try {
    work();
  } catch (const dnnl::error& error) {
    return fail(ErrorCategory::internal, std::string("oneDNN: ") + error.what());
  }
  return {};
}

/// `work(index)` for each index below `count` on several threads, each in `with_onednn`. The failure of one, if any
/// failed.
template <typename Work>
Result<void> parallel_onednn(std::int64_t count, unsigned threads, const Work& work) {
  std::mutex mutex;
  Result<void> status;
  parallel_indices(count, threads, [&](std::int64_t index) {
    const Result<void> done = with_onednn([&] { work(index); });
    if (!done) {
      const std::scoped_lock lock(mutex);
      status = done;
    }
  });
  return status;
}

/// Room for operands in the layout an operation wants, shared by all operations of a thread.
class Scratch {
 public:
  /// A memory of that layout in slot `index`, valid until the slot is asked for again.
  [[nodiscard]] static dnnl::memory get(std::size_t index, const dnnl::memory::desc& layout);
};

/// The elements of an operand and, when they are the same in every run, who owns them.
struct Operand {
  const float* elements = nullptr;
  std::shared_ptr<const void> constant_owner;
};

/// A constant in the layout a prepared operation wants. It is known by its owner, remembered weakly: an address that is
/// used again belongs to another owner.
class PreparedConstant {
 public:
  /// `operand`, which has layout `from`, in layout `to`. The copy is kept when the operand is constant.
  [[nodiscard]] dnnl::memory get(const Operand& operand, const dnnl::memory::desc& from, const dnnl::memory::desc& to,
                                 std::size_t scratch_slot);
  /// Whether what is kept belongs to a constant that is gone.
  [[nodiscard]] bool is_stale() const { return memory_ && owner_.expired(); }

 private:
  std::weak_ptr<const void> owner_;
  dnnl::memory memory_;
};

/// An operand where and as it is.
[[nodiscard]] dnnl::memory memory_at(const dnnl::memory::desc& layout, const float* elements);
/// Row-major.
[[nodiscard]] dnnl::memory::desc plain_layout(const dnnl::memory::dims& extents);
/// Copies, from the one's layout to the other's.
void copy_into(const dnnl::memory& from, const dnnl::memory& to);
/// `from` in layout `to`, copied to the scratch slot unless it has it.
[[nodiscard]] dnnl::memory in_layout(const dnnl::memory& from, const dnnl::memory::desc& to, std::size_t scratch_slot);

/// Prepared operations by what they are for. When a new one comes, those whose constants are gone (`is_stale`) leave;
/// full, the cache starts anew: nets have hundreds of different operations.
template <typename Key, typename Prepared>
class PreparedCache {
 public:
  /// Calls `work` with the operation for `key`, made by `make` when it is new. One caller at a time per operation.
  template <typename Make, typename Work>
  void use(const Key& key, const Make& make, const Work& work) {
    std::shared_ptr<Slot> slot;
    {
      const std::scoped_lock lock(mutex_);
      if (!slots_.contains(key)) {
        make_room();
      }
      std::shared_ptr<Slot>& found = slots_[key];
      if (found == nullptr) {
        found = std::make_shared<Slot>();
      }
      slot = found;
    }
    const std::scoped_lock lock(slot->mutex);
    if (slot->prepared == nullptr) {
      slot->prepared = make();
    }
    work(*slot->prepared);
  }

 private:
  static constexpr std::size_t kCapacity = 1024;
  struct Slot {
    std::mutex mutex;
    std::unique_ptr<Prepared> prepared;
  };
  void make_room() {
    std::erase_if(slots_, [](const auto& entry) {
      const std::unique_lock lock(entry.second->mutex, std::try_to_lock);
      return lock && entry.second->prepared != nullptr && entry.second->prepared->is_stale();
    });
    if (slots_.size() >= kCapacity) {
      slots_.clear();
    }
  }

  std::mutex mutex_;
  std::map<Key, std::shared_ptr<Slot>> slots_;
};

}  // namespace openane::reference
