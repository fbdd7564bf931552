// .npy files: written out by hand, by NumPy, and damaged.
#include "openane/npy.h"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <utility>

#include "npy_bytes.h"
#include "numpy.h"

namespace openane {
namespace {

using test::bytes_of;
using test::ByteVector;
using test::npy_file;

const ByteVector six_numbers = {1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0};

Tensor must_parse(const ByteVector& file) {
  const auto tensor = parse_npy(Bytes(file));
  EXPECT_TRUE(tensor) << tensor.error().to_string();
  return tensor ? *tensor : Tensor{};
}

TEST(Npy, HeadersInEverySpellingPythonTakes) {
  const std::array<std::string_view, 8> headers = {
      "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }          \n",
      "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3)}",
      "{'shape': (2, 3), 'fortran_order': False, 'descr': '<i2'}\n",
      "{\"shape\":(2,3),\"fortran_order\":False,\"descr\":\"<i2\"}",
      "  { 'descr' : '<i2' ,\t'fortran_order' :False , 'shape' : ( 2 , 3 , ) , }\n\n",
      "{'descr': '=i2', 'fortran_order': False, 'shape': (2L, 3L), }\n",
      "{'descr': 'i2', 'fortran_order': False, 'shape': (2,3,), }",
      "{'descr': '|i2', 'fortran_order': False, 'shape': (2,3)}",
  };
  for (const std::string_view header : headers) {
    for (const int version : {1, 2, 3}) {
      SCOPED_TRACE(std::string(header) + " version " + std::to_string(version));
      const Tensor tensor = must_parse(npy_file(header, six_numbers, version));
      EXPECT_EQ(tensor.type, ElementType::int16);
      EXPECT_EQ(tensor.shape, (Shape{2, 3}));
      EXPECT_EQ(tensor.data, Bytes(six_numbers));
    }
  }
}

TEST(Npy, FortranOrderAndBigEndianBecomeOurs) {
  const ByteVector big = {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6};
  EXPECT_EQ(must_parse(npy_file("{'descr': '>i2', 'fortran_order': False, 'shape': (6,)}", big)).data,
            Bytes(six_numbers));
  const ByteVector columns = {1, 0, 4, 0, 2, 0, 5, 0, 3, 0, 6, 0};
  EXPECT_EQ(must_parse(npy_file("{'descr': '<u2', 'fortran_order': True, 'shape': (2, 3)}", columns)).data,
            Bytes(six_numbers));
  const ByteVector both = {0, 1, 0, 4, 0, 2, 0, 5, 0, 3, 0, 6};
  EXPECT_EQ(must_parse(npy_file("{'descr': '>u2', 'fortran_order': True, 'shape': (2, 3)}", both)).data,
            Bytes(six_numbers));
  const ByteVector cube = {1, 5, 3, 7, 2, 6, 4, 8};
  EXPECT_EQ(must_parse(npy_file("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2, 2)}", cube)).data,
            Bytes({1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(Npy, ScalarsAndEmptyArrays) {
  const Tensor scalar = must_parse(npy_file("{'descr': '|b1', 'fortran_order': False, 'shape': ()}", {1}));
  EXPECT_EQ(scalar.type, ElementType::boolean);
  EXPECT_EQ(scalar.shape, Shape{});
  const Tensor empty = must_parse(npy_file("{'descr': '>f8', 'fortran_order': True, 'shape': (3, 0, 5)}", {}));
  EXPECT_EQ(empty.shape, (Shape{3, 0, 5}));
  EXPECT_TRUE(empty.data.empty());
}

TEST(Npy, LittleEndianArraysStayInTheFile) {
  const Bytes file(npy_file("{'descr': '|u1', 'fortran_order': False, 'shape': (12,)}", six_numbers));
  const auto tensor = parse_npy(file);
  ASSERT_TRUE(tensor);
  EXPECT_EQ(tensor->data.data(), file.data() + file.size() - 12);
}

struct BadHeader {
  std::string_view header;
  ErrorCategory category;
  std::string_view message;
};

TEST(Npy, BadHeadersAreNamed) {
  const auto malformed = ErrorCategory::malformed_input;
  const auto unsupported = ErrorCategory::unsupported;
  const std::array cases = {
      BadHeader{"{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (6,)}", unsupported, "structured"},
      BadHeader{"{'descr': ('<f4', (2,)), 'fortran_order': False, 'shape': (6,)}", unsupported, "structured"},
      BadHeader{"{'descr': '|O', 'fortran_order': False, 'shape': (6,)}", unsupported, "Python object"},
      BadHeader{"{'descr': '<c8', 'fortran_order': False, 'shape': (6,)}", unsupported, "complex"},
      BadHeader{"{'descr': '|S2', 'fortran_order': False, 'shape': (6,)}", unsupported, "byte string"},
      BadHeader{"{'descr': '<U1', 'fortran_order': False, 'shape': (6,)}", unsupported, "unicode string"},
      BadHeader{"{'descr': '|V2', 'fortran_order': False, 'shape': (6,)}", unsupported, "structured or raw"},
      BadHeader{"{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (6,)}", unsupported, "datetime"},
      BadHeader{"{'descr': '<m8', 'fortran_order': False, 'shape': (6,)}", unsupported, "timedelta"},
      BadHeader{"{'descr': '<f16', 'fortran_order': False, 'shape': (6,)}", unsupported, "extended float"},
      BadHeader{"{'descr': '<i3', 'fortran_order': False, 'shape': (6,)}", unsupported, "unknown dtype '<i3'"},
      BadHeader{"{'descr': '', 'fortran_order': False, 'shape': (6,)}", unsupported, "unknown dtype ''"},
      BadHeader{"{'descr': '\x01', 'fortran_order': False, 'shape': (6,)}", unsupported, "unknown dtype '?'"},
      BadHeader{"{'descr': '<i2', 'fortran_order': False}", malformed, "key 'shape' is missing"},
      BadHeader{"{}", malformed, "key 'descr' is missing"},
      BadHeader{"{'descr': '<i2', 'descr': '<i2', 'fortran_order': False, 'shape': (6,)}", malformed, "occurs twice"},
      BadHeader{"{'descr': '<i2', 'fortran_order': False, 'shape': (6,), 'x': 1}", malformed, "unknown key 'x'"},
      BadHeader{"{'descr': '<i2', 'fortran_order': 0, 'shape': (6,)}", malformed, "True or False"},
      BadHeader{"{'descr': '<i2', 'fortran_order': False, 'shape': (6)}", malformed, "','"},
      BadHeader{"{'descr': '<i2', 'fortran_order': False, 'shape': 6}", malformed, "tuple"},
      BadHeader{"{'descr': '<i2', 'fortran_order': False, 'shape': (-6,)}", malformed, "without sign"},
      BadHeader{"{'descr': '<i2', 'fortran_order': False, 'shape': (06,)}", malformed, "decimal number"},
      BadHeader{"{'descr': '<i2', 'fortran_order': False, 'shape': (,)}", malformed, "decimal number"},
      BadHeader{"{'descr': '<i2', 'fortran_order': False, 'shape': (9223372036854775808,)}", malformed, "beyond 2^63"},
      BadHeader{"{'descr': '<i2', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", malformed, "2^62"},
      BadHeader{"{'descr': '<i2', 'fortran_order': False, 'shape': (7,)}", malformed, "12 bytes follow"},
      BadHeader{"{'descr': '<i2', 'fortran_order': False, 'shape': (5,)}", malformed, "12 bytes follow"},
      BadHeader{"{'descr': '<i2', 'fortran_order': False, 'shape': (4294967296,)}", malformed, "12 bytes follow"},
      BadHeader{"{'descr': '<f8', 'fortran_order': False, 'shape': (2305843009213693952,)}", malformed,
                "12 bytes follow"},
      BadHeader{"{'descr': '<i2', 'fortran_order': False, 'shape': (0, 2305843009213693952)}", malformed,
                "12 bytes follow"},
      BadHeader{"{'descr': '<i2', 'fortran_order': False, 'shape': (6,)} x", malformed, "nothing after the dictionary"},
      BadHeader{"{'descr': '<i2', 'fortran_order': False, 'shape': (6,)", malformed, "its end"},
      BadHeader{"{'descr': '<i2', 'fortran_order: False, 'shape': (6,)}", malformed,
                "unknown key 'fortran_order: False, '"},
      BadHeader{"{'descr': '<i2\\'', 'fortran_order': False, 'shape': (6,)}", malformed, "quoted string"},
      BadHeader{"{,}", malformed, "a key"},
      BadHeader{"", malformed, "a dictionary"},
      BadHeader{"['descr']", malformed, "a dictionary"},
  };
  for (const BadHeader& bad : cases) {
    const auto result = parse_npy(Bytes(npy_file(bad.header, six_numbers)));
    ASSERT_FALSE(result) << bad.header;
    EXPECT_EQ(result.error().category, bad.category) << bad.header;
    EXPECT_NE(result.error().message.find(bad.message), std::string::npos)
        << bad.header << " gives: " << result.error().message;
  }
}

TEST(Npy, ErrorsPointIntoTheFile) {
  const auto result = parse_npy(Bytes(npy_file("{'descr': '<i2', 'fortran_order': None, 'shape': (6,)}", six_numbers)));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().location.offset, 10u + 34) << "None";
}

TEST(Npy, OtherFilesAndVersionsAreRefused) {
  for (const ByteVector& file : {ByteVector{}, bytes_of("PK\3\4 not an array"), bytes_of("\x93NUMPX\1\0\0\0")}) {
    const auto result = parse_npy(Bytes(file));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().category, ErrorCategory::malformed_input);
  }
  for (const auto& [major, minor] : {std::pair{0, 0}, std::pair{4, 0}, std::pair{1, 1}, std::pair{255, 255}}) {
    ByteVector file = npy_file("{'descr': '<i2', 'fortran_order': False, 'shape': (6,)}", six_numbers);
    file[6] = static_cast<std::uint8_t>(major);
    file[7] = static_cast<std::uint8_t>(minor);
    const auto result = parse_npy(Bytes(file));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().category, ErrorCategory::unsupported) << result.error().to_string();
  }
  ByteVector file = npy_file("{}", {}, 2);
  file[8] = file[9] = file[10] = file[11] = 0xff;
  EXPECT_FALSE(parse_npy(Bytes(file))) << "a header of 4 GB";
  EXPECT_FALSE(read_npy("/nonexistent.npy"));
}

// The bytes of `numpy.save(file, numpy.array([1, 2, 3], '<f2'))`, NumPy 1.24.
TEST(Npy, WritesWhatNumPyWrites) {
  const Tensor tensor = Tensor::from_floats({3}, std::array{1.0F, 2.0F, 3.0F}, ElementType::float16);
  const auto file = format_npy(tensor);
  ASSERT_TRUE(file);
  std::string expected("\x93NUMPY\1\0\x76\0", 10);
  expected += "{'descr': '<f2', 'fortran_order': False, 'shape': (3,), }";
  expected.resize(127, ' ');
  expected += '\n';
  expected += std::string("\0\x3c\0\x40\0\x42", 6);
  EXPECT_EQ(*file, bytes_of(expected));
}

TEST(Npy, TypesWithoutDtypeAreNotWritten) {
  const auto tensor = Tensor::create(ElementType::e4m3, {2}, Bytes({1, 2}));
  ASSERT_TRUE(tensor);
  const auto file = format_npy(*tensor);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().category, ErrorCategory::unsupported);
}

TEST(Npy, LongHeadersTakeVersion2) {
  Shape shape(30000, 1);
  const Tensor tensor = Tensor::from_floats(shape, std::array{1.0F}, ElementType::float32);
  const auto file = format_npy(tensor);
  ASSERT_TRUE(file);
  EXPECT_EQ((*file)[6], 2);
  EXPECT_EQ((file->size() - 4) % 64, 0u);
  EXPECT_EQ(must_parse(*file).shape, shape);
}

// Every dtype, rank, order and byte order, and every version of the format: what is read and written again must be what
// numpy.save makes of the same array in C order and little-endian.
TEST(Npy, NumPysFilesReadAndWriteAgainTheSame) {
  OPENANE_NEEDS_NUMPY();
  const test::TemporaryFolder folder;
  ASSERT_TRUE(test::run_numpy(folder, R"(
rng = np.random.default_rng(1)
n = 0
def save(a, version=None):
    global n
    with open('in_%d.npy' % n, 'wb') as f:
        np.lib.format.write_array(f, a, version)
    plain = np.ascontiguousarray(a.astype(a.dtype.newbyteorder('<'))).reshape(a.shape)
    np.save('out_%d.npy' % n, plain)
    n += 1
shapes = [(), (0,), (1,), (3,), (123456,), (2, 3), (1, 5), (5, 1), (70, 100), (4, 1, 5), (2, 3, 4, 5), (1, 64, 33), (33, 2, 64), (0, 3), (3, 0, 2), (1, 1, 1), (2,) * 9, (3, 1, 2, 1, 4)]
for d in ['?', 'i1', 'u1', '<i2', '>i2', '<u2', '>u2', '<i4', '>i4', '<u4', '>u4', '<i8', '>i8', '<u8', '>u8', '<f2', '>f2', '<f4', '>f4', '<f8', '>f8']:
    for shape in shapes:
        for order in 'CF':
            a = np.frombuffer(rng.bytes(int(np.prod(shape)) * np.dtype(d).itemsize), 'u1')
            a = (a & 1).astype('?') if d == '?' else a.view(d)
            save(np.array(a.reshape(shape), order=order), None if n % 4 == 0 else (n % 4, 0))
open('count', 'w').write(str(n))
)"));
  int count = 0;
  std::ifstream(folder.file("count")) >> count;
  ASSERT_EQ(count, 21 * 18 * 2);
  for (int i = 0; i < count; ++i) {
    const auto tensor = read_npy(folder.file("in_" + std::to_string(i) + ".npy"));
    ASSERT_TRUE(tensor) << i << ": " << tensor.error().to_string();
    ASSERT_TRUE(write_npy(folder.file("ours.npy"), *tensor));
    const auto ours = read_file(folder.file("ours.npy"));
    const auto numpys = read_file(folder.file("out_" + std::to_string(i) + ".npy"));
    ASSERT_TRUE(ours && numpys);
    ASSERT_EQ(*ours, *numpys) << "file " << i << ", shape " << to_string(tensor->shape) << ", "
                              << to_string(tensor->type);
  }
}

TEST(Npy, DamagedFilesGiveAValueOrAnError) {
  const std::array files = {
      npy_file("{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }    \n", six_numbers),
      npy_file("{'descr': '>f4', 'fortran_order': True, 'shape': (1L, 3), }\n", six_numbers, 2),
      npy_file("{\"shape\": (), \"fortran_order\": True, \"descr\": \"|b1\"}", {1}, 3),
      npy_file("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 4)}", {}),
  };
  for (const ByteVector& file : files) {
    test::for_each_damage(file, file.size(), [](ByteVector damaged) {
      const auto tensor = parse_npy(Bytes(std::move(damaged)));
      if (tensor) {
        test::expect_sound(*tensor);
      } else {
        EXPECT_FALSE(tensor.error().message.empty());
      }
    });
  }
}

}  // namespace
}  // namespace openane
