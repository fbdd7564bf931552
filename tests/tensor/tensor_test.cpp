#include "openane/tensor.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "compiler_half.h"
#include "numpy.h"
#include "openane/npy.h"

namespace openane {
namespace {

TEST(ElementTypes, NumbersAndNamesAreTheContainers) {
  // hwx-container.md, section 5; float32 is the one that is called differently there.
  const std::array<std::string_view, 24> names = {"",        "void",     "int8",   "uint8",  "int16", "float16",
                                                  "float32", "raw10",    "lut",    "uint4",  "uint6", "uint1",
                                                  "uint2",   "packed10", "y10",    "uint16", "e4m3",  "int32",
                                                  "uint32",  "int64",    "uint64", "raw12",  "y12",   "int4"};
  for (std::size_t i = 1; i < names.size(); ++i) {
    const auto type = static_cast<ElementType>(i);
    EXPECT_EQ(to_string(type), names[i]);
    EXPECT_EQ(element_type_from_string(names[i]), type);
  }
  EXPECT_EQ(element_type_from_string("fp16"), ElementType::float16);
  EXPECT_EQ(element_type_from_string("half"), ElementType::float16);
  EXPECT_EQ(element_type_from_string("fp32"), ElementType::float32);
  EXPECT_EQ(element_type_from_string("float"), ElementType::float32);
  EXPECT_EQ(element_type_from_string("bool"), ElementType::boolean);
  EXPECT_EQ(element_type_from_string("float64"), ElementType::float64);
  for (const std::string_view unknown : {"", "invalid", "Float16", "float17", "f16 "}) {
    EXPECT_FALSE(element_type_from_string(unknown)) << unknown;
  }
  EXPECT_EQ(to_string(ElementType::invalid), "invalid");
}

TEST(ElementTypes, PackedOnesHaveNoSize) {
  EXPECT_EQ(element_bytes(ElementType::float16), 2u);
  EXPECT_EQ(element_bytes(ElementType::float64), 8u);
  EXPECT_EQ(element_bytes(ElementType::boolean), 1u);
  EXPECT_EQ(element_bytes(ElementType::e4m3), 1u);
  for (const ElementType type : {ElementType::raw10, ElementType::packed10, ElementType::int4, ElementType::uint1,
                                 ElementType::lut, ElementType::void_type, ElementType::invalid}) {
    EXPECT_FALSE(element_bytes(type)) << to_string(type);
  }
}

TEST(Shapes, CountsAreChecked) {
  const std::int64_t large = std::int64_t{1} << 31;
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(element_count({2, 3, 4}), 24);
  EXPECT_EQ(element_count({2, 0, 4}), 0);
  EXPECT_EQ(element_count({large, large}), large * large);
  EXPECT_FALSE(element_count({large, large, 2}));
  EXPECT_FALSE(element_count({large, large, large, large, large, large}));
  EXPECT_EQ(element_count({large, large, large, 0}), 0);
  EXPECT_FALSE(element_count({2, -1}));
  EXPECT_FALSE(element_count({0, -1}));
  EXPECT_EQ(to_string(Shape{1, 64, 8, 8}), "1x64x8x8");
  EXPECT_EQ(to_string(Shape{}), "scalar");
}

TEST(Tensors, CreateComparesSizes) {
  const Bytes twelve(std::vector<std::uint8_t>(12));
  EXPECT_TRUE(Tensor::create(ElementType::float16, {2, 3}, twelve));
  EXPECT_FALSE(Tensor::create(ElementType::float16, {2, 4}, twelve));
  EXPECT_FALSE(Tensor::create(ElementType::float32, {2, 3}, twelve));
  EXPECT_FALSE(Tensor::create(ElementType::uint4, {24}, twelve));
  EXPECT_FALSE(Tensor::create(ElementType::float64, {std::int64_t{1} << 61}, twelve));
  EXPECT_FALSE(Tensor::create(ElementType::float16, {-6}, twelve));
}

TEST(Tensors, DataIsSharedWhereAlignedAndCopiedWhereNot) {
  const Bytes bytes(std::vector<std::uint8_t>(17, 7));
  const auto shared = Tensor::create(ElementType::int64, {2}, bytes.slice(0, 16));
  ASSERT_TRUE(shared);
  EXPECT_EQ(shared->data.data(), bytes.data());
  const auto copied = Tensor::create(ElementType::int64, {2}, bytes.slice(1, 16));
  ASSERT_TRUE(copied);
  EXPECT_NE(copied->data.data(), bytes.data() + 1);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(copied->data.data()) % 8, 0u);
  EXPECT_EQ(copied->data, shared->data);
  const auto same = shared->cast(ElementType::int64);
  ASSERT_TRUE(same);
  EXPECT_EQ(same->data.data(), bytes.data()) << "a cast to the same type copies nothing";
}

template <typename T>
std::vector<T> values_of(const Tensor& tensor) {
  std::vector<T> values(tensor.data.size() / sizeof(T));
  std::memcpy(values.data(), tensor.data.data(), values.size() * sizeof(T));
  return values;
}

TEST(Tensors, FloatsRoundHalfToEvenAndSaturate) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> floats = {0.5F,   1.5F,  2.5F,      -0.5F,    -1.5F, 127.4F, 127.5F, -128.5F,
                                     -129.F, 300.F, 8388609.F, infinity, nan,   -0.0F,  1e-30F};
  const Shape shape{static_cast<std::int64_t>(floats.size())};
  EXPECT_EQ(values_of<std::int8_t>(Tensor::from_floats(shape, floats, ElementType::int8)),
            (std::vector<std::int8_t>{0, 2, 2, 0, -2, 127, 127, -128, -128, 127, 127, 127, 0, 0, 0}));
  EXPECT_EQ(values_of<std::uint8_t>(Tensor::from_floats(shape, floats, ElementType::uint8)),
            (std::vector<std::uint8_t>{0, 2, 2, 0, 0, 127, 128, 0, 0, 255, 255, 255, 0, 0, 0}));
  EXPECT_EQ(values_of<std::uint8_t>(Tensor::from_floats(shape, floats, ElementType::boolean)),
            (std::vector<std::uint8_t>{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1}));
  EXPECT_EQ(values_of<std::int32_t>(Tensor::from_floats({2}, std::array{8388609.0F, 3e9F}, ElementType::int32)),
            (std::vector<std::int32_t>{8388609, 2147483647}));
  EXPECT_EQ(
      values_of<std::uint64_t>(Tensor::from_floats({3}, std::array{0x1p63F, 0x1p64F, -1.0F}, ElementType::uint64)),
      (std::vector<std::uint64_t>{std::uint64_t{1} << 63, ~std::uint64_t{0}, 0}));
  EXPECT_EQ(
      values_of<std::int64_t>(Tensor::from_floats({2}, std::array{0x1p63F, -0x1p64F}, ElementType::int64)),
      (std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}));
}

