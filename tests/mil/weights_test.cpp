// Weight files against the records of real ones (corpus/coreml/blobs.toml), and against the layout's rules.
#include "openane/mil_weights.h"

#include <gtest/gtest.h>

#include <toml++/toml.h>
#include <random>

#include "base/byte_reader.h"
#include "base/sha256.h"
#include "mil/corpus.h"

namespace openane::mil {
namespace {

/// Writers before sub-byte types left whatever memory held in the 40 bytes behind the data offset; newer ones write
/// zeros.
Bytes without_leftovers(const Bytes& file, const std::vector<WeightRecord>& records) {
  std::vector<std::uint8_t> copy(file.data(), file.data() + file.size());
  for (const WeightRecord& record : records) {
    std::fill_n(copy.begin() + static_cast<std::ptrdiff_t>(record.offset) + 24, 40, std::uint8_t{0});
  }
  return Bytes(std::move(copy));
}

TEST(MilWeights, EveryRecordOfTheCorpusAndOurWriterGivesTheSameBytes) {
  OPENANE_NEED_CORPUS(root);
  const toml::table blobs = toml::parse_file((*root / "coreml" / "blobs.toml").string());
  std::size_t checked = 0;
  std::vector<std::string> leftovers;
  for (const auto& node : *blobs["blob"].as_array()) {
    const toml::table& blob = *node.as_table();
    const std::string name = *blob["file"].value<std::string>();
    const Result<Bytes> bytes = read_file((*root / name).string());
    ASSERT_TRUE(bytes) << name;
    const Result<WeightFile> file = WeightFile::open(*bytes);
    ASSERT_TRUE(file) << name;
    const Result<std::vector<WeightRecord>> records = file->records();
    ASSERT_TRUE(records) << name << records.error().to_string();
    const toml::array& expected = *blob["records"].as_array();
    ASSERT_EQ(records->size(), expected.size()) << name;
    EXPECT_EQ(file->declared_count(), expected.size()) << name;
    WeightWriter writer;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const toml::array& row = *expected[i].as_array();
      const WeightRecord& record = (*records)[i];
      EXPECT_EQ(record.offset, row[0].value<std::uint64_t>()) << name;
      EXPECT_EQ(to_string(record.type), row[1].value<std::string>()) << name;
      EXPECT_EQ(record.data.size(), row[2].value<std::uint64_t>()) << name;
      const auto padding = static_cast<std::uint64_t>(*row[3].value<std::int64_t>());
      EXPECT_EQ(load_le<std::uint64_t>(bytes->data() + record.offset + 24), padding) << name;
      EXPECT_EQ(record.padding_bits, info(record.type).bits < 8 ? padding : 0) << name;
      EXPECT_EQ(sha256_hex(record.data.span()).substr(0, 16), row[4].value<std::string>()) << name;
      EXPECT_EQ(*writer.add(record.type, record.element_count(), record.data), record.offset) << name;
      ++checked;
    }
    const bool same = Bytes(writer.finish()) == *bytes;
    if (!same) {
      leftovers.push_back(name.substr(7, name.find(".mlpackage") - 7));
      EXPECT_TRUE(Bytes(writer.finish()) == without_leftovers(*bytes, *records)) << name;
    }
  }
  EXPECT_EQ(leftovers, (std::vector<std::string>{"basic-pitch/nmp", "dtln-aec/DTLN_AEC_128_Part1"}));
  EXPECT_GT(checked, 400U);
}

Bytes random_bytes(std::size_t size, std::mt19937& random) {
  std::vector<std::uint8_t> data(size);
  for (std::uint8_t& byte : data) {
    byte = static_cast<std::uint8_t>(random());
  }
  return Bytes(std::move(data));
}

TEST(MilWeights, EveryTypeSurvives) {
  std::mt19937 random(7);
  WeightWriter writer;
  struct Added {
    DataType type;
    std::uint64_t count;
    std::uint64_t offset;
    Bytes data;
  };
  std::vector<Added> added;
  for (const DataTypeInfo& row : data_types()) {
    for (const std::uint64_t count : {0U, 1U, 5U, 8U, 63U, 1000U}) {
      Bytes data = random_bytes(packed_bytes(row.type, count).value_or(0), random);
      const Result<std::uint64_t> offset = writer.add(row.type, count, data);
      EXPECT_EQ(offset.has_value(), row.blob != 0) << row.name;
      if (offset) {
        EXPECT_EQ(*offset % 64, 0U);
        added.push_back({row.type, count, *offset, data});
      }
    }
  }
  const Result<WeightFile> file = WeightFile::open(Bytes(writer.finish()));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->declared_count(), added.size());
  EXPECT_EQ(file->records()->size(), added.size());
  for (const Added& expected : added) {
    const Result<WeightRecord> record = file->record(expected.offset);
    ASSERT_TRUE(record) << record.error().to_string();
    EXPECT_EQ(record->type, expected.type);
    EXPECT_EQ(record->element_count(), expected.count) << to_string(expected.type);
    EXPECT_TRUE(record->data == expected.data);
  }
}

TEST(MilWeights, ChunkedFilesAreWalkedPastTheirCount) {
  WeightWriter writer(WeightLayout::chunked);
  std::mt19937 random(1);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(writer.add(DataType::fp16, 32, random_bytes(64, random)));
  }
  const Result<WeightFile> file = WeightFile::open(Bytes(writer.finish()));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->declared_count(), 1U);
  const Result<std::vector<WeightRecord>> records = file->records();
  ASSERT_TRUE(records);
  ASSERT_EQ(records->size(), 3U);
  EXPECT_EQ((*records)[1].offset, 64U + 64 + 64);
  EXPECT_EQ((*records)[2].offset, 64U + 2 * 128);
}

