// Raw kernels: the body of an ANEC file without its header, and a TOML file that says what the header would
// (hwx-container.md 15.6).
#include "openane/raw_kernel.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <algorithm>
#include <array>

#include "base/byte_reader.h"
#include "base/quote.h"
#include "base/saturating.h"
#include "program/task_warnings.h"

namespace openane {
namespace {

constexpr std::uint64_t kStrideUnit = 64;
constexpr std::uint64_t kKernelAlignment = 16;
constexpr std::uint64_t kMaximumBytes = std::uint64_t{1} << 40;
constexpr std::uint32_t kKernelSlot = 1;
constexpr std::uint32_t kFirstTensorSlot = 4;
constexpr std::uint32_t kMostSlot = 0x3f;  ///< Of an address packet.

/// Reads keys of one table and remembers which it knows: a misspelt key is an error, not a default.
class Keys {
 public:
  Keys(const toml::table& table, const std::string& file, std::string where)
      : table_(table), file_(file), where_(std::move(where)) {}

  [[nodiscard]] std::unexpected<Error> error(const toml::source_region& source, std::string message) const {
    return fail(ErrorCategory::malformed_input, std::move(message),
                Location{file_, {}, source.begin.line, source.begin.column});
  }

  /// An absent key without a fallback is an error at the table.
  Result<std::uint64_t> number(std::string_view key, std::uint64_t minimum, std::uint64_t maximum,
                               std::optional<std::uint64_t> fallback = {}) {
    const toml::node* node = take(key);
    if (node == nullptr) {
      return fallback ? Result<std::uint64_t>(*fallback) : missing(key, "an integer");
    }
    return as_number(*node, key, minimum, maximum);
  }

  Result<std::string> text(std::string_view key, std::optional<std::string> fallback = {}) {
    const toml::node* node = take(key);
    if (node == nullptr) {
      return fallback ? Result<std::string>(*fallback) : missing(key, "a string");
    }
    const toml::value<std::string>* value = node->as_string();
    if (value == nullptr || value->get().empty()) {
      return error(node->source(), fmt::format("'{}' must be a string that is not empty", key));
    }
    return value->get();
  }

  Result<std::vector<std::uint64_t>> numbers(std::string_view key, std::size_t minimum, std::size_t maximum) {
    const toml::node* node = take(key);
    if (node == nullptr) {
      return missing(key, "an array of integers");
    }
    const toml::array* array = node->as_array();
    if (array == nullptr || array->size() < minimum || array->size() > maximum) {
      return error(node->source(), fmt::format("'{}' must be an array of {} to {} integers", key, minimum, maximum));
    }
    std::vector<std::uint64_t> values;
    for (const toml::node& item : *array) {
      OPENANE_TRY(const std::uint64_t value, as_number(item, key, 1, 0x7fffffff));
      values.push_back(value);
    }
    return values;
  }

  [[nodiscard]] toml::source_region place(std::string_view key) const {
    const toml::node* node = table_.get(key);
    return node != nullptr ? node->source() : table_.source();
  }

  const toml::node* take(std::string_view key) {
    known_.emplace_back(key);
    return table_.get(key);
  }

  /// To be called after all keys were asked for.
  Result<void> nothing_else() const {
    for (const auto& [key, node] : table_) {
      if (std::ranges::find(known_, key.str()) == known_.end()) {
        return fail(
            ErrorCategory::malformed_input,
            fmt::format("unknown key {} in {}, expected {}", quoted(key.str()), where_, fmt::join(known_, ", ")),
            Location{file_, {}, key.source().begin.line, key.source().begin.column});
      }
    }
    return {};
  }

 private:
  [[nodiscard]] std::unexpected<Error> missing(std::string_view key, std::string_view kind) const {
    return error(table_.source(), fmt::format("{} has no '{}', expected {}", where_, key, kind));
  }

  [[nodiscard]] Result<std::uint64_t> as_number(const toml::node& node, std::string_view key, std::uint64_t minimum,
                                                std::uint64_t maximum) const {
    const toml::value<std::int64_t>* value = node.as_integer();
    if (value == nullptr || value->get() < 0 || static_cast<std::uint64_t>(value->get()) < minimum ||
        static_cast<std::uint64_t>(value->get()) > maximum) {
      return error(node.source(), fmt::format("'{}' must be an integer from {} to {:#x}", key, minimum, maximum));
    }
    return static_cast<std::uint64_t>(value->get());
  }

