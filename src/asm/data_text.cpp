#include "asm/data_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <filesystem>

#include "asm/kernel_text.h"
#include "base/byte_reader.h"
#include "base/number_text.h"
#include "base/word_values.h"
#include "openane/npy.h"
#include "target/h13/table_formulas.h"

namespace openane {
namespace {

/// Offsets in tasks are 32-bit.
constexpr std::uint64_t kMostSectionBytes = 0xffffffffu;
constexpr std::uint32_t kStreamAlign = 64;

struct NumberType {
  std::string_view name;
  std::uint32_t bytes;
  ElementType type;
};
constexpr std::array<NumberType, 8> kNumberTypes = {{{"fp16", 2, ElementType::float16},
                                                     {"fp32", 4, ElementType::float32},
                                                     {"int8", 1, ElementType::int8},
                                                     {"uint8", 1, ElementType::uint8},
                                                     {"int16", 2, ElementType::int16},
                                                     {"uint16", 2, ElementType::uint16},
                                                     {"int32", 4, ElementType::int32},
                                                     {"uint32", 4, ElementType::uint32}}};

const NumberType* find_number_type(std::string_view name) {
  const auto found = std::ranges::find(kNumberTypes, name, &NumberType::name);
  return found == kNumberTypes.end() ? nullptr : &*found;
}

std::pair<std::int64_t, std::int64_t> range_of(const NumberType& type) {
  const bool is_signed = type.name.front() == 'i';
  const std::int64_t range = std::int64_t{1} << (8 * type.bytes - (is_signed ? 1 : 0));
  return {is_signed ? -range : 0, range - 1};
}

/// The bits of one number, or nothing when the text is no number of that type.
std::optional<std::uint32_t> number_bits(const NumberType& type, std::string_view text) {
  if (type.type == ElementType::float16) {
    const std::optional<Half> value = parse_half(text);
    return value ? std::optional<std::uint32_t>(value->bits) : std::nullopt;
  }
  if (type.type == ElementType::float32) {
    const std::optional<float> value = parse_float(text);
    return value ? std::optional(std::bit_cast<std::uint32_t>(*value)) : std::nullopt;
  }
  const auto [low, high] = range_of(type);
  const std::optional<std::int64_t> value = parse_signed(text);
  return value && *value <= high && *value >= low ? std::optional(static_cast<std::uint32_t>(*value)) : std::nullopt;
}

/// What may be written for the type, for messages.
std::string numbers_of(const NumberType& type) {
  if (type.type == ElementType::float16 || type.type == ElementType::float32) {
    return "numbers (0.5, -1e-3, inf, bits(0x3c00))";
  }
  const auto [low, high] = range_of(type);
  return fmt::format("integers from {} to {}", low, high);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool is_label(const Word& word) {
  return word.kind == Word::Kind::word && word.text.size() > 1 && word.text.ends_with(':');
}

}  // namespace

Result<Bytes> include_file(const Source& source, const Word& word) {
  OPENANE_TRY(const std::string name, unquote(word));
  namespace fs = std::filesystem;
  const fs::path relative(name);
  const bool climbs = std::ranges::find(relative, fs::path("..")) != relative.end();
  if (name.empty() || name.find('\0') != std::string::npos || relative.is_absolute() || climbs) {
    return error_at(word, "expected a path below the folder of this text, without '..'");
  }
  const fs::path folder = fs::path(source.file()).parent_path();
  std::error_code code;
  const fs::path root = fs::weakly_canonical(folder.empty() ? fs::path(".") : folder, code);
  const fs::path full = fs::weakly_canonical(root / relative, code);
  const auto [end, unused] = std::mismatch(root.begin(), root.end(), full.begin(), full.end());
  if (code || end != root.end()) {
    return error_at(word, "this path leads out of the folder of this text");
  }
  Result<Bytes> data = read_file(full.string());
  if (!data) {
    return error_at(word, fmt::format("{}: {}", word.quoted(), data.error().message), data.error().category);
  }
  return data;
}

Result<void> DataAssembler::expand(const Word& word, std::uint64_t bytes) {
  if (bytes > kMostSectionBytes || bytes_.size() + bytes > kMostSectionBytes) {
    return error_at(word, "a section holds at most 4 GiB");
  }
  if (!budget_.take(bytes)) {
    return error_at(word,
                    fmt::format("zeros and fills of a text may make {} MiB and {} bytes for each byte of text; write "
                                "more out, or include a file",
                                ExpansionBudget::kFree >> 20, ExpansionBudget::kPerByte));
  }
  return {};
}

Result<void> DataAssembler::align_to(const Word& word, std::uint64_t alignment) {
  const std::uint64_t end = align_up(bytes_.size(), alignment);
  OPENANE_CHECK(expand(word, end - bytes_.size()));
  bytes_.resize(end);
  return {};
}

void DataAssembler::bind(const KernelLabel* kernel) {
  for (std::string& name : pending_) {
    DataLabel label{slot_, bytes_.size(), kernel != nullptr, kernel != nullptr ? *kernel : KernelLabel{}};
    if (kernel != nullptr) {
      for (KernelChannel& channel : label.kernel.stream.channels) {
        channel.offset += channel.enabled ? static_cast<std::uint32_t>(bytes_.size()) : 0;
      }
      label.kernel.stream.slot = static_cast<std::uint8_t>(slot_);
    }
    labels_[std::move(name)] = label;
  }
  pending_.clear();
}

Result<void> DataAssembler::define(const Word& word) {
  std::string name(word.text.substr(0, word.text.size() - 1));
  if (labels_.contains(name) || std::ranges::find(pending_, name) != pending_.end()) {
    return error_at(word, fmt::format("label '{}' is defined twice", name));
  }
  pending_.push_back(std::move(name));
  return {};
}

Result<void> DataAssembler::statement(std::span<const Word> words) {
  while (!words.empty() && is_label(words.front())) {
    OPENANE_CHECK(define(words.front()));
    words = words.subspan(1);
  }
  return words.empty() ? Result<void>{} : item(words);
}

std::vector<std::uint8_t> DataAssembler::finish() {
  bind(nullptr);
  return std::move(bytes_);
}

Result<void> DataAssembler::item(std::span<const Word> words) {
  using Method = Result<void> (DataAssembler::*)(std::span<const Word>);
  struct Item {
    std::string_view name;
    Method method;
    bool aligned;  ///< Starts at the next stream boundary.
  };
  constexpr std::array<Item, 8> kItems = {{{"hex", &DataAssembler::hex, false},
                                           {"fill", &DataAssembler::fill, false},
                                           {"zero", &DataAssembler::zero, false},
                                           {"align", &DataAssembler::align, false},
                                           {"file", &DataAssembler::file, false},
                                           {"npy", &DataAssembler::npy, false},
                                           {"table", &DataAssembler::table, true},
                                           {"kernel", &DataAssembler::kernel, true}}};
  const Word& first = words.front();
  const auto found = first.kind == Word::Kind::word ? std::ranges::find(kItems, first.text, &Item::name) : kItems.end();
  if (found != kItems.end()) {
    if (found->aligned) {
      OPENANE_CHECK(align_to(first, kStreamAlign));
    } else if (found->name != "align") {
      bind(nullptr);
    }
    return (this->*found->method)(words);
  }
  if (first.kind == Word::Kind::word && find_number_type(first.text) != nullptr) {
    bind(nullptr);
    return numbers(words);
  }
  std::vector<std::string_view> names(kItems.size() + kNumberTypes.size());
  const auto types = std::ranges::transform(kItems, names.begin(), &Item::name).out;
  std::ranges::transform(kNumberTypes, types, &NumberType::name);
  return error_at(first, fmt::format("expected data ({}), got {}{}", fmt::join(names, ", "), first.quoted(),
                                     suggestion(first.text, names)));
}

Result<void> DataAssembler::hex(std::span<const Word> words) {
  for (const Word& word : words.subspan(1)) {
    if (word.kind != Word::Kind::word || word.text.size() % 2 != 0) {
      return error_at(word, fmt::format("hex: expected pairs of hexadecimal digits, got {}", word.quoted()));
    }
    for (std::size_t i = 0; i < word.text.size(); i += 2) {
      const int high = hex_digit(word.text[i]), low = hex_digit(word.text[i + 1]);
      if (high < 0 || low < 0) {
        return error_at(word, fmt::format("hex: expected pairs of hexadecimal digits, got {}", word.quoted()));
      }
      bytes_.push_back(static_cast<std::uint8_t>(16 * high + low));
    }
  }
  return {};
}

Result<void> DataAssembler::numbers(std::span<const Word> words) {
  const NumberType& type = *find_number_type(words.front().text);
  for (const Word& word : words.subspan(1)) {
    if (word.kind == Word::Kind::comma || word.kind == Word::Kind::list_open || word.kind == Word::Kind::list_close) {
      continue;
    }
    const std::optional<std::uint32_t> bits =
        word.kind == Word::Kind::word ? number_bits(type, word.text) : std::nullopt;
    if (!bits) {
      return error_at(word, fmt::format("{}: expected {}, got {}", type.name, numbers_of(type), word.quoted()));
    }
    for (std::uint32_t i = 0; i < type.bytes; ++i) {
      bytes_.push_back(static_cast<std::uint8_t>(*bits >> (8 * i)));
    }
  }
  return {};
}

Result<void> DataAssembler::fill(std::span<const Word> words) {
  WordValues values(words.front(), words.subspan(1));
  OPENANE_TRY(const std::uint64_t count, values.number(kMostSectionBytes, "a count"));
  const NumberType* type = values.done() ? nullptr : find_number_type(values.current().text);
  if (type == nullptr) {
    return values.error("a type (fp16, fp32, int8, uint8, ...)");
  }
  values.advance();
  const std::optional<std::uint32_t> bits = values.done() ? std::nullopt : number_bits(*type, values.current().text);
  if (!bits) {
    return values.error("a number of that type");
  }
  values.advance();
  OPENANE_CHECK(values.finish());
  OPENANE_CHECK(expand(words.front(), count * type->bytes));
  bytes_.reserve(bytes_.size() + count * type->bytes);
  for (std::uint64_t n = 0; n < count; ++n) {
    for (std::uint32_t i = 0; i < type->bytes; ++i) {
      bytes_.push_back(static_cast<std::uint8_t>(*bits >> (8 * i)));
    }
  }
  return {};
}

Result<void> DataAssembler::zero(std::span<const Word> words) {
  WordValues values(words.front(), words.subspan(1));
  OPENANE_TRY(const std::uint64_t count, values.number(kMostSectionBytes, "a number of bytes"));
  OPENANE_CHECK(values.finish());
  OPENANE_CHECK(expand(words.front(), count));
  bytes_.resize(bytes_.size() + count);
  return {};
}

Result<void> DataAssembler::align(std::span<const Word> words) {
  constexpr std::uint64_t kMostAlignment = 0x10000;
  WordValues values(words.front(), words.subspan(1));
  OPENANE_TRY(const std::uint64_t alignment, values.number(kMostAlignment, "an alignment in bytes"));
  if (!std::has_single_bit(alignment)) {
    return error_at(words[1], "align: expected a power of two");
  }
  OPENANE_CHECK(values.finish());
  return align_to(words.front(), alignment);
}

Result<void> DataAssembler::file(std::span<const Word> words) {
  if (words.size() < 2) {
    return error_at(words.front(), "file: expected a path");
  }
  OPENANE_TRY(const Bytes data, include_file(source_, words[1]));
  WordValues values(words.front(), words.subspan(2));
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> size;
  while (!values.done()) {
    if (values.take("offset")) {
      OPENANE_TRY(offset, values.number(data.size(), "an offset in the file"));
    } else if (values.take("size")) {
      OPENANE_TRY(size, values.number(data.size(), "a number of bytes"));
    } else {
      return values.error("offset or size");
    }
  }
  const std::uint64_t count = size.value_or(data.size() - offset);
  if (!range_inside(offset, count, data.size())) {
    return error_at(words[1],
                    fmt::format("{} bytes at {:#x} lie outside the file, which has {}", count, offset, data.size()));
  }
  if (bytes_.size() + count > kMostSectionBytes) {
    return error_at(words[1], "a section holds at most 4 GiB");
  }
  const std::span<const std::uint8_t> part = data.span().subspan(offset, count);
  bytes_.insert(bytes_.end(), part.begin(), part.end());
  return {};
}

Result<void> DataAssembler::npy(std::span<const Word> words) {
  if (words.size() < 2) {
    return error_at(words.front(), "npy: expected a path");
  }
  OPENANE_TRY(const Bytes data, include_file(source_, words[1]));
  Result<Tensor> tensor = parse_npy(data);
  WordValues values(words.front(), words.subspan(2));
  if (tensor && values.take("as")) {
    const NumberType* type = values.done() ? nullptr : find_number_type(values.current().text);
    if (type == nullptr) {
      return values.error("a type (fp16, fp32, int8, uint8, ...)");
    }
    values.advance();
    tensor = tensor->cast(type->type);
  }
  if (!tensor) {
    return error_at(words[1], fmt::format("{}: {}", words[1].quoted(), tensor.error().message),
                    tensor.error().category);
  }
  OPENANE_CHECK(values.finish());
  if (bytes_.size() + tensor->data.size() > kMostSectionBytes) {
    return error_at(words[1], "a section holds at most 4 GiB");
  }
  const std::span<const std::uint8_t> part = tensor->data.span();
  bytes_.insert(bytes_.end(), part.begin(), part.end());
  return {};
}

Result<void> DataAssembler::table(std::span<const Word> words) {
  OPENANE_TRY(const h13::TableWords table, parse_table(source_, words));
  KernelLabel label;
  label.table = true;
  label.stream.enabled = true;
  label.stream.format = KernelFormat::fp16;  // as in every decoded task that fetches a table alone
  label.stream.channels[0] = {true, 0, static_cast<std::uint32_t>(sizeof table)};
  bind(&label);
  for (const std::uint16_t word : table) {
    bytes_.push_back(static_cast<std::uint8_t>(word));
    bytes_.push_back(static_cast<std::uint8_t>(word >> 8));
  }
  return {};
}

Result<void> DataAssembler::kernel(std::span<const Word> words) {
  OPENANE_TRY(const KernelText kernel, parse_kernel(source_, budget_, generation_, words));
  if (bytes_.size() + kernel.bytes.size() > kMostSectionBytes) {
    return error_at(words.front(), "a section holds at most 4 GiB");
  }
  bind(&kernel.label);
  bytes_.insert(bytes_.end(), kernel.bytes.begin(), kernel.bytes.end());
  return {};
}

// ------------------------------------------------------------------------------------------------- printing

namespace {

constexpr std::size_t kLineBytes = 32;
constexpr std::size_t kShortestRun = 48;

/// Half-words equal to the first one at `data`.
std::size_t run_length(std::span<const std::uint8_t> data) {
  std::size_t n = 1;
  while (2 * n + 1 < data.size() && data[2 * n] == data[0] && data[2 * n + 1] == data[1]) {
    ++n;
  }
  return n;
}

void append_hex_bytes(std::string& out, std::span<const std::uint8_t> data) {
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (i % 8 == 0) {
      out += ' ';
    }
    out += "0123456789abcdef"[data[i] >> 4];
    out += "0123456789abcdef"[data[i] & 15u];
  }
}

/// Bytes up to the next long run: one line at most.
std::size_t line_length(std::span<const std::uint8_t> data, bool stop_at_runs) {
  std::size_t count = std::min<std::size_t>(2, data.size());
  while (count < std::min(kLineBytes, data.size())) {
    if (stop_at_runs && data.size() - count >= 2 && 2 * run_length(data.subspan(count)) >= kShortestRun) {
      break;
    }
    count += std::min<std::size_t>(2, data.size() - count);
  }
  return count;
}

void append_run(std::string& out, std::uint16_t value, std::size_t count) {
  if (value == 0) {
    out += "zero ";
    append_hex(out, 2 * count);
  } else {
    out += "fill ";
    append_decimal(out, count);
    out += " fp16 ";
    append_half(out, Half{value});
  }
}

}  // namespace

void append_data(std::string& out, std::span<const std::uint8_t> data, std::string_view indent,
                 ExpansionBudget& budget) {
  bool runs = true;
  while (!data.empty()) {
    const std::size_t run = runs && data.size() >= 2 ? run_length(data) : 0;
    out += indent;
    const bool is_run = 2 * run >= kShortestRun;
    runs = runs && (!is_run || budget.take(2 * run));
    if (is_run && runs) {
      append_run(out, load_le<std::uint16_t>(data.data()), run);
      data = data.subspan(2 * run);
    } else {
      const std::size_t count = line_length(data, runs);
      out += "hex";
      append_hex_bytes(out, data.first(count));
      data = data.subspan(count);
    }
    out += '\n';
  }
}

}  // namespace openane
