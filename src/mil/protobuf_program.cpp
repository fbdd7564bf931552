#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>

#include "base/printable.h"
#include "mil/lexer.h"
#include "mil/ml_program.pb.h"
#include "mil/opset.h"
#include "mil/protobuf_values.h"
#include "mil/symbol_table.h"
#include "mil/wire_check.h"
#include "openane/mil_protobuf.h"

namespace openane::mil {
namespace {

std::unexpected<Error> malformed(std::string message) {
  return fail(ErrorCategory::malformed_input, std::move(message));
}

/// Puts "in `where`" behind the message of an error.
template <typename T>
Result<T> in_place(Result<T> result, std::string_view where) {
  if (!result) {
    result.error().message += fmt::format(", in {}", where);
  }
  return result;
}

/// The keys of a map in byte order, so that nothing depends on the order of hashing.
template <typename Map>
std::vector<std::string_view> sorted_keys(const Map& map) {
  std::vector<std::string_view> keys;
  keys.reserve(map.size());
  for (const auto& entry : map) {
    keys.push_back(entry.first);
  }
  std::ranges::sort(keys);
  return keys;
}

class ProgramReader {
 public:
  Result<Program> program(const wire::Program& message) {
    Program program;
    if (message.version() != 1) {
      return malformed(fmt::format("an ML Program of version {}, expected 1", message.version()));
    }
    program.doc_string = message.doc_string();
    OPENANE_TRY(program.attributes, attributes(message.attributes()));
    for (const std::string_view key : sorted_keys(message.functions())) {
      const std::string name(key);
      OPENANE_TRY(Function function, in_place(this->function(name, message.functions().at(name)), "function " + name));
      program.functions.push_back(std::move(function));
      if (opset_age(program.functions.back().opset) >= opset_age("ios18")) {
        program.version_minor = 3;
      }
    }
    return program;
  }

  [[nodiscard]] Losses& losses() { return values_.losses(); }

 private:
  template <typename Map>
  Result<std::vector<Attribute>> attributes(const Map& map) {
    std::vector<Attribute> out;
    out.reserve(map.size());
    for (const auto& [key, message] : map) {
      OPENANE_CHECK(check_name(key, "an attribute"));
      OPENANE_TRY(Value value, in_place(values_.value(message), fmt::format("attribute {}", key)));
      out.push_back({key, std::move(value)});
    }
    std::ranges::sort(out, {}, &Attribute::name);
    return out;
  }

  Result<Function> function(const std::string& name, const wire::Function& message) {
    OPENANE_CHECK(check_name(name, "a function"));
    Function function;
    function.name = name;
    OPENANE_TRY(function.attributes, attributes(message.attributes()));
    const auto block = message.blocks_by_opset().find(message.opset());
    if (block == message.blocks_by_opset().end()) {
      return malformed(fmt::format("no block for op set '{}'", message.opset()));
    }
    if (message.blocks_by_opset().size() > 1) {
      values_.losses().add(fmt::format("function {}: blocks for other op sets than {}", name, message.opset()));
    }
    const OpsetInfo* opset = find_opset(message.opset());
    function.opset = opset != nullptr ? std::string(opset->text) : message.opset();
    OPENANE_CHECK(check_name(function.opset, "an op set"));
    symbols_ = SymbolTable();
    symbols_.open_scope();
    OPENANE_CHECK(inputs(function, function.body_id(), message.inputs()));
    if (!block->second.inputs().empty()) {
      return malformed("the block of a function with inputs of its own");
    }
    OPENANE_CHECK(this->block(function, function.body_id(), block->second));
    return function;
  }

  template <typename Variables>
  Result<void> inputs(Function& function, BlockId block, const Variables& variables) {
    for (const wire::Variable& input : variables) {
      OPENANE_TRY(const VariableId id, variable(function, input));
      function[block].inputs.push_back(id);
      OPENANE_CHECK(define(function, id));
    }
    return {};
  }

  Result<VariableId> variable(Function& function, const wire::Variable& message) {
    OPENANE_CHECK(check_name(message.name(), "a value"));
    OPENANE_TRY(Type type, in_place(values_.type(message.type()), "the type of " + message.name()));
    return function.add_variable(message.name(), std::move(type));
  }

