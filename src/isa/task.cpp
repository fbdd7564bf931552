// The task stream, both forms.
//
// Linked (H11..H13): a record's header word is ((count - 1) << 26) | byte address. Tasks are chained by byte offsets in
// the header and each names the size of the *next*; the first one's size comes from the program descriptor. Packet (H14
// and later): bit 31 set = scatter (bits 30:15 mask, 14:0 word address; the base word is always present); else dense
// (bits 20:15 count - 1), and with bit 29 set an address packet (bits 28:23 slot). Tasks stand in sequence at 16-byte
// boundaries after a 16-byte frame, each naming its own size; 16 zero bytes are padding.
#include "openane/task.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "base/byte_reader.h"

namespace openane {
namespace {

constexpr std::uint32_t kMaximumCount = 64;  ///< Both forms give the count 6 bits.
constexpr std::uint32_t kLinkedAddressMask = 0x03ffffff;
constexpr std::uint32_t kPacketAddressMask = 0x7fff;  ///< Of words.
constexpr std::uint32_t kMaximumSlot = 0x3f;

std::unexpected<Error> unpublished(const Generation& generation) {
  return fail(ErrorCategory::missing_specification,
              fmt::format("the task format of {} has not been published", generation.id));
}

std::uint32_t get_bits(FieldRef field, std::uint32_t word) { return (word & field.mask()) >> field.lsb; }

struct DecodedHeader {
  Record record;
  std::string_view problem;
};

DecodedHeader decode_linked_header(std::uint32_t word) {
  Record record;
  record.address = record.place = word & kLinkedAddressMask;
  record.count = (word >> 26) + 1;
  return {record, record.address % 4 == 0 ? std::string_view{} : "register address is not a multiple of 4"};
}

DecodedHeader decode_packet_header(std::uint32_t word) {
  Record record;
  record.address = record.place = (word & kPacketAddressMask) * 4;
  if ((word >> 31) != 0) {
    record.form = Record::Form::scatter;
    record.mask = static_cast<std::uint16_t>((word >> 15) & 0xffffu);
    record.count = 1 + static_cast<std::uint32_t>(std::popcount(record.mask));
    return {record, {}};
  }
  record.count = ((word >> 15) & 0x3fu) + 1;
  if ((word & 0x40000000u) != 0) {
    return {record, "record header has bit 30 set, which no known record uses"};
  }
  if ((word & 0x20000000u) != 0) {
    record.form = Record::Form::address;
    record.slot = static_cast<std::uint8_t>((word >> 23) & 0x3fu);
    return {record,
            (word & 0x00600000u) == 0 ? std::string_view{} : "address packet names no whole slot (bits 22:21 are set)"};
  }
  return {record, (word & 0x1fe00000u) == 0 ? std::string_view{}
                                            : "dense record has bits 28:21 set, which no known record uses"};
}

std::vector<std::uint32_t> load_words(std::span<const std::uint8_t> bytes) {
  std::vector<std::uint32_t> words(bytes.size() / 4);
  if constexpr (std::endian::native == std::endian::little) {
    std::copy_n(bytes.data(), words.size() * 4, reinterpret_cast<std::uint8_t*>(words.data()));
  } else {
    for (std::size_t i = 0; i < words.size(); ++i) {
      words[i] = load_le<std::uint32_t>(bytes.data() + 4 * i);
    }
  }
  return words;
}

Result<PlacedTask> decode_task_at(const Generation& generation, std::span<const std::uint8_t> section,
                                  std::uint64_t offset, std::uint32_t words) {
  if (!range_inside(offset, std::uint64_t{words} * 4, section.size())) {
    return fail_at(offset,
                   fmt::format("a task of {} words passes the end of the task section ({:#x})", words, section.size()));
  }
  Result<Task> task = Task::decode(generation, load_words(section.subspan(offset, std::size_t{words} * 4)));
  if (!task) {
    Error error = std::move(task).error();
    error.location.offset = offset + error.location.offset.value_or(0);
    return std::unexpected(std::move(error));
  }
  return PlacedTask{*std::move(task), static_cast<std::uint32_t>(offset)};
}

bool all_zero(std::span<const std::uint8_t> bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t b) { return b == 0; });
}

