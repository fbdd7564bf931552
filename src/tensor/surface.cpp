// Between dense tensors and strided surfaces. Both are described as one or two blocks of axes, each axis with a stride
// on either side; neighbouring axes that are contiguous on both sides merge, so that a surface without padding is one
// memcpy.
#include "openane/surface.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "tensor/buffer.h"
#include "tensor/element_cast.h"

namespace openane {
namespace {

constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 62;
constexpr std::uint64_t kRowAlignment = 64;

struct Axis {
  std::size_t extent = 1;
  std::size_t dense_stride = 0;
  std::size_t surface_stride = 0;
};

// A box of elements; the last axis varies fastest.
struct Block {
  std::size_t dense_offset = 0;
  std::size_t surface_offset = 0;
  std::vector<Axis> axes;
};

std::unexpected<Error> bad_layout(std::string message) {
  return fail(ErrorCategory::malformed_input, std::move(message));
}

std::string describe(const SurfaceShape& s) {
  return s.d == 1 ? fmt::format("{}x{}x{}x{}", s.n, s.c, s.h, s.w)
                  : fmt::format("{}x{}x{}x{}x{}", s.n, s.c, s.d, s.h, s.w);
}

// a*b + c, or nothing past 2^62.
std::optional<std::uint64_t> multiply_add(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  std::uint64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result) || __builtin_add_overflow(result, c, &result) || result > kMaxBytes) {
    return std::nullopt;
  }
  return result;
}

Result<std::uint64_t> checked_product(std::uint64_t a, std::uint64_t b, const SurfaceShape& shape) {
  const auto result = multiply_add(a, b, 0);
  if (!result) {
    return bad_layout(fmt::format("a surface of {} elements has strides beyond 2^62 bytes", describe(shape)));
  }
  return *result;
}

struct NamedAxis {
  char name;
  std::int64_t extent;
  std::int64_t stride;
};

// The extents that strides multiply: channels count in groups of the interleave.
std::array<NamedAxis, 5> named_axes(const SurfaceLayout& layout) {
  const auto& [n, c, h, w, d] = layout.shape;
  const auto interleave = static_cast<std::int64_t>(layout.interleave);
  return {{{'n', n, layout.strides.n},
           {'d', d, layout.strides.d},
           {'c', (c - 1) / interleave + 1, layout.strides.c},
           {'h', h, layout.strides.h},
           {'w', w, layout.strides.w}}};
}

Result<void> check_shape(ElementType type, const SurfaceShape& shape, std::uint32_t interleave) {
  OPENANE_CHECK(required_element_bytes(type));
  if (interleave == 0) {
    return bad_layout("interleave is 0, expected at least 1");
  }
  OPENANE_CHECK(element_count({shape.n, shape.c, shape.d, shape.h, shape.w}));
  if (std::min({shape.n, shape.c, shape.d, shape.h, shape.w}) < 1) {
    return bad_layout(fmt::format("surface shape {} has an extent below 1", describe(shape)));
  }
  return {};
}

Result<void> check_strides(const SurfaceLayout& layout) {
  for (const NamedAxis& axis : named_axes(layout)) {
    if (axis.stride < 0 || (axis.stride == 0 && axis.extent > 1)) {
      return bad_layout(fmt::format("stride of axis {} is {}, expected a positive number for extent {}", axis.name,
                                    axis.stride, axis.extent));
    }
  }
  return {};
}

// With the axes in order of their strides, each must step over everything the smaller ones span.
Result<void> check_apart(const SurfaceLayout& layout, std::uint64_t element_size) {
  std::array<NamedAxis, 5> axes = named_axes(layout);
  std::ranges::sort(axes, {}, &NamedAxis::stride);
  const auto group = static_cast<std::uint64_t>(std::min<std::int64_t>(layout.interleave, layout.shape.c));
  std::uint64_t span = group * element_size;
  for (const NamedAxis& axis : axes) {
    if (axis.extent == 1) {
      continue;
    }
    if (static_cast<std::uint64_t>(axis.stride) < span) {
      return bad_layout(fmt::format("elements overlap: stride of axis {} is {}, but what it steps over has {} bytes",
                                    axis.name, axis.stride, span));
    }
    span += static_cast<std::uint64_t>(axis.stride) * static_cast<std::uint64_t>(axis.extent - 1);
  }
  return {};
}

// Drops axes of one element, joins neighbours that are contiguous on both sides.
std::vector<Axis> merged(const std::vector<Axis>& axes) {
  std::vector<Axis> result;
  for (const Axis& axis : axes) {
    if (axis.extent == 1) {
      continue;
    }
    if (!result.empty() && result.back().dense_stride == axis.dense_stride * axis.extent &&
        result.back().surface_stride == axis.surface_stride * axis.extent) {
      result.back() = {result.back().extent * axis.extent, axis.dense_stride, axis.surface_stride};
    } else {
      result.push_back(axis);
    }
  }
  return result;
}