  Result<void> define(Function& function, VariableId id) {
    const std::string& name = function[id].name;
    return symbols_.define(name, id) ? Result<void>() : malformed(fmt::format("'{}' is defined twice", name));
  }

  Result<void> block(Function& function, BlockId id, const wire::Block& message) {
    OPENANE_TRY(function[id].attributes, attributes(message.attributes()));
    for (const wire::Operation& operation : message.operations()) {
      Operation read;
      const std::string where =
          operation.type() + (operation.outputs().empty() ? "" : " " + operation.outputs(0).name());
      OPENANE_CHECK(in_place(this->operation(function, operation, read), where));
      function.append(id, std::move(read));
    }
    for (const std::string& output : message.outputs()) {
      const VariableId variable = symbols_.find(output);
      if (!variable) {
        return malformed(fmt::format("result '{}' is not defined", output));
      }
      function[id].outputs.push_back(variable);
    }
    return {};
  }

  Result<void> operation(Function& function, const wire::Operation& message, Operation& operation) {
    OPENANE_CHECK(check_name(message.type(), "an operation"));
    operation.type = message.type();
    OPENANE_CHECK(arguments(message, operation));
    OPENANE_TRY(operation.attributes, attributes(message.attributes()));
    for (const wire::Block& nested : message.blocks()) {
      const BlockId id = function.add_block();
      operation.blocks.push_back(id);
      symbols_.open_scope();
      OPENANE_CHECK(inputs(function, id, nested.inputs()));
      OPENANE_CHECK(block(function, id, nested));
      symbols_.close_scope();
    }
    for (const wire::Variable& output : message.outputs()) {
      OPENANE_TRY(const VariableId id, variable(function, output));
      operation.outputs.push_back(id);
    }
    for (const VariableId output : operation.outputs) {
      OPENANE_CHECK(define(function, output));
    }
    return {};
  }

  Result<void> arguments(const wire::Operation& message, Operation& operation) {
    operation.arguments.reserve(message.arguments().size());
    for (const auto& [key, argument] : message.arguments()) {
      OPENANE_CHECK(check_name(key, "an argument"));
      Argument read{key, {}};
      for (const wire::Binding& binding : argument.bindings()) {
        OPENANE_TRY(Binding bound, in_place(this->binding(binding), fmt::format("argument {}", key)));
        read.bindings.push_back(std::move(bound));
      }
      operation.arguments.push_back(std::move(read));
    }
    std::ranges::sort(operation.arguments, {}, &Argument::name);
    return {};
  }

  Result<Binding> binding(const wire::Binding& message) {
    if (message.has_value()) {
      OPENANE_TRY(Value value, values_.value(message.value()));
      return Binding(std::move(value));
    }
    const VariableId id = symbols_.find(message.name());
    if (!id) {
      return malformed(fmt::format("'{}' is not defined", message.name()));
    }
    return Binding(id);
  }

  static Result<void> check_name(std::string_view name, std::string_view what) {
    return is_identifier(name) ? Result<void>()
                               : malformed(fmt::format("'{}' is not a name for {}", name.substr(0, 80), what));
  }

  ValueReader values_;
  SymbolTable symbols_;
};

class ProgramWriter {
 public:
  Result<void> program(const Program& program, wire::Program& message) const {
    message.set_version(1);
    if (!program.doc_string.empty()) {
      message.set_doc_string(program.doc_string);
    }
    OPENANE_CHECK(attributes(program.attributes, *message.mutable_attributes(), 1));
    for (const Function& function : program.functions) {
      OPENANE_CHECK(this->function(function, (*message.mutable_functions())[function.name]));
    }
    return {};
  }

 private:
  // Depths count messages from the Model that holds the program: Model 1, Program 2, map entry 3, Function 4.
  static constexpr int kFunctionDepth = 4;

  Result<void> function(const Function& function, wire::Function& message) const {
    const OpsetInfo* opset = find_opset(function.opset);
    const std::string name(opset != nullptr ? opset->protobuf : std::string_view(function.opset));
    message.set_opset(name);
    OPENANE_CHECK(variables(function, function.body().inputs, *message.mutable_inputs(), kFunctionDepth + 1));
    OPENANE_CHECK(attributes(function.attributes, *message.mutable_attributes(), kFunctionDepth));
    wire::Block& body = (*message.mutable_blocks_by_opset())[name];
    return block_body(function, function.body(), body, kFunctionDepth + 2);
  }

