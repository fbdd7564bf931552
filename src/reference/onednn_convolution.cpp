// oneDNN computes on layouts of its own, blocked by channels. The source is copied into one, the weights only once when
// they are constant. The result is cut into pieces that the threads share out among themselves; each piece is copied
// back, and kept in bounds, while it is still in the cache.
//
// Between convolutions the executor holds tensors channels last (merging.h), which is what oneDNN likes best with
// AVX-512: then nothing is copied, and the pieces are rows, which lie together in that layout. Elsewhere they are
// channels.
#include "reference/onednn_convolution.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

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
  bool source_is_channels_last;
  bool result_is_channels_last;
  const void* constant_weight;  ///< Null when it changes: one operation serves all.
  friend auto operator<=>(const Key&, const Key&) = default;
};

/// Some of the channels, or of the rows, of the result.
struct Piece {
  std::int64_t source_offset = 0;  ///< All in elements.
  std::int64_t weight_offset = 0;
  std::int64_t bias_offset = 0;
  std::int64_t result_offset = 0;
  dnnl::primitive run;
  Layout source, weight, result, working;  ///< As the primitive wants them.
  Layout given_source, plain_weight, given_result;
  std::shared_ptr<PreparedConstant> kept_weight = std::make_shared<PreparedConstant>();
};

struct Prepared {
  bool is_taken = true;       ///< False when oneDNN does not take the extents.
  bool shares_source = true;  ///< Whether all pieces read the whole source, in one layout:
  Layout source, given_source;
  std::vector<Piece> pieces;
  std::int64_t repeats = 1;  ///< How often all pieces are run, each time so many elements further:
  std::int64_t source_step = 0;
  std::int64_t result_step = 0;