/// Whether a task's header has the optional extra word. `words` may be cut off anywhere.
bool has_extra_word(const Generation& generation, std::span<const std::uint32_t> words) {
  const FieldRef extra = generation.roles.extra_word;
  return extra.width != 0 && extra.address / 4 < words.size() && get_bits(extra, words[extra.address / 4]) != 0;
}

/// Words of a task whose records stand in a known order (H11): it has one layout, so no size field is needed.
std::uint32_t words_in_order(const Generation& generation, std::span<const std::uint8_t> section,
                             std::uint64_t offset) {
  std::uint32_t words = generation.header_words;
  for (const RecordPlace& record : generation.record_order) {
    words += 1 + record.words;
  }
  const std::uint64_t left = offset < section.size() ? section.size() - offset : 0;
  const std::uint64_t header = std::min<std::uint64_t>(left / 4, generation.header_words);
  return words + (has_extra_word(generation, load_words(section.subspan(offset, header * 4))) ? 1 : 0);
}

/// Finds the registers that the records of a task write, by their order.
Result<void> place_in_order(const Generation& generation, std::span<Record> records) {
  const std::span<const RecordPlace> order = generation.record_order;
  for (std::size_t i = 0; i < records.size() && i < order.size(); ++i) {
    if (records[i].count != order[i].words) {
      return fail_at((records[i].first - 1) * 4,
                     fmt::format("record {} has {} words; the one known layout of {} has {} there", i, records[i].count,
                                 generation.id, order[i].words),
                     ErrorCategory::missing_specification);
    }
    records[i].place = order[i].address;
  }
  if (records.size() != order.size()) {
    return fail_at(0,
                   fmt::format("a task of {} records; the one known layout of {} has {}", records.size(), generation.id,
                               order.size()),
                   ErrorCategory::missing_specification);
  }
  return {};
}

Result<std::vector<PlacedTask>> walk_linked(const Generation& generation, std::span<const std::uint8_t> section,
                                            std::uint64_t offset, std::uint32_t words, std::uint32_t count) {
  std::vector<PlacedTask> tasks;
  for (;;) {
    if (!generation.record_order.empty()) {
      words = words_in_order(generation, section, offset);
    }
    OPENANE_TRY(PlacedTask placed, decode_task_at(generation, section, offset, words));
    const std::uint32_t next = placed.task.get(generation.roles.next_offset);
    words = placed.task.get(generation.roles.next_words) + 1;
    const std::uint64_t end = offset + placed.task.size_bytes();
    tasks.push_back(std::move(placed));
    if (next == 0) {
      break;
    }
    if (next >= section.size()) {
      return fail_at(offset, fmt::format("next task at {:#x} lies past the end of the task section ({:#x})", next,
                                         section.size()));
    }
    if (next < end) {
      return fail_at(offset, fmt::format("next task at {:#x} lies before the end of this one ({:#x})", next, end));
    }
    if (next % generation.task_align != 0) {
      return fail_at(offset, fmt::format("next task at {:#x} is not a multiple of {:#x}", next, generation.task_align));
    }
    if (count != 0 && tasks.size() >= count) {
      return fail_at(offset,
                     fmt::format("the chain goes on to {:#x} after the {} tasks the program declares", next, count));
    }
    offset = next;
  }
  if (count != 0 && tasks.size() != count) {
    return fail_at(offset, fmt::format("the chain ends after {} tasks, the program declares {}", tasks.size(), count));
  }
  return tasks;
}

/// The frame's first word is 0 or 1 and the rest 0; a task's word 0 carries its size, so a bare stream has no frame.
bool has_frame(const Generation& generation, std::span<const std::uint8_t> section) {
  const std::uint64_t lead = generation.lead_in_bytes;
  return lead != 0 && section.size() >= lead &&
         get_bits(generation.roles.task_words, load_le<std::uint32_t>(section.data())) == 0;
}

