// The published task streams of tests/isa/sample_streams.toml.
#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <string>
#include <vector>

#include "openane/bytes.h"
#include "openane/register_table.h"
#include "openane/task.h"

namespace openane::test {

struct SampleStream {
  std::string name;
  const Generation* generation = nullptr;
  std::uint32_t lead_in_words = 0;
  std::uint32_t declared_words = 0;
  std::vector<std::uint32_t> words;

  [[nodiscard]] std::vector<std::uint8_t> bytes() const {
    std::vector<std::uint8_t> bytes;
    for (const std::uint32_t word : words) {
      for (int shift = 0; shift < 32; shift += 8) {
        bytes.push_back(static_cast<std::uint8_t>(word >> shift));
      }
    }
    return bytes;
  }
};

inline std::vector<SampleStream> sample_streams() {
  const toml::table table = toml::parse_file(OPENANE_SOURCE_DIR "/tests/isa/sample_streams.toml");
  std::vector<SampleStream> streams;
  for (const toml::node& node : *table["stream"].as_array()) {
    const toml::table& row = *node.as_table();
    SampleStream stream;
    stream.name = row["name"].value_or("");
    stream.generation = find_generation(row["generation"].value_or(""));
    stream.lead_in_words = row["lead_in_words"].value_or(0u);
    stream.declared_words = row["words_count"].value_or(0u);
    for (const toml::node& word : *row["words"].as_array()) {
      stream.words.push_back(static_cast<std::uint32_t>(word.value_or(std::int64_t{-1})));
    }
    streams.push_back(std::move(stream));
  }
  return streams;
}

/// The same task made through the interface instead of copied.
inline Result<Task> rebuilt(const Task& task) {
  Task copy(task.generation());
  copy.set_header(task.words().first(task.header_size()));
  for (const Record& record : task.records()) {
    const std::span<const std::uint32_t> values = task.words().subspan(record.first, record.count);
    switch (record.form) {
      case Record::Form::dense:
        OPENANE_CHECK(copy.add_dense(record.address, values));
        break;
      case Record::Form::scatter:
        OPENANE_CHECK(copy.add_scatter(record.address, record.mask, values));
        break;
      case Record::Form::address:
        OPENANE_CHECK(copy.add_address(record.address, record.slot, values));
        break;
    }
  }
  return copy;
}

}  // namespace openane::test
