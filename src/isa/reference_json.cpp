// The register tables as JSON.
#include <nlohmann/json.hpp>

#include "isa/reference.h"

namespace openane {
namespace {

using Json = nlohmann::ordered_json;

void set_text(Json& object, const char* key, std::string_view value) {
  if (!value.empty()) {
    object[key] = value;
  }
}

template <typename T>
Json array_of(std::span<const T> values) {
  Json json = Json::array();
  for (const T& value : values) {
    json.push_back(value);
  }
  return json;
}

Json field_json(const Field& field) {
  Json json{{"name", field.name}, {"lsb", field.lsb}, {"width", field.width}, {"grade", to_string(field.grade)}};
  if (field.type != FieldType::unsigned_integer) {
    json["type"] = to_string(field.type);
  }
  if (field.unit != 1) {
    json["unit"] = field.unit;
  }
  json["effect"] = to_string(field.effect);
  if (field.effect == Effect::neutral) {
    json["understood_values"] = array_of(field.neutral);
  }
  for (const Enumerator& value : field.enumerators) {
    Json row{{"value", value.value}, {"name", value.name}};
    row["grade"] = to_string(value.grade == Grade::unknown ? field.grade : value.grade);
    set_text(row, "meaning", value.meaning);
    json["values"].push_back(std::move(row));
  }
  set_text(json, "meaning", field.meaning);
  return json;
}

Json register_json(const Register& row, bool in_header) {
  Json json{{"name", row.name}};
  json[in_header ? "word" : "address"] = in_header ? row.address / 4 : row.address;
  json["status"] = to_string(row.status);
  json["grade"] = to_string(row.grade);
  set_text(json, "alias", row.alias);
  if (row.fallback) {
    json["default"] = {{"value", row.fallback->value}, {"grade", to_string(row.fallback->grade)}};
  }
  if (row.relocation != Relocation::none) {
    json["relocation"] = to_string(row.relocation);
  }
  json["fields"] = Json::array();
  for (const Field& field : row.fields) {
    json["fields"].push_back(field_json(field));
  }
  json["unnamed_bits"] = ~row.named_bits();
  set_text(json, "meaning", row.meaning);
  return json;
}

Json block_json(const Block& block) {
  Json json{{"name", block.name}};
  json["base"] = block.base_known ? Json(block.base) : Json(nullptr);
  json["words"] = block.words;
  json["grade"] = to_string(block.grade);
  set_text(json, "meaning", block.meaning);
  for (const Register& row : block.registers) {
    json["registers"].push_back(register_json(row, false));
  }
  return json;
}

Json coverage_json(const Generation& generation) {
  const IsaCoverage known = coverage_of(generation);
  return {{"words", known.words},
          {"named", known.named},
          {"reserved", known.reserved},
          {"unknown", known.unknown},
          {"named_bits", known.named_bits}};
}

Json summary_json(const Generation& generation) {
  Json json{{"generation", generation.id}};
  json["targets"] = array_of(generation.targets);
  json["cpu_subtypes"] = array_of(generation.cpu_subtypes);
  json["td_version"] = generation.td_version;
  json["stream"] = to_string(generation.stream);
  json["grade"] = to_string(generation.grade);
  json["status"] = generation.status;
  json["coverage"] = coverage_json(generation);
  return json;
}

Json generation_json(const Generation& generation) {
  Json json = summary_json(generation);
  json["header_words"] = generation.header_words;
  json["task_align"] = generation.task_align;
  json["lead_in_bytes"] = generation.lead_in_bytes;
  json["absent_is_zero"] = generation.absent_is_zero;
  if (!generation.default_format.empty()) {
    json["default_format"] = {{"name", generation.default_format},
                              {"grade", to_string(generation.default_format_grade)}};
  }
  json["open"] = array_of(generation.open);
  json["sources"] = array_of(generation.sources);
  json["slots"] = Json::array();
  for (const Slot& slot : generation.slots) {
    json["slots"].push_back({{"index", slot.index}, {"grade", to_string(slot.grade)}, {"meaning", slot.meaning}});
  }
  for (const Register& row : generation.header) {
    json["header"].push_back(register_json(row, true));
  }
  for (const Block& block : generation.blocks) {
    json["blocks"].push_back(block_json(block));
  }
  return json;
}

Json place_json(const IsaPlace& place) {
  if (place.block == nullptr && place.row == nullptr) {
    return generation_json(*place.generation);
  }
  Json json{{"generation", place.generation->id}};
  if (place.row == nullptr) {
    json["block"] = block_json(*place.block);
    return json;
  }
  set_text(json, "block", place.block == nullptr ? "" : place.block->name);
  json["register"] = register_json(*place.row, place.block == nullptr);
  return json;
}

}  // namespace

std::string isa_overview_json() {
  Json json = Json::array();
  for (const Generation* generation : generations()) {
    json.push_back(summary_json(*generation));
  }
  return json.dump(2) + "\n";
}

std::string isa_json(std::span<const IsaPlace> places) {
  Json json = Json::array();
  for (const IsaPlace& place : places) {
    json.push_back(place_json(place));
  }
  return json.dump(2) + "\n";
}

}  // namespace openane
