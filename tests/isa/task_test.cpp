// Task streams of every generation: random legal programs come back word for word, and what is not legal is refused by
// name.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <map>

#include "random_task.h"
#include "sample_streams.h"

namespace openane {
namespace {

using test::below;
using test::Random;
using test::random_task;
using test::some_words;

std::vector<const Generation*> decodable_generations() {
  std::vector<const Generation*> found;
  std::ranges::copy_if(generations(), std::back_inserter(found),
                       [](const Generation* g) { return g->stream != StreamForm::unknown; });
  return found;
}

class Generations : public testing::TestWithParam<const Generation*> {};

TEST_P(Generations, RandomProgramsComeBack) {
  for (std::uint32_t seed = 1; seed <= 2000; ++seed) {
    SCOPED_TRACE(testing::Message() << GetParam()->id << ", seed " << seed);
    Random random(seed);
    std::vector<Task> tasks(1 + below(random, 5));
    std::ranges::generate(tasks, [&random] { return random_task(random, *GetParam()); });
    const auto first_words = static_cast<std::uint32_t>(tasks.front().words().size());
    const auto count = static_cast<std::uint32_t>(tasks.size());
    const Result<std::vector<PlacedTask>> linked = link_tasks(std::move(tasks));
    ASSERT_TRUE(linked) << linked.error().to_string();
    const std::uint32_t frame = GetParam()->lead_in_bytes == 0 ? 0 : seed & 1;
    const Result<std::vector<std::uint8_t>> bytes = encode_tasks(*linked, frame);
    ASSERT_TRUE(bytes) << bytes.error().to_string();
    for (const std::uint32_t declared : {count, 0u}) {
      const Result<std::vector<PlacedTask>> again = decode_tasks(*GetParam(), *bytes, 0, first_words, declared);
      ASSERT_TRUE(again) << again.error().to_string();
      ASSERT_EQ(*again, *linked);
      for (std::size_t i = 0; i < again->size(); ++i) {
        const Task& task = (*again)[i].task;
        EXPECT_EQ(task.get(GetParam()->roles.task_id), i);
        EXPECT_TRUE(std::ranges::equal(task.records(), (*linked)[i].task.records()));
        const Result<Task> copy = test::rebuilt(task);
        ASSERT_TRUE(copy) << copy.error().to_string();
        EXPECT_EQ(*copy, task);
      }
    }
    ASSERT_EQ(*encode_tasks(*linked, frame_word(*GetParam(), *bytes)), *bytes);
  }
}

TEST_P(Generations, RegistersReadAsTheLastRecordWroteThem) {
  for (std::uint32_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(testing::Message() << GetParam()->id << ", seed " << seed);
    Random random(seed);
    Task task = random_task(random, *GetParam());
    std::map<std::uint32_t, std::uint32_t> written;  // an engine that executes the records one by one
    for (const Record& record : task.records()) {
      for (std::uint32_t i = 0; i < record.count; ++i) {
        written[record.address_of(i)] = task.words()[record.first + i];
      }
    }
    for (const Block& block : GetParam()->blocks) {
      for (const Register& row : block.registers) {
        const auto found = written.find(row.address);
        const std::optional<std::uint32_t> expected =
            found == written.end() ? std::nullopt : std::optional(found->second);
        EXPECT_EQ(task.find(row.address), expected) << row.name;
        const std::optional<RegisterValue> value = task.value_of(row.address);
        EXPECT_EQ(value && value->written, expected.has_value()) << row.name;
        if (!expected) {
          const bool known = row.fallback.has_value() || GetParam()->absent_is_zero;
          EXPECT_EQ(value.has_value(), known) << row.name;
        }
      }
    }
    for (const auto& [address, value] : written) {
      ASSERT_TRUE(task.set_word(address, ~value));
      EXPECT_EQ(task.find(address), ~value);
    }
    const Result<Task> again = Task::decode(*GetParam(), task.words());
    ASSERT_TRUE(again) << again.error().to_string();
    EXPECT_EQ(*again, task);
  }
}

TEST_P(Generations, EveryTruncationIsAnErrorOrAShorterProgram) {
  Random random(7);
  const Task task = random_task(random, *GetParam());
  const Result<std::vector<PlacedTask>> linked = link_tasks({task, random_task(random, *GetParam())});
  const std::vector<std::uint8_t> bytes = *encode_tasks(*linked);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const std::span<const std::uint8_t> cut(bytes.data(), size);
    const auto first_words = static_cast<std::uint32_t>(task.words().size());
    EXPECT_FALSE(decode_tasks(*GetParam(), cut, 0, first_words, 2)) << size;
    const Result<std::vector<PlacedTask>> any = decode_tasks(*GetParam(), cut, 0, first_words, 0);
    if (any) {
      EXPECT_EQ(any->size(), 1U) << size;
    } else {
      EXPECT_LT(any.error().location.offset.value_or(0), bytes.size()) << any.error().to_string();
    }
  }
}

TEST_P(Generations, WordsThatAreNoTaskNeverCrash) {
  Random random(11);
  for (int round = 0; round < 2000; ++round) {
    const std::vector<std::uint32_t> words = some_words(random, below(random, 80));
    const Result<Task> task = Task::decode(*GetParam(), words);
    if (task) {
      EXPECT_TRUE(std::ranges::equal(task->words(), words));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Generations, testing::ValuesIn(decodable_generations()),
                         [](const testing::TestParamInfo<const Generation*>& generation) {
                           return std::string(generation.param->id);
                         });

const Generation& generation(std::string_view name) { return *find_generation(name); }

TEST(Task, H12IsNotInvented) {
  const std::vector<std::uint32_t> words(83);
  const Result<Task> task = Task::decode(generation("H12"), words);
  ASSERT_FALSE(task);
  EXPECT_EQ(task.error().category, ErrorCategory::missing_specification);
  Task made(generation("H12"));
  EXPECT_FALSE(made.add_dense(0, words));
  const std::vector<std::uint8_t> bytes(4 * 83);
  EXPECT_EQ(decode_tasks(generation("H12"), bytes, 0, 83, 1).error().category, ErrorCategory::missing_specification);
  EXPECT_EQ(link_tasks({made}).error().category, ErrorCategory::missing_specification);
}

/// A task of H11 with hardware addresses of our choice: nobody has published the real ones.
Task h11_task(std::uint32_t kernel_base) {
  const Generation& h11 = generation("H11");
  Task task(h11);
  task.set_header(std::vector<std::uint32_t>(h11.header_words));
  std::uint32_t value = 1;
  for (std::size_t i = 0; i < h11.record_order.size(); ++i) {
    std::vector<std::uint32_t> values(h11.record_order[i].words);
    std::ranges::generate(values, [&value] { return value++; });
    EXPECT_TRUE(task.add_dense(kernel_base + 0x100 * static_cast<std::uint32_t>(i), values));
  }
  return task;
}

TEST(Task, H11RecordsAreMatchedByOrder) {
  const Task task = h11_task(0x12000);
  EXPECT_EQ(task.words().size(), 83U);  // h11.toml: 7 + 13 + 63
  const Generation& h11 = generation("H11");
  EXPECT_EQ(task.find(h11.find("KernelDma.BaseAddr3")->address), 11u);
  EXPECT_EQ(task.find(h11.find("Common.InDim")->address), 25u);
  EXPECT_EQ(task.find(h11.find("TileDmaDst.Fmt")->address), 63u);
  EXPECT_EQ(task.find(h11.find("Common.Spare0")->address), std::nullopt);
  // The hardware address stays what it was.
  EXPECT_EQ(task.records()[8].address, 0x12800u);
  EXPECT_EQ(task.records()[8].address_of(0), h11.find("Common.InDim")->address);
  const Result<Task> again = Task::decode(h11, task.words());
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(*again, task);
  EXPECT_EQ(again->find(h11.find("Common.InDim")->address), 25u);
}

TEST(Task, H11OfAnotherLayoutIsMissingSpecification) {
  const Task task = h11_task(0x12000);
  std::vector<std::uint32_t> words(task.words().begin(), task.words().end());
  words.push_back(0x20000);  // a fourteenth record
  words.push_back(1);
  Result<Task> decoded = Task::decode(generation("H11"), words);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().category, ErrorCategory::missing_specification);
  words.assign(task.words().begin(), task.words().end() - 6);  // twelve
  decoded = Task::decode(generation("H11"), words);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().category, ErrorCategory::missing_specification);
  Task copy = task;
  EXPECT_FALSE(copy.add_dense(0, words));
}

TEST(Task, H11SizesNeedNoDescriptor) {
  const Result<std::vector<PlacedTask>> linked = link_tasks({h11_task(0x100), h11_task(0x200)});
  ASSERT_TRUE(linked) << linked.error().to_string();
  EXPECT_EQ((*linked)[1].offset, 0x200u);
  const std::vector<std::uint8_t> bytes = *encode_tasks(*linked);
  EXPECT_EQ(*decode_tasks(generation("H11"), bytes, 0, 0, 2), *linked);
}

TEST(Task, RecordsThatNoFormCanCarryAreRefused) {
  const std::vector<std::uint32_t> one(1), many(65);
  for (const Generation* g : decodable_generations()) {
    SCOPED_TRACE(g->id);
    Task task(*g);
    EXPECT_FALSE(task.add_dense(2, one));
    EXPECT_FALSE(task.add_dense(0, many));
    EXPECT_FALSE(task.add_dense(0, {}));
    EXPECT_FALSE(task.add_dense(g->stream == StreamForm::linked ? 0x04000000 : 0x20000, one));
    EXPECT_FALSE(task.add_scatter(0, 3, one));
    EXPECT_FALSE(task.add_address(0, 64, one));
    EXPECT_EQ(task.words().size(), 0U);
    if (g->stream == StreamForm::linked) {
      EXPECT_FALSE(task.add_scatter(0, 0, one));
      EXPECT_FALSE(task.add_address(0, 0, one));
    }
  }
}

TEST(Task, PacketHeadersOutsideTheKnownFormsAreRefused) {
  const Generation& h16 = generation("H16");
  const auto decode = [&h16](std::uint32_t header) {
    std::vector<std::uint32_t> words(h16.header_words);
    words.push_back(header);
    words.push_back(0);
    return Task::decode(h16, words).has_value();
  };
  EXPECT_TRUE(decode(0x00001440));   // dense, one word
  EXPECT_TRUE(decode(0x80001440));   // scatter, base word alone
  EXPECT_TRUE(decode(0x22001340));   // address packet of slot 4
  EXPECT_FALSE(decode(0x40001440));  // bit 30
  EXPECT_FALSE(decode(0x00201440));  // dense with bit 21
  EXPECT_FALSE(decode(0x22201340));  // half a slot
  EXPECT_FALSE(decode(0x00009440));  // two words, one there
}

std::vector<std::uint8_t> sample_bytes(std::string_view name) {
  for (const test::SampleStream& stream : test::sample_streams()) {
    if (stream.name == name) {
      return stream.bytes();
    }
  }
  return {};
}

TEST(Walk, FrameAndPaddingMustBeZero) {
  const Generation& h14 = generation("H14");
  const std::vector<std::uint8_t> good = sample_bytes("h14 matmul");
  ASSERT_TRUE(decode_tasks(h14, good, 0, 0, 2));
  std::vector<std::uint8_t> bad = good;
  bad[12] = 1;
  EXPECT_FALSE(decode_tasks(h14, bad, 0, 0, 2));
  bad = good;
  bad.resize(bad.size() + 32);
  EXPECT_TRUE(decode_tasks(h14, bad, 0, 0, 0));
  bad.back() = 1;
  EXPECT_FALSE(decode_tasks(h14, bad, 0, 0, 0));
  EXPECT_TRUE(decode_tasks(h14, bad, 0, 0, 2));  // the program ends after its two tasks
}

TEST(Walk, DeclaredCountIsChecked) {
  const Generation& h14 = generation("H14");
  const std::vector<std::uint8_t> bytes = sample_bytes("h14 matmul");
  EXPECT_EQ(decode_tasks(h14, bytes, 0, 0, 1)->size(), 1U);
  EXPECT_FALSE(decode_tasks(h14, bytes, 0, 0, 3));
  const std::vector<std::uint8_t> zeros(4096);
  const Result<std::vector<PlacedTask>> none = decode_tasks(h14, zeros, 0, 0, 0);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().category, ErrorCategory::malformed_input);
}

