// The decoded compiler output of corpus/oracles/h13: words of every task, as the published records give them.
#pragma once

#include <toml++/toml.h>
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "corpus.h"

namespace openane::test {

struct OracleTask {
  std::string name;  ///< "case / task number"
  std::vector<std::uint32_t> words;
};

struct Oracle {
  std::string name;
  std::vector<OracleTask> tasks;
};

inline std::uint32_t oracle_word(std::string_view text) {
  return static_cast<std::uint32_t>(std::stoul(std::string(text), nullptr, 16));
}

inline Oracle load_oracle(const std::filesystem::path& path) {
  const toml::table table = toml::parse_file(path.string());
  Oracle oracle{path.stem().string(), {}};
  for (const toml::node& node : *table["task"].as_array()) {
    const toml::table& task = *node.as_table();
    OracleTask words{oracle.name + " / task " + std::to_string(oracle.tasks.size()), {}};
    for (const toml::node& word : *task["header"].as_array()) {
      words.words.push_back(oracle_word(*word.value<std::string_view>()));
    }
    for (const toml::node& record : *task["records"].as_array()) {
      words.words.push_back(oracle_word(*(*record.as_table())["header"].value<std::string_view>()));
      for (const toml::node& item : *(*record.as_table())["words"].as_array()) {
        const std::string text(*item.value<std::string_view>());
        const std::size_t star = text.find('*');
        const std::size_t times = star == std::string::npos ? 1 : std::stoul(text.substr(star + 1));
        words.words.insert(words.words.end(), times, oracle_word(text.substr(0, star)));
      }
    }
    oracle.tasks.push_back(std::move(words));
  }
  return oracle;
}

inline std::vector<Oracle> load_oracles() {
  std::vector<Oracle> oracles;
  for (const auto& entry : std::filesystem::directory_iterator(corpus_folder() / "oracles" / "h13")) {
    const std::string stem = entry.path().stem().string();
    if (entry.path().extension() == ".toml" && stem != "luts" && stem != "refused") {
      oracles.push_back(load_oracle(entry.path()));
    }
  }
  std::ranges::sort(oracles, {}, &Oracle::name);
  return oracles;
}

}  // namespace openane::test