// The channels [first, first + groups*lanes) as groups of `lanes` interleaved ones.
Block make_block(const SurfaceLayout& layout, std::size_t dense_size, std::size_t surface_size, std::size_t first,
                 std::size_t groups, std::size_t lanes) {
  const auto extent = [](std::int64_t value) { return static_cast<std::size_t>(value); };
  const auto& [n, c, h, w, d] = layout.shape;
  const auto& strides = layout.strides;
  const std::size_t row = dense_size * extent(w);
  const std::size_t plane = row * extent(h);
  const std::size_t channel = plane * extent(d);
  Block block;
  block.dense_offset = first * channel;
  block.surface_offset = first / layout.interleave * extent(strides.c);
  const Axis batches{extent(n), channel * extent(c), extent(strides.n)};
  const Axis channel_groups{groups, channel * lanes, extent(strides.c)};
  const Axis depths{extent(d), plane, extent(strides.d)};
  const Axis rows{extent(h), row, extent(strides.h)};
  const Axis channels{lanes, channel, surface_size};
  const Axis columns{extent(w), dense_size, extent(strides.w)};
  block.axes = merged({batches, channel_groups, depths, rows, channels, columns});
  return block;
}

std::vector<Block> make_blocks(const SurfaceLayout& layout, std::size_t dense_size, std::size_t surface_size) {
  const auto channels = static_cast<std::size_t>(layout.shape.c);
  const std::size_t groups = channels / layout.interleave;
  const std::size_t rest = channels % layout.interleave;
  std::vector<Block> blocks;
  if (groups != 0) {
    blocks.push_back(make_block(layout, dense_size, surface_size, 0, groups, layout.interleave));
  }
  if (rest != 0) {
    blocks.push_back(make_block(layout, dense_size, surface_size, channels - rest, 1, rest));
  }
  return blocks;
}

template <std::size_t Size>
void copy_strided(const std::uint8_t* from, std::size_t from_stride, std::uint8_t* to, std::size_t to_stride,
                  std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    std::memcpy(to + i * to_stride, from + i * from_stride, Size);
  }
}

using StridedCopy = void (*)(const std::uint8_t*, std::size_t, std::uint8_t*, std::size_t, std::size_t);

StridedCopy strided_copy_of(std::size_t element_size) {
  switch (element_size) {
    case 1:
      return &copy_strided<1>;
    case 2:
      return &copy_strided<2>;
    case 4:
      return &copy_strided<4>;
    default:
      return &copy_strided<8>;
  }
}

// Rows of small planes have a few bytes; calling memcpy for each costs more than copying.
inline void copy_row(const std::uint8_t* from, std::uint8_t* to, std::size_t size) {
  if (size > 64) {
    std::memcpy(to, from, size);
    return;
  }
  if (size >= 8) {
    for (std::size_t i = 0; i + 8 <= size; i += 8) {
      std::memcpy(to + i, from + i, 8);
    }
    std::memcpy(to + size - 8, from + size - 8, 8);
    return;
  }
  for (std::size_t i = 0; i < size; ++i) {
    to[i] = from[i];
  }
}

// What is done with `count` elements in a line, from one side to the other.
struct LineCopy {
  std::size_t from_size;
  std::size_t to_size;
  ElementCast cast;  // null when the types are the same
  StridedCopy gather;
  StridedCopy scatter;

  void operator()(const std::uint8_t* from, std::size_t from_stride, std::uint8_t* to, std::size_t to_stride,
                  std::size_t count) const {
    const bool is_from_dense = from_stride == from_size || count == 1;
    const bool is_to_dense = to_stride == to_size || count == 1;
    if (cast == nullptr) {
      if (is_from_dense && is_to_dense) {
        copy_row(from, to, count * from_size);
      } else {
        gather(from, from_stride, to, to_stride, count);
      }
      return;
    }
    if (is_from_dense && is_to_dense) {
      cast(from, to, count);
      return;
    }
    constexpr std::size_t kPiece = 256;
    std::array<std::uint8_t, kPiece * 8> gathered;
    std::array<std::uint8_t, kPiece * 8> converted;
    for (std::size_t i = 0; i < count; i += kPiece) {
      const std::size_t size = std::min(kPiece, count - i);
      gather(from + i * from_stride, from_stride, gathered.data(), from_size, size);
      cast(gathered.data(), converted.data(), size);
      scatter(converted.data(), to_size, to + i * to_stride, to_stride, size);
    }
  }
};

