// .npz archives: NumPy's and Python's, ours read by both, hostile and damaged ones.
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <numeric>

#include "base/byte_reader.h"
#include "npy_bytes.h"
#include "numpy.h"
#include "openane/npy.h"
#include "tensor/zip.h"

namespace openane {
namespace {

using test::ByteVector;
using test::from_hex;

// numpy.savez_compressed(file, x=numpy.arange(3, dtype='<f2'), y=numpy.zeros(40, 'u1')), NumPy 1.24 on Python 3.11.
constexpr std::string_view kCompressed =
    "504b030414000000080000002100ed808d414a0000008600000005001400782e6e70790100100086000000000000004a00000000000000"
    "9bec17ea1b10c9c850c650ad9e925a9c5ca46ea5a06e9366a4aea3a09e965f54529498179f5f94920a12774bcc294e058a17672416a402"
    "f91ac63a9a3a0ab50a14002e0606061b060700504b030414000000080000002100f091043148000000a800000005001400792e6e707901"
    "001000a80000000000000048000000000000009bec17ea1b10c9c850c650ad9e925a9c5ca46ea5a05e536aa8aea3a09e965f5452949817"
    "9f5f94920a12774bcc294e058a17672416a402f91a26063a9a3a0ab50ae4032e06220100504b0102140314000000080000002100ed808d"
    "414a00000086000000050000000000000000000000800100000000782e6e7079504b0102140314000000080000002100f0910431480000"
    "00a8000000050000000000000000000000800181000000792e6e7079504b0506000000000200020066000000000100000000";
constexpr std::size_t kFirstCentral = 0x100;

// numpy.savez(file, x=numpy.arange(3, dtype='<f2')): the local header has a zip64 field that nothing refers to.
constexpr std::string_view kStored =
    "504b030414000000000000002100ed808d41860000008600000005001400782e6e70790100100086000000000000008600000000000000"
    "934e554d5059010076007b276465736372273a20273c6632272c2027666f727472616e5f6f72646572273a2046616c73652c2027736861"
    "7065273a2028332c292c207d20202020202020202020202020202020202020202020202020202020202020202020202020202020202020"
    "20202020202020202020202020202020200a0000003c0040504b0102140314000000000000002100ed808d418600000086000000050000"
    "000000000000000000800100000000782e6e7079504b0506000000000100010033000000bd0000000000";

Tensor counting(const Shape& shape, ElementType type) {
  std::vector<float> values(static_cast<std::size_t>(element_count(shape).value()));
  std::iota(values.begin(), values.end(), 0.0F);
  return Tensor::from_floats(shape, values, type);
}

ByteVector join(const ZipImage& image) {
  ByteVector bytes;
  for (const auto part : image.parts) {
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  return bytes;
}

Error must_fail(ByteVector file) {
  const auto result = parse_npz(Bytes(std::move(file)));
  EXPECT_FALSE(result);
  return result ? Error{} : result.error();
}

TEST(Npz, ReadsNumPysArchives) {
  for (const std::string_view hex : {kCompressed, kStored}) {
    const auto tensors = parse_npz(Bytes(from_hex(hex)));
    ASSERT_TRUE(tensors) << tensors.error().to_string();
    EXPECT_EQ((*tensors)[0].name, "x");
    EXPECT_EQ((*tensors)[0].tensor.type, ElementType::float16);
    EXPECT_EQ((*tensors)[0].tensor.data, counting({3}, ElementType::float16).data);
  }
  const auto both = parse_npz(Bytes(from_hex(kCompressed)));
  ASSERT_EQ(both->size(), 2u);
  EXPECT_EQ((*both)[1].name, "y");
  EXPECT_EQ((*both)[1].tensor.data, Bytes(ByteVector(40)));
}

TEST(Npz, WritesWhatItReads) {
  const test::TemporaryFolder folder;
  const std::vector<NamedTensor> tensors = {{"a", counting({2, 3}, ElementType::float32)},
                                            {"folder/b with space", counting({}, ElementType::int64)},
                                            {"", counting({0, 4}, ElementType::uint8)}};
  ASSERT_TRUE(write_npz(folder.file("a.npz"), tensors));
  const auto file = read_file(folder.file("a.npz"));
  ASSERT_TRUE(file);
  const auto back = parse_npz(*file);
  ASSERT_TRUE(back) << back.error().to_string();
  ASSERT_EQ(back->size(), tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ((*back)[i].name, tensors[i].name);
    EXPECT_EQ((*back)[i].tensor.shape, tensors[i].tensor.shape);
    EXPECT_EQ((*back)[i].tensor.data, tensors[i].tensor.data);
    const auto offset = (*back)[i].tensor.data.data() - file->data();
    EXPECT_TRUE(offset >= 0 && offset <= static_cast<std::ptrdiff_t>(file->size())) << "used in place";
    EXPECT_EQ(offset % 64, 0);
  }
  ASSERT_TRUE(write_npz(folder.file("empty.npz"), {}));
  const auto empty = read_npz(folder.file("empty.npz"));
  ASSERT_TRUE(empty) << empty.error().to_string();
  EXPECT_TRUE(empty->empty());
}

TEST(Npz, NamesMustDiffer) {
  const test::TemporaryFolder folder;
  const std::vector<NamedTensor> twice = {{"a", counting({1}, ElementType::int8)},
                                          {"a", counting({2}, ElementType::int8)}};
  const auto result = write_npz(folder.file("a.npz"), twice);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().category, ErrorCategory::usage);
  EXPECT_FALSE(std::filesystem::exists(folder.file("a.npz")));

  const auto npy = format_npy(twice[0].tensor);
  ASSERT_TRUE(npy);
  const std::array sources = {ZipSource{"a.npy", {*npy}}, ZipSource{"a.npy", {*npy}}};
  EXPECT_NE(must_fail(join(*format_zip(sources))).message.find("two members are named 'a.npy'"), std::string::npos);
}

TEST(Npz, OtherMembersAreNamed) {
  const ByteVector text = test::bytes_of("hello");
  EXPECT_NE(must_fail(join(*format_zip(std::array{ZipSource{"read.me", {text}}}))).message.find("read.me"),
            std::string::npos);
  const Error inner = must_fail(join(*format_zip(std::array{ZipSource{"x.npy", {text}}})));
  EXPECT_NE(inner.message.find("member 'x.npy'"), std::string::npos) << inner.message;
  EXPECT_EQ(inner.location.offset, 64u) << "errors in stored members point into the archive";
}

TEST(Npz, DamageIsFoundByTheChecksum) {
  ByteVector stored = from_hex(kStored);
  stored[0xb8] ^= 1;
  EXPECT_NE(must_fail(stored).message.find("checksum"), std::string::npos);
  ByteVector compressed = from_hex(kCompressed);
  compressed[kFirstCentral + 16] ^= 1;
  EXPECT_NE(must_fail(compressed).message.find("checksum"), std::string::npos);
}

TEST(Npz, UnsupportedMethodsAndEncryptionAreNamed) {
  ByteVector file = from_hex(kCompressed);
  file[kFirstCentral + 10] = 12;
  const Error method = must_fail(file);
  EXPECT_EQ(method.category, ErrorCategory::unsupported);
  EXPECT_NE(method.message.find("bzip2"), std::string::npos);
  file = from_hex(kCompressed);
  file[kFirstCentral + 8] = 1;
  EXPECT_NE(must_fail(file).message.find("encrypted"), std::string::npos);
}

TEST(Npz, ImpossibleSizesAreRefusedBeforeInflating) {
  const auto with_size = [](std::uint32_t size) {
    ByteVector file = from_hex(kCompressed);
    store_le(file.data() + kFirstCentral + 24, size);
    return must_fail(file).message;
  };
  EXPECT_NE(with_size(0xfffffffe).find("deflate cannot make 4294967294 bytes of 74"), std::string::npos);
  EXPECT_NE(with_size(74 * 1032 + 1032).find("deflate cannot"), std::string::npos);
  EXPECT_NE(with_size(74 * 1032).find("damaged or not"), std::string::npos);
  EXPECT_NE(with_size(135).find("damaged or not"), std::string::npos);
  EXPECT_NE(with_size(133).find("damaged or not"), std::string::npos);
  EXPECT_NE(with_size(0).find("damaged or not"), std::string::npos);
  ByteVector stored = from_hex(kStored);
  store_le(stored.data() + 0xbd + 24, std::uint32_t{0x87});
  EXPECT_NE(must_fail(stored).message.find("stored member"), std::string::npos);
}

// The trick of the best zip bombs: many directory entries for the same data.
TEST(Npz, OverlappingMembersAreRefused) {
  ByteVector file = from_hex(kStored);
  const std::size_t central = 0xbd;
  const std::size_t end = file.size() - 22;
  const ByteVector entry(file.begin() + central, file.begin() + static_cast<std::ptrdiff_t>(end));
  file.insert(file.begin() + static_cast<std::ptrdiff_t>(end), entry.begin(), entry.end());
  std::uint8_t* record = file.data() + file.size() - 22;
  store_le(record + 8, std::uint16_t{2});
  store_le(record + 10, std::uint16_t{2});
  store_le(record + 12, static_cast<std::uint32_t>(2 * entry.size()));
  EXPECT_NE(must_fail(file).message.find("overlap"), std::string::npos);
}

TEST(Npz, DamagedArchivesGiveAValueOrAnError) {
  const std::vector<ZipSource> none;
  const auto npy = format_npy(counting({2}, ElementType::float16));
  ASSERT_TRUE(npy);
  const std::array two = {ZipSource{"a.npy", {*npy}}, ZipSource{"b.npy", {*npy}}};
  const std::array files = {from_hex(kCompressed), from_hex(kStored), join(*format_zip(none)), join(*format_zip(two)),
                            join(*format_zip(two, 10))};
  for (const ByteVector& file : files) {
    ASSERT_TRUE(parse_npz(Bytes(file)));
    test::for_each_damage(file, file.size(), [](ByteVector damaged) {
      const auto tensors = parse_npz(Bytes(std::move(damaged)));
      if (!tensors) {
        EXPECT_FALSE(tensors.error().message.empty());
        return;
      }
      for (const NamedTensor& named : *tensors) {
        test::expect_sound(named.tensor);
      }
    });
  }
}

// The same arrays by every way Python has of packing them.
TEST(Npz, PythonsArchivesRead) {
  OPENANE_NEEDS_NUMPY();
  const test::TemporaryFolder folder;
  ASSERT_TRUE(test::run_numpy(folder, R"(
import io, zipfile
rng = np.random.default_rng(1)
arrays = {'zeros': np.zeros((300, 1000), '<f4'), 'noise': rng.integers(0, 65536, (77, 101)).astype('<u2'),
          'fortran': np.asfortranarray(rng.random((30, 40))), 'scalar': np.array(True), 'empty': np.zeros((0, 3), 'i1')}
for name, array in arrays.items():
    np.save(name, np.ascontiguousarray(array).reshape(array.shape))
np.savez('stored', **arrays)
np.savez_compressed('deflated', **arrays)
def pack(file, **options):
    with zipfile.ZipFile(file, 'w', zipfile.ZIP_DEFLATED, **options) as z:
        z.comment = b'PK\x05\x06 a comment that looks like an end record'
        for name in arrays:
            z.write(name + '.npy')
class Stream(io.RawIOBase):  # cannot seek: sizes go to data descriptors
    def __init__(self, path): self.f = open(path, 'wb')
    def writable(self): return True
    def write(self, data): return self.f.write(data)
for level in [0, 1, 9]:
    pack('level%d.npz' % level, compresslevel=level)
pack(Stream('streamed.npz'))
zipfile.ZIP64_LIMIT = 10
pack('zip64.npz')
pack(Stream('streamed64.npz'))
)"));
  for (const std::string archive :
       {"stored", "deflated", "level0", "level1", "level9", "streamed", "zip64", "streamed64"}) {
    SCOPED_TRACE(archive);
    const auto tensors = read_npz(folder.file(archive + ".npz"));
    ASSERT_TRUE(tensors) << tensors.error().to_string();
    ASSERT_EQ(tensors->size(), 5u);
    for (const NamedTensor& named : *tensors) {
      const auto expected = read_npy(folder.file(named.name + ".npy"));
      ASSERT_TRUE(expected) << expected.error().to_string();
      EXPECT_EQ(named.tensor.type, expected->type);
      EXPECT_EQ(named.tensor.shape, expected->shape);
      EXPECT_EQ(named.tensor.data, expected->data) << named.name;
    }
  }
}

TEST(Npz, PythonReadsOurs) {
  OPENANE_NEEDS_NUMPY();
  const test::TemporaryFolder folder;
  const std::vector<NamedTensor> tensors = {{"x", counting({3, 4}, ElementType::float16)},
                                            {"sch\xc3\xb6n", counting({5}, ElementType::int32)},
                                            {"none", counting({0}, ElementType::boolean)}};
  ASSERT_TRUE(write_npz(folder.file("plain.npz"), tensors));
  std::vector<ByteVector> files;
  files.reserve(tensors.size());
  std::vector<ZipSource> sources;
  sources.reserve(tensors.size());
  for (const NamedTensor& named : tensors) {
    files.push_back(*format_npy(named.tensor));
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    sources.push_back({tensors[i].name + ".npy", {files[i]}});
  }
  ASSERT_TRUE(write_file(folder.file("zip64.npz"), format_zip(sources, 10)->parts));
  ASSERT_TRUE(test::run_numpy(folder, R"(
import zipfile
for path in ['plain.npz', 'zip64.npz']:
    assert zipfile.ZipFile(path).testzip() is None
    z = np.load(path)
    assert z.files == ['x', 'schön', 'none'], z.files
    assert z['x'].dtype == '<f2' and (z['x'] == np.arange(12).reshape(3, 4)).all()
    assert z['schön'].dtype == '<i4' and (z['schön'] == np.arange(5)).all()
    assert z['none'].dtype == '?' and z['none'].shape == (0,)
assert open('zip64.npz', 'rb').read().count(b'PK\x06\x06') == 1
)"));
}

}  // namespace
}  // namespace openane
