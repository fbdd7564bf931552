// oneDNN computes on layouts of its own, blocked by channels. The source is copied into one, the weights only once when
// they are constant. The channels of the result are cut into pieces that the threads share out among themselves; each
// piece is copied back while it is still in the cache.
#include "reference/onednn_convolution.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "reference/parallel.h"

namespace openane::reference {
namespace {

using Dims = dnnl::memory::dims;
using Layout = dnnl::memory::desc;

constexpr std::size_t kSourceSlot = 0;
constexpr std::size_t kWeightSlot = 1;
constexpr std::size_t kResultSlot = 2;
constexpr std::size_t kSharedSlot = 3;
constexpr std::size_t kWorkingSlot = 4;

struct Key {
  Convolution conv;
  Direction direction;
  bool has_bias;
  unsigned threads;
  const void* constant_weight;  ///< Null when it changes: one operation serves all.
  friend auto operator<=>(const Key&, const Key&) = default;
};

/// Some of the channels of the result.
struct Piece {
  std::int64_t first = 0;         ///< Of the result's channels.
  std::int64_t source_first = 0;  ///< Of the source's channels; all pieces begin at 0 when there is one group.
  std::int64_t weight_offset = 0;
  dnnl::primitive run;
  Layout source, weight, result, working;  ///< As the primitive wants them.
  Layout plain_source, plain_weight, plain_result;
  PreparedConstant kept_weight;
};

struct Prepared {
  bool is_taken = true;         ///< False when oneDNN does not take the extents.
  Layout source, plain_source;  ///< Of all channels, or of one piece's when there are several groups.
  bool shares_source = true;
  std::int64_t source_plane = 1;
  std::int64_t result_plane = 1;
  std::vector<Piece> pieces;

