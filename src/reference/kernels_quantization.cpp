// Compressed constants, quantize and dequantize.
//
// Constants are decoded in single precision and rounded to the type the program declares, in runs of every precision:
// they are what Core ML's compiler would store. Elements of tables and masks that need not fill a byte are packed from
// the least significant bit on; op set ios16 passes them as bytes with a shape, ios18 as tensors of their own type.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "openane/half.h"
#include "reference/kernels.h"

namespace openane::reference {
namespace {

std::unexpected<Error> wrong(std::string message) { return fail(ErrorCategory::malformed_input, std::move(message)); }

/// Rounds to the declared type of a constant.
float round_to(mil::DataType type, float value) {
  return type == mil::DataType::fp16 ? to_float(to_half(value)) : value;
}

/// Elements of any numeric array as float; integers of a constant are exact.
class Floats {
 public:
  explicit Floats(const Array& array)
      : floats_(array.holding() == Holding::fp32 ? array.elements<float>().data() : nullptr),
        doubles_(array.holding() == Holding::fp64 ? array.elements<double>().data() : nullptr),
        integers_(array.holding() == Holding::int32 ? array.elements<std::int32_t>().data() : nullptr),
        booleans_(array.holding() == Holding::boolean ? array.elements<std::uint8_t>().data() : nullptr) {}

  [[nodiscard]] float operator[](std::size_t index) const {
    if (floats_ != nullptr) {
      return floats_[index];
    }
    if (integers_ != nullptr) {
      return static_cast<float>(integers_[index]);
    }
    return doubles_ != nullptr ? static_cast<float>(doubles_[index]) : static_cast<float>(booleans_[index]);
  }

 private:
  const float* floats_;
  const double* doubles_;
  const std::int32_t* integers_;
  const std::uint8_t* booleans_;
};

/// Calls `visit(element, block)` for every element of a tensor in row-major order, with the number of the block it lies
/// in when each axis is cut into as many equal pieces as `blocks` says.
template <typename Visit>
void for_each_in_blocks(const Shape& shape, const Shape& blocks, Visit visit) {
  const std::size_t rank = shape.size();
  const std::int64_t width = rank == 0 ? 1 : shape[rank - 1];
  const std::int64_t pieces = rank == 0 ? 1 : blocks[rank - 1];
  if (std::ranges::find(shape, 0) != shape.end()) {
    return;
  }
  const std::int64_t piece = width / pieces;
  std::vector<std::int64_t> at(rank, 0);
  std::size_t element = 0;
  while (true) {
    std::int64_t row = 0;
    for (std::size_t axis = 0; axis + 1 < rank; ++axis) {
      row = row * blocks[axis] + at[axis] / (shape[axis] / blocks[axis]);
    }
    for (std::int64_t i = 0; i < width; ++i) {
      visit(element++, static_cast<std::size_t>(row * pieces + i / piece));
    }
    std::size_t axis = rank < 2 ? 0 : rank - 1;
    while (axis > 0 && ++at[axis - 1] == shape[axis - 1]) {
      at[--axis] = 0;
    }
    if (axis == 0) {
      return;
    }
  }
}

/// The verifier knows this of shapes that are written down.
Result<void> check_blocks(const Shape& shape, const Shape& blocks) {
  const auto divides = [](std::int64_t extent, std::int64_t count) { return count > 0 && extent % count == 0; };
  return std::ranges::equal(shape, blocks, divides)
             ? Result<void>{}
             : wrong(fmt::format("{} does not cut {} into equal blocks", openane::to_string(blocks),
                                 openane::to_string(shape)));
}

/// The shape of something along one axis, 1 elsewhere; all ones for a scalar.
Result<Shape> along_axis(const Call& call, const Array& array, std::size_t rank) {
  Shape shape(rank, 1);
  if (array.rank() == 0 || array.count() == 1) {
    return shape;
  }
  std::int64_t axis = call.integer("axis").value_or(0);
  axis += axis < 0 ? static_cast<std::int64_t>(rank) : 0;
  if (axis < 0 || axis >= static_cast<std::int64_t>(rank)) {
    return wrong(fmt::format("axis {} of a tensor of rank {}", axis, rank));
  }
  shape[static_cast<std::size_t>(axis)] = array.count();
  return shape;
}

/// Numbers of the same shape as another array, or one for all of them, or none at all (zeros).
class Offsets {
 public:
  Offsets(const Call& call, std::string_view name, std::int64_t count)
      : array_(call.has(name) ? &call.array(name) : nullptr),
        floats_(array_ != nullptr ? Floats(*array_) : Floats(Array())),
        step_(array_ != nullptr && array_->count() > 1 ? 1 : 0),
        is_right_(array_ == nullptr || array_->count() == 1 || array_->count() == count) {}

