// oneDNN computes on layouts of its own, blocked by channels. Source and result are copied to and from them, the
// weights only once when they are constant.
#include "reference/onednn_convolution.h"

#include <tuple>

namespace openane::reference {
namespace {

using Dims = dnnl::memory::dims;
using Layout = dnnl::memory::desc;

constexpr std::size_t kSourceSlot = 0;
constexpr std::size_t kWeightSlot = 1;
constexpr std::size_t kResultSlot = 2;

struct Key {
  Convolution conv;
  Direction direction;
  bool has_bias;
  unsigned threads;
  const void* constant_weight;  ///< Null when it changes: one operation serves all.
  friend auto operator<=>(const Key&, const Key&) = default;
};

struct Prepared {
  dnnl::primitive run;            ///< Empty when oneDNN does not take the extents.
  Layout source, weight, result;  ///< As the primitive wants them.
  Layout plain_source, plain_weight, plain_result;
  PreparedConstant kept_weight;
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
Layout weight_layout(const Convolution& conv, Direction direction) {
  const std::int64_t in_group = conv.in_channels / conv.groups;
  const std::int64_t out_group = conv.out_channels / conv.groups;
  const Layout plain = plain_layout(extents({conv.groups, out_group, in_group}, spatial(conv, conv.kernel)));
  if (direction == Direction::forward) {
    return plain;
  }
  std::vector<int> order(plain.dims().size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i] = static_cast<int>(i);
  }
  std::swap(order[1], order[2]);
  return plain.permute_axes(order);
}

template <typename Operation>
void prepare_as(Prepared& out, const Layout& bias, dnnl::algorithm algorithm, const Geometry& geometry) {
  const typename Operation::desc desc(dnnl::prop_kind::forward_inference, algorithm, any_layout(out.plain_source),
                                      any_layout(out.plain_weight), bias, any_layout(out.plain_result), geometry.stride,
                                      geometry.dilation, geometry.pad_before, geometry.pad_after);
  const typename Operation::primitive_desc chosen(desc, onednn_engine());
  out.run = Operation(chosen);
  out.source = chosen.src_desc();
  out.weight = chosen.weights_desc();
  out.result = chosen.dst_desc();
}

std::unique_ptr<Prepared> prepare(const Key& key) {
  const Convolution& conv = key.conv;
  const bool forward = key.direction == Direction::forward;
  auto out = std::make_unique<Prepared>();
  const Layout in = plain_layout(extents({conv.batch, conv.in_channels}, spatial(conv, conv.in)));
  const Layout result = plain_layout(extents({conv.batch, conv.out_channels}, spatial(conv, conv.out)));
  out->plain_source = forward ? in : result;
  out->plain_result = forward ? result : in;
  out->plain_weight = weight_layout(conv, key.direction);
  const Layout bias = key.has_bias ? plain_layout({forward ? conv.out_channels : conv.in_channels}) : Layout();
  const Geometry geometry = geometry_of(conv);
  try {
    if (forward) {
      prepare_as<dnnl::convolution_forward>(*out, bias, dnnl::algorithm::convolution_direct, geometry);
    } else {
      prepare_as<dnnl::deconvolution_forward>(*out, bias, dnnl::algorithm::deconvolution_direct, geometry);
    }
  } catch (const dnnl::error&) {
    out->run = dnnl::primitive();
  }
  return out;
}

void execute(Prepared& prepared, const float* source, const Operand& weight, const float* bias, float* result) {
  const dnnl::memory given = memory_at(prepared.plain_source, source);
  const dnnl::memory wanted = memory_at(prepared.plain_result, result);
  const dnnl::memory to =
      prepared.result == prepared.plain_result ? wanted : Scratch::get(kResultSlot, prepared.result);
  std::unordered_map<int, dnnl::memory> arguments = {
      {DNNL_ARG_SRC, in_layout(given, prepared.source, kSourceSlot)},
      {DNNL_ARG_WEIGHTS, prepared.kept_weight.get(weight, prepared.plain_weight, prepared.weight, kWeightSlot)},
      {DNNL_ARG_DST, to}};
  if (bias != nullptr) {
    const std::int64_t channels = prepared.plain_result.dims()[1];
    arguments.emplace(DNNL_ARG_BIAS, memory_at(plain_layout({channels}), bias));
  }
  prepared.run.execute(onednn_stream(), arguments);
  if (prepared.result != prepared.plain_result) {
    copy_into(to, wanted);
  }
  onednn_stream().wait();
}

}  // namespace

Result<bool> onednn_convolve(Direction direction, const Convolution& conv, const float* source, const Operand& weight,
                             const float* bias, float* result, unsigned threads) {
  static PreparedCache<Key, Prepared> cache;
  bool taken = false;
  const Key key{conv, direction, bias != nullptr, threads,
                weight.constant_owner != nullptr ? weight.elements : nullptr};
  OPENANE_CHECK(with_onednn(threads, [&] {
    cache.use(
        key, [&] { return prepare(key); },
        [&](Prepared& prepared) {
          taken = static_cast<bool>(prepared.run);
          if (taken) {
            execute(prepared, source, weight, bias, result);
          }
        });
  }));
  return taken;
}

}  // namespace openane::reference
