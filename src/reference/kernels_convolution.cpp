// conv, conv_transpose, conv_quantized. fp32 goes to oneDNN, fp64 to the plain loops of convolution.cpp.
#include <fmt/format.h>

#include "mil/extents.h"
#include "reference/convolution.h"
#include "reference/kernels.h"
#include "reference/onednn_convolution.h"

namespace openane::reference {
namespace {

template <typename Real>
const Real* bias_of(const Call& call) {
  return call.has("bias") ? call.array("bias").elements<Real>().data() : nullptr;
}

Operand operand_of(const Call& call, std::string_view name) {
  const Array& array = call.array(name);
  return {array.elements<float>().data(), call.is_constant(name) ? array.owner() : nullptr};
}

ConvolutionRun run_of(const Call& call, Direction direction, const Array& source, const Operand& weight,
                      const Array& out) {
  ConvolutionRun run{.direction = direction,
                     .source = source.elements<float>().data(),
                     .source_is_channels_last = call.is_channels_last("x"),
                     .weight = weight,
                     .bias = bias_of<float>(call),
                     .result = out.writable<float>().data(),
                     .result_is_channels_last = call.gives_channels_last(),
                     .bounds = std::nullopt,
                     .threads = call.threads()};
  if (const auto bounds = call.bounds()) {
    run.bounds = Bounds<float>{static_cast<float>(bounds->low), static_cast<float>(bounds->high)};
  }
  return run;
}

/// Copies each of `batch` tensors [rows, columns] as [columns, rows].
template <typename Real>
void transpose(std::int64_t batch, std::int64_t rows, std::int64_t columns, const Real* from, Real* to) {
  for (std::int64_t b = 0; b < batch; ++b, from += rows * columns, to += rows * columns) {
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t column = 0; column < columns; ++column) {
        to[column * rows + row] = from[row * columns + column];
      }
    }
  }
}

/// By the loops of convolution.cpp, which know one layout.
template <typename Real>
void compute_plainly(const Call& call, Direction direction, const Convolution& conv, std::span<const Real> source,
                     const Real* weight, std::span<Real> result) {
  const auto run = direction == Direction::forward ? convolve<Real> : convolve_transposed<Real>;
  const bool is_copied = call.is_channels_last("x");
  std::vector<Real> plain_source(is_copied ? source.size() : 0);
  std::vector<Real> plain_result(call.gives_channels_last() ? result.size() : 0);
  if (is_copied) {
    transpose(conv.batch, conv.in_plane(), conv.in_channels, source.data(), plain_source.data());
  }
  run(conv, is_copied ? plain_source.data() : source.data(), weight, bias_of<Real>(call),
      plain_result.empty() ? result.data() : plain_result.data(), call.threads());
  if (!plain_result.empty()) {
    transpose(conv.batch, conv.out_channels, conv.out_plane(), plain_result.data(), result.data());
  }
  if (const auto bounds = call.bounds()) {
    Bounds<Real>{static_cast<Real>(bounds->low), static_cast<Real>(bounds->high)}.apply(result);
  }
}

template <typename Real>
Result<void> compute(Call& call, Direction direction, const Convolution& conv, const Array& source,
                     const Operand& weight, const Real* plain_weight, const Array& out) {
  if constexpr (std::same_as<Real, float>) {
    if (source.count() > 0 && out.count() > 0) {
      OPENANE_TRY(const bool done, onednn_convolve(conv, run_of(call, direction, source, weight, out)));
      if (done) {
        return {};
      }
    }
  }
  compute_plainly<Real>(call, direction, conv, source.elements<Real>(), plain_weight, out.writable<Real>());
  return {};
}

