// Tasks: what the engine executes. A task is a header of a few words and a list of records, each writing some
// registers.
//
// A `Task` keeps the words exactly as the stream has them, so that `encode(decode(bytes)) == bytes` for every stream a
// decoder accepts; records may come in any order and length. Registers are looked up through the records, never at
// fixed offsets.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "openane/error.h"
#include "openane/register_table.h"

namespace openane {

struct Record {
  enum class Form : std::uint8_t { dense, scatter, address };
  Form form = Form::dense;
  std::uint32_t address = 0;  ///< Byte address of the first register.
  std::uint32_t first =
      0;  ///< Index in `Task::words` of the first value; the record's own header word is at first - 1.
  std::uint32_t count = 0;  ///< Number of values.
  std::uint16_t mask = 0;   ///< Scatter: bit i set = the register i + 1 words after the first is written too.
  std::uint8_t slot = 0;    ///< Address packets: the base-table slot the value is relative to.

  /// The byte address of the i-th value.
  [[nodiscard]] std::uint32_t address_of(std::uint32_t i) const;
  friend bool operator==(const Record&, const Record&) = default;
};

class Task {
 public:
  Task() = default;
  explicit Task(const Generation& generation) : generation_(&generation) {}

  [[nodiscard]] const Generation& generation() const { return *generation_; }
  /// Header (with the optional extra word), then every record's header word and values: the stream's words.
  [[nodiscard]] std::span<const std::uint32_t> words() const { return words_; }
  [[nodiscard]] std::span<std::uint32_t> mutable_words() { return words_; }
  [[nodiscard]] std::uint32_t header_size() const { return header_size_; }
  [[nodiscard]] std::span<const Record> records() const { return records_; }
  [[nodiscard]] std::uint32_t size_bytes() const { return static_cast<std::uint32_t>(words_.size() * 4); }

  [[nodiscard]] std::uint32_t header(std::uint32_t index) const { return index < header_size_ ? words_[index] : 0; }
  /// The value last written to a register, if any record writes it.
  [[nodiscard]] std::optional<std::uint32_t> find(std::uint32_t address) const;
  /// The value of a field: header or register; absent registers read as 0.
  [[nodiscard]] std::uint32_t get(FieldRef field) const;
  /// Sets a field where `find` reads it; false when no record writes the register.
  bool set(FieldRef field, std::uint32_t value);
  bool set_word(std::uint32_t address, std::uint32_t value);

  /// Appends header words; call before adding records.
  void set_header(std::span<const std::uint32_t> header);
  /// Appends a record; builds its header word. Fails when the form cannot carry it (count, address, alignment, mask).
  [[nodiscard]] Result<void> add_dense(std::uint32_t address, std::span<const std::uint32_t> values);
  [[nodiscard]] Result<void> add_scatter(std::uint32_t address, std::uint16_t mask,
                                         std::span<const std::uint32_t> values);
  [[nodiscard]] Result<void> add_address(std::uint32_t address, std::uint8_t slot,
                                         std::span<const std::uint32_t> values);

  friend bool operator==(const Task& a, const Task& b) {
    return a.generation_ == b.generation_ && a.words_ == b.words_;
  }

  /// Decodes exactly `words.size()` words. Errors give the byte offset inside the task.
  [[nodiscard]] static Result<Task> decode(const Generation& generation, std::span<const std::uint32_t> words);

 private:
  const Generation* generation_ = nullptr;
  std::vector<std::uint32_t> words_;
  std::vector<Record> records_;
  std::uint32_t header_size_ = 0;
};

/// A task at its byte offset from the start of the task section.
struct PlacedTask {
  Task task;
  std::uint32_t offset = 0;
  friend bool operator==(const PlacedTask&, const PlacedTask&) = default;
};

/// Walks a task section. `start` is the byte offset of the chain's first task, `first_words` its length in words and
/// `count` the number of tasks, as the program descriptor gives them (linked generations need `first_words`; packet
/// generations read sizes from the tasks). `count` 0 walks to the end of the chain. Errors give byte offsets into
/// `section`.
[[nodiscard]] Result<std::vector<PlacedTask>> decode_tasks(const Generation& generation,
                                                           std::span<const std::uint8_t> section, std::uint32_t start,
                                                           std::uint32_t first_words, std::uint32_t count);

/// The section's bytes: every task at its offset, gaps zero. Fails when tasks overlap.
[[nodiscard]] Result<std::vector<std::uint8_t>> encode_tasks(std::span<const PlacedTask> tasks);

/// Places tasks one after the other at the generation's alignment and writes what depends on the order: ids, first/last
/// flags, next offset and size (linked) or size (packet).
[[nodiscard]] Result<std::vector<PlacedTask>> link_tasks(std::vector<Task> tasks);

}  // namespace openane