TEST(Walk, ChainsThatGoBackOrNowhereEnd) {
  Random random(3);
  const Generation& h13 = generation("H13");
  std::vector<PlacedTask> linked = *link_tasks({random_task(random, h13), random_task(random, h13)});
  const auto first_words = static_cast<std::uint32_t>(linked[0].task.words().size());
  for (const std::uint32_t next : {0x0u, 0x1u, 0x40u, 0x101u, 0x7fffff00u, 0xffffff00u}) {
    std::vector<PlacedTask> broken = linked;
    broken[1].task.set(h13.roles.next_offset, next);
    const std::vector<std::uint8_t> bytes = *encode_tasks(broken);
    EXPECT_EQ(decode_tasks(h13, bytes, 0, first_words, 0).has_value(), next == 0) << next;
  }
}

TEST(Link, ChecksWhatItIsGiven) {
  Random random(5);
  const Task h14 = random_task(random, generation("H14"));
  const Task h15 = random_task(random, generation("H15"));
  EXPECT_EQ(link_tasks({h14, h15}).error().category, ErrorCategory::usage);
  EXPECT_EQ(link_tasks({Task(generation("H11"))}).error().category, ErrorCategory::usage);
  EXPECT_TRUE(link_tasks({})->empty());
  // 11 bits of words: 2047 is the most a packet task can have.
  Task large(generation("H16"));
  large.set_header(std::vector<std::uint32_t>(9));
  const std::vector<std::uint32_t> values(64);
  while (large.words().size() < 2048) {
    ASSERT_TRUE(large.add_dense(0, values));
  }
  EXPECT_EQ(link_tasks({large}).error().category, ErrorCategory::unsupported);
}

TEST(Encode, RefusesOverlapAndAFrameThatIsNotThere) {
  Random random(9);
  std::vector<PlacedTask> h13 =
      *link_tasks({random_task(random, generation("H13")), random_task(random, generation("H13"))});
  EXPECT_FALSE(encode_tasks(h13, 1));
  h13[1].offset = 4;
  EXPECT_FALSE(encode_tasks(h13));
  EXPECT_FALSE(encode_tasks({}, 1));
  EXPECT_TRUE(encode_tasks({})->empty());
}

}  // namespace
}  // namespace openane