  [[nodiscard]] bool is_stale() const {
    return std::ranges::any_of(pieces, [](const Piece& piece) { return piece.kept_weight->is_stale(); });
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
                                      any_layout(piece.plain_weight), bias, any_layout(piece.given_result),
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

/// Into how many pieces a result is cut for the sake of threads, where it has that much. The number of threads does not
/// count: for other pieces oneDNN may choose code that rounds otherwise.
constexpr std::int64_t kPieces = 4;

std::int64_t quotient_up(std::int64_t dividend, std::int64_t divisor) { return (dividend + divisor - 1) / divisor; }

/// Multiples of 16, the widest vector, and not so small that the source is read too often.
std::int64_t channels_of_piece(std::int64_t channels) {
  constexpr std::int64_t kSmallest = 32;
  constexpr std::int64_t kVector = 16;
  return std::max(kSmallest, quotient_up(quotient_up(channels, kPieces), kVector) * kVector);
}

void prepare_channels(const Key& key, Prepared& out) {
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

  const std::int64_t size = channels_of_piece(result_channels);
  const std::int64_t step = out.shares_source ? size : std::max<std::int64_t>(size / result_group, 1) * result_group;
  for (std::int64_t first = 0; first < result_channels; first += step) {
    const std::int64_t channels = std::min(step, result_channels - first);
    const std::int64_t groups = out.shares_source ? 1 : channels / result_group;
    const std::int64_t from_source = out.shares_source ? source_channels : groups * source_group;
    Piece& piece = out.pieces.emplace_back();
    piece.bias_offset = first;
    piece.result_offset = first * (forward ? conv.out_plane() : conv.in_plane());
    piece.source_offset =
        out.shares_source ? 0 : first / result_group * source_group * (forward ? conv.in_plane() : conv.out_plane());
    const std::int64_t whole = conv.kernel_plane() * in_group * out_group;
    piece.weight_offset =
        out.shares_source ? first * conv.kernel_plane() * (forward ? in_group : 1) : first / result_group * whole;
    piece.plain_weight = weight_layout(conv, key.direction, forward || !out.shares_source ? in_group : channels,
                                       forward && out.shares_source ? channels : out_group, groups);
    piece.given_result = channel_layout(conv.batch, channels, result_channels, result_extents);
    piece.given_source = channel_layout(conv.batch, from_source, source_channels, source_extents);
    const Layout bias = key.has_bias ? plain_layout({channels}) : Layout();
    // All pieces read one copy of the source: in the layout the first one likes.
    const bool is_first = out.pieces.size() == 1;
    Layout source = is_first || !out.shares_source ? any_layout(piece.given_source) : out.source;
    if (forward) {
      choose<dnnl::convolution_forward>(piece, source, bias, dnnl::algorithm::convolution_direct, geometry);
    } else {
      choose<dnnl::deconvolution_forward>(piece, source, bias, dnnl::algorithm::deconvolution_direct, geometry);
    }
    piece.source = source;
    if (is_first) {
      out.source = source;
      out.given_source = piece.given_source;
    }
  }
}

/// One tensor's rows as part of [N, C, H, W], as it is held.
Layout row_layout(std::int64_t channels, std::int64_t rows, const Spatial& extents, bool is_channels_last) {
  const std::int64_t height = extents[1];
  const std::int64_t width = extents[2];
  const Dims strides = is_channels_last ? Dims{rows * width * channels, 1, width * channels, channels}
                                        : Dims{channels * height * width, height * width, width, 1};
  return {{1, channels, rows, width}, dnnl::memory::data_type::f32, strides};
}

/// So few that the elements stay in a core's own cache until they are kept in bounds, and that there is work for
/// several threads; not so few that starting oneDNN counts.
std::int64_t rows_of_piece(const Convolution& conv) {
  constexpr std::int64_t kElements = 1 << 17;
  constexpr std::int64_t kProducts = 300'000;
  const std::int64_t elements = conv.out_channels * conv.out_plane();
  const std::int64_t terms = std::max<std::int64_t>(conv.kernel_plane() * (conv.in_channels / conv.groups), 1);
  const std::int64_t elements_for_thread = kProducts / terms + 1;
  const std::int64_t pieces =
      std::max(elements / kElements, std::clamp(elements / elements_for_thread, std::int64_t{1}, kPieces));
  return quotient_up(conv.out[1], std::min(pieces, conv.out[1]));
}

/// Rows of the result as a convolution of the rows of the source they need.
struct Rows {
  std::int64_t source_row = 0;
  std::int64_t result_row = 0;
  Convolution conv;
};

/// All rows when some would need nothing but padding, which oneDNN does not take.
std::vector<Rows> cut_rows(const Convolution& conv, std::int64_t count) {
  const std::int64_t reach = (conv.kernel[1] - 1) * conv.dilation[1] + 1;
  std::vector<Rows> out;
  for (std::int64_t row = 0; row < conv.out[1]; row += count) {
    Rows part{0, row, conv};
    part.conv.out[1] = std::min(count, conv.out[1] - row);
    const std::int64_t begin = row * conv.stride[1] - conv.pad_before[1];
    const std::int64_t end = begin + (part.conv.out[1] - 1) * conv.stride[1] + reach;
    part.source_row = std::max<std::int64_t>(begin, 0);
    part.conv.in[1] = std::min(end, conv.in[1]) - part.source_row;
    part.conv.pad_before[1] = part.source_row - begin;
    if (part.conv.in[1] <= 0) {
      return {{0, 0, conv}};
    }
    out.push_back(part);
  }
  return out;
}

/// Pieces whose weights have one layout keep one copy of them.
void share_weight(Piece& piece, const std::vector<Piece>& others) {
  const auto same = std::ranges::find_if(others, [&](const Piece& other) { return other.weight == piece.weight; });
  if (same != others.end()) {
    piece.kept_weight = same->kept_weight;
  }
}

Piece row_piece(const Key& key, const Rows& rows) {
  const Convolution& conv = key.conv;
  Piece piece;
  piece.source_offset = rows.source_row * conv.in[2] * (key.source_is_channels_last ? conv.in_channels : 1);
  piece.result_offset = rows.result_row * conv.out[2] * (key.result_is_channels_last ? conv.out_channels : 1);
  piece.given_source = row_layout(conv.in_channels, rows.conv.in[1], conv.in, key.source_is_channels_last);
  piece.given_result = row_layout(conv.out_channels, rows.conv.out[1], conv.out, key.result_is_channels_last);
  piece.plain_weight = weight_layout(conv, Direction::forward, conv.in_channels / conv.groups,
                                     conv.out_channels / conv.groups, conv.groups);
  piece.source = any_layout(piece.given_source);
  const Layout bias = key.has_bias ? plain_layout({conv.out_channels}) : Layout();
  choose<dnnl::convolution_forward>(piece, piece.source, bias, dnnl::algorithm::convolution_direct,
                                    geometry_of(rows.conv));
  return piece;
}

void prepare_rows(const Key& key, Prepared& out) {
  out.shares_source = false;
  out.repeats = key.conv.batch;
  out.source_step = key.conv.in_channels * key.conv.in_plane();
  out.result_step = key.conv.out_channels * key.conv.out_plane();
  for (const Rows& rows : cut_rows(key.conv, rows_of_piece(key.conv))) {
    Piece piece = row_piece(key, rows);
    share_weight(piece, out.pieces);
    out.pieces.push_back(std::move(piece));
  }
}

std::unique_ptr<Prepared> prepare(const Key& key) {
  auto out = std::make_unique<Prepared>();
  try {
    const bool is_by_rows = key.source_is_channels_last || key.result_is_channels_last;
    (is_by_rows ? prepare_rows : prepare_channels)(key, *out);
  } catch (const dnnl::error&) {
    out->is_taken = false;
  }
  return out;
}

/// The source in the layout wanted, copied by blocks of channels on all threads.
Result<dnnl::memory> shared_source(const Prepared& prepared, const float* source, unsigned threads) {
  dnnl::memory given = memory_at(prepared.given_source, source);
  if (prepared.source == prepared.given_source) {
    return given;
  }
  dnnl::memory copy = Scratch::get(kSharedSlot, prepared.source);
  const Dims all = prepared.given_source.dims();
  constexpr std::int64_t kBlock = 32;
  if (threads <= 1 || all[1] < 2 * kBlock || all[1] % 16 != 0) {
    copy_into(given, copy);
    return copy;
  }
  OPENANE_CHECK(parallel_onednn((all[1] + kBlock - 1) / kBlock, threads, [&](std::int64_t block) {
    Dims part = all;
    part[1] = std::min(kBlock, all[1] - block * kBlock);
    Dims offset(all.size(), 0);
    offset[1] = block * kBlock;
    copy_into(
        memory_at(prepared.given_source.submemory_desc(part, offset), source),
        memory_at(prepared.source.submemory_desc(part, offset), static_cast<const float*>(copy.get_data_handle())));
  }));
  return copy;
}

/// `bounds` of what an operation has written. Where it wrote a copy, that is all of it.
void keep_in_bounds(const std::optional<Bounds<float>>& bounds, const dnnl::memory& written) {
  if (bounds) {
    bounds->apply({static_cast<float*>(written.get_data_handle()), written.get_desc().get_size() / sizeof(float)});
  }
}

void execute(Piece& piece, const dnnl::memory& source, const ConvolutionRun& run, float* result) {
  const dnnl::memory wanted = memory_at(piece.given_result, result);
  const dnnl::memory to = piece.result == piece.given_result ? wanted : Scratch::get(kResultSlot, piece.result);
  const Operand own{run.weight.elements + piece.weight_offset, run.weight.constant_owner};
  std::unordered_map<int, dnnl::memory> arguments = {
      {DNNL_ARG_SRC, source},
      {DNNL_ARG_WEIGHTS, piece.kept_weight->get(own, piece.plain_weight, piece.weight, kWeightSlot)},
      {DNNL_ARG_DST, to},
      {DNNL_ARG_SCRATCHPAD, Scratch::get(kWorkingSlot, piece.working)}};
  if (run.bias != nullptr) {
    arguments.emplace(DNNL_ARG_BIAS,
                      memory_at(plain_layout({piece.given_result.dims()[1]}), run.bias + piece.bias_offset));
  }
  piece.run.execute(onednn_stream(), arguments);
  onednn_stream().wait();
  keep_in_bounds(run.bounds, to);
  if (piece.result != piece.given_result) {
    copy_into(to, wanted);
    onednn_stream().wait();
  }
}

/// Several threads may read one copy of the weights, which therefore is made before any of them runs.
void keep_weights(Prepared& prepared, const Operand& weight) {
  for (Piece& piece : prepared.pieces) {
    if (weight.constant_owner != nullptr) {
      static_cast<void>(piece.kept_weight->get({weight.elements + piece.weight_offset, weight.constant_owner},
                                               piece.plain_weight, piece.weight, kWeightSlot));
    }
  }
}

Result<void> execute_all(Prepared& prepared, const ConvolutionRun& run) {
  Result<dnnl::memory> shared;
  OPENANE_CHECK(with_onednn([&] {
    keep_weights(prepared, run.weight);
    if (prepared.shares_source) {
      shared = shared_source(prepared, run.source, run.threads);
    }
  }));
  OPENANE_CHECK(shared);
  const std::int64_t count = std::ssize(prepared.pieces);
  return parallel_onednn(prepared.repeats * count, run.threads, [&](std::int64_t index) {
    Piece& piece = prepared.pieces[static_cast<std::size_t>(index % count)];
    const float* const part = run.source + index / count * prepared.source_step + piece.source_offset;
    float* const to = run.result + index / count * prepared.result_step + piece.result_offset;
    const dnnl::memory from =
        prepared.shares_source ? *shared : in_layout(memory_at(piece.given_source, part), piece.source, kSourceSlot);
    execute(piece, from, run, to);
  });
}

}  // namespace

Result<bool> onednn_convolve(const Convolution& conv, const ConvolutionRun& run) {
  static PreparedCache<Key, Prepared> cache;
  bool taken = false;
  Result<void> status;
  const Key key{conv,
                run.direction,
                run.bias != nullptr,
                run.source_is_channels_last,
                run.result_is_channels_last,
                run.weight.constant_owner != nullptr ? run.weight.elements : nullptr};
  OPENANE_CHECK(with_onednn([&] {
    cache.use(
        key, [&] { return prepare(key); },
        [&](Prepared& prepared) {
          taken = prepared.is_taken;
          if (taken) {
            status = execute_all(prepared, run);
          }
        });
  }));
  OPENANE_CHECK(status);
  return taken;
}

}  // namespace openane::reference