TEST(Tensors, FromFloatsRefusesWhatDoesNotFit) {
  EXPECT_EQ(Tensor::from_floats({3}, std::array{1.0F}, ElementType::float16).type, ElementType::invalid);
  EXPECT_EQ(Tensor::from_floats({1}, std::array{1.0F}, ElementType::e4m3).type, ElementType::invalid);
}

TEST(Tensors, TypesWithoutPublishedEncodingAreNotConverted) {
  const auto tensor = Tensor::create(ElementType::e4m3, {2}, Bytes({1, 2}));
  ASSERT_TRUE(tensor);
  const auto floats = tensor->to_floats();
  ASSERT_FALSE(floats);
  EXPECT_EQ(floats.error().category, ErrorCategory::missing_specification);
  EXPECT_FALSE(tensor->cast(ElementType::float16));
  EXPECT_TRUE(tensor->cast(ElementType::e4m3));
}

Tensor from_doubles(const std::vector<double>& values) {
  std::vector<std::uint8_t> bytes(values.size() * sizeof(double));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return *Tensor::create(ElementType::float64, {static_cast<std::int64_t>(values.size())}, Bytes(std::move(bytes)));
}

TEST(Tensors, DoublesRoundToHalfOnce) {
  // By way of fp32 these would first become a middle between two fp16 numbers, then go to the even one.
  std::vector<double> doubles = {
      1 + 0x1p-11 + 0x1p-30, 1 + 0x1.8p-10 - 0x1p-40, -(0x1p-25 + 0x1p-60), 65519.99999999, 0x1p-1074, 1e300, -1e300};
  std::mt19937_64 random(1);
  for (int i = 0; i < 200'000; ++i) {
    // A middle between two fp16 numbers, moved by a random, mostly tiny amount.
    const auto bits = static_cast<std::uint16_t>(random() % 0x7bff);
    const double low = static_cast<double>(to_float(Half{bits}));
    const double high = static_cast<double>(to_float(Half{static_cast<std::uint16_t>(bits + 1)}));
    const double step = std::ldexp(static_cast<double>(random() % 3) - 1.0, -30 - static_cast<int>(random() % 40));
    doubles.push_back((low + high) / 2 * (random() % 2 == 0 ? 1 + step : -1 - step));
    doubles.push_back(std::bit_cast<double>(random()));
  }
  const auto halves = from_doubles(doubles).cast(ElementType::float16);
  ASSERT_TRUE(halves);
  const auto bits = values_of<std::uint16_t>(*halves);
  for (std::size_t i = 0; i < doubles.size(); ++i) {
    ASSERT_EQ(bits[i], std::bit_cast<std::uint16_t>(static_cast<test::CompilerHalf>(doubles[i])))
        << std::hexfloat << doubles[i];
  }
  EXPECT_EQ(bits[0], 0x3c01);
}

TEST(Tensors, ToFloatsIsExactForHalves) {
  std::vector<std::uint8_t> bytes(65536 * 2);
  for (std::size_t i = 0; i < 65536; ++i) {
    bytes[2 * i] = static_cast<std::uint8_t>(i);
    bytes[2 * i + 1] = static_cast<std::uint8_t>(i >> 8);
  }
  const auto tensor = Tensor::create(ElementType::float16, {256, 256}, Bytes(std::move(bytes)));
  ASSERT_TRUE(tensor);
  const auto floats = tensor->to_floats();
  ASSERT_TRUE(floats);
  for (std::size_t i = 0; i < 65536; ++i) {
    const float expected = to_float(Half{static_cast<std::uint16_t>(i)});
    ASSERT_EQ(std::bit_cast<std::uint32_t>((*floats)[i]), std::bit_cast<std::uint32_t>(expected));
  }
}

