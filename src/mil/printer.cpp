// MIL text as Apple's compiler writes it (facts/mil.md, section 6): fixed indentation, arguments, attributes and
// function inputs in byte order of their names, floating-point numbers in C's `%a` form of the value widened to double.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>

#include "openane/mil_text.h"

namespace openane::mil {
namespace {

void append_integer(std::string& out, std::int64_t value) {
  const fmt::format_int text(value);
  out.append(text.data(), text.size());
}

/// `0x1.8p+1`, `-0x1p-24`, `0x0p+0`, `inf`: the shortest form, lower case, always normalised.
void append_hex_float(std::string& out, double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  if (bits >> 63 != 0) {
    out += '-';
  }
  const double magnitude = std::fabs(value);
  if (std::isinf(magnitude)) {
    out += "inf";
    return;
  }
  if (magnitude == 0) {
    out += "0x0p+0";
    return;
  }
  int exponent = 0;
  const double normalised = std::frexp(magnitude, &exponent);
  std::uint64_t fraction = std::bit_cast<std::uint64_t>(normalised) << 12;
  out += "0x1";
  if (fraction != 0) {
    out += '.';
  }
  for (; fraction != 0; fraction <<= 4) {
    out += "0123456789abcdef"[fraction >> 60];
  }
  out += 'p';
  out += exponent > 0 ? '+' : '-';
  append_integer(out, std::abs(exponent - 1));
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  out += '"';
}

/// `separate(first)` puts ", " before every element but the first.
void separate(std::string& out, bool& first) {
  if (!first) {
    out += ", ";
  }
  first = false;
}

class Printer {
 public:
  Printer(std::string& out, Spelling spelling) : out_(out), spelling_(spelling) {}

  void program(const Program& program) {
    fmt::format_to(std::back_inserter(out_), "program({}.{})\n", program.version_major, program.version_minor);
    if (!program.attributes.empty()) {
      attributes(program.attributes);
      out_ += '\n';
    }
    out_ += "{\n";
    for (const Function& function : program.functions) {
      this->function(function);
    }
    out_ += program.final_newline ? "}\n" : "}";
  }

  void function(const Function& function) {
    out_ += "    func ";
    out_ += function.name;
    out_ += '<';
    out_ += function.opset;
    out_ += '>';
    std::vector<VariableId> inputs = function.body().inputs;
    std::ranges::sort(inputs, {}, [&](VariableId id) -> const std::string& { return function[id].name; });
    parameters(function, inputs);
    if (!function.attributes.empty()) {
      out_ += ' ';
      attributes(function.attributes);
    }
    out_ += " {\n";
    statements(function, function.body(), 12);
    out_.append(8, ' ');
    end_of_block(function, function.body());
    out_ += ";\n";
  }

  void operation(const Function& function, const Operation& operation) {
    bool first = true;
    for (const VariableId output : operation.outputs) {
      separate(out_, first);
      variable_with_type(function[output]);
    }
    if (!operation.outputs.empty()) {
      out_ += " = ";
    }
    out_ += operation.type;
    out_ += '(';
    first = true;
    for (const Argument& argument : operation.arguments) {
      separate(out_, first);
      out_ += argument.name;
      out_ += " = ";
      bindings(function, argument.bindings);
    }
    out_ += ')';
    if (!operation.attributes.empty()) {
      attributes(operation.attributes);
    }
  }

  void value(const Value& value) {
    append(out_, value.type(), spelling_);
    out_ += '(';
    literal(value);
    out_ += ')';
  }

 private:
  void statements(const Function& function, const Block& block, std::size_t indent) {
    for (const OperationId id : block.operations) {
      const Operation& operation = function[id];
      out_.append(indent, ' ');
      this->operation(function, operation);
      for (const BlockId nested : operation.blocks) {
        out_ += '\n';
        out_.append(indent + 4, ' ');
        parameters(function, function[nested].inputs);
        out_ += " {\n";
        statements(function, function[nested], indent + 8);
        out_.append(indent + 4, ' ');
        end_of_block(function, function[nested]);
      }
      out_ += ";\n";
    }
  }

  void parameters(const Function& function, std::span<const VariableId> inputs) {
    out_ += '(';
    bool first = true;
    for (const VariableId input : inputs) {
      separate(out_, first);
      variable_with_type(function[input]);
    }
    out_ += ')';
  }

  void end_of_block(const Function& function, const Block& block) {
    out_ += "} -> (";
    bool first = true;
    for (const VariableId output : block.outputs) {
      separate(out_, first);
      out_ += function[output].name;
    }
    out_ += ')';
  }

  void variable_with_type(const Variable& variable) {
    append(out_, variable.type, spelling_);
    out_ += ' ';
    out_ += variable.name;
  }

