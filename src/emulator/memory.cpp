#include "emulator/memory.h"

#include <fmt/format.h>

#include <bit>
#include <cstdlib>

namespace openane::emulator {
namespace {

constexpr std::uint64_t kWordBits = 64;
/// Base addresses and strides of the tile DMA are 32 bits wide: no slot can be used beyond what a few of them reach.
constexpr std::uint64_t kLargestSurface = std::uint64_t{1} << 36;

/// The bits of one word that lie in [begin, end).
std::uint64_t mask_of(std::uint64_t word, std::uint64_t begin, std::uint64_t end) {
  const std::uint64_t first = word * kWordBits;
  const std::uint64_t low = begin > first ? begin - first : 0;
  const std::uint64_t high = end - first;
  const std::uint64_t below_high = high >= kWordBits ? ~std::uint64_t{0} : (std::uint64_t{1} << high) - 1;
  return below_high & (~std::uint64_t{0} << low);
}

}  // namespace

void WrittenBytes::mark(std::uint64_t begin, std::uint64_t end) {
  for (std::uint64_t word = begin / kWordBits; word * kWordBits < end; ++word) {
    words_[word] |= mask_of(word, begin, end);
  }
}

void WrittenBytes::unmark(std::uint64_t begin, std::uint64_t end) {
  for (std::uint64_t word = begin / kWordBits; word * kWordBits < end; ++word) {
    words_[word] &= ~mask_of(word, begin, end);
  }
}

template <typename Test>
std::optional<std::uint64_t> WrittenBytes::find(std::uint64_t begin, std::uint64_t end, Test test) const {
  for (std::uint64_t word = begin / kWordBits; word * kWordBits < end; ++word) {
    if (const std::uint64_t hits = test(words_[word]) & mask_of(word, begin, end); hits != 0) {
      return word * kWordBits + static_cast<std::uint64_t>(std::countr_zero(hits));
    }
  }
  return std::nullopt;
}

std::optional<std::uint64_t> WrittenBytes::first_unmarked(std::uint64_t begin, std::uint64_t end) const {
  return find(begin, end, [](std::uint64_t word) { return ~word; });
}

std::optional<std::uint64_t> WrittenBytes::first_marked(std::uint64_t begin, std::uint64_t end) const {
  return find(begin, end, [](std::uint64_t word) { return word; });
}

void ZeroedBytes::Free::operator()(std::uint8_t* bytes) const { std::free(bytes); }

Result<ZeroedBytes> ZeroedBytes::create(std::uint64_t size) {
  ZeroedBytes made;
  made.bytes_.reset(static_cast<std::uint8_t*>(std::calloc(size == 0 ? 1 : size, 1)));
  if (made.bytes_ == nullptr) {
    return fail(ErrorCategory::system, fmt::format("no memory for {} bytes", size));
  }
  made.size_ = size;
  return made;
}

Result<void> MemoryMap::bind(std::uint32_t number, MemoryKind kind, std::string name, std::uint64_t size) {
  if (slots_.contains(number)) {
    return fail(ErrorCategory::malformed_input, fmt::format("{} and {} share a slot", slots_.at(number).name, name));
  }
  if (size > kLargestSurface) {
    return fail(ErrorCategory::unsupported,
                fmt::format("{} is {} bytes long; surfaces end at {}", name, size, kLargestSurface));
  }
  auto bytes = ZeroedBytes::create(size);
  if (!bytes) {
    return fail(bytes.error().category, fmt::format("{}: {}", name, bytes.error().message));
  }
  const std::span<std::uint8_t> span = bytes->span();
  slots_.emplace(number, Memory{kind, std::move(name), size, span.data(), span.data()});
  owned_.emplace(number, *std::move(bytes));
  return {};
}

Result<MemoryMap> MemoryMap::create(const Program& program, const Procedure& procedure) {
  MemoryMap map;
  for (const ConstantSection& section : program.constants) {
    const std::string name =
        fmt::format("slot {} (constants{}{})", section.slot, section.name.empty() ? "" : " ", section.name);
    if (!map.slots_
             .emplace(section.slot,
                      Memory{MemoryKind::constants, name, section.data.size(), section.data.data(), nullptr})
             .second) {
      return fail(ErrorCategory::malformed_input, fmt::format("two sections of constants share slot {}", section.slot));
    }
  }
  for (const TensorBinding& tensor : procedure.tensors) {
    const MemoryKind kind = tensor.role == TensorRole::input    ? MemoryKind::input
                            : tensor.role == TensorRole::output ? MemoryKind::output
                                                                : MemoryKind::scratch;
    OPENANE_CHECK(map.bind(tensor.slot, kind,
                           fmt::format("slot {} ({} {})", tensor.slot, to_string(tensor.role), tensor.name),
                           tensor.byte_size()));
  }
  if (program.scratch_bytes != 0) {
    OPENANE_CHECK(map.bind(program.scratch_slot, MemoryKind::scratch,
                           fmt::format("slot {} (scratch)", program.scratch_slot), program.scratch_bytes));
  }
  OPENANE_TRY(ZeroedBytes on_chip, ZeroedBytes::create(kOnChipBytes));
  map.on_chip_ = {MemoryKind::on_chip, "on-chip memory", kOnChipBytes, on_chip.span().data(), on_chip.span().data()};
  map.owned_on_chip_ = std::move(on_chip);
  for (Memory& chain : map.chains_) {
    chain = {MemoryKind::chain, "the chained tensor", 0, nullptr, nullptr};
  }
  return map;
}

const Memory* MemoryMap::slot(std::uint32_t number) const {
  const auto found = slots_.find(number);
  return found == slots_.end() ? nullptr : &found->second;
}

void MemoryMap::release_inputs() {
  for (auto& [number, memory] : slots_) {
    if (memory.kind == MemoryKind::input) {
      memory.size = 0;
      memory.data = memory.writable = nullptr;
      owned_.erase(number);
    }
  }
}

Result<void> MemoryMap::reserve_chain(std::size_t producer, std::uint64_t size) {
  Memory& chain = chains_[producer % 2];
  if (size <= chain.size) {
    return {};
  }
  OPENANE_TRY(ZeroedBytes bytes, ZeroedBytes::create(size));
  chain.size = size;
  chain.data = chain.writable = bytes.span().data();
  owned_chains_[producer % 2] = std::move(bytes);
  return {};
}

}  // namespace openane::emulator