Result<std::vector<PlacedTask>> walk_packets(const Generation& generation, std::span<const std::uint8_t> section,
                                             std::uint64_t offset, std::uint32_t count) {
  std::vector<PlacedTask> tasks;
  const std::uint64_t align = generation.task_align;
  if (offset == 0 && has_frame(generation, section)) {
    offset = generation.lead_in_bytes;
    if (!all_zero(section.subspan(4, offset - 4))) {
      return fail_at(4, "the frame before the first task is not zero past its first word");
    }
  }
  while (offset < section.size() && (count == 0 || tasks.size() < count)) {
    if (section.size() - offset < 4) {
      return fail_at(offset,
                     fmt::format("{} bytes are left in the task section, fewer than a word", section.size() - offset));
    }
    const std::uint32_t first = load_le<std::uint32_t>(section.data() + offset);
    if (first == 0) {
      const std::uint64_t padding = std::min<std::uint64_t>(align, section.size() - offset);
      if (!all_zero(section.subspan(offset, padding))) {
        return fail_at(offset, "padding between tasks is not zero");
      }
      offset += padding;
      continue;
    }
    const std::uint32_t words = get_bits(generation.roles.task_words, first);
    if (words < generation.header_words) {
      return fail_at(
          offset, fmt::format("a task of {} words is shorter than its header of {}", words, generation.header_words));
    }
    OPENANE_TRY(PlacedTask placed, decode_task_at(generation, section, offset, words));
    tasks.push_back(std::move(placed));
    offset = align_up(offset + std::uint64_t{words} * 4, align);
  }
  if (count != 0 && tasks.size() != count) {
    return fail_at(std::min<std::uint64_t>(offset, section.size()),
                   fmt::format("the section holds {} tasks, the program declares {}", tasks.size(), count));
  }
  if (tasks.empty()) {
    return fail_at(0, "the task section holds no task");
  }
  return tasks;
}

/// What tasks need before they can follow one another.
Result<void> check_linkable(std::span<const Task> tasks) {
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const Generation& generation = tasks[i].generation();
    if (generation.stream == StreamForm::unknown || generation.header_words == 0) {
      return unpublished(generation);
    }
    if (&generation != &tasks.front().generation()) {
      return fail(ErrorCategory::usage, fmt::format("task {} is of {}, the first one of {}", i, generation.id,
                                                    tasks.front().generation().id));
    }
    const std::uint32_t words = generation.header_words + (has_extra_word(generation, tasks[i].words()) ? 1 : 0);
    if (tasks[i].header_size() != words) {
      return fail(ErrorCategory::usage,
                  fmt::format("task {} has a header of {} words; with its extra-word flag {} needs {}", i,
                              tasks[i].header_size(), generation.id, words));
    }
    if (tasks[i].records().size() < generation.record_order.size()) {
      return fail(ErrorCategory::usage,
                  fmt::format("task {} has {} records; the one known layout of {} has {}", i, tasks[i].records().size(),
                              generation.id, generation.record_order.size()));
    }
  }
  return {};
}

/// Writes a header field that depends on the order of tasks; fields a generation does not have are left out.
Result<void> set_role(Task& task, FieldRef field, std::uint64_t value, std::string_view what) {
  if (field.width == 0) {
    return {};
  }
  if (value > (field.mask() >> field.lsb)) {
    return fail(ErrorCategory::unsupported,
                fmt::format("{} {} does not fit the {} bits that the header of {} has for it", what, value, field.width,
                            task.generation().id));
  }
  task.set(field, static_cast<std::uint32_t>(value));
  return {};
}

}  // namespace

std::uint32_t Record::address_of(std::uint32_t i) const {
  if (form != Form::scatter || i == 0) {
    return place + 4 * i;
  }
  std::uint32_t bits = mask;
  for (std::uint32_t skipped = 1; skipped < i; ++skipped) {
    bits &= bits - 1;
  }
  return place + 4 * (1 + static_cast<std::uint32_t>(std::countr_zero(bits)));
}

bool Record::writes(std::uint32_t register_address) const {
  const std::uint32_t distance = (register_address - place) / 4;  // wraps round to a large one below the first register
  if (form != Form::scatter) {
    return distance < count;
  }
  return distance <= 16 && (((std::uint32_t{mask} << 1 | 1u) >> distance) & 1u) != 0;
}

