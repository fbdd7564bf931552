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

constexpr std::uint32_t kMaximumLinkedCount = 64;
constexpr std::uint32_t kLinkedAddressMask = 0x03ffffff;

std::uint32_t get_bits(FieldRef field, std::uint32_t word) { return (word & field.mask()) >> field.lsb; }

struct DecodedHeader {
  Record record;
  std::string_view problem;
};

DecodedHeader decode_linked_header(std::uint32_t word) {
  Record record;
  record.address = word & kLinkedAddressMask;
  record.count = (word >> 26) + 1;
  return {record, record.address % 4 == 0 ? std::string_view{} : "register address is not a multiple of 4"};
}

DecodedHeader decode_packet_header(std::uint32_t word) {
  Record record;
  record.address = (word & 0x7fffu) * 4;
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

Result<std::vector<PlacedTask>> walk_linked(const Generation& generation, std::span<const std::uint8_t> section,
                                            std::uint64_t offset, std::uint32_t words, std::uint32_t count) {
  std::vector<PlacedTask> tasks;
  for (;;) {
    OPENANE_TRY(PlacedTask placed, decode_task_at(generation, section, offset, words));
    const std::uint32_t next = placed.task.get(generation.roles.next_offset);
    words = placed.task.get(generation.roles.next_words) + 1;
    const std::uint64_t end = offset + placed.task.size_bytes();
    tasks.push_back(std::move(placed));
    if (next == 0) {
      break;
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

Result<std::vector<PlacedTask>> walk_packets(const Generation& generation, std::span<const std::uint8_t> section,
                                             std::uint64_t offset, std::uint32_t count) {
  std::vector<PlacedTask> tasks;
  const std::uint64_t align = generation.task_align;
  if (offset == 0) {
    // The frame's first word is 0 or 1 and the rest 0; a task's word 0 carries its size, so a bare stream starts at
    // once.
    const std::uint64_t lead = generation.lead_in_bytes;
    if (lead != 0 && section.size() >= lead &&
        get_bits(generation.roles.task_words, load_le<std::uint32_t>(section.data())) == 0) {
      offset = lead;
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

}  // namespace

std::uint32_t Record::address_of(std::uint32_t i) const {
  if (form != Form::scatter || i == 0) {
    return address + 4 * i;
  }
  std::uint32_t bits = mask;
  for (std::uint32_t skipped = 1; skipped < i; ++skipped) {
    bits &= bits - 1;
  }
  return address + 4 * (1 + static_cast<std::uint32_t>(std::countr_zero(bits)));
}

std::optional<std::uint32_t> Task::find(std::uint32_t address) const {
  for (auto record = records_.rbegin(); record != records_.rend(); ++record) {
    if (address < record->address) {
      continue;
    }
    const std::uint32_t distance = (address - record->address) / 4;
    if (record->form != Record::Form::scatter) {
      if (distance < record->count) {
        return words_[record->first + distance];
      }
    } else if (distance == 0) {
      return words_[record->first];
    } else if (distance <= 16 && ((record->mask >> (distance - 1)) & 1u) != 0) {
      const std::uint32_t before = record->mask & ((1u << (distance - 1)) - 1u);
      return words_[record->first + 1 + static_cast<std::uint32_t>(std::popcount(before))];
    }
  }
  return std::nullopt;
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
    for (std::uint32_t i = 0; i < record->count; ++i) {
      if (record->address_of(i) == field.address) {
        change(words_[record->first + i]);
        return true;
      }
    }
  }
  return false;
}

bool Task::set_word(std::uint32_t address, std::uint32_t value) { return set(FieldRef{address, 0, 32, false}, value); }

void Task::set_header(std::span<const std::uint32_t> header) {
  words_.assign(header.begin(), header.end());
  header_size_ = static_cast<std::uint32_t>(header.size());
  records_.clear();
}

Result<void> Task::add_dense(std::uint32_t address, std::span<const std::uint32_t> values) {
  const bool linked = generation_->stream == StreamForm::linked;
  const std::uint32_t limit = linked ? kLinkedAddressMask : 0x7fffu * 4;
  if (values.empty() || values.size() > kMaximumLinkedCount || address % 4 != 0 || address > limit) {
    return fail(
        ErrorCategory::usage,
        fmt::format(
            "a record of {} words at {:#x} cannot be written: 1 to 64 words, address a multiple of 4 up to {:#x}",
            values.size(), address, limit));
  }
  const auto count = static_cast<std::uint32_t>(values.size());
  words_.push_back(linked ? ((count - 1) << 26) | address : ((count - 1) << 15) | (address / 4));
  records_.push_back({Record::Form::dense, address, static_cast<std::uint32_t>(words_.size()), count, 0, 0});
  words_.insert(words_.end(), values.begin(), values.end());
  return {};
}

Result<void> Task::add_scatter(std::uint32_t address, std::uint16_t mask, std::span<const std::uint32_t> values) {
  const auto expected = static_cast<std::size_t>(1 + std::popcount(mask));
  if (generation_->stream != StreamForm::packet || address % 4 != 0 || address > 0x7fffu * 4 ||
      values.size() != expected) {
    return fail(ErrorCategory::usage,
                fmt::format("a scatter record at {:#x} with mask {:#x} and {} words cannot be written in {}", address,
                            mask, values.size(), generation_->id));
  }
  words_.push_back(0x80000000u | (std::uint32_t{mask} << 15) | (address / 4));
  records_.push_back({Record::Form::scatter, address, static_cast<std::uint32_t>(words_.size()),
                      static_cast<std::uint32_t>(values.size()), mask, 0});
  words_.insert(words_.end(), values.begin(), values.end());
  return {};
}

Result<void> Task::add_address(std::uint32_t address, std::uint8_t slot, std::span<const std::uint32_t> values) {
  if (generation_->stream != StreamForm::packet || address % 4 != 0 || address > 0x7fffu * 4 || slot > 0x3f ||
      values.empty() || values.size() > 64) {
    return fail(ErrorCategory::usage, fmt::format("an address packet at {:#x} for slot {} cannot be written in {}",
                                                  address, slot, generation_->id));
  }
  const auto count = static_cast<std::uint32_t>(values.size());
  words_.push_back(0x20000000u | (std::uint32_t{slot} << 23) | ((count - 1) << 15) | (address / 4));
  records_.push_back({Record::Form::address, address, static_cast<std::uint32_t>(words_.size()), count, 0, slot});
  words_.insert(words_.end(), values.begin(), values.end());
  return {};
}

Result<Task> Task::decode(const Generation& generation, std::span<const std::uint32_t> words) {
  if (generation.stream == StreamForm::unknown || generation.header_words == 0) {
    return fail(ErrorCategory::missing_specification,
                fmt::format("the task format of {} has not been published", generation.id));
  }
  Task task(generation);
  task.header_size_ = generation.header_words;
  const FieldRef extra = generation.roles.extra_word;
  if (extra.width != 0 && extra.address / 4 < words.size() && get_bits(extra, words[extra.address / 4]) != 0) {
    task.header_size_ += 1;
  }
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
  return fail(ErrorCategory::missing_specification,
              fmt::format("the task format of {} has not been published", generation.id));
}

Result<std::vector<std::uint8_t>> encode_tasks(std::span<const PlacedTask> tasks) {
  std::vector<std::uint8_t> section;
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
  std::vector<PlacedTask> placed;
  placed.reserve(tasks.size());
  std::uint64_t offset = tasks.empty() ? 0 : tasks.front().generation().lead_in_bytes;
  const auto set = [](Task& task, FieldRef field, std::uint64_t value) {
    if (field.width != 0) {
      task.set(field, static_cast<std::uint32_t>(value));
    }
  };
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const Generation& generation = tasks[i].generation();
    const HeaderRoles& roles = generation.roles;
    const bool last = i + 1 == tasks.size();
    const std::uint64_t next = align_up(offset + tasks[i].size_bytes(), generation.task_align);
    if (next > 0xffffffffu) {
      return fail(ErrorCategory::unsupported, "the task section would pass 4 GiB");
    }
    set(tasks[i], roles.task_id, i);
    set(tasks[i], roles.task_words, tasks[i].size_bytes() / 4);
    set(tasks[i], roles.not_first, i == 0 ? 0 : 1);
    set(tasks[i], roles.last, last ? 1 : 0);
    set(tasks[i], roles.next_offset, last ? 0 : next);
    set(tasks[i], roles.next_words, last ? 0 : tasks[i + 1].size_bytes() / 4 - 1);
    set(tasks[i], roles.next_enable, last ? 0 : 1);
    placed.push_back({std::move(tasks[i]), static_cast<std::uint32_t>(offset)});
    offset = next;
  }
  return placed;
}

}  // namespace openane
