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
  std::uint32_t address = 0;  ///< Byte address of the first register, as the record's header word has it.
  std::uint32_t place = 0;    ///< The same in the register table; differs where the table only knows positions (H11).
  std::uint32_t first = 0;    ///< Index in `Task::words` of the first value; the record's header word is one before.
  std::uint32_t count = 0;    ///< Number of values.
  std::uint16_t mask = 0;     ///< Scatter: bit i set = the register i + 1 words after the first is written too.
  std::uint8_t slot = 0;      ///< Address packets: the base-table slot the value is relative to.

  /// The byte address of the i-th value, as the register table has it.
  [[nodiscard]] std::uint32_t address_of(std::uint32_t i) const;
  /// Whether one of the values goes to the register at a byte address, and which.
  [[nodiscard]] bool writes(std::uint32_t register_address) const;
  [[nodiscard]] std::optional<std::uint32_t> index_of(std::uint32_t register_address) const;
  friend bool operator==(const Record&, const Record&) = default;
};

/// What a register holds while a task runs.
struct RegisterValue {
  std::uint32_t value = 0;
  bool written = false;          ///< A record of the task writes it; else it is the default the table knows.
  Grade grade = Grade::unknown;  ///< How sure the default is.
  friend bool operator==(const RegisterValue&, const RegisterValue&) = default;
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
  /// Written value, else the table's default, else 0 where the generation says that absent means 0. Nothing when the
  /// value is unknown: from H14 on an unwritten register is neither 0 nor the previous task's value.
  [[nodiscard]] std::optional<RegisterValue> value_of(std::uint32_t address) const;
  /// A field of the header or of `value_of` its register.
  [[nodiscard]] std::optional<std::uint32_t> read(FieldRef field) const;
  /// The same without the table: absent registers read as 0. For header fields and for generations where that is true.
  [[nodiscard]] std::uint32_t get(FieldRef field) const;
  /// Sets a field where `find` reads it; false when no record writes the register.
  bool set(FieldRef field, std::uint32_t value);
  bool set_word(std::uint32_t address, std::uint32_t value);
  /// The slot that the last address packet writing a register names, if one does.
  [[nodiscard]] std::optional<std::uint8_t> slot_of(std::uint32_t address) const;
  /// Renames that slot (below 64); false when no address packet writes the register.
  bool set_slot(std::uint32_t address, std::uint8_t slot);

  /// Appends header words; call before adding records.
  void set_header(std::span<const std::uint32_t> header);
  /// Appends a record; builds its header word. Fails when the form cannot carry it (count, address, alignment, mask).
  /// `address` is what the header word says; on H11 the record's number tells which registers it writes.
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
  [[nodiscard]] const Record* address_packet(std::uint32_t address) const;
  [[nodiscard]] Result<void> append(Record record, std::uint32_t header, std::span<const std::uint32_t> values);

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
/// `count` the number of tasks, as the program descriptor gives them (H13 needs `first_words`; packet generations read
/// sizes from the tasks, H11 has one layout). `count` 0 walks to the end of the chain. Errors give byte offsets into
/// `section`.
[[nodiscard]] Result<std::vector<PlacedTask>> decode_tasks(const Generation& generation,
                                                           std::span<const std::uint8_t> section, std::uint32_t start,
                                                           std::uint32_t first_words, std::uint32_t count);

/// First word of the frame that packet generations put before the first task: 0 and 1 were seen, why is not known.
/// 0 when the section starts with a task.
[[nodiscard]] std::uint32_t frame_word(const Generation& generation, std::span<const std::uint8_t> section);

/// The section's bytes: the frame, every task at its offset, gaps zero. Fails when tasks overlap.
[[nodiscard]] Result<std::vector<std::uint8_t>> encode_tasks(std::span<const PlacedTask> tasks,
                                                             std::uint32_t frame_word = 0);

/// Places tasks one after the other at the generation's alignment and writes what depends on the order: ids, first/last
/// flags, next offset and size (linked) or size (packet).
[[nodiscard]] Result<std::vector<PlacedTask>> link_tasks(std::vector<Task> tasks);

}  // namespace openane
