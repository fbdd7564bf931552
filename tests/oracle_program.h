// Programs put together from the records of corpus/oracles/h13: what the compiler's container must have held.
#pragma once

#include <toml++/toml.h>
#include <algorithm>
#include <regex>

#include "openane/program.h"
#include "oracle.h"

namespace openane::test {

struct OracleProgram {
  std::string name;
  Program program;
  // As the record has them.
  std::uint64_t text_address = 0, constant_address = 0;
  std::vector<std::uint64_t> tensor_addresses;  ///< Of slots 4 and up.
  std::uint32_t descriptor_count = 0, descriptor_size = 0, first_task_words = 0;
  std::uint64_t file_bytes = 0;
};

inline std::vector<std::int64_t> oracle_integers(const toml::array& array) {
  std::vector<std::int64_t> values;
  for (const toml::node& value : array) {
    values.push_back(value.value_or(std::int64_t{0}));
  }
  return values;
}

/// Names of the function's inputs, sorted, and of its output, from the MIL text.
inline std::vector<std::string> oracle_tensor_names(const std::string& mil) {
  std::smatch function;
  std::regex_search(mil, function, std::regex(R"(func [a-z_]+<[a-z0-9]+>\(([^{]*)\)\s*\{)"));
  const std::string arguments = function.str(1);
  std::vector<std::string> names;
  const std::regex argument(R"(tensor<[^>]*>\s+([A-Za-z_0-9]+))");
  for (std::sregex_iterator it(arguments.begin(), arguments.end(), argument), end; it != end; ++it) {
    names.push_back(it->str(1));
  }
  std::ranges::sort(names);
  std::smatch result;
  std::regex_search(mil, result, std::regex(R"(->\s*\(([A-Za-z_0-9]+)\))"));
  names.push_back(result.str(1));
  return names;
}

inline OracleProgram load_oracle_program(const std::filesystem::path& path) {
  const toml::table table = toml::parse_file(path.string());
  const toml::table& descriptor = *table["program_descriptor"].as_table();
  const auto address = [](const toml::node& node) { return std::stoull(node.value_or(std::string("0")), nullptr, 16); };
  OracleProgram oracle;
  oracle.name = path.stem().string();
  oracle.text_address = address(*descriptor.get("text_address"));
  oracle.constant_address = address(*descriptor.get("constant_address"));
  for (const toml::node& node : *descriptor["resource_addresses"].as_array()) {
    oracle.tensor_addresses.push_back(address(node));
  }
  oracle.descriptor_count = descriptor["code"].value_or(0U);
  oracle.descriptor_size = descriptor["command_size"].value_or(0U);
  oracle.first_task_words = descriptor["task_words_minus_one"].value_or(0U) + 1;
  oracle.file_bytes = table["hwx_bytes"].value_or(std::uint64_t{0});

  Program& program = oracle.program;
  program.generation = find_generation("H13");
  program.constants.push_back(
      {"__TEXT,__const", 1, Bytes(std::vector<std::uint8_t>(table["constant_section"]["size"].value_or(0U)))});
  // Scratch, if any, comes before the first tensor.
  program.scratch_bytes = oracle.tensor_addresses[0] - 0x30000000;
  Procedure& procedure = program.procedures.emplace_back();
  procedure.name = "main";
  const std::vector<std::string> names = oracle_tensor_names(table["mil"].value_or(std::string()));
  std::vector<std::string> sorted = names;
  std::ranges::sort(sorted);
  std::size_t index = 0;
  for (const toml::node& node : *table["tensor"].as_array()) {
    const toml::table& entry = *node.as_table();
    TensorBinding tensor;
    tensor.role = entry["binding"].value_or(0) == 2 ? TensorRole::output : TensorRole::input;
    tensor.symbol = names.at(index++);
    tensor.name = tensor.role == TensorRole::output ? tensor.symbol + "@output" : tensor.symbol;
    tensor.slot = 4 + static_cast<std::uint32_t>(std::ranges::find(sorted, tensor.symbol) - sorted.begin());
    tensor.layout.type = static_cast<ElementType>(entry["element_code"].value_or(0));
    const std::vector<std::int64_t> shape = oracle_integers(*entry["shape"].as_array());
    const std::vector<std::int64_t> strides = oracle_integers(*entry["strides"].as_array());
    tensor.layout.shape = {shape[0], shape[1], shape[2], shape[3], 1};
    tensor.layout.strides = {strides[0], strides[1], strides[2], strides[3], 0};
    tensor.total_bytes = entry["total_bytes"].value_or(std::uint64_t{0});
    procedure.tensors.push_back(std::move(tensor));
  }
  std::uint32_t offset = 0;
  for (const OracleTask& words : load_oracle(path).tasks) {
    Task task = Task::decode(*program.generation, words.words).value();
    const std::uint32_t next = task.get(program.generation->roles.next_offset);
    procedure.tasks.push_back({std::move(task), offset});
    offset = next;
  }
  return oracle;
}

inline std::vector<OracleProgram> load_oracle_programs() {
  std::vector<OracleProgram> programs;
  for (const Oracle& oracle : load_oracles()) {
    programs.push_back(load_oracle_program(corpus_folder() / "oracles" / "h13" / (oracle.name + ".toml")));
  }
  return programs;
}

}  // namespace openane::test