// Every pair of types. NumPy converts between floating-point types and to boolean; saturation is Python's own integers.
TEST(Tensors, EveryCastAgreesWithNumPy) {
  OPENANE_NEEDS_NUMPY();
  const test::TemporaryFolder folder;
  ASSERT_TRUE(test::run_numpy(folder, R"(
import warnings; warnings.simplefilter('ignore')
types = ['bool', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'float16', 'float32', 'float64']
rng = np.random.default_rng(1)
for source in types:
    d = np.dtype(source)
    n = 700 if d.itemsize > 1 else 256
    a = np.frombuffer(rng.bytes(n * d.itemsize), 'u1').copy()
    a = (a & 1).astype('?') if source == 'bool' else a.view(d)
    if d.kind == 'f':
        near = np.concatenate([rng.integers(-300, 300, 200) / 2, rng.normal(0, 1e5, 200), [65519.9, 65520, 2.0**31, -2.0**31, 2.0**63, -2.0**63, 2.0**64, 1e30, -1e30, np.nan, np.inf, -np.inf, 0, -0.0]])
        a = np.concatenate([a, near.astype(d)])
    elif source != 'bool':
        i = np.iinfo(d)
        a = np.concatenate([a, np.array([i.min, i.max, 0, 1, i.max // 2], d)])
    np.save('from_' + source, a)
    for target in types:
        t = np.dtype(target)
        if t.kind in 'fb':
            b = a.astype(t)
        else:
            i = np.iinfo(t)
            whole = np.rint(a.astype('f8')) if d.kind == 'f' else a
            def saturated(v):
                if d.kind == 'f' and not np.isfinite(v):
                    return 0 if np.isnan(v) else (i.max if v > 0 else i.min)
                return min(max(int(v), i.min), i.max)
            b = np.array([saturated(v) for v in whole], dtype=t)
        np.save(source + '_to_' + target, b)
)"));
  const std::array types = {ElementType::boolean, ElementType::int8,    ElementType::uint8,   ElementType::int16,
                            ElementType::uint16,  ElementType::int32,   ElementType::uint32,  ElementType::int64,
                            ElementType::uint64,  ElementType::float16, ElementType::float32, ElementType::float64};
  const auto name = [](ElementType type) {
    return type == ElementType::boolean ? std::string("bool") : std::string(to_string(type));
  };
  for (const ElementType from : types) {
    const auto source = read_npy(folder.file("from_" + name(from) + ".npy"));
    ASSERT_TRUE(source) << source.error().to_string();
    ASSERT_EQ(source->type, from);
    for (const ElementType to : types) {
      SCOPED_TRACE(name(from) + " to " + name(to));
      const auto expected = read_npy(folder.file(name(from) + "_to_" + name(to) + ".npy"));
      ASSERT_TRUE(expected) << expected.error().to_string();
      const auto result = source->cast(to);
      ASSERT_TRUE(result) << result.error().to_string();
      ASSERT_EQ(result->type, expected->type);
      const std::size_t size = *element_bytes(to);
      ASSERT_EQ(result->data.size(), expected->data.size());
      const auto before = *source->to_floats();
      const auto ours = *result->to_floats();
      const auto numpys = *expected->to_floats();
      for (std::size_t i = 0; i < ours.size(); ++i) {
        const bool is_same = std::memcmp(result->data.data() + i * size, expected->data.data() + i * size, size) == 0;
        const bool is_nan = std::isnan(ours[i]) && std::isnan(numpys[i]);  // whose payload NumPy keeps in its own way
        EXPECT_TRUE(is_same || is_nan) << "element " << i << ": " << before[i] << " gives " << ours[i] << ", NumPy "
                                       << numpys[i];
      }
    }
  }
}

TEST(RawTensors, RoundTripAndWrongSizes) {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("raw.bin");
  const Tensor tensor =
      Tensor::from_floats({2, 3}, std::array{1.0F, 2.0F, 3.0F, 4.0F, 5.0F, 6.5F}, ElementType::float16);
  ASSERT_TRUE(write_raw_tensor(path, tensor));
  EXPECT_EQ(std::filesystem::file_size(path), 12u);
  const auto back = read_raw_tensor(path, ElementType::float16, {2, 3});
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_EQ(back->data, tensor.data);
  const auto wrong = read_raw_tensor(path, ElementType::float32, {2, 3});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().location.file, path);
  EXPECT_NE(wrong.error().message.find("24 bytes, got 12"), std::string::npos) << wrong.error().message;
  EXPECT_FALSE(read_raw_tensor(folder.file("absent"), ElementType::float16, {1}));
  EXPECT_FALSE(read_raw_tensor(folder.path().string(), ElementType::float16, {1}));
}

}  // namespace
}  // namespace openane