Result<LineCopy> make_line_copy(ElementType from, ElementType to) {
  OPENANE_TRY(const std::uint32_t from_size, required_element_bytes(from));
  OPENANE_TRY(const std::uint32_t to_size, required_element_bytes(to));
  LineCopy copy{from_size, to_size, nullptr, strided_copy_of(from_size), strided_copy_of(to_size)};
  if (from != to) {
    OPENANE_TRY(copy.cast, find_element_cast(from, to));
  }
  return copy;
}

template <typename Line>
void for_each_line(const std::vector<Axis>& axes, std::size_t depth, std::size_t dense, std::size_t surface,
                   const Line& line) {
  const Axis axis = depth < axes.size() ? axes[depth] : Axis{};
  if (depth + 1 >= axes.size()) {
    line(dense, surface, axis);
    return;
  }
  for (std::size_t i = 0; i < axis.extent; ++i) {
    for_each_line(axes, depth + 1, dense + i * axis.dense_stride, surface + i * axis.surface_stride, line);
  }
}

Result<void> check_surface(const SurfaceLayout& layout, std::uint64_t available) {
  OPENANE_TRY(const std::uint64_t needed, layout.footprint());
  if (needed > available) {
    return bad_layout(fmt::format("a surface of {} {} elements takes {} bytes, but the memory has {}",
                                  describe(layout.shape), to_string(layout.type), needed, available));
  }
  OPENANE_TRY(const std::uint32_t element_size, required_element_bytes(layout.type));
  return check_apart(layout, element_size);
}

Shape logical_shape(const SurfaceShape& s) {
  return s.d == 1 ? Shape{s.n, s.c, s.h, s.w} : Shape{s.n, s.c, s.d, s.h, s.w};
}

Shape without_ones(Shape shape) {
  std::erase(shape, 1);
  return shape;
}

}  // namespace

Result<SurfaceLayout> SurfaceLayout::packed(ElementType type, const SurfaceShape& shape, std::uint32_t interleave) {
  OPENANE_CHECK(check_shape(type, shape, interleave));
  OPENANE_TRY(const std::uint32_t element_size, required_element_bytes(type));
  const auto groups = static_cast<std::uint64_t>((shape.c - 1) / static_cast<std::int64_t>(interleave) + 1);
  const std::uint64_t column = std::uint64_t{interleave} * element_size;
  OPENANE_TRY(const std::uint64_t columns, checked_product(static_cast<std::uint64_t>(shape.w), column, shape));
  const std::uint64_t row = (columns + kRowAlignment - 1) / kRowAlignment * kRowAlignment;
  OPENANE_TRY(const std::uint64_t plane, checked_product(row, static_cast<std::uint64_t>(shape.h), shape));
  OPENANE_TRY(const std::uint64_t volume, checked_product(plane, groups, shape));
  OPENANE_TRY(const std::uint64_t batch, checked_product(volume, static_cast<std::uint64_t>(shape.d), shape));
  OPENANE_CHECK(checked_product(batch, static_cast<std::uint64_t>(shape.n), shape));
  const auto stride = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  return SurfaceLayout{type,
                       shape,
                       {stride(batch), stride(plane), stride(row), stride(column), shape.d == 1 ? 0 : stride(volume)},
                       interleave};
}

Result<std::uint64_t> SurfaceLayout::footprint() const {
  OPENANE_CHECK(check_shape(type, shape, interleave));
  OPENANE_CHECK(check_strides(*this));
  OPENANE_TRY(const std::uint32_t element_size, required_element_bytes(type));
  // The last group of channels may be shorter than the interleave, and the one before it may then end later.
  const auto stride = static_cast<std::uint64_t>(strides.c);
  const auto lanes = static_cast<std::uint64_t>((shape.c - 1) % static_cast<std::int64_t>(interleave) + 1);
  std::uint64_t bytes = lanes * element_size;
  if (shape.c > static_cast<std::int64_t>(interleave) && interleave * std::uint64_t{element_size} > bytes + stride) {
    bytes = interleave * std::uint64_t{element_size} - stride;
  }
  for (const NamedAxis& axis : named_axes(*this)) {
    const auto sum =
        multiply_add(static_cast<std::uint64_t>(axis.extent - 1), static_cast<std::uint64_t>(axis.stride), bytes);
    if (!sum) {
      return bad_layout(fmt::format("a surface of {} elements reaches beyond 2^62 bytes", describe(shape)));
    }
    bytes = *sum;
  }
  return bytes;
}