std::optional<std::uint32_t> Record::index_of(std::uint32_t register_address) const {
  if (!writes(register_address)) {
    return std::nullopt;
  }
  const std::uint32_t distance = (register_address - place) / 4;
  if (form != Form::scatter || distance == 0) {
    return distance;
  }
  const std::uint32_t before = mask & ((1u << (distance - 1)) - 1u);
  return 1 + static_cast<std::uint32_t>(std::popcount(before));
}

std::optional<std::uint32_t> Task::find(std::uint32_t address) const {
  for (auto record = records_.rbegin(); record != records_.rend(); ++record) {
    if (const std::optional<std::uint32_t> at = record->index_of(address)) {
      return words_[record->first + *at];
    }
  }
  return std::nullopt;
}

std::optional<RegisterValue> Task::value_of(std::uint32_t address) const {
  if (const std::optional<std::uint32_t> written = find(address)) {
    return RegisterValue{*written, true, Grade::unknown};
  }
  const Register* row = generation_->find(address);
  if (row != nullptr && row->fallback) {
    return RegisterValue{row->fallback->value, false, row->fallback->grade};
  }
  if (row != nullptr && generation_->absent_is_zero) {
    return RegisterValue{0, false, generation_->grade};
  }
  return std::nullopt;
}

std::optional<std::uint32_t> Task::read(FieldRef field) const {
  if (field.in_header) {
    return get(field);
  }
  const std::optional<RegisterValue> value = value_of(field.address);
  return value ? std::optional(get_bits(field, value->value)) : std::nullopt;
}

std::uint32_t Task::get(FieldRef field) const {
  const std::uint32_t word = field.in_header ? header(field.address / 4) : find(field.address).value_or(0);
  return get_bits(field, word);
}

bool Task::set(FieldRef field, std::uint32_t value) {
  const auto change = [&](std::uint32_t& word) {
    word = (word & ~field.mask()) | ((value << field.lsb) & field.mask());
  };
  if (field.in_header) {
    if (field.address / 4 >= header_size_) {
      return false;
    }
    change(words_[field.address / 4]);
    return true;
  }
  for (auto record = records_.rbegin(); record != records_.rend(); ++record) {
    if (const std::optional<std::uint32_t> at = record->index_of(field.address)) {
      change(words_[record->first + *at]);
      return true;
    }
  }
  return false;
}

bool Task::set_word(std::uint32_t address, std::uint32_t value) { return set(FieldRef{address, 0, 32, false}, value); }

const Record* Task::address_packet(std::uint32_t address) const {
  for (auto record = records_.rbegin(); record != records_.rend(); ++record) {
    if (record->writes(address)) {
      return record->form == Record::Form::address ? &*record : nullptr;
    }
  }
  return nullptr;
}

std::optional<std::uint8_t> Task::slot_of(std::uint32_t address) const {
  const Record* record = address_packet(address);
  return record == nullptr ? std::nullopt : std::optional(record->slot);
}

bool Task::set_slot(std::uint32_t address, std::uint8_t slot) {
  const Record* found = address_packet(address);
  if (found == nullptr || slot > kMaximumSlot) {
    return false;
  }
  Record& record = records_[static_cast<std::size_t>(found - records_.data())];
  record.slot = slot;
  std::uint32_t& header = words_[record.first - 1];
  header = (header & ~(std::uint32_t{kMaximumSlot} << 23)) | (std::uint32_t{slot} << 23);
  return true;
}

void Task::set_header(std::span<const std::uint32_t> header) {
  words_.assign(header.begin(), header.end());
  header_size_ = static_cast<std::uint32_t>(header.size());
  records_.clear();
}

