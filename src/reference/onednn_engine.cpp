#include "reference/onednn_engine.h"

#include <cstddef>
#include <new>
#include <vector>

namespace openane::reference {
namespace {

constexpr std::size_t kAlignment = 64;

struct Free {
  void operator()(std::byte* bytes) const { ::operator delete(bytes, std::align_val_t(kAlignment)); }
};
struct Block {
  std::unique_ptr<std::byte, Free> bytes;
  std::size_t size = 0;
};

}  // namespace

const dnnl::engine& onednn_engine() {
  static const dnnl::engine kEngine(dnnl::engine::kind::cpu, 0);
  return kEngine;
}

dnnl::stream& onednn_stream() {
  thread_local dnnl::stream stream(onednn_engine());
  return stream;
}

dnnl::memory Scratch::get(std::size_t index, const dnnl::memory::desc& layout) {
  thread_local std::vector<Block> blocks;
  if (index >= blocks.size()) {
    blocks.resize(index + 1);
  }
  Block& block = blocks[index];
  if (block.bytes == nullptr || block.size < layout.get_size()) {
    block.bytes.reset();
    block.bytes.reset(static_cast<std::byte*>(::operator new(layout.get_size(), std::align_val_t(kAlignment))));
    block.size = layout.get_size();
  }
  return {layout, onednn_engine(), block.bytes.get()};
}

dnnl::memory memory_at(const dnnl::memory::desc& layout, const float* elements) {
  return {layout, onednn_engine(), const_cast<float*>(elements)};  // NOLINT: written only where it is a result
}

dnnl::memory::desc plain_layout(const dnnl::memory::dims& extents) {
  dnnl::memory::dims strides(extents.size(), 1);
  for (std::size_t i = extents.size(); i-- > 1;) {
    strides[i - 1] = strides[i] * extents[i];
  }
  return {extents, dnnl::memory::data_type::f32, strides};
}

void copy_into(const dnnl::memory& from, const dnnl::memory& to) {
  dnnl::memory source = from;
  dnnl::memory target = to;
  dnnl::reorder(source, target).execute(onednn_stream(), source, target);
}

dnnl::memory in_layout(const dnnl::memory& from, const dnnl::memory::desc& to, std::size_t scratch_slot) {
  if (from.get_desc() == to) {
    return from;
  }
  dnnl::memory copy = Scratch::get(scratch_slot, to);
  copy_into(from, copy);
  return copy;
}

dnnl::memory PreparedConstant::get(const Operand& operand, const dnnl::memory::desc& from, const dnnl::memory::desc& to,
                                   std::size_t scratch_slot) {
  const dnnl::memory given = memory_at(from, operand.elements);
  if (from == to || operand.constant_owner == nullptr) {
    return in_layout(given, to, scratch_slot);
  }
  const std::shared_ptr<const void> owner = owner_.lock();
  if (owner != operand.constant_owner) {
    memory_ = dnnl::memory(to, onednn_engine());
    copy_into(given, memory_);
    owner_ = operand.constant_owner;
  }
  return memory_;
}

}  // namespace openane::reference