  [[nodiscard]] bool is_stale() const {
    return std::ranges::any_of(pieces, [](const Piece& piece) { return piece.kept_weight.is_stale(); });
  }
};

/// The last two or three of the axes: most operations are 2-D, and 2-D code is the best.
bool is_flat(const Convolution& conv) {
  return conv.in[0] == 1 && conv.out[0] == 1 && conv.kernel[0] == 1 && conv.pad_before[0] == 0;
}

Dims spatial(const Convolution& conv, const Spatial& values) {
  return {values.begin() + (is_flat(conv) ? 1 : 0), values.end()};
}

Dims extents(std::initializer_list<std::int64_t> leading, const Dims& rest) {
  Dims out(leading);
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}

Layout any_layout(const Layout& plain) {
  return {plain.dims(), dnnl::memory::data_type::f32, dnnl::memory::format_tag::any};
}

struct Geometry {
  Dims stride, dilation, pad_before, pad_after;
};

Geometry geometry_of(const Convolution& conv) {
  Spatial dilation;
  Spatial after;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    dilation[axis] = conv.dilation[axis] - 1;  // oneDNN counts the gaps
    after[axis] = (conv.out[axis] - 1) * conv.stride[axis] + (conv.kernel[axis] - 1) * conv.dilation[axis] + 1 -
                  conv.in[axis] - conv.pad_before[axis];
  }
  return {spatial(conv, conv.stride), spatial(conv, dilation), spatial(conv, conv.pad_before), spatial(conv, after)};
}

/// [groups, of the result / groups, of the source / groups, *K].
Layout weight_layout(const Convolution& conv, Direction direction, std::int64_t in_group, std::int64_t out_group,
                     std::int64_t groups) {
  const Dims kernel = spatial(conv, conv.kernel);
  // Strides are those of the whole weight, of which the piece may be a part.
  const std::int64_t all_in = conv.in_channels / conv.groups;
  const std::int64_t all_out = conv.out_channels / conv.groups;
  Dims strides(kernel.size() + 3, 1);
  std::int64_t stride = 1;
  for (std::size_t i = kernel.size(); i-- > 0;) {
    strides[i + 3] = stride;
    stride *= kernel[i];
  }
  const bool forward = direction == Direction::forward;
  strides[forward ? 2 : 1] = stride;
  strides[forward ? 1 : 2] = stride * all_in;
  strides[0] = stride * all_in * all_out;
  return {extents(forward ? std::initializer_list<std::int64_t>{groups, out_group, in_group}
                          : std::initializer_list<std::int64_t>{groups, in_group, out_group},
                  kernel),
          dnnl::memory::data_type::f32, strides};
}

/// `channels` of a tensor [batch, all channels, *D].
Layout channel_layout(std::int64_t batch, std::int64_t channels, std::int64_t all_channels,
                      const Dims& spatial_extents) {
  const Dims all = extents({batch, all_channels}, spatial_extents);
  return plain_layout(all).submemory_desc(extents({batch, channels}, spatial_extents), Dims(all.size(), 0));
}

template <typename Operation>
void choose(Piece& piece, Layout& source, const Layout& bias, dnnl::algorithm algorithm, const Geometry& geometry) {
  const typename Operation::desc desc(dnnl::prop_kind::forward_inference, algorithm, source,
                                      any_layout(piece.plain_weight), bias, any_layout(piece.plain_result),
                                      geometry.stride, geometry.dilation, geometry.pad_before, geometry.pad_after);
  // oneDNN's own working memory belongs to the thread that prepares; pieces run on any.
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const typename Operation::primitive_desc chosen(desc, attributes, onednn_engine());
  piece.working = chosen.scratchpad_desc();
  piece.run = Operation(chosen);
  source = chosen.src_desc();
  piece.weight = chosen.weights_desc();
  piece.result = chosen.dst_desc();
}

/// Multiples of 16, the widest vector, and not so small that the source is read too often.
std::int64_t piece_size(std::int64_t channels, unsigned threads) {
  constexpr std::int64_t kSmallest = 32;
  const std::int64_t wanted = (channels + 2 * threads - 1) / (2 * threads);
  return threads <= 1 ? channels : std::max(kSmallest, (wanted + 15) / 16 * 16);
}

void prepare_pieces(const Key& key, Prepared& out) {
  const Convolution& conv = key.conv;
  const bool forward = key.direction == Direction::forward;
  const std::int64_t in_group = conv.in_channels / conv.groups;
  const std::int64_t out_group = conv.out_channels / conv.groups;
  const std::int64_t source_channels = forward ? conv.in_channels : conv.out_channels;
  const std::int64_t result_channels = forward ? conv.out_channels : conv.in_channels;
  const std::int64_t source_group = source_channels / conv.groups;
  const std::int64_t result_group = result_channels / conv.groups;
  const Dims source_extents = spatial(conv, forward ? conv.in : conv.out);
  const Dims result_extents = spatial(conv, forward ? conv.out : conv.in);
  const Geometry geometry = geometry_of(conv);
  out.shares_source = conv.groups == 1;
  out.source_plane = forward ? conv.in_plane() : conv.out_plane();
  out.result_plane = forward ? conv.out_plane() : conv.in_plane();

  const std::int64_t size = piece_size(result_channels, key.threads);
  const std::int64_t step = out.shares_source ? size : std::max<std::int64_t>(size / result_group, 1) * result_group;
  for (std::int64_t first = 0; first < result_channels; first += step) {
    const std::int64_t channels = std::min(step, result_channels - first);
    const std::int64_t groups = out.shares_source ? 1 : channels / result_group;
    const std::int64_t from_source = out.shares_source ? source_channels : groups * source_group;
    Piece& piece = out.pieces.emplace_back();
    piece.first = first;
    piece.source_first = out.shares_source ? 0 : first / result_group * source_group;
    const std::int64_t whole = conv.kernel_plane() * in_group * out_group;
    piece.weight_offset =
        out.shares_source ? first * conv.kernel_plane() * (forward ? in_group : 1) : first / result_group * whole;
    piece.plain_weight = weight_layout(conv, key.direction, forward || !out.shares_source ? in_group : channels,
                                       forward && out.shares_source ? channels : out_group, groups);
    piece.plain_result = channel_layout(conv.batch, channels, result_channels, result_extents);
    const Layout plain_source = channel_layout(conv.batch, from_source, source_channels, source_extents);
    const Layout bias = key.has_bias ? plain_layout({channels}) : Layout();
    // All pieces read one copy of the source: in the layout the first one likes.
    const bool is_first = out.pieces.size() == 1;
    Layout source = is_first || !out.shares_source ? any_layout(plain_source) : out.source;
    if (forward) {
      choose<dnnl::convolution_forward>(piece, source, bias, dnnl::algorithm::convolution_direct, geometry);
    } else {
      choose<dnnl::deconvolution_forward>(piece, source, bias, dnnl::algorithm::deconvolution_direct, geometry);
    }
    piece.source = source;
    piece.plain_source = plain_source;
    if (is_first) {
      out.source = source;
      out.plain_source = plain_source;
    }
  }
}

std::unique_ptr<Prepared> prepare(const Key& key) {
  auto out = std::make_unique<Prepared>();
  try {
    prepare_pieces(key, *out);
  } catch (const dnnl::error&) {
    out->is_taken = false;
  }
  return out;
}

/// The source in the layout wanted, copied by blocks of channels on all threads.
dnnl::memory shared_source(const Prepared& prepared, const float* source, unsigned threads) {
  const dnnl::memory given = memory_at(prepared.plain_source, source);
  if (prepared.source == prepared.plain_source) {
    return given;
  }
  dnnl::memory copy = Scratch::get(kSharedSlot, prepared.source);
  const Dims all = prepared.plain_source.dims();
  constexpr std::int64_t kBlock = 32;
  if (threads <= 1 || all[1] < 2 * kBlock || all[1] % 16 != 0) {
    copy_into(given, copy);
    return copy;
  }
  parallel_indices((all[1] + kBlock - 1) / kBlock, threads, [&](std::int64_t block) {
    static_cast<void>(with_onednn([&] {
      Dims part = all;
      part[1] = std::min(kBlock, all[1] - block * kBlock);
      Dims offset(all.size(), 0);
      offset[1] = block * kBlock;
      copy_into(
          memory_at(prepared.plain_source.submemory_desc(part, offset), source),
          memory_at(prepared.source.submemory_desc(part, offset), static_cast<const float*>(copy.get_data_handle())));
    }));
  });
  return copy;
}

void execute(const Prepared& prepared, Piece& piece, const dnnl::memory& source, const Operand& weight,
             const float* bias, float* result) {
  const dnnl::memory wanted = memory_at(piece.plain_result, result + piece.first * prepared.result_plane);
  const dnnl::memory to = piece.result == piece.plain_result ? wanted : Scratch::get(kResultSlot, piece.result);
  const Operand own{weight.elements + piece.weight_offset, weight.constant_owner};
  std::unordered_map<int, dnnl::memory> arguments = {
      {DNNL_ARG_SRC, source},
      {DNNL_ARG_WEIGHTS, piece.kept_weight.get(own, piece.plain_weight, piece.weight, kWeightSlot)},
      {DNNL_ARG_DST, to},
      {DNNL_ARG_SCRATCHPAD, Scratch::get(kWorkingSlot, piece.working)}};
  if (bias != nullptr) {
    arguments.emplace(DNNL_ARG_BIAS, memory_at(plain_layout({piece.plain_result.dims()[1]}), bias + piece.first));
  }
  piece.run.execute(onednn_stream(), arguments);
  if (piece.result != piece.plain_result) {
    copy_into(to, wanted);
  }
  onednn_stream().wait();
}

Result<void> execute_all(Prepared& prepared, const float* source, const Operand& weight, const float* bias,
                         float* result, unsigned threads) {
  dnnl::memory shared;
  if (prepared.shares_source) {
    OPENANE_CHECK(with_onednn([&] { shared = shared_source(prepared, source, threads); }));
  }
  std::mutex mutex;
  Result<void> status;
  parallel_indices(std::ssize(prepared.pieces), threads, [&](std::int64_t index) {
    Piece& piece = prepared.pieces[static_cast<std::size_t>(index)];
    const Result<void> done = with_onednn([&] {
      const dnnl::memory from =
          prepared.shares_source
              ? shared
              : in_layout(memory_at(piece.plain_source, source + piece.source_first * prepared.source_plane),
                          piece.source, kSourceSlot);
      execute(prepared, piece, from, weight, bias, result);
    });
    if (!done) {
      const std::scoped_lock lock(mutex);
      status = done;
    }
  });
  return status;
}

}  // namespace

Result<bool> onednn_convolve(Direction direction, const Convolution& conv, const float* source, const Operand& weight,
                             const float* bias, float* result, unsigned threads) {
  static PreparedCache<Key, Prepared> cache;
  bool taken = false;
  Result<void> status;
  const Key key{conv, direction, bias != nullptr, threads,
                weight.constant_owner != nullptr ? weight.elements : nullptr};
  OPENANE_CHECK(with_onednn([&] {
    cache.use(
        key, [&] { return prepare(key); },
        [&](Prepared& prepared) {
          taken = prepared.is_taken;
          if (taken) {
            status = execute_all(prepared, source, weight, bias, result, threads);
          }
        });
  }));
  OPENANE_CHECK(status);
  return taken;
}

}  // namespace openane::reference