Result<void> Task::append(Record record, std::uint32_t header, std::span<const std::uint32_t> values) {
  const std::span<const RecordPlace> order = generation_->record_order;
  record.place = record.address;
  record.first = static_cast<std::uint32_t>(words_.size() + 1);
  record.count = static_cast<std::uint32_t>(values.size());
  if (!order.empty()) {
    const std::size_t index = records_.size();
    if (index >= order.size() || order[index].words != record.count) {
      const std::string expected = index < order.size() ? fmt::format("{} words", order[index].words)
                                                        : fmt::format("{} records in all", order.size());
      return fail(ErrorCategory::usage,
                  fmt::format("record {} of {} words does not fit the one known layout of {}, expected {} (ane isa {})",
                              index, record.count, generation_->id, expected, generation_->target));
    }
    record.place = order[index].address;
  }
  words_.push_back(header);
  words_.insert(words_.end(), values.begin(), values.end());
  records_.push_back(record);
  return {};
}

Result<void> Task::add_dense(std::uint32_t address, std::span<const std::uint32_t> values) {
  if (generation_->stream == StreamForm::unknown) {
    return unpublished(*generation_);
  }
  const bool linked = generation_->stream == StreamForm::linked;
  const std::uint32_t limit = linked ? kLinkedAddressMask : kPacketAddressMask * 4;
  if (values.empty() || values.size() > kMaximumCount || address % 4 != 0 || address > limit) {
    return fail(
        ErrorCategory::usage,
        fmt::format(
            "a record of {} words at {:#x} cannot be written: 1 to 64 words, address a multiple of 4 up to {:#x}",
            values.size(), address, limit));
  }
  const auto last = static_cast<std::uint32_t>(values.size() - 1);
  Record record;
  record.address = address;
  return append(record, linked ? (last << 26) | address : (last << 15) | (address / 4), values);
}

Result<void> Task::add_scatter(std::uint32_t address, std::uint16_t mask, std::span<const std::uint32_t> values) {
  const std::size_t expected = 1U + static_cast<std::size_t>(std::popcount(mask));
  if (generation_->stream != StreamForm::packet || address % 4 != 0 || address > kPacketAddressMask * 4 ||
      values.size() != expected) {
    return fail(ErrorCategory::usage,
                fmt::format("a scatter record at {:#x} with mask {:#x} and {} words cannot be written in {}", address,
                            mask, values.size(), generation_->id));
  }
  Record record;
  record.form = Record::Form::scatter;
  record.address = address;
  record.mask = mask;
  return append(record, 0x80000000u | (std::uint32_t{mask} << 15) | (address / 4), values);
}

Result<void> Task::add_address(std::uint32_t address, std::uint8_t slot, std::span<const std::uint32_t> values) {
  if (generation_->stream != StreamForm::packet || address % 4 != 0 || address > kPacketAddressMask * 4 ||
      slot > kMaximumSlot || values.empty() || values.size() > kMaximumCount) {
    return fail(ErrorCategory::usage, fmt::format("an address packet at {:#x} for slot {} cannot be written in {}",
                                                  address, slot, generation_->id));
  }
  const auto last = static_cast<std::uint32_t>(values.size() - 1);
  Record record;
  record.form = Record::Form::address;
  record.address = address;
  record.slot = slot;
  return append(record, 0x20000000u | (std::uint32_t{slot} << 23) | (last << 15) | (address / 4), values);
}

Result<Task> Task::decode(const Generation& generation, std::span<const std::uint32_t> words) {
  if (generation.stream == StreamForm::unknown || generation.header_words == 0) {
    return unpublished(generation);
  }
  Task task(generation);
  task.header_size_ = generation.header_words + (has_extra_word(generation, words) ? 1 : 0);
  if (words.size() < task.header_size_) {
    return fail_at(0,
                   fmt::format("a task of {} words is shorter than its header of {}", words.size(), task.header_size_));
  }
  task.records_.reserve(16);
  const bool linked = generation.stream == StreamForm::linked;
  for (std::size_t at = task.header_size_; at < words.size();) {
    DecodedHeader decoded = linked ? decode_linked_header(words[at]) : decode_packet_header(words[at]);
    if (!decoded.problem.empty()) {
      return fail_at(at * 4, fmt::format("{} (record header {:#010x})", decoded.problem, words[at]));
    }
    if (decoded.record.count > words.size() - at - 1) {
      return fail_at(at * 4,
                     fmt::format("a record of {} words at register {:#x} passes the end of the task ({} words left)",
                                 decoded.record.count, decoded.record.address, words.size() - at - 1));
    }
    decoded.record.first = static_cast<std::uint32_t>(at + 1);
    at += 1 + decoded.record.count;
    task.records_.push_back(decoded.record);
  }
  if (!generation.record_order.empty()) {
    OPENANE_CHECK(place_in_order(generation, task.records_));
  }
  task.words_.assign(words.begin(), words.end());
  return task;
}

