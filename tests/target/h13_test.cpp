// The law of a generation: encode(lift(t)) == t, word for word, and lift(encode(op)) == op.
#include <gtest/gtest.h>

#include <random>

#include "isa/h13_fields.h"
#include "openane/bytes.h"
#include "openane/engine_op.h"
#include "oracle.h"
#include "target/h13/h13.h"

namespace openane {
namespace {

const Generation& h13_generation() { return *find_generation("H13"); }

std::vector<Task> oracle_tasks() {
  std::vector<Task> tasks;
  for (const test::Oracle& oracle : test::load_oracles()) {
    for (const test::OracleTask& words : oracle.tasks) {
      Result<Task> task = Task::decode(h13_generation(), words.words);
      EXPECT_TRUE(task) << words.name << ": " << task.error().to_string();
      if (task) {
        tasks.push_back(*std::move(task));
      }
    }
  }
  return tasks;
}

TEST(H13, EncodeOfLiftIsTheTask) {
  OPENANE_NEEDS_CORPUS();
  const std::vector<Task> tasks = oracle_tasks();
  EXPECT_EQ(tasks.size(), 117U);  // 105 + 12, oracles/h13/README.md
  for (const Task& task : tasks) {
    const EngineOp op = h13::lift(task);
    const Result<Task> again = h13::encode(op);
    ASSERT_TRUE(again) << again.error().to_string();
    EXPECT_EQ(*again, task);
    for (const Unknown& unknown : op.unknowns) {
      ADD_FAILURE() << unknown.block << "." << unknown.register_name << "." << unknown.field << " = " << unknown.value;
    }
  }
}

TEST(H13, OpWithoutSideRecordKeepsItsMeaning) {
  OPENANE_NEEDS_CORPUS();
  for (const Task& task : oracle_tasks()) {
    EngineOp op = h13::lift(task);
    op.side = {};
    const Result<Task> fresh = h13::encode(op);
    ASSERT_TRUE(fresh) << fresh.error().to_string();
    EngineOp again = h13::lift(*fresh);
    EXPECT_TRUE(again.unknowns.empty());
    again.side = {};
    EXPECT_EQ(again, op);
  }
}

/// The raw kernels of the manifest: tasks without a container.
TEST(H13, EncodeOfLiftIsTheTaskInRawKernels) {
  OPENANE_NEEDS_CORPUS();
  const std::filesystem::path folder = test::corpus_folder() / "hwx";
  const toml::table manifest = toml::parse_file((folder / "manifest.toml").string());
  std::size_t kernels = 0;
  for (const toml::node& node : *manifest["file"].as_array()) {
    const toml::table& file = *node.as_table();
    if (file["kind"].value<std::string_view>() != "raw") {
      continue;
    }
    const std::string path = (folder / *file["path"].value<std::string>()).string();
    const Result<Bytes> data = read_file(path);
    ASSERT_TRUE(data) << path;
    const auto bytes = static_cast<std::size_t>(*file["tsk_size"].value<std::int64_t>());
    const auto first = static_cast<std::uint32_t>(*file["td_size"].value<std::int64_t>() / 4);
    const auto count = static_cast<std::uint32_t>(*file["td_count"].value<std::int64_t>());
    const Result<std::vector<PlacedTask>> tasks =
        decode_tasks(h13_generation(), data->span().first(bytes), 0, first, count);
    ASSERT_TRUE(tasks) << path << ": " << tasks.error().to_string();
    for (const PlacedTask& placed : *tasks) {
      const EngineOp op = h13::lift(placed.task);
      EXPECT_TRUE(op.unknowns.empty()) << path << " at " << placed.offset << ": " << op.unknowns.front().register_name;
      EXPECT_EQ(*h13::encode(op), placed.task) << path;
    }
    const Result<std::vector<std::uint8_t>> section = encode_tasks(*tasks);
    ASSERT_TRUE(section);
    EXPECT_TRUE(std::ranges::equal(*section, data->span().first(bytes))) << path;
    ++kernels;
  }
  EXPECT_EQ(kernels, 22U);
}

/// Records in any order, words of any value: what the lift does not understand must come back all the same.
TEST(H13, LawHoldsOnRandomWords) {
  std::mt19937 engine(20261120);
  const auto random = [&engine] { return static_cast<std::uint32_t>(engine()); };
  for (int round = 0; round < 20000; ++round) {
    Task task(h13_generation());
    std::vector<std::uint32_t> header(10);
    for (std::uint32_t& word : header) {
      word = random();
    }
    header[6] &= ~(1U << 24);
    if (random() % 4 == 0) {
      header[6] |= 1U << 24;
      header.push_back(random());
    }
    task.set_header(header);
    const unsigned records = random() % 10;
    for (unsigned i = 0; i < records; ++i) {
      const BlockRange block = h13::kBlocks[random() % 7];
      const std::uint32_t first = random() % block.words;
      std::vector<std::uint32_t> values(1 + random() % 64);
      for (std::uint32_t& value : values) {
        value = random() % 3 == 0 ? random() : random() % 8;
      }
      ASSERT_TRUE(task.add_dense(block.base + 4 * first, values));
    }
    const Result<Task> again = h13::encode(h13::lift(task));
    ASSERT_TRUE(again) << "round " << round << ": " << again.error().to_string();
    ASSERT_EQ(*again, task) << "round " << round;
  }
}

TEST(H13, OneChangedFieldIsAnotherRealProgram) {
  OPENANE_NEEDS_CORPUS();
  const auto first_task = [](std::string_view name) {
    const test::Oracle oracle =
        test::load_oracle(test::corpus_folder() / "oracles" / "h13" / (std::string(name) + ".toml"));
    return *Task::decode(h13_generation(), oracle.tasks.front().words);
  };
  EngineOp op = h13::lift(first_task("binary_mul_1x64x1x1"));
  std::get<PlanarCompute>(op.compute).op = PlanarOp::max;
  EXPECT_EQ(*h13::encode(op), first_task("binary_maximum_1x64x1x1"));
  std::get<PlanarCompute>(op.compute).op = PlanarOp::min;
  EXPECT_EQ(*h13::encode(op), first_task("binary_minimum_1x64x1x1"));
}

TEST(H13, ValuesThatDoNotFitAreRefusedByName) {
  OPENANE_NEEDS_CORPUS();
  EngineOp op = h13::lift(oracle_tasks().front());
  op.input.width = 40000;
  Result<Task> task = h13::encode(op);
  ASSERT_FALSE(task);
  EXPECT_EQ(task.error().category, ErrorCategory::unsupported);
  EXPECT_NE(task.error().message.find("Common.InDim.Win"), std::string::npos) << task.error().message;
  op = h13::lift(oracle_tasks().front());
  op.sources[0].surface.strides.row = 65;
  task = h13::encode(op);
  ASSERT_FALSE(task);
  EXPECT_NE(task.error().message.find("multiple of 64"), std::string::npos) << task.error().message;
}

TEST(H13, UnexplainedValuesAreNamed) {
  OPENANE_NEEDS_CORPUS();
  Task task = oracle_tasks().front();
  task.set(h13::kCommon_ConvCfg_Ox, 2);
  const EngineOp op = h13::lift(task);
  ASSERT_EQ(op.unknowns.size(), 1U);
  EXPECT_EQ(op.unknowns[0].register_name, "ConvCfg");
  EXPECT_EQ(op.unknowns[0].field, "Ox");
  EXPECT_EQ(op.unknowns[0].value, 2U);
  EXPECT_EQ(*h13::encode(op), task);
}

}  // namespace
}  // namespace openane
