#include "mil/wire_check.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <string_view>

namespace openane::mil {
namespace {

using google::protobuf::io::CodedInputStream;

enum class Message : std::uint8_t {
  leaf,  ///< A number, string or packed array: nothing to walk into.
  program,
  function,
  block,
  operation,
  argument,
  binding,
  variable,
  type,
  tensor_type,
  list_type,
  tuple_type,
  dictionary_type,
  state_type,
  dimension,
  known_extent,
  unknown_extent,
  value,
  blob,
  immediate,
  tensor_data,
  elements,
  values,
  pairs,
  pair,
  functions_entry,
  blocks_entry,
  arguments_entry,
  attributes_entry,
};

struct KnownField {
  Message parent;
  std::uint32_t number;
  Message child;
};

// One row per field of ml_program.proto, sorted by parent and number.
constexpr KnownField kFields[] = {
    {Message::program, 1, Message::leaf},
    {Message::program, 2, Message::functions_entry},
    {Message::program, 3, Message::leaf},
    {Message::program, 4, Message::attributes_entry},
    {Message::function, 1, Message::variable},
    {Message::function, 2, Message::leaf},
    {Message::function, 3, Message::blocks_entry},
    {Message::function, 4, Message::attributes_entry},
    {Message::block, 1, Message::variable},
    {Message::block, 2, Message::leaf},
    {Message::block, 3, Message::operation},
    {Message::block, 4, Message::attributes_entry},
    {Message::operation, 1, Message::leaf},
    {Message::operation, 2, Message::arguments_entry},
    {Message::operation, 3, Message::variable},
    {Message::operation, 4, Message::block},
    {Message::operation, 5, Message::attributes_entry},
    {Message::argument, 1, Message::binding},
    {Message::binding, 1, Message::leaf},
    {Message::binding, 2, Message::value},
    {Message::variable, 1, Message::leaf},
    {Message::variable, 2, Message::type},
    {Message::type, 1, Message::tensor_type},
    {Message::type, 2, Message::list_type},
    {Message::type, 3, Message::tuple_type},
    {Message::type, 4, Message::dictionary_type},
    {Message::type, 5, Message::state_type},
    {Message::tensor_type, 1, Message::leaf},
    {Message::tensor_type, 2, Message::leaf},
    {Message::tensor_type, 3, Message::dimension},
    {Message::tensor_type, 4, Message::attributes_entry},
    {Message::list_type, 1, Message::type},
    {Message::list_type, 2, Message::dimension},
    {Message::tuple_type, 1, Message::type},
    {Message::dictionary_type, 1, Message::type},
    {Message::dictionary_type, 2, Message::type},
    {Message::state_type, 1, Message::type},
    {Message::dimension, 1, Message::known_extent},
    {Message::dimension, 2, Message::unknown_extent},
    {Message::known_extent, 1, Message::leaf},
    {Message::unknown_extent, 1, Message::leaf},
    {Message::value, 1, Message::leaf},
    {Message::value, 2, Message::type},
    {Message::value, 3, Message::immediate},
    {Message::value, 5, Message::blob},
    {Message::blob, 1, Message::leaf},
    {Message::blob, 2, Message::leaf},
    {Message::immediate, 1, Message::tensor_data},
    {Message::immediate, 2, Message::values},
    {Message::immediate, 3, Message::values},
    {Message::immediate, 4, Message::pairs},
    {Message::tensor_data, 1, Message::elements},
    {Message::tensor_data, 2, Message::elements},
    {Message::tensor_data, 3, Message::elements},
    {Message::tensor_data, 4, Message::elements},
    {Message::tensor_data, 5, Message::elements},
    {Message::tensor_data, 6, Message::elements},
    {Message::tensor_data, 7, Message::elements},
    {Message::elements, 1, Message::leaf},
    {Message::values, 1, Message::value},
    {Message::pairs, 1, Message::pair},
    {Message::pair, 1, Message::value},
    {Message::pair, 2, Message::value},
    {Message::functions_entry, 1, Message::leaf},
    {Message::functions_entry, 2, Message::function},
    {Message::blocks_entry, 1, Message::leaf},
    {Message::blocks_entry, 2, Message::block},
    {Message::arguments_entry, 1, Message::leaf},
    {Message::arguments_entry, 2, Message::argument},
    {Message::attributes_entry, 1, Message::leaf},
    {Message::attributes_entry, 2, Message::value},
};

constexpr std::string_view kMessageNames[] = {"leaf",
                                              "Program",
                                              "Function",
                                              "Block",
                                              "Operation",
                                              "Argument",
                                              "Binding",
                                              "NamedValueType",
                                              "ValueType",
                                              "TensorType",
                                              "ListType",
                                              "TupleType",
                                              "DictionaryType",
                                              "StateType",
                                              "Dimension",
                                              "known dimension",
                                              "open dimension",
                                              "Value",
                                              "BlobFileValue",
                                              "ImmediateValue",
                                              "TensorValue",
                                              "tensor elements",
                                              "list of values",
                                              "DictionaryValue",
                                              "KeyValuePair",
                                              "functions entry",
                                              "block_specializations entry",
                                              "inputs entry",
                                              "attributes entry"};

constexpr int kMaxDepth = 100;

const KnownField* find_field(Message parent, std::uint32_t number) {
  const auto* row = std::find_if(std::begin(kFields), std::end(kFields), [&](const KnownField& field) {
    return field.parent == parent && field.number == number;
  });
  return row == std::end(kFields) ? nullptr : row;
}

class Walker {
 public:
  Walker(std::span<const std::uint8_t> data, std::uint64_t max_messages)
      : stream_(data.data(), static_cast<int>(data.size())),
        size_(static_cast<int>(data.size())),
        max_messages_(max_messages) {}

