// Random legal tasks of any generation: records of every form in any order, overlapping and repeated.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <random>
#include <vector>

#include "openane/task.h"

namespace openane::test {

using Random = std::mt19937;

inline std::uint32_t below(Random& random, std::uint32_t limit) { return static_cast<std::uint32_t>(random()) % limit; }

inline std::vector<std::uint32_t> some_words(Random& random, std::size_t count) {
  std::vector<std::uint32_t> words(count);
  std::ranges::generate(words, [&random] { return static_cast<std::uint32_t>(random()); });
  return words;
}

inline void add_random_record(Random& random, Task& task) {
  const Generation& generation = task.generation();
  if (const std::span<const RecordPlace> order = generation.record_order; !order.empty()) {
    const std::size_t index = task.records().size();
    ASSERT_TRUE(task.add_dense(4 * below(random, 1 << 20), some_words(random, order[index].words)));
    return;
  }
  const Block& block = generation.blocks[below(random, static_cast<std::uint32_t>(generation.blocks.size()))];
  const std::uint32_t start = below(random, block.words);
  const std::uint32_t address = block.base + 4 * start;
  const bool packet = generation.stream == StreamForm::packet;
  switch (packet ? below(random, 3) : 0) {
    case 0:
      ASSERT_TRUE(task.add_dense(address, some_words(random, 1 + below(random, std::min(64u, block.words - start)))));
      break;
    case 1: {
      const auto mask = static_cast<std::uint16_t>(random());
      ASSERT_TRUE(task.add_scatter(address, mask, some_words(random, 1 + std::popcount(mask))));
      break;
    }
    default:
      ASSERT_TRUE(task.add_address(address, static_cast<std::uint8_t>(below(random, 64)),
                                   some_words(random, 1 + below(random, 2))));
  }
}

inline std::vector<std::uint32_t> random_header(Random& random, const Generation& generation, bool extra) {
  return some_words(random, generation.header_words + (extra ? 1 : 0));
}

inline Task random_task(Random& random, const Generation& generation) {
  Task task(generation);
  const bool extra = below(random, 4) == 0;
  task.set_header(random_header(random, generation, extra));
  task.set(generation.roles.extra_word, extra ? 1 : 0);
  const std::size_t records = generation.record_order.empty() ? 1 + below(random, 12) : generation.record_order.size();
  for (std::size_t i = 0; i < records; ++i) {
    add_random_record(random, task);
  }
  return task;
}

/// Field by field, mostly what programs have: an enumerator, an understood value, 0 or 1; else any bits.
inline std::uint32_t plausible_word(Random& random, const Register& row) {
  std::uint32_t word = below(random, 8) == 0 ? static_cast<std::uint32_t>(random()) & ~row.named_bits() : 0;
  for (const Field& field : row.fields) {
    std::uint32_t value = static_cast<std::uint32_t>(random());
    if (const std::uint32_t choice = below(random, 8); choice < 4 && !field.enumerators.empty()) {
      value = field.enumerators[below(random, static_cast<std::uint32_t>(field.enumerators.size()))].value;
    } else if (choice < 4 && !field.neutral.empty()) {
      value = field.neutral[below(random, static_cast<std::uint32_t>(field.neutral.size()))];
    } else if (choice < 7) {
      value = below(random, 3);
    }
    word = field.set(word, value);
  }
  return word;
}

/// Records over a random subset of the registers, now and then some in address packets, the rest absent.
inline Task plausible_task(Random& random, const Generation& generation) {
  Task task = random_task(random, generation);
  std::vector<std::uint32_t> header(task.words().begin(), task.words().begin() + task.header_size());
  for (std::size_t i = 0; i < header.size(); ++i) {
    header[i] = plausible_word(random, generation.header[i]);
  }
  const bool extra = header.size() > generation.header_words;
  if (!generation.record_order.empty() || below(random, 8) == 0) {
    return task;
  }
  task = Task(generation);
  task.set_header(header);
  task.set(generation.roles.extra_word, extra ? 1 : 0);
  const bool packets = generation.stream == StreamForm::packet;
  const std::uint32_t density = 1 + below(random, 8);
  for (const Block& block : generation.blocks) {
    for (std::size_t i = 0; i < block.registers.size();) {
      const Register& first = block.registers[i];
      if (below(random, 8) >= density) {
        ++i;
        continue;
      }
      std::size_t count = std::min<std::size_t>(1 + below(random, 24), block.registers.size() - i);
      const bool address = packets && (first.relocation != Relocation::none || below(random, 16) == 0);
      count = address ? std::min<std::size_t>(count, 1 + below(random, 4)) : count;
      std::vector<std::uint32_t> values;
      for (std::size_t k = 0; k < count; ++k) {
        values.push_back(plausible_word(random, block.registers[i + k]));
      }
      const Result<void> added =
          address ? task.add_address(first.address, static_cast<std::uint8_t>(below(random, 64)), values)
                  : task.add_dense(first.address, values);
      EXPECT_TRUE(added) << added.error().to_string();
      i += count;
    }
  }
  return task;
}

}  // namespace openane::test