Result<Convolution> conv_geometry(const Call& call, const mil::Window& window, const Shape& x, const Shape& weight) {
  Convolution conv;
  conv.batch = x[0];
  conv.groups = call.integer("groups").value_or(1);
  conv.in_channels = x[1];
  conv.out_channels = weight[0];
  if (conv.groups < 1 || weight[1] * conv.groups != x[1] || weight[0] % conv.groups != 0) {
    return fail(ErrorCategory::malformed_input, fmt::format("x {} and weight {} do not fit with {} groups",
                                                            mil::describe(x), mil::describe(weight), conv.groups));
  }
  Shape out;
  Shape before;
  for (std::size_t i = 2; i < x.size(); ++i) {
    OPENANE_TRY(const std::int64_t extent, window.windows(i - 2, x[i], false));
    out.push_back(extent);
    before.push_back(window.padding_before(i - 2, x[i], extent));
  }
  conv.in = three_axes(std::span(x).subspan(2));
  conv.out = three_axes(out);
  conv.kernel = three_axes(window.kernel);
  conv.stride = three_axes(*window.strides);
  conv.dilation = three_axes(*window.dilations);
  conv.pad_before = three_axes(before, 0);
  return conv;
}

Result<void> check_operands(const Shape& x, const Shape& weight) {
  if (x.size() < 3 || x.size() > 5 || weight.size() != x.size()) {
    return fail(ErrorCategory::malformed_input,
                fmt::format("x and weight must have one rank from 3 to 5, found {} and {}", mil::describe(x),
                            mil::describe(weight)));
  }
  return {};
}

Result<void> check_bias(const Call& call, std::int64_t channels) {
  if (call.has("bias") && call.array("bias").count() != channels) {
    return fail(ErrorCategory::malformed_input,
                fmt::format("bias has {} elements for {} channels", call.array("bias").count(), channels));
  }
  return {};
}

/// [N, C, *D] with the last axes of `spatial`.
Shape result_shape(std::int64_t batch, std::int64_t channels, const Spatial& spatial, std::size_t rank) {
  Shape shape{batch, channels};
  shape.insert(shape.end(), spatial.end() - static_cast<std::ptrdiff_t>(rank - 2), spatial.end());
  return shape;
}

template <typename Real>
Result<void> convolve_with(Call& call, const Shape& weight_shape, const Operand& weight, const Real* plain_weight) {
  const Array& x = call.array("x");
  OPENANE_CHECK(check_operands(x.shape(), weight_shape));
  OPENANE_CHECK(check_bias(call, weight_shape[0]));
  OPENANE_TRY(const mil::Window window, window_of(call, Shape(weight_shape.begin() + 2, weight_shape.end())));
  OPENANE_TRY(const Convolution conv, conv_geometry(call, window, x.shape(), weight_shape));
  OPENANE_TRY(Array out, call.allocate(0, result_shape(conv.batch, conv.out_channels, conv.out, x.rank())));
  OPENANE_CHECK(compute<Real>(call, Direction::forward, conv, x, weight, plain_weight, out));
  call.give(0, std::move(out));
  return {};
}

template <typename Real>
Result<void> conv(Call& call) {
  const Array& weight = call.array("weight");
  if constexpr (std::same_as<Real, float>) {
    return convolve_with<float>(call, weight.shape(), operand_of(call, "weight"), weight.elements<float>().data());
  } else {
    return convolve_with<Real>(call, weight.shape(), {}, weight.elements<Real>().data());
  }
}

/// w = q scale + bias, with one scale and bias or one for each output channel. A lookup table has no argument to come
/// in: nobody has published what `lut` reads.
template <typename Real>
Result<void> conv_quantized(Call& call) {
  if (const std::string type = call.text("quantization_type").value_or(""); type != "linear") {
    return fail(ErrorCategory::missing_specification,
                "conv_quantized of type '" + type + "': only linear is published");
  }
  if (call.has("bias")) {
    return fail(ErrorCategory::missing_specification,
                "conv_quantized with a bias of uint8: its scale is not published");
  }
  const Array& stored = call.array("weight");
  const auto scale = call.array("quant_scale").elements<Real>();
  const auto offset = call.array("quant_bias").elements<Real>();
  const std::int64_t channels = stored.rank() == 0 ? 0 : stored.shape()[0];
  for (const auto& values : {scale, offset}) {
    if (values.size() != 1 && std::ssize(values) != channels) {
      return fail(ErrorCategory::malformed_input,
                  fmt::format("{} scales or biases of quantisation for {} channels", values.size(), channels));
    }
  }
  const auto codes = stored.elements<std::int32_t>();
  const std::size_t per_channel = channels == 0 ? 1 : codes.size() / static_cast<std::size_t>(channels);
  std::vector<Real> weight(codes.size());
  for (std::size_t i = 0; i < weight.size(); ++i) {
    const std::size_t channel = i / per_channel;
    weight[i] =
        static_cast<Real>(codes[i]) * scale[scale.size() == 1 ? 0 : channel] + offset[offset.size() == 1 ? 0 : channel];
  }
  Operand operand;
  if constexpr (std::same_as<Real, float>) {
    operand.elements = weight.data();
  }
  return convolve_with<Real>(call, stored.shape(), operand, weight.data());
}

