// A generation is one table: everything here works for tests/isa/tables/toy.toml, which no code knows about.
#include <gtest/gtest.h>

#include "isa/toy_fields.h"
#include "openane/task.h"

namespace openane {

std::span<const Generation* const> test_generations();

namespace {

const Generation& toy_generation() { return *test_generations().front(); }

Task make_task(std::uint32_t width) {
  Task task(toy_generation());
  const std::uint32_t header[] = {0, 0};
  const std::uint32_t shape[] = {width, 0x20};
  const std::uint32_t base[] = {0x40, 0};
  const std::uint32_t scattered[] = {0x123, 7};
  task.set_header(header);
  EXPECT_TRUE(task.add_dense(toy::kShape_Size1, shape));
  EXPECT_TRUE(task.add_scatter(toy::kShape_Size2, 1U << 1, scattered));
  EXPECT_TRUE(task.add_address(toy::kDma_Base, 5, base));
  return task;
}

TEST(ToyGeneration, TableHoldsWhatTheFileSays) {
  const Generation& toy = toy_generation();
  EXPECT_EQ(toy.id, "TOY");
  EXPECT_EQ(toy.blocks.size(), 2U);
  EXPECT_EQ(toy.addresses.source1, 0x100u);
  EXPECT_EQ(toy.addresses.source2, 0u);
  const Register* size2 = toy.find("Shape.Size2");
  ASSERT_NE(size2, nullptr);
  EXPECT_EQ(size2->address, 8u);
  EXPECT_EQ(toy.find("Extent2"), size2);
  EXPECT_EQ(size2->fallback->value, 0x100u);
  EXPECT_EQ(size2->fallback->grade, Grade::reported);
  EXPECT_EQ(size2->named_bits(), 0x3fffu);
  EXPECT_EQ(size2->find("Format")->enumerators[1].name, "two");
  EXPECT_EQ(size2->find("Format")->enumerators[1].grade, Grade::file);
  EXPECT_EQ(size2->find("Width")->effect, Effect::data);
  const Register* offset = toy.find("Offset0");
  EXPECT_EQ(offset->find("Bytes")->unit, 16u);
  EXPECT_EQ(offset->find("Bytes")->type, FieldType::signed_integer);
  EXPECT_EQ(toy.find("Hole1")->status, RegisterStatus::unknown);
  EXPECT_EQ(toy.find(0x104u)->relocation, Relocation::high);
  EXPECT_EQ(toy.find("Nothing"), nullptr);
}

TEST(ToyGeneration, LinksEncodesAndDecodes) {
  const Result<std::vector<PlacedTask>> linked = link_tasks({make_task(16), make_task(17)});
  ASSERT_TRUE(linked) << linked.error().to_string();
  EXPECT_EQ((*linked)[0].offset, 16u);
  EXPECT_EQ((*linked)[1].offset, 64u);  // 2 header words and 9 of records, from 16, at the next multiple of 16
  const Result<std::vector<std::uint8_t>> bytes = encode_tasks(*linked, 1);
  ASSERT_TRUE(bytes) << bytes.error().to_string();
  EXPECT_EQ(frame_word(toy_generation(), *bytes), 1u);
  const Result<std::vector<PlacedTask>> again = decode_tasks(toy_generation(), *bytes, 0, 0, 2);
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(*again, *linked);
  const Task& last = again->back().task;
  EXPECT_EQ(last.read(toy::kShape_Size1_Width), 17u);
  EXPECT_EQ(last.read(toy::kSize_Id), 1u);
  EXPECT_EQ(last.read(toy::kControl_Last), 1u);
  EXPECT_EQ(last.find(toy::kShape_Hole0), 7u);
  EXPECT_EQ(last.read(toy::kShape_Size2_Format), 0u);
}

TEST(ToyGeneration, UnwrittenRegisterIsTheTablesDefaultOrNothing) {
  Task task(toy_generation());
  const std::uint32_t header[] = {0, 0};
  task.set_header(header);
  EXPECT_EQ(task.value_of(toy::kShape_Size1), (RegisterValue{0x100, false, Grade::reported}));
  EXPECT_EQ(task.read(toy::kShape_Size1_Width), 0x100u);
  EXPECT_EQ(task.value_of(toy::kShape_Offset0), std::nullopt);
  EXPECT_EQ(task.read(toy::kShape_Offset0_Bytes), std::nullopt);
  EXPECT_EQ(task.value_of(0x5000), std::nullopt);
}

TEST(ToyGeneration, WhatTheHeaderCannotSayIsRefused) {
  // Words has 4 bits: a task of 16 words does not fit.
  Task task(toy_generation());
  const std::uint32_t header[] = {0, 0};
  const std::uint32_t shape[] = {1, 2, 3, 4, 5, 6};
  task.set_header(header);
  ASSERT_TRUE(task.add_dense(0, shape));
  ASSERT_TRUE(task.add_dense(0, shape));
  const Result<std::vector<PlacedTask>> linked = link_tasks({task});
  ASSERT_FALSE(linked);
  EXPECT_EQ(linked.error().category, ErrorCategory::unsupported);
  // A header whose flag promises one more word than it has.
  Task extra(toy_generation());
  const std::uint32_t short_header[] = {0, 0x10};
  extra.set_header(short_header);
  ASSERT_FALSE(link_tasks({extra}));
}

}  // namespace
}  // namespace openane