std::vector<std::uint8_t> one_record(DataType type, std::uint64_t count) {
  WeightWriter writer;
  EXPECT_TRUE(writer.add(type, count, Bytes(std::vector<std::uint8_t>(*packed_bytes(type, count)))));
  return writer.finish();
}

std::string open_error(std::vector<std::uint8_t> data) {
  const Result<WeightFile> file = WeightFile::open(Bytes(std::move(data)));
  if (!file) {
    return file.error().to_string();
  }
  const Result<std::vector<WeightRecord>> records = file->records();
  return records ? std::string() : records.error().to_string();
}

TEST(MilWeights, LookAlikesAreRefusedWithTheReason) {
  std::vector<std::uint8_t> data = one_record(DataType::fp16, 4);
  const auto with = [&](std::size_t at, auto value) {
    std::vector<std::uint8_t> copy = data;
    store_le(copy.data() + at, value);
    return open_error(copy);
  };
  EXPECT_EQ(open_error(data), "");
  EXPECT_EQ(open_error({}),
            "at 0x0: malformed input: a weight file starts with a header of 64 bytes, this one has 0 in all");
  EXPECT_EQ(with(4, std::uint32_t{1}),
            "at 0x4: malformed input: a weight file of version 1 (Espresso's); only version 2 is read");
  EXPECT_EQ(with(0, std::uint32_t{2}),
            "at 0xc0: malformed input: weight record needs 64 bytes, but the input ends at 0x88");
  EXPECT_EQ(with(64, std::uint32_t{0}),
            "at 0x40: malformed input: no weight record here: expected 0xdeadbeef, found 0x00000000");
  EXPECT_EQ(with(68, std::uint32_t{18}),
            "at 0x44: malformed input: unknown type code 18 in a weight record, expected 1 to 17");
  EXPECT_EQ(with(72, std::uint64_t{9}),
            "at 0x48: malformed input: weight data of 9 bytes at 128, outside the file of 136 bytes");
  EXPECT_EQ(with(80, std::uint64_t{0}),
            "at 0x48: malformed input: weight data of 8 bytes at 0, outside the file of 136 bytes");
  EXPECT_EQ(
      with(72, ~std::uint64_t{0}),
      "at 0x48: malformed input: weight data of 18446744073709551615 bytes at 128, outside the file of 136 bytes");
  // A public experiment writes 64-bit words in its header.
  std::vector<std::uint8_t> wide(64);
  store_le(wide.data(), std::uint64_t{1});
  store_le(wide.data() + 8, std::uint64_t{2});
  EXPECT_NE(open_error(wide).find("the header has 64-bit words"), std::string::npos);
}

TEST(MilWeights, TypeAndSizeMustAgreeWithTheProgram) {
  Weights weights;
  weights.add(std::string(kWeightPath), *WeightFile::open(Bytes(one_record(DataType::uint3, 5))));
  const auto resolve = [&](const Type& type, std::uint64_t offset, std::string path = std::string(kWeightPath)) {
    const Result<Bytes> data = weights.resolve(Value::blob(type, {std::move(path), offset}));
    return data ? std::to_string(data->size()) : data.error().to_string();
  };
  EXPECT_EQ(resolve(Type::tensor(DataType::uint3, {5}), 64), "2");
  EXPECT_EQ(resolve(Type::tensor(DataType::uint3, {4}), 64),
            "@model_path/weights/weight.bin: at 0x40: malformed input: the weight record holds 5 elements, the program "
            "expects tensor<uint3, [4]>");
  EXPECT_EQ(resolve(Type::tensor(DataType::uint4, {5}), 64),
            "@model_path/weights/weight.bin: at 0x40: malformed input: the weight record holds uint3, the program "
            "expects tensor<uint4, [5]>");
  EXPECT_EQ(resolve(Type::tensor(DataType::uint3, {5}), 128),
            "@model_path/weights/weight.bin: at 0x80: malformed input: weight record needs 64 bytes, but the input "
            "ends at 0x82");
  EXPECT_EQ(resolve(Type::tensor(DataType::uint3, {5}), 64, "@model_path/other.bin"),
            "system: no weight file '@model_path/other.bin' beside this program");
}

TEST(MilWeights, RandomEditsNeverReadOutside) {
  std::mt19937 random(11);
  WeightWriter writer;
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(writer.add(DataType::uint3, 100, random_bytes(38, random)));
  }
  const std::vector<std::uint8_t> good = writer.finish();
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::uint8_t> edited = good;
    for (int i = 0; i < 3; ++i) {
      edited[random() % edited.size()] = random() % 3 == 0 ? 0xff : static_cast<std::uint8_t>(random());
    }
    if (random() % 4 == 0) {
      edited.resize(random() % edited.size());
    }
    const Result<WeightFile> file = WeightFile::open(Bytes(edited));
    if (!file) {
      continue;
    }
    const Result<std::vector<WeightRecord>> records = file->records();
    std::uint32_t sum = 0;
    for (const WeightRecord& record : records ? *records : std::vector<WeightRecord>{}) {
      for (const std::uint8_t byte : record.data.span()) {
        sum += byte;
      }
    }
    ASSERT_GE(sum, 0U);
  }
}

TEST(Sha256, PublishedVectors) {
  const auto hash = [](std::string_view text) {
    return sha256_hex({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  };
  EXPECT_EQ(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hash(std::string(1000000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

}  // namespace
}  // namespace openane::mil