  void bindings(const Function& function, std::span<const Binding> bindings) {
    const bool listed = bindings.size() != 1;
    if (listed) {
      out_ += '(';
    }
    bool first = true;
    for (const Binding& binding : bindings) {
      separate(out_, first);
      if (binding.is_variable()) {
        out_ += function[binding.variable()].name;
      } else {
        value(binding.value());
      }
    }
    if (listed) {
      out_ += ')';
    }
  }

  void attributes(std::span<const Attribute> attributes) {
    out_ += '[';
    bool first = true;
    for (const Attribute& attribute : attributes) {
      separate(out_, first);
      out_ += attribute.name;
      out_ += " = ";
      value(attribute.value);
    }
    out_ += ']';
  }

  void literal(const Value& value) {
    if (const BlobReference* blob = value.blob()) {
      out_ += "BLOBFILE(path = ";
      append(out_, Type::scalar(DataType::string), spelling_);
      out_ += '(';
      append_string(out_, blob->path);
      out_ += "), offset = ";
      append(out_, Type::scalar(DataType::uint64), spelling_);
      fmt::format_to(std::back_inserter(out_), "({}))", blob->offset);
      return;
    }
    switch (value.type().kind()) {
      case TypeKind::tensor: {
        std::uint64_t index = 0;
        tensor(value, 0, index);
        return;
      }
      case TypeKind::list:
        elements(value, '[', ']');
        return;
      case TypeKind::tuple:
        elements(value, '(', ')');
        return;
      case TypeKind::dictionary:
        dictionary(value);
        return;
      case TypeKind::state:
      case TypeKind::none:
        return;
    }
  }

  void tensor(const Value& value, std::size_t axis, std::uint64_t& index) {
    const Shape& extents = value.extents();
    if (axis == extents.size()) {
      element(value, index++);
      return;
    }
    out_ += '[';
    bool first = true;
    for (std::int64_t i = 0; i < extents[axis]; ++i) {
      separate(out_, first);
      tensor(value, axis + 1, index);
    }
    out_ += ']';
  }

  void element(const Value& value, std::uint64_t index) {
    const DataType type = value.type().data_type();
    const std::span<const std::uint8_t> bytes = value.bytes().span();
    switch (info(type).kind) {
      case NumberKind::floating:
        floating(type, load_number(type, bytes, index), bytes, index);
        return;
      case NumberKind::unsigned_integer:
        fmt::format_to(std::back_inserter(out_), "{}", static_cast<std::uint64_t>(load_integer(type, bytes, index)));
        return;
      case NumberKind::signed_integer:
        append_integer(out_, load_integer(type, bytes, index));
        return;
      case NumberKind::boolean:
        out_ += bytes[index] != 0 ? "true" : "false";
        return;
      case NumberKind::string:
        append_string(out_, value.texts()[index]);
        return;
      case NumberKind::none:
        return;
    }
  }

  /// A NaN other than the usual one is written as its bit pattern, so that no bit is lost.
  void floating(DataType type, double number, std::span<const std::uint8_t> bytes, std::uint64_t index) {
    if (!std::isnan(number)) {
      append_hex_float(out_, number);
      return;
    }
    const std::uint32_t size = info(type).bits / 8;
    std::uint64_t pattern = 0;
    for (std::uint32_t i = 0; i < size; ++i) {
      pattern |= static_cast<std::uint64_t>(bytes[index * size + i]) << (8 * i);
    }
    if (pattern == encode_floating(type, std::nan(""))) {
      out_ += "nan";
    } else {
      fmt::format_to(std::back_inserter(out_), "{:#x}", pattern);
    }
  }

  void elements(const Value& value, char open, char close) {
    out_ += open;
    bool first = true;
    for (const Value& element : value.elements()) {
      separate(out_, first);
      literal(element);
    }
    out_ += close;
  }

  void dictionary(const Value& value) {
    out_ += '{';
    bool first = true;
    for (const Value::Pair& pair : value.pairs()) {
      separate(out_, first);
      out_ += '{';
      literal(pair.first);
      out_ += ", ";
      literal(pair.second);
      out_ += '}';
    }
    out_ += '}';
  }

  std::string& out_;
  Spelling spelling_;
};

}  // namespace

std::string print_text(const Program& program) {
  std::string out;
  Printer(out, program.spelling()).program(program);
  return out;
}

std::string print_operation(const Function& function, const Operation& operation, Spelling spelling) {
  std::string out;
  Printer(out, spelling).operation(function, operation);
  return out;
}

std::string print_value(const Value& value, Spelling spelling) {
  std::string out;
  Printer(out, spelling).value(value);
  return out;
}

}  // namespace openane::mil
