// `ane isa`: the register tables, as text, JSON or the pages of docs/isa.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <filesystem>
#include <memory>

#include "base/words.h"
#include "cli/chip_text.h"
#include "cli/command.h"
#include "cli/console.h"
#include "openane/bytes.h"
#include "openane/isa_reference.h"

namespace openane::cli {
namespace {

constexpr const char* kExamples = R"(examples:
  ane isa                      every generation, one line each
  ane isa h16                  header, blocks and open questions of one
  ane isa m4 Common            a block; a chip name stands for its generation
  ane isa h14 0x0038           the register at a byte address
  ane isa ConvCfg              where each generation has a register of that name
  ane isa h15 L2.ResultCfg --json
  ane isa --markdown docs/isa  write the reference pages)";

struct Options {
  std::string generation;
  std::string what;
  std::string folder;
  bool json = false;
};

/// The nearest block, register or header word; with its block where the name has one.
std::string place_suggestion(const Generation& generation, std::string_view what) {
  std::vector<std::string> qualified;
  std::vector<std::string_view> names;
  for (const Register& row : generation.header) {
    names.push_back(row.name);
  }
  for (const Block& block : generation.blocks) {
    names.push_back(block.name);
    for (const Register& row : block.registers) {
      names.push_back(row.name);
      qualified.push_back(fmt::format("{}.{}", block.name, row.name));
    }
  }
  if (what.find('.') != std::string_view::npos) {
    names.assign(qualified.begin(), qualified.end());
  }
  return suggestion(what, names);
}

Result<std::vector<IsaPlace>> find_places(const Options& options) {
  const Generation* generation = find_generation(options.generation);
  if (generation != nullptr && options.what.empty()) {
    return std::vector<IsaPlace>{{generation, nullptr, nullptr}};
  }
  const std::array<const Generation*, 1> one{generation};
  const std::span<const Generation* const> where = generation != nullptr ? std::span(one) : generations();
  if (generation == nullptr && !options.what.empty()) {
    return fail(ErrorCategory::usage, fmt::format("'{}' is no generation, target or chip{} (see ane isa, ane chips)",
                                                  options.generation, target_suggestion(options.generation)));
  }
  const std::string& what = generation != nullptr ? options.what : options.generation;
  std::vector<IsaPlace> places = find_in_tables(where, what);
  if (places.empty()) {
    return fail(
        ErrorCategory::usage,
        generation != nullptr
            ? fmt::format("{} has no block, register or address '{}'{}", generation->id, what,
                          place_suggestion(*generation, what))
            : fmt::format("'{}' is no generation or chip{}, and no table has a block, register or address of that name",
                          what, target_suggestion(what)));
  }
  return places;
}

Result<Exit> write_pages(const std::string& folder) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) {
    return fail(ErrorCategory::system, failure.message(), {folder, {}, 0, 0});
  }
  const auto write = [&folder](std::string_view name, const std::string& page) {
    return write_file(fmt::format("{}/{}.md", folder, name), page);
  };
  OPENANE_CHECK(write("README", isa_markdown_index()));
  for (const Generation* generation : generations()) {
    OPENANE_CHECK(write(generation->target, isa_markdown(*generation)));
  }
  print(fmt::format("{} pages in {}\n", generations().size() + 1, folder));
  return Exit::ok;
}

Result<Exit> show(const Options& options) {
  if (!options.folder.empty()) {
    return write_pages(options.folder);
  }
  if (options.generation.empty()) {
    print(options.json ? isa_overview_json() : isa_overview_text());
    return Exit::ok;
  }
  OPENANE_TRY(const std::vector<IsaPlace> places, find_places(options));
  if (options.json) {
    print(isa_json(places));
    return Exit::ok;
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    print((i == 0 ? "" : "\n") + isa_text(places[i]));
  }
  return Exit::ok;
}

}  // namespace

Action declare_isa(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.footer(kExamples);
  app.add_option("GEN", options->generation, "Generation, target or chip; or what to look for in all of them");
  app.add_option("WHAT", options->what, "Block, register (also Block.Register) or byte address");
  app.add_flag("--json", options->json, "The same content as JSON");
  app.add_option("--markdown", options->folder, "Write the reference pages into a folder")->type_name("FOLDER");
  return [options] { return show(*options); };
}

}  // namespace openane::cli