Result<void> pack(const Tensor& tensor, const SurfaceLayout& layout, std::span<std::uint8_t> surface) {
  OPENANE_CHECK(check_surface(layout, surface.size()));
  const Shape shape = logical_shape(layout.shape);
  if (without_ones(tensor.shape) != without_ones(shape)) {
    return fail(ErrorCategory::usage,
                fmt::format("the tensor's shape is {}, the surface's {}", to_string(tensor.shape), to_string(shape)));
  }
  OPENANE_TRY(const LineCopy copy, make_line_copy(tensor.type, layout.type));
  const auto count = static_cast<std::uint64_t>(tensor.count());
  if (tensor.data.size() != count * copy.from_size) {
    return fail(ErrorCategory::internal, fmt::format("a tensor of {} {} elements holds {} bytes", count,
                                                     to_string(tensor.type), tensor.data.size()));
  }
  for (const Block& block : make_blocks(layout, copy.from_size, copy.to_size)) {
    for_each_line(block.axes, 0, block.dense_offset, block.surface_offset,
                  [&](std::size_t dense, std::size_t at, const Axis& line) {
                    copy(tensor.data.data() + dense, line.dense_stride, surface.data() + at, line.surface_stride,
                         line.extent);
                  });
  }
  return {};
}

Result<Tensor> unpack(std::span<const std::uint8_t> surface, const SurfaceLayout& layout) {
  OPENANE_CHECK(check_surface(layout, surface.size()));
  OPENANE_TRY(const LineCopy copy, make_line_copy(layout.type, layout.type));
  Shape shape = logical_shape(layout.shape);
  OPENANE_TRY(const std::int64_t count, element_count(shape));
  OPENANE_TRY(Buffer buffer, Buffer::allocate(static_cast<std::size_t>(count) * copy.to_size));
  for (const Block& block : make_blocks(layout, copy.to_size, copy.from_size)) {
    for_each_line(block.axes, 0, block.dense_offset, block.surface_offset,
                  [&](std::size_t dense, std::size_t at, const Axis& line) {
                    copy(surface.data() + at, line.surface_stride, buffer.data() + dense, line.dense_stride,
                         line.extent);
                  });
  }
  return Tensor::create(layout.type, std::move(shape), buffer.bytes());
}

Result<SurfaceLayout> tiled_layout(const SurfaceShape& shape, std::uint64_t row_stride, std::uint64_t plane_stride) {
  OPENANE_CHECK(check_shape(ElementType::float16, shape, 1));
  if (shape.d != 1) {
    return fail(ErrorCategory::unsupported, fmt::format("libane's tiles have no depth, the tensor has {}", shape.d));
  }
  if (row_stride == 0 || row_stride % kRowAlignment != 0 || row_stride / 2 < static_cast<std::uint64_t>(shape.w)) {
    return bad_layout(
        fmt::format("row stride {:#x} is not a multiple of 64 that holds {} fp16 elements", row_stride, shape.w));
  }
  if (plane_stride % row_stride != 0 || plane_stride / row_stride < static_cast<std::uint64_t>(shape.h)) {
    return bad_layout(fmt::format("plane stride {:#x} is not a multiple of the row stride {:#x} that holds {} rows",
                                  plane_stride, row_stride, shape.h));
  }
  OPENANE_TRY(const std::uint64_t batch, checked_product(plane_stride, static_cast<std::uint64_t>(shape.c), shape));
  OPENANE_CHECK(checked_product(batch, static_cast<std::uint64_t>(shape.n), shape));
  const auto stride = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  return SurfaceLayout{ElementType::float16, shape, {stride(batch), stride(plane_stride), stride(row_stride), 2, 0}, 1};
}

Result<std::uint64_t> tiled_bytes(const SurfaceLayout& layout) {
  OPENANE_TRY(const std::uint64_t needed, layout.footprint());
  OPENANE_TRY(const std::uint64_t batches, checked_product(static_cast<std::uint64_t>(layout.strides.n),
                                                           static_cast<std::uint64_t>(layout.shape.n), layout.shape));
  return (std::max(needed, batches) + kTileBytes - 1) / kTileBytes * kTileBytes;
}

Result<void> tile(const Tensor& tensor, const SurfaceLayout& layout, std::span<std::uint8_t> buffer) {
  OPENANE_TRY(const std::uint64_t size, tiled_bytes(layout));
  if (buffer.size() != size) {
    return fail(ErrorCategory::usage, fmt::format("the buffer has {} bytes, expected {}", buffer.size(), size));
  }
  OPENANE_TRY(const std::uint64_t used, layout.footprint());
  const bool is_gapless = used == static_cast<std::uint64_t>(tensor.count()) * sizeof(Half);
  std::ranges::fill(buffer.subspan(is_gapless ? used : 0), std::uint8_t{0});
  return pack(tensor, layout, buffer);
}

Result<Tensor> untile(std::span<const std::uint8_t> buffer, const SurfaceLayout& layout) {
  OPENANE_TRY(const std::uint64_t size, tiled_bytes(layout));
  if (buffer.size() != size) {
    return fail(ErrorCategory::usage, fmt::format("the buffer has {} bytes, expected {}", buffer.size(), size));
  }
  return unpack(buffer, layout);
}

}  // namespace openane