  const toml::table& table_;
  const std::string& file_;
  std::string where_;
  std::vector<std::string> known_;
};

struct Layout {
  const Generation* generation = nullptr;
  std::string procedure;
  std::uint64_t task_bytes = 0;
  std::uint64_t first_task_bytes = 0;  ///< 0 = to be found out.
  std::uint64_t kernel_bytes = 0;
  std::uint32_t kernel_slot = 0;
  std::uint64_t scratch_bytes = 0;
  std::vector<TensorBinding> tensors;
};

Result<TensorRole> read_role(Keys& keys) {
  OPENANE_TRY(const std::string role, keys.text("role"));
  if (role == "input") {
    return TensorRole::input;
  }
  if (role == "output") {
    return TensorRole::output;
  }
  return keys.error(keys.place("role"), fmt::format("role is {}, expected 'input' or 'output'", quoted(role)));
}

Result<TensorBinding> read_tensor(const toml::table& table, const std::string& file) {
  Keys keys(table, file, "a [[tensor]]");
  TensorBinding tensor;
  OPENANE_TRY(tensor.name, keys.text("name"));
  tensor.symbol = tensor.name;
  OPENANE_TRY(const std::uint64_t slot, keys.number("slot", kFirstTensorSlot, kMostSlot));
  tensor.slot = static_cast<std::uint32_t>(slot);
  OPENANE_TRY(tensor.role, read_role(keys));
  OPENANE_TRY(const std::string type, keys.text("type", "float16"));
  const std::optional<ElementType> element = element_type_from_string(type);
  const std::optional<std::uint32_t> bytes = element ? element_bytes(*element) : std::nullopt;
  if (!bytes) {
    return keys.error(
        keys.place("type"),
        fmt::format("type {} has no known element size, expected one such as 'float16' or 'uint8'", quoted(type)));
  }
  OPENANE_TRY(const std::vector<std::uint64_t> shape, keys.numbers("shape", 4, 5));
  OPENANE_TRY(const std::uint64_t interleave, keys.number("interleave", 1, 255, 1));
  const std::uint64_t row_bytes = saturating_multiply(shape[3] * interleave, *bytes);
  OPENANE_TRY(const std::uint64_t row,
              keys.number("row_stride", row_bytes, kMaximumBytes, align_up(row_bytes, kStrideUnit)));
  OPENANE_TRY(const std::uint64_t plane,
              keys.number("plane_stride", 1, kMaximumBytes, saturating_multiply(row, shape[2])));
  for (const auto& [key, stride] :
       {std::pair<std::string_view, std::uint64_t>{"row_stride", row}, {"plane_stride", plane}}) {
    if (stride % kStrideUnit != 0) {  // h13-isa.md 3.1
      return keys.error(keys.place(key),
                        fmt::format("'{}' is {:#x}, expected a multiple of {}", key, stride, kStrideUnit));
    }
  }
  const std::uint64_t planes = (shape[1] + interleave - 1) / interleave;
  const std::uint64_t depth = shape.size() > 4 ? shape[4] : 1;
  OPENANE_TRY(const std::uint64_t depth_stride,
              keys.number("depth_stride", 0, kMaximumBytes, depth > 1 ? saturating_multiply(planes, plane) : 0));
  const std::uint64_t batch_bytes =
      std::max({saturating_multiply(planes, plane), saturating_multiply(depth, depth_stride),
                saturating_add(saturating_multiply(planes - 1, plane), saturating_multiply(shape[2], row))});
  OPENANE_TRY(const std::uint64_t batch, keys.number("batch_stride", 1, kMaximumBytes, batch_bytes));
  OPENANE_CHECK(keys.nothing_else());
  if (saturating_multiply(shape[0], std::max(batch, batch_bytes)) > kMaximumBytes) {
    return keys.error(table.source(),
                      fmt::format("tensor {} takes more than {:#x} bytes", quoted(tensor.name), kMaximumBytes));
  }
  const auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  tensor.layout.type = *element;
  tensor.layout.shape = {number(shape[0]), number(shape[1]), number(shape[2]), number(shape[3]), number(depth)};
  tensor.layout.strides = {number(batch), number(plane), number(row), *bytes, number(depth_stride)};
  tensor.layout.interleave = static_cast<std::uint32_t>(interleave);
  tensor.total_bytes = std::max(batch, batch_bytes);
  return tensor;
}

Result<std::vector<TensorBinding>> read_tensors(Keys& keys, const std::string& file) {
  const toml::node* node = keys.take("tensor");
  std::vector<TensorBinding> tensors;
  if (node == nullptr) {
    return tensors;
  }
  const toml::array* array = node->as_array();
  if (array == nullptr || !array->is_array_of_tables()) {
    return keys.error(node->source(), "'tensor' must be a list of tables: [[tensor]]");
  }
  for (const toml::node& item : *array) {
    OPENANE_TRY(TensorBinding tensor, read_tensor(*item.as_table(), file));
    for (const TensorBinding& other : tensors) {
      if (other.name == tensor.name || other.slot == tensor.slot) {
        return keys.error(
            item.source(),
            fmt::format("tensor {} in slot {}: tensor {} in slot {} came before it, names and slots must differ",
                        quoted(tensor.name), tensor.slot, quoted(other.name), other.slot));
      }
    }
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

Result<toml::table> parse_toml(std::string_view text, const std::string& file) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    const toml::source_position& at = error.source().begin;
    return fail(ErrorCategory::malformed_input, std::string(error.description()),
                Location{file, {}, at.line, at.column});
  }
}

Result<Layout> read_layout(std::string_view text, const std::string& file) {
  OPENANE_TRY(const toml::table table, parse_toml(text, file));
  Keys keys(table, file, "the layout");
  Layout layout;
  OPENANE_TRY(const std::string generation, keys.text("generation", "H13"));
  layout.generation = find_generation(generation);
  if (layout.generation == nullptr) {
    return keys.error(keys.place("generation"), fmt::format("no register table for generation {}", quoted(generation)));
  }
  OPENANE_TRY(layout.procedure, keys.text("procedure", "main"));
  OPENANE_TRY(layout.task_bytes, keys.number("task_bytes", 4, 0xfffffffc));
  OPENANE_TRY(layout.first_task_bytes, keys.number("first_task_bytes", 4, layout.task_bytes, 0));
  OPENANE_TRY(layout.kernel_bytes, keys.number("kernel_bytes", 0, kMaximumBytes, 0));
  OPENANE_TRY(const std::uint64_t slot, keys.number("kernel_slot", kKernelSlot, kMostSlot, kKernelSlot));
  layout.kernel_slot = static_cast<std::uint32_t>(slot);
  OPENANE_TRY(layout.scratch_bytes, keys.number("scratch_bytes", 0, kMaximumBytes, 0));
  if (layout.task_bytes % 4 != 0 || layout.first_task_bytes % 4 != 0) {
    return keys.error(keys.place(layout.task_bytes % 4 != 0 ? "task_bytes" : "first_task_bytes"),
                      "sizes of tasks are multiples of 4");
  }
  OPENANE_TRY(layout.tensors, read_tensors(keys, file));
  if (std::ranges::find(layout.tensors, layout.kernel_slot, &TensorBinding::slot) != layout.tensors.end()) {
    return keys.error(keys.place("kernel_slot"),
                      fmt::format("slot {} holds the constants and a tensor", layout.kernel_slot));
  }
  OPENANE_CHECK(keys.nothing_else());
  return layout;
}

/// The size of a linked stream's first task, which nothing in the stream names: the shortest run of whole records after
/// which only the zero padding before the next task follows. A padding word taken for a record would need a record of
/// its own kind ending exactly there, so the shortest is the task.
std::uint32_t find_first_task_words(const Generation& generation, std::span<const std::uint8_t> section) {
  const auto word = [&](std::uint64_t index) { return load_le<std::uint32_t>(section.data() + 4 * index); };
  const auto field = [&](FieldRef ref) -> std::uint32_t {
    return section.size() >= ref.address + 4 ? (word(ref.address / 4) & ref.mask()) >> ref.lsb : 0;
  };
  std::uint64_t limit = section.size() / 4;
  if (const std::uint32_t next = field(generation.roles.next_offset); next != 0) {
    limit = std::min<std::uint64_t>(limit, next / 4);
  }
  std::uint64_t last_nonzero = limit;
  while (last_nonzero > 0 && word(last_nonzero - 1) == 0) {
    --last_nonzero;
  }
  std::uint64_t at = generation.header_words + (field(generation.roles.extra_word) != 0 ? 1 : 0);
  while (at < last_nonzero) {
    at += 2 + (word(at) >> 26);
  }
  return static_cast<std::uint32_t>(std::min(at, limit));
}

/// A basic string of TOML.
std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += c == '"' || c == '\\' ? fmt::format("\\{}", c) : std::string(1, c);
    }
  }
  return out + "\"";
}

}  // namespace