  [[nodiscard]] bool is_right() const { return is_right_; }
  [[nodiscard]] float operator[](std::size_t index) const { return array_ != nullptr ? floats_[index * step_] : 0; }

 private:
  const Array* array_;
  Floats floats_;
  std::size_t step_;
  bool is_right_;
};

template <typename Real>
void give_scaled(const Array& data, const Array& scale, const Offsets& offset, const Shape& blocks, const Array& out) {
  const Floats from(data);
  const Floats factor(scale);
  const mil::DataType type = out.type();
  const auto to = out.writable<Real>();
  for_each_in_blocks(data.shape(), blocks, [&](std::size_t element, std::size_t block) {
    to[element] = static_cast<Real>(round_to(type, factor[block] * (from[element] - offset[block])));
  });
}

/// scale * (data - offset), each block of the data with its own.
template <typename Real>
Result<void> give_dense_scaled(Call& call, const Array& data, const Shape& blocks, std::string_view offset_name) {
  const Array& scale = call.array("scale");
  const Offsets offset(call, offset_name, scale.count());
  OPENANE_CHECK(check_blocks(data.shape(), blocks));
  if (!offset.is_right()) {
    return wrong(fmt::format("{} has another number of elements than scale", offset_name));
  }
  OPENANE_TRY(const Array out, call.allocate(0, data.shape()));
  give_scaled<Real>(data, scale, offset, blocks, out);
  call.give(0, out);
  return {};
}

template <typename Real>
Result<void> affine_dequantize(Call& call) {
  const Array& data = call.array("quantized_data");
  const Array& scale = call.array("scale");
  const Array& zero_point = call.array("zero_point");
  // Either may be one number for all: the longer one gives the blocks.
  if (scale.count() == 1 && zero_point.count() > 1) {
    OPENANE_TRY(const Shape blocks, along_axis(call, zero_point, data.rank()));
    OPENANE_CHECK(check_blocks(data.shape(), blocks));
    OPENANE_TRY(const Array out, call.allocate(0, data.shape()));
    const Floats from(data);
    const Floats shift(zero_point);
    const float factor = Floats(scale)[0];
    const auto to = out.writable<Real>();
    for_each_in_blocks(data.shape(), blocks, [&](std::size_t element, std::size_t block) {
      to[element] = static_cast<Real>(round_to(out.type(), factor * (from[element] - shift[block])));
    });
    call.give(0, out);
    return {};
  }
  OPENANE_TRY(const Shape blocks, along_axis(call, scale, data.rank()));
  return give_dense_scaled<Real>(call, data, blocks, "zero_point");
}

template <typename Real>
Result<void> blockwise_shift_scale(Call& call) {
  return give_dense_scaled<Real>(call, call.array("data"), call.array("scale").shape(), "offset");
}

template <typename Real>
Result<void> constexpr_cast(Call& call) {
  const Array& source = call.array("source_val");
  OPENANE_TRY(const Array out, call.allocate(0, source.shape()));
  std::ranges::copy(source.elements<Real>(), out.writable<Real>().begin());
  call.give(0, out);
  return {};
}

/// Element `index` of `bits` bits each, packed into bytes.
std::uint32_t packed_element(std::span<const std::int32_t> bytes, std::uint64_t index, std::uint32_t bits) {
  const std::uint64_t first = index * bits;
  std::uint32_t value = 0;
  for (std::uint32_t bit = 0; bit < bits; ++bit) {
    const std::uint64_t at = first + bit;
    const auto byte = static_cast<std::uint32_t>(bytes[at / 8]);
    value |= (byte >> (at % 8) & 1U) << bit;
  }
  return value;
}

Result<Shape> shape_argument(const Call& call) {
  const auto extents = call.integers("shape");
  if (!extents || !mil::count_elements(*extents)) {
    return wrong("shape must be extents");
  }
  return *extents;
}

/// `mask`, `indices` and such: element by element, from bytes with a shape or from a tensor.
class PackedElements {
 public:
  static Result<PackedElements> from_bytes(const Array& bytes, std::uint32_t bits, const Shape& shape) {
    const std::uint64_t count = mil::count_elements(shape).value_or(UINT64_MAX);
    if (count > UINT64_MAX / 8 || count * bits > static_cast<std::uint64_t>(bytes.count()) * 8) {
      return wrong(fmt::format("{} bytes are too few for {} elements of {} bits", bytes.count(), count, bits));
    }
    return PackedElements(bytes.elements<std::int32_t>(), bits);
  }
  explicit PackedElements(const Array& tensor) : PackedElements(tensor.elements<std::int32_t>(), 0) {}