  Result<WireSummary> walk() {
    OPENANE_CHECK(message(Message::program, size_, 1));
    return std::move(summary_);
  }

 private:
  [[nodiscard]] std::uint64_t offset() const { return static_cast<std::uint64_t>(stream_.CurrentPosition()); }

  Result<void> message(Message kind, int size, int depth) {
    if (depth > kMaxDepth) {
      return fail_at(offset(), fmt::format("messages nest deeper than {}", kMaxDepth));
    }
    if (++summary_.messages > max_messages_) {
      return fail_at(offset(), fmt::format("more than {} messages in one program", max_messages_),
                     ErrorCategory::unsupported);
    }
    const int end = stream_.CurrentPosition() + size;
    while (stream_.CurrentPosition() < end) {
      OPENANE_CHECK(field(kind, end, depth));
    }
    return {};
  }

  Result<void> field(Message kind, int end, int depth) {
    const std::uint64_t at = offset();
    const std::uint32_t tag = stream_.ReadTagNoLastTag();
    if (tag >> 3 == 0) {
      return fail_at(at, fmt::format("not a field of {}", name(kind)));
    }
    const KnownField* known = find_field(kind, tag >> 3);
    if (known == nullptr) {
      report_unknown(kind, tag >> 3);
    }
    const Message child = known != nullptr ? known->child : Message::leaf;
    switch (tag & 7) {
      case 0: {
        std::uint64_t number = 0;
        return read_inside(stream_.ReadVarint64(&number), end, at, kind);
      }
      case 1:
        return read_inside(stream_.Skip(8), end, at, kind);
      case 5:
        return read_inside(stream_.Skip(4), end, at, kind);
      case 2:
        return length_delimited(kind, child, end, at, depth);
      default:
        return fail_at(at, fmt::format("wire type {} in {}", tag & 7, name(kind)));
    }
  }

  Result<void> length_delimited(Message kind, Message child, int end, std::uint64_t at, int depth) {
    std::uint32_t size = 0;
    if (!stream_.ReadVarint32(&size) || stream_.CurrentPosition() > end ||
        size > static_cast<std::uint32_t>(end - stream_.CurrentPosition())) {
      return fail_at(at, fmt::format("a field of {} is longer than the message", name(kind)));
    }
    if (child != Message::leaf) {
      return message(child, static_cast<int>(size), depth + 1);
    }
    return read_inside(stream_.Skip(static_cast<int>(size)), end, at, kind);
  }

  Result<void> read_inside(bool read, int end, std::uint64_t at, Message kind) {
    if (!read || stream_.CurrentPosition() > end) {
      return fail_at(at, fmt::format("a field of {} is longer than the message", name(kind)));
    }
    return {};
  }

  static std::string_view name(Message kind) { return kMessageNames[static_cast<std::size_t>(kind)]; }

  void report_unknown(Message kind, std::uint32_t number) {
    std::string line = fmt::format("{}: field {} is not known and was dropped", name(kind), number);
    if (summary_.unknown.size() < 20 && std::ranges::find(summary_.unknown, line) == summary_.unknown.end()) {
      summary_.unknown.push_back(std::move(line));
    }
  }

  CodedInputStream stream_;
  int size_;
  std::uint64_t max_messages_;
  WireSummary summary_;
};

}  // namespace

Result<WireSummary> check_program_wire(std::span<const std::uint8_t> data, std::uint64_t max_messages) {
  if (data.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    return fail(ErrorCategory::unsupported, "protobuf messages of 2 GiB and more cannot be read");
  }
  return Walker(data, max_messages).walk();
}

}  // namespace openane::mil
