// The views of a listing as JSON.
#include <fmt/format.h>

#include "asm/field_text.h"
#include "asm/listing_internal.h"
#include "asm/op_json.h"
#include "openane/assembly.h"

namespace openane {
namespace {

using Json = nlohmann::ordered_json;
using View = ListingOptions::View;

std::string hex_word(std::uint32_t word) { return fmt::format("{:#010x}", word); }

Json unknowns_to_json(const EngineOp& op) {
  Json json = Json::array();
  for (const Unknown& unknown : op.unknowns) {
    json.push_back({{"block", unknown.block},
                    {"register", unknown.register_name},
                    {"field", unknown.field},
                    {"value", unknown.value},
                    {"known", unknown.known}});
  }
  return json;
}

void add_meaning(Json& json, const ListedTask& listed) {
  if (listed.op == nullptr) {
    json["op"] = nullptr;
    return;
  }
  const EngineOp& op = *listed.op;
  json["op"] = op_to_json(op);
  if (op.neural() != nullptr && op.neural()->activation == Activation::table) {
    json["table"] = table_name(listed, op.neural()->kernel);
  }
  json["cost"] = cost_to_json(cost(op));
  json["unknowns"] = unknowns_to_json(op);
}

Json field_to_json(const Field& field, std::uint32_t word) {
  const std::uint32_t raw = field.get(word);
  std::string text;
  append_field_value(text, field, raw);
  return {{"name", field.name}, {"raw", raw}, {"value", text}, {"grade", to_string(field.grade)}};
}

Json register_to_json(const Generation& generation, const Register* row, std::uint32_t address, bool in_header,
                      std::uint32_t word) {
  Json json = {
      {"register", register_name(generation, address, in_header)}, {"address", address}, {"word", hex_word(word)}};
  std::uint32_t unnamed = word;
  Json fields = Json::array();
  if (row != nullptr) {
    for (const Field& field : row->fields) {
      unnamed &= ~field.mask();
      fields.push_back(field_to_json(field, word));
    }
  }
  json["fields"] = std::move(fields);
  if (unnamed != 0) {
    json["unnamed"] = hex_word(unnamed);
  }
  return json;
}

template <typename Visit>
void visit_words(const Task& task, Visit visit) {
  const Generation& generation = task.generation();
  for (std::uint32_t i = 0; i < task.header_size(); ++i) {
    visit(i < generation.header.size() ? &generation.header[i] : nullptr, i, 4 * i, true);
  }
  for (const Record& record : task.records()) {
    for (std::uint32_t i = 0; i < record.count; ++i) {
      const std::uint32_t address = record.address_of(i);
      visit(generation.find(address), record.first + i, address, false);
    }
  }
}

void add_fields(Json& json, const ListedTask& listed) {
  Json registers = Json::array();
  const Task& task = *listed.task;
  visit_words(task, [&](const Register* row, std::uint32_t index, std::uint32_t address, bool in_header) {
    registers.push_back(register_to_json(task.generation(), row, address, in_header, task.words()[index]));
  });
  json["registers"] = std::move(registers);
}

void add_words(Json& json, const ListedTask& listed) {
  Json words = Json::array();
  const Task& task = *listed.task;
  std::vector<std::string> names(task.words().size());
  visit_words(task, [&](const Register*, std::uint32_t index, std::uint32_t address, bool in_header) {
    names[index] = register_name(task.generation(), address, in_header);
  });
  for (const Record& record : task.records()) {
    names[record.first - 1] = "record";
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    words.push_back({{"word", hex_word(task.words()[i])}, {"register", names[i]}});
  }
  json["words"] = std::move(words);
}

Json task_to_json(const ListedTask& listed, View view) {
  Json json = {{"index", listed.index}, {"bytes", listed.task->size_bytes()}};
  if (listed.offset) {
    json["offset"] = *listed.offset;
  }
  if (view == View::meaning) {
    add_meaning(json, listed);
  } else if (view == View::fields) {
    add_fields(json, listed);
  } else {
    add_words(json, listed);
  }
  return json;
}

Json tensor_to_json(const TensorBinding& tensor) {
  Json json = {{"name", tensor.name},
               {"symbol", tensor.symbol},
               {"role", to_string(tensor.role)},
               {"slot", tensor.slot},
               {"bytes", tensor.byte_size()}};
  json.update(layout_to_json(tensor.layout));
  return json;
}

Json procedure_to_json(const Program& program, const Procedure& procedure, const ListingOptions& options) {
  Json tensors = Json::array();
  for (const TensorBinding& tensor : procedure.tensors) {
    tensors.push_back(tensor_to_json(tensor));
  }
  Json tasks = Json::array();
  const Target* target = find_target(*program.generation);
  for (std::size_t i = 0; i < procedure.tasks.size(); ++i) {
    if (options.task.value_or(i) != i) {
      continue;
    }
    const PlacedTask& placed = procedure.tasks[i];
    std::optional<EngineOp> op;
    if (target != nullptr) {
      op = target->lift(placed.task);
    }
    const ListedTask listed{&program, &procedure, &placed.task, i, placed.offset, op ? &*op : nullptr};
    tasks.push_back(task_to_json(listed, options.view));
  }
  return {{"name", procedure.name}, {"tensors", std::move(tensors)}, {"tasks", std::move(tasks)}};
}

Json program_to_json(const Program& program, const ListingOptions& options) {
  Json constants = Json::array();
  for (const ConstantSection& section : program.constants) {
    constants.push_back({{"name", section.name}, {"slot", section.slot}, {"bytes", section.data.size()}});
  }
  Json procedures = Json::array();
  for (const Procedure& procedure : program.procedures) {
    procedures.push_back(procedure_to_json(program, procedure, options));
  }
  return {{"generation", program.generation->id},
          {"container", to_string(program.container)},
          {"compiler", program.compiler},
          {"constants", std::move(constants)},
          {"scratch", {{"slot", program.scratch_slot}, {"bytes", program.scratch_bytes}}},
          {"warnings", program.warnings},
          {"procedures", std::move(procedures)}};
}

bool has_task(const Program& program, std::size_t task) {
  for (const Procedure& procedure : program.procedures) {
    if (task < procedure.tasks.size()) {
      return true;
    }
  }
  return false;
}

}  // namespace

Result<std::string> list_program_json(const Program& program, const ListingOptions& options) {
  Json json;
  if (options.view == View::assembly) {
    OPENANE_TRY(const std::string text, disassemble(program));
    json["assembly"] = text;
  } else if (options.task && !has_task(program, *options.task)) {
    return no_task(program, *options.task);
  } else {
    json = program_to_json(program, options);
  }
  // Names out of hostile files may be no UTF-8; they are replaced, never thrown about.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace openane
