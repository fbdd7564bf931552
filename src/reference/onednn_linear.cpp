// The weights are kept in the layout that the product reads fastest. The columns of the result are cut into pieces, so
// that each thread reads its own part of the weights: they are the most of the data where x has few rows.
#include "reference/onednn_linear.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

namespace openane::reference {
namespace {

using Layout = dnnl::memory::desc;
constexpr std::size_t kWeightSlot = 1;
constexpr std::size_t kWorkingSlot = 4;

struct Key {
  std::int64_t rows, columns, depth;
  bool has_bias;
  unsigned threads;
  const void* weight;
  friend auto operator<=>(const Key&, const Key&) = default;
};

struct Piece {
  std::int64_t first = 0;
  std::int64_t columns = 0;
  dnnl::primitive run;
  Layout plain_weight, weight, result, working;
  PreparedConstant kept_weight;
};

struct Prepared {
  bool is_taken = true;
  Layout source;
  std::vector<Piece> pieces;

  [[nodiscard]] bool is_stale() const {
    return std::ranges::any_of(pieces, [](const Piece& piece) { return piece.kept_weight.is_stale(); });
  }
};

std::unique_ptr<Prepared> prepare(const Key& key) {
  constexpr auto kFloat = dnnl::memory::data_type::f32;
  auto out = std::make_unique<Prepared>();
  out->source = plain_layout({key.rows, key.depth});
  const std::int64_t pieces = key.threads <= 1 ? 1 : 2 * static_cast<std::int64_t>(key.threads);
  const std::int64_t size = ((key.columns + pieces - 1) / pieces + 63) / 64 * 64;
  try {
    for (std::int64_t first = 0; first < key.columns; first += size) {
      Piece& piece = out->pieces.emplace_back();
      piece.first = first;
      piece.columns = std::min(size, key.columns - first);
      piece.plain_weight = Layout({key.depth, piece.columns}, kFloat, dnnl::memory::dims{1, key.depth});
      piece.result = Layout({key.rows, piece.columns}, kFloat, dnnl::memory::dims{key.columns, 1});
      const Layout any({key.depth, piece.columns}, kFloat, dnnl::memory::format_tag::any);
      const dnnl::matmul::desc desc =
          key.has_bias ? dnnl::matmul::desc(out->source, any, plain_layout({1, piece.columns}), piece.result)
                       : dnnl::matmul::desc(out->source, any, piece.result);
      dnnl::primitive_attr attributes;
      attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
      const dnnl::matmul::primitive_desc chosen(desc, attributes, onednn_engine());
      piece.run = dnnl::matmul(chosen);
      piece.weight = chosen.weights_desc();
      piece.working = chosen.scratchpad_desc();
    }
  } catch (const dnnl::error&) {
    out->is_taken = false;
  }
  return out;
}

Result<void> execute_all(Prepared& prepared, const Key& key, const float* x, const Operand& weight, const float* bias,
                         float* out) {
  return parallel_onednn(std::ssize(prepared.pieces), key.threads, [&](std::int64_t index) {
    Piece& piece = prepared.pieces[static_cast<std::size_t>(index)];
    const Operand own{weight.elements + piece.first * key.depth, weight.constant_owner};
    std::unordered_map<int, dnnl::memory> arguments = {
        {DNNL_ARG_SRC, memory_at(prepared.source, x)},
        {DNNL_ARG_WEIGHTS, piece.kept_weight.get(own, piece.plain_weight, piece.weight, kWeightSlot)},
        {DNNL_ARG_DST, memory_at(piece.result, out + piece.first)},
        {DNNL_ARG_SCRATCHPAD, Scratch::get(kWorkingSlot, piece.working)}};
    if (bias != nullptr) {
      arguments.emplace(DNNL_ARG_BIAS, memory_at(plain_layout({1, piece.columns}), bias + piece.first));
    }
    piece.run.execute(onednn_stream(), arguments);
    onednn_stream().wait();
  });
}

}  // namespace

Result<bool> onednn_linear(const ProductExtents& extents, const float* x, const Operand& weight, const float* bias,
                           float* out, unsigned threads) {
  static PreparedCache<Key, Prepared> cache;
  if (weight.constant_owner == nullptr || extents.rows == 0 || extents.columns == 0 || extents.depth == 0) {
    return false;
  }
  const Key key{extents.rows, extents.columns, extents.depth, bias != nullptr, threads, weight.elements};
  bool taken = false;
  Result<void> status;
  OPENANE_CHECK(with_onednn([&] {
    cache.use(
        key, [&] { return prepare(key); },
        [&](Prepared& prepared) {
          taken = prepared.is_taken;
          if (taken) {
            status = execute_all(prepared, key, x, weight, bias, out);
          }
        });
  }));
  OPENANE_CHECK(status);
  return taken;
}

}  // namespace openane::reference