Result<std::vector<PlacedTask>> decode_tasks(const Generation& generation, std::span<const std::uint8_t> section,
                                             std::uint32_t start, std::uint32_t first_words, std::uint32_t count) {
  switch (generation.stream) {
    case StreamForm::linked:
      return walk_linked(generation, section, start, first_words, count);
    case StreamForm::packet:
      return walk_packets(generation, section, start, count);
    case StreamForm::unknown:
      break;
  }
  return unpublished(generation);
}

std::uint32_t frame_word(const Generation& generation, std::span<const std::uint8_t> section) {
  return has_frame(generation, section) ? load_le<std::uint32_t>(section.data()) : 0;
}

Result<std::vector<std::uint8_t>> encode_tasks(std::span<const PlacedTask> tasks, std::uint32_t frame_word) {
  std::vector<std::uint8_t> section;
  if (frame_word != 0) {
    if (tasks.empty() || tasks.front().offset < tasks.front().task.generation().lead_in_bytes ||
        tasks.front().task.generation().lead_in_bytes == 0) {
      return fail(ErrorCategory::usage, "there is no frame before the first task to write a word to");
    }
    section.resize(4);
    store_le(section.data(), frame_word);
  }
  for (const PlacedTask& placed : tasks) {
    if (placed.offset < section.size()) {
      return fail_at(
          placed.offset,
          fmt::format("a task at {:#x} overlaps the one before it, which ends at {:#x}", placed.offset, section.size()),
          ErrorCategory::usage);
    }
    section.resize(placed.offset + std::size_t{placed.task.size_bytes()});
    std::uint8_t* at = section.data() + placed.offset;
    for (const std::uint32_t word : placed.task.words()) {
      store_le(at, word);
      at += 4;
    }
  }
  return section;
}

Result<std::vector<PlacedTask>> link_tasks(std::vector<Task> tasks) {
  OPENANE_CHECK(check_linkable(tasks));
  std::vector<PlacedTask> placed;
  placed.reserve(tasks.size());
  std::uint64_t offset = tasks.empty() ? 0 : tasks.front().generation().lead_in_bytes;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    Task& task = tasks[i];
    const Generation& generation = task.generation();
    const HeaderRoles& roles = generation.roles;
    const bool last = i + 1 == tasks.size();
    const std::uint64_t next = align_up(offset + task.size_bytes(), generation.task_align);
    const std::uint64_t next_words = last ? 0 : tasks[i + 1].size_bytes() / 4 - 1;
    OPENANE_CHECK(set_role(task, roles.task_id, i, "task index"));
    OPENANE_CHECK(set_role(task, roles.task_words, task.size_bytes() / 4, "task size in words"));
    OPENANE_CHECK(set_role(task, roles.not_first, i == 0 ? 0 : 1, "first flag"));
    OPENANE_CHECK(set_role(task, roles.last, last ? 1 : 0, "last flag"));
    OPENANE_CHECK(set_role(task, roles.next_offset, last ? 0 : next, "offset of the next task"));
    OPENANE_CHECK(set_role(task, roles.next_words, next_words, "size of the next task in words, less 1,"));
    OPENANE_CHECK(set_role(task, roles.next_enable, last ? 0 : 1, "chain flag"));
    if (offset > 0xffffffffu) {
      return fail(ErrorCategory::unsupported, "the task section would pass 4 GiB");
    }
    placed.push_back({std::move(task), static_cast<std::uint32_t>(offset)});
    offset = next;
  }
  return placed;
}

}  // namespace openane