Result<Program> read_raw_kernel(const Bytes& data, std::string_view layout_text, const std::string& layout_file) {
  OPENANE_TRY(Layout layout, read_layout(layout_text, layout_file));
  const std::uint64_t kernel_at = align_up(layout.task_bytes, kKernelAlignment);
  if (data.size() != kernel_at + layout.kernel_bytes &&
      !(layout.kernel_bytes == 0 && data.size() == layout.task_bytes)) {
    return fail_at(
        0,
        fmt::format(
            "the file has {:#x} bytes, but the layout asks for {:#x}: {:#x} of tasks padded to 16, {:#x} of constants",
            data.size(), kernel_at + layout.kernel_bytes, layout.task_bytes, layout.kernel_bytes));
  }
  Program program;
  program.generation = layout.generation;
  program.container = Program::Container::raw;
  program.scratch_bytes = layout.scratch_bytes;
  program.task_section = data.slice(0, layout.task_bytes);
  if (layout.kernel_bytes != 0) {
    program.constants.push_back({{}, layout.kernel_slot, data.slice(kernel_at, layout.kernel_bytes)});
  }
  Procedure procedure;
  procedure.name = std::move(layout.procedure);
  procedure.tensors = std::move(layout.tensors);
  std::uint32_t words = static_cast<std::uint32_t>(layout.first_task_bytes / 4);
  if (words == 0 && layout.generation->stream == StreamForm::linked) {
    words = find_first_task_words(*layout.generation, program.task_section.span());
  }
  OPENANE_TRY(procedure.tasks, decode_tasks(*layout.generation, program.task_section.span(), 0, words, 0));
  for (const PlacedTask& placed : procedure.tasks) {
    for (const std::string& warning : task_warnings(placed.task)) {
      program.warnings.push_back(fmt::format("at {:#x}: {}", placed.offset, warning));
    }
  }
  program.procedures.push_back(std::move(procedure));
  return program;
}