  [[nodiscard]] std::size_t operator[](std::size_t index) const {
    return bits_ == 0 ? static_cast<std::size_t>(elements_[index]) : packed_element(elements_, index, bits_);
  }

 private:
  PackedElements(std::span<const std::int32_t> elements, std::uint32_t bits) : elements_(elements), bits_(bits) {}

  std::span<const std::int32_t> elements_;
  std::uint32_t bits_;  ///< 0: not packed.
};

/// A table of 2^n entries of `width` elements for each group of indices.
struct Table {
  Shape groups;
  std::size_t entries = 0;
  std::size_t width = 1;
};

Result<Table> table_of(const Array& lut, const Shape& indices) {
  if (lut.rank() != indices.size() + 2) {
    return wrong(fmt::format("lut must have rank {}, found {}", indices.size() + 2, lut.rank()));
  }
  Table table;
  table.groups.assign(lut.shape().begin(), lut.shape().end() - 2);
  table.entries = static_cast<std::size_t>(lut.shape()[lut.rank() - 2]);
  table.width = static_cast<std::size_t>(lut.shape().back());
  OPENANE_CHECK(check_blocks(indices, table.groups));
  return table;
}

/// Where the elements of an entry go: along `vector_axis` of the dense tensor.
struct VectorAxis {
  Shape dense;
  std::size_t inner = 1;  ///< Elements of the indices behind the axis.
  std::size_t width = 1;

