// Streams of the vendor compiler, generation by generation: every word has a name, and reading and writing gives the
// same words.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "sample_streams.h"

namespace openane {
namespace {

class SampleStreams : public testing::TestWithParam<test::SampleStream> {
 protected:
  static std::vector<PlacedTask> tasks() {
    const std::vector<std::uint8_t> bytes = GetParam().bytes();
    Result<std::vector<PlacedTask>> tasks = decode_tasks(*GetParam().generation, bytes, 0, 0, 0);
    if (!tasks) {
      ADD_FAILURE() << tasks.error().to_string();
      return {};
    }
    return *std::move(tasks);
  }
};

TEST_P(SampleStreams, EveryWordLandsOnANamedRegister) {
  std::map<std::string, std::uint32_t> unnamed;
  std::size_t words = 0;
  for (const PlacedTask& placed : tasks()) {
    const Task& task = placed.task;
    for (std::uint32_t i = 0; i < task.header_size(); ++i) {
      unnamed[std::string(task.generation().header[i].name)] |=
          task.header(i) & ~task.generation().header[i].named_bits();
    }
    words += task.header_size();
    for (const Record& record : task.records()) {
      words += 1 + record.count;
      for (std::uint32_t i = 0; i < record.count; ++i) {
        const Register* row = task.generation().find(record.address_of(i));
        ASSERT_NE(row, nullptr) << std::hex << record.address_of(i);
        EXPECT_EQ(row->status, RegisterStatus::named) << row->name;
        unnamed[std::string(task.generation().block_of(row->address)->name) + "." + std::string(row->name)] |=
            task.words()[record.first + i] & ~row->named_bits();
      }
    }
  }
  std::erase_if(unnamed, [](const auto& entry) { return entry.second == 0; });
  // The two bits that registers/README.md lists; the programs without a CacheDma block cannot set them.
  if (unnamed.contains("CacheDma.Backoff")) {
    EXPECT_EQ(unnamed["CacheDma.Backoff"], 0x20010000u);
    unnamed.erase("CacheDma.Backoff");
  }
  for (const auto& [name, bits] : unnamed) {
    ADD_FAILURE() << name << " has unnamed bits " << std::hex << bits;
  }
  // Nothing is skipped: what belongs to no task is the frame and less than 16 bytes before each later task.
  const std::size_t rest = GetParam().declared_words - GetParam().lead_in_words - words;
  EXPECT_LE(rest, 3 * (tasks().size() - 1));
}

TEST_P(SampleStreams, EncodesToTheSameBytes) {
  const std::vector<std::uint8_t> bytes = GetParam().bytes();
  const Result<std::vector<std::uint8_t>> again = encode_tasks(tasks(), frame_word(*GetParam().generation, bytes));
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(*again, bytes);
}

TEST_P(SampleStreams, RebuildsThroughTheInterface) {
  for (const PlacedTask& placed : tasks()) {
    const Result<Task> copy = test::rebuilt(placed.task);
    ASSERT_TRUE(copy) << copy.error().to_string();
    EXPECT_EQ(*copy, placed.task);
    EXPECT_TRUE(std::ranges::equal(copy->records(), placed.task.records()));
  }
}

TEST_P(SampleStreams, LinkingGivesTheDeclaredSizeAndHeaders) {
  if (GetParam().lead_in_words == 0 || GetParam().name == "v24 conv") {
    GTEST_SKIP() << "one task of a longer program: linked alone it gets another index and last flag";
  }
  std::vector<Task> loose;
  for (const PlacedTask& placed : tasks()) {
    loose.push_back(placed.task);
    // What linking must write: put something else there first.
    for (const FieldRef field : {loose.back().generation().roles.task_id, loose.back().generation().roles.task_words,
                                 loose.back().generation().roles.last}) {
      loose.back().set(field, field.width == 0 ? 0 : ~loose.back().get(field));
    }
  }
  const Result<std::vector<PlacedTask>> linked = link_tasks(std::move(loose));
  ASSERT_TRUE(linked) << linked.error().to_string();
  EXPECT_EQ(*linked, tasks());
  const Result<std::vector<std::uint8_t>> bytes = encode_tasks(*linked, GetParam().words.front());
  ASSERT_TRUE(bytes) << bytes.error().to_string();
  EXPECT_EQ(bytes->size(), std::size_t{4} * GetParam().declared_words);
  EXPECT_EQ(*bytes, GetParam().bytes());
}

TEST_P(SampleStreams, AddressPacketsSayWhereOperandsAre) {
  std::size_t operands = 0;
  for (const PlacedTask& placed : tasks()) {
    const AddressRegisters& at = placed.task.generation().addresses;
    for (const Record& record : placed.task.records()) {
      if (record.form != Record::Form::address) {
        continue;
      }
      const Register* first = placed.task.generation().find(record.address);
      ASSERT_NE(first, nullptr);
      EXPECT_NE(first->relocation, Relocation::none) << first->name;
      const bool operand = record.address == at.source1 || record.address == at.source2 ||
                           record.address == at.destination || record.address == at.kernel ||
                           record.address == at.table;
      // What is no operand's address is one word that the loader patches.
      EXPECT_TRUE(operand ? record.count == 2 : record.count == 1) << first->name;
      operands += operand ? 1 : 0;
    }
  }
  EXPECT_GT(operands, 0U);
}

std::string test_name(const testing::TestParamInfo<test::SampleStream>& sample) {
  std::string name = sample.param.name;
  std::ranges::replace(name, ' ', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Facts, SampleStreams, testing::ValuesIn(test::sample_streams()), test_name);

std::vector<PlacedTask> decode_sample(const std::string& name) {
  for (const test::SampleStream& stream : test::sample_streams()) {
    if (stream.name == name) {
      const std::vector<std::uint8_t> bytes = stream.bytes();
      return decode_tasks(*stream.generation, bytes, 0, 0, 0).value_or(std::vector<PlacedTask>{});
    }
  }
  return {};
}

TEST(AbsentRegister, IsTheTaskDefaultAndNeverTheTaskBefore) {
  const std::vector<PlacedTask> tasks = decode_sample("h14 matmul");
  ASSERT_EQ(tasks.size(), 2U);
  const Generation& h14 = tasks[0].task.generation();
  // Task 0 unicasts, task 1 leaves the word out; its H13 twin has 0x10001 (hwx-container.md 11.4).
  const std::uint32_t group = h14.find("Common.GroupConvCfg")->address;
  EXPECT_EQ(tasks[0].task.find(group), 0x14001u);
  EXPECT_EQ(tasks[1].task.find(group), std::nullopt);
  const std::optional<RegisterValue> value = tasks[1].task.value_of(group);
  ASSERT_TRUE(value);
  EXPECT_EQ(value->value, 0x10001u);
  EXPECT_FALSE(value->written);
  EXPECT_EQ(value->grade, Grade::guess);
  // Task 1 also leaves out the source block, and nobody knows what its format is then.
  const std::uint32_t format = h14.find("TileDmaSrc.Src1Fmt")->address;
  EXPECT_EQ(tasks[0].task.find(format), 0x01002031u);
  EXPECT_EQ(tasks[1].task.value_of(format), std::nullopt);
}

TEST(AbsentRegister, WidthOf256IsKnownOnH17) {
  const Generation& h17 = *find_generation("H17");
  const Register* width = h17.find("Common.InWidth");
  ASSERT_TRUE(width->fallback);
  EXPECT_EQ(width->fallback->value, 256u);
  EXPECT_EQ(width->fallback->grade, Grade::file);
}

}  // namespace
}  // namespace openane
