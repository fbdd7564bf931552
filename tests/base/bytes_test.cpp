#include "openane/bytes.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "numpy.h"

namespace openane {
namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Files, PartsFollowEachOther) {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("parts");
  const std::array<std::uint8_t, 3> a = {'o', 'n', 'e'};
  const std::array<std::uint8_t, 2> b = {'-', '2'};
  const std::array<std::span<const std::uint8_t>, 4> parts = {a, {}, b, a};
  ASSERT_TRUE(write_file(path, parts));
  EXPECT_EQ(content_of(path), "one-2one");
  ASSERT_TRUE(write_file(path, std::string_view("shorter")));
  EXPECT_EQ(content_of(path), "shorter");
  const auto bytes = read_file(path);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(bytes->size(), 7u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1) << "no temporary file is left";
}

TEST(Files, PermissionsStay) {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("tool");
  ASSERT_TRUE(write_file(path, std::string_view("old")));
  ASSERT_EQ(chmod(path.c_str(), 0750), 0);
  ASSERT_TRUE(write_file(path, std::string_view("new")));
  struct stat info{};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0750u);
  EXPECT_EQ(content_of(path), "new");
}

TEST(Files, AMappingOutlivesItsName) {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("gone");
  ASSERT_TRUE(write_file(path, std::string_view("still here")));
  Bytes slice;
  {
    const auto bytes = read_file(path);
    ASSERT_TRUE(bytes);
    slice = bytes->slice(6, 4);
  }
  std::filesystem::remove(path);
  EXPECT_EQ(slice, Bytes({'h', 'e', 'r', 'e'}));
}

TEST(Files, WhatIsNoFileIsASystemError) {
  const test::TemporaryFolder folder;
  for (const std::string& path : {folder.file("absent"), folder.path().string(), std::string("/dev/null")}) {
    const auto bytes = read_file(path);
    ASSERT_FALSE(bytes) << path;
    EXPECT_EQ(bytes.error().category, ErrorCategory::system);
    EXPECT_EQ(bytes.error().location.file, path);
  }
  EXPECT_FALSE(write_file(folder.path().string(), std::string_view("x")));
  EXPECT_FALSE(write_file(folder.file("no/such/folder"), std::string_view("x")));
  EXPECT_TRUE(write_file("/dev/null", std::string_view("x")));
  ASSERT_TRUE(write_file(folder.file("empty"), std::string_view()));
  const auto empty = read_file(folder.file("empty"));
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->empty());
}

}  // namespace
}  // namespace openane
