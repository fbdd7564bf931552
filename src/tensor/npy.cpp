#include "openane/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "tensor/buffer.h"
#include "tensor/element_cast.h"
#include "tensor/npy_header.h"

namespace openane {
namespace {

template <std::size_t Size, bool IsSwapped>
inline void copy_element(const std::uint8_t* from, std::uint8_t* to) {
  std::uint8_t bytes[Size];
  std::memcpy(bytes, from, Size);
  if constexpr (IsSwapped) {
    std::ranges::reverse(bytes);
  }
  std::memcpy(to, bytes, Size);
}

// From Fortran order, first axis contiguous, to C order, last axis contiguous. `shape` has at least two axes, none of
// extent 1. For every position of the axes between, the first and the last make a matrix, transposed in blocks that fit
// the cache.
template <std::size_t Size, bool IsSwapped>
void to_c_order(const std::uint8_t* from, std::uint8_t* to, const std::vector<std::size_t>& shape) {
  constexpr std::size_t kBlock = 32;
  const std::size_t rank = shape.size();
  std::vector<std::size_t> from_strides(rank, Size);
  std::vector<std::size_t> to_strides(rank, Size);
  for (std::size_t axis = 1; axis < rank; ++axis) {
    from_strides[axis] = from_strides[axis - 1] * shape[axis - 1];
    to_strides[rank - 1 - axis] = to_strides[rank - axis] * shape[rank - axis];
  }
  const std::size_t rows = shape[0];
  const std::size_t columns = shape[rank - 1];
  // Whole cache lines are read into the block and written from it: strides are often powers of two, whose lines evict
  // each other.
  std::array<std::uint8_t, kBlock * kBlock * Size> block;
  const auto transpose_block = [&](const std::uint8_t* source, std::uint8_t* target, std::size_t height,
                                   std::size_t width) {
    for (std::size_t j = 0; j < width; ++j) {
      for (std::size_t i = 0; i < height; ++i) {
        copy_element<Size, IsSwapped>(source + i * Size + j * from_strides[rank - 1], &block[(i * kBlock + j) * Size]);
      }
    }
    for (std::size_t i = 0; i < height; ++i) {
      std::memcpy(target + i * to_strides[0], &block[i * kBlock * Size], width * Size);
    }
  };
  const auto transpose = [&](const std::uint8_t* source, std::uint8_t* target) {
    for (std::size_t row = 0; row < rows; row += kBlock) {
      for (std::size_t column = 0; column < columns; column += kBlock) {
        transpose_block(source + row * Size + column * from_strides[rank - 1],
                        target + row * to_strides[0] + column * Size, std::min(kBlock, rows - row),
                        std::min(kBlock, columns - column));
      }
    }
  };
  std::vector<std::size_t> index(rank, 0);
  // Advances the axes between, the innermost of the result first; false after the last position.
  const auto advance = [&] {
    for (std::size_t axis = rank - 2; axis > 0; --axis) {
      from += from_strides[axis];
      to += to_strides[axis];
      if (++index[axis] < shape[axis]) {
        return true;
      }
      from -= from_strides[axis] * shape[axis];
      to -= to_strides[axis] * shape[axis];
      index[axis] = 0;
    }
    return false;
  };
  do {
    transpose(from, to);
  } while (advance());
}

template <std::size_t Size, bool IsSwapped>
void rearrange(const std::uint8_t* from, std::uint8_t* to, std::size_t count, const std::vector<std::size_t>& shape) {
  if (shape.size() > 1) {
    to_c_order<Size, IsSwapped>(from, to, shape);
    return;
  }
  for (std::size_t i = 0; i < count; ++i) {
    copy_element<Size, IsSwapped>(from + i * Size, to + i * Size);
  }
}

template <bool IsSwapped>
void rearrange(std::size_t element_size, const std::uint8_t* from, std::uint8_t* to, std::size_t count,
               const std::vector<std::size_t>& shape) {
  switch (element_size) {
    case 1:
      return rearrange<1, false>(from, to, count, shape);
    case 2:
      return rearrange<2, IsSwapped>(from, to, count, shape);
    case 4:
      return rearrange<4, IsSwapped>(from, to, count, shape);
    default:
      return rearrange<8, IsSwapped>(from, to, count, shape);
  }
}

// The axes whose order matters: those with more than one element, and none at all in C order.
std::vector<std::size_t> axes_to_reverse(const NpyHeader& header) {
  std::vector<std::size_t> axes;
  for (const std::int64_t extent : header.shape) {
    if (header.is_fortran_order && extent != 1) {
      axes.push_back(static_cast<std::size_t>(extent));
    }
  }
  return axes;
}

std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

Result<Tensor> parse_npy(const Bytes& data) {
  OPENANE_TRY(NpyHeader header, parse_npy_header(data.span()));
  OPENANE_TRY(const std::int64_t count, element_count(header.shape));
  OPENANE_TRY(const std::uint32_t element_size, required_element_bytes(header.type));
  const std::uint64_t available = data.size() - header.data_offset;
  if (available % element_size != 0 || available / element_size != static_cast<std::uint64_t>(count)) {
    return fail_at(header.data_offset,
                   fmt::format("{} {} elements of {} bytes are announced, but {} bytes follow the header",
                               to_string(header.shape), to_string(header.type), element_size, available));
  }
  Bytes elements = data.slice(header.data_offset, available);
  const std::vector<std::size_t> axes = axes_to_reverse(header);
  const bool is_swapped = header.is_big_endian && element_size > 1;
  if (count != 0 && (is_swapped || axes.size() > 1)) {
    OPENANE_TRY(Buffer buffer, Buffer::allocate(available));
    const auto function = is_swapped ? &rearrange<true> : &rearrange<false>;
    function(element_size, elements.data(), buffer.data(), static_cast<std::size_t>(count), axes);
    elements = buffer.bytes();
  }
  return Tensor::create(header.type, std::move(header.shape), std::move(elements));
}

Result<std::vector<std::uint8_t>> format_npy(const Tensor& tensor) {
  OPENANE_TRY(const std::string header, format_npy_header(tensor.type, tensor.shape));
  std::vector<std::uint8_t> bytes;
  bytes.reserve(header.size() + tensor.data.size());
  bytes.insert(bytes.end(), header.begin(), header.end());
  bytes.insert(bytes.end(), tensor.data.span().begin(), tensor.data.span().end());
  return bytes;
}

Result<Tensor> read_npy(const std::string& path) {
  OPENANE_TRY(const Bytes data, read_file(path));
  return in_file(parse_npy(data), path);
}

Result<void> write_npy(const std::string& path, const Tensor& tensor) {
  OPENANE_TRY(const std::string header, format_npy_header(tensor.type, tensor.shape));
  const std::array parts = {as_bytes(header), tensor.data.span()};
  return write_file(path, parts);
}

}  // namespace openane