Result<std::vector<std::uint8_t>> write_raw_kernel(const Program& program) {
  if (program.procedures.size() != 1 || program.constants.size() > 1) {
    return fail(ErrorCategory::unsupported,
                fmt::format("a raw kernel holds one procedure and at most one section of constants; this program has "
                            "{} and {}",
                            program.procedures.size(), program.constants.size()));
  }
  OPENANE_TRY(std::vector<std::uint8_t> bytes, program.encode_task_section());
  bytes.resize(align_up(bytes.size(), kKernelAlignment));
  if (!program.constants.empty()) {
    const auto kernel = program.constants[0].data.span();
    bytes.insert(bytes.end(), kernel.begin(), kernel.end());
  }
  return bytes;
}

Result<std::string> write_raw_layout(const Program& program) {
  if (program.procedures.size() != 1 || program.procedures[0].tasks.empty() || program.generation == nullptr) {
    return fail(ErrorCategory::unsupported, "a layout file describes one procedure with tasks");
  }
  OPENANE_TRY(const std::vector<std::uint8_t> tasks, program.encode_task_section());
  const Procedure& procedure = program.procedures[0];
  const std::uint64_t kernel = program.constants.empty() ? 0 : program.constants[0].data.size();
  std::string text = fmt::format("generation = \"{}\"\n", program.generation->id);
  text += fmt::format(
      "procedure = {}\ntask_bytes = {:#x}\nfirst_task_bytes = {:#x}\nkernel_bytes = {:#x}\nscratch_bytes = {:#x}\n",
      toml_string(procedure.name), tasks.size(), procedure.tasks[0].task.size_bytes(), kernel, program.scratch_bytes);
  if (!program.constants.empty() && program.constants[0].slot != kKernelSlot) {
    text += fmt::format("kernel_slot = {}\n", program.constants[0].slot);
  }
  for (const TensorBinding& tensor : procedure.tensors) {
    const SurfaceShape& shape = tensor.layout.shape;
    const SurfaceStrides& strides = tensor.layout.strides;
    text += fmt::format("\n[[tensor]]\nname = {}\nslot = {}\nrole = \"{}\"\ntype = \"{}\"\n", toml_string(tensor.name),
                        tensor.slot, to_string(tensor.role), to_string(tensor.layout.type));
    text += fmt::format("shape = [{}, {}, {}, {}{}]\n", shape.n, shape.c, shape.h, shape.w,
                        shape.d != 1 ? fmt::format(", {}", shape.d) : "");
    text += fmt::format("row_stride = {:#x}\nplane_stride = {:#x}\nbatch_stride = {:#x}\n", strides.h, strides.c,
                        strides.n);
    if (strides.d != 0) {
      text += fmt::format("depth_stride = {:#x}\n", strides.d);
    }
    if (tensor.layout.interleave != 1) {
      text += fmt::format("interleave = {}\n", tensor.layout.interleave);
    }
  }
  return text;
}

}  // namespace openane