  template <typename Map>
  Result<void> attributes(std::span<const Attribute> attributes, Map& map, int depth) const {
    for (const Attribute& attribute : attributes) {
      OPENANE_CHECK(values_.value(attribute.value, map[attribute.name], depth + 2));
    }
    return {};
  }

  template <typename Variables>
  Result<void> variables(const Function& function, std::span<const VariableId> ids, Variables& messages,
                         int depth) const {
    for (const VariableId id : ids) {
      wire::Variable& message = *messages.Add();
      message.set_name(function[id].name);
      OPENANE_CHECK(values_.type(function[id].type, *message.mutable_type(), depth + 1));
    }
    return {};
  }

  Result<void> block_body(const Function& function, const Block& block, wire::Block& message, int depth) const {
    OPENANE_CHECK(ValueWriter::check_depth(depth));
    OPENANE_CHECK(attributes(block.attributes, *message.mutable_attributes(), depth));
    for (const OperationId id : block.operations) {
      OPENANE_CHECK(operation(function, function[id], *message.add_operations(), depth + 1));
    }
    for (const VariableId output : block.outputs) {
      message.add_outputs(function[output].name);
    }
    return {};
  }

  Result<void> operation(const Function& function, const Operation& operation, wire::Operation& message,
                         int depth) const {
    OPENANE_CHECK(ValueWriter::check_depth(depth + 3));  // map entry, Argument, Binding
    message.set_type(operation.type);
    for (const Argument& argument : operation.arguments) {
      wire::Argument& written = (*message.mutable_arguments())[argument.name];
      for (const Binding& binding : argument.bindings) {
        wire::Binding& bound = *written.add_bindings();
        if (binding.is_variable()) {
          bound.set_name(function[binding.variable()].name);
        } else {
          OPENANE_CHECK(values_.value(binding.value(), *bound.mutable_value(), depth + 4));
        }
      }
    }
    OPENANE_CHECK(attributes(operation.attributes, *message.mutable_attributes(), depth));
    OPENANE_CHECK(variables(function, operation.outputs, *message.mutable_outputs(), depth + 1));
    for (const BlockId nested : operation.blocks) {
      wire::Block& written = *message.add_blocks();
      OPENANE_CHECK(variables(function, function[nested].inputs, *written.mutable_inputs(), depth + 2));
      OPENANE_CHECK(block_body(function, function[nested], written, depth + 1));
    }
    return {};
  }

  ValueWriter values_;
};

}  // namespace

Result<Program> parse_program_message(const Bytes& message, std::vector<std::string>* losses) {
  OPENANE_TRY(WireSummary summary, check_program_wire(message.span(), kMaxProgramMessages));
  wire::Program parsed;
  google::protobuf::io::CodedInputStream stream(message.data(), static_cast<int>(message.size()));
  if (!parsed.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage()) {
    return malformed("not an ML Program message");
  }
  ProgramReader reader;
  Result<Program> program = reader.program(parsed);
  if (!program) {
    program.error().message = printable(program.error().message);
    return program;
  }
  if (losses != nullptr) {
    *losses = reader.losses().take();
    losses->insert(losses->end(), summary.unknown.begin(), summary.unknown.end());
  }
  return program;
}

Result<std::vector<std::uint8_t>> format_program_message(const Program& program) {
  wire::Program message;
  OPENANE_CHECK(ProgramWriter().program(program, message));
  const std::size_t size = message.ByteSizeLong();
  if (size > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    return fail(ErrorCategory::unsupported,
                "protobuf messages of 2 GiB and more cannot be written; put constants into a weight file");
  }
  std::vector<std::uint8_t> out(size);
  google::protobuf::io::ArrayOutputStream array(out.data(), static_cast<int>(size));
  google::protobuf::io::CodedOutputStream stream(&array);
  stream.SetSerializationDeterministic(true);
  if (!message.SerializePartialToCodedStream(&stream)) {
    return fail(ErrorCategory::internal, "the program was not written whole");
  }
  stream.Trim();
  return out;
}

}  // namespace openane::mil