  /// Place in the dense tensor of element `lane` of the entry for index `element`.
  [[nodiscard]] std::size_t place(std::size_t element, std::size_t lane) const {
    return (element / inner * width + lane) * inner + element % inner;
  }
};

Result<VectorAxis> vector_axis(const Call& call, const Shape& indices, std::size_t width) {
  VectorAxis out{indices, 1, width};
  if (width == 1) {
    return out;
  }
  const auto rank = static_cast<std::int64_t>(indices.size());
  std::int64_t axis = call.integer("vector_axis").value_or(-rank - 1);
  axis += axis < 0 ? rank : 0;
  if (axis < 0 || axis >= rank) {
    return wrong(fmt::format("entries of {} elements need a vector_axis", width));
  }
  std::int64_t& extent = out.dense[static_cast<std::size_t>(axis)];
  if (__builtin_mul_overflow(extent, static_cast<std::int64_t>(width), &extent)) {
    return wrong("the result is too large");
  }
  out.inner = static_cast<std::size_t>(
      std::accumulate(indices.begin() + axis + 1, indices.end(), std::int64_t{1}, std::multiplies<>()));
  return out;
}

/// Calls `work(T())` for the type the elements of an array are held as.
template <typename Work>
Result<void> by_holding(const Array& array, Work work) {
  switch (array.holding()) {
    case Holding::fp32:
      return work(float());
    case Holding::fp64:
      return work(double());
    case Holding::int32:
      return work(std::int32_t());
    case Holding::boolean:
    case Holding::text:
      break;
  }
  return wrong("expected numbers");
}

/// ios16: one table, indices packed to as many bits as it takes.
Result<void> packed_lut_to_dense(Call& call) {
  const Array& lut = call.array("lut");
  OPENANE_TRY(const Shape shape, shape_argument(call));
  const auto entries = static_cast<std::uint64_t>(lut.count());
  if (!std::has_single_bit(entries) || entries > 256) {
    return wrong(fmt::format("lut must have 2, 4, ... 256 entries, found {}", entries));
  }
  const auto bits = static_cast<std::uint32_t>(std::countr_zero(entries));
  OPENANE_TRY(const PackedElements indices, PackedElements::from_bytes(call.array("indices"), bits, shape));
  OPENANE_TRY(const Array out, call.allocate(0, shape));
  call.give(0, out);
  return by_holding(lut, [&]<typename T>(T /*held*/) -> Result<void> {
    const auto table = lut.elements<T>();
    const auto to = out.writable<T>();
    for (std::size_t i = 0; i < to.size(); ++i) {
      to[i] = bits == 0 ? table[0] : table[indices[i]];
    }
    return {};
  });
}

Result<void> typed_lut_to_dense(Call& call) {
  const Array& lut = call.array("lut");
  const Array& indices = call.array("indices");
  OPENANE_TRY(const Table table, table_of(lut, indices.shape()));
  OPENANE_TRY(const VectorAxis axis, vector_axis(call, indices.shape(), table.width));
  OPENANE_TRY(const Array out, call.allocate(0, axis.dense));
  call.give(0, out);
  return by_holding(lut, [&]<typename T>(T /*held*/) -> Result<void> {
    const auto entries = lut.elements<T>();
    const auto to = out.writable<T>();
    const PackedElements index(indices);
    bool is_inside = true;
    for_each_in_blocks(indices.shape(), table.groups, [&](std::size_t element, std::size_t group) {
      const std::size_t entry = index[element];
      is_inside = is_inside && entry < table.entries;
      for (std::size_t lane = 0; lane < table.width && is_inside; ++lane) {
        to[axis.place(element, lane)] = entries[(group * table.entries + entry) * table.width + lane];
      }
    });
    return is_inside ? Result<void>{} : wrong("an index beyond the table");
  });
}

Result<void> lut_to_dense(Call& call) {
  return call.signature().find("shape") != nullptr ? packed_lut_to_dense(call) : typed_lut_to_dense(call);
}

Result<void> sparse_to_dense(Call& call) {
  const bool is_packed = call.signature().find("shape") != nullptr;
  const Array& mask_array = call.array("mask");
  const Array& nonzero = call.array("nonzero_data");
  Shape shape = mask_array.shape();
  PackedElements mask(mask_array);
  if (is_packed) {
    OPENANE_TRY(shape, shape_argument(call));
    OPENANE_TRY(mask, PackedElements::from_bytes(mask_array, 1, shape));
  }
  OPENANE_TRY(const Array out, call.allocate(0, shape));
  call.give(0, out);
  return by_holding(nonzero, [&]<typename T>(T /*held*/) -> Result<void> {
    const auto from = nonzero.elements<T>();
    const auto to = out.writable<T>();
    std::size_t next = 0;
    for (std::size_t i = 0; i < to.size(); ++i) {
      const bool is_set = mask[i] != 0;
      if (is_set && next == from.size()) {
        return wrong(fmt::format("the mask asks for more than the {} elements of nonzero_data", from.size()));
      }
      to[i] = is_set ? from[next++] : T();
    }
    return next == from.size()
               ? Result<void>{}
               : wrong(fmt::format("the mask has {} places, nonzero_data {} elements", next, from.size()));
  });
}

/// Calls `visit(nonzero, element, block)` for the elements the mask has, in row-major order. Fails when they are not as
/// many as `count`.
template <typename Visit>
Result<void> for_each_nonzero(const Array& mask, const Shape& blocks, std::int64_t count, Visit visit) {
  const auto bits = mask.elements<std::int32_t>();
  std::size_t next = 0;
  const auto limit = static_cast<std::size_t>(count);
  for_each_in_blocks(mask.shape(), blocks, [&](std::size_t element, std::size_t block) {
    if (bits[element] != 0) {
      if (next < limit) {
        visit(next, element, block);
      }
      ++next;
    }
  });
  return next == limit ? Result<void>{} : wrong(fmt::format("the mask has {} places for {} elements", next, count));
}

Result<void> lut_to_sparse(Call& call) {
  const Array& mask = call.array("indices_mask");
  const Array& indices = call.array("indices_nonzero_data");
  const Array& lut = call.array("lut");
  OPENANE_TRY(const Table table, table_of(lut, mask.shape()));
  OPENANE_TRY(const VectorAxis axis, vector_axis(call, mask.shape(), table.width));
  OPENANE_TRY(const Array spread, call.allocate(0, axis.dense));
  OPENANE_TRY(const Array out, call.allocate(1, {indices.count() * static_cast<std::int64_t>(table.width)}));
  const auto bits = mask.elements<std::int32_t>();
  const auto spread_bits = spread.writable<std::int32_t>();
  for (std::size_t element = 0; element < bits.size(); ++element) {
    for (std::size_t lane = 0; lane < table.width; ++lane) {
      spread_bits[axis.place(element, lane)] = bits[element];
    }
  }
  // Where in the row-major order of the spread mask each place comes.
  std::vector<std::size_t> rank(table.width == 1 ? 0 : spread_bits.size());
  for (std::size_t place = 0, next = 0; place < rank.size(); ++place) {
    rank[place] = next;
    next += spread_bits[place] != 0 ? 1 : 0;
  }
  call.give(0, spread);
  call.give(1, out);
  return by_holding(lut, [&]<typename T>(T /*held*/) -> Result<void> {
    const auto entries = lut.elements<T>();
    const auto index = indices.elements<std::int32_t>();
    const auto to = out.writable<T>();
    bool is_inside = true;
    OPENANE_CHECK(for_each_nonzero(
        mask, table.groups, indices.count(), [&](std::size_t nonzero, std::size_t element, std::size_t group) {
          const auto entry = static_cast<std::size_t>(index[nonzero]);
          is_inside = is_inside && entry < table.entries;
          for (std::size_t lane = 0; lane < table.width && is_inside; ++lane) {
            const std::size_t at = table.width == 1 ? nonzero : rank[axis.place(element, lane)];
            if (at < to.size()) {
              to[at] = entries[(group * table.entries + entry) * table.width + lane];
            }
          }
        }));
    return is_inside ? Result<void>{} : wrong("an index beyond the table");
  });
}

template <typename Real>
Result<void> sparse_blockwise_shift_scale(Call& call) {
  const Array& mask = call.array("data_mask");
  const Array& data = call.array("nonzero_data");
  const Array& scale = call.array("scale");
  const Offsets offset(call, "offset", scale.count());
  OPENANE_CHECK(check_blocks(mask.shape(), scale.shape()));
  if (!offset.is_right()) {
    return wrong("offset has another number of elements than scale");
  }
  OPENANE_TRY(const Array out, call.allocate(1, data.shape()));
  const Floats from(data);
  const Floats factor(scale);
  const auto to = out.writable<Real>();
  OPENANE_CHECK(for_each_nonzero(
      mask, scale.shape(), data.count(), [&](std::size_t nonzero, std::size_t /*element*/, std::size_t block) {
        to[nonzero] = static_cast<Real>(round_to(out.type(), factor[block] * (from[nonzero] - offset[block])));
      }));
  call.give(0, mask);
  call.give(1, out);
  return {};
}

// Of activations: in the arithmetic of the run, and not rounded further.

struct ChannelParameters {
  Shape blocks;
  const Array* scale;
  const Array* zero_point;  ///< Null: zero.
};

Result<ChannelParameters> channel_parameters(const Call& call, const Array& input) {
  ChannelParameters out{{}, &call.array("scale"), call.has("zero_point") ? &call.array("zero_point") : nullptr};
  OPENANE_TRY(out.blocks, along_axis(call, *out.scale, input.rank()));
  OPENANE_CHECK(check_blocks(input.shape(), out.blocks));
  if (out.zero_point != nullptr && out.zero_point->count() != out.scale->count()) {
    return wrong("scale and zero_point have different numbers of elements");
  }
  return out;
}

std::int32_t zero_of(const ChannelParameters& parameters, std::size_t block) {
  return parameters.zero_point != nullptr ? parameters.zero_point->elements<std::int32_t>()[block] : 0;
}

template <typename Real>
Result<void> quantize(Call& call) {
  const Array& input = call.array("input");
  OPENANE_TRY(const ChannelParameters parameters, channel_parameters(call, input));
  OPENANE_TRY(const Array out, call.allocate(0, input.shape()));
  const bool is_signed = out.type() == mil::DataType::int8;
  const Real lowest = is_signed ? -128 : 0;
  const Real highest = is_signed ? 127 : 255;
  const auto from = input.elements<Real>();
  const auto scale = parameters.scale->elements<Real>();
  const auto to = out.writable<std::int32_t>();
  for_each_in_blocks(input.shape(), parameters.blocks, [&](std::size_t element, std::size_t block) {
    const Real steps = std::nearbyint(from[element] / scale[block]) + static_cast<Real>(zero_of(parameters, block));
    to[element] = std::isnan(steps) ? 0 : static_cast<std::int32_t>(std::clamp(steps, lowest, highest));
  });
  call.give(0, out);
  return {};
}

template <typename Real>
Result<void> dequantize(Call& call) {
  const Array& input = call.array("input");
  OPENANE_TRY(const ChannelParameters parameters, channel_parameters(call, input));
  OPENANE_TRY(const Array out, call.allocate(0, input.shape()));
  const auto from = input.elements<std::int32_t>();
  const auto scale = parameters.scale->elements<Real>();
  const auto to = out.writable<Real>();
  for_each_in_blocks(input.shape(), parameters.blocks, [&](std::size_t element, std::size_t block) {
    to[element] = scale[block] * static_cast<Real>(from[element] - zero_of(parameters, block));
  });
  call.give(0, out);
  return {};
}

template <Result<void> (*Float)(Call&), Result<void> (*Double)(Call&)>
constexpr Kernel kByReal = by_real<Float, Double>;

constexpr NamedKernel kKernels[] = {
    {"constexpr_affine_dequantize", kByReal<affine_dequantize<float>, affine_dequantize<double>>},
    {"constexpr_blockwise_shift_scale", kByReal<blockwise_shift_scale<float>, blockwise_shift_scale<double>>},
    {"constexpr_cast", kByReal<constexpr_cast<float>, constexpr_cast<double>>},
    {"constexpr_lut_to_dense", lut_to_dense},
    {"constexpr_lut_to_sparse", lut_to_sparse},
    {"constexpr_sparse_blockwise_shift_scale",
     kByReal<sparse_blockwise_shift_scale<float>, sparse_blockwise_shift_scale<double>>},
    {"constexpr_sparse_to_dense", sparse_to_dense},
    {"dequantize", kByReal<dequantize<float>, dequantize<double>>},
    {"quantize", kByReal<quantize<float>, quantize<double>>},
};

}  // namespace

std::span<const NamedKernel> quantization_kernels() { return kKernels; }

}  // namespace openane::reference