/// The convolution from the result (`in`) to x (`out`).
Result<Convolution> transposed_geometry(const Call& call, const mil::Window& window, const Shape& x,
                                        const Shape& weight, Shape result) {
  Convolution conv;
  conv.batch = x[0];
  conv.groups = call.integer("groups").value_or(1);
  conv.in_channels = weight[1] * conv.groups;
  conv.out_channels = x[1];
  if (conv.groups < 1 || weight[0] != x[1] || x[1] % conv.groups != 0) {
    return fail(ErrorCategory::malformed_input, fmt::format("x {} and weight {} do not fit with {} groups",
                                                            mil::describe(x), mil::describe(weight), conv.groups));
  }
  if (result.empty()) {
    result = {x[0], conv.in_channels};
    for (std::size_t i = 2; i < x.size(); ++i) {
      result.push_back(window.transposed(i - 2, x[i]));
    }
  }
  if (result.size() != x.size() || result[0] != x[0] || result[1] != conv.in_channels ||
      std::ranges::any_of(result, [](std::int64_t extent) { return extent < 0; })) {
    return fail(ErrorCategory::malformed_input,
                fmt::format("a result of {} for x {} and weight {}", mil::describe(result), mil::describe(x),
                            mil::describe(weight)));
  }
  Shape before;
  for (std::size_t i = 2; i < x.size(); ++i) {
    before.push_back(window.padding_before(i - 2, result[i], x[i]));
  }
  conv.in = three_axes(std::span(result).subspan(2));
  conv.out = three_axes(std::span(x).subspan(2));
  conv.kernel = three_axes(window.kernel);
  conv.stride = three_axes(*window.strides);
  conv.dilation = three_axes(*window.dilations);
  conv.pad_before = three_axes(before, 0);
  return conv;
}

template <typename Real>
Result<void> conv_transpose(Call& call) {
  const Array& x = call.array("x");
  const Array& weight = call.array("weight");
  OPENANE_CHECK(check_operands(x.shape(), weight.shape()));
  OPENANE_TRY(const mil::Window window, window_of(call, Shape(weight.shape().begin() + 2, weight.shape().end())));
  const Shape given = call.has("output_shape") ? call.integers("output_shape").value_or(Shape()) : Shape();
  OPENANE_TRY(const Convolution conv, transposed_geometry(call, window, x.shape(), weight.shape(), given));
  OPENANE_CHECK(check_bias(call, conv.in_channels));
  OPENANE_TRY(Array out, call.allocate(0, result_shape(conv.batch, conv.in_channels, conv.in, x.rank())));
  Operand operand;
  if constexpr (std::same_as<Real, float>) {
    operand = operand_of(call, "weight");
  }
  OPENANE_CHECK(compute<Real>(call, Direction::transposed, conv, x, operand, weight.elements<Real>().data(), out));
  call.give(0, std::move(out));
  return {};
}

constexpr NamedKernel kKernels[] = {
    {"conv", by_real<conv<float>, conv<double>>},
    {"conv_quantized", by_real<conv_quantized<float>, conv_quantized<double>>},
    {"conv_transpose", by_real<conv_transpose<float>, conv_transpose<double>>},
};

}  // namespace

std::span<const NamedKernel> convolution_kernels() { return kKernels; }

}  // namespace openane::reference
